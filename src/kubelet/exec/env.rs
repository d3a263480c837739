//! A container's environment: what the runtime, the image and the manifest set, and the variables that
//! tell of Services.
//!
//! Upstream: pkg/kubelet/envvars/envvars.go, pkg/kubelet/kubelet_pods.go (makeEnvironmentVariables),
//! v1.36. Left out: `valueFrom`, `envFrom`, references to other variables. Of the Services that were
//! there when the container started, those count that are still there.

use super::Place;
use crate::api::meta::MetaExt;
use k8s_openapi::api::core::v1::Service;

pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What the Pod calls itself.
pub fn hostname(place: &Place) -> &str {
    let spec = place.pod.spec.as_ref();
    if spec.and_then(|spec| spec.host_network) == Some(true) {
        return &place.node;
    }
    let given = spec.and_then(|spec| spec.hostname.as_deref());
    let name = given.filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| place.pod.name());
    // A host's name has at most 63 characters; names of Pods have no others than ASCII.
    name.get(..63).unwrap_or(name).trim_end_matches(['-', '.'])
}

fn set(list: &mut Vec<(String, String)>, name: &str, value: &str) {
    match list.iter_mut().find(|(known, _)| known == name) {
        Some(found) => value.clone_into(&mut found.1),
        None => list.push((name.to_owned(), value.to_owned())),
    }
}

/// Every variable, in order.
pub fn all(variables: &[(String, String)], place: &Place) -> Vec<(String, String)> {
    let mut list = Vec::new();
    set(&mut list, "PATH", PATH);
    set(&mut list, "HOSTNAME", hostname(place));
    for variable in place.spec.env.iter().flatten() {
        if variable.value_from.is_none() {
            let value = variable.value.as_deref().unwrap_or_default();
            set(&mut list, &variable.name, value);
        }
    }
    let mut linked_to = Vec::new();
    let links = place
        .pod
        .spec
        .as_ref()
        .and_then(|spec| spec.enable_service_links);
    for service in &place.services {
        let (name, namespace) = (service.name(), service.namespace());
        let master = name == "kubernetes" && namespace == "default";
        let linked = links != Some(false) && namespace == place.pod.namespace();
        if (master || linked) && service.created_at() <= place.started {
            of_service(&mut linked_to, service);
        }
    }
    // What the manifest sets is not changed by a Service.
    for (name, value) in linked_to {
        if !list.iter().any(|(known, _)| *known == name) {
            list.push((name, value));
        }
    }
    if !list.iter().any(|(known, _)| known == "HOME") {
        set(&mut list, "HOME", "/root");
    }
    for (name, value) in variables {
        set(&mut list, name, value);
    }
    list
}

/// The value of a variable; empty where there is none.
pub fn value(name: &str, variables: &[(String, String)], place: &Place) -> String {
    let mut found = all(variables, place).into_iter();
    found
        .find(|(known, _)| known == name)
        .map_or(String::new(), |(_, value)| value)
}

fn of_service(list: &mut Vec<(String, String)>, service: &Service) {
    let Some(spec) = &service.spec else {
        return;
    };
    let ip = spec.cluster_ip.as_deref().unwrap_or_default();
    if ip.is_empty() || ip == "None" {
        return;
    }
    let upper = |text: &str| text.to_uppercase().replace('-', "_");
    let prefix = upper(service.name());
    let ports = spec.ports.as_deref().unwrap_or_default();
    set(list, &format!("{prefix}_SERVICE_HOST"), ip);
    for (index, port) in ports.iter().enumerate() {
        let number = port.port.to_string();
        if index == 0 {
            set(list, &format!("{prefix}_SERVICE_PORT"), &number);
        }
        if let Some(name) = port.name.as_deref().filter(|name| !name.is_empty()) {
            set(
                list,
                &format!("{prefix}_SERVICE_PORT_{}", upper(name)),
                &number,
            );
        }
    }
    for (index, port) in ports.iter().enumerate() {
        let protocol = port.protocol.as_deref().unwrap_or("TCP");
        let small = protocol.to_lowercase();
        let url = format!("{small}://{ip}:{}", port.port);
        if index == 0 {
            set(list, &format!("{prefix}_PORT"), &url);
        }
        let one = format!("{prefix}_PORT_{}_{protocol}", port.port);
        set(list, &one, &url);
        set(list, &format!("{one}_PROTO"), &small);
        set(list, &format!("{one}_PORT"), &port.port.to_string());
        set(list, &format!("{one}_ADDR"), ip);
    }
}
