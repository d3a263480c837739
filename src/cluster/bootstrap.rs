//! What a cluster holds from the start: namespaces, the `kubernetes` Service, the control plane's
//! own Pods, CoreDNS, a sample application, roles and bindings.
//!
//! Upstream: cmd/kubeadm, pkg/controlplane/controller/kubernetesservice, v1.36. Left out:
//! the DaemonSet of kube-proxy.

use super::{Cluster, ClusterConfig, Part};
use crate::api::endpoints::{EndpointSlice, EndpointSubset, Endpoints};
use crate::api::{Kind, Object, ObjectKey};
use crate::apiserver::door::{FieldValidation, decode};
use crate::apiserver::{ApiServer, Operation, Request};
use crate::kubelet::{Kubelet, NodeConfig};
use crate::network::ipam;
use crate::sim::SimTime;
use k8s_openapi::api::core::v1::{
    Container, ContainerPort, EndpointAddress, EndpointPort, Namespace, Pod, PodSpec, Service,
    ServiceAccount, ServicePort, ServiceSpec, Toleration,
};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort as SlicePort};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::sync::Arc;

/// The name of the node that the control plane runs on.
pub const CONTROL_PLANE: &str = "control-plane";
const DNS: &str = include_str!("../../static/addons/coredns.json");
const SAMPLE: &str = include_str!("../../static/examples/sample.json");

/// The kubelets of all nodes, the control plane's first.
pub fn kubelets(config: &ClusterConfig) -> Vec<Kubelet> {
    let start = config.start();
    let node = |index: u8| {
        let control_plane = index == 0;
        let size = &config.worker_size;
        let mut kubelet = Kubelet::new(NodeConfig {
            name: match control_plane {
                true => CONTROL_PLANE.to_owned(),
                false => format!("worker-{index}"),
            },
            control_plane,
            internal_ip: ipam::node_ip(index).to_string(),
            pod_prefix: pod_prefix(index),
            cpu_milli: size.cpu_milli,
            memory_mib: size.memory_mib,
            pods: size.pods,
        });
        if control_plane {
            for part in Part::ALL {
                kubelet.boot_manifest(manifest(part), start);
            }
        }
        kubelet
    };
    (0..=config.workers).map(node).collect()
}

/// The first three numbers of the addresses of a node's Pods.
fn pod_prefix(index: u8) -> String {
    let [a, b, c, _] = ipam::node_pods(index).octets();
    format!("{a}.{b}.{c}")
}

/// Creates the cluster's own objects.
pub fn create_objects(cluster: &mut Cluster) {
    for name in ["default", "kube-system", "kube-public", "kube-node-lease"] {
        let metadata = ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        };
        create(
            cluster,
            Object::new(Namespace {
                metadata,
                ..Namespace::default()
            }),
        );
    }
    kubernetes_service(cluster);
    create_list(cluster, DNS);
    if cluster.config.sample {
        create_list(cluster, SAMPLE);
    }
    let now = cluster.now;
    cluster.api.ensure_policy(now);
}

/// Makes the account that CoreDNS runs as in a cluster of a build that had no accounts, whose
/// `kube-system` has not even its own.
pub fn ensure_accounts(api: &mut ApiServer, now: SimTime) {
    let account = |name: &str| ObjectKey::new(Kind::ServiceAccount, "kube-system", name);
    let namespace = ObjectKey::new(Kind::Namespace, "", "kube-system");
    let is_there = |key: ObjectKey| api.etcd().get(&key).is_some();
    if !is_there(namespace) || is_there(account("default")) || is_there(account("coredns")) {
        return;
    }
    let coredns = ServiceAccount {
        metadata: metadata("kube-system", "coredns"),
        ..ServiceAccount::default()
    };
    // A store that is full does without.
    let _ = api.handle(by_kubeadm(Object::new(coredns)), now);
}

/// Creates the objects of a list that is part of the binary.
fn create_list(cluster: &mut Cluster, list: &str) {
    let list: Vec<serde_json::Value> =
        serde_json::from_str(list).expect("invariant: a list in the binary is JSON");
    for json in list {
        let object = decode(json, FieldValidation::Strict);
        create(
            cluster,
            object.expect("invariant: what a list in the binary holds is valid"),
        );
    }
}

