//! CustomResourceDefinition: what it says, read from its JSON.
//!
//! Upstream: staging/src/k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1/types.go and
//! helpers.go, v1.36. Its specification stays JSON: the schemas in it are walked as they are, and the
//! code that reads and writes upstream's types for them would be large.

use super::custom::{CustomColumn, CustomKind, CustomShape, ScalePaths};
use super::{Scope, meta};
use crate::sim::SimTime;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::{ClusterResourceScope, Metadata, Resource};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};

/// The condition that says that its kind is served.
pub const ESTABLISHED: &str = "Established";
/// The condition that says that its names are its own.
pub const NAMES_ACCEPTED: &str = "NamesAccepted";
/// The condition that says that its objects are being deleted.
pub const TERMINATING: &str = "Terminating";
/// The condition that says whether a kind in one of Kubernetes' own groups was approved.
pub const APPROVAL: &str = "KubernetesAPIApprovalPolicyConformant";
/// The annotation that says where it was approved, or that it was not.
pub const APPROVED_ANNOTATION: &str = "api-approved.kubernetes.io";
/// The finalizer that keeps it until its objects are gone.
pub const CLEANUP_FINALIZER: &str = "customresourcecleanup.apiextensions.k8s.io";

/// The definition of a kind.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct CustomResourceDefinition {
    /// The metadata that every object has.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What is wanted.
    #[serde(default)]
    pub spec: Value,
    /// How it is.
    #[serde(default)]
    pub status: Value,
}

impl Resource for CustomResourceDefinition {
    const API_VERSION: &'static str = "apiextensions.k8s.io/v1";
    const GROUP: &'static str = "apiextensions.k8s.io";
    const KIND: &'static str = "CustomResourceDefinition";
    const VERSION: &'static str = "v1";
    const URL_PATH_SEGMENT: &'static str = "customresourcedefinitions";
    type Scope = ClusterResourceScope;
}

impl Metadata for CustomResourceDefinition {
    type Ty = ObjectMeta;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl Serialize for CustomResourceDefinition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("apiVersion", Self::API_VERSION)?;
        map.serialize_entry("kind", Self::KIND)?;
        map.serialize_entry("metadata", &self.metadata)?;
        map.serialize_entry("spec", &self.spec)?;
        if !self.status.is_null() {
            map.serialize_entry("status", &self.status)?;
        }
        map.end()
    }
}

/// The text at `pointer`; empty where there is none.
pub fn text_at<'a>(value: &'a Value, pointer: &str) -> &'a str {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_default()
}

/// The list at `pointer`; empty where there is none.
pub fn list_at<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    let found = value.pointer(pointer).and_then(Value::as_array);
    found.map_or(&[], Vec::as_slice)
}

fn texts_at(value: &Value, pointer: &str) -> Vec<String> {
    let texts = list_at(value, pointer).iter().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

/// What the annotation says of a definition in one of Kubernetes' own groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approval {
    /// There is none.
    Missing,
    /// It is neither an address nor begins with `unapproved`.
    Invalid,
    /// It says that there was no approval.
    Unapproved,
    /// It says where the approval is.
    Approved,
}

/// Whether `text` is an address with scheme and host.
fn is_url(text: &str) -> bool {
    let sign = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    text.split_once("://").is_some_and(|(scheme, rest)| {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let scheme =
            scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(sign);
        scheme && !host.is_empty() && !text.contains(|c: char| c.is_control() || c == ' ')
    })
}

fn is_true(value: &Value, name: &str) -> bool {
    value.get(name).and_then(Value::as_bool) == Some(true)
}

impl CustomResourceDefinition {
    /// The API group of its kind.
    pub fn group(&self) -> &str {
        text_at(&self.spec, "/group")
    }

    /// The plural of its kind.
    pub fn plural(&self) -> &str {
        text_at(&self.spec, "/names/plural")
    }

    /// Its versions, in their order.
    pub fn versions(&self) -> &[Value] {
        list_at(&self.spec, "/versions")
    }

    /// The version `name`.
    pub fn version(&self, name: &str) -> Option<&Value> {
        let mut versions = self.versions().iter();
        versions.find(|version| text_at(version, "/name") == name)
    }

    /// The schema of the version `name`.
    pub fn schema(&self, name: &str) -> Option<&Value> {
        self.version(name)?.pointer("/schema/openAPIV3Schema")
    }

