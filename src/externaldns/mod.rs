//! The command line of `ExternalDNS`, translated into flags of zonekeeper.
//!
//! A [`CommandLine`] is what a process, a Deployment or a values file of the Helm chart has. Its [`Translation`] has the flags
//! of zonekeeper, and a [`Report`] with a class for each flag: it stays, it differs, or zonekeeper refuses it. The table
//! of all flags ([`flags`]) gives the classes.

mod arguments;
mod command_line;
mod deployment;
mod flag;
mod mistake;
mod other_flags;
mod own_flags;
mod report;
mod table;
mod translation;
mod values;

pub use arguments::{Arguments, Given, Variables};
pub use command_line::{BadFile, CommandLine};
pub use flag::{Flag, Kind, Meaning, Outcome, Refusal};
pub use mistake::Mistake;
pub use own_flags::{OwnFlag, OwnFlags};
pub use report::{Differs, Refused, Report, Stays};
pub use table::flags;
pub use translation::{MANDATORY, Translation};
