//! A cluster made again from its backup, at any moment, is the cluster it was: the same objects, the
//! same containers, and in the end the same rest.

use crate::restart::{length, outcome, rolling};
use crate::step::{Step, random};
use crate::world::World;
use crate::{invariants, number, rest};
use k8s_openapi::api::core::v1::Pod;
use kubarium::api::codec;
use kubarium::api::meta::MetaExt;
use kubarium::cluster::{Backup, Cluster};
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
