//! The times at which parts of the zone were observed.

use std::collections::BTreeMap;

use super::page_cursor::Span;
use crate::{
    dns::{Name, RecordSet, SetKey},
    keeper::time::Time,
};

/// When names and record sets were last observed.
///
/// Answers can overtake each other, so the last answer is not always the newest observation. An entry is kept as long
/// as an answer to an older request can still arrive.
#[derive(Debug, Clone, Default)]
pub(super) struct Observations {
    /// When whole names were observed, or found to differ from the snapshot.
    names: BTreeMap<Name, Time>,
    /// The same for all names of a span, including unknown names. An absent name leaves no other trace.
    spans: Vec<(Span, Time)>,
    /// The same for single record sets. A batch says nothing about other record sets at its names.
    sets: BTreeMap<SetKey, Time>,
}

impl Observations {
    pub fn of_name(&mut self, name: Name, at: Time) {
        self.names.insert(name, at);
    }

    pub fn of_span(&mut self, span: Span, at: Time) {
        self.spans.push((span, at));
    }

    /// Notes that a batch had written a record set by a time.
    pub fn of_set(&mut self, key: SetKey, by: Time) {
        self.sets.insert(key, by);
    }

    /// Whether a name was observed after a page was requested. A page that is requested at the same time counts as
    /// newer.
    pub fn is_newer(&self, name: &Name, requested: Time) -> bool {
        self.names.get(name).is_some_and(|at| *at > requested)
            || self.spans.iter().any(|(span, at)| *at > requested && span.contains(name))
    }

    /// Whether a batch had written a record set after a page was requested.
    pub fn was_written(&self, set: &RecordSet, requested: Time) -> bool {
        self.sets.get(&set.key).is_some_and(|by| *by > requested)
    }

    /// Forgets entries that no answer can contradict any more. `oldest` is the oldest request without an answer.
    ///
    /// A listing removes absent names with an uncertain place in the order only at its end. Their entries stay until
    /// then: `started` is when the listing began.
    pub fn forget(&mut self, oldest: Option<Time>, started: Option<Time>) {
        let is_needed = |name: &Name, at: Time| {
            let oldest = if name.has_escapes() { started.into_iter().chain(oldest).min() } else { oldest };
            oldest.is_some_and(|oldest| at > oldest)
        };
        self.names.retain(|name, at| is_needed(name, *at));
        self.sets.retain(|key, by| is_needed(&key.name, *by));
        self.spans.retain(|(_, at)| oldest.is_some_and(|oldest| *at > oldest));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_entry_that_no_answer_can_contradict_is_forgotten() {
        let (name, at) =
            (|text| Name::from_hostname(text).unwrap(), |ms| Time::ZERO + Duration::from_millis(ms));
        let (plain, escaped) = (name("a.example.com"), name("*.example.com"));
        let mut observations = Observations::default();
        for seen in [&plain, &escaped] {
            observations.of_name(seen.clone(), at(5));
        }
        let known =
            |observations: &Observations| [&plain, &escaped].map(|name| observations.is_newer(name, at(1)));
        observations.forget(Some(at(4)), None);
        assert_eq!(known(&observations), [true, true]);
        observations.forget(Some(at(5)), Some(at(4)));
        assert_eq!(known(&observations), [false, true]);
        observations.forget(None, None);
        assert_eq!(known(&observations), [false, false]);
    }
}
