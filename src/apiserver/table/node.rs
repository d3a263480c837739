//! Nodes as rows.

use super::{Cell, Column, format};
use crate::api::condition;
use crate::api::meta::MetaExt;
use crate::sim::SimTime;
use k8s_openapi::api::core::v1::Node;

pub(super) const COLUMNS: &[Column] = &[
    Column::name(),
    Column::text("Status"),
    Column::text("Roles"),
    Column::text("Age"),
    Column::text("Version"),
    Column::text("Internal-IP").wide(),
    Column::text("External-IP").wide(),
    Column::text("OS-Image").wide(),
    Column::text("Kernel-Version").wide(),
    Column::text("Container-Runtime").wide(),
];

pub(super) fn cells(node: &Node, now: SimTime) -> Vec<Cell> {
    let status = node.status.clone().unwrap_or_default();
    let info = status.node_info.unwrap_or_default();
    let addresses = status.addresses.unwrap_or_default();
    let address = |type_: &str| {
        let found = addresses.iter().find(|address| address.type_ == type_);
        Cell::text(found.map_or("<none>", |address| address.address.as_str()))
    };
    let known = |text: &str| Cell::text(if text.is_empty() { "<unknown>" } else { text });
    vec![
        Cell::text(node.name()),
        Cell::Text(status_word(node)),
        Cell::Text(format::node_roles(node)),
        Cell::Text(format::age(node.metadata.creation_timestamp.as_ref(), now)),
        Cell::text(info.kubelet_version.clone()),
        address("InternalIP"),
        address("ExternalIP"),
        known(&info.os_image),
        known(&info.kernel_version),
        known(&info.container_runtime_version),
    ]
}

fn status_word(node: &Node) -> String {
    let status = node.status.as_ref();
    let conditions = status.and_then(|status| status.conditions.as_ref());
    let ready = match condition::find(conditions, "Ready") {
        Some(ready) if ready.status == "True" => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    };
    let spec = node.spec.as_ref();
    match spec.and_then(|spec| spec.unschedulable) {
        Some(true) => format!("{ready},SchedulingDisabled"),
        _ => ready.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::codec;
    use serde_json::json;

    fn texts(json: serde_json::Value) -> Vec<String> {
        let node = codec::from_value(json).expect("it decodes");
        let cells = cells(&node, SimTime::from_secs(60));
        cells.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn readiness_cordon_and_roles() {
        let node = json!({
            "metadata": {"name": "n", "labels": {
                "node-role.kubernetes.io/worker": "", "node-role.kubernetes.io/control-plane": "",
                "kubernetes.io/role": "db"}},
            "spec": {"unschedulable": true},
            "status": {
                "conditions": [{"type": "Ready", "status": "Unknown"}],
                "addresses": [{"type": "InternalIP", "address": "192.168.0.1"}],
            }
        });
        let row = texts(node);
        assert_eq!(row[1], "NotReady,SchedulingDisabled");
        assert_eq!(row[2], "control-plane,db,worker");
        assert_eq!(row[3], "<unknown>");
        assert_eq!(&row[5..7], ["192.168.0.1", "<none>"]);
        assert_eq!(row[7], "<unknown>");
    }

    #[test]
    fn a_node_that_never_spoke() {
        let row = texts(json!({"metadata": {"name": "n"}}));
        assert_eq!((row[1].as_str(), row[2].as_str()), ("Unknown", "<none>"));
    }
}
