//! A person's release of the brake: an annotation of the lease, which whoever leads finds there.

use k8s_openapi::{api::coordination::v1::Lease, jiff::Timestamp};
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use serde_json::json;

use super::client::cause;

/// The annotation that holds until when the brake is released, in seconds since 1970.
pub const BRAKE_RELEASED: &str = "zonekeeper.dev/brake-released-until";

/// The brake cannot be released.
#[derive(Debug, thiserror::Error)]
#[error(
    "the lease {namespace}/{name} cannot be changed: {text}\n\
     check that zonekeeper runs there (--lease-namespace, --zone-id, --owner-id), and that you may patch leases"
)]
pub struct NotReleased {
    namespace: String,
    name: String,
    text: String,
}

/// Releases what the brake holds until a time.
pub async fn release_brake(
    client: Client,
    namespace: &str,
    name: &str,
    until: Timestamp,
) -> Result<(), NotReleased> {
    let leases: Api<Lease> = Api::namespaced(client, namespace);
    let released = json!({"metadata": {"annotations": {BRAKE_RELEASED: until.as_second().to_string()}}});
    let patched = leases.patch(name, &PatchParams::default(), &Patch::Merge(released)).await;
    patched.map(drop).map_err(|error| NotReleased {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        text: cause(&error),
    })
}
