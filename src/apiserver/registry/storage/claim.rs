//! PersistentVolumeClaim, alone and in the templates of others.
//!
//! Upstream: pkg/apis/core/v1/defaults.go, pkg/apis/core/validation/validation.go,
//! pkg/registry/core/persistentvolumeclaim/strategy.go, v1.36.

use super::super::Strategy;
use super::super::pod::default::set;
use super::super::rules::name::{NameRule, dns_label, dns_subdomain};
use super::super::rules::{Errors, meta, one_of, refuse, required, resource, text};
use crate::api::Status;
use crate::api::field::{FieldError, Path};
use crate::api::quantity;
use crate::apiserver::ApiServerConfig;
use crate::etcd::Etcd;
use k8s_openapi::api::core::v1::{
    PersistentVolumeClaim, PersistentVolumeClaimSpec, PersistentVolumeClaimStatus,
    TypedLocalObjectReference, TypedObjectReference,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

const BETA_CLASS: &str = "volume.beta.kubernetes.io/storage-class";

/// Fills in a claim.
pub fn default(claim: &mut PersistentVolumeClaim) {
    default_spec(claim.spec.get_or_insert_default());
    set(&mut claim.status.get_or_insert_default().phase, "Pending");
}

/// Fills in a claim's spec.
pub fn default_spec(spec: &mut PersistentVolumeClaimSpec) {
    spec.volume_mode
        .get_or_insert_with(|| "Filesystem".to_owned());
    let resources = spec.resources.get_or_insert_default();
    resource::round(resources.limits.as_mut());
    resource::round(resources.requests.as_mut());
}

impl Strategy for PersistentVolumeClaim {
    fn default(&mut self) {
        default(self);
    }

    fn prepare_for_create(&mut self, _: &ApiServerConfig, _: &Etcd) -> Result<(), Status> {
        self.status = Some(PersistentVolumeClaimStatus {
            phase: Some("Pending".to_owned()),
            ..PersistentVolumeClaimStatus::default()
        });
        same_source_twice(self.spec.get_or_insert_default());
        Ok(())
    }

    fn prepare_for_update(
        &mut self,
        old: &Self,
        _: &ApiServerConfig,
        _: &Etcd,
    ) -> Result<(), Status> {
        self.status.clone_from(&old.status);
        same_source_twice(self.spec.get_or_insert_default());
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
            validate_spec(spec, &Path::new("spec"), &mut errors);
        }
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut errors = self.validate();
        if let (Some(new), Some(before)) = (&self.spec, &old.spec) {
            let phase = old.status.as_ref().and_then(|s| s.phase.as_deref());
            spec_update(new, before, phase == Some("Bound"), &mut errors);
            size_update(self, old, &mut errors);
        }
        errors
    }
}

/// What a volume is made from is said in two fields that mean the same.
fn same_source_twice(spec: &mut PersistentVolumeClaimSpec) {
    match (&spec.data_source, &spec.data_source_ref) {
        (Some(source), None) => {
            spec.data_source_ref = Some(TypedObjectReference {
                api_group: source.api_group.clone(),
                kind: source.kind.clone(),
                name: source.name.clone(),
                namespace: None,
            });
        }
        (None, Some(source)) if text(source.namespace.as_ref()).is_empty() => {
            spec.data_source = Some(TypedLocalObjectReference {
                api_group: source.api_group.clone(),
                kind: source.kind.clone(),
                name: source.name.clone(),
            });
        }
        _ => {}
    }
}

fn storage(spec: &PersistentVolumeClaimSpec) -> Option<&Quantity> {
    spec.resources.as_ref()?.requests.as_ref()?.get("storage")
}

/// Adds what is wrong with a claim's spec.
pub fn validate_spec(spec: &PersistentVolumeClaimSpec, at: &Path<'_>, errors: &mut Errors) {
    let modes = spec.access_modes.as_deref().unwrap_or_default();
    if modes.is_empty() {
        let detail = "at least 1 access mode is required";
        errors.push(FieldError::required(&at.child("accessModes"), detail));
    }
    if let Some(selector) = &spec.selector {
        meta::label_selector(selector, &at.child("selector"), errors);
    }
    if !modes.is_empty() {
        super::access_modes(modes, "", at, errors);
    }
    let resources = at.child("resources");
    let of_storage = resources.key("storage");
    match storage(spec) {
        None => errors.push(FieldError::required(&of_storage, "")),
        Some(amount) => resource::positive(amount, &of_storage, errors),
    }
    let class = text(spec.storage_class_name.as_ref());
    if !class.is_empty() {
        refuse(
            dns_subdomain(class),
            class,
            &at.child("storageClassName"),
            errors,
        );
    }
    if let Some(mode) = &spec.volume_mode {
        one_of(
            mode,
            &["Block", "Filesystem"],
            &at.child("volumeMode"),
            errors,
        );
    }
    sources(spec, at, errors);
    let class = text(spec.volume_attributes_class_name.as_ref());
    if !class.is_empty() {
        let at = at.child("volumeAttributesClassName");
        refuse(dns_subdomain(class), class, &at, errors);
    }
}

