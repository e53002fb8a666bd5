//! The heading: the first lines that a command prints.

use std::fmt;

use serde::Serialize;
use zonekeeper_core::{
    dns::ZoneId,
    plan::OwnerId,
    source::{Publish, Rules},
};

use crate::route53::ZoneFacts;

/// The cluster, the zone, the owner, the mode and the objects of a command. A user who has the kubeconfig of another
/// cluster, or another flag than the controller, sees it here.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Heading {
    /// Where the objects come from: the context and the API server, or the folder.
    cluster: String,
    zone_id: String,
    /// None in a command that does not read the zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    zone_name: Option<String>,
    owner: String,
    mode: &'static str,
    /// None in a command that reads no objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    publish: Option<&'static str>,
}

// === impl Heading ===

impl Heading {
    /// The heading of a command that reads neither the zone nor objects.
    pub fn new(cluster: &impl fmt::Display, zone: &ZoneId, owner: &OwnerId, mode: &'static str) -> Self {
        Self {
            cluster: cluster.to_string(),
            zone_id: zone.to_string(),
            zone_name: None,
            owner: owner.to_string(),
            mode,
            publish: None,
        }
    }

    /// The heading of a command that reads objects and a zone.
    pub fn reading(self, zone: &ZoneFacts, rules: &Rules) -> Self {
        Self { zone_name: Some(zone.apex.to_string()), publish: Some(publish_text(rules.publish)), ..self }
    }
}

impl fmt::Display for Heading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cluster, zone_id, zone_name, owner, mode, publish } = self;
        writeln!(f, "cluster: {cluster}")?;
        match zone_name {
            Some(name) => writeln!(f, "zone:    {name} ({zone_id})")?,
            None => writeln!(f, "zone:    {zone_id}")?,
        }
        writeln!(f, "owner:   {owner}")?;
        writeln!(f, "mode:    {mode}")?;
        publish.map_or(Ok(()), |publish| writeln!(f, "publish: {publish}"))
    }
}

/// The value of `--publish`.
pub(super) fn publish_text(publish: Publish) -> &'static str {
    match publish {
        Publish::Annotated => "annotated",
        Publish::All => "all",
    }
}
