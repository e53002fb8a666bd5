//! The order in which hostnames are written: fair between namespaces, then by urgency.

use std::collections::{BTreeMap, BTreeSet};

use arcstr::ArcStr;

use crate::{dns::Name, keeper::urgency::Urgency};

/// How many hostnames a namespace has in one round. Within a round, hostnames are in the zone's order, because one read
/// shows neighbours.
const PER_ROUND: u64 = 25;

/// Hostnames that wait to be written.
///
/// In a round, each namespace has at most [`PER_ROUND`] hostnames of each urgency. A namespace that had none waiting joins the
/// first round. Rounds come before urgency, so a hostname waits for at most that many wrong and that many changed hostnames
/// of each other namespace, however many wait there. The backlog has rounds of its own, after all others.
#[derive(Debug, Clone, Default)]
pub(super) struct Queue {
    /// The hostnames: whether they are of the backlog, their round, and their urgency.
    order: BTreeMap<(bool, u64, Urgency), BTreeSet<Name>>,
    places: BTreeMap<Name, Place>,
    /// How many hostnames of each namespace wait.
    waiting: BTreeMap<(Urgency, ArcStr), u64>,
}

/// Where a hostname is in the order.
#[derive(Debug, Clone)]
struct Place {
    urgency: Urgency,
    round: u64,
    namespace: ArcStr,
}

// === impl Place ===

impl Place {
    fn key(&self) -> (bool, u64, Urgency) {
        (self.urgency == Urgency::Backlog, self.round, self.urgency)
    }
}

// === impl Queue ===

impl Queue {
    /// The urgency of a hostname, if it waits.
    pub fn urgency(&self, host: &Name) -> Option<Urgency> {
        self.places.get(host).map(|place| place.urgency)
    }

    /// Lets a hostname wait. It keeps its round if only its plan has changed.
    pub fn put(&mut self, host: &Name, urgency: Urgency, namespace: &str) {
        let place = self.places.get(host);
        if place.is_some_and(|place| (place.urgency, &*place.namespace) == (urgency, namespace)) {
            return;
        }
        self.remove(host);
        let is_backlog = urgency == Urgency::Backlog;
        let alike = (is_backlog, 0, Urgency::Wrong)..=(is_backlog, u64::MAX, Urgency::Backlog);
        let first = self.order.range(alike).next().map_or(0, |((_, round, _), _)| *round);
        let of_namespace = self.waiting.entry((urgency, namespace.into()));
        // The hostnames of a namespace share its text.
        let namespace = of_namespace.key().1.clone();
        let waiting = of_namespace.or_default();
        let round = first.saturating_add(*waiting / PER_ROUND);
        *waiting += 1;
        let place = Place { urgency, round, namespace };
        self.order.entry(place.key()).or_default().insert(host.clone());
        self.places.insert(host.clone(), place);
    }

    /// Notes that nothing of a hostname waits any more.
    pub fn remove(&mut self, host: &Name) {
        let Some(place) = self.places.remove(host) else { return };
        if let Some(hosts) = self.order.get_mut(&place.key()) {
            hosts.remove(host);
            if hosts.is_empty() {
                self.order.remove(&place.key());
            }
        }
        let of_namespace = (place.urgency, place.namespace);
        if let Some(waiting) = self.waiting.get_mut(&of_namespace) {
            *waiting -= 1;
            if *waiting == 0 {
                self.waiting.remove(&of_namespace);
            }
        }
    }

    /// The waiting hostnames in order.
    pub fn hosts(&self) -> impl Iterator<Item = (Urgency, &Name)> {
        self.order.iter().flat_map(|((.., urgency), hosts)| hosts.iter().map(move |host| (*urgency, host)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Name {
        Name::from_hostname(&format!("{text}.example.com")).unwrap()
    }

    /// The first labels of the waiting hostnames.
    fn order(queue: &Queue) -> Vec<String> {
        let label = |name: &Name| name.to_string().split('.').next().unwrap().to_owned();
        queue.hosts().map(|(_, name)| label(name)).collect()
    }

    #[test]
    fn a_namespace_waits_for_one_round_of_another_one() {
        let mut queue = Queue::default();
        for number in 0..1_000 {
            queue.put(&host(&format!("a{number:03}")), Urgency::Changed, "many");
        }
        for number in 0..30 {
            queue.put(&host(&format!("z{number:02}")), Urgency::Changed, "few");
        }
        let order = order(&queue);
        let place = |label: &str| order.iter().position(|other| other == label).unwrap();
        assert_eq!((place("z00"), place("z24"), place("z25"), place("z29")), (25, 49, 75, 79));
        assert_eq!((place("a024"), place("a025"), place("a999")), (24, 50, 1_029));
    }

    #[test]
    fn a_new_hostname_waits_for_one_round_of_wrong_ones() {
        let mut queue = Queue::default();
        for number in 0..1_000 {
            queue.put(&host(&format!("a{number:03}")), Urgency::Wrong, "many");
        }
        queue.put(&host("z"), Urgency::Changed, "few");
        queue.put(&host("b"), Urgency::Backlog, "few");
        let order = order(&queue);
        assert_eq!(order.iter().position(|other| other == "z"), Some(25));
        assert_eq!(order.last().unwrap(), "b");
    }

    #[test]
    fn it_begins_where_the_others_are() {
        let mut queue = Queue::default();
        for number in 0..1_000 {
            queue.put(&host(&format!("a{number:03}")), Urgency::Changed, "many");
        }
        for number in 0..500 {
            queue.remove(&host(&format!("a{number:03}")));
        }
        queue.put(&host("z"), Urgency::Changed, "few");
        assert_eq!(order(&queue).iter().position(|other| other == "z"), Some(25));
        // A namespace that often has one hostname waiting is not behind one that has many.
        for _ in 0..100 {
            queue.remove(&host("z"));
            queue.put(&host("z"), Urgency::Changed, "few");
        }
        assert_eq!(order(&queue).iter().position(|other| other == "z"), Some(25));
    }

    #[test]
    fn a_hostname_that_cannot_be_written_does_not_put_its_namespace_behind() {
        let mut queue = Queue::default();
        queue.put(&host("stuck"), Urgency::Changed, "few");
        for number in 0..5_000 {
            let written = host(&format!("w{number}"));
            queue.put(&written, Urgency::Changed, "few");
            queue.remove(&written);
        }
        for number in 0..1_000 {
            queue.put(&host(&format!("a{number:03}")), Urgency::Changed, "many");
        }
        queue.put(&host("z"), Urgency::Changed, "few");
        assert_eq!(order(&queue).iter().position(|other| other == "z"), Some(26));
    }

    #[test]
    fn urgency_comes_first_and_a_new_plan_keeps_its_place() {
        let mut queue = Queue::default();
        for number in 0..100 {
            queue.put(&host(&format!("a{number:02}")), Urgency::Backlog, "many");
        }
        queue.put(&host("b"), Urgency::Backlog, "many");
        queue.put(&host("b"), Urgency::Wrong, "many");
        queue.put(&host("c"), Urgency::Changed, "many");
        assert_eq!(order(&queue)[..3], ["b", "c", "a00"]);
        queue.put(&host("a00"), Urgency::Backlog, "many");
        assert_eq!(order(&queue)[..3], ["b", "c", "a00"]);
        for (_, name) in queue.clone().hosts() {
            queue.remove(name);
        }
        assert!(queue.places.is_empty() && queue.waiting.is_empty() && queue.order.is_empty());
    }
}
