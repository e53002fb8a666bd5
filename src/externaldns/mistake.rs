//! What the parser of arguments does not understand.

/// Something that neither `ExternalDNS` nor zonekeeper understands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// An unknown flag.
    #[error("there is no flag --{name} in ExternalDNS 0.22 or in zonekeeper{}", nearest.as_ref().map(|it| format!("; the nearest is --{it}")).unwrap_or_default())]
    Unknown {
        /// Its name.
        name: String,
        /// The most similar name.
        nearest: Option<String>,
    },
    /// An argument that belongs to no flag.
    #[error("`{0}` belongs to no flag")]
    Loose(String),
    /// A flag without its value.
    #[error("--{0} needs a value")]
    NoValue(String),
    /// A switch with a value.
    #[error("--{0} takes no value: write --{0} or --no-{0}")]
    Value(String),
    /// A flag that occurs more than once.
    #[error("--{0} cannot be repeated")]
    Repeated(String),
    /// A variable of a switch that is neither true nor false.
    #[error("{variable} is `{value}`: write true or false")]
    NotBoolean {
        /// The variable.
        variable: String,
        /// Its value.
        value: String,
    },
    /// A file with arguments.
    #[error("zonekeeper reads no arguments from a file: put the lines of `{0}` in its place")]
    File(String),
}
