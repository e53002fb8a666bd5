//! Situations in the text form of cases: settings, objects and a zone.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    net::IpAddr,
    str::FromStr,
    sync::Arc,
};

use serde::{Deserialize, de::DeserializeOwned};
use zonekeeper_core::{
    dns::{AliasZones, Name, RecordSet, Ttl, Zone, ZoneId},
    plan::{
        Adoption, AdoptionOrder, History, HolderHistory, Hosts, InSync, ManagedTypes, MergeTargets, Naming,
        Plan, Settings, Unit, View,
    },
    source::{
        Addresses, ClaimKey, Claims, DomainFilter, Domains, EndpointRules, Facts, HostTemplate,
        HostnameRules, Index, NetworkFilter, Object, ObjectRef, Problem, Publish, Received, Reduced,
        Resource, ResourceRef, Rules, Scope, ServiceRules, Severity, Targets, template::Template,
    },
};

use crate::{model::Affixes, record_text::record_set};

/// The id of the zone of every situation.
const ZONE: &str = "Z1";

/// The unparsed text of a case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    pub about: String,
    #[serde(default)]
    settings: Flags,
    #[serde(default)]
    objects: String,
    /// The history: `held www.example.com by Ingress/shop/web`, `unreadable service`, `ours www.example.com`,
    /// `Ingress/shop/web depends on Backend/shop/one`, which cannot be read.
    #[serde(default)]
    history: String,
    #[serde(default)]
    zone: String,
    pub plan: String,
}

/// The observation that the records of a unit are right and ours.
pub fn in_sync(unit: &Unit) -> InSync {
    InSync { key: unit.key().clone(), holder: unit.object().clone(), wish: unit.wish() }
}

/// The settings, with the names of the flags and the defaults of a test.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
struct Flags {
    owner_id: String,
    zone: String,
    private_zone: bool,
    adopt_from_owner: Vec<String>,
    /// The order of an adoption: a pattern of hostnames, and the owner.
    adopt: Option<String>,
    from_owner: Option<String>,
    default_ttl: Option<String>,
    max_ttl: Option<String>,
    managed_record_types: Option<Vec<String>>,
    exclude_record_types: Vec<String>,
    aws_prefer_cname: bool,
    allow_wildcard_cname: bool,
    merge_targets: Option<String>,
    alias_zone: Vec<String>,
    txt_prefix: String,
    txt_suffix: String,
    txt_wildcard_replacement: Option<String>,
    ingress_class: BTreeSet<String>,
    namespace: BTreeSet<String>,
    annotation_filter: String,
    label_filter: String,
    publish: Published,
    adopt_by_annotation: bool,
    annotation_prefix: Option<String>,
    service_type_filter: Option<Vec<String>>,
    publish_internal_services: bool,
    publish_host_ip: bool,
    always_publish_not_ready_addresses: bool,
    expose_internal_ipv6: bool,
    exclude_unschedulable: bool,
    resolve_service_load_balancer_hostname: bool,
    ignore_hostname_annotation: bool,
    ignore_ingress_rules_spec: bool,
    ignore_ingress_tls_spec: bool,
    fqdn_template: Vec<String>,
    combine_fqdn_annotation: bool,
    domain_filter: Vec<String>,
    exclude_domains: Vec<String>,
    regex_domain_filter: String,
    regex_domain_exclusion: String,
    target_net_filter: Vec<String>,
    exclude_target_net: Vec<String>,
    default_targets: Vec<String>,
    forced_default_targets: Vec<String>,
    min_ttl: Option<String>,
    prefer_alias: bool,
    aws_evaluate_target_health: bool,
}

/// The objects that are published. Most cases are about other things, so `all` is the default here.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Published {
    Annotated,
    All,
}

impl From<Published> for Publish {
    fn from(published: Published) -> Self {
        match published {
            Published::Annotated => Self::Annotated,
            Published::All => Self::All,
        }
    }
}

