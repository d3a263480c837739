//! A cluster to which steps are done, watched after every event.

use crate::invariants::Watcher;
use crate::jobs;
use crate::step::{At, NAMESPACES, SetShape, Shape, Step};
use kubarium::api::meta::MetaExt;
use kubarium::api::{Kind, NamespacedName, Object, ObjectKey, owner};
use kubarium::apiserver::{ApiHandle, DeleteOptions, Operation, Propagation, Request};
use kubarium::cluster::{Cluster, ClusterConfig, NodeSize, Part};
use kubarium::kubectl;
use kubarium::sim::{SimDuration, SimTime};
use std::sync::Arc;

/// How many worker nodes there are.
pub const WORKERS: u8 = 3;

/// A cluster and what has been seen of it.
#[derive(Clone)]
pub struct World {
    pub cluster: Cluster,
    watcher: Watcher,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let cluster = Cluster::new(ClusterConfig {
            seed,
            workers: WORKERS,
            worker_size: NodeSize {
                cpu_milli: 1_500,
                memory_mib: 2_048,
                pods: 12,
            },
            sample: false,
            ..ClusterConfig::default()
        });
        let watcher = Watcher::new(&cluster);
        Self { cluster, watcher }
    }

    /// Does one step; errors are what must never be.
    pub fn take(&mut self, step: &Step) -> Result<(), String> {
        if let Step::Wait(millis) = step {
            return self.run(SimDuration::millis(*millis));
        }
        self.act(step);
        self.watcher.look(&self.cluster)
    }

    /// Lets `time` pass.
    pub fn run(&mut self, time: SimDuration) -> Result<(), String> {
        let until = self.cluster.now() + time;
        while self.cluster.step(until) {
            self.watcher.look(&self.cluster)?;
        }
        Ok(())
    }

    /// Lets the next event happen.
    pub fn event(&mut self) -> Result<(), String> {
        if let Some(at) = self.cluster.next_at() {
            self.cluster.step(at);
        }
        self.watcher.look(&self.cluster)
    }

    fn ask(&mut self, operation: Operation) {
        let now = self.cluster.now();
        // A stopped API server refuses, a missing object is not found: both belong to the run.
        let _ = self.cluster.handle(Request::by_user(operation), now);
    }

    fn delete(&mut self, key: ObjectKey, propagation: Propagation, grace: Option<i64>) {
        let options = DeleteOptions {
            propagation,
            grace_period_seconds: grace,
            ..DeleteOptions::default()
        };
        self.ask(Operation::Delete { key, options });
    }

    fn apply(&mut self, text: &str) {
        let now = self.cluster.now();
        let report = kubectl::apply(text, &mut self.cluster, now);
        for error in report.errors {
            let expected = ["refused", "timed out", "being terminated", "not found"];
            let known = expected.iter().any(|text| error.message.contains(text));
            assert!(known, "not applied: {}\n{text}", error.message);
        }
    }

    /// The `nth` of all Pods outside `kube-system`, counted round.
    pub fn pod(&self, nth: u64) -> Option<NamespacedName> {
        let pods = self.cluster.api().etcd().list(Kind::Pod, None);
        let pods: Vec<_> = pods
            .map(MetaExt::namespaced_name)
            .filter(|name| name.namespace != "kube-system")
            .collect();
        let at = nth.checked_rem(pods.len() as u64)?;
        pods.into_iter().nth(at as usize)
    }

    fn act(&mut self, step: &Step) {
        let now = self.cluster.now();
        let name = |at: &At| NamespacedName::new(at.0, at.1);
        let api = &mut self.cluster;
        match step {
            Step::Deploy(at, shape) => self.apply(&deployment(at, shape)),
            Step::Set(at, shape) => self.apply(&set(at, shape)),
            Step::ScaleSet(at, replicas) => {
                let key = set_name(at).of(Kind::StatefulSet);
                let _ = kubectl::scale(api, &key, *replicas, now);
            }
            Step::UndoSet(at, daemon) => {
                let _ = kubectl::undo(api, &set_name(at).of(set_kind(*daemon)), 0, now);
            }
            Step::DeleteSet(at, daemon, how) => {
                self.delete(set_name(at).of(set_kind(*daemon)), *how, None);
            }
            Step::Expose(at, node_port) => self.apply(&service(at, *node_port)),
            Step::BarePod(at) => self.apply(&pod(at)),
            Step::Scale(at, replicas) => {
                let _ = kubectl::scale(api, &name(at).of(Kind::Deployment), *replicas, now);
            }
            Step::SetImage(at, image) => {
                let _ = kubectl::set_image(api, &name(at), "*", image, now);
            }
            Step::Pause(at, paused) => {
                let _ = kubectl::set_paused(api, &name(at), *paused, now);
            }
            Step::Undo(at) => {
                let _ = kubectl::undo(api, &name(at).of(Kind::Deployment), 0, now);
            }
            Step::Restart(at) => {
                let _ = kubectl::restart(api, &name(at).of(Kind::Deployment), now);
            }
            Step::DeleteDeployment(at, how) => {
                self.delete(name(at).of(Kind::Deployment), *how, None);
            }
            Step::DeleteReplicaSets(at, how) => {
                let sets = api.api().etcd().list(Kind::ReplicaSet, Some(at.0));
                let keys: Vec<_> = sets.map(Object::key).collect();
                for key in keys {
                    self.delete(key, *how, None);
                }
            }
            Step::DeleteService(at) => {
                self.delete(name(at).of(Kind::Service), Propagation::Background, None);
            }
            Step::DeletePod(nth, grace) => {
                if let Some(pod) = self.pod(*nth) {
                    self.delete(pod.of(Kind::Pod), Propagation::Background, *grace);
                }
            }
            Step::DeleteNamespace => {
                let key = ObjectKey::new(Kind::Namespace, "", NAMESPACES[1]);
                self.delete(key, Propagation::Background, None);
            }
            Step::CreateNamespace => self.apply(&format!(
                "apiVersion: v1\nkind: Namespace\nmetadata: {{name: {}}}\n",
                NAMESPACES[1]
            )),
            Step::Job(..) | Step::Suspend(..) | Step::DeleteJob(..) => self.employ(step),
            other => self.disturb(other),
        }
    }

    fn employ(&mut self, step: &Step) {
        let key = |at: &At| ObjectKey::new(Kind::Job, at.0, format!("work-{}", at.1));
        match step {
            Step::Job(at, work) => {
                // Much of a Job does not change once it is there: that is refused.
                let text = jobs::manifest(at.0, at.1, work);
                let now = self.cluster.now();
                let _ = kubectl::apply(&text, &mut self.cluster, now);
            }
            Step::Suspend(at, on) => {
                if let Some(Object::Job(mut job)) = self.cluster.api().etcd().get(&key(at)).cloned()
                {
                    let spec = Arc::make_mut(&mut job).spec.get_or_insert_default();
                    spec.suspend = Some(*on);
                    self.ask(Operation::Update(Object::Job(job)));
                }
            }
            Step::DeleteJob(at, how) => self.delete(key(at), *how, None),
            _ => {}
        }
    }

    fn disturb(&mut self, step: &Step) {
        match step {
            Step::Relabel(nth) => {
                let key = self.pod(*nth).map(|pod| pod.of(Kind::Pod));
                let found = key.and_then(|key| self.cluster.api().etcd().get(&key).cloned());
                // A StatefulSet waits for ever for a name that somebody else's Pod has, as upstream.
                let named = |object: &Object| {
                    owner::controller_name(object.meta(), Kind::StatefulSet).is_some()
                };
                if let Some(mut object) = found.filter(|object| !named(object)) {
                    let labels = object.meta_mut().labels.get_or_insert_default();
                    labels.insert("app".to_owned(), "other".to_owned());
                    self.ask(Operation::Update(object));
                }
            }
            Step::Crash(nth, code) => {
                if let Some(pod) = self.pod(*nth) {
                    self.cluster.crash_container(&pod, "", *code);
                }
            }
            Step::Readiness(nth, broken) => {
                if let Some(pod) = self.pod(*nth) {
                    self.cluster.set_readiness(&pod, "", *broken);
                }
            }
            Step::Cordon(nth, on) => self.cordon(*nth, *on),
            Step::Node(nth, true) => {
                self.cluster.start_node(&worker(*nth));
            }
            Step::Node(nth, false) => {
                self.cluster.stop_node(&worker(*nth));
            }
            Step::Part(part, true) => self.cluster.start_part(*part),
            Step::Part(part, false) => self.cluster.stop_part(*part),
            _ => {}
        }
    }

    fn cordon(&mut self, nth: u64, on: bool) {
        let key = ObjectKey::new(Kind::Node, "", worker(nth));
        if let Some(Object::Node(mut node)) = self.cluster.api().etcd().get(&key).cloned() {
            let spec = Arc::make_mut(&mut node).spec.get_or_insert_default();
            spec.unschedulable = on.then_some(true);
            self.ask(Operation::Update(Object::Node(node)));
        }
    }

    /// Undoes every fault.
    pub fn heal(&mut self) {
        for part in Part::ALL {
            self.cluster.start_part(part);
        }
        for nth in 0..u64::from(WORKERS) {
            self.cluster.start_node(&worker(nth));
            self.cordon(nth, false);
        }
        self.mend_readiness();
    }

    /// Heals every Pod's readiness: a node that was off may only just have its Pods again.
    pub fn mend_readiness(&mut self) {
        let pods = self.cluster.api().etcd().list(Kind::Pod, None);
        let pods: Vec<_> = pods.map(MetaExt::namespaced_name).collect();
        for pod in pods {
            self.cluster.set_readiness(&pod, "", false);
        }
    }

    pub fn now(&self) -> SimTime {
        self.cluster.now()
    }
}

