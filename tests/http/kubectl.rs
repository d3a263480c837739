//! The real kubectl, as a person uses it.
//!
//! It is taken from the environment variable `KUBECTL`, from where `cargo xtask test` puts it, or
//! from the PATH, where its version is 1.30 or later. Without one these tests say so, loudly.

use crate::server::Server;
use serde_json::Value;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

const MINOR_MIN: u64 = 30;

const MANIFEST: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
      - name: web
        image: nginx:1.27
        ports:
        - containerPort: 80
---
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector:
    app: web
  ports:
  - port: 80
";

fn minor_version(program: &PathBuf) -> Option<u64> {
    let output = Command::new(program)
        .args(["version", "--client", "-o", "json"])
        .output()
        .ok()?;
    let version: Value = serde_json::from_slice(&output.stdout).ok()?;
    let minor = version.pointer("/clientVersion/minor")?.as_str()?;
    minor.trim_end_matches('+').parse().ok()
}

fn program() -> Option<PathBuf> {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/tools/kubectl");
    let candidates = [
        std::env::var_os("KUBECTL").map(PathBuf::from),
        Some(own),
        Some(PathBuf::from("kubectl")),
    ];
    candidates
        .into_iter()
        .flatten()
        .find(|program| minor_version(program).is_some_and(|minor| minor >= MINOR_MIN))
}

/// kubectl with a server of its own.
pub struct Kubectl {
    program: PathBuf,
    pub server: Server,
}

impl Kubectl {
    /// `None`, and loudly so, where there is no kubectl.
    pub fn start() -> Option<Self> {
        let Some(program) = program() else {
            let line = "!".repeat(72);
            eprintln!(
                "{line}\nNOT TESTED: there is no kubectl of version 1.{MINOR_MIN} or later (KUBECTL, target/tools, PATH)\n{line}"
            );
            return None;
        };
        let server = Server::start(&["--speed", "10"]);
        std::fs::write(server.folder().join("web.yaml"), MANIFEST).expect("a manifest");
        Some(Self { program, server })
    }

    fn command(&self, line: &str) -> Command {
        let args: Vec<&str> = line.split_whitespace().collect();
        self.command_of(&args)
    }

    /// A command line that is about to be run, without input.
    pub fn command_of(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(args)
            .current_dir(self.server.folder())
            .env("KUBECONFIG", self.server.kubeconfig())
            .env("HOME", self.server.folder())
            .stdin(Stdio::null());
        command
    }

    /// Runs a command line; answers its exit code and all that it printed.
    pub fn try_run(&self, line: &str) -> (i32, String) {
        let output = self.command(line).output().expect("kubectl runs");
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text).expect("text");
        (output.status.code().unwrap_or(-1), text)
    }

    /// Runs a command line that must succeed.
    pub fn run(&self, line: &str) -> String {
        let (code, text) = self.try_run(line);
        assert_eq!(code, 0, "kubectl {line}\n{text}");
        text
    }

    /// Runs command lines that must succeed and print something with these words in it.
    pub fn expect(&self, lines: &[(&str, &str)]) {
        for (line, words) in lines {
            let text = self.run(line);
            assert!(
                text.contains(words),
                "kubectl {line}\n{text}\nlacks: {words}"
            );
        }
    }

    /// Applies the manifest with `from` replaced by `to`.
    fn write(&self, name: &str, from: &str, to: &str) {
        let text = MANIFEST.replace(from, to);
        std::fs::write(self.server.folder().join(name), text).expect("a manifest");
    }

    /// Deploys the manifest and waits until it is rolled out.
    pub fn deploy(&self) {
        self.run("apply -f web.yaml");
        self.run("rollout status deployment/web --timeout=60s");
    }
}

