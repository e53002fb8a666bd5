//! Other writers of the zone: people, Terraform, another ExternalDNS.

use zonekeeper_emulator::zone::{AliasTarget, Change, HostedZone, RecordSet};

use super::{
    cluster::HOSTS,
    ownership::{self, THEM, TxtNames, US, heritage},
    random::Random,
};

const TEAM: &str = "team.example.com.";
const WEIGHTED: &str = "weighted.example.com.";

/// The labels of foreign actions.
pub const ACTIONS: &[&str] = &[
    "changes a CNAME",
    "changes a TXT",
    "changes a record of another type",
    "changes an A",
    "changes an AAAA",
    "changes an alias",
    "creates a CNAME",
    "creates a CNAME of ours",
    "creates a record of another type",
    "creates a record of another type, owned",
    "creates a traffic policy instance",
    "creates aliases as ExternalDNS",
    "creates an A",
    "creates an A of ours",
    "creates an ownership TXT",
    "creates as another owner",
    "creates at a name of ours",
    "creates weighted sets",
    "creates with a legacy TXT",
    "delegates",
    "deletes a TXT",
    "deletes a record",
    "ends a delegation",
    UNDOES,
];

const UNDOES: &str = "undoes a batch of ours";

/// A foreign action, with its label and the listed names that it changed.
#[derive(Debug, Clone)]
pub struct Action {
    pub label: &'static str,
    pub names: Vec<String>,
}

/// Makes a random foreign action. `None` if the zone's rules do not allow it.
pub fn act(zone: &mut HostedZone, naming: TxtNames, random: &mut Random) -> Option<Action> {
    match random.below(21) {
        0 => create(zone, "creates an A", vec![a(&some_name(naming, random), random)]),
        1 => {
            let cname = RecordSet::simple(some_name(naming, random), "CNAME", 60, ["lb.example.org"]);
            create(zone, "creates a CNAME", vec![cname])
        }
        2 => create(zone, "creates a record of another type", vec![literal(&host(random), random)]),
        20 => {
            let set = literal(&host(random), random);
            let txt = txt(&naming.place(&set.name, &set.rtype), random.pick::<&str>(&[THEM, US]));
            create(zone, "creates a record of another type, owned", vec![set, txt])
        }
        3..5 => delete(zone, random, |_| true),
        5 => delete(zone, random, |set| set.rtype == "TXT"),
        6..9 => change(zone, random, |_| true),
        9 => change(zone, random, |set| set.rtype == "TXT"),
        10 => {
            let set = a(&host(random), random);
            let txt = txt(&naming.place(&set.name, "A"), THEM);
            create(zone, "creates as another owner", vec![set, txt])
        }
        11 => {
            let name = host(random);
            let txt = txt(&naming.place(&name, "A"), random.pick::<&str>(&[THEM, US]));
            create(zone, "creates an ownership TXT", vec![txt])
        }
        12 => {
            let set = a(&host(random), random);
            let txt = txt(&naming.of(&set.name, None)?, random.pick::<&str>(&[THEM, US, US]));
            create(zone, "creates with a legacy TXT", vec![set, txt])
        }
        13 => {
            let name = host(random);
            let target = load_balancer(random);
            let alias = |rtype| RecordSet::alias(&name, rtype, target.clone());
            let txts = [naming.of(&name, Some("CNAME"))?, naming.place(&name, "AAAA")].map(|at| txt(&at, US));
            create(
                zone,
                "creates aliases as ExternalDNS",
                [vec![alias("A"), alias("AAAA")], txts.to_vec()].concat(),
            )
        }
        14 => {
            let name = host(random);
            let target = *random.pick(&["lb.example.org", "web-1.eu-west-1.elb.amazonaws.com"]);
            let set = RecordSet::simple(&name, "CNAME", 60, [target]);
            let txt = txt(&naming.place(&name, "CNAME"), US);
            create(zone, "creates a CNAME of ours", vec![set, txt])
        }
        15 => {
            let set = a(&host(random), random);
            let txt = txt(&naming.place(&set.name, "A"), US);
            create(zone, "creates an A of ours", vec![set, txt])
        }
        16 => match zone.get(TEAM, "NS", None).cloned() {
            None => {
                let set = RecordSet::simple(TEAM, "NS", 60, ["ns1.example.org."]);
                create(zone, "delegates", vec![set])
            }
            Some(set) => run(zone, "ends a delegation", vec![Change::delete(set)]),
        },
        17 => {
            let set =
                RecordSet { ttl: Some(*random.pick(&[60, 300])), ..a(WEIGHTED, random) }.weighted("blue", 10);
            let txt = txt(&naming.place(WEIGHTED, "A"), THEM).weighted("blue", 10);
            create(zone, "creates weighted sets", vec![set, txt])
        }
        18 => {
            let name = host(random);
            let id = Some("12345678-1234".to_owned());
            let set = RecordSet {
                name: name.clone(),
                rtype: "A".into(),
                traffic_policy_instance_id: id,
                ..RecordSet::default()
            };
            if zone.get(&name, "CNAME", None).is_some() {
                return None;
            }
            zone.put(set).ok()?;
            Some(Action { label: "creates a traffic policy instance", names: vec![name] })
        }
        _ => delete(zone, random, |set| set.traffic_policy_instance_id.is_some() || set.rtype == "CNAME"),
    }
}

/// Makes a random foreign action at a name.
pub fn act_at(zone: &mut HostedZone, name: &str, random: &mut Random) -> Option<Action> {
    let at_name = |set: &RecordSet| set.name == name;
    match random.below(4) {
        0 => create(zone, "creates at a name of ours", vec![a(name, random)]),
        1 => delete(zone, random, at_name),
        _ => change(zone, random, at_name),
    }
}

