//! The trace of a run, line by line.

use std::sync::Arc;

use zonekeeper_core::{
    keeper::{Effect, Failure, Input, Report, Warning},
    source::{Endpoint, Reduced},
};

use super::labels;

/// The line of an input.
pub fn input(input: &Input) -> String {
    let failed = |failure: &Failure| format!("failed: {} {failure}", labels::failure(&failure.class));
    match input {
        Input::Resource { resource, reduced: None } => format!("{resource} is gone"),
        Input::Resource { resource, reduced: Some(Reduced::Part(part)) } => format!("{resource} {part:?}"),
        Input::Resource { resource, reduced: Some(Reduced::Facts(facts)) } => {
            let endpoint = |endpoint: &Arc<Endpoint>| {
                let ttl = endpoint.ttl.map(|ttl| format!(" ttl={ttl}")).unwrap_or_default();
                format!("{} -> {:?}{ttl}", endpoint.key, endpoint.content)
            };
            let endpoints: Vec<String> = facts.endpoints.iter().map(endpoint).collect();
            let problem = facts.blocking_problem().map(|problem| format!(" problem {}", problem.field));
            format!(
                "{resource} [{}] created={}{}",
                endpoints.join("; "),
                facts.created % 86_400,
                problem.unwrap_or_default()
            )
        }
        Input::Undecodable { resource } => format!("{resource} cannot be decoded"),
        Input::Listing(scope) => format!("listing {} {:?}", scope.resource, scope.namespace),
        Input::Listed(scope) => format!("listed {} {:?}", scope.resource, scope.namespace),
        Input::Page { id, answer: Ok(page) } => {
            let sets: Vec<String> = page.sets.iter().map(ToString::to_string).collect();
            let next = page.next.as_ref().map(|next| next.name.to_string());
            format!("{id:?} page [{}] next {next:?}", sets.join("; "))
        }
        Input::Page { id, answer: Err(failure) } => format!("{id:?} {}", failed(failure)),
        Input::Applied { id, answer: Ok(change) } => format!("{id:?} accepted as {change}"),
        Input::Applied { id, answer: Err(failure) } => format!("{id:?} {}", failed(failure)),
        Input::Propagation { change, answer: Ok(in_sync) } => format!("{change} in sync: {in_sync}"),
        Input::Propagation { change, answer: Err(failure) } => format!("{change} {}", failed(failure)),
        Input::Counted(Ok(count)) => format!("{count} record sets"),
        Input::Counted(Err(failure)) => format!("count {}", failed(failure)),
        Input::Denied(scope) => format!("cannot list {} {:?}", scope.resource, scope.namespace),
        Input::Wall { unix } => format!("it is {unix}"),
        Input::Recall { memory } => format!("recall {} moves", memory.lines().count()),
        Input::Release { until, .. } => format!("the brake is released until {until}"),
        Input::Approve(approval) => format!("approved {} at {}", approval.digest, approval.at),
        Input::Published(before) => {
            format!("published before: {:?}", before.as_ref().map(|before| before.digest))
        }
        Input::Leadership { until } => format!("leader until {until:?}"),
        Input::Tick => "tick".to_owned(),
    }
}

/// The line of an effect.
pub fn effect(effect: &Effect) -> String {
    match effect {
        Effect::Read(read) => match &read.start {
            None => format!("read {:?} from the beginning", read.id),
            Some(start) => format!("read {:?} from {} {:?}", read.id, start.name, start.rtype),
        },
        Effect::Apply(apply) => {
            let changes: Vec<String> = apply.batch.changes().map(ToString::to_string).collect();
            format!("apply {:?} not after {:?} [{}]", apply.id, apply.not_after, changes.join("; "))
        }
        Effect::AskPropagation(change) => format!("ask for {change}"),
        Effect::Count => "count".to_owned(),
        Effect::Remember(memory) => format!("remember {} moves", memory.lines().count()),
        Effect::Publish(publication) => {
            let approved = publication.units.iter().filter(|(_, it)| *it).count();
            format!(
                "publish {} of {} units, {approved} approved",
                publication.digest,
                publication.units.len()
            )
        }
        Effect::Report(report) => match report {
            Report::Accepted { change, .. } => format!("report accepted {change:?}"),
            Report::Refused { units, failure } => format!("report refused {units} units: {failure}"),
            Report::Blocked(blocked) => {
                format!("report blocked {} for {}: {}", blocked.subject, blocked.object, blocked.reason)
            }
            Report::Planned(unit) => format!("report planned {} for {}", unit.key().host, unit.object()),
            Report::Noted(noted) => {
                format!("report noted {} for {}: {}", noted.key, noted.object, noted.note)
            }
            Report::NoLongerNoted { key, object } => format!("report no longer noted {key} for {object}"),
            Report::Lasting { warning: Warning::Noted(noted), .. } => {
                format!("report still noted {} for {}", noted.key, noted.object)
            }
            Report::LeftOver(leftover) => format!("report left over {}", leftover.set),
            Report::NotLeftOver(leftover) => format!("report no longer left over {}", leftover.set),
            Report::Lasting { warning: Warning::Blocked(blocked), .. } => {
                format!("report still blocked {} for {}", blocked.subject, blocked.object)
            }
            Report::Lasting { warning: Warning::LeftOver(leftover), .. } => {
                format!("report still left over {}", leftover.set)
            }
            Report::Ignored(ignored) => format!("report ignored {} of {}", ignored.field, ignored.object),
            Report::NoLongerIgnored(ignored) => {
                format!("report no longer ignored {} of {}", ignored.field, ignored.object)
            }
            Report::Lasting { warning: Warning::Ignored(ignored), .. } => {
                format!("report still ignored {} of {}", ignored.field, ignored.object)
            }
            Report::Unblocked { subject, object } => format!("report unblocked {subject} for {object}"),
            Report::ObjectState(state) => {
                format!("report state of {} {}: {:?}", state.object, state.generation, state.readiness)
            }
            Report::InSync { change, .. } => format!("report in sync {change}"),
            Report::ZoneListed { sets } => format!("report zone listed, {sets} sets"),
            Report::Failed { what, failure } => format!("report failed to {what}: {failure}"),
        },
    }
}
