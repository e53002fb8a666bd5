//! The log.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{LogFlags, LogFormat, LogLevel};

/// Begins to log to standard error, at `level` where the flags say none. Libraries are heard from `warn` on, unless
/// everything is asked for. Colours are for terminals whose user does not mind them (<https://no-color.org>).
pub fn init(flags: &LogFlags, level: LogLevel) {
    let filter = match flags.log_level.unwrap_or(level) {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "warn,zonekeeper=info",
        LogLevel::Debug => "warn,zonekeeper=debug",
        LogLevel::Trace => "trace",
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
