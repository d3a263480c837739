//! PriorityClass.
//!
//! Upstream: pkg/apis/scheduling/v1/{defaults,helpers}.go,
//! pkg/apis/scheduling/validation/validation.go, v1.36.

use super::super::Strategy;
use super::super::rules::name::NameRule;
use super::super::rules::{Errors, immutable, meta, required_one_of};
use crate::api::Status;
use crate::api::field::{FieldError, Path};
use crate::api::meta::MetaExt;
use crate::apiserver::ApiServerConfig;
use crate::etcd::Etcd;
use k8s_openapi::api::scheduling::v1::PriorityClass;

/// The largest priority that a user may define.
const USER_MAX: i32 = 1_000_000_000;
/// The classes that Kubernetes itself makes.
pub const SYSTEM: [(&str, i32); 2] = [
    ("system-node-critical", 2_000_001_000),
    ("system-cluster-critical", 2_000_000_000),
];

impl Strategy for PriorityClass {
    fn default(&mut self) {
        let policy = &mut self.preemption_policy;
        policy.get_or_insert_with(|| "PreemptLowerPriority".to_owned());
        self.value.get_or_insert(0);
    }

    fn prepare_for_create(&mut self, _: &ApiServerConfig, _: &Etcd) -> Result<(), Status> {
        self.metadata.generation = Some(1);
        Ok(())
    }

    fn prepare_for_update(
        &mut self,
        old: &Self,
        _: &ApiServerConfig,
        _: &Etcd,
    ) -> Result<(), Status> {
        self.metadata.generation = old.metadata.generation;
        Ok(())
    }

    fn validate(&self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        meta::object_meta(&self.metadata, false, NameRule::Subdomain, &mut errors);
        let value = self.value.unwrap_or(0);
        if self.name().starts_with("system-") {
            if let Some(why) = not_known(self) {
                let metadata = Path::new("metadata");
                let detail = format!(
                    "priority class names with 'system-' prefix are reserved for system use only. error: {why}"
                );
                errors.push(FieldError::forbidden(&metadata.child("name"), detail));
            }
        } else if value > USER_MAX {
            let detail = format!("maximum allowed value of a user defined priority is {USER_MAX}");
            errors.push(FieldError::forbidden(&Path::new("value"), detail));
        }
        if let Some(policy) = &self.preemption_policy {
            let policies = ["PreemptLowerPriority", "Never"];
            required_one_of(
                policy,
                &policies,
                &Path::new("preemptionPolicy"),
                &mut errors,
            );
        }
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        if self.value != old.value {
            let detail = "may not be changed in an update.";
            errors.push(FieldError::forbidden(&Path::new("value"), detail));
        }
        let (new, old) = (&self.preemption_policy, &old.preemption_policy);
        immutable(new, old, &Path::new("preemptionPolicy"), &mut errors);
        errors
    }
}

fn not_known(class: &PriorityClass) -> Option<String> {
    let name = class.name();
    let Some((_, value)) = SYSTEM.iter().find(|(known, _)| *known == name) else {
        return Some(format!("{name} is not a known system priority class"));
    };
    if class.value != Some(*value) {
        return Some(format!("value of {name} PriorityClass must be {value}"));
    }
    let global = class.global_default == Some(true);
    global.then(|| format!("globalDefault of {name} PriorityClass must be false"))
}
