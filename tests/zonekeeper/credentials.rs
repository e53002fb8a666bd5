//! The credential sources of the SDK. Each test checks the access key of the signed requests to Route 53.

use std::{fs, path::Path};

use serde_json::json;

use crate::{
    botocore::{Credentials, botocore},
    control_plane::ControlPlane,
    issuer::{Issuer, TOKENS, issued},
    moto::Moto,
    namespace::{BALANCER, Namespace},
    process::{ACCESS_KEY, CommandLine},
    scratch::Scratch,
    zone::{self, Zone},
};

/// The IAM role of zonekeeper's service account.
const ROLE: &str = "arn:aws:iam::222222222222:role/zonekeeper";

/// A source of credentials.
type With<'t> = &'t dyn Fn(CommandLine) -> CommandLine;
/// A source that exchanges the token of a file for credentials at a URL.
type WithToken = fn(CommandLine, &str, &Path) -> CommandLine;

/// `zonekeeper` for a zone and a namespace, without credentials.
async fn zonekeeper(route53: &str, zone: &str, namespace: &Namespace, arguments: &[&str]) -> CommandLine {
    let kubeconfig = ControlPlane::shared().await.zonekeeper();
    CommandLine::new(arguments).route53(route53).zone(zone).cluster(namespace, &kubeconfig)
}

/// Sets the variables that the webhook of EKS sets for IRSA.
fn irsa(command: CommandLine, sts: &str, token: &Path) -> CommandLine {
    let command = command.env("AWS_ROLE_ARN", ROLE).env("AWS_WEB_IDENTITY_TOKEN_FILE", token);
    command.env("AWS_STS_REGIONAL_ENDPOINTS", "regional").env("AWS_ENDPOINT_URL_STS", sts)
}

/// Sets the role to assume with the access key of the environment.
fn assumed(command: CommandLine, sts: &str, external_id: &str) -> CommandLine {
    let command = command.keys("AKIAOFTHEPOD").env("ZONEKEEPER_AWS_ASSUME_ROLE", ROLE);
    let command = command.env("ZONEKEEPER_AWS_ASSUME_ROLE_EXTERNAL_ID", external_id);
    command.env("AWS_ENDPOINT_URL_STS", sts)
}

/// Sets the variables that the webhook of EKS sets for Pod Identity.
fn pod_identity(command: CommandLine, agent: &str, token: &Path) -> CommandLine {
    let command = command.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{agent}/v1/credentials"));
    command.env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token)
}

/// Replaces the token in its file atomically, like the kubelet.
fn write_token(file: &Path, token: &str) {
    let new = file.with_extension("new");
    fs::write(&new, token).unwrap();
    fs::rename(new, file).unwrap();
}

