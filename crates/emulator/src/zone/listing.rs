//! Pages of a zone's listing (`ListResourceRecordSets`).

use super::{HostedZone, Key, RecordSet, Refusal, name};

/// Maximum of record sets on a page (`ListResourceRecordSets`, API reference).
pub const MAX_ITEMS: usize = 300;

/// The start of a page: the first set at or after this position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    name: String,
    rtype: Option<String>,
    identifier: Option<String>,
}

/// A page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The sets, in Route 53's order.
    pub sets: Vec<RecordSet>,
    /// The set after the last one of this page, if there is one.
    pub next: Option<Start>,
}

// === impl HostedZone ===

impl HostedZone {
    /// A page of at most `max_items` sets, and at most [`MAX_ITEMS`].
    pub fn list(&self, start: Option<&Start>, max_items: usize) -> Page {
        let first = start.map_or_else(Key::lowest, |start| Key {
            name: self.sort_name(&start.name),
            rtype: start.rtype.clone().unwrap_or_default(),
            identifier: start.identifier.clone(),
        });
        let mut rest = self.sets.range(first..).map(|(_, set)| set);
        let sets = rest.by_ref().take(max_items.clamp(1, MAX_ITEMS)).cloned().collect();
        let next = rest.next().map(|set| Start {
            name: set.name.clone(),
            rtype: Some(set.rtype.clone()),
            identifier: set.set_identifier.clone(),
        });
        Page { sets, next }
    }
}

// === impl Start ===

impl Start {
    /// A start from the parameters of a request: a name in any form, an optional type and set identifier.
    ///
    /// # Errors
    /// `InvalidInput` if the name is not a domain name.
    pub fn new(name: &str, rtype: Option<&str>, identifier: Option<&str>) -> Result<Self, Refusal> {
        let name = name::listed(name).map_err(|problem| Refusal::InvalidInput(problem.to_string()))?;
        Ok(Self { name, rtype: rtype.map(str::to_owned), identifier: identifier.map(str::to_owned) })
    }

    /// The name, as listed.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The type.
    pub fn rtype(&self) -> Option<&str> {
        self.rtype.as_deref()
    }

    /// The set identifier.
    pub fn identifier(&self) -> Option<&str> {
        self.identifier.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zone::{
        Change, WildcardOrder,
        tests::{a, names, of_type, zone},
    };

    #[test]
    fn a_listing_is_ordered_by_reversed_labels_then_type_then_identifier() {
        let mut zone = zone();
        zone.change(&[
            Change::create(of_type("b.c.test", "TXT", "\"x\"")),
            Change::create(a("b.c.test")),
            Change::create(a("b-b.c.test")),
            Change::create(a("x.b.c.test")),
            Change::create(a("b0.c.test")),
            Change::create(a("*.c.test")),
            Change::create(of_type("a.c.test", "A", "192.0.2.1").weighted("two", 1)),
            Change::create(of_type("a.c.test", "A", "192.0.2.1").weighted("one", 1)),
        ])
        .unwrap();
        let after = [
            "a.c.test. A",
            "a.c.test. A",
            "b-b.c.test. A",
            "b.c.test. A",
            "b.c.test. TXT",
            "x.b.c.test. A",
            "b0.c.test. A",
        ];
        let apex = ["c.test. NS", "c.test. SOA"];
        let wildcard = [r"\052.c.test. A"];
        assert_eq!(names(&zone), [&apex[..], &wildcard[..], &after[..]].concat());
        let identifiers: Vec<_> = zone.iter().filter_map(|set| set.set_identifier.as_deref()).collect();
        assert_eq!(identifiers, ["one", "two"]);

        // Digits and dashes are between the two positions of a wildcard.
        zone.change(&[Change::create(a("1.c.test"))]).unwrap();
        assert_eq!(names(&zone)[2..4], ["1.c.test. A", r"\052.c.test. A"]);
        zone.set_wildcard_order(WildcardOrder::Raw);
        assert_eq!(names(&zone)[2..4], [r"\052.c.test. A", "1.c.test. A"]);
        assert!(zone.get("*.c.test", "A", None).is_some());
    }

    #[test]
    fn a_listing_starts_where_it_is_told_to() {
        let mut zone = zone();
        zone.change(&[
            Change::create(a("a.c.test")),
            Change::create(of_type("a.c.test", "TXT", "\"x\"")),
            Change::create(a("b.c.test").weighted("one", 1)),
            Change::create(a("b.c.test").weighted("two", 1)),
        ])
        .unwrap();
        let first = |name, rtype, identifier| {
            let start = Start::new(name, rtype, identifier).unwrap();
            let page = zone.list(Some(&start), 1);
            page.sets.first().map(|set| {
                format!("{} {} {}", set.name, set.rtype, set.set_identifier.as_deref().unwrap_or("-"))
            })
        };
        for (name, rtype, identifier, expected) in [
            ("a.c.test", None, None, Some("a.c.test. A -")),
            ("A.c.test.", Some("AAAA"), None, Some("a.c.test. TXT -")),
            ("a.c.test", Some("TXT"), None, Some("a.c.test. TXT -")),
            ("a.c.test", Some("ZZZ"), None, Some("b.c.test. A one")),
            ("b.c.test", Some("A"), Some("one"), Some("b.c.test. A one")),
            ("b.c.test", Some("A"), Some("p"), Some("b.c.test. A two")),
            ("b.c.test", Some("A"), Some("z"), None),
            ("aa.c.test", None, None, Some("b.c.test. A one")),
            ("zz.test", None, None, None),
            ("a.aaa", None, None, Some("c.test. NS -")),
        ] {
            assert_eq!(
                first(name, rtype, identifier).as_deref(),
                expected,
                "{name} {rtype:?} {identifier:?}"
            );
        }
        assert_eq!(
            Start::new("a..c.test", None, None),
            Err(Refusal::InvalidInput(
                "FATAL problem: DomainLabelEmpty (Domain label is empty) encountered with 'a..c.test'".into()
            ))
        );
    }

    #[test]
    fn pages_cover_the_zone_once() {
        let mut zone = zone();
        let sets: Vec<_> = (0..350).map(|n| Change::create(a(&format!("n{n}.c.test")))).collect();
        zone.change(&sets).unwrap();
        let sets: Vec<_> =
            (0..90).map(|n| Change::create(a("w.c.test").weighted(n.to_string(), 1))).collect();
        zone.change(&sets).unwrap();
        for (max_items, pages) in [(1_000, 2), (300, 2), (100, 5), (7, 64), (1, 442), (0, 442)] {
            let (mut seen, mut start, mut count) = (Vec::new(), None, 0);
            loop {
                let page = zone.list(start.as_ref(), max_items);
                count += 1;
                seen.extend(page.sets);
                start = page.next;
                if start.is_none() {
                    break;
                }
            }
            assert!(seen.iter().eq(zone.iter()), "{max_items}");
            assert_eq!(count, pages, "{max_items}");
        }
        let page = zone.list(Some(&Start::new("w.c.test", Some("A"), Some("5")).unwrap()), 1);
        let next = page.next.unwrap();
        assert_eq!((next.name(), next.rtype(), next.identifier()), ("w.c.test.", Some("A"), Some("50")));
    }
}
