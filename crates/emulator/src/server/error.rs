//! Errors in the form of the service.

use super::xml::Element;
use crate::{quota::Throttled, zone::Refusal};

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApiError {
    pub status: u16,
    pub code: String,
    pub message: String,
}

// === impl ApiError ===

impl ApiError {
    pub(super) fn new(status: u16, code: &str, message: &str) -> Self {
        Self { status, code: code.to_owned(), message: message.to_owned() }
    }

    pub(super) fn invalid_input(message: String) -> Self {
        Self { status: 400, code: "InvalidInput".to_owned(), message }
    }

    pub(super) fn no_such_hosted_zone(id: &str) -> Self {
        Self::new(404, "NoSuchHostedZone", &format!("No hosted zone found with ID: {id}"))
    }

    /// The XML document of the error. It has the same shape for every code.
    pub(super) fn document(&self, request_id: &str) -> String {
        let kind = if self.status >= 500 { "Receiver" } else { "Sender" };
        Element::new("ErrorResponse")
            .with([Element::new("Error")
                .with_text("Type", kind)
                .with_text("Code", &self.code)
                .with_text("Message", &self.message)])
            .with_text("RequestId", request_id)
            .document()
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self { status: refusal.status(), code: refusal.code().to_owned(), message: refusal.message() }
    }
}

impl From<Throttled> for ApiError {
    fn from(throttled: Throttled) -> Self {
        Self::new(400, "Throttling", &throttled.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_the_document_of_the_service() {
        let refusal = Refusal::InvalidChangeBatch(vec!["one, two".into(), "<three>".into()]);
        assert_eq!(
            ApiError::from(refusal).document("r"),
            "<?xml version=\"1.0\"?>\n<ErrorResponse xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Error>\
             <Type>Sender</Type><Code>InvalidChangeBatch</Code><Message>[one, two, &lt;three>]</Message></Error>\
             <RequestId>r</RequestId></ErrorResponse>"
        );
        assert_eq!(ApiError::from(Throttled), ApiError::new(400, "Throttling", "Rate exceeded"));
        assert!(ApiError::new(503, "ServiceUnavailable", "").document("r").contains("<Type>Receiver</Type>"));
    }
}