impl Default for Flags {
    fn default() -> Self {
        Self {
            owner_id: "me".to_owned(),
            zone: "example.com".to_owned(),
            private_zone: false,
            adopt_from_owner: Vec::new(),
            adopt: None,
            from_owner: None,
            default_ttl: None,
            max_ttl: None,
            managed_record_types: None,
            exclude_record_types: Vec::new(),
            aws_prefer_cname: false,
            allow_wildcard_cname: false,
            merge_targets: None,
            alias_zone: Vec::new(),
            txt_prefix: String::new(),
            txt_suffix: String::new(),
            txt_wildcard_replacement: None,
            ingress_class: BTreeSet::new(),
            namespace: BTreeSet::new(),
            annotation_filter: String::new(),
            label_filter: String::new(),
            publish: Published::All,
            adopt_by_annotation: false,
            annotation_prefix: None,
            service_type_filter: None,
            publish_internal_services: false,
            publish_host_ip: false,
            always_publish_not_ready_addresses: false,
            expose_internal_ipv6: false,
            exclude_unschedulable: true,
            resolve_service_load_balancer_hostname: false,
            ignore_hostname_annotation: false,
            ignore_ingress_rules_spec: false,
            ignore_ingress_tls_spec: false,
            fqdn_template: Vec::new(),
            combine_fqdn_annotation: false,
            domain_filter: Vec::new(),
            exclude_domains: Vec::new(),
            regex_domain_filter: String::new(),
            regex_domain_exclusion: String::new(),
            target_net_filter: Vec::new(),
            exclude_target_net: Vec::new(),
            default_targets: Vec::new(),
            forced_default_targets: Vec::new(),
            min_ttl: None,
            prefer_alias: false,
            aws_evaluate_target_health: true,
        }
    }
}

/// All inputs of a plan.
#[derive(Debug, Clone)]
pub struct Situation {
    pub settings: Settings,
    pub rules: Rules,
    pub affixes: Affixes,
    pub objects: Vec<Object>,
    /// The resources that objects look up.
    pub parts: Vec<Received>,
    /// The addresses of host names.
    pub addresses: BTreeMap<Name, Vec<IpAddr>>,
    pub history: History,
    /// The unreadable resources.
    pub unreadable: BTreeSet<Resource>,
    /// Objects that look up a resource that cannot be read, each with the resource.
    pub unreadable_dependencies: BTreeMap<ObjectRef, String>,
    pub zone: Zone,
}

impl Text {
    /// Reads the settings, the objects and the zone.
    pub fn situation(&self) -> Result<Situation, String> {
        let flags = &self.settings;
        let settings = flags.settings()?;
        let mut rules = Rules {
            namespaces: flags.namespace.clone(),
            ingress_classes: flags.ingress_class.clone(),
            annotation_filter: parsed("annotation-filter", &flags.annotation_filter)?,
            label_filter: parsed("label-filter", &flags.label_filter)?,
            zone: ZoneId::new(ZONE),
            hostnames: flags.hostnames()?,
            default_targets: targets("default-targets", &flags.default_targets)?.into(),
            publish: flags.publish.into(),
            adopt_by_annotation: flags.adopt_by_annotation,
            services: flags.services()?,
            ..Rules::default()
        };
        if let Some(ttl) = &flags.max_ttl {
            rules.max_ttl = ttl.parse().map_err(|_| format!("not a TTL: {ttl}"))?;
        }
        if let Some(prefix) = &flags.annotation_prefix {
            rules.prefixes = vec![prefix.clone()];
        }
        let affixes = Affixes {
            prefix: flags.txt_prefix.clone(),
            suffix: flags.txt_suffix.clone(),
            wildcard: flags.txt_wildcard_replacement.clone(),
        };
        let mut zone = empty_zone(&flags.zone).private(flags.private_zone);
        for line in self.zone.lines().filter(|line| !line.trim().is_empty()) {
            let set = match line.strip_prefix("owned ") {
                Some(rest) => owned(rest, &affixes)?,
                None => record_set(line)?,
            };
            if zone.get(set.name(), set.rtype(), set.key.set_id.as_ref()).is_some() {
                return Err(format!("twice in the zone: {line}"));
            }
            zone.put(set);
        }
        let Resources { objects, parts, addresses } = Resources::read(&self.objects)?;
        let mut situation = Situation {
            settings,
            rules,
            affixes,
            objects,
            parts,
            addresses,
            history: History::default(),
            unreadable: BTreeSet::new(),
            unreadable_dependencies: BTreeMap::new(),
            zone,
        };
        for line in self.history.lines() {
            situation.remember(line)?;
        }
        Ok(situation)
    }
}

