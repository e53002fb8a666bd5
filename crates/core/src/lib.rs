//! zonekeeper's core.

pub mod dns;
pub mod source;
