//! The source of the AWS credentials, for error messages.
//!
//! The SDK's error tells why there are no credentials, but not which provider it asked.

use std::fmt;

use crate::config::AwsAccess;

/// A source of credentials, as the flags and the environment configure it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialSource {
    /// Access keys in the environment.
    Keys,
    /// A named profile, of the flag or the environment.
    Profile(String),
    /// A role that STS grants for the token of a service account (IRSA).
    WebIdentity {
        /// The ARN of the role.
        role: String,
        /// The file with the token.
        token: String,
    },
    /// An agent on the node (EKS Pod Identity).
    Agent {
        /// The address of the agent.
        uri: String,
        /// The file with the token for the agent.
        token: String,
    },
    /// A role that STS grants for other credentials.
    Assumed {
        /// The ARN of the role.
        role: String,
        /// The source of the other credentials.
        with: Box<CredentialSource>,
    },
    /// No explicit source: the default profile, or the role of the machine.
    Default,
}

// === impl CredentialSource ===

impl CredentialSource {
    /// The source of this process.
    pub fn of(access: &AwsAccess) -> Self {
        Self::of_access(access, |name| std::env::var(name).ok())
    }

    fn of_access(access: &AwsAccess, variable: impl Fn(&str) -> Option<String>) -> Self {
        let named = access.profile.clone().map(Self::Profile);
        let source = named.unwrap_or_else(|| Self::of_environment(variable));
        match &access.role {
            Some(role) => Self::Assumed { role: role.arn.clone(), with: Box::new(source) },
            None => source,
        }
    }

    /// The first configured source, in the order of the SDK: environment, profile, web identity, container.
    fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let variable = |name| variable(name).filter(|value| !value.is_empty());
        let or_nothing = |name| variable(name).unwrap_or_else(|| format!("(no {name})"));
        if variable("AWS_ACCESS_KEY_ID").is_some() {
            Self::Keys
        } else if let Some(profile) = variable("AWS_PROFILE") {
            Self::Profile(profile)
        } else if let Some(token) = variable("AWS_WEB_IDENTITY_TOKEN_FILE") {
            Self::WebIdentity { role: or_nothing("AWS_ROLE_ARN"), token }
        } else if let Some(uri) = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI") {
            Self::Agent { uri, token: or_nothing("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") }
        } else {
            Self::Default
        }
    }
}

/// Names the source, and what to check.
impl fmt::Display for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keys => f.write_str(
                "they come from AWS_ACCESS_KEY_ID: check that the key is active and its secret is right; a temporary key \
                 needs AWS_SESSION_TOKEN too, and expires",
            ),
            Self::Profile(profile) => write!(
                f,
                "they come from the profile `{profile}` (--aws-profile or AWS_PROFILE): check that `aws sts get-caller-identity \
                 --profile {profile}` works here; the profile is read from ~/.aws/config and ~/.aws/credentials, or from the \
                 files in AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE"
            ),
            Self::WebIdentity { role, token } => write!(
                f,
                "they come from STS, for the role {role} and the token in {token} (IRSA): check that the role exists and \
                 that STS can be reached; check that the trust policy of the role names the cluster's OIDC provider, the \
                 audience sts.amazonaws.com and the service account of this pod \
                 (system:serviceaccount:NAMESPACE:NAME)"
            ),
            Self::Agent { uri, token } => write!(
                f,
                "they come from {uri}, for the token in {token} (EKS Pod Identity): check that the Pod Identity agent runs \
                 on this node, and that a pod identity association names the namespace and service account of this pod"
            ),
            Self::Assumed { role, with } => write!(
                f,
                "they come from STS, for the role {role} (--aws-assume-role): check that the role exists and that STS can be \
                 reached; check that its trust policy allows the other credentials to assume it, with this \
                 --aws-assume-role-external-id if it asks for one; check that the policy of the other credentials allows \
                 sts:AssumeRole on it\nthe other credentials: {with}"
            ),
            Self::Default => f.write_str(
                "provide a role (IRSA or EKS Pod Identity in a cluster), a profile, or AWS_ACCESS_KEY_ID and \
                 AWS_SECRET_ACCESS_KEY",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::AssumedRole;

    #[test]
    fn the_first_source_that_the_environment_configures_wins() {
        let mut set = vec![
            ("AWS_ACCESS_KEY_ID", "AKIA"),
            ("AWS_PROFILE", "dns"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "/irsa"),
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials"),
            ("AWS_ROLE_ARN", ""),
        ];
        let expected = [
            CredentialSource::Keys,
            CredentialSource::Profile("dns".into()),
            CredentialSource::WebIdentity { role: "(no AWS_ROLE_ARN)".into(), token: "/irsa".into() },
            CredentialSource::Agent {
                uri: "http://169.254.170.23/v1/credentials".into(),
                token: "(no AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE)".into(),
            },
            CredentialSource::Default,
        ];
        for source in expected {
            let value = |name: &str| set.iter().find(|(set, _)| *set == name).map(|(_, to)| (*to).to_owned());
            assert_eq!(CredentialSource::of_environment(value), source);
            set.remove(0);
        }
    }

    #[test]
    fn the_flags_come_before_the_environment() {
        let role = AssumedRole { arn: "arn:aws:iam::222222222222:role/dns".into(), external_id: None };
        let access = AwsAccess { region: None, profile: Some("dns".into()), role: Some(role) };
        let key = |name: &str| (name == "AWS_ACCESS_KEY_ID").then(|| "AKIA".to_owned());
        let text = CredentialSource::of_access(&access, key).to_string();
        for part in [
            "the role arn:aws:iam::222222222222:role/dns",
            "the other credentials: they come from the profile `dns`",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }
}