#[test]
fn it_discovers_what_is_served() {
    let Some(kubectl) = Kubectl::start() else {
        return;
    };
    kubectl.expect(&[
        ("version", "Server Version: v1.36"),
        ("cluster-info", "Kubernetes control plane is running at"),
        ("api-versions", "apps/v1"),
        ("api-resources", "deployments"),
        (
            "api-resources --api-group=apps -o wide",
            "create,delete,deletecollection,get,list,patch,update,watch",
        ),
        ("explain deployment.spec.strategy", "KIND:       Deployment"),
        ("explain pod.spec.containers --recursive", "containerPort"),
        ("get --raw /readyz", "ok"),
        ("get nodes", "control-plane"),
        ("get namespaces", "kube-system"),
    ]);
}

#[test]
fn it_creates_and_applies() {
    let Some(kubectl) = Kubectl::start() else {
        return;
    };
    kubectl.expect(&[
        (
            "create deployment api --image=nginx:1.27 --replicas=2",
            "deployment.apps/api created",
        ),
        (
            "create configmap settings --from-literal=a=1",
            "configmap/settings created",
        ),
        ("create namespace other", "namespace/other created"),
        (
            "create service clusterip api --tcp=80:80",
            "service/api created",
        ),
        (
            "expose deployment api --name=api2 --port=80",
            "service/api2 exposed",
        ),
        (
            "create -f web.yaml --dry-run=server",
            "deployment.apps/web created (server dry run)",
        ),
        ("apply -f web.yaml", "deployment.apps/web created"),
        ("apply -f web.yaml", "deployment.apps/web unchanged"),
    ]);
    kubectl.write("changed.yaml", "nginx:1.27", "nginx:1.25");
    let (code, difference) = kubectl.try_run("diff -f changed.yaml");
    assert_eq!(code, 1, "{difference}");
    assert!(
        difference.contains("+      - image: nginx:1.25"),
        "{difference}"
    );
    kubectl.expect(&[
        ("apply -f changed.yaml", "deployment.apps/web configured"),
        (
            "get deployment web -o jsonpath={.spec.template.spec.containers[0].image}",
            "nginx:1.25",
        ),
        ("replace -f changed.yaml", "deployment.apps/web replaced"),
    ]);
    kubectl.write("wrong.yaml", "  replicas: 2", "  replica: 2");
    let (code, refused) = kubectl.try_run("apply -f wrong.yaml");
    assert_eq!(code, 1);
    assert!(
        refused.contains("strict decoding error: unknown field \"spec.replica\""),
        "{refused}"
    );
    let (_, warned) = kubectl.try_run("apply -f wrong.yaml --validate=warn");
    assert!(
        warned.contains("Warning: unknown field \"spec.replica\""),
        "{warned}"
    );
}

#[test]
fn it_applies_on_the_server() {
    let Some(kubectl) = Kubectl::start() else {
        return;
    };
    kubectl.run("apply --server-side -f web.yaml");
    kubectl.run("scale deployment web --replicas=3");
    let (code, conflict) = kubectl.try_run("apply --server-side -f web.yaml");
    assert_eq!(code, 1);
    assert!(
        conflict.contains(
            "conflict with \"kubectl\" with subresource \"scale\" using apps/v1: .spec.replicas"
        ),
        "{conflict}"
    );
    kubectl.expect(&[
        (
            "apply --server-side --force-conflicts -f web.yaml",
            "deployment.apps/web serverside-applied",
        ),
        ("get deployment web -o jsonpath={.spec.replicas}", "2"),
        (
            "get deployment web -o yaml --show-managed-fields",
            "f:replicas",
        ),
    ]);
    kubectl.run("delete deployment web");
    kubectl.run("apply -f web.yaml");
    // From client-side apply, ownership moves over without a conflict.
    kubectl.run("apply --server-side -f web.yaml");
}

