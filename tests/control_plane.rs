//! The control plane's parts and the static Pods that show them.

use k8s_openapi::api::core::v1::Pod;
use kubarium::api::watch::WatchVerb;
use kubarium::api::{Kind, NamespacedName, Object, ObjectKey};
use kubarium::apiserver::access::{Attributes, User};
use kubarium::apiserver::{ApiHandle, Operation, Request};
use kubarium::cluster::{Cluster, ClusterConfig, Part};
use kubarium::sim::SimDuration;
use std::sync::Arc;

fn run(cluster: &mut Cluster, millis: u64) {
    cluster.run_until(cluster.now() + SimDuration::millis(millis));
}

fn cluster() -> Cluster {
    let mut cluster = Cluster::new(ClusterConfig::default());
    run(&mut cluster, 30_000);
    cluster
}

fn key(part: Part) -> ObjectKey {
    ObjectKey::new(Kind::Pod, "kube-system", format!("{part}-control-plane"))
}

fn pod(cluster: &Cluster, part: Part) -> Option<Arc<Pod>> {
    cluster
        .api()
        .etcd()
        .get(&key(part))
        .and_then(Object::get::<Pod>)
        .cloned()
}

fn uid(pod: &Pod) -> String {
    pod.metadata.uid.clone().expect("stored")
}

fn restarts(pod: &Pod) -> i32 {
    let statuses = pod
        .status
        .as_ref()
        .and_then(|status| status.container_statuses.as_ref());
    statuses.map_or(0, |all| all[0].restart_count)
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_ref());
    kubarium::api::condition::is_true(conditions, "Ready")
}

#[test]
fn every_part_is_a_mirror_pod_that_belongs_to_its_node() {
    let cluster = cluster();
    for part in Part::ALL {
        let pod = pod(&cluster, part).expect("it is there");
        assert!(is_ready(&pod), "{part}");
        let owner = &pod.metadata.owner_references.as_ref().expect("owned")[0];
        assert_eq!(
            (owner.kind.as_str(), owner.name.as_str()),
            ("Node", "control-plane")
        );
        let annotations = pod.metadata.annotations.clone().unwrap_or_default();
        assert_eq!(annotations["kubernetes.io/config.source"], "file");
        assert_eq!(
            annotations["kubernetes.io/config.hash"],
            annotations["kubernetes.io/config.mirror"]
        );
    }
}

#[test]
fn a_part_that_is_stopped_takes_its_pod_with_it() {
    for part in [Part::KubeScheduler, Part::KubeControllerManager] {
        let mut cluster = cluster();
        let before = pod(&cluster, part).expect("it is there");
        cluster.stop_part(part);
        assert!(cluster.stopped().contains(&part));
        run(&mut cluster, 1_000);
        assert!(pod(&cluster, part).is_none());
        run(&mut cluster, 60_000);
        assert!(cluster.stopped().contains(&part), "nothing brings it back");
        cluster.start_part(part);
        run(&mut cluster, 5_000);
        assert!(cluster.stopped().is_empty());
        let after = pod(&cluster, part).expect("it is back");
        assert!(is_ready(&after) && uid(&after) != uid(&before));
    }
}

#[test]
fn nobody_can_delete_the_pod_of_a_part_that_the_api_server_needs() {
    for part in [Part::KubeApiserver, Part::Etcd] {
        let mut cluster = cluster();
        let before = pod(&cluster, part).expect("it is there");
        cluster.stop_part(part);
        run(&mut cluster, 20_000);
        let meanwhile = pod(&cluster, part).expect("the store still has it");
        assert_eq!((uid(&meanwhile), restarts(&meanwhile)), (uid(&before), 0));
        cluster.start_part(part);
        run(&mut cluster, 10_000);
        assert!(cluster.stopped().is_empty());
        let after = pod(&cluster, part).expect("it is there");
        assert_eq!((uid(&after), restarts(&after)), (uid(&before), 1), "{part}");
        assert!(is_ready(&after));
    }
}

