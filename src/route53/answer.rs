//! Whether an answer came whole.
//!
//! The SDK takes what it finds in an answer and does not miss its end. Of a page that was cut off it would make a
//! zone without the rest, and nothing would say that there is more.

use aws_sdk_route53::{
    config::{
        ConfigBag, Intercept, RuntimeComponents, interceptors::AfterDeserializationInterceptorContextRef,
    },
    error::BoxError,
};

/// Lets through no answer that ends before its first element does.
#[derive(Debug)]
pub struct Whole;

/// An answer without its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the answer is cut off after {0} bytes")]
pub struct CutOff(usize);

// === impl Whole ===

impl Intercept for Whole {
    fn name(&self) -> &'static str {
        "zonekeeper's check for whole answers"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // What has failed for another reason keeps it.
        let body = context.response().body().bytes().unwrap_or_default();
        if context.output_or_error().is_ok() && !is_whole(body) {
            return Err(CutOff(body.len()).into());
        }
        Ok(())
    }
}

/// Whether a document ends with the end of its first element. Every answer that we ask for has one with content.
fn is_whole(document: &[u8]) -> bool {
    let text = String::from_utf8_lossy(document);
    // What begins with `<?` or `<!` comes before the first element.
    let first = text.split('<').skip(1).find(|tag| !tag.starts_with(['?', '!']));
    let name = first.and_then(|tag| tag.split(|c: char| c.is_whitespace() || "/>".contains(c)).next());
    let rest = name.and_then(|name| text.trim_end().strip_suffix('>')?.trim_end().strip_suffix(name));
    rest.is_some_and(|rest| rest.ends_with("</"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_whole_only_at_its_end() {
        let document = "<?xml version=\"1.0\"?>\n<!-- no news -->\n<Answer xmlns=\"https://example.test/\">\n\
                        <Inner>ü</Inner><Empty/></Answer>\n";
        assert!(is_whole(document.as_bytes()));
        for end in 0..document.trim_end().len() {
            assert!(!is_whole(&document.as_bytes()[..end]), "{}", document.get(..end).unwrap_or_default());
        }
        assert!(is_whole(b"<A>x</A >"));
        assert!(!is_whole(b"{\"json\": true}"));
        assert!(!is_whole(b"<html>proxy</html><p>"));
    }
}
