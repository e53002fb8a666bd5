//! An ExternalDNS that shares the zone. It lists the zone, and changes it some time later.

use zonekeeper_emulator::zone::{Change, HostedZone, RecordSet};

use super::{
    foreigner::{Action, host},
    ownership::{THEM, TxtNames, heritage},
    random::Random,
};

/// The labels of its actions.
pub const ACTIONS: &[&str] = &["ExternalDNS creates", "ExternalDNS updates", "ExternalDNS deletes"];

/// Its wishes, and the zone that it has listed.
#[derive(Debug, Default)]
pub struct Rival {
    wishes: Vec<(String, &'static str)>,
    seen: Option<HostedZone>,
}

impl Rival {
    /// Changes its wishes, and lists the zone.
    pub fn look(&mut self, zone: &HostedZone, random: &mut Random) {
        if self.wishes.len() > 2 || random.percent(30) {
            self.wishes.pop();
        }
        let value = *random.pick(&["203.0.113.1", "203.0.113.2"]);
        let name = host(random);
        self.wishes.retain(|(wished, _)| *wished != name);
        self.wishes.insert(0, (name, value));
        self.seen = Some(zone.clone());
    }

    /// Applies the changes that follow from the listed zone to the current zone, hostname by hostname.
    pub fn act(&mut self, zone: &mut HostedZone, naming: TxtNames) -> Vec<Action> {
        let Some(seen) = self.seen.take() else { return Vec::new() };
        let mut batches: Vec<(&'static str, Vec<Change>)> = Vec::new();
        for (name, value) in &self.wishes {
            let place = naming.place(name, "A");
            let record = RecordSet::simple(name, "A", 300, [*value]);
            let txt = RecordSet::simple(&place, "TXT", 300, [heritage(THEM, "ingress/theirs/web")]);
            match seen.get(name, "A", None) {
                None => batches.push((ACTIONS[0], vec![Change::create(record), Change::create(txt)])),
                Some(old) if *old != record && is_theirs(&seen, &place) => {
                    batches.push((ACTIONS[1], vec![Change::upsert(record), Change::upsert(txt)]));
                }
                Some(_) => {}
            }
        }
        for set in seen.iter().filter(|set| set.rtype == "A" && set.set_identifier.is_none()) {
            let place = naming.place(&set.name, "A");
            if is_theirs(&seen, &place)
                && !self.wishes.iter().any(|(name, _)| *name == set.name)
                && let Some(txt) = seen.get(&place, "TXT", None)
            {
                batches.push((ACTIONS[2], vec![Change::delete(set.clone()), Change::delete(txt.clone())]));
            }
        }
        let carried_out = batches.into_iter().filter_map(|(label, batch)| {
            zone.change(&batch).ok()?;
            Some(Action { label, names: batch.into_iter().map(|change| change.set.name).collect() })
        });
        carried_out.collect()
    }
}

fn is_theirs(zone: &HostedZone, place: &str) -> bool {
    zone.get(place, "TXT", None).is_some_and(|txt| txt.values == [heritage(THEM, "ingress/theirs/web")])
}
