//! The real kubectl about nodes, budgets and metrics.

use super::kubectl::Kubectl;

/// As in a cluster without a metrics server, which kubeadm does not install either.
#[test]
fn it_autoscales_by_metrics_that_nobody_gives() {
    let Some(kubectl) = Kubectl::start() else {
        return;
    };
    kubectl.deploy();
    kubectl.expect(&[(
        "autoscale deployment web --min=1 --max=3 --cpu=50%",
        "horizontalpodautoscaler.autoscaling/web autoscaled",
    )]);
    for line in ["top nodes", "top pods"] {
        let (code, text) = kubectl.try_run(line);
        assert_eq!(
            (code, text.as_str()),
            (1, "error: Metrics API not available\n")
        );
    }
}

#[test]
fn it_minds_nodes() {
    let Some(kubectl) = Kubectl::start() else {
        return;
    };
    kubectl.deploy();
    kubectl.expect(&[
        (
            "taint node worker-1 only=me:NoSchedule",
            "node/worker-1 tainted",
        ),
        ("taint node worker-1 only-", "node/worker-1 untainted"),
        ("cordon worker-1", "node/worker-1 cordoned"),
        (
            "get node worker-1 -o jsonpath={.spec.unschedulable}",
            "true",
        ),
        ("uncordon worker-1", "node/worker-1 uncordoned"),
    ]);
    let node = kubectl.run("get pods -l app=web -o jsonpath={.items[0].spec.nodeName}");
    // A budget that has nothing to give keeps the Pods where they are.
    kubectl.run("create poddisruptionbudget web --selector=app=web --max-unavailable=0");
    kubectl.run("wait pdb/web --for=jsonpath={.status.observedGeneration}=1 --timeout=10s");
    let (code, text) = kubectl.try_run(&format!("drain {node} --timeout=2s"));
    let words = "Cannot evict pod as it would violate the pod's disruption budget.";
    assert!(code == 1 && text.contains(words), "{code} {text}");
    kubectl.run("patch pdb web -p {\"spec\":{\"maxUnavailable\":1}}");
    kubectl.expect(&[
        (
            &format!("drain {node} --ignore-daemonsets --delete-emptydir-data --timeout=60s"),
            "drained",
        ),
        (
            "rollout status deployment/web --timeout=60s",
            "successfully rolled out",
        ),
    ]);
    let left = format!("get pods -l app=web --field-selector=spec.nodeName={node} -o name");
    assert_eq!(kubectl.run(&left), "");
}
