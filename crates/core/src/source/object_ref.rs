//! References to objects: the one place where `Ingress/shop/web` and `ingress/shop/web` are read and written.

use std::{cmp::Ordering, fmt, str::FromStr, sync::Arc};

use arcstr::ArcStr;

use crate::text_order::compare;

/// The kind of an object that can ask for hostnames.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `Ingress` of `networking.k8s.io/v1`.
    Ingress,
    /// `Service` of `v1`.
    Service,
    /// `DNSEndpoint` of `externaldns.k8s.io/v1alpha1`.
    DnsEndpoint,
    /// A kind that zonekeeper does not read, as an ownership record writes it: `httproute`.
    Other(ArcStr),
}

/// A reference to an object, written `Ingress/shop/web`.
///
/// An ownership record names its object in this form too. Such an object can be of a kind that zonekeeper does not read
/// ([`Kind::Other`]), and it can be cluster-scoped (`node/worker-1`): its namespace is then empty.
///
/// The order is by kind, then namespace, then name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef(Arc<Parts>);

#[derive(PartialEq, Eq, Hash)]
struct Parts {
    kind: Kind,
    /// The namespace, followed by the name: one text is smaller than two.
    place: Box<str>,
    /// The end of the namespace and the start of the name.
    end: usize,
}

/// A text that does not refer to an object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an object as Ingress/shop/web, Service/shop/web or DNSEndpoint/shop/web")]
pub struct BadObject;

// === impl Kind ===

impl Kind {
    /// The kinds that zonekeeper reads.
    pub const ALL: [Self; 3] = [Self::Ingress, Self::Service, Self::DnsEndpoint];

    /// The kind as Kubernetes writes it: `Ingress`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Ingress => "Ingress",
            Self::Service => "Service",
            Self::DnsEndpoint => "DNSEndpoint",
            Self::Other(label) => label,
        }
    }

    /// The kind as flags, metrics and ownership records write it: `ingress`.
    pub fn label(&self) -> &str {
        match self {
            Self::Ingress => "ingress",
            Self::Service => "service",
            Self::DnsEndpoint => "crd",
            Self::Other(label) => label,
        }
    }

    /// The kind with a label, whether zonekeeper reads it or not.
    pub fn from_label(label: &str) -> Self {
        let known = Self::ALL.into_iter().find(|kind| kind.label() == label);
        known.unwrap_or_else(|| Self::Other(label.into()))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// === impl Parts ===

impl Parts {
    fn namespace(&self) -> &str {
        self.place.get(..self.end).unwrap_or_default()
    }

    fn name(&self) -> &str {
        self.place.get(self.end..).unwrap_or_default()
    }
}

impl Ord for Parts {
    fn cmp(&self, other: &Self) -> Ordering {
        let kinds = self.kind.cmp(&other.kind);
        let namespaces = || compare(self.namespace(), other.namespace());
        kinds.then_with(namespaces).then_with(|| compare(self.name(), other.name()))
    }
}

impl PartialOrd for Parts {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

// === impl ObjectRef ===

impl ObjectRef {
    /// Refers to an object; `namespace` is empty for a cluster-scoped one.
    pub fn new(kind: Kind, namespace: &str, name: &str) -> Self {
        Self(Arc::new(Parts { kind, place: [namespace, name].concat().into(), end: namespace.len() }))
    }

    /// Reads the resource label of an ownership record, as ExternalDNS writes it: `ingress/shop/web`, `node/worker-1`.
    ///
    /// It accepts any text, because other programs write such records too. [`ObjectRef::resource_label`] gives the same
    /// text back.
    pub fn from_resource_label(text: &str) -> Self {
        let (kind, path) = text.split_once('/').unwrap_or((text, ""));
        let (namespace, name) = path.split_once('/').unwrap_or(("", path));
        Self::new(Kind::from_label(kind), namespace, name)
    }

    /// The object's kind.
    pub fn kind(&self) -> &Kind {
        &self.0.kind
    }

    /// Whether both objects are in one namespace. Only then does one team decide about both.
    pub fn is_beside(&self, other: &Self) -> bool {
        self.namespace() == other.namespace()
    }

    /// Whether the object is in the namespace of one of the others.
    pub fn is_beside_one_of(&self, others: &[Self]) -> bool {
        others.iter().any(|other| self.is_beside(other))
    }

    /// The object's namespace; empty for a cluster-scoped object.
    pub fn namespace(&self) -> &str {
        self.0.namespace()
    }

    /// The object's name.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// The reference as ExternalDNS writes it into an ownership record: `ingress/shop/web`.
    pub fn resource_label(&self) -> String {
        self.written(self.kind().label())
    }

    fn written(&self, kind: &str) -> String {
        match (self.namespace(), self.name()) {
            ("", "") => kind.to_owned(),
            ("", name) => format!("{kind}/{name}"),
            (namespace, name) => format!("{kind}/{namespace}/{name}"),
        }
    }
}

/// Reads what a person writes: `Ingress/shop/web`, with the kind in any case. The kind must be one that zonekeeper reads.
impl FromStr for ObjectRef {
    type Err = BadObject;

    fn from_str(text: &str) -> Result<Self, BadObject> {
        let (kind, path) = text.split_once('/').ok_or(BadObject)?;
        let (namespace, name) = path.split_once('/').ok_or(BadObject)?;
        let is_it =
            |known: &Kind| [known.as_str(), known.label()].iter().any(|it| it.eq_ignore_ascii_case(kind));
        let kind = Kind::ALL.into_iter().find(is_it);
        let is_named = is_object_name(namespace) && is_object_name(name);
        kind.filter(|_| is_named).map(|kind| Self::new(kind, namespace, name)).ok_or(BadObject)
    }
}

/// Whether a text can be the name of an object or a namespace: lower case letters, digits, `-` and `.` (Kubernetes, "DNS
/// subdomain names").
fn is_object_name(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    (1..=253).contains(&text.len()) && text.bytes().all(is_allowed)
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written(self.kind().as_str()))
    }
}

