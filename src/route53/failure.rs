//! What a failed request means, decided once, by its code.

use std::{error::Error, io};

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_route53::{
    config::http::HttpResponse,
    error::{ErrorMetadata, ProvideErrorMetadata, SdkError},
};
use zonekeeper_core::keeper::{Failure, FailureClass};

use super::guard::Forbidden;
use crate::causes;

/// Our code for a server whose certificate is not trusted.
pub const UNTRUSTED: &str = "UntrustedCertificate";

/// Whether the request would have changed the zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It would.
    Change,
    /// It would not.
    Read,
}

/// What follows from an error of the SDK.
pub fn classify<E>(kind: Kind, error: &SdkError<E, HttpResponse>) -> Failure
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    if let Some(service) = error.as_service_error()
        && let Some(code) = service.code().filter(|code| !code.is_empty())
    {
        let message = service.message().unwrap_or_default().to_owned();
        return match of_code(kind, status, code) {
            FailureClass::Refused => Failure::refused(code, &message),
            class => Failure { class, code: code.to_owned(), message },
        };
    }
    if let Some(credentials) = find::<CredentialsError>(error, |_| true) {
        let (class, code) = (FailureClass::Account, "NoCredentials".to_owned());
        return Failure { class, code, message: of_credentials(credentials) };
    }
    let text = causes::text(error);
    let (class, code) = match error {
        _ if find::<Forbidden>(error, |_| true).is_some() => (FailureClass::Withheld, "Withheld"),
        _ if find::<io::Error>(error, |io| io.kind() == io::ErrorKind::ConnectionRefused).is_some() => {
            (FailureClass::NotExecuted, "ConnectionRefused")
        }
        // The handshake failed, so nothing was sent.
        _ if find(error, is_untrusted).is_some() => (FailureClass::NotExecuted, UNTRUSTED),
        SdkError::ConstructionFailure(_) => (FailureClass::Account, "RequestNotBuilt"),
        SdkError::TimeoutError(_) => (FailureClass::Unknown, "Timeout"),
        SdkError::DispatchFailure(_) => (FailureClass::Unknown, "ConnectionFailed"),
        // An answer without a code: the status is all that there is.
        _ if (400..500).contains(&status) => (of_code(kind, status, ""), "UnreadableRefusal"),
        _ => (FailureClass::Unknown, "UnreadableAnswer"),
    };
    let body = error.raw_response().and_then(|response| response.body().bytes());
    let body = body.map(|body| String::from_utf8_lossy(body).into_owned()).filter(|body| !body.is_empty());
    Failure { class, code: code.to_owned(), message: body.unwrap_or(text) }
}

/// The codes of the API reference ("Common Errors" and those of each operation) and of the request signer.
fn of_code(kind: Kind, status: u16, code: &str) -> FailureClass {
    match code {
        "Throttling" | "ThrottlingException" | "RequestLimitExceeded" | "TooManyRequestsException" => {
            FailureClass::Throttled
        }
        "PriorRequestNotComplete" => FailureClass::Busy,
        "NoSuchHostedZone"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "IncompleteSignature"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "MissingAuthenticationToken"
        | "NotAuthorized"
        | "OptInRequired"
        | "RequestExpired"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException" => FailureClass::Account,
        "AccessDenied" | "AccessDeniedException" => match kind {
            Kind::Read => FailureClass::Account,
            Kind::Change => FailureClass::Denied,
        },
        // The change that is asked about is gone: nothing follows from it.
        "NoSuchChange" => FailureClass::Refused,
        _ if status >= 500 => FailureClass::Unknown,
        _ => FailureClass::Refused,
    }
}

/// Whether a connection was given up because of the server's certificate. The error is wrapped more than once, and none
/// of the wrappers is a source of the next.
fn is_untrusted(error: &io::Error) -> bool {
    let Some(inner) = error.get_ref() else { return false };
    inner.downcast_ref().is_some_and(is_untrusted)
        || matches!(inner.downcast_ref(), Some(rustls::Error::InvalidCertificate(_)))
}

/// What the chain of credentials has met: the answer of STS, or else what it says itself.
fn of_credentials(error: &CredentialsError) -> String {
    match find::<ErrorMetadata>(error, |refusal| refusal.code().is_some()) {
        Some(refusal) => {
            format!("{}: {}", refusal.code().unwrap_or_default(), refusal.message().unwrap_or_default())
        }
        None => error.source().map_or_else(|| error.to_string(), causes::text),
    }
}

/// The first of a kind among an error and its causes.
fn find<'e, T: Error + 'static>(error: &'e (dyn Error + 'static), is: impl Fn(&T) -> bool) -> Option<&'e T> {
    let mut errors = std::iter::successors(Some(error), |error| (*error).source());
    errors.find_map(|error| error.downcast_ref::<T>().filter(|found| is(found)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_told_from_other_faults_of_a_connection() {
        let wrapped =
            |error: rustls::Error| io::Error::other(io::Error::new(io::ErrorKind::InvalidData, error));
        let untrusted = rustls::CertificateError::UnknownIssuer;
        assert!(is_untrusted(&wrapped(rustls::Error::InvalidCertificate(untrusted))));
        assert!(!is_untrusted(&wrapped(rustls::Error::HandshakeNotComplete)));
        assert!(!is_untrusted(&io::ErrorKind::ConnectionReset.into()));
    }

    #[test]
    fn every_code_has_one_consequence() {
        use FailureClass::{Account, Busy, Denied, Refused, Throttled, Unknown};
        for (kind, status, code, expected) in [
            (Kind::Change, 400, "Throttling", Throttled),
            (Kind::Read, 400, "ThrottlingException", Throttled),
            (Kind::Change, 400, "PriorRequestNotComplete", Busy),
            (Kind::Change, 400, "InvalidChangeBatch", Refused),
            (Kind::Change, 400, "InvalidInput", Refused),
            (Kind::Change, 404, "NoSuchHealthCheck", Refused),
            (Kind::Change, 403, "AccessDenied", Denied),
            (Kind::Read, 403, "AccessDenied", Account),
            (Kind::Read, 404, "NoSuchHostedZone", Account),
            (Kind::Change, 403, "ExpiredToken", Account),
            (Kind::Change, 403, "SignatureDoesNotMatch", Account),
            (Kind::Change, 500, "InternalFailure", Unknown),
            (Kind::Read, 503, "ServiceUnavailable", Unknown),
            (Kind::Read, 404, "NoSuchChange", Refused),
        ] {
            assert_eq!(of_code(kind, status, code), expected, "{code}");
        }
    }
}
