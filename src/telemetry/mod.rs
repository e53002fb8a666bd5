//! Logs and metrics of a running process.
//!
//! A log message is a constant sentence; the details are in fields. `info` means that DNS changed, or something that is
//! worth knowing once. `debug` explains decisions. `warn` asks for attention.

mod fields;
mod logs;
mod metrics;
mod reporter;

pub use fields::{FIELDS, Field, FieldKind};
pub use logs::init;
pub use metrics::{Measured, Metrics, Operation, ZoneInfo};
pub use reporter::Reporter;
