//! Manifests in versions that are no longer served, said in the version that is.
//!
//! Upstream: kubectl-convert, that is pkg/apis/{extensions,apps,networking}/v1beta1/{defaults,conversion}.go,
//! v1.36. Filled in is what became required, and what an old version took for granted and the served
//! one does not; other defaults are left to the API server. What is in the served shape already stays
//! so. Left out: versions whose fields mean something else (`autoscaling/v2beta1`,
//! `discovery.k8s.io/v1beta1`, `apiextensions.k8s.io/v1beta1`).

use super::Kind;
use super::manifest::{self, ManifestError};
use serde_json::{Map, Value};

type Fields = Map<String, Value>;

/// What else has to change in an object, by the version it was written in.
type Step = fn(&mut Fields, &str);

/// (the kinds, the versions that are gone, the version served, what else changes)
const GONE: &[(&[&str], &[&str], &str, Step)] = &[
    (
        &["Deployment", "DaemonSet", "ReplicaSet", "StatefulSet"],
        &["extensions/v1beta1", "apps/v1beta1", "apps/v1beta2"],
        "apps/v1",
        workload,
    ),
    (
        &["Ingress"],
        &["extensions/v1beta1", "networking.k8s.io/v1beta1"],
        "networking.k8s.io/v1",
        ingress,
    ),
    (
        &["NetworkPolicy", "IngressClass"],
        &["extensions/v1beta1", "networking.k8s.io/v1beta1"],
        "networking.k8s.io/v1",
        nothing,
    ),
    (
        &["CronJob"],
        &["batch/v1beta1", "batch/v2alpha1"],
        "batch/v1",
        nothing,
    ),
    (
        &["PodDisruptionBudget"],
        &["policy/v1beta1"],
        "policy/v1",
        nothing,
    ),
    (
        &["HorizontalPodAutoscaler"],
        &["autoscaling/v2beta2"],
        "autoscaling/v2",
        nothing,
    ),
    (
        &["Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"],
        &["rbac.authorization.k8s.io/v1beta1"],
        "rbac.authorization.k8s.io/v1",
        nothing,
    ),
    (
        &["StorageClass"],
        &["storage.k8s.io/v1beta1"],
        "storage.k8s.io/v1",
        nothing,
    ),
    (
        &["PriorityClass"],
        &["scheduling.k8s.io/v1beta1", "scheduling.k8s.io/v1alpha1"],
        "scheduling.k8s.io/v1",
        nothing,
    ),
    (
        &["RuntimeClass"],
        &["node.k8s.io/v1beta1"],
        "node.k8s.io/v1",
        nothing,
    ),
    (
        &["Lease"],
        &["coordination.k8s.io/v1beta1"],
        "coordination.k8s.io/v1",
        nothing,
    ),
];

/// A text in the versions that are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Converted {
    /// The text; documents in which nothing changed are as they were.
    pub text: String,
    /// The versions that came into it, each once.
    pub versions: Vec<&'static str>,
}

/// Says the objects of `text` in served versions; nothing where there is nothing to change.
///
/// # Errors
/// The first mistake of a text that is no manifest.
pub fn convert(text: &str) -> Result<Option<Converted>, ManifestError> {
    let mut versions = Vec::new();
    let text = manifest::rewrite(text, &mut |value| object(value, &mut versions))?;
    Ok(text.map(|text| Converted { text, versions }))
}

/// Converts an object, or those of a list; answers whether anything changed.
fn object(value: &mut Value, versions: &mut Vec<&'static str>) -> bool {
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
    let (version, kind) = (text("apiVersion").to_owned(), text("kind").to_owned());
    if kind.ends_with("List")
        && let Some(Value::Array(items)) = value.get_mut("items")
    {
        let mut changed = false;
        for item in items {
            changed |= object(item, versions);
        }
        return changed;
    }
    let row = GONE.iter().find(|(kinds, old, _, _)| {
        kinds.contains(&kind.as_str()) && old.contains(&version.as_str())
    });
    let Some((_, _, served, step)) = row else {
        return false;
    };
    let Some(fields) = value.as_object_mut() else {
        return false;
    };
    if Kind::of_manifest(served, &kind).is_none() {
        return false;
    }
    fields.insert("apiVersion".to_owned(), Value::from(*served));
    step(fields, &version);
    if !versions.contains(served) {
        versions.push(served);
    }
    true
}

fn nothing(_: &mut Fields, _: &str) {}

