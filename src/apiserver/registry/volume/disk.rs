//! The sources that are somebody's disks: clouds, storage systems, CSI drivers.
//!
//! Upstream: pkg/apis/core/validation/validation.go, v1.36.

use super::super::rules::{Errors, name, number, one_of, refuse, required, shown, text};
use crate::api::field::{FieldError, Path};
use k8s_openapi::api::core::v1::{
    AzureDiskVolumeSource, FCVolumeSource, FlockerVolumeSource, NFSVolumeSource,
    PhotonPersistentDiskVolumeSource, PortworxVolumeSource, QuobyteVolumeSource,
    VsphereVirtualDiskVolumeSource,
};
use std::collections::BTreeMap;

/// Refuses every empty text of `fields`.
pub fn all_required(fields: &[(&str, &str)], at: &Path<'_>, errors: &mut Errors) {
    for (field, value) in fields {
        required(value, &at.child(field), errors);
    }
}

/// Checks a cloud's disk: its id and the partition on it.
pub fn partitioned(
    (field, id): (&str, &str),
    partition: Option<i32>,
    at: &Path<'_>,
    errors: &mut Errors,
) {
    required(id, &at.child(field), errors);
    if let Some(partition) = partition {
        let at = at.child("partition");
        if !(0..=255).contains(&partition) {
            let detail = "must be between 1 and 255, inclusive";
            errors.push(FieldError::invalid_value(&at, partition, detail));
        }
    }
}

pub fn nfs(source: &NFSVolumeSource, at: &Path<'_>, errors: &mut Errors) {
    all_required(
        &[("server", &source.server), ("path", &source.path)],
        at,
        errors,
    );
    if !source.path.starts_with('/') {
        let detail = "must be an absolute path";
        errors.push(FieldError::invalid(&at.child("path"), &source.path, detail));
    }
}

/// What iSCSI volumes of Pods and of the cluster have in common.
pub struct Iscsi<'a> {
    pub portal: &'a str,
    pub iqn: &'a str,
    pub lun: i32,
    pub initiator: Option<&'a str>,
    pub chap_without_secret: bool,
    /// The sentence for a name with an unknown beginning.
    pub prefix_text: &'a str,
}

pub fn iscsi(source: &Iscsi<'_>, at: &Path<'_>, errors: &mut Errors) {
    required(source.portal, &at.child("targetPortal"), errors);
    let iqn = at.child("iqn");
    required(source.iqn, &iqn, errors);
    if !source.iqn.is_empty() {
        iscsi_name(source.iqn, source.prefix_text, &iqn, errors);
    }
    number::in_range(source.lun.into(), 0, 255, &at.child("lun"), errors);
    if source.chap_without_secret {
        errors.push(FieldError::required(&at.child("secretRef"), ""));
    }
    if let Some(initiator) = source.initiator {
        let at = at.child("initiatorname");
        iscsi_name(initiator, source.prefix_text, &at, errors);
    }
}

