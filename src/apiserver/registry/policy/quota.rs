//! ResourceQuota.
//!
//! Upstream: pkg/apis/core/validation/validation.go, pkg/apis/core/helper/helpers.go,
//! pkg/registry/core/resourcequota/strategy.go, v1.36.

use super::super::Strategy;
use super::super::rules::name::NameRule;
use super::super::rules::resource::{self, Amounts};
use super::super::rules::{Errors, meta, shown};
use crate::api::Status;
use crate::api::field::{FieldError, Path};
use crate::apiserver::ApiServerConfig;
use crate::etcd::Etcd;
use crate::sim::SortedSet;
use k8s_openapi::api::core::v1::{
    ResourceQuota, ResourceQuotaSpec, ScopedResourceSelectorRequirement,
};

const SCOPES: [&str; 7] = [
    "Terminating",
    "NotTerminating",
    "BestEffort",
    "NotBestEffort",
    "PriorityClass",
    "CrossNamespacePodAffinity",
    "VolumeAttributesClass",
];

impl Strategy for ResourceQuota {
    fn default(&mut self) {
        let spec = self.spec.get_or_insert_default();
        resource::round(spec.hard.as_mut());
    }

    fn prepare_for_create(&mut self, _: &ApiServerConfig, _: &Etcd) -> Result<(), Status> {
        self.status = Some(Default::default());
        Ok(())
    }

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
        meta::object_meta(&self.metadata, true, NameRule::Subdomain, &mut errors);
        if let Some(spec) = &self.spec {
            quota_spec(spec, &Path::new("spec"), &mut errors);
        }
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        let path = Path::new("spec");
        if let Some(spec) = &self.spec {
            quota_spec(spec, &path, &mut errors);
        }
        let scopes = |quota: &Self| -> SortedSet<String> {
            let spec = quota.spec.as_ref().and_then(|spec| spec.scopes.as_ref());
            SortedSet::from_iter(spec.into_iter().flatten().cloned())
        };
        if scopes(self) != scopes(old) {
            let given = self.spec.as_ref().and_then(|spec| spec.scopes.as_ref());
            let at = path.child("scopes");
            let detail = "field is immutable";
            errors.push(FieldError::invalid_value(&at, shown(&given), detail));
        }
        errors
    }
}

fn amounts(amounts: Option<&Amounts>, at: &Path<'_>, errors: &mut Errors) {
    for (name, amount) in amounts.into_iter().flatten() {
        let at = at.key(name);
        resource::resource_name(name, &at, errors);
        if !name.contains('/') && !resource::is_standard_for_quota(name) {
            let detail = "must be a standard resource for quota";
            errors.push(FieldError::invalid(&at, name, detail));
        }
        resource::amount(name, amount, &at, errors);
    }
}

fn quota_spec(spec: &ResourceQuotaSpec, at: &Path<'_>, errors: &mut Errors) {
    amounts(spec.hard.as_ref(), &at.child("hard"), errors);
    let scopes = spec.scopes.as_deref().unwrap_or_default();
    let of_scopes = at.child("scopes");
    let mut refuse = |detail: &str| {
        errors.push(FieldError::invalid_value(&of_scopes, shown(scopes), detail));
    };
    for scope in scopes {
        if !SCOPES.contains(&scope.as_str()) {
            refuse("unsupported scope");
        }
        for _ in unscoped(spec, scope) {
            refuse("unsupported scope applied to resource");
        }
    }
    if conflict(&SortedSet::from_iter(scopes.iter().map(String::as_str))) {
        refuse("conflicting scopes");
    }
    let selector = spec.scope_selector.as_ref();
    let requirements = selector
        .and_then(|s| s.match_expressions.as_deref())
        .unwrap_or_default();
    if !requirements.is_empty() {
        let at = at.child("scopeSelector");
        scope_selector(spec, requirements, &at.child("matchExpressions"), errors);
    }
}

/// The quota's resources that `scope` cannot narrow.
fn unscoped<'a>(spec: &'a ResourceQuotaSpec, scope: &str) -> Vec<&'a String> {
    let pods = ["pods"];
    let compute = [
        "cpu",
        "memory",
        "limits.cpu",
        "limits.memory",
        "requests.cpu",
        "requests.memory",
    ];
    let narrows = |name: &str| match scope {
        "Terminating" | "NotTerminating" | "NotBestEffort" | "PriorityClass" => {
            pods.contains(&name) || compute.contains(&name)
        }
        "BestEffort" | "CrossNamespacePodAffinity" => pods.contains(&name),
        "VolumeAttributesClass" => matches!(name, "persistentvolumeclaims" | "requests.storage"),
        _ => true,
    };
    let hard = spec.hard.iter().flatten().map(|(name, _)| name);
    hard.filter(|name| resource::is_standard_for_quota(name) && !narrows(name))
        .collect()
}

fn conflict(scopes: &SortedSet<&str>) -> bool {
    let both = |a: &str, b: &str| scopes.contains(a) && scopes.contains(b);
    both("BestEffort", "NotBestEffort") || both("Terminating", "NotTerminating")
}

fn scope_selector(
    spec: &ResourceQuotaSpec,
    requirements: &[ScopedResourceSelectorRequirement],
    at: &Path<'_>,
    errors: &mut Errors,
) {
    for requirement in requirements {
        let (scope, operator) = (
            requirement.scope_name.as_str(),
            requirement.operator.as_str(),
        );
        let values = requirement.values.as_deref().unwrap_or_default();
        if !SCOPES.contains(&scope) {
            let at = at.child("scopeName");
            errors.push(FieldError::invalid(&at, scope, "unsupported scope"));
        }
        for _ in unscoped(spec, scope) {
            let detail = "unsupported scope applied to resource";
            let value = shown(&spec.scope_selector);
            errors.push(FieldError::invalid_value(at, value, detail));
        }
        let of_operator = at.child("operator");
        let plain = !matches!(scope, "PriorityClass" | "VolumeAttributesClass");
        if plain && SCOPES.contains(&scope) && operator != "Exists" {
            let detail = "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
            errors.push(FieldError::invalid(&of_operator, operator, detail));
        }
        let of_values = at.child("values");
        match operator {
            "In" | "NotIn" if values.is_empty() => {
                let detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
                errors.push(FieldError::required(&of_values, detail));
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                let detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
                errors.push(FieldError::invalid_value(&of_values, shown(values), detail));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => {
                let detail = "not a valid selector operator";
                errors.push(FieldError::invalid(&of_operator, other, detail));
            }
        }
    }
    if conflict(&requirements.iter().map(|r| r.scope_name.as_str()).collect()) {
        let value = shown(&spec.scopes);
        errors.push(FieldError::invalid_value(at, value, "conflicting scopes"));
    }
}
