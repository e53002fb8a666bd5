//! What is written: changes, and the units that they travel in.

use std::{
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use super::{Heritage, UnitDigest, Wish};
use crate::{
    dns::{Alias, Data, Name, RecordSet, RecordType},
    source::{ClaimKey, ObjectId},
};

/// One change of the zone. There is no third variant: nothing in this program can express a deletion.
///
/// ```
/// # use zonekeeper_core::{dns::RecordSet, plan::Change};
/// fn action(change: Change) -> (&'static str, RecordSet) {
///     match change {
///         Change::Create(set) => ("CREATE", set),
///         Change::Replace { after, .. } => ("UPSERT", after),
///     }
/// }
/// ```
///
/// ```compile_fail
/// # use zonekeeper_core::{dns::RecordSet, plan::Change};
/// fn delete(set: RecordSet) -> Change {
///     Change::Delete(set)
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Sent as CREATE, which Route 53 refuses if something is there.
    Create(RecordSet),
    /// Sent as UPSERT, for a set that a fresh read shows as ours and as it was planned.
    Replace {
        /// What is there.
        before: RecordSet,
        /// What shall be there; same name, type and set identifier.
        after: RecordSet,
    },
}

/// All changes of one (hostname, set identifier): written together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    key: ClaimKey,
    object: ObjectId,
    uid: Arc<str>,
    changes: Vec<Change>,
    reads: Vec<Name>,
    digest: UnitDigest,
    wish: Wish,
    purpose: Purpose,
}

/// What a unit is for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Purpose {
    /// The records that an object asks for.
    Publish,
    /// The ownership of records that are there; it holds TXTs only.
    Adopt {
        /// What of the records does not answer what the object asks for, and will be changed by another unit.
        then: Vec<Change>,
    },
}

/// From where to where a hostname is moved. One load balancer in place of another is one move, however many hostnames
/// lead to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Move(pub(crate) u64);

// === impl Change ===

impl Change {
    /// The set as it shall be.
    pub fn after(&self) -> &RecordSet {
        match self {
            Self::Create(set) | Self::Replace { after: set, .. } => set,
        }
    }

    /// The set as it is; none before a creation.
    pub fn before(&self) -> Option<&RecordSet> {
        match self {
            Self::Create(_) => None,
            Self::Replace { before, .. } => Some(before),
        }
    }

    /// Why the zone needs it, in words.
    pub fn why(&self) -> &'static str {
        match self {
            Self::Create(set) if *set.rtype() == RecordType::Txt => "states ownership",
            Self::Create(_) => "not in the zone",
            Self::Replace { before, after } if *after.rtype() == RecordType::Txt => {
                let owner = |set| Heritage::of(set).map(|said| said.owner);
                if owner(before) == owner(after) {
                    "names the object it is for"
                } else {
                    "takes ownership over"
                }
            }
            Self::Replace { before, after } if before.answers_like(after) => "another TTL is asked for",
            Self::Replace { .. } => "another target is asked for",
        }
    }
}

/// `create NAME TYPE DATA`, or `replace NAME TYPE BEFORE -> AFTER`.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create(set) => write!(f, "create {set}"),
            Self::Replace { before, after } => write!(f, "replace {before} -> {}", after.data),
        }
    }
}

// === impl Unit ===

impl Unit {
    /// Binds changes to the key and object that they are for. `reads` are the names the decision rests on.
    pub(super) fn new(
        key: ClaimKey,
        object: ObjectId,
        uid: Arc<str>,
        changes: Vec<Change>,
        reads: Vec<Name>,
        wish: Wish,
    ) -> Self {
        let mut lines = vec![format!("{} for {object}", key.host)];
        lines.extend(changes.iter().map(ToString::to_string));
        let digest = UnitDigest::of(&lines);
        Self { key, object, uid, changes, reads, digest, wish, purpose: Purpose::Publish }
    }

    /// The same as an adoption, after which the records will be changed so; none if it would write anything but TXTs.
    pub(super) fn into_adoption(self, then: Vec<Change>) -> Option<Self> {
        let is_txt = |change: &Change| *change.after().rtype() == RecordType::Txt;
        self.changes.iter().all(is_txt).then_some(Self { purpose: Purpose::Adopt { then }, ..self })
    }

    /// Whether it makes ours what is there, and changes nothing of it.
    pub fn is_adoption(&self) -> bool {
        matches!(self.purpose, Purpose::Adopt { .. })
    }

    /// After an adoption: what will be changed of the records, by another unit.
    pub fn then(&self) -> &[Change] {
        match &self.purpose {
            Purpose::Publish => &[],
            Purpose::Adopt { then } => then,
        }
    }

    /// Which key it is for.
    pub fn key(&self) -> &ClaimKey {
        &self.key
    }

    /// The object whose claim it follows.
    pub fn object(&self) -> &ObjectId {
        &self.object
    }

    /// That object's uid.
    pub fn uid(&self) -> &Arc<str> {
        &self.uid
    }

    /// What is to be changed; never empty.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// The names that the decision rests on: the record's and those of its ownership TXTs.
    pub fn reads(&self) -> &[Name] {
        &self.reads
    }

    /// Its digest.
    pub fn digest(&self) -> UnitDigest {
        self.digest
    }

    /// What its object asks for.
    pub fn wish(&self) -> Wish {
        self.wish
    }

    /// From where to where it moves its hostname, if it does: a TTL is no place, and an ownership text neither.
    pub fn moves(&self) -> Option<Move> {
        let mut places: Vec<String> = Vec::new();
        for change in &self.changes {
            if let Change::Replace { before, after } = change
                && after.rtype().is_address()
                && !before.answers_like(after)
            {
                places.push(format!("{} -> {}", place(before), place(after)));
            }
        }
        // The aliases for IPv4 and IPv6 lead to the same place.
        places.sort();
        places.dedup();
        let mut hasher = DefaultHasher::new();
        places.hash(&mut hasher);
        (!places.is_empty()).then(|| Move(hasher.finish()))
    }

    /// Whether it changes a record, not only who has it.
    pub fn changes_records(&self) -> bool {
        self.changes.iter().any(|change| change.after().rtype().is_address())
    }

    /// Whether it changes something that is there.
    pub fn replaces(&self) -> bool {
        self.changes.iter().any(|change| matches!(change, Change::Replace { .. }))
    }

    /// Whether it needs a fresh read before it may be sent. Route 53 guards creations itself, but neither what is
    /// replaced, nor what is there already and which the unit therefore does not create: the ownership TXT of a record, or
    /// the record of an ownership TXT, which is that of somebody else by now perhaps.
    pub fn needs_fresh_reads(&self) -> bool {
        let is_txt = |change: &Change| *change.after().rtype() == RecordType::Txt;
        let is_pair = |pair: &[Change]| matches!(pair, [record, txt] if !is_txt(record) && is_txt(txt));
        self.replaces() || !self.changes.chunks(2).all(is_pair)
    }
}

/// Where a record set leads.
fn place(set: &RecordSet) -> String {
    match &set.data {
        Data::Values { values, .. } => values.join(" "),
        Data::Alias(Alias { target, .. }) => target.to_string(),
        Data::TrafficPolicy(id) => id.to_string(),
    }
}
