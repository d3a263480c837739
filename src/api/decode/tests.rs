use super::*;
use crate::api::{Kind, Object, manifest};
use serde_json::json;
use std::path::{Path, PathBuf};

fn deployment(value: Value) -> Result<Decoded, DecodeError> {
    decode(schema().root("apps", "v1", "Deployment").unwrap(), value)
}

fn pod_spec(spec: Value) -> Value {
    json!({"spec": {"template": {"spec": spec}}})
}

/// The messages are those of the real decoder for the same JSON and Go types.
#[test]
fn wrong_types_are_refused_in_the_api_servers_words() {
    let field = |found: &str, place: &str| {
        format!("json: cannot unmarshal {found} into Go struct field {place}")
    };
    for (value, want, path) in [
        (
            json!({"spec": {"replicas": "three"}}),
            field("string", "DeploymentSpec.spec.replicas of type int32"),
            "spec.replicas",
        ),
        (
            json!({"spec": {"replicas": 1.5}}),
            field("number 1.5", "DeploymentSpec.spec.replicas of type int32"),
            "spec.replicas",
        ),
        (
            json!({"spec": {"replicas": 3_000_000_000_u64}}),
            field(
                "number 3000000000",
                "DeploymentSpec.spec.replicas of type int32",
            ),
            "spec.replicas",
        ),
        (
            json!({"spec": {"paused": "yes"}}),
            field("string", "DeploymentSpec.spec.paused of type bool"),
            "spec.paused",
        ),
        (
            json!({"spec": 7}),
            field("number", "Deployment.spec of type v1.DeploymentSpec"),
            "spec",
        ),
        (
            pod_spec(json!({"containers": "nope"})),
            field(
                "string",
                "PodSpec.spec.template.spec.containers of type []v1.Container",
            ),
            "spec.template.spec.containers",
        ),
        (
            pod_spec(json!({"containers": ["x"]})),
            field(
                "string",
                "PodSpec.spec.template.spec.containers of type v1.Container",
            ),
            "spec.template.spec.containers[0]",
        ),
        (
            pod_spec(json!({"containers": [{}, {"name": 1}]})),
            field(
                "number",
                "Container.spec.template.spec.containers.name of type string",
            ),
            "spec.template.spec.containers[1].name",
        ),
        (
            pod_spec(json!({"containers": [{"imagePullPolicy": 1}]})),
            field(
                "number",
                "Container.spec.template.spec.containers.imagePullPolicy of type v1.PullPolicy",
            ),
            "spec.template.spec.containers[0].imagePullPolicy",
        ),
        (
            pod_spec(json!({"containers": [{"env": [{"name": "A", "value": 1}]}]})),
            field(
                "number",
                "EnvVar.spec.template.spec.containers.env.value of type string",
            ),
            "spec.template.spec.containers[0].env[0].value",
        ),
        (
            pod_spec(json!({"nodeSelector": {"a": 1}})),
            field(
                "number",
                "PodSpec.spec.template.spec.nodeSelector of type string",
            ),
            "spec.template.spec.nodeSelector.a",
        ),
        (
            pod_spec(json!({"nodeSelector": [1]})),
            field(
                "array",
                "PodSpec.spec.template.spec.nodeSelector of type map[string]string",
            ),
            "spec.template.spec.nodeSelector",
        ),
        (
            json!({"metadata": {"creationTimestamp": 5}}),
            field(
                "number",
                "ObjectMeta.metadata.creationTimestamp of type string",
            ),
            "metadata.creationTimestamp",
        ),
        (
            json!({"spec": {"strategy": {"rollingUpdate": {"maxSurge": true}}}}),
            field(
                "bool",
                "RollingUpdateDeployment.spec.strategy.rollingUpdate.maxSurge of type int32",
            ),
            "spec.strategy.rollingUpdate.maxSurge",
        ),
        // A special type's refusal wins over an earlier wrong type.
        (
            json!({"spec": {"paused": 1, "template": {"metadata": {"creationTimestamp": "abc"}}}}),
            "parsing time \"abc\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"abc\" as \
             \"2006\""
                .to_owned(),
            "spec.template.metadata.creationTimestamp",
        ),
    ] {
        let message = want;
        let path = path.to_owned();
        assert_eq!(deployment(value), Err(DecodeError { message, path }));
    }
    let list = deployment(json!([])).unwrap_err();
    assert!(
        list.message
            .contains("cannot unmarshal array into Go value of type struct {")
    );
}

