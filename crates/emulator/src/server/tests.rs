//! Tests of the emulator over real connections, with requests byte by byte.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{Builder, Emulator, router};
use crate::{
    faults::{Effect, Fault, Faults},
    quota::{Bucket, Quota, Rate},
    zone::{self, Action, HostedZone, LinkedService, RecordSet, Vpc},
};

const ID: &str = "Z0123456789EXAMPLE";
const CHANGE: &str = "ChangeResourceRecordSets";
const LIST: &str = "ListResourceRecordSets";
const FOREVER: Duration = Duration::from_hours(24);

fn builder() -> Builder {
    Emulator::builder().zone(HostedZone::new(ID, "c.test").unwrap())
}

/// Sends one request, and reads until the emulator closes the connection.
async fn send(emulator: &Emulator, method: &str, path: &str, headers: &str, body: &str) -> String {
    let url = emulator.url();
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).await.unwrap();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    // The read can fail, because the emulator can reset a connection that it closes without an answer.
    let _ = stream.read_to_string(&mut answer).await;
    answer
}

async fn signed(emulator: &Emulator, key: &str, method: &str, path: &str, body: &str) -> String {
    let headers = format!(
        "Authorization: AWS4-HMAC-SHA256 Credential={key}/20260101/us-east-1/route53/aws4_request\r\n"
    );
    send(emulator, method, path, &headers, body).await
}

async fn get(emulator: &Emulator, path: &str) -> String {
    signed(emulator, "AKID", "GET", path, "").await
}

fn batch(action: &str, value: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\">\
         <ChangeBatch><Comment>why</Comment><Changes><Change><Action>{action}</Action><ResourceRecordSet>\
         <Name>a.c.test</Name><Type>A</Type><TTL>60</TTL><ResourceRecords><ResourceRecord><Value>{value}</Value>\
         </ResourceRecord></ResourceRecords></ResourceRecordSet></Change></Changes></ChangeBatch>\
         </ChangeResourceRecordSetsRequest>"
    )
}

async fn change(emulator: &Emulator, key: &str, action: &str, value: &str) -> String {
    signed(emulator, key, "POST", &format!("/2013-04-01/hostedzone/{ID}/rrset/"), &batch(action, value)).await
}

fn holds(emulator: &Emulator, value: &str) -> bool {
    let values = |zone: &mut HostedZone| zone.get("a.c.test", "A", None).map(|set| set.values.clone());
    emulator.with_zone(ID, values).unwrap().is_some_and(|values| values == [value])
}

fn assert_error(answer: &str, status: u16, code: &str, message: &str) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    let start = "<ErrorResponse xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Error><Type>";
    let (_, error) = answer.split_once(start).unwrap_or_else(|| panic!("{answer}"));
    let (_, error) = error.split_once("</Type>").unwrap();
    let expected = format!("<Code>{code}</Code><Message>{message}</Message></Error><RequestId>");
    assert!(error.starts_with(&expected), "{answer}\nexpected {expected}");
}