/// Undoes a batch of ours.
pub fn undo(zone: &mut HostedZone, before: &[(RecordSet, Option<RecordSet>)]) -> Option<Action> {
    let back = |(written, before): &(RecordSet, Option<RecordSet>)| match before {
        Some(before) => Change::upsert(before.clone()),
        None => Change::delete(written.clone()),
    };
    run(zone, UNDOES, before.iter().map(back).collect())
}

fn create(zone: &mut HostedZone, label: &'static str, sets: Vec<RecordSet>) -> Option<Action> {
    run(zone, label, sets.into_iter().map(Change::create).collect())
}

fn delete(zone: &mut HostedZone, random: &mut Random, like: impl Fn(&RecordSet) -> bool) -> Option<Action> {
    let set = one_of(zone, random, like)?;
    run(
        zone,
        if set.rtype == "TXT" { "deletes a TXT" } else { "deletes a record" },
        vec![Change::delete(set)],
    )
}

fn change(zone: &mut HostedZone, random: &mut Random, like: impl Fn(&RecordSet) -> bool) -> Option<Action> {
    let mut set = one_of(zone, random, like)?;
    let label = match set.rtype.as_str() {
        "A" | "AAAA" if set.alias_target.is_some() => {
            set.alias_target = Some(load_balancer(random));
            "changes an alias"
        }
        "A" => {
            set.values = vec![(*random.pick(&["192.0.2.1", "198.51.100.1", "198.51.100.2"])).to_owned()];
            "changes an A"
        }
        "AAAA" => {
            set.values = vec![(*random.pick(&["2001:db8::1", "2001:db8::99"])).to_owned()];
            "changes an AAAA"
        }
        "CNAME" => {
            set.values = vec![(*random.pick(&["lb.example.org", "other.example.org"])).to_owned()];
            "changes a CNAME"
        }
        "MX" | "SRV" | "CAA" => {
            set.values = vec![value_of(&set.rtype, random)];
            "changes a record of another type"
        }
        "TXT" if ownership::owner(&set).is_none() && random.percent(60) => {
            set.values = vec![value_of(&set.rtype, random)];
            "changes a record of another type"
        }
        "TXT" => {
            set.values = match random.below(5) {
                0 => vec!["\"encrypted or so\"".to_owned()],
                1 => vec![heritage(US, "ingress/shop/web"), heritage(THEM, "ingress/shop/web")],
                2 => vec![heritage(THEM, "ingress/shop/web")],
                _ => vec![heritage(US, random.pick::<&str>(&["ingress/shop/web", "service/blog/api"]))],
            };
            "changes a TXT"
        }
        _ => return None,
    };
    run(zone, label, vec![Change::upsert(set)])
}

fn run(zone: &mut HostedZone, label: &'static str, batch: Vec<Change>) -> Option<Action> {
    zone.change(&batch).ok()?;
    Some(Action { label, names: batch.into_iter().map(|change| change.set.name).collect() })
}

fn one_of(zone: &HostedZone, random: &mut Random, like: impl Fn(&RecordSet) -> bool) -> Option<RecordSet> {
    let sets: Vec<&RecordSet> =
        zone.iter().filter(|set| !matches!(set.rtype.as_str(), "NS" | "SOA") && like(set)).collect();
    (!sets.is_empty()).then(|| (*random.pick(&sets)).clone())
}

fn a(name: &str, random: &mut Random) -> RecordSet {
    RecordSet::simple(name, "A", *random.pick(&[60, 300]), [*random.pick(&["192.0.2.1", "198.51.100.1"])])
}

/// A record that leads to no address.
fn literal(name: &str, random: &mut Random) -> RecordSet {
    let rtype = *random.pick(&["CAA", "MX", "SRV", "TXT"]);
    RecordSet::simple(name, rtype, *random.pick(&[60, 300]), [value_of(rtype, random)])
}

fn value_of(rtype: &str, random: &mut Random) -> String {
    let values = match rtype {
        "CAA" => ["0 issue \"ca.example.net\"", "0 issue \"ca.example.org\""],
        "MX" => ["10 mx1.example.net", "10 mx.example.org."],
        "SRV" => ["0 50 8080 web-1.example.net", "0 1 80 web.example.org."],
        _ => ["\"v=spf1 -all\"", "\"v=spf1 include:example.org -all\""],
    };
    (*random.pick(&values)).to_owned()
}

fn txt(name: &str, owner: &str) -> RecordSet {
    RecordSet::simple(name, "TXT", 300, [heritage(owner, "ingress/shop/web")])
}

fn load_balancer(random: &mut Random) -> AliasTarget {
    let name = random.pick(&["web-1.eu-west-1.elb.amazonaws.com.", "web-2.eu-west-1.elb.amazonaws.com."]);
    AliasTarget {
        hosted_zone_id: "Z32O12XQLNTSW2".to_owned(),
        dns_name: (*name).to_owned(),
        evaluate_target_health: true,
    }
}

/// The listed name of a hostname of an object.
pub fn host(random: &mut Random) -> String {
    let hosts = HOSTS.iter().filter(|host| host.ends_with("example.com") && !host.contains(".."));
    let hosts: Vec<&&str> = hosts.collect();
    format!("{}.", random.pick(&hosts).replace('*', r"\052"))
}

/// The listed name of a hostname, or of its ownership record.
fn some_name(naming: TxtNames, random: &mut Random) -> String {
    let name = host(random);
    match random.below(6) {
        0 => naming.place(&name, "A"),
        1 => naming.place(&name, "CNAME"),
        _ => name,
    }
}
