//! What a Deployment of 300 replicas costs, from apply to all of its Pods Ready, in CPU time of this
//! thread. `cargo bench --bench rollout`; the least of several runs counts, since other work on the
//! machine can only add to it.

use k8s_openapi::api::apps::v1::Deployment;
use kubarium::api::{Kind, ObjectKey};
use kubarium::cluster::{Cluster, ClusterConfig};
use kubarium::kubectl::apply;
use kubarium::sim::SimDuration;
use std::process::ExitCode;

const REPLICAS: usize = 300;
const RUNS: usize = 9;
const BUDGET_US: u64 = 50_000;

fn manifest() -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: {REPLICAS}\n  \
         selector:\n    matchLabels: {{app: web}}\n  template:\n    metadata:\n      labels: {{app: web}}\n    \
         spec:\n      containers:\n      - name: web\n        image: nginx:1.29\n        ports:\n        - containerPort: 80\n---\n\
         apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  selector: {{app: web}}\n  ports:\n  - port: 80\n"
    )
}

/// CPU time of this thread in microseconds.
fn cpu_us() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos: u64 = text
        .split(' ')
        .next()
        .and_then(|n| n.parse().ok())
        .unwrap_or(0);
    nanos / 1_000
}

struct Run {
    cpu_us: u64,
    events: u64,
    writes: u64,
    simulated: SimDuration,
}

fn run(before: &Cluster) -> Run {
    let mut cluster = before.clone();
    let revision = cluster.api().etcd().revision();
    let began = cluster.now();
    let text = manifest();
    let start = cpu_us();
    let now = cluster.now();
    let report = apply(&text, &mut cluster, now);
    assert!(report.errors.is_empty(), "{:?}", report.errors);
    let mut events = 0;
    let limit = began + SimDuration::secs(600);
    while ready(&cluster) < REPLICAS {
        assert!(cluster.step(limit), "not ready in ten minutes");
        events += 1;
    }
    Run {
        cpu_us: cpu_us() - start,
        events,
        writes: cluster.api().etcd().revision() - revision,
        simulated: cluster.now().since(began),
    }
}

fn ready(cluster: &Cluster) -> usize {
    let key = ObjectKey::new(Kind::Deployment, "default", "web");
    let stored = cluster
        .api()
        .etcd()
        .get(&key)
        .and_then(|o| o.get::<Deployment>());
    let count = stored.and_then(|d| d.status.as_ref()?.ready_replicas);
    usize::try_from(count.unwrap_or(0)).unwrap_or(0)
}

fn main() -> ExitCode {
    let mut before = Cluster::new(ClusterConfig {
        sample: false,
        ..ClusterConfig::default()
    });
    before.run_until(before.now() + SimDuration::secs(30));
    let runs: Vec<Run> = (0..RUNS).map(|_| run(&before)).collect();
    let Some(best) = runs.iter().min_by_key(|run| run.cpu_us) else {
        return ExitCode::FAILURE;
    };
    println!(
        "{REPLICAS} replicas ready: {} us of CPU (budget {BUDGET_US}), {} events, {} writes, {} simulated",
        best.cpu_us, best.events, best.writes, best.simulated
    );
    if best.cpu_us > BUDGET_US {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
