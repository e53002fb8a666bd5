//! Access to Route 53: the configuration of the SDK, without what belongs to one zone.

use std::time::Duration;

use aws_config::{
    BehaviorVersion, ConfigLoader, SdkConfig, profile::ProfileFileCredentialsProvider,
    provider_config::ProviderConfig, sts::AssumeRoleProvider,
};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_route53::config::{Builder, Credentials, Region, retry::RetryConfig, timeout::TimeoutConfig};
use zonekeeper_core::lease;

use super::{
    credentials::CredentialSource,
    endpoint::{self, BadEndpoint},
};
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
    /// An endpoint has no TLS, or is no address.
    #[error("{0}")]
    Endpoint(BadEndpoint),
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
        let mut builder = Builder::from(&shared);
        if let (Self::Aws(_), Some(found)) = (self, shared.service_config().and_then(endpoint::of_route_53)) {
            builder = builder.endpoint_url(found);
        }
        Ok(builder.retry_config(RetryConfig::disabled()).timeout_config(timeouts))
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
    if let Some(bad) = endpoint::in_environment(|name| std::env::var(name).ok()) {
        return Err(AccessError::Endpoint(bad));
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
    if let Some(bad) = shared.service_config().and_then(endpoint::in_files) {
        return Err(AccessError::Endpoint(bad));
    }
    if shared.region().is_none_or(|region: &Region| region.as_ref().trim().is_empty()) {
        return Err(AccessError::NoRegion);
    }
    if let Some(profile) = profile {
        // The default chain would prefer access keys in the environment.
        let chosen = ProfileFileCredentialsProvider::builder().profile_name(profile);
        let chosen = chosen.configure(&of_providers(&shared));
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

/// The configuration of credential providers, as the SDK gives it to its default chain. It decides how a profile's requests
/// for a role reach STS.
///
/// The provider finds the endpoints of the profile itself. Two settings are lost, as in the default chain, because the SDK has
/// no way to pass them: the app name, and `ignore_configured_endpoint_urls`.
fn of_providers(shared: &SdkConfig) -> ProviderConfig {
    let mut providers = ProviderConfig::without_region()
        .with_region(shared.region().cloned())
        .with_use_fips(shared.use_fips())
        .with_use_dual_stack(shared.use_dual_stack())
        .with_behavior_version(shared.behavior_version());
    if let Some(timeouts) = shared.timeout_config() {
        providers = providers.with_timeout_config(timeouts.clone());
    }
    if let Some(retries) = shared.retry_config() {
        providers = providers.with_retry_config(retries.clone());
    }
    if let Some(client) = shared.http_client() {
        providers = providers.with_http_client(client);
    }
    if let Some(sleep) = shared.sleep_impl() {
        providers = providers.with_sleep_impl(sleep);
    }
    if let Some(clock) = shared.time_source() {
        providers = providers.with_time_source(clock);
    }
    providers
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_reaches_sts_with_the_settings_of_the_process() {
        let timeouts = TimeoutConfig::builder().connect_timeout(Duration::from_secs(77)).build();
        let shared = SdkConfig::builder()
            .region(Region::from_static("us-gov-west-1"))
            .use_fips(true)
            .use_dual_stack(true)
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(9))
            .build();
        // The SDK shows these settings nowhere else.
        let shown = format!("{:?}", of_providers(&shared));
        for part in
            ["us-gov-west-1", "use_fips: Some(true)", "use_dual_stack: Some(true)", "77s", "max_attempts: 9"]
        {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    }
}
