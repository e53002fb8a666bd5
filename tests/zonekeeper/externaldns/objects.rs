//! The objects of random situations.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{
    emulated_zone::APEX,
    generator::Wish,
    random::Random,
    records::{of_targets, targets},
};

/// The prefix of annotations.
pub const PREFIX: &str = "external-dns.kubernetes.io/";

/// Hostnames, the common ones first.
const HOSTS: [&str; 16] = [
    "www.example.com",
    "api.example.com",
    "shop.example.com",
    "mail.dev.example.com",
    "*.example.com",
    "*.dev.example.com",
    "example.com",
    "a-www.example.com",
    "deep.a.b.c.example.com",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example.com",
    "www.example.org",
    "any.example.com",
    "_x.example.com",
    "WWW.example.com",
    "www.EXAMPLE.com",
    "old.example.com",
];
/// How many of them are common.
const COMMON: usize = 4;
/// How many of them are in lower case and valid as the host of an Ingress.
const VALID: usize = 12;

/// Routing policies: the annotations, and the text in a record set.
const POLICIES: [(&[(&str, &str)], &str); 15] = [
    (&[("aws-weight", "10")], "weight=10"),
    (&[("aws-weight", "0")], "weight=0"),
    (
        &[("aws-weight", "20"), ("aws-health-check-id", "abcdef11-2222-3333-4444-555555fedcba")],
        "weight=20 health-check=abcdef11-2222-3333-4444-555555fedcba",
    ),
    (&[("aws-region", "eu-west-1")], "region=eu-west-1"),
    (&[("aws-region", "us-east-1")], "region=us-east-1"),
    (&[("aws-failover", "PRIMARY")], "failover=PRIMARY"),
    (&[("aws-failover", "SECONDARY")], "failover=SECONDARY"),
    (&[("aws-geolocation-continent-code", "EU")], "geolocation=EU//"),
    (&[("aws-geolocation-country-code", "*")], "geolocation=/*/"),
    (
        &[("aws-geolocation-country-code", "US"), ("aws-geolocation-subdivision-code", "CA")],
        "geolocation=/US/CA",
    ),
    (
        &[("aws-geoproximity-region", "eu-west-1"), ("aws-geoproximity-bias", "5")],
        "geoproximity=eu-west-1///5",
    ),
    (&[("aws-geoproximity-coordinates", "49.22,-74.01")], "geoproximity=//49.22,-74.01/0"),
    (&[("aws-geoproximity-local-zone-group", "us-east-1-bue-1")], "geoproximity=/us-east-1-bue-1//0"),
    (&[("aws-multi-value-answer", "")], "multivalue=true"),
    (&[("aws-multi-value-answer", "true")], "multivalue=true"),
];

/// Annotations without a policy, each with values and its likelihood in percent.
const ANNOTATIONS: [(&str, &[&str], u32); 13] = [
    ("ttl", &["60", "1m30s", "1.5h", "0", "soon", "2147483648", "300"], 25),
    ("alias", &["true", "false", "yes"], 7),
    ("aws-evaluate-target-health", &["false", "true", "maybe"], 7),
    ("controller", &["dns-controller", "other"], 4),
    ("ingress-hostname-source", &["annotation-only", "defined-hosts-only", "else"], 5),
    ("access", &["public", "private"], 5),
    ("endpoints-type", &["HostIP", "NodeExternalIP", "Pod"], 6),
    ("record-type", &["ptr"], 1),
    ("cloudflare-proxied", &["true"], 1),
    ("aws-hosted-zone-id", &["Z0123456789EXAMPLE"], 1),
    ("aws-target-hosted-zone", &["Z32O12XQLNTSW2"], 1),
    ("aws-something", &["x"], 1),
    ("aws-weight", &["10"], 1),
];

/// The objects of a situation.
#[derive(Debug, Default)]
pub struct Objects {
    documents: Vec<Value>,
    /// The hostnames that they ask for, as far as the zone is prepared for them.
    pub wishes: Vec<Wish>,
}

/// An object in the making.
struct Draft<'r> {
    random: &'r mut Random,
    features: &'r mut BTreeSet<String>,
    metadata: Map<String, Value>,
    annotations: Map<String, Value>,
    namespace: String,
    name: String,
    /// Its number, which makes its addresses unique.
    number: usize,
    /// The set identifier and the policy in the text of record sets.
    routing: String,
}

// === impl Objects ===

