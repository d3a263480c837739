//! Containers in words: of a Pod with what they do, of a template without.

use super::writer::{Writer, bool_word, date};
use crate::api::meta::MetaExt;
use crate::sim::order;
use k8s_openapi::api::core::v1::{
    Container, ContainerPort, ContainerState, ContainerStatus, EnvVar, Pod, Probe,
    ResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// A list of containers and where it stands.
pub struct Section<'a> {
    title: &'a str,
    /// Indentation inside a template.
    space: &'a str,
    pod: Option<&'a Pod>,
}

impl<'a> Section<'a> {
    /// The containers of a Pod.
    pub const fn of_pod(title: &'a str, pod: &'a Pod) -> Self {
        Self {
            title,
            space: "",
            pod: Some(pod),
        }
    }

    /// The containers of a template.
    pub const fn of_template(title: &'a str) -> Self {
        Self {
            title,
            space: "  ",
            pod: None,
        }
    }
}

/// Writes containers.
pub fn write(
    w: &mut Writer,
    section: &Section<'_>,
    containers: &[Container],
    statuses: Option<&[ContainerStatus]>,
) {
    let none = if containers.is_empty() { " <none>" } else { "" };
    w.line(0, &format!("{}{}:{none}", section.space, section.title));
    for container in containers {
        let statuses = statuses.unwrap_or_default();
        let status = statuses.iter().find(|status| status.name == container.name);
        basics(w, section, container, status);
        for (title, words) in [("Command", &container.command), ("Args", &container.args)] {
            if let Some(words) = words.as_ref().filter(|words| !words.is_empty()) {
                w.line(2, &format!("{title}:"));
                let lines = words.iter().flat_map(|word| word.split('\n'));
                lines.for_each(|line| w.line(3, line));
            }
        }
        if let Some(status) = status {
            state(w, "State", status.state.as_ref());
            let last = status.last_state.as_ref();
            if last.is_some_and(|last| last.terminated.is_some()) {
                state(w, "Last State", last);
            }
            w.field(2, "Ready", bool_word(status.ready));
            w.field(2, "Restart Count", status.restart_count);
        }
        if let Some(resources) = &container.resources {
            amounts(w, resources);
        }
        for (title, probe) in [
            ("Liveness", &container.liveness_probe),
            ("Readiness", &container.readiness_probe),
            ("Startup", &container.startup_probe),
        ] {
            if let Some(probe) = probe {
                w.field(2, title, probe_text(probe));
            }
        }
        environment(w, section, container);
        mounts(w, container);
    }
}

fn basics(
    w: &mut Writer,
    section: &Section<'_>,
    container: &Container,
    status: Option<&ContainerStatus>,
) {
    let indent = if section.space.is_empty() { "" } else { " " };
    w.line(1, &format!("{indent}{}:", container.name));
    if let Some(status) = status {
        w.field(
            2,
            "Container ID",
            status.container_id.as_deref().unwrap_or_default(),
        );
    }
    w.field(2, "Image", container.image.as_deref().unwrap_or_default());
    if let Some(status) = status {
        w.field(2, "Image ID", &status.image_id);
    }
    let list = |number: fn(&ContainerPort) -> i32| {
        let ports = container.ports.iter().flatten();
        let texts = ports.map(|port| {
            let protocol = port.protocol.as_deref().unwrap_or_default();
            format!("{}/{protocol}", number(port))
        });
        texts.collect::<Vec<_>>()
    };
    for (one, many, ports) in [
        ("Port", "Ports", list(|port| port.container_port)),
        (
            "Host Port",
            "Host Ports",
            list(|port| port.host_port.unwrap_or(0)),
        ),
    ] {
        match ports.as_slice() {
            [] => w.field(2, one, "<none>"),
            [port] => w.field(2, one, port),
            ports => w.field(2, many, ports.join(", ")),
        }
    }
}

fn state(w: &mut Writer, title: &str, state: Option<&ContainerState>) {
    let state = state.cloned().unwrap_or_default();
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    if let Some(running) = state.running {
        w.field(2, title, "Running");
        w.field(3, "Started", date(running.started_at.as_ref()));
    } else if let Some(waiting) = state.waiting {
        w.field(2, title, "Waiting");
        if let Some(reason) = filled(waiting.reason) {
            w.field(3, "Reason", reason);
        }
    } else if let Some(ended) = state.terminated {
        w.field(2, title, "Terminated");
        if let Some(reason) = filled(ended.reason) {
            w.field(3, "Reason", reason);
        }
        if let Some(message) = filled(ended.message) {
            w.field(3, "Message", message);
        }
        w.field(3, "Exit Code", ended.exit_code);
        if let Some(signal) = ended.signal.filter(|signal| *signal > 0) {
            w.field(3, "Signal", signal);
        }
        w.field(3, "Started", date(ended.started_at.as_ref()));
        w.field(3, "Finished", date(ended.finished_at.as_ref()));
    } else {
        w.field(2, title, "Waiting");
    }
}

fn amounts(w: &mut Writer, resources: &ResourceRequirements) {
    for (title, amounts) in [
        ("Limits", &resources.limits),
        ("Requests", &resources.requests),
    ] {
        if let Some(amounts) = amounts.as_ref().filter(|amounts| !amounts.is_empty()) {
            w.line(2, &format!("{title}:"));
            for (name, amount) in amounts {
                w.field(3, name, &amount.0);
            }
        }
    }
}

fn port_text(port: &IntOrString) -> String {
    match port {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(name) => name.clone(),
    }
}