impl Flags {
    fn services(&self) -> Result<ServiceRules, String> {
        let mut rules = ServiceRules {
            publish_internal: self.publish_internal_services,
            publish_host_ip: self.publish_host_ip,
            publish_not_ready: self.always_publish_not_ready_addresses,
            expose_internal_ipv6: self.expose_internal_ipv6,
            exclude_unschedulable: self.exclude_unschedulable,
            resolve_host_names: self.resolve_service_load_balancer_hostname,
            publish_ports: self.managed_record_types.iter().flatten().any(|rtype| rtype == "SRV"),
            ..ServiceRules::default()
        };
        if let Some(types) = &self.service_type_filter {
            let types = types.iter().map(|name| name.parse().map_err(|why| format!("{name}: {why}")));
            rules.types = types.collect::<Result<_, _>>()?;
        }
        Ok(rules)
    }

    fn hostnames(&self) -> Result<HostnameRules, String> {
        let template =
            Template::joined(&self.fqdn_template).map_err(|why| format!("fqdn-template: {why}"))?;
        Ok(HostnameRules {
            ignores_annotation: self.ignore_hostname_annotation,
            ignores_ingress_rules: self.ignore_ingress_rules_spec,
            ignores_ingress_tls: self.ignore_ingress_tls_spec,
            template: template
                .map(|template| HostTemplate { template, combines: self.combine_fqdn_annotation }),
        })
    }

    fn endpoints(&self) -> Result<EndpointRules, String> {
        let domains = |flag, named: &[String], regex: &str| match regex {
            "" => all_parsed(flag, named).map(Domains::Named),
            regex => parsed(flag, regex).map(Domains::Matching),
        };
        let forced = targets("forced-default-targets", &self.forced_default_targets)?;
        Ok(EndpointRules {
            domains: DomainFilter::new(
                domains("domain-filter", &self.domain_filter, &self.regex_domain_filter)?,
                domains("exclude-domains", &self.exclude_domains, &self.regex_domain_exclusion)?,
            ),
            networks: NetworkFilter {
                only: all_parsed("target-net-filter", &self.target_net_filter)?,
                except: all_parsed("exclude-target-net", &self.exclude_target_net)?,
            },
            forced_targets: Some(forced).filter(|forced| !forced.is_empty()).map(Arc::new),
            ttl: self.min_ttl.as_deref().map(|ttl| parsed("min-ttl", ttl)).transpose()?,
            prefer_alias: self.prefer_alias,
            ignores_target_health: !self.aws_evaluate_target_health,
        })
    }

    fn settings(&self) -> Result<Settings, String> {
        let mut alias_zones = AliasZones::default();
        for row in &self.alias_zone {
            alias_zones.add(row).map_err(|why| format!("alias-zone {row}: {why}"))?;
        }
        let wildcard = self.txt_wildcard_replacement.as_deref();
        let naming =
            Naming::new(&self.txt_prefix, &self.txt_suffix, wildcard).map_err(|why| why.to_string())?;
        let managed_types = match &self.managed_record_types {
            Some(types) => ManagedTypes::new(types.iter().map(String::as_str)),
            None => Ok(ManagedTypes::default()),
        };
        let excluded = self.exclude_record_types.iter().map(String::as_str);
        let managed_types = managed_types.and_then(|types| types.without(excluded));
        let ttl = self.default_ttl.as_ref().map(|ttl| ttl.parse()).transpose();
        let owner = |id: &String| id.parse().map_err(|why| format!("owner {id}: {why}"));
        let from = self.from_owner.as_ref().map(owner).transpose()?;
        let order = |pattern: &String| match pattern.parse() {
            Ok(pattern) => Ok(AdoptionOrder { hosts: Hosts::Matching(pattern), from, seen: None }),
            Err(why) => Err(format!("adopt {pattern}: {why}")),
        };
        let adoption = Adoption {
            from: self.adopt_from_owner.iter().map(owner).collect::<Result<_, _>>()?,
            order: self.adopt.as_ref().map(order).transpose()?,
        };
        Ok(Settings {
            adoption,
            endpoints: self.endpoints()?,
            owner: self.owner_id.parse().map_err(|why| format!("owner-id: {why}"))?,
            naming,
            default_ttl: ttl.map_err(|why| format!("default-ttl: {why}"))?.unwrap_or(Ttl::DEFAULT),
            managed_types: managed_types.map_err(|why| format!("managed-record-types: {why}"))?,
            prefer_cname: self.aws_prefer_cname,
            allow_wildcard_cname: self.allow_wildcard_cname,
            merge_targets: self.merge_targets.as_deref().map(|which| match which {
                "false" => MergeTargets::Never,
                "true" => MergeTargets::WithinNamespace,
                "all-namespaces" => MergeTargets::AllNamespaces,
                other => panic!("not a value of merge-targets: {other}"),
            }),
            alias_zones,
        })
    }
}

