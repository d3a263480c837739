//! CustomResourceDefinition: names, versions, columns and subresources; schemas are in `schema`.
//!
//! Upstream: staging/src/k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/{v1/defaults,
//! validation/validation}.go and pkg/registry/customresourcedefinition/strategy.go, v1.36. Left out:
//! conversion by webhooks (accepted, their addresses unchecked, and never called), selectable fields
//! (stored, not listed by), the cost of rules. Ours: at most [`DEFINITIONS_MAX`] of them, since each
//! kind takes memory for as long as the program runs.

mod lists;
mod schema;

use super::Strategy;
use super::rules::name::NameRule;
use super::rules::{self, Errors, immutable, meta, required_one_of};
use crate::api::custom_resource_definition::{
    APPROVED_ANNOTATION, Approval, CustomResourceDefinition, ESTABLISHED, list_at, text_at,
};
use crate::api::field::{FieldError, Path};
use crate::api::name::{dns_1035_label, dns_subdomain};
use crate::api::{Kind, Reason, Status};
use crate::apiserver::ApiServerConfig;
use crate::etcd::Etcd;
use serde_json::{Map, Value, json};

/// How many definitions a cluster takes.
pub const DEFINITIONS_MAX: usize = 200;
/// How many versions, names or columns one of them has.
const LIST_MAX: usize = 50;
/// The longest path of a column.
const PATH_MAX: usize = 500;

const COLUMN_TYPES: [&str; 5] = ["boolean", "date", "integer", "number", "string"];
const COLUMN_FORMATS: [&str; 8] = [
    "byte",
    "date",
    "date-time",
    "double",
    "float",
    "int32",
    "int64",
    "password",
];

impl Strategy for CustomResourceDefinition {
    fn default(&mut self) {
        let kind = text_at(&self.spec, "/names/kind").to_owned();
        let Some(spec) = self.spec.as_object_mut() else {
            return;
        };
        if let Some(names) = spec.get_mut("names").and_then(Value::as_object_mut) {
            fill(names, "singular", &kind.to_lowercase());
            if !kind.is_empty() {
                fill(names, "listKind", &format!("{kind}List"));
            }
        }
        spec.entry("conversion")
            .or_insert_with(|| json!({"strategy": "None"}));
    }

    fn prepare_for_create(&mut self, _: &ApiServerConfig, etcd: &Etcd) -> Result<(), Status> {
        if etcd.list(Kind::CustomResourceDefinition, None).count() >= DEFINITIONS_MAX {
            let message =
                format!("this cluster takes at most {DEFINITIONS_MAX} CustomResourceDefinitions");
            return Err(Status::plain(Reason::Forbidden, message));
        }
        self.metadata.generation = Some(1);
        self.status = json!({"acceptedNames": {"kind": "", "plural": ""}});
        self.note_stored_version();
        Ok(())
    }

    fn prepare_for_update(
        &mut self,
        old: &Self,
        _: &ApiServerConfig,
        _: &Etcd,
    ) -> Result<(), Status> {
        self.status = old.status.clone();
        let generation = old.metadata.generation.unwrap_or(0);
        self.metadata.generation = match self.spec == old.spec {
            true => old.metadata.generation,
            false => Some(generation + 1),
        };
        self.note_stored_version();
        Ok(())
    }

    fn prepare_for_status_update(&mut self, old: &Self) {
        self.spec = old.spec.clone();
        // Its finalizer goes by way of the status, as upstream's does.
        let finalizers = self.metadata.finalizers.take();
        let version = self.metadata.resource_version.take();
        self.metadata = old.metadata.clone();
        self.metadata.finalizers = finalizers;
        self.metadata.resource_version = version;
    }

