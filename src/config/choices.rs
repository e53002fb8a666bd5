//! The values of flags that are a choice, and what they mean.

use std::fmt;

use clap::ValueEnum;
use zonekeeper_core::{
    plan::MergeTargets,
    source::{Publish, Resource},
};

/// A kind of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Source {
    /// Ingress (networking.k8s.io/v1)
    Ingress,
    /// Service (v1)
    Service,
    /// `DNSEndpoint` (externaldns.k8s.io/v1alpha1)
    Crd,
}

/// A kind of hosted zones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ZoneType {
    /// A zone that everybody sees
    Public,
    /// A zone that only its VPCs see
    Private,
}

/// The objects that are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Published {
    /// Objects with a hostname annotation or with zonekeeper.dev/publish: "true"
    Annotated,
    /// Every object that has a hostname, as in ExternalDNS
    All,
}

/// The objects whose addresses a hostname gets together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Merge {
    /// One object
    False,
    /// All objects of its namespace
    True,
    /// All objects, as in ExternalDNS: any namespace can add itself to the answers of another one, with addresses, set
    /// identifiers and underscored names
    AllNamespaces,
}

/// A log format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines of text
    Text,
    /// One JSON object per line
    Json,
}

/// A log level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// Failures
    Error,
    /// Problems that need attention
    Warn,
    /// Changes
    Info,
    /// Decisions
    Debug,
    /// Everything, including libraries
    Trace,
}

/// Whether to write what is planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RunMode {
    /// Write every plan
    Apply,
    /// Write only plans that a person has approved; see `zonekeeper approve`
    Approve,
    /// Write nothing, and log what would be written
    DryRun,
}

// === impl ZoneType ===

impl ZoneType {
    /// Whether a zone is of this kind.
    pub fn is(self, is_private: bool) -> bool {
        is_private == (self == Self::Private)
    }
}

impl fmt::Display for ZoneType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Private => "private",
        })
    }
}

impl From<Merge> for MergeTargets {
    fn from(merge: Merge) -> Self {
        match merge {
            Merge::False => Self::Never,
            Merge::True => Self::WithinNamespace,
            Merge::AllNamespaces => Self::AllNamespaces,
        }
    }
}

impl From<Published> for Publish {
    fn from(published: Published) -> Self {
        match published {
            Published::Annotated => Self::Annotated,
            Published::All => Self::All,
        }
    }
}

impl Source {
    /// The resource that is read for the kind.
    pub(super) fn resource(self) -> Resource {
        match self {
            Self::Ingress => Resource::INGRESS,
            Self::Service => Resource::SERVICE,
            Self::Crd => Resource::DNS_ENDPOINT,
        }
    }
}
