//! What goes in and what comes out: everything that the keeper and its driver say to each other.

use std::{fmt, sync::Arc};

use super::{Approval, Publication, Time};
use crate::{
    dns::{Name, RecordSet, RecordType, SetId},
    plan::{Batch, Blocked, PlanDigest, Unit},
    source::{Facts, Kind, ObjectId},
};

/// Something that has happened.
#[derive(Debug, Clone)]
pub enum Input {
    /// An object as it is now; `None` where it is gone or asks for nothing.
    Facts {
        /// Which object.
        object: ObjectId,
        /// What it says.
        facts: Option<Box<Facts>>,
    },
    /// An object is there and cannot be read: what is known of it stays.
    Unreadable {
        /// Which object.
        object: ObjectId,
    },
    /// The objects of a scope are listed from the beginning: what is not seen until [`Input::Listed`] is gone.
    Listing(Scope),
    /// All objects of a scope have been seen.
    Listed(Scope),
    /// The answer to [`Effect::Read`].
    Page {
        /// Which read.
        id: ReadId,
        /// What was listed.
        answer: Result<Page, Failure>,
    },
    /// The answer to [`Effect::Apply`].
    Applied {
        /// Which batch.
        id: ApplyId,
        /// The accepted change's id.
        answer: Result<ChangeId, Failure>,
    },
    /// The answer to [`Effect::AskPropagation`].
    Propagation {
        /// Which change.
        change: ChangeId,
        /// Whether all name servers have it.
        answer: Result<bool, Failure>,
    },
    /// The answer to [`Effect::Count`].
    Counted(Result<u64, Failure>),
    /// The objects of a scope cannot be listed. Where they were listed once, that counts on; else the others go on
    /// without them, and what they may have stays as it is.
    Denied(Scope),
    /// The time of day, in seconds since 1970. Nothing that is sent depends on it but what people have set a time for.
    Wall {
        /// Seconds since 1970.
        unix: i64,
    },
    /// What the process that led before left of [`Effect::Remember`].
    Recall {
        /// Its last text.
        memory: String,
    },
    /// A person has released what the brake holds.
    Release {
        /// Until when, in seconds since 1970.
        until: i64,
    },
    /// A person has approved a plan.
    Approve(Approval),
    /// What is published, if anything: what the process before has left, as it is read once this one leads, then whatever
    /// stands there. Before that is known, nothing is published.
    Published(Option<Box<Publication>>),
    /// Until when this process may write; not at all at [`Time::ZERO`].
    Leadership {
        /// The end of what it may write in.
        until: Time,
    },
    /// Time has passed.
    Tick,
}

/// Something to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// List record sets: one request of `ListResourceRecordSets`.
    Read(Read),
    /// Send a batch: one request of `ChangeResourceRecordSets`, and only while it is not `not_after`.
    Apply(Apply),
    /// Ask whether all name servers have a change: one request of `GetChange`.
    AskPropagation(ChangeId),
    /// Ask how many record sets the zone has: one request of `GetHostedZone`.
    Count,
    /// Show what can be approved; it replaces what was shown before.
    Publish(Box<Publication>),
    /// Keep a text for the process that leads next; it replaces the one before.
    Remember(String),
    /// Say what became of something.
    Report(Report),
}

/// One page to be listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// What the answer must carry.
    pub id: ReadId,
    /// Where the page begins; at the zone's first set where it is `None`.
    pub start: Option<Cursor>,
    /// Most sets of the page; Route 53 gives 300 at most.
    pub max_items: u16,
    /// The read of names that this one goes on with, where that ended within one of them.
    pub continues: Option<ReadId>,
}

/// One batch to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Apply {
    /// What the answer must carry.
    pub id: ApplyId,
    /// What is to be sent.
    pub batch: Arc<Batch>,
    /// The digest of the batch's units, for the request's comment: CloudTrail then joins it to the audit line.
    pub digest: PlanDigest,
    /// When the right to send it ends: leadership, or the reads that it rests on.
    pub not_after: Time,
}

