//! The ownership record beside a written record set.

use super::{Change, Heritage, Reason, Role, View, ownership::Ownership};
use crate::{
    dns::{Data, RecordSet, RecordType, SetKey, Ttl, Values},
    source::Claim,
};

impl View<'_> {
    /// The change of the ownership record of a written set: a creation, or a replacement for another object. None if the
    /// ownership record is already right.
    pub(super) fn txt_change(
        &self,
        holder: &Claim,
        wanted: &RecordSet,
        ownership: &Ownership<'_>,
    ) -> Result<Option<Change>, Reason> {
        let (at, role) = (&ownership.place.name, Role::Ownership);
        if let Some(cut) = self.zone.cut_above(at) {
            return Err(Reason::BelowZoneCut { cut });
        }
        if let Some(reason) = self.in_place_of_txt(at) {
            return Err(reason);
        }
        let after = self.txt(holder, wanted, ownership);
        // Other set identifiers have ownership records of their own at this name.
        let others = self.zone.at(at).iter().filter(|set| set.key != after.key);
        if others.into_iter().any(|set| !set.can_be_beside(&after)) {
            return Err(Reason::RoutingConflict { at: at.clone(), is_needed: false });
        }
        match ownership.txt {
            Some(found) if !found.routing.is_of_same_policy(&after.routing) => {
                Err(Reason::RoutingConflict { at: at.clone(), is_needed: false })
            }
            Some(found) if found.answers_like(&after) => Ok(None),
            Some(found) => Ok(Some(Change::Replace { role, before: Box::new(found.clone()), after })),
            None => Ok(Some(Change::Create { role, set: after })),
        }
    }

    /// The ownership record of a set: with the same set identifier and routing, and a TTL of 300 as in ExternalDNS.
    pub(super) fn txt(&self, holder: &Claim, wanted: &RecordSet, ownership: &Ownership<'_>) -> RecordSet {
        let stated = ownership.place.states_name.then_some(&holder.endpoint.key.host);
        let text = Heritage::text(&self.settings.owner, holder.object(), stated);
        let data = Data::Values { ttl: Ttl::DEFAULT, values: Values::from_iter([text.to_value()]) };
        let name = ownership.place.name.clone();
        let key = SetKey { name, rtype: RecordType::Txt, set_id: wanted.key.set_id.clone() };
        RecordSet { key, routing: wanted.routing.clone(), data }
    }
}
