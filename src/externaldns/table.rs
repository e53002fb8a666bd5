//! The flags of `ExternalDNS` 0.22 about Kubernetes, Route 53 and records.

use super::{
    flag::{
        Flag,
        Meaning::{self, Pointless, Refused, Same, Values, Zone},
        Outcome::{self, Is},
        Refusal,
    },
    other_flags,
};

/// Every flag of `ExternalDNS` 0.22, and the flags of earlier versions that a command line for Route 53 can have.
pub fn flags() -> impl Iterator<Item = &'static Flag> {
    [&FLAGS[..], &other_flags::FLAGS, &EARLIER].into_iter().flatten()
}

const CLUSTER: Meaning =
    Pointless("zonekeeper watches the objects, and each of its requests has a time limit");
const CACHE: Meaning =
    Pointless("zonekeeper keeps the zone in memory, and reads each name again before it writes");
const PACE: Meaning =
    Pointless("zonekeeper packs changes by the limits of Route 53; --account-changes sets the quota");
const ZONE_SEARCH: Meaning = Pointless("zonekeeper does not search for zones: --zone-id names the only one");
const PLAIN_TEXT: Refusal = Refusal {
    why: "zonekeeper reads and writes ownership records as plain text",
    instead: "remove the flag. The plan lists each encrypted record as OwnershipUnreadable, with a fix",
};
const REGISTRY: Refusal = Refusal {
    why: "zonekeeper keeps the owner of a record in TXT records only",
    instead: "give --registry=txt and a --txt-owner-id of your own, and take over the records with `zonekeeper adopt`",
};
const NO_OWNER: Refusal = Refusal {
    why: "without ownership records, a change can overwrite a record of somebody else",
    instead: REGISTRY.instead,
};

const PROVIDERS: Meaning = Values {
    flag: None,
    known: &[("aws", Is(""))],
    others: Refusal {
        why: "zonekeeper writes to Route 53 only",
        instead: "keep ExternalDNS for this provider",
    },
};
const SOURCES: Meaning = Values {
    flag: Some("source"),
    known: &[("ingress", Is("ingress")), ("service", Is("service")), ("crd", Is("crd"))],
    others: Refusal {
        why: "zonekeeper does not read this kind of objects",
        instead: "remove it, and keep an ExternalDNS with another --txt-owner-id for these objects",
    },
};
const POLICIES: Meaning = Values {
    flag: None,
    known: &[
        ("upsert-only", Is("")),
        (
            "sync",
            Outcome::Refused(Refusal {
                why: "it deletes records, and zonekeeper never deletes",
                instead: "give --policy=upsert-only. `zonekeeper orphans` lists the records that nobody wants any more",
            }),
        ),
        (
            "create-only",
            Outcome::Refused(Refusal {
                why: "zonekeeper updates its records when their objects change",
                instead: "give --policy=upsert-only. Add --mode=approve if a person must approve each change",
            }),
        ),
    ],
    others: Refusal { why: "it is not a policy", instead: "give --policy=upsert-only" },
};
const REGISTRIES: Meaning =
    Values { flag: None, known: &[("txt", Is("")), ("noop", Outcome::Refused(NO_OWNER))], others: REGISTRY };
const RECORD_TYPES: Meaning = Values {
    flag: Some("managed-record-types"),
    known: &[
        ("A", Is("A")),
        ("AAAA", Is("AAAA")),
        ("CAA", Is("CAA")),
        ("CNAME", Is("CNAME")),
        ("MX", Is("MX")),
        ("SRV", Is("SRV")),
        ("TXT", Is("TXT")),
    ],
    others: Refusal {
        why: "zonekeeper does not write records of this type",
        instead: "remove it, and keep an ExternalDNS with another --txt-owner-id for these records",
    },
};
const LOG_LEVELS: Meaning = Values {
    flag: Some("log-level"),
    known: &[
        ("panic", Is("error")),
        ("fatal", Is("error")),
        ("error", Is("error")),
        ("warning", Is("warn")),
        ("info", Is("info")),
        ("debug", Is("debug")),
        ("trace", Is("trace")),
    ],
    others: Refusal { why: "it is not a log level", instead: "give --log-level=info" },
};
const CUSTOM_RESOURCES: Refusal = Refusal {
    why: "zonekeeper reads no custom resource but DNSEndpoint of externaldns.k8s.io/v1alpha1",
    instead: "remove it, and keep an ExternalDNS with another --txt-owner-id for these objects",
};

