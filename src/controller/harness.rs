//! Tests of the controllers together: an API server, the controller manager stepped by hand, and
//! the test in the place of scheduler and kubelets.

use super::ControllerManager;
use crate::api::meta::MetaExt;
use crate::api::{ApiType, Kind, NamespacedName, Object, ObjectKey, condition, owner};
use crate::apiserver::door::{FieldValidation, decode};
use crate::apiserver::{
    ApiServer, ApiServerConfig, DeleteOptions, Operation, Propagation, Request,
};
use crate::client::{Agenda, Component, Ctx};
use crate::sim::{SimDuration, SimRng, SimTime, order};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::{
    Event, Namespace, Pod, ReplicationController, ResourceQuota, Secret, ServiceAccount,
};
use std::sync::Arc;

pub(super) struct Harness {
    api: ApiServer,
    manager: ControllerManager,
    rng: SimRng,
    /// The present.
    pub(super) now: SimTime,
    next: Option<SimTime>,
    /// Images whose Pods become ready.
    good: Vec<&'static str>,
}

impl Harness {
    pub(super) fn new() -> Self {
        let rng = SimRng::new(7);
        let mut harness = Self {
            api: ApiServer::new(ApiServerConfig::default(), rng.fork("api")),
            manager: ControllerManager::default(),
            rng,
            now: SimTime::from_secs(1_000),
            next: None,
            good: vec!["book:1.0", "book:2.0"],
        };
        for name in ["default", "shop"] {
            harness.create(serde_json::json!({
                "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}
            }));
        }
        harness
    }

    pub(super) fn ask(&mut self, operation: Operation) -> Object {
        let response = self.api.handle(Request::by_user(operation), self.now);
        response.expect("accepted").object().expect("an object")
    }

    pub(super) fn create(&mut self, json: serde_json::Value) {
        let object = decode(json, FieldValidation::Strict).expect("a valid manifest");
        self.ask(Operation::Create(object));
    }

    pub(super) fn delete(
        &mut self,
        kind: Kind,
        namespace: &str,
        name: &str,
        propagation: Propagation,
    ) {
        self.ask(Operation::Delete {
            key: ObjectKey::new(kind, namespace, name),
            options: DeleteOptions {
                propagation,
                ..DeleteOptions::default()
            },
        });
    }

    /// Changes the Deployment `web` as a person would.
    fn edit(&mut self, change: impl FnOnce(&mut Deployment)) {
        let mut deployment = Deployment::clone(&self.web());
        change(&mut deployment);
        self.ask(Operation::Update(Object::new(deployment)));
    }

    fn web(&self) -> Arc<Deployment> {
        self.list::<Deployment>().pop().expect("it is stored")
    }

    pub(super) fn list<K: ApiType>(&self) -> Vec<Arc<K>> {
        let objects = self.api.etcd().list(<K as ApiType>::KIND, None);
        objects.filter_map(Object::get::<K>).cloned().collect()
    }

    pub(super) fn wake(&mut self) {
        let mut agenda = Agenda::default();
        let mut ctx = Ctx {
            now: self.now,
            api: &mut self.api,
            rng: &mut self.rng,
            agenda: &mut agenda,
            actor: "test".into(),
            cause: None,
        };
        self.manager.wake(&mut ctx);
        self.next = agenda.next();
    }

    /// One Pod whose image is good and that is not ready yet becomes it.
    fn start_one(&mut self) -> bool {
        let good = |pod: &Pod| {
            let containers = pod.spec.as_ref().map(|spec| &spec.containers);
            let image = containers.and_then(|all| all.first()?.image.as_deref());
            self.good.contains(&image.unwrap_or_default())
        };
        let pods = self.list::<Pod>();
        let next = pods
            .iter()
            .find(|pod| !super::pods::is_ready(pod) && good(pod));
        let Some(pod) = next else {
            return false;
        };
        let mut pod = Pod::clone(pod);
        let status = pod.status.get_or_insert_default();
        status.phase = Some("Running".to_owned());
        let ready = k8s_openapi::api::core::v1::PodCondition {
            type_: "Ready".to_owned(),
            status: "True".to_owned(),
            ..Default::default()
        };
        condition::set(status.conditions.get_or_insert_default(), ready, self.now);
        self.ask(Operation::UpdateStatus(Object::new(pod)));
        true
    }

    /// Runs for `seconds`, one Pod starting every 100 ms, and calls `check` after every step.
    pub(super) fn run(&mut self, seconds: u64, check: impl Fn(&Self)) {
        let end = self.now + SimDuration::secs(seconds);
        while self.now < end {
            self.wake();
            check(self);
            self.start_one();
            self.now += SimDuration::millis(100);
        }
    }

