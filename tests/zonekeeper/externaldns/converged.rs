//! Zones in which ExternalDNS has nothing left to write. zonekeeper writes nothing there either.

use std::{collections::BTreeSet, fs};

use zonekeeper_core::dns::{Data, Name, RecordSet, RecordType};
use zonekeeper_emulator::zone::HostedZone;

use super::{
    binary::Binary,
    cluster::Cluster,
    emulated_zone::{APEX, emulated_zone, text},
    keeper::Kept,
    large_cluster::{ARGUMENTS, LargeCluster},
    record_text::record_set,
    situation::{Situation, folder},
};
use crate::{migration::run_once, zone};

/// The recorded situation of a [`LargeCluster`], and its number of hostnames.
const RECORDED: (&str, usize) = ("large-cluster", 112);

/// The most runs until ExternalDNS has nothing left to write.
const RUNS: usize = 4;

/// A zone with the names of ownership records before version 0.22: that of an alias A begins with `cname-`, not with `a-`.
/// Returns the number of renamed records too.
fn named_as_before_v0_22(zone: &str) -> (String, usize) {
    let mut sets: Vec<RecordSet> = zone.lines().map(|line| record_set(line).unwrap()).collect();
    let is_alias = |set: &&RecordSet| *set.rtype() == RecordType::A && matches!(set.data, Data::Alias(_));
    let place = |name: &str, set: &RecordSet| (name.to_owned(), set.key.set_id.clone());
    let aliases: BTreeSet<_> =
        sets.iter().filter(is_alias).map(|set| place(set.name().as_str(), set)).collect();
    let taken: BTreeSet<_> = sets.iter().map(|set| place(set.name().as_str(), set)).collect();
    let mut renamed = 0;
    for set in sets.iter_mut().filter(|set| *set.rtype() == RecordType::Txt) {
        let Some(host) = set.name().as_str().strip_prefix("a-") else { continue };
        let name = format!("cname-{host}");
        if aliases.contains(&place(host, set)) && !taken.contains(&place(&name, set)) {
            set.key.name = Name::from_route53(&name).unwrap();
            renamed += 1;
        }
    }
    let lines: Vec<String> = sets.iter().map(|set| format!("{set}\n")).collect();
    (lines.concat(), renamed)
}

/// The situation of a large cluster with at least this number of hostnames.
fn large(hosts: usize) -> (Situation, LargeCluster) {
    let cluster = LargeCluster::new(hosts);
    let situation = Situation {
        name: RECORDED.0.to_owned(),
        about: "Together, the objects use all kinds, targets and routing policies.".to_owned(),
        args: ARGUMENTS.map(str::to_owned).to_vec(),
        objects: cluster.text(),
        ..Situation::default()
    };
    (situation, cluster)
}

/// `UPDATE=1` writes the situation, and `make record` the zone.
#[test]
fn the_recorded_large_cluster_has_the_objects_of_the_code() {
    let (expected, cluster) = large(RECORDED.1);
    let find = || Situation::all().into_iter().find(|situation| situation.name == expected.name);
    let is_right = |found: &Situation| (&found.objects, &found.args) == (&expected.objects, &expected.args);
    if std::env::var_os("UPDATE").is_some() && !find().as_ref().is_some_and(is_right) {
        fs::write(folder().join(format!("{}.yaml", expected.name)), expected.text()).unwrap();
    }
    assert!(find().as_ref().is_some_and(is_right), "UPDATE=1 writes the objects");
    assert!(cluster.hosts.len() >= RECORDED.1);
}

#[test]
fn zonekeeper_leaves_a_converged_zone_as_it_is() {
    let is_same = |it: &Situation| it.differs.is_none();
    let (mut failures, mut zones) = (Vec::new(), 0);
    for situation in Situation::all().into_iter().filter(is_same) {
        let after = situation.after.clone().unwrap();
        let is_owned = after.contains("external-dns/owner=me,");
        let (before_v0_22, renamed) = named_as_before_v0_22(&after);
        assert!(situation.name != RECORDED.0 || renamed > 10, "{renamed} renamed");
        let renamed = (renamed > 0).then_some(("before v0.22", before_v0_22));
        let mut ours = None;
        for (naming, zone) in [Some(("v0.22", after)), renamed].into_iter().flatten() {
            zones += 1;
            match Kept::of(&Situation { zone, ..situation.clone() }) {
                // A zone in which zonekeeper does not find its ownership records would stay as it is too: its records would be
                // noted as unmanaged.
                Ok(Kept { changes: 0, plan, .. })
                    if *ours.get_or_insert(plan.in_sync) == plan.in_sync
                        && (plan.in_sync > 0 || plan.noted.is_empty() || !is_owned) => {}
                Ok(kept) => failures.push(format!("{} {naming}: {}", situation.name, kept.plan)),
                Err(why) => failures.push(format!("{} {naming}: {why}", situation.name)),
            }
        }
    }
    println!("{zones} converged zones");
    assert!(failures.is_empty(), "\n{}\n{} zones", failures.join("\n"), failures.len());
}

#[tokio::test]
#[ignore = "needs ExternalDNS: make agreement EXTERNAL_DNS=path"]
async fn a_converged_zone_of_a_thousand_names_stays_as_it_is() {
    let binary = Binary::of_environment();
    let mut cluster = Cluster::start().await;
    let (situation, large) = large(1_000);
    let large = large.with_apex();
    let situation = Situation { objects: large.text(), ..situation };
    let objects = cluster.create(&situation.objects).await.unwrap();
    let mut run = binary.run(&situation, HostedZone::new(zone::ID, APEX).unwrap(), &cluster.plane).await;
    for _ in 1..RUNS {
        assert!(!run.fails, "{}", run.log);
        if run.changes == 0 {
            break;
        }
        run = binary.run(&situation, run.zone, &cluster.plane).await;
    }
    assert_eq!(run.changes, 0, "ExternalDNS does not come to rest");
    println!("{} hostnames, {} objects, {} record sets", large.hosts.len(), objects.len(), run.zone.len());

    let converged = run.text();
    let (before_v0_22, renamed) = named_as_before_v0_22(&converged);
    assert!(renamed > 100, "{renamed}");
    for before in [&converged, &before_v0_22] {
        let (zone, ended) = run_once(&situation, emulated_zone(before).unwrap(), &cluster.plane).await;
        assert_eq!(zone.requests(), Vec::<Vec<String>>::new(), "{ended}");
        let Kept { plan, .. } = Kept::of(&Situation { zone: before.clone(), ..situation.clone() }).unwrap();
        // Only the records of the apex have no owner.
        assert_eq!((plan.noted.len(), plan.blocked.len()), (1, 0), "{plan}");
    }
    let after = binary.run(&situation, emulated_zone(&converged).unwrap(), &cluster.plane).await;
    assert_eq!((after.changes, text(&after.zone)), (0, converged.clone()), "{}", after.log);
    // Every hostname is in the zone, so the silence above means something.
    let written: BTreeSet<String> =
        converged.lines().map(|line| record_set(line).unwrap().name().to_string()).collect();
    let missing: Vec<&String> = large.hosts.difference(&written).collect();
    assert!(missing.is_empty(), "{missing:?}");
    cluster.delete(objects).await;
}
