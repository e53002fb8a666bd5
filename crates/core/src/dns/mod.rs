//! Names, record sets and the zone, in the form of Route 53.
//!
//! This module knows nothing of Kubernetes and ownership. Each name is brought into one form when it enters ([`Name`]), so
//! that the rest of the crate compares names with `==`.

mod alias_zone;
mod name;
mod record;
mod routing;
mod ttl;
mod txt;
mod value;
mod zone;

pub use alias_zone::{AliasService, AliasZone, AliasZones, BadAliasZone};
pub use name::{BadName, MAX_LABEL_BYTES, MAX_NAME_BYTES, Name};
pub use record::{Alias, Data, MAX_SET_VALUES, RecordSet, RecordType, SetId, SetKey, Values, ZoneId};
pub use routing::{Policy, Routing, Rule};
pub use ttl::{BadTtl, Ttl};
pub use txt::{MAX_STRING_BYTES, TxtText, UnreadableTxt};
pub use value::BadValue;
pub use zone::Zone;
