//! Names to be read again, because an answer has shown that they are not as they seemed, or may not be.

use std::collections::BTreeSet;

use super::Time;
use crate::dns::Name;

/// Names that wait to be read.
#[derive(Debug, Clone, Default)]
pub(super) struct Rereads {
    names: BTreeSet<Name>,
    /// After a failure of the service: when the next may be read.
    not_before: Time,
}

// === impl Rereads ===

impl Rereads {
    /// These are to be read.
    pub fn add(&mut self, names: impl IntoIterator<Item = Name>) {
        self.names.extend(names);
    }

    /// Nothing is to be read before this time.
    pub fn wait(&mut self, again: Time) {
        self.not_before = self.not_before.max(again);
    }

    /// When the next is to be read.
    pub fn due(&self) -> Option<Time> {
        (!self.names.is_empty()).then_some(self.not_before)
    }

    /// The next, if one is to be read now.
    pub fn take(&mut self, now: Time) -> Option<Name> {
        self.due().filter(|due| *due <= now)?;
        self.names.pop_first()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_failed_read_is_not_repeated_at_once() {
        let name = |text| Name::from_hostname(text).unwrap();
        let at = |seconds| Time::ZERO + Duration::from_secs(seconds);
        let mut rereads = Rereads::default();
        assert_eq!(rereads.due(), None);
        rereads.add([name("b.example.com"), name("a.example.com"), name("b.example.com")]);
        assert_eq!(rereads.take(at(1)), Some(name("a.example.com")));
        rereads.add([name("a.example.com")]);
        rereads.wait(at(3));
        assert_eq!((rereads.take(at(2)), rereads.due()), (None, Some(at(3))));
        let rest = [rereads.take(at(3)), rereads.take(at(3)), rereads.take(at(3))];
        assert_eq!(rest, [Some(name("a.example.com")), Some(name("b.example.com")), None]);
    }
}
