//! ControllerRevision.
//!
//! Upstream: pkg/apis/apps/validation/validation.go, pkg/registry/apps/controllerrevision/
//! strategy.go, v1.36.

use super::super::Strategy;
use super::super::rules::name::NameRule;
use super::super::rules::{Errors, immutable, meta, number};
use crate::api::field::{FieldError, Path};
use k8s_openapi::api::apps::v1::ControllerRevision;

impl Strategy for ControllerRevision {
    fn validate(&self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        meta::object_meta(&self.metadata, true, NameRule::Subdomain, &mut errors);
        if self.data.is_none() {
            let detail = "data is mandatory";
            errors.push(FieldError::required(&Path::new("data"), detail));
        }
        number::non_negative(Some(self.revision), &Path::new("revision"), &mut errors);
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        errors.extend(self.validate());
        let json = |revision: &Self| revision.data.as_ref().map(|data| data.0.clone());
        immutable(&json(self), &json(old), &Path::new("data"), &mut errors);
        errors
    }
}
