//! Who asks: a name, groups, and what else is known.
//!
//! Upstream: staging/src/k8s.io/apiserver/pkg/authentication/{user/user.go,serviceaccount/util.go},
//! v1.36.

use crate::sim::SortedMap;
use serde::Serialize;

/// The group whose members may do everything.
pub const MASTERS: &str = "system:masters";
const AUTHENTICATED: &str = "system:authenticated";
const UNAUTHENTICATED: &str = "system:unauthenticated";
const ANONYMOUS: &str = "system:anonymous";
const ACCOUNT: &str = "system:serviceaccount:";

/// Whoever a request is made for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct User {
    /// The name.
    pub name: String,
    /// A unique id, where there is one.
    pub uid: String,
    /// The groups.
    pub groups: Vec<String>,
    /// What else is known.
    pub extra: SortedMap<String, Vec<String>>,
}

/// The name that a ServiceAccount has as a user.
pub fn account_name(namespace: &str, name: &str) -> String {
    format!("{ACCOUNT}{namespace}:{name}")
}

/// The namespace and the name of the service account that is called `user`.
pub fn account_of(user: &str) -> Option<(&str, &str)> {
    let (namespace, name) = user.strip_prefix(ACCOUNT)?.split_once(':')?;
    (!namespace.is_empty() && !name.is_empty() && !name.contains(':')).then_some((namespace, name))
}

impl User {
    /// Whose cluster it is: the person at the page, and the kubeconfig's user, as kubeadm names him.
    pub fn admin() -> Self {
        Self {
            name: "kubernetes-admin".to_owned(),
            groups: vec![
                "kubeadm:cluster-admins".to_owned(),
                AUTHENTICATED.to_owned(),
            ],
            ..Self::default()
        }
    }

    /// Who is impersonated by this name and these groups: with those that every user is in, and a
    /// service account's own where none are given.
    pub fn impersonated(name: &str, groups: Vec<String>) -> Self {
        let mut user = Self {
            name: name.to_owned(),
            groups,
            ..Self::default()
        };
        if let (Some((namespace, _)), true) = (account_of(name), user.groups.is_empty()) {
            user.groups = vec![
                "system:serviceaccounts".to_owned(),
                format!("system:serviceaccounts:{namespace}"),
            ];
        }
        let known = user.is_in(UNAUTHENTICATED);
        if name == ANONYMOUS {
            if !known {
                user.groups.push(UNAUTHENTICATED.to_owned());
            }
        } else if !known && !user.is_in(AUTHENTICATED) {
            user.groups.push(AUTHENTICATED.to_owned());
        }
        user
    }

    /// The part of the cluster that writes as `actor`, as upstream authenticates it.
    pub fn of_part(actor: &str) -> Self {
        let (part, node) = actor.split_once('/').unwrap_or((actor, ""));
        let controller = |name: &str| account_name("kube-system", name);
        let (name, group) = match part {
            "kubelet" => (format!("system:node:{node}"), "system:nodes"),
            "kube-proxy" => (controller("kube-proxy"), ""),
            "coredns" => (controller("coredns"), ""),
            "kube-apiserver" => ("system:apiserver".to_owned(), MASTERS),
            "kube-scheduler" | "kube-controller-manager" => (format!("system:{part}"), ""),
            // It signs tokens, and so cannot have one itself.
            "serviceaccount-token-controller" => ("system:kube-controller-manager".to_owned(), ""),
            "garbage-collector-controller" => (controller("generic-garbage-collector"), ""),
            "daemonset-controller" => (controller("daemon-set-controller"), ""),
            // It has no account of its own (pkg/controller's `startTaintEvictionController`).
            "taint-eviction-controller" => (controller("node-controller"), ""),
            "kubeadm" | "user" => return Self::admin(),
            other => (controller(other), ""),
        };
        let mut user = Self::impersonated(&name, Vec::new());
        if !group.is_empty() {
            user.groups.insert(0, group.to_owned());
        }
        user
    }

    /// Whether it is in `group`.
    pub fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|known| known == group)
    }

    /// How its writes are signed.
    pub fn actor(&self) -> String {
        format!("user/{}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_added_as_upstream_does() {
        let groups = |name: &str, groups: &[&str]| {
            let given = groups.iter().map(|group| (*group).to_owned()).collect();
            User::impersonated(name, given).groups.join(" ")
        };
        for (name, given, want) in [
            ("jane", &[][..], "system:authenticated"),
            ("jane", &["dev"], "dev system:authenticated"),
            (
                "jane",
                &["system:authenticated", "dev"],
                "system:authenticated dev",
            ),
            (
                "jane",
                &["system:unauthenticated"],
                "system:unauthenticated",
            ),
            ("system:anonymous", &[], "system:unauthenticated"),
            (
                "system:serviceaccount:shop:web",
                &[],
                "system:serviceaccounts system:serviceaccounts:shop system:authenticated",
            ),
            (
                "system:serviceaccount:shop:web",
                &["a"],
                "a system:authenticated",
            ),
            ("system:serviceaccount:shop", &[], "system:authenticated"),
        ] {
            assert_eq!(groups(name, given), want, "{name} {given:?}");
        }
    }
}
