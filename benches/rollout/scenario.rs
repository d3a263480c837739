//! The run that is measured: a Deployment of 300 replicas and its Service on three workers, from
//! apply to all Pods Ready.

use k8s_openapi::api::apps::v1::Deployment;
use kubarium::api::{Kind, ObjectKey};
use kubarium::cluster::{Cluster, ClusterConfig};
use kubarium::kubectl::apply;
use kubarium::sim::SimDuration;

/// How many Pods there are to be.
pub const REPLICAS: usize = 300;
/// How often it is run. The least figure counts: other work on the machine can only add to it.
pub const RUNS: usize = 9;

/// What a run took, apart from time.
pub struct Run {
    pub events: u64,
    pub writes: u64,
    pub simulated: SimDuration,
}

fn manifest() -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: {REPLICAS}\n  \
         selector:\n    matchLabels: {{app: web}}\n  template:\n    metadata:\n      labels: {{app: web}}\n    \
         spec:\n      containers:\n      - name: web\n        image: nginx:1.29\n        ports:\n        - containerPort: 80\n---\n\
         apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  selector: {{app: web}}\n  ports:\n  - port: 80\n"
    )
}

/// A cluster that has come to rest.
pub fn before() -> Cluster {
    let mut cluster = Cluster::new(ClusterConfig {
        sample: false,
        ..ClusterConfig::default()
    });
    cluster.run_until(cluster.now() + SimDuration::secs(30));
    cluster
}

/// Runs it once.
pub fn run(mut cluster: Cluster) -> Run {
    let revision = cluster.api().etcd().revision();
    let began = cluster.now();
    let report = apply(&manifest(), &mut cluster, began);
    assert!(report.errors.is_empty(), "{:?}", report.errors);
    let mut events = 0;
    let limit = began + SimDuration::secs(600);
    while ready(&cluster) < REPLICAS {
        assert!(cluster.step(limit), "not ready in ten minutes");
        events += 1;
    }
    Run {
        events,
        writes: cluster.api().etcd().revision() - revision,
        simulated: cluster.now().since(began),
    }
}

fn ready(cluster: &Cluster) -> usize {
    let key = ObjectKey::new(Kind::Deployment, "default", "web");
    let object = cluster.api().etcd().get(&key);
    let stored = object.and_then(|object| object.get::<Deployment>());
    let count = stored.and_then(|deployment| deployment.status.as_ref()?.ready_replicas);
    usize::try_from(count.unwrap_or(0)).unwrap_or(0)
}
