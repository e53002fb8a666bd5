//! The Route 53 client alone, with every kind of failure.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use k8s_openapi::api::networking::v1::Ingress;
use serde_json::json;
use zonekeeper::{
    driver::{Clock, ReadZone, WriteZone},
    leadership::Leadership,
    route53::{OpenError, Reader, Via, Writer},
};
use zonekeeper_core::{
    dns::{Name, Zone as CoreZone, ZoneId},
    keeper::{Apply, ApplyId, ChangeId, Cursor, FailureClass, Read, ReadId, Time},
    plan::{Batch, History, Plan, PlanDigest, Settings, Unit, View},
    source::{Claims, Object, Publish, Rules},
};
use zonekeeper_emulator::{
    faults::Effect,
    zone::{LinkedService, RecordSet},
};

use crate::{
    process::ACCESS_KEY,
    zone::{self, CHANGE, LIST, Zone},
};

const FIRST_PAGE: Read = Read { id: ReadId(1), start: None, max_items: 300, continues: None };

fn id() -> ZoneId {
    ZoneId::new(zone::ID).unwrap()
}

fn via(zone: &Zone) -> Via {
    Via::Emulator { url: zone.url(), access_key: ACCESS_KEY.to_owned() }
}

async fn writer(zone: &Zone) -> Writer {
    led_writer(zone, Leadership::forever()).await
}

async fn led_writer(zone: &Zone, leadership: Leadership) -> Writer {
    Writer::open(id(), Clock::start(), leadership, &via(zone)).await.unwrap().0
}

/// A request with one unit: an address for `www.example.test`, and its ownership record.
fn apply(not_after: Time) -> Apply {
    let ingress = json!({
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"rules": [{"host": "www.example.test"}]},
        "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}},
    });
    let ingress = Object::Ingress(Box::new(serde_json::from_value::<Ingress>(ingress).unwrap()));
    let apex = Name::from_hostname(zone::NAME).unwrap();
    let mut claims = Claims::new(apex.clone());
    claims.set(&ingress.id().unwrap(), ingress.facts(&Rules { publish: Publish::All, ..Rules::default() }));
    let settings = Settings::new("tests".parse().unwrap());
    let plan = Plan::new(&View::new(&CoreZone::new(id(), apex), &claims, &settings, &History::default()));
    let digest = PlanDigest::of(plan.units.iter().map(Unit::digest));
    let mut batch = Batch::default();
    for unit in plan.units {
        batch.push(vec![unit]).unwrap();
    }
    Apply { id: ApplyId(1), batch: Arc::new(batch), digest, not_after }
}

/// An error of Route 53 without a code. The service sent this form before 2024.
const LEGACY: &str = "<?xml version=\"1.0\"?>\n<InvalidChangeBatch xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\">\
                      <Messages><Message>Tried to create resource record set [name='www.example.test.', type='A'] but \
                      it already exists</Message></Messages></InvalidChangeBatch>";
/// An error with a list of messages in place of one, as the API model allows.
const LISTED: &str = "<?xml version=\"1.0\"?>\n<ErrorResponse xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Error>\
                      <Type>Sender</Type><Code>InvalidChangeBatch</Code><Messages><Message>Tried to create resource record set \
                      [name=&apos;www.example.test.&apos;, type=&apos;A&apos;] but it already exists</Message></Messages></Error>\
                      <RequestId>1</RequestId></ErrorResponse>";
const PROXY: &str =
    "<html><head><title>Sign in</title></head><body>Sign in to use this network.</body></html>";

