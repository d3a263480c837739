//! Environment variables of a container.
//!
//! Upstream: pkg/apis/core/validation/validation.go (ValidateEnv, ValidateEnvFrom), v1.36.

use super::super::rules::{Errors, name, refuse, required, text};
use super::super::volume;
use super::field_ref;
use crate::api::field::{FieldError, Path};
use k8s_openapi::api::core::v1::{EnvFromSource, EnvVar};

const FIELDS: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];

/// Adds what is wrong with single variables.
pub fn variables(variables: &[EnvVar], at: &Path<'_>, errors: &mut Errors) {
    for (index, variable) in variables.iter().enumerate() {
        let at = at.index(index);
        let of_name = at.child("name");
        match variable.name.as_str() {
            "" => errors.push(FieldError::required(&of_name, "")),
            name => refuse(name::variable(name), name, &of_name, errors),
        }
        value_from(variable, &at.child("valueFrom"), errors);
    }
}

fn value_from(variable: &EnvVar, at: &Path<'_>, errors: &mut Errors) {
    let Some(from) = &variable.value_from else {
        return;
    };
    let mut sources = 0;
    if let Some(field) = &from.field_ref {
        sources += 1;
        field_ref::object_field(field, &FIELDS, &at.child("fieldRef"), errors);
    }
    if let Some(field) = &from.resource_field_ref {
        sources += 1;
        field_ref::resource_field(field, false, &at.child("resourceFieldRef"), errors);
    }
    if let Some(map) = &from.config_map_key_ref {
        sources += 1;
        key(&map.name, &map.key, &at.child("configMapKeyRef"), errors);
    }
    if let Some(secret) = &from.secret_key_ref {
        sources += 1;
        key(&secret.name, &secret.key, &at.child("secretKeyRef"), errors);
    }
    if let Some(file) = &from.file_key_ref {
        sources += 1;
        let at = at.child("fileKeyRef");
        match file.key.as_str() {
            "" => errors.push(FieldError::required(&at.child("key"), "")),
            name => refuse(name::variable(name), name, &at.child("key"), errors),
        }
        required(&file.volume_name, &at.child("volumeName"), errors);
        required(&file.path, &at.child("path"), errors);
        volume::non_reserved_path(&file.path, &at.child("path"), errors);
    }
    let detail = if sources == 0 {
        "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
    } else if !text(variable.value.as_ref()).is_empty() {
        "may not be specified when `value` is not empty"
    } else if sources > 1 {
        "may not have more than one field specified at a time"
    } else {
        return;
    };
    errors.push(FieldError::invalid(at, "", detail));
}

fn key(object: &str, key: &str, at: &Path<'_>, errors: &mut Errors) {
    refuse(
        name::dns_subdomain(object),
        object,
        &at.child("name"),
        errors,
    );
    match key {
        "" => errors.push(FieldError::required(&at.child("key"), "")),
        key => refuse(name::config_key(key), key, &at.child("key"), errors),
    }
}

/// Adds what is wrong with whole ConfigMaps and Secrets as variables.
pub fn sources(sources: &[EnvFromSource], list: &Path<'_>, errors: &mut Errors) {
    for (index, source) in sources.iter().enumerate() {
        let at = list.index(index);
        let prefix = text(source.prefix.as_ref());
        refuse(name::variable(prefix), prefix, &at.child("prefix"), errors);
        let mut count = 0;
        for (field, object) in [
            (
                "configMapRef",
                source.config_map_ref.as_ref().map(|s| &s.name),
            ),
            ("secretRef", source.secret_ref.as_ref().map(|s| &s.name)),
        ] {
            let Some(object) = object else { continue };
            count += 1;
            let at = at.child(field);
            let of_name = at.child("name");
            match object.as_str() {
                "" => errors.push(FieldError::required(&of_name, "")),
                name => {
                    let wrong = name::NameRule::Subdomain.check_prefix(name);
                    refuse(wrong, name, &of_name, errors);
                }
            }
        }
        let detail = match count {
            0 => "must specify one of: `configMapRef` or `secretRef`",
            1 => continue,
            _ => "may not have more than one field specified at a time",
        };
        errors.push(FieldError::invalid(list, "", detail));
    }
}
