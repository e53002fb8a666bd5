//! `zonekeeper iam-policy`: prints the policy for the IAM role.

use std::process::ExitCode;

use clap::Args;
use zonekeeper_core::dns::{BadName, Name};

use super::output::sayln;
use crate::{
    config::{BadFlag, TypeFlags, ZoneFlags},
    route53::{Partition, Policy},
};

/// Print the IAM policy with exactly the permissions that zonekeeper needs
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct IamPolicy {
    #[command(flatten)]
    zone: ZoneFlags,

    /// Name of the hosted zone, as in apps.example.com. The policy allows this name and all names below it.
    #[arg(long, env = "ZONEKEEPER_ZONE_NAME", value_name = "NAME", help_heading = "Zone and ownership")]
    zone_name: String,

    #[command(flatten)]
    types: TypeFlags,

    /// AWS partition of the zone.
    #[arg(
        long,
        env = "ZONEKEEPER_PARTITION",
        value_enum,
        default_value_t = Partition::Aws,
        value_name = "PARTITION",
        help_heading = "Zone and ownership"
    )]
    partition: Partition,
}

const EXAMPLES: &str = "Example:
  Attach the policy to an existing role:
    zonekeeper iam-policy --zone-id Z0123456789ABC --zone-name apps.example.com > policy.json
    aws iam put-role-policy --role-name zonekeeper --policy-name zonekeeper --policy-document file://policy.json

  manifests/aws creates the zone, the role and the policy with Terraform.

Give the same --managed-record-types here as to `zonekeeper run`. If the policy allows fewer types, AWS answers
AccessDenied, and the hostnames with the other types are blocked.

The statement DenyServiceNames protects names such as _acme-challenge. If your --txt-prefix begins with `_`, remove it.";

// === impl IamPolicy ===

impl IamPolicy {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let apex = match Name::from_hostname(&self.zone_name) {
            Ok(name) if name.is_wildcard() => Err(BadName::Character('*')),
            read => read,
        };
        let apex = apex.map_err(|why| BadFlag::ZoneName(self.zone_name, why))?;
        let policy = Policy::least(self.partition, &self.zone.try_into()?, &apex, &self.types.try_into()?);
        sayln!("{}", serde_json::to_string_pretty(&policy)?);
        Ok(ExitCode::SUCCESS)
    }
}
