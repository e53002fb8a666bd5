//! Invalid answers of Route 53.

use futures::{StreamExt, stream};
use zonekeeper::{
    driver::{Clock, ReadZone},
    route53::{Reader, Via},
};
use zonekeeper_core::{
    dns::ZoneId,
    keeper::{Failure, FailureClass, Page, Read, ReadId},
};
use zonekeeper_emulator::faults::Effect;

use crate::{
    process::ACCESS_KEY,
    zone::{self, LIST, Zone},
};

const FIRST_PAGE: Read = Read { id: ReadId(1), start: None, max_items: 300, continues: None };

/// A page with an address record, an alias and a TXT record.
const PAGE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<ListResourceRecordSetsResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><ResourceRecordSets>
<ResourceRecordSet><Name>www.example.test.</Name><Type>A</Type><TTL>300</TTL><ResourceRecords><ResourceRecord>
<Value>192.0.2.1</Value></ResourceRecord></ResourceRecords></ResourceRecordSet>
<ResourceRecordSet><Name>shop.example.test.</Name><Type>A</Type><AliasTarget><HostedZoneId>Z32O12XQLNTSW2</HostedZoneId>
<DNSName>web-1.eu-west-1.elb.amazonaws.com.</DNSName><EvaluateTargetHealth>true</EvaluateTargetHealth></AliasTarget>
</ResourceRecordSet>
<ResourceRecordSet><Name>\052.example.test.</Name><Type>TXT</Type><TTL>300</TTL><ResourceRecords><ResourceRecord>
<Value>&quot;heritage=external-dns&quot;</Value></ResourceRecord></ResourceRecords></ResourceRecordSet>
</ResourceRecordSets><IsTruncated>false</IsTruncated><MaxItems>300</MaxItems></ListResourceRecordSetsResponse>"#;

/// Reads a page with this body, in a new zone.
async fn read(body: &str) -> Result<Page, Failure> {
    let zone = Zone::empty().await;
    let via = Via::Emulator { url: zone.url(), access_key: ACCESS_KEY.to_owned() };
    let opened = Reader::open(ZoneId::new(zone::ID).unwrap(), Clock::start(), &via).await;
    zone.disturb(LIST, Effect::answer(200, body), 1);
    Box::pin(opened.unwrap().0.list(&FIRST_PAGE)).await
}

/// Reads many bodies, up to eight at the same time.
async fn read_all(bodies: impl IntoIterator<Item = String>) -> Vec<(String, Result<Page, Failure>)> {
    let read = async |body: String| {
        let answer = read(&body).await;
        (body, answer)
    };
    stream::iter(bodies).map(read).buffered(8).collect().await
}

#[tokio::test]
async fn a_page_that_is_cut_anywhere_is_no_page() {
    assert_eq!(read(PAGE).await.unwrap().sets.len(), 3);
    let cuts = (0..PAGE.len() - 1).step_by(7).map(|end| PAGE[..end].to_owned());
    for (body, answer) in read_all(cuts).await {
        match answer {
            Ok(page) => panic!("the reader finds {} record sets in the invalid body {body}", page.sets.len()),
            Err(failure) => assert_eq!(
                (failure.class, &*failure.code),
                (FailureClass::Unknown, "UnreadableAnswer"),
                "{body}"
            ),
        }
    }
}

#[tokio::test]
async fn what_is_garbled_is_refused_or_read_whole() {
    let whole = read(PAGE).await.unwrap();
    let pieces =
        ["<", ">", "/", "&", "\"", "\0", "ü", "]]>", "<![CDATA[", "<!--", "&#x0;", "&lol;", "-1", " "];
    let garbled = (40..PAGE.len())
        .step_by(29)
        .zip(pieces.into_iter().cycle())
        .map(|(at, piece)| format!("{}{piece}{}", &PAGE[..at], &PAGE[at + 1..]));
    for (body, answer) in read_all(garbled).await {
        match answer {
            Ok(page) => {
                assert!(page.next.is_none(), "{body}");
                assert!(page.sets.len() <= whole.sets.len(), "{body}");
            }
            Err(failure) => {
                assert_eq!(failure.class, FailureClass::Unknown, "{failure}\n{body}");
                assert!(failure.message.chars().count() < 400, "{failure}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_too_deep_too_large_or_of_another_type_brings_nobody_down() {
    let within = |text: &str| PAGE.replace("<Value>192.0.2.1</Value>", text);
    let deep = within(&format!("<Value>{}{}</Value>", "<a>".repeat(100_000), "</a>".repeat(100_000)));
    let large = within(&format!("<Value>{}</Value>", "x".repeat(4_000_000)));
    let bomb = PAGE.replace(
        "?>\n",
        "?>\n<!DOCTYPE lolz [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">]>\n",
    );
    let bomb = bomb.replace("192.0.2.1", "&b;");
    for body in [deep, large, bomb] {
        if let Err(failure) = read(&body).await {
            assert!(failure.message.chars().count() < 400, "{failure}");
        }
    }
    for (good, bad) in [
        ("<TTL>300</TTL>", "<TTL>soon</TTL>"),
        ("<TTL>300</TTL>", "<TTL>99999999999999999999</TTL>"),
        ("<IsTruncated>false", "<IsTruncated>true"),
        ("<IsTruncated>false", "<IsTruncated>perhaps"),
        ("<EvaluateTargetHealth>true", "<EvaluateTargetHealth>yes"),
        ("<MaxItems>300", "<MaxItems>many"),
    ] {
        let failure = read(&PAGE.replacen(good, bad, 1)).await.unwrap_err();
        assert_eq!((failure.class, &*failure.code), (FailureClass::Unknown, "UnreadableAnswer"), "{bad}");
    }
}