static FLAGS: [Flag; 83] = [
    // Kubernetes
    Flag::single(
        "server",
        Refused(Refusal {
            why: "zonekeeper takes the address of the API server from a kubeconfig",
            instead: "name the server in a kubeconfig, and give --kubeconfig",
        }),
    ),
    Flag::single("kubeconfig", Same("kubeconfig")),
    Flag::single("request-timeout", CLUSTER),
    Flag::single("kube-api-request-timeout", CLUSTER),
    Flag::single("kube-api-qps", CLUSTER),
    Flag::single("kube-api-burst", CLUSTER),
    // Objects
    Flag::repeated("source", SOURCES),
    Flag::single("namespace", Same("namespace")),
    Flag::repeated("ingress-class", Same("ingress-class")),
    Flag::single("annotation-filter", Same("annotation-filter")),
    Flag::single("label-filter", Same("label-filter")),
    Flag::single("annotation-prefix", Same("annotation-prefix")),
    Flag::repeated("service-type-filter", Same("service-type-filter")),
    Flag::single(
        "crd-source-apiversion",
        Values { flag: None, known: &[("externaldns.k8s.io/v1alpha1", Is(""))], others: CUSTOM_RESOURCES },
    ),
    Flag::single(
        "crd-source-kind",
        Values { flag: None, known: &[("DNSEndpoint", Is(""))], others: CUSTOM_RESOURCES },
    ),
    Flag::single(
        "compatibility",
        Refused(Refusal {
            why: "zonekeeper does not read the annotations of mate, molecule and kops",
            instead: "annotate the objects with external-dns.kubernetes.io/hostname",
        }),
    ),
    // Hostnames
    Flag::switch("ignore-hostname-annotation", Same("ignore-hostname-annotation")),
    Flag::switch("ignore-ingress-rules-spec", Same("ignore-ingress-rules-spec")),
    Flag::switch("ignore-ingress-tls-spec", Same("ignore-ingress-tls-spec")),
    Flag::repeated("fqdn-template", Same("fqdn-template")),
    Flag::switch("combine-fqdn-annotation", Same("combine-fqdn-annotation")),
    Flag::repeated(
        "fqdn-target-template",
        Refused(Refusal {
            why: "zonekeeper takes the targets of a hostname from its object",
            instead: "give --fqdn-template, and name targets in the annotation external-dns.kubernetes.io/target",
        }),
    ),
    Flag::repeated("domain-filter", Same("domain-filter")),
    Flag::repeated("exclude-domains", Same("exclude-domains")),
    Flag::single("regex-domain-filter", Same("regex-domain-filter")),
    Flag::single("regex-domain-exclusion", Same("regex-domain-exclusion")),
    // Services
    Flag::switch("publish-internal-services", Same("publish-internal-services")),
    Flag::switch("publish-host-ip", Same("publish-host-ip")),
    Flag::switch("always-publish-not-ready-addresses", Same("always-publish-not-ready-addresses")),
    Flag::switch("expose-internal-ipv6", Same("expose-internal-ipv6")),
    Flag::switch("exclude-unschedulable", Same("exclude-unschedulable")),
    Flag::switch("resolve-service-load-balancer-hostname", Same("resolve-service-load-balancer-hostname")),
    Flag::switch(
        "listen-endpoint-events",
        Pointless("zonekeeper always follows the EndpointSlices of headless Services"),
    ),
    // Targets and records
    Flag::repeated("default-targets", Same("default-targets")),
    Flag::switch("force-default-targets", Same("force-default-targets")),
    Flag::repeated("target-net-filter", Same("target-net-filter")),
    Flag::repeated("exclude-target-net", Same("exclude-target-net")),
    Flag::single("min-ttl", Same("min-ttl")),
    Flag::switch("prefer-alias", Same("prefer-alias")),
    Flag::switch("aws-prefer-cname", Same("aws-prefer-cname")),
    Flag::switch("aws-evaluate-target-health", Same("aws-evaluate-target-health")),
    Flag::repeated("managed-record-types", RECORD_TYPES),
    Flag::repeated("exclude-record-types", Same("exclude-record-types")),
    Flag::repeated(
        "nat64-networks",
        Refused(Refusal {
            why: "zonekeeper makes no A records of IPv6 addresses",
            instead: "remove it, and name the IPv4 addresses in the annotation external-dns.kubernetes.io/target",
        }),
    ),
    Flag::switch(
        "create-ptr",
        Refused(Refusal {
            why: "PTR records belong to another zone, and zonekeeper keeps one zone",
            instead: "remove it, and keep an ExternalDNS with another --txt-owner-id for PTR records",
        }),
    ),
    // The zone and its owner
    Flag::single("provider", PROVIDERS),
    Flag::repeated("zone-id-filter", Zone),
    Flag::repeated("zone-name-filter", ZONE_SEARCH),
    Flag::single("aws-zone-type", Same("aws-zone-type")),
    Flag::repeated("aws-zone-tags", ZONE_SEARCH),
    Flag::switch("aws-zone-match-parent", ZONE_SEARCH),
    Flag::single("aws-zones-cache-duration", ZONE_SEARCH),
    Flag::single("policy", POLICIES),
    Flag::single("registry", REGISTRIES),
    Flag::single("txt-owner-id", Same("owner-id")),
    Flag::single("txt-prefix", Same("txt-prefix")),
    Flag::single("txt-suffix", Same("txt-suffix")),
    Flag::single("txt-wildcard-replacement", Same("txt-wildcard-replacement")),
    Flag::switch("txt-encrypt-enabled", Refused(PLAIN_TEXT)),
    Flag::single("txt-encrypt-aes-key", Refused(PLAIN_TEXT)),
    Flag::single("txt-cache-interval", CACHE),
    Flag::single("migrate-from-txt-owner", Same("adopt-from-owner")),
    // AWS
    Flag::repeated("aws-profile", Same("aws-profile")),
    Flag::single("aws-assume-role", Same("aws-assume-role")),
    Flag::single("aws-assume-role-external-id", Same("aws-assume-role-external-id")),
    Flag::single(
        "aws-api-retries",
        Pointless("zonekeeper decides again after a failed request, and repeats none blindly"),
    ),
    Flag::single("aws-batch-change-size", PACE),
    Flag::single("aws-batch-change-size-bytes", PACE),
    Flag::single("aws-batch-change-size-values", PACE),
    Flag::single("aws-batch-change-interval", PACE),
    Flag::single("batch-change-size", PACE),
    Flag::single("batch-change-interval", PACE),
    // The loop
    Flag::single(
        "interval",
        Pointless("zonekeeper acts on each change at once; --resync sets how often it lists the whole zone"),
    ),
    Flag::single("min-event-sync-interval", Pointless("zonekeeper acts on each change at once")),
    Flag::switch("events", Pointless("zonekeeper always acts on each change at once")),
    Flag::repeated("events-emit", Pointless("zonekeeper reports each result as an Event on the object")),
    Flag::single("provider-cache-time", CACHE),
    Flag::switch("once", Same("once")),
    Flag::switch("dry-run", Same("dry-run")),
    // The process
    Flag::single("log-format", Same("log-format")),
    Flag::single("log-level", LOG_LEVELS),
    Flag::single("metrics-address", Same("metrics-address")),
    Flag::switch(
        "webhook-server",
        Refused(Refusal {
            why: "zonekeeper is a controller, and serves no webhooks",
            instead: "keep ExternalDNS for this purpose",
        }),
    ),
];

/// Flags that 0.22 has no more.
static EARLIER: [Flag; 1] = [Flag::switch(
    "txt-new-format-only",
    Pointless("zonekeeper writes ownership records in the new format only, as ExternalDNS does since 0.18"),
)];
