//! IP networks, and which addresses of targets count.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// A network of IPv4 or IPv6: `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// An address of the network.
    address: IpAddr,
    /// How many of its first bits all addresses of the network share.
    prefix: u32,
}

/// A text that is no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected an address and the length of its prefix, as in 10.0.0.0/8 or 2001:db8::/32")]
pub struct BadNetwork;

/// The addresses of targets that count. Without networks, all of them do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkFilter {
    /// The networks that count; all if there are none.
    pub only: Vec<Network>,
    /// The networks that do not count.
    pub except: Vec<Network>,
}

// === impl Network ===

impl Network {
    fn has(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differing = own.to_bits() ^ other.to_bits();
                differing.leading_zeros() >= self.prefix
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differing = own.to_bits() ^ other.to_bits();
                differing.leading_zeros() >= self.prefix
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = BadNetwork;

    fn from_str(text: &str) -> Result<Self, BadNetwork> {
        let (address, prefix) = text.trim().split_once('/').ok_or(BadNetwork)?;
        let address: IpAddr = address.parse().map_err(|_| BadNetwork)?;
        let longest = if address.is_ipv4() { Ipv4Addr::BITS } else { Ipv6Addr::BITS };
        let is_number = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix = prefix.parse().ok().filter(|prefix| is_number && *prefix <= longest);
        Ok(Self { address, prefix: prefix.ok_or(BadNetwork)? })
    }
}

// === impl NetworkFilter ===

impl NetworkFilter {
    /// Whether every address counts.
    pub fn is_empty(&self) -> bool {
        self.only.is_empty() && self.except.is_empty()
    }

    /// Whether an address counts.
    pub fn allows(&self, address: IpAddr) -> bool {
        let is_in = |networks: &[Network]| networks.iter().any(|network| network.has(address));
        !is_in(&self.except) && (self.only.is_empty() || is_in(&self.only))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(texts: &[&str]) -> Vec<Network> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    /// The addresses that count.
    fn allowed(only: &[&str], except: &[&str]) -> Vec<&'static str> {
        let filter = NetworkFilter { only: networks(only), except: networks(except) };
        let all = ["10.0.0.1", "10.255.0.1", "192.0.2.1", "2001:db8::1", "2001:db8:1::1"];
        all.into_iter().filter(|text| filter.allows(text.parse().unwrap())).collect()
    }

    #[test]
    fn an_address_counts_inside_the_one_networks_and_outside_the_others() {
        assert_eq!(allowed(&[], &[]).len(), 5);
        assert_eq!(allowed(&["10.0.0.0/8"], &[]), ["10.0.0.1", "10.255.0.1"]);
        assert_eq!(allowed(&["10.0.0.0/9", "192.0.2.1/32"], &[]), ["10.0.0.1", "192.0.2.1"]);
        assert_eq!(allowed(&["10.99.0.0/8"], &["10.255.0.0/16"]), ["10.0.0.1"]);
        assert_eq!(allowed(&[], &["0.0.0.0/0"]), ["2001:db8::1", "2001:db8:1::1"]);
        assert_eq!(allowed(&["2001:db8::/48"], &[]), ["2001:db8::1"]);
        assert_eq!(allowed(&["::/0"], &["2001:db8::1/128"]), ["2001:db8:1::1"]);
    }

    #[test]
    fn a_network_is_an_address_with_the_length_of_its_prefix() {
        for text in [
            "",
            "10.0.0.0",
            "10.0.0.0/33",
            "10.0.0.0/-1",
            "10.0.0.0/+8",
            "10.0.0.0/",
            "10/8",
            "::/129",
            "a/8",
        ] {
            assert_eq!(text.parse::<Network>(), Err(BadNetwork), "{text}");
        }
        assert!(" 2001:db8::/32 ".parse::<Network>().is_ok());
    }
}