impl Situation {
    /// Objects and a zone with an empty history.
    pub fn new(settings: Settings, objects: Vec<Object>, zone: Zone) -> Self {
        let rules = Rules { publish: Publish::All, adopt_by_annotation: true, ..Rules::default() };
        let affixes = Affixes::default();
        Self {
            settings,
            rules,
            affixes,
            objects,
            parts: Vec::new(),
            addresses: BTreeMap::new(),
            history: History::default(),
            unreadable: BTreeSet::new(),
            unreadable_dependencies: BTreeMap::new(),
            zone,
        }
    }

    fn remember(&mut self, line: &str) -> Result<(), String> {
        let words: Vec<&str> = line.split(' ').collect();
        let bad = || format!("this is no history: {line}");
        let key = |host: &str| {
            let host = Name::from_hostname(host).map_err(|why| why.to_string())?;
            Ok::<_, String>(ClaimKey { host, set_id: None })
        };
        match words[..] {
            ["held", host, "by", object] => {
                let last = Some(object.parse().map_err(|_| bad())?);
                self.history.set_holder(
                    &key(host)?,
                    HolderHistory { last, vacancy_is_over: false, may_yield: false },
                );
            }
            // The object looks up a resource that cannot be read.
            [object, "depends", "on", resource] => {
                let object = object.parse().map_err(|_| bad())?;
                self.unreadable_dependencies.insert(object, resource.to_owned());
            }
            ["unreadable", kind] => {
                let resource =
                    Resource::ALL.into_iter().find(|known| known.label() == kind).ok_or_else(bad)?;
                self.unreadable.insert(resource);
            }
            // The records were right and ours for the current wish.
            ["ours", host] => {
                let key = key(host)?;
                let empty = empty_zone(self.zone.apex().as_str());
                let units = self.plan_of(&self.claims(), &empty).units;
                let unit = units.iter().find(|unit| *unit.key() == key).ok_or_else(bad)?;
                self.history.set_right(in_sync(unit));
            }
            _ => return Err(bad()),
        }
        Ok(())
    }

    /// The claims of the objects.
    pub fn claims(&self) -> Claims {
        self.claims_of(self.resources())
    }

    /// The same claims. The resources arrive in reverse order: first the objects, then those that they look up.
    pub fn claims_in_reverse(&self) -> Claims {
        let mut resources: Vec<_> = self.resources().collect();
        resources.reverse();
        self.claims_of(resources)
    }

    /// All resources, each reduced: first those that objects look up.
    pub fn resources(&self) -> impl Iterator<Item = (Option<ResourceRef>, Option<Reduced>)> {
        let parts = self.parts.iter().map(|part| (part.resource_ref(), part.reduce(&self.rules)));
        let resolved = self.addresses.iter().map(|(host, addresses)| {
            let part = Reduced::part(Addresses::new(addresses.iter().copied()));
            (Some(ResourceRef::of_addresses(host)), Some(part))
        });
        let objects = self.objects.iter();
        let objects = objects.map(|object| (object.resource_ref(), object.reduce(&self.rules)));
        parts.chain(resolved).chain(objects)
    }

    fn claims_of(
        &self,
        resources: impl IntoIterator<Item = (Option<ResourceRef>, Option<Reduced>)>,
    ) -> Claims {
        let (mut claims, mut index) =
            (Claims::new(self.zone.apex().clone()), Index::new(self.settings.endpoints.clone()));
        for resource in &self.unreadable {
            claims.visibility.set_readable(&Scope { resource: *resource, namespace: None }, false);
        }
        for (resource, reduced) in resources {
            let Some(resource) = resource else { continue };
            for (id, facts) in index.set(&resource, reduced, &claims.visibility) {
                claims.set(&id, facts.map(|facts| self.as_stated(facts)));
            }
        }
        claims
    }

    /// The facts of an object, with the unreadable dependencies of the situation.
    fn as_stated(&self, mut facts: Facts) -> Facts {
        if let Some(resource) = self.unreadable_dependencies.get(&facts.object) {
            let (field, text) = (resource.clone(), String::new());
            facts.problems.push(Problem { field, text, severity: Severity::Unreadable });
        }
        facts
    }

