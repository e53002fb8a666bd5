//! Compares zonekeeper with the real ExternalDNS in random situations.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::{
    binary::Binary, cluster::Cluster, difference::difference, emulated_zone::canonical, explanation::explain,
    generator::Generated, keeper::Kept, recorder::Record, situation::Situation,
};

/// Features that must occur in a run of a thousand situations, by kind.
const FEATURES: [(&str, &[&str]); 6] = [
    (
        "annotation",
        &[
            "access",
            "alias",
            "aws-evaluate-target-health",
            "aws-failover",
            "aws-geolocation-continent-code",
            "aws-geolocation-country-code",
            "aws-geolocation-subdivision-code",
            "aws-geoproximity-bias",
            "aws-geoproximity-coordinates",
            "aws-geoproximity-local-zone-group",
            "aws-geoproximity-region",
            "aws-health-check-id",
            "aws-hosted-zone-id",
            "aws-multi-value-answer",
            "aws-region",
            "aws-something",
            "aws-target-hosted-zone",
            "aws-weight",
            "cloudflare-proxied",
            "controller",
            "endpoints-type",
            "hostname",
            "ingress-hostname-source",
            "internal-hostname",
            "record-type",
            "set-identifier",
            "target",
            "ttl",
        ],
    ),
    ("kind", &["DNSEndpoint", "Ingress"]),
    ("policy", &["failover", "geolocation", "geoproximity", "multivalue", "region", "weight"]),
    ("record", &["A", "AAAA", "CAA", "CNAME", "MX", "SRV", "TXT"]),
    ("service", &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort", "headless"]),
    (
        "zone",
        &[
            "legacy alias",
            "legacy untyped",
            "owner default",
            "owner me",
            "owner old",
            "owner other",
            "ownership record alone",
            "unowned",
        ],
    ),
];

/// The number of first runs of a situation with several objects.
const TRIES: usize = 4;

/// The figures of a run.
#[derive(Debug, Default)]
struct Figures {
    equal: usize,
    different: usize,
    /// The situations with each difference. A situation can have several.
    differences: BTreeMap<&'static str, usize>,
    ambiguous: usize,
    with_records: usize,
    features: BTreeMap<String, usize>,
    unexplained: Vec<String>,
}

#[tokio::test]
#[ignore = "needs ExternalDNS: make agreement EXTERNAL_DNS=path SEED=1 COUNT=1000"]
async fn agreement() {
    let number = |name: &str, default: u64| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let (seed, count) = (number("SEED", 1), number("COUNT", 1_000));
    let binary = Binary::of_environment();
    let mut cluster = Cluster::start().await;
    let mut figures = Figures::default();
    for number in 0..count {
        let Generated { situation, features } = Generated::new(seed, number);
        let record = Record::of(&situation, &binary, &mut cluster, TRIES).await;
        let record = record.unwrap_or_else(|why| panic!("{}: {why}", situation.name));
        for feature in features {
            *figures.features.entry(feature).or_default() += 1;
        }
        figures.add(situation, record);
    }
    println!("seed {seed}: {figures}");
    if count >= 1_000 {
        assert!(figures.with_records * 2 >= figures.total(), "too few situations with records");
        for (kind, names) in FEATURES {
            for name in names {
                let feature = format!("{kind} {name}");
                assert!(figures.features.contains_key(&feature), "no {feature}");
            }
        }
    }
    assert!(figures.unexplained.is_empty(), "unexplained: {}", figures.unexplained.join(" "));
}

// === impl Figures ===

impl Figures {
    fn total(&self) -> usize {
        self.equal + self.different + self.ambiguous + self.unexplained.len()
    }

    /// Compares one situation, and saves it if nothing explains its difference.
    fn add(&mut self, situation: Situation, record: Record) {
        let situation = Situation {
            fails: record.fails,
            restless: record.is_restless,
            ambiguous: record.is_ambiguous,
            after: Some(record.after),
            ..situation
        };
        let after = situation.after.as_deref().unwrap_or_default();
        if after.lines().any(|line| !situation.zone.lines().any(|before| before == line)) {
            self.with_records += 1;
        }
        if situation.ambiguous {
            self.ambiguous += 1;
            return;
        }
        let explained = Kept::of(&situation).and_then(|kept| {
            explain(&situation, &kept).map_err(|hosts| unexplained(&situation, &kept, &hosts))
        });
        match explained {
            Ok(ids) if ids.is_empty() => self.equal += 1,
            Ok(ids) => {
                self.different += 1;
                for id in ids {
                    *self.differences.entry(id).or_default() += 1;
                }
            }
            Err(why) => {
                let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("externaldns");
                fs::create_dir_all(&folder).unwrap();
                fs::write(folder.join(format!("{}.yaml", situation.name)), situation.text()).unwrap();
                fs::write(folder.join(format!("{}.txt", situation.name)), why).unwrap();
                self.unexplained.push(situation.name);
            }
        }
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "{} situations, {} of them with new records: {} equal, {} deliberately different, {} ambiguous, {} unexplained",
            self.total(),
            self.with_records,
            self.equal,
            self.different,
            self.ambiguous,
            self.unexplained.len(),
        )?;
        for (id, count) in &self.differences {
            writeln!(f, "  different {id}: {count}")?;
        }
        for (feature, count) in &self.features {
            writeln!(f, "  {feature}: {count}")?;
        }
        Ok(())
    }
}

fn unexplained(situation: &Situation, kept: &Kept, hosts: &str) -> String {
    let after = canonical(situation.after.as_deref().unwrap_or_default());
    let difference = difference(&after, &canonical(&kept.zone));
    format!("{hosts}\n- is ExternalDNS, + is zonekeeper\n{difference}\nplan:\n{}", kept.plan)
}

/// The rules that explain random situations must explain the recorded ones too.
#[test]
fn the_rules_explain_the_recorded_situations() {
    let mut failures = Vec::new();
    for situation in Situation::all().iter().filter(|it| !it.ambiguous) {
        let explained = Kept::of(situation).and_then(|kept| explain(situation, &kept));
        let expected: BTreeSet<&str> = situation.differs.as_deref().into_iter().collect();
        match explained {
            Ok(ids) if ids == expected => {}
            other => {
                failures.push(format!("{}: {expected:?} in the file, by rule {other:?}", situation.name));
            }
        }
    }
    assert!(failures.is_empty(), "\n{}\n{} situations", failures.join("\n"), failures.len());
}
