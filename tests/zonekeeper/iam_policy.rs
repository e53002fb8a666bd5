//! The policy of `zonekeeper iam-policy`, checked with an independent IAM evaluator.

use std::{
    collections::BTreeSet,
    path::Path,
    process::{Output, Stdio},
};

use k8s_openapi::api::{core::v1::Service, networking::v1::Ingress};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, process::Command};
use zonekeeper_emulator::journal::{AcceptedChange, Journal};

use crate::{
    namespace::{BALANCER, Namespace, OTHER_BALANCER},
    process::CommandLine,
    zone::{self, CHANGE, LIST, Zone},
};

const ACTIONS: &str = "route53:ChangeResourceRecordSetsActions";
const NAMES: &str = "route53:ChangeResourceRecordSetsNormalizedRecordNames";
const TYPES: &str = "route53:ChangeResourceRecordSetsRecordTypes";

const OUR_ZONE: &str = "arn:aws:route53:::hostedzone/Z0123456789EXAMPLE";
const A_CHANGE: &str = "arn:aws:route53:::change/C0123456789";

/// A request in the form that IAM evaluates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Request {
    action: String,
    resource: String,
    context: Value,
}

// === impl Request ===

impl Request {
    fn new(operation: &str, resource: &str) -> Self {
        Self { action: format!("route53:{operation}"), resource: resource.to_owned(), context: json!({}) }
    }

    /// A batch in a zone. IAM gets the sets of its actions, types and names.
    fn batch(zone: &str, actions: &[&str], types: &[&str], names: &[&str]) -> Self {
        let context = json!({ACTIONS: actions, TYPES: types, NAMES: names});
        Self { context, ..Self::new(CHANGE, zone) }
    }

    /// The same request without a context key.
    fn without(mut self, key: &str) -> Self {
        self.context.as_object_mut().unwrap().remove(key).unwrap();
        self
    }
}

/// For each pair of a policy and a request: whether the evaluator allows the request.
async fn allowed(questions: &[(&Value, &Request)]) -> Vec<bool> {
    let question = |(policy, request): &(&Value, &Request)| {
        let mut question = serde_json::to_value(request).unwrap();
        question["policy"] = (*policy).clone();
        question
    };
    verdicts(questions.iter().map(question).collect()).await
}

/// The verdicts of the evaluator on questions of the form that `evaluate.mjs` describes.
pub async fn verdicts(questions: Vec<Value>) -> Vec<bool> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let evaluator = root.join(".tools/iam");
    assert!(evaluator.join("installed.json").exists(), "no IAM evaluator in .tools: run `make tools`");
    let mut node = Command::new("node")
        .args([root.join("tests/iam/evaluate.mjs"), evaluator])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| panic!("node: {error}: run `make tools`"));
    let mut stdin = node.stdin.take().unwrap();
    stdin.write_all(Value::from(questions).to_string().as_bytes()).await.unwrap();
    drop(stdin);
    let Output { status, stdout, stderr } = node.wait_with_output().await.unwrap();
    assert!(status.success(), "{status}\n{}", String::from_utf8_lossy(&stderr));
    serde_json::from_slice(&stdout).unwrap()
}

/// The policy that the command prints for the emulated zone.
async fn policy(arguments: &[&str]) -> Value {
    let command = CommandLine::new(&["iam-policy"]).args(arguments);
    let printed =
        command.env("ZONEKEEPER_ZONE_ID", zone::ID).env("ZONEKEEPER_ZONE_NAME", zone::NAME).succeed().await;
    assert_eq!(printed.stderr, "", "{printed}");
    serde_json::from_str(&printed.stdout).unwrap()
}

