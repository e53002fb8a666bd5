//! zonekeeper's core.

pub mod dns;
pub mod plan;
pub mod source;