fn sources(spec: &PersistentVolumeClaimSpec, at: &Path<'_>, errors: &mut Errors) {
    let (source, reference) = (&spec.data_source, &spec.data_source_ref);
    if let Some(source) = source {
        let of_source = at.child("dataSource");
        let group = text(source.api_group.as_ref());
        data_source((&source.name, &source.kind, group), &of_source, errors);
    }
    let Some(reference) = reference else { return };
    let of_reference = at.child("dataSourceRef");
    let group = text(reference.api_group.as_ref());
    data_source(
        (&reference.name, &reference.kind, group),
        &of_reference,
        errors,
    );
    let namespace = text(reference.namespace.as_ref());
    if !namespace.is_empty() {
        let at = of_reference.child("namespace");
        refuse(dns_label(namespace), namespace, &at, errors);
    }
    let Some(source) = source else { return };
    let same = source.api_group == reference.api_group
        && source.kind == reference.kind
        && source.name == reference.name;
    let detail = match namespace.is_empty() {
        false => "may not be specified when dataSourceRef.namespace is specified",
        true if !same => "must match dataSourceRef",
        true => return,
    };
    // Upstream gives the path of the field as the value, which JSON shows as an empty object.
    errors.push(FieldError::invalid_value(at, "{}", detail));
}

fn data_source((name, kind, group): (&str, &str, &str), at: &Path<'_>, errors: &mut Errors) {
    required(name, &at.child("name"), errors);
    required(kind, &at.child("kind"), errors);
    if group.is_empty() && kind != "PersistentVolumeClaim" {
        let detail = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
        errors.push(FieldError::invalid(at, kind, detail));
    }
    if !group.is_empty() {
        refuse(dns_subdomain(group), group, &at.child("apiGroup"), errors);
    }
}

fn spec_update(
    new: &PersistentVolumeClaimSpec,
    old: &PersistentVolumeClaimSpec,
    bound: bool,
    errors: &mut Errors,
) {
    let mut adjusted = new.clone();
    let mut old_spec = old.clone();
    if text(old.volume_name.as_ref()).is_empty() {
        old_spec.volume_name.clone_from(&new.volume_name);
    }
    if old.storage_class_name.is_none() && new.storage_class_name.is_some() {
        adjusted.storage_class_name = None;
    }
    if bound {
        if let (Some(resources), Some(amount)) = (adjusted.resources.as_mut(), storage(old))
            && let Some(requests) = resources.requests.as_mut()
        {
            requests.insert("storage".to_owned(), amount.clone());
        }
        let class = &old.volume_attributes_class_name;
        adjusted.volume_attributes_class_name.clone_from(class);
    }
    let spec = Path::new("spec");
    if adjusted != old_spec {
        let detail = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
        errors.push(FieldError::forbidden(&spec, detail));
    }
    let at = Path::new("volumeMode");
    super::super::rules::immutable(&new.volume_mode, &old.volume_mode, &at, errors);
    if old.volume_attributes_class_name.is_some() {
        let detail = match new.volume_attributes_class_name.as_deref() {
            None => "update from non-nil value to nil is forbidden",
            Some("") => "update from non-nil value to an empty string is forbidden",
            Some(_) => return,
        };
        let at = spec.child("volumeAttributesClassName");
        errors.push(FieldError::forbidden(&at, detail));
    }
}

/// A claim may shrink again only as far as its volume has not grown yet.
fn size_update(new: &PersistentVolumeClaim, old: &PersistentVolumeClaim, errors: &mut Errors) {
    let asked = |claim: &PersistentVolumeClaim| {
        let amount = claim.spec.as_ref().and_then(storage);
        amount.cloned().unwrap_or_else(|| quantity::from_milli(0))
    };
    let status = old.status.as_ref().and_then(|s| s.capacity.as_ref());
    let has = status.and_then(|capacity| capacity.get("storage")).cloned();
    let has = has.unwrap_or_else(|| quantity::from_milli(0));
    let wanted = asked(new);
    let shrinks = quantity::compare(&wanted, &asked(old)).is_lt();
    if shrinks && quantity::compare(&wanted, &has).is_le() {
        let spec = Path::new("spec");
        let resources = spec.child("resources");
        let at = resources.child("requests");
        let detail = "field can not be less than status.capacity";
        errors.push(FieldError::forbidden(&at.child("storage"), detail));
    }
    let class = |claim: &PersistentVolumeClaim| {
        let annotations = claim.metadata.annotations.as_ref();
        annotations
            .and_then(|all| all.get(BETA_CLASS))
            .cloned()
            .unwrap_or_default()
    };
    let (new, old) = (class(new), class(old));
    if new != old {
        let metadata = Path::new("metadata");
        let at = metadata.child("annotations");
        let detail = "field is immutable";
        errors.push(FieldError::invalid(&at.child(BETA_CLASS), &new, detail));
    }
}
