//! The plan for one hostname. This file orders the steps; the other files of the module hold the rules.

use std::collections::BTreeSet;

use super::{
    Blocked, HandChange, InSync, Limit, Note, Noted, Reason, Stale, Subject, Unit, View, WishDigest,
    desired::Desired, holder::Followed, remedy, rival::Rivals, siblings::Keys, written::Written,
};
use crate::{
    dns::{Name, RecordSet, RecordType},
    source::{Claim, ClaimKey},
};

/// The plan for one hostname.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostPlan {
    /// The units to write.
    pub units: Vec<Unit>,
    /// Keys whose records are right and ours.
    pub in_sync: Vec<InSync>,
    /// Boxed, because nearly every hostname is either written or in sync.
    findings: Option<Box<Findings>>,
}

/// The claims of a hostname that are blocked or noted, and its stale record sets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// The blocked claims, each with its reason.
    pub blocked: Vec<Blocked>,
    /// The claims whose records are right but not ours.
    pub noted: Vec<Noted>,
    /// Owned sets that no object wants, if the hostname is claimed.
    pub leftovers: Vec<Stale>,
    /// Owned sets, if no object claims the hostname.
    pub orphans: Vec<Stale>,
}

/// The plan for one key.
enum KeyPlan {
    InSync,
    Noted(Note, Vec<HandChange>),
    Write(Unit),
    Blocked(Reason, Vec<HandChange>),
}

// === impl HostPlan ===

impl HostPlan {
    /// The blocked and noted claims, and the stale record sets.
    pub fn findings(&self) -> &Findings {
        static NOTHING: Findings =
            Findings { blocked: Vec::new(), noted: Vec::new(), leftovers: Vec::new(), orphans: Vec::new() };
        self.findings.as_deref().unwrap_or(&NOTHING)
    }

    /// The units and the findings.
    pub fn into_parts(self) -> (Vec<Unit>, Findings) {
        (self.units, self.findings.map(|findings| *findings).unwrap_or_default())
    }

    pub(super) fn findings_mut(&mut self) -> &mut Findings {
        self.findings.get_or_insert_default()
    }

    fn add_leftovers(&mut self, leftovers: Vec<Stale>) {
        if !leftovers.is_empty() {
            self.findings_mut().leftovers.extend(leftovers);
        }
    }

    /// Frees the memory that is reserved for more. A plan in memory changes no more.
    pub(crate) fn shrink(&mut self) {
        self.units.shrink_to_fit();
        self.units.iter_mut().for_each(Unit::shrink);
        if let Some(findings) = &mut self.findings {
            findings.blocked.shrink_to_fit();
            findings.noted.shrink_to_fit();
            findings.leftovers.shrink_to_fit();
            findings.orphans.shrink_to_fit();
        }
    }

    /// Whether nothing is to be written or reported: every claim of the hostname, if there is one, is in sync.
    pub fn says_nothing(&self) -> bool {
        self.units.is_empty() && self.findings.is_none()
    }
}

// === impl View ===

