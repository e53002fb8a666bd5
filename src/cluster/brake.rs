//! Releasing the brake: an annotation of the lease, which the leader reads.

use k8s_openapi::{api::coordination::v1::Lease, jiff::Timestamp};
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::json;

use super::{Cluster, client::describe};

/// The annotation that holds until when the brake is released, in seconds since 1970.
pub const BRAKE_RELEASED: &str = "zonekeeper.dev/brake-released-until";

/// The lease cannot be changed, so the brake stays on.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot release the brake: the lease {namespace}/{name} cannot be changed: {text}\n\
     check that zonekeeper runs in this namespace (--lease-namespace) with this --zone-id and --owner-id, and that you have \
     the permission to patch leases"
)]
pub struct ReleaseError {
    namespace: String,
    name: String,
    text: String,
}

/// Releases the brake until a time.
pub async fn release_brake(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
    until: Timestamp,
) -> Result<(), ReleaseError> {
    let leases: Api<Lease> = Api::namespaced(cluster.client(), namespace);
    let released = json!({"metadata": {"annotations": {BRAKE_RELEASED: until.as_second().to_string()}}});
    let patched = leases.patch(name, &PatchParams::default(), &Patch::Merge(released)).await;
    patched.map(drop).map_err(|error| ReleaseError {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        text: describe(&error),
    })
}