/// Requests, and whether the policy for the emulated zone must allow them.
fn table() -> Vec<(Request, bool)> {
    let www = ["www.example.test", "a-www.example.test"];
    let batch =
        |actions: &[&str], types: &[&str], names: &[&str]| Request::batch(OUR_ZONE, actions, types, names);
    let good = || batch(&["CREATE"], &["A", "TXT"], &www);
    let mut table = vec![
        (Request::new(LIST, OUR_ZONE), true),
        (Request::new("GetHostedZone", OUR_ZONE), true),
        (Request::new("GetChange", A_CHANGE), true),
        (good(), true),
        (batch(&["CREATE", "UPSERT"], &["A", "AAAA", "TXT"], &www), true),
        (batch(&["UPSERT"], &["CNAME"], &www), true),
        (batch(&["UPSERT"], &["TXT"], &["aaaa-www.example.test"]), true),
        (batch(&["CREATE"], &["A"], &["example.test"]), true),
        (batch(&["CREATE"], &["TXT"], &["_zk-a-0123456789abcdef.example.test"]), true),
        (batch(&["CREATE"], &["A", "TXT"], &[r"\052.example.test", r"a-\052.example.test"]), true),
        (batch(&["CREATE"], &["A"], &["deep.down.example.test"]), true),
        (batch(&["DELETE"], &["A"], &www), false),
        (batch(&["CREATE", "DELETE"], &["A", "TXT"], &www), false),
        (Request::batch("arn:aws:route53:::hostedzone/ZOTHER", &["CREATE"], &["A"], &www), false),
        (Request::new(LIST, "arn:aws:route53:::hostedzone/ZOTHER"), false),
        (Request::new("GetHostedZone", "arn:aws:route53:::hostedzone/ZOTHER"), false),
        (Request::new("GetChange", "arn:aws-cn:route53:::change/C0123456789"), false),
        (Request::new("ListHostedZones", "*"), false),
        (Request::new("ListHostedZonesByName", "*"), false),
        (Request::new("CreateHostedZone", "*"), false),
        (Request::new("DeleteHostedZone", OUR_ZONE), false),
        (Request::new("GetHostedZoneLimit", OUR_ZONE), false),
        (Request::new("ListTagsForResource", OUR_ZONE), false),
    ];
    for rtype in ["NS", "SOA", "MX", "SRV", "CAA", "a"] {
        table.push((batch(&["CREATE"], &[rtype], &www), false));
        table.push((batch(&["CREATE"], &["A", rtype], &www), false));
    }
    for name in ["evilexample.test", "www.evilexample.test", "example.test.evil.test", "test", "other.test"] {
        table.push((batch(&["CREATE"], &["A"], &[name]), false));
        table.push((batch(&["CREATE"], &["A"], &["www.example.test", name]), false));
    }
    // Names of services and validations. Each character after the underscore has a pattern of its own.
    let next = "abcdefghijklmnopqrstuvwxyz0123456789-_\\.".chars();
    let reserved =
        next.flat_map(|next| ["_", "_z", "_zk"].map(|start| format!("{start}{next}x.example.test")));
    for name in reserved.filter(|name| !["_zkx", "_zx", "_zk-x"].iter().any(|own| name.starts_with(own))) {
        table.push((batch(&["CREATE"], &["TXT"], &["www.example.test", &name]), false));
    }
    for name in
        ["_zx.example.test", "_zkx.example.test", "_acme-challenge.example.test", "_dmarc.example.test"]
    {
        table.push((batch(&["UPSERT"], &["TXT"], &[name]), false));
    }
    for name in ["_acme-challenge.www.example.test", "www._tcp.example.test"] {
        table.push((batch(&["UPSERT"], &["TXT"], &[name, "www.example.test"]), false));
    }
    table.push((
        batch(&["CREATE"], &["TXT"], &["_zk-a-0123456789abcdef.example.test", "a_b.example.test"]),
        true,
    ));
    // Without the condition `Null`, a policy also allows a request with a missing key.
    table.extend([ACTIONS, TYPES, NAMES].map(|key| (good().without(key), false)));
    table
}

