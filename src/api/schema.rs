//! The field table: what every kind's JSON may hold, with Go's names for the types.
//!
//! Upstream: the types of staging/src/k8s.io/api, v1.36, by way of their OpenAPI definitions. The
//! table is `static/schema.txt`, written by `cargo run -p schemagen`; descriptions, enumerations and
//! patch strategies are left out.
//!
//! Its form, one line a definition: `core.v1.ContainerPort containerPort!:int32 name~:string …`.
//! After a field's name `!` says that the field is always written, `~` that it is left out when it
//! holds its type's zero value. Types: the words of [`FieldType`], `[]` a list of, `{}` a map of,
//! `@` another definition; `string/v1.Protocol` is a string whose Go type has a name.

use crate::sim::{SortedMap, order::sort_by};
use std::sync::LazyLock;

/// What a field holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// A text; Go's name of the type where it has one of its own.
    String(Option<&'static str>),
    /// true or false.
    Bool,
    /// A whole number of 32 bits.
    Int32,
    /// A whole number of 64 bits.
    Int64,
    /// Any number.
    Number,
    /// An amount such as `100m`: a text, or a number that becomes one.
    Quantity,
    /// A whole number of 32 bits, or a text.
    IntOrString,
    /// A time, to the second.
    Time,
    /// A time, to the microsecond.
    MicroTime,
    /// Bytes, as base64.
    Bytes,
    /// A schema of a custom kind, or whether anything is allowed.
    SchemaOrBool,
    /// Anything.
    Json,
    /// An object of the definition with this name.
    Object(&'static str),
    /// A list of one type.
    Array(Box<FieldType>),
    /// A map from texts to one type.
    Map(Box<FieldType>),
}

impl FieldType {
    fn parse(text: &'static str) -> Self {
        if let Some(item) = text.strip_prefix("[]") {
            return Self::Array(Box::new(Self::parse(item)));
        }
        if let Some(item) = text.strip_prefix("{}") {
            return Self::Map(Box::new(Self::parse(item)));
        }
        if let Some(name) = text.strip_prefix('@') {
            return Self::Object(name);
        }
        let (word, go) = match text.split_once('/') {
            Some((word, go)) => (word, Some(go)),
            None => (text, None),
        };
        match word {
            "string" => Self::String(go),
            "bool" => Self::Bool,
            "int32" => Self::Int32,
            "int64" => Self::Int64,
            "number" => Self::Number,
            "quantity" => Self::Quantity,
            "intOrString" => Self::IntOrString,
            "time" => Self::Time,
            "microTime" => Self::MicroTime,
            "bytes" => Self::Bytes,
            "schemaOrBool" => Self::SchemaOrBool,
            _ => Self::Json,
        }
    }

    /// The type as Go prints it in the API server's messages: `[]v1.Container`, `int32`.
    pub fn go_name(&self) -> String {
        match self {
            Self::String(go) => go.unwrap_or("string").to_owned(),
            Self::Bool => "bool".to_owned(),
            Self::Int32 => "int32".to_owned(),
            Self::Int64 => "int64".to_owned(),
            Self::Number => "float64".to_owned(),
            Self::Quantity => "resource.Quantity".to_owned(),
            Self::IntOrString => "intstr.IntOrString".to_owned(),
            Self::Time => "v1.Time".to_owned(),
            Self::MicroTime => "v1.MicroTime".to_owned(),
            Self::Bytes => "[]uint8".to_owned(),
            Self::SchemaOrBool => "v1.JSONSchemaPropsOrBool".to_owned(),
            Self::Json => "runtime.RawExtension".to_owned(),
            Self::Object(name) => {
                let mut parts = name.rsplit('.');
                let kind = parts.next().unwrap_or_default();
                format!("{}.{kind}", parts.next().unwrap_or("v1"))
            }
            Self::Array(item) => format!("[]{}", item.go_name()),
            Self::Map(item) if **item == Self::Quantity => "v1.ResourceList".to_owned(),
            Self::Map(item) => format!("map[string]{}", item.go_name()),
        }
    }
}

/// One field of a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name in JSON.
    pub name: &'static str,
    /// What it holds.
    pub kind: FieldType,
    /// Whether the API server always writes it.
    pub required: bool,
    /// Whether the API server leaves it out when it is empty, 0 or false.
    pub drops_zero: bool,
}

/// A type with fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Group, version and type: `apps.v1.DeploymentSpec`.
    pub name: &'static str,
    /// The fields, by name.
    pub fields: Vec<Field>,
}

