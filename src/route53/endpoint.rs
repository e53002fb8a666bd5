//! Endpoints that somebody has configured. Without TLS, whoever is on the way could read and change requests, and answer them.

use std::{fmt, net::IpAddr};

use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};
use axum::http::{Uri, uri::Scheme};

/// The environment variables with endpoints of the AWS services that we use (AWS SDKs and Tools Reference Guide,
/// "Service-specific endpoints").
const VARIABLES: [&str; 3] = ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_ROUTE_53", "AWS_ENDPOINT_URL_STS"];
/// The name of Route 53 in a `services` section (AWS SDKs and Tools Reference Guide, "Service-specific endpoints"). The SDK
/// looks for `route-53` instead.
const ROUTE_53: &str = "route_53";
/// The same services in the configuration files: the name in the SDK, and the name of the setting for a person.
const SERVICES: [(&str, &str); 3] = [
    ("Route 53", "endpoint_url for Route 53 in the AWS configuration file"),
    (ROUTE_53, "endpoint_url for Route 53 in the AWS configuration file"),
    ("STS", "endpoint_url for STS in the AWS configuration file"),
];

/// An endpoint that must not be used.
#[derive(Debug, PartialEq, Eq)]
pub struct BadEndpoint {
    /// The variable or setting that holds it.
    pub setting: &'static str,
    /// Its value.
    pub address: String,
    /// Whether it is an address without TLS. Otherwise it is no address.
    pub is_plain_text: bool,
}

/// Whether a request to this address leaves the machine without TLS. An address that cannot be read does not.
pub fn is_plain_text(address: &str) -> bool {
    let Ok(uri) = address.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let is_local = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    uri.scheme() == Some(&Scheme::HTTP) && !is_local
}

/// The first environment variable with an endpoint that must not be used.
pub fn in_environment(variable: impl Fn(&str) -> Option<String>) -> Option<BadEndpoint> {
    VARIABLES.into_iter().find_map(|name| BadEndpoint::of(name, variable(name)?))
}

/// The first setting of the AWS configuration files with an endpoint that must not be used. It stands in the profile, or in the
/// `services` section that the profile names. An environment variable comes before it.
pub fn in_files(config: &dyn LoadServiceConfig) -> Option<BadEndpoint> {
    SERVICES.into_iter().find_map(|(service, setting)| {
        // With `ignore_configured_endpoint_urls`, the SDK hides the files behind this variable only. But a profile's requests
        // for a role still go where the files say.
        let used = load(config, service, VARIABLES[0]).or_else(|| load(config, service, ""))?;
        BadEndpoint::of(setting, used)
    })
}

/// The endpoint of Route 53 that the SDK does not find.
pub fn of_route_53(config: &dyn LoadServiceConfig) -> Option<String> {
    let of_any_service = load(config, "any service", VARIABLES[0]);
    load(config, ROUTE_53, VARIABLES[0]).filter(|address| of_any_service.as_ref() != Some(address))
}

/// The endpoint of a service, or that of all services.
fn load(config: &dyn LoadServiceConfig, service: &str, variable: &str) -> Option<String> {
    let key = ServiceConfigKey::builder().service_id(service).env(variable).profile("endpoint_url");
    config.load_config(key.build().ok()?)
}

// === impl BadEndpoint ===

impl BadEndpoint {
    /// None if the address may be used. The SDK takes an empty text for an address too, and cannot use it.
    fn of(setting: &'static str, address: String) -> Option<Self> {
        let is_address = |uri: &Uri| {
            let is_known = [Scheme::HTTP, Scheme::HTTPS].iter().any(|known| uri.scheme() == Some(known));
            is_known && uri.host().is_some_and(|host| !host.is_empty())
        };
        let is_plain_text = is_plain_text(&address);
        let is_bad = is_plain_text || !address.parse().is_ok_and(|uri| is_address(&uri));
        is_bad.then_some(Self { setting, address, is_plain_text })
    }
}

impl fmt::Display for BadEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { setting, address, is_plain_text } = self;
        if *is_plain_text {
            write!(
                f,
                "{setting} is {address}, an endpoint without TLS that is not on this machine: whoever is on the way could \
                 change records; use https://"
            )
        } else {
            write!(
                f,
                "{setting} is `{address}`, which is no address: remove it, or write it like https://route53.amazonaws.com"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_needs_no_tls() {
        for plain in [
            "http://route53.amazonaws.com",
            "http://10.0.0.1:4566",
            "HTTP://localstack:4566/",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "http://user@10.0.0.1/",
            "http://[2001:db8::1]:80",
            "http://169.254.169.254",
            "http://0.0.0.0:80",
        ] {
            assert!(is_plain_text(plain), "{plain}");
        }
        for safe in [
            "https://route53.amazonaws.com",
            "http://127.0.0.1:4566",
            "http://127.9.9.9",
            "http://localhost:4566/path",
            "http://[::1]:4566",
            "https://10.0.0.1",
            "not an address",
            "",
        ] {
            assert!(!is_plain_text(safe), "{safe}");
        }
    }

    #[test]
    fn the_variable_is_named() {
        let found = in_environment(|name| {
            (name == "AWS_ENDPOINT_URL_STS").then(|| "http://sts.example.com".to_owned())
        });
        let address = "http://sts.example.com".to_owned();
        let expected = BadEndpoint { setting: "AWS_ENDPOINT_URL_STS", address, is_plain_text: true };
        assert_eq!(found, Some(expected));
        assert_eq!(in_environment(|_| None), None);
    }

    #[test]
    fn what_is_no_address_is_an_error() {
        let found = |address: &str| in_environment(|_| Some(address.to_owned())).map(|bad| bad.to_string());
        for bad in [
            "",
            "route53.amazonaws.com",
            "https://",
            "https:/route53",
            "not an address",
            "ftp://a.example.com",
            "/path",
        ] {
            let expected = format!(
                "AWS_ENDPOINT_URL is `{bad}`, which is no address: remove it, or write it like https://route53.amazonaws.com"
            );
            assert_eq!(found(bad), Some(expected));
        }
        for good in ["https://route53.amazonaws.com", "HTTPS://a.example.com:8443/path", "http://[::1]:4566"]
        {
            assert_eq!(found(good), None);
        }
    }

    /// The endpoint of one service in the files. The flag is `ignore_configured_endpoint_urls`.
    #[derive(Debug)]
    struct Files(&'static str, &'static str, bool);

    impl LoadServiceConfig for Files {
        fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
            let Self(service, address, is_ignored) = *self;
            let is_hidden = is_ignored && key.env() == "AWS_ENDPOINT_URL";
            (key.service_id() == service && key.profile() == "endpoint_url" && !is_hidden)
                .then(|| address.to_owned())
        }
    }

    #[test]
    fn the_setting_of_a_file_is_named() {
        for (service, setting) in SERVICES {
            for is_ignored in [false, true] {
                let found = in_files(&Files(service, "http://192.0.2.1", is_ignored));
                let address = "http://192.0.2.1".to_owned();
                assert_eq!(found, Some(BadEndpoint { setting, address, is_plain_text: true }));
                assert_eq!(in_files(&Files(service, "https://192.0.2.1", is_ignored)), None);
            }
        }
    }
}