impl View<'_> {
    /// Plans one hostname. For a hostname that no object claims, it finds the orphans.
    pub fn host(&self, host: &Name) -> HostPlan {
        let mut plan = HostPlan::default();
        if !self.claims.has_host(host) {
            let orphans: Vec<Stale> = self.stale_sets(host, |_| true).collect();
            if !orphans.is_empty() {
                plan.findings_mut().orphans = orphans;
            }
        }
        let rivals = Rivals::new(self);
        let Keys { planned, above_limit } = self.keys(host);
        let too_many = Reason::TooBig(Limit::SetIds(planned.len() + above_limit.len()));
        for claim in above_limit.into_iter().flat_map(|key| self.claims.claimants(key)) {
            plan.findings_mut().blocked.push(blocked(claim, &too_many, Vec::new()));
        }
        for key in planned {
            self.key(key, &rivals, &mut plan);
        }
        self.keep_strangers_out(host, &rivals, &mut plan);
        self.bind_siblings(&mut plan);
        plan.add_leftovers(self.unclaimed_set_ids(host));
        if let Some(order) = &self.settings.adoption.order {
            plan.units.retain(|unit| order.releases(unit));
        }
        plan
    }

    fn key(&self, key: &ClaimKey, rivals: &Rivals<'_>, plan: &mut HostPlan) {
        let named = self.named_holder(key);
        let Some(Followed { holder, must_wait }) =
            self.choose(key, named.as_ref(), &self.history.holder(key))
        else {
            return;
        };
        let wish = match self.barred(&key.host) {
            Some(reason) => Err(reason),
            None => self.wanted(holder),
        };
        let key_plan = match &wish {
            Ok(desired) => self.plan_wish(holder, desired, rivals, plan),
            Err(reason) => KeyPlan::Blocked(reason.clone(), Vec::new()),
        };
        // The grace period delays writes only, by zonekeeper and by hand. Records that are right are in sync at once.
        let is_change = match &key_plan {
            KeyPlan::Write(_) => true,
            KeyPlan::Blocked(_, remedy) => !remedy.is_empty(),
            KeyPlan::InSync | KeyPlan::Noted(..) => false,
        };
        let key_plan = match (key_plan, named) {
            (_, Some(holder)) if must_wait && is_change => {
                let reason = if self.claims.visibility.may_exist_unseen(&holder) {
                    Reason::KindUnreadable { holder }
                } else if let Some(resource) = self.claims.unreadable_dependency(&holder) {
                    Reason::DependencyUnreadable { resource: resource.to_owned(), object: holder }
                } else if self.claims.may_claim_unseen(&holder, &key.host) {
                    // It has the hostname above the limit, or may have it by its template.
                    Reason::ClaimedBy { holder }
                } else {
                    Reason::Vacant { holder }
                };
                KeyPlan::Blocked(reason, Vec::new())
            }
            (key_plan, _) => key_plan,
        };
        self.other_claimants(holder, &wish, &key_plan, plan);
        match key_plan {
            KeyPlan::InSync => {
                let wish = wish.as_ref().map(WishDigest::of).ok();
                let holder = holder.object().clone();
                plan.in_sync.extend(wish.map(|wish| InSync { key: key.clone(), holder, wish }));
            }
            KeyPlan::Noted(note, remedy) => plan.findings_mut().noted.push(noted(holder, &note, remedy)),
            KeyPlan::Write(unit) => plan.units.push(unit),
            KeyPlan::Blocked(reason, remedy) => {
                plan.findings_mut().blocked.push(blocked(holder, &reason, remedy));
            }
        }
    }

    /// Plans the claims of all claimants except the holder.
    fn other_claimants(
        &self,
        holder: &Claim,
        wish: &Result<Desired, Reason>,
        key_plan: &KeyPlan,
        plan: &mut HostPlan,
    ) {
        let claimants = self.claims.claimants(&holder.endpoint.key).iter();
        for other in claimants.filter(|other| other.object() != holder.object()) {
            let reason = match (self.wish(other), wish, key_plan) {
                // A claimant that asks for the same records gets the same result as the holder.
                (Ok(own), Ok(held), _) if held.fulfils(&own) && self.shares(holder, other, held) => {
                    match key_plan {
                        KeyPlan::Blocked(reason, remedy) => {
                            plan.findings_mut().blocked.push(blocked(other, reason, remedy.clone()));
                        }
                        KeyPlan::Noted(note, remedy) => {
                            plan.findings_mut().noted.push(noted(other, note, remedy.clone()));
                        }
                        KeyPlan::InSync | KeyPlan::Write(_) => {}
                    }
                    continue;
                }
                (Ok(own), _, KeyPlan::Blocked(reason @ Reason::MergeUndecided { .. }, _))
                    if own.asks_for_addresses() =>
                {
                    reason.clone()
                }
                (_, Err(reason @ (Reason::ReservedName(_) | Reason::BelowZoneCut { .. })), _) => {
                    reason.clone()
                }
                (Ok(_), _, _) => Reason::ClaimedBy { holder: holder.object().clone() },
                (Err(reason), _, _) => reason,
            };
            plan.findings_mut().blocked.push(blocked(other, &reason, Vec::new()));
        }
    }

    fn plan_wish(
        &self,
        holder: &Claim,
        desired: &Desired,
        rivals: &Rivals<'_>,
        plan: &mut HostPlan,
    ) -> KeyPlan {
        // Rivals come first: a name that is kept for another hostname's ownership record is no conflict that a person
        // could resolve by a deletion of that record.
        let written = match rivals.of(holder, desired) {
            Some(reason) => Err(reason),
            None => self.without_rivals(holder, desired),
        };
        let written = match written {
            Ok(written) => written,
            Err(reason) => {
                let remedy = remedy::of(self, holder, desired, &reason);
                // A batch by hand would break the rule as well.
                return match self.broken_beside(desired, &remedy).filter(|_| !remedy.is_empty()) {
                    Some(rule) => KeyPlan::Blocked(rule, Vec::new()),
                    None => KeyPlan::Blocked(reason, remedy),
                };
            }
        };
        match written {
            Written::Noted(note) => {
                let remedy = match note {
                    // The other owner keeps the record up to date. Nothing is to be mended.
                    Note::OwnedBy { .. } => Vec::new(),
                    Note::Unmanaged | Note::OwnershipLost => remedy::state_ownership(self, holder, desired),
                };
                KeyPlan::Noted(note, remedy)
            }
            Written::InSync => {
                plan.add_leftovers(self.leftovers(holder, desired));
                KeyPlan::InSync
            }
            Written::Unit(unit) => {
                plan.add_leftovers(self.leftovers(holder, desired));
                KeyPlan::Write(unit)
            }
        }
    }

    /// The owned sets of a key that none of its claimants asks for. None if one of the claimants cannot be understood.
    fn leftovers(&self, holder: &Claim, desired: &Desired) -> Vec<Stale> {
        let key = &holder.endpoint.key;
        let Some(asked_for) = self.asked_for(key) else { return Vec::new() };
        let is_wanted = |rtype: &RecordType| desired.has(rtype) || asked_for.contains(rtype);
        let stale = self.stale_sets(&key.host, |set| set.key.set_id == key.set_id && !is_wanted(set.rtype()));
        stale.map(|stale| Stale { beside: Some(holder.object().clone()), ..stale }).collect()
    }

    /// The owned sets under unclaimed set identifiers of a claimed hostname. They get traffic too.
    fn unclaimed_set_ids(&self, host: &Name) -> Vec<Stale> {
        let keys = || self.claims.keys_at(host);
        let is_claimed = |set: &RecordSet| keys().any(|key| key.set_id == set.key.set_id);
        // Nearly every hostname has no such set.
        if self.zone.at(host).iter().all(|set| !self.can_be_wanted(set) || is_claimed(set)) {
            return Vec::new();
        }
        // A claim that cannot be understood can ask for any of them.
        if !keys().all(|key| self.asked_for(key).is_some()) {
            return Vec::new();
        }
        let beside = keys().find_map(|key| {
            let holder = self.holder(key, self.named_holder(key).as_ref(), &self.history.holder(key))?;
            Some(holder.object().clone())
        });
        let stale = self.stale_sets(host, |set| !is_claimed(set));
        let stale = stale.map(|stale| Stale { beside: beside.clone(), ..stale });
        stale.filter(|stale| stale.beside.is_some()).collect()
    }

    /// The types that the claimants of a key ask for, managed or not. `None` if one of the claimants cannot be understood.
    fn asked_for(&self, key: &ClaimKey) -> Option<BTreeSet<RecordType>> {
        let mut types = BTreeSet::new();
        for claim in self.claims.claimants(key) {
            let desired = Desired::new(claim, self.zone, self.settings, self.keeps_cname(claim)).ok()?;
            types.extend(desired.sets.into_iter().map(|set| set.key.rtype));
        }
        Some(types)
    }
}

fn blocked(claim: &Claim, reason: &Reason, remedy: Vec<HandChange>) -> Blocked {
    let (subject, object) = (Subject::Key(claim.endpoint.key.clone()), claim.object().clone());
    Blocked { subject, object, reason: reason.clone(), remedy }
}

fn noted(claim: &Claim, note: &Note, remedy: Vec<HandChange>) -> Noted {
    let (key, object) = (claim.endpoint.key.clone(), claim.object().clone());
    Noted { key, object, note: note.clone(), remedy }
}
