//! The shape of a run: the settings that differ between runs.

use std::time::Duration;

use zonekeeper_core::{
    keeper::{BrakeLimits, Config, Mode, Quota, Rate},
    plan::{Adoption, ManagedTypes, MergeTargets, Naming, Settings},
    source::{Content, Endpoint, Scope},
};
use zonekeeper_emulator::zone::{HostedZone, RecordSet, WildcardOrder};

use super::{
    ownership::{APEX, THEM, TxtNames, US},
    random::Random,
    watch,
};

const NAMINGS: [TxtNames; 6] = [
    TxtNames { prefix: "", suffix: "", wildcard: None },
    TxtNames { prefix: "", suffix: "", wildcard: None },
    TxtNames { prefix: "", suffix: "", wildcard: Some("any") },
    TxtNames { prefix: "txt-", suffix: "", wildcard: None },
    TxtNames { prefix: "%{record_type}.own-", suffix: "", wildcard: None },
    TxtNames { prefix: "", suffix: "-own", wildcard: Some("any") },
];

/// The managed types. All types, and those of addresses, are the most frequent.
const MANAGED_TYPES: [&[&str]; 12] = {
    const ALL: &[&str] = &["A", "AAAA", "CAA", "CNAME", "MX", "SRV", "TXT"];
    [
        ALL,
        ALL,
        ALL,
        ALL,
        ALL,
        ADDRESSES,
        ADDRESSES,
        &["A"],
        &["A", "AAAA"],
        &["CNAME"],
        &["A", "AAAA", "CNAME", "TXT"],
        &["MX", "SRV", "TXT"],
    ]
};

/// The types of addresses. The keeper looks at such records, even if it does not manage them.
const ADDRESSES: &[&str] = &["A", "AAAA", "CNAME"];

/// The settings of one run.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct Shape {
    pub naming: TxtNames,
    pub prefer_cname: bool,
    pub merge_targets: Option<MergeTargets>,
    pub managed_types: &'static [&'static str],
    pub scopes: Vec<Scope>,
    pub mode: Mode,
    pub quota: Quota,
    pub resync: Duration,
    pub vacancy: Duration,
    pub brake: BrakeLimits,
    pub wildcard_order: WildcardOrder,
    /// The maximum of record sets on a page.
    pub page: usize,
    /// The number of candidates for leadership. 0 means one process without a Lease.
    pub replicas: u32,
    /// The duration of edits, foreign writes and faults.
    pub storm: Duration,
    /// The maximum time between two edits of the cluster, in milliseconds.
    pub calm: u64,
    /// The maximum time between two foreign writes, in milliseconds.
    pub peace: u64,
    /// Whether processes are killed.
    pub kills: bool,
    /// Whether requests fail.
    pub faults: bool,
    /// Whether the zone is private.
    pub is_private: bool,
    /// Whether an ExternalDNS shares the zone.
    pub has_rival: bool,
    /// Whether somebody undoes most of our batches.
    pub is_undone: bool,
    /// Whether the keeper adopts the sets of another owner.
    pub adopts: bool,
}

