//! A strict emulator of Amazon Route 53, to test DNS controllers against.
//!
//! The emulator rejects every request that the service rejects, with the service's code and message.
//!
//! - It carries out a change batch as a whole or not at all. A rejection names every error in the batch.
//! - CREATE never overwrites. DELETE must repeat every value. A key occurs once in a batch.
//! - The emulator checks CNAMEs, routing policies, aliases, apex NS and SOA records, names and values.
//! - It enforces all limits: records and characters of a request, values of a set, sets of a policy and of a zone.
//! - It lists names in lower case with `\ooo` escapes, in the service's order. A page can end inside a weighted group.
//! - It throttles requests and changes, and rejects overlapping changes of one zone. A test can add faults.
//!
//! If AWS documents a rule but not the error message, the message is this crate's own. If AWS documents no rule, both
//! possibilities can be set ([`zone::WildcardOrder`]), or the emulator takes the stricter one. `docs/reference/assumptions.md`
//! lists these cases, and `make verify-aws` checks them on a real zone.
//!
//! [`zone`], [`quota`], [`faults`] and [`journal`] are pure: no I/O, no clock, no randomness, and no tokio without
//! the feature `server`. A simulation drives [`zone::HostedZone`] directly. [`server`] adds the wire protocol on a
//! loopback address, without verification of signatures. The binary `route53-emulator` is that server as a process.
//!
//! A controller that must never delete has its own access key, the keeper's access key. The emulator rejects a DELETE
//! with that key, records a violation, and fails the test.
//!
//! ```
//! # #[cfg(feature = "server")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! use zonekeeper_emulator::{
//!     Emulator,
//!     faults::{Effect, Fault},
//!     zone::{Change, HostedZone, RecordSet},
//! };
//!
//! let mut zone = HostedZone::new("Z0123456789EXAMPLE", "example.test")?;
//! zone.change(&[Change::create(RecordSet::simple("old.example.test", "A", 300, ["192.0.2.1"]))])?;
//! let emulator = Emulator::builder().zone(zone).keeper_access_key("AKIAKEEPER").start().await?;
//! // A client uses this URL as its endpoint.
//! assert!(emulator.url().starts_with("http://127.0.0.1:"));
//!
//! // The emulator carries out the first change request, and closes the connection without an answer.
//! emulator.with_faults(|faults| faults.add(Fault::new(Effect::CloseAfter).on("ChangeResourceRecordSets").times(1)));
//! // … here the client works …
//! assert_eq!(emulator.journal().count("ChangeResourceRecordSets"), 0);
//! assert_eq!(emulator.with_zone("Z0123456789EXAMPLE", |zone| zone.len()), Some(3));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })
//! # }
//! # #[cfg(not(feature = "server"))]
//! # fn main() {}
//! ```

pub mod faults;
pub mod journal;
pub mod quota;
#[cfg(feature = "server")]
pub mod server;
pub mod zone;

#[cfg(feature = "server")]
pub use server::Emulator;
