//! The run that is measured: a Deployment of 300 replicas and its Service on three workers, from
//! apply to all Pods Ready.

use k8s_openapi::api::apps::v1::Deployment;
use kubarium::api::{Kind, ObjectKey};
use kubarium::cluster::{Cluster, ClusterConfig};
use kubarium::kubectl::apply;
use kubarium::sim::SimDuration;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// How many Pods there are to be.
pub const REPLICAS: usize = 300;
/// How often it is run. The least figure counts: other work on the machine can only add to it.
pub const RUNS: usize = 25;

/// What a run took, apart from time.
pub struct Run {
    pub events: u64,
    /// Who wrote what.
    pub writes: Vec<(Arc<str>, Kind)>,
    pub simulated: SimDuration,
}

/// Figures that no other work on the machine changes: events, and how often each writer wrote each
/// kind.
impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (events, writes) = (self.events, self.writes.len());
        let simulated = self.simulated;
        write!(f, "{events} events, {writes} writes, {simulated} simulated")?;
        let mut counts = BTreeMap::new();
        for (writer, kind) in &self.writes {
            *counts.entry((writer, kind)).or_insert(0) += 1;
        }
        let mut rows = counts.into_iter();
        rows.try_for_each(|((writer, kind), count)| write!(f, "\n{count:>6} {kind} by {writer}"))
    }
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

/// Runs it once. The cluster stays the caller's: to drop it is not part of what is measured.
/// A profiler finds it by its name.
#[inline(never)]
pub fn run(cluster: &mut Cluster) -> Run {
    let revision = cluster.api().etcd().revision();
    let began = cluster.now();
    let report = apply(&manifest(), cluster, began);
    assert!(report.errors.is_empty(), "{:?}", report.errors);
    let mut events = 0;
    let limit = began + SimDuration::secs(600);
    while ready(cluster) < REPLICAS {
        assert!(cluster.step(limit), "not ready in ten minutes");
        events += 1;
    }
    let written = cluster.api().etcd().events_since(revision);
    let writes = written.map(|events| {
        let write = events.map(|event| (event.origin.actor.clone(), event.key.kind));
        write.collect()
    });
    Run {
        events,
        writes: writes.expect("the history of one run is kept"),
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
