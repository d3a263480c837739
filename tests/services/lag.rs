//! When a change reaches the rules, and what they do until then.

use super::*;

#[test]
fn rules_lag_behind_and_outlive_the_api_server() {
    let mut cluster = kubia(SERVICE);
    cluster.stop_part(Part::KubeApiserver);
    run(&mut cluster, 5_000);
    for _ in 0..20 {
        assert!(
            curl(&mut cluster, "kubia").response().is_some(),
            "the last rules stay in force"
        );
    }
    let broken = pods(&cluster, "default", "kubia").remove(0);
    assert!(cluster.set_readiness(&name(&pod_name(&broken)), "", true));
    run(&mut cluster, 5_000);
    let reached = |cluster: &mut Cluster| -> BTreeSet<String> {
        (0..60)
            .filter_map(|_| curl(cluster, "kubia").pod)
            .map(|pod| pod.name)
            .collect()
    };
    assert!(
        reached(&mut cluster).contains(&pod_name(&broken)),
        "nobody has heard of it"
    );
    cluster.start_part(Part::KubeApiserver);
    run(&mut cluster, 5_000);
    let now_reached = reached(&mut cluster);
    assert_eq!(now_reached.len(), 2);
    assert!(!now_reached.contains(&pod_name(&broken)));
}

#[test]
fn a_slice_says_when_the_change_happened_that_it_tells_of() {
    let mut cluster = kubia(SERVICE);
    let trigger = |cluster: &Cluster| -> String {
        let slices = cluster
            .api()
            .etcd()
            .list(Kind::EndpointSlice, Some("default"));
        let slice = slices
            .filter_map(Object::get::<kubarium::api::endpoints::EndpointSlice>)
            .find(|slice| slice.metadata.generate_name.as_deref() == Some("kubia-"))
            .expect("it is there");
        let annotations = slice.metadata.annotations.clone().unwrap_or_default();
        annotations["endpoints.kubernetes.io/last-change-trigger-time"].clone()
    };
    let before = trigger(&cluster);
    let broken = pods(&cluster, "default", "kubia").remove(0);
    assert!(cluster.set_readiness(&name(&pod_name(&broken)), "", true));
    run(&mut cluster, 2_000);
    let broken = pods(&cluster, "default", "kubia").remove(0);
    let conditions = broken
        .status
        .and_then(|status| status.conditions)
        .unwrap_or_default();
    let ready = conditions
        .iter()
        .find(|c| c.type_ == "Ready")
        .expect("it is set");
    let turned = ready.last_transition_time.as_ref().expect("a time");
    let turned = kubarium::api::meta::rfc3339(kubarium::api::meta::to_sim(turned));
    assert_eq!(trigger(&cluster), turned);
    assert_ne!(before, turned);
}

#[test]
fn two_changes_within_a_second_reach_the_rules_together() {
    let mut cluster = kubia(SERVICE);
    let synced = |cluster: &Cluster| cluster.proxies()[1].last_sync().expect("it has synced");
    run(&mut cluster, 5_000);
    apply(&mut cluster, &SERVICE.replace("kubia", "first"));
    let written = cluster.now();
    run(&mut cluster, 20);
    let first = synced(&cluster);
    assert!(
        first > written && first.since(written) < SimDuration::millis(20),
        "at once"
    );
    run(&mut cluster, 300);
    apply(&mut cluster, &SERVICE.replace("kubia", "second"));
    run(&mut cluster, 300);
    apply(&mut cluster, &SERVICE.replace("kubia", "third"));
    let second = curl(&mut cluster, "second").outcome;
    assert!(
        matches!(second, CallOutcome::TimedOut { .. }),
        "CoreDNS knows it, no rule does: {second:?}"
    );
    run(&mut cluster, 350);
    assert_eq!(synced(&cluster), first, "not before a second is over");
    run(&mut cluster, 100);
    assert_eq!(synced(&cluster), first + SimDuration::secs(1));
    for url in ["second", "third"] {
        let outcome = curl(&mut cluster, url).outcome;
        assert!(
            matches!(outcome, CallOutcome::Refused { .. }),
            "{outcome:?}"
        );
    }
}
