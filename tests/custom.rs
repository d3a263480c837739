//! Custom kinds where a cluster is made again: from a backup, from its tape, at an earlier moment; and
//! what their objects own.
#![cfg(not(target_arch = "wasm32"))]

use kubarium::api::{Kind, Object};
use kubarium::cluster::{Backup, Cluster, ClusterConfig};
use kubarium::protocol::UserCommand;
use kubarium::session::Session;
use kubarium::sim::SimDuration;

const DEFINITION: &str = "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: shelves.library.example}
spec:
  group: library.example
  scope: Cluster
  names: {plural: shelves, singular: shelf, kind: Shelf}
  versions:
  - name: v1
    served: true
    storage: true
    additionalPrinterColumns: [{name: Room, type: integer, jsonPath: .spec.room}]
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, properties: {room: {type: integer, minimum: 0}}}
";
const SHELF: &str = "\
apiVersion: library.example/v1
kind: Shelf
metadata: {name: a}
spec: {room: 3}
";
/// Goes with the shelf that it belongs to.
const LABEL: &str = "\
apiVersion: v1
kind: ConfigMap
metadata:
  name: label
  namespace: default
  ownerReferences: [{apiVersion: library.example/v1, kind: Shelf, name: a, uid: UID}]
";

fn apply(session: &mut Session, text: &str) {
    let text = text.to_owned();
    let report = session.execute(UserCommand::Apply { text });
    assert!(report.errors.is_empty(), "{report:?}");
    run(session, 1);
}

fn run(session: &mut Session, secs: u64) {
    let until = session.cluster().now() + SimDuration::secs(secs);
    session.advance(until, u32::MAX);
}

fn with_shelf() -> Session {
    let mut session = Session::new(ClusterConfig::default());
    run(&mut session, 30);
    apply(&mut session, DEFINITION);
    apply(&mut session, SHELF);
    session
}

fn shelves(cluster: &Cluster) -> Vec<Object> {
    let kinds = cluster.api().kinds();
    let kind = kinds.of_manifest("library.example/v1", "Shelf");
    let found = kind
        .into_iter()
        .flat_map(|kind| cluster.api().etcd().list(kind, None));
    found.cloned().collect()
}

#[test]
fn a_backup_holds_them() {
    let session = with_shelf();
    let before = shelves(session.cluster());
    assert_eq!(before.len(), 1);
    let text = serde_json::to_string(&session.cluster().backup()).expect("text");
    let backup: Backup = serde_json::from_str(&text).expect("a backup");
    let (restored, refused) = Cluster::restore(&backup).expect("it is whole");
    assert_eq!(refused, [""; 0]);
    assert_eq!(shelves(&restored), before);
    let damaged = text.replace("\"name\":\"a\"", "\"name\":\"A\"");
    let backup: Backup = serde_json::from_str(&damaged).expect("a backup");
    let (restored, refused) = Cluster::restore(&backup).expect("the rest is whole");
    assert_eq!(
        (shelves(&restored).len(), refused.len()),
        (0, 1),
        "{refused:?}"
    );
}

#[test]
fn a_backup_holds_what_its_definition_no_longer_serves_or_lets_in() {
    let mut session = with_shelf();
    let other =
        "  - {name: v2, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}\n";
    let changed = DEFINITION.replace("storage: true", "storage: false") + other;
    apply(&mut session, &changed);
    let unserved = changed.replacen("served: true", "served: false", 1);
    apply(&mut session, &unserved.replace("minimum: 0", "minimum: 5"));
    let text = serde_json::to_string(&session.cluster().backup()).expect("text");
    let backup: Backup = serde_json::from_str(&text).expect("a backup");
    let (restored, refused) = Cluster::restore(&backup).expect("it is whole");
    assert_eq!(refused, [""; 0]);
    let kinds = restored.api().kinds();
    let kind = kinds.of_manifest("library.example/v2", "Shelf");
    let kind = kind.expect("it is served");
    let shelves = restored.api().etcd().list(kind, None);
    let rooms: Vec<_> = shelves
        .map(|s| s.to_json()["spec"]["room"].clone())
        .collect();
    assert_eq!(rooms, [3]);
}

#[test]
fn a_replay_and_a_rewind_know_them() {
    let mut session = with_shelf();
    let (digest, now) = (session.cluster().digest(), session.cluster().now());
    let again = Session::restore(session.save_whole()).expect("the tape is whole");
    assert_eq!(again.cluster().digest(), digest);
    run(&mut session, 20);
    session.rewind(now);
    assert_eq!(session.cluster().digest(), digest);
    let early = session.start() + SimDuration::secs(29);
    session.rewind(early);
    assert!(shelves(session.cluster()).is_empty());
    assert!(session.cluster().api().kinds().custom().is_empty());
}

#[test]
fn what_a_custom_object_owns_goes_with_it() {
    let mut session = with_shelf();
    let shelf = shelves(session.cluster()).remove(0);
    let uid = shelf.meta().uid.clone().expect("it is stored");
    apply(&mut session, &LABEL.replace("UID", &uid));
    let labels = |session: &Session| {
        let maps = session
            .cluster()
            .api()
            .etcd()
            .list(Kind::ConfigMap, Some("default"));
        maps.filter(|map| map.meta().name.as_deref() == Some("label"))
            .count()
    };
    run(&mut session, 5);
    assert_eq!(labels(&session), 1, "its owner is there");
    let at = kubarium::protocol::Place {
        namespace: String::new(),
        name: "a".to_owned(),
    };
    session.execute(UserCommand::Delete {
        kind: "Shelf".to_owned(),
        at,
    });
    run(&mut session, 5);
    assert_eq!(labels(&session), 0);
    assert!(shelves(session.cluster()).is_empty());
}
