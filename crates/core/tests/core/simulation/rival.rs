//! An ExternalDNS that shares the zone: it lists, and some time later does what followed from that.

use zonekeeper_emulator::zone::{Change, HostedZone, RecordSet};

use super::{
    foreigner::{Deed, host},
    ownership::{THEM, TxtNames, heritage},
    random::Random,
};

/// What it does.
pub const DEEDS: &[&str] = &["ExternalDNS creates", "ExternalDNS updates", "ExternalDNS deletes"];

/// What it wants, and what it has seen.
#[derive(Debug, Default)]
pub struct Rival {
    wishes: Vec<(String, &'static str)>,
    seen: Option<HostedZone>,
}

impl Rival {
    /// Its own cluster changes, and it lists the zone.
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

    /// It does to the zone as it is now what the zone as it was then asks for, hostname by hostname.
    pub fn act(&mut self, zone: &mut HostedZone, naming: TxtNames) -> Vec<Deed> {
        let Some(seen) = self.seen.take() else { return Vec::new() };
        let mut batches: Vec<(&'static str, Vec<Change>)> = Vec::new();
        for (name, value) in &self.wishes {
            let place = naming.place(name, "A");
            let record = RecordSet::simple(name, "A", 300, [*value]);
            let txt = RecordSet::simple(&place, "TXT", 300, [heritage(THEM, "ingress/theirs/web")]);
            match seen.get(name, "A", None) {
                None => batches.push((DEEDS[0], vec![Change::create(record), Change::create(txt)])),
                Some(old) if *old != record && is_theirs(&seen, &place) => {
                    batches.push((DEEDS[1], vec![Change::upsert(record), Change::upsert(txt)]));
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
                batches.push((DEEDS[2], vec![Change::delete(set.clone()), Change::delete(txt.clone())]));
            }
        }
        let carried_out = batches.into_iter().filter_map(|(what, batch)| {
            zone.change(&batch).ok()?;
            Some(Deed { what, names: batch.into_iter().map(|change| change.set.name).collect() })
        });
        carried_out.collect()
    }
}

fn is_theirs(zone: &HostedZone, place: &str) -> bool {
    zone.get(place, "TXT", None).is_some_and(|txt| txt.values == [heritage(THEM, "ingress/theirs/web")])
}
