//! The host names that objects look up: who needs them, their last answers, and when they are due again.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::Duration,
};

use tokio::time::Instant;
use tracing::{debug, warn};
use zonekeeper_core::{
    dns::Name,
    keeper::Input,
    source::{Addresses, Reduced, ResourceRef, Scope},
};

/// How often a host name is looked up, as often as ExternalDNS does by default. The addresses of an AWS load balancer have a
/// TTL of 60 seconds.
const EVERY: Duration = Duration::from_mins(1);
/// How long a list of objects waits for its host names, so that a resolver without an answer does not delay other objects.
const FIRST_WITHIN: Duration = Duration::from_secs(5);
/// The time after a failure.
const AFTER_FAILURE: Duration = Duration::from_secs(10);
/// A time that never comes, for a process that runs for less than a century.
const NEVER: Duration = Duration::from_hours(24 * 365 * 100);

/// The host names that objects look up.
pub(super) struct Names {
    /// The scopes of objects that are not listed to their end yet.
    unlisted: BTreeSet<Scope>,
    /// When all of them were listed.
    listed: Option<Instant>,
    /// The host names of each object that has some.
    users: BTreeMap<ResourceRef, Vec<Name>>,
    /// During a list: the objects that it has not shown yet.
    unseen: BTreeSet<ResourceRef>,
    known: BTreeMap<Name, Known>,
}

/// The state of a host name.
#[derive(Debug)]
struct Known {
    /// How many objects look it up.
    users: usize,
    due: Instant,
    is_underway: bool,
    /// Whether it was looked up once.
    is_tried: bool,
    answer: Option<BTreeSet<IpAddr>>,
    /// The last failure, which is logged once.
    failure: Option<String>,
}

// === impl Names ===

impl Names {
    /// No names yet of the objects of these scopes.
    pub fn new(scopes: &[Scope]) -> Self {
        Self {
            unlisted: scopes.iter().cloned().collect(),
            listed: None,
            users: BTreeMap::new(),
            unseen: BTreeSet::new(),
            known: BTreeMap::new(),
        }
    }

    /// Notes an input on its way to the driver. Returns it, with the host names that nobody looks up any more.
    pub fn note(&mut self, input: Input, now: Instant) -> Vec<Input> {
        let mut gone = Vec::new();
        match &input {
            Input::Listing(scope) => {
                self.unseen.extend(self.users.keys().filter(|user| scope.covers(user)).cloned());
            }
            Input::Resource { resource, reduced } => {
                self.unseen.remove(resource);
                let names = reduced.as_ref().map(Reduced::host_names).unwrap_or_default();
                gone = self.set(resource, names, now);
            }
            // Its last known version stays valid.
            Input::Undecodable { resource } => drop(self.unseen.remove(resource)),
            Input::Listed(scope) => {
                self.unlisted.remove(scope);
                let unseen: Vec<ResourceRef> =
                    self.unseen.extract_if(.., |user| scope.covers(user)).collect();
                gone = unseen.iter().flat_map(|user| self.set(user, Vec::new(), now)).collect();
            }
            Input::Denied(scope) => drop(self.unlisted.remove(scope)),
            _ => {}
        }
        if self.unlisted.is_empty() {
            self.listed.get_or_insert(now);
        }
        std::iter::once(input).chain(gone).collect()
    }

    /// When the list of addresses is complete: all objects are listed, and each host name was looked up once or has had its time.
    /// `None` before all objects are listed.
    pub fn complete(&self) -> Option<Instant> {
        let is_tried = self.known.values().all(|known| known.is_tried);
        self.listed.map(|listed| if is_tried { listed } else { listed + FIRST_WITHIN })
    }

    /// The host names that have no answer yet, as the driver must know them when the list of addresses is complete.
    pub fn unanswered(&self) -> impl Iterator<Item = Input> {
        let untried = self.known.iter().filter(|(_, known)| !known.is_tried);
        untried.map(|(host, _)| Input::Undecodable { resource: ResourceRef::of_addresses(host) })
    }