/// An object of each kind besides those of a Deployment and its Service, and words of how kubectl
/// describes it.
const KINDS: &[(&str, &str)] = &[
    ("secret/password", "user:  3 bytes"),
    ("serviceaccount/robot", "Image pull secrets:"),
    ("replicationcontroller/old", "2 Running"),
    ("persistentvolume/disk", "HostPath"),
    ("persistentvolumeclaim/mine", "Used By:"),
    ("resourcequota/few", "pods        7     10"),
    ("limitrange/sizes", "Container   cpu"),
    ("podtemplate/shape", "Image Pull Policy:  IfNotPresent"),
    ("statefulset.apps/db", "1 desired | 1 total"),
    ("daemonset.apps/agent", "Nodes Misscheduled: 0"),
    ("controllerrevision.apps/db-1", "Revision:"),
    ("job.batch/once", "batch.kubernetes.io/job-name=once"),
    ("cronjob.batch/nightly", "0 3 * * *"),
    ("horizontalpodautoscaler.autoscaling/web", "<unknown> / 80%"),
    ("poddisruptionbudget.policy/keep", "Min available:  1"),
    (
        "ingressclass.networking.k8s.io/nginx",
        "k8s.io/ingress-nginx",
    ),
    ("ingress.networking.k8s.io/shop", "/   web:80"),
    (
        "networkpolicy.networking.k8s.io/closed",
        "Policy Types: Ingress",
    ),
    ("priorityclass.scheduling.k8s.io/high", "1000"),
    ("runtimeclass.node.k8s.io/sandboxed", "gvisor"),
    (
        "storageclass.storage.k8s.io/fast",
        "VolumeBindingMode:     Immediate",
    ),
    ("role.rbac.authorization.k8s.io/reader", "[get]"),
    ("rolebinding.rbac.authorization.k8s.io/readers", "robot"),
    ("clusterrole.rbac.authorization.k8s.io/watcher", "nodes"),
    (
        "clusterrolebinding.rbac.authorization.k8s.io/watchers",
        "staff",
    ),
];

#[test]
fn it_handles_every_kind() {
    let Some(kubectl) = Kubectl::start() else {
        return;
    };
    let path = kubectl.server.folder().join("kinds.yaml");
    std::fs::write(path, include_str!("kinds.yaml")).expect("a manifest");
    let applied = kubectl.run("apply -f kinds.yaml");
    let warning = "Warning: nothing acts on a HorizontalPodAutoscaler in this cluster yet";
    assert!(applied.contains(warning), "{applied}");
    kubectl.run("wait --for=jsonpath={.status.readyReplicas}=2 rc/old --timeout=60s");
    kubectl.run("rollout status statefulset/db --timeout=60s");
    kubectl.run("rollout status daemonset/agent --timeout=60s");
    for (object, words) in KINDS {
        assert!(applied.contains(&format!("{object} created")), "{object}");
        let described = kubectl.run(&format!("describe {object}"));
        assert!(described.contains(words), "{object}: {described}");
        let (_, name) = object.split_once('/').expect("a kind and a name");
        let shown = kubectl.run(&format!("get {object} -o wide"));
        assert!(shown.contains(name), "{object}: {shown}");
    }
    let (code, difference) = kubectl.try_run("diff -f kinds.yaml");
    assert_eq!((code, difference.as_str()), (0, ""));
    // What the server has set itself (a Job's selector) is nobody's, so that an apply on the server
    // does not take it away.
    let on_server = kubectl.run("apply --server-side --force-conflicts -f kinds.yaml");
    assert!(!on_server.contains("failed to re-apply"), "{on_server}");
    let deleted = kubectl.run("delete -f kinds.yaml --wait=true --timeout=60s");
    assert_eq!(
        deleted.matches(" deleted").count(),
        KINDS.len(),
        "{deleted}"
    );
    kubectl.expect(&[("get all --selector=app=old", "No resources found")]);
}

