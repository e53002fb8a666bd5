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
/// Longest part of an unreadable answer that is repeated in a message, in characters.
const LONGEST_QUOTE: usize = 200;

/// Codes with one meaning, and what follows from them.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// The codes.
    pub codes: &'static [&'static str],
    /// What has happened, for people.
    pub means: &'static str,
    /// What follows where a read failed.
    pub read: FailureClass,
    /// What follows where a change failed.
    pub change: FailureClass,
}

/// What Route 53 answers: the codes of the API reference ("Common Errors" and those of each operation) and of the
/// request signer. Any other code is a refusal with a status below 500, and no answer with one from there on.
pub const ANSWERS: [Known; 13] = [
    known(
        &["Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException"],
        "The account is over its requests or its changes.",
        FailureClass::Throttled,
    ),
    known(&["PriorRequestNotComplete"], "Another change of the zone is being processed.", FailureClass::Busy),
    known(
        &["InvalidChangeBatch"],
        "A change contradicts the zone, a rule or a limit, or the record is protected. The message says which.",
        FailureClass::Refused,
    ),
    known(
        &["InvalidInput", "ValidationError", "ValidationException"],
        "A request does not have the form of the API.",
        FailureClass::Refused,
    ),
    known(
        &["NoSuchHealthCheck"],
        "A record set names a health check that is not there.",
        FailureClass::Refused,
    ),
    // The change that is asked about is gone: nothing follows from it.
    known(
        &["NoSuchChange"],
        "Route 53 has forgotten the change that was asked about.",
        FailureClass::Refused,
    ),
    Known {
        codes: &["AccessDenied", "AccessDeniedException"],
        means: "The role's policy, or one above it, does not allow this.",
        read: FailureClass::Account,
        change: FailureClass::Denied,
    },
    known(
        &["NoSuchHostedZone"],
        "The zone is not there any more, or not in this account.",
        FailureClass::Account,
    ),
    known(&["ExpiredToken", "ExpiredTokenException"], "The credentials have expired.", FailureClass::Account),
    known(
        &["RequestExpired", "RequestTimeTooSkewed"],
        "The clock of this machine is wrong by minutes.",
        FailureClass::Account,
    ),
    known(
        &["SignatureDoesNotMatch", "InvalidSignatureException"],
        "The secret key is wrong, the clock of this machine is, or something on the way changes requests.",
        FailureClass::Account,
    ),
    known(
        &[
            "IncompleteSignature",
            "InvalidClientTokenId",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
            "NotAuthorized",
            "OptInRequired",
            "UnrecognizedClientException",
        ],
        "The account does not know these credentials, or may not use Route 53.",
        FailureClass::Account,
    ),
    known(
        &[
            "InternalError",
            "InternalFailure",
            "RequestAbortedException",
            "RequestTimeout",
            "RequestTimeoutException",
            "ServiceUnavailable",
        ],
        "Route 53 is broken, or busy.",
        FailureClass::Unknown,
    ),
];

