//! Several set identifiers under one hostname, from the facts of an object to Route 53 and back.
//!
//! No source reads a routing policy yet, so the test creates the facts. The driver and the Route 53 client
//! are those of the program.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    sync::{Arc, Mutex},
};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use zonekeeper::{
    config::Config,
    driver::{Clock, Driver, Handle, Listener, Objects, Outcome, ReadWrite, Until},
    leadership::Leadership,
    route53::{Via, Writer},
    telemetry::{Metrics, Reporter},
};
use zonekeeper_core::{
    dns::{Name, Policy, Routing, Rule, SetId, ZoneId},
    keeper::{Input, Keeper, Mode, Report, Time},
    plan::Reason,
    source::{
        AliasOptions, ClaimKey, Content, Controls, Endpoint, Facts, Kind, ObjectRef, Publish, Reduced,
        Resource, ResourceRef, Rules, Scope, Targets,
    },
};
use zonekeeper_emulator::zone::{Change, RecordSet};

use crate::{
    deadline::eventually,
    process::{ACCESS_KEY, OWNER},
    zone::{self, CHANGE, Zone},
};

const HOST: &str = "www.example.test";
const TXT: &str = "a-www.example.test";

/// A weighted endpoint: set identifier, weight, and the last part of its address.
type Weighted = (&'static str, i64, u8);

/// A source of one object. It lists the object once.
struct OneObject(Facts);

/// A listener that stores each blocked unit, and passes all reports to the log.
struct Conflicts {
    heard: Arc<Mutex<Vec<String>>>,
    log: Reporter,
}

/// The driver of the program, with the object and the zone of a test.
struct Running {
    handle: Handle,
    stop: CancellationToken,
    driver: JoinHandle<Outcome>,
    conflicts: Arc<Mutex<Vec<String>>>,
}

// === impl OneObject ===

impl Objects for OneObject {
    type Error = Infallible;

    async fn follow(
        self,
        scopes: Vec<Scope>,
        _rules: Arc<Rules>,
        driver: Handle,
        _until: Until,
    ) -> Result<(), Infallible> {
        for scope in scopes {
            let is_listed = scope.resource_ref(&self.0.object).is_some();
            driver.send(Input::Listing(scope.clone())).await;
            if is_listed {
                driver.send(input(self.0.clone())).await;
            }
            driver.send(Input::Listed(scope)).await;
        }
        Ok(())
    }
}

// === impl Listener ===

impl Listener for Conflicts {
    fn hear(&mut self, report: &Report) {
        if let Report::Blocked(blocked) = report {
            let owner = match &blocked.reason {
                Reason::OwnedBy { owner } => owner.as_str(),
                _ => "",
            };
            let conflict = format!("{}: {} {owner}", blocked.subject, blocked.reason.label());
            self.heard.lock().unwrap().push(conflict);
        }
        self.log.hear(report);
    }
}

// === impl Running ===

impl Running {
    async fn start(zone: &Zone, facts: Facts, until: Until) -> Self {
        let (clock, id) = (Clock::start(), ZoneId::new(zone::ID).unwrap());
        let via = Via::Emulator { url: zone.url(), access_key: ACCESS_KEY.to_owned() };
        let opened = Writer::open(id.clone(), clock, Leadership::forever(), &via).await;
        let (writer, zone_facts) = opened.unwrap();
        let config = Config::new(id, OWNER.parse().unwrap());
        let keeper = Keeper::new(config.keeper(Mode::Apply, 1), zone_facts.empty());
        let conflicts: Arc<Mutex<Vec<String>>> = Arc::default();
        let listener = Conflicts { heard: Arc::clone(&conflicts), log: Reporter::new(Metrics::new()) };
        let (driver, handle) = Driver::new(keeper, ReadWrite(writer), listener, clock);
        let stop = CancellationToken::new();
        let driver = tokio::spawn(driver.run(stop.clone(), until));
        handle.send(Input::Leadership { until: Time::NEVER }).await;
        let rules = Arc::new(Rules { publish: Publish::All, ..Rules::default() });
        OneObject(facts).follow(config.scopes, rules, handle.clone(), until).await.unwrap();
        Self { handle, stop, driver, conflicts }
    }

    /// Waits until Route 53 has accepted a number of change requests and nothing is left to write.
    async fn has_written(&self, zone: &Zone, requests: usize) {
        let written = eventually(async || {
            let status = self.handle.status()?;
            (zone.count(CHANGE) >= requests && status.is_ready && status.units == 0).then_some(())
        });
        assert!(written.await.is_some(), "{:#?}\n{:?}", writes(zone), self.handle.status());
    }

    fn conflicts(&self) -> Vec<String> {
        self.conflicts.lock().unwrap().clone()
    }

    async fn stop(self) {
        self.stop.cancel();
        self.driver.await.unwrap();
    }
}

/// The facts of an object with weighted endpoints at one hostname.
fn facts(endpoints: &[Weighted]) -> Facts {
    let endpoint = |&(set_id, weight, address): &Weighted| {
        let mut targets = Targets::default();
        targets.v4.insert([192, 0, 2, address].into());
        let rule = Some(Rule::Weight(weight));
        Arc::new(Endpoint {
            key: ClaimKey { host: Name::from_hostname(HOST).unwrap(), set_id: Some(SetId::new(set_id)) },
            routing: Routing::Policy(Arc::new(Policy { rule, health_check: None })),
            content: Content::Targets(Arc::new(targets)),
            ttl: None,
            alias: AliasOptions::default(),
        })
    };
    let mut endpoints: Vec<_> = endpoints.iter().map(endpoint).collect();
    endpoints.sort_by(|one, other| one.key.cmp(&other.key));
    Facts {
        object: ObjectRef::new(Kind::Ingress, "shop", "web"),
        uid: "uid-of-web".into(),
        created: 1_700_000_000,
        endpoints,
        hosts_above_limit: BTreeSet::new(),
        passed_over: BTreeSet::new(),
        bad_hosts: Vec::new(),
        more_bad_hosts: 0,
        is_annotated: true,
        controls: Controls::default(),
        problems: Vec::new(),
    }
}

fn input(facts: Facts) -> Input {
    let resource = ResourceRef::new(Resource::INGRESS, facts.object.namespace(), facts.object.name());
    Input::Resource { resource, reduced: Some(Reduced::Facts(Box::new(facts))) }
}

/// The record set of another owner, with its ownership record.
fn of_another_owner(set_id: &str, weight: i64) -> [RecordSet; 2] {
    let ownership = "\"heritage=external-dns,external-dns/owner=other,external-dns/resource=ingress/a/b\"";
    [
        RecordSet::simple(HOST, "A", 300, ["192.0.2.77"]).weighted(set_id, weight),
        RecordSet::simple(TXT, "TXT", 300, [ownership]).weighted(set_id, weight),
    ]
}

/// The changes of zonekeeper's accepted requests: `CREATE www.example.test A blue 10 192.0.2.1`.
fn writes(zone: &Zone) -> Vec<Vec<String>> {
    let journal = zone.journal();
    let requests = journal.changes.chunk_by(|one, other| one.request == other.request);
    let text = |action: &str, set: &RecordSet| format!("{action} {}", line(set));
    requests
        .map(|changes| {
            let changes = changes.iter().filter(|change| change.access_key == ACCESS_KEY);
            let mut texts: Vec<String> =
                changes.filter_map(|it| Some(text(it.action.as_str(), it.after.as_ref()?))).collect();
            texts.sort();
            texts
        })
        .collect()
}

/// A record set in one line. Of an ownership record, only the owner and the resource are shown.
fn line(set: &RecordSet) -> String {
    let values = set.values.join(" ");
    let values = values.trim_matches('"').replace("heritage=external-dns,", "").replace("external-dns/", "");
    let weight = set.weight.map_or_else(|| "-".to_owned(), |weight| weight.to_string());
    let set_id = set.set_identifier.as_deref().unwrap_or("-");
    format!("{} {} {set_id} {weight} {values}", set.name.trim_end_matches('.'), set.rtype)
}

#[tokio::test]
async fn each_set_identifier_of_a_hostname_is_a_unit_of_its_own() {
    let zone = Zone::empty().await;
    let foreign = of_another_owner("red", 5);
    zone.foreigner_sends(&foreign.clone().map(Change::create));
    let ours = "owner=tests,resource=ingress/shop/web";
    let foreign_only = zone.record_sets();

    // The first run creates the records of two set identifiers in one request. The third one has another owner.
    let running =
        Running::start(&zone, facts(&[("blue", 10, 1), ("green", 90, 2), ("red", 20, 3)]), Until::Stopped)
            .await;
    running.has_written(&zone, 1).await;
    assert_eq!(
        writes(&zone),
        [vec![
            format!("CREATE {TXT} TXT blue 10 {ours}"),
            format!("CREATE {TXT} TXT green 90 {ours}"),
            format!("CREATE {HOST} A blue 10 192.0.2.1"),
            format!("CREATE {HOST} A green 90 192.0.2.2"),
        ]]
    );
    assert_eq!(running.conflicts(), [format!("{HOST} set=red: OwnedBy other")]);
    assert_eq!(running.handle.status().unwrap().blocked, BTreeMap::from([("OwnedBy", 1)]));

    // Another weight of one set identifier replaces its two record sets and nothing else.
    let changed = facts(&[("blue", 30, 1), ("green", 90, 2), ("red", 20, 3)]);
    running.handle.send(input(changed.clone())).await;
    running.has_written(&zone, 2).await;
    assert_eq!(
        writes(&zone)[1..],
        [vec![format!("UPSERT {TXT} TXT blue 30 {ours}"), format!("UPSERT {HOST} A blue 30 192.0.2.1")]]
    );
    running.stop().await;

    // A restart finds everything as it is wanted.
    let restarted = Running::start(&zone, changed, Until::Done).await;
    let conflicts = Arc::clone(&restarted.conflicts);
    let outcome = restarted.driver.await.unwrap();
    assert!(outcome.is_done && outcome.plan.units.is_empty(), "{}", outcome.plan);
    assert_eq!(outcome.plan.in_sync, 2, "{}", outcome.plan);
    assert_eq!(*conflicts.lock().unwrap(), [format!("{HOST} set=red: OwnedBy other")]);
    assert_eq!(zone.count(CHANGE), 2, "{:#?}", writes(&zone));

    let is_foreign = |set: &RecordSet| set.set_identifier.as_deref() == Some("red");
    let left: Vec<RecordSet> = zone.record_sets().into_iter().filter(is_foreign).collect();
    assert_eq!(left, foreign_only);
    assert_eq!(zone.deletions(), 0);
}