#[test]
fn times_are_read_as_go_reads_them() {
    for (text, want) in [
        ("2020-02-10T01:02:03Z", Ok("2020-02-10T01:02:03Z")),
        ("2020-02-29T23:30:00-01:00", Ok("2020-03-01T00:30:00Z")),
        ("2021-01-01T00:30:00.999+01:00", Ok("2020-12-31T23:30:00Z")),
        ("2020-02-10T1:00:00Z", Ok("2020-02-10T01:00:00Z")),
        ("2020-13-01T00:00:00Z", Err("month out of range")),
        ("2020-02-30T00:00:00Z", Err("day out of range")),
        ("2020-02-10T24:00:00Z", Err("hour out of range")),
        ("2020-02-10T00:00:00Zx", Err("extra text: \"x\"")),
        (
            "2020-02-10T00:00:00",
            Err("cannot parse \"\" as \"Z07:00\""),
        ),
        (
            "2020-02-10 00:00:00Z",
            Err("cannot parse \" 00:00:00Z\" as \"T\""),
        ),
        (
            "2020-02-10T00:00:00+0200",
            Err("cannot parse \"+0200\" as \"Z07:00\""),
        ),
        (
            "2020-02-10T00:00:00.Z",
            Err("cannot parse \".Z\" as \"Z07:00\""),
        ),
        ("2020-02-1", Err("cannot parse \"1\" as \"02\"")),
        ("", Err("cannot parse \"\" as \"2006\"")),
    ] {
        match (scalar::time(text, false), want) {
            (Ok(value), Ok(want)) => assert_eq!(value, want, "{text}"),
            (Err(error), Err(want)) => assert!(error.ends_with(want), "{error}"),
            (got, want) => panic!("{text}: {got:?}, not {want:?}"),
        }
    }
    let micro = scalar::time("2020-02-10T00:00:00.123456+00:00", true);
    assert_eq!(micro, Ok(json!("2020-02-10T00:00:00.123456Z")));
    for (text, want) in [
        ("2020-02-10T00:00:00Z", "cannot parse \"Z\" as \".000000\""),
        (
            "2020-02-10T00:00:00.1234567Z",
            "cannot parse \"7Z\" as \"Z07:00\"",
        ),
    ] {
        assert!(scalar::time(text, true).unwrap_err().ends_with(want));
    }
}

#[test]
fn bytes_are_base64_as_go_reads_it() {
    for (text, want) in [
        ("YQ==", Ok("YQ==")),
        ("YW\nI=\n", Ok("YWI=")),
        ("", Ok("")),
        ("not base64!", Err(3)),
        ("YQ", Err(0)),
        ("Y", Err(0)),
        ("YWI", Err(0)),
        ("YQ=", Err(3)),
        ("YQ=a", Err(2)),
        ("YQ==x", Err(4)),
    ] {
        let want = want.map(|text| json!(text));
        let want = want.map_err(|at| format!("illegal base64 data at input byte {at}"));
        assert_eq!(scalar::bytes(text), want, "{text}");
    }
}

#[test]
fn quantities_are_stored_in_their_own_form() {
    for (given, want) in [
        (json!(1), Some("1")),
        (json!(0.5), Some("500m")),
        (json!("1024Mi"), Some("1Gi")),
        (json!(" 2 "), Some("2")),
        (json!("abc"), None),
        (json!(""), None),
        (json!({}), None),
        (json!(true), None),
    ] {
        let want = want
            .map(Value::from)
            .ok_or(crate::api::quantity::FORMAT_ERROR.to_owned());
        assert_eq!(scalar::quantity(&given), want, "{given}");
    }
    let suffix = scalar::quantity(&json!("100Mb")).unwrap_err();
    assert_eq!(suffix, crate::api::quantity::FORMAT_ERROR);
    let suffix = scalar::quantity(&json!("100ik")).unwrap_err();
    assert_eq!(suffix, "unable to parse quantity's suffix");
}

