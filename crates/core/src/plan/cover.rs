//! Records that would cover names of others: wildcards, and records that validate certificates.
//!
//! A wildcard answers for every name below its parent that does not exist (RFC 4592, 2.2), so also for
//! `_acme-challenge.www.example.com`. Certificate authorities read a TXT and follow a CNAME there (RFC 8555, 8.4, and the
//! CA/Browser Forum's Baseline Requirements, 3.2.2.4.7). So a person who chooses the TXT `*.www.example.com`, or the target of
//! this CNAME, can get a certificate for `www.example.com`. A CAA decides which authorities may issue one (RFC 8659, 3). SRV
//! and MX records lead clients to another machine. Wildcards with addresses or aliases answer none of these questions.
//!
//! A certificate that is validated at `_acme-challenge.example.com` can be for `*.example.com` (RFC 8555, 7.1.3), or for any
//! name below (Baseline Requirements, 3.2.2.4.7). This does not depend on the holder of `example.com`: who wants such a
//! certificate would just ask for that hostname too.

use std::collections::BTreeSet;

use super::{
    Heritage, Reason, View,
    desired::Desired,
    ownership::Owner,
    reason::{Cover, Covered},
};
use crate::{
    dns::{Name, RecordSet, RecordType},
    source::{Claim, ClaimKey, ObjectRef},
};

/// The labels at which certificate authorities look for a TXT: ACME's DNS-01 (RFC 8555, 8.4), its DNS-PERSIST-01
/// (draft-ietf-acme-dns-persist), `DigiCert`, and Sectigo.
const VALIDATION_LABELS: [&str; 4] =
    ["_acme-challenge", "_validation-persist", "_dnsauth", "_pki-validation"];

impl View<'_> {
    /// Why a claim would cover names of others, if so.
    pub(super) fn covers_others(&self, claim: &Claim, desired: &Desired) -> Option<Reason> {
        let host = &claim.endpoint.key.host;
        let (by, parent) = Cover::of(host, desired)?;
        let is_allowed = by == Cover::Validation && self.is_open_to_all();
        if self.settings.allow_wildcard_cname || is_allowed {
            return None;
        }
        if parent == *self.zone.apex() {
            // Every name of the zone is covered, so a search for others would be a search of the whole zone, at each change.
            return Some(Reason::CoversOthers { by, covered: Covered::Apex });
        }
        // A hostname can have many claimants, and each search looks at all names below the parent.
        let of = (host.clone(), claim.object().namespace().to_owned());
        let known = self.covered.borrow().get(&of).cloned();
        let covered = known.unwrap_or_else(|| {
            let covered = self.claim_of_others(claim, &parent, by);
            let covered = covered.or_else(|| self.record_of_others(claim, &parent, by));
            self.covered.borrow_mut().insert(of, covered.clone());
            covered
        });
        covered.map(|covered| Reason::CoversOthers { by, covered })
    }

    /// The claimed names that are blocked or not depending on the claims and records at these names.
    pub(super) fn covering(&self, names: &BTreeSet<Name>) -> Vec<Name> {
        let apex = self.zone.apex();
        let mut parents = BTreeSet::new();
        for name in names {
            let mut at = Some(name.clone());
            while let Some(here) = at.filter(|here| here != apex && here.is_within(apex)) {
                at = here.parent();
                // The names above it are known too then.
                if !parents.insert(here) {
                    break;
                }
            }
        }
        // Nearly no hostname has a claimed one below it.
        parents.retain(|parent| self.claims.hosts_within(parent).any(|host| host != parent));
        let covering = parents.iter().flat_map(|parent| {
            let validations = VALIDATION_LABELS.into_iter().filter_map(|label| parent.child(label));
            let below = |label: Name| self.claims.hosts_within(&label).cloned().collect::<Vec<_>>();
            let wildcard = parent.child("*").filter(|name| self.claims.has_host(name));
            validations.flat_map(below).chain(wildcard)
        });
        covering.collect()
    }

    fn claim_of_others(&self, claim: &Claim, parent: &Name, by: Cover) -> Option<Covered> {
        let host = &claim.endpoint.key.host;
        let mut keys =
            self.claims.keys_within(parent).filter(|key| key.host != *host && by.covers(&key.host));
        let is_of_others = |other: &ObjectRef| !other.is_beside(claim.object());
        // An object that asks for a published name of another namespace does not get it. So it must not keep the holder from
        // renewing a certificate. A wildcard is never that urgent.
        let counts = |key: &&ClaimKey| {
            let mut claimants = self.claims.claimants(key).iter().map(Claim::object);
            if !claimants.any(is_of_others) {
                return false;
            }
            if by == Cover::Wildcard {
                return true;
            }
            let holders = self.holders_of_records(&key.host);
            holders.is_empty() || holders.iter().any(is_of_others)
        };
        Some(Covered::Claim(keys.find(counts)?.host.clone()))
    }

    fn record_of_others(&self, claim: &Claim, parent: &Name, by: Cover) -> Option<Covered> {
        let below = self.zone.names_from(parent).take_while(|(name, _)| name.is_within(parent));
        let others = below.filter(|(name, _)| **name != claim.endpoint.key.host && by.covers(name));
        let mut sets = others.flat_map(|(_, sets)| sets);
        let set = sets.find(|set| !self.is_of_namespace(set, claim.object()))?;
        Some(Covered::Record { at: set.name().clone(), rtype: set.rtype().clone() })
    }

    /// Whether a record set is ours, and its ownership record names no object of another namespace than the claimant. An
    /// ownership record of ours belongs to its record, which is looked at itself.
    fn is_of_namespace(&self, set: &RecordSet, claimant: &ObjectRef) -> bool {
        let (naming, owner) = (&self.settings.naming, &self.settings.owner);
        if let Some(said) = Heritage::of(set).filter(|_| *set.rtype() == RecordType::Txt) {
            return said.owner == owner.as_str();
        }
        let set_id = set.key.set_id.as_ref();
        let found = naming.look_up(self.zone, owner, set.name(), set.rtype(), set_id);
        let is_of_others = found.object.is_some_and(|object| !object.is_beside(claimant));
        found.owner == Owner::Us && !is_of_others
    }
}

// === impl Cover ===

impl Cover {
    /// How records at a hostname cover other names, if they do, and the name above those.
    ///
    /// ACME reads a validation record of one account at a name below the label (draft-ietf-acme-dns-account-label).
    fn of(host: &Name, desired: &Desired) -> Option<(Self, Name)> {
        let validations = host.labels().enumerate().filter(|(_, label)| VALIDATION_LABELS.contains(label));
        if let Some((at, _)) = validations.last() {
            let parent = (0..=at).try_fold(host.clone(), |name, _| name.parent())?;
            return Some((Self::Validation, parent));
        }
        let is_plain = |set: &RecordSet| matches!(set.rtype(), RecordType::A | RecordType::Aaaa);
        let is_covering = host.is_wildcard() && !desired.sets.iter().all(is_plain);
        Some((Self::Wildcard, host.parent().filter(|_| is_covering)?))
    }

    /// Whether a name at the parent or below counts. No certificate is for an underscored name (RFC 5280,
    /// 4.2.1.6), and the validations of others are such names.
    fn covers(self, name: &Name) -> bool {
        self == Self::Wildcard || !name.is_underscored()
    }
}