impl Objects {
    /// One to three objects.
    pub fn new(random: &mut Random, features: &mut BTreeSet<String>) -> Self {
        let mut objects = Self::default();
        let count = [1, 1, 1, 2, 2, 3][random.below(6)];
        for number in 0..count {
            let draft = Draft::new(random, features, number);
            match draft.random.below(100) {
                0..=39 => objects.ingress(draft),
                40..=57 => objects.load_balancer(draft),
                58..=64 => objects.external_name(draft),
                65..=71 => objects.cluster_ip(draft),
                72..=80 => objects.headless(draft),
                81..=87 => objects.node_port(draft),
                _ => objects.dns_endpoint(draft),
            }
        }
        objects
    }

    /// The documents.
    pub fn text(&self) -> String {
        let documents: Vec<String> = self.documents.iter().map(|document| format!("{document}\n")).collect();
        documents.join("---\n")
    }

    fn wish(&mut self, draft: &Draft<'_>, kind: &str, hosts: &[String], targets: &[String]) {
        let resource = format!("{kind}/{}/{}", draft.namespace, draft.name);
        let wish = |host: &String| Wish {
            host: host.clone(),
            records: of_targets(targets),
            routing: draft.routing.clone(),
            resource: resource.clone(),
        };
        self.wishes.extend(hosts.iter().map(wish));
    }

    fn ingress(&mut self, mut draft: Draft<'_>) {
        draft.features.insert("kind Ingress".to_owned());
        let mut hosts = draft.hosts(VALID);
        let rules: Vec<Value> = hosts.iter().map(|host| json!({"host": host})).collect();
        let mut spec = json!({"rules": rules});
        if draft.random.percent(15) {
            spec["tls"] = json!([{"hosts": ["tls.example.com"]}]);
            hosts.push(format!("tls.{APEX}"));
        }
        if draft.random.percent(20) {
            spec["ingressClassName"] = json!(draft.random.pick(&["nginx", "other"]));
        }
        if draft.random.percent(20) {
            let extra = draft.hosts(HOSTS.len());
            draft.annotate("hostname", &extra.join(","));
            hosts.extend(extra);
        }
        let targets = draft.targets();
        self.wish(&draft, "ingress", &hosts, &targets);
        let status = draft.status(&targets);
        self.documents.push(draft.document("Ingress", json!({"spec": spec, "status": status})));
    }

    fn load_balancer(&mut self, mut draft: Draft<'_>) {
        let hosts = draft.hostname_annotation();
        let mut spec = json!({"type": "LoadBalancer", "clusterIP": draft.cluster_ip()});
        let mut targets = draft.targets();
        if draft.random.percent(10) {
            spec["externalIPs"] = json!(["198.51.100.1"]);
            targets = vec!["198.51.100.1".to_owned()];
        }
        self.wish(&draft, "service", &hosts, &targets);
        let status = draft.status(&targets);
        self.documents.push(draft.document("Service", json!({"spec": spec, "status": status})));
    }

    fn external_name(&mut self, mut draft: Draft<'_>) {
        let hosts = draft.hostname_annotation();
        let name = draft
            .random
            .pick(&["lb.example.net", "192.0.2.5", "web-1.eu-west-1.elb.amazonaws.com"])
            .to_string();
        self.wish(&draft, "service", &hosts, std::slice::from_ref(&name));
        let spec = json!({"type": "ExternalName", "externalName": name});
        self.documents.push(draft.document("Service", json!({"spec": spec})));
    }

    fn cluster_ip(&mut self, mut draft: Draft<'_>) {
        let hosts = draft.hostname_annotation();
        let address = draft.cluster_ip();
        self.wish(&draft, "service", &hosts, std::slice::from_ref(&address));
        let spec = json!({"type": "ClusterIP", "clusterIP": address});
        self.documents.push(draft.document("Service", json!({"spec": spec})));
    }