#[test]
fn a_mirror_pod_that_is_deleted_comes_back_and_its_container_goes_on() {
    let mut cluster = cluster();
    let before = pod(&cluster, Part::KubeScheduler).expect("it is there");
    let now = cluster.now();
    let delete = Operation::Delete {
        key: key(Part::KubeScheduler),
        options: Default::default(),
    };
    cluster
        .handle(Request::by_user(delete), now)
        .expect("accepted");
    for _ in 0..50 {
        run(&mut cluster, 100);
        assert!(cluster.stopped().is_empty(), "the container never stops");
    }
    let after = pod(&cluster, Part::KubeScheduler).expect("it is back");
    assert!(is_ready(&after) && uid(&after) != uid(&before));
    assert_eq!(restarts(&after), 0);
}

#[test]
fn a_part_that_crashes_is_down_until_the_kubelet_starts_it_again() {
    let mut cluster = cluster();
    let scheduler = NamespacedName::new("kube-system", "kube-scheduler-control-plane");
    assert!(cluster.crash_container(&scheduler, "", 1));
    assert!(cluster.stopped().contains(&Part::KubeScheduler));
    run(&mut cluster, 3_000);
    assert!(cluster.stopped().is_empty(), "the first time at once");
    assert!(cluster.crash_container(&scheduler, "", 1));
    run(&mut cluster, 5_000);
    assert!(
        cluster.stopped().contains(&Part::KubeScheduler),
        "then after a while"
    );
    run(&mut cluster, 10_000);
    assert!(cluster.stopped().is_empty());
    assert_eq!(
        pod(&cluster, Part::KubeScheduler).map(|pod| restarts(&pod)),
        Some(2)
    );
}

#[test]
fn without_its_node_there_is_no_control_plane() {
    let mut cluster = cluster();
    assert!(cluster.stop_node("control-plane"));
    assert_eq!(cluster.stopped().len(), Part::ALL.len());
    run(&mut cluster, 30_000);
    assert!(cluster.start_node("control-plane"));
    run(&mut cluster, 30_000);
    assert!(cluster.stopped().is_empty());
    for part in Part::ALL {
        assert!(
            pod(&cluster, part).is_some_and(|pod| is_ready(&pod)),
            "{part}"
        );
    }
}

/// Something for every controller to do.
const EVERYTHING: &str = r#"{apiVersion: v1, kind: ReplicationController, metadata: {name: old}, spec: {replicas: 1,
        selector: {a: b}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: nginx}]}}}}
---
{apiVersion: v1, kind: ResourceQuota, metadata: {name: quota}, spec: {hard: {pods: 50}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: gone}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: gone}}
---
{apiVersion: v1, kind: Secret, metadata: {name: token, annotations: {kubernetes.io/service-account.name: default}},
    type: kubernetes.io/service-account-token}
---
{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: agent}, spec: {selector: {matchLabels: {a: c}},
    template: {metadata: {labels: {a: c}}, spec: {containers: [{name: a, image: nginx}]}}}}
---
{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db}, spec: {serviceName: db, replicas: 1,
    persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete}, selector: {matchLabels: {a: d}},
    template: {metadata: {labels: {a: d}}, spec: {containers: [{name: a, image: nginx}]}},
    volumeClaimTemplates: [{metadata: {name: data},
        spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: kube-root-ca.crt}, data: {ca.crt: mine}}
---
{apiVersion: batch/v1, kind: CronJob, metadata: {name: often}, spec: {schedule: "* * * * *", concurrencyPolicy: Forbid,
        jobTemplate: {spec: {ttlSecondsAfterFinished: 30, template: {spec: {restartPolicy: Never,
        containers: [{name: a, image: busybox, command: [sh, -c, exit 0]}]}}}}}}