#[test]
fn unknown_fields_are_listed_in_order() {
    let value = json!({
        "foo": 1,
        "spec": {
            "bar": 1,
            "template": {"spec": {"containers": [{"zoo": 1}, {"Name": 1, "ports": [{"x": 1}]}]}},
        },
    });
    let decoded = deployment(value).unwrap();
    assert_eq!(
        decoded.strict_error().unwrap(),
        "strict decoding error: unknown field \"foo\", unknown field \"spec.bar\", unknown field \
         \"spec.template.spec.containers[0].zoo\", unknown field \
         \"spec.template.spec.containers[1].Name\", unknown field \
         \"spec.template.spec.containers[1].ports[0].x\""
    );
    assert_eq!(
        cannot_be_handled("v1", "Deployment", "why"),
        "Deployment in version \"v1\" cannot be handled as a Deployment: why"
    );
    assert_eq!(
        deployment(json!({"spec": {}})).unwrap().strict_error(),
        None
    );
}

#[test]
fn nulls_and_zero_values_are_as_the_server_stores_them() {
    let value = json!({
        "metadata": {"creationTimestamp": null, "labels": {}, "annotations": {"a": null}},
        "spec": {
            "replicas": 0,
            "minReadySeconds": 0,
            "paused": false,
            "strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "25%"}},
            "selector": {"matchLabels": {"a": "b"}},
            "template": {"spec": {
                "nodeName": "",
                "priority": 0,
                "containers": [null, {
                    "name": "a",
                    "args": ["x", null],
                    "env": [],
                    "resources": {"limits": {"cpu": 1, "memory": "1024Mi"}},
                }],
                "volumes": [{"name": "v", "emptyDir": {}}],
            }},
        },
        "status": null,
    });
    let want = json!({
        "metadata": {"annotations": {"a": ""}},
        "spec": {
            "replicas": 0,
            "strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "25%"}},
            "selector": {"matchLabels": {"a": "b"}},
            "template": {"spec": {
                "priority": 0,
                "containers": [{}, {
                    "name": "a",
                    "args": ["x", ""],
                    "resources": {"limits": {"cpu": "1", "memory": "1Gi"}},
                }],
                "volumes": [{"name": "v", "emptyDir": {}}],
            }},
        },
    });
    assert_eq!(deployment(value).unwrap().value, want);
}

#[test]
fn depth_is_bounded() {
    let mut deep = json!({});
    for _ in 0..2 * DEPTH_MAX {
        deep = json!({"not": deep});
    }
    // The table's types do not nest themselves, so only a raw field may be that deep.
    let value = json!({"metadata": {"managedFields": [{"fieldsV1": deep}]}});
    assert!(deployment(value).is_ok());
}

fn root_of(value: &Value) -> Option<&'static Definition> {
    let api_version = value.get("apiVersion")?.as_str()?;
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    schema().root(group, version, value.get("kind")?.as_str()?)
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.extension().and_then(std::ffi::OsStr::to_str) {
            _ if path.is_dir() => files_below(&path, found),
            Some("yml" | "yaml" | "json") => found.push(path),
            _ => {}
        }
    }
    found.sort();
}

/// A folder beside the package; `None`, said loudly, where it is missing.
fn shared(folder: &str) -> Option<Vec<PathBuf>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared")
        .join(folder);
    if !path.is_dir() {
        eprintln!("SKIPPED: there is no folder ../shared/{folder} beside the package");
        return None;
    }
    let mut found = Vec::new();
    files_below(&path, &mut found);
    Some(found)
}

#[test]
fn the_books_manifests_decode_without_unknown_fields() {
    let Some(files) = shared("manifests") else {
        return;
    };
    let (mut decoded, mut unknown) = (0, Vec::new());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let Ok(documents) = manifest::parse(&text) else {
            continue;
        };
        for document in documents {
            let Some(root) = root_of(&document.value) else {
                continue;
            };
            let result = decode(root, document.value.clone());
            let result = result.unwrap_or_else(|error| panic!("{file:?}: {error}"));
            let name = file.file_name().unwrap().to_str().unwrap();
            unknown.extend(result.unknown.iter().map(|path| format!("{name} {path}")));
            decoded += 1;
        }
    }
    // The book's own mistake: the field is called publishNotReadyAddresses.
    let mistakes = ["kubia-svc-publish-not-ready.yaml spec.publishNotReadyEndpoints"];
    assert_eq!(unknown, mistakes);
    assert!(decoded > 50, "only {decoded} documents were decoded");
}

