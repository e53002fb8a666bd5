//! Bad input: each parser returns a typed error, and bad input affects only its own object.

use std::{collections::BTreeMap, fmt::Debug, str::FromStr};

use zonekeeper_core::{
    dns::{AliasZones, Data, Name, RecordSet, RecordType, Ttl, TxtText, Values, Zone, ZoneId},
    plan::{Heritage, HostPattern, MAX_SET_IDS, Naming, OwnerId, Plan, PlanDigest, UnitDigest},
    source::{AnnotationKey, MAX_OBJECT_HOSTS, OWN_ANNOTATIONS, Object, ObjectRef, Publish, Rules},
};

use crate::{
    record_text::record_set,
    situation::{Situation, empty_zone},
    world::{APEX, ingress, meta, service, settings},
};

/// All annotations.
pub fn annotations() -> impl Iterator<Item = &'static str> {
    AnnotationKey::ALL.into_iter().map(AnnotationKey::as_str).chain(OWN_ANNOTATIONS)
}

const X63: &str = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

fn objects_plan(objects: Vec<Object>) -> Plan {
    plan_of(objects, empty_zone(APEX))
}

fn plan_of(objects: Vec<Object>, zone: Zone) -> Plan {
    let settings = settings(Naming::default());
    Situation::new(settings, objects, zone).plan()
}

/// A valid Ingress, older than all others.
fn neighbour() -> Object {
    ingress(meta("shop", "good", 1, BTreeMap::new()), &["good.example.com"], &address())
}

fn address() -> [(Option<String>, Option<String>); 1] {
    [(Some("192.0.2.1".to_owned()), None)]
}

/// Checks the error of each text. An empty error stands for any.
fn are_refused<T: FromStr<Err: ToString> + Debug>(table: &[(&str, &str)]) {
    for (text, expected) in table {
        match text.parse::<T>() {
            Ok(read) => panic!("{text:?} is read as {read:?}"),
            Err(why) => assert!(why.to_string().contains(expected), "{text:?}: {}", why.to_string()),
        }
    }
}

#[test]
fn a_hostname_says_what_is_wrong_with_it() {
    let long =
        |labels: usize, last: usize| format!("{}{}", format!("{X63}.").repeat(labels), "y".repeat(last));
    for (text, expected) in [
        (String::new(), "it is empty"),
        ("   ".to_owned(), "it is empty"),
        (".".to_owned(), "it is empty"),
        ("..".to_owned(), "empty label"),
        ("a..example.com".to_owned(), "empty label"),
        (".example.com".to_owned(), "empty label"),
        ("www.*.example.com".to_owned(), "whole first label"),
        ("w*.example.com".to_owned(), "whole first label"),
        ("**.example.com".to_owned(), "whole first label"),
        ("www example.com".to_owned(), "' '"),
        ("www\0.example.com".to_owned(), "'\\0'"),
        ("www\u{1b}[2J.example.com".to_owned(), "'\\u{1b}'"),
        ("www\n.example.com".to_owned(), "'\\n'"),
        ("http://www.example.com".to_owned(), "':'"),
        ("www.example.com/shop".to_owned(), "'/'"),
        ("\u{202e}moc.example.com".to_owned(), "UTS-46"),
        ("a\u{200b}b\u{202a}.example.com".to_owned(), "UTS-46"),
        ("xn--\u{1f600}.example.com".to_owned(), "UTS-46"),
        ("xn--99999999999.example.com".to_owned(), "UTS-46"),
        (format!("x{X63}.example.com"), "64 bytes, 63 are allowed"),
        // 4 × 64 - 2 = 254.
        (long(3, 62), "254 bytes, 253 are allowed"),
        ("ü".repeat(64), "are allowed"),
        ("a.".repeat(2_500) + "example.com", "253 are allowed"),
    ] {
        match Name::from_hostname(&text) {
            Ok(name) => panic!("{text:?} is read as {name}"),
            Err(why) => assert!(why.to_string().contains(expected), "{text:?}: {why}"),
        }
    }
    for (text, expected) in [
        ("WWW.Example.COM.", "www.example.com"),
        (" www.example.com ", "www.example.com"),
        ("bücher.example.com", "xn--bcher-kva.example.com"),
        ("xn--bcher-kva.example.com", "xn--bcher-kva.example.com"),
        ("日本。example。com", "xn--wgv71a.example.com"),
        ("😀.example.com", "xn--e28h.example.com"),
        ("_dmarc.example.com", "_dmarc.example.com"),
        ("*.example.com", "*.example.com"),
        (&format!("{X63}.example.com"), &format!("{X63}.example.com")),
        (&long(3, 61), &long(3, 61)),
    ] {
        assert_eq!(Name::from_hostname(text).unwrap().as_str(), expected, "{text:?}");
    }
}