/// The name of a worker, counted round.
pub fn worker(nth: u64) -> String {
    format!("worker-{}", 1 + nth % u64::from(WORKERS))
}

/// A Deployment's manifest.
pub fn deployment(at: &At, shape: &Shape) -> String {
    let At(namespace, name) = at;
    let Shape {
        replicas,
        image,
        surge,
        unavailable,
        min_ready,
        cpu_milli,
        grace,
        ..
    } = shape;
    let strategy = match shape.recreate {
        true => "{type: Recreate, rollingUpdate: null}".to_owned(),
        false => format!(
            "{{type: RollingUpdate, rollingUpdate: {{maxSurge: {surge}, maxUnavailable: {unavailable}}}}}"
        ),
    };
    format!(
        r#"apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  replicas: {replicas}
  minReadySeconds: {min_ready}
  progressDeadlineSeconds: 60
  selector: {{matchLabels: {{app: {name}}}}}
  strategy: {strategy}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      terminationGracePeriodSeconds: {grace}
      containers:
      - name: main
        image: {image}
        ports: [{{containerPort: 80}}]
        resources: {{requests: {{cpu: {cpu_milli}m, memory: 64Mi}}}}
"#
    )
}

fn set_kind(daemon: bool) -> Kind {
    if daemon {
        Kind::DaemonSet
    } else {
        Kind::StatefulSet
    }
}

