//! Configuration in two stages: the flags as typed ([`Flags`]), and the values that follow from them ([`Config`]).

mod aws_flags;
mod bad_flag;
mod choices;
mod flags;
mod hostname_flags;
mod object_flags;
mod service_flags;
mod target_flags;

use std::{collections::BTreeSet, str::FromStr, time::Duration};

pub use aws_flags::{AssumedRole, AwsAccess, AwsFlags};
pub use bad_flag::BadFlag;
pub use choices::{LogFormat, LogLevel, Merge, Published, RunMode, Source, ZoneType};
pub use flags::{ClusterFlags, Flags, LeaseFlags, LogFlags, OwnerFlags, RunFlags, TypeFlags, ZoneFlags};
pub use hostname_flags::HostnameFlags;
pub use object_flags::ObjectFlags;
pub use service_flags::ServiceFlags;
pub use target_flags::TargetFlags;
use zonekeeper_core::{
    dns::{RecordType, Ttl, ZoneId},
    keeper::{self, BrakeLimits, Mode, Quota, Rate},
    plan::{Adoption, ManagedTypes, MergeTargets, Naming, OwnerId, Settings},
    source::{Resource, Rules, Scope},
};

/// How often the whole zone is listed, unless a flag says otherwise.
const DEFAULT_RESYNC: Duration = Duration::from_mins(30);
/// How long a hostname stays reserved for an object that is gone, unless a flag says otherwise.
const DEFAULT_VACANCY: Duration = Duration::from_mins(10);

/// The variable that `--publish` replaces. Ignoring it would change which objects are published.
const OLD_PUBLISH: &str = "ZONEKEEPER_REQUIRE_ANNOTATION";

/// The configuration of a process.
#[derive(Debug, Clone)]
pub struct Config {
    /// The zone to keep.
    pub zone: ZoneId,
    /// The kind that the zone must have.
    pub zone_type: Option<ZoneType>,
    /// How to get access to the AWS account of the zone.
    pub access: AwsAccess,
    /// How claims become record sets.
    pub settings: Settings,
    /// Which objects are read, and how.
    pub rules: Rules,
    /// The kinds and namespaces to watch.
    pub scopes: Vec<Scope>,
    /// The request quota of the AWS account.
    pub quota: Quota,
    /// How often the whole zone is listed.
    pub resync: Duration,
    /// How long a hostname stays reserved for an object that is gone, against objects of other namespaces.
    pub vacancy: Duration,
    /// How many replacements the brake allows.
    pub brake: BrakeLimits,
}

// === impl Config ===

impl Config {
    /// The configuration that applies where an operator has chosen nothing but the zone and the owner id.
    pub fn new(zone: ZoneId, owner: OwnerId) -> Self {
        let rules = Rules { zone: Some(zone.clone()), ..Rules::default() };
        Self {
            zone,
            zone_type: None,
            access: AwsAccess::default(),
            settings: Settings::new(owner),
            scopes: scopes([Source::Ingress, Source::Service], &rules),
            rules,
            quota: Quota::default(),
            resync: DEFAULT_RESYNC,
            vacancy: DEFAULT_VACANCY,
            brake: BrakeLimits::default(),
        }
    }

    /// The configuration of a keeper. `seed` makes its jitter differ from that of other processes.
    pub fn keeper(&self, mode: Mode, seed: u64) -> keeper::Config {
        keeper::Config {
            settings: self.settings.clone(),
            scopes: self.scopes.clone(),
            mode,
            quota: self.quota,
            resync: self.resync,
            vacancy: self.vacancy,
            brake: self.brake,
            seed,
        }
    }
}

impl TryFrom<Flags> for Config {
    type Error = BadFlag;

