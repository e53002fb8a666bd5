//! What a flag of `ExternalDNS` means to zonekeeper.

/// A flag of `ExternalDNS`.
#[derive(Debug)]
pub struct Flag {
    /// Its name, without `--`.
    pub name: &'static str,
    /// Which values it takes.
    pub kind: Kind,
    /// Its meaning.
    pub meaning: Meaning,
}

/// The values of a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `--events` or `--no-events`
    Switch,
    /// One value.
    Single,
    /// One value each time. The flag may be repeated.
    Repeated,
}

/// What zonekeeper makes of a flag. Each flag has exactly one class.
#[derive(Debug)]
pub enum Meaning {
    /// The flag of zonekeeper with this name means the same.
    Same(&'static str),
    /// Each value has a meaning of its own.
    Values {
        /// The flag of zonekeeper that gets the value; none if zonekeeper needs no flag.
        flag: Option<&'static str>,
        /// The known values.
        known: &'static [(&'static str, Outcome)],
        /// Applies to all other values.
        others: Refusal,
    },
    /// It names the zone, if it occurs once.
    Zone,
    /// It has no effect here, for this reason.
    Pointless(&'static str),
    /// zonekeeper does not start with it, unless it is off or empty.
    Refused(Refusal),
}

/// What a value means.
#[derive(Debug)]
pub enum Outcome {
    /// This value of the flag of zonekeeper. Without such a flag, zonekeeper does so anyway.
    Is(&'static str),
    /// zonekeeper does not start with it.
    Refused(Refusal),
}

/// Why zonekeeper does not start with a flag, and what to do instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The reason.
    pub why: &'static str,
    /// What to do instead.
    pub instead: &'static str,
}

// === impl Flag ===

impl Flag {
    /// A flag without a value.
    pub(super) const fn switch(name: &'static str, meaning: Meaning) -> Self {
        Self { name, kind: Kind::Switch, meaning }
    }

    /// A flag with one value.
    pub(super) const fn single(name: &'static str, meaning: Meaning) -> Self {
        Self { name, kind: Kind::Single, meaning }
    }

    /// A flag that may be repeated.
    pub(super) const fn repeated(name: &'static str, meaning: Meaning) -> Self {
        Self { name, kind: Kind::Repeated, meaning }
    }

    /// The variable that replaces the flag.
    pub fn variable(&self) -> String {
        format!("EXTERNAL_DNS_{}", self.name.to_ascii_uppercase().replace('-', "_"))
    }

    /// Whether logs must not show its value.
    pub(super) fn is_secret(&self) -> bool {
        ["key", "secret", "password", "external-id"].iter().any(|part| self.name.contains(part))
    }
}

// === impl Meaning ===

impl Meaning {
    /// The flag of zonekeeper that gets the values.
    pub fn own_name(&self) -> Option<&'static str> {
        match self {
            Self::Same(name) => Some(name),
            Self::Values { flag, .. } => *flag,
            Self::Zone => Some("zone-id"),
            Self::Pointless(_) | Self::Refused(_) => None,
        }
    }
}
