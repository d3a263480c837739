//! PersistentVolume.
//!
//! Upstream: pkg/apis/core/v1/defaults.go, pkg/apis/core/validation/validation.go,
//! pkg/registry/core/persistentvolume/strategy.go, v1.36.

use super::super::Strategy;
use super::super::pod::default::set;
use super::super::pod::node_selector;
use super::super::rules::name::{NameRule, dns_subdomain};
use super::super::rules::{Errors, immutable, meta, one_of, refuse, resource, shown, text};
use super::super::volume::persistent;
use crate::api::Status;
use crate::api::field::{FieldError, Path};
use crate::api::meta::MetaExt;
use crate::api::quantity;
use crate::apiserver::ApiServerConfig;
use crate::etcd::Etcd;
use k8s_openapi::api::core::v1::{
    PersistentVolume, PersistentVolumeSpec, PersistentVolumeStatus, VolumeNodeAffinity,
};

impl Strategy for PersistentVolume {
    fn default(&mut self) {
        let spec = self.spec.get_or_insert_default();
        set(&mut spec.persistent_volume_reclaim_policy, "Retain");
        spec.volume_mode
            .get_or_insert_with(|| "Filesystem".to_owned());
        resource::round(spec.capacity.as_mut());
        if let Some(claim) = spec.claim_ref.as_mut() {
            set(&mut claim.api_version, "v1");
            set(&mut claim.kind, "PersistentVolumeClaim");
        }
        persistent::default(spec);
        set(&mut self.status.get_or_insert_default().phase, "Pending");
    }

    fn prepare_for_create(&mut self, _: &ApiServerConfig, _: &Etcd) -> Result<(), Status> {
        self.status = Some(PersistentVolumeStatus {
            phase: Some("Pending".to_owned()),
            last_phase_transition_time: self.metadata.creation_timestamp.clone(),
            ..PersistentVolumeStatus::default()
        });
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
        meta::object_meta(&self.metadata, false, NameRule::Subdomain, &mut errors);
        if let Some(spec) = &self.spec {
            volume_spec(spec, self.name(), &Path::new("spec"), &mut errors);
        }
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut errors = self.validate();
        let (Some(new), Some(before)) = (&self.spec, &old.spec) else {
            return errors;
        };
        let spec = Path::new("spec");
        if source(new, before) != source(before, before) {
            let at = spec.child("persistentvolumesource");
            let detail = "spec.persistentvolumesource is immutable after creation";
            errors.push(FieldError::forbidden(&at, detail));
        }
        let at = Path::new("volumeMode");
        immutable(&new.volume_mode, &before.volume_mode, &at, &mut errors);
        if before.node_affinity.is_some() && new.node_affinity != before.node_affinity {
            let at = Path::new("nodeAffinity");
            let detail = "field is immutable, except for updating from beta label to GA";
            let value = shown(&new.node_affinity);
            errors.push(FieldError::invalid_value(&at, value, detail));
        }
        let class = |spec: &PersistentVolumeSpec| spec.volume_attributes_class_name.is_some();
        if class(before) && !class(new) {
            let at = spec.child("volumeAttributesClassName");
            let detail = "update from non-nil value to nil is forbidden";
            errors.push(FieldError::forbidden(&at, detail));
        }
        errors
    }
}

/// The source alone. A secret for growing may be added where `old` has none.
fn source(spec: &PersistentVolumeSpec, old: &PersistentVolumeSpec) -> PersistentVolumeSpec {
    let mut source = PersistentVolumeSpec {
        access_modes: None,
        capacity: None,
        claim_ref: None,
        mount_options: None,
        node_affinity: None,
        persistent_volume_reclaim_policy: None,
        storage_class_name: None,
        volume_attributes_class_name: None,
        volume_mode: None,
        ..spec.clone()
    };
    let has_secret = old
        .csi
        .as_ref()
        .is_some_and(|csi| csi.controller_expand_secret_ref.is_some());
    if let Some(csi) = source.csi.as_mut().filter(|_| !has_secret) {
        csi.controller_expand_secret_ref = None;
    }
    source
}

fn volume_spec(spec: &PersistentVolumeSpec, name: &str, at: &Path<'_>, errors: &mut Errors) {
    let modes = spec.access_modes.as_deref().unwrap_or_default();
    super::access_modes(modes, "", at, errors);
    capacity(spec, at, errors);
    let policy = text(spec.persistent_volume_reclaim_policy.as_ref());
    let of_policy = at.child("persistentVolumeReclaimPolicy");
    if !policy.is_empty() {
        one_of(policy, &["Delete", "Recycle", "Retain"], &of_policy, errors);
    }
    if let Some(affinity) = &spec.node_affinity {
        node_affinity(affinity, &at.child("nodeAffinity"), errors);
    }
    let tied = spec.node_affinity.is_some();
    persistent::sources(spec, (name, tied), at, errors);
    let path = spec.host_path.as_ref().map(|source| source.path.as_str());
    let is_root =
        |path: &str| path.starts_with('/') && path.split('/').all(|part| matches!(part, "" | "."));
    if path.is_some_and(is_root) && policy == "Recycle" {
        let detail = "may not be 'recycle' for a hostPath mount of '/'";
        errors.push(FieldError::forbidden(&of_policy, detail));
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
    if let Some(class) = &spec.volume_attributes_class_name {
        let of_class = at.child("volumeAttributesClassName");
        match class.as_str() {
            "" => errors.push(FieldError::required(
                &of_class,
                "an empty string is disallowed",
            )),
            class => refuse(dns_subdomain(class), class, &of_class, errors),
        }
        if spec.csi.is_none() {
            let detail = "has to be specified when using volumeAttributesClassName";
            errors.push(FieldError::required(&at.child("csi"), detail));
        }
    }
}

fn capacity(spec: &PersistentVolumeSpec, at: &Path<'_>, errors: &mut Errors) {
    let at = at.child("capacity");
    let empty = Default::default();
    let capacity = spec.capacity.as_ref().unwrap_or(&empty);
    if capacity.is_empty() {
        errors.push(FieldError::required(&at, ""));
    }
    if !capacity.contains_key("storage") || capacity.len() > 1 {
        let mut error = FieldError::not_supported(&at, "", &["storage"]);
        error.value = shown(&spec.capacity);
        errors.push(error);
    }
    for (name, amount) in capacity {
        let at = at.key(name);
        if quantity::value(amount) < 0 {
            let detail = "must be a valid resource quantity";
            errors.push(FieldError::invalid_value(
                &at,
                quantity::value(amount),
                detail,
            ));
        }
        resource::positive(amount, &at, errors);
    }
}

fn node_affinity(affinity: &VolumeNodeAffinity, at: &Path<'_>, errors: &mut Errors) {
    let at = at.child("required");
    match &affinity.required {
        Some(selector) => node_selector(selector, &at, errors),
        None => {
            let detail = "must specify required node constraints";
            errors.push(FieldError::required(&at, detail));
        }
    }
}