    fn headless(&mut self, mut draft: Draft<'_>) {
        draft.features.insert("service headless".to_owned());
        let hosts = draft.hostname_annotation();
        let (number, namespace, name) = (draft.number, draft.namespace.clone(), draft.name.clone());
        let node = format!("n{number}");
        self.documents.push(json!({
            "kind": "Node",
            "metadata": {"name": node},
            "status": {"addresses": [
                {"type": "ExternalIP", "address": format!("203.0.113.{number}")},
                {"type": "InternalIP", "address": format!("2001:db8:9::{number}")},
            ]},
        }));
        let mut endpoints = Vec::new();
        for pod in 0..=draft.random.below(3) {
            let at = format!("{name}-{pod}");
            let mut spec = json!({"nodeName": node});
            if draft.random.percent(30) {
                spec["hostname"] = json!(format!("p{pod}"));
            }
            let mut metadata = json!({"name": at, "namespace": namespace, "labels": {"app": name}});
            if draft.random.percent(10) {
                metadata["annotations"] = json!({format!("{PREFIX}target"): "198.51.100.7"});
            }
            let status = json!({"phase": "Running", "hostIP": format!("203.0.113.{}", 100 + pod)});
            self.documents.push(json!({"kind": "Pod", "metadata": metadata, "spec": spec, "status": status}));
            endpoints.push(json!({
                "addresses": [format!("10.1.{number}.{pod}")],
                "conditions": {"ready": draft.random.percent(80)},
                "targetRef": {"kind": "Pod", "name": at},
            }));
        }
        self.documents.push(json!({
            "kind": "EndpointSlice",
            "metadata": {"name": name, "namespace": namespace, "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4",
            "endpoints": endpoints,
        }));
        self.wish(&draft, "service", &hosts, &[format!("10.1.{number}.0")]);
        let mut spec = json!({"type": "ClusterIP", "clusterIP": "None", "selector": {"app": name}});
        if draft.random.percent(15) {
            spec["publishNotReadyAddresses"] = json!(true);
        }
        self.documents.push(draft.document("Service", json!({"spec": spec})));
    }

    fn node_port(&mut self, mut draft: Draft<'_>) {
        let hosts = draft.hostname_annotation();
        let number = draft.number;
        let address = format!("203.0.113.{}", 50 + number);
        let is_unschedulable = draft.random.percent(20);
        self.documents.push(json!({
            "kind": "Node",
            "metadata": {"name": format!("np{number}")},
            "spec": {"unschedulable": is_unschedulable},
            "status": {"addresses": [
                {"type": "ExternalIP", "address": address},
                {"type": "InternalIP", "address": format!("10.9.0.{number}")},
                {"type": "InternalIP", "address": format!("2001:db8:8::{number}")},
            ]},
        }));
        self.wish(&draft, "service", &hosts, &[address]);
        let ports = json!([{"port": 80, "nodePort": 30080 + number}]);
        let mut spec = json!({"type": "NodePort", "clusterIP": draft.cluster_ip(), "ports": ports});
        if draft.random.percent(20) {
            spec["externalTrafficPolicy"] = json!("Local");
        }
        self.documents.push(draft.document("Service", json!({"spec": spec})));
    }

    fn dns_endpoint(&mut self, mut draft: Draft<'_>) {
        draft.features.insert("kind DNSEndpoint".to_owned());
        let mut endpoints = Vec::new();
        for host in draft.hosts(HOSTS.len()) {
            let (rtype, targets): (&str, &[&str]) = *draft.random.pick(&[
                ("A", ["192.0.2.1", "192.0.2.2"].as_slice()),
                ("A", &["192.0.2.3"]),
                ("AAAA", &["2001:db8::1"]),
                ("CNAME", &["lb.example.net"]),
                ("CNAME", &["web-1.eu-west-1.elb.amazonaws.com"]),
                ("CNAME", &["lb.example.net."]),
                ("TXT", &["\"hello\""]),
                ("TXT", &["hello"]),
                ("MX", &["10 mail.example.com"]),
                ("SRV", &["0 0 5060 sip.example.com."]),
                ("SRV", &["0 0 5060 sip.example.com"]),
                ("CAA", &["0 issue \"ca.example.net\""]),
                ("A", &["lb.example.net"]),
            ]);
            let mut endpoint = json!({"dnsName": host, "recordType": rtype, "targets": targets});
            if draft.random.percent(25) {
                endpoint["recordTTL"] = json!(60);
            }
            if draft.random.percent(10) {
                endpoint["labels"] = json!({"team": "shop"});
            }
            if draft.random.percent(20) {
                endpoint["setIdentifier"] = json!("blue");
                endpoint["providerSpecific"] = json!([{"name": "aws/weight", "value": "10"}]);
                "set=blue weight=10 ".clone_into(&mut draft.routing);
            } else {
                draft.routing.clear();
            }
            draft.features.insert(format!("record {rtype}"));
            let targets: Vec<String> = targets.iter().map(|&target| target.to_owned()).collect();
            if matches!(rtype, "A" | "AAAA" | "CNAME") {
                self.wish(&draft, "crd", &[host], &targets);
            }
            endpoints.push(endpoint);
        }
        draft.annotations.clear();
        self.documents.push(draft.document("DNSEndpoint", json!({"spec": {"endpoints": endpoints}})));
    }
}

// === impl Draft ===

impl<'r> Draft<'r> {
    fn new(random: &'r mut Random, features: &'r mut BTreeSet<String>, number: usize) -> Self {
        let namespace = random.pick(&["shop", "shop", "shop", "blog"]).to_string();
        let name = format!("o{number}");
        let mut metadata = Map::new();
        metadata.insert("name".to_owned(), json!(name));
        metadata.insert("namespace".to_owned(), json!(namespace));
        if random.percent(20) {
            metadata.insert("labels".to_owned(), json!({"tier": random.pick(&["front", "back", "none"])}));
        }
        let annotations = Map::new();
        let mut draft =
            Self { random, features, metadata, annotations, namespace, name, number, routing: String::new() };
        if draft.random.percent(15) {
            let team = *draft.random.pick(&["shop", "blog"]);
            draft.annotations.insert("team".to_owned(), json!(team));
        }
        for (key, values, percent) in ANNOTATIONS {
            if draft.random.percent(percent) {
                let value = *draft.random.pick(values);
                draft.annotate(key, value);
            }
        }
        if draft.random.percent(22) {
            draft.route();
        }
        draft
    }