---
apiVersion: v1
kind: Service
metadata: {name: balanced}
spec: {type: LoadBalancer, ports: [{port: 80}]}
---
{apiVersion: v1, kind: PersistentVolume, metadata: {name: disk}, spec: {capacity: {storage: 1Gi},
        accessModes: [ReadWriteOnce], hostPath: {path: /tmp/disk}, persistentVolumeReclaimPolicy: Delete}}
---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: disk}, spec: {storageClassName: "",
        accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
---
{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: late}, provisioner: disk.example.com,
        volumeBindingMode: WaitForFirstConsumer}
---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: late}, spec: {storageClassName: late,
        accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
---
{apiVersion: v1, kind: Pod, metadata: {name: late}, spec: {containers: [{name: a, image: nginx}],
        volumes: [{name: a, persistentVolumeClaim: {claimName: late}}]}}
"#;

/// Parts that must have written something by the end of it.
const WRITERS: &[&str] = &[
    "service-account-controller",
    "root-ca-cert-publisher",
    "serviceaccount-token-controller",
    "daemonset-controller",
    "statefulset-controller",
    "job-controller",
    "cronjob-controller",
    "ttl-after-finished-controller",
    "service-controller",
    "persistent-volume-binder",
    "pvc-protection-controller",
    "pv-protection-controller",
    "external-provisioner",
];

/// Nobody asks the parts what they may do; this does, of everything that they have written.
#[test]
fn the_parts_do_what_their_roles_allow() {
    let mut cluster = cluster();
    let now = cluster.now();
    let report = kubarium::kubectl::apply(EVERYTHING, &mut cluster, now);
    assert!(report.errors.is_empty(), "{report:?}");
    run(&mut cluster, 10_000);
    cluster.stop_node("worker-1");
    run(&mut cluster, 400_000);
    for (kind, namespace, name) in [
        (Kind::ServiceAccount, "default", "default"),
        (Kind::Namespace, "", "gone"),
        (Kind::ReplicationController, "default", "old"),
        (Kind::DaemonSet, "default", "agent"),
        (Kind::StatefulSet, "default", "db"),
        (Kind::Service, "default", "balanced"),
        (Kind::PersistentVolumeClaim, "default", "disk"),
        (Kind::Pod, "default", "late"),
        (Kind::PersistentVolumeClaim, "default", "late"),
    ] {
        let options = Default::default();
        let key = ObjectKey::new(kind, namespace, name);
        let delete = Request::by_user(Operation::Delete { key, options });
        let now = cluster.now();
        cluster.handle(delete, now).expect("deleted");
    }
    run(&mut cluster, 60_000);
    let access = cluster.access().expect("it serves");
    let mut actors = std::collections::BTreeSet::new();
    for entry in cluster.trace().entries() {
        let part = entry.actor.split('/').next().unwrap_or_default();
        // A node's rights are the Node authorizer's, which there is not.
        if matches!(part, "kubelet" | "user" | "kubeadm" | "kube-apiserver") {
            continue;
        }
        actors.insert(part.to_owned());
        let key = &entry.key;
        let (verbs, subresources): (&[&str], &[&str]) = match entry.verb {
            WatchVerb::Added => (&["create"], &[""]),
            WatchVerb::Modified => (
                &["update", "patch", "create", "delete"],
                &["", "status", "finalize", "binding"],
            ),
            WatchVerb::Deleted => (&["delete", "update", "patch"], &["", "finalize", "status"]),
        };
        let user = User::of_part(&entry.actor);
        let allowed = verbs.iter().any(|verb| {
            subresources.iter().any(|subresource| {
                let mut asked = Attributes::of_kind(verb, key.kind, &key.namespace, &key.name);
                asked.subresource = (*subresource).to_owned();
                access.decide(&user, &asked).allowed
            })
        });
        assert!(
            allowed,
            "{} ({:?}): {:?} {key}",
            entry.actor, user.name, entry.verb
        );
    }
    assert!(actors.len() >= 8, "{actors:?}");
    for part in WRITERS {
        assert!(actors.contains(*part), "{actors:?}");
    }
}