#[test]
fn it_gets_in_every_form() {
    let Some(kubectl) = Kubectl::start() else {
        return;
    };
    kubectl.deploy();
    kubectl.expect(&[
        ("get deployment web", "web"),
        ("get deployment web -o wide", "web"),
        ("get deployment web -o name", "deployment.apps/web"),
        ("get deployment web -o json", "\"kind\": \"Deployment\""),
        ("get deployment web -o yaml", "kind: Deployment"),
        (
            "get pods -l app=web -o jsonpath={.items[*].status.phase}",
            "Running Running",
        ),
        ("get pods -o custom-columns=P:.status.phase", "Running"),
        ("get pods -o go-template={{.kind}}", "List"),
        (
            "get pods --field-selector=status.phase=Running --no-headers",
            "web-",
        ),
        ("get pods --show-labels", "app=web"),
        ("get pods -A --chunk-size=3", "kube-scheduler-control-plane"),
        ("get all", "replicaset.apps/web-"),
        ("get events", "web-"),
        ("events", "Scheduled"),
    ]);
}

#[test]
fn it_watches() {
    let Some(kubectl) = Kubectl::start() else {
        return;
    };
    let mut watching = kubectl
        .command("get configmaps -w -o name --request-timeout=15s")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("kubectl runs");
    std::thread::sleep(std::time::Duration::from_millis(500));
    kubectl.run("create configmap one --from-literal=a=1");
    kubectl.run("create configmap two --from-literal=a=1");
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(
        watching.stdout.take().expect("piped"),
    ));
    let mut next = || lines.next().expect("a line").expect("text");
    let seen = [next(), next(), next()];
    let names = [
        "configmap/kube-root-ca.crt",
        "configmap/one",
        "configmap/two",
    ];
    assert_eq!(seen, names);
    watching.kill().expect("it ends");
    watching.wait().expect("it ended");
}

#[test]
fn it_changes_what_is_there() {
    let Some(kubectl) = Kubectl::start() else {
        return;
    };
    kubectl.deploy();
    kubectl.expect(&[
        ("label deployment web tier=front", "deployment.apps/web labeled"),
        ("get deployment -l tier=front -o name", "deployment.apps/web"),
        ("label deployment web tier-", "deployment.apps/web unlabeled"),
        ("annotate deployment web note=1", "deployment.apps/web annotated"),
        ("scale deployment web --replicas=3", "deployment.apps/web scaled"),
        ("scale deployment web --current-replicas=3 --replicas=1", "deployment.apps/web scaled"),
        ("set image deployment/web web=nginx:1.25", "deployment.apps/web image updated"),
        ("set env deployment/web A=b", "deployment.apps/web env updated"),
        ("set resources deployment/web --limits=cpu=100m", "deployment.apps/web resource requirements updated"),
        ("get deployment web -o jsonpath={..env[0].name}", "A"),
        ("patch deployment web --type=json -p [{\"op\":\"remove\",\"path\":\"/metadata/annotations/note\"}]", "patched"),
        ("patch deployment web --type=merge -p {\"spec\":{\"paused\":true}}", "patched"),
        ("patch deployment web -p {\"spec\":{\"paused\":null}}", "patched"),
        ("patch deployment web --subresource=scale --type=merge -p {\"spec\":{\"replicas\":2}}", "patched"),
    ]);
    let mut editor = std::fs::File::create(kubectl.server.folder().join("edit")).expect("a file");
    editor
        .write_all(b"#!/bin/sh\nsed -i 's/app: web/app: edited/' \"$1\"\n")
        .expect("written");
    drop(editor);
    let edited = kubectl
        .command("edit service web")
        .env("KUBE_EDITOR", "sh ./edit")
        .output()
        .expect("kubectl runs");
    assert!(edited.status.success(), "{edited:?}");
    assert_eq!(
        kubectl.run("get service web -o jsonpath={.spec.selector.app}"),
        "edited"
    );
}

