//! RoleBindings and ClusterRoleBindings as rows.

use super::{Cell, Column, age_of};
use crate::sim::SimTime;
use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, RoleBinding, RoleRef, Subject};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use std::sync::Arc;

pub(super) const COLUMNS: &[Column] = &[
    Column::name(),
    Column::text("Role"),
    Column::text("Age"),
    Column::text("Users").wide(),
    Column::text("Groups").wide(),
    Column::text("ServiceAccounts").wide(),
];

/// What both kinds say.
pub(super) trait Binding {
    /// Metadata, role and whom it is given to.
    fn parts(&self) -> (&ObjectMeta, &RoleRef, Option<&Vec<Subject>>);
}

impl Binding for RoleBinding {
    fn parts(&self) -> (&ObjectMeta, &RoleRef, Option<&Vec<Subject>>) {
        (&self.metadata, &self.role_ref, self.subjects.as_ref())
    }
}

impl Binding for ClusterRoleBinding {
    fn parts(&self) -> (&ObjectMeta, &RoleRef, Option<&Vec<Subject>>) {
        (&self.metadata, &self.role_ref, self.subjects.as_ref())
    }
}

pub(super) fn cells<B: Binding>(binding: &Arc<B>, now: SimTime) -> Vec<Cell> {
    let (metadata, role, subjects) = binding.parts();
    let of_kind = |kind: &str| {
        let subjects = subjects.into_iter().flatten();
        let named = subjects.filter(|subject| subject.kind == kind).map(name);
        Cell::Text(named.collect::<Vec<_>>().join(", "))
    };
    vec![
        Cell::text(metadata.name.clone().unwrap_or_default()),
        Cell::Text(format!("{}/{}", role.kind, role.name)),
        age_of(metadata, now),
        of_kind("User"),
        of_kind("Group"),
        of_kind("ServiceAccount"),
    ]
}

fn name(subject: &Subject) -> String {
    match subject.kind.as_str() {
        "ServiceAccount" => {
            let namespace = subject.namespace.as_deref().unwrap_or_default();
            format!("{namespace}/{}", subject.name)
        }
        _ => subject.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::codec;
    use serde_json::json;

    #[test]
    fn subjects_are_told_by_their_kind() {
        let binding: RoleBinding = codec::from_value(json!({
            "metadata": {"name": "x"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
            "subjects": [
                {"kind": "User", "name": "ann"}, {"kind": "User", "name": "bob"},
                {"kind": "ServiceAccount", "namespace": "a", "name": "default"}
            ]
        }))
        .expect("it decodes");
        let cells = cells(&Arc::new(binding), SimTime::default());
        let texts: Vec<String> = cells.iter().map(ToString::to_string).collect();
        let want = ["x", "Role/reader", "<unknown>", "ann, bob", "", "a/default"];
        assert_eq!(texts, want);
    }
}
