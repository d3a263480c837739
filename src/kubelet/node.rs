//! The node itself: how it registers and how it says that it lives.
//!
//! Upstream: pkg/kubelet/{kubelet_node_status,nodestatus/setters}.go,
//! staging/src/k8s.io/component-helpers/apimachinery/lease, v1.36: a Lease renewed every 10 s, the
//! node's status every 5 minutes.

use super::{Kubelet, Timer};
use crate::api::meta;
use crate::api::{NamespacedName, Reason, Status, condition, quantity};
use crate::client::{Ctx, EventType};
use crate::sim::{SimDuration, order::map_of};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::core::v1::{
    Node, NodeAddress, NodeCondition, NodeSpec, NodeStatus, NodeSystemInfo, Taint,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

const LEASE_NAMESPACE: &str = "kube-node-lease";
const RENEW_INTERVAL: SimDuration = SimDuration::secs(10);
const LEASE_SECONDS: i32 = 40;
/// The kernel that every node says it has.
pub const KERNEL_VERSION: &str = "6.12.0-kubarium";
const STATUS_INTERVAL: SimDuration = SimDuration::secs(5 * 60);

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeConfig {
    /// Its name.
    pub name: String,
    /// Whether the control plane runs on it (and nothing else may).
    pub control_plane: bool,
    /// Its address.
    pub internal_ip: String,
    /// The first three numbers of its Pods' addresses.
    pub pod_prefix: String,
    /// Thousandths of a CPU.
    pub cpu_milli: u32,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// How many Pods it takes.
    pub pods: u16,
}

impl NodeConfig {
    fn capacity(&self) -> BTreeMap<String, Quantity> {
        let memory = quantity::from_bytes(i64::from(self.memory_mib) << 20);
        let amounts = [
            ("cpu", quantity::from_milli(i64::from(self.cpu_milli))),
            ("ephemeral-storage", Quantity("61255492Ki".to_owned())),
            ("memory", memory),
            ("pods", Quantity(self.pods.to_string())),
        ];
        map_of(amounts.map(|(name, amount)| (name.to_owned(), amount)))
    }

    fn labels(&self) -> BTreeMap<String, String> {
        let mut labels = map_of(
            [
                ("beta.kubernetes.io/arch", "amd64"),
                ("beta.kubernetes.io/os", "linux"),
                ("kubernetes.io/arch", "amd64"),
                ("kubernetes.io/hostname", self.name.as_str()),
                ("kubernetes.io/os", "linux"),
            ]
            .map(|(key, value)| (key.to_owned(), value.to_owned())),
        );
        if self.control_plane {
            labels.insert(
                "node-role.kubernetes.io/control-plane".to_owned(),
                String::new(),
            );
        }
        labels
    }

    fn node(&self) -> Node {
        let cidr = format!("{}.0/24", self.pod_prefix);
        let taint = Taint {
            key: "node-role.kubernetes.io/control-plane".to_owned(),
            effect: "NoSchedule".to_owned(),
            ..Taint::default()
        };
        Node {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                labels: Some(self.labels()),
                ..ObjectMeta::default()
            },
            spec: Some(NodeSpec {
                pod_cidr: Some(cidr.clone()),
                pod_cidrs: Some(vec![cidr]),
                taints: self.control_plane.then(|| vec![taint]),
                ..NodeSpec::default()
            }),
            status: None,
        }
    }
}

/// (condition, whether it holds on a healthy node, reason, message)
const CONDITIONS: [(&str, bool, &str, &str); 4] = [
    (
        "MemoryPressure",
        false,
        "KubeletHasSufficientMemory",
        "kubelet has sufficient memory available",
    ),
    (
        "DiskPressure",
        false,
        "KubeletHasNoDiskPressure",
        "kubelet has no disk pressure",
    ),
    (
        "PIDPressure",
        false,
        "KubeletHasSufficientPID",
        "kubelet has sufficient PID available",
    ),
    (
        "Ready",
        true,
        "KubeletReady",
        "kubelet is posting ready status",
    ),
];

impl Kubelet {
    /// Makes the node known, or says that it is back.
    pub(super) fn register(&mut self, ctx: &mut Ctx<'_>) -> Result<(), Status> {
        let node = match ctx.create(self.config.node()) {
            Err(status) if status.reason == Reason::AlreadyExists => {
                ctx.get::<Node>(&NamespacedName::new("", self.config.name.as_str()))?
            }
            other => other?,
        };
        self.recorder.event(
            ctx,
            node.as_ref(),
            EventType::Normal,
            "Starting",
            "Starting kubelet.",
        );
        self.post_status(&node, ctx)?;
        let text = format!("Node {} status is now: NodeReady", self.config.name);
        self.recorder
            .event(ctx, node.as_ref(), EventType::Normal, "NodeReady", text);
        Ok(())
    }