#[tokio::test]
async fn a_change_is_carried_out_and_noted() {
    let emulator = builder().insync_after(FOREVER).start().await.unwrap();
    let answer = change(&emulator, "AKID", "CREATE", "192.0.2.1").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("x-amzn-requestid: 00000000-0000-4000-8000-000000000001"), "{answer}");
    assert!(
        answer.contains("<Id>/change/C000000000001EMULATED</Id><Status>PENDING</Status><SubmittedAt>20"),
        "{answer}"
    );
    assert!(answer.contains("Z</SubmittedAt><Comment>why</Comment>"), "{answer}");
    assert!(holds(&emulator, "192.0.2.1"));
    change(&emulator, "OTHER", "UPSERT", "192.0.2.2").await;
    let refused = change(&emulator, "AKID", "CREATE", "192.0.2.3").await;
    let message = "[Tried to create resource record set [name='a.c.test.', type='A'] but it already exists]";
    assert_error(&refused, 400, "InvalidChangeBatch", message);
    change(&emulator, "OTHER", "DELETE", "192.0.2.2").await;

    let journal = emulator.journal();
    let (first, second) = (
        RecordSet::simple("a.c.test.", "A", 60, ["192.0.2.1"]),
        RecordSet::simple("a.c.test.", "A", 60, ["192.0.2.2"]),
    );
    let seen: Vec<_> = journal
        .changes
        .iter()
        .map(|c| (c.sequence, c.request, c.access_key.as_str(), c.action, c.before.clone(), c.after.clone()))
        .collect();
    assert_eq!(
        seen,
        [
            (1, 1, "AKID", Action::Create, None, Some(first.clone())),
            (2, 2, "OTHER", Action::Upsert, Some(first), Some(second.clone())),
            (3, 4, "OTHER", Action::Delete, Some(second), None),
        ]
    );
    assert!(
        journal.changes.iter().all(|change| change.comment.as_deref() == Some("why") && change.zone_id == ID)
    );
    let statuses: Vec<_> = journal.requests.iter().map(|r| (r.status, r.error.as_deref())).collect();
    assert_eq!(
        statuses,
        [(Some(200), None), (Some(200), None), (Some(400), Some("InvalidChangeBatch")), (Some(200), None)]
    );
    assert_eq!((journal.count(CHANGE), journal.count(LIST)), (4, 0));

    let pending = get(&emulator, "/2013-04-01/change/C000000000001EMULATED").await;
    assert!(pending.contains("<Status>PENDING</Status>"), "{pending}");
    emulator.set_insync_after(Duration::ZERO);
    let insync = get(&emulator, "/2013-04-01/change/C000000000001EMULATED").await;
    assert!(insync.contains("<Status>INSYNC</Status>"), "{insync}");
    let none = get(&emulator, "/2013-04-01/change/C9").await;
    assert_error(&none, 404, "NoSuchChange", "Could not find resource with ID: C9");
}

#[tokio::test]
async fn a_delete_and_a_create_of_one_key_show_their_halves() {
    let emulator = builder().start().await.unwrap();
    change(&emulator, "AKID", "CREATE", "192.0.2.1").await;
    let (delete, create) = (batch("DELETE", "192.0.2.1"), batch("CREATE", "192.0.2.2"));
    let create = create.split_once("<Changes>").unwrap().1.split_once("</Changes>").unwrap().0;
    let both = delete.replace("</Changes>", &format!("{create}</Changes>"));
    signed(&emulator, "AKID", "POST", &format!("/2013-04-01/hostedzone/{ID}/rrset"), &both).await;
    let value = |set: &Option<RecordSet>| set.as_ref().map(|set| set.values.concat());
    let changes: Vec<_> =
        emulator.journal().changes.iter().map(|c| (value(&c.before), value(&c.after))).collect();
    let (one, two) = (Some("192.0.2.1".to_owned()), Some("192.0.2.2".to_owned()));
    assert_eq!(changes[1..], [(one, None), (None, two)]);
}

#[tokio::test]
async fn an_unsigned_request_is_rejected() {
    let emulator = builder().start().await.unwrap();
    let answer = send(&emulator, "GET", "/2013-04-01/hostedzone", "", "").await;
    assert_error(&answer, 403, "MissingAuthenticationToken", "Missing Authentication Token");
    assert_eq!(emulator.journal().requests[0].access_key, None);
}

#[tokio::test]
async fn requests_that_ask_for_nothing_known_are_told_so() {
    let emulator = builder().start().await.unwrap();
    let refused = signed(&emulator, "AKID", "DELETE", "/2013-04-01/hostedzone/Z1", "").await;
    let message = "The emulator does not know DELETE /2013-04-01/hostedzone/Z1";
    assert_error(&refused, 404, "UnknownOperationException", message);
    for path in [
        "hostedzone/Z404",
        "hostedzone/Z404/rrset",
        "hostedzonelimit/Z404/MAX_RRSETS_BY_ZONE",
        "tags/hostedzone/Z404",
    ] {
        let answer = get(&emulator, &format!("/2013-04-01/{path}")).await;
        assert_error(&answer, 404, "NoSuchHostedZone", "No hosted zone found with ID: Z404");
    }
    let start = "Invalid request: a start type needs a start name, a start identifier needs both";
    for (query, message) in [
        ("type=A", start.to_owned()),
        ("name=a.c.test&identifier=x", start.to_owned()),
        ("maxitems=0", "1 validation error detected: Value '0' at 'maxItems' failed to satisfy constraint: Member must have value greater than or equal to 1".to_owned()),
        ("name=a..c.test", "FATAL problem: DomainLabelEmpty (Domain label is empty) encountered with 'a..c.test'".to_owned()),
        ("name=a.c.test&type=X", "1 validation error detected: Value 'X' at 'type' failed to satisfy constraint: Member must satisfy enum value set: [SOA, A, TXT, NS, CNAME, MX, NAPTR, PTR, SRV, SPF, AAAA, CAA, DS, TLSA, SSHFP, SVCB, HTTPS]".to_owned()),
    ] {
        let answer = get(&emulator, &format!("/2013-04-01/hostedzone/{ID}/rrset?{query}")).await;
        assert_error(&answer, 400, "InvalidInput", &message);
    }
    let bad =
        signed(&emulator, "AKID", "POST", &format!("/2013-04-01/hostedzone/{ID}/rrset"), "\u{0}<").await;
    assert!(bad.starts_with("HTTP/1.1 400 ") && bad.contains("<Message>Invalid XML ; "), "{bad}");
}

