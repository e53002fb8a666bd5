//! The domain filter: the hostnames of the zone that count.

use std::{borrow::Cow, str::FromStr};

use idna::uts46::{AsciiDenyList, Hyphens, Uts46};
use regex::{Regex, RegexBuilder};

use crate::dns::{BadName, Name};

/// The largest compiled form of a regular expression, in bytes. A pattern that people write needs a few hundred.
const MAX_REGEX_BYTES: usize = 1 << 20;

/// The hostnames that count. Without a filter, all of them do.
#[derive(Debug, Clone, Default)]
pub struct DomainFilter {
    only: Domains,
    except: Domains,
}

/// Domains, by name or by regular expression. There can be none.
#[derive(Debug, Clone)]
pub enum Domains {
    /// These domains.
    Named(Vec<Domain>),
    /// The hostnames in which a regular expression matches.
    Matching(DomainRegex),
}

/// A domain: `example.com` with all names below it, or `.example.com` for only the names below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    name: Name,
    is_below_only: bool,
}

/// A regular expression for hostnames. It is applied to the Unicode form in lower case.
#[derive(Debug, Clone)]
pub struct DomainRegex(Regex);

/// A text that is no regular expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is not a regular expression: {0}")]
pub struct BadDomainRegex(String);

// === impl DomainFilter ===

impl DomainFilter {
    /// Hostnames of the domains `only`, without those of the domains `except`. If `only` has none, every hostname counts
    /// that is not excluded.
    pub fn new(only: Domains, except: Domains) -> Self {
        Self { only, except }
    }

    /// Whether a hostname counts.
    pub fn allows(&self, host: &Name) -> bool {
        !self.except.has(host) && (self.only.is_empty() || self.only.has(host))
    }

    /// Whether every hostname counts.
    pub fn is_empty(&self) -> bool {
        self.only.is_empty() && self.except.is_empty()
    }
}

// === impl Domains ===

impl Domains {
    fn is_empty(&self) -> bool {
        matches!(self, Self::Named(domains) if domains.is_empty())
    }

    fn has(&self, host: &Name) -> bool {
        match self {
            Self::Named(domains) => domains.iter().any(|domain| domain.has(host)),
            Self::Matching(DomainRegex(regex)) => regex.is_match(&unicode(host)),
        }
    }
}

impl Default for Domains {
    fn default() -> Self {
        Self::Named(Vec::new())
    }
}

// === impl Domain ===

impl Domain {
    fn has(&self, host: &Name) -> bool {
        host.is_within(&self.name) && !(self.is_below_only && *host == self.name)
    }
}

impl FromStr for Domain {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let text = text.trim();
        let below = text.strip_prefix('.');
        Ok(Self { name: Name::from_hostname(below.unwrap_or(text))?, is_below_only: below.is_some() })
    }
}

// === impl DomainRegex ===

impl FromStr for DomainRegex {
    type Err = BadDomainRegex;

    fn from_str(text: &str) -> Result<Self, BadDomainRegex> {
        let regex = RegexBuilder::new(text).size_limit(MAX_REGEX_BYTES).build();
        regex.map(Self).map_err(|why| BadDomainRegex(why.to_string()))
    }
}

/// The Unicode form of a name, as people write it.
fn unicode(name: &Name) -> Cow<'_, str> {
    let text = name.as_str();
    if !text.contains("xn--") {
        return text.into();
    }
    Uts46::new().to_unicode(text.as_bytes(), AsciiDenyList::EMPTY, Hyphens::Allow).0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(texts: &[&str]) -> Domains {
        Domains::Named(texts.iter().map(|text| text.parse().unwrap()).collect())
    }

    fn matching(text: &str) -> Domains {
        Domains::Matching(text.parse().unwrap())
    }

    /// The hostnames that a filter allows.
    fn allowed(only: Domains, except: Domains) -> Vec<&'static str> {
        let filter = DomainFilter::new(only, except);
        let hosts =
            ["example.com", "*.example.com", "a.dev.example.com", "dev.example.com", "devexample.com"];
        let hosts = hosts.into_iter().chain(["ü.example.com"]);
        hosts.filter(|host| filter.allows(&Name::from_hostname(host).unwrap())).collect()
    }

    #[test]
    fn a_domain_has_its_subdomains_and_a_dot_leaves_only_them() {
        let none = Domains::default;
        assert_eq!(allowed(none(), none()).len(), 6);
        assert_eq!(allowed(named(&["dev.example.com"]), none()), ["a.dev.example.com", "dev.example.com"]);
        assert_eq!(allowed(named(&[" DEV.example.com. "]), none()).len(), 2);
        assert_eq!(allowed(named(&[".dev.example.com"]), none()), ["a.dev.example.com"]);
        let both = named(&["dev.example.com", "ü.example.com"]);
        assert_eq!(allowed(both, named(&["a.dev.example.com"])), ["dev.example.com", "ü.example.com"]);
        let except = named(&["example.com"]);
        assert_eq!(allowed(none(), except), ["devexample.com"]);
        assert_eq!(allowed(named(&["xn--tda.example.com"]), none()), ["ü.example.com"]);
        assert_eq!(allowed(named(&["*.example.com"]), none()), ["*.example.com"]);
    }

    #[test]
    fn a_regular_expression_matches_in_the_unicode_form_and_the_exclusion_is_first() {
        let none = Domains::default;
        assert_eq!(allowed(matching("dev"), none()).len(), 3);
        assert_eq!(allowed(matching("^dev"), none()), ["dev.example.com", "devexample.com"]);
        assert_eq!(allowed(matching("ü"), none()), ["ü.example.com"]);
        assert_eq!(allowed(matching("xn--"), none()), [""; 0]);
        assert_eq!(allowed(none(), matching("e")), [""; 0]);
        assert_eq!(allowed(matching("dev"), matching(r"^dev|^a\.dev")), [""; 0]);
        assert_eq!(allowed(matching(r"example\.com$"), matching("dev")).len(), 3);
    }

    #[test]
    fn what_is_no_domain_or_no_small_regular_expression_is_refused() {
        for text in ["", ".", "a b", "..example.com", "a..b"] {
            assert!(text.parse::<Domain>().is_err(), "{text}");
        }
        for text in ["(", "[a", "a{99999}", "(?P<a", r"\p{Unknown}", r"(\w{200}){200}"] {
            assert!(text.parse::<DomainRegex>().is_err(), "{text}");
        }
    }
}