#[test]
fn a_name_in_a_listing_that_is_none_is_refused() {
    for text in ["", ".", "..", "a..b", ".a"] {
        assert!(Name::from_route53(text).is_err(), "{text:?}");
    }
    // After a backslash, any text gives a name that is written in the same form.
    for text in
        ["\\", "\\0", "\\05", "\\052", "\\999", "\\777.example.com", "a\\.b", "ü.example.com", "\\000"]
    {
        let name = Name::from_route53(text).unwrap();
        assert_eq!(Name::from_route53(&name.to_route53()), Ok(name.clone()), "{text:?}");
    }
}

#[test]
fn a_ttl_says_what_is_wrong_with_it() {
    let expected = "expected seconds from 1 to 2147483647, or a duration";
    let texts = [
        "",
        " ",
        "soon",
        "-1",
        "1.5",
        "0",
        "0s",
        "2147483648",
        "99999999999999999999",
        "1h1 h",
        "1m30",
        "300 s",
        "0x10",
        "１２",
        "1d",
        "∞",
        "300\0",
    ];
    are_refused::<Ttl>(&texts.map(|text| (text, expected)));
    for (text, seconds) in [("1", 1), ("0300", 300), ("1h1h", 7_200), ("2147483647", 2_147_483_647)] {
        assert_eq!(text.parse::<Ttl>().unwrap().seconds(), seconds, "{text}");
    }
}

#[test]
fn ids_and_digests_say_what_is_wrong_with_them() {
    are_refused::<OwnerId>(&[
        ("", ""),
        (" ", ""),
        ("a,b", ""),
        ("a\"b", ""),
        ("ü", ""),
        ("a\nb", ""),
        ("a b", ""),
    ]);
    are_refused::<PlanDigest>(&[
        ("", ""),
        ("0123", ""),
        ("0123456789abcdef0123456789abcdeg", ""),
        ("-", ""),
        ("+0123456789abcdef0123456789abcde", ""),
        ("é123456789abcdef0123456789abcde", ""),
    ]);
    are_refused::<UnitDigest>(&[
        ("", ""),
        ("0123456789abcde", ""),
        ("0123456789abcdef0", ""),
        ("+123456789abcdef", ""),
        ("0123456789abcdeé", ""),
    ]);
    are_refused::<ObjectRef>(&[
        ("", "Ingress/shop/web"),
        ("web", "Ingress/shop/web"),
        ("Ingress/shop", ""),
        ("Pod/shop/web", ""),
        ("Ingress//web", ""),
        ("Ingress/shop/", ""),
        ("Ingress/shop/web/x", ""),
        ("Ingress/shop/\u{1b}[2J", ""),
        ("Ingress/shop/a b", ""),
        ("Ingress/Shop/web", ""),
    ]);
    let long = format!("Ingress/shop/{}", "x".repeat(254));
    are_refused::<ObjectRef>(&[(&long, "")]);
    are_refused::<HostPattern>(&[("", "pattern of hostnames"), (" ", ""), ("a b", ""), ("http://*", "")]);
    for text in ["", " ", "/hostedzone/", "z/../x", "Z\0", "Zü"] {
        assert!(ZoneId::new(text).is_none(), "{text:?}");
    }
    for text in ["", "=", "elb.example", "=Z0123456789ABC", "elb.example=", "elb.example=z 1"] {
        assert!(AliasZones::default().add(text).is_err(), "{text:?}");
    }
}

#[test]
fn a_txt_that_cannot_be_read_belongs_to_nobody() {
    for value in
        ["", " ", "x", "\"", "\"\\", "\"\\\"", "\"a\" b", "\"a\"\"", "'a'", "\"heritage=external-dns"]
    {
        assert!(TxtText::parse(value).is_err(), "{value:?}");
    }
    for text in [
        "",
        ",",
        "heritage",
        "heritage=external-dns",
        "heritage=external-dns,external-dns/owner=",
        "external-dns/owner=us",
        "heritage=external-dns,heritage=other,external-dns/owner=us",
        "Heritage=external-dns,external-dns/owner=us",
        " heritage=external-dns ,external-dns/owner=us",
        "heritage=external-dns;external-dns/owner=us",
    ] {
        assert_eq!(Heritage::parse(&TxtText::new(text)), None, "{text:?}");
    }
}

