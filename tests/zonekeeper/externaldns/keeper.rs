//! zonekeeper on the objects and the zone of a situation, without a cluster and without a network.

use std::{
    ffi::OsString,
    fs,
    sync::atomic::{AtomicUsize, Ordering},
};

use zonekeeper::{cli::Cli, config::Config, externaldns::Variables, folder::Folder};
use zonekeeper_core::{
    dns::Name,
    keeper::Input,
    plan::{Batch, History, HolderHistory, ManagedTypes, Plan, View},
    source::{Claims, Index},
};
use zonekeeper_emulator::zone::{Change, HostedZone};

use super::{
    emulated_zone::{APEX, emulated_zone, text},
    service_set::{change_to_service, zone_from_service},
    situation::Situation,
};
use crate::{scratch::Scratch, zone};

/// The most plans until everything is written. An adoption needs two.
const ROUNDS: usize = 5;

/// The observations after every waiting time, because ExternalDNS never waits.
const WAITED: HolderHistory = HolderHistory { last: None, vacancy_is_over: true, may_yield: true };

/// The result of zonekeeper in a situation.
pub struct Kept {
    /// The record sets after it.
    pub zone: String,
    /// The last plan. It has nothing to write any more, except in a dry run.
    pub plan: Plan,
    /// The number of changes of all plans.
    pub changes: usize,
}

// === impl Kept ===

impl Kept {
    /// Plans and applies until nothing is left to write.
    pub fn of(situation: &Situation) -> Result<Self, String> {
        let line = command_line(situation)?;
        let flags = line.flags().ok_or("the arguments run no controller")?.clone();
        let config = Config::try_from(flags).map_err(|why| why.to_string())?;
        let (claims, history) = claims(situation, &config)?;
        let mut zone = emulated_zone(&situation.zone)?;
        let mut changes = 0;
        for _ in 0..ROUNDS {
            let listed = zone_from_service(&zone);
            let plan = Plan::new(&View::new(&listed, &claims, &config.settings, &history));
            if plan.units.is_empty() || line.is_dry_run() {
                return Ok(Self { zone: text(&zone), plan, changes });
            }
            apply(&mut zone, &plan)?;
            changes += plan.units.iter().map(|unit| unit.changes().len()).sum::<usize>();
        }
        Err(format!("{ROUNDS} plans do not reach an end:\n{}", text(&zone)))
    }
}

/// The command line of zonekeeper that follows from the arguments of ExternalDNS.
fn command_line(situation: &Situation) -> Result<Cli, String> {
    let zone = format!("--zone-id={}", zone::ID);
    let fixed = ["--provider=aws", &zone].map(str::to_owned);
    let arguments = situation.arguments().into_iter().filter_map(advised);
    let arguments = fixed.into_iter().chain(arguments).map(OsString::from);
    Cli::read(arguments.collect(), Variables::new()).map_err(|why| why.to_string())
}

/// The argument as a user changes it who follows the advice of zonekeeper.
fn advised(argument: String) -> Option<String> {
    match argument.split_once('=') {
        Some(("--policy", "sync")) => Some("--policy=upsert-only".to_owned()),
        Some(("--fqdn-target-template", _)) => None,
        Some(("--managed-record-types", rtype)) if ManagedTypes::new([rtype]).is_err() => None,
        _ => Some(argument),
    }
}

/// The Service that every API server creates for itself.
const OF_API_SERVER: &str = "---\nkind: Service\nmetadata: {name: kubernetes, namespace: default}\nspec: {type: ClusterIP, clusterIP: 10.0.0.1}\n";

/// The claims of the objects, read as manifests, and the history in which every waiting time is over.
fn claims(situation: &Situation, config: &Config) -> Result<(Claims, History), String> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let folder = Scratch::new(&format!("externaldns-{}", COUNT.fetch_add(1, Ordering::Relaxed)));
    let manifests = format!("{}{OF_API_SERVER}", situation.objects);
    fs::write(folder.join("objects.yaml"), manifests).map_err(|why| why.to_string())?;
    let (manifests, bad) = Folder::open(&folder).map_err(|why| why.to_string())?;
    if let Some(bad) = bad.first() {
        return Err(bad.to_string());
    }
    let mut index = Index::new(config.settings.endpoints.clone());
    let mut history = History::default();
    let mut claims = Claims::new(Name::from_hostname(APEX).map_err(|why| why.to_string())?);
    for input in manifests.list(&config.scopes, &config.rules) {
        if let Input::Resource { resource, reduced } = input {
            for (object, facts) in index.set(&resource, reduced, &claims.visibility) {
                for endpoint in facts.iter().flat_map(|facts| &facts.endpoints) {
                    history.set_holder(&endpoint.key, WAITED.clone());
                }
                claims.set(&object, facts);
            }
        }
    }
    Ok((claims, history))
}

/// Writes a plan. The zone has the rules of Route 53, and must accept every batch.
fn apply(zone: &mut HostedZone, plan: &Plan) -> Result<(), String> {
    for batch in Batch::pack(&plan.units) {
        let changes: Vec<Change> = batch.changes().map(change_to_service).collect();
        zone.change(&changes)
            .map_err(|why| format!("Route 53 refuses a batch: {}\n{plan}", why.message()))?;
    }
    Ok(())
}