/// Errors of the service, each with the class for a read, the class for a change, and the code.
fn refusals() -> Vec<(Effect, FailureClass, FailureClass, &'static str)> {
    use FailureClass::{Account, Busy, Denied, Refused, Throttled, Unknown, ZoneFull};
    let skewed = "Signature expired: 20260101T000000Z is now earlier than 20260101T001500Z";
    let table = [
        (400, "Throttling", "Rate exceeded", Throttled, Throttled),
        (400, "ThrottlingException", "Rate exceeded", Throttled, Throttled),
        (400, "RequestLimitExceeded", "Request limit exceeded", Throttled, Throttled),
        (400, "PriorRequestNotComplete", "still processing a prior request", Busy, Busy),
        (400, "InvalidChangeBatch", "[Tried to create …]", Refused, Refused),
        (400, "InvalidInput", "1 validation error detected", Refused, Refused),
        (404, "NoSuchHealthCheck", "No health check found with ID: 1", Refused, Refused),
        (403, "AccessDenied", "User is not authorized to perform this operation", Account, Denied),
        // This code has many causes, so the message decides.
        (
            400,
            "InvalidChangeBatch",
            "[Number of records limit of MAX_RRSETS_BY_ZONE exceeded.]",
            ZoneFull,
            ZoneFull,
        ),
        (400, "InvalidChangeBatch", "[Hosted zone is disabled for mutation]", Busy, Busy),
        (400, "InvalidInput", "HostedZone Z0123456789EXAMPLE is marked disabled for mutation", Busy, Busy),
        (404, "NoSuchHostedZone", "No hosted zone found with ID: Z1", Account, Account),
        (403, "ExpiredToken", "The security token included in the request is expired", Account, Account),
        (403, "InvalidClientTokenId", "The security token is invalid", Account, Account),
        (403, "SignatureDoesNotMatch", skewed, Account, Account),
        (403, "RequestTimeTooSkewed", "The difference is too large", Account, Account),
        (400, "RequestExpired", "Request has expired", Account, Account),
        (408, "RequestTimeoutException", "Timed out", Unknown, Unknown),
        (500, "InternalFailure", "We encountered an internal error", Unknown, Unknown),
        (503, "ServiceUnavailable", "Service is unable to handle request", Unknown, Unknown),
        // Unknown codes.
        (418, "ImATeapot", "", Refused, Refused),
        (599, "Exhausted", "", Unknown, Unknown),
    ];
    table
        .map(|(status, code, text, read, change)| (Effect::refuse(status, code, text), read, change, code))
        .into()
}

/// Faults without an answer of the service, each with its class and code, and whether the request is carried
/// out.
fn disturbances() -> Vec<(Effect, FailureClass, &'static str, bool)> {
    use FailureClass::{Throttled, Unknown};
    vec![
        (Effect::CloseBefore, Unknown, "ConnectionFailed", false),
        (Effect::CloseAfter, Unknown, "ConnectionFailed", true),
        (Effect::Hang, Unknown, "Timeout", false),
        (Effect::HangAfter, Unknown, "Timeout", true),
        (Effect::Malformed, Unknown, "UnreadableAnswer", true),
        (Effect::slow_body(Duration::from_mins(1)), Unknown, "UnreadableAnswer", true),
        (Effect::refuse(502, "", ""), Unknown, "UnreadableAnswer", false),
        (Effect::answer(200, ""), Unknown, "UnreadableAnswer", false),
        (Effect::answer(200, PROXY), Unknown, "UnreadableAnswer", false),
        (Effect::answer(200, "<ok/>"), Unknown, "UnreadableAnswer", false),
        (Effect::answer(200, "\u{0}\u{1}not XML"), Unknown, "UnreadableAnswer", false),
        (Effect::answer(502, PROXY), Unknown, "UnreadableAnswer", false),
        (Effect::answer(403, PROXY), Unknown, "UnreadableAnswer", false),
        (Effect::answer(407, ""), Unknown, "UnreadableAnswer", false),
        (Effect::answer(429, PROXY), Throttled, "TooManyRequestsException", false),
    ]
}

