//! Endpoints without TLS: whoever is on the way could read and change requests, and answer them.

use std::net::IpAddr;

use axum::http::{Uri, uri::Scheme};

/// The environment variables with endpoints of the AWS services that we use (AWS SDKs and Tools Reference Guide,
/// "Service-specific endpoints").
const VARIABLES: [&str; 3] = ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_ROUTE_53", "AWS_ENDPOINT_URL_STS"];

/// Whether a request to this address leaves the machine without TLS. An address that cannot be read does not.
pub fn is_plain_text(address: &str) -> bool {
    let Ok(uri) = address.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let is_local = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    uri.scheme() == Some(&Scheme::HTTP) && !is_local
}

/// The first environment variable whose endpoint has no TLS, with its value.
pub fn plain_text(variable: impl Fn(&str) -> Option<String>) -> Option<(&'static str, String)> {
    let set = VARIABLES.into_iter().filter_map(|name| Some((name, variable(name)?)));
    set.into_iter().find(|(_, address)| is_plain_text(address))
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
        let found =
            plain_text(|name| (name == "AWS_ENDPOINT_URL_STS").then(|| "http://sts.example.com".to_owned()));
        assert_eq!(found, Some(("AWS_ENDPOINT_URL_STS", "http://sts.example.com".to_owned())));
        assert_eq!(plain_text(|_| None), None);
    }
}
