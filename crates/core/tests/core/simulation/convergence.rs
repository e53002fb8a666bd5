//! Convergence: the state after the last edit, foreign write and fault.

use std::{collections::BTreeSet, time::Duration};

use zonekeeper_core::{
    dns::Zone,
    keeper::{Completion, Mode},
    plan::{Plan, Unit, View},
    source::Claims,
};

use super::{invariants::Violation, labels, process::Process, translation::zone_from_service, world::World};

/// The time after the last disturbance in which everything except a listing must be done.
const SETTLING: Duration = Duration::from_mins(15);

/// The time after which a holder without a target yields to others of its namespace.
const YIELD: Duration = Duration::from_mins(1);

/// Reasons for which planned units are held.
pub const HELD: &[&str] =
    &["RejectedByRoute53", "DeniedByIAM", "Protected", "ZoneFull", "Contested", "Paused", "Braked"];
/// Reasons that end when the disturbances end and a person releases held units.
const PASSING: &[&str] =
    &["Vacant", "KindUnreadable", "DeniedByIAM", "Protected", "ZoneFull", "Braked", "Contested"];

/// Runs until the zone has converged, and then for a while. Then a new process must find nothing to do.
pub fn check(world: &mut World) -> Result<(), Violation> {
    settle(world)?;
    // First the grace period of a former holder ends, then that of a next holder without a target.
    world.run_until(world.now + world.shape.vacancy + YIELD)?;
    settle(world)?;
    let leader = world.leader().unwrap();
    world.ledger.unreported(leader.number)?;
    world.check_states(&fresh_plan(world, leader, &zone_from_service(&world.service.zone)))?;
    for blocked in leader.keeper.plan().blocked {
        world.statistics.count("reason", labels::reason(&blocked.reason));
    }
    quiet(world, "a converged zone does not change")?;
    // A standby can remember records that the leader never saw, and repair them.
    for process in world.processes.iter().map(|process| process.number).collect::<Vec<_>>() {
        world.restart(process);
    }
    quiet(world, "a second start writes nothing")
}

/// Runs until the zone has converged.
fn settle(world: &mut World) -> Result<(), Violation> {
    let bound = world.now + SETTLING + world.shape.resync * 2;
    while let Err(why) = settled(world) {
        if world.now >= bound {
            return Err(Violation::new("the zone converges", why));
        }
        world.run_until(world.now + Duration::from_secs(30))?;
    }
    Ok(())
}

/// Checks that no process writes for some minutes.
fn quiet(world: &mut World, invariant: &'static str) -> Result<(), Violation> {
    let before = zone_from_service(&world.service.zone);
    world.run_until(world.now + Duration::from_mins(3))?;
    // A rejected unit can be under retry, and other units can wait for it. A former standby may have to list the zone
    // first.
    settle(world)?;
    let after = zone_from_service(&world.service.zone);
    let lines = |zone: &Zone| zone.sets().map(ToString::to_string).collect::<BTreeSet<_>>();
    let (before, after) = (lines(&before), lines(&after));
    if before == after {
        return Ok(());
    }
    let changed: Vec<&String> = before.symmetric_difference(&after).collect();
    Err(Violation::new(invariant, format!("before or after, not both: {changed:?}")))
}

/// Checks that the keeper has done everything, by a new plan of the real zone and objects.
fn settled(world: &World) -> Result<(), String> {
    let leader = world.leader().ok_or("nobody leads")?;
    let (keeper, now) = (&leader.keeper, leader.local(world.now));
    let Completion::Done { .. } = keeper.completion(now) else {
        return Err(format!("not done; closed gates {:?}", keeper.closed_gates(now)));
    };
    let zone = zone_from_service(&world.service.zone);
    if !keeper.zone().sets().eq(zone.sets()) {
        let known: Vec<String> = keeper.zone().sets().map(ToString::to_string).collect();
        let real: Vec<String> = zone.sets().map(ToString::to_string).collect();
        let lost: Vec<&String> = real.iter().filter(|line| !known.contains(line)).collect();
        let imagined: Vec<&String> = known.iter().filter(|line| !real.contains(line)).collect();
        return Err(format!("the keeper does not know of {lost:?} and imagines {imagined:?}"));
    }
    let fresh = fresh_plan(world, leader, &zone);
    let is_refused = |unit: &Unit| {
        world.service.refuses(unit.changes().iter().map(|change| change.after().name().clone()))
    };
    let kept = keeper.plan();
    if let Some(passing) = kept.blocked.iter().find(|blocked| PASSING.contains(&blocked.reason.label())) {
        return Err(format!("still blocked: {passing}"));
    }
    let is_shown = world.shape.mode == Mode::DryRun;
    if let Some(unit) = fresh.units.iter().find(|unit| !is_shown && !is_refused(unit)) {
        return Err(format!("to be written: {unit}"));
    }
    same_plan(&fresh, kept)
}

/// A new plan of the real zone and objects, with the history of a process.
fn fresh_plan(world: &World, process: &Process, zone: &Zone) -> Plan {
    let mut claims = Claims::new(zone.apex().clone());
    for object in world.cluster.objects() {
        claims.set(object, world.cluster.facts(object));
    }
    let (settings, history) = (world.shape.settings(), process.keeper.history());
    Plan::new(&View::new(zone, &claims, &settings, history))
}

/// Checks that the keeper's incremental plan equals a new plan.
fn same_plan(fresh: &Plan, mut kept: Plan) -> Result<(), String> {
    let is_refusal = |label: &str| HELD.contains(&label);
    let refused = kept.blocked.iter().filter(|blocked| is_refusal(blocked.reason.label())).count();
    if refused + kept.units.len() != fresh.units.len() {
        return Err(format!(
            "{refused} units are refused, {} are planned, {} should be",
            kept.units.len(),
            fresh.units.len()
        ));
    }
    kept.blocked.retain(|blocked| !is_refusal(blocked.reason.label()));
    kept.units.clone_from(&fresh.units);
    let (kept, fresh) = (kept.to_string(), fresh.to_string());
    if kept == fresh { Ok(()) } else { Err(format!("the keeper's plan\n{kept}\nis not\n{fresh}")) }
}