    fn sizes(&self) -> Vec<i32> {
        let mut sets = self.list::<ReplicaSet>();
        order::sort_by_key(&mut sets, |set| set.revision_number());
        sets.iter()
            .map(|set| set.spec.as_ref().and_then(|s| s.replicas).unwrap_or(-1))
            .collect()
    }

    fn progressing(&self) -> (String, String) {
        let web = self.web();
        let conditions = web.status.as_ref().and_then(|s| s.conditions.as_ref());
        let found = condition::find(conditions, "Progressing").expect("it is set");
        let reason = found.reason.clone().unwrap_or_default();
        (found.status.clone(), reason)
    }

    pub(super) fn messages(&self, reason: &str) -> Vec<String> {
        let events = self.list::<Event>();
        let matching = events
            .iter()
            .filter(|event| event.reason.as_deref() == Some(reason));
        matching.filter_map(|event| event.message.clone()).collect()
    }
}

trait Revision {
    fn revision_number(&self) -> i64;
}

impl Revision for ReplicaSet {
    fn revision_number(&self) -> i64 {
        let text = self.annotation("deployment.kubernetes.io/revision");
        text.and_then(|text| text.parse().ok()).unwrap_or(0)
    }
}

fn web(namespace: &str, strategy: &str) -> serde_json::Value {
    let rolling = serde_json::json!({"maxSurge": 1, "maxUnavailable": 1});
    let strategy = match strategy {
        "Recreate" => serde_json::json!({"type": "Recreate"}),
        _ => serde_json::json!({"type": strategy, "rollingUpdate": rolling}),
    };
    serde_json::json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {
            "replicas": 10, "minReadySeconds": 2, "progressDeadlineSeconds": 60,
            "revisionHistoryLimit": 1,
            "selector": {"matchLabels": {"app": "web"}},
            "strategy": strategy,
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "book:1.0"}]}
            }
        }
    })
}

fn image(deployment: &mut Deployment, image: &str) {
    let spec = deployment.spec.as_mut().expect("it has a spec");
    let pod = spec.template.spec.as_mut().expect("it has a Pod");
    pod.containers[0].image = Some(image.to_owned());
}

fn within_budget(harness: &Harness) {
    let pods = harness.list::<Pod>();
    let active = pods.iter().filter(|pod| super::pods::is_active(pod));
    let (count, available) = active.fold((0, 0), |(count, available), pod| {
        let at = super::pods::available_at(pod, 2);
        (
            count + 1,
            available + i32::from(at.is_some_and(|at| at <= harness.now)),
        )
    });
    assert!(count <= 11, "{count} Pods");
    assert!(available >= 9, "{available} available");
}

#[test]
fn a_rollout_keeps_its_budget_and_can_be_undone() {
    let mut harness = Harness::new();
    harness.create(web("default", "RollingUpdate"));
    harness.run(20, |_| {});
    assert_eq!(harness.sizes(), [10]);
    let done = ("True".to_owned(), "NewReplicaSetAvailable".to_owned());
    assert_eq!(harness.progressing(), done);
    let first = harness.list::<ReplicaSet>()[0].name().to_owned();
    let scaled = format!("Scaled up replica set {first} from 0 to 10");
    assert_eq!(harness.messages("ScalingReplicaSet"), [scaled]);
    assert_eq!(harness.messages("SuccessfulCreate").len(), 10);

    harness.edit(|web| image(web, "book:2.0"));
    harness.wake();
    let (_, reason) = harness.progressing();
    assert!(reason.starts_with("NewReplicaSetCreated") || reason == "ReplicaSetUpdated");
    harness.run(60, within_budget);
    assert_eq!(harness.sizes(), [0, 10]);
    assert_eq!(harness.progressing(), done);

    harness.edit(|web| image(web, "book:1.0"));
    harness.run(60, within_budget);
    let sets = harness.list::<ReplicaSet>();
    let undone = sets.iter().find(|set| set.name() == first).expect("reused");
    assert_eq!(undone.revision_number(), 3);
    assert_eq!(
        undone.annotation("deployment.kubernetes.io/revision-history"),
        Some("1")
    );
    assert_eq!(harness.sizes(), [0, 10]);
    let status = harness.web().status.clone().expect("it has one");
    assert_eq!(status.unavailable_replicas, None);
    assert_eq!(status.terminating_replicas, Some(0));
}

fn controller(replicas: i32, app: &str) -> serde_json::Value {
    serde_json::json!({
        "apiVersion": "v1", "kind": "ReplicationController",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "replicas": replicas, "selector": {"app": app},
            "template": {
                "metadata": {"labels": {"app": app}},
                "spec": {"containers": [{"name": "web", "image": "book:1.0"}]}
            }
        }
    })
}

