//! Which nodes a DaemonSet is for, and the Pod that it makes for one of them.
//!
//! Upstream: pkg/controller/daemon/daemon_controller.go (NodeShouldRunDaemonPod),
//! pkg/controller/daemon/util/daemonset_util.go, v1.36.

use crate::api::meta::MetaExt;
use crate::api::{node_affinity, toleration};
use crate::controller::history::HASH_LABEL;
use crate::controller::pods;
use crate::controller::templated::Templated;
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{
    Node, NodeSelectorRequirement, NodeSelectorTerm, Pod, PodSpec, Toleration,
};

/// The annotation that counts a DaemonSet's templates.
pub const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";
/// The label of Pods that says which of them they are of.
pub const GENERATION_LABEL: &str = "pod-template-generation";
const NODE_NAME: &str = "metadata.name";

/// What a DaemonSet's Pods tolerate, whatever its template says: the end of the key, and the effect.
/// The last one is for Pods in the node's network alone.
const TOLERATED: [(&str, &str); 7] = [
    ("not-ready", "NoExecute"),
    ("unreachable", "NoExecute"),
    ("disk-pressure", "NoSchedule"),
    ("memory-pressure", "NoSchedule"),
    ("pid-pressure", "NoSchedule"),
    ("unschedulable", "NoSchedule"),
    ("network-unavailable", "NoSchedule"),
];

/// Where the Pods of one DaemonSet may stand.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    spec: PodSpec,
}

impl Rules {
    /// Those of `set`.
    pub fn of(set: &DaemonSet) -> Self {
        let spec = set.spec.as_ref().and_then(|s| s.template.spec.clone());
        let mut spec = spec.unwrap_or_default();
        let all = spec.tolerations.get_or_insert_default();
        let of_network = spec.host_network == Some(true);
        let added = &TOLERATED[..TOLERATED.len() - usize::from(!of_network)];
        for (key, effect) in added {
            let toleration = Toleration {
                key: Some(["node.kubernetes.io/", key].concat()),
                operator: Some("Exists".to_owned()),
                effect: Some((*effect).to_owned()),
                ..Toleration::default()
            };
            let same = |one: &Toleration| {
                one.key == toleration.key
                    && one.effect == toleration.effect
                    && one.operator == toleration.operator
                    && one.value.as_deref().unwrap_or_default().is_empty()
            };
            match all.iter_mut().find(|one| same(one)) {
                Some(known) => *known = toleration,
                None => all.push(toleration),
            }
        }
        Self { spec }
    }

    /// Whether a Pod is to run on `node`, and whether one that does may go on.
    pub fn runs_on(&self, node: &Node) -> (bool, bool) {
        let wanted = self.spec.node_name.as_deref().unwrap_or_default();
        let here = wanted.is_empty() || wanted == node.name();
        if !here || !node_affinity::allows(&self.spec, node) {
            return (false, false);
        }
        let tolerations = self.spec.tolerations.as_deref().unwrap_or_default();
        let taints = node
            .spec
            .iter()
            .flat_map(|spec| spec.taints.iter().flatten());
        let (mut run, mut go_on) = (true, true);
        for taint in taints.filter(|taint| !toleration::any(tolerations, taint)) {
            run &= !matches!(taint.effect.as_str(), "NoExecute" | "NoSchedule");
            go_on &= taint.effect != "NoExecute";
        }
        (run, go_on)
    }
}

/// The Pod for `node`: its affinity names the node, so that the scheduler binds it there.
pub fn pod_for(set: &Templated<'_>, rules: &Rules, hash: &str, node: &str) -> Pod {
    let mut pod = pods::from_template(set.template, set.namespace(), set.owner());
    let labels = pod.metadata.labels.get_or_insert_default();
    let annotations = set.metadata.annotations.as_ref();
    if let Some(generation) = annotations.and_then(|all| all.get(TEMPLATE_GENERATION)) {
        labels.insert(GENERATION_LABEL.to_owned(), generation.clone());
    }
    labels.insert(HASH_LABEL.to_owned(), hash.to_owned());
    let mut spec = rules.spec.clone();
    let affinity = spec.affinity.get_or_insert_default();
    let affinity = affinity.node_affinity.get_or_insert_default();
    let required = &mut affinity.required_during_scheduling_ignored_during_execution;
    required.get_or_insert_default().node_selector_terms = vec![NodeSelectorTerm {
        match_expressions: None,
        match_fields: Some(vec![NodeSelectorRequirement {
            key: NODE_NAME.to_owned(),
            operator: "In".to_owned(),
            values: Some(vec![node.to_owned()]),
        }]),
    }];
    pod.spec = Some(spec);
    pod
}