fn probe_text(probe: &Probe) -> String {
    let attributes = format!(
        "delay={}s timeout={}s period={}s #success={} #failure={}",
        probe.initial_delay_seconds.unwrap_or(0),
        probe.timeout_seconds.unwrap_or(0),
        probe.period_seconds.unwrap_or(0),
        probe.success_threshold.unwrap_or(0),
        probe.failure_threshold.unwrap_or(0),
    );
    if let Some(exec) = &probe.exec {
        let command = exec.command.clone().unwrap_or_default();
        return format!("exec [{}] {attributes}", command.join(" "));
    }
    if let Some(get) = &probe.http_get {
        let scheme = get.scheme.clone().unwrap_or_default().to_lowercase();
        let host = get.host.clone().unwrap_or_default();
        let path = get.path.clone().unwrap_or_default();
        return format!(
            "http-get {scheme}://{host}:{}{path} {attributes}",
            port_text(&get.port)
        );
    }
    if let Some(socket) = &probe.tcp_socket {
        let host = socket.host.clone().unwrap_or_default();
        return format!("tcp-socket {host}:{} {attributes}", port_text(&socket.port));
    }
    if let Some(grpc) = &probe.grpc {
        let service = grpc.service.clone().unwrap_or_default();
        return format!("grpc <pod>:{} {service} {attributes}", grpc.port);
    }
    format!("unknown {attributes}")
}

fn environment(w: &mut Writer, section: &Section<'_>, container: &Container) {
    if let Some(sources) = container
        .env_from
        .as_ref()
        .filter(|sources| !sources.is_empty())
    {
        w.line(2, "Environment Variables from:");
        for source in sources {
            let (name, from, optional) = match (&source.config_map_ref, &source.secret_ref) {
                (Some(map), _) => (map.name.clone(), "ConfigMap", map.optional),
                (None, Some(secret)) => (secret.name.clone(), "Secret", secret.optional),
                (None, None) => Default::default(),
            };
            let prefix = match source.prefix.as_deref().unwrap_or_default() {
                "" => String::new(),
                prefix => format!(" with prefix '{prefix}'"),
            };
            let optional = optional.unwrap_or(false);
            w.line(3, &format!("{name}\t{from}{prefix}\tOptional: {optional}"));
        }
    }
    match container.env.as_deref().unwrap_or_default() {
        [] => w.line(2, "Environment:\t<none>"),
        variables => {
            w.line(2, "Environment:");
            variables
                .iter()
                .for_each(|variable| set_variable(w, section, variable));
        }
    }
}

fn set_variable(w: &mut Writer, section: &Section<'_>, variable: &EnvVar) {
    let name = &variable.name;
    let Some(from) = &variable.value_from else {
        let value = variable.value.as_deref().unwrap_or_default();
        for (at, line) in value.split('\n').enumerate() {
            let head = if at == 0 {
                format!("{name}:")
            } else {
                String::new()
            };
            w.line(3, &format!("{head}\t{line}"));
        }
        return;
    };
    if let Some(field) = &from.field_ref {
        let value = section.pod.map(|pod| field_of(pod, &field.field_path));
        let version = field.api_version.as_deref().unwrap_or_default();
        let text = format!(
            "{} ({version}:{})",
            value.unwrap_or_default(),
            field.field_path
        );
        w.field(3, name, text);
    } else if let Some(resource) = &from.resource_field_ref {
        w.field(3, name, format!(" ({})", resource.resource));
    } else if let Some(key) = &from.secret_key_ref {
        let optional = key.optional.unwrap_or(false);
        let text = format!(
            "<set to the key '{}' in secret '{}'>\tOptional: {optional}",
            key.key, key.name
        );
        w.field(3, name, text);
    } else if let Some(key) = &from.config_map_key_ref {
        let optional = key.optional.unwrap_or(false);
        let text = format!(
            "<set to the key '{}' of config map '{}'>\tOptional: {optional}",
            key.key, key.name
        );
        w.field(3, name, text);
    }
}

/// What a field reference finds in a Pod.
fn field_of(pod: &Pod, path: &str) -> String {
    let (spec, status) = (pod.spec.as_ref(), pod.status.as_ref());
    let found = match path {
        "metadata.name" => Some(pod.name().to_owned()),
        "metadata.namespace" => Some(pod.namespace().to_owned()),
        "metadata.uid" => Some(pod.uid().to_owned()),
        "spec.nodeName" => spec.and_then(|spec| spec.node_name.clone()),
        "spec.serviceAccountName" => spec.and_then(|spec| spec.service_account_name.clone()),
        "status.hostIP" => status.and_then(|status| status.host_ip.clone()),
        "status.podIP" => status.and_then(|status| status.pod_ip.clone()),
        _ => None,
    };
    found.unwrap_or_default()
}

fn mounts(w: &mut Writer, container: &Container) {
    let mut mounts = container.volume_mounts.clone().unwrap_or_default();
    order::sort_by(&mut mounts, |a, b| a.mount_path.cmp(&b.mount_path));
    if mounts.is_empty() {
        w.line(2, "Mounts:\t<none>");
        return;
    }
    w.line(2, "Mounts:");
    for mount in mounts {
        let mode = if mount.read_only == Some(true) {
            "ro"
        } else {
            "rw"
        };
        let sub = mount.sub_path.filter(|path| !path.is_empty());
        let sub = sub
            .map(|path| format!(",path={path:?}"))
            .unwrap_or_default();
        w.line(
            3,
            &format!("{} from {} ({mode}{sub})", mount.mount_path, mount.name),
        );
    }
}
