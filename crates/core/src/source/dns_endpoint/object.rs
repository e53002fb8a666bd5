//! The custom resource `DNSEndpoint`, as ExternalDNS defines it. Unknown fields are ignored.

use std::collections::BTreeMap;

use k8s_openapi::{
    Metadata, NamespaceResourceScope, Resource, apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A `DNSEndpoint` of `externaldns.k8s.io/v1alpha1`. Its status is not read.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct DnsEndpoint {
    /// The metadata.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// The wanted records.
    pub spec: Option<DnsEndpointSpec>,
}

/// The wanted records
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DnsEndpointSpec {
    /// Records, one for each name, type and set identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<Vec<DnsEndpointEntry>>,
}

/// A wanted record
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DnsEndpointEntry {
    /// Name of the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns_name: Option<String>,
    /// Type of the record: A, AAAA, CAA, CNAME, MX, SRV or TXT.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record_type: Option<String>,
    /// Values of the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targets: Option<Vec<String>>,
    /// TTL of the record in seconds. Without it, --default-ttl counts.
    #[serde(rename = "recordTTL", skip_serializing_if = "Option::is_none")]
    pub record_ttl: Option<i64>,
    /// Distinguishes the records of one name and type under a routing policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set_identifier: Option<String>,
    /// Labels of ExternalDNS. They have no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    /// Properties: alias, and those of Route 53, which begin with aws/. Properties of other providers have no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_specific: Option<Vec<DnsEndpointProperty>>,
}

/// A property of a record
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DnsEndpointProperty {
    /// Name of the property, as aws/weight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Value of the property.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

// === impl DnsEndpoint ===

impl Resource for DnsEndpoint {
    const API_VERSION: &'static str = "externaldns.k8s.io/v1alpha1";
    const GROUP: &'static str = "externaldns.k8s.io";
    const KIND: &'static str = "DNSEndpoint";
    const VERSION: &'static str = "v1alpha1";
    const URL_PATH_SEGMENT: &'static str = "dnsendpoints";
    type Scope = NamespaceResourceScope;
}

impl Metadata for DnsEndpoint {
    type Ty = ObjectMeta;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl DnsEndpoint {
    /// The wanted records, in their order.
    pub(super) fn entries(&self) -> impl Iterator<Item = &DnsEndpointEntry> {
        self.spec.iter().flat_map(|spec| spec.endpoints.iter().flatten())
    }
}
