//! A large cluster. Its objects use all kinds, targets and routing policies whose records ExternalDNS leaves as they are.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{emulated_zone::APEX, objects::PREFIX};

/// The arguments that its objects need.
pub const ARGUMENTS: [&str; 10] = [
    "--source=ingress",
    "--source=service",
    "--source=crd",
    "--publish-internal-services",
    "--managed-record-types=A",
    "--managed-record-types=AAAA",
    "--managed-record-types=CNAME",
    "--managed-record-types=TXT",
    "--managed-record-types=MX",
    "--managed-record-types=SRV",
];

/// Annotations without their prefix.
type Annotations = [(&'static str, &'static str)];

const HEALTH_CHECK: &str = "abcdef11-2222-3333-4444-555555fedcba";

/// Routing policies of one hostname: the annotations of each of its objects.
const POLICIES: [&[&Annotations]; 7] = [
    &[&[("aws-weight", "90")], &[("aws-weight", "10"), ("aws-health-check-id", HEALTH_CHECK)]],
    &[&[("aws-region", "eu-west-1")], &[("aws-region", "us-east-1"), ("aws-health-check-id", HEALTH_CHECK)]],
    &[
        &[("aws-failover", "PRIMARY"), ("aws-health-check-id", HEALTH_CHECK)],
        &[("aws-failover", "SECONDARY")],
    ],
    &[
        &[("aws-geolocation-continent-code", "EU")],
        &[("aws-geolocation-country-code", "DE")],
        &[("aws-geolocation-country-code", "US"), ("aws-geolocation-subdivision-code", "CA")],
        &[("aws-geolocation-country-code", "*")],
    ],
    &[
        &[("aws-geoproximity-region", "us-east-1"), ("aws-geoproximity-bias", "10")],
        &[("aws-geoproximity-local-zone-group", "us-east-1-bue-1")],
        &[("aws-geoproximity-coordinates", "49.22,-74.01"), ("aws-geoproximity-bias", "-5")],
    ],
    &[&[("aws-weight", "0")], &[("aws-weight", "255")]],
    // ExternalDNS writes a multivalue answer with a value in every run.
    &[&[("aws-multi-value-answer", "")], &[("aws-multi-value-answer", "")]],
];

/// Targets. The first two are addresses.
const TARGETS: [&[&str]; 6] = [
    &["192.0.2.1", "192.0.2.2"],
    &["192.0.2.3", "2001:db8::1"],
    &["web-1.eu-west-1.elb.amazonaws.com"],
    &["web-2.elb.us-east-1.amazonaws.com"],
    &["d111111abcdef8.cloudfront.net"],
    &["lb.example.net"],
];

/// Annotations of objects without a routing policy.
const OPTIONS: [&Annotations; 5] = [
    &[],
    &[("ttl", "60")],
    &[("aws-evaluate-target-health", "false")],
    &[("controller", "dns-controller")],
    &[("target", "web-3.eu-central-1.elb.amazonaws.com"), ("alias", "true")],
];

/// Entries of a `DNSEndpoint` of other types. ExternalDNS does not read CAA records back, and so never comes to rest.
const OTHER_TYPES: [(&str, &str); 3] =
    [("TXT", "\"v=spf1 -all\""), ("MX", "10 mail.example.net"), ("SRV", "0 0 5060 sip.example.net.")];

/// The objects, and the hostnames that they ask for.
#[derive(Debug, Default)]
pub struct LargeCluster {
    documents: Vec<Value>,
    pub hosts: BTreeSet<String>,
}

// === impl LargeCluster ===

impl LargeCluster {
    /// Objects that ask for at least this number of hostnames.
    pub fn new(hosts: usize) -> Self {
        let mut cluster = Self::default();
        cluster.documents.push(json!({
            "kind": "Node",
            "metadata": {"name": "n"},
            "status": {"addresses": [
                {"type": "ExternalIP", "address": "203.0.113.1"},
                {"type": "InternalIP", "address": "10.9.0.1"},
            ]},
        }));
        for number in 0.. {
            if cluster.hosts.len() >= hosts {
                break;
            }
            // The numbers of one shape meet all targets, policies and options.
            let turn = number / 8;
            match number % 8 {
                0 => cluster.ingress(number, turn),
                1 => cluster.policies(number, turn),
                2 => cluster.load_balancer(number, turn),
                3 => cluster.cluster_ip(number, turn),
                4 => cluster.headless(number),
                5 => cluster.dns_endpoint(number, turn),
                6 => cluster.policies_of_dns_endpoint(number, turn),
                _ => cluster.wildcard(number, turn),
            }
        }
        cluster
    }

