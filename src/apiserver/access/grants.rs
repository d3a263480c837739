//! Which rules apply to a user, and which binding gives them.
//!
//! Upstream: pkg/registry/rbac/validation/rule.go (VisitRulesFor), v1.36.

use super::user::account_of;
use super::{Access, User};
use crate::api::meta::MetaExt;
use crate::api::{Kind, Object, ObjectKey};
use k8s_openapi::api::rbac::v1::{PolicyRule, RoleRef, Subject};

/// The rules of one role, as one binding gives them to a user.
pub struct Grant<'a> {
    /// The rules.
    pub rules: &'a [PolicyRule],
    binding: &'a Object,
    role: &'a RoleRef,
    subject: &'a Subject,
}

impl Grant<'_> {
    /// `ClusterRoleBinding "cluster-admin" of ClusterRole "cluster-admin" to Group "system:masters"`
    pub fn source(&self) -> String {
        let Self { role, subject, .. } = self;
        let (kind, namespace) = (self.binding.kind(), self.binding.namespace());
        let name = match namespace {
            "" => self.binding.name().to_owned(),
            namespace => format!("{}/{namespace}", self.binding.name()),
        };
        let subject_name = match subject.kind.as_str() {
            "ServiceAccount" => format!("{}/{}", subject.name, home(subject, namespace)),
            _ => subject.name.clone(),
        };
        format!(
            "{kind} {name:?} of {} {:?} to {} {subject_name:?}",
            role.kind, role.name, subject.kind
        )
    }
}

/// The namespace of a service account that a binding in `namespace` names.
fn home<'a>(subject: &'a Subject, namespace: &'a str) -> &'a str {
    let own = subject.namespace.as_deref().unwrap_or_default();
    if own.is_empty() { namespace } else { own }
}

fn is(user: &User, subject: &Subject, namespace: &str) -> bool {
    match subject.kind.as_str() {
        "User" => user.name == subject.name,
        "Group" => user.is_in(&subject.name),
        "ServiceAccount" => {
            account_of(&user.name) == Some((home(subject, namespace), subject.name.as_str()))
        }
        _ => false,
    }
}

impl<'a> Access<'a> {
    /// What the bindings of the cluster and of `namespace` give to `user`, and the roles that they
    /// name in vain.
    pub fn grants(&self, user: &User, namespace: &str) -> (Vec<Grant<'a>>, Vec<String>) {
        let (mut grants, mut errors) = (Vec::new(), Vec::new());
        let everywhere = self.etcd.list(Kind::ClusterRoleBinding, None);
        let local = self.etcd.list(Kind::RoleBinding, None);
        // Nothing is bound in no namespace.
        let local = local.filter(|binding| binding.namespace() == namespace);
        for binding in everywhere.chain(local) {
            self.grant(user, binding, &mut grants, &mut errors);
        }
        (grants, errors)
    }

    fn grant(
        &self,
        user: &User,
        binding: &'a Object,
        grants: &mut Vec<Grant<'a>>,
        errors: &mut Vec<String>,
    ) {
        let (role, subjects) = match binding {
            Object::ClusterRoleBinding(given) => (&given.role_ref, &given.subjects),
            Object::RoleBinding(given) => (&given.role_ref, &given.subjects),
            _ => return,
        };
        let subjects = subjects.as_deref().unwrap_or_default();
        let namespace = binding.namespace();
        let Some(subject) = subjects.iter().find(|one| is(user, one, namespace)) else {
            return;
        };
        match self.rules_of(role, namespace) {
            Ok(rules) => grants.push(Grant {
                rules,
                binding,
                role,
                subject,
            }),
            Err(error) if errors.contains(&error) => {}
            Err(error) => errors.push(error),
        }
    }

    /// The rules of the role that a binding in `namespace` names.
    ///
    /// # Errors
    /// There is no such role, in upstream's words.
    pub fn rules_of(&self, role: &RoleRef, namespace: &str) -> Result<&'a [PolicyRule], String> {
        let (kind, namespace) = match role.kind.as_str() {
            "Role" => (Kind::Role, namespace),
            "ClusterRole" => (Kind::ClusterRole, ""),
            other => return Err(format!("unsupported role reference kind: {other:?}")),
        };
        let key = ObjectKey::new(kind, namespace, role.name.as_str());
        let rules = match self.etcd.get(&key) {
            Some(Object::Role(found)) => &found.rules,
            Some(Object::ClusterRole(found)) => &found.rules,
            _ => {
                let row = kind.row();
                return Err(format!(
                    "{}.{} {:?} not found",
                    row.singular, row.group, role.name
                ));
            }
        };
        Ok(rules.as_deref().unwrap_or_default())
    }
}