    fn post_status(&self, node: &Arc<Node>, ctx: &mut Ctx<'_>) -> Result<(), Status> {
        let mut node = Node::clone(node);
        let mut conditions = node
            .status
            .take()
            .and_then(|s| s.conditions)
            .unwrap_or_default();
        for (type_, holds, reason, message) in CONDITIONS {
            let condition = NodeCondition {
                type_: type_.to_owned(),
                status: if holds { "True" } else { "False" }.to_owned(),
                reason: Some(reason.to_owned()),
                message: Some(message.to_owned()),
                last_heartbeat_time: Some(meta::time(ctx.now)),
                last_transition_time: None,
            };
            condition::set(&mut conditions, condition, ctx.now);
        }
        let address = |type_: &str, address: &str| NodeAddress {
            type_: type_.to_owned(),
            address: address.to_owned(),
        };
        node.status = Some(NodeStatus {
            capacity: Some(self.config.capacity()),
            allocatable: Some(self.config.capacity()),
            conditions: Some(conditions),
            addresses: Some(vec![
                address("InternalIP", &self.config.internal_ip),
                address("Hostname", &self.config.name),
            ]),
            node_info: Some(NodeSystemInfo {
                architecture: "amd64".to_owned(),
                container_runtime_version: "containerd://2.2.1".to_owned(),
                kernel_version: KERNEL_VERSION.to_owned(),
                kubelet_version: "v1.36.0".to_owned(),
                operating_system: "linux".to_owned(),
                os_image: "Kubarium (simulated)".to_owned(),
                ..NodeSystemInfo::default()
            }),
            ..NodeStatus::default()
        });
        node.metadata.resource_version = None;
        ctx.update_status(node).map(|_| ())
    }

    pub(super) fn heartbeat(&mut self, ctx: &mut Ctx<'_>) {
        self.timers.push(ctx.now + RENEW_INTERVAL, Timer::Heartbeat);
        let name = NamespacedName::new(LEASE_NAMESPACE, self.config.name.as_str());
        let renewed = match ctx.get::<Lease>(&name) {
            Ok(lease) => {
                let mut lease = Lease::clone(&lease);
                lease.spec.get_or_insert_default().renew_time = Some(meta::micro_time(ctx.now));
                lease.metadata.resource_version = None;
                ctx.update(lease).map(|_| ())
            }
            Err(_) => ctx.create(self.lease(ctx)).map(|_| ()),
        };
        // A lost heartbeat is only late: the next one comes in ten seconds.
        if renewed.is_ok()
            && let Ok(node) = ctx.get::<Node>(&NamespacedName::new("", self.config.name.as_str()))
        {
            let conditions = node
                .status
                .as_ref()
                .and_then(|status| status.conditions.as_ref());
            let ready = condition::find(conditions, "Ready");
            let last = ready
                .and_then(|c| c.last_heartbeat_time.as_ref())
                .map(meta::to_sim);
            let stale = last.is_none_or(|at| ctx.now.since(at) >= STATUS_INTERVAL);
            if stale || ready.is_none_or(|c| c.status != "True") {
                let _ = self.post_status(&node, ctx);
            }
        }
    }

    fn lease(&self, ctx: &Ctx<'_>) -> Lease {
        Lease {
            metadata: ObjectMeta {
                name: Some(self.config.name.clone()),
                namespace: Some(LEASE_NAMESPACE.to_owned()),
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                holder_identity: Some(self.config.name.clone()),
                lease_duration_seconds: Some(LEASE_SECONDS),
                renew_time: Some(meta::micro_time(ctx.now)),
                ..LeaseSpec::default()
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::meta::MetaExt;

    #[test]
    fn only_the_control_plane_is_tainted() {
        let mut config = NodeConfig {
            name: "node-1".to_owned(),
            control_plane: false,
            internal_ip: "192.168.64.11".to_owned(),
            pod_prefix: "10.244.1".to_owned(),
            cpu_milli: 4_000,
            memory_mib: 8_192,
            pods: 110,
        };
        assert_eq!(config.node().spec.and_then(|spec| spec.taints), None);
        assert_eq!(config.node().name(), "node-1");
        assert_eq!(config.capacity()["cpu"].0, "4");
        config.control_plane = true;
        assert!(config.node().spec.is_some_and(|spec| spec.taints.is_some()));
    }
}
