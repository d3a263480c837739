//! What the API server's work costs natively, in CPU time of this thread: `cargo bench --bench api`.
//! One table: what was done, the cost of one, and the budget where there is one.

#[path = "../cpu.rs"]
mod cpu;

#[path = "../../src/allocator.rs"]
mod allocator;

use k8s_openapi::api::core::v1::{Namespace, Pod};
use kubarium::api::selector::Selector;
use kubarium::api::watch::WatchEvent;
use kubarium::api::{Kind, NamespacedName, Object};
use kubarium::apiserver::{
    ApiServer, ApiServerConfig, FieldSelector, Operation, Request, Response,
};
use kubarium::client::{Agenda, Ctx, WatchCursor, WatchSink};
use kubarium::sim::{SimRng, SimTime};
use serde_json::json;
use std::process::ExitCode;

/// As in the program itself.
#[global_allocator]
static ALLOCATOR: allocator::Mimalloc = allocator::Mimalloc;

const PODS: u32 = 10_000;
const WATCHES: u32 = 1_000;
const CHANGES: u32 = 100;
const TRIES: u32 = 5;
const NOW: SimTime = SimTime::from_secs(1_000);

/// Budgets, in nanoseconds and bytes.
const CREATE_NS: u64 = 20_000;
const POD_BYTES: u64 = 4_096;

/// A Pod as a ReplicaSet makes it.
fn pod(number: u32) -> Pod {
    let pod = json!({
        "metadata": {
            "name": format!("web-6b8d5c7f9-{number:05}"),
            "namespace": "default",
            "labels": {"app": "web", "pod-template-hash": "6b8d5c7f9"},
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-6b8d5c7f9",
                "uid": "0f1e2d3c-0000-4000-8000-000000000000",
                "controller": true, "blockOwnerDeletion": true,
            }],
        },
        "spec": {"containers": [{
            "name": "web", "image": "nginx:1.29", "ports": [{"containerPort": 80}],
            "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
        }]},
    });
    serde_json::from_value(pod).expect("a Pod")
}

fn ask(server: &mut ApiServer, operation: Operation) -> Response {
    let answer = server.handle(Request::by_user(operation), NOW);
    answer.expect("the server does it")
}

fn empty() -> ApiServer {
    let mut server = ApiServer::new(ApiServerConfig::default(), SimRng::new(1));
    let mut namespace = Namespace::default();
    namespace.metadata.name = Some("default".to_owned());
    ask(&mut server, Operation::Create(Object::new(namespace)));
    server
}

fn pods() -> Vec<Object> {
    (0..PODS).map(|number| Object::new(pod(number))).collect()
}

fn fill(server: &mut ApiServer, pods: &mut Vec<Object>) {
    for pod in pods.drain(..) {
        ask(server, Operation::Create(pod));
    }
}

fn full() -> ApiServer {
    let mut server = empty();
    fill(&mut server, &mut pods());
    server
}

fn list(namespace: &str, labels: &str) -> Operation {
    Operation::List {
        kind: Kind::Pod,
        namespace: Some(namespace.to_owned()),
        labels: Selector::parse(labels).expect("a selector"),
        fields: FieldSelector::default(),
    }
}

/// What one program that watches takes in.
#[derive(Default)]
struct Seen(u32);

impl WatchSink for Seen {
    fn replace(&mut self, _: Kind, items: &[Object], _: u64) {
        self.0 += u32::try_from(items.len()).unwrap_or(u32::MAX);
    }

    fn observe(&mut self, _: &WatchEvent) {
        self.0 += 1;
    }
}

