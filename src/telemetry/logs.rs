//! The log.

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{LogFlags, LogFormat, LogLevel};

/// Begins to log to standard error. Libraries are heard from `warn` on, unless everything is asked for.
pub fn init(flags: &LogFlags) {
    let filter = match flags.log_level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "warn,zonekeeper=info",
        LogLevel::Debug => "warn,zonekeeper=debug",
        LogLevel::Trace => "trace",
    };
    let layer = fmt::layer().with_writer(std::io::stderr).with_target(false);
    let registry = tracing_subscriber::registry().with(EnvFilter::new(filter));
    // A second call, in a test, keeps the first's choice.
    let set = match flags.log_format {
        LogFormat::Text => registry.with(layer).try_init(),
        LogFormat::Json => registry.with(layer.json().flatten_event(true)).try_init(),
    };
    drop(set);
}
