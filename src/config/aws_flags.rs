//! The flags for the AWS account of the zone.

use clap::Args;

use super::BadFlag;

/// The flags for the AWS account of the zone.
#[derive(Debug, Clone, Args)]
pub struct AwsFlags {
    /// AWS region of the requests. Route 53 is global, so any region of the zone's partition will do. With a role to assume: a
    /// region whose STS the pod can reach. Without it: `AWS_REGION`,
    /// or the region of the profile.
    #[arg(long, env = "ZONEKEEPER_AWS_REGION", value_name = "REGION", help_heading = "AWS account")]
    pub aws_region: Option<String>,

    /// Profile of the AWS configuration files whose credentials to use, as in ExternalDNS. It comes before access keys in the
    /// environment. Without it: the default chain of the AWS SDKs (environment, `AWS_PROFILE`, IRSA, EKS Pod Identity).
    #[arg(long, env = "ZONEKEEPER_AWS_PROFILE", value_name = "NAME", help_heading = "AWS account")]
    pub aws_profile: Vec<String>,

    /// ARN of a role to assume, as in ExternalDNS: for a zone in another account. The credentials of the pod must be allowed
    /// sts:AssumeRole on this role. The role needs the policy that `zonekeeper iam-policy` prints.
    #[arg(long, env = "ZONEKEEPER_AWS_ASSUME_ROLE", value_name = "ARN", help_heading = "AWS account")]
    pub aws_assume_role: Option<String>,

    /// External id that the trust policy of the role of --aws-assume-role asks for, as in ExternalDNS.
    #[arg(
        long,
        env = "ZONEKEEPER_AWS_ASSUME_ROLE_EXTERNAL_ID",
        value_name = "ID",
        help_heading = "AWS account"
    )]
    pub aws_assume_role_external_id: Option<String>,
}

/// How to get access to the AWS account of the zone. The environment says what is not set here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AwsAccess {
    /// The region.
    pub region: Option<String>,
    /// The profile whose credentials to use.
    pub profile: Option<String>,
    /// The role to assume with these credentials.
    pub role: Option<AssumedRole>,
}

/// A role to assume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssumedRole {
    /// Its ARN.
    pub arn: String,
    /// The external id, if the trust policy of the role asks for one (IAM User Guide, "Access to AWS accounts owned by third parties").
    pub external_id: Option<String>,
}

// === impl AwsFlags ===

impl TryFrom<AwsFlags> for AwsAccess {
    type Error = BadFlag;

    fn try_from(flags: AwsFlags) -> Result<Self, BadFlag> {
        // This names every flag, so that a flag without an effect does not compile.
        let AwsFlags {
            aws_region: region,
            aws_profile: profiles,
            aws_assume_role: role,
            aws_assume_role_external_id: external_id,
        } = flags;
        // An empty environment variable is one that is not set.
        let set = |text: &String| !text.is_empty();
        let mut profiles = profiles.into_iter().filter(set);
        let profile = profiles.next();
        if let Some(other) = profiles.next() {
            return Err(BadFlag::Profiles(profile.unwrap_or_default(), other));
        }
        let (region, external_id) = (region.filter(set), external_id.filter(set));
        let role = match role.filter(set) {
            Some(arn) if !is_role(&arn) => return Err(BadFlag::AssumedRole(arn)),
            Some(arn) => Some(AssumedRole { arn, external_id }),
            None if external_id.is_some() => return Err(BadFlag::NoAssumedRole),
            None => None,
        };
        Ok(Self { region, profile, role })
    }
}

/// Whether a text has the form of a role's ARN (IAM User Guide, "IAM identifiers"): `arn:PARTITION:iam::ACCOUNT:role/NAME`.
fn is_role(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", partition, "iam", "", account, resource] = parts[..] else { return false };
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let is_named =
        resource.strip_prefix("role/").is_some_and(|name| !name.is_empty() && !name.ends_with('/'));
    partition.starts_with("aws") && is_account && is_named && arn.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "arn:aws:iam::222222222222:role/dns/zonekeeper";

    fn access(profiles: &[&str], role: Option<&str>, external_id: Option<&str>) -> Result<AwsAccess, String> {
        let flags = AwsFlags {
            aws_region: Some(String::new()),
            aws_profile: profiles.iter().map(|&profile| profile.to_owned()).collect(),
            aws_assume_role: role.map(str::to_owned),
            aws_assume_role_external_id: external_id.map(str::to_owned),
        };
        AwsAccess::try_from(flags).map_err(|bad| bad.to_string())
    }

    #[test]
    fn empty_values_are_not_set() {
        assert_eq!(access(&[""], Some(""), Some("")), Ok(AwsAccess::default()));
        let role = AssumedRole { arn: ROLE.to_owned(), external_id: None };
        let with_role =
            AwsAccess { profile: Some("dns".to_owned()), role: Some(role), ..AwsAccess::default() };
        assert_eq!(access(&["", "dns"], Some(ROLE), Some("")), Ok(with_role));
    }

    #[test]
    fn what_cannot_be_used_says_what_to_do() {
        let text = access(&["one", "two"], None, None).unwrap_err();
        assert!(text.contains("`one`") && text.contains("`two`"), "{text}");
        let text = access(&[], None, Some("id")).unwrap_err();
        assert!(text.contains("--aws-assume-role"), "{text}");
        for arn in [
            "zonekeeper",
            "arn:aws:iam::2222:role/zonekeeper",
            "arn:aws:iam::222222222222:user/zonekeeper",
            "arn:aws:iam::222222222222:role/",
            "arn:aws:sts::222222222222:assumed-role/zonekeeper/session",
            "arn:aws:iam::222222222222:role/zone keeper",
        ] {
            let text = access(&[], Some(arn), None).unwrap_err();
            assert!(
                text.contains(arn) && text.contains("arn:aws:iam::111122223333:role/zonekeeper"),
                "{text}"
            );
        }
        for arn in ["arn:aws-cn:iam::222222222222:role/a", "arn:aws-us-gov:iam::222222222222:role/a"] {
            assert!(access(&[], Some(arn), None).is_ok(), "{arn}");
        }
    }
}