#[test]
fn an_annotation_of_5_000_characters_is_quoted_short_and_costs_nobody_else_anything() {
    let alone = objects_plan(vec![neighbour()]);
    for character in ["x", "ü", "😀", ",", "a,", "a.", "9", "\u{1b}", "\"", "\\", " "] {
        let long: String = character.chars().cycle().take(5_000).collect();
        for key in annotations() {
            let notes: BTreeMap<&str, String> = [(key, long.clone())].into();
            let plan = objects_plan(vec![
                neighbour(),
                ingress(meta("shop", "bad", 2, notes.clone()), &["bad.example.com"], &address()),
                service(meta("shop", "worse", 3, notes), &address()),
            ]);
            assert!(alone.units.iter().all(|unit| plan.units.contains(unit)), "{key}: {plan}");
            is_readable(&plan);
        }
    }
}

/// Maximum size of an object's annotations (Kubernetes, "Annotations").
const MOST_ANNOTATED: usize = 256 << 10;

/// A list with a number of entries.
fn list_of(count: usize, entry: impl Fn(usize) -> String) -> String {
    (0..count).map(entry).collect::<Vec<_>>().join(",")
}

/// A list with as many entries as one annotation can hold.
fn as_many_as_fit(entry: impl Fn(usize) -> String) -> String {
    let mut list = entry(0);
    for entry in (1..).map(entry) {
        if list.len() + 1 + entry.len() > MOST_ANNOTATED {
            break;
        }
        list.push(',');
        list += &entry;
    }
    list
}

#[test]
fn a_full_object_needs_little_memory() {
    let hosts: Vec<String> = (0..400).map(|n| format!("w{n}.{APEX}")).collect();
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let many = |n: usize| format!("10.{}.{}.{}", n >> 16, n >> 8 & 255, n & 255);
    let lists: [(&str, &str, String); 9] = [
        ("target", "TooBig", as_many_as_fit(|n| format!("x{n:x}"))),
        ("target", "ManyCnameTargets", list_of(250, |n| format!("x{n}.{X63}.{X63}.{X63}"))),
        ("target", "TooBig", as_many_as_fit(many)),
        ("target", "TooBig", as_many_as_fit(|n| format!("2001:db8::{:x}:{:x}", n >> 16, n & 0xffff))),
        ("target", "InvalidField", as_many_as_fit(|_| "1".to_owned())),
        ("target", "InvalidField", as_many_as_fit(|n| format!("{n}"))),
        ("target", "TooBig", as_many_as_fit(|n| format!("1.2.3.4,x{n:x}"))),
        ("hostname", "InvalidHostname", as_many_as_fit(|_| "..".to_owned())),
        ("hostname", "InvalidHostname", as_many_as_fit(|n| format!("{n:x}:"))),
    ];
    for (key, reason, list) in lists {
        let text: String = list.chars().take(40).collect();
        let notes: BTreeMap<&str, String> = [(key, list)].into();
        let bad = ingress(meta("shop", "bad", 2, notes), &hosts, &address());
        let facts = bad.facts(&Rules { publish: Publish::All, ..Rules::default() }).unwrap();
        // All hostnames share one list of targets.
        let content = facts.endpoints.first().map(|endpoint| &endpoint.content);
        let size = format!("{content:?} {:?} {:?}", facts.unplanned_hosts().bad, facts.problems).len();
        assert!(size < MOST_ANNOTATED / 4, "{text}: {size} bytes");
        let plan = objects_plan(vec![neighbour(), bad]);
        is_readable(&plan);
        let blocked = plan.blocked.iter().filter(|blocked| blocked.reason.label() == reason).count();
        assert!(plan.units.iter().any(|unit| unit.object().name() == "good"), "{text}");
        match key {
            "target" => assert_eq!((blocked, plan.blocked.len()), (400, 400), "{text}"),
            _ => assert_eq!((blocked, plan.blocked.len()), (blocked.clamp(1, 21), blocked), "{text}"),
        }
        let size = format!("{:?}", plan.blocked).len();
        assert!(size < 400 << 10, "{text}: {size} bytes");
    }
}

#[test]
fn unknown_annotations_are_named_up_to_twenty_and_then_counted() {
    for (count, last) in [(20, "annotation zonekeeper.dev/x19"), (14_000, "annotations")] {
        let keys: Vec<String> = (0..count).map(|n| format!("zonekeeper.dev/x{n:02}")).collect();
        let notes = keys.iter().map(|key| (key.as_str(), String::new())).collect();
        let object = ingress(meta("shop", "web", 1, notes), &["www.example.com"], &address());
        let facts = object.facts(&Rules { publish: Publish::All, ..Rules::default() }).unwrap();
        assert_eq!(facts.problems.len(), count.min(21), "{count}");
        assert_eq!(facts.problems.last().map(|problem| problem.field.as_str()), Some(last), "{count}");
    }
}

