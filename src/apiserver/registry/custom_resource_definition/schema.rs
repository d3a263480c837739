//! Schemas: whether they are structural, and whether their defaults fit them.
//!
//! Upstream: staging/src/k8s.io/apiextensions-apiserver/pkg/apiserver/schema/{validation,complete,
//! defaulting/validation.go, pkg/apis/apiextensions/validation/validation.go
//! (specStandardValidatorV3), v1.36. What lists and maps merge by is in `lists`. Left out: what is
//! asked of rules in CEL, of embedded resources and of defaults in their metadata.

use super::{Errors, list_at, lists, text_at};
use crate::api::field::{FieldError, Path};
use crate::apiserver::custom::check;
use crate::apiserver::custom::fit::{self, is_set};
use crate::apiserver::custom::pattern::{Pattern, PatternError};
use crate::sim::order;
use serde_json::{Map, Value};

/// The longest pattern.
const PATTERN_MAX: usize = 2_000;

const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];
/// Fields that v1.36 has no use for.
const UNSUPPORTED: [&str; 5] = [
    "definitions",
    "dependencies",
    "patternProperties",
    "additionalItems",
    "$ref",
];
/// The fields that every object has.
const META: [&str; 3] = ["kind", "apiVersion", "metadata"];
const JUNCTORS: [&str; 3] = ["anyOf", "allOf", "oneOf"];

/// What may stand at the root where the status is written apart, and what upstream calls it.
const AT_ROOT: [(&str, &str); 22] = [
    ("description", "Description"),
    ("type", "Type"),
    ("format", "Format"),
    ("title", "Title"),
    ("maximum", "Maximum"),
    ("exclusiveMaximum", "ExclusiveMaximum"),
    ("minimum", "Minimum"),
    ("exclusiveMinimum", "ExclusiveMinimum"),
    ("maxLength", "MaxLength"),
    ("minLength", "MinLength"),
    ("pattern", "Pattern"),
    ("maxItems", "MaxItems"),
    ("minItems", "MinItems"),
    ("uniqueItems", "UniqueItems"),
    ("multipleOf", "MultipleOf"),
    ("required", "Required"),
    ("items", "Items"),
    ("properties", "Properties"),
    ("externalDocs", "ExternalDocs"),
    ("example", "Example"),
    (
        "x-kubernetes-preserve-unknown-fields",
        "XPreserveUnknownFields",
    ),
    ("x-kubernetes-validations", "XValidations"),
];

/// Where in a schema a schema stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Item,
    Field,
}

/// Checks the schema of a version; `at` is what holds its `openAPIV3Schema`.
pub fn check(version: &Value, has_status: bool, at: &Path<'_>, errors: &mut Errors) {
    let Some(schema) = version.pointer("/schema/openAPIV3Schema") else {
        return;
    };
    let at = at.child("openAPIV3Schema");
    if has_status {
        root(schema, &at, errors);
    }
    if is_set(schema, "nullable") {
        let detail = "nullable cannot be true at the root";
        errors.push(FieldError::forbidden(&at.child("nullable"), detail));
    }
    let mut structural = Errors::new();
    invariants(schema, Level::Root, &at, &mut structural);
    complete(schema, schema, &at, &at, &mut structural);
    order::sort_by_key(&mut structural, ToString::to_string);
    if structural.is_empty() {
        defaults(schema, &at, &mut structural);
    }
    errors.append(&mut structural);
    standard(schema, "", Level::Root, &at, errors);
}

/// What may stand at the root where the status is written apart. The schema is printed as it was
/// written; upstream prints all the fields of its own type.
fn root(schema: &Value, at: &Path<'_>, errors: &mut Errors) {
    let type_ = text_at(schema, "/type");
    if !type_.is_empty() && type_ != "object" {
        let detail = "only \"object\" is allowed as the type at the root of the schema if the status subresource is enabled";
        return errors.push(FieldError::invalid(&at.child("type"), type_, detail));
    }
    let is_other = |(name, value): (&String, &Value)| {
        let unset = value.is_null() || *value == false;
        !unset && !AT_ROOT.iter().any(|(known, _)| known == name)
    };
    if schema.as_object().into_iter().flatten().any(is_other) {
        let names: Vec<&str> = AT_ROOT.iter().map(|(_, name)| *name).collect();
        let detail = format!(
            "only [{}] fields are allowed at the root of the schema if the status subresource is enabled",
            names.join(" ")
        );
        errors.push(FieldError::invalid_value(at, schema, detail));
    }
}