fn by_kubeadm(object: Object) -> Request {
    Request {
        actor: "kubeadm".into(),
        ..Request::by_user(Operation::Create(object))
    }
}

fn create(cluster: &mut Cluster, object: Object) {
    let now = cluster.now;
    let created = cluster.api.handle(by_kubeadm(object), now);
    debug_assert!(
        created.is_ok(),
        "the cluster's own objects are valid: {created:?}"
    );
}

fn metadata(namespace: &str, name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(namespace.to_owned()),
        ..ObjectMeta::default()
    }
}

fn kubernetes_service(cluster: &mut Cluster) {
    let address = cluster.api.config().advertise_address.clone();
    let mut meta = metadata("default", "kubernetes");
    meta.labels = Some(
        [("component", "apiserver"), ("provider", "kubernetes")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
    );
    let service = Service {
        metadata: meta,
        spec: Some(ServiceSpec {
            cluster_ip: Some("10.96.0.1".to_owned()),
            ports: Some(vec![ServicePort {
                name: Some("https".to_owned()),
                port: 443,
                target_port: Some(IntOrString::Int(6_443)),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        status: None,
    };
    create(cluster, Object::new(service));
    let mut meta = metadata("default", "kubernetes");
    let label = ("endpointslice.kubernetes.io/skip-mirror", "true");
    meta.labels = Some(
        [label]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
    );
    create(cluster, Object::new(kubernetes_slice(&address)));
    let endpoints = Endpoints {
        metadata: meta,
        subsets: Some(vec![EndpointSubset {
            addresses: Some(vec![Arc::new(EndpointAddress {
                ip: address,
                ..EndpointAddress::default()
            })]),
            ports: Some(vec![EndpointPort {
                name: Some("https".to_owned()),
                port: 6_443,
                protocol: Some("TCP".to_owned()),
                app_protocol: None,
            }]),
            ..EndpointSubset::default()
        }]),
    };
    create(cluster, Object::new(endpoints));
}

/// The API server's own endpoint, as kube-proxies read it.
fn kubernetes_slice(address: &str) -> EndpointSlice {
    let mut meta = metadata("default", "kubernetes");
    let label = ("kubernetes.io/service-name", "kubernetes");
    meta.labels = Some(
        [label]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
    );
    EndpointSlice {
        metadata: meta,
        address_type: "IPv4".to_owned(),
        endpoints: Some(vec![Arc::new(Endpoint {
            addresses: vec![address.to_owned()],
            conditions: Some(EndpointConditions {
                ready: Some(true),
                ..EndpointConditions::default()
            }),
            ..Endpoint::default()
        })]),
        ports: Some(vec![SlicePort {
            name: Some("https".to_owned()),
            port: Some(6_443),
            protocol: Some("TCP".to_owned()),
            app_protocol: None,
        }]),
    }
}

/// The manifest of a part of the control plane, as it stands in the control plane node's directory
/// of static Pods.
pub fn manifest(part: Part) -> Pod {
    let (image, port) = match part {
        Part::Etcd => ("registry.k8s.io/etcd:3.6.6-0", 2_379),
        Part::KubeApiserver => ("registry.k8s.io/kube-apiserver:v1.36.0", 6_443),
        Part::KubeControllerManager => ("registry.k8s.io/kube-controller-manager:v1.36.0", 10_257),
        Part::KubeScheduler => ("registry.k8s.io/kube-scheduler:v1.36.0", 10_259),
    };
    let mut meta = metadata("kube-system", part.name());
    meta.labels = Some(
        [("component", part.name()), ("tier", "control-plane")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
    );
    Pod {
        metadata: meta,
        spec: Some(PodSpec {
            containers: vec![Container {
                name: part.name().to_owned(),
                image: Some(image.to_owned()),
                ports: Some(vec![ContainerPort {
                    container_port: port,
                    ..ContainerPort::default()
                }]),
                ..Container::default()
            }],
            host_network: Some(true),
            priority_class_name: Some("system-node-critical".to_owned()),
            tolerations: Some(vec![Toleration {
                operator: Some("Exists".to_owned()),
                effect: Some("NoExecute".to_owned()),
                ..Toleration::default()
            }]),
            ..PodSpec::default()
        }),
        status: None,
    }
}