#[tokio::test]
async fn listings_show_the_journal_their_parameters() {
    let emulator = builder().start().await.unwrap();
    let answer =
        get(&emulator, &format!("/2013-04-01/hostedzone/{ID}/rrset?name=%5C052.c.test&type=A&maxitems=10"))
            .await;
    assert!(answer.contains("<IsTruncated>false</IsTruncated><MaxItems>10</MaxItems>"), "{answer}");
    let parameters = emulator.journal().requests[0].parameters.clone();
    assert_eq!(parameters["name"], r"\052.c.test");
    let first = get(&emulator, &format!("/2013-04-01/hostedzone/{ID}/rrset?maxitems=1")).await;
    assert!(
        first.contains(
            "<NextRecordName>c.test.</NextRecordName><NextRecordType>SOA</NextRecordType><MaxItems>1"
        ),
        "{first}"
    );
    let capped = get(&emulator, &format!("/2013-04-01/hostedzone/{ID}/rrset?maxitems=1000")).await;
    assert!(capped.contains("<MaxItems>300</MaxItems>"), "{capped}");
    let default = get(&emulator, &format!("/2013-04-01/hostedzone/{ID}/rrset")).await;
    assert!(default.contains("<MaxItems>100</MaxItems>"), "{default}");
}

#[tokio::test]
async fn zones_describe_themselves() {
    let mut zone =
        HostedZone::private("Z2", "c.test", vec![Vpc { region: "eu-west-1".into(), id: "vpc-1".into() }])
            .unwrap();
    zone.comment = Some("inside".into());
    zone.disabled_for_mutation = true;
    zone.linked_service =
        Some(LinkedService { service_principal: "s.amazonaws.com".into(), description: "d".into() });
    let emulator = builder().zone(zone).start().await.unwrap();
    let public = get(&emulator, &format!("/2013-04-01/hostedzone/{ID}")).await;
    assert!(
        public.contains("<Config><PrivateZone>false</PrivateZone></Config><ResourceRecordSetCount>2<"),
        "{public}"
    );
    assert!(public.contains(".com</NameServer>") && !public.contains("<VPCs>"), "{public}");
    let private = get(&emulator, "/2013-04-01/hostedzone/Z2").await;
    for part in [
        "<Config><Comment>inside</Comment><PrivateZone>true</PrivateZone></Config>",
        "<LinkedService><ServicePrincipal>s.amazonaws.com</ServicePrincipal><Description>d</Description></LinkedService>",
        "<Features><AcceleratedRecoveryStatus>ENABLING_HOSTED_ZONE_LOCKED</AcceleratedRecoveryStatus></Features>",
        "<VPCs><VPC><VPCRegion>eu-west-1</VPCRegion><VPCId>vpc-1</VPCId></VPC></VPCs>",
    ] {
        assert!(private.contains(part), "{private}\nexpected {part}");
    }
    assert!(!private.contains("<DelegationSet>"), "{private}");
    let listed = get(&emulator, "/2013-04-01/hostedzone?hostedzonetype=PrivateHostedZone").await;
    assert!(listed.contains("/hostedzone/Z2<") && !listed.contains(ID), "{listed}");
    let limit =
        get(&emulator, &format!("/2013-04-01/hostedzonelimit/{ID}/MAX_VPCS_ASSOCIATED_BY_ZONE")).await;
    assert!(limit.contains("<Code>HostedZoneNotPrivate</Code>"), "{limit}");
}

