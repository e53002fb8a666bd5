//! From resources of the cluster to claims on hostnames.
//!
//! A resource is reduced to the fields that are used when it arrives, and dropped. The [`Index`] joins resources and gives
//! the [`Facts`] of each object. The endpoints in the facts become [`Claims`].
//!
//! Reading never fails as a whole. The problems of an object are part of its facts, so a mistake costs only the hostnames of
//! its own object.
//!
//! To add a kind of object, add a variant of [`Object`], a file with its function `facts`, a [`Resource`], and its watch in
//! the edge. If its facts need other resources, its reduced form is a [`Part`]. Those resources are variants of
//! [`Received`], and parts too.

mod addresses;
mod annotation;
mod annotation_key;
mod claim;
mod dns_endpoint;
mod domain_filter;
mod endpoint;
mod endpoint_rules;
mod endpoint_slice;
mod facts;
mod hostname_rules;
mod hosts;
mod index;
mod ingress;
mod keys;
mod look_up;
mod network;
mod node;
mod object_filter;
mod object_ref;
mod options;
mod pod;
mod problem;
mod received;
mod resource;
mod routing;
mod scope;
mod selector;
mod service;
pub mod template;
mod visibility;

use std::{collections::BTreeSet, sync::Arc};

use k8s_openapi::{
    api::{core::v1::Service, networking::v1::Ingress},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};

pub use addresses::Addresses;
pub use annotation::{
    ADOPT, CLASS_ANNOTATION, DEFAULT_PREFIXES, HAND_OVER_TO, OWN_ANNOTATIONS, PAUSED_UNTIL, PUBLISH,
};
pub use annotation_key::AnnotationKey;
pub(crate) use claim::Rank;
pub use claim::{Claim, Claims};
pub use dns_endpoint::{DnsEndpoint, DnsEndpointEntry, DnsEndpointProperty, DnsEndpointSpec};
pub use domain_filter::{BadDomainRegex, Domain, DomainFilter, DomainRegex, Domains};
pub use endpoint::{AliasChoice, AliasOptions, BadTarget, ClaimKey, Content, Endpoint, Record, Targets};
pub use endpoint_rules::EndpointRules;
pub(crate) use facts::MAX_OBJECT_VALUES;
pub use facts::{Controls, Facts, MAX_OBJECT_HOSTS, Pause};
pub use hostname_rules::{HostTemplate, HostnameRules};
pub use hosts::{BadHost, BadHosts, UnplannedHosts};
pub use index::{Equal, Index, Part, Reduced, Related};
pub(crate) use keys::{entries_at, union};
pub use network::{BadNetwork, Network, NetworkFilter};
pub use object_filter::{BadObjectFilter, ObjectFilter};
pub use object_ref::{BadObject, Kind, ObjectRef};
pub use problem::{Problem, Severity};
pub use received::Received;
pub use resource::{Resource, ResourceRef};
pub use scope::Scope;
pub use selector::{Labels, Selector};
pub use service::{BadServiceType, ServiceRules, ServiceType};
pub use visibility::Visibility;

use crate::dns::{Ttl, ZoneId};

/// An object of the cluster, as the API server sends it.
#[derive(Debug, Clone)]
pub enum Object {
    /// An `Ingress` of `networking.k8s.io/v1`.
    Ingress(Box<Ingress>),
    /// A `Service` of `v1`.
    Service(Box<Service>),
    /// A `DNSEndpoint` of `externaldns.k8s.io/v1alpha1`.
    DnsEndpoint(Box<DnsEndpoint>),
}

