//! The flags of zonekeeper, as far as a translation needs to know them.

/// The flags of zonekeeper.
#[derive(Debug, Default)]
pub struct OwnFlags(Vec<OwnFlag>);

/// A flag of zonekeeper.
#[derive(Debug)]
pub struct OwnFlag {
    /// Its name and its aliases, without `--`.
    pub names: Vec<String>,
    /// The variable that replaces it.
    pub variable: Option<String>,
    /// Whether it has a value.
    pub takes_value: bool,
    /// Whether a comma separates several values.
    pub splits: bool,
}

// === impl OwnFlags ===

impl OwnFlags {
    /// The flag with a name or an alias.
    pub fn find(&self, name: &str) -> Option<&OwnFlag> {
        self.0.iter().find(|flag| flag.names.iter().any(|known| known == name))
    }

    /// All names and aliases.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|flag| &flag.names).map(String::as_str)
    }
}

impl FromIterator<OwnFlag> for OwnFlags {
    fn from_iter<I: IntoIterator<Item = OwnFlag>>(flags: I) -> Self {
        Self(flags.into_iter().collect())
    }
}
