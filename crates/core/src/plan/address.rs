//! Addresses that a record should not lead to.

use std::{fmt, net::IpAddr};

/// Why an address cannot be a target: it means something else on each machine, or no single machine (IANA IPv4 and IPv6
/// Special-Purpose Address Registries, RFC 6890). With such a target, a hostname of the zone leads into the machine or
/// the network of whoever asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Special {
    /// `0.0.0.0/8` and `::`.
    Unspecified,
    /// `127.0.0.0/8` and `::1`.
    Loopback,
    /// `169.254.0.0/16` and `fe80::/10`. Clouds serve credentials at such addresses.
    LinkLocal,
    /// `224.0.0.0/4` and `ff00::/8`.
    Multicast,
    /// `255.255.255.255`.
    Broadcast,
}

// === impl Special ===

impl Special {
    /// The special use of an address, if it has one. An IPv4 address within an IPv6 address counts as itself.
    pub fn of(address: IpAddr) -> Option<Self> {
        let address = address.to_canonical();
        let (is_this_network, is_link_local, is_broadcast) = match address {
            IpAddr::V4(v4) => (v4.octets().starts_with(&[0]), v4.is_link_local(), v4.is_broadcast()),
            IpAddr::V6(v6) => (false, v6.is_unicast_link_local(), false),
        };
        let uses = [
            (is_this_network || address.is_unspecified(), Self::Unspecified),
            (address.is_loopback(), Self::Loopback),
            (is_link_local, Self::LinkLocal),
            (address.is_multicast(), Self::Multicast),
            (is_broadcast, Self::Broadcast),
        ];
        uses.into_iter().find_map(|(is_so, special)| is_so.then_some(special))
    }
}

impl fmt::Display for Special {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unspecified => "unspecified",
            Self::Loopback => "loopback",
            Self::LinkLocal => "link-local",
            Self::Multicast => "multicast",
            Self::Broadcast => "broadcast",
        })
    }
}

/// Whether an address belongs to a private network: RFC 1918, RFC 6598 (shared by providers) and RFC 4193.
pub fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_private() || matches!(v4.octets(), [100, 64..=127, ..]),
        IpAddr::V6(v6) => v6.is_unique_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_addresses_are_known_to_the_last_one() {
        let special = |text: &str| Special::of(text.parse().unwrap()).map(|special| special.to_string());
        for (first, last, expected) in [
            ("0.0.0.0", "0.255.255.255", "unspecified"),
            ("::", "::", "unspecified"),
            ("127.0.0.0", "127.255.255.255", "loopback"),
            ("::1", "::1", "loopback"),
            ("169.254.0.0", "169.254.255.255", "link-local"),
            ("fe80::", "febf:ffff::ffff", "link-local"),
            ("224.0.0.0", "239.255.255.255", "multicast"),
            ("ff00::", "ffff::ffff", "multicast"),
            ("255.255.255.255", "255.255.255.255", "broadcast"),
            ("::ffff:127.0.0.1", "::ffff:127.1.2.3", "loopback"),
            ("::ffff:169.254.169.254", "::ffff:169.254.0.1", "link-local"),
        ] {
            assert_eq!(special(first).as_deref(), Some(expected), "{first}");
            assert_eq!(special(last).as_deref(), Some(expected), "{last}");
        }
        for ordinary in [
            "1.0.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "223.255.255.255",
            "255.255.255.254",
            "::2",
            "fe7f::1",
            "fec0::1",
            "2001:db8::1",
            "10.0.0.1",
        ] {
            assert_eq!(special(ordinary), None, "{ordinary}");
        }
    }

    #[test]
    fn private_addresses_are_known_to_the_last_one() {
        let is_private = |text: &str| is_private(text.parse().unwrap());
        for private in
            ["10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0", "100.64.0.0"]
                .into_iter()
                .chain(["100.127.255.255", "fc00::", "fdff:ffff::1", "::ffff:10.0.0.1"])
        {
            assert!(is_private(private), "{private}");
        }
        for public in
            ["9.255.255.255", "11.0.0.0", "172.32.0.0", "192.169.0.0", "100.63.255.255", "100.128.0.0"]
                .into_iter()
                .chain(["fbff::1", "fe00::1", "2001:db8::1"])
        {
            assert!(!is_private(public), "{public}");
        }
    }
}