    pub fn plan(&self) -> Plan {
        self.plan_of(&self.claims(), &self.zone)
    }

    pub fn plan_of(&self, claims: &Claims, zone: &Zone) -> Plan {
        Plan::new(&View::new(zone, claims, &self.settings, &self.history))
    }
}

/// A new zone, with NS and SOA at the apex.
pub fn empty_zone(apex: &str) -> Zone {
    let name = Name::from_hostname(apex).expect("an apex");
    let mut zone = Zone::new(ZoneId::new(ZONE).expect("a zone id"), name);
    for line in [
        "NS ns-1.awsdns-01.org. ttl=172800",
        "SOA ns-1.awsdns-01.org. host.example.net. 1 7200 900 9 9 ttl=900",
    ] {
        zone.put(record_set(&format!("{apex} {line}")).expect("a record set"));
    }
    zone
}

fn parsed<T: FromStr<Err: Display>>(flag: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|why| format!("{flag} {text}: {why}"))
}

fn targets(flag: &str, texts: &[String]) -> Result<Targets, String> {
    let mut targets = Targets::default();
    for text in texts {
        targets.add(text).map_err(|why| format!("{flag} {text}: {why}"))?;
    }
    Ok(targets)
}

fn all_parsed<T: FromStr<Err: Display>>(flag: &str, texts: &[String]) -> Result<Vec<T>, String> {
    texts.iter().map(|text| parsed(flag, text)).collect()
}

/// The resources of a case.
#[derive(Default)]
struct Resources {
    objects: Vec<Object>,
    parts: Vec<Received>,
    addresses: BTreeMap<Name, Vec<IpAddr>>,
}

impl Resources {
    /// Reads YAML documents. A `kind` that zonekeeper does not read is an error in the case. The kind `Address` is the answer
    /// of a resolver.
    fn read(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Kind {
            kind: String,
        }
        #[derive(Deserialize)]
        struct Address {
            name: String,
            addresses: Vec<IpAddr>,
        }
        fn read<K: DeserializeOwned>(document: &str) -> Result<Box<K>, String> {
            serde_saphyr::from_str(document).map(Box::new).map_err(|why| format!("{why}\n{document}"))
        }
        let mut read_so_far = Self::default();
        let Self { objects, parts, addresses } = &mut read_so_far;
        for document in text.split("---\n").filter(|document| !document.trim().is_empty()) {
            match read::<Kind>(document)?.kind.as_str() {
                "Ingress" => objects.push(Object::Ingress(read(document)?)),
                "Service" => objects.push(Object::Service(read(document)?)),
                "DNSEndpoint" => objects.push(Object::DnsEndpoint(read(document)?)),
                "EndpointSlice" => parts.push(Received::EndpointSlice(read(document)?)),
                "Pod" => parts.push(Received::Pod(read(document)?)),
                "Node" => parts.push(Received::Node(read(document)?)),
                "Address" => {
                    let answer = read::<Address>(document)?;
                    let host = Name::from_hostname(&answer.name).map_err(|why| why.to_string())?;
                    addresses.insert(host, answer.addresses);
                }
                other => return Err(format!("kind {other} is not read")),
            }
        }
        Ok(read_so_far)
    }
}

/// Reads an ownership record: `www.example.com A [set=ID POLICY] by OWNER [for RESOURCE]`.
fn owned(text: &str, affixes: &Affixes) -> Result<RecordSet, String> {
    let bad = || format!("expected `owned NAME TYPE [set=… …] by OWNER [for RESOURCE]`: {text}");
    let (record, says) = text.split_once(" by ").ok_or_else(bad)?;
    let (host, rest) = record.split_once(' ').ok_or_else(bad)?;
    let (rtype, routing) = rest.split_once(' ').unwrap_or((rest, ""));
    let says = match says.split_once(" for ") {
        Some((owner, resource)) => format!("{owner},external-dns/resource={resource}"),
        None => says.to_owned(),
    };
    let host = Name::from_route53(host).map_err(|why| why.to_string())?;
    let at = affixes.txt_name(&host, rtype);
    let routing = if routing.is_empty() { String::new() } else { format!("{routing} ") };
    record_set(&format!("{at} TXT {routing}\"heritage=external-dns,external-dns/owner={says}\" ttl=300"))
}