    /// Whether unknown fields of its objects are kept.
    pub fn preserves_unknown(&self) -> bool {
        is_true(&self.spec, "preserveUnknownFields")
    }

    /// The condition `type_`.
    pub fn condition(&self, type_: &str) -> Option<&Value> {
        let mut conditions = list_at(&self.status, "/conditions").iter();
        conditions.find(|condition| text_at(condition, "/type") == type_)
    }

    /// Whether the condition `type_` is true.
    pub fn is(&self, type_: &str) -> bool {
        let found = self.condition(type_);
        found.is_some_and(|condition| text_at(condition, "/status") == "True")
    }

    /// Sets a condition: its type, whether it is true, reason and message. The time of the
    /// transition stays where the status does.
    pub fn set_condition(&mut self, words: [&str; 3], truth: bool, now: SimTime) {
        let [type_, reason, message] = words;
        let status = if truth { "True" } else { "False" };
        let mut at = Value::from(meta::rfc3339(now));
        let mut conditions = list_at(&self.status, "/conditions").to_vec();
        let place = conditions.iter().position(|c| text_at(c, "/type") == type_);
        if let Some(old) = place.map(|place| &conditions[place])
            && text_at(old, "/status") == status
        {
            at = old["lastTransitionTime"].clone();
        }
        let new = json!({
            "type": type_, "status": status, "reason": reason, "message": message,
            "lastTransitionTime": at,
        });
        match place {
            Some(place) => conditions[place] = new,
            None => conditions.push(new),
        }
        if !self.status.is_object() {
            self.status = json!({});
        }
        self.status["conditions"] = Value::Array(conditions);
    }

    /// The kinds that it makes: one for each version that is served, the stored version first. None
    /// before its names are accepted.
    pub fn kinds(&self) -> Vec<CustomKind> {
        if !self.is(ESTABLISHED) {
            return Vec::new();
        }
        let served = self.versions().iter().filter(|v| is_true(v, "served"));
        let accepted = &self.status["acceptedNames"];
        let mut kinds = Vec::new();
        for version in served {
            let Some(kind) = CustomKind::of(self.shape(version, accepted)) else {
                continue;
            };
            match is_true(version, "storage") {
                true => kinds.insert(0, kind),
                false => kinds.push(kind),
            }
        }
        kinds
    }

    /// The kind that its objects are stored as, served or not: in `version`, where there is such a
    /// one, else in the version that is stored.
    pub fn stored_kind(&self, version: &str) -> Option<CustomKind> {
        let mut versions = self.versions().iter();
        let of = self.version(version);
        let stored = of.or_else(|| versions.find(|version| is_true(version, "storage")))?;
        CustomKind::of(self.shape(stored, &self.status["acceptedNames"]))
    }

    /// Whether there is room for all its kinds under the names that it asks for. There is from then on.
    pub fn make_room(&self) -> bool {
        let names = &self.spec["names"];
        let mut versions = self.versions().iter();
        versions.all(|version| CustomKind::of(self.shape(version, names)).is_some())
    }

    /// What the annotation says, and the words for it; `None` for groups that are not Kubernetes' own.
    pub fn approval(&self) -> Option<(Approval, String)> {
        let group = self.group();
        let is_own = |own: &str| {
            group
                .strip_suffix(own)
                .is_some_and(|g| g.is_empty() || g.ends_with('.'))
        };
        if !is_own("k8s.io") && !is_own("kubernetes.io") {
            return None;
        }
        let annotations = self.metadata.annotations.as_ref();
        let said = annotations.and_then(|all| all.get(APPROVED_ANNOTATION));
        let wanted = |or: &str| {
            format!(
                "protected groups must have approval annotation {APPROVED_ANNOTATION:?}{or}, see https://github.com/kubernetes/enhancements/pull/1111"
            )
        };
        Some(match said.map(String::as_str).unwrap_or_default() {
            "" => (Approval::Missing, wanted("")),
            said if said.starts_with("unapproved") => {
                (Approval::Unapproved, format!("not approved: {said:?}"))
            }
            said if is_url(said) => (Approval::Approved, format!("approved in {said}")),
            _ => {
                let or = " with either a URL or a reason starting with \"unapproved\"";
                (Approval::Invalid, wanted(or))
            }
        })
    }

