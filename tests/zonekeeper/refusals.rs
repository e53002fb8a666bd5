//! An API server that refuses a watch that it allowed before.

use crate::{
    process::CommandLine,
    scratch::Scratch,
    script::{Script, ingress},
    zone::Zone,
};

#[tokio::test]
async fn what_may_not_be_read_for_a_while_is_neither_gone_nor_forgotten() {
    for (status, is_listed_again) in [(401, false), (401, true), (403, false), (403, true)] {
        let (zone, folder) = (Zone::empty().await, Scratch::new("refusals"));
        let script = Script::start(&folder).await;
        script.objects([ingress("www"), ingress("old")]);
        let run = ["run", "--source", "ingress", "--log-level", "debug"];
        let command = CommandLine::new(&run).aws(&zone).zone(crate::zone::ID);
        let command = command
            .env("ZONEKEEPER_NAMESPACE", "shop")
            .env("ZONEKEEPER_KUBECONFIG", script.kubeconfig())
            .env("ZONEKEEPER_LOG_FORMAT", "json")
            .env("ZONEKEEPER_METRICS_ADDRESS", "127.0.0.1:0");
        let mut zonekeeper = command.start();
        zonekeeper.until_zone(&zone, "the records", |zone| zone.sets().len() == 4).await;
        // This object is only in the watch, and not in the list.
        script.event("ADDED", ingress("watched"));
        zonekeeper.until_zone(&zone, "the watch", |zone| zone.sets().len() == 6).await;

        if is_listed_again {
            script.forget();
        }
        script.refuse(status);
        let refused = format!("ingresses are not for you ({status})");
        zonekeeper.says(&["the watch failed and begins again", &refused]).await;
        script.objects([ingress("www"), ingress("watched"), ingress("new")]);
        script.event("DELETED", ingress("old"));
        script.event("ADDED", ingress("new"));
        zonekeeper.says(&["the watch still fails", &refused]).await;
        zonekeeper.measures("zonekeeper_objects", "3").await;
        zonekeeper.measures("zonekeeper_orphans", "0").await;
        zonekeeper.is_ready().await;
        assert_eq!(zone.requests().len(), 2);

        script.refuse(None);
        zonekeeper.until_zone(&zone, "the records of the new object", |zone| zone.sets().len() == 8).await;
        zonekeeper.measures("zonekeeper_orphans", "1").await;
        let ended = zonekeeper.stop().await;
        let expected = ["CREATE new.example.test A", "CREATE a-new.example.test TXT"];
        assert_eq!(zone.requests()[2..], [expected], "{ended}");
        let failed = ended.logged("the watch failed and begins again");
        let refusals = failed.iter().filter(|line| line["error"].as_str().unwrap().contains(&refused));
        assert_eq!(refusals.count(), 1, "{ended}");
    }
}
