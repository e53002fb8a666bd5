//! The rules for targets of aliases. Aliases to AWS services other than CloudFront can have any target but an IP address.
//!
//! Source: the API reference of `AliasTarget`, and error texts in public reports.

use std::net::Ipv4Addr;

use super::{
    HostedZone,
    record_set::{AliasTarget, RecordSet},
};

/// The hosted zone id of CloudFront distributions (API reference of `AliasTarget`).
const CLOUDFRONT: &str = "Z2FDTNDATAQYW2";

/// The errors of the target of `set`, after its insertion into the zone.
pub(super) fn check(zone: &HostedZone, set: &RecordSet, target: &AliasTarget, messages: &mut Vec<String>) {
    let (rtype, dns_name, id) = (&set.rtype, &target.dns_name, &target.hosted_zone_id);
    let mut refuse = |why: &str| {
        messages.push(format!(
            "Tried to create an alias that targets {dns_name}, type {rtype} in zone {id}, but {why}"
        ));
    };
    if matches!(rtype.as_str(), "NS" | "SOA") {
        refuse("an alias of this type is not permitted");
    }
    if *id == zone.id {
        if !zone.contains_name(dns_name) {
            refuse("the alias target name does not lie within the target zone");
        }
        let target = zone.sort_name(dns_name);
        if *dns_name == set.name || !zone.sets_of(target).any(|found| found.rtype == *rtype) {
            refuse("that target was not found");
        }
    } else if id == CLOUDFRONT {
        if !dns_name.ends_with(".cloudfront.net.") {
            refuse("the alias target name does not lie within the target zone");
        }
        if target.evaluate_target_health {
            refuse("EvaluateTargetHealth cannot be true for a CloudFront distribution");
        }
        if zone.private {
            refuse("a private hosted zone cannot route to a CloudFront distribution");
        }
    } else if dns_name.trim_end_matches('.').parse::<Ipv4Addr>().is_ok() {
        refuse("the alias target name does not lie within the target zone");
    }
}

#[cfg(test)]
mod tests {
    use super::CLOUDFRONT;
    use crate::zone::{
        AliasTarget, Change, HostedZone, RecordSet,
        tests::{ID, a, alias_to, of_type, refuses, zone},
    };

    #[test]
    fn an_alias_needs_its_target() {
        let mut zone = zone();
        zone.change(&[
            Change::create(a("t.c.test")),
            Change::create(of_type("cn.c.test", "CNAME", "x.test")),
        ])
        .unwrap();
        let table: [(&str, &str, AliasTarget, &[&str]); 6] = [
            (
                "A",
                "al.c.test",
                alias_to(ID, "none.c.test"),
                &[
                    "Tried to create an alias that targets none.c.test., type A in zone Z0123456789EXAMPLE, but that target was not found",
                ],
            ),
            (
                "AAAA",
                "al.c.test",
                alias_to(ID, "t.c.test"),
                &[
                    "Tried to create an alias that targets t.c.test., type AAAA in zone Z0123456789EXAMPLE, but that target was not found",
                ],
            ),
            (
                "A",
                "c.test",
                alias_to(ID, "cn.c.test"),
                &[
                    "Tried to create an alias that targets cn.c.test., type A in zone Z0123456789EXAMPLE, but that target was not found",
                ],
            ),
            (
                "A",
                "al.c.test",
                alias_to(ID, "lb.eu-west-1.elb.amazonaws.com"),
                &[
                    "Tried to create an alias that targets lb.eu-west-1.elb.amazonaws.com., type A in zone Z0123456789EXAMPLE, but the alias target name does not lie within the target zone",
                    "Tried to create an alias that targets lb.eu-west-1.elb.amazonaws.com., type A in zone Z0123456789EXAMPLE, but that target was not found",
                ],
            ),
            (
                "A",
                "al.c.test",
                AliasTarget {
                    evaluate_target_health: true,
                    ..alias_to("Z2FDTNDATAQYW2", "d1.cloudfront.net")
                },
                &[
                    "Tried to create an alias that targets d1.cloudfront.net., type A in zone Z2FDTNDATAQYW2, but EvaluateTargetHealth cannot be true for a CloudFront distribution",
                ],
            ),
            (
                "A",
                "al.c.test",
                alias_to("Z32O12XQLNTSW2", "10.0.7.1"),
                &[
                    "Tried to create an alias that targets 10.0.7.1., type A in zone Z32O12XQLNTSW2, but the alias target name does not lie within the target zone",
                ],
            ),
        ];
        for (rtype, name, target, expected) in table {
            refuses(&mut zone, &[Change::create(RecordSet::alias(name, rtype, target))], expected);
        }
        zone.change(&[
            Change::create(RecordSet::alias("c.test", "A", alias_to(ID, "T.c.test"))),
            Change::create(RecordSet::alias("later.c.test", "A", alias_to(ID, "new.c.test"))),
            Change::create(a("new.c.test")),
            Change::create(RecordSet::alias(
                "lb.c.test",
                "AAAA",
                alias_to("Z32O12XQLNTSW2", "LB.eu-west-1.elb.amazonaws.com"),
            )),
            Change::create(RecordSet::alias(
                "cf.c.test",
                "A",
                alias_to("Z2FDTNDATAQYW2", "d1.cloudfront.net"),
            )),
        ])
        .unwrap();
        let listed = zone.get("lb.c.test", "AAAA", None).unwrap();
        assert_eq!(listed.alias_target.as_ref().unwrap().dns_name, "lb.eu-west-1.elb.amazonaws.com.");
    }

    #[test]
    fn an_alias_cannot_point_anywhere() {
        let start = "Tried to create an alias that targets";
        let cloudfront = || alias_to(CLOUDFRONT, "d1.cloudfront.net");
        for (rtype, target, expected) in [
            (
                "A",
                alias_to(ID, "al.c.test"),
                format!("al.c.test., type A in zone {ID}, but that target was not found"),
            ),
            (
                "A",
                alias_to(CLOUDFRONT, "lb.test"),
                format!(
                    "lb.test., type A in zone {CLOUDFRONT}, but the alias target name does not lie within the target zone"
                ),
            ),
            (
                "NS",
                alias_to("Z1", "x.test"),
                "x.test., type NS in zone Z1, but an alias of this type is not permitted".to_owned(),
            ),
        ] {
            let set = RecordSet::alias("al.c.test", rtype, target);
            refuses(&mut zone(), &[Change::create(set)], &[&format!("{start} {expected}")]);
        }
        let set = RecordSet::alias("al.c.test", "A", cloudfront());
        zone().change(&[Change::create(set.clone())]).unwrap();
        refuses(
            &mut HostedZone::private(ID, "c.test", vec![]).unwrap(),
            &[Change::create(set)],
            &[&format!(
                "{start} d1.cloudfront.net., type A in zone {CLOUDFRONT}, but a private hosted zone cannot route to a \
                 CloudFront distribution"
            )],
        );
    }
}