fn object<'a>(schema: &'a Value, name: &str) -> Option<&'a Map<String, Value>> {
    schema.get(name).and_then(Value::as_object)
}

/// Runs `visit` on every schema right below `schema` that says what a value is made of.
fn parts(schema: &Value, at: &Path<'_>, visit: &mut dyn FnMut(&Value, Level, &Path<'_>)) {
    if let Some(items) = schema.get("items") {
        visit(items, Level::Item, &at.child("items"));
    }
    let properties = at.child("properties");
    for (name, below) in object(schema, "properties").into_iter().flatten() {
        visit(below, Level::Field, &properties.key(name));
    }
    if let Some(below @ Value::Object(_)) = schema.get("additionalProperties") {
        visit(below, Level::Field, &at.child("additionalProperties"));
    }
}

/// Runs `visit` on every schema that `schema` joins.
fn joined(schema: &Value, at: &Path<'_>, visit: &mut dyn FnMut(&Value, &Path<'_>)) {
    for name in JUNCTORS {
        let at = at.child(name);
        for (index, below) in list_at(schema, &format!("/{name}")).iter().enumerate() {
            visit(below, &at.index(index));
        }
    }
    if let Some(not) = schema.get("not") {
        visit(not, &at.child("not"));
    }
}

fn invariants(schema: &Value, level: Level, at: &Path<'_>, errors: &mut Errors) {
    let type_ = text_at(schema, "/type");
    if type_ == "array" && schema.get("items").is_none() {
        errors.push(FieldError::required(
            &at.child("items"),
            "must be specified",
        ));
    }
    parts(schema, at, &mut |below, level, at| {
        invariants(below, level, at, errors);
    });
    if level == Level::Root && schema.get("additionalProperties").is_some() {
        let detail = "must not be used at the root";
        errors.push(FieldError::forbidden(
            &at.child("additionalProperties"),
            detail,
        ));
    }
    let either = is_set(schema, "x-kubernetes-int-or-string");
    let keeps = is_set(schema, "x-kubernetes-preserve-unknown-fields");
    let embedded = is_set(schema, "x-kubernetes-embedded-resource");
    for (set, name) in [
        (keeps, "x-kubernetes-preserve-unknown-fields"),
        (embedded, "x-kubernetes-embedded-resource"),
    ] {
        if either && set {
            let detail = "must be false if x-kubernetes-int-or-string is true";
            errors.push(FieldError::invalid_value(&at.child(name), true, detail));
        }
    }
    values(schema, level, at, errors);
    let in_type = at.child("type");
    if embedded && type_ != "object" {
        let detail = "must be object if x-kubernetes-embedded-resource is true";
        errors.push(match type_ {
            "" => FieldError::required(&in_type, detail),
            type_ => FieldError::invalid(&in_type, type_, detail),
        });
    } else if type_.is_empty() && !either && !keeps {
        let detail = match level {
            Level::Root => "must not be empty at the root",
            Level::Item => "must not be empty for specified array items",
            Level::Field => "must not be empty for specified object fields",
        };
        errors.push(FieldError::required(&in_type, detail));
    }
    if level == Level::Root && !type_.is_empty() && type_ != "object" {
        let detail = "must be object at the root";
        errors.push(FieldError::invalid(&in_type, type_, detail));
    }
    if level == Level::Root || embedded {
        metadata(schema, level, at, errors);
    }
}

/// What a schema may say of the fields that every object has.
fn metadata(schema: &Value, level: Level, at: &Path<'_>, errors: &mut Errors) {
    let properties = at.child("properties");
    for (name, wanted) in [
        ("kind", "string"),
        ("apiVersion", "string"),
        ("metadata", "object"),
    ] {
        let Some(below) = object(schema, "properties").and_then(|all| all.get(name)) else {
            continue;
        };
        let at = properties.key(name);
        let type_ = text_at(below, "/type");
        if type_ != wanted {
            let detail = format!("must be {wanted}");
            errors.push(FieldError::invalid(&at.child("type"), type_, detail));
        }
        let restricts = |fields: &Map<String, Value>| {
            let known = |name: &String| matches!(name.as_str(), "name" | "generateName");
            !fields.keys().all(known)
        };
        let other = |(name, value): (&String, &Value)| match name.as_str() {
            "type" | "default" | "description" => false,
            "properties" => value.as_object().is_some_and(restricts),
            _ => true,
        };
        if name == "metadata"
            && level == Level::Root
            && below.as_object().into_iter().flatten().any(other)
        {
            let detail = "must not specify anything other than name and generateName, but metadata is implicitly specified";
            errors.push(FieldError::forbidden(&at, detail));
        }
    }
}