#[test]
fn it_rolls_out_and_back() {
    let Some(kubectl) = Kubectl::start() else {
        return;
    };
    kubectl.deploy();
    kubectl.expect(&[
        ("set image deployment/web web=nginx:1.25", "image updated"),
        (
            "rollout status deployment/web --timeout=60s",
            "successfully rolled out",
        ),
        ("rollout history deployment/web", "2         <none>"),
        ("rollout history deployment/web --revision=2", "nginx:1.25"),
        (
            "rollout undo deployment/web",
            "deployment.apps/web rolled back",
        ),
        (
            "rollout status deployment/web --timeout=60s",
            "successfully rolled out",
        ),
        ("get deployment web -o jsonpath={..image}", "nginx:1.27"),
        ("rollout pause deployment/web", "deployment.apps/web paused"),
        (
            "rollout resume deployment/web",
            "deployment.apps/web resumed",
        ),
        (
            "rollout restart deployment/web",
            "deployment.apps/web restarted",
        ),
        (
            "wait --for=condition=Available deployment/web --timeout=60s",
            "condition met",
        ),
        (
            "wait --for=jsonpath={.spec.replicas}=2 deployment/web --timeout=10s",
            "condition met",
        ),
    ]);
}

#[test]
fn it_describes() {
    let Some(kubectl) = Kubectl::start() else {
        return;
    };
    kubectl.deploy();
    let pod = kubectl.run("get pods -l app=web -o jsonpath={.items[0].metadata.name}");
    kubectl.expect(&[
        ("describe deployment web", "Scaled up replica set web-"),
        ("describe replicaset", "Created pod: web-"),
        (
            &format!("describe pod {pod}"),
            "Successfully assigned default/web-",
        ),
        ("describe service web", "Endpoints:"),
        ("describe node worker-1", "Non-terminated Pods:"),
        ("describe namespace default", "Status:       Active"),
        ("describe endpoints web", "NotReadyAddresses:  <none>"),
        ("describe endpointslices", "AddressType:"),
        ("describe configmaps -n kube-system", "coredns"),
        (
            "describe lease worker-1 -n kube-node-lease",
            "Holder Identity:",
        ),
    ]);
}

#[test]
fn it_reads_logs() {
    let Some(kubectl) = Kubectl::start() else {
        return;
    };
    kubectl.run("create deployment odd --image=example.com/nobody/knows:1");
    kubectl.run("rollout status deployment/odd --timeout=60s");
    kubectl.expect(&[
        ("logs deployment/odd", "This image is not in the catalogue"),
        (
            "logs deployment/odd --tail=1 --timestamps",
            "Z This image is not in the catalogue",
        ),
        ("logs -l app=odd --prefix", "[pod/odd-"),
    ]);
    let (code, text) = kubectl.try_run("logs deployment/odd --previous");
    assert_eq!(code, 1);
    assert!(text.contains("previous terminated container"), "{text}");
    let (_, text) = kubectl.try_run("logs deployment/odd -c nothing");
    assert!(
        text.contains("container nothing is not valid for pod odd-"),
        "{text}"
    );
}

#[test]
fn it_deletes_with_each_propagation() {
    let Some(kubectl) = Kubectl::start() else {
        return;
    };
    kubectl.deploy();
    kubectl.expect(&[
        ("delete deployment web --cascade=orphan", "deleted"),
        ("get replicasets -o name", "replicaset.apps/web-"),
        ("delete replicasets --all --cascade=foreground", "deleted"),
        ("get pods", "No resources found"),
        ("delete service web", "deleted"),
    ]);
    kubectl.deploy();
    kubectl.expect(&[
        (
            "delete -f web.yaml --cascade=background --dry-run=server",
            "(server dry run)",
        ),
        ("delete -f web.yaml", "deployment.apps \"web\" deleted"),
        ("wait --for=delete pods -l app=web --timeout=60s", ""),
        ("create namespace other", "created"),
        (
            "create configmap one -n other --from-literal=a=1",
            "created",
        ),
        ("delete namespace other", "deleted"),
    ]);
    let (_, text) = kubectl.try_run("get configmap one -n other");
    assert!(text.contains("NotFound"), "{text}");
    let (_, text) = kubectl.try_run("delete namespace kube-system");
    assert!(text.contains("this namespace may not be deleted"), "{text}");
}
