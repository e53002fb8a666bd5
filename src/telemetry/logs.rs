//! The log.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{LogFlags, LogFormat, LogLevel};

/// kube and the AWS SDK log every failure that they hand to their caller. The caller says what it was trying, and in
/// a sentence.
const SAID_TWICE: &str = "kube_client::client=error,kube_client::client::builder=off,\
                          kube_client::client::tls=warn,kube_runtime::watcher=error,\
                          aws_config::meta::credentials=error,aws_config::web_identity_token=error";

/// Begins to log to standard error, at `level` where the flags say none. Libraries are heard from `warn` on, unless
/// everything is asked for. Colours are for terminals whose user does not mind them (<https://no-color.org>).
pub fn init(flags: &LogFlags, level: LogLevel) {
    let filter = match flags.log_level.unwrap_or(level) {
        LogLevel::Error => format!("error,{SAID_TWICE}"),
        LogLevel::Warn => format!("warn,{SAID_TWICE}"),
        LogLevel::Info => format!("warn,zonekeeper=info,{SAID_TWICE}"),
        LogLevel::Debug => format!("warn,zonekeeper=debug,{SAID_TWICE}"),
        LogLevel::Trace => "trace".to_owned(),
    };
    let colours =
        std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
    let layer = fmt::layer().with_writer(std::io::stderr).with_target(false).with_ansi(colours);
    let registry = tracing_subscriber::registry().with(EnvFilter::new(filter));
    // A second call, in a test, keeps the first's choice.
    let set = match flags.log_format {
        LogFormat::Text => registry.with(layer).try_init(),
        LogFormat::Json => registry.with(layer.json().flatten_event(true)).try_init(),
    };
    drop(set);
}
