//! Classifies failed requests by their error code.

use std::{error::Error, io};

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_route53::{
    config::http::HttpResponse,
    error::{ErrorMetadata, ProvideErrorMetadata, SdkError},
};
use zonekeeper_core::keeper::{Failure, FailureClass};

use super::guard::Forbidden;
use crate::error_chain;

/// Our code for a server with an untrusted certificate.
pub const UNTRUSTED: &str = "UntrustedCertificate";
/// How much of an unreadable answer a message quotes, in characters.
const LONGEST_QUOTE: usize = 200;

/// Error codes with the same meaning, and their classes.
#[derive(Debug, Clone, Copy)]
pub struct KnownCode {
    /// The codes.
    pub codes: &'static [&'static str],
    /// The meaning, for people.
    pub means: &'static str,
    /// The class of a failed read.
    pub read: FailureClass,
    /// The class of a failed change.
    pub change: FailureClass,
}

/// The codes that Route 53 answers with, from the API reference ("Common Errors" and the errors of each operation).
///
/// A code that is not listed here counts as a rejection with a status below 500, and as no answer from 500 on.
pub const SERVICE_CODES: [KnownCode; 13] = [
    known(
        &["Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException"],
        "The account has exceeded its quota of requests or changes.",
        FailureClass::Throttled,
    ),
    known(
        &["PriorRequestNotComplete"],
        "Route 53 still processes another change of the zone.",
        FailureClass::Busy,
    ),
    known(
        &["InvalidChangeBatch"],
        "A change contradicts the zone, a rule or a limit, or the record is protected. The message names the cause.",
        FailureClass::Refused,
    ),
    known(
        &["InvalidInput", "ValidationError", "ValidationException"],
        "A request does not follow the API.",
        FailureClass::Refused,
    ),
    known(
        &["NoSuchHealthCheck"],
        "A record set names a health check that does not exist.",
        FailureClass::Refused,
    ),
    // Route 53 keeps changes for a limited time. Nothing needs to be done.
    known(
        &["NoSuchChange"],
        "Route 53 no longer knows the change whose progress was requested.",
        FailureClass::Refused,
    ),
    KnownCode {
        codes: &["AccessDenied", "AccessDeniedException"],
        means: "The IAM policy of the role, or a policy above it, does not allow the request.",
        read: FailureClass::Account,
        change: FailureClass::Denied,
    },
    known(
        &["NoSuchHostedZone"],
        "The zone does not exist any more, or belongs to another account.",
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
        "The secret key or the clock of this machine is wrong, or a proxy changes the requests.",
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
        "AWS does not know these credentials, or the account may not use Route 53.",
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
        "Route 53 has an internal error, or is busy.",
        FailureClass::Unknown,
    ),
];

/// Our own codes, for failures between this process and Route 53.
pub const TRANSPORT_CODES: [KnownCode; 9] = [
    known(&["ConnectionRefused"], "No server listens at the address.", FailureClass::NotExecuted),
    known(
        &[UNTRUSTED],
        "The certificate does not belong to Route 53, or this machine does not trust its authority.",
        FailureClass::NotExecuted,
    ),
    known(
        &["ConnectionFailed"],
        "The connection broke, before or after Route 53 got the request.",
        FailureClass::Unknown,
    ),
    known(&["Timeout"], "There was no answer within 8 seconds.", FailureClass::Unknown),
    known(
        &["UnreadableAnswer"],
        "The answer is truncated, empty, or not from Route 53 but from a proxy or a load balancer.",
        FailureClass::Unknown,
    ),
    known(
        &["NoCredentials"],
        "There are no credentials, or their provider does not answer.",
        FailureClass::Account,
    ),
    known(
        &["RequestNotBuilt"],
        "There is no region, or no endpoint to send the request to.",
        FailureClass::Account,
    ),
    known(
        &["BatchNotBuilt"],
        "The SDK rejects a batch. This is a defect of zonekeeper.",
        FailureClass::Refused,
    ),
    known(
        &["Withheld", "ReadOnly"],
        "The permission to send the change ended before it was sent.",
        FailureClass::Withheld,
    ),
];

