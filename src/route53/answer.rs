//! A check for truncated answers.
//!
//! The SDK does not notice that the end of an answer is missing. It would read a truncated page of a listing as a smaller
//! zone.

use aws_sdk_route53::{
    config::{
        ConfigBag, Intercept, RuntimeComponents, interceptors::AfterDeserializationInterceptorContextRef,
    },
    error::BoxError,
};

/// An interceptor that rejects an answer whose first element is not closed.
#[derive(Debug)]
pub struct CompleteAnswer;

/// An answer whose end is missing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the answer is cut off after {0} bytes")]
pub struct TruncatedAnswer(usize);

// === impl CompleteAnswer ===

impl Intercept for CompleteAnswer {
    fn name(&self) -> &'static str {
        "zonekeeper's check for truncated answers"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // An answer that has failed already keeps its own error.
        let body = context.response().body().bytes().unwrap_or_default();
        if context.output_or_error().is_ok() && !is_complete(body) {
            return Err(TruncatedAnswer(body.len()).into());
        }
        Ok(())
    }
}

/// Whether a document ends with the end tag of its first element. All answers that we expect have such an element.
fn is_complete(document: &[u8]) -> bool {
    let text = String::from_utf8_lossy(document);
    // Tags that begin with `<?` or `<!` come before the first element.
    let first = text.split('<').skip(1).find(|tag| !tag.starts_with(['?', '!']));
    let name = first.and_then(|tag| tag.split(|c: char| c.is_whitespace() || "/>".contains(c)).next());
    let rest = name.and_then(|name| text.trim_end().strip_suffix('>')?.trim_end().strip_suffix(name));
    rest.is_some_and(|rest| rest.ends_with("</"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_complete_only_at_its_end() {
        let document = "<?xml version=\"1.0\"?>\n<!-- no news -->\n<Answer xmlns=\"https://example.test/\">\n\
                        <Inner>ü</Inner><Empty/></Answer>\n";
        assert!(is_complete(document.as_bytes()));
        for end in 0..document.trim_end().len() {
            assert!(!is_complete(&document.as_bytes()[..end]), "{}", document.get(..end).unwrap_or_default());
        }
        assert!(is_complete(b"<A>x</A >"));
        assert!(!is_complete(b"{\"json\": true}"));
        assert!(!is_complete(b"<html>proxy</html><p>"));
    }
}
