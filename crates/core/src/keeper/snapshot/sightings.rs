//! Since when what is known of the zone is known.

use std::collections::BTreeMap;

use super::walk::Span;
use crate::{
    dns::{Name, RecordSet, SetKey},
    keeper::Time,
};

/// What arrives last is not always what was seen last: answers overtake each other. This remembers what is newer than
/// the oldest answer that is still to come.
#[derive(Debug, Clone, Default)]
pub(super) struct Sightings {
    /// Since when a whole name is known, or known not to be known.
    names: BTreeMap<Name, Time>,
    /// The same for all names of a span, those too that we do not know: what is not there leaves no other trace.
    spans: Vec<(Span, Time)>,
    /// The same for single sets: a batch says nothing of what else there is at their names.
    sets: BTreeMap<SetKey, Time>,
}

impl Sightings {
    pub fn of_name(&mut self, name: Name, since: Time) {
        self.names.insert(name, since);
    }

    pub fn of_span(&mut self, span: Span, since: Time) {
        self.spans.push((span, since));
    }

    /// A batch had written a set by some time.
    pub fn of_set(&mut self, key: SetKey, by: Time) {
        self.sets.insert(key, by);
    }

    /// Whether a name was seen, or found not to be as it seems, after a page was requested. What is requested in the
    /// moment in which that becomes known shows it.
    pub fn is_newer(&self, name: &Name, requested: Time) -> bool {
        self.names.get(name).is_some_and(|since| *since > requested)
            || self.spans.iter().any(|(span, since)| *since > requested && span.contains(name))
    }

    /// Whether a batch had written a set after a page was requested.
    pub fn was_written(&self, set: &RecordSet, requested: Time) -> bool {
        self.sets.get(&set.key).is_some_and(|by| *by > requested)
    }

    /// Forgets what nothing can undo any more: no answer is to come that was requested before `oldest`, none at all
    /// where it is `None`. Of names whose place in the order is not certain a listing says at its end that they are
    /// gone: `started` is when it began.
    pub fn forget(&mut self, oldest: Option<Time>, started: Option<Time>) {
        let counts = |name: &Name, since: Time| {
            let oldest = if name.has_escapes() { started.into_iter().chain(oldest).min() } else { oldest };
            oldest.is_some_and(|oldest| since > oldest)
        };
        self.names.retain(|name, since| counts(name, *since));
        self.sets.retain(|key, by| counts(&key.name, *by));
        self.spans.retain(|(_, since)| oldest.is_some_and(|oldest| *since > oldest));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_no_answer_to_come_can_undo_is_forgotten() {
        let (name, at) =
            (|text| Name::from_hostname(text).unwrap(), |ms| Time::ZERO + Duration::from_millis(ms));
        let (plain, escaped) = (name("a.example.com"), name("*.example.com"));
        let mut sightings = Sightings::default();
        for seen in [&plain, &escaped] {
            sightings.of_name(seen.clone(), at(5));
        }
        let known = |sightings: &Sightings| [&plain, &escaped].map(|name| sightings.is_newer(name, at(1)));
        sightings.forget(Some(at(4)), None);
        assert_eq!(known(&sightings), [true, true]);
        sightings.forget(Some(at(5)), Some(at(4)));
        assert_eq!(known(&sightings), [false, true]);
        sightings.forget(None, None);
        assert_eq!(known(&sightings), [false, false]);
    }
}
