//! Shapes: how the parts of an object look to a template.
//!
//! ExternalDNS evaluates a template on the Go type of the object. So a field that the object does not set is empty, and a
//! field that the type does not have is an error. If that evaluation fails, it evaluates the template once more on the JSON
//! of the object, in which a missing field is an error. Here both views are one: a field of a type has the name of the Go
//! type or the name in JSON, which differ in the case of the first letters.

/// How a part of an object looks.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// The object itself.
    Object,
    Text,
    Bool,
    Int,
    /// A port by number or by name.
    IntOrText,
    /// A time, which templates cannot read.
    Time,
    /// A pointer in Go: true in a condition if it is set, whatever its value.
    Optional(&'static Self),
    List(&'static Self),
    /// A map from texts to texts: labels, annotations, selectors.
    Texts,
    Struct(&'static Struct),
    /// JSON of the object, whose missing fields are errors.
    Json,
    /// JSON of a text, whose missing fields are nothing.
    Parsed,
}

/// A type of Kubernetes, with the fields that its Go type has.
#[derive(Debug)]
pub(super) struct Struct {
    pub name: &'static str,
    fields: &'static [(&'static str, Shape)],
}

// === impl Struct ===

impl Struct {
    /// The shape of a field.
    pub fn field(&self, name: &str) -> Option<Shape> {
        self.fields.iter().find(|(field, _)| *field == name).map(|(_, shape)| *shape)
    }

    /// The field whose name differs only in case.
    pub fn similar(&self, name: &str) -> Option<&'static str> {
        self.fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(field, _)| *field)
    }
}

/// The shapes of the spec and the status of a kind. Kinds without a table are read as JSON.
pub(super) fn of_kind(kind: &str) -> (Shape, Shape) {
    match kind {
        "Ingress" => (Shape::Struct(&INGRESS_SPEC), Shape::Struct(&INGRESS_STATUS)),
        "Service" => (Shape::Struct(&SERVICE_SPEC), Shape::Struct(&SERVICE_STATUS)),
        _ => (Shape::Json, Shape::Json),
    }
}

/// The name in JSON of a field in Go: `clusterIP` for `ClusterIP`, `ipFamilies` for `IPFamilies`.
pub(super) fn json_name(field: &str) -> String {
    let capitals = field.chars().take_while(char::is_ascii_uppercase).count();
    let is_one_word = capitals == field.len();
    let lowered = if is_one_word { capitals } else { capitals.saturating_sub(1).max(1) };
    field.chars().enumerate().map(|(at, c)| if at < lowered { c.to_ascii_lowercase() } else { c }).collect()
}

const OPTIONAL_TEXT: Shape = Shape::Optional(&Shape::Text);
const TEXTS: Shape = Shape::List(&Shape::Text);
/// A list that [`Root::new`](super::Root::new) drops, so that it is always empty.
const DROPPED: Shape = Shape::List(&Shape::Json);

/// `kind` and `apiVersion`, which stand beside the metadata.
pub(super) static TYPE_META: Struct =
    Struct { name: "TypeMeta", fields: &[("APIVersion", Shape::Text), ("Kind", Shape::Text)] };

/// The metadata, whose fields are also fields of the object.
pub(super) static OBJECT_META: Struct = Struct {
    name: "ObjectMeta",
    fields: &[
        ("Annotations", Shape::Texts),
        ("CreationTimestamp", Shape::Time),
        ("DeletionGracePeriodSeconds", Shape::Optional(&Shape::Int)),
        ("DeletionTimestamp", Shape::Optional(&Shape::Time)),
        ("Finalizers", TEXTS),
        ("GenerateName", Shape::Text),
        ("Generation", Shape::Int),
        ("Labels", Shape::Texts),
        ("ManagedFields", DROPPED),
        ("Name", Shape::Text),
        ("Namespace", Shape::Text),
        ("OwnerReferences", Shape::List(&Shape::Struct(&OWNER_REFERENCE))),
        ("ResourceVersion", Shape::Text),
        ("SelfLink", Shape::Text),
        ("UID", Shape::Text),
    ],
};

static OWNER_REFERENCE: Struct = Struct {
    name: "OwnerReference",
    fields: &[
        ("APIVersion", Shape::Text),
        ("BlockOwnerDeletion", Shape::Optional(&Shape::Bool)),
        ("Controller", Shape::Optional(&Shape::Bool)),
        ("Kind", Shape::Text),
        ("Name", Shape::Text),
        ("UID", Shape::Text),
    ],
};

static INGRESS_SPEC: Struct = Struct {
    name: "IngressSpec",
    fields: &[
        ("DefaultBackend", Shape::Optional(&Shape::Struct(&INGRESS_BACKEND))),
        ("IngressClassName", OPTIONAL_TEXT),
        ("Rules", Shape::List(&Shape::Struct(&INGRESS_RULE))),
        ("TLS", Shape::List(&Shape::Struct(&INGRESS_TLS))),
    ],
};

static INGRESS_RULE: Struct = Struct {
    name: "IngressRule",
    fields: &[("HTTP", Shape::Optional(&Shape::Struct(&HTTP_INGRESS_RULE_VALUE))), ("Host", Shape::Text)],
};

static HTTP_INGRESS_RULE_VALUE: Struct = Struct {
    name: "HTTPIngressRuleValue",
    fields: &[("Paths", Shape::List(&Shape::Struct(&HTTP_INGRESS_PATH)))],
};