#[tokio::test]
async fn every_failure_of_a_change_has_its_class() {
    let refusals = refusals().into_iter().map(|(effect, _, class, code)| (effect, class, code, false));
    let only_changes = [
        (Effect::answer(400, LEGACY), FailureClass::Refused, "InvalidChangeBatch", false),
        (Effect::answer(400, LISTED), FailureClass::Refused, "InvalidChangeBatch", false),
        (Effect::answer(413, PROXY), FailureClass::Refused, "UnreadableAnswer", false),
    ];
    // The tries run at the same time, because some of them wait for the client's timeout.
    let tries =
        refusals.chain(disturbances()).chain(only_changes).map(|(effect, class, code, is_written)| {
            Box::pin(async move {
                let zone = Zone::empty().await;
                let writer = writer(&zone).await;
                zone.disturb(CHANGE, effect.clone(), 1);
                let failure = writer.apply(&apply(Time::NEVER)).await.unwrap_err();
                assert_eq!((failure.class, &*failure.code), (class, code), "{effect:?}: {failure}");
                assert!(failure.message.chars().count() < 400, "{failure}");
                // One call sends one request, with any result.
                assert_eq!(
                    (zone.count(CHANGE), zone.requests().len()),
                    (1, usize::from(is_written)),
                    "{effect:?}"
                );
                if !is_written {
                    writer.apply(&apply(Time::NEVER)).await.unwrap();
                    assert_eq!(zone.sets(), ["a-www.example.test TXT", "www.example.test A"], "{effect:?}");
                }
                failure
            })
        });
    let failures = join_all(tries).await;
    // The keeper takes a batch apart by the names in the message, so the message must have them.
    let named =
        "Tried to create resource record set [name='www.example.test.', type='A'] but it already exists";
    assert_eq!(failures.iter().filter(|failure| failure.message == named).count(), 2);
}

#[tokio::test]
async fn every_failure_of_a_read_has_its_class() {
    let refusals = refusals().into_iter().map(|(effect, class, _, code)| (effect, class, code));
    let disturbances = disturbances().into_iter().map(|(effect, class, code, _)| (effect, class, code));
    let tries = refusals.chain(disturbances).map(|(effect, class, code)| {
        Box::pin(async move {
            let zone = Zone::empty().await;
            let writer = writer(&zone).await;
            let change = writer.apply(&apply(Time::NEVER)).await.unwrap();
            zone.disturb(LIST, effect.clone(), 1);
            let failure = writer.list(&FIRST_PAGE).await.unwrap_err();
            assert_eq!((failure.class, &*failure.code), (class, code), "{effect:?}: {failure}");
            assert_eq!(zone.count(LIST), 1, "{effect:?}");
            assert_eq!(writer.list(&FIRST_PAGE).await.unwrap().sets.len(), 4, "{effect:?}");
            for operation in ["GetHostedZone", "GetChange"] {
                zone.disturb(operation, effect.clone(), 1);
            }
            let (count, change) = tokio::join!(writer.count(), writer.is_in_sync(&change));
            for failure in [count.unwrap_err(), change.unwrap_err()] {
                assert_eq!((failure.class, &*failure.code), (class, code), "{effect:?}: {failure}");
            }
        })
    });
    join_all(tries).await;
}