/// What happens on the way, under codes of our own.
pub const ON_THE_WAY: [Known; 9] = [
    known(&["ConnectionRefused"], "Nobody listens there.", FailureClass::NotExecuted),
    known(
        &[UNTRUSTED],
        "The certificate is not one of Route 53, or its authority is not trusted here.",
        FailureClass::NotExecuted,
    ),
    known(&["ConnectionFailed"], "The connection broke, before or after.", FailureClass::Unknown),
    known(&["Timeout"], "No answer within 8 seconds.", FailureClass::Unknown),
    known(
        &["UnreadableAnswer"],
        "An answer that is cut off, empty, or not of Route 53: a proxy, a load balancer.",
        FailureClass::Unknown,
    ),
    known(&["NoCredentials"], "There are no credentials, or nobody gives any.", FailureClass::Account),
    known(&["RequestNotBuilt"], "There is no region, or no endpoint to send it to.", FailureClass::Account),
    known(&["BatchNotBuilt"], "A batch cannot be expressed. A defect of zonekeeper.", FailureClass::Refused),
    known(
        &["Withheld", "ReadOnly"],
        "The right to send the change had ended before it was sent.",
        FailureClass::Withheld,
    ),
];

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
        return of_answer(kind, status, code, service.message().unwrap_or_default());
    }
    if let Some(credentials) = find::<CredentialsError>(error, |_| true) {
        let (class, code) = (FailureClass::Account, "NoCredentials".to_owned());
        return Failure { class, code, message: of_credentials(credentials) };
    }
    let text = causes::text(error);
    let code = match error {
        _ if find::<Forbidden>(error, |_| true).is_some() => "Withheld",
        _ if find::<io::Error>(error, |io| io.kind() == io::ErrorKind::ConnectionRefused).is_some() => {
            "ConnectionRefused"
        }
        // The handshake failed, so nothing was sent.
        _ if find(error, is_untrusted).is_some() => UNTRUSTED,
        SdkError::ConstructionFailure(_) => "RequestNotBuilt",
        SdkError::TimeoutError(_) => "Timeout",
        SdkError::DispatchFailure(_) => "ConnectionFailed",
        _ => {
            return unreadable(
                kind,
                status,
                error.raw_response().and_then(|response| response.body().bytes()),
                text,
            );
        }
    };
    Failure { class: of_code(kind, status, code), code: code.to_owned(), message: text }
}

/// What follows from an answer without a code. Route 53 gives codes: it has come from something on the way, unless it is
/// a refused change in the form that the service had before 2024.
fn unreadable(kind: Kind, status: u16, body: Option<&[u8]>, text: String) -> Failure {
    let body = String::from_utf8_lossy(body.unwrap_or_default());
    let is_of_old = body.contains("<InvalidChangeBatch");
    let code = match status {
        400 if is_of_old => "InvalidChangeBatch",
        429 => "TooManyRequestsException",
        _ => "UnreadableAnswer",
    };
    let message = match body.char_indices().nth(LONGEST_QUOTE) {
        _ if body.trim().is_empty() => text,
        // It names the record sets that are to blame.
        _ if is_of_old => body.into_owned(),
        Some((end, _)) => format!("status {status}: {}…", body.get(..end).unwrap_or_default()),
        None => format!("status {status}: {body}"),
    };
    // A batch that is too large for something on the way gets through in parts.
    if status == 413 {
        return Failure { class: FailureClass::Refused, code: code.to_owned(), message };
    }
    of_answer(kind, status, code, &message)
}

/// A code and a message, which decides where the code does not tell.
fn of_answer(kind: Kind, status: u16, code: &str, message: &str) -> Failure {
    match of_code(kind, status, code) {
        FailureClass::Refused => Failure::refused(code, message),
        class => Failure { class, code: code.to_owned(), message: message.to_owned() },
    }
}

const fn known(codes: &'static [&'static str], means: &'static str, class: FailureClass) -> Known {
    Known { codes, means, read: class, change: class }
}

fn of_code(kind: Kind, status: u16, code: &str) -> FailureClass {
    match ANSWERS.iter().chain(&ON_THE_WAY).find(|known| known.codes.contains(&code)) {
        Some(known) if kind == Kind::Read => known.read,
        Some(known) => known.change,
        None if status >= 500 => FailureClass::Unknown,
        None => FailureClass::Refused,
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
    fn no_code_is_there_twice() {
        let codes: Vec<&str> =
            ANSWERS.iter().chain(&ON_THE_WAY).flat_map(|known| known.codes).copied().collect();
        let distinct: std::collections::BTreeSet<&str> = codes.iter().copied().collect();
        assert_eq!(codes.len(), distinct.len(), "{codes:?}");
    }

    #[test]
    fn an_unknown_code_is_judged_by_its_status() {
        for (status, class) in
            [(400, FailureClass::Refused), (403, FailureClass::Refused), (599, FailureClass::Unknown)]
        {
            assert_eq!(of_code(Kind::Change, status, "NeverHeardOf"), class, "{status}");
        }
    }
}