    fn validate(&self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        meta::object_meta(&self.metadata, false, NameRule::Subdomain, &mut errors);
        let name = self.metadata.name.as_deref().unwrap_or_default();
        if name != format!("{}.{}", self.plural(), self.group()) {
            let at = Path::new("metadata");
            let detail = "must be spec.names.plural+\".\"+spec.group";
            errors.push(FieldError::invalid(&at.child("name"), name, detail));
        }
        spec(self, &Path::new("spec"), &mut errors);
        rest(self, None, &mut errors);
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        let at = Path::new("spec");
        spec(self, &at, &mut errors);
        let names = at.child("names");
        let mut same = |pointer: &str, at: &Path<'_>| {
            let text = |definition: &Self| text_at(&definition.spec, pointer).to_owned();
            immutable(&text(self), &text(old), at, &mut errors);
        };
        if old.is(ESTABLISHED) {
            same("/scope", &at.child("scope"));
            same("/names/kind", &names.child("kind"));
        }
        same("/group", &at.child("group"));
        same("/names/plural", &names.child("plural"));
        rest(self, Some(old), &mut errors);
        errors
    }
}

fn fill(fields: &mut Map<String, Value>, name: &str, value: &str) {
    let given = fields.get(name).and_then(Value::as_str).unwrap_or_default();
    if given.is_empty() && !value.is_empty() {
        fields.insert(name.to_owned(), value.into());
    }
}

impl CustomResourceDefinition {
    /// Adds the version that is stored to those that ever were.
    fn note_stored_version(&mut self) {
        let mut versions = self.versions().iter();
        let stored = versions.find(|version| version["storage"] == true);
        let Some(name) = stored.map(|version| version["name"].clone()) else {
            return;
        };
        let mut known = list_at(&self.status, "/storedVersions").to_vec();
        if !known.contains(&name) {
            known.push(name);
        }
        if !self.status.is_object() {
            self.status = json!({});
        }
        self.status["storedVersions"] = Value::Array(known);
    }
}

fn refuse(words: &[String], value: &str, before: &str, at: &Path<'_>, errors: &mut Errors) {
    if !words.is_empty() {
        let detail = format!("{before}{}", words.join(","));
        errors.push(FieldError::invalid(at, value, detail));
    }
}

/// What follows the specification: which versions are stored, and what only few may do.
fn rest(
    definition: &CustomResourceDefinition,
    old: Option<&CustomResourceDefinition>,
    errors: &mut Errors,
) {
    stored_versions(definition, errors);
    let approval = definition.approval();
    let before = old.and_then(|old| Some(old.approval()?.0));
    let (metadata, spec) = (Path::new("metadata"), Path::new("spec"));
    let annotations = metadata.child("annotations");
    let at = annotations.key(APPROVED_ANNOTATION);
    match approval {
        // What was so before may stay so.
        Some((now, _)) if before == Some(now) => {}
        Some((Approval::Missing, why)) => errors.push(FieldError::required(&at, why)),
        Some((Approval::Invalid, why)) => {
            let annotations = definition.metadata.annotations.as_ref();
            let said = annotations.and_then(|all| all.get(APPROVED_ANNOTATION));
            errors.push(FieldError::invalid(
                &at,
                said.map_or("", String::as_str),
                why,
            ));
        }
        _ => {}
    }
    if definition.preserves_unknown() {
        let at = spec.child("preserveUnknownFields");
        let detail = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead";
        errors.push(FieldError::invalid_value(&at, true, detail));
    }
}

fn stored_versions(definition: &CustomResourceDefinition, errors: &mut Errors) {
    let status = Path::new("status");
    let at = status.child("storedVersions");
    let known = list_at(&definition.status, "/storedVersions");
    if known.is_empty() {
        let detail = "must have at least one stored version";
        errors.push(FieldError::invalid_value(&at, Value::Null, detail));
        return;
    }
    for version in definition.versions() {
        let name = &version["name"];
        if version["storage"] == true && !known.contains(name) {
            let detail = format!(
                "must have the storage version {}",
                text_at(version, "/name")
            );
            let known = &definition.status["storedVersions"];
            errors.push(FieldError::invalid_value(&at, known, detail));
        }
    }
    for (index, name) in known.iter().enumerate() {
        let name = name.as_str().unwrap_or_default();
        if definition.version(name).is_none() {
            let detail = format!(
                "missing from spec.versions; {name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in {name} and removes {name} from status.storedVersions"
            );
            errors.push(FieldError::invalid(&at.index(index), name, detail));
        }
    }
}