impl Definition {
    /// Go's name of the type: `DeploymentSpec`.
    pub fn type_name(&self) -> &'static str {
        self.name.rsplit('.').next().unwrap_or(self.name)
    }

    /// The field `name`; upper and lower case differ.
    pub fn field(&self, name: &str) -> Option<&Field> {
        let found = self.fields.binary_search_by(|field| field.name.cmp(name));
        found.ok().map(|index| &self.fields[index])
    }
}

/// The whole table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema {
    roots: Vec<&'static str>,
    definitions: SortedMap<&'static str, Definition>,
}

impl Schema {
    fn parse(text: &'static str) -> Self {
        let mut schema = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split(' ');
            match words.next() {
                Some("roots") => schema.roots = words.collect(),
                Some(name) if !name.is_empty() => {
                    let mut fields: Vec<Field> = words.filter_map(parse_field).collect();
                    sort_by(&mut fields, |a, b| a.name.cmp(b.name));
                    schema.definitions.insert(name, Definition { name, fields });
                }
                _ => {}
            }
        }
        schema
    }

    /// The definition of this name, such as `core.v1.PodSpec`.
    pub fn definition(&self, name: &str) -> Option<&Definition> {
        self.definitions.get(name)
    }

    /// The definition of a kind that a request may hold; `DeleteOptions` is in every group.
    pub fn root(&self, group: &str, version: &str, kind: &str) -> Option<&Definition> {
        let short = match group.split('.').next() {
            _ if kind == "DeleteOptions" => return self.definition("meta.v1.DeleteOptions"),
            None | Some("") => "core",
            Some(short) => short,
        };
        let name = format!("{short}.{version}.{kind}");
        let root = self.roots.iter().find(|root| **root == name)?;
        self.definition(root)
    }

    /// The names of the definitions that a request may hold, sorted.
    pub fn roots(&self) -> &[&'static str] {
        &self.roots
    }
}

fn parse_field(text: &'static str) -> Option<Field> {
    let (name, kind) = text.split_once(':')?;
    Some(Field {
        name: name.trim_end_matches(['!', '~']),
        kind: FieldType::parse(kind),
        required: name.ends_with('!'),
        drops_zero: name.ends_with('~'),
    })
}

/// The definition of a custom kind's schema.
pub const JSON_SCHEMA: &str = "apiextensions.v1.JSONSchemaProps";

static TABLE: LazyLock<Schema> =
    LazyLock::new(|| Schema::parse(include_str!("../../static/schema.txt")));

/// The table, read once: it never changes.
pub fn schema() -> &'static Schema {
    &TABLE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_has_its_definition() {
        fn check(kind: &FieldType) {
            match kind {
                FieldType::Object(name) => {
                    assert!(schema().definition(name).is_some(), "{name}");
                }
                FieldType::Array(item) | FieldType::Map(item) => check(item),
                _ => {}
            }
        }
        for definition in schema().definitions.values() {
            for field in &definition.fields {
                check(&field.kind);
                assert_eq!(definition.field(field.name), Some(field));
            }
        }
    }

    #[test]
    fn kinds_are_found_by_group_version_and_kind() {
        for (group, kind, want) in [
            ("", "Pod", Some("core.v1.Pod")),
            ("apps", "Deployment", Some("apps.v1.Deployment")),
            ("events.k8s.io", "Event", Some("events.v1.Event")),
            ("policy", "DeleteOptions", Some("meta.v1.DeleteOptions")),
            ("apps", "DeploymentSpec", None),
            ("apps", "Pod", None),
        ] {
            let found = schema().root(group, "v1", kind);
            assert_eq!(found.map(|definition| definition.name), want);
        }
        assert_eq!(schema().root("apps", "v1beta1", "Deployment"), None);
    }

    #[test]
    fn types_print_as_go_prints_them() {
        for (definition, field, want) in [
            ("core.v1.PodSpec", "containers", "[]v1.Container"),
            ("core.v1.PodSpec", "nodeSelector", "map[string]string"),
            ("core.v1.PodSpec", "restartPolicy", "v1.RestartPolicy"),
            ("core.v1.ResourceRequirements", "limits", "v1.ResourceList"),
            ("core.v1.ConfigMap", "binaryData", "map[string][]uint8"),
            ("core.v1.Capabilities", "add", "[]v1.Capability"),
            ("apps.v1.DeploymentSpec", "replicas", "int32"),
            ("meta.v1.ObjectMeta", "uid", "types.UID"),
        ] {
            let field = schema().definition(definition).unwrap().field(field);
            assert_eq!(field.unwrap().kind.go_name(), want);
        }
    }
}
