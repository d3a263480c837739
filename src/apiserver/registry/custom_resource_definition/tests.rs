use super::*;
use crate::api::Object;
use crate::apiserver::door::{self, FieldValidation};
use crate::apiserver::registry;

fn manifest() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "books.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"plural": "books", "kind": "Book", "shortNames": ["bk"]},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "properties": {
                        "pages": {"type": "integer", "minimum": 1, "default": 3},
                    }},
                }}},
            }],
        },
    })
}

fn read(json: Value) -> Object {
    let mut object = door::decode(json, FieldValidation::Strict).expect("it decodes");
    registry::default(&mut object);
    object
}

/// What is wrong with a new definition.
fn validate(json: Value) -> Vec<FieldError> {
    let mut object = read(json);
    let config = ApiServerConfig::default();
    registry::prepare_for_create(&mut object, &config, &Etcd::default()).expect("there is room");
    registry::validate(&object, &Etcd::default())
}

/// What is wrong with the manifest in which the value at `pointer` is another.
fn wrong(pointer: &str, value: Value) -> Vec<String> {
    let mut json = manifest();
    let (parent, name) = pointer.rsplit_once('/').expect("a path");
    json.pointer_mut(parent).expect("a parent")[name] = value;
    let errors = validate(json);
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn names_that_were_left_out_follow_from_the_kind() {
    let object = read(manifest()).to_json();
    assert_eq!(object["spec"]["names"]["singular"], "book");
    assert_eq!(object["spec"]["names"]["listKind"], "BookList");
    assert_eq!(object["spec"]["conversion"], json!({"strategy": "None"}));
    assert_eq!(validate(manifest()), []);
}

#[test]
fn mistakes_in_names_and_versions() {
    for (pointer, value, wanted) in [
        (
            "/metadata/name",
            json!("book.example.com"),
            "metadata.name: Invalid value: \"book.example.com\": must be spec.names.plural+\".\"+spec.group",
        ),
        (
            "/spec/scope",
            json!("Everywhere"),
            "spec.scope: Unsupported value: \"Everywhere\": supported values: \"Cluster\", \"Namespaced\"",
        ),
        (
            "/spec/versions/0/deprecationWarning",
            json!("old"),
            "spec.versions[0].deprecationWarning: Invalid value: \"old\": can only be set for deprecated versions",
        ),
        (
            "/spec/group",
            json!("x.k8s.io"),
            "metadata.name: Invalid value: \"books.example.com\": must be spec.names.plural+\".\"+spec.group; metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval annotation \"api-approved.kubernetes.io\", see https://github.com/kubernetes/enhancements/pull/1111",
        ),
        (
            "/spec/conversion",
            json!({"strategy": "Webhook", "webhook": {"clientConfig": {"url": "https://x"}, "conversionReviewVersions": ["v2", "v2"]}}),
            "spec.conversion.conversionReviewVersions[1]: Invalid value: \"v2\": duplicate version; spec.conversion.conversionReviewVersions: Invalid value: [\"v2\",\"v2\"]: must include at least one of v1, v1beta1",
        ),
        (
            "/spec/versions/0/storage",
            json!(false),
            "spec.versions: Invalid value: [{\"AdditionalPrinterColumns\":null,\"Deprecated\":false,\"DeprecationWarning\":null,\"Name\":\"v1\",\"Schema\":null,\"SelectableFields\":null,\"Served\":true,\"Storage\":false,\"Subresources\":null}]: must have exactly one version marked as storage version; status.storedVersions: Invalid value: null: must have at least one stored version",
        ),
        (
            "/spec/versions/0/schema",
            json!({}),
            "spec.versions[0].schema.openAPIV3Schema: Required value: schemas are required",
        ),
        (
            "/spec/names/shortNames",
            json!(["B"]),
            "spec.names.shortNames[0]: Invalid value: \"B\": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
        ),
        (
            "/spec/preserveUnknownFields",
            json!(true),
            "spec.preserveUnknownFields: Invalid value: true: cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead",
        ),
        (
            "/spec/versions/0/additionalPrinterColumns",
            json!([{"name": "Pages", "type": "int", "jsonPath": ".spec.pages"}]),
            "spec.additionalPrinterColumns[0].type: Invalid value: \"int\": must be one of boolean,date,integer,number,string",
        ),
        (
            "/spec/versions/0/subresources",
            json!({"scale": {"specReplicasPath": ".status.x", "statusReplicasPath": ".status.n"}}),
            "spec.subresources.scale.specReplicasPath: Invalid value: \".status.x\": should be a json path under .spec",
        ),
        (
            "/spec/names/listKind",
            json!("Book"),
            "spec.names.listKind: Invalid value: \"Book\": kind and listKind may not be the same",
        ),
    ] {
        assert_eq!(wrong(pointer, value).join("; "), wanted, "{pointer}");
    }
}

#[test]
fn schemas_have_to_be_structural() {
    const ROOT: &str = "/spec/versions/0/schema/openAPIV3Schema";
    const PAGES: &str = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/pages";
    const AT: &str = "spec.validation.openAPIV3Schema.properties[spec].properties[pages]";
    for (pointer, value, wanted) in [
        (ROOT, json!({}), "spec.validation.openAPIV3Schema.type: Required value: must not be empty at the root".to_owned()),
        (ROOT, json!({"type": "array", "items": {"type": "string"}}), "spec.validation.openAPIV3Schema.type: Invalid value: \"array\": must be object at the root".to_owned()),
        (PAGES, json!({}), format!("{AT}.type: Required value: must not be empty for specified object fields")),
        (PAGES, json!({"type": "array"}), format!("{AT}.items: Required value: must be specified")),
        (PAGES, json!({"type": "int"}), format!("{AT}.type: Unsupported value: \"int\": supported values: \"array\", \"boolean\", \"integer\", \"number\", \"object\", \"string\"")),
        (PAGES, json!({"type": "string", "pattern": "("}), format!("{AT}.pattern: Invalid value: \"(\": must be a valid regular expression, but isn't: error parsing regexp: missing closing ): `(`")),
        (PAGES, json!({"type": "integer", "default": "x"}), format!("{AT}.default: Invalid value: \"string\": {AT}.default in body must be of type integer: \"string\"")),
        (PAGES, json!({"type": "object", "default": {"a": 1}}), format!("{AT}.default: Invalid value: {{\"a\":1}}: must not have unknown fields")),
        (PAGES, json!({"type": "string", "anyOf": [{"type": "string"}]}), format!("{AT}.anyOf[0].type: Forbidden: must be empty to be structural")),
        (PAGES, json!({"type": "object", "allOf": [{"required": ["a"], "properties": {"a": {"minimum": 1}}}]}), format!("{AT}.properties[a]: Required value: because it is defined in {AT}.allOf[0].properties[a]")),
        (PAGES, json!({"type": "array", "items": {"type": "string"}, "uniqueItems": true}), format!("{AT}.uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic")),
        (PAGES, json!({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": {"type": "string"}}), format!("{AT}.additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive")),
    ] {
        assert_eq!(wrong(pointer, value), [wanted], "{pointer}");
    }
    let either = json!({"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]});
    assert_eq!(wrong(PAGES, either), [""; 0]);
    let free = json!({"x-kubernetes-preserve-unknown-fields": true});
    assert_eq!(wrong(PAGES, free), [""; 0]);
    let map = json!({"type": "object", "additionalProperties": true});
    assert_eq!(wrong(PAGES, map), [""; 0]);
}

#[test]
fn what_is_established_keeps_its_kind_and_scope() {
    let mut old = read(manifest());
    if let Object::CustomResourceDefinition(definition) = &mut old {
        let definition = std::sync::Arc::make_mut(definition);
        definition.set_condition([ESTABLISHED, "X", ""], true, crate::sim::SimTime::default());
    }
    let mut json = manifest();
    json["spec"]["names"]["kind"] = "Tome".into();
    json["spec"]["scope"] = "Cluster".into();
    let mut new = read(json);
    let config = ApiServerConfig::default();
    registry::prepare_for_update(&mut new, &old, &config, &Etcd::default()).expect("it may change");
    let errors = registry::validate_update(&new, &old, &Etcd::default());
    let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "spec.scope: Invalid value: \"Cluster\": field is immutable",
            "spec.names.kind: Invalid value: \"Tome\": field is immutable",
        ]
    );
}

#[test]
fn a_status_written_apart_keeps_the_root_simple() {
    let mut json = manifest();
    let version = &mut json["spec"]["versions"][0];
    version["subresources"] = json!({"status": {}});
    let schema = &mut version["schema"]["openAPIV3Schema"];
    schema["minProperties"] = 1.into();
    schema["properties"]["metadata"] = json!({"type": "object", "default": {}});
    let errors = validate(json);
    let texts: Vec<String> = errors
        .iter()
        .map(|e| format!("{}: {}", e.field, e.detail))
        .collect();
    assert_eq!(
        texts,
        [
            "spec.validation.openAPIV3Schema: only [Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example XPreserveUnknownFields XValidations] fields are allowed at the root of the schema if the status subresource is enabled",
            "spec.validation.openAPIV3Schema.properties[metadata].default: must not be set in top-level metadata",
        ]
    );
}

#[test]
fn what_was_not_approved_may_stay_so() {
    let mut json = manifest();
    json["metadata"]["name"] = "books.x.k8s.io".into();
    json["spec"]["group"] = "x.k8s.io".into();
    let old = read(json.clone());
    let config = ApiServerConfig::default();
    let mut changed = |annotation: Option<&str>| {
        if let Some(annotation) = annotation {
            json["metadata"]["annotations"] = json!({APPROVED_ANNOTATION: annotation});
        }
        let mut new = read(json.clone());
        registry::prepare_for_update(&mut new, &old, &config, &Etcd::default())
            .expect("it may change");
        registry::validate_update(&new, &old, &Etcd::default()).len()
    };
    assert_eq!(changed(None), 0);
    assert_eq!(changed(Some("unapproved, an experiment")), 0);
    assert_eq!(changed(Some("yes")), 1);
}