#[tokio::test]
async fn what_nobody_listens_to_was_not_executed() {
    let zone = Zone::empty().await;
    let (writer, via) = (writer(&zone).await, via(&zone));
    drop(zone);
    // The client may notice only now that the old connection is closed.
    drop(writer.apply(&apply(Time::NEVER)).await);
    let failure = writer.apply(&apply(Time::NEVER)).await.unwrap_err();
    assert_eq!(
        (failure.class, &*failure.code),
        (FailureClass::NotExecuted, "ConnectionRefused"),
        "{failure}"
    );
    let refused = Reader::open(id(), Clock::start(), &via).await.unwrap_err();
    assert!(
        matches!(&refused, OpenError::Service(failure) if failure.code == "ConnectionRefused"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_change_whose_time_is_over_is_not_sent() {
    let zone = Zone::empty().await;
    let writer = writer(&zone).await;
    let failure = writer.apply(&apply(Time::ZERO)).await.unwrap_err();
    assert_eq!((failure.class, &*failure.code), (FailureClass::Withheld, "Withheld"), "{failure}");
    assert!(failure.message.contains("the deadline of this change has passed"), "{failure}");
    assert_eq!(zone.count(CHANGE), 0);
}

#[tokio::test]
async fn a_change_is_sent_only_while_its_process_leads() {
    let (zone, leadership) = (Zone::empty().await, Leadership::default());
    let writer = led_writer(&zone, leadership.clone()).await;
    let withheld = async || {
        let failure = writer.apply(&apply(Time::NEVER)).await.unwrap_err();
        assert_eq!((failure.class, &*failure.code), (FailureClass::Withheld, "Withheld"), "{failure}");
        assert!(failure.message.contains("does not lead"), "{failure}");
    };
    withheld().await;
    leadership.set_end(Time::NEVER);
    writer.apply(&apply(Time::NEVER)).await.unwrap();
    leadership.set_end(Time::ZERO);
    withheld().await;
    assert_eq!(zone.count(CHANGE), 1);
    // A process without the Lease can still read.
    assert_eq!(writer.list(&FIRST_PAGE).await.unwrap().sets.len(), 4);
}

#[tokio::test]
async fn an_accepted_change_can_be_asked_about_and_names_its_digest() {
    let zone = Zone::empty().await;
    let writer = writer(&zone).await;
    let apply = apply(Time::NEVER);
    let change = writer.apply(&apply).await.unwrap();
    assert_eq!(zone.change_ids(), [&*change.0]);
    assert_eq!(zone.comments(), [format!("zonekeeper {}", apply.digest)]);
    assert!(writer.is_in_sync(&change).await.unwrap());
    assert_eq!(writer.count().await.unwrap(), 4);
    let unknown = writer.is_in_sync(&ChangeId("C0".into())).await.unwrap_err();
    assert_eq!((unknown.class, &*unknown.code), (FailureClass::Refused, "NoSuchChange"), "{unknown}");
}

#[tokio::test]
async fn pages_continue_where_the_one_before_ended() {
    let zone = Zone::empty().await;
    for n in 0..7 {
        zone.foreigner_creates(RecordSet::simple(format!("n{n}.example.test"), "A", 60, ["192.0.2.1"]));
    }
    zone.foreigner_creates(RecordSet::simple(r"\052.example.test", "A", 60, ["192.0.2.1"]));
    for identifier in ["one", "two", "three"] {
        let set = RecordSet::simple("weighted.example.test", "A", 60, ["192.0.2.1"]).weighted(identifier, 1);
        zone.foreigner_creates(set);
    }
    let (reader, facts) = Reader::open(id(), Clock::start(), &via(&zone)).await.unwrap();
    assert_eq!((facts.apex.as_str(), facts.is_private), (zone::NAME, false));
    let whole = reader.list(&FIRST_PAGE).await.unwrap();
    assert_eq!((whole.sets.len(), &whole.next), (13, &None));
    let (mut paged, mut start) = (Vec::new(), None);
    loop {
        let page = reader.list(&Read { id: ReadId(2), start, max_items: 2, continues: None }).await.unwrap();
        paged.extend(page.sets);
        start = page.next;
        if start.is_none() {
            break;
        }
    }
    assert_eq!(paged, whole.sets);
    let wildcard = Cursor::at(Name::from_hostname("*.example.test").unwrap());
    let page = reader
        .list(&Read { id: ReadId(3), start: Some(wildcard), max_items: 1, continues: None })
        .await
        .unwrap();
    assert_eq!(page.sets[0].name().as_str(), "*.example.test");
}

#[tokio::test]
async fn a_zone_that_cannot_be_kept_is_not_opened() {
    let zone = Zone::empty().await;
    let open = async || {
        let leadership = Leadership::forever();
        Writer::open(id(), Clock::start(), leadership, &via(&zone)).await.unwrap_err()
    };
    let other = ZoneId::new("Z404").unwrap();
    let other = Writer::open(other, Clock::start(), Leadership::forever(), &via(&zone)).await;
    assert!(matches!(other.unwrap_err(), OpenError::NoSuchZone(_)));
    zone.disturb("GetHostedZone", Effect::access_denied(), 1);
    assert!(matches!(open().await, OpenError::Denied(..)));
    zone.disturb("GetHostedZone", Effect::expired_token(), 1);
    assert!(matches!(open().await, OpenError::Credentials(..)));
    zone.disturb("GetHostedZone", Effect::Malformed, 1);
    assert!(matches!(open().await, OpenError::Service(_)));
    zone.alter(|zone| {
        let (service_principal, description) = ("servicediscovery.amazonaws.com".to_owned(), String::new());
        zone.linked_service = Some(LinkedService { service_principal, description });
    });
    let linked = open().await;
    assert!(
        matches!(&linked, OpenError::Linked(_, service) if service == "servicediscovery.amazonaws.com"),
        "{linked}"
    );
}