    /// The kind of one version. What is accepted is served; a name that is still disputed is not.
    fn shape(&self, version: &Value, accepted: &Value) -> CustomShape {
        let spec = &self.spec;
        let scale = version.pointer("/subresources/scale").map(|scale| {
            let path = |name: &str| text_at(scale, name).to_owned();
            ScalePaths {
                spec: path("/specReplicasPath"),
                status: path("/statusReplicasPath"),
                selector: path("/labelSelectorPath"),
            }
        });
        let columns = list_at(version, "/additionalPrinterColumns").iter();
        CustomShape {
            group: self.group().to_owned(),
            version: text_at(version, "/name").to_owned(),
            kind: text_at(spec, "/names/kind").to_owned(),
            list_kind: text_at(spec, "/names/listKind").to_owned(),
            plural: self.plural().to_owned(),
            singular: text_at(accepted, "/singular").to_owned(),
            short_names: texts_at(accepted, "/shortNames"),
            categories: texts_at(accepted, "/categories"),
            scope: match text_at(spec, "/scope") {
                "Namespaced" => Scope::Namespaced,
                _ => Scope::Cluster,
            },
            status: version.pointer("/subresources/status").is_some(),
            scale,
            columns: columns.map(column).collect(),
        }
    }
}

fn column(column: &Value) -> CustomColumn {
    let text = |name: &str| text_at(column, name).to_owned();
    let path = text("/jsonPath");
    let priority = column.get("priority").and_then(Value::as_i64);
    CustomColumn {
        name: text("/name"),
        type_: text("/type"),
        format: text("/format"),
        description: match text_at(column, "/description") {
            "" => format!("Custom resource definition column (in JSONPath format): {path}"),
            description => description.to_owned(),
        },
        priority: u8::try_from(priority.unwrap_or(0)).unwrap_or(u8::MAX),
        path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_groups_of_kubernetes_own_need_approval() {
        let approval = |group: &str, said: &str| {
            let mut definition = CustomResourceDefinition {
                spec: json!({"group": group}),
                ..CustomResourceDefinition::default()
            };
            let annotations = definition.metadata.annotations.get_or_insert_default();
            annotations.insert(APPROVED_ANNOTATION.to_owned(), said.to_owned());
            definition.approval().map(|(approval, _)| approval)
        };
        assert_eq!(approval("example.com", ""), None);
        assert_eq!(approval("myk8s.io", ""), None);
        assert_eq!(approval("x.k8s.io", ""), Some(Approval::Missing));
        assert_eq!(approval("kubernetes.io", "yes"), Some(Approval::Invalid));
        assert_eq!(
            approval("a.b.kubernetes.io", "unapproved, a test"),
            Some(Approval::Unapproved)
        );
        for (said, wanted) in [
            (
                "https://github.com/kubernetes/kubernetes/pull/78458",
                Approval::Approved,
            ),
            ("https:///path", Approval::Invalid),
            ("://host", Approval::Invalid),
            ("https://a b", Approval::Invalid),
        ] {
            assert_eq!(approval("k8s.io", said), Some(wanted), "{said}");
        }
    }

    #[test]
    fn kinds_are_those_of_served_versions_once_it_is_established() {
        let mut definition = CustomResourceDefinition {
            spec: json!({
                "group": "definitions.kubarium.example", "scope": "Namespaced",
                "names": {"plural": "books", "kind": "Book"},
                "versions": [
                    {"name": "v1alpha1", "served": true, "storage": false},
                    {"name": "v1", "served": true, "storage": true,
                     "subresources": {"status": {}}},
                    {"name": "v0", "served": false, "storage": false},
                ],
            }),
            ..CustomResourceDefinition::default()
        };
        assert!(definition.kinds().is_empty());
        let at = SimTime::from_secs(9);
        definition.set_condition([ESTABLISHED, "Installing", "wait"], false, at);
        definition.set_condition(
            [ESTABLISHED, "Installing", "still"],
            false,
            SimTime::from_secs(10),
        );
        let condition = definition.condition(ESTABLISHED).expect("it is set");
        assert_eq!(condition["message"], "still");
        assert_eq!(condition["lastTransitionTime"], meta::rfc3339(at));
        definition.set_condition([ESTABLISHED, "InitialNamesAccepted", ""], true, at);
        let versions: Vec<&str> = definition.kinds().iter().map(|k| k.row().version).collect();
        assert_eq!(versions, ["v1", "v1alpha1"]);
        assert_eq!(definition.kinds()[0].row().subresources, ["status"]);
    }
}