/// Whether a junctor says nothing but that a value is a number or a text.
fn is_either(schemas: &[Value]) -> bool {
    let is = |schema: &Value, type_: &str| {
        text_at(schema, "/type") == type_ && schema.as_object().is_some_and(|s| s.len() == 1)
    };
    matches!(schemas, [a, b] if is(a, "integer") && is(b, "string"))
}

fn values(schema: &Value, level: Level, at: &Path<'_>, errors: &mut Errors) {
    let either = is_set(schema, "x-kubernetes-int-or-string");
    let skips_any = either && is_either(list_at(schema, "/anyOf"));
    let skips_all = either && is_either(list_at(schema, "/allOf/0/anyOf"));
    joined(schema, at, &mut |below, at| {
        let text = at.to_string();
        let skipped =
            (skips_any && is_last(&text, "anyOf")) || (skips_all && text.ends_with(".allOf[0]"));
        if !skipped {
            nested(below, level, at, errors);
        }
    });
    let pattern = text_at(schema, "/pattern");
    if pattern.len() > PATTERN_MAX {
        errors.push(FieldError::too_long(
            &at.child("pattern"),
            PATTERN_MAX as u64,
        ));
    } else if let Err(PatternError::Invalid(why)) = Pattern::read(pattern) {
        let detail = format!("must be a valid regular expression, but isn't: {why}");
        errors.push(FieldError::invalid(&at.child("pattern"), pattern, detail));
    }
}

/// Whether the last field of a path is `name`.
fn is_last(path: &str, name: &str) -> bool {
    let last = path.rsplit('.').next().unwrap_or_default();
    last.split('[').next() == Some(name)
}

/// What may not stand where a schema only restricts values.
fn nested(schema: &Value, level: Level, at: &Path<'_>, errors: &mut Errors) {
    values(schema, level, at, errors);
    if let Some(items) = schema.get("items") {
        nested(items, level, &at.child("items"), errors);
    }
    let properties = at.child("properties");
    for (name, below) in object(schema, "properties").into_iter().flatten() {
        nested(below, Level::Field, &properties.key(name), errors);
    }
    for (name, rule) in [
        ("type", "empty"),
        ("additionalProperties", "undefined"),
        ("default", "undefined"),
        ("title", "empty"),
        ("description", "empty"),
        ("nullable", "false"),
        ("externalDocs", "undefined"),
        ("x-kubernetes-preserve-unknown-fields", "false"),
        ("x-kubernetes-embedded-resource", "false"),
        ("x-kubernetes-int-or-string", "false"),
        ("x-kubernetes-list-map-keys", "empty"),
        ("x-kubernetes-list-type", "undefined"),
        ("x-kubernetes-map-type", "undefined"),
        ("x-kubernetes-validations", "empty"),
    ] {
        let is_there = match rule {
            "false" => is_set(schema, name),
            _ => schema.get(name).is_some(),
        };
        if is_there {
            let detail = format!("must be {rule} to be structural");
            errors.push(FieldError::forbidden(&at.child(name), detail));
        }
    }
    if object(schema, "properties").is_some_and(|all| all.contains_key("metadata")) {
        let detail = "must not be specified in a nested context";
        errors.push(FieldError::forbidden(&properties.key("metadata"), detail));
    }
}

/// What a junctor restricts has to be specified outside of it too.
fn complete(
    schema: &Value,
    outer: &Value,
    at: &Path<'_>,
    in_outer: &Path<'_>,
    errors: &mut Errors,
) {
    joined(schema, at, &mut |below, at| {
        specified(below, outer, at, in_outer, errors);
    });
    if std::ptr::eq(schema, outer) {
        parts(schema, at, &mut |below, _, at| {
            complete(below, below, at, at, errors);
        });
    }
}

