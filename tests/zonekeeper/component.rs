//! The shipped components, added to the overlay `apply`.

use std::{fs, path::Path};

use crate::{
    control_plane::ControlPlane,
    scratch::{Scratch, copy},
};

/// Applies the overlay `apply` with a component, as a user does.
pub async fn add(plane: &ControlPlane, component: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Scratch::new(component);
    let manifests = folder.join("manifests");
    copy(&root.join("manifests"), &manifests);
    copy(&root.join("crds"), &folder.join("crds"));
    let user = format!("resources: [../overlays/apply]\ncomponents: [../components/{component}]\n");
    fs::create_dir(manifests.join("mine")).unwrap();
    fs::write(manifests.join("mine/kustomization.yaml"), user).unwrap();
    plane.sh(&folder, "kubectl apply -k manifests/mine").await;
}
