//! The roles and bindings that every cluster has, as a table.
//!
//! Upstream: plugin/pkg/auth/authorizer/rbac/bootstrappolicy/{policy,controller_policy,namespace_policy}.go,
//! pkg/registry/rbac/rest/storage_rbac.go (the hook that makes them) and cmd/kubeadm, v1.36. Left out:
//! the roles of controllers for kinds that are not served here, kubeadm's roles for bootstrap tokens
//! and certificates, and mending what was changed: only what is missing is made.
//!
//! `static/rbac.txt`: `role NAME`, `role NAMESPACE/NAME` and `controller NAME` begin a role, whose
//! rules follow, one a line: verbs, groups, resources and, where given, names of objects; `urls` in the
//! place of groups says that paths follow. `r`, `w` and `rw` are the verbs that read, write and both.
//! `from=x` aggregates the roles that are labelled for `x`, `to=x` labels one so. `bind NAME ROLE`
//! and its subjects make a binding: `g:` a group, `u:` a user, `s:` a service account; `=` is the
//! role of the same name. What follows `kubeadm` is not the API server's.

use crate::api::{Object, ObjectKey};
use crate::apiserver::ApiServer;
use crate::apiserver::tracking::Write;
use crate::sim::SimTime;
use k8s_openapi::api::rbac::v1::{
    AggregationRule, ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef,
    Subject,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use std::collections::BTreeMap;

const TABLE: &str = include_str!("../../../static/rbac.txt");
const GROUP: &str = "rbac.authorization.k8s.io";
/// How long the API server's part of the table is.
const OWN_END: &str = "kubeadm";

fn words(text: &str) -> Vec<String> {
    text.split(',').map(str::to_owned).collect()
}

fn rule(line: &str) -> Option<PolicyRule> {
    let mut parts = line.split_whitespace();
    let verbs = words(match parts.next()? {
        "r" => "get,list,watch",
        "w" => "create,delete,deletecollection,patch,update",
        "rw" => "create,delete,deletecollection,get,list,patch,update,watch",
        other => other,
    });
    let (groups, objects) = (parts.next()?, words(parts.next()?));
    if groups == "urls" {
        return Some(PolicyRule {
            non_resource_urls: Some(objects),
            verbs,
            ..PolicyRule::default()
        });
    }
    let group = |name: &str| (if name == "core" { "" } else { name }).to_owned();
    Some(PolicyRule {
        api_groups: Some(groups.split(',').map(group).collect()),
        resources: Some(objects),
        resource_names: parts.next().map(words),
        verbs,
        ..PolicyRule::default()
    })
}

fn label(role: &str) -> (String, String) {
    (format!("{GROUP}/aggregate-to-{role}"), "true".to_owned())
}

/// The metadata of what the table calls `name`; what is the API server's own is marked as such.
fn metadata(name: &str, own: bool) -> ObjectMeta {
    let (namespace, name) = match name.split_once('/') {
        Some((namespace, name)) => (Some(namespace.to_owned()), name),
        None => (None, name),
    };
    let one = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
    ObjectMeta {
        namespace,
        name: Some(name.to_owned()),
        labels: own.then(|| one("kubernetes.io/bootstrapping", "rbac-defaults")),
        annotations: own.then(|| one("rbac.authorization.kubernetes.io/autoupdate", "true")),
        ..ObjectMeta::default()
    }
}

fn role(name: &str, options: &[&str], rules: Vec<PolicyRule>, own: bool) -> Object {
    let mut metadata = metadata(name, own);
    if metadata.namespace.is_some() {
        return Object::new(Role {
            metadata,
            rules: Some(rules),
        });
    }
    let option = |name: &str| options.iter().find_map(|option| option.strip_prefix(name));
    if let Some(target) = option("to=") {
        metadata
            .labels
            .get_or_insert_default()
            .extend([label(target)]);
    }
    let selectors = option("from=").map(|source| {
        vec![LabelSelector {
            match_labels: Some(BTreeMap::from([label(source)])),
            ..LabelSelector::default()
        }]
    });
    Object::new(ClusterRole {
        metadata,
        rules: selectors.is_none().then_some(rules),
        aggregation_rule: selectors.map(|selectors| AggregationRule {
            cluster_role_selectors: Some(selectors),
        }),
    })
}

fn subject(text: &str) -> Option<Subject> {
    let (kind, name) = text.split_once(':')?;
    let of = |kind: &str| Subject {
        api_group: Some(GROUP.to_owned()),
        kind: kind.to_owned(),
        name: name.to_owned(),
        namespace: None,
    };
    Some(match kind {
        "g" => of("Group"),
        "u" => of("User"),
        _ => {
            let (namespace, name) = name.split_once('/')?;
            Subject {
                api_group: None,
                name: name.to_owned(),
                namespace: Some(namespace.to_owned()),
                ..of("ServiceAccount")
            }
        }
    })
}

fn binding(name: &str, role: &str, subjects: Vec<Subject>, own: bool) -> Object {
    let metadata = metadata(name, own);
    let namespaced = metadata.namespace.is_some();
    let role = match role {
        "=" => metadata.name.clone().unwrap_or_default(),
        named => named.to_owned(),
    };
    let role_ref = RoleRef {
        api_group: Some(GROUP.to_owned()),
        kind: if namespaced { "Role" } else { "ClusterRole" }.to_owned(),
        name: role,
    };
    let subjects = Some(subjects).filter(|subjects| !subjects.is_empty());
    match namespaced {
        true => Object::new(RoleBinding {
            metadata,
            role_ref,
            subjects,
        }),
        false => Object::new(ClusterRoleBinding {
            metadata,
            role_ref,
            subjects,
        }),
    }
}

/// Every role and binding of the table.
fn objects() -> Vec<Object> {
    let (mut made, mut own) = (Vec::new(), true);
    let mut lines = TABLE
        .lines()
        .filter(|line| !line.starts_with('#'))
        .peekable();
    while let Some(line) = lines.next() {
        let parts: Vec<&str> = line.split(' ').collect();
        let mut rules = Vec::new();
        while let Some(given) = lines.next_if(|line| line.starts_with(' ')) {
            rules.extend(rule(given));
        }
        match parts.as_slice() {
            ["role", name, options @ ..] => made.push(role(name, options, rules, own)),
            ["controller", name] => {
                let role_name = format!("system:controller:{name}");
                made.push(role(&role_name, &[], rules, own));
                let account = subject(&format!("s:kube-system/{name}"));
                made.push(binding(&role_name, "=", account.into_iter().collect(), own));
            }
            ["bind", name, role, subjects @ ..] => {
                let subjects = subjects.iter().filter_map(|text| subject(text)).collect();
                made.push(binding(name, role, subjects, own));
            }
            _ => own = own && line != OWN_END,
        }
    }
    made
}

impl ApiServer {
    /// Makes those of the roles and bindings that every cluster has which are not there. Their uids
    /// come from a generator of their own, so that what a seed makes of everything else does not hang
    /// on how many there are.
    pub fn ensure_policy(&mut self, now: SimTime) {
        let rng = self.rng.fork("rbac/bootstrap-roles");
        let kept = std::mem::replace(&mut self.rng, rng);
        for object in objects() {
            let key: ObjectKey = object.key();
            if self.etcd.get(&key).is_some() {
                continue;
            }
            let made = self.create(object, Write::own(None, now));
            // A store that is full, or whose `kube-system` is gone, does without.
            debug_assert!(
                made.is_ok() || self.etcd.len() > 1_000 || !key.namespace.is_empty(),
                "the table holds what is valid: {made:?}"
            );
        }
        self.rng = kept;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Kind;
    use crate::apiserver::registry;
    use crate::sim::SortedSet;

    #[test]
    fn the_table_is_read_whole_and_valid() {
        let made = objects();
        let keys: SortedSet<ObjectKey> = made.iter().map(Object::key).collect();
        assert_eq!(keys.len(), made.len(), "every name stands once");
        let mut rules = 0;
        for object in &made {
            assert_eq!(
                registry::validate(object, &crate::etcd::Etcd::default()),
                [],
                "{}",
                object.key()
            );
            rules += match object {
                Object::Role(role) => role.rules.as_ref().map_or(0, Vec::len),
                Object::ClusterRole(role) => role.rules.as_ref().map_or(0, Vec::len),
                Object::ClusterRoleBinding(binding) => {
                    let key = ObjectKey::new(Kind::ClusterRole, "", binding.role_ref.name.as_str());
                    assert!(keys.contains(&key), "{key} is bound and not there");
                    0
                }
                _ => 0,
            };
        }
        let lines = TABLE.lines().filter(|line| line.starts_with(' ')).count();
        assert_eq!(rules, lines, "every line of the table is a rule");
    }
}