    fn try_from(flags: Flags) -> Result<Self, BadFlag> {
        // This names every flag, so that a flag without an effect does not compile.
        let Flags {
            zone,
            aws_zone_type,
            aws,
            owner,
            adopt_from_owner,
            txt_prefix,
            txt_suffix,
            txt_wildcard_replacement,
            objects,
            hostnames,
            targets,
            services,
            default_ttl,
            max_ttl,
            types,
            aws_prefer_cname,
            allow_wildcard_cname,
            merge_targets,
            alias_zone,
            resync,
            account_requests,
            account_changes,
            quota_share,
            vacancy,
            brake_moves,
            brake_percent,
            brake_hosts,
        } = flags;
        if std::env::var_os(OLD_PUBLISH).is_some() {
            return Err(BadFlag::OldPublish);
        }
        let mut config = Self::new(zone.try_into()?, owner.try_into()?);
        config.zone_type = aws_zone_type;
        config.access = aws.try_into()?;

        let settings = &mut config.settings;
        settings.naming = Naming::new(&txt_prefix, &txt_suffix, txt_wildcard_replacement.as_deref())?;
        settings.default_ttl = ttl("default-ttl", &default_ttl)?;
        settings.managed_types = types.try_into()?;
        settings.prefer_cname = aws_prefer_cname;
        settings.allow_wildcard_cname = allow_wildcard_cname;
        settings.merge_targets = merge_targets.map(MergeTargets::from);
        for row in alias_zone {
            settings.alias_zones.add(&row).map_err(|why| BadFlag::AliasZone(row, why))?;
        }
        let from = adopt_from_owner.iter().map(|id| other_owner("adopt-from-owner", id, &settings.owner));
        settings.adoption = Adoption { from: from.collect::<Result<_, _>>()?, order: None };

        let rules = &mut config.rules;
        let source = objects.enter(rules)?;
        settings.endpoints = targets.enter(rules)?;
        (rules.hostnames, settings.endpoints.domains) = hostnames.read()?;
        rules.services = services.into();
        rules.services.publish_ports = settings.managed_types.contains(&RecordType::Srv);
        let max = ttl("max-ttl", &max_ttl)?;
        rules.max_ttl = max;
        let chosen = [("default-ttl", Some(settings.default_ttl)), ("min-ttl", settings.endpoints.ttl)];
        for (flag, ttl) in chosen.into_iter().filter_map(|(flag, ttl)| Some((flag, ttl?))) {
            if ttl > max {
                return Err(BadFlag::AboveMax { flag, ttl, max });
            }
        }
        config.scopes = scopes(source, rules);

        if !(Quota::SMALLEST_SHARE..=1.0).contains(&quota_share) {
            return Err(BadFlag::Share(quota_share));
        }
        config.quota = Quota {
            requests: rate("account-requests", &account_requests)?,
            changes: rate("account-changes", &account_changes)?,
            share: quota_share,
        };
        config.resync = duration(&resync)
            .filter(|period| *period >= Duration::from_secs(1))
            .ok_or(BadFlag::Resync(resync))?;
        config.vacancy = duration(&vacancy).ok_or(BadFlag::Vacancy(vacancy))?;
        config.brake = BrakeLimits { moves: brake_moves, percent: brake_percent.into(), hosts: brake_hosts };
        Ok(config)
    }
}

/// Parses the id of another owner. The own id is an error.
pub fn other_owner(flag: &'static str, id: &str, own: &OwnerId) -> Result<OwnerId, BadFlag> {
    let value = || id.to_owned();
    let other: OwnerId = id.parse().map_err(|why| BadFlag::FromOwner { flag, value: value(), why })?;
    if other == *own { Err(BadFlag::FromSelf { flag, value: value() }) } else { Ok(other) }
}

impl TryFrom<OwnerFlags> for OwnerId {
    type Error = BadFlag;

    fn try_from(OwnerFlags { owner_id, allow_default_owner }: OwnerFlags) -> Result<Self, BadFlag> {
        if owner_id == Self::DEFAULT_OF_EXTERNAL_DNS && !allow_default_owner {
            return Err(BadFlag::DefaultOwner);
        }
        owner_id.parse().map_err(|why| BadFlag::OwnerId(owner_id.clone(), why))
    }
}

