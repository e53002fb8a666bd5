//! The setup of the log.

use std::{
    io::IsTerminal,
    panic::{self, PanicHookInfo},
};

use json_subscriber::JsonLayer;
use tracing::error;
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt::{self, time::SystemTime},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::config::{LogFlags, LogFormat, LogLevel};

/// Filters for modules of kube and the AWS SDK that log every error which they also return. This program logs those errors
/// itself, with what it was trying to do.
const QUIET_LIBRARIES: [(&str, LevelFilter); 6] = [
    ("kube_client::client", LevelFilter::ERROR),
    ("kube_client::client::builder", LevelFilter::OFF),
    ("kube_client::client::tls", LevelFilter::WARN),
    ("kube_runtime::watcher", LevelFilter::ERROR),
    ("aws_config::meta::credentials", LevelFilter::ERROR),
    ("aws_config::web_identity_token", LevelFilter::ERROR),
];

/// Sets up the log on standard error, for panics too; `level` applies where the flags name none.
///
/// Libraries log from `warn` on, except at `trace`. Colours need a terminal and no `NO_COLOR` (<https://no-color.org>).
///
/// JSON lines name the zone and the owner, if the command has them. Field names have no dots: search engines
/// take `object.uid` for a field of an object `object`, and cannot store a text `object` beside it.
pub fn init(flags: &LogFlags, level: LogLevel, zone: Option<&str>, owner: Option<&str>) {
    let quiet = |libraries| Targets::new().with_default(libraries).with_targets(QUIET_LIBRARIES);
    let filter = match flags.log_level.unwrap_or(level) {
        LogLevel::Error => quiet(LevelFilter::ERROR),
        LogLevel::Warn => quiet(LevelFilter::WARN),
        LogLevel::Info => quiet(LevelFilter::WARN).with_target("zonekeeper", LevelFilter::INFO),
        LogLevel::Debug => quiet(LevelFilter::WARN).with_target("zonekeeper", LevelFilter::DEBUG),
        LogLevel::Trace => Targets::new().with_default(LevelFilter::TRACE),
    };
    let colours =
        std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
    let registry = tracing_subscriber::registry().with(filter);
    // It fails only if there is a log already.
    let set = match flags.log_format {
        LogFormat::Text => {
            let layer = fmt::layer().with_writer(std::io::stderr).with_target(false).with_ansi(colours);
            registry.with(layer).try_init()
        }
        LogFormat::Json => {
            let mut layer = JsonLayer::stderr();
            layer.with_timer("timestamp", SystemTime).with_level("level").with_flattened_event();
            for (field, text) in [("zone_id", zone), ("owner", owner)] {
                if let Some(text) = text {
                    layer.add_static_field(field, text.into());
                }
            }
            registry.with(layer).try_init()
        }
    };
    drop(set);
    panic::set_hook(Box::new(log_panic));
}

/// Logs a panic, because the standard text on standard error is no JSON. In a release, the process then aborts.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let text = panic.payload_as_str().unwrap_or("a panic without a text");
    let place = panic.location().map(|place| format!(" at {place}")).unwrap_or_default();
    error!(
        error = format!("{text}{place}"),
        "the process ends; this is a defect of zonekeeper, so please report this line"
    );
}

#[cfg(test)]
mod tests {
    use std::{env, process::Command};

    use super::*;

    const PANICS: &str = "ZONEKEEPER_TEST_PANICS";

    /// A process of its own panics, because the hook is that of the whole process.
    #[test]
    fn a_panic_is_a_line_of_the_log() {
        if env::var_os(PANICS).is_some() {
            let flags = LogFlags { log_format: LogFormat::Json, log_level: None };
            init(&flags, LogLevel::Error, Some("Z0123456789EXAMPLE"), Some("tests"));
            panic!("on {}", "purpose");
        }
        let name = "telemetry::logs::tests::a_panic_is_a_line_of_the_log";
        let mut itself = Command::new(env::current_exe().unwrap());
        let ended = itself.args(["--exact", name, "--nocapture"]).env(PANICS, "1").output().unwrap();
        assert!(!ended.status.success());
        let stderr = String::from_utf8(ended.stderr).unwrap();
        let line: serde_json::Value = serde_json::from_str(stderr.trim()).unwrap();
        assert_eq!((&line["level"], &line["owner"]), (&"ERROR".into(), &"tests".into()));
        let error = line["error"].as_str().unwrap();
        assert!(error.starts_with("on purpose at src/telemetry/logs.rs:"), "{error}");
    }
}
