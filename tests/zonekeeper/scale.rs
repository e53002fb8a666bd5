//! Many objects at once.

use futures::{StreamExt, stream};
use serde_json::json;

use crate::{
    namespace::{BALANCER, Namespace},
    process::CommandLine,
    zone::{CHANGE, Zone},
};

/// The number of Ingresses.
const INGRESSES: usize = 1_000;
/// The number of Ingresses with the load balancer in their status. The others have it in an annotation.
const WITH_STATUS: usize = 100;
/// The number of Ingresses that the test creates at the same time.
const AT_ONCE: usize = 16;

#[tokio::test]
async fn a_thousand_ingresses_are_one_listing_and_a_dozen_requests() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("scale").await);
    let create = |n: usize| {
        let shop = shop.clone();
        async move {
            let (name, host) = (format!("web-{n}"), format!("web-{n}.example.test"));
            if n < WITH_STATUS {
                shop.create_balanced_ingress(&name, &host, BALANCER).await;
            } else {
                let annotations = json!({"external-dns.kubernetes.io/target": BALANCER});
                shop.create_ingress(&name, &host, annotations).await;
            }
        }
    };
    stream::iter(0..INGRESSES).map(create).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;

    let unlimited = ["run", "--once", "--account-requests", "unlimited", "--account-changes", "unlimited"];
    CommandLine::of(&zone, &shop, &unlimited).await.succeed().await;
    assert_eq!(zone.sets().len(), 4 * INGRESSES);
    assert!(zone.count(CHANGE) <= 12, "{}", zone.count(CHANGE));
    assert_eq!(zone.requests().len(), zone.count(CHANGE));
    assert_eq!(zone.listings(), 1);
}
