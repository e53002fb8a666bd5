//! The encoding of record sets and changes for digests. A change of the encoding needs a new version in its domain.

use super::{Change, Role, digest::Encoder};
use crate::dns::{Alias, Data, Policy, RecordSet, Routing, Rule, SetId};

impl Encoder {
    pub fn change(&mut self, change: &Change) {
        self.tag(match change.role() {
            Role::Record => 0,
            Role::Ownership => 1,
        });
        match change {
            Change::Create { set, .. } => {
                self.tag(0);
                self.record_set(set);
            }
            Change::Replace { before, after, .. } => {
                self.tag(1);
                self.record_set(before);
                self.record_set(after);
            }
        }
    }

    pub fn record_set(&mut self, set: &RecordSet) {
        self.text(set.name().as_str());
        self.text(set.rtype().as_str());
        self.optional(set.key.set_id.as_ref().map(SetId::as_str));
        self.routing(&set.routing);
        self.data(&set.data);
    }

    pub fn data(&mut self, data: &Data) {
        match data {
            Data::Values { ttl, values } => {
                self.tag(0);
                self.number(ttl.seconds().into());
                self.list(values, |encoder, value| encoder.text(value));
            }
            Data::Alias(Alias { zone, target, evaluate_target_health }) => {
                self.tag(1);
                self.text(zone.as_str());
                self.text(target.as_str());
                self.tag(u8::from(*evaluate_target_health));
            }
            Data::TrafficPolicy(id) => {
                self.tag(2);
                self.text(id);
            }
        }
    }

    pub fn routing(&mut self, routing: &Routing) {
        match routing {
            Routing::Simple => self.tag(0),
            Routing::Policy(policy) => {
                let Policy { rule, health_check } = &**policy;
                self.tag(1);
                self.optional(health_check.as_deref());
                self.tag(u8::from(rule.is_some()));
                if let Some(rule) = rule {
                    self.rule(rule);
                }
            }
        }
    }

    fn rule(&mut self, rule: &Rule) {
        match rule {
            Rule::Weight(weight) => {
                self.tag(0);
                self.number(weight.cast_unsigned());
            }
            Rule::Region(region) => {
                self.tag(1);
                self.text(region);
            }
            Rule::Failover(position) => {
                self.tag(2);
                self.text(position);
            }
            Rule::MultiValue(is_on) => {
                self.tag(3);
                self.tag(u8::from(*is_on));
            }
            Rule::Geolocation { continent, country, subdivision } => {
                self.tag(4);
                for place in [continent, country, subdivision] {
                    self.optional(place.as_deref());
                }
            }
            Rule::GeoProximity { region, local_zone_group, coordinates, bias } => {
                self.tag(5);
                for place in [region, local_zone_group] {
                    self.optional(place.as_deref());
                }
                self.optional(coordinates.as_ref().map(|(latitude, _)| &**latitude));
                self.optional(coordinates.as_ref().map(|(_, longitude)| &**longitude));
                self.optional(bias.map(|bias| bias.to_string()).as_deref());
            }
            Rule::Cidr { collection, location } => {
                self.tag(6);
                self.text(collection);
                self.text(location);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, sync::Arc};

    use arcstr::ArcStr;

    use super::*;

    #[test]
    fn every_part_of_a_routing_counts() {
        let text = |text: &str| Some(ArcStr::from(text));
        let location =
            |continent, country, subdivision| Rule::Geolocation { continent, country, subdivision };
        let near = |region, local_zone_group, coordinates, bias| Rule::GeoProximity {
            region,
            local_zone_group,
            coordinates,
            bias,
        };
        let block = |collection: &str, location: &str| Rule::Cidr {
            collection: collection.into(),
            location: location.into(),
        };
        let rules = [
            Rule::Weight(1),
            Rule::Weight(2),
            Rule::Region("a".into()),
            Rule::Region("b".into()),
            Rule::Failover("a".into()),
            Rule::Failover("b".into()),
            Rule::MultiValue(false),
            Rule::MultiValue(true),
            location(text("a"), None, None),
            location(None, text("a"), None),
            location(None, None, text("a")),
            near(text("a"), None, None, None),
            near(None, text("a"), None, None),
            near(None, None, Some(("a".into(), "b".into())), None),
            near(None, None, Some(("b".into(), "a".into())), None),
            near(None, None, None, Some(1)),
            near(None, None, None, Some(-1)),
            block("ab", "c"),
            block("a", "bc"),
        ];
        let health_checks = [None, text("a"), text("b")];
        let policies = rules.into_iter().map(Some).chain([None]).flat_map(|rule| {
            health_checks.clone().map(|health_check| Policy { rule: rule.clone(), health_check })
        });
        let routings: Vec<Routing> =
            policies.map(|policy| Routing::Policy(Arc::new(policy))).chain([Routing::Simple]).collect();
        let digests = routings.iter().map(|routing| {
            let mut encoder = Encoder::new("test");
            encoder.routing(routing);
            encoder.finish::<32>()
        });
        assert_eq!(digests.collect::<BTreeSet<_>>().len(), routings.len());
    }
}