#[test]
fn a_replication_controller_keeps_its_pods_and_no_others() {
    let mut harness = Harness::new();
    harness.create(serde_json::json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "stray", "namespace": "default", "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": "book:1.0"}]}
    }));
    harness.create(controller(3, "web"));
    harness.run(5, |harness| assert!(harness.list::<Pod>().len() <= 3));
    let owned_by_web = |harness: &Harness| {
        let pods = harness.list::<Pod>();
        let owned = pods.iter().filter(|pod| {
            let owner = owner::controller_of(&pod.metadata);
            owner.is_some_and(|o| o.kind == "ReplicationController" && o.api_version == "v1")
        });
        owned.count()
    };
    assert_eq!(
        (harness.list::<Pod>().len(), owned_by_web(&harness)),
        (3, 3)
    );
    let stored = harness.list::<ReplicationController>();
    let status = stored[0].status.clone().expect("it has one");
    assert_eq!((status.replicas, status.ready_replicas), (3, Some(3)));
    assert_eq!(harness.messages("SuccessfulCreate").len(), 2);

    // A ReplicaSet that selects the same labels takes none of them.
    harness.create(web("default", "RollingUpdate"));
    harness.run(20, |_| {});
    assert_eq!(owned_by_web(&harness), 3);

    // Another selector lets go of all of them, and makes its own.
    let mut changed = ReplicationController::clone(&harness.list::<ReplicationController>()[0]);
    let other = decode(controller(2, "other"), FieldValidation::Strict).expect("valid");
    changed.spec = other
        .get::<ReplicationController>()
        .expect("one")
        .spec
        .clone();
    harness.ask(Operation::Update(Object::new(changed)));
    harness.run(5, |_| {});
    assert_eq!(owned_by_web(&harness), 2);

    // What owns goes, and what it owns goes with it.
    let kind = Kind::ReplicationController;
    harness.delete(kind, "default", "web", Propagation::Foreground);
    harness.run(5, |_| {});
    assert_eq!(owned_by_web(&harness), 0);
    assert!(harness.list::<ReplicationController>().is_empty());
}

#[test]
fn a_quota_says_what_is_used() {
    let mut harness = Harness::new();
    harness.create(serde_json::json!({
        "apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": {"name": "few", "namespace": "default"},
        "spec": {"hard": {"pods": "5", "count/secrets": "1", "requests.cpu": "2"}}
    }));
    // A quota limits nothing before it is counted.
    harness.run(1, |_| {});
    harness.create(controller(9, "web"));
    let used = |harness: &Harness| {
        let status = harness.list::<ResourceQuota>()[0].status.clone();
        let used = status.and_then(|status| status.used).unwrap_or_default();
        let amount = |name: &str| used.get(name).map(|amount| amount.0.clone());
        ["pods", "count/secrets", "requests.cpu"].map(|name| amount(name).unwrap_or_default())
    };
    // CPU is counted, so every container has to ask for it.
    harness.run(2, |_| {});
    assert_eq!(used(&harness), ["0", "0", "0"]);
    let refused = harness.messages("FailedCreate");
    assert!(
        refused[0].contains("must specify requests.cpu for: web"),
        "{refused:?}"
    );
    harness.create(serde_json::json!({
        "apiVersion": "v1", "kind": "LimitRange",
        "metadata": {"name": "sizes", "namespace": "default"},
        "spec": {"limits": [{"type": "Container", "defaultRequest": {"cpu": "250m"}}]}
    }));
    harness.create(serde_json::json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "one", "namespace": "default"}
    }));
    harness.run(60, |harness| assert!(harness.list::<Pod>().len() <= 5));
    assert_eq!(used(&harness), ["5", "1", "1250m"]);
    let pods = harness.list::<Pod>();
    harness.delete(
        Kind::ReplicationController,
        "default",
        "web",
        Propagation::Orphan,
    );
    harness.run(1, |_| {});
    harness.delete(
        Kind::Pod,
        "default",
        pods[0].name(),
        Propagation::Background,
    );
    harness.run(1, |_| {});
    assert_eq!(used(&harness), ["4", "1", "1"]);
}

#[test]
fn what_no_controller_reads_is_still_collected() {
    let mut harness = Harness::new();
    harness.create(serde_json::json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "owner", "namespace": "default"}
    }));
    let uid = harness.list::<Secret>()[0].uid().to_owned();
    harness.create(serde_json::json!({
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": "owned", "namespace": "default", "ownerReferences": [
            {"apiVersion": "v1", "kind": "Secret", "name": "owner", "uid": uid, "blockOwnerDeletion": true}
        ]}
    }));
    harness.run(1, |_| {});
    let owned = |harness: &Harness| {
        let accounts = harness.list::<ServiceAccount>();
        accounts.iter().any(|account| account.name() == "owned")
    };
    assert!(owned(&harness));
    harness.delete(Kind::Secret, "default", "owner", Propagation::Foreground);
    harness.run(1, |_| {});
    assert!(!owned(&harness));
    assert!(harness.list::<Secret>().is_empty());
}