fn spec(definition: &CustomResourceDefinition, at: &Path<'_>, errors: &mut Errors) {
    let (spec, group) = (&definition.spec, definition.group());
    let in_group = at.child("group");
    let wrong = dns_subdomain(group);
    if group.is_empty() {
        errors.push(FieldError::required(&in_group, ""));
    } else if !wrong.is_empty() {
        refuse(&wrong, group, "", &in_group, errors);
    } else if !group.contains('.') {
        let detail = "should be a domain with at least one dot";
        errors.push(FieldError::invalid(&in_group, group, detail));
    }
    let scopes = ["Cluster", "Namespaced"];
    required_one_of(text_at(spec, "/scope"), &scopes, &at.child("scope"), errors);
    versions(definition, at, errors);
    names(spec, at, errors);
    conversion(spec, &at.child("conversion"), errors);
}

/// Whether all versions say the same of `field`: upstream then checks it once, above them.
fn is_shared(versions: &[Value], field: &str) -> bool {
    let first = versions.first().and_then(|version| version.get(field));
    first.is_some() && versions.iter().all(|version| version.get(field) == first)
}

fn versions(definition: &CustomResourceDefinition, at: &Path<'_>, errors: &mut Errors) {
    let versions = definition.versions();
    let in_versions = at.child("versions");
    if versions.len() > LIST_MAX {
        errors.push(FieldError::too_many(&in_versions, versions.len(), LIST_MAX));
        return;
    }
    for (index, version) in versions.iter().enumerate() {
        if version.pointer("/schema/openAPIV3Schema").is_none() {
            let at = in_versions.index(index);
            let (schema, detail) = (at.child("schema"), "schemas are required");
            errors.push(FieldError::required(
                &schema.child("openAPIV3Schema"),
                detail,
            ));
        }
    }
    let shared = |field: &str| is_shared(versions, field);
    let (schema, subresources, columns) = (
        shared("schema"),
        shared("subresources"),
        shared("additionalPrinterColumns"),
    );
    let mut seen: Vec<&str> = Vec::new();
    let mut unique = true;
    for (index, version) in versions.iter().enumerate() {
        let name = text_at(version, "/name");
        unique &= !seen.contains(&name);
        seen.push(name);
        let at = in_versions.index(index);
        refuse(&dns_1035_label(name), name, "", &at.child("name"), errors);
        deprecation(version, &at.child("deprecationWarning"), errors);
        if !schema {
            let has_status = version.pointer("/subresources/status").is_some();
            schema::check(version, has_status, &at.child("schema"), errors);
        }
        if !subresources {
            scale(version, &at.child("subresources"), errors);
        }
        if !columns {
            printed(version, &at.child("additionalPrinterColumns"), errors);
        }
    }
    let mut refuse = |detail: &str| {
        let value = internal(versions);
        errors.push(FieldError::invalid_value(&in_versions, value, detail));
    };
    if !unique {
        refuse("must contain unique version names");
    }
    if versions.iter().filter(|v| v["storage"] == true).count() != 1 {
        refuse("must have exactly one version marked as storage version");
    }
    let Some(first) = versions.first() else {
        return;
    };
    if schema {
        let mut versions = versions.iter();
        let has_status = versions.any(|v| v.pointer("/subresources/status").is_some());
        schema::check(first, has_status, &at.child("validation"), errors);
    }
    if subresources {
        scale(first, &at.child("subresources"), errors);
    }
    if columns {
        printed(first, &at.child("additionalPrinterColumns"), errors);
    }
}