/// For each policy: the requests for which the policy and the table disagree.
async fn disagreements(policies: &[Value], table: &[(Request, bool)]) -> Vec<Vec<String>> {
    let questions: Vec<(&Value, &Request)> =
        policies.iter().flat_map(|policy| table.iter().map(move |(request, _)| (policy, request))).collect();
    let verdicts = allowed(&questions).await;
    let of_one = |verdicts: &[bool]| {
        let pairs = table.iter().zip(verdicts).filter(|((_, expected), found)| expected != *found);
        pairs.map(|((request, expected), _)| format!("allowed should be {expected}: {request:?}")).collect()
    };
    verdicts.chunks(table.len()).map(of_one).collect()
}

#[tokio::test]
async fn what_we_need_is_allowed_and_nothing_else() {
    let found = disagreements(&[policy(&[]).await], &table()).await;
    assert_eq!(found, [Vec::<String>::new()]);
}

/// Weaker variants of a policy. Each variant lacks one part, or has one wider part.
fn weakened(policy: &Value) -> Vec<(String, Value)> {
    let mut weakened = Vec::new();
    let mut paths = vec![String::new()];
    while let Some(path) = paths.pop() {
        let part = policy.pointer(&path).unwrap();
        let (keys, is_optional): (Vec<String>, bool) = match part {
            Value::Object(fields) => (fields.keys().cloned().collect(), path.contains("/Condition")),
            Value::Array(items) => ((0..items.len()).map(|at| at.to_string()).collect(), items.len() > 1),
            _ => continue,
        };
        for key in keys {
            // A key needs no escape in a JSON pointer, because it has no `/` and no `~`.
            let inner = format!("{path}/{key}");
            let mut without = policy.clone();
            match without.pointer_mut(&path).unwrap() {
                Value::Object(fields) => drop(fields.remove(&key)),
                Value::Array(items) => drop(items.remove(key.parse().unwrap())),
                _ => unreachable!(),
            }
            if is_optional || key == "Condition" {
                weakened.push((format!("without {inner}"), without));
            }
            // A wider denial allows less.
            if key == "Resource" && part["Effect"] == "Allow" {
                let mut wider = policy.clone();
                *wider.pointer_mut(&inner).unwrap() = json!("*");
                weakened.push((format!("{inner} is anything"), wider));
            }
            paths.push(inner);
        }
    }
    weakened
}

#[tokio::test]
async fn every_part_of_the_policy_is_needed() {
    let whole = policy(&[]).await;
    let (names, mut policies): (Vec<String>, Vec<Value>) = weakened(&whole).into_iter().unzip();
    // The variants cover statements, resources and actions, and the operators, keys and values of conditions.
    assert!(names.len() >= 24, "{names:#?}");
    policies.push(whole);
    let mut found = disagreements(&policies, &table()).await;
    let of_the_whole = found.pop().unwrap();
    let pairs = names.iter().zip(&found);
    let unnoticed: Vec<_> =
        pairs.filter(|(_, found)| **found == of_the_whole).map(|(name, _)| name).collect();
    assert!(unnoticed.is_empty(), "no request in the table needs these parts: {unnoticed:#?}");
}