impl fmt::Debug for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_label_is_read_whatever_its_kind() {
        for (text, kind, namespace, name) in [
            ("ingress/shop/web", Kind::Ingress, "shop", "web"),
            ("crd/shop/web", Kind::DnsEndpoint, "shop", "web"),
            ("httproute/shop/web", Kind::Other("httproute".into()), "shop", "web"),
            ("node/worker-1", Kind::Other("node".into()), "", "worker-1"),
            ("Ingress/shop/web", Kind::Other("Ingress".into()), "shop", "web"),
            ("a/b/c/d", Kind::Other("a".into()), "b", "c/d"),
            ("web", Kind::Other("web".into()), "", ""),
            ("", Kind::Other("".into()), "", ""),
        ] {
            let object = ObjectRef::from_resource_label(text);
            assert_eq!(
                (object.kind(), object.namespace(), object.name()),
                (&kind, namespace, name),
                "{text}"
            );
            assert_eq!(object.resource_label(), text);
        }
    }

    #[test]
    fn a_person_refers_to_kinds_that_are_read() {
        let web = ObjectRef::new(Kind::Ingress, "shop", "web");
        for text in ["Ingress/shop/web", "ingress/shop/web", "INGRESS/shop/web"] {
            assert_eq!(text.parse(), Ok(web.clone()), "{text}");
        }
        let records = ObjectRef::new(Kind::DnsEndpoint, "shop", "records");
        for text in ["DNSEndpoint/shop/records", "dnsendpoint/shop/records", "crd/shop/records"] {
            assert_eq!(text.parse(), Ok(records.clone()), "{text}");
        }
        for text in
            ["", "web", "shop/web", "Pod/shop/web", "Ingress//web", "Ingress/shop/", "Ingress/shop/web/x"]
        {
            assert_eq!(text.parse::<ObjectRef>(), Err(BadObject), "{text}");
        }
    }
}
