//! The weather: faults of the service for a while, and the end of all disturbances.

use zonekeeper_core::{dns::Name, keeper::FailureClass};

use super::{
    foreigner,
    saboteur::Saboteur,
    service::Service,
    world::{Event, World},
};

impl World {
    /// Changes the faults of the service.
    pub fn weather(&mut self) {
        if !self.storm {
            return;
        }
        if self.shape.faults {
            self.service.faulty = *self.random.pick(&[0, 0, 5, 30, 70]);
            self.service.slow = *self.random.pick(&[50, 200, 4_000]);
            self.service.denied = None;
            if self.random.percent(8) {
                let class = *self.random.pick(&[FailureClass::Denied, FailureClass::Account]);
                self.service.denied = Some(class);
                let what = if class == FailureClass::Account { "no credentials" } else { "no permissions" };
                self.statistics.count("fault", what);
            }
        }
        if self.random.percent(15) {
            let sets: Vec<String> = self
                .cluster
                .objects()
                .filter_map(|object| self.cluster.facts(object))
                .flat_map(|facts| facts.hosts().map(Name::to_route53).collect::<Vec<_>>())
                .collect();
            if !sets.is_empty() {
                let is_named = self.random.percent(50);
                self.statistics
                    .count("fault", if is_named { "refused by name" } else { "refused without a name" });
                self.service.refused.insert(self.random.pick(&sets).clone(), is_named);
            }
        } else if self.random.percent(30) {
            self.service.refused.pop_first();
        }
        self.bad_service();
        self.note_weather();
        self.cache = (self.saboteur == Some(Saboteur::ReadsFromCache)).then(|| self.service.zone.clone());
        let wait = self.random.millis(1_000, 40_000);
        self.schedule(wait, Event::Weather);
    }

    /// Protects a record, fills the zone, or disables changes.
    fn bad_service(&mut self) {
        let zone = &mut self.service.zone;
        zone.disabled_for_mutation = self.shape.faults && self.random.percent(3);
        zone.record_limit = if self.shape.faults && self.random.percent(6) { zone.len() + 3 } else { 10_000 };
        let (is_switching, is_full) = (zone.disabled_for_mutation, zone.record_limit < 10_000);
        for what in [is_switching.then_some("switching"), is_full.then_some("full")].into_iter().flatten() {
            self.statistics.count("fault", what);
        }
        if self.shape.faults && self.random.percent(6) {
            let name = foreigner::host(&mut self.random);
            self.statistics.count("fault", "protected");
            self.service.zone.protect(&name, "A", "ask the platform team").unwrap();
            self.service.protected.push(name);
        }
    }

    fn note_weather(&mut self) {
        let Service { faulty, slow, denied, refused, .. } = &self.service;
        let line =
            format!("weather: {faulty}% faults, up to {slow} ms, denied {denied:?}, refused {refused:?}");
        self.note(|| line);
    }

    /// Ends edits, foreign writes and faults. Rejected names can stay rejected.
    pub fn calm(&mut self) {
        self.storm = false;
        for process in &mut self.processes {
            process.cut_off_until = process.cut_off_until.min(self.now);
        }
        // All pauses have ended.
        self.stored.off = 7_200;
        self.ledger.window.is_clock_set = true;
        self.cache = None;
        self.service.faulty = 0;
        self.service.slow = 100;
        self.service.denied = None;
        self.service.zone.disabled_for_mutation = false;
        self.service.zone.record_limit = 10_000;
        for name in std::mem::take(&mut self.service.protected) {
            self.service.zone.unprotect(&name, "A");
        }
        if self.random.percent(50) {
            self.service.refused.clear();
        }
        self.note_weather();
    }
}
