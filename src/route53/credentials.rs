//! Where credentials come from, for whoever has to find out why there are none.
//!
//! The SDK's chain looks for them and says what has failed, but not who was asked, for what and with what.

use std::fmt;

/// Where the environment says that credentials come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Keys in the environment.
    Keys,
    /// A named profile.
    Profile(String),
    /// A role for the token of a service account, from STS (IRSA).
    Role {
        /// The role's ARN.
        role: String,
        /// The file that holds the token.
        token: String,
    },
    /// What an agent on the node gives out (EKS Pod Identity).
    Agent {
        /// Where it is asked.
        uri: String,
        /// The file that holds the token that it is shown.
        token: String,
    },
    /// It says nothing: the default profile, or the machine's own role.
    Unsaid,
}

// === impl Origin ===

impl Origin {
    /// Where this process' credentials come from.
    pub fn of_environment() -> Self {
        Self::of(|name| std::env::var(name).ok())
    }

    /// The first that is named, in the order in which the SDK asks: environment, profile, web identity, container.
    fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let variable = |name| variable(name).filter(|value| !value.is_empty());
        let or_nothing = |name| variable(name).unwrap_or_else(|| format!("(no {name})"));
        if variable("AWS_ACCESS_KEY_ID").is_some() {
            Self::Keys
        } else if let Some(profile) = variable("AWS_PROFILE") {
            Self::Profile(profile)
        } else if let Some(token) = variable("AWS_WEB_IDENTITY_TOKEN_FILE") {
            Self::Role { role: or_nothing("AWS_ROLE_ARN"), token }
        } else if let Some(uri) = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI") {
            Self::Agent { uri, token: or_nothing("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") }
        } else {
            Self::Unsaid
        }
    }
}

/// Who was asked, and what to check.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keys => f.write_str(
                "they come from AWS_ACCESS_KEY_ID: check that the key is active and its secret right; keys of a session \
                 need AWS_SESSION_TOKEN too, and expire",
            ),
            Self::Profile(profile) => write!(
                f,
                "they come from the profile `{profile}` (AWS_PROFILE): check that `aws sts get-caller-identity \
                 --profile {profile}` works here; the files are ~/.aws/config and ~/.aws/credentials, or those of \
                 AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE"
            ),
            Self::Role { role, token } => write!(
                f,
                "they come from STS, for the role {role} and the token in {token} (IRSA): check that the role exists, that \
                 its trust policy names the cluster's OIDC provider, the audience sts.amazonaws.com and this pod's \
                 service account (system:serviceaccount:NAMESPACE:NAME), and that STS can be reached"
            ),
            Self::Agent { uri, token } => write!(
                f,
                "they come from {uri}, for the token in {token} (EKS Pod Identity): check that its agent runs on this node, \
                 and that a pod identity association names the namespace and service account of this pod"
            ),
            Self::Unsaid => f.write_str(
                "provide a role (IRSA or EKS Pod Identity in a cluster), a profile, or AWS_ACCESS_KEY_ID and \
                 AWS_SECRET_ACCESS_KEY",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_the_environment_names_is_asked() {
        let mut set = vec![
            ("AWS_ACCESS_KEY_ID", "AKIA"),
            ("AWS_PROFILE", "dns"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "/irsa"),
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials"),
            ("AWS_ROLE_ARN", ""),
        ];
        let expected = [
            Origin::Keys,
            Origin::Profile("dns".into()),
            Origin::Role { role: "(no AWS_ROLE_ARN)".into(), token: "/irsa".into() },
            Origin::Agent {
                uri: "http://169.254.170.23/v1/credentials".into(),
                token: "(no AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE)".into(),
            },
            Origin::Unsaid,
        ];
        for origin in expected {
            let value = |name: &str| set.iter().find(|(set, _)| *set == name).map(|(_, to)| (*to).to_owned());
            assert_eq!(Origin::of(value), origin);
            set.remove(0);
        }
    }
}