fn specified(
    schema: &Value,
    outer: &Value,
    at: &Path<'_>,
    in_outer: &Path<'_>,
    errors: &mut Errors,
) {
    complete(schema, outer, at, in_outer, errors);
    let mut go_on =
        |below: &Value, found: Option<&Value>, at: &Path<'_>, in_outer: &Path<'_>| match found {
            Some(found) => specified(below, found, at, in_outer, errors),
            None => {
                let detail = format!("because it is defined in {at}");
                errors.push(FieldError::required(in_outer, detail));
            }
        };
    if let Some(items) = schema.get("items") {
        let (at, in_outer) = (at.child("items"), in_outer.child("items"));
        go_on(items, outer.get("items"), &at, &in_outer);
    }
    let (at, in_outer) = (at.child("properties"), in_outer.child("properties"));
    for (name, below) in object(schema, "properties").into_iter().flatten() {
        let found = object(outer, "properties").and_then(|all| all.get(name));
        go_on(below, found, &at.key(name), &in_outer.key(name));
    }
}

/// Every default has to be what its schema asks for.
fn defaults(schema: &Value, at: &Path<'_>, errors: &mut Errors) {
    if let Some(default) = schema.get("default") {
        let at = at.child("default");
        let mut unknown = Vec::new();
        let (mut pruned, mut path) = (default.clone(), "default".to_owned());
        fit::prune(&mut pruned, schema, &mut path, &mut unknown);
        if !unknown.is_empty() {
            let detail = "must not have unknown fields";
            errors.push(match default.as_str() {
                Some(text) => FieldError::invalid(&at, text, detail),
                None => FieldError::invalid_value(&at, default, detail),
            });
        }
        errors.extend(check::errors(default, None, schema, &at.to_string()));
    }
    parts(schema, at, &mut |below, _, at| defaults(below, at, errors));
}

/// What v1.36 refuses in any schema. Where `meta` is set, it says which of the fields that every
/// object has this is in: there may be no defaults there.
fn standard(schema: &Value, meta: &str, level: Level, at: &Path<'_>, errors: &mut Errors) {
    if !meta.is_empty() && schema.get("default").is_some() {
        let detail = format!("must not be set in top-level {meta}");
        errors.push(FieldError::forbidden(&at.child("default"), detail));
    }
    let in_type = at.child("type");
    match text_at(schema, "/type") {
        "" => {}
        "null" => {
            let detail = "type cannot be set to null, use nullable as an alternative";
            errors.push(FieldError::forbidden(&in_type, detail));
        }
        known if TYPES.contains(&known) => {}
        other => errors.push(FieldError::not_supported(&in_type, other, &TYPES)),
    }
    for name in UNSUPPORTED {
        if schema.get(name).is_some() {
            let detail = format!("{name} is not supported");
            errors.push(FieldError::forbidden(&at.child(name), detail));
        }
    }
    if schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(false)) {
        let at = at.child("x-kubernetes-preserve-unknown-fields");
        errors.push(FieldError::invalid_value(
            &at,
            false,
            "must be true or undefined",
        ));
    }
    if is_set(schema, "uniqueItems") {
        let detail =
            "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
        errors.push(FieldError::forbidden(&at.child("uniqueItems"), detail));
    }
    if let Some(others) = schema.get("additionalProperties")
        && object(schema, "properties").is_some_and(|all| !all.is_empty())
        && *others != Value::Bool(true)
    {
        let detail = "additionalProperties and properties are mutual exclusive";
        errors.push(FieldError::forbidden(
            &at.child("additionalProperties"),
            detail,
        ));
    }
    lists::check(schema, at, errors);
    joined(schema, at, &mut |below, at| {
        standard(below, meta, Level::Field, at, errors);
    });
    let properties = object(schema, "properties");
    parts(schema, at, &mut |below, _, at| {
        let in_root = |name: &&&str| {
            let found = properties.and_then(|all| all.get(**name));
            level == Level::Root && found.is_some_and(|found| std::ptr::eq(found, below))
        };
        let of_root = META.iter().find(in_root).copied();
        standard(below, of_root.unwrap_or(meta), Level::Field, at, errors);
    });
}
