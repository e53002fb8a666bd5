//! Situations that ExternalDNS v0.22 has handled, compared with zonekeeper.
//!
//! A situation is a file in `tests/cases/externaldns`: arguments, objects and a zone. The recorder runs the real
//! ExternalDNS once, and writes the zone after it into the file. The comparison runs in every test run, and needs
//! neither ExternalDNS nor a control plane.

mod agreement;
mod binary;
mod cluster;
mod comparison;
mod converged;
#[path = "../../../crates/core/tests/core/difference.rs"]
mod difference;
mod differences;
mod emulated_zone;
mod explanation;
mod flags;
mod generator;
mod host;
mod keeper;
mod large_cluster;
mod objects;
#[expect(dead_code, reason = "the simulation uses more of it")]
#[path = "../../../crates/core/tests/core/simulation/random.rs"]
mod random;
#[path = "../../../crates/core/tests/core/record_text.rs"]
mod record_text;
mod recorder;
mod records;
#[path = "../../../crates/core/tests/core/service_set.rs"]
mod service_set;
mod situation;

pub use cluster::Cluster;
pub use emulated_zone::emulated_zone;
pub use situation::Situation;
