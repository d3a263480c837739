//! Node.
//!
//! Upstream: pkg/apis/core/validation/validation.go, pkg/registry/core/node/strategy.go, v1.36.

use super::Strategy;
use super::pod::taint_effect;
use super::rules::name::{NameRule, label_value, qualified_name};
use super::rules::{Errors, address, meta, refuse, required, shown, text};
use crate::api::Status;
use crate::api::field::{FieldError, Path};
use crate::apiserver::ApiServerConfig;
use crate::etcd::Etcd;
use crate::sim::SortedSet;
use k8s_openapi::api::core::v1::{Node, Taint};

impl Strategy for Node {
    fn prepare_for_update(
        &mut self,
        old: &Self,
        _: &ApiServerConfig,
        _: &Etcd,
    ) -> Result<(), Status> {
        self.status.clone_from(&old.status);
        Ok(())
    }

    fn prepare_for_status_update(&mut self, old: &Self) {
        self.spec.clone_from(&old.spec);
        self.metadata.clone_from(&old.metadata);
    }

    fn validate(&self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        meta::object_meta(&self.metadata, false, NameRule::Subdomain, &mut errors);
        let Some(spec) = &self.spec else {
            return errors;
        };
        taints(spec.taints.as_deref().unwrap_or_default(), &mut errors);
        let path = Path::new("spec");
        let list = path.child("podCIDRs");
        let mut seen = SortedSet::new();
        for (index, range) in spec.pod_cidrs.iter().flatten().enumerate() {
            let at = list.index(index);
            address::cidr(range, &at, &mut errors);
            if !seen.insert(range) {
                errors.push(FieldError::duplicate(&at, range));
            }
        }
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        let (Some(new), Some(old)) = (&self.spec, &old.spec) else {
            return errors;
        };
        let at = Path::new("spec");
        let ranges = old.pod_cidrs.as_ref().filter(|ranges| !ranges.is_empty());
        if ranges.is_some() && new.pod_cidrs != old.pod_cidrs {
            let detail = "node updates may not change podCIDR except from \"\" to valid";
            errors.push(FieldError::forbidden(&at.child("podCIDRs"), detail));
        }
        let provider = text(old.provider_id.as_ref());
        if !provider.is_empty() && new.provider_id != old.provider_id {
            let detail = "node updates may not change providerID except from \"\" to valid";
            errors.push(FieldError::forbidden(&at.child("providerID"), detail));
        }
        taints(new.taints.as_deref().unwrap_or_default(), &mut errors);
        errors
    }
}

/// As upstream, the errors stand below the metadata.
fn taints(taints: &[Taint], errors: &mut Errors) {
    let metadata = Path::new("metadata");
    let list = metadata.child("taints");
    let mut seen = SortedSet::new();
    for (index, taint) in taints.iter().enumerate() {
        let at = list.index(index);
        refuse(
            qualified_name(&taint.key),
            &taint.key,
            &at.child("key"),
            errors,
        );
        let value = text(taint.value.as_ref());
        let wrong = label_value(value);
        if !wrong.is_empty() {
            errors.push(FieldError::invalid(
                &at.child("value"),
                value,
                wrong.join(";"),
            ));
        }
        let of_effect = at.child("effect");
        required(&taint.effect, &of_effect, errors);
        if !taint.effect.is_empty() {
            taint_effect(&taint.effect, &of_effect, errors);
        }
        if !seen.insert((&taint.effect, &taint.key)) {
            let mut error = FieldError::duplicate_value(&at, shown(taint));
            error.detail = "taints must be unique by key and effect pair".to_owned();
            errors.push(error);
        }
    }
}