    fn annotate(&mut self, key: &str, value: &str) {
        self.features.insert(format!("annotation {key}"));
        self.annotations.insert(format!("{PREFIX}{key}"), json!(value));
    }

    /// A routing policy, mostly with a set identifier.
    fn route(&mut self) {
        let (annotations, text) = *self.random.pick(&POLICIES);
        for (key, value) in annotations {
            self.annotate(key, value);
        }
        self.features.insert(format!("policy {}", text.split('=').next().unwrap_or(text)));
        if self.random.percent(93) {
            let identifier = *self.random.pick(&["blue", "green"]);
            self.annotate("set-identifier", identifier);
            self.routing = format!("set={identifier} {text} ");
        }
    }

    /// One to three hostnames from the first ones.
    fn hosts(&mut self, from: usize) -> Vec<String> {
        let count = [1, 1, 1, 2, 3][self.random.below(5)];
        let mut hosts: Vec<String> = Vec::new();
        for _ in 0..count {
            let end = if self.random.percent(75) { COMMON } else { from };
            let host = HOSTS[self.random.below(end)].to_owned();
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        hosts
    }

    /// The annotations that give a Service hostnames.
    fn hostname_annotation(&mut self) -> Vec<String> {
        let hosts = self.hosts(HOSTS.len());
        if self.random.percent(92) {
            self.annotate("hostname", &hosts.join(","));
        }
        if self.random.percent(12) {
            self.annotate("internal-hostname", "internal.example.com");
        }
        hosts
    }

    /// The targets, from the status or from the annotation.
    fn targets(&mut self) -> Vec<String> {
        let found = targets(self.random);
        if self.random.percent(12) {
            let annotated = targets(self.random);
            self.annotate("target", &annotated.join(","));
            return annotated;
        }
        found
    }

    /// The status with the addresses of a load balancer. One in twenty objects has none yet.
    fn status(&mut self, targets: &[String]) -> Value {
        if self.random.percent(5) {
            return json!({});
        }
        let entry = |target: &String| match target.parse::<std::net::IpAddr>() {
            Ok(_) => json!({"ip": target}),
            Err(_) => json!({"hostname": target}),
        };
        json!({"loadBalancer": {"ingress": targets.iter().map(entry).collect::<Vec<_>>()}})
    }

    fn cluster_ip(&self) -> String {
        format!("10.0.7.{}", 1 + self.number)
    }

    fn document(self, kind: &str, rest: Value) -> Value {
        if kind == "Service" {
            let rtype = rest.pointer("/spec/type").and_then(Value::as_str).unwrap_or_default();
            self.features.insert(format!("service {rtype}"));
        }
        let mut metadata = self.metadata;
        if !self.annotations.is_empty() {
            metadata.insert("annotations".to_owned(), Value::Object(self.annotations));
        }
        let mut object = json!({"kind": kind, "metadata": metadata});
        if let (Some(object), Value::Object(rest)) = (object.as_object_mut(), rest) {
            object.extend(rest);
        }
        object
    }
}