#[tokio::test]
async fn the_wall_refuses_and_remembers() {
    let emulator = builder().keeper_access_key("KEEPER").start().await.unwrap();
    change(&emulator, "KEEPER", "CREATE", "192.0.2.1").await;
    // A fault or an empty quota does not hide a violation.
    emulator.with_faults(|faults| faults.add(Fault::new(Effect::CloseBefore)));
    emulator.with_quota(|quota| quota.requests = Some(Bucket::new(Rate { capacity: 0, refill: 0 })));
    let answer = change(&emulator, "KEEPER", "DELETE", "192.0.2.1").await;
    let message = format!(
        "User: KEEPER is not authorized to perform: route53:ChangeResourceRecordSets on resource: \
         arn:aws:route53:::hostedzone/{ID} because no identity-based policy allows the \
         route53:ChangeResourceRecordSets action"
    );
    assert_error(&answer, 403, "AccessDenied", &message);
    assert!(holds(&emulator, "192.0.2.1"));
    let broken = batch("DELETE", "192.0.2.1").replace("TTL", "Ttl");
    signed(&emulator, "KEEPER", "POST", &format!("/2013-04-01/hostedzone/{ID}/rrset"), &broken).await;
    let violations = emulator.take_violations();
    assert_eq!(violations.len(), 2);
    assert_eq!((violations[0].request, violations[0].access_key.as_str()), (2, "KEEPER"));
    assert_eq!(violations[0].batch[0].action, Action::Delete);
    emulator.with_faults(Faults::clear);
    emulator.with_quota(|quota| *quota = Quota::unlimited());
    change(&emulator, "OTHER", "DELETE", "192.0.2.1").await;
    assert!(!holds(&emulator, "192.0.2.1") && emulator.violations().is_empty());
}

#[tokio::test]
#[should_panic(expected = "the keeper sent 1 batches with a DELETE")]
async fn a_violation_that_nobody_took_fails_the_test() {
    let emulator = builder().keeper_access_key("KEEPER").start().await.unwrap();
    change(&emulator, "KEEPER", "DELETE", "192.0.2.1").await;
}

#[tokio::test]
async fn quotas_throttle_requests_and_changes() {
    let limits = Quota {
        requests: Some(Bucket::new(Rate { capacity: 4, refill: 0 })),
        changes: Some(Bucket::new(Rate { capacity: 2, refill: 0 })),
    };
    let emulator = builder().quota(limits).start().await.unwrap();
    change(&emulator, "AKID", "UPSERT", "192.0.2.1").await;
    let throttled = change(&emulator, "AKID", "UPSERT", "192.0.2.2").await;
    assert_error(&throttled, 400, "Throttling", "Rate exceeded");
    assert!(holds(&emulator, "192.0.2.1"));
    // A rejected batch returns its change tokens, but not its request token.
    emulator.with_quota(|quota| quota.changes = Some(Bucket::new(Rate { capacity: 1, refill: 0 })));
    let refused = change(&emulator, "AKID", "CREATE", "192.0.2.3").await;
    assert!(refused.contains("<Code>InvalidChangeBatch</Code>"), "{refused}");
    let deleted = change(&emulator, "AKID", "DELETE", "192.0.2.1").await;
    assert!(deleted.starts_with("HTTP/1.1 200 "), "{deleted}");
    let throttled = get(&emulator, "/2013-04-01/hostedzone").await;
    assert_error(&throttled, 400, "Throttling", "Rate exceeded");
}