impl TryFrom<ZoneFlags> for ZoneId {
    type Error = BadFlag;

    fn try_from(ZoneFlags { zone_id }: ZoneFlags) -> Result<Self, BadFlag> {
        Self::new(&zone_id).ok_or(BadFlag::ZoneId(zone_id))
    }
}

impl TryFrom<TypeFlags> for ManagedTypes {
    type Error = BadFlag;

    fn try_from(flags: TypeFlags) -> Result<Self, BadFlag> {
        let TypeFlags { managed_record_types: managed, exclude_record_types: excluded } = flags;
        let names = excluded.iter().map(|name| name.trim()).filter(|name| !name.is_empty());
        let types = Self::new(managed.iter().map(String::as_str));
        let types = types.map_err(|why| BadFlag::ManagedTypes(managed.join(","), why))?;
        types.without(names).map_err(|why| BadFlag::ExcludedTypes(excluded.join(","), why))
    }
}

/// The scopes of these kinds, and of the resources that they look up; all namespaces where the rules name none.
fn scopes(sources: impl IntoIterator<Item = Source>, rules: &Rules) -> Vec<Scope> {
    let mut resources: BTreeSet<Resource> = sources.into_iter().map(Source::resource).collect();
    if resources.contains(&Resource::SERVICE) {
        resources.extend(rules.services.looked_up());
    }
    let mut scopes = Vec::new();
    for resource in resources {
        if rules.namespaces.is_empty() || !resource.is_namespaced() {
            scopes.push(Scope { resource, namespace: None });
            continue;
        }
        let of = |namespace: &String| Scope { resource, namespace: Some(namespace.clone()) };
        scopes.extend(rules.namespaces.iter().map(of));
    }
    scopes
}

fn duration(text: &str) -> Option<Duration> {
    let duration: jiff::SignedDuration = text.parse().ok()?;
    Duration::try_from(duration).ok()
}

/// A duration as [`duration`] parses it, `30m` for example.
fn duration_text(duration: Duration) -> String {
    let duration = jiff::SignedDuration::try_from(duration).unwrap_or(jiff::SignedDuration::MAX);
    format!("{duration:#}")
}

/// Reads a TTL.
fn ttl(flag: &'static str, value: &str) -> Result<Ttl, BadFlag> {
    Ttl::from_str(value).map_err(|why| BadFlag::Ttl { flag, value: value.to_owned(), why })
}

/// Parses a rate: `10/50`, or `unlimited`.
fn rate(flag: &'static str, value: &str) -> Result<Option<Rate>, BadFlag> {
    if value == "unlimited" {
        return Ok(None);
    }
    let read = || {
        let (refill, burst) = value.split_once('/')?;
        let rate = Rate { refill: refill.trim().parse().ok()?, burst: burst.trim().parse().ok()? };
        (rate.refill > 0 && rate.burst > 0).then_some(rate)
    };
    read().map(Some).ok_or_else(|| BadFlag::Rate { flag, value: value.to_owned() })
}

