//! A kubeconfig for the cluster. It says that the server has no TLS, without which the JavaScript
//! client refuses it.

use std::net::SocketAddr;
use std::path::Path;

/// The name of cluster, user and context.
const NAME: &str = "kubarium";

fn text(address: &SocketAddr) -> String {
    format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: {NAME}\n  cluster:\n    server: http://{address}\n    insecure-skip-tls-verify: true\ncontexts:\n- name: {NAME}\n  context:\n    cluster: {NAME}\n    user: {NAME}\ncurrent-context: {NAME}\nusers:\n- name: {NAME}\n  user: {{}}\n"
    )
}

/// Writes the kubeconfig to `path`.
///
/// # Errors
/// What is wrong, for a person.
pub fn write(path: &Path, address: &SocketAddr) -> Result<(), String> {
    std::fs::write(path, text(address))
        .map_err(|error| format!("cannot write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kubeconfig_is_yaml_that_names_the_server() {
        let text = text(&"127.0.0.1:8001".parse().unwrap());
        let value: serde_json::Value = serde_yaml::from_str(&text).unwrap();
        let server = value.pointer("/clusters/0/cluster/server");
        assert_eq!(
            server.and_then(|s| s.as_str()),
            Some("http://127.0.0.1:8001")
        );
        assert_eq!(value["current-context"], NAME);
    }
}
