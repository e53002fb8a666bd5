//! What the cluster says: objects, the facts we keep of them, and the claims that follow.
//!
//! An object is reduced to [`Facts`] when it arrives and dropped. Reading never fails as a whole: what is wrong
//! with an object is part of its facts, so that a mistake costs the hostnames of its own object and no other.
//! A further kind of object is a variant of [`Object`] with a file of its own here, and one line of watching.

mod annotation;
mod claim;
mod facts;
mod ingress;
mod service;

use std::{collections::BTreeSet, fmt, str::FromStr, sync::Arc};

use k8s_openapi::{
    api::{core::v1::Service, networking::v1::Ingress},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};

pub use annotation::{ADOPT, AnnotationKey, DEFAULT_PREFIXES, HAND_OVER_TO, PAUSED_UNTIL, PUBLISH};
pub use claim::{Claim, ClaimKey, Claims};
pub use facts::{BadHost, Facts, Pause, Problem, Targets};

/// An object of the cluster, as the API server sends it.
#[derive(Debug, Clone)]
pub enum Object {
    /// An `Ingress` of `networking.k8s.io/v1`.
    Ingress(Box<Ingress>),
    /// A `Service` of `v1`.
    Service(Box<Service>),
}

/// The kinds of objects that can ask for records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `Ingress` of `networking.k8s.io/v1`.
    Ingress,
    /// `Service` of `v1`.
    Service,
}

/// Which object: `Ingress/shop/web`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(Arc<Identity>);

#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Identity {
    kind: Kind,
    namespace: String,
    name: String,
}

/// A text that names no object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an object as Ingress/shop/web or Service/shop/web")]
pub struct BadObject;

/// Which objects are read, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Annotation prefixes, the preferred one first; each ends in `/`.
    pub prefixes: Vec<String>,
    /// Namespaces whose objects count; all where it is empty.
    pub namespaces: BTreeSet<String>,
    /// Classes of Ingress that count; all where it is empty.
    pub ingress_classes: BTreeSet<String>,
    /// Whether an object must carry a hostname annotation or `zonekeeper.dev/publish: "true"`.
    pub require_annotation: bool,
}

// === impl Object ===

impl Object {
    /// Which object it is; `None` without a name, which no API server sends.
    pub fn id(&self) -> Option<ObjectId> {
        let meta = self.metadata();
        Some(ObjectId::new(
            self.kind(),
            meta.namespace.as_deref().unwrap_or("default"),
            meta.name.as_deref()?,
        ))
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Ingress(_) => Kind::Ingress,
            Self::Service(_) => Kind::Service,
        }
    }

    /// What we keep of it; `None` where it names no hostname, or is of a namespace that does not count. Of an object that
    /// the rules do not select, it is which hostnames it names.
    pub fn facts(&self, rules: &Rules) -> Option<Facts> {
        let id = self.id()?;
        if !rules.namespaces.is_empty() && !rules.namespaces.contains(id.namespace()) {
            return None;
        }
        let facts = match self {
            Self::Ingress(ingress) => ingress::facts(ingress, id, rules),
            Self::Service(service) => service::facts(service, id, rules)?,
        };
        (!facts.is_empty()).then_some(facts)
    }

    fn metadata(&self) -> &ObjectMeta {
        match self {
            Self::Ingress(ingress) => &ingress.metadata,
            Self::Service(service) => &service.metadata,
        }
    }
}

// === impl Kind ===

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 2] = [Self::Ingress, Self::Service];

    /// As Kubernetes writes it: `Ingress`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ingress => "Ingress",
            Self::Service => "Service",
        }
    }

    /// As flags, metrics and ownership labels write it: `ingress`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Service => "service",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// === impl ObjectId ===

impl ObjectId {
    /// Names an object.
    pub fn new(kind: Kind, namespace: &str, name: &str) -> Self {
        Self(Arc::new(Identity { kind, namespace: namespace.to_owned(), name: name.to_owned() }))
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Its namespace.
    pub fn namespace(&self) -> &str {
        &self.0.namespace
    }

    /// Its name within the namespace.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// As ExternalDNS writes it into an ownership text: `ingress/shop/web`.
    pub fn resource_label(&self) -> String {
        format!("{}/{}/{}", self.kind().label(), self.namespace(), self.name())
    }
}

/// Whether a text can be the name of an object or a namespace: lower case letters, digits, `-` and `.` (Kubernetes, "DNS
/// subdomain names").
fn is_object_name(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    (1..=253).contains(&text.len()) && text.bytes().all(is_allowed)
}

/// Reads `Ingress/shop/web`; the kind in any case.
impl FromStr for ObjectId {
    type Err = BadObject;

    fn from_str(text: &str) -> Result<Self, BadObject> {
        let [kind, namespace, name] = text.split('/').collect::<Vec<_>>()[..] else { return Err(BadObject) };
        let kind = Kind::ALL.into_iter().find(|known| known.label() == kind.to_ascii_lowercase());
        match kind {
            Some(kind) if is_object_name(namespace) && is_object_name(name) => {
                Ok(Self::new(kind, namespace, name))
            }
            _ => Err(BadObject),
        }
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.kind(), self.namespace(), self.name())
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

// === impl Rules ===

impl Default for Rules {
    fn default() -> Self {
        Self {
            prefixes: DEFAULT_PREFIXES.map(str::to_owned).to_vec(),
            namespaces: BTreeSet::new(),
            ingress_classes: BTreeSet::new(),
            require_annotation: false,
        }
    }
}
