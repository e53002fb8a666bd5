//! The rules for the hostnames of objects.

use serde::Serialize;

use super::{
    Problem, Resource, Severity,
    template::{Root, Template},
};

/// Where the hostnames of an object come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostnameRules {
    /// Whether the annotations `hostname` and `internal-hostname` have no effect.
    pub ignores_annotation: bool,
    /// Whether the hosts in the rules of an Ingress have no effect.
    pub ignores_ingress_rules: bool,
    /// Whether the hosts in the tls section of an Ingress have no effect.
    pub ignores_ingress_tls: bool,
    /// The template of further hostnames.
    pub template: Option<HostTemplate>,
}

/// A template of hostnames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostTemplate {
    /// The template.
    pub template: Template,
    /// Whether it also counts for objects that have hostnames of their own.
    pub combines: bool,
}

// === impl HostnameRules ===

impl HostnameRules {
    /// The hostnames that the template gives for an object as the API server sends it. An object is turned into a value only
    /// if there is a template for it.
    pub(super) fn templated(
        &self,
        object: &impl Serialize,
        resource: Resource,
        has_own: impl FnOnce() -> bool,
    ) -> Result<Vec<String>, Problem> {
        let Some(HostTemplate { template, combines }) = &self.template else { return Ok(Vec::new()) };
        if !combines && has_own() {
            return Ok(Vec::new());
        }
        let problem = |why: String| Problem {
            field: "--fqdn-template".to_owned(),
            text: format!("{why}; correct the object or the template"),
            severity: Severity::HostsUnknown,
        };
        let object = serde_json::to_value(object).map_err(|why| problem(why.to_string()))?;
        let hostnames = template.hostnames(&Root::new(object, resource.label()));
        hostnames.map_err(|why| problem(why.to_string()))
    }
}
