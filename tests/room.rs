//! How many custom kinds a program keeps. By itself: what it fills up is the whole program's.
#![cfg(not(target_arch = "wasm32"))]

use kubarium::cluster::ClusterConfig;
use kubarium::protocol::UserCommand;
use kubarium::session::Session;
use kubarium::sim::SimDuration;
use serde_json::{Value, json};

/// A definition with as many versions as one may have.
fn definition(index: u32) -> Value {
    let version = |version: u32| {
        json!({
            "name": format!("v{}", version + 1), "served": true, "storage": version == 0,
            "schema": {"openAPIV3Schema": {"type": "object"}},
        })
    };
    let plural = format!("things{index}");
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.room.example")},
        "spec": {
            "group": "room.example", "scope": "Cluster",
            "names": {"plural": plural, "kind": format!("Thing{index}")},
            "versions": (0..50).map(version).collect::<Vec<_>>(),
        },
    })
}

#[test]
fn a_definition_without_room_is_refused_in_words() {
    let mut session = Session::new(ClusterConfig::default());
    let until = session.start() + SimDuration::secs(30);
    session.advance(until, u32::MAX);
    let mut apply = |definition: &Value| {
        let text = definition.to_string();
        let report = session.execute(UserCommand::Apply { text });
        format!("{:?}", report.errors).replace('\\', "")
    };
    for index in 0..40 {
        assert_eq!(apply(&definition(index)), "[]");
    }
    let errors = apply(&definition(40));
    let wanted = "customresourcedefinitions.apiextensions.k8s.io \"things40.room.example\" is forbidden: at most 2048 different versions of custom kinds are kept from the start of the program on, and there are as many";
    assert!(errors.contains(wanted), "{errors}");
    // What is there already can go on.
    let mut known = definition(0);
    known["metadata"]["labels"] = json!({"a": "b"});
    assert_eq!(apply(&known), "[]");
    let until = until + SimDuration::secs(5);
    session.advance(until, u32::MAX);
    assert_eq!(session.cluster().api().kinds().custom().len(), 40 * 50);
}