#[test]
fn a_paused_rollout_waits_and_still_scales() {
    let mut harness = Harness::new();
    harness.create(web("default", "RollingUpdate"));
    harness.run(20, |_| {});
    harness.edit(|web| {
        web.spec.as_mut().expect("it has a spec").paused = Some(true);
        image(web, "book:2.0");
    });
    harness.run(5, within_budget);
    assert_eq!(harness.sizes(), [10]);
    let paused = ("Unknown".to_owned(), "DeploymentPaused".to_owned());
    assert_eq!(harness.progressing(), paused);
    harness.edit(|web| web.spec.as_mut().expect("it has a spec").replicas = Some(12));
    harness.run(5, |_| {});
    assert_eq!(harness.sizes(), [12]);
    harness.edit(|web| web.spec.as_mut().expect("it has a spec").paused = Some(false));
    harness.wake();
    harness.run(80, |_| {});
    assert_eq!(harness.sizes(), [0, 12]);
    assert_eq!(harness.progressing().1, "NewReplicaSetAvailable");
}

#[test]
fn a_rollout_that_does_not_get_on_misses_its_deadline() {
    let mut harness = Harness::new();
    harness.create(web("default", "RollingUpdate"));
    harness.run(20, |_| {});
    harness.edit(|web| image(web, "book:9.9"));
    harness.run(55, within_budget);
    assert_eq!(harness.progressing().1, "ReplicaSetUpdated");
    harness.run(10, within_budget);
    let late = ("False".to_owned(), "ProgressDeadlineExceeded".to_owned());
    assert_eq!(harness.progressing(), late);
    assert_eq!(harness.sizes(), [9, 2]);
    harness.edit(|web| image(web, "book:2.0"));
    harness.run(60, within_budget);
    assert_eq!(harness.progressing().1, "NewReplicaSetAvailable");
    assert_eq!(harness.sizes(), [0, 10], "one old set is kept");
}

#[test]
fn recreate_never_mixes_templates() {
    let mut harness = Harness::new();
    harness.create(web("default", "Recreate"));
    harness.run(20, |_| {});
    harness.edit(|web| image(web, "book:2.0"));
    harness.run(20, |harness| {
        let mut images: Vec<_> = harness
            .list::<Pod>()
            .iter()
            .filter_map(|pod| pod.spec.as_ref()?.containers[0].image.clone())
            .collect();
        images.dedup();
        assert!(images.len() <= 1, "{images:?}");
    });
    assert_eq!(harness.sizes(), [0, 10]);
}

#[test]
fn what_a_deleted_deployment_owns_goes_waits_or_stays() {
    for (propagation, at_once) in [
        (Propagation::Background, true),
        (Propagation::Foreground, false),
        (Propagation::Orphan, false),
    ] {
        let mut harness = Harness::new();
        harness.create(web("default", "RollingUpdate"));
        harness.run(20, |_| {});
        harness.delete(Kind::Deployment, "default", "web", propagation);
        assert_eq!(harness.list::<Deployment>().is_empty(), at_once);
        harness.run(5, |_| {});
        assert!(harness.list::<Deployment>().is_empty(), "{propagation:?}");
        let left = (
            harness.list::<ReplicaSet>().len(),
            harness.list::<Pod>().len(),
        );
        let want = match propagation {
            Propagation::Orphan => (1, 10),
            _ => (0, 0),
        };
        assert_eq!(left, want, "{propagation:?}");
        if propagation == Propagation::Orphan {
            assert_eq!(
                harness.list::<ReplicaSet>()[0].metadata.owner_references,
                None
            );
            harness.create(web("default", "RollingUpdate"));
            harness.run(5, |_| {});
            assert_eq!(harness.sizes(), [10], "adopted again");
        }
    }
}

#[test]
fn a_deleted_namespace_is_emptied_before_it_goes() {
    let mut harness = Harness::new();
    harness.create(web("shop", "RollingUpdate"));
    harness.create(serde_json::json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "prices", "namespace": "shop"}, "data": {"tea": "2"}
    }));
    harness.run(20, |_| {});
    harness.delete(Kind::Namespace, "", "shop", Propagation::Background);
    harness.run(2, |_| {});
    let key = NamespacedName::new("", "shop").of(Kind::Namespace);
    let going = harness.api.etcd().get(&key).expect("it waits").clone();
    let phase = going
        .get::<Namespace>()
        .and_then(|n| n.status.clone()?.phase);
    assert_eq!(phase.as_deref(), Some("Terminating"));
    harness.run(30, |_| {});
    assert!(harness.api.etcd().get(&key).is_none());
    let left: Vec<&Object> = Kind::ALL
        .iter()
        .flat_map(|kind| harness.api.etcd().list(*kind, Some("shop")))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(harness.messages("FailedCreate").is_empty());
}
