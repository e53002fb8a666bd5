//! The contract between the keeper and its driver: inputs, effects, and their parts.

use std::{fmt, sync::Arc, time::Duration};

use arcstr::ArcStr;

use super::{
    object_state::ObjectState,
    publication::{Approval, Publication},
    time::Time,
    wait::Wait,
};
use crate::{
    dns::{Name, RecordSet, RecordType, SetId},
    plan::{Batch, Blocked, Noted, PlanDigest, Subject, Unit},
    source::{ClaimKey, ObjectRef, Reduced, ResourceRef, Scope},
};

/// An event that the driver passes to the keeper.
#[derive(Debug, Clone)]
pub enum Input {
    /// A resource that was created or changed; `None` if it is gone, or nothing of it is used.
    Resource {
        /// The resource.
        resource: ResourceRef,
        /// The fields that are used.
        reduced: Option<Reduced>,
    },
    /// A resource exists and cannot be decoded. Its last known version stays valid.
    Undecodable {
        /// The resource.
        resource: ResourceRef,
    },
    /// A list of a scope's resources begins. Resources that it does not show until [`Input::Listed`] are gone.
    Listing(Scope),
    /// The list of a scope's resources is complete.
    Listed(Scope),
    /// The answer to [`Effect::Read`].
    Page {
        /// The id of the read.
        id: ReadId,
        /// The page, or why there is none.
        answer: Result<Page, Failure>,
    },
    /// The answer to [`Effect::Apply`].
    Applied {
        /// The id of the batch.
        id: ApplyId,
        /// The id of the accepted change, or why the batch was not accepted.
        answer: Result<ChangeId, Failure>,
    },
    /// The answer to [`Effect::AskPropagation`].
    Propagation {
        /// The change.
        change: ChangeId,
        /// Whether all name servers have it.
        answer: Result<bool, Failure>,
    },
    /// The answer to [`Effect::Count`].
    Counted(Result<u64, Failure>),
    /// The objects of a scope cannot be listed. If they were listed before, that list stays valid. Otherwise the
    /// keeper goes on without them, and does not change hostnames that they may hold.
    Denied(Scope),
    /// The time of day. Only pauses, releases and approvals depend on it, because people write their times.
    Wall {
        /// Seconds since 1970.
        unix: i64,
    },
    /// The text that the leader before stored with [`Effect::Remember`].
    Recall {
        /// The text.
        memory: String,
    },
    /// A person has released the units that the brake holds, for at most [`LONGEST_RELEASE`](super::LONGEST_RELEASE).
    Release {
        /// Until when, in seconds since 1970.
        until: i64,
        /// The time now, in seconds since 1970.
        unix: i64,
    },
    /// A person has approved a plan.
    Approve(Approval),
    /// The publication that was found, if any. The first one of a term is from the leader before; without it, nothing
    /// is published.
    Published(Option<Box<Publication>>),
    /// Until when this process leads; [`Time::ZERO`] if it does not.
    Leadership {
        /// When leadership ends, unless it is renewed.
        until: Time,
    },
    /// Time has passed.
    Tick,
}

/// A task for the driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// List record sets: one request of `ListResourceRecordSets`.
    Read(Read),
    /// Send a batch: one request of `ChangeResourceRecordSets`, and only before `not_after`.
    Apply(Apply),
    /// Ask whether all name servers have a change: one request of `GetChange`.
    AskPropagation(ChangeId),
    /// Count the record sets of the zone: one request of `GetHostedZone`.
    Count,
    /// Publish a plan for approval. It replaces the publication before.
    Publish(Box<Publication>),
    /// Store a text for the next leader. It replaces the text before.
    Remember(String),
    /// Report something in logs, Events or metrics.
    Report(Report),
}

/// One page to be listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The id that the answer must carry.
    pub id: ReadId,
    /// Where the page begins; `None` is the zone's first record set.
    pub start: Option<Cursor>,
    /// The most record sets of the page. Route 53's limit is 300.
    pub max_items: u16,
    /// The read of names that this one continues, because its page ended within a name.
    pub continues: Option<ReadId>,
}

/// One batch to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Apply {
    /// The id that the answer must carry.
    pub id: ApplyId,
    /// The batch.
    pub batch: Arc<Batch>,
    /// The digest of the batch's units, for the request's comment. It joins CloudTrail to the audit line.
    pub digest: PlanDigest,
    /// The time from which it must not be sent: leadership ends, or the reads that it rests on are too old.
    pub not_after: Time,
}

