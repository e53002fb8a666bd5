//! Problems: what is wrong with an object.

/// Something wrong with an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field, as a person would look for it: `annotation external-dns.kubernetes.io/ttl`.
    pub field: String,
    /// The mistake, and the expected value.
    pub text: String,
    /// The effect on the object's hostnames.
    pub severity: Severity,
}

/// The effect of a problem on the hostnames of its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// A warning: the object's hostnames are published.
    Warning,
    /// The field could change where a hostname leads, so all hostnames of the object are blocked.
    Blocking,
    /// Some hostnames of the object are not known. The others are published, and the object may claim any hostname. `field`
    /// is the origin of the unknown ones.
    HostsUnknown,
    /// A resource that the object looks up cannot be read; `field` is that resource. All hostnames of the object are
    /// blocked, and it may claim others as well.
    Unreadable,
}

// === impl Severity ===

impl Severity {
    /// Whether the object may claim hostnames that are not among its facts.
    pub(super) fn hides_hosts(self) -> bool {
        matches!(self, Self::HostsUnknown | Self::Unreadable)
    }

    /// Whether all known hostnames of the object are blocked.
    pub(super) fn blocks(self) -> bool {
        matches!(self, Self::Blocking | Self::Unreadable)
    }
}

// === impl Problem ===

impl Problem {
    /// A problem that blocks nothing.
    pub(super) fn warning(field: impl Into<String>, text: impl Into<String>) -> Self {
        Self { field: field.into(), text: text.into(), severity: Severity::Warning }
    }

    /// A problem that blocks all hostnames of the object.
    pub(super) fn blocking(field: impl Into<String>, text: impl Into<String>) -> Self {
        Self { field: field.into(), text: text.into(), severity: Severity::Blocking }
    }
}
