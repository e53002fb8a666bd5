//! The flags about hostnames.

use clap::Args;
use zonekeeper_core::source::{DomainFilter, Domains, HostTemplate, HostnameRules, template::Template};

use super::BadFlag;

/// The flags about hostnames.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct HostnameFlags {
    /// Domain whose hostnames to publish; repeat for several. `.dev.example.com` means only the names below
    /// dev.example.com. Without it, the whole zone counts.
    #[arg(
        long,
        env = "ZONEKEEPER_DOMAIN_FILTER",
        value_delimiter = ',',
        value_name = "DOMAIN",
        help_heading = "Hostnames"
    )]
    pub domain_filter: Vec<String>,

    /// Domain whose hostnames not to publish; repeat for several.
    #[arg(
        long,
        env = "ZONEKEEPER_EXCLUDE_DOMAINS",
        value_delimiter = ',',
        value_name = "DOMAIN",
        help_heading = "Hostnames"
    )]
    pub exclude_domains: Vec<String>,

    /// Regular expression for hostnames to publish. A match anywhere in the hostname is enough. With this flag or the next
    /// one, --domain-filter and --exclude-domains have no effect.
    #[arg(
        long,
        env = "ZONEKEEPER_REGEX_DOMAIN_FILTER",
        default_value = "",
        hide_default_value = true,
        value_name = "REGEX",
        help_heading = "Hostnames"
    )]
    pub regex_domain_filter: String,

    /// Regular expression for hostnames not to publish.
    #[arg(
        long,
        env = "ZONEKEEPER_REGEX_DOMAIN_EXCLUSION",
        default_value = "",
        hide_default_value = true,
        value_name = "REGEX",
        help_heading = "Hostnames"
    )]
    pub regex_domain_exclusion: String,

    /// Do not publish the hostnames of the annotations hostname and internal-hostname.
    #[arg(long, env = "ZONEKEEPER_IGNORE_HOSTNAME_ANNOTATION", help_heading = "Hostnames")]
    pub ignore_hostname_annotation: bool,

    /// Do not publish the hosts in the rules of Ingresses.
    #[arg(long, env = "ZONEKEEPER_IGNORE_INGRESS_RULES_SPEC", help_heading = "Hostnames")]
    pub ignore_ingress_rules_spec: bool,

    /// Do not publish the hosts in the tls sections of Ingresses.
    #[arg(long, env = "ZONEKEEPER_IGNORE_INGRESS_TLS_SPEC", help_heading = "Hostnames")]
    pub ignore_ingress_tls_spec: bool,

    /// Template of the hostnames of objects that name none, as in {{.Name}}.{{.Namespace}}.example.com; repeat for several,
    /// or separate them with commas. See docs/reference/templates.md.
    #[arg(long, env = "ZONEKEEPER_FQDN_TEMPLATE", value_name = "TEMPLATE", help_heading = "Hostnames")]
    pub fqdn_template: Vec<String>,

    /// Add the hostnames of --fqdn-template to those that an object names.
    #[arg(long, env = "ZONEKEEPER_COMBINE_FQDN_ANNOTATION", help_heading = "Hostnames")]
    pub combine_fqdn_annotation: bool,
}

// === impl HostnameFlags ===

impl HostnameFlags {
    /// Where hostnames come from, and which of them count.
    pub(super) fn read(self) -> Result<(HostnameRules, DomainFilter), BadFlag> {
        // This names every flag, so that a flag without an effect does not compile.
        let Self {
            domain_filter,
            exclude_domains,
            regex_domain_filter,
            regex_domain_exclusion,
            ignore_hostname_annotation,
            ignore_ingress_rules_spec,
            ignore_ingress_tls_spec,
            fqdn_template,
            combine_fqdn_annotation,
        } = self;
        let template = Template::joined(&fqdn_template).map_err(BadFlag::Template)?;
        let rules = HostnameRules {
            ignores_annotation: ignore_hostname_annotation,
            ignores_ingress_rules: ignore_ingress_rules_spec,
            ignores_ingress_tls: ignore_ingress_tls_spec,
            template: template.map(|template| HostTemplate { template, combines: combine_fqdn_annotation }),
        };
        // As in ExternalDNS, regular expressions replace all names.
        let by_name = regex_domain_filter.is_empty() && regex_domain_exclusion.is_empty();
        let domains = if by_name {
            DomainFilter::new(
                named("domain-filter", domain_filter)?,
                named("exclude-domains", exclude_domains)?,
            )
        } else {
            DomainFilter::new(
                matching("regex-domain-filter", regex_domain_filter)?,
                matching("regex-domain-exclusion", regex_domain_exclusion)?,
            )
        };
        Ok((rules, domains))
    }
}

/// Domains by name. An empty text is no domain.
fn named(flag: &'static str, values: Vec<String>) -> Result<Domains, BadFlag> {
    let values = values.into_iter().filter(|value| !value.trim().is_empty());
    let domain = |value: String| match value.parse() {
        Ok(domain) => Ok(domain),
        Err(why) => Err(BadFlag::Domain { flag, value, why }),
    };
    values.map(domain).collect::<Result<_, _>>().map(Domains::Named)
}

/// Domains by regular expression. An empty text is none.
fn matching(flag: &'static str, value: String) -> Result<Domains, BadFlag> {
    if value.is_empty() {
        return Ok(Domains::default());
    }
    match value.parse() {
        Ok(regex) => Ok(Domains::Matching(regex)),
        Err(why) => Err(BadFlag::DomainRegex { flag, value, why }),
    }
}