    /// The host names to look up now, at most so many. Those that are due longest come first, so that each has its turn.
    pub fn due(&mut self, now: Instant, most: usize) -> Vec<Name> {
        let due = self.known.iter_mut().filter(|(_, known)| !known.is_underway && known.due <= now);
        let mut due: Vec<_> = due.collect();
        // A stable sort: equal ones stay in the order of their names.
        due.sort_by_key(|(_, known)| known.due);
        due.into_iter()
            .take(most)
            .map(|(host, known)| {
                known.is_underway = true;
                host.clone()
            })
            .collect()
    }

    /// When the next host name is due.
    pub fn next_due(&self) -> Instant {
        let waiting = self.known.values().filter(|known| !known.is_underway);
        waiting.map(|known| known.due).min().unwrap_or_else(|| Instant::now() + NEVER)
    }

    /// Notes an answer. Returns what the driver must know. If a look-up fails, the last answer stays.
    pub fn answered(
        &mut self,
        host: &Name,
        answer: Result<BTreeSet<IpAddr>, String>,
        now: Instant,
    ) -> Vec<Input> {
        // Nobody may look it up any more.
        let Some(known) = self.known.get_mut(host) else { return Vec::new() };
        (known.is_underway, known.is_tried) = (false, true);
        let answer = answer
            .and_then(|found| if found.is_empty() { Err("it has no address".to_owned()) } else { Ok(found) });
        let resource = ResourceRef::of_addresses(host);
        match answer {
            Ok(found) => {
                (known.due, known.failure) = (now + EVERY, None);
                if known.answer.as_ref() == Some(&found) {
                    return Vec::new();
                }
                debug!(%host, addresses = ?found, "a host name has other addresses");
                let part = Reduced::part(Addresses::new(found.iter().copied()));
                known.answer = Some(found);
                vec![Input::Resource { resource, reduced: Some(part) }]
            }
            Err(error) => {
                known.due = now + AFTER_FAILURE;
                if known.failure.as_ref() != Some(&error) {
                    let text = "a host name cannot be resolved; its last addresses still apply";
                    warn!(%host, error, "{text}");
                }
                known.failure = Some(error);
                match known.answer {
                    Some(_) => Vec::new(),
                    None => vec![Input::Undecodable { resource }],
                }
            }
        }
    }