static HTTP_INGRESS_PATH: Struct = Struct {
    name: "HTTPIngressPath",
    fields: &[
        ("Backend", Shape::Struct(&INGRESS_BACKEND)),
        ("Path", Shape::Text),
        ("PathType", OPTIONAL_TEXT),
    ],
};

static INGRESS_BACKEND: Struct = Struct {
    name: "IngressBackend",
    fields: &[
        ("Resource", Shape::Optional(&Shape::Struct(&TYPED_LOCAL_OBJECT_REFERENCE))),
        ("Service", Shape::Optional(&Shape::Struct(&INGRESS_SERVICE_BACKEND))),
    ],
};

static TYPED_LOCAL_OBJECT_REFERENCE: Struct = Struct {
    name: "TypedLocalObjectReference",
    fields: &[("APIGroup", OPTIONAL_TEXT), ("Kind", Shape::Text), ("Name", Shape::Text)],
};

static INGRESS_SERVICE_BACKEND: Struct = Struct {
    name: "IngressServiceBackend",
    fields: &[("Name", Shape::Text), ("Port", Shape::Struct(&SERVICE_BACKEND_PORT))],
};

static SERVICE_BACKEND_PORT: Struct =
    Struct { name: "ServiceBackendPort", fields: &[("Name", Shape::Text), ("Number", Shape::Int)] };

static INGRESS_TLS: Struct =
    Struct { name: "IngressTLS", fields: &[("Hosts", TEXTS), ("SecretName", Shape::Text)] };

static INGRESS_STATUS: Struct = Struct {
    name: "IngressStatus",
    fields: &[("LoadBalancer", Shape::Struct(&INGRESS_LOAD_BALANCER_STATUS))],
};

static INGRESS_LOAD_BALANCER_STATUS: Struct = Struct {
    name: "IngressLoadBalancerStatus",
    fields: &[("Ingress", Shape::List(&Shape::Struct(&INGRESS_LOAD_BALANCER_INGRESS)))],
};

static INGRESS_LOAD_BALANCER_INGRESS: Struct = Struct {
    name: "IngressLoadBalancerIngress",
    fields: &[
        ("Hostname", Shape::Text),
        ("IP", Shape::Text),
        ("Ports", Shape::List(&Shape::Struct(&PORT_STATUS))),
    ],
};

static PORT_STATUS: Struct = Struct {
    name: "PortStatus",
    fields: &[("Error", OPTIONAL_TEXT), ("Port", Shape::Int), ("Protocol", Shape::Text)],
};

static SERVICE_SPEC: Struct = Struct {
    name: "ServiceSpec",
    fields: &[
        ("AllocateLoadBalancerNodePorts", Shape::Optional(&Shape::Bool)),
        ("ClusterIP", Shape::Text),
        ("ClusterIPs", TEXTS),
        ("ExternalIPs", TEXTS),
        ("ExternalName", Shape::Text),
        ("ExternalTrafficPolicy", Shape::Text),
        ("HealthCheckNodePort", Shape::Int),
        ("IPFamilies", TEXTS),
        ("IPFamilyPolicy", OPTIONAL_TEXT),
        ("InternalTrafficPolicy", OPTIONAL_TEXT),
        ("LoadBalancerClass", OPTIONAL_TEXT),
        ("LoadBalancerIP", Shape::Text),
        ("LoadBalancerSourceRanges", TEXTS),
        ("Ports", Shape::List(&Shape::Struct(&SERVICE_PORT))),
        ("PublishNotReadyAddresses", Shape::Bool),
        ("Selector", Shape::Texts),
        ("SessionAffinity", Shape::Text),
        ("SessionAffinityConfig", Shape::Optional(&Shape::Struct(&SESSION_AFFINITY_CONFIG))),
        ("TrafficDistribution", OPTIONAL_TEXT),
        ("Type", Shape::Text),
    ],
};

static SERVICE_PORT: Struct = Struct {
    name: "ServicePort",
    fields: &[
        ("AppProtocol", OPTIONAL_TEXT),
        ("Name", Shape::Text),
        ("NodePort", Shape::Int),
        ("Port", Shape::Int),
        ("Protocol", Shape::Text),
        ("TargetPort", Shape::IntOrText),
    ],
};

static SESSION_AFFINITY_CONFIG: Struct = Struct {
    name: "SessionAffinityConfig",
    fields: &[("ClientIP", Shape::Optional(&Shape::Struct(&CLIENT_IP_CONFIG)))],
};

static CLIENT_IP_CONFIG: Struct =
    Struct { name: "ClientIPConfig", fields: &[("TimeoutSeconds", Shape::Optional(&Shape::Int))] };

static SERVICE_STATUS: Struct = Struct {
    name: "ServiceStatus",
    fields: &[("Conditions", DROPPED), ("LoadBalancer", Shape::Struct(&LOAD_BALANCER_STATUS))],
};

static LOAD_BALANCER_STATUS: Struct = Struct {
    name: "LoadBalancerStatus",
    fields: &[("Ingress", Shape::List(&Shape::Struct(&LOAD_BALANCER_INGRESS)))],
};

static LOAD_BALANCER_INGRESS: Struct = Struct {
    name: "LoadBalancerIngress",
    fields: &[
        ("Hostname", Shape::Text),
        ("IP", Shape::Text),
        ("IPMode", OPTIONAL_TEXT),
        ("Ports", Shape::List(&Shape::Struct(&PORT_STATUS))),
    ],
};
