//! The keys of annotations that are read under each configured prefix.

/// The key of an annotation, read under each configured prefix. Keys and values are those of ExternalDNS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnnotationKey {
    /// `hostname`
    Hostname,
    /// `internal-hostname`
    InternalHostname,
    /// `target`
    Target,
    /// `ttl`
    Ttl,
    /// `alias`
    Alias,
    /// `aws-evaluate-target-health`
    EvaluateTargetHealth,
    /// `aws-target-hosted-zone`
    TargetHostedZone,
    /// `access`
    Access,
    /// `endpoints-type`
    EndpointsType,
    /// `ingress-hostname-source`
    HostnameSource,
    /// `controller`
    Controller,
    /// `aws-hosted-zone-id`
    HostedZoneId,
    /// `set-identifier`
    SetIdentifier,
    /// `aws-weight`
    Weight,
    /// `aws-region`
    Region,
    /// `aws-failover`
    Failover,
    /// `aws-multi-value-answer`
    MultiValueAnswer,
    /// `aws-geolocation-continent-code`
    ContinentCode,
    /// `aws-geolocation-country-code`
    CountryCode,
    /// `aws-geolocation-subdivision-code`
    SubdivisionCode,
    /// `aws-geoproximity-region`
    ProximityRegion,
    /// `aws-geoproximity-local-zone-group`
    ProximityGroup,
    /// `aws-geoproximity-coordinates`
    ProximityCoordinates,
    /// `aws-geoproximity-bias`
    ProximityBias,
    /// `aws-health-check-id`
    HealthCheckId,
}

