//! Access to Route 53: the configuration of the SDK, without what belongs to one zone.

use std::time::Duration;

use aws_config::{
    BehaviorVersion, ConfigLoader, SdkConfig, profile::ProfileFileCredentialsProvider,
    provider_config::ProviderConfig, sts::AssumeRoleProvider,
};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_route53::config::{Builder, Credentials, Region, retry::RetryConfig, timeout::TimeoutConfig};
use zonekeeper_core::lease;

use super::{credentials::CredentialSource, endpoint};
use crate::{
    config::{AssumedRole, AwsAccess},
    error_chain,
};

/// How long one request may take, until the end of its answer.
///
/// It is shorter than the margin of the lease: a change that is sent when leadership ends must be over before another
/// process writes.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(8);
const _: () = assert!(ATTEMPT_TIMEOUT.as_millis() < lease::MARGIN.as_millis());
/// How long it may take to open a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The name of the sessions with an assumed role, as CloudTrail shows it.
const SESSION: &str = "zonekeeper";

/// How to reach Route 53.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Via {
    /// AWS, or the endpoints that the environment names.
    Aws(AwsAccess),
    /// An emulator on this machine.
    Emulator {
        /// The address of the emulator.
        url: String,
        /// The access key to use.
        access_key: String,
    },
}

/// Why the SDK cannot be configured.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// No region is configured.
    #[error(
        "no AWS region is configured: set --aws-region or AWS_REGION (Route 53 is global, so any region of the zone's partition will do, for example us-east-1)"
    )]
    NoRegion,
    /// An endpoint has no TLS.
    #[error(
        "{0} is {1}, an endpoint without TLS that is not on this machine: whoever is on the way could change records; use https://"
    )]
    PlainText(&'static str, String),
    /// This machine trusts no certificate authority, so it cannot trust any server.
    #[error(
        "this system trusts no certificate authority, so it cannot trust AWS: {0}\ninstall its ca-certificates, or name a bundle (PEM) with SSL_CERT_FILE"
    )]
    NoAuthority(String),
}

// === impl Via ===

impl Via {
    /// The configuration of a client whose calls are one HTTP request each.
    pub async fn client(&self) -> Result<Builder, AccessError> {
        let shared = match self {
            Self::Aws(access) => aws(access).await?,
            Self::Emulator { url, access_key } => {
                let key = Credentials::new(access_key, "not-checked", None, None, "emulator");
                let region = Region::from_static("us-east-1");
                defaults().endpoint_url(url).region(region).credentials_provider(key).load().await
            }
        };
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(ATTEMPT_TIMEOUT)
            .build();
        Ok(Builder::from(&shared).retry_config(RetryConfig::disabled()).timeout_config(timeouts))
    }

    /// The source of the credentials.
    pub fn credential_source(&self) -> CredentialSource {
        match self {
            Self::Aws(access) => CredentialSource::of(access),
            Self::Emulator { .. } => CredentialSource::Keys,
        }
    }
}

fn defaults() -> ConfigLoader {
    aws_config::defaults(BehaviorVersion::v2026_01_12())
}

/// The configuration for AWS.
async fn aws(access: &AwsAccess) -> Result<SdkConfig, AccessError> {
    let AwsAccess { region, profile, role } = access;
    if let Some((variable, endpoint)) = endpoint::plain_text(|name| std::env::var(name).ok()) {
        return Err(AccessError::PlainText(variable, endpoint));
    }
    require_authorities()?;
    let mut loader = defaults();
    if let Some(region) = region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    let mut shared = loader.load().await;
    if shared.region().is_none_or(|region: &Region| region.as_ref().trim().is_empty()) {
        return Err(AccessError::NoRegion);
    }
    if let Some(profile) = profile {
        // The default chain would prefer access keys in the environment.
        let in_region = ProviderConfig::without_region().with_region(shared.region().cloned());
        let chosen = ProfileFileCredentialsProvider::builder().profile_name(profile).configure(&in_region);
        shared = with_credentials(shared, SharedCredentialsProvider::new(chosen.build()));
    }
    if let Some(AssumedRole { arn, external_id }) = role {
        let mut assumed = AssumeRoleProvider::builder(arn).session_name(SESSION).configure(&shared);
        if let Some(id) = external_id {
            assumed = assumed.external_id(id);
        }
        let assumed = SharedCredentialsProvider::new(assumed.build().await);
        shared = with_credentials(shared, assumed);
    }
    Ok(shared)
}

fn with_credentials(shared: SdkConfig, credentials: SharedCredentialsProvider) -> SdkConfig {
    shared.into_builder().credentials_provider(credentials).build()
}

/// Checks that this system trusts a certificate authority. Without this check, the SDK would blame the server's certificate.
fn require_authorities() -> Result<(), AccessError> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        let errors: Vec<String> = found.errors.iter().map(|error| error_chain::text(error)).collect();
        let none = || "it has no bundle of certificates".to_owned();
        return Err(AccessError::NoAuthority(if errors.is_empty() { none() } else { errors.join("; ") }));
    }
    Ok(())
}
