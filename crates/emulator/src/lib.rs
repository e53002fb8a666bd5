//! A strict emulator of Amazon Route 53, to test DNS controllers against.
//!
//! Strict means: what the service refuses is refused, with the service's code and message; what it would not have
//! done is not done. In particular
//!
//! - a change batch is carried out whole or not at all, and a refusal names everything that is wrong with it;
//! - CREATE never overwrites, DELETE must repeat every value, one key occurs once in a batch;
//! - CNAMEs, routing policies, aliases, apex NS and SOA, names and values are checked;
//! - all limits hold: records and characters of a request, values of a set, sets of a policy and of a zone;
//! - names are listed lower case with `\ooo` escapes, in the service's order, in pages that continue inside a
//!   weighted group;
//! - requests and changes are throttled, overlapping changes of one zone are refused, on demand everything breaks.
//!
//! Where AWS documents the rule but not the text of its error, the text is this crate's own. Where it documents
//! nothing, both possibilities can be set ([`zone::WildcardOrder`]) or the stricter one is taken. All of that is listed
//! in `docs/assumptions.md`, and `make verify-aws` checks it on a real zone.
//!
//! [`zone`], [`quota`], [`faults`] and [`journal`] are pure: no I/O, no clock, no randomness, and no tokio without
//! the feature `server`. A simulation drives [`zone::HostedZone`] directly. [`server`] puts them behind the wire
//! protocol on a loopback address; signatures are not verified there. The binary `route53-emulator` is that server
//! as a process.
//!
//! A controller that must never delete has an access key of its own, and the emulator a wall against it: a DELETE
//! under that key is refused, noted, and fails the test.
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
//! // Give this to a client as its endpoint.
//! assert!(emulator.url().starts_with("http://127.0.0.1:"));
//!
//! // The first change request is carried out and never answered.
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