    /// Adds an object that asks for the apex. ExternalDNS writes its records without an ownership record.
    pub fn with_apex(mut self) -> Self {
        self.add_ingress("apex", &[APEX.to_owned()], &[], TARGETS[2]);
        self
    }

    /// The documents.
    pub fn text(&self) -> String {
        let documents: Vec<String> = self.documents.iter().map(|document| format!("{document}\n")).collect();
        documents.join("---\n")
    }

    fn host(&mut self, name: &str) -> String {
        let host = format!("{name}.{APEX}");
        self.hosts.insert(host.clone());
        host
    }

    fn add_ingress(&mut self, name: &str, hosts: &[String], annotations: &[(&str, &str)], targets: &[&str]) {
        let rules: Vec<Value> = hosts.iter().map(|host| json!({"host": host})).collect();
        self.documents.push(json!({
            "kind": "Ingress",
            "metadata": metadata(name, &for_targets(annotations, targets)),
            "spec": {"rules": rules},
            "status": status(targets),
        }));
    }

    fn add_service(&mut self, name: &str, annotations: &[(&str, &str)], spec: &Value, targets: &[&str]) {
        self.documents.push(json!({
            "kind": "Service",
            "metadata": metadata(name, &for_targets(annotations, targets)),
            "spec": spec,
            "status": status(targets),
        }));
    }

    /// An Ingress with two hostnames.
    fn ingress(&mut self, number: usize, turn: usize) {
        let name = format!("i{number}");
        let hosts = [self.host(&name), self.host(&format!("{name}.dev"))];
        self.add_ingress(&name, &hosts, pick(&OPTIONS, turn), pick(&TARGETS, turn));
    }

    fn wildcard(&mut self, number: usize, turn: usize) {
        let name = format!("w{number}");
        let hosts = [self.host(&format!("*.{name}"))];
        self.add_ingress(&name, &hosts, &[], pick(&TARGETS, turn));
    }

    /// A hostname with a routing policy: Ingresses and Services with a set identifier each.
    fn policies(&mut self, number: usize, turn: usize) {
        let host = self.host(&format!("p{number}"));
        let (policies, targets) = policy(turn);
        for (at, policy) in policies.iter().enumerate() {
            let (name, set_id) = (format!("p{number}-{at}"), format!("set-{at}"));
            let mut annotations = [*policy, &[("set-identifier", &*set_id)][..]].concat();
            if at % 2 == 0 {
                self.add_ingress(&name, std::slice::from_ref(&host), &annotations, targets);
            } else {
                annotations.push(("hostname", &host));
                self.add_service(&name, &annotations, &json!({"type": "LoadBalancer"}), targets);
            }
        }
    }

    fn load_balancer(&mut self, number: usize, turn: usize) {
        let name = format!("l{number}");
        let hosts = [self.host(&name), self.host(&format!("{name}.dev"))].join(",");
        let annotations = [&[("hostname", &*hosts)][..], pick(&OPTIONS, turn)].concat();
        self.add_service(&name, &annotations, &json!({"type": "LoadBalancer"}), pick(&TARGETS, turn + 1));
    }

    /// A Service whose addresses need no status.
    fn cluster_ip(&mut self, number: usize, turn: usize) {
        let name = format!("s{number}");
        let host = self.host(&name);
        let spec = match turn % 3 {
            0 => json!({"type": "ExternalName", "externalName": "lb.example.net"}),
            1 => json!({"type": "ClusterIP"}),
            _ => json!({"type": "ExternalName", "externalName": "web-1.eu-west-1.elb.amazonaws.com"}),
        };
        let annotations = [("hostname", &*host)];
        let target: &[_] = if turn % 3 == 1 { &[("target", "192.0.2.7")] } else { &[] };
        self.add_service(&name, &[&annotations[..], target].concat(), &spec, &[]);
    }

