//! Ingress, IngressClass and NetworkPolicy.

mod ingress;
mod ingress_class;
mod policy;

use super::rules::name::{dns_subdomain, path_segment};
use super::rules::{Errors, refuse};
use crate::api::field::{FieldError, Path};

/// Checks the group, kind and name of what is referred to.
fn reference(group: Option<&String>, kind: &str, name: &str, at: &Path<'_>, errors: &mut Errors) {
    if let Some(group) = group {
        refuse(dns_subdomain(group), group, &at.child("apiGroup"), errors);
    }
    for (field, value) in [("kind", kind), ("name", name)] {
        match value {
            "" => errors.push(FieldError::required(&at.child(field), "")),
            value => refuse(path_segment(value), value, &at.child(field), errors),
        }
    }
}
