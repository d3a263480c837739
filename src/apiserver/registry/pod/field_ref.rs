//! References to a Pod's own fields and to its containers' resources.
//!
//! Upstream: pkg/apis/core/validation/validation.go, pkg/apis/core/pods/helpers.go and
//! pkg/fieldpath/fieldpath.go, v1.36.

use super::super::rules::{Errors, name, one_of, refuse, text};
use crate::api::field::{FieldError, Path};
use crate::api::quantity;
use k8s_openapi::api::core::v1::{ObjectFieldSelector, ResourceFieldSelector};

const KNOWN_FIELDS: [&str; 14] = [
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.phase",
    "status.podIP",
    "status.podIPs",
];
const RESOURCES: [&str; 6] = [
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];
const SIZES: [&str; 13] = [
    "1", "1E", "1Ei", "1G", "1Gi", "1Ki", "1M", "1Mi", "1P", "1Pi", "1T", "1Ti", "1k",
];

/// `metadata.labels['app']` as `metadata.labels` and `app`.
fn subscripted(path: &str) -> Option<(&str, &str)> {
    let (base, subscript) = path.strip_suffix("']")?.split_once("['")?;
    (!base.is_empty()).then_some((base, subscript))
}

/// Checks a reference to one of the fields `allowed`.
pub fn object_field(
    field: &ObjectFieldSelector,
    allowed: &[&str],
    at: &Path<'_>,
    errors: &mut Errors,
) {
    let of_path = at.child("fieldPath");
    let version = text(field.api_version.as_ref());
    if version.is_empty() {
        errors.push(FieldError::required(&at.child("apiVersion"), ""));
        return;
    }
    let path = field.field_path.as_str();
    if path.is_empty() {
        errors.push(FieldError::required(&of_path, ""));
        return;
    }
    let split = subscripted(path);
    let unknown = match split {
        _ if version != "v1" => Some(format!("unsupported pod version: {version}")),
        Some(("metadata.annotations" | "metadata.labels", _)) => None,
        Some(_) => Some(format!("field label does not support subscript: {path}")),
        None if path == "spec.host" || KNOWN_FIELDS.contains(&path) => None,
        None => Some(format!("field label not supported: {path}")),
    };
    if let Some(why) = unknown {
        let detail = format!("error converting fieldPath: {why}");
        errors.push(FieldError::invalid(&of_path, path, detail));
        return;
    }
    match split {
        Some(("metadata.annotations", key)) => {
            let key = key.to_lowercase();
            refuse(name::qualified_name(&key), &key, at, errors);
        }
        Some((_, key)) => refuse(name::qualified_name(key), key, at, errors),
        None => one_of(path, allowed, &of_path, errors),
    }
}

/// Checks a reference to a resource; in a volume the container must be named.
pub fn resource_field(
    field: &ResourceFieldSelector,
    in_volume: bool,
    at: &Path<'_>,
    errors: &mut Errors,
) {
    let resource = field.resource.as_str();
    let pages =
        resource.starts_with("requests.hugepages-") || resource.starts_with("limits.hugepages-");
    if in_volume && text(field.container_name.as_ref()).is_empty() {
        errors.push(FieldError::required(&at.child("containerName"), ""));
    } else if resource.is_empty() {
        errors.push(FieldError::required(&at.child("resource"), ""));
    } else if !pages {
        one_of(resource, &RESOURCES, &at.child("resource"), errors);
    }
    let Some(divisor) = field.divisor.as_ref() else {
        return;
    };
    if quantity::milli_value(divisor) == 0 {
        return;
    }
    let divisor = quantity::canonical(&divisor.0).unwrap_or_default();
    let size = "1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei";
    let (right, detail) = match resource {
        "limits.cpu" | "requests.cpu" => (
            matches!(divisor.as_str(), "1m" | "1"),
            "only divisor's values 1m and 1 are supported with the cpu resource".to_owned(),
        ),
        _ => {
            let what = match resource {
                "limits.memory" | "requests.memory" => "memory",
                "limits.ephemeral-storage" | "requests.ephemeral-storage" => {
                    "local ephemeral storage"
                }
                _ if pages => "hugepages",
                _ => return,
            };
            let detail =
                format!("only divisor's values {size} are supported with the {what} resource");
            (SIZES.contains(&divisor.as_str()), detail)
        }
    };
    if !right {
        errors.push(FieldError::invalid(&at.child("divisor"), resource, detail));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(path: &str) -> Vec<String> {
        let field = ObjectFieldSelector {
            api_version: Some("v1".to_owned()),
            field_path: path.to_owned(),
        };
        let mut errors = Vec::new();
        object_field(
            &field,
            &["metadata.name"],
            &Path::new("fieldRef"),
            &mut errors,
        );
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn fields_are_known_and_allowed() {
        assert!(wrong("metadata.name").is_empty());
        assert!(wrong("metadata.labels['app']").is_empty());
        assert_eq!(
            wrong("spec.nope"),
            [
                "fieldRef.fieldPath: Invalid value: \"spec.nope\": error converting fieldPath: field label not supported: spec.nope"
            ]
        );
        assert_eq!(
            wrong("status.phase"),
            [
                "fieldRef.fieldPath: Unsupported value: \"status.phase\": supported values: \"metadata.name\""
            ]
        );
    }
}