    /// A headless Service with two pods.
    fn headless(&mut self, number: usize) {
        let name = format!("h{number}");
        let host = self.host(&name);
        let mut endpoints = Vec::new();
        for pod in 0..2 {
            let at = format!("{name}-{pod}");
            self.host(&format!("pod-{pod}.{name}"));
            self.documents.push(json!({
                "kind": "Pod",
                "metadata": {"name": at, "namespace": "shop", "labels": {"app": name}},
                "spec": {"hostname": format!("pod-{pod}"), "nodeName": "n"},
                "status": {"phase": "Running"},
            }));
            endpoints.push(json!({
                "addresses": [format!("10.1.{}.{}", number / 250, number % 250 + pod)],
                "conditions": {"ready": true},
                "targetRef": {"kind": "Pod", "name": at},
            }));
        }
        self.documents.push(json!({
            "kind": "EndpointSlice",
            "metadata": {"name": name, "namespace": "shop", "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4",
            "endpoints": endpoints,
        }));
        let spec = json!({"type": "ClusterIP", "clusterIP": "None", "selector": {"app": name}});
        self.add_service(&name, &[("hostname", &host)], &spec, &[]);
    }

    /// A `DNSEndpoint` with addresses, a host name, and a record of another type.
    fn dns_endpoint(&mut self, number: usize, turn: usize) {
        let name = format!("e{number}");
        let entry = |host: String, rtype: &str, target: &str| json!({"dnsName": host, "recordType": rtype, "targets": [target], "recordTTL": 60});
        let host = self.host(&name);
        let (rtype, target) = OTHER_TYPES[turn % OTHER_TYPES.len()];
        let entries = [
            entry(host.clone(), "A", "192.0.2.8"),
            entry(host, "AAAA", "2001:db8::8"),
            entry(self.host(&format!("cname.{name}")), "CNAME", "lb.example.net"),
            entry(self.host(&format!("other.{name}")), rtype, target),
        ];
        self.add_dns_endpoint(&name, &entries);
    }

    /// A `DNSEndpoint` with all sets of a hostname.
    fn policies_of_dns_endpoint(&mut self, number: usize, turn: usize) {
        let name = format!("q{number}");
        let host = self.host(&name);
        let (policies, _) = policy(turn);
        let property =
            |(key, value): &(&str, &str)| json!({"name": key.replacen('-', "/", 1), "value": value});
        let mut entries = Vec::new();
        for (at, policy) in policies.iter().enumerate() {
            let properties: Vec<Value> = policy.iter().map(property).collect();
            entries.push(json!({
                "dnsName": host,
                "recordType": "A",
                "targets": [format!("192.0.2.{}", 10 + at)],
                "setIdentifier": format!("set-{at}"),
                "providerSpecific": properties,
            }));
        }
        self.add_dns_endpoint(&name, &entries);
    }

    fn add_dns_endpoint(&mut self, name: &str, entries: &[Value]) {
        self.documents.push(json!({
            "kind": "DNSEndpoint",
            "metadata": metadata(name, &[]),
            "spec": {"endpoints": entries},
        }));
    }
}

fn pick<T: Copy>(from: &[T], turn: usize) -> T {
    from[turn % from.len()]
}

/// The policies of the objects of a hostname, and their targets. A multivalue answer needs addresses.
fn policy(turn: usize) -> (&'static [&'static Annotations], &'static [&'static str]) {
    let policies = pick(&POLICIES, turn);
    let needs_addresses = policies[0][0].0 == "aws-multi-value-answer";
    (policies, if needs_addresses { TARGETS[0] } else { pick(&TARGETS, turn) })
}

/// Annotations, with those that the targets need: ExternalDNS checks the health of CloudFront, which Route 53 rejects.
fn for_targets<'a>(annotations: &[(&'a str, &'a str)], targets: &[&str]) -> Vec<(&'a str, &'a str)> {
    let mut annotations = annotations.to_vec();
    if targets.iter().any(|target| target.ends_with(".cloudfront.net")) {
        annotations.push(("aws-evaluate-target-health", "false"));
    }
    annotations
}

fn metadata(name: &str, annotations: &[(&str, &str)]) -> Value {
    let annotations: Map<String, Value> =
        annotations.iter().map(|(key, value)| (format!("{PREFIX}{key}"), json!(value))).collect();
    if annotations.is_empty() {
        return json!({"name": name, "namespace": "shop"});
    }
    json!({"name": name, "namespace": "shop", "annotations": annotations})
}

fn status(targets: &[&str]) -> Value {
    let entry = |target: &&str| match target.parse::<std::net::IpAddr>() {
        Ok(_) => json!({"ip": target}),
        Err(_) => json!({"hostname": target}),
    };
    json!({"loadBalancer": {"ingress": targets.iter().map(entry).collect::<Vec<_>>()}})
}
