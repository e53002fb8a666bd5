//! Nonsense: extreme numbers in flags, and in objects that others can write.

use std::time::Duration;

use zonekeeper_core::{
    keeper::{Approval, BrakeLimits, Config, Input, Mode, Publication, Quota, Rate},
    plan::{PlanDigest, UnitDigest},
};

use super::stage::{Stage, WEB_1, WEB_2, web, webs};

const NOW: i64 = 1_800_000_000;
const TIMES: [i64; 6] = [i64::MIN, -1, 0, NOW, i64::MAX - 1, i64::MAX];

#[test]
fn wanted_records_are_written_with_any_settings() {
    let rate = |number| Some(Rate { refill: number, burst: number });
    let settings: [fn(&mut Config); 8] = [
        |config| config.resync = Duration::MAX,
        |config| config.resync = Duration::ZERO + Duration::from_secs(1),
        |config| config.vacancy = Duration::MAX,
        |config| config.vacancy = Duration::ZERO,
        |config| config.brake = BrakeLimits { moves: 0, percent: usize::MAX, hosts: usize::MAX },
        |config| config.brake = BrakeLimits { moves: usize::MAX, percent: 0, hosts: 0 },
        |config| config.quota.share = Quota::SMALLEST_SHARE,
        |config| config.seed = u64::MAX,
    ];
    let rates =
        [1, u32::MAX].map(|number| Quota { requests: rate(number), changes: rate(number), share: 1.0 });
    let of_rates = rates.into_iter().map(|quota| Stage::with(|config| config.quota = quota));
    for (number, mut stage) in settings.into_iter().map(Stage::with).chain(of_rates).enumerate() {
        stage.before_start(Input::Wall { unix: NOW });
        stage.start(&webs(2));
        stage.run(60_000);
        stage.see(&web("w0", WEB_2));
        stage.see(&web("w1", WEB_2));
        stage.run(120 * 60_000);
        let lines = stage.at("example.com");
        let moved = lines.iter().filter(|line| line.contains(WEB_2)).count();
        assert_eq!(moved, 4, "{number}: {lines:?}");
    }
}

#[test]
fn the_loop_continues_with_any_wall_clock() {
    for (wall, until) in TIMES.into_iter().flat_map(|wall| TIMES.map(|until| (wall, until))) {
        let mut stage = Stage::new();
        stage.before_start(Input::Wall { unix: wall });
        stage.start(&webs(1));
        stage.tell(Input::Release { until, unix: wall });
        stage.tell(Input::Wall { unix: until });
        stage.tell(Input::Counted(Ok(u64::MAX)));
        stage.see(&web("w1", WEB_1));
        stage.run(60_000);
        assert_eq!(stage.at("w1.example.com").len(), 4, "{wall} {until}");
    }
}

#[test]
fn no_publication_releases_a_unit_without_an_approval() {
    let digest: PlanDigest = "0123456789abcdef0123456789abcdef".parse().unwrap();
    let units: Vec<UnitDigest> = (0..50_000_u64).map(|n| format!("{n:064x}").parse().unwrap()).collect();
    for (wall, at) in TIMES.into_iter().flat_map(|wall| TIMES.map(|at| (wall, at))) {
        let mut stage = Stage::with(|config| config.mode = Mode::Approve);
        stage.before_start(Input::Wall { unix: wall });
        stage.before_start(Input::Published(Some(Box::new(Publication {
            digest,
            creates: usize::MAX,
            replaces: usize::MAX,
            units: units.iter().take(2_000).map(|unit| (*unit, true)).collect(),
            rest: units.clone(),
            used: Some(Approval { digest, at }),
            used_at: Some(at),
            unused: Some(Approval { digest, at }),
        }))));
        stage.start(&webs(1));
        stage.tell(Input::Approve(Approval { digest, at }));
        stage.run(60_000);
        assert_eq!(stage.at("example.com").iter().filter(|line| line.contains(" A ")).count(), 0);
        // A later approval still works.
        let digest = stage.published.as_ref().unwrap().digest;
        stage.tell(Input::Wall { unix: NOW });
        stage.tell(Input::Approve(Approval { digest, at: NOW }));
        stage.run(60_000);
        assert_eq!(stage.at("w0.example.com").len(), 4, "{wall} {at}");
    }
}