#[test]
fn bad_hostnames_are_named_up_to_twenty_and_then_counted() {
    let list = |count| list_of(count, |n| format!("w{n}..{APEX}"));
    for (count, last) in [
        (20, "w19..example.com"),
        (21, "w20..example.com"),
        (22, "w20..example.com and 1 more"),
        (5_000, "w20..example.com and 4979 more"),
    ] {
        // A repeated hostname counts once.
        let notes: BTreeMap<&str, String> = [("hostname", list(20) + "," + &list(count))].into();
        let plan = objects_plan(vec![service(meta("shop", "bad", 2, notes), &address())]);
        assert_eq!(plan.blocked.len(), count.min(21), "{count}");
        assert_eq!(plan.blocked.last().unwrap().subject.hostname(), last);
    }
}

#[test]
fn of_one_object_a_limited_number_of_hostnames_is_read_and_the_others_are_counted() {
    let list = as_many_as_fit(|n| format!("w{n}.{APEX}"));
    let count = list.split(',').count();
    let plan_with = |targets: String| {
        let notes = [("hostname", list.clone()), ("target", targets)].into();
        let plan = objects_plan(vec![neighbour(), service(meta("shop", "web", 2, notes), &address())]);
        is_readable(&plan);
        plan
    };
    let targets = |each| list_of(each, |n| format!("10.0.0.{n},10::{n:x}"));
    let plan = plan_with(targets(1));
    assert!(count > 14_000, "{count}");
    let [above] = &plan.blocked[..] else { panic!("{plan}") };
    assert_eq!(plan.units.len(), MAX_OBJECT_HOSTS + 1);
    assert!(
        above.subject.hostname().ends_with(&format!(" and {} more", count - MAX_OBJECT_HOSTS - 3)),
        "{}",
        above.subject
    );
    let reason = format!("the object has {count} hostnames, and {MAX_OBJECT_HOSTS} are allowed");
    assert_eq!((above.reason.label(), above.reason.to_string()), ("TooBig", reason));
    // The first hostnames of the list count.
    let is_among_first = |host: &str| plan.units.iter().any(|unit| unit.key().host.as_str() == host);
    assert!(is_among_first("w0.example.com") && is_among_first("w999.example.com"));
    // The values of one object have a limit too, so the hostnames cannot have a hundred targets each.
    let plan = plan_with(targets(101));
    assert_eq!((plan.units.len(), plan.blocked.len()), (1, MAX_OBJECT_HOSTS + 1));
    assert_eq!(plan.blocked[0].reason.fix(), "spread the hostnames over several objects");
    assert!(plan.to_string().len() < MAX_OBJECT_HOSTS * 400);
}

/// An Ingress with 500 hostnames before `www`.
fn above_limit(namespace: &str) -> Object {
    let hosts: Vec<String> =
        (0..500).map(|n| format!("w{n}.{APEX}")).chain(["www.example.com".to_owned()]).collect();
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    ingress(meta(namespace, "many", 2, BTreeMap::new()), &hosts, &address())
}

#[test]
fn set_identifiers_above_the_limit_cost_only_the_newest() {
    let set_id = |n: u16| {
        let notes = [("set-identifier", format!("id{n}")), ("aws-weight", "1".to_owned())].into();
        ingress(
            meta("shop", &format!("web{n}"), 10_000 - i64::from(n), notes),
            &["www.example.com"],
            &address(),
        )
    };
    let count: u16 = 3_000;
    let mut zone = empty_zone(APEX);
    // The newest object has a record already.
    zone.put(record_set("www.example.com A set=id0 weight=1 192.0.2.1 ttl=300").unwrap());
    let plan = plan_of((0..count).map(set_id).collect(), zone);
    assert_eq!(
        (plan.units.len(), plan.noted.len(), plan.blocked.len()),
        (99, 1, usize::from(count) - MAX_SET_IDS)
    );
    let written: Vec<&str> = plan.units.iter().map(|unit| unit.object().name()).collect();
    assert!(written.contains(&"web2999") && written.contains(&"web2901"), "{written:?}");
    let reason = "the hostname has 3000 set identifiers, and Route 53 allows 100";
    assert!(plan.blocked.iter().all(|blocked| blocked.reason.to_string() == reason));
}