fn iscsi_name(text: &str, prefix_text: &str, at: &Path<'_>, errors: &mut Errors) {
    let coded = |rest: &str, length: usize| {
        let rest = rest.strip_prefix(|_: char| true).unwrap_or_default();
        rest.len() == length && rest.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    let right = match text.get(..3) {
        Some("iqn") => is_iqn(&text[3..]),
        Some("eui") => coded(&text[3..], 16),
        Some("naa") => coded(&text[3..], 32),
        _ => {
            errors.push(FieldError::invalid(at, text, prefix_text));
            return;
        }
    };
    if !right {
        errors.push(FieldError::invalid(at, text, "must be valid format"));
    }
}

/// `.2001-04.com.example:storage`
fn is_iqn(rest: &str) -> bool {
    let bytes = rest.as_bytes();
    let date = bytes.len() > 9
        && bytes[0] == b'.'
        && bytes[1..5].iter().all(u8::is_ascii_digit)
        && bytes[5] == b'-'
        && bytes[6..8].iter().all(u8::is_ascii_digit)
        && bytes[8] == b'.';
    let Some((authority, unit)) = rest.get(9..).and_then(|rest| rest.split_once(':')) else {
        return false;
    };
    let in_authority = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
    let in_unit = |c: char| !c.is_whitespace() && !",;*&$|".contains(c);
    date && !authority.is_empty()
        && authority.bytes().all(in_authority)
        && !unit.is_empty()
        && unit.chars().all(in_unit)
}

pub fn fibre_channel(source: &FCVolumeSource, at: &Path<'_>, errors: &mut Errors) {
    let names = source.target_wwns.as_deref().unwrap_or_default();
    let ids = source.wwids.as_deref().unwrap_or_default();
    let target = at.child("targetWWNs");
    if names.is_empty() && ids.is_empty() {
        let detail = "must specify either targetWWNs or wwids, but not both";
        errors.push(FieldError::required(&target, detail));
    }
    if !names.is_empty() && !ids.is_empty() {
        let detail = "targetWWNs and wwids can not be specified simultaneously";
        errors.push(FieldError::invalid_value(&target, shown(names), detail));
    }
    if !names.is_empty() {
        let at = at.child("lun");
        match source.lun {
            Some(lun) => number::in_range(lun.into(), 0, 255, &at, errors),
            None => {
                let detail = "lun is required if targetWWNs is specified";
                errors.push(FieldError::required(&at, detail));
            }
        }
    }
}

pub fn flocker(source: &FlockerVolumeSource, at: &Path<'_>, errors: &mut Errors) {
    let name = text(source.dataset_name.as_ref());
    let uuid = text(source.dataset_uuid.as_ref());
    if name.is_empty() && uuid.is_empty() {
        let detail = "one of datasetName and datasetUUID is required";
        errors.push(FieldError::required(at, detail));
    }
    if !name.is_empty() && !uuid.is_empty() {
        let detail = "datasetName and datasetUUID can not be specified simultaneously";
        errors.push(FieldError::invalid(at, "resource", detail));
    }
    if name.contains('/') {
        let at = at.child("datasetName");
        errors.push(FieldError::invalid(&at, name, "must not contain '/'"));
    }
}

/// Checks the monitors and the image of a Ceph block device.
pub fn rbd(monitors: &[String], image: &str, at: &Path<'_>, errors: &mut Errors) {
    self::monitors(monitors, at, errors);
    required(image, &at.child("image"), errors);
}

pub fn monitors(monitors: &[String], at: &Path<'_>, errors: &mut Errors) {
    if monitors.is_empty() {
        errors.push(FieldError::required(&at.child("monitors"), ""));
    }
}

pub fn quobyte(source: &QuobyteVolumeSource, at: &Path<'_>, errors: &mut Errors) {
    const PAIRS: &str = "must be a host:port pair or multiple pairs separated by commas";
    let registry = at.child("registry");
    if source.registry.is_empty() {
        errors.push(FieldError::required(&registry, PAIRS));
    } else if text(source.tenant.as_ref()).len() >= 65 {
        let detail = "must be a UUID and may not exceed a length of 64 characters";
        errors.push(FieldError::required(&at.child("tenant"), detail));
    } else {
        let pair = |pair: &str| pair.rsplit_once(':').is_some();
        for _ in source.registry.split(',').filter(|text| !pair(text)) {
            errors.push(FieldError::invalid(&registry, &source.registry, PAIRS));
        }
    }
    required(&source.volume, &at.child("volume"), errors);
}

pub fn flex(
    driver: &str,
    options: Option<&BTreeMap<String, String>>,
    at: &Path<'_>,
    errors: &mut Errors,
) {
    required(driver, &at.child("driver"), errors);
    let list = at.child("options");
    for key in options.into_iter().flat_map(BTreeMap::keys) {
        let domain = key
            .split_once('/')
            .map_or(key.as_str(), |(domain, _)| domain);
        let domain = format!(".{}", domain.to_lowercase());
        if domain.ends_with(".kubernetes.io") || domain.ends_with(".k8s.io") {
            let detail = "kubernetes.io and k8s.io namespaces are reserved";
            errors.push(FieldError::invalid(&list.key(key), key, detail));
        }
    }
}

pub fn vsphere(source: &VsphereVirtualDiskVolumeSource, at: &Path<'_>, errors: &mut Errors) {
    required(&source.volume_path, &at.child("volumePath"), errors);
}

pub fn photon(source: &PhotonPersistentDiskVolumeSource, at: &Path<'_>, errors: &mut Errors) {
    required(&source.pd_id, &at.child("pdID"), errors);
}

pub fn portworx(source: &PortworxVolumeSource, at: &Path<'_>, errors: &mut Errors) {
    required(&source.volume_id, &at.child("volumeID"), errors);
}

pub fn azure_disk(source: &AzureDiskVolumeSource, at: &Path<'_>, errors: &mut Errors) {
    const MANAGED: &str = "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}";
    const BLOB: &str =
        "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd";
    let uri = source.disk_uri.as_str();
    all_required(
        &[("diskName", &source.disk_name), ("diskURI", uri)],
        at,
        errors,
    );
    if let Some(mode) = &source.caching_mode {
        let modes = ["None", "ReadOnly", "ReadWrite"];
        one_of(mode, &modes, &at.child("cachingMode"), errors);
    }
    let Some(kind) = &source.kind else { return };
    one_of(
        kind,
        &["Dedicated", "Managed", "Shared"],
        &at.child("kind"),
        errors,
    );
    let at = at.child("diskURI");
    if kind == "Managed" && !uri.starts_with("/subscriptions/") {
        errors.push(FieldError::not_supported(&at, uri, &[MANAGED]));
    }
    if kind != "Managed" && !uri.starts_with("https://") {
        errors.push(FieldError::not_supported(&at, uri, &[BLOB]));
    }
}

/// Checks the volume and namespace of StorageOS.
pub fn storage_os(volume: &str, namespace: &str, at: &Path<'_>, errors: &mut Errors) {
    let at_volume = at.child("volumeName");
    match volume {
        "" => errors.push(FieldError::required(&at_volume, "")),
        volume => refuse(name::dns_label(volume), volume, &at_volume, errors),
    }
    if !namespace.is_empty() {
        let at = at.child("volumeNamespace");
        refuse(name::dns_label(namespace), namespace, &at, errors);
    }
}

/// Checks a CSI driver's name.
pub fn csi_driver(driver: &str, at: &Path<'_>, errors: &mut Errors) {
    required(driver, at, errors);
    if driver.len() > 63 {
        errors.push(FieldError::too_long(at, 63));
    }
    refuse(
        name::dns_subdomain(&driver.to_lowercase()),
        driver,
        at,
        errors,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iscsi_names_have_three_forms() {
        for (text, right) in [
            ("iqn.2001-04.com.example:storage.disk1", true),
            ("iqn.2001-04.com.example", false),
            ("eui.0123456789abcdef", true),
            ("eui.01234", false),
            ("naa.62004567BA64678D0123456789ABCDEF", true),
            ("foo", false),
        ] {
            let mut errors = Vec::new();
            iscsi_name(text, "must be valid format", &Path::new("iqn"), &mut errors);
            assert_eq!(errors.is_empty(), right, "{text}");
        }
    }
}