/// The node that a Pod is on, or else is meant for; empty where it names none.
pub fn target_node(pod: &Pod) -> &str {
    let assigned = pods::node_name(pod);
    if !assigned.is_empty() {
        return assigned;
    }
    let terms = pod.spec.as_ref().and_then(node_affinity::required);
    let fields = terms
        .into_iter()
        .flatten()
        .flat_map(|term| &term.match_fields);
    let named = fields.flatten().find_map(|field| {
        let values = field.values.as_deref().unwrap_or_default();
        match values {
            [node] if field.key == NODE_NAME && field.operator == "In" => Some(node.as_str()),
            _ => None,
        }
    });
    named.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Object;
    use serde_json::{Value, json};

    fn set(spec: Value) -> DaemonSet {
        serde_json::from_value(json!({
            "metadata": {"name": "agent", "namespace": "default", "uid": "u",
                "annotations": {TEMPLATE_GENERATION: "3"}},
            "spec": {"selector": {}, "template": {"metadata": {"labels": {"app": "agent"}}, "spec": spec}},
        }))
        .expect("a DaemonSet")
    }

    fn node(labels: Value, taints: Value) -> Node {
        serde_json::from_value(json!({
            "metadata": {"name": "n1", "labels": labels}, "spec": {"taints": taints}
        }))
        .expect("a Node")
    }

    #[test]
    fn a_node_must_match_and_its_taints_be_tolerated() {
        let taint = |key: &str, effect: &str| json!([{"key": key, "effect": effect}]);
        let plain = json!({"containers": []});
        let ssd = json!({"containers": [], "nodeSelector": {"disk": "ssd"}});
        let affine = json!({"containers": [], "affinity": {"nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}]}}}});
        let named = |name: &str| json!({"containers": [], "nodeName": name});
        let network = json!({"containers": [], "hostNetwork": true});
        let tolerant = json!({"containers": [], "tolerations": [{"operator": "Exists"}]});
        let lost = "node.kubernetes.io/unreachable";
        let offline = "node.kubernetes.io/network-unavailable";
        let cordon = "node.kubernetes.io/unschedulable";
        let (none, of_ssd) = (json!({}), json!({"disk": "ssd"}));
        for (spec, labels, taints, want) in [
            (&plain, &none, json!([]), (true, true)),
            (&ssd, &none, json!([]), (false, false)),
            (&ssd, &of_ssd, json!([]), (true, true)),
            (&affine, &none, json!([]), (false, false)),
            (&affine, &of_ssd, json!([]), (true, true)),
            (&named("n1"), &none, json!([]), (true, true)),
            (&named("n2"), &none, json!([]), (false, false)),
            (&plain, &none, taint("a", "NoSchedule"), (false, true)),
            (&plain, &none, taint("a", "NoExecute"), (false, false)),
            (&plain, &none, taint("a", "PreferNoSchedule"), (true, true)),
            (&tolerant, &none, taint("a", "NoExecute"), (true, true)),
            (&plain, &none, taint(lost, "NoExecute"), (true, true)),
            (&plain, &none, taint(lost, "NoSchedule"), (false, true)),
            (&plain, &none, taint(cordon, "NoSchedule"), (true, true)),
            (&plain, &none, taint(offline, "NoSchedule"), (false, true)),
            (&network, &none, taint(offline, "NoSchedule"), (true, true)),
        ] {
            let rules = Rules::of(&set(spec.clone()));
            let node = node(labels.clone(), taints.clone());
            assert_eq!(rules.runs_on(&node), want, "{spec} {labels} {taints}");
        }
    }

    #[test]
    fn a_pod_is_pinned_to_its_node_and_labelled() {
        let object = Object::new(set(json!({"containers": [], "tolerations": [
            {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute",
                "tolerationSeconds": 5}]})));
        let shape = Templated::of(&object).expect("one");
        let set = object.get::<DaemonSet>().expect("one");
        let pod = pod_for(&shape, &Rules::of(set), "h", "n1");
        assert_eq!(target_node(&pod), "n1");
        assert_eq!(pod.label(HASH_LABEL), Some("h"));
        assert_eq!(pod.label(GENERATION_LABEL), Some("3"));
        assert_eq!(pod.label("app"), Some("agent"));
        assert_eq!(pod.metadata.generate_name.as_deref(), Some("agent-"));
        let tolerations = pod.spec.and_then(|spec| spec.tolerations).expect("some");
        assert_eq!(tolerations.len(), 6);
        assert_eq!(tolerations[0].toleration_seconds, None, "for ever");
    }
}