fn deprecation(version: &Value, at: &Path<'_>, errors: &mut Errors) {
    let Some(warning) = version.get("deprecationWarning").and_then(Value::as_str) else {
        return;
    };
    let mut refuse = |detail: &str| errors.push(FieldError::invalid(at, warning, detail));
    if version["deprecated"] != true {
        return refuse("can only be set for deprecated versions");
    }
    if warning.len() > 256 {
        refuse("must be <= 256 characters long");
    }
    if warning.is_empty() {
        refuse("must not be an empty string");
    }
    let unprinted = |c: char| c.is_control() || (c.is_whitespace() && c != ' ');
    if let Some(index) = warning.find(unprinted) {
        refuse(&format!(
            "must only contain printable UTF-8 characters; non-printable character found at index {index}"
        ));
    }
}

/// The versions as upstream's errors print them: as its internal type, whose schemas stand apart.
fn internal(versions: &[Value]) -> Value {
    let one = |version: &Value| {
        json!({
            "Name": version["name"], "Served": version["served"], "Storage": version["storage"],
            "Deprecated": version["deprecated"] == true,
            "DeprecationWarning": version["deprecationWarning"],
            "Schema": null, "Subresources": null, "AdditionalPrinterColumns": null,
            "SelectableFields": null,
        })
    };
    match versions.is_empty() {
        true => Value::Null,
        false => versions.iter().map(one).collect(),
    }
}

fn scale(version: &Value, at: &Path<'_>, errors: &mut Errors) {
    let Some(scale) = version.pointer("/subresources/scale") else {
        return;
    };
    let at = at.child("scale");
    for (name, roots) in [
        ("specReplicasPath", &["spec"][..]),
        ("statusReplicasPath", &["status"]),
        ("labelSelectorPath", &["spec", "status"]),
    ] {
        let path = scale.get(name).and_then(Value::as_str).unwrap_or_default();
        let at = at.child(name);
        if path.is_empty() {
            if name != "labelSelectorPath" {
                errors.push(FieldError::required(&at, ""));
            }
            continue;
        }
        simple_path(path, &at, errors);
        let is_below = |root: &&str| path.starts_with(&format!(".{root}."));
        if path.starts_with('.') && !roots.iter().any(is_below) {
            let detail = match roots {
                [root] => format!("should be a json path under .{root}"),
                _ => "should be a json path under either .spec or .status".to_owned(),
            };
            errors.push(FieldError::invalid(&at, path, detail));
        }
    }
}

fn simple_path(path: &str, at: &Path<'_>, errors: &mut Errors) {
    if !path.starts_with('.') {
        let detail = "must be a simple json path starting with .";
        errors.push(FieldError::invalid(at, path, detail));
    }
    if path.len() > PATH_MAX {
        errors.push(FieldError::too_long(at, PATH_MAX as u64));
    }
}

fn printed(version: &Value, at: &Path<'_>, errors: &mut Errors) {
    let columns = list_at(version, "/additionalPrinterColumns");
    if columns.len() > LIST_MAX {
        errors.push(FieldError::too_many(at, columns.len(), LIST_MAX));
        return;
    }
    for (index, column) in columns.iter().enumerate() {
        let at = at.index(index);
        if text_at(column, "/name").is_empty() {
            errors.push(FieldError::required(&at.child("name"), ""));
        }
        let (type_, in_type) = (text_at(column, "/type"), at.child("type"));
        let detail = || format!("must be one of {}", COLUMN_TYPES.join(","));
        if type_.is_empty() {
            errors.push(FieldError::required(&in_type, detail()));
        } else if !COLUMN_TYPES.contains(&type_) {
            errors.push(FieldError::invalid(&in_type, type_, detail()));
        }
        let format = text_at(column, "/format");
        if !format.is_empty() && !COLUMN_FORMATS.contains(&format) {
            let detail = format!("must be one of {}", COLUMN_FORMATS.join(","));
            errors.push(FieldError::invalid(&at.child("format"), format, detail));
        }
        let (path, in_path) = (text_at(column, "/jsonPath"), at.child("JSONPath"));
        match path.is_empty() {
            true => errors.push(FieldError::required(&in_path, "")),
            false => simple_path(path, &in_path, errors),
        }
    }
}

