//! Paths, file modes, and the sources that are a path or a reference: hostPath, gitRepo, local,
//! secret, configMap, persistentVolumeClaim, image.
//!
//! Upstream: pkg/apis/core/validation/validation.go, v1.36.

use super::super::rules::{Errors, one_of, required, text};
use crate::api::field::{FieldError, Path};
use k8s_openapi::api::core::v1::{
    ConfigMapVolumeSource, EmptyDirVolumeSource, GitRepoVolumeSource, HostPathVolumeSource,
    ImageVolumeSource, KeyToPath, LocalVolumeSource, PersistentVolumeClaimVolumeSource,
    SecretVolumeSource,
};

const MODE: &str = "must be a number between 0 and 0777 (octal), both inclusive";
const HOST_PATH_TYPES: [&str; 8] = [
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
];

/// Refuses a path with an element `..`; whether there was one.
pub fn backsteps(path: &str, at: &Path<'_>, errors: &mut Errors) -> bool {
    let found = path.split('/').any(|part| part == "..");
    if found {
        errors.push(FieldError::invalid(at, path, "must not contain '..'"));
    }
    found
}

/// Refuses a path that does not lead down from where it starts.
pub fn descending_path(path: &str, at: &Path<'_>, errors: &mut Errors) {
    if path.starts_with('/') {
        errors.push(FieldError::invalid(at, path, "must be a relative path"));
    }
    backsteps(path, at, errors);
}

/// As [`descending_path`], and the kubelet's own names are refused as well.
pub fn non_reserved_path(path: &str, at: &Path<'_>, errors: &mut Errors) {
    descending_path(path, at, errors);
    if path.starts_with("..") && !path.starts_with("../") {
        errors.push(FieldError::invalid(at, path, "must not start with '..'"));
    }
}

/// Refuses what is no file mode.
pub fn file_mode(mode: Option<i32>, at: &Path<'_>, errors: &mut Errors) {
    if let Some(mode) = mode.filter(|mode| !(0..=0o777).contains(mode)) {
        errors.push(FieldError::invalid_value(at, mode, MODE));
    }
}

/// Checks which key becomes which file.
pub fn key_to_path(item: &KeyToPath, at: &Path<'_>, errors: &mut Errors) {
    required(&item.key, &at.child("key"), errors);
    required(&item.path, &at.child("path"), errors);
    non_reserved_path(&item.path, &at.child("path"), errors);
    file_mode(item.mode, &at.child("mode"), errors);
}

fn items(items: Option<&Vec<KeyToPath>>, at: &Path<'_>, errors: &mut Errors) {
    let at = at.child("items");
    for (index, item) in items.into_iter().flatten().enumerate() {
        key_to_path(item, &at.index(index), errors);
    }
}

pub fn secret(source: &SecretVolumeSource, at: &Path<'_>, errors: &mut Errors) {
    let name = text(source.secret_name.as_ref());
    required(name, &at.child("secretName"), errors);
    file_mode(source.default_mode, &at.child("defaultMode"), errors);
    items(source.items.as_ref(), at, errors);
}

pub fn config_map(source: &ConfigMapVolumeSource, at: &Path<'_>, errors: &mut Errors) {
    required(&source.name, &at.child("name"), errors);
    file_mode(source.default_mode, &at.child("defaultMode"), errors);
    items(source.items.as_ref(), at, errors);
}

pub fn claim(source: &PersistentVolumeClaimVolumeSource, at: &Path<'_>, errors: &mut Errors) {
    required(&source.claim_name, &at.child("claimName"), errors);
}

pub fn empty_dir(source: &EmptyDirVolumeSource, at: &Path<'_>, errors: &mut Errors) {
    let negative = |limit: &_| crate::api::quantity::milli_value(limit) < 0;
    if source.size_limit.as_ref().is_some_and(negative) {
        let detail = "SizeLimit field must be a valid resource quantity";
        errors.push(FieldError::forbidden(&at.child("sizeLimit"), detail));
    }
}

pub fn host_path(source: &HostPathVolumeSource, at: &Path<'_>, errors: &mut Errors) {
    let path = at.child("path");
    if source.path.is_empty() {
        errors.push(FieldError::required(&path, ""));
        return;
    }
    backsteps(&source.path, &path, errors);
    if let Some(kind) = &source.type_ {
        one_of(kind, &HOST_PATH_TYPES, &at.child("type"), errors);
    }
}

pub fn git_repo(source: &GitRepoVolumeSource, at: &Path<'_>, errors: &mut Errors) {
    required(&source.repository, &at.child("repository"), errors);
    let directory = text(source.directory.as_ref());
    descending_path(directory, &at.child("directory"), errors);
}

pub fn local(source: &LocalVolumeSource, at: &Path<'_>, errors: &mut Errors) {
    let path = at.child("path");
    required(&source.path, &path, errors);
    backsteps(&source.path, &path, errors);
}

/// `is_pod`: in a Pod's template the reference may still be missing.
pub fn image(source: &ImageVolumeSource, is_pod: bool, at: &Path<'_>, errors: &mut Errors) {
    if is_pod {
        let reference = text(source.reference.as_ref());
        required(reference, &at.child("reference"), errors);
    }
    let policies = ["Always", "IfNotPresent", "Never"];
    let policy = text(source.pull_policy.as_ref());
    super::super::rules::required_one_of(policy, &policies, &at.child("pullPolicy"), errors);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_down() {
        let details = |path: &str| -> Vec<String> {
            let mut errors = Vec::new();
            non_reserved_path(path, &Path::new("path"), &mut errors);
            errors.into_iter().map(|error| error.detail).collect()
        };
        assert!(details("a/b").is_empty());
        assert_eq!(details("/a"), ["must be a relative path"]);
        assert_eq!(details("../x"), ["must not contain '..'"]);
        assert_eq!(details("..x"), ["must not start with '..'"]);
    }
}
