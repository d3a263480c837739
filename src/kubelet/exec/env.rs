//! A container's environment: what the runtime, the image and the manifest set, and the variables that
//! tell of Services.
//!
//! Upstream: pkg/kubelet/envvars/envvars.go, pkg/kubelet/kubelet_pods.go (makeEnvironmentVariables),
//! v1.36. Left out: `envFrom`, what is taken from ConfigMaps, Secrets and resources, references to other
//! variables. Of the Services that were there when the container started, those count that are still
//! there.

use super::Place;
use crate::api::meta::MetaExt;
use k8s_openapi::api::core::v1::Service;

/// How many Services containers are told of.
const SERVICES_MAX: usize = 1_000;

const HOME: &str = "/root";
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

/// What the runtime and the manifest set.
fn given(place: &Place) -> Vec<(String, String)> {
    let mut list = Vec::new();
    set(&mut list, "PATH", PATH);
    set(&mut list, "HOSTNAME", hostname(place));
    for variable in place.spec.env.iter().flatten() {
        let Some(source) = &variable.value_from else {
            let value = variable.value.as_deref().unwrap_or_default();
            set(&mut list, &variable.name, value);
            continue;
        };
        if let Some(field) = &source.field_ref {
            set(
                &mut list,
                &variable.name,
                field_of(place, &field.field_path),
            );
        }
    }
    list
}

/// A field of the Pod, as the downward API names it. Upstream: pkg/fieldpath/fieldpath.go and
/// pkg/kubelet/kubelet_pods.go (podFieldSelectorRuntimeValue), v1.36.
fn field_of<'a>(place: &'a Place, path: &str) -> &'a str {
    let pod = &*place.pod;
    if let Some((map, key)) = path.split_once("['") {
        let key = key.trim_end_matches("']");
        let value = match map {
            "metadata.labels" => pod.label(key),
            _ => pod.annotation(key),
        };
        return value.unwrap_or_default();
    }
    let spec = pod.spec.as_ref();
    match path {
        "metadata.name" => pod.name(),
        "metadata.namespace" => pod.namespace(),
        "metadata.uid" => pod.uid(),
        "spec.nodeName" => &place.node,
        "status.podIP" | "status.podIPs" => &place.ip,
        "spec.serviceAccountName" => {
            let account = spec.and_then(|spec| spec.service_account_name.as_deref());
            account.unwrap_or_default()
        }
        _ => {
            let status = pod.status.as_ref();
            let host = status.and_then(|status| status.host_ip.as_deref());
            host.unwrap_or_default()
        }
    }
}

/// The variables that tell of Services.
fn of_services(place: &Place) -> Vec<(String, String)> {
    let mut list = Vec::new();
    let spec = place.pod.spec.as_ref();
    let links = spec.and_then(|spec| spec.enable_service_links);
    for service in place.services.iter().take(SERVICES_MAX) {
        let (name, namespace) = (service.name(), service.namespace());
        let master = name == "kubernetes" && namespace == "default";
        let linked = links != Some(false) && namespace == place.pod.namespace();
        if (master || linked) && service.created_at() <= place.started {
            of_service(&mut list, service);
        }
    }
    list
}

/// Every variable, in order. What the manifest sets is not changed by a Service.
pub fn all(variables: &[(String, String)], place: &Place) -> Vec<(String, String)> {
    let mut list = given(place);
    let own: Vec<String> = list.iter().map(|(name, _)| name.clone()).collect();
    let linked = of_services(place);
    list.extend(linked.into_iter().filter(|(name, _)| !own.contains(name)));
    if !own.iter().any(|name| name == "HOME") {
        put(&mut list, "HOME", HOME);
    }
    for (name, value) in variables {
        set(&mut list, name, value);
    }
    list
}

/// The value of a variable; empty where there is none.
pub fn value(name: &str, variables: &[(String, String)], place: &Place) -> String {
    let of = |list: &[(String, String)]| {
        let found = list.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    };
    let near = of(variables).or_else(|| of(&given(place)));
    // No other variable tells of a Service.
    let tells = name.contains("_SERVICE_") || name.contains("_PORT");
    let far = || if tells { of(&of_services(place)) } else { None };
    let home = || (name == "HOME").then(|| HOME.to_owned());
    near.or_else(far).or_else(home).unwrap_or_default()
}

/// `text` with the variables that it names as `$(NAME)`: those that there are; `$$` is a `$` that names
/// none. Upstream: third_party/forked/golang/expansion/expand.go, v1.36.
pub fn expand(text: &str, place: &Place) -> String {
    if !text.contains('$') {
        return text.to_owned();
    }
    let known = all(&[], place);
    let (mut expanded, mut rest) = (String::new(), text);
    while let Some(at) = rest.find('$') {
        expanded.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(behind) = rest.strip_prefix('$') {
            expanded.push('$');
            rest = behind;
            continue;
        }
        let named = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'));
        let found = named.and_then(|(name, behind)| {
            let (_, value) = known.iter().find(|(known, _)| known == name)?;
            Some((value, behind))
        });
        match found {
            Some((value, behind)) => {
                expanded.push_str(value);
                rest = behind;
            }
            None => expanded.push('$'),
        }
    }
    expanded.push_str(rest);
    expanded
}

fn put(list: &mut Vec<(String, String)>, name: &str, value: &str) {
    list.push((name.to_owned(), value.to_owned()));
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
    put(list, &format!("{prefix}_SERVICE_HOST"), ip);
    for (index, port) in ports.iter().enumerate() {
        let number = port.port.to_string();
        if index == 0 {
            put(list, &format!("{prefix}_SERVICE_PORT"), &number);
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
            put(list, &format!("{prefix}_PORT"), &url);
        }
        let one = format!("{prefix}_PORT_{}_{protocol}", port.port);
        put(list, &one, &url);
        put(list, &format!("{one}_PROTO"), &small);
        put(list, &format!("{one}_PORT"), &port.port.to_string());
        put(list, &format!("{one}_ADDR"), ip);
    }
}