fn names(spec: &Value, at: &Path<'_>, errors: &mut Errors) {
    let at = at.child("names");
    let name = |name: &str| text_at(spec, &format!("/names/{name}"));
    for field in ["plural", "singular", "kind", "listKind"] {
        if name(field).is_empty() {
            errors.push(FieldError::required(&at.child(field), ""));
        }
    }
    for field in ["plural", "singular", "kind", "listKind"] {
        let (value, at) = (name(field), at.child(field));
        if value.is_empty() {
            continue;
        }
        match field {
            "plural" | "singular" => refuse(&dns_1035_label(value), value, "", &at, errors),
            _ => {
                let before = "may have mixed case, but should otherwise match: ";
                let wrong = dns_1035_label(&value.to_lowercase());
                refuse(&wrong, value, before, &at, errors);
            }
        }
    }
    let each = |field: &str, errors: &mut Errors| {
        let found = list_at(spec, &format!("/names/{field}"));
        let at = at.child(field);
        if found.len() > LIST_MAX {
            errors.push(FieldError::too_many(&at, found.len(), LIST_MAX));
        }
        for (index, name) in found.iter().enumerate().take(LIST_MAX) {
            let name = name.as_str().unwrap_or_default();
            refuse(&dns_1035_label(name), name, "", &at.index(index), errors);
        }
    };
    each("shortNames", errors);
    if !name("kind").is_empty() && name("kind") == name("listKind") {
        let detail = "kind and listKind may not be the same";
        let at = at.child("listKind");
        errors.push(FieldError::invalid(&at, name("listKind"), detail));
    }
    each("categories", errors);
}

fn conversion(spec: &Value, at: &Path<'_>, errors: &mut Errors) {
    let Some(conversion) = spec.get("conversion") else {
        return;
    };
    let strategy = text_at(conversion, "/strategy");
    let known = ["None", "Webhook"];
    required_one_of(strategy, &known, &at.child("strategy"), errors);
    let client = conversion.pointer("/webhook/clientConfig");
    let in_client = at.child("webhookClientConfig");
    let reviews = list_at(conversion, "/webhook/conversionReviewVersions");
    let in_reviews = at.child("conversionReviewVersions");
    if strategy != "Webhook" {
        for (is_set, at) in [
            (client.is_some(), &in_client),
            (!reviews.is_empty(), &in_reviews),
        ] {
            if is_set {
                let detail = "should not be set when strategy is not set to Webhook";
                errors.push(FieldError::forbidden(at, detail));
            }
        }
        return;
    }
    match client {
        None => {
            let detail = "required when strategy is set to Webhook";
            errors.push(FieldError::required(&in_client, detail));
        }
        Some(client) if client.get("url").is_some() == client.get("service").is_some() => {
            let detail = "exactly one of url or service is required";
            errors.push(FieldError::required(&in_client, detail));
        }
        Some(_) => {}
    }
    if reviews.is_empty() {
        return errors.push(FieldError::required(&in_reviews, ""));
    }
    for (index, review) in reviews.iter().enumerate().take(LIST_MAX) {
        let (name, at) = (review.as_str().unwrap_or_default(), in_reviews.index(index));
        match reviews[..index].contains(review) {
            true => errors.push(FieldError::invalid(&at, name, "duplicate version")),
            false => rules::refuse(dns_1035_label(name), name, &at, errors),
        }
    }
    if !reviews
        .iter()
        .any(|review| review == "v1" || review == "v1beta1")
    {
        let (value, detail) = (
            Value::from(reviews),
            "must include at least one of v1, v1beta1",
        );
        errors.push(FieldError::invalid_value(&in_reviews, value, detail));
    }
}

#[cfg(test)]
mod tests;
