//! The kinds whose rules are few: Lease and Event.
//!
//! Upstream: pkg/apis/coordination/validation/validation.go,
//! pkg/apis/core/validation/events.go, v1.36. Left out: the checks of an Event's series.

use super::Strategy;
use super::rules::name::NameRule;
use super::rules::{Errors, meta, number, text};
use crate::api::field::{FieldError, Path};
use crate::api::meta::MetaExt;
use k8s_openapi::api::{coordination::v1::Lease, core::v1::Event};

impl Strategy for Lease {
    fn validate(&self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        meta::object_meta(&self.metadata, true, NameRule::Subdomain, &mut errors);
        let Some(spec) = &self.spec else {
            return errors;
        };
        let at = Path::new("spec");
        if let Some(seconds) = spec.lease_duration_seconds.filter(|seconds| *seconds <= 0) {
            let at = at.child("leaseDurationSeconds");
            errors.push(FieldError::invalid_value(
                &at,
                seconds,
                "must be greater than 0",
            ));
        }
        number::non_negative(
            spec.lease_transitions,
            &at.child("leaseTransitions"),
            &mut errors,
        );
        let strategy = text(spec.strategy.as_ref());
        if !text(spec.preferred_holder.as_ref()).is_empty() && strategy.is_empty() {
            let detail = "may only be specified if `strategy` is defined";
            errors.push(FieldError::forbidden(&at.child("preferredHolder"), detail));
        }
        errors
    }
}

impl Strategy for Event {
    fn validate(&self) -> Vec<FieldError> {
        let given = text(self.involved_object.namespace.as_ref());
        let right = match given {
            "" => matches!(self.namespace(), "" | "default"),
            given => given == self.namespace(),
        };
        if right {
            return Vec::new();
        }
        let object = Path::new("involvedObject");
        let detail = "does not match event.namespace";
        let at = object.child("namespace");
        vec![FieldError::invalid(&at, given, detail)]
    }
}