/// The map below `fields` that `path` leads to, made where it is missing; none where something else
/// stands in its place.
fn below<'a>(mut fields: &'a mut Fields, path: &[&str]) -> Option<&'a mut Fields> {
    for name in path {
        let next = fields.entry(*name).or_insert(Value::Null);
        if next.is_null() {
            *next = Value::Object(Map::new());
        }
        fields = next.as_object_mut()?;
    }
    Some(fields)
}

/// Sets a field that is not there.
fn fill(fields: &mut Fields, path: &[&str], name: &str, value: impl Into<Value>) {
    if let Some(there) = below(fields, path)
        && there.get(name).is_none_or(Value::is_null)
    {
        there.insert(name.to_owned(), value.into());
    }
}

/// What stands at `path`.
fn at<'a>(fields: &'a Fields, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let mut value = fields.get(*first)?;
    for name in rest {
        value = value.get(name)?;
    }
    Some(value)
}

fn text_at<'a>(fields: &'a Fields, path: &[&str]) -> &'a str {
    at(fields, path).and_then(Value::as_str).unwrap_or_default()
}

/// The selector, which the template's labels stood for, and the old ways of rolling out.
fn workload(fields: &mut Fields, old: &str) {
    let labels = at(fields, &["spec", "template", "metadata", "labels"]).cloned();
    if let Some(labels) = labels.filter(Value::is_object) {
        if at(fields, &["spec", "selector"]).is_none_or(Value::is_null) {
            fill(fields, &["spec", "selector"], "matchLabels", labels.clone());
        }
        if old != "apps/v1beta2" {
            fill(fields, &["metadata"], "labels", labels);
        }
    }
    if let Some(spec) = fields.get_mut("spec").and_then(Value::as_object_mut) {
        spec.remove("rollbackTo");
        spec.remove("templateGeneration");
    }
    match (text_at(fields, &["kind"]), old) {
        ("Deployment", "extensions/v1beta1") => {
            if text_at(fields, &["spec", "strategy", "type"]) != "Recreate" {
                let path = ["spec", "strategy", "rollingUpdate"];
                fill(fields, &path, "maxSurge", 1);
                fill(fields, &path, "maxUnavailable", 1);
            }
            // Without an end, in the words of the version that has none.
            fill(fields, &["spec"], "progressDeadlineSeconds", i32::MAX);
            fill(fields, &["spec"], "revisionHistoryLimit", i32::MAX);
        }
        ("Deployment", "apps/v1beta1") => fill(fields, &["spec"], "revisionHistoryLimit", 2),
        ("DaemonSet", "extensions/v1beta1") | ("StatefulSet", "apps/v1beta1") => {
            fill(fields, &["spec", "updateStrategy"], "type", "OnDelete");
        }
        _ => {}
    }
}

/// Backends by name and port, and how a path is meant.
fn ingress(fields: &mut Fields, _: &str) {
    let Some(spec) = fields.get_mut("spec").and_then(Value::as_object_mut) else {
        return;
    };
    if let Some(mut default) = spec.remove("backend") {
        backend(&mut default);
        spec.insert("defaultBackend".to_owned(), default);
    }
    let Some(Value::Array(rules)) = spec.get_mut("rules") else {
        return;
    };
    for rule in rules {
        let Some(Value::Array(paths)) = rule.pointer_mut("/http/paths") else {
            continue;
        };
        for path in paths.iter_mut().filter_map(Value::as_object_mut) {
            fill(path, &[], "pathType", "ImplementationSpecific");
            if let Some(to) = path.get_mut("backend") {
                backend(to);
            }
        }
    }
}