/// The objects that are read, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Annotation prefixes, the preferred one first; each ends in `/`.
    pub prefixes: Vec<String>,
    /// The namespaces whose objects count; all namespaces if it is empty.
    pub namespaces: BTreeSet<String>,
    /// The classes of Ingress that count; all classes if it is empty.
    pub ingress_classes: BTreeSet<String>,
    /// The annotations of objects that count.
    pub annotation_filter: ObjectFilter,
    /// The labels of objects that count.
    pub label_filter: ObjectFilter,
    /// Our zone. Objects that name another one do not count.
    pub zone: Option<ZoneId>,
    /// Which of these objects are published.
    pub publish: Publish,
    /// Which Services have records, and with which addresses.
    pub services: ServiceRules,
    /// Where their hostnames come from.
    pub hostnames: HostnameRules,
    /// The targets of A and AAAA records of a `DNSEndpoint` that states none. Every other object waits for its controller.
    pub default_targets: Arc<Targets>,
    /// Whether `zonekeeper.dev/adopt` has an effect. It lets the owner of an object take over a record that equals what
    /// the object asks for, so whoever may annotate an object could take any record whose value he knows.
    pub adopt_by_annotation: bool,
    /// The largest TTL that an object gets. Resolvers cap TTLs too (RFC 8767, 4, recommends 7 days), and a wrong record
    /// with a long TTL cannot be called back.
    pub max_ttl: Ttl,
}

/// Which objects are published.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Publish {
    /// Those with a hostname annotation or with `zonekeeper.dev/publish: "true"`.
    #[default]
    Annotated,
    /// Every object that has a hostname, as in ExternalDNS.
    All,
}

// === impl Object ===

impl Object {
    /// The reference to it; `None` without a name, which no API server sends.
    pub fn id(&self) -> Option<ObjectRef> {
        let meta = self.metadata();
        Some(ObjectRef::new(
            self.kind(),
            meta.namespace.as_deref().unwrap_or("default"),
            meta.name.as_deref()?,
        ))
    }

    /// The kind of the object.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Ingress(_) => Kind::Ingress,
            Self::Service(_) => Kind::Service,
            Self::DnsEndpoint(_) => Kind::DnsEndpoint,
        }
    }

    /// The reference to it as a resource; `None` without a name, which no API server sends.
    pub fn resource_ref(&self) -> Option<ResourceRef> {
        let meta = self.metadata();
        let namespace = meta.namespace.as_deref().unwrap_or("default");
        Some(ResourceRef::new(self.resource(), namespace, meta.name.as_deref()?))
    }

    /// The few fields that are kept of it; `None` if it has no hostname, or if its namespace does not count. If the rules do
    /// not select the object, they are only its hostnames.
    pub fn reduce(&self, rules: &Rules) -> Option<Reduced> {
        let id = self.id()?;
        if !rules.namespaces.is_empty() && !rules.namespaces.contains(id.namespace()) {
            return None;
        }
        let reduced = match self {
            Self::Ingress(ingress) => Reduced::Facts(Box::new(ingress::facts(ingress, id, rules))),
            Self::Service(service) => service::reduce(service, id, rules)?,
            Self::DnsEndpoint(endpoint) => Reduced::Facts(Box::new(dns_endpoint::facts(endpoint, id, rules))),
        };
        let says_nothing = matches!(&reduced, Reduced::Facts(facts) if facts.is_empty());
        (!says_nothing).then_some(reduced)
    }

    /// The sort of resource that the object is.
    pub fn resource(&self) -> Resource {
        match self {
            Self::Ingress(_) => Resource::INGRESS,
            Self::Service(_) => Resource::SERVICE,
            Self::DnsEndpoint(_) => Resource::DNS_ENDPOINT,
        }
    }

    /// Its facts as if it were the only resource of the cluster.
    pub fn facts(&self, rules: &Rules) -> Option<Facts> {
        self.reduce(rules)?.alone()
    }

    fn metadata(&self) -> &ObjectMeta {
        match self {
            Self::Ingress(ingress) => &ingress.metadata,
            Self::Service(service) => &service.metadata,
            Self::DnsEndpoint(endpoint) => &endpoint.metadata,
        }
    }
}

// === impl Rules ===

impl Default for Rules {
    fn default() -> Self {
        Self {
            prefixes: DEFAULT_PREFIXES.map(str::to_owned).to_vec(),
            namespaces: BTreeSet::new(),
            ingress_classes: BTreeSet::new(),
            annotation_filter: ObjectFilter::default(),
            label_filter: ObjectFilter::default(),
            zone: None,
            publish: Publish::default(),
            services: ServiceRules::default(),
            hostnames: HostnameRules::default(),
            default_targets: Arc::default(),
            adopt_by_annotation: false,
            max_ttl: Ttl::A_WEEK,
        }
    }
}