#[tokio::test]
async fn refusals_on_demand() {
    let emulator = builder().start().await.unwrap();
    for (effect, status, code) in [
        (Effect::prior_request_not_complete(), 400, "PriorRequestNotComplete"),
        (Effect::internal_failure(), 500, "InternalFailure"),
        (Effect::service_unavailable(), 503, "ServiceUnavailable"),
        (Effect::expired_token(), 403, "ExpiredToken"),
        (Effect::refuse(418, "Teapot", "short & stout"), 418, "Teapot"),
    ] {
        emulator.with_faults(|faults| faults.add(Fault::new(effect).on(CHANGE).times(1)));
        let answer = change(&emulator, "AKID", "CREATE", "192.0.2.1").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(answer.contains(&format!("<Code>{code}</Code>")), "{answer}");
        let kind = if status >= 500 { "Receiver" } else { "Sender" };
        assert!(answer.contains(&format!("<Type>{kind}</Type>")), "{answer}");
        assert!(!holds(&emulator, "192.0.2.1"));
    }
}

#[tokio::test]
async fn connections_close_before_or_after_the_commit() {
    let emulator = builder().start().await.unwrap();
    emulator.with_faults(|faults| {
        faults.add(Fault::new(Effect::CloseBefore).on(CHANGE).times(1));
        faults.add(Fault::new(Effect::CloseAfter).on(CHANGE).times(1));
    });
    assert_eq!(change(&emulator, "AKID", "CREATE", "192.0.2.1").await, "");
    assert!(!holds(&emulator, "192.0.2.1"));
    assert_eq!(change(&emulator, "AKID", "CREATE", "192.0.2.1").await, "");
    assert!(holds(&emulator, "192.0.2.1"));
    assert_eq!(emulator.journal().requests[1].status, None);
}

#[tokio::test(start_paused = true)]
async fn hanging_requests_are_never_answered() {
    let emulator = builder().start().await.unwrap();
    for (effect, committed) in [(Effect::Hang, false), (Effect::HangAfter, true)] {
        emulator.with_faults(|faults| faults.add(Fault::new(effect).times(1)));
        let sent = timeout(FOREVER, change(&emulator, "AKID", "CREATE", "192.0.2.1"));
        assert!(sent.await.is_err());
        assert_eq!(holds(&emulator, "192.0.2.1"), committed);
    }
}

#[tokio::test]
async fn a_held_request_comes_after_later_requests() {
    let emulator = builder().start().await.unwrap();
    emulator.with_faults(|faults| faults.add(Fault::new(Effect::Hold).on(CHANGE).times(1)));
    let foreigner = async {
        while emulator.journal().count(CHANGE) == 0 {
            tokio::task::yield_now().await;
        }
        // Another fault does not release held requests.
        emulator.with_faults(|faults| faults.add(Fault::new(Effect::latency(Duration::from_millis(1)))));
        let set = RecordSet::simple("a.c.test", "A", 60, ["192.0.2.2"]);
        emulator.with_zone(ID, |zone| zone.change(&[zone::Change::create(set)])).unwrap().unwrap();
        emulator.with_faults(Faults::clear);
    };
    let (answer, ()) = tokio::join!(change(&emulator, "AKID", "CREATE", "192.0.2.1"), foreigner);
    assert!(answer.contains("already exists") && holds(&emulator, "192.0.2.2"), "{answer}");
}

#[tokio::test]
async fn answers_can_be_broken_or_slow() {
    let emulator = builder().start().await.unwrap();
    let path = "/2013-04-01/hostedzone";
    let whole = get(&emulator, path).await;
    assert!(whole.ends_with("</ListHostedZonesResponse>"));
    emulator.with_faults(|faults| {
        faults.add(Fault::new(Effect::Malformed).times(1));
        faults.add(Fault::new(Effect::slow_body(Duration::from_millis(1))).times(1));
    });
    let broken = get(&emulator, path).await;
    assert!(
        broken.starts_with("HTTP/1.1 200 ") && !broken.contains("</ListHostedZonesResponse>"),
        "{broken}"
    );
    let slow = get(&emulator, path).await;
    assert!(
        slow.contains("transfer-encoding: chunked") && slow.contains("</ListHostedZonesResponse>"),
        "{slow}"
    );
}