/// The text of a key, an example of its value, and the meaning of its values.
struct Description(&'static str, &'static str, &'static str);

// === impl AnnotationKey ===

impl AnnotationKey {
    /// All keys, in the order in which they are documented.
    pub const ALL: [Self; 25] = [
        Self::Hostname,
        Self::InternalHostname,
        Self::Target,
        Self::Ttl,
        Self::Alias,
        Self::EvaluateTargetHealth,
        Self::TargetHostedZone,
        Self::Access,
        Self::EndpointsType,
        Self::HostnameSource,
        Self::Controller,
        Self::HostedZoneId,
        Self::SetIdentifier,
        Self::Weight,
        Self::Region,
        Self::Failover,
        Self::MultiValueAnswer,
        Self::ContinentCode,
        Self::CountryCode,
        Self::SubdivisionCode,
        Self::ProximityRegion,
        Self::ProximityGroup,
        Self::ProximityCoordinates,
        Self::ProximityBias,
        Self::HealthCheckId,
    ];

    /// As it is written after the prefix.
    pub fn as_str(self) -> &'static str {
        self.description().0
    }

    /// An example of its value.
    pub fn example(self) -> &'static str {
        self.description().1
    }

    /// The meaning of its values.
    pub fn meaning(self) -> &'static str {
        self.description().2
    }

    #[expect(clippy::too_many_lines, reason = "a text for each key")]
    fn description(self) -> Description {
        match self {
            Self::Hostname => Description(
                "hostname",
                "www.example.com, shop.example.com",
                "Hostnames, separated by commas. For an Ingress, they are added to the hosts of its rules and its tls section. A \
                 Service has no other hostnames.",
            ),
            Self::InternalHostname => Description(
                "internal-hostname",
                "web.internal.example.com",
                "Only for a Service. Hostnames, separated by commas, that lead to the cluster IP. For a headless Service and the \
                 types NodePort and ExternalName, it means the same as `hostname`.",
            ),
            Self::Target => Description(
                "target",
                "192.0.2.10",
                "IP addresses or host names, separated by commas. They replace the addresses in the object's status. A \
                 Service with this annotation needs no other resource. On a pod, they replace the addresses of that pod in a headless \
                 Service.",
            ),
            Self::Ttl => Description(
                "ttl",
                "1m30s",
                "The TTL: how long resolvers may keep the answer, in seconds or as a duration. Without it, --default-ttl counts. \
                 0 counts as unset. Aliases have no TTL.",
            ),
            Self::Alias => Description(
                "alias",
                "true",
                "`true`: every AWS service that zonekeeper knows gets an alias, and so does a name of the same zone as soon as it \
                 has records. Load balancers, CloudFront, Global Accelerator, VPC endpoints and API Gateway get an alias without \
                 this annotation.",
            ),
            Self::EvaluateTargetHealth => Description(
                "aws-evaluate-target-health",
                "false",
                "`false`: Route 53 answers with the alias, even if its target is not healthy. Without it, \
                 --aws-evaluate-target-health counts. CloudFront never has it.",
            ),
            Self::TargetHostedZone => Description(
                "aws-target-hosted-zone",
                "Z32O12XQLNTSW2",
                "The id of the hosted zone of an alias target. It replaces the hosted zone that zonekeeper knows, and is \
                 enough for a load balancer whose region zonekeeper does not know. Another target also needs `alias`.",
            ),
            Self::Access => Description(
                "access",
                "private",
                "Only for a Service of the type NodePort. `public`: the external addresses of the nodes. `private`: their internal \
                 addresses. Without it, the external addresses if there are any, otherwise the internal ones.",
            ),
            Self::EndpointsType => Description(
                "endpoints-type",
                "HostIP",
                "Only for a headless Service. `HostIP`: the node address in each pod's status (`status.hostIP`). `NodeExternalIP`: the external \
                 addresses of the nodes. Without it, the addresses of the pods.",
            ),
            Self::HostnameSource => Description(
                "ingress-hostname-source",
                "annotation-only",
                "Only for an Ingress. `annotation-only`: only the hostnames of the annotation count. `defined-hosts-only`: only \
                 the hosts of the rules and of the tls section count.",
            ),
            Self::Controller => Description(
                "controller",
                "dns-controller",
                "With any other value than `dns-controller`, the object belongs to another controller, and zonekeeper ignores it.",
            ),
            Self::HostedZoneId => Description(
                "aws-hosted-zone-id",
                "Z0123456789EXAMPLE",
                "With the id of another hosted zone than --zone-id, the object belongs to that zone, and zonekeeper ignores it.",
            ),
            Self::SetIdentifier => Description(
                "set-identifier",
                "blue",
                "The set identifier, 1 to 128 characters. It distinguishes the objects of one hostname, and needs one of the \
                 routing policies below.",
            ),
            Self::Weight => Description(
                "aws-weight",
                "90",
                "Weighted routing: a number from 0 to 255. Objects of one hostname share its traffic in proportion to their weights.",
            ),
            Self::Region => Description(
                "aws-region",
                "eu-west-1",
                "Latency routing: the AWS region of the targets. Clients get the set of the region with the lowest latency.",
            ),
            Self::Failover => Description(
                "aws-failover",
                "PRIMARY",
                "Failover routing: `PRIMARY` or `SECONDARY`. The secondary set answers while the primary one is not healthy.",
            ),
            Self::MultiValueAnswer => Description(
                "aws-multi-value-answer",
                "true",
                "Multivalue answer routing, if `true`: clients get up to eight healthy sets. The targets must be IP addresses.",
            ),
            Self::ContinentCode => Description(
                "aws-geolocation-continent-code",
                "EU",
                "Geolocation routing: the continent of the clients, one of AF, AN, AS, EU, NA, OC and SA.",
            ),
            Self::CountryCode => Description(
                "aws-geolocation-country-code",
                "DE",
                "Geolocation routing: the country of the clients, two letters. `*` is every location without a set of its own.",
            ),
            Self::SubdivisionCode => Description(
                "aws-geolocation-subdivision-code",
                "CA",
                "Geolocation routing: the part of the country, 1 to 3 letters or digits, beside the country code.",
            ),
            Self::ProximityRegion => Description(
                "aws-geoproximity-region",
                "us-east-1",
                "Geoproximity routing: the place of the targets, as an AWS region. Clients get the set of the nearest place.",
            ),
            Self::ProximityGroup => Description(
                "aws-geoproximity-local-zone-group",
                "us-east-1-bue-1",
                "Geoproximity routing: the place of the targets, as an AWS local zone group.",
            ),
            Self::ProximityCoordinates => Description(
                "aws-geoproximity-coordinates",
                "49.22,-74.01",
                "Geoproximity routing: the place of the targets, as latitude and longitude in degrees, with at most two decimals.",
            ),
            Self::ProximityBias => Description(
                "aws-geoproximity-bias",
                "10",
                "Geoproximity routing: a number from -99 to 99 that shrinks or widens the area of the place. The default is 0.",
            ),
            Self::HealthCheckId => Description(
                "aws-health-check-id",
                "abcdef11-2222-3333-4444-555555fedcba",
                "The id of a Route 53 health check. An unhealthy set does not answer while another set can.",
            ),
        }
    }
}