/// What became of something, for logs, Events and metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// Route 53 accepted a batch.
    Accepted {
        /// What was accepted.
        batch: Arc<Batch>,
        /// The batch's digest.
        digest: PlanDigest,
        /// The change's id; unknown where the answer was lost and a read showed that it was accepted.
        change: Option<ChangeId>,
    },
    /// A batch was not accepted.
    Refused {
        /// How many units it held.
        units: usize,
        /// Why.
        failure: Failure,
    },
    /// In a dry run: a unit would be written that would not have been before.
    Planned(Box<Unit>),
    /// A unit is blocked, for a reason that was not there before.
    Blocked(Box<Blocked>),
    /// A hostname is no longer blocked for an object.
    Unblocked {
        /// The hostname.
        host: String,
        /// The object.
        object: ObjectId,
    },
    /// A record set of ours that is not asked for is beside those that are, and was not before: it gets traffic.
    LeftOver(Box<Leftover>),
    /// One has gone, or is asked for.
    NotLeftOver(Box<Leftover>),
    /// What an object's owners should know has been so for 30 seconds, or still is an hour after that was said last.
    Lasting {
        /// What they should know.
        warning: Warning,
        /// The object's uid.
        uid: Arc<str>,
    },
    /// All name servers have a change.
    InSync(ChangeId),
    /// A listing of the whole zone is complete.
    ZoneListed {
        /// How many record sets it has.
        sets: usize,
    },
    /// A request other than a change failed.
    Failed {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        failure: Failure,
    },
}

/// What the owners of an object should know of one of its hostnames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// It is blocked.
    Blocked(Box<Blocked>),
    /// A record set of ours is left over.
    LeftOver(Box<Leftover>),
}

/// A record set of ours that its hostname's object does not ask for, beside those that it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// The object.
    pub object: ObjectId,
    /// The set.
    pub set: RecordSet,
}

/// Objects that are listed together: a kind, in one namespace or in all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// Their kind.
    pub kind: Kind,
    /// Their namespace; all where it is `None`.
    pub namespace: Option<String>,
}

/// Where a page of a listing begins.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// The name.
    pub name: Name,
    /// The type, where the page begins within a name.
    pub rtype: Option<RecordType>,
    /// The set identifier, where the page begins within a type.
    pub set_id: Option<SetId>,
}

/// One page of a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Record sets in Route 53's order.
    pub sets: Vec<RecordSet>,
    /// Where the next page begins; `None` at the end of the zone.
    pub next: Option<Cursor>,
}

/// Which read an answer belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReadId(pub u64);

/// Which batch an answer belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApplyId(pub u64);

/// The id of an accepted change, as Route 53 gives it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChangeId(pub Arc<str>);

/// A request that did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Failure {
    /// What follows from it.
    pub class: FailureClass,
    /// The service's error code, or a name for what happened on the way.
    pub code: String,
    /// The service's message; it may name record sets.
    pub message: String,
}

/// What follows from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FailureClass {
    /// Too many requests or changes for the account: slow down.
    Throttled,
    /// Another change of the zone is being processed: try again soon.
    Busy,
    /// The request was not executed, and another like it may be: try again.
    NotExecuted,
    /// No answer came, or one that does not tell: the request may have been executed. Read before trying again.
    Unknown,
    /// The request was understood and refused: what it asks for must change.
    Refused,
    /// The role may not make this change; others it may.
    Denied,
    /// The zone holds as many record sets as it may: nothing can be created, what is there can be replaced.
    ZoneFull,
    /// Nothing of this account's would be accepted: credentials, permissions, the zone itself.
    Account,
    /// It was not sent at all, because the right to send it had ended.
    Withheld,
}

impl Warning {
    /// What it is, in one word: the reason of an Event.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Blocked(blocked) => blocked.reason.label(),
            Self::LeftOver(_) => "LeftOver",
        }
    }

    /// The object whose owners it is for.
    pub fn object(&self) -> &ObjectId {
        match self {
            Self::Blocked(blocked) => &blocked.object,
            Self::LeftOver(leftover) => &leftover.object,
        }
    }
}

impl FailureClass {
    /// Whether the request was understood and refused for what it asks for.
    pub fn is_refusal(self) -> bool {
        matches!(self, Self::Refused | Self::Denied | Self::ZoneFull)
    }
}

impl fmt::Display for ChangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Cursor {
    /// The beginning of a name.
    pub fn at(name: Name) -> Self {
        Self { name, rtype: None, set_id: None }
    }
}
