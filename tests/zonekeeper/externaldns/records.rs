//! The targets of random situations, and the records that follow from them.

use super::random::Random;

/// Addresses and host names, and the part of an alias that follows from a host name.
const TARGETS: [(&str, &str); 14] = [
    ("192.0.2.1", ""),
    ("192.0.2.2", ""),
    ("192.0.2.3", ""),
    ("2001:db8::1", ""),
    ("2001:db8::2", ""),
    ("lb.example.net", ""),
    ("lb2.example.net", ""),
    ("web-1.eu-west-1.elb.amazonaws.com", "Z32O12XQLNTSW2"),
    ("web-2.eu-west-1.elb.amazonaws.com", "Z32O12XQLNTSW2"),
    ("web-1.elb.eu-west-1.amazonaws.com", "Z2IFOLAFXWLO4F"),
    ("web-1.us-east-1.elb.amazonaws.com", "Z35SXDOTRQ7X7K"),
    ("d111111abcdef8.cloudfront.net", ""),
    ("web-1.xx-moon-1.elb.amazonaws.com", ""),
    ("127.0.0.1", ""),
];
/// How many of them are common.
const COMMON: usize = 11;

/// One to three targets: mostly addresses, else one host name.
pub fn targets(random: &mut Random) -> Vec<String> {
    let pick = |random: &mut Random, from: std::ops::Range<usize>| {
        TARGETS[from.start + random.below(from.len())].0.to_owned()
    };
    let mut targets = match random.below(20) {
        0..=8 => vec![pick(random, 0..3)],
        9..=10 => vec![pick(random, 0..3), pick(random, 3..5)],
        11..=12 => vec![pick(random, 0..3), pick(random, 0..3)],
        13 => vec![pick(random, 3..5)],
        14..=15 => vec![pick(random, 5..7)],
        16..=17 => vec![pick(random, 7..COMMON)],
        18 => vec![pick(random, 0..COMMON), pick(random, 5..COMMON)],
        _ => vec![pick(random, COMMON..TARGETS.len())],
    };
    targets.dedup();
    targets
}

/// The records of targets, without name, routing and TTL.
pub fn of_targets(targets: &[String]) -> Vec<(String, String)> {
    let joined = |is_it: fn(&str) -> bool| {
        let mut found: Vec<&str> =
            targets.iter().map(String::as_str).filter(|target| is_it(target)).collect();
        found.sort_unstable();
        found.dedup();
        found.join(" ")
    };
    let addresses = [
        ("A", joined(|target| target.parse::<std::net::Ipv4Addr>().is_ok())),
        ("AAAA", joined(|target| target.parse::<std::net::Ipv6Addr>().is_ok())),
    ];
    let mut records: Vec<(String, String)> = addresses
        .into_iter()
        .filter(|(_, values)| !values.is_empty())
        .map(|(rtype, values)| (rtype.to_owned(), values))
        .collect();
    if records.is_empty()
        && let Some(target) = targets.first()
    {
        match TARGETS.iter().find(|(name, _)| name == target) {
            Some((name, zone)) if !zone.is_empty() => {
                let alias = format!("alias {name} ({zone}) health=true");
                records = ["A", "AAAA"].map(|rtype| (rtype.to_owned(), alias.clone())).to_vec();
            }
            _ => records = vec![("CNAME".to_owned(), target.clone())],
        }
    }
    records
}

/// The same types with other values.
pub fn other_target(random: &mut Random, records: &[(String, String)]) -> Vec<(String, String)> {
    let other = |(rtype, content): &(String, String)| {
        let content = match (&**rtype, content.starts_with("alias ")) {
            (_, true) => "alias old.eu-west-1.elb.amazonaws.com (Z32O12XQLNTSW2) health=true",
            ("A", _) => "192.0.2.77",
            ("AAAA", _) => "2001:db8::77",
            ("CNAME", _) => "old.example.net",
            (_, _) => content,
        };
        (rtype.clone(), content.to_owned())
    };
    let mut found: Vec<_> = records.iter().map(other).collect();
    if random.percent(10) && records.iter().all(|(rtype, _)| rtype == "A") {
        found.push(("AAAA".to_owned(), "2001:db8::78".to_owned()));
    }
    found
}

/// Records of any type.
pub fn other_type(random: &mut Random) -> Vec<(String, String)> {
    let alias = "alias web-1.eu-west-1.elb.amazonaws.com (Z32O12XQLNTSW2) health=true";
    let records: &[(&str, &str)] = match random.below(6) {
        0 => &[("A", "192.0.2.1")],
        1 => &[("CNAME", "lb.example.net")],
        2 => &[("A", alias), ("AAAA", alias)],
        3 => &[("A", "192.0.2.1"), ("AAAA", "2001:db8::1")],
        4 => &[("TXT", "\"v=spf1 -all\"")],
        _ => &[("MX", "10 mail.example.com.")],
    };
    records.iter().map(|&(rtype, content)| (rtype.to_owned(), content.to_owned())).collect()
}