#[test]
fn records_of_a_hostname_above_the_limit_are_never_stale() {
    for said in ["resource=ingress/shop/gone", "resource=ingress/shop/many", "x=y"] {
        let mut zone = empty_zone(APEX);
        zone.put(record_set("www.example.com A 192.0.2.9 ttl=60").unwrap());
        let text = format!("\"heritage=external-dns,external-dns/owner=me,external-dns/{said}\"");
        zone.put(record_set(&format!("a-www.example.com TXT {text} ttl=300")).unwrap());
        let plan = plan_of(vec![above_limit("shop")], zone.clone());
        assert!(plan.orphans.is_empty() && plan.leftovers.is_empty(), "{said}");
        // Without the object, the record is an orphan.
        assert_eq!(plan_of(vec![neighbour()], zone).orphans.len(), 1);
    }
}

#[test]
fn one_ingress_may_have_400_hosts() {
    let hosts: Vec<String> = (0..400).map(|n| format!("w{n}.example.com")).collect();
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let plan = objects_plan(vec![ingress(meta("shop", "web", 1, BTreeMap::new()), &hosts, &address())]);
    assert_eq!((plan.units.len(), plan.count(), plan.blocked.len()), (400, (800, 0), 0));
    // The same hostnames in one annotation, with an invalid one.
    let list = hosts.join(",") + ",w..example.com";
    let notes: BTreeMap<&str, String> = [("hostname", list)].into();
    let plan = objects_plan(vec![service(meta("shop", "web", 1, notes), &address())]);
    assert_eq!((plan.units.len(), plan.blocked.len()), (400, 1));
}

#[test]
fn the_longest_names_have_an_ownership_txt() {
    let (long_label, long_name) = (
        format!("{X63}.{APEX}"),
        format!("{X63}.{X63}.{X63}.{}.{APEX}", "y".repeat(253 - 3 * 64 - APEX.len() - 1)),
    );
    assert_eq!(long_name.len(), 253);
    for host in [&long_label, &long_name] {
        let plan = objects_plan(vec![ingress(meta("shop", "web", 1, BTreeMap::new()), &[host], &address())]);
        let [unit] = &plan.units[..] else { panic!("{plan}") };
        let [record, txt] = unit.changes() else { panic!("{plan}") };
        assert_eq!(record.after().name().as_str(), *host);
        assert!(txt.after().name().as_str().starts_with("_zk-a-"), "{plan}");
        assert!(txt.after().name().as_str().len() <= 253, "{plan}");
    }
}

#[test]
fn control_characters_in_texts_are_escaped() {
    for text in ["\u{1b}[2Jx", "a\rb", "a\u{8}b", "\u{202e}abc", "a\u{200b}b", "\u{9b}31m", "\0", "\u{feff}a"]
    {
        for key in annotations() {
            let notes: BTreeMap<&str, String> = [(key, text.to_owned())].into();
            let targets = [(Some(text.to_owned()), Some(text.to_owned()))];
            is_readable(&objects_plan(vec![
                ingress(meta("shop", "bad", 2, notes.clone()), &[text], &targets),
                service(meta("shop", "worse", 3, notes), &address()),
            ]));
        }
        // The plan also escapes texts from the zone.
        let owned = |owner: &str| {
            let text = format!(
                "heritage=external-dns,external-dns/owner={owner},external-dns/resource=ingress/{text}/web"
            );
            let values = Values::from_iter([TxtText::new(text).to_value()]);
            let at = Name::from_hostname("a-good.example.com").unwrap();
            RecordSet::simple(at, RecordType::Txt, Data::Values { ttl: Ttl::DEFAULT, values })
        };
        for owner in [text, "me"] {
            let mut zone = empty_zone(APEX);
            zone.put(owned(owner));
            zone.put(record_set("good.example.com A 192.0.2.9 ttl=60").unwrap());
            is_readable(&plan_of(vec![neighbour()], zone.clone()));
            is_readable(&plan_of(Vec::new(), zone));
        }
    }
}

/// Checks that no line is very long, and that no line contains control characters.
pub fn is_readable(plan: &Plan) {
    for line in plan.to_string().lines() {
        assert!(line.chars().count() < 1_500, "{line}");
        let harmful = |c: char| {
            c.is_control() || "\u{200b}\u{200e}\u{200f}\u{202a}\u{202e}\u{2066}\u{feff}".contains(c)
        };
        assert!(!line.contains(harmful), "{line:?}");
    }
}
