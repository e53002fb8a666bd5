//! What a translation finds: what stays, what differs, and what is refused.

use std::fmt;

use serde::Serialize;

/// The result for each flag, in three classes.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// What means the same.
    pub stays: Vec<Stays>,
    /// What has no effect, or another effect.
    pub differs: Vec<Differs>,
    /// Why zonekeeper does not start.
    pub refused: Vec<Refused>,
}

/// A flag that means the same.
#[derive(Debug, Serialize)]
pub struct Stays {
    /// As it was given, or a default of `ExternalDNS`.
    pub given: String,
    /// The same as flags of zonekeeper, if zonekeeper needs any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
}

/// A flag without an effect, or with another effect.
#[derive(Debug, Serialize)]
pub struct Differs {
    /// As it was given, or a default of `ExternalDNS`.
    pub given: String,
    /// The difference.
    pub why: String,
    /// Whether the command line has it. Otherwise it is a default of `ExternalDNS`.
    #[serde(skip)]
    pub is_given: bool,
}

/// A flag with which zonekeeper does not start.
#[derive(Debug, Serialize)]
pub struct Refused {
    /// As it was given, or what is missing.
    pub given: String,
    /// The reason.
    pub why: String,
    /// What to do instead.
    pub instead: String,
}

// === impl Report ===

impl Report {
    /// Refuses a command line that cannot be parsed.
    pub fn reject(&mut self, why: String) {
        let (given, instead) = ("command line".to_owned(), "correct the command line".to_owned());
        self.refused.push(Refused { given, why, instead });
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        section(f, "stays: zonekeeper does the same", &self.stays)?;
        section(f, "differs: zonekeeper starts, and does something else", &self.differs)?;
        section(f, "refused: zonekeeper does not start", &self.refused)
    }
}

fn section(f: &mut fmt::Formatter<'_>, title: &str, entries: &[impl fmt::Display]) -> fmt::Result {
    writeln!(f, "{title}")?;
    if entries.is_empty() {
        writeln!(f, "  nothing")?;
    }
    for entry in entries {
        writeln!(f, "  {entry}")?;
    }
    writeln!(f)
}

impl fmt::Display for Stays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { given, flags } = self;
        let flags = flags.join(" ");
        if flags.is_empty() || flags == *given { f.write_str(given) } else { write!(f, "{given} -> {flags}") }
    }
}

impl fmt::Display for Differs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.given, self.why)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { given, why, instead } = self;
        write!(f, "{given}: {why}\n    instead: {instead}")
    }
}
