//! The addresses of host names, for load balancers whose host names are resolved.

use std::net::IpAddr;

use super::{Part, Targets};

/// The addresses of one host name, as a resolver gives them.
#[derive(Debug, PartialEq)]
pub struct Addresses(Box<[IpAddr]>);

// === impl Addresses ===

impl Addresses {
    /// The addresses of a host name.
    pub fn new(addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let mut addresses: Vec<IpAddr> = addresses.into_iter().collect();
        addresses.sort_unstable();
        addresses.dedup();
        Self(addresses.into())
    }

    pub(super) fn add_to(&self, targets: &mut Targets) {
        self.0.iter().for_each(|address| targets.add_address(*address));
    }
}

impl Part for Addresses {}