#[tokio::test]
async fn types_and_partitions_are_those_that_were_asked_for() {
    let www = ["www.example.test"];
    let mut table = Vec::new();
    for types in ["A", "AAAA,CNAME"] {
        let policy = policy(&["--managed-record-types", types]).await;
        for rtype in ["A", "AAAA", "CNAME", "TXT"] {
            let expected = rtype == "TXT" || types.split(',').any(|managed| managed == rtype);
            table.push((policy.clone(), Request::batch(OUR_ZONE, &["UPSERT"], &[rtype], &www), expected));
        }
    }
    let partitions = ["aws", "aws-cn", "aws-us-gov"];
    for ours in partitions {
        let policy = policy(&["--partition", ours]).await;
        for other in partitions {
            let arn = |arn: &str| arn.replacen("arn:aws:", &format!("arn:{other}:"), 1);
            for request in [
                Request::new(LIST, &arn(OUR_ZONE)),
                Request::new("GetHostedZone", &arn(OUR_ZONE)),
                Request::new("GetChange", &arn(A_CHANGE)),
                Request::batch(&arn(OUR_ZONE), &["CREATE"], &["A"], &www),
            ] {
                table.push((policy.clone(), request, ours == other));
            }
        }
    }
    let questions: Vec<_> = table.iter().map(|(policy, request, _)| (policy, request)).collect();
    for ((_, request, expected), found) in table.iter().zip(allowed(&questions).await) {
        assert_eq!(found, *expected, "{request:?}");
    }
}

/// The requests of a journal in the form that IAM evaluates. All changes of one request are one batch.
fn sent(journal: &Journal) -> Vec<Request> {
    let batch = |sequence: u64| {
        let changes = journal.changes.iter().filter(|change| change.request == sequence);
        let of = |value: fn(&AcceptedChange) -> String| changes.clone().map(value).collect::<BTreeSet<_>>();
        let name =
            |change: &AcceptedChange| change.after.as_ref().unwrap().name.trim_end_matches('.').to_owned();
        let rtype = |change: &AcceptedChange| change.after.as_ref().unwrap().rtype.clone();
        json!({ACTIONS: of(|it| it.action.as_str().to_owned()), TYPES: of(rtype), NAMES: of(name)})
    };
    let requests = journal.requests.iter().map(|request| {
        // `/2013-04-01/hostedzone/Z1/rrset?…`
        let path = request.target.split('?').next().unwrap();
        let [_, _, kind, id, ..] = path.split('/').collect::<Vec<_>>()[..] else { panic!("{path}") };
        let context = if request.operation == CHANGE { batch(request.sequence) } else { json!({}) };
        Request { context, ..Request::new(&request.operation, &format!("arn:aws:route53:::{kind}/{id}")) }
    });
    let mut all: Vec<Request> = Vec::new();
    for request in requests {
        if !all.contains(&request) {
            all.push(request);
        }
    }
    all
}

/// All values of a context key in these requests.
fn values(requests: &[Request], key: &str) -> BTreeSet<String> {
    let texts = requests.iter().filter_map(|request| request.context[key].as_array()).flatten();
    texts.map(|text| text.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn everything_that_a_run_sends_is_allowed() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("iam-policy").await);
    for (name, hostname) in [("www", "www.example.test"), ("apex", zone::NAME), ("any", "*.example.test")] {
        shop.create_balanced_ingress(name, hostname, BALANCER).await;
    }
    for (name, hostname, address) in [
        ("books", "bücher.example.test", json!({"ip": "192.0.2.1"})),
        ("six", "six.deep.example.test", json!({"ip": "2001:db8::1"})),
        ("cdn", "cdn.example.test", json!({"hostname": "cdn.example.org"})),
    ] {
        shop.create_service(name, hostname).await;
        shop.set_address::<Service>(name, address).await;
    }
    let mut zonekeeper = CommandLine::of(&zone, &shop, &["run"]).await.start();
    zonekeeper.until_zone(&zone, "nine records and their TXTs", |zone| zone.sets().len() == 18).await;
    shop.set_address::<Ingress>("www", json!({"hostname": OTHER_BALANCER})).await;
    let is_replaced = |zone: &Zone| zone.requests().concat().iter().any(|it| it.starts_with("UPSERT"));
    zonekeeper.until_zone(&zone, "a replacement", is_replaced).await;
    zonekeeper.until_zone(&zone, "a question", |zone| zone.count("GetChange") > 0).await;
    zonekeeper.stop().await;

    let requests = sent(&zone.journal());
    let operations: BTreeSet<&str> = requests.iter().map(|request| &*request.action).collect();
    let expected = ["ChangeResourceRecordSets", "GetChange", "GetHostedZone", "ListResourceRecordSets"];
    let granted: BTreeSet<String> = expected.iter().map(|operation| format!("route53:{operation}")).collect();
    assert_eq!(operations, granted.iter().map(String::as_str).collect());
    assert_eq!(values(&requests, ACTIONS), BTreeSet::from(["CREATE", "UPSERT"].map(str::to_owned)));
    assert_eq!(values(&requests, TYPES), BTreeSet::from(["A", "AAAA", "CNAME", "TXT"].map(str::to_owned)));
    let names = values(&requests, NAMES);
    for name in ["example.test", r"\052.example.test", r"a-\052.example.test", "xn--bcher-kva.example.test"] {
        assert!(names.contains(name), "{name}: {names:?}");
    }
    assert!(names.iter().any(|name| name.starts_with("_zk-a-")), "{names:?}");

    let policy = policy(&[]).await;
    let questions: Vec<_> = requests.iter().map(|request| (&policy, request)).collect();
    for (request, allowed) in requests.iter().zip(allowed(&questions).await) {
        assert!(allowed, "{request:?}");
    }
}

