//! Cases of upstream's own tests of server-side apply, in our words.

use super::*;
use serde_json::json;

fn manager(name: &str, applies: bool) -> Manager {
    Manager {
        name: name.to_owned(),
        applies,
        subresource: String::new(),
    }
}

fn deployment(spec: Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec})
}

fn lay(
    config: Value,
    live: &Value,
    managers: &Managers,
    who: &str,
    force: bool,
) -> Result<(Value, Managers), Status> {
    let request = Apply {
        key: ObjectKey::new(Kind::Deployment, "default", "web"),
        config: deployment(config),
        force,
        subresource: String::new(),
    };
    apply(&request, live, managers.clone(), &manager(who, true))
}

#[test]
fn who_applies_owns_what_it_names_and_lets_go_of_what_it_names_no_more() {
    let empty = deployment(json!({}));
    let first = json!({"replicas": 3, "template": {"spec": {"containers": [
        {"name": "a", "image": "a:1", "ports": [{"containerPort": 80}]},
        {"name": "b", "image": "b:1"},
    ]}}});
    let (live, managers) = lay(first, &empty, &Managers::default(), "one", false).unwrap();
    let set = managers.get(&manager("one", true)).unwrap();
    assert_eq!(
        set.to_json(),
        json!({"f:spec": {"f:replicas": {}, "f:template": {"f:spec": {"f:containers": {
            "k:{\"name\":\"a\"}": {".": {}, "f:name": {}, "f:image": {},
                "f:ports": {"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}}},
            "k:{\"name\":\"b\"}": {".": {}, "f:name": {}, "f:image": {}},
        }}}}})
    );
    let second = json!({"template": {"spec": {"containers": [{"name": "a", "image": "a:2"}]}}});
    let (live, managers) = lay(second, &live, &managers, "one", false).unwrap();
    assert_eq!(
        live["spec"],
        json!({"template": {"spec": {"containers": [{"name": "a", "image": "a:2"}]}}})
    );
    assert_eq!(managers.iter().count(), 1);
}

#[test]
fn another_ones_value_is_a_conflict_unless_it_is_the_same_or_forced() {
    let empty = deployment(json!({}));
    let (live, managers) = lay(
        json!({"replicas": 3}),
        &empty,
        &Managers::default(),
        "one",
        false,
    )
    .unwrap();
    let same = lay(json!({"replicas": 3}), &live, &managers, "two", false).unwrap();
    assert_eq!(same.1.iter().count(), 2);
    let refused = lay(json!({"replicas": 5}), &live, &managers, "two", false).unwrap_err();
    assert_eq!(
        refused.message,
        "Apply failed with 1 conflict: conflict with \"one\": .spec.replicas"
    );
    let causes = refused.details.unwrap().causes;
    assert_eq!(causes[0].reason, "FieldManagerConflict");
    let (live, managers) = lay(json!({"replicas": 5}), &live, &managers, "two", true).unwrap();
    assert_eq!(live["spec"]["replicas"], 5);
    assert!(managers.get(&manager("one", true)).is_none());
}

#[test]
fn an_update_takes_what_it_changes() {
    let old = deployment(json!({"replicas": 1, "paused": true}));
    let mut managers = Managers::default();
    managers.set(
        &manager("one", true),
        before_first_apply(Kind::Deployment, &old),
    );
    let new = deployment(json!({"replicas": 2}));
    let editor = manager("editor", false);
    assert!(update(Kind::Deployment, &old, &new, &mut managers, &editor));
    assert_eq!(managers.get(&editor).unwrap().paths(), [".spec.replicas"]);
    assert!(managers.get(&manager("one", true)).is_none());
    let (fields, _) = (deployment(json!({"replicas": 4})), ());
    let request = Apply {
        key: ObjectKey::new(Kind::Deployment, "default", "web"),
        config: fields,
        force: false,
        subresource: String::new(),
    };
    let refused = apply(&request, &new, managers, &manager("one", true)).unwrap_err();
    assert_eq!(
        refused.message,
        "Apply failed with 1 conflict: conflict with \"editor\" using apps/v1: .spec.replicas"
    );
}

#[test]
fn two_share_a_list_item_by_item() {
    let empty = deployment(json!({}));
    let containers = |names: &[&str]| {
        let list: Vec<Value> = names
            .iter()
            .map(|n| json!({"name": n, "image": n}))
            .collect();
        json!({"template": {"spec": {"containers": list}}})
    };
    let (live, managers) = lay(
        containers(&["a"]),
        &empty,
        &Managers::default(),
        "one",
        false,
    )
    .unwrap();
    let (live, managers) = lay(containers(&["b"]), &live, &managers, "two", false).unwrap();
    let (live, _) = lay(containers(&[]), &live, &managers, "one", false).unwrap();
    assert_eq!(live["spec"], containers(&["b"]));
}
