//! The operation and the caller of a request.

use std::collections::BTreeMap;

use axum::{
    extract::Query,
    http::{HeaderMap, Method, Uri, header::AUTHORIZATION},
};
use percent_encoding::percent_decode_str;

use super::error::ApiError;

/// The header of temporary credentials: the token of their session.
const SESSION_TOKEN: &str = "x-amz-security-token";

/// An operation of the API, with the parameters in its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operation {
    ChangeResourceRecordSets { zone: String },
    ListResourceRecordSets { zone: String },
    GetHostedZone { zone: String },
    GetHostedZoneLimit { zone: String, kind: String },
    GetChange { id: String },
    ListHostedZones,
    ListHostedZonesByName,
    ListTagsForResource { kind: String, id: String },
    ListTagsForResources { kind: String },
    Unknown,
}

/// A request without its body.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub operation: Operation,
    pub access_key: Result<String, ApiError>,
    pub session_token: Option<String>,
    pub target: String,
    pub method: Method,
    pub parameters: BTreeMap<String, String>,
}

// === impl Operation ===

impl Operation {
    /// The operation of a method and a path. An id may have its prefix (`/hostedzone/Z1`), plain or
    /// percent-encoded. The path may end with a slash.
    fn of(method: &Method, path: &str) -> Self {
        let path = percent_decode_str(path).decode_utf8_lossy();
        let segments: Vec<_> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let own = |text: &&str| (*text).to_owned();
        let segments = match segments.as_slice() {
            ["2013-04-01", noun @ ("hostedzone" | "hostedzonelimit"), "hostedzone", rest @ ..]
            | ["2013-04-01", noun @ "change", "change", rest @ ..] => [&[*noun], rest].concat(),
            ["2013-04-01", rest @ ..] => rest.to_vec(),
            _ => return Self::Unknown,
        };
        match (method.as_str(), segments.as_slice()) {
            ("POST", ["hostedzone", zone, "rrset"]) => Self::ChangeResourceRecordSets { zone: own(zone) },
            ("GET", ["hostedzone", zone, "rrset"]) => Self::ListResourceRecordSets { zone: own(zone) },
            ("GET", ["hostedzone", zone]) => Self::GetHostedZone { zone: own(zone) },
            ("GET", ["hostedzonelimit", zone, kind]) => {
                Self::GetHostedZoneLimit { zone: own(zone), kind: own(kind) }
            }
            ("GET", ["change", id]) => Self::GetChange { id: own(id) },
            ("GET", ["hostedzone"]) => Self::ListHostedZones,
            ("GET", ["hostedzonesbyname"]) => Self::ListHostedZonesByName,
            ("GET", ["tags", kind, id]) => Self::ListTagsForResource { kind: own(kind), id: own(id) },
            ("POST", ["tags", kind]) => Self::ListTagsForResources { kind: own(kind) },
            _ => Self::Unknown,
        }
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::ChangeResourceRecordSets { .. } => "ChangeResourceRecordSets",
            Self::ListResourceRecordSets { .. } => "ListResourceRecordSets",
            Self::GetHostedZone { .. } => "GetHostedZone",
            Self::GetHostedZoneLimit { .. } => "GetHostedZoneLimit",
            Self::GetChange { .. } => "GetChange",
            Self::ListHostedZones => "ListHostedZones",
            Self::ListHostedZonesByName => "ListHostedZonesByName",
            Self::ListTagsForResource { .. } => "ListTagsForResource",
            Self::ListTagsForResources { .. } => "ListTagsForResources",
            Self::Unknown => "Unknown",
        }
    }
}

// === impl Call ===

impl Call {
    pub(super) fn new(method: Method, uri: &Uri, headers: &HeaderMap) -> Self {
        let parameters = Query::<Vec<(String, String)>>::try_from_uri(uri);
        Self {
            operation: Operation::of(&method, uri.path()),
            access_key: access_key(headers),
            session_token: headers
                .get(SESSION_TOKEN)
                .map(|token| String::from_utf8_lossy(token.as_bytes()).into_owned()),
            target: uri.to_string(),
            method,
            parameters: parameters.map(|Query(pairs)| pairs.into_iter().collect()).unwrap_or_default(),
        }
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }
}

/// The access key of the signature (`Credential=AKID/date/region/route53/aws4_request`).
fn access_key(headers: &HeaderMap) -> Result<String, ApiError> {
    let header = headers
        .get(AUTHORIZATION)
        .ok_or_else(|| ApiError::new(403, "MissingAuthenticationToken", "Missing Authentication Token"))?;
    let credential = header.to_str().ok().and_then(|header| header.split_once("Credential="));
    match credential.and_then(|(_, credential)| credential.split_once('/')) {
        Some((key, _)) if !key.is_empty() => Ok(key.to_owned()),
        _ => Err(ApiError::new(
            403,
            "IncompleteSignature",
            "Authorization header requires 'Credential' parameter.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_operations() {
        let zone = || "Z1".to_owned();
        for (method, path, expected) in [
            (
                Method::POST,
                "/2013-04-01/hostedzone/Z1/rrset",
                Operation::ChangeResourceRecordSets { zone: zone() },
            ),
            (
                Method::POST,
                "/2013-04-01/hostedzone/Z1/rrset/",
                Operation::ChangeResourceRecordSets { zone: zone() },
            ),
            (
                Method::POST,
                "/2013-04-01/hostedzone//hostedzone/Z1/rrset",
                Operation::ChangeResourceRecordSets { zone: zone() },
            ),
            (
                Method::GET,
                "/2013-04-01/hostedzone/%2Fhostedzone%2FZ1/rrset",
                Operation::ListResourceRecordSets { zone: zone() },
            ),
            (Method::GET, "/2013-04-01/hostedzone/Z1", Operation::GetHostedZone { zone: zone() }),
            (
                Method::GET,
                "/2013-04-01/hostedzonelimit/Z1/MAX_RRSETS_BY_ZONE",
                Operation::GetHostedZoneLimit { zone: zone(), kind: "MAX_RRSETS_BY_ZONE".into() },
            ),
            (Method::GET, "/2013-04-01/change/C1", Operation::GetChange { id: "C1".into() }),
            (Method::GET, "/2013-04-01/change/%2Fchange%2FC1", Operation::GetChange { id: "C1".into() }),
            (Method::GET, "/2013-04-01/hostedzone", Operation::ListHostedZones),
            (Method::GET, "/2013-04-01/hostedzonesbyname", Operation::ListHostedZonesByName),
            (
                Method::GET,
                "/2013-04-01/tags/hostedzone/Z1",
                Operation::ListTagsForResource { kind: "hostedzone".into(), id: zone() },
            ),
            (
                Method::POST,
                "/2013-04-01/tags/hostedzone",
                Operation::ListTagsForResources { kind: "hostedzone".into() },
            ),
            (Method::DELETE, "/2013-04-01/hostedzone/Z1", Operation::Unknown),
            (Method::GET, "/", Operation::Unknown),
        ] {
            assert_eq!(Operation::of(&method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn the_access_key_is_in_the_credential_scope() {
        let key = |value: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(value) = value {
                headers.insert(AUTHORIZATION, value.parse().unwrap());
            }
            access_key(&headers).map_err(|error| error.code)
        };
        let signed =
            "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/route53/aws4_request, SignedHeaders=host";
        assert_eq!(key(Some(signed)), Ok("AKID".into()));
        assert_eq!(key(None), Err("MissingAuthenticationToken".into()));
        assert_eq!(key(Some("Basic eA==")), Err("IncompleteSignature".into()));
    }
}