/// A report for logs, Events and metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// Route 53 accepted a batch.
    Accepted {
        /// The batch.
        batch: Arc<Batch>,
        /// The batch's digest.
        digest: PlanDigest,
        /// The change's id. It is unknown if the answer was lost, and reads showed that the batch was accepted.
        change: Option<ChangeId>,
        /// How long each unit waited. A unit that nobody wants any more is missing.
        waits: Vec<Wait>,
    },
    /// A batch was not accepted.
    Refused {
        /// The number of its units.
        units: usize,
        /// Why it was not accepted.
        failure: Failure,
    },
    /// In a dry run: a unit is newly planned.
    Planned(Box<Unit>),
    /// A hostname is newly blocked for an object, or for another reason.
    Blocked(Box<Blocked>),
    /// A hostname is no longer blocked for an object.
    Unblocked {
        /// The key, or the hostnames without a claim.
        subject: Subject,
        /// The object.
        object: ObjectRef,
    },
    /// The records of a hostname are right and not ours.
    Noted(Box<Noted>),
    /// That is no longer so for an object.
    NoLongerNoted {
        /// The key.
        key: ClaimKey,
        /// The object.
        object: ObjectRef,
    },
    /// A leftover appeared. It answers queries beside the wanted record sets.
    LeftOver(Box<Leftover>),
    /// A leftover disappeared, or is wanted again.
    NotLeftOver(Box<Leftover>),
    /// An object says something that has no effect, or another effect than it seems. It blocks nothing.
    Ignored(Box<IgnoredField>),
    /// The object does not say that any more.
    NoLongerIgnored(Box<IgnoredField>),
    /// A condition has lasted for 30 seconds, or still lasts an hour after the last warning.
    Lasting {
        /// The condition.
        warning: Warning,
        /// How many other conditions of this object last for the same reason.
        others: usize,
        /// The object's uid.
        uid: ArcStr,
    },
    /// The state of an object whose kind has a status has changed. Only the leader reports it.
    ObjectState(Box<ObjectState>),
    /// All name servers have a change.
    InSync {
        /// The change.
        change: ChangeId,
        /// The time since it was accepted. Route 53 is asked every ten seconds.
        after: Duration,
    },
    /// A listing of the whole zone is complete.
    ZoneListed {
        /// The number of record sets.
        sets: usize,
    },
    /// A request other than a change failed.
    Failed {
        /// The request, in words.
        what: &'static str,
        /// Why the request failed.
        failure: Failure,
    },
}

/// A condition that the owners of an object should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// A hostname is blocked.
    Blocked(Box<Blocked>),
    /// The records of a hostname are right and not ours.
    Noted(Box<Noted>),
    /// A leftover exists.
    LeftOver(Box<Leftover>),
    /// The object says something that has no effect, or another effect than it seems.
    Ignored(Box<IgnoredField>),
}

/// A field of an object that has no effect, or another effect than it seems.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct IgnoredField {
    /// The object.
    pub object: ObjectRef,
    /// The field, as `annotation external-dns.kubernetes.io/ttl`.
    pub field: String,
    /// Why, and what counts instead.
    pub text: String,
    /// How the object is told.
    pub telling: Telling,
}

/// How the owners of an object are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Telling {
    /// With a warning, again each hour while it lasts.
    Warning,
    /// Once, as news: it may be as it should be.
    Once,
}

/// An owned record set that no object wants, beside record sets that an object wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// The object that wants the record sets beside it.
    pub object: ObjectRef,
    /// The record set.
    pub set: RecordSet,
}

/// Where a page of a listing begins.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// The name.
    pub name: Name,
    /// The type, if the page begins within a name.
    pub rtype: Option<RecordType>,
    /// The set identifier, if the page begins within a type.
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

/// The id of a read, which its answer carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReadId(pub u64);

/// The id of a batch, which its answer carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApplyId(pub u64);

/// Route 53's id of an accepted change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChangeId(pub ArcStr);

/// A failed request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Failure {
    /// How the keeper reacts.
    pub class: FailureClass,
    /// The service's error code, or a name for a failure on the way to the service.
    pub code: String,
    /// The service's message. It may name record sets.
    pub message: String,
}

/// A class of failures. The keeper has one reaction for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FailureClass {
    /// There were too many requests or changes for the account. The keeper slows down.
    Throttled,
    /// Route 53 processes another change of the zone. The keeper tries again soon.
    Busy,
    /// The request was not executed. The same request may succeed, so the keeper tries again.
    NotExecuted,
    /// The request may have been executed, because there is no clear answer. The keeper reads before it tries again.
    Unknown,
    /// Route 53 understood and rejected the request. The same request will be rejected again.
    Refused,
    /// The role has no permission for this change. It may have it for others.
    Denied,
    /// The zone is full: record sets can be replaced and not created.
    ZoneFull,
    /// Route 53 accepts no request of this account: the credentials, the permissions or the zone are wrong.
    Account,
    /// The request was not sent, because `not_after` had passed.
    Withheld,
}

impl Warning {
    /// The reason of its Event.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Blocked(blocked) => blocked.reason.label(),
            Self::Noted(noted) => noted.note.label(),
            Self::LeftOver(_) => "LeftOver",
            Self::Ignored(ignored) => match ignored.telling {
                Telling::Warning => "IgnoredField",
                Telling::Once => "OutsideZone",
            },
        }
    }

    /// How it is told.
    pub fn telling(&self) -> Telling {
        match self {
            Self::Blocked(_) | Self::Noted(_) | Self::LeftOver(_) => Telling::Warning,
            Self::Ignored(ignored) => ignored.telling,
        }
    }

    /// The object whose owners should know it.
    pub fn object(&self) -> &ObjectRef {
        match self {
            Self::Blocked(blocked) => &blocked.object,
            Self::Noted(noted) => &noted.object,
            Self::LeftOver(leftover) => &leftover.object,
            Self::Ignored(ignored) => &ignored.object,
        }
    }
}

impl FailureClass {
    /// The class's name in documents.
    pub fn label(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Busy => "busy",
            Self::NotExecuted => "not-executed",
            Self::Unknown => "unknown",
            Self::Refused => "refused",
            Self::Denied => "denied",
            Self::ZoneFull => "zone-full",
            Self::Account => "account",
            Self::Withheld => "withheld",
        }
    }

    /// Whether Route 53 understood the request and rejected its content.
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
    /// The first record set of a name.
    pub fn at(name: Name) -> Self {
        Self { name, rtype: None, set_id: None }
    }
}