/// What the set in the place of a Deployment is called: a name of its own, so that no Pod is between
/// the two.
fn set_name(At(namespace, name): &At) -> NamespacedName {
    NamespacedName::new(*namespace, format!("{name}-set"))
}

/// Makes the volumes of every claim, where its first Pod is going to run.
const CLASS: &str = r#"apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: disks, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}
provisioner: disk.example.com
volumeBindingMode: WaitForFirstConsumer
---
"#;

/// The manifest of a DaemonSet or a StatefulSet.
fn set(at: &At, shape: &SetShape) -> String {
    let SetShape {
        replicas,
        image,
        partition,
        start,
        min_ready,
        grace,
        ..
    } = shape;
    let name = set_name(at);
    let kind = shape.kind().row().kind;
    let own = match shape.daemon {
        true => String::new(),
        false => {
            let policy = if at.1 == "api" {
                "Parallel"
            } else {
                "OrderedReady"
            };
            format!(
                "  replicas: {replicas}\n  serviceName: web\n  podManagementPolicy: {policy}\n  ordinals: {{start: {start}}}\n"
            )
        }
    };
    let rolling = match (shape.daemon, shape.bold) {
        (true, true) => "{maxSurge: 1, maxUnavailable: 0}".to_owned(),
        (true, false) => "{maxSurge: 0, maxUnavailable: 1}".to_owned(),
        (false, bold) => format!(
            "{{partition: {partition}, maxUnavailable: {}}}",
            1 + u32::from(bold)
        ),
    };
    let strategy = match shape.on_delete {
        true => "{type: OnDelete, rollingUpdate: null}".to_owned(),
        false => format!("{{type: RollingUpdate, rollingUpdate: {rolling}}}"),
    };
    let claims = match shape.daemon {
        true => "",
        false => {
            "  volumeClaimTemplates:\n  - metadata: {name: data}\n    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n"
        }
    };
    let label = format!(
        "{}-{}",
        at.1,
        if shape.daemon { "daemon" } else { "stateful" }
    );
    let class = if shape.daemon { "" } else { CLASS };
    format!(
        r#"{class}apiVersion: apps/v1
kind: {kind}
metadata: {{name: {}, namespace: {}}}
spec:
{own}  minReadySeconds: {min_ready}
  revisionHistoryLimit: 2
  selector: {{matchLabels: {{app: {label}}}}}
  updateStrategy: {strategy}
  template:
    metadata: {{labels: {{app: {label}}}}}
    spec:
      terminationGracePeriodSeconds: {grace}
      containers:
      - name: main
        image: {image}
        resources: {{requests: {{cpu: 20m, memory: 32Mi}}}}
{claims}"#,
        name.name, name.namespace,
    )
}

/// A Service's manifest.
pub fn service(At(namespace, name): &At, node_port: bool) -> String {
    let kind = if node_port { "NodePort" } else { "ClusterIP" };
    format!(
        r#"apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  type: {kind}
  selector: {{app: {name}}}
  ports: [{{port: 80}}]
"#
    )
}

fn pod(At(namespace, name): &At) -> String {
    format!(
        r#"apiVersion: v1
kind: Pod
metadata: {{name: bare-{name}, namespace: {namespace}, labels: {{app: {name}}}}}
spec:
  containers: [{{name: main, image: "nginx:1.25"}}]
"#
    )
}