impl Shape {
    pub fn random(random: &mut Random) -> Self {
        let small = |refill, burst| Some(Rate { refill, burst });
        let quota = match random.below(6) {
            0 => Quota { changes: small(1, 60), ..Quota::default() },
            1 => Quota { changes: small(2, 100), requests: small(2, 10), share: 0.5 },
            2 => Quota { changes: None, requests: None, share: 1.0 },
            _ => Quota::default(),
        };
        Self {
            naming: *random.pick(&NAMINGS),
            prefer_cname: random.percent(10),
            merge_targets: *random.pick(&[
                None,
                None,
                None,
                Some(MergeTargets::Never),
                Some(MergeTargets::WithinNamespace),
                Some(MergeTargets::AllNamespaces),
            ]),
            managed_types: *random.pick(&MANAGED_TYPES),
            scopes: watch::scopes(random.percent(25)),
            mode: *random.pick(&[&[Mode::DryRun][..], &[Mode::Approve; 3], &[Mode::Apply; 21]].concat()),
            quota,
            resync: Duration::from_mins(*random.pick(&[3, 10, 30])),
            vacancy: Duration::from_secs(*random.pick(&[0, 20, 600])),
            brake: BrakeLimits {
                moves: *random.pick(&[2, 4, 10]),
                percent: *random.pick(&[20, 50, 100]),
                hosts: *random.pick(&[3, 200]),
            },
            wildcard_order: *random.pick(&[WildcardOrder::Raw, WildcardOrder::Escaped]),
            page: *random.pick(&[2, 3, 5, 300]),
            replicas: *random.pick(&[0, 0, 0, 1, 2, 2]),
            // A few runs are long, so that listings become old.
            storm: if random.percent(8) {
                random.millis(600_000, 1_200_000)
            } else {
                random.millis(20_000, 200_000)
            },
            calm: *random.pick(&[1_000, 8_000, 60_000]),
            peace: *random.pick(&[2_000, 30_000, 300_000]),
            kills: random.percent(40),
            faults: random.percent(75),
            is_private: random.percent(10),
            has_rival: random.percent(30),
            is_undone: random.percent(15),
            adopts: random.percent(12),
        }
    }

    pub fn settings(&self) -> Settings {
        let TxtNames { prefix, suffix, wildcard } = self.naming;
        Settings {
            naming: Naming::new(prefix, suffix, wildcard).unwrap(),
            managed_types: ManagedTypes::new(self.managed_types.iter().copied()).unwrap(),
            prefer_cname: self.prefer_cname,
            merge_targets: self.merge_targets,
            adoption: Adoption {
                from: self.adopts.then(|| THEM.parse().unwrap()).into_iter().collect(),
                order: None,
            },
            ..Settings::new(US.parse().unwrap())
        }
    }

    /// The types of records that can be ours.
    pub fn types(&self) -> Vec<&'static str> {
        let managed = self.managed_types.iter().filter(|rtype| !ADDRESSES.contains(rtype));
        ADDRESSES.iter().chain(managed).copied().collect()
    }

    /// Whether every record of an endpoint is of a managed type, if one of them is.
    pub fn manages(&self, endpoint: &Endpoint, zone: &HostedZone) -> bool {
        let manages = |rtype: &str| self.managed_types.contains(&rtype);
        let Content { targets, records } = &endpoint.content;
        // A CNAME of ours stays one, even where an alias is possible.
        let host = endpoint.key.host.to_route53();
        let is_cname = |set: &RecordSet| set.name == host && set.rtype == "CNAME";
        let are_hosts_managed = if !targets.hosts.is_empty() && zone.iter().any(is_cname) {
            true
        } else if targets.addresses().next().is_some() {
            (targets.v4.is_empty() || manages("A")) && (targets.v6.is_empty() || manages("AAAA"))
        } else if let Some(target) =
            targets.hosts.iter().find(|host| host.to_route53().ends_with(&format!(".{APEX}")))
        {
            // An alias to a name of the zone has the types of the records there.
            let target = target.to_route53();
            let is_there = |rtype: &str| zone.iter().any(|set| set.name == target && set.rtype == rtype);
            ["A", "AAAA"].iter().all(|rtype| manages(rtype) || !is_there(rtype))
        } else {
            // Other aliases have both types.
            targets.is_empty() || (manages("A") == manages("AAAA") && ADDRESSES.iter().any(|it| manages(it)))
        };
        are_hosts_managed && records.iter().all(|record| manages(record.rtype.as_str()))
    }

    /// The owners whose sets the keeper may replace.
    pub fn owners(&self) -> &'static [&'static str] {
        if self.adopts { &[US, THEM] } else { &[US] }
    }

    pub fn config(&self, seed: u64) -> Config {
        Config {
            settings: self.settings(),
            scopes: self.scopes.clone(),
            mode: self.mode,
            quota: self.quota,
            resync: self.resync,
            vacancy: self.vacancy,
            brake: self.brake,
            seed,
        }
    }
}
