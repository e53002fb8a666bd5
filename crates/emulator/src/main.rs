//! `route53-emulator`: the emulator as a process, for the AWS CLI and for other languages.

use std::{
    error::Error, fs, net::SocketAddr, path::PathBuf, process::ExitCode, str::FromStr, time::Duration,
};

use clap::Parser;
use zonekeeper_emulator::{
    Emulator,
    quota::{Bucket, Quota, Rate},
    server::Builder,
    zone::{HostedZone, RecordSet},
};

/// The exit code after a DELETE with the keeper's access key.
const EXIT_VIOLATIONS: u8 = 3;

/// A strict emulator of Amazon Route 53 on this machine.
///
/// It rejects the same requests as the service, with the service's messages. Examples are a CREATE of an existing
/// record set, a DELETE without all values, a CNAME beside another record, and a batch over a limit. A batch is carried
/// out as a whole or not at all. The emulator accepts any credentials, and tells callers apart by their access key.
///
/// When it is ready, it prints one line of JSON with its URL to standard output. It ends on SIGINT or SIGTERM, with
/// exit code 0, or with 3 if a DELETE used the keeper's access key.
#[derive(Debug, Parser)]
#[command(name = "route53-emulator", version, after_long_help = AFTER_HELP)]
struct Args {
    /// Address to listen on. It must be a loopback address. Port 0 takes a free port.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,

    /// A public hosted zone; repeat for several.
    #[arg(long, value_name = "ID=NAME", default_value = "Z0123456789EXAMPLE=example.test")]
    zone: Vec<Pair>,

    /// A private hosted zone without VPCs; repeat for several.
    #[arg(long, value_name = "ID=NAME")]
    private_zone: Vec<Pair>,

    /// Initial record sets, in the output format of `aws route53 list-resource-record-sets`. They go into the zone ID,
    /// or into the first zone. They replace record sets with the same name, type and set identifier.
    #[arg(long, value_name = "[ID=]FILE")]
    load: Vec<String>,

    /// Reject every DELETE with this access key, and end with exit code 3 after one.
    #[arg(long, value_name = "KEY")]
    keeper_access_key: Option<String>,

    /// Requests of the account: refill per second / burst.
    #[arg(long, value_name = "REFILL/BURST|unlimited", default_value = "10/50")]
    account_requests: Limit,

    /// Changes of the account: refill per second / burst. A CREATE or DELETE is one change, an UPSERT two.
    #[arg(long, value_name = "REFILL/BURST|unlimited", default_value = "100/1500")]
    account_changes: Limit,

    /// Delay of every request.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    latency: u64,

    /// Time during which GetChange answers PENDING before INSYNC.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 1_000)]
    insync_after: u64,

    /// Write one line for each answer to standard error.
    #[arg(long)]
    access_log: bool,
}

const AFTER_HELP: &str = "\
Try it:
  route53-emulator --zone Z0EXAMPLE=apps.example.com --listen 127.0.0.1:5353
  export AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any AWS_DEFAULT_REGION=us-east-1
  export AWS_ENDPOINT_URL_ROUTE_53=http://127.0.0.1:5353
  aws route53 list-resource-record-sets --hosted-zone-id Z0EXAMPLE

