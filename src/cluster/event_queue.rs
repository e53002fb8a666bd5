//! Events that wait to be sent, fair between namespaces.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use k8s_openapi::api::events::v1::Event;
use tokio::sync::Notify;

/// How many Events may wait to be sent. Further ones are dropped; the log has them.
pub const WAITING: usize = 1_000;

/// The end of the queue that takes Events. When it is dropped, the queue ends after the last Event.
#[derive(Debug)]
pub struct Sender(Arc<Shared>);

/// The end of the queue that gives Events.
#[derive(Debug)]
pub struct Receiver(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// Whether there will be no further Events.
    is_closed: AtomicBool,
    /// Told when an Event comes, or when the queue is closed.
    changed: Notify,
}

/// The waiting Events. Namespaces take turns, and the namespace with the most Events loses one when the queue is full.
#[derive(Debug, Default)]
struct Queue {
    by_namespace: BTreeMap<String, Waiting>,
    len: usize,
    /// The namespace whose turn was last.
    last: String,
}

/// The waiting Events of one namespace; Warnings go first.
#[derive(Debug, Default)]
struct Waiting {
    warnings: VecDeque<Event>,
    normals: VecDeque<Event>,
}

/// Creates a queue.
pub fn event_queue() -> (Sender, Receiver) {
    let shared = Arc::new(Shared::default());
    (Sender(Arc::clone(&shared)), Receiver(shared))
}

// === impl Sender ===

impl Sender {
    /// Adds an Event. Returns false if one was dropped, because the queue was full.
    pub fn send(&self, event: Event) -> bool {
        let fits = self.0.queue().push(event);
        self.0.changed.notify_one();
        fits
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.0.is_closed.store(true, Ordering::Release);
        self.0.changed.notify_one();
    }
}

// === impl Receiver ===

impl Receiver {
    /// Waits until there is an Event. Returns false if there will be none.
    pub async fn has_next(&self) -> bool {
        loop {
            let changed = self.0.changed.notified();
            let is_closed = self.0.is_closed.load(Ordering::Acquire);
            if self.0.queue().len > 0 {
                return true;
            }
            if is_closed {
                return false;
            }
            changed.await;
        }
    }

    /// Takes the next Event, if there is one.
    pub fn take(&self) -> Option<Event> {
        self.0.queue().pop()
    }
}

// === impl Shared ===

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Queue ===

impl Queue {
    fn push(&mut self, event: Event) -> bool {
        let namespace = event.metadata.namespace.clone().unwrap_or_default();
        let is_full = self.len >= WAITING;
        if is_full {
            let own = self.by_namespace.get(&namespace).map_or(0, Waiting::len);
            let longest = self.by_namespace.values_mut().max_by_key(|waiting| waiting.len());
            if let Some(longest) = longest.filter(|longest| longest.len() > own) {
                longest.drop_newest();
            } else {
                // A Warning is worth more than news of the same namespace.
                let is_warning = event.type_.as_deref() == Some("Warning");
                let own = self.by_namespace.get_mut(&namespace).filter(|_| is_warning);
                if own.and_then(|own| own.normals.pop_back()).is_none() {
                    return false;
                }
            }
            self.len -= 1;
        }
        self.by_namespace.entry(namespace).or_default().push(event);
        self.len += 1;
        !is_full
    }

    fn pop(&mut self) -> Option<Event> {
        let after = (Bound::Excluded(self.last.clone()), Bound::Unbounded);
        let next = self.by_namespace.range_mut(after).next();
        let (namespace, event) = match next {
            Some((namespace, waiting)) => (namespace.clone(), waiting.pop()),
            None => self
                .by_namespace
                .iter_mut()
                .next()
                .map(|(namespace, waiting)| (namespace.clone(), waiting.pop()))?,
        };
        if self.by_namespace.get(&namespace).is_some_and(|waiting| waiting.len() == 0) {
            self.by_namespace.remove(&namespace);
        }
        self.last = namespace;
        self.len -= usize::from(event.is_some());
        event
    }
}

// === impl Waiting ===

impl Waiting {
    fn len(&self) -> usize {
        self.warnings.len() + self.normals.len()
    }

    fn push(&mut self, event: Event) {
        let is_warning = event.type_.as_deref() == Some("Warning");
        (if is_warning { &mut self.warnings } else { &mut self.normals }).push_back(event);
    }

    fn pop(&mut self) -> Option<Event> {
        self.warnings.pop_front().or_else(|| self.normals.pop_front())
    }

    fn drop_newest(&mut self) {
        if self.normals.pop_back().is_none() {
            self.warnings.pop_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use kube::api::ObjectMeta;

    use super::*;

    fn event(namespace: &str, type_: &str, number: usize) -> Event {
        let metadata = ObjectMeta {
            namespace: Some(namespace.to_owned()),
            name: Some(number.to_string()),
            ..ObjectMeta::default()
        };
        Event { metadata, type_: Some(type_.to_owned()), ..Event::default() }
    }

    /// The waiting Events in order, as `NAMESPACE NUMBER`.
    async fn order(sender: Sender, receiver: Receiver) -> Vec<String> {
        drop(sender);
        let mut order = Vec::new();
        while receiver.has_next().await {
            let metadata = receiver.take().unwrap().metadata;
            order.push(format!("{} {}", metadata.namespace.unwrap(), metadata.name.unwrap()));
        }
        order
    }

    #[tokio::test]
    async fn namespaces_take_turns_and_warnings_go_first() {
        let (sender, receiver) = event_queue();
        for number in 0..3 {
            assert!(sender.send(event("many", "Normal", number)));
        }
        sender.send(event("many", "Warning", 9));
        sender.send(event("few", "Normal", 0));
        assert_eq!(order(sender, receiver).await, ["few 0", "many 9", "many 0", "many 1", "many 2"]);
    }

    #[tokio::test]
    async fn a_warning_takes_the_place_of_news_of_its_namespace() {
        let (sender, receiver) = event_queue();
        for number in 0..WAITING {
            sender.send(event("many", "Normal", number));
        }
        assert!(!sender.send(event("many", "Warning", 9_999)));
        let order = order(sender, receiver).await;
        assert_eq!((order.len(), &*order[0]), (WAITING, "many 9999"));
    }

    #[tokio::test]
    async fn a_full_queue_drops_events_of_the_namespace_with_the_most() {
        let (sender, receiver) = event_queue();
        for number in 0..18_000 {
            assert_eq!(sender.send(event("many", "Warning", number)), number < WAITING);
        }
        for number in 0..10 {
            assert!(!sender.send(event("few", "Warning", number)), "another Event is dropped");
        }
        let order = order(sender, receiver).await;
        let of = |namespace: &str| order.iter().filter(|line| line.starts_with(namespace)).count();
        assert_eq!((order.len(), of("few"), of("many")), (WAITING, 10, WAITING - 10));
        // Both have a turn again and again.
        assert!(order[..20].iter().filter(|line| line.starts_with("few")).count() == 10, "{order:?}");
    }
}
