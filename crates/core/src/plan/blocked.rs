//! Blocked claims, as their objects see them.

use std::fmt;

use super::{Covered, HandChange, Reason, limit::Limit};
use crate::{
    sanitize::listed,
    source::{BadHosts, ClaimKey, Facts, MAX_OBJECT_HOSTS, ObjectRef, UnplannedHosts},
};

/// A claim that is not published, for exactly one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// The key or the hostnames that the object asks for.
    pub subject: Subject,
    /// The object of the claim.
    pub object: ObjectRef,
    /// The reason.
    pub reason: Reason,
    /// The change batch with which a person could resolve a conflict with the zone. zonekeeper does not run it.
    pub remedy: Vec<HandChange>,
}

/// A key, or hostnames, that an object asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A key.
    Key(ClaimKey),
    /// Hostnames that get no claim, as a text for people: an invalid one, or those above the limit.
    Hostnames(String),
}

// === impl Subject ===

impl Subject {
    /// The key, if it is one.
    pub fn key(&self) -> Option<&ClaimKey> {
        match self {
            Self::Key(key) => Some(key),
            Self::Hostnames(_) => None,
        }
    }

    /// The hostname without its set identifier, or the hostnames.
    pub fn hostname(&self) -> &str {
        match self {
            Self::Key(key) => key.host.as_str(),
            Self::Hostnames(text) => text,
        }
    }
}

/// `www.example.com`, or `www.example.com set=blue`.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => key.fmt(f),
            Self::Hostnames(text) => f.write_str(text),
        }
    }
}

// === impl Blocked ===

impl Blocked {
    /// The reason in words, for readers who may see only the object's namespace. It names no object of another namespace, and
    /// nothing of the AWS account.
    pub fn message_for_owner(&self) -> String {
        match &self.reason {
            Reason::ClaimedBy { holder } if !holder.is_beside(&self.object) => {
                "an object of another namespace holds this hostname".to_owned()
            }
            Reason::SpeaksForOthers { host, holder } if !holder.is_beside(&self.object) => {
                format!("the name speaks for {host}, and an object of another namespace holds that hostname")
            }
            Reason::Vacant { holder } if !holder.is_beside(&self.object) => {
                "zonekeeper keeps the hostname for an object of another namespace, which is gone".to_owned()
            }
            Reason::KindUnreadable { holder } if !holder.is_beside(&self.object) => {
                "an object of another namespace holds this hostname, and zonekeeper cannot read it"
                    .to_owned()
            }
            Reason::DependencyUnreadable { object, .. } if !object.is_beside(&self.object) => {
                "an object of another namespace may want other records here, and zonekeeper cannot read everything that \
                 this object depends on"
                    .to_owned()
            }
            Reason::CoversOthers { covered: Covered::Claim(_) | Covered::Record { .. }, .. } => {
                "the record would also count for a name that is not of this namespace".to_owned()
            }
            Reason::DeniedByIam { .. } => format!("AWS IAM denied the change of {}", self.subject),
            reason => reason.to_string(),
        }
    }
}

/// The hostnames of an object that are blocked with any zone: the invalid ones, those above the limit, and those that are
/// not known.
///
/// The first hostnames above the limit are listed, the others counted. The last kept invalid hostname also counts the
/// dropped ones.
pub(crate) fn of_object(facts: &Facts) -> impl Iterator<Item = Blocked> {
    let blocked = |hostnames, reason| {
        let (subject, object) = (Subject::Hostnames(hostnames), facts.object.clone());
        Blocked { subject, object, reason, remedy: Vec::new() }
    };
    let UnplannedHosts { bad: BadHosts { first, more }, above_limit, .. } = facts.unplanned_hosts();
    let counts = std::iter::repeat_n(0, first.len().saturating_sub(1)).chain([*more]);
    let bad = first.iter().zip(counts).map(move |(bad, more)| {
        let host = if more == 0 { bad.text.clone() } else { format!("{} and {more} more", bad.text) };
        blocked(host, Reason::InvalidHostname(bad.why.clone()))
    });
    let above = Some(above_limit).filter(|above| !above.is_empty()).map(move |above| {
        blocked(listed(above.iter()), Reason::TooBig(Limit::ObjectHosts(MAX_OBJECT_HOSTS + above.len())))
    });
    let unknown = facts.unknown_hosts().map(move |problem| {
        let (field, text) = (problem.field.clone(), problem.text.clone());
        blocked(format!("the hostnames of {field}"), Reason::InvalidField { field, text })
    });
    bad.chain(above).chain(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{dns::Name, source::Kind};

    #[test]
    fn the_text_for_an_object_does_not_describe_the_aws_account() {
        let message =
            "User: arn:aws:sts::111122223333:assumed-role/zonekeeper/pod is not authorized".to_owned();
        let blocked = Blocked {
            subject: Subject::Hostnames("www.example.com".to_owned()),
            object: ObjectRef::new(Kind::Ingress, "shop", "web"),
            reason: Reason::DeniedByIam { message: message.clone(), is_underscored: false },
            remedy: vec![],
        };
        assert_eq!(blocked.message_for_owner(), "AWS IAM denied the change of www.example.com");
        assert!(blocked.reason.to_string().contains(&message));
    }

    #[test]
    fn the_text_for_an_object_names_no_other_namespace() {
        let object = |namespace: &str| ObjectRef::new(Kind::Ingress, namespace, "web");
        for (namespace, is_named) in [("shop", true), ("bank", false)] {
            for reason in [
                Reason::ClaimedBy { holder: object(namespace) },
                Reason::SpeaksForOthers {
                    host: Name::from_hostname("www.example.com").unwrap(),
                    holder: object(namespace),
                },
                Reason::Vacant { holder: object(namespace) },
                Reason::KindUnreadable { holder: object(namespace) },
                Reason::DependencyUnreadable {
                    object: object(namespace),
                    resource: format!("Backend/{namespace}/web"),
                },
            ] {
                let label = reason.label();
                let blocked = Blocked {
                    subject: Subject::Hostnames("www.example.com".to_owned()),
                    object: object("shop"),
                    reason,
                    remedy: vec![],
                };
                assert_eq!(
                    blocked.message_for_owner().contains(namespace),
                    is_named,
                    "{label}: {}",
                    blocked.message_for_owner()
                );
                assert!(blocked.reason.to_string().contains(namespace), "{label}");
            }
        }
    }
}