/// A rate as [`rate`] parses it.
fn rate_text(rate: Option<Rate>) -> String {
    rate.map_or_else(|| "unlimited".to_owned(), |rate| format!("{}/{}", rate.refill, rate.burst))
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use zonekeeper_core::{
        dns::{Name, Zone},
        keeper::{Input, Keeper, Time},
    };

    use super::*;

    #[derive(Debug, Parser)]
    struct Typed {
        #[command(flatten)]
        flags: Flags,
    }

    fn config(extra: &[&str]) -> Result<Config, String> {
        let typed = ["test", "--zone-id", "/hostedzone/Z1", "--owner-id", "prod"];
        let typed = Typed::try_parse_from(typed.iter().chain(extra)).map_err(|error| error.to_string())?;
        Config::try_from(typed.flags).map_err(|error| error.to_string())
    }

    #[test]
    fn without_flags_the_defaults_apply() {
        let typed = config(&[]).unwrap();
        let defaults = Config::new(ZoneId::new("Z1").unwrap(), "prod".parse().unwrap());
        // A new field must be compared, so this compares everything.
        assert_eq!(format!("{typed:#?}"), format!("{defaults:#?}"));
        assert_eq!((typed.resync, typed.scopes.len()), (Duration::from_mins(30), 2));
    }

    #[test]
    fn record_types_are_repeated_or_listed() {
        for extra in [
            ["--managed-record-types", "A,cname"].as_slice(),
            &["--managed-record-types=CNAME", "--managed-record-types=A"],
        ] {
            let types = config(extra).unwrap().settings.managed_types;
            assert_eq!(types, ManagedTypes::new(["A", "CNAME"]).unwrap(), "{extra:?}");
        }
    }

    #[test]
    fn an_error_names_the_flag() {
        for (extra, expected) in [
            (["--owner-id", "a b"].as_slice(), "--owner-id"),
            (&["--owner-id", "default"], "--allow-default-owner"),
            (&["--zone-id", "example.com"], "--zone-id"),
            (&["--adopt-from-owner", "old,a b"], "--adopt-from-owner `a b`"),
            (&["--adopt-from-owner", "prod"], "is the --owner-id of this cluster"),
            (&["--txt-prefix", "a", "--txt-suffix", "b"], "prefix"),
            (&["--annotation-prefix", "x"], "--annotation-prefix"),
            (&["--default-ttl", "x"], "--default-ttl"),
            (&["--managed-record-types", "A,NS"], "--managed-record-types `A,NS`: zonekeeper never writes"),
            (&["--min-ttl", "x"], "--min-ttl `x`"),
            (&["--min-ttl", "700000"], "--min-ttl is 700000 seconds, more than --max-ttl: 604800"),
            (&["--annotation-filter", "a=b,"], "--annotation-filter `a=b,`: it ends too early"),
            (&["--label-filter", "a>1"], "--label-filter `a>1`"),
            (&["--domain-filter", "a..b"], "--domain-filter `a..b`"),
            (&["--exclude-domains", "ok.example.com,a b"], "--exclude-domains `a b`"),
            (&["--regex-domain-filter", "("], "--regex-domain-filter `(`: it is not a regular expression"),
            (&["--regex-domain-exclusion", "a{9999999}"], "--regex-domain-exclusion"),
            (&["--fqdn-template", "{{.Name"], "--fqdn-template: "),
            (&["--target-net-filter", "10.0.0.0/8,10.0.0.1"], "--target-net-filter `10.0.0.1`"),
            (&["--exclude-target-net", "::/129"], "--exclude-target-net `::/129`"),
            (&["--default-targets", "10.09.15.25"], "--default-targets `10.09.15.25`"),
            (&["--force-default-targets"], "--force-default-targets needs --default-targets"),
            (&["--managed-record-types", ""], "--managed-record-types"),
            (&["--exclude-record-types", "A,AAA"], "--exclude-record-types `A,AAA`: there is no such type"),
            (
                &["--exclude-record-types", "A,AAAA,CNAME"],
                "--exclude-record-types `A,AAAA,CNAME`: no type is left",
            ),
            (&["--alias-zone", "x"], "--alias-zone"),
            (&["--resync", "x"], "--resync"),
            (&["--resync", "0s"], "--resync"),
            (&["--account-requests", "x"], "--account-requests"),
            (&["--account-changes", "0/0"], "--account-changes"),
            (&["--quota-share", "2"], "--quota-share"),
            (&["--quota-share", "NaN"], "--quota-share"),
            (&["--quota-share", "0.009"], "--quota-share"),
            (&["--quota-share=-inf"], "--quota-share"),
            (&["--vacancy", "x"], "--vacancy"),
            (&["--vacancy=-1s"], "--vacancy"),
            (&["--resync", "99999999999999999999s"], "--resync"),
            (&["--account-requests", "4294967296/1"], "--account-requests"),
            (&["--account-requests", "1/2/3"], "--account-requests"),
            (&["--account-changes=-1/-1"], "--account-changes"),
        ] {
            let mut args = vec![];
            args.extend_from_slice(extra);
            let typed: Vec<&str> = ["test"].into_iter().chain(base(extra)).chain(args).collect();
            let parsed = Typed::try_parse_from(typed).unwrap();
            let error = Config::try_from(parsed.flags).unwrap_err().to_string();
            assert!(error.contains(expected), "{extra:?}: {error}");
        }
    }

    #[test]
    fn the_keeper_runs_with_the_largest_value_of_each_flag() {
        let [most, forever] = [u64::MAX.to_string(), format!("{}s", i64::MAX)];
        for extra in [
            ["--account-requests", "4294967295/4294967295"],
            ["--account-changes", "4294967295/4294967295"],
            ["--quota-share", "0.01"],
            ["--resync", &forever],
            ["--vacancy", &forever],
            ["--vacancy", "0s"],
            ["--brake-moves", &most],
            ["--brake-percent", "100"],
            ["--brake-hosts", &most],
            ["--max-ttl", "2147483647"],
        ] {
            let config = config(&extra).unwrap();
            let zone = Zone::new(config.zone.clone(), Name::from_hostname("example.com").unwrap());
            let mut keeper = Keeper::new(config.keeper(Mode::Apply, u64::MAX), zone);
            for now in [Time::ZERO, Time::after_start(Duration::from_hours(1)), Time::NEVER] {
                keeper.handle(Input::Leadership { until: Time::NEVER }, now);
            }
        }
        let error = config(&["--brake-percent", "101"]).unwrap_err();
        assert!(error.contains("'101' for '--brake-percent <PERCENT>': 101 is not in 0..=100"), "{error}");
    }

    /// The mandatory flags that `extra` does not give.
    fn base(extra: &[&'static str]) -> Vec<&'static str> {
        let given = |flag: &str| extra.contains(&flag);
        [("--zone-id", "Z1"), ("--owner-id", "prod")]
            .into_iter()
            .filter(|(flag, _)| !given(flag))
            .flat_map(|(flag, value)| [flag, value])
            .collect()
    }

    #[test]
    fn namespaces_and_kinds_make_scopes() {
        let config =
            config(&["--source", "ingress", "--namespace", "a,b", "--account-changes", "unlimited"]).unwrap();
        assert_eq!(config.scopes.len(), 2);
        assert_eq!(config.quota.changes, None);
    }

    #[test]
    fn other_resources_are_read_only_for_the_types_of_services_that_need_them() {
        let read = |extra: &[&str]| -> Vec<String> {
            let place =
                |scope: &Scope| format!("{} {}", scope.resource, scope.namespace.as_deref().unwrap_or("*"));
            config(extra).unwrap().scopes.iter().map(place).collect()
        };
        let always = ["Ingress *", "Service *"];
        assert_eq!(read(&[]), always);
        assert_eq!(read(&["--service-type-filter", "LoadBalancer"]), always);
        let headless = ["EndpointSlice *", "Ingress *", "Pod *", "Service *"];
        assert_eq!(read(&["--service-type-filter", "ClusterIP"]), headless);
        let nodes = ["Ingress *", "Node *", "Pod *", "Service *"];
        assert_eq!(read(&["--service-type-filter=NodePort", "--service-type-filter=LoadBalancer"]), nodes);
        let of_shop = ["EndpointSlice shop", "Node *", "Pod shop", "Service shop"];
        let types = ["--service-type-filter=ClusterIP,NodePort", "--source=service", "--namespace=shop"];
        assert_eq!(read(&types), of_shop);
        assert_eq!(read(&["--service-type-filter=ClusterIP", "--source=ingress"]), ["Ingress *"]);
    }
}