Inspect the emulator and add faults (JSON):
  curl -s http://127.0.0.1:5353/_emulator/journal
  curl -s http://127.0.0.1:5353/_emulator/zone/Z0EXAMPLE
  curl -s -H content-type:application/json http://127.0.0.1:5353/_emulator/faults \\
    -d '{\"operation\": \"ChangeResourceRecordSets\", \"times\": 1, \"effect\": \"close_after\"}'
  Effects: \"hang\", \"hang_after\", \"close_before\", \"close_after\", \"malformed\",
  {\"latency\": {\"millis\": 500}}, {\"slow_body\": {\"millis\": 500}},
  {\"refuse\": {\"status\": 400, \"code\": \"Throttling\", \"message\": \"Rate exceeded\"}}
  Also: /_emulator/violations, /_emulator/quota, /_emulator/insync-after,
  /_emulator/zone/ID (PATCH), /_emulator/zone/ID/protection (PUT, DELETE)";

/// `ID=NAME`.
#[derive(Debug, Clone)]
struct Pair {
    id: String,
    name: String,
}

/// `REFILL/BURST` or `unlimited`.
#[derive(Debug, Clone)]
struct Limit(Option<Rate>);

/// The relevant part of the AWS CLI's output.
#[derive(serde::Deserialize)]
struct Listing {
    #[serde(rename = "ResourceRecordSets")]
    sets: Vec<RecordSet>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("route53-emulator: {error}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(args: &Args) -> Result<ExitCode, Box<dyn Error>> {
    let mut zones = zones(args)?;
    for file in &args.load {
        load(file, &mut zones)?;
    }
    let ids: Vec<_> = zones.iter().map(|zone| zone.id().to_owned()).collect();
    let quota = Quota {
        requests: args.account_requests.0.map(Bucket::new),
        changes: args.account_changes.0.map(Bucket::new),
    };
    let mut builder = Emulator::builder()
        .listen(args.listen)
        .quota(quota)
        .insync_after(Duration::from_millis(args.insync_after))
        .access_log(args.access_log);
    if args.latency > 0 {
        builder = builder.latency(Duration::from_millis(args.latency));
    }
    if let Some(key) = &args.keeper_access_key {
        builder = builder.keeper_access_key(key);
    }
    let emulator = zones.into_iter().fold(builder, Builder::zone).start().await?;
    println!("{}", serde_json::json!({ "url": emulator.url(), "zones": ids }));
    stopped().await?;

    // A drop of the emulator panics while it holds violations.
    let violations = emulator.take_violations();
    for violation in &violations {
        eprintln!("violation: {}", serde_json::to_string(violation)?);
    }
    Ok(if violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(EXIT_VIOLATIONS) })
}

fn zones(args: &Args) -> Result<Vec<HostedZone>, Box<dyn Error>> {
    let mut zones = Vec::new();
    for Pair { id, name } in &args.zone {
        zones.push(HostedZone::new(id, name)?);
    }
    for Pair { id, name } in &args.private_zone {
        zones.push(HostedZone::private(id, name, Vec::new())?);
    }
    Ok(zones)
}

fn load(argument: &str, zones: &mut [HostedZone]) -> Result<(), Box<dyn Error>> {
    let named = argument
        .split_once('=')
        .and_then(|(id, file)| zones.iter().position(|zone| zone.id() == id).map(|index| (index, file)));
    let (index, file) = named.unwrap_or((0, argument));
    let zone = zones.get_mut(index).ok_or("there is no zone to load into")?;
    let text = fs::read_to_string(PathBuf::from(file)).map_err(|error| format!("{file}: {error}"))?;
    let listing: Listing = serde_json::from_str(&text).map_err(|error| format!("{file}: {error}"))?;
    for set in listing.sets {
        if !zone.contains(&set.name) {
            return Err(format!("{file}: {} is not in zone {}", set.name, zone.name()).into());
        }
        zone.put(set)?;
    }
    Ok(())
}

#[cfg(unix)]
async fn stopped() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminated.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn stopped() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}

// === impl Pair ===

impl FromStr for Pair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((id, name)) if !id.is_empty() && !name.is_empty() => {
                Ok(Self { id: id.to_owned(), name: name.to_owned() })
            }
            _ => Err("expected ID=NAME, such as Z0EXAMPLE=apps.example.com".to_owned()),
        }
    }
}

// === impl Limit ===

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "unlimited" {
            return Ok(Self(None));
        }
        let rate = text.split_once('/').and_then(|(refill, burst)| {
            Some(Rate { capacity: burst.parse().ok()?, refill: refill.parse().ok()? })
        });
        rate.map(|rate| Self(Some(rate)))
            .ok_or_else(|| "expected REFILL/BURST, such as 10/50, or unlimited".to_owned())
    }
}
