//! Nothing is created in a namespace that is missing or going; the system's namespaces stay.
//!
//! Upstream: staging/src/k8s.io/apiserver/pkg/admission/plugin/namespace/lifecycle/admission.go,
//! v1.36.

use super::Surroundings;
use crate::api::meta::MetaExt;
use crate::api::{Kind, Object, ObjectKey, Status};

const IMMORTAL: [&str; 3] = ["default", "kube-system", "kube-public"];

/// Refuses a new object whose namespace is missing or terminating.
///
/// # Errors
/// `NotFound` or `Forbidden`.
pub fn admit(object: &mut Object, around: &mut Surroundings<'_>) -> Result<(), Status> {
    let namespace = object.namespace();
    if namespace.is_empty() || around.old.is_some() {
        return Ok(());
    }
    let key = ObjectKey::new(Kind::Namespace, "", namespace);
    let stored = around
        .etcd
        .get(&key)
        .ok_or_else(|| Status::not_found(&key))?;
    if stored.is_terminating() {
        let why = format!(
            "unable to create new content in namespace {namespace} because it is being terminated"
        );
        return Err(Status::forbidden(&object.key(), &why));
    }
    Ok(())
}

/// Refuses to delete the namespaces that the cluster itself lives in.
///
/// # Errors
/// `Forbidden`.
pub fn admit_delete(old: &Object) -> Result<(), Status> {
    if old.kind() == Kind::Namespace && IMMORTAL.contains(&old.name()) {
        return Err(Status::forbidden(
            &old.key(),
            "this namespace may not be deleted",
        ));
    }
    Ok(())
}
