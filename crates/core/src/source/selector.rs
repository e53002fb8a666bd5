//! Labels, and the selectors that choose resources by them.

use std::{collections::BTreeMap, fmt, sync::Arc};

/// The labels of a resource, in little memory: a cluster has many pods with many labels.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Labels {
    /// Each label between two line breaks: `\napp=web\ntier=front\n`.
    text: Box<str>,
}

/// A selector: the labels that a resource must have. An empty one selects all resources.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Selector {
    /// Each label as it stands in [`Labels`].
    labels: Arc<[Box<str>]>,
}

// === impl Labels ===

impl Labels {
    /// The labels of a resource as the API server sends them.
    pub fn new(all: Option<&BTreeMap<String, String>>) -> Self {
        let mut text = String::new();
        for (key, value) in all.into_iter().flatten().filter(|(key, value)| is_valid(key, value)) {
            let between = if text.is_empty() { "\n" } else { "" };
            text.extend([between, key, "=", value, "\n"]);
        }
        Self { text: text.into() }
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.text.lines().skip(1)).finish()
    }
}

// === impl Selector ===

impl Selector {
    /// The selector of a Service as the API server sends it.
    pub fn new(all: Option<&BTreeMap<String, String>>) -> Self {
        let labels = all.into_iter().flatten().map(|(key, value)| format!("\n{key}={value}\n").into());
        Self { labels: labels.collect() }
    }

    /// Whether it selects a resource with these labels.
    pub fn selects(&self, labels: &Labels) -> bool {
        self.labels.iter().all(|label| labels.text.contains(&**label))
    }
}

impl fmt::Debug for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.labels.iter().map(|label| label.trim())).finish()
    }
}

/// Whether the label can be told from the labels beside it. No API server accepts another one.
fn is_valid(key: &str, value: &str) -> bool {
    !key.contains(['\n', '=']) && !value.contains('\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_selector_selects_resources_that_have_all_its_labels() {
        let labels = Labels::new(Some(&pairs(&[("app", "web"), ("empty", ""), ("tier", "front")])));
        let selects = |of: &[(&str, &str)]| Selector::new(Some(&pairs(of))).selects(&labels);
        for of in [
            [].as_slice(),
            &[("app", "web")],
            &[("tier", "front"), ("app", "web")],
            &[("app", "web"), ("empty", ""), ("tier", "front")],
        ] {
            assert!(selects(of), "{of:?}");
        }
        for of in [
            [("app", "we")].as_slice(),
            &[("pp", "web")],
            &[("app", "")],
            &[("empty", "web")],
            &[("app", "web"), ("other", "")],
        ] {
            assert!(!selects(of), "{of:?}");
        }
        assert!(Selector::new(None).selects(&Labels::new(None)));
        assert!(!Selector::new(Some(&pairs(&[("app", "web")]))).selects(&Labels::new(None)));
    }

    #[test]
    fn a_label_that_no_api_server_accepts_is_no_label() {
        let labels = Labels::new(Some(&pairs(&[("a", "b\napp=web"), ("c\napp", "web"), ("x=y", "z")])));
        assert_eq!(labels, Labels::default());
        assert_eq!(format!("{:?}", Labels::new(Some(&pairs(&[("a", "b")])))), "[\"a=b\"]");
    }
}