/// A kind of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestKind {
    /// The request changes the zone.
    Change,
    /// The request only reads.
    Read,
}

/// Classifies an error of the SDK.
pub fn classify<E>(kind: RequestKind, error: &SdkError<E, HttpResponse>) -> Failure
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    if let Some(service) = error.as_service_error()
        && let Some(code) = service.code().filter(|code| !code.is_empty())
    {
        return match service.message().filter(|message| !message.is_empty()) {
            Some(message) => with_code(kind, status, code, message),
            // The API model has a list of messages beside the message. The SDK does not read it.
            None => with_code(kind, status, code, &messages(&body_of(error))),
        };
    }
    if let Some(credentials) = find::<CredentialsError>(error, |_| true) {
        let (class, code) = (FailureClass::Account, "NoCredentials".to_owned());
        return Failure { class, code, message: describe_credentials(credentials) };
    }
    let text = error_chain::text(error);
    let code = match error {
        _ if find::<Forbidden>(error, |_| true).is_some() => "Withheld",
        _ if find::<io::Error>(error, |io| io.kind() == io::ErrorKind::ConnectionRefused).is_some() => {
            "ConnectionRefused"
        }
        // The handshake failed, so no request was sent.
        _ if find(error, is_untrusted).is_some() => UNTRUSTED,
        SdkError::ConstructionFailure(_) => "RequestNotBuilt",
        SdkError::TimeoutError(_) => "Timeout",
        SdkError::DispatchFailure(_) => "ConnectionFailed",
        _ => return unreadable(kind, status, &body_of(error), text),
    };
    Failure { class: class_of(kind, status, code), code: code.to_owned(), message: text }
}

/// Classifies an answer without a code.
///
/// Route 53 always sends a code, so the answer comes from a proxy or a load balancer. The exception is a rejected change
/// in the format that the service used before 2024.
fn unreadable(kind: RequestKind, status: u16, body: &str, text: String) -> Failure {
    let is_old_format = body.contains("<InvalidChangeBatch");
    let code = match status {
        400 if is_old_format => "InvalidChangeBatch",
        429 => "TooManyRequestsException",
        _ => "UnreadableAnswer",
    };
    let message = match body.char_indices().nth(LONGEST_QUOTE) {
        _ if body.trim().is_empty() => text,
        // It is quoted in full, because it names the rejected record sets.
        _ if is_old_format => {
            Some(messages(body)).filter(|text| !text.is_empty()).unwrap_or_else(|| body.to_owned())
        }
        Some((end, _)) => format!("status {status}: {}…", body.get(..end).unwrap_or_default()),
        None => format!("status {status}: {body}"),
    };
    // A proxy rejects the size of the batch. As a rejection, the batch is sent again in parts.
    if status == 413 {
        return Failure { class: FailureClass::Refused, code: code.to_owned(), message };
    }
    with_code(kind, status, code, &message)
}

/// The body of an answer; empty without one.
fn body_of<E>(error: &SdkError<E, HttpResponse>) -> String {
    let body = error.raw_response().and_then(|response| response.body().bytes());
    String::from_utf8_lossy(body.unwrap_or_default()).into_owned()
}

/// The texts of all elements `Message`, joined as Route 53 joins them.
fn messages(body: &str) -> String {
    let elements = body.split("<Message>").skip(1).filter_map(|rest| rest.split("</Message>").next());
    let escapes =
        [("&apos;", "'"), ("&#39;", "'"), ("&quot;", "\""), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")];
    let unescape =
        |text: &str| escapes.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
    elements.map(unescape).collect::<Vec<_>>().join(", ")
}

/// Classifies an answer by its code. For rejections, the message decides too.
fn with_code(kind: RequestKind, status: u16, code: &str, message: &str) -> Failure {
    match class_of(kind, status, code) {
        FailureClass::Refused => Failure::refused(code, message),
        class => Failure { class, code: code.to_owned(), message: message.to_owned() },
    }
}

const fn known(codes: &'static [&'static str], means: &'static str, class: FailureClass) -> KnownCode {
    KnownCode { codes, means, read: class, change: class }
}