#[tokio::test]
async fn fewer_types_are_written_and_allowed() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("iam-policy-types").await);
    shop.create_balanced_ingress("www", "www.example.test", BALANCER).await;
    let arguments = ["--managed-record-types", "A"];
    CommandLine::of(&zone, &shop, &["run", "--once"]).await.args(&arguments).succeed().await;
    assert_eq!(zone.requests(), [["CREATE www.example.test A", "CREATE a-www.example.test TXT"]]);

    let policy = policy(&arguments).await;
    let requests = sent(&zone.journal());
    let questions: Vec<_> = requests.iter().map(|request| (&policy, request)).collect();
    assert_eq!(allowed(&questions).await, vec![true; requests.len()], "{requests:?}");
}

#[tokio::test]
async fn its_help_shows_how_to_use_it() {
    let help = CommandLine::new(&["iam-policy", "--help"]).succeed().await;
    for text in [
        "does not depend on the owner id",
        "no credentials",
        "zonekeeper iam-policy --zone-id Z0123456789ABC --zone-name apps.example.com > policy.json",
        "aws iam put-role-policy",
        "[env: ZONEKEEPER_ZONE_ID=]",
        "[default: A AAAA CNAME]",
    ] {
        assert!(help.stdout.contains(text), "{text}\n{help}");
    }
    assert!(!help.stdout.contains("--owner-id"), "{help}");
}

#[tokio::test]
async fn it_says_what_is_wrong_with_its_flags() {
    let zone = ["--zone-id", zone::ID, "--zone-name", zone::NAME];
    let [id, name] = [&zone[..2], &zone[2..]];
    for (arguments, texts) in [
        ([id, &["--zone-name", "*.example.test"]].concat(), ["--zone-name `*.example.test`", "'*'"]),
        ([id, &["--zone-name", "two..dots"]].concat(), ["--zone-name", "empty label"]),
        ([name, &["--zone-id", "example.test"]].concat(), ["--zone-id", "list-hosted-zones"]),
        (
            [&zone[..], &["--managed-record-types", "A,NS"]].concat(),
            ["--managed-record-types", "never writes NS and SOA records"],
        ),
        ([&zone[..], &["--partition", "eu"]].concat(), ["--partition", "aws-us-gov"]),
        (id.to_vec(), ["--zone-name", "required"]),
    ] {
        let ended = CommandLine::new(&["iam-policy"]).args(&arguments).end().await;
        assert_eq!(ended.code(), Some(2), "{ended}");
        assert!(texts.iter().all(|text| ended.stderr.contains(text)), "{arguments:?}\n{ended}");
        assert_eq!(ended.stdout, "", "{ended}");
    }
}
