//! The flags that select objects.

use clap::Args;
use zonekeeper_core::source::{ObjectFilter, Rules};

use super::{
    BadFlag,
    choices::{Published, Source},
};

/// The flags that select objects.
#[derive(Debug, Clone, Args)]
pub struct ObjectFlags {
    /// Kind of objects to read; repeat for several.
    #[arg(long, env = "ZONEKEEPER_SOURCE", value_enum, value_delimiter = ',', default_values_t = [Source::Ingress, Source::Service], value_name = "KIND", help_heading = "Objects")]
    pub source: Vec<Source>,

    /// Namespace to read objects from; repeat for several. Without it, all namespaces are read.
    #[arg(
        long,
        env = "ZONEKEEPER_NAMESPACE",
        value_delimiter = ',',
        value_name = "NAME",
        help_heading = "Objects"
    )]
    pub namespace: Vec<String>,

    /// Class of Ingresses to read; repeat for several. Without it, all classes are read.
    #[arg(
        long,
        env = "ZONEKEEPER_INGRESS_CLASS",
        value_delimiter = ',',
        value_name = "NAME",
        help_heading = "Objects"
    )]
    pub ingress_class: Vec<String>,

    /// Label selector for the annotations of objects, as in `kubernetes.io/ingress.class in (alb, nginx)`. zonekeeper does
    /// not publish other objects.
    #[arg(
        long,
        env = "ZONEKEEPER_ANNOTATION_FILTER",
        default_value = "",
        hide_default_value = true,
        value_name = "SELECTOR",
        help_heading = "Objects"
    )]
    pub annotation_filter: String,

    /// Label selector for the labels of objects, as in team=shop,!internal. zonekeeper does not publish other objects.
    #[arg(
        long,
        env = "ZONEKEEPER_LABEL_FILTER",
        default_value = "",
        hide_default_value = true,
        value_name = "SELECTOR",
        help_heading = "Objects"
    )]
    pub label_filter: String,

    /// Which objects to publish. Each command has this default, so that a plan on your machine has the digest of the plan
    /// in the cluster.
    #[arg(
        long,
        env = "ZONEKEEPER_PUBLISH",
        value_enum,
        default_value_t = Published::Annotated,
        value_name = "WHICH",
        help_heading = "Objects"
    )]
    pub publish: Published,

    /// Annotation prefix to read, instead of the two prefixes of ExternalDNS.
    #[arg(long, env = "ZONEKEEPER_ANNOTATION_PREFIX", value_name = "PREFIX/", help_heading = "Objects")]
    pub annotation_prefix: Option<String>,

    /// Let objects take over records without an owner with the annotation zonekeeper.dev/adopt. A person who may annotate an
    /// object can then take any record whose value is known, so all namespaces must trust each other.
    #[arg(long, env = "ZONEKEEPER_ADOPT_BY_ANNOTATION", help_heading = "Objects")]
    pub adopt_by_annotation: bool,
}

// === impl ObjectFlags ===

impl ObjectFlags {
    /// Enters them into the rules, and returns the kinds of objects.
    pub(super) fn enter(self, rules: &mut Rules) -> Result<Vec<Source>, BadFlag> {
        // This names every flag, so that a flag without an effect does not compile.
        let Self {
            source,
            namespace,
            ingress_class,
            annotation_filter,
            label_filter,
            publish,
            annotation_prefix,
            adopt_by_annotation,
        } = self;
        rules.namespaces = namespace.into_iter().collect();
        rules.ingress_classes = ingress_class.into_iter().collect();
        rules.annotation_filter = filter("annotation-filter", &annotation_filter)?;
        rules.label_filter = filter("label-filter", &label_filter)?;
        rules.publish = publish.into();
        rules.adopt_by_annotation = adopt_by_annotation;
        if let Some(prefix) = annotation_prefix {
            if !prefix.ends_with('/') {
                return Err(BadFlag::AnnotationPrefix(prefix));
            }
            rules.prefixes = vec![prefix];
        }
        Ok(source)
    }
}

fn filter(flag: &'static str, value: &str) -> Result<ObjectFilter, BadFlag> {
    value.parse().map_err(|why| BadFlag::ObjectFilter { flag, value: value.to_owned(), why })
}
