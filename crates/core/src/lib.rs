//! zonekeeper's core.

pub mod dns;
pub mod keeper;
pub mod plan;
pub mod source;
