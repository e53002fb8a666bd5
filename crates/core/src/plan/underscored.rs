//! Underscored names (RFC 8552) below a hostname: `_web._tcp.www.example.com`.
//!
//! Their records speak for the hostname. An SRV record leads its clients to another machine (RFC 2782). A person who writes the
//! TXT record at `_acme-challenge` can get a certificate (RFC 8555, 8.4). So they belong to the namespace that holds the
//! hostname. `--merge-targets=all-namespaces` gives them to everyone.

use super::{MergeTargets, Reason, View};
use crate::{dns::Name, source::Claim};

impl View<'_> {
    /// Why a claim would speak for a hostname of another namespace, if so.
    pub(super) fn speaks_for_others(&self, claim: &Claim) -> Option<Reason> {
        let host = self.spoken_for(&claim.endpoint.key.host)?;
        if self.settings.merge_targets == Some(MergeTargets::AllNamespaces) {
            return None;
        }
        let holder_of = |key| {
            self.holder(key, self.named_holder(key).as_ref(), &self.history.holder(key)).map(Claim::object)
        };
        let mut first = None;
        for holder in self.claims.keys_at(&host).filter_map(holder_of) {
            if holder.is_beside(claim.object()) {
                return None;
            }
            first = first.or(Some(holder));
        }
        first.map(|holder| Reason::SpeaksForOthers { host: host.clone(), holder: holder.clone() })
    }

    /// The name above the labels of an underscored name that begin with `_`, if it is in the zone.
    fn spoken_for(&self, name: &Name) -> Option<Name> {
        let is_underscored = |name: &Name| name.as_str().starts_with('_');
        let mut at = Some(name.clone()).filter(is_underscored)?;
        while is_underscored(&at) {
            at = at.parent()?;
        }
        Some(at).filter(|host| host.is_within(self.zone.apex()))
    }
}
