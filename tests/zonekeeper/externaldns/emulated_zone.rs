//! The emulated zone of a situation, and its text.

use std::net::IpAddr;

use zonekeeper_core::dns::{Data, Name, RecordSet, RecordType};
use zonekeeper_emulator::zone::{Change, HostedZone};

use super::{
    record_text::record_set,
    service_set::{set_to_service, zone_from_service},
};
use crate::zone;

/// The name of the zone.
pub const APEX: &str = "example.com";

/// A zone with these record sets, one on each line. Route 53 must accept them.
pub fn emulated_zone(lines: &str) -> Result<HostedZone, String> {
    let sets = lines.lines().map(record_set).collect::<Result<Vec<RecordSet>, String>>()?;
    let mut hosted = HostedZone::new(zone::ID, APEX).map_err(|why| why.message())?;
    let (of_policies, own): (Vec<_>, Vec<_>) =
        sets.iter().partition(|set| matches!(set.data, Data::TrafficPolicy(_)));
    for set in of_policies {
        hosted.put(set_to_service(set)).map_err(|why| why.message())?;
    }
    let creates: Vec<Change> = own.into_iter().map(|set| Change::create(set_to_service(set))).collect();
    // A batch has a limit.
    for batch in creates.chunks(100) {
        hosted.change(batch).map_err(|why| why.message())?;
    }
    Ok(hosted)
}

/// The record sets of a zone, one on each line, without NS and SOA of the zone itself.
pub fn text(hosted: &HostedZone) -> String {
    let zone = zone_from_service(hosted);
    let is_own = |set: &&RecordSet| {
        set.name() != zone.apex() || !(*set.rtype() == RecordType::Ns || set.rtype().as_str() == "SOA")
    };
    let line = |set: &RecordSet| {
        let mut set = set.clone();
        // The order of values has no meaning.
        if let Data::Values { values, .. } = &mut set.data {
            values.sort_unstable();
        }
        format!("{set}\n")
    };
    zone.sets().filter(is_own).map(line).collect()
}

/// The same record sets with one spelling of equal values.
pub fn canonical(text: &str) -> String {
    let line = |line: &str| match record_set(line) {
        Ok(mut set) => {
            if let Data::Values { values, .. } = &mut set.data {
                for value in values.iter_mut() {
                    *value = spelling(&set.key.rtype, value).into();
                }
                values.sort_unstable();
            }
            format!("{set}\n")
        }
        Err(_) => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

fn spelling(rtype: &RecordType, value: &str) -> String {
    let known = match rtype {
        RecordType::A | RecordType::Aaaa => value.parse().ok().map(|address: IpAddr| address.to_string()),
        RecordType::Cname => Name::from_route53(value).ok().map(|name| name.to_string()),
        _ => None,
    };
    known.unwrap_or_else(|| value.to_owned())
}
