//! The sources that are files made of other objects: downwardAPI and projected; and references to
//! fields.
//!
//! Upstream: pkg/apis/core/validation/validation.go, v1.36. Left out: the contents of
//! podCertificate projections, which are refused upstream where the feature is off.

use super::super::pod::field_ref;
use super::super::rules::{Errors, meta, name, refuse, required};
use super::local::{file_mode, key_to_path, non_reserved_path};
use crate::api::field::{FieldError, Path};
use crate::sim::SortedSet;
use k8s_openapi::api::core::v1::{
    ClusterTrustBundleProjection, DownwardAPIVolumeFile, DownwardAPIVolumeSource, KeyToPath,
    ProjectedVolumeSource, ServiceAccountTokenProjection, VolumeProjection,
};

const DOWNWARD_FIELDS: [&str; 5] = [
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
];

fn downward_file(file: &DownwardAPIVolumeFile, at: &Path<'_>, errors: &mut Errors) {
    required(&file.path, &at.child("path"), errors);
    non_reserved_path(&file.path, &at.child("path"), errors);
    match (&file.field_ref, &file.resource_field_ref) {
        (Some(field), resource) => {
            let at_field = at.child("fieldRef");
            field_ref::object_field(field, &DOWNWARD_FIELDS, &at_field, errors);
            if resource.is_some() {
                let detail = "fieldRef and resourceFieldRef can not be specified simultaneously";
                errors.push(FieldError::invalid(at, "resource", detail));
            }
        }
        (None, Some(resource)) => {
            let at = at.child("resourceFieldRef");
            field_ref::resource_field(resource, true, &at, errors);
        }
        (None, None) => {
            let detail = "one of fieldRef and resourceFieldRef is required";
            errors.push(FieldError::required(at, detail));
        }
    }
    file_mode(file.mode, &at.child("mode"), errors);
}

pub fn downward_api(source: &DownwardAPIVolumeSource, at: &Path<'_>, errors: &mut Errors) {
    file_mode(source.default_mode, &at.child("defaultMode"), errors);
    for file in source.items.iter().flatten() {
        downward_file(file, at, errors);
    }
}

/// The files of one volume; no two may have the same path.
struct Files<'a> {
    paths: SortedSet<&'a str>,
}

impl<'a> Files<'a> {
    fn add(&mut self, path: &'a str, of: &str, at: &Path<'_>, errors: &mut Errors) {
        if !path.is_empty() && !self.paths.insert(path) {
            let detail = "conflicting duplicate paths";
            errors.push(FieldError::invalid(at, of, detail));
        }
    }

    fn add_items(
        &mut self,
        (source, items): (&str, Option<&'a Vec<KeyToPath>>),
        (at, volume): (&Path<'_>, &Path<'_>),
        errors: &mut Errors,
    ) {
        required(source, &at.child("name"), errors);
        let list = at.child("items");
        for (index, item) in items.into_iter().flatten().enumerate() {
            key_to_path(item, &list.index(index), errors);
            self.add(&item.path, source, volume, errors);
        }
    }
}

pub fn projected(source: &ProjectedVolumeSource, at: &Path<'_>, errors: &mut Errors) {
    file_mode(source.default_mode, &at.child("defaultMode"), errors);
    let list = at.child("sources");
    let mut files = Files {
        paths: SortedSet::new(),
    };
    for (index, projection) in source.sources.iter().flatten().enumerate() {
        one_projection(projection, &mut files, (&list.index(index), at), errors);
    }
}

fn one_projection<'a>(
    source: &'a VolumeProjection,
    files: &mut Files<'a>,
    (at, volume): (&Path<'_>, &Path<'_>),
    errors: &mut Errors,
) {
    let mut count = 0;
    if let Some(secret) = &source.secret {
        count += 1;
        let at = at.child("secret");
        files.add_items((&secret.name, secret.items.as_ref()), (&at, volume), errors);
    }
    if let Some(map) = &source.config_map {
        count += 1;
        let at = at.child("configMap");
        files.add_items((&map.name, map.items.as_ref()), (&at, volume), errors);
    }
    if let Some(downward) = &source.downward_api {
        count += 1;
        let at = at.child("downwardAPI");
        for file in downward.items.iter().flatten() {
            downward_file(file, &at, errors);
            files.add(&file.path, &file.path, volume, errors);
        }
    }
    if let Some(token) = &source.service_account_token {
        count += 1;
        self::token(token, (&at.child("serviceAccountToken"), volume), errors);
    }
    if let Some(bundle) = &source.cluster_trust_bundle {
        count += 1;
        trust_bundle(bundle, &at.child("clusterTrustBundle"), errors);
        files.add(&bundle.path, &bundle.path, volume, errors);
    }
    if count > 1 {
        let detail = "may not specify more than 1 volume type per source";
        errors.push(FieldError::forbidden(at, detail));
    }
}

fn token(
    token: &ServiceAccountTokenProjection,
    (at, volume): (&Path<'_>, &Path<'_>),
    errors: &mut Errors,
) {
    let seconds = token.expiration_seconds.unwrap_or(0);
    let detail = match seconds {
        ..600 => Some("may not specify a duration less than 10 minutes"),
        0x1_0000_0001.. => Some("may not specify a duration larger than 2^32 seconds"),
        _ => None,
    };
    if let Some(detail) = detail {
        let at = at.child("expirationSeconds");
        errors.push(FieldError::invalid_value(&at, seconds, detail));
    }
    let at = volume.child("path");
    required(&token.path, &at, errors);
    non_reserved_path(&token.path, &at, errors);
}

fn trust_bundle(bundle: &ClusterTrustBundleProjection, at: &Path<'_>, errors: &mut Errors) {
    match (&bundle.name, &bundle.signer_name) {
        (Some(_), Some(_)) => {
            let detail = "only one of name and signerName may be used";
            errors.push(FieldError::invalid_value(
                at,
                super::super::rules::shown(bundle),
                detail,
            ));
        }
        (Some(name), None) => {
            let at_name = at.child("name");
            if name.is_empty() {
                let detail = "must be a valid object name";
                errors.push(FieldError::required(&at_name, detail));
            }
            for wrong in name::dns_subdomain(&name.replace(':', ".")) {
                let detail = format!("not a valid clustertrustbundlename: {wrong}");
                errors.push(FieldError::invalid(&at_name, name, detail));
            }
            if let Some(selector) = &bundle.label_selector {
                let detail = "labelSelector must be unset if name is specified";
                let value = super::super::rules::shown(selector);
                errors.push(FieldError::invalid_value(
                    &at.child("labelSelector"),
                    value,
                    detail,
                ));
            }
        }
        (None, Some(signer)) => {
            let at_signer = at.child("signerName");
            if signer.is_empty() {
                errors.push(FieldError::required(
                    &at_signer,
                    "must be a valid signer name",
                ));
            }
            refuse(name::qualified_name(signer), signer, &at_signer, errors);
            if let Some(selector) = &bundle.label_selector {
                meta::label_selector(selector, &at.child("labelSelector"), errors);
            }
        }
        (None, None) => {
            let detail = "either name or signerName must be specified";
            errors.push(FieldError::required(at, detail));
        }
    }
    required(&bundle.path, &at.child("path"), errors);
    non_reserved_path(&bundle.path, &at.child("path"), errors);
}
