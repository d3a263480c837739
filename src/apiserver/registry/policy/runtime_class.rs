//! RuntimeClass.
//!
//! Upstream: pkg/apis/node/validation/validation.go, v1.36.

use super::super::Strategy;
use super::super::pod::tolerations;
use super::super::rules::name::{NameRule, dns_label};
use super::super::rules::{Errors, immutable, meta, refuse, resource, shown};
use crate::api::field::{FieldError, Path};
use k8s_openapi::api::node::v1::{RuntimeClass, Scheduling};

impl Strategy for RuntimeClass {
    fn default(&mut self) {
        if let Some(overhead) = self.overhead.as_mut() {
            resource::round(overhead.pod_fixed.as_mut());
        }
    }

    fn validate(&self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        meta::object_meta(&self.metadata, false, NameRule::Subdomain, &mut errors);
        let handler = &self.handler;
        refuse(
            dns_label(handler),
            handler,
            &Path::new("handler"),
            &mut errors,
        );
        if let Some(overhead) = &self.overhead {
            let check = resource::container_resource_name;
            let at = Path::new("overhead");
            let fixed = overhead.pod_fixed.as_ref();
            resource::requirements(fixed, None, check, &at, &mut errors);
        }
        if let Some(given) = &self.scheduling {
            scheduling(given, &Path::new("scheduling"), &mut errors);
        }
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        immutable(
            &self.handler,
            &old.handler,
            &Path::new("handler"),
            &mut errors,
        );
        errors
    }
}

fn scheduling(scheduling: &Scheduling, at: &Path<'_>, errors: &mut Errors) {
    meta::labels(
        scheduling.node_selector.as_ref(),
        &at.child("nodeSelector"),
        errors,
    );
    let list = at.child("tolerations");
    let given = scheduling.tolerations.as_deref().unwrap_or_default();
    tolerations(given, &list, errors);
    for (index, toleration) in given.iter().enumerate() {
        let same = |other: &&k8s_openapi::api::core::v1::Toleration| {
            other.key == toleration.key
                && other.operator == toleration.operator
                && other.value == toleration.value
                && other.effect == toleration.effect
        };
        if given[..index].iter().any(|other| same(&other)) {
            errors.push(FieldError::duplicate_value(
                &list.index(index),
                shown(toleration),
            ));
        }
    }
}