#[tokio::test]
async fn keys_come_from_the_environment_or_a_profile() {
    let shop = Namespace::new("credentials-keys").await;
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    let folder = Scratch::new("credentials-keys");
    let (config, keys) = (folder.join("config"), folder.join("credentials"));
    fs::write(&config, "[profile dns]\nregion = eu-central-1\n").unwrap();
    let profiles = [("default", "AKIADEFAULT"), ("dns", "AKIAPROFILE")];
    let profiles = profiles.map(|(profile, key)| {
        format!("[{profile}]\naws_access_key_id = {key}\naws_secret_access_key = secret\n")
    });
    fs::write(&keys, profiles.concat()).unwrap();
    let with_files = |command: CommandLine| {
        command.env("AWS_CONFIG_FILE", &config).env("AWS_SHARED_CREDENTIALS_FILE", &keys)
    };
    let with_profile = |command| with_files(command).env("AWS_PROFILE", "dns").without_env("AWS_REGION");
    let with_session =
        |command: CommandLine| command.keys("ASIASESSION").env("AWS_SESSION_TOKEN", "of-a-person");
    // A profile that a flag names comes before the keys. Its region is used too.
    let with_flag = |command: CommandLine| {
        with_files(command).keys(ACCESS_KEY).without_env("AWS_REGION").env("ZONEKEEPER_AWS_PROFILE", "dns")
    };
    let in_region = |command: CommandLine| {
        command.keys(ACCESS_KEY).without_env("AWS_REGION").env("ZONEKEEPER_AWS_REGION", "eu-west-1")
    };
    let table: [(&str, Option<&str>, With<'_>); 7] = [
        (ACCESS_KEY, None, &|command| command.keys(ACCESS_KEY)),
        ("ASIASESSION", Some("of-a-person"), &with_session),
        ("AKIAPROFILE", None, &with_profile),
        ("AKIADEFAULT", None, &with_files),
        (ACCESS_KEY, None, &|command| with_profile(command).keys(ACCESS_KEY)),
        ("AKIAPROFILE", None, &with_flag),
        (ACCESS_KEY, None, &in_region),
    ];
    for (key, session, with) in table {
        let zone = Zone::empty().await;
        let command = zonekeeper(&zone.url(), zone::ID, &shop, &["run", "--once"]).await;
        with(command).succeed().await;
        assert_eq!(zone.callers(), [(key.to_owned(), session.map(str::to_owned))]);
        assert_eq!(zone.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_role_comes_from_an_sts_that_nobody_here_wrote() {
    let (moto, shop) = (Moto::shared().await, Namespace::new("credentials-moto").await);
    shop.create_balanced_ingress("web", "www.role.test", BALANCER).await;
    let folder = Scratch::new("credentials-moto");
    let token = folder.join("token");
    write_token(&token, "header.claims.signature");
    // moto knows the account of each access key, and hides the zones of other accounts.
    let anybody = Credentials::keys("AKIAANYBODY");
    let request = json!({"RoleArn": ROLE, "RoleSessionName": "test", "WebIdentityToken": "x.y.z"});
    let role = botocore(moto.url(), &anybody, "sts", "assume_role_with_web_identity", &request).await;
    let field = |name: &str| role["Credentials"][name].as_str().unwrap().to_owned();
    let role = Credentials {
        access_key: field("AccessKeyId"),
        secret: field("SecretAccessKey"),
        session_token: Some(field("SessionToken")),
    };
    let id = moto.create_zone(&role, "role.test").await;

    let command = async || zonekeeper(moto.url(), &id, &shop, &["run", "--once"]).await;
    let ended = command().await.keys("AKIAANYBODY").end().await;
    assert!(ended.stderr.contains(&format!("there is no hosted zone {id}")), "{ended}");
    irsa(command().await, moto.url(), &token).succeed().await;
    assert_eq!(moto.sets(&role, &id).await.len(), 2 + 4);

    // The same role, assumed with keys of another account.
    shop.create_balanced_ingress("assumed", "www.assumed.test", BALANCER).await;
    let id = moto.create_zone(&role, "assumed.test").await;
    let command = zonekeeper(moto.url(), &id, &shop, &["run", "--once"]).await;
    assumed(command, moto.url(), "shop").succeed().await;
    assert_eq!(moto.sets(&role, &id).await.len(), 2 + 4);

    // The same again, as ExternalDNS is told.
    let id = moto.create_zone(&role, "drop-in.test").await;
    let zone = format!("--zone-id={id}");
    let arguments = [
        "--source=ingress",
        "--provider=aws",
        "--policy=upsert-only",
        "--txt-owner-id=tests",
        "--aws-assume-role-external-id=shop",
        "--once",
        &zone,
    ];
    let command = zonekeeper(moto.url(), &id, &shop, &arguments).await.keys("AKIAOFTHEPOD");
    let command = command.without_env("ZONEKEEPER_OWNER_ID").without_env("ZONEKEEPER_ZONE_ID");
    let command = command.env("EXTERNAL_DNS_AWS_ASSUME_ROLE", ROLE).env("AWS_ENDPOINT_URL_STS", moto.url());
    shop.create_balanced_ingress("drop-in", "www.drop-in.test", BALANCER).await;
    command.succeed().await;
    assert_eq!(moto.sets(&role, &id).await.len(), 2 + 4);
}

#[tokio::test]
async fn the_role_of_a_profile_comes_from_the_sts_of_the_profile() {
    let shop = Namespace::new("credentials-profile").await;
    let (zone, issuer) = (Zone::empty().await, Issuer::start().await);
    let folder = Scratch::new("credentials-profile");
    let config = folder.join("config");
    let profiles = format!(
        "[profile dns]\nregion = eu-central-1\nrole_arn = {ROLE}\nexternal_id = {}\nsource_profile = keys\n\
         services = here\n[profile keys]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = secret\n\
         [services here]\nsts =\n  endpoint_url = {}\n",
        TOKENS[0],
        issuer.url()
    );
    fs::write(&config, profiles).unwrap();
    let command = zonekeeper(&zone.url(), zone::ID, &shop, &["plan"]).await.keys(ACCESS_KEY);
    let command = command.without_env("AWS_REGION").env("ZONEKEEPER_AWS_PROFILE", "dns");
    command.env("AWS_CONFIG_FILE", &config).succeed().await;
    assert_eq!(zone.callers(), [issued(TOKENS[0])]);
}

#[tokio::test]
async fn a_profile_names_the_endpoint_of_route_53() {
    let shop = Namespace::new("credentials-endpoint").await;
    let folder = Scratch::new("credentials-endpoint");
    let config = folder.join("config");
    // The second name is the one that the SDK looks for.
    for section in ["route_53", "route-53"] {
        let zone = Zone::empty().await;
        let profile = format!(
            "[profile dns]\nregion = eu-central-1\nservices = here\n[services here]\n{section} =\n  endpoint_url = {}\n",
            zone.url()
        );
        fs::write(&config, profile).unwrap();
        let command = zonekeeper("http://127.0.0.1:9", zone::ID, &shop, &["plan"]).await.keys(ACCESS_KEY);
        let command = command.without_env("AWS_ENDPOINT_URL_ROUTE_53").without_env("AWS_REGION");
        command.env("AWS_PROFILE", "dns").env("AWS_CONFIG_FILE", &config).succeed().await;
        assert_eq!(zone.callers(), [(ACCESS_KEY.to_owned(), None)], "{section}");
    }
}

#[tokio::test]
async fn an_assumed_role_is_taken_again_before_its_credentials_end() {
    let shop = Namespace::new("credentials-assumed").await;
    let (zone, issuer) = (Zone::empty().await, Issuer::start().await);
    let command = zonekeeper(&zone.url(), zone::ID, &shop, &["run"]).await;
    let mut zonekeeper = assumed(command, issuer.url(), TOKENS[0]).start();
    zonekeeper.is_ready().await;
    let before = issuer.granted();
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    zonekeeper.until_zone(&zone, "web", |zone| zone.sets().contains(&"www.example.test A".to_owned())).await;
    assert!(issuer.granted() > before);
    assert_eq!(zone.callers(), [issued(TOKENS[0])]);
    zonekeeper.stop().await;
}

#[tokio::test]
async fn a_role_is_taken_with_the_token_that_the_file_holds_now() {
    let shop = Namespace::new("credentials-roles").await;
    let (folder, issuer) = (Scratch::new("credentials-roles"), Issuer::start().await);
    let token = folder.join("token");
    let sources: [(&str, &str, WithToken); 2] =
        [("irsa", "AccessDenied: Not authorized", irsa), ("pod-identity", "StatusCode(403)", pod_identity)];
    for (name, refusal, with) in sources {
        let zone = Zone::empty().await;
        write_token(&token, TOKENS[0]);
        let command = zonekeeper(&zone.url(), zone::ID, &shop, &["run"]).await;
        let mut zonekeeper = with(command, issuer.url(), &token).start();
        zonekeeper.is_ready().await;
        assert_eq!(zone.callers(), [issued(TOKENS[0])], "{name}");
        write_token(&token, TOKENS[1]);
        let host = format!("{name}.example.test");
        shop.create_balanced_ingress(name, &host, BALANCER).await;
        zonekeeper.until_zone(&zone, name, |zone| zone.sets().contains(&format!("{host} A"))).await;
        assert_eq!(zone.callers(), [issued(TOKENS[0]), issued(TOKENS[1])], "{name}");

        // zonekeeper continues after a refusal, because the next try can succeed.
        write_token(&token, "STRANGER");
        let later = format!("{name}-later.example.test");
        shop.create_balanced_ingress(&format!("{name}-later"), &later, BALANCER).await;
        zonekeeper.says(&["Route 53 did not accept a change request", "NoCredentials", refusal]).await;
        write_token(&token, TOKENS[0]);
        zonekeeper.until_zone(&zone, name, |zone| zone.sets().contains(&format!("{later} A"))).await;
        zonekeeper.stop().await;
    }
}

#[tokio::test]
async fn credentials_that_nobody_gives_out_say_who_was_asked_and_what_to_check() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("credentials-none").await);
    let (folder, issuer) = (Scratch::new("credentials-none"), Issuer::start().await);
    let (token, missing) = (folder.join("token"), folder.join("missing"));
    write_token(&token, "STRANGER");
    let command = async || zonekeeper(&zone.url(), zone::ID, &shop, &["plan"]).await;
    let (file, nowhere) = (token.to_str().unwrap(), missing.to_str().unwrap());
    let denied = "AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity\n";
    let pod = "a pod identity association names the namespace and service account";
    for (command, texts) in [
        (
            irsa(command().await, issuer.url(), &token),
            [denied, ROLE, file, "the trust policy of the role names"],
        ),
        (
            irsa(command().await, issuer.url(), &missing),
            ["No such file", ROLE, nowhere, "the trust policy of the role names"],
        ),
        (pod_identity(command().await, issuer.url(), &token), ["StatusCode(403)\n", issuer.url(), file, pod]),
        (pod_identity(command().await, issuer.url(), &missing), ["No such file", issuer.url(), nowhere, pod]),
        (
            command().await.env("AWS_PROFILE", "dns"),
            ["no credentials found", "the profile `dns`", "AWS_PROFILE", "AWS_SHARED_CREDENTIALS_FILE"],
        ),
        (
            assumed(command().await, issuer.url(), "STRANGER"),
            [
                "AccessDenied: Not authorized to perform sts:AssumeRole\n",
                ROLE,
                "--aws-assume-role-external-id",
                "the other credentials: they come from AWS_ACCESS_KEY_ID",
            ],
        ),
    ] {
        let ended = command.end().await;
        assert_eq!(ended.code(), Some(1), "{ended}");
        for text in texts {
            assert_eq!(ended.stderr.matches(text).count(), 1, "{text}\n{ended}");
        }
        // The log must not contain the debug form of the SDK's error, which has many lines.
        assert!(!ended.stderr.contains("ProviderError"), "{ended}");
    }
    assert_eq!(zone.callers(), []);
}
