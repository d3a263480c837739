//! Where a container sees its volumes: volumeMounts and volumeDevices.
//!
//! Upstream: pkg/apis/core/validation/validation.go (ValidateVolumeMounts,
//! ValidateVolumeDevices), v1.36. As there, some errors stand at the list and not at its item.

use super::super::rules::{Errors, one_of, required, text};
use super::super::volume;
use crate::api::field::{FieldError, Path};
use crate::sim::{SortedMap, SortedSet};
use k8s_openapi::api::core::v1::{Container, Volume, VolumeMount};

/// A Pod's volumes by name.
pub type Volumes<'a> = SortedMap<&'a str, &'a Volume>;

/// Adds what is wrong with `container`'s mounts and devices.
pub fn mounts(container: &Container, volumes: &Volumes<'_>, at: &Path<'_>, errors: &mut Errors) {
    volume_mounts(container, volumes, &at.child("volumeMounts"), errors);
    volume_devices(container, volumes, &at.child("volumeDevices"), errors);
}

fn volume_mounts(c: &Container, volumes: &Volumes<'_>, list: &Path<'_>, errors: &mut Errors) {
    let devices = c.volume_devices.as_deref().unwrap_or_default();
    let mut places = SortedSet::new();
    for (index, mount) in c.volume_mounts.iter().flatten().enumerate() {
        let at = list.index(index);
        let (of_name, of_path) = (at.child("name"), at.child("mountPath"));
        let volume = volumes.get(mount.name.as_str());
        required(&mount.name, &of_name, errors);
        if volume.is_none() {
            errors.push(FieldError::not_found(&of_name, &mount.name));
        }
        required(&mount.mount_path, &of_path, errors);
        if !places.insert(mount.mount_path.as_str()) {
            let detail = "must be unique";
            errors.push(FieldError::invalid(&of_path, &mount.mount_path, detail));
        }
        if devices.iter().any(|device| device.name == mount.name) {
            let detail = "must not already exist in volumeDevices";
            errors.push(FieldError::invalid(&of_name, &mount.name, detail));
        }
        if devices
            .iter()
            .any(|device| device.device_path == mount.mount_path)
        {
            let detail = "must not already exist as a path in volumeDevices";
            errors.push(FieldError::invalid(&of_path, &mount.mount_path, detail));
        }
        let of_image = volume.is_some_and(|volume| volume.image.is_some());
        sub_paths(mount, of_image, (&at, list), errors);
        propagation(mount, c, list, errors);
    }
}

fn sub_paths(
    mount: &VolumeMount,
    of_image: bool,
    (at, list): (&Path<'_>, &Path<'_>),
    errors: &mut Errors,
) {
    let (path, expression) = (
        text(mount.sub_path.as_ref()),
        text(mount.sub_path_expr.as_ref()),
    );
    for (field, value) in [("subPath", path), ("subPathExpr", expression)] {
        if of_image && !value.is_empty() {
            let detail = "not allowed in image volume sources";
            errors.push(FieldError::invalid(&at.child(field), value, detail));
        }
    }
    if !path.is_empty() {
        volume::descending_path(path, &list.child("subPath"), errors);
    }
    if !expression.is_empty() {
        if !path.is_empty() {
            let detail = "subPathExpr and subPath are mutually exclusive";
            errors.push(FieldError::invalid(
                &at.child("subPathExpr"),
                expression,
                detail,
            ));
        }
        volume::descending_path(expression, &list.child("subPathExpr"), errors);
    }
}

fn propagation(mount: &VolumeMount, c: &Container, list: &Path<'_>, errors: &mut Errors) {
    if let Some(mode) = &mount.mount_propagation {
        let at = list.child("mountPropagation");
        one_of(
            mode,
            &["Bidirectional", "HostToContainer", "None"],
            &at,
            errors,
        );
        let context = c.security_context.as_ref();
        let privileged = context.is_some_and(|context| context.privileged == Some(true));
        if mode == "Bidirectional" && !privileged {
            let detail =
                "Bidirectional mount propagation is available only to privileged containers";
            errors.push(FieldError::forbidden(&at, detail));
        }
    }
    let Some(recursive) = &mount.recursive_read_only else {
        return;
    };
    let at = list.child("recursiveReadOnly");
    one_of(
        recursive,
        &["Disabled", "Enabled", "IfPossible"],
        &at,
        errors,
    );
    if !matches!(recursive.as_str(), "Enabled" | "IfPossible") {
        return;
    }
    if mount.read_only != Some(true) {
        let detail = "may only be specified when readOnly is true";
        errors.push(FieldError::forbidden(&at, detail));
    }
    if mount
        .mount_propagation
        .as_deref()
        .is_some_and(|mode| mode != "None")
    {
        let detail = "may only be specified when mountPropagation is None or not specified";
        errors.push(FieldError::forbidden(&at, detail));
    }
}

fn volume_devices(c: &Container, volumes: &Volumes<'_>, list: &Path<'_>, errors: &mut Errors) {
    let mounts = c.volume_mounts.as_deref().unwrap_or_default();
    let (mut names, mut places) = (SortedSet::new(), SortedSet::new());
    for (index, device) in c.volume_devices.iter().flatten().enumerate() {
        let at = list.index(index);
        let (name, path) = (device.name.as_str(), device.device_path.as_str());
        let (of_name, of_path) = (at.child("name"), at.child("devicePath"));
        let refuse_name = |detail: &str, errors: &mut Errors| {
            errors.push(FieldError::invalid(&of_name, name, detail));
        };
        required(name, &of_name, errors);
        if !name.is_empty() && !names.insert(name) {
            refuse_name("must be unique", errors);
        }
        match volumes.get(name) {
            Some(volume)
                if volume.persistent_volume_claim.is_none() && volume.ephemeral.is_none() =>
            {
                let detail = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
                refuse_name(detail, errors);
            }
            Some(_) => {}
            None => errors.push(FieldError::not_found(&of_name, name)),
        }
        required(path, &of_path, errors);
        if places.contains(path) {
            errors.push(FieldError::invalid(&of_path, path, "must be unique"));
        }
        if path.split('/').any(|part| part == "..") {
            let detail = "can not contain backsteps ('..')";
            errors.push(FieldError::invalid(&of_path, path, detail));
        } else {
            places.insert(path);
        }
        if mounts.iter().any(|mount| mount.name == name) {
            refuse_name("must not already exist in volumeMounts", errors);
        }
        if mounts.iter().any(|mount| mount.mount_path == path) {
            let detail = "must not already exist as a path in volumeMounts";
            errors.push(FieldError::invalid(&of_path, path, detail));
        }
    }
}