    /// Sets the host names of an object. Returns those that nobody looks up any more.
    fn set(&mut self, user: &ResourceRef, names: Vec<Name>, now: Instant) -> Vec<Input> {
        for host in &names {
            let new = || Known {
                users: 0,
                due: now,
                is_underway: false,
                is_tried: false,
                answer: None,
                failure: None,
            };
            self.known.entry(host.clone()).or_insert_with(new).users += 1;
        }
        let before =
            if names.is_empty() { self.users.remove(user) } else { self.users.insert(user.clone(), names) };
        let mut gone = Vec::new();
        for host in before.unwrap_or_default() {
            if let Some(known) = self.known.get_mut(&host) {
                known.users -= 1;
                if known.users == 0 {
                    self.known.remove(&host);
                    let resource = ResourceRef::of_addresses(&host);
                    gone.push(Input::Resource { resource, reduced: None });
                }
            }
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use zonekeeper_core::source::{Object, Resource, Rules, ServiceRules};

    use super::*;

    fn services() -> Scope {
        Scope { resource: Resource::SERVICE, namespace: None }
    }

    fn host(text: &str) -> Name {
        Name::from_hostname(text).unwrap()
    }

    /// The input that a Service has load balancers with these host names.
    fn service(name: &str, hosts: &[&str]) -> Input {
        let entries: Vec<_> = hosts.iter().map(|host| json!({ "hostname": host })).collect();
        let annotations = json!({"external-dns.kubernetes.io/hostname": "www.example.com"});
        let service = json!({
            "metadata": {"name": name, "namespace": "shop", "annotations": annotations},
            "spec": {"type": "LoadBalancer"},
            "status": {"loadBalancer": {"ingress": entries}},
        });
        let services = ServiceRules { resolve_host_names: true, ..ServiceRules::default() };
        let object = Object::Service(Box::new(serde_json::from_value(service).unwrap()));
        let reduced = object.reduce(&Rules { services, ..Rules::default() });
        Input::Resource { resource: object.resource_ref().unwrap(), reduced }
    }

    /// The answer of a resolver: an address, or nothing for a failure.
    fn answer(address: &str) -> Result<BTreeSet<IpAddr>, String> {
        let address = address.parse().map_err(|_| "no such host".to_owned());
        address.map(|address| BTreeSet::from([address]))
    }

    /// What the driver is told.
    fn told(inputs: &[Input]) -> Vec<String> {
        let told = |input: &Input| match input {
            Input::Resource { resource, reduced: Some(_) } => format!("{resource}"),
            Input::Resource { resource, reduced: None } => format!("{resource} is gone"),
            Input::Undecodable { resource } => format!("{resource} is unreadable"),
            Input::Listing(_) | Input::Listed(_) => "list".to_owned(),
            other => format!("{other:?}"),
        };
        inputs.iter().map(told).collect()
    }

    #[test]
    fn a_host_name_is_looked_up_while_an_object_needs_it() {
        let (now, mut names) = (Instant::now(), Names::new(&[services()]));
        assert!(names.complete().is_none());
        names.note(Input::Listing(services()), now);
        assert_eq!(told(&names.note(service("one", &["a.test", "b.test"]), now)), ["Service/shop/one"]);
        names.note(service("two", &["b.test"]), now);
        names.note(Input::Listed(services()), now);
        assert_eq!(names.due(now, 1), [host("a.test")]);
        assert_eq!(names.due(now, 9), [host("b.test")]);
        assert_eq!(names.complete(), Some(now + FIRST_WITHIN));
        assert!(names.due(now, 9).is_empty());
        assert_eq!(told(&names.answered(&host("a.test"), answer("192.0.2.1"), now)), ["Address/a.test"]);
        let unanswered: Vec<Input> = names.unanswered().collect();
        assert_eq!(told(&unanswered), ["Address/b.test is unreadable"]);
        assert_eq!(told(&names.answered(&host("b.test"), answer(""), now)), ["Address/b.test is unreadable"]);
        assert_eq!(names.complete(), Some(now));
        // One object no longer needs it, and then a list does not show the other.
        assert_eq!(told(&names.note(service("two", &[]), now)), ["Service/shop/two"]);
        names.note(Input::Listing(services()), now);
        let gone = names.note(Input::Listed(services()), now);
        assert_eq!(told(&gone), ["list", "Address/a.test is gone", "Address/b.test is gone"]);
        assert!(names.answered(&host("a.test"), answer("192.0.2.2"), now).is_empty());
        assert!(names.known.is_empty() && names.users.is_empty());
    }

    #[test]
    fn the_name_that_is_due_longest_comes_first() {
        let (begun, mut names) = (Instant::now(), Names::new(&[]));
        names.note(service("one", &["a.test", "b.test", "c.test"]), begun);
        assert_eq!(names.due(begun, 1), [host("a.test")]);
        names.answered(&host("a.test"), answer("192.0.2.1"), begun);
        // All are due again or still.
        let later = begun + EVERY;
        assert_eq!(names.due(later, 2), [host("b.test"), host("c.test")]);
        assert_eq!(names.due(later, 2), [host("a.test")]);
    }

    #[test]
    fn the_last_answer_stays_while_a_look_up_fails() {
        let (begun, mut names) = (Instant::now(), Names::new(&[]));
        names.note(service("one", &["a.test"]), begun);
        let mut tell = |after: u64, answer| {
            let now = begun + Duration::from_secs(after);
            // It is due then, and not earlier.
            let early = begun + Duration::from_secs(after.saturating_sub(1));
            assert!(after == 0 || names.due(early, 9).is_empty(), "after {after} s");
            assert_eq!(names.due(now, 9), [host("a.test")], "after {after} s");
            told(&names.answered(&host("a.test"), answer, now))
        };
        let nothing = [""; 0];
        assert_eq!(tell(0, answer("192.0.2.1")), ["Address/a.test"]);
        assert_eq!(tell(60, answer("")), nothing);
        assert_eq!(tell(70, Ok(BTreeSet::new())), nothing);
        assert_eq!(tell(80, answer("192.0.2.1")), nothing);
        assert_eq!(tell(140, answer("192.0.2.2")), ["Address/a.test"]);
    }
}
