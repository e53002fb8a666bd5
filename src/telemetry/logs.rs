//! The setup of the log.

use std::io::IsTerminal;

use json_subscriber::JsonLayer;
use tracing_subscriber::{
    EnvFilter,
    fmt::{self, time::SystemTime},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::config::{LogFlags, LogFormat, LogLevel};

/// Filters for modules of kube and the AWS SDK that log every error which they also return. This program logs those errors
/// itself, with what it was trying to do.
const QUIET_LIBRARIES: &str = "kube_client::client=error,kube_client::client::builder=off,\
                          kube_client::client::tls=warn,kube_runtime::watcher=error,\
                          aws_config::meta::credentials=error,aws_config::web_identity_token=error";

/// Sets up the log on standard error; `level` applies where the flags name none.
///
/// Libraries log from `warn` on, except at `trace`. Colours need a terminal and no `NO_COLOR` (<https://no-color.org>).
///
/// JSON lines name the zone and the owner, if the command has them. Field names have no dots: search engines
/// take `object.uid` for a field of an object `object`, and cannot store a text `object` beside it.
pub fn init(flags: &LogFlags, level: LogLevel, zone: Option<&str>, owner: Option<&str>) {
    let filter = match flags.log_level.unwrap_or(level) {
        LogLevel::Error => format!("error,{QUIET_LIBRARIES}"),
        LogLevel::Warn => format!("warn,{QUIET_LIBRARIES}"),
        LogLevel::Info => format!("warn,zonekeeper=info,{QUIET_LIBRARIES}"),
        LogLevel::Debug => format!("warn,zonekeeper=debug,{QUIET_LIBRARIES}"),
        LogLevel::Trace => "trace".to_owned(),
    };
    let colours =
        std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
    let registry = tracing_subscriber::registry().with(EnvFilter::new(filter));
    // Only tests call this twice. The first call wins.
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
}