/// Every watch sees every change, one after the other.
fn watched(parts: &mut (ApiServer, Vec<WatchCursor>)) {
    let (server, cursors) = parts;
    let (mut rng, mut agenda) = (SimRng::new(2), Agenda::default());
    for number in 0..CHANGES {
        let name = NamespacedName::new("default", format!("web-6b8d5c7f9-{number:05}"));
        let node = "worker-1".to_owned();
        ask(server, Operation::Bind { pod: name, node });
        let mut ctx = Ctx {
            now: NOW,
            api: server,
            rng: &mut rng,
            agenda: &mut agenda,
            actor: "bench".into(),
            cause: None,
        };
        for cursor in cursors.iter_mut() {
            let mut seen = Seen::default();
            let synced = cursor.sync(&mut ctx, &[Kind::Pod], &mut seen);
            assert!(synced.is_ok() && seen.0 == 1);
        }
    }
}

fn watchers() -> (ApiServer, Vec<WatchCursor>) {
    let mut server = full();
    let (mut rng, mut agenda) = (SimRng::new(2), Agenda::default());
    let mut ctx = Ctx {
        now: NOW,
        api: &mut server,
        rng: &mut rng,
        agenda: &mut agenda,
        actor: "bench".into(),
        cause: None,
    };
    let mut first = WatchCursor::default();
    let synced = first.sync(&mut ctx, &[Kind::Pod], &mut Seen::default());
    assert!(synced.is_ok());
    (server, vec![first; WATCHES as usize])
}

/// Bytes of memory that this program occupies.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split(' ').nth(1).and_then(|n| n.parse::<u64>().ok());
    pages.unwrap_or(0) * 4_096
}

fn memory() -> u64 {
    let before = resident();
    let mut server = empty();
    for number in 0..PODS {
        ask(&mut server, Operation::Create(Object::new(pod(number))));
    }
    let bytes = resident().saturating_sub(before) / u64::from(PODS);
    drop(server);
    bytes
}

/// The least that `run` takes in several tries, in nanoseconds, each with a value that `prepare`
/// makes and that is dropped outside the measurement.
fn least_ns<T>(tries: u32, prepare: impl Fn() -> T, run: impl Fn(&mut T)) -> u64 {
    let measured = (0..tries).map(|_| {
        let mut value = prepare();
        let start = cpu::ns();
        run(&mut value);
        cpu::ns() - start
    });
    measured.min().unwrap_or(0)
}

fn main() -> ExitCode {
    // First, before anything has been freed.
    let bytes = memory();
    let mut fine = true;
    let mut row = |what: &str, figure: u64, unit: &str, budget: Option<u64>| {
        let limit = budget.map(|most| format!("(budget {most})"));
        println!(
            "{what:<44} {figure:>9} {unit} {}",
            limit.unwrap_or_default()
        );
        fine = fine && budget.is_none_or(|most| figure <= most);
    };
    row(
        "memory for each stored Pod",
        bytes,
        "bytes",
        Some(POD_BYTES),
    );
    let prepare = || (empty(), pods());
    let ns = least_ns(TRIES, prepare, |(server, pods)| fill(server, pods));
    row("create a Pod", ns / u64::from(PODS), "ns", Some(CREATE_NS));
    let key = || NamespacedName::new("default", "web-6b8d5c7f9-05000").of(Kind::Pod);
    let ns = least_ns(TRIES, full, |server| {
        for _ in 0..PODS {
            ask(server, Operation::Get(key()));
        }
    });
    row("get a Pod among 10,000", ns / u64::from(PODS), "ns", None);
    let ns = least_ns(TRIES, full, |server| {
        ask(server, list("default", ""));
    });
    row("list 10,000 Pods", ns / 1_000, "us", None);
    let ns = least_ns(TRIES, full, |server| {
        ask(server, list("default", "app=web,pod-template-hash!=x"));
    });
    row("list 10,000 Pods by their labels", ns / 1_000, "us", None);
    let ns = least_ns(TRIES, watchers, watched);
    let shown = u64::from(WATCHES * CHANGES);
    row(
        "show a change to one of 1,000 watches",
        ns / shown,
        "ns",
        None,
    );
    match fine {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
