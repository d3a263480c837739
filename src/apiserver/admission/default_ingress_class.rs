//! An Ingress that names no class gets the default one.
//!
//! Upstream: plugin/pkg/admission/network/defaultingressclass/admission.go, v1.36.

use super::{Surroundings, newest};
use crate::api::meta::MetaExt;
use crate::api::{Object, Status};
use k8s_openapi::api::networking::v1::IngressClass;
use std::sync::Arc;

const MARK: &str = "ingressclass.kubernetes.io/is-default-class";

/// Sets the class of a new Ingress that names none, if there is a default.
///
/// # Errors
/// None.
pub fn admit(object: &mut Object, around: &mut Surroundings<'_>) -> Result<(), Status> {
    let Object::Ingress(ingress) = object else {
        return Ok(());
    };
    let named = ingress
        .spec
        .as_ref()
        .is_some_and(|s| s.ingress_class_name.is_some());
    let old_way = "kubernetes.io/ingress.class";
    if around.old.is_some() || named || ingress.annotation(old_way).is_some() {
        return Ok(());
    }
    if let Some(class) = newest(around.all::<IngressClass>(None), &[MARK]) {
        let spec = Arc::make_mut(ingress).spec.get_or_insert_default();
        spec.ingress_class_name = Some(class.name().to_owned());
    }
    Ok(())
}
