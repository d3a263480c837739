//! A cluster made again from its backup, at any moment, is the cluster it was: the same objects, the
//! same containers, and in the end the same rest.

use crate::restart::{length, outcome, rolling};
use crate::step::{Step, random};
use crate::world::World;
use crate::{invariants, number, rest};
use k8s_openapi::api::core::v1::Pod;
use kubarium::api::Kind;
use kubarium::api::codec;
use kubarium::api::meta::MetaExt;
use kubarium::apiserver::{ApiHandle, Operation, Request};
use kubarium::cluster::{Backup, Cluster, ClusterConfig};
use kubarium::sim::{SimDuration, SimRng};
use serde_json::Value;

/// JSON without what Go leaves out: an object from a component may spell zero values out.
fn lean(value: Value) -> Value {
    let is_zero = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    };
    match value {
        Value::Array(items) => items.into_iter().map(lean).collect(),
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| (name, lean(value)));
            Value::Object(fields.filter(|(_, value)| !is_zero(value)).collect())
        }
        other => other,
    }
}

/// Writes a backup down, reads it and restores it.
pub fn reload(cluster: &Cluster) -> Cluster {
    let text = codec::to_json(&cluster.backup());
    let value = serde_json::from_str(&text).expect("a backup is JSON");
    let backup: Backup = codec::from_value(value).expect("a backup");
    let (restored, refused) = Cluster::restore(&backup).expect("it can be restored");
    assert_eq!(refused, [""; 0]);
    let (old, new) = (cluster.api().etcd(), restored.api().etcd());
    assert_eq!(old.revision(), new.revision());
    for (old, new) in old.objects().zip(new.objects()) {
        assert_eq!(lean(old.to_json()), lean(new.to_json()));
    }
    assert_eq!(old.len(), new.len());
    assert_eq!(restored.stopped(), cluster.stopped());
    restored
}

/// What runs: of each Pod its uid and address, of each of its containers how often it was started.
fn running(cluster: &Cluster) -> Vec<String> {
    let mut lines = Vec::new();
    for pod in invariants::list::<Pod>(cluster) {
        let status = pod.status.as_ref();
        let containers = status.and_then(|s| s.container_statuses.as_ref());
        let containers = containers.into_iter().flatten();
        let ids: Vec<_> = containers
            .map(|c| (c.container_id.clone(), c.restart_count, c.ready))
            .collect();
        let ip = status.and_then(|s| s.pod_ip.as_deref());
        lines.push(format!("{} {} {ip:?} {ids:?}", pod.name(), pod.uid()));
    }
    lines
}

#[test]
fn nothing_changes_in_a_cluster_at_rest() {
    let mut world = rolling();
    rest::converge(&mut world).expect("it holds");
    let before = running(&world.cluster);
    assert!(before.len() >= 8, "{before:?}");
    let disks = |cluster: &Cluster| -> Vec<_> {
        let disks = cluster.kubelets().iter().map(|kubelet| kubelet.disk());
        disks.map(|disk| codec::to_json(&disk)).collect()
    };
    let restored = reload(&world.cluster);
    assert_eq!(disks(&restored), disks(&world.cluster));
    world.cluster = restored;
    world.run(SimDuration::secs(600)).expect("it holds");
    assert_eq!(running(&world.cluster), before);
    rest::converge(&mut world).expect("it holds");
}

/// What older builds did not have: accounts and certificates of namespaces.
fn is_new(object: &Value) -> bool {
    object["kind"] == "ServiceAccount" || object["metadata"]["name"] == "kube-root-ca.crt"
}

#[test]
fn a_backup_from_before_there_were_accounts_gets_them() {
    let mut cluster = Cluster::new(ClusterConfig::default());
    cluster.run_until(cluster.now() + SimDuration::secs(30));
    let text = codec::to_json(&cluster.backup());
    let mut value: Value = serde_json::from_str(&text).expect("a backup is JSON");
    let objects = value["objects"].as_array_mut().expect("objects");
    let all = objects.len();
    objects.retain(|object| !is_new(object));
    assert_eq!(
        all - objects.len(),
        9,
        "two for each namespace, and CoreDNS's"
    );
    let backup: Backup = codec::from_value(value).expect("a backup");
    let (mut old, refused) = Cluster::restore(&backup).expect("it can be restored");
    assert_eq!(refused, [""; 0]);
    let before = running(&old);
    old.run_until(old.now() + SimDuration::secs(1));
    assert_eq!(running(&old), before, "what ran runs on");
    let objects = old.api().etcd().objects();
    assert_eq!(
        objects.filter(|object| is_new(&object.to_json())).count(),
        9
    );
    let pods: Vec<_> = invariants::list::<Pod>(&old).cloned().collect();
    for pod in pods {
        if !pod.name().ends_with("control-plane") {
            let key = pod.namespaced_name().of(Kind::Pod);
            let options = Default::default();
            let now = old.now();
            let delete = Request::by_user(Operation::Delete { key, options });
            old.handle(delete, now).expect("deleted");
        }
    }
    old.run_until(old.now() + SimDuration::secs(60));
    let pods: Vec<_> = invariants::list::<Pod>(&old).collect();
    assert_eq!(pods.len(), before.len(), "what is deleted comes back");
    for pod in pods
        .iter()
        .filter(|pod| !pod.name().ends_with("control-plane"))
    {
        let spec = pod.spec.as_ref().expect("a spec");
        assert!(
            spec.service_account_name.is_some() && spec.volumes.is_some(),
            "{}",
            pod.name()
        );
    }
}

#[test]
fn a_backup_can_be_restored_at_every_event_of_a_rollout() {
    let base = {
        let mut world = rolling();
        rest::converge(&mut world).expect("it holds");
        outcome(&world)
    };
    let mut world = rolling();
    for at in 0..length() {
        let mut restored = world.clone();
        restored.cluster = reload(&world.cluster);
        rest::converge(&mut restored)
            .unwrap_or_else(|why| panic!("restored after event {at}: {why}"));
        assert_eq!(outcome(&restored), base, "restored after event {at}");
        world.event().expect("it holds");
    }
}

#[test]
fn a_cluster_under_faults_can_be_restored_after_every_command() {
    let first = number("SIMULATION_FIRST").unwrap_or(1);
    for seed in first..first + number("SIMULATION_SEEDS").unwrap_or(40) {
        let mut rng = SimRng::new(seed).fork("backup");
        let mut world = World::new(seed);
        let steps: Vec<Step> = random(&mut rng, 20, true);
        let mut act = || -> Result<(), String> {
            for step in &steps {
                world.take(step)?;
                world.cluster = reload(&world.cluster);
            }
            rest::converge(&mut world)
        };
        act().unwrap_or_else(|why| panic!("seed {seed}: {why}\n{steps:#?}"));
    }
}
