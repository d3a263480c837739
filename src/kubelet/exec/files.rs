//! The files of a container: those that the kubelet writes, in folders that are otherwise empty.
//!
//! Upstream: pkg/kubelet/kubelet_pods.go (hostsFileContent), pkg/kubelet/network/dns/dns.go, v1.36.
//! Left out: what the image holds, volumes, and writing.

use super::{Place, env};
use crate::network::dns::ResolvConf;

/// The folders that there are, and what they hold.
const FOLDERS: &[(&str, &str)] = &[
    ("/", "bin dev etc home proc root sys tmp usr var"),
    ("/bin", ""),
    ("/dev", "null"),
    ("/etc", "hostname hosts resolv.conf"),
    ("/home", ""),
    ("/proc", ""),
    ("/root", ""),
    ("/sys", ""),
    ("/tmp", ""),
    ("/usr", ""),
    ("/var", ""),
];

/// Whether programs lie in `folder`.
pub fn is_path(folder: &str) -> bool {
    env::PATH.split(':').any(|known| known == folder)
}

/// `path` from the root, seen from `dir`, without `.` and `..`.
pub fn absolute(dir: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let start = if path.starts_with('/') { "" } else { dir };
    for part in start.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// The names in a folder; `None` where there is none.
pub fn folder(path: &str) -> Option<Vec<&'static str>> {
    let found = FOLDERS.iter().find(|(name, _)| *name == path);
    found.map(|(_, names)| names.split_whitespace().collect())
}

/// What stands in a file; `None` where there is none.
pub fn file(path: &str, place: &Place) -> Option<String> {
    match path {
        "/dev/null" => Some(String::new()),
        "/etc/hostname" => Some(format!("{}\n", env::hostname(place))),
        "/etc/resolv.conf" => Some(ResolvConf::of_pod(&place.pod).to_string()),
        "/etc/hosts" => Some(hosts(place)),
        _ => None,
    }
}

fn hosts(place: &Place) -> String {
    let spec = place.pod.spec.as_ref();
    let mut text = String::from(
        "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n",
    );
    text.push_str(&format!("{}\t{}\n", place.ip, env::hostname(place)));
    let aliases = spec.and_then(|spec| spec.host_aliases.as_ref());
    if let Some(aliases) = aliases.filter(|aliases| !aliases.is_empty()) {
        text.push_str("\n# Entries added by HostAliases.\n");
        for alias in aliases {
            let names = alias.hostnames.clone().unwrap_or_default().join("\t");
            text.push_str(&format!("{}\t{names}\n", alias.ip));
        }
    }
    text
}