fn backend(backend: &mut Value) {
    let Some(fields) = backend.as_object_mut() else {
        return;
    };
    let (name, port) = (fields.remove("serviceName"), fields.remove("servicePort"));
    if let Some(name) = name {
        fill(fields, &["service"], "name", name);
    }
    if let Some(port) = port {
        let field = if port.is_string() { "name" } else { "number" };
        fill(fields, &["service", "port"], field, port);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(text: &str) -> String {
        let converted = convert(text).expect("a manifest");
        converted.expect("something to change").text
    }

    #[test]
    fn a_deployment_gets_its_selector_and_other_documents_stay() {
        let old = "# the old way\napiVersion: apps/v1beta1\nkind: Deployment\nmetadata:\n  name: kubia\nspec:\n  replicas: 3\n  template:\n    metadata:\n      labels:\n        app: kubia\n    spec:\n      containers:\n      - image: luksa/kubia:v1\n        name: nodejs\n---\n# stays\napiVersion: v1\nkind: Service\nmetadata: {name: kubia}\n";
        let new = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  labels:\n    app: kubia\n  name: kubia\nspec:\n  replicas: 3\n  revisionHistoryLimit: 2\n  selector:\n    matchLabels:\n      app: kubia\n  template:\n    metadata:\n      labels:\n        app: kubia\n    spec:\n      containers:\n      - image: luksa/kubia:v1\n        name: nodejs\n---\n# stays\napiVersion: v1\nkind: Service\nmetadata: {name: kubia}\n";
        assert_eq!(converted(old), new);
        let found = convert(old).expect("a manifest").expect("converted");
        assert_eq!(found.versions, ["apps/v1"]);
        assert_eq!(convert(new), Ok(None));
    }

    #[test]
    fn what_an_old_version_took_for_granted_is_said() {
        let text = |version: &str, kind: &str, spec: &str| {
            converted(&format!(
                "{{apiVersion: {version}, kind: {kind}, metadata: {{name: x}}, spec: {{{spec}, template: {{metadata: {{labels: {{a: b}}}}}}}}}}"
            ))
        };
        let deployment = text("extensions/v1beta1", "Deployment", "rollbackTo: {}");
        assert!(deployment.contains("      maxSurge: 1\n      maxUnavailable: 1\n"));
        assert!(deployment.contains("  progressDeadlineSeconds: 2147483647\n"));
        assert!(!deployment.contains("rollbackTo"));
        let recreate = text(
            "extensions/v1beta1",
            "Deployment",
            "strategy: {type: Recreate}",
        );
        assert!(!recreate.contains("rollingUpdate"), "{recreate}");
        let daemon_set = text("extensions/v1beta1", "DaemonSet", "minReadySeconds: 1");
        assert!(daemon_set.contains("    type: OnDelete\n"));
        let plain = text(
            "apps/v1beta2",
            "DaemonSet",
            "selector: {matchLabels: {a: c}}",
        );
        assert!(!plain.contains("OnDelete") && plain.contains("      a: c\n"));
    }

    #[test]
    fn an_ingress_says_its_backends_anew_and_keeps_those_in_the_served_shape() {
        let head = "apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: i}\nspec:\n";
        let old = format!(
            "{head}  backend: {{serviceName: d, servicePort: http}}\n  rules:\n  - http:\n      paths:\n      - backend: {{serviceName: s, servicePort: 80}}\n"
        );
        assert_eq!(
            converted(&old),
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: i\nspec:\n  defaultBackend:\n    service:\n      name: d\n      port:\n        name: http\n  rules:\n  - http:\n      paths:\n      - backend:\n          service:\n            name: s\n            port:\n              number: 80\n        pathType: ImplementationSpecific\n"
        );
        let new = format!(
            "{head}  rules:\n  - http:\n      paths:\n      - path: /\n        pathType: Prefix\n        backend: {{service: {{name: s, port: {{number: 80}}}}}}\n"
        );
        let kept = converted(&new);
        assert!(
            kept.contains("pathType: Prefix\n") && kept.contains("number: 80\n"),
            "{kept}"
        );
    }

    #[test]
    fn lists_json_and_odd_shapes() {
        let list = converted(
            "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: batch/v1beta1, kind: CronJob}\n- {apiVersion: v1, kind: Pod}\n",
        );
        assert!(list.contains("- apiVersion: batch/v1\n") && list.contains("- apiVersion: v1\n"));
        let json = r#"{"apiVersion": "v1", "kind": "Pod"} {"apiVersion": "batch/v1beta1", "kind": "CronJob"}"#;
        let text = converted(json);
        assert!(
            text.starts_with(r#"{"apiVersion": "v1", "kind": "Pod"} {"#),
            "{text}"
        );
        assert!(text.contains("\"batch/v1\""));
        for odd in [
            "apiVersion: apps/v1beta1\nkind: Deployment\nmetadata: 1\nspec: []\n",
            "apiVersion: apps/v1beta1\nkind: Deployment\nspec: {template: 3, selector: 2}\n",
            "apiVersion: extensions/v1beta1\nkind: Ingress\nspec: {backend: 1, rules: [1, {http: {paths: [2]}}]}\n",
        ] {
            assert!(converted(odd).contains("/v1\n"), "{odd}");
        }
        assert_eq!(convert("kind: [Deployment]\napiVersion: 3\n"), Ok(None));
        assert!(convert("a: [\n").is_err());
    }

    #[test]
    fn every_version_that_is_offered_is_served() {
        for (kinds, old, served, _) in GONE {
            for kind in *kinds {
                assert!(Kind::of_manifest(served, kind).is_some(), "{served} {kind}");
                let gone = |version: &&str| Kind::of_manifest(version, kind).is_none();
                assert!(old.iter().all(gone), "{kind}");
            }
        }
    }
}