/// The codes of [`SERVICE_CODES`] and [`TRANSPORT_CODES`].
pub fn codes() -> impl Iterator<Item = &'static str> {
    SERVICE_CODES.iter().chain(&TRANSPORT_CODES).flat_map(|known| known.codes.iter().copied())
}

fn class_of(kind: RequestKind, status: u16, code: &str) -> FailureClass {
    match SERVICE_CODES.iter().chain(&TRANSPORT_CODES).find(|known| known.codes.contains(&code)) {
        Some(known) if kind == RequestKind::Read => known.read,
        Some(known) => known.change,
        None if status >= 500 => FailureClass::Unknown,
        None => FailureClass::Refused,
    }
}

/// Whether a connection failed because of the server's certificate. The error is wrapped several times, and the wrappers
/// do not appear in the error chain.
fn is_untrusted(error: &io::Error) -> bool {
    let Some(inner) = error.get_ref() else { return false };
    inner.downcast_ref().is_some_and(is_untrusted)
        || matches!(inner.downcast_ref(), Some(rustls::Error::InvalidCertificate(_)))
}

/// Describes why there are no credentials: the answer of STS, or else the provider's own error.
fn describe_credentials(error: &CredentialsError) -> String {
    match find::<ErrorMetadata>(error, |answer| answer.code().is_some()) {
        Some(answer) => {
            format!("{}: {}", answer.code().unwrap_or_default(), answer.message().unwrap_or_default())
        }
        None => error.source().map_or_else(|| error.to_string(), error_chain::text),
    }
}

/// Finds the first error of a type in an error chain.
fn find<'e, T: Error + 'static>(error: &'e (dyn Error + 'static), is: impl Fn(&T) -> bool) -> Option<&'e T> {
    let mut errors = std::iter::successors(Some(error), |error| (*error).source());
    errors.find_map(|error| error.downcast_ref::<T>().filter(|found| is(found)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_untrusted_certificate_differs_from_other_connection_errors() {
        let wrapped =
            |error: rustls::Error| io::Error::other(io::Error::new(io::ErrorKind::InvalidData, error));
        let untrusted = rustls::CertificateError::UnknownIssuer;
        assert!(is_untrusted(&wrapped(rustls::Error::InvalidCertificate(untrusted))));
        assert!(!is_untrusted(&wrapped(rustls::Error::HandshakeNotComplete)));
        assert!(!is_untrusted(&io::ErrorKind::ConnectionReset.into()));
    }

    #[test]
    fn a_list_of_messages_is_read_as_one() {
        let body = "<Messages><Message>RRSet &apos;a.test.&apos; is wrong</Message>\n<Message>so is &lt;b&gt;</Message></Messages>";
        assert_eq!(messages(body), "RRSet 'a.test.' is wrong, so is <b>");
        assert_eq!(messages("<html>no"), "");
    }

    #[test]
    fn no_code_is_listed_twice() {
        let codes: Vec<&str> =
            SERVICE_CODES.iter().chain(&TRANSPORT_CODES).flat_map(|known| known.codes).copied().collect();
        let distinct: std::collections::BTreeSet<&str> = codes.iter().copied().collect();
        assert_eq!(codes.len(), distinct.len(), "{codes:?}");
    }

    #[test]
    fn an_unknown_code_is_classified_by_its_status() {
        for (status, class) in
            [(400, FailureClass::Refused), (403, FailureClass::Refused), (599, FailureClass::Unknown)]
        {
            assert_eq!(class_of(RequestKind::Change, status, "NeverHeardOf"), class, "{status}");
        }
    }
}
