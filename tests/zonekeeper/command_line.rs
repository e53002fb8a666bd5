//! The command line: its flags, variables and help.

use std::fs;

use clap::CommandFactory;
use zonekeeper::cli::Cli;

use crate::{
    control_plane::ControlPlane,
    namespace::{BALANCER, Namespace},
    process::CommandLine,
    scratch::Scratch,
    zone::{self, Zone},
};

#[test]
fn every_flag_can_be_given_by_environment() {
    let cli = Cli::command();
    for command in cli.get_subcommands().chain([&cli]) {
        for argument in command.get_arguments() {
            let Some(flag) = argument.get_long().filter(|flag| !["help", "version"].contains(flag)) else {
                continue;
            };
            let variable = argument.get_env().map(|name| name.to_string_lossy().into_owned());
            let ends = format!("_{}", flag.to_uppercase().replace('-', "_"));
            let fits = |name: &String| name.starts_with("ZONEKEEPER_") && name.ends_with(&ends);
            assert!(variable.as_ref().is_some_and(fits), "{} --{flag}: {variable:?}", command.get_name());
            assert!(argument.get_help_heading().is_some() || command.get_name() == "sandbox", "--{flag}");
        }
    }
}

#[tokio::test]
async fn help_is_grouped_and_names_the_environment() {
    let objects = ["Zone and ownership:", "Objects:", "Records:", "Pace:", "Cluster:", "Log:"];
    for (command, own) in [("run", "Running:"), ("plan", "Plan:")] {
        let help = CommandLine::new(&[command, "--help"]).succeed().await;
        for heading in objects.iter().chain([&own]) {
            assert!(help.stdout.lines().any(|line| line == *heading), "{heading}\n{help}");
        }
        for variable in ["ZONEKEEPER_ZONE_ID", "ZONEKEEPER_QUOTA_SHARE", "ZONEKEEPER_KUBECONFIG"] {
            assert!(help.stdout.contains(&format!("[env: {variable}=]")), "{variable}\n{help}");
        }
        assert_eq!(help.stderr, "", "{help}");
    }
    let help = CommandLine::new(&["--help"]).succeed().await;
    for text in [
        "creates and updates",
        "it never changes a record that it does not own",
        "run",
        "plan",
        "Examples:",
        "AWS_ENDPOINT_URL_ROUTE_53",
    ] {
        assert!(help.stdout.contains(text), "{text}\n{help}");
    }
    let version = CommandLine::new(&["--version"]).succeed().await;
    assert_eq!(version.stdout, format!("zonekeeper {}", env!("CARGO_PKG_VERSION")));
}

#[tokio::test]
async fn flags_of_external_dns_mean_the_same() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("command-line").await);
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    let kubeconfig = ControlPlane::shared().await.zonekeeper();
    let arguments = [
        "run",
        "--once",
        "--zone-id-filter",
        zone::ID,
        "--txt-owner-id",
        "default",
        "--allow-default-owner",
        "--txt-prefix",
        "%{record_type}-own.",
        "--namespace",
        shop.name(),
        "--source=ingress",
        "--publish=all",
        "--aws-prefer-cname",
        "--metrics-address",
        "127.0.0.1:0",
        "--kubeconfig",
        kubeconfig.to_str().unwrap(),
    ];
    CommandLine::new(&arguments).aws(&zone).succeed().await;
    let expected = [["CREATE www.example.test CNAME", "CREATE cname-own.www.example.test TXT"]];
    assert_eq!(zone.requests(), expected);
    assert!(zone.values("cname-own.www.example.test", "TXT")[0].contains("external-dns/owner=default"));
}

#[tokio::test]
async fn an_endpoint_without_tls_is_refused() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("plain-text").await);
    // 192.0.2.0/24 belongs to nobody (RFC 5737).
    for variable in ["AWS_ENDPOINT_URL_ROUTE_53", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"] {
        let command = CommandLine::of(&zone, &shop, &["run"]).await;
        let refused = command.env(variable, "http://192.0.2.1:8080").end().await;
        assert_eq!(refused.code(), Some(1), "{refused}");
        let said = format!("{variable} is http://192.0.2.1:8080, an endpoint without TLS");
        assert!(refused.stderr.contains(&said), "{refused}");
    }
    let folder = Scratch::new("plain-text");
    let file = folder.join("config");
    let of_sts = "services = here\n[services here]\nsts =\n  endpoint_url = http://192.0.2.1:8080\n";
    for (service, settings) in [("Route 53", "endpoint_url = http://192.0.2.1:8080\n"), ("STS", of_sts)] {
        fs::write(&file, format!("[default]\n{settings}")).unwrap();
        let command = CommandLine::of(&zone, &shop, &["run"]).await.without_env("AWS_ENDPOINT_URL_ROUTE_53");
        let refused = command.env("AWS_CONFIG_FILE", &file).end().await;
        assert_eq!(refused.code(), Some(1), "{refused}");
        let said = format!(
            "endpoint_url for {service} in the AWS configuration file is http://192.0.2.1:8080, an endpoint without TLS"
        );
        assert!(refused.stderr.contains(&said), "{refused}");
    }
}