/// The recordings are of v1.20, whose decoder worded wrong types in its own way.
#[test]
fn recorded_refusals_are_refused() {
    let Some(files) = shared("golden/decisions/refusals") else {
        return;
    };
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
        for row in rows {
            let Some(root) = root_of(&row["input"]) else {
                continue;
            };
            let result = decode(root, row["input"].clone());
            let refused = row["code"] == 400;
            assert_eq!(result.is_err(), refused, "{file:?}: {result:?}");
            let name = file.file_name().unwrap().to_str().unwrap();
            let Err(error) = result else { continue };
            let want = match name {
                "056.yaml.json" => crate::api::quantity::FORMAT_ERROR,
                "100.yaml.json" => {
                    "json: cannot unmarshal string into Go struct field PodSpec.spec.containers of \
                     type []v1.Container"
                }
                "110.yaml.json" => {
                    "json: cannot unmarshal string into Go struct field \
                     DeploymentSpec.spec.replicas of type int32"
                }
                "125.yaml.json" => {
                    "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.paused \
                     of type bool"
                }
                "174.yaml.json" => "illegal base64 data at input byte 3",
                other => panic!("{other}: {error}"),
            };
            assert_eq!(error.message, want);
        }
    }
}

struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn value(&mut self) -> Value {
        let some = [
            json!(null),
            json!(true),
            json!(0),
            json!(-7),
            json!(1e300),
            json!(u64::MAX),
            json!(""),
            json!("1Gi"),
            json!("2020-02-10T00:00:00Z"),
            json!("YQ=="),
            json!([]),
            json!({}),
            json!([null]),
            json!({"a": null}),
            json!([[]]),
            json!({"name": {}}),
        ];
        some[self.below(some.len())].clone()
    }

    /// Builds a value for `definition`, with mistakes now and then.
    fn object(&mut self, definition: &Definition, depth: usize) -> Value {
        let mut out = Map::new();
        let count = if definition.fields.is_empty() {
            0
        } else {
            self.below(6)
        };
        for _ in 0..count {
            let field = &definition.fields[self.below(definition.fields.len())];
            out.insert(field.name.to_owned(), self.of(&field.kind, depth));
        }
        Value::Object(out)
    }

    fn of(&mut self, kind: &FieldType, depth: usize) -> Value {
        if depth == 0 || self.below(12) == 0 {
            return self.value();
        }
        match kind {
            FieldType::Object(name) => self.object(schema().definition(name).unwrap(), depth - 1),
            FieldType::Array(item) => (0..self.below(3))
                .map(|_| self.of(item, depth - 1))
                .collect(),
            FieldType::Map(item) => json!({"k": self.of(item, depth - 1)}),
            FieldType::Bool => json!(self.below(2) == 0),
            FieldType::Int32 | FieldType::Int64 | FieldType::IntOrString => json!(self.below(9)),
            FieldType::Quantity => json!("100m"),
            FieldType::Time => json!("2020-02-10T00:00:00+02:00"),
            FieldType::MicroTime => json!("2020-02-10T00:00:00.000001Z"),
            _ => json!("YQ=="),
        }
    }
}

/// Whatever comes in: no panic, and what is accepted always fits the typed object.
#[test]
fn what_is_accepted_always_becomes_an_object() {
    let mut dice = Dice(1);
    let mut accepted = 0;
    for _ in 0..20_000 {
        let kind = Kind::ALL[dice.below(Kind::ALL.len())];
        let row = kind.row();
        let root = schema().root(row.group, row.version, row.kind).unwrap();
        let mut value = dice.object(root, 8);
        value["apiVersion"] = json!(kind.api_version());
        value["kind"] = json!(row.kind);
        let Ok(decoded) = decode(root, value.clone()) else {
            continue;
        };
        accepted += 1;
        let object = Object::from_json(kind, decoded.value.clone());
        assert!(
            object.is_ok(),
            "{object:?}: {value} became {}",
            decoded.value
        );
        let again = decode(root, decoded.value.clone()).unwrap();
        assert_eq!(again.value, decoded.value, "decoding twice changes nothing");
    }
    assert!(accepted > 1_000, "only {accepted} were accepted");
}