#[tokio::test(start_paused = true)]
async fn overlapping_changes_of_one_zone_exclude_each_other() {
    let emulator = builder()
        .zone(HostedZone::new("Z2", "c.test").unwrap())
        .latency(Duration::from_secs(1))
        .start()
        .await
        .unwrap();
    let other = format!("/2013-04-01/hostedzone/{}/rrset", "Z2");
    let body = batch("CREATE", "192.0.2.1");
    let (first, second, elsewhere) = tokio::join!(
        change(&emulator, "AKID", "CREATE", "192.0.2.1"),
        change(&emulator, "AKID", "UPSERT", "192.0.2.2"),
        signed(&emulator, "AKID", "POST", &other, &body),
    );
    let (won, lost) = if first.starts_with("HTTP/1.1 200 ") { (first, second) } else { (second, first) };
    assert!(won.starts_with("HTTP/1.1 200 "), "{won}");
    let message = "The request was rejected because Route 53 was still processing a prior request.";
    assert_error(&lost, 400, "PriorRequestNotComplete", message);
    assert!(elsewhere.starts_with("HTTP/1.1 200 "), "{elsewhere}");
    let after = change(&emulator, "AKID", "UPSERT", "192.0.2.3").await;
    assert!(after.starts_with("HTTP/1.1 200 "), "{after}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_does_not_stop_its_change() {
    let emulator = builder().latency(Duration::from_mins(1)).start().await.unwrap();
    let sent = timeout(Duration::from_secs(30), change(&emulator, "AKID", "CREATE", "192.0.2.1"));
    assert!(sent.await.is_err());
    assert!(!holds(&emulator, "192.0.2.1"));
    // The emulator still carries out the lost request.
    while !holds(&emulator, "192.0.2.1") {
        tokio::time::advance(Duration::from_secs(10)).await;
    }
    assert_eq!(emulator.journal().changes.len(), 1);
}

#[tokio::test]
async fn other_languages_control_it_with_json() {
    let emulator = builder().start().await.unwrap();
    let json = "Content-Type: application/json\r\n";
    let zone = format!("/_emulator/zone/{ID}");
    for (method, path, body, expected) in [
        ("POST", "/_emulator/faults", r#"{"effect":"hang","operation":"GetChange"}"#, 204),
        ("POST", "/_emulator/faults", r#"{"effect":"dance"}"#, 422),
        ("PUT", "/_emulator/quota", r#"{"requests":null,"changes":{"capacity":1,"refill":1}}"#, 204),
        ("PUT", "/_emulator/insync-after", r#"{"millis":5}"#, 204),
        ("PATCH", &zone, r#"{"record_limit":2,"wildcard_order":"raw","tags":{"k":"v"}}"#, 204),
        ("PATCH", "/_emulator/zone/Z9", "{}", 404),
        ("PUT", &format!("{zone}/protection"), r#"{"name":"p.c.test","type":"A","comment":"no"}"#, 204),
        ("PUT", &format!("{zone}/protection"), r#"{"name":"..","type":"A"}"#, 400),
        ("DELETE", &format!("{zone}/protection"), r#"{"name":"x.c.test","type":"A"}"#, 404),
        ("GET", "/_emulator/nothing", "", 404),
    ] {
        let answer = send(&emulator, method, path, json, body).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected} ")), "{method} {path} {answer}");
    }
    let refused = change(&emulator, "AKID", "CREATE", "192.0.2.1").await;
    assert_error(
        &refused,
        400,
        "InvalidChangeBatch",
        &format!("[Exceeded limit MAX_RRSETS_BY_ZONE for zone: {ID}]"),
    );
    let listing = send(&emulator, "GET", &zone, "", "").await;
    assert!(
        listing.contains(r#"{"ResourceRecordSets":[{"Name":"c.test.","Type":"NS","TTL":172800,"#),
        "{listing}"
    );
    let journal = send(&emulator, "GET", "/_emulator/journal", "", "").await;
    assert!(journal.contains(r#""operation":"ChangeResourceRecordSets","access_key":"AKID""#), "{journal}");
    let tags = get(&emulator, &format!("/2013-04-01/tags/hostedzone/{ID}")).await;
    assert!(tags.contains("<Tags><Tag><Key>k</Key><Value>v</Value></Tag></Tags>"), "{tags}");
}

#[tokio::test]
async fn it_listens_on_loopback_addresses_only() {
    let refused = builder().listen(([0, 0, 0, 0], 0).into()).start().await.unwrap_err();
    assert_eq!(refused.to_string(), "0.0.0.0:0 is not a loopback address");
    // The router works without a listener.
    let _ = router(builder().state());
}
