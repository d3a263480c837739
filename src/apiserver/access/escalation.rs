//! Nobody gives more than he has: what a role or a binding may hold depends on who writes it.
//!
//! Upstream: pkg/registry/rbac/{role,clusterrole,rolebinding,clusterrolebinding}/policybased/storage.go
//! and pkg/registry/rbac/escalation_check.go, v1.36.

use super::{Access, Attributes, User, rule, user};
use crate::api::meta::MetaExt;
use crate::api::{Kind, Object, Reason, Status};
use crate::sim::order;
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule, RoleRef};

/// The words that refuse an aggregation rule.
const AGGREGATION: &str = "must have cluster-admin privileges to use the aggregationRule";

fn aggregates(role: &ClusterRole) -> bool {
    let rule = role.aggregation_rule.as_ref();
    rule.and_then(|rule| rule.cluster_role_selectors.as_ref())
        .is_some_and(|selectors| !selectors.is_empty())
}

/// `*` on everything.
fn full_authority() -> [PolicyRule; 2] {
    let all = || Some(vec!["*".to_owned()]);
    let verbs = vec!["*".to_owned()];
    [
        PolicyRule {
            api_groups: all(),
            resources: all(),
            verbs: verbs.clone(),
            ..PolicyRule::default()
        },
        PolicyRule {
            non_resource_urls: all(),
            verbs,
            ..PolicyRule::default()
        },
    ]
}

impl Access<'_> {
    /// Refuses a role or a binding that gives more than `user` has, in the place of `old` where there
    /// is one.
    ///
    /// # Errors
    /// `Forbidden`, in the API server's words; `NotFound` for a binding to a role that is not there.
    pub fn check_grant(
        &self,
        user: &User,
        new: &Object,
        old: Option<&Object>,
    ) -> Result<(), Status> {
        let aside = user.is_in(user::MASTERS) || old.is_some_and(|old| same_but_owners(new, old));
        if aside {
            return Ok(());
        }
        let namespace = new.namespace();
        match new {
            Object::Role(role) => {
                let rules = role.rules.as_deref().unwrap_or_default();
                self.check_role(user, new, rules)
            }
            Object::ClusterRole(role) => {
                let rules = role.rules.as_deref().unwrap_or_default();
                self.check_role(user, new, rules)?;
                let before = old.and_then(Object::get::<ClusterRole>);
                let wide = aggregates(role) || before.is_some_and(|role| aggregates(role));
                if !wide || self.may_escalate(user, new) {
                    return Ok(());
                }
                match self.lacks(user, "", &full_authority()) {
                    Some(_) => Err(Status::forbidden(&new.key(), AGGREGATION)),
                    None => Ok(()),
                }
            }
            Object::RoleBinding(binding) => {
                self.check_binding(user, new, &binding.role_ref, namespace)
            }
            Object::ClusterRoleBinding(binding) => {
                self.check_binding(user, new, &binding.role_ref, "")
            }
            _ => Ok(()),
        }
    }

    fn may_escalate(&self, user: &User, role: &Object) -> bool {
        let (kind, name) = (role.kind(), role.name());
        let asked = Attributes::of_kind("escalate", kind, role.namespace(), name);
        self.decide(user, &asked).allowed
    }

    fn check_role(&self, user: &User, role: &Object, rules: &[PolicyRule]) -> Result<(), Status> {
        if self.may_escalate(user, role) {
            return Ok(());
        }
        match self.lacks(user, role.namespace(), rules) {
            Some(why) => Err(Status::forbidden(&role.key(), &why)),
            None => Ok(()),
        }
    }

    fn check_binding(
        &self,
        user: &User,
        binding: &Object,
        role: &RoleRef,
        namespace: &str,
    ) -> Result<(), Status> {
        let kind = match role.kind.as_str() {
            "Role" => Kind::Role,
            "ClusterRole" => Kind::ClusterRole,
            // Validation refuses it.
            _ => return Ok(()),
        };
        let asked = Attributes::of_kind("bind", kind, namespace, &role.name);
        if self.decide(user, &asked).allowed {
            return Ok(());
        }
        let rules = self.rules_of(role, namespace);
        let rules = rules.map_err(|why| Status::plain(Reason::NotFound, why))?;
        match self.lacks(user, namespace, rules) {
            Some(why) => Err(Status::forbidden(&binding.key(), &why)),
            None => Ok(()),
        }
    }

    /// What `user` would give without having it, as a sentence.
    fn lacks(&self, user: &User, namespace: &str, wanted: &[PolicyRule]) -> Option<String> {
        let (owned, errors) = self.rules(user, namespace);
        let missing = rule::missing(&owned, wanted);
        if missing.is_empty() || *user == User::admin() {
            return None;
        }
        let mut texts: Vec<String> = rule::compact(missing).iter().map(rule::text).collect();
        order::sort(&mut texts);
        texts.dedup();
        let mut why = format!(
            "user {:?} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
            user.name,
            rule::quoted(&user.groups),
            texts.join("\n")
        );
        if !errors.is_empty() {
            why.push_str(&format!("; resolution errors: [{}]", errors.join(", ")));
        }
        Some(why)
    }
}

/// Whether a change is only of the fields by which the garbage collector deletes an object.
fn same_but_owners(new: &Object, old: &Object) -> bool {
    let without = |object: &Object| {
        let mut object = object.clone();
        let metadata = object.meta_mut();
        metadata.owner_references = None;
        metadata.finalizers = None;
        metadata.managed_fields = None;
        object
    };
    without(new) == without(old)
}
