//! The forms that `-o` names, for whole objects.
//!
//! Upstream: staging/src/k8s.io/cli-runtime/pkg/genericclioptions (PrintFlags),
//! staging/src/k8s.io/kubectl/pkg/cmd/get/get_flags.go, v1.36. Left out: Go templates, KYAML,
//! and files with templates or columns.

use super::jsonpath::Template;
use super::{columns, jsonpath};
use crate::api::{Object, codec};
use crate::kubectl::failure::Failure;
use crate::kubectl::printed_name;
use serde_json::{Value, json};

/// The form of what is printed.
#[derive(Clone, Debug, PartialEq)]
pub enum Form {
    /// A table for people; wide or not.
    Table {
        /// The columns that need more room too.
        wide: bool,
    },
    /// YAML.
    Yaml,
    /// JSON.
    Json,
    /// `pod/web`.
    Name,
    /// A JSONPath template.
    JsonPath(Template),
    /// Columns of one's own.
    Columns(String),
}

impl Form {
    /// Reads the value of `-o`.
    ///
    /// # Errors
    /// Kubectl's words for a form that is unknown or misses its template.
    pub fn parse(text: Option<&str>) -> Result<Self, Failure> {
        let text = text.unwrap_or_default();
        let (name, rest) = match text.split_once('=') {
            Some((name, rest)) => (name, Some(rest)),
            None => (text, None),
        };
        match (name, rest) {
            ("", None) => Ok(Form::Table { wide: false }),
            ("wide", None) => Ok(Form::Table { wide: true }),
            ("yaml", None) => Ok(Form::Yaml),
            ("json", None) => Ok(Form::Json),
            ("name", None) => Ok(Form::Name),
            ("jsonpath", None | Some("")) => Err(Failure::client(
                "template format specified but no template given",
            )),
            ("jsonpath", Some(template)) => {
                let parsed = Template::parse(template).map_err(|why| {
                    Failure::client(format!("error parsing jsonpath {template}, {why}"))
                })?;
                Ok(Form::JsonPath(parsed))
            }
            ("custom-columns", columns) => {
                Ok(Form::Columns(columns.unwrap_or_default().to_owned()))
            }
            _ => Err(Failure::client(format!(
                "unable to match a printer suitable for the output format \"{text}\", allowed formats are: custom-columns,json,jsonpath,name,wide,yaml"
            ))),
        }
    }

    /// `objects` in this form; several, or none, as a `List` unless they are one named object.
    ///
    /// # Errors
    /// What is wrong with the columns asked for.
    pub fn text(
        &self,
        objects: &[Object],
        single: bool,
        no_headers: bool,
    ) -> Result<String, Failure> {
        let values = || objects.iter().map(Object::to_json).collect::<Vec<Value>>();
        let whole = || match (single, objects) {
            (true, [one]) => one.to_json(),
            _ => {
                json!({"apiVersion": "v1", "items": values(), "kind": "List", "metadata": {"resourceVersion": ""}})
            }
        };
        Ok(match self {
            Form::Table { .. } => String::new(),
            Form::Name => objects
                .iter()
                .map(|object| format!("{}\n", printed_name(&object.key())))
                .collect(),
            Form::Columns(spec) => {
                columns::text(spec, &values(), no_headers).map_err(Failure::Client)?
            }
            form => form.value_text(&whole()).unwrap_or_default(),
        })
    }

    /// `value` in this form; nothing where the form needs to know more of it.
    pub fn value_text(&self, value: &Value) -> Option<String> {
        Some(match self {
            Form::Yaml => codec::to_yaml(value),
            Form::Json => to_json(value),
            Form::JsonPath(template) => template.text(value),
            Form::Table { .. } | Form::Name | Form::Columns(_) => return None,
        })
    }
}

/// JSON with an indentation of four, its signs escaped as Go's encoder does.
fn to_json(value: &Value) -> String {
    let mut text = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, formatter);
    let written = serde::Serialize::serialize(value, &mut serializer);
    written.expect("invariant: JSON values have only string keys");
    let text = String::from_utf8_lossy(&text);
    let escaped = text
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026");
    format!("{escaped}\n")
}

/// Sorts objects by the value that a path finds in them; those without one stand first.
///
/// # Errors
/// Kubectl's words for a path that is wrong or that none of the objects has.
pub fn sort(objects: &mut [Object], path: &str) -> Result<(), Failure> {
    let template = Template::relaxed(path).map_err(Failure::Client)?;
    let found = |object: &Object| template.find(&object.to_json()).first().cloned().cloned();
    if !objects.is_empty() && objects.iter().all(|object| found(object).is_none()) {
        let message =
            format!("couldn't find any field with path \"{path}\" in the list of objects");
        return Err(Failure::client(message));
    }
    objects.sort_by_cached_key(|object| Key(found(object)));
    Ok(())
}

/// A value to sort by.
#[derive(PartialEq)]
struct Key(Option<Value>);

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        match (&self.0, &other.0) {
            (Some(left), Some(right)) => jsonpath::compare(left, right)
                .unwrap_or_else(|| left.to_string().cmp(&right.to_string())),
            (left, right) => left.is_some().cmp(&right.is_some()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Kind;

    fn map(name: &str, n: &str) -> Object {
        let json = json!({"metadata": {"name": name}, "data": {"n": n}});
        Object::from_json(Kind::ConfigMap, json).expect("it decodes")
    }

    #[test]
    fn forms_of_one_and_of_many() {
        let maps = [map("a", "<2>"), map("b", "1")];
        let text = |form: &str, single: bool| {
            let form = Form::parse(Some(form)).expect("a known form");
            let objects = if single { &maps[..1] } else { &maps[..] };
            form.text(objects, single, false).expect("it prints")
        };
        assert_eq!(text("name", false), "configmap/a\nconfigmap/b\n");
        assert_eq!(text("jsonpath={.items[*].metadata.name}", false), "a b");
        assert_eq!(text("jsonpath={.data.n}", true), "<2>");
        assert!(
            text("json", true).contains("\n    \"data\": {\n        \"n\": \"\\u003c2\\u003e\"\n")
        );
        assert!(text("yaml", false).starts_with("apiVersion: v1\nitems:\n- apiVersion: v1\n"));
    }

    #[test]
    fn unknown_forms_and_paths_are_refused() {
        assert!(Form::parse(Some("table")).is_err());
        assert!(Form::parse(Some("jsonpath=")).is_err());
        assert!(Form::parse(Some("jsonpath={.a")).is_err());
        assert!(sort(&mut [map("a", "1")], ".spec.x").is_err());
    }

    #[test]
    fn objects_are_sorted_by_a_field() {
        let mut maps = [map("a", "9"), map("b", "1")];
        sort(&mut maps, "{.data.n}").expect("there is such a field");
        assert_eq!(maps[0].meta().name.as_deref(), Some("b"));
    }
}
