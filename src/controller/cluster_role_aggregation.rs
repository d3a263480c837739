//! Gathers the rules of ClusterRoles into those that aggregate them.
//!
//! Upstream: pkg/controller/clusterroleaggregation/clusterroleaggregation_controller.go, v1.36. Left
//! out: the writes are updates, not applies.

use super::manager::{Controller, one_queue};
use super::{Change, Informers};
use crate::api::meta::labels;
use crate::api::selector::Selector;
use crate::api::{Kind, Object, ObjectKey, Status};
use crate::client::{Ctx, WorkQueue};
use crate::sim::SimTime;
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule};
use serde::Serialize;

/// The ClusterRole aggregation controller.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ClusterRoleAggregationController {
    queue: WorkQueue<String>,
}

/// Every ClusterRole that is known, by name.
fn roles(informers: &Informers) -> impl Iterator<Item = &ClusterRole> {
    let objects = informers.others.of_kind(Kind::ClusterRole);
    objects.filter_map(|object| object.get::<ClusterRole>().map(AsRef::as_ref))
}

fn name_of(role: &ClusterRole) -> &str {
    role.metadata.name.as_deref().unwrap_or_default()
}

/// The rules that `role` should have; `None` where it aggregates nothing.
fn plan_rules<'a>(
    role: &ClusterRole,
    all: impl Iterator<Item = &'a ClusterRole> + Clone,
) -> Option<Vec<PolicyRule>> {
    let selectors = role.aggregation_rule.as_ref()?;
    let mut rules: Vec<PolicyRule> = Vec::new();
    for selector in selectors.cluster_role_selectors.iter().flatten() {
        let selector = Selector::from_label_selector(Some(selector)).ok()?;
        let others = all.clone().filter(|other| name_of(other) != name_of(role));
        for other in others.filter(|other| selector.matches(labels(&other.metadata))) {
            for rule in other.rules.iter().flatten() {
                if !rules.contains(rule) {
                    rules.push(rule.clone());
                }
            }
        }
    }
    Some(rules)
}

impl Controller for ClusterRoleAggregationController {
    fn name(&self) -> &'static str {
        "clusterrole-aggregation-controller"
    }

    fn handle(&mut self, change: &Change, informers: &Informers, _: SimTime) {
        let change = change.meta();
        if change.kind != Kind::ClusterRole {
            return;
        }
        let aggregating = roles(informers).filter(|role| role.aggregation_rule.is_some());
        for role in aggregating {
            self.queue
                .add(name_of(role).to_owned(), Some(change.revision));
        }
    }

    one_queue!(|_, key, ctx, informers| Status::ignore_not_found(reconcile(key, ctx, informers)));
}

fn reconcile(name: &str, ctx: &mut Ctx<'_>, informers: &Informers) -> Result<(), Status> {
    let key = ObjectKey::new(Kind::ClusterRole, "", name);
    let known = informers.others.get(&key);
    let Some(role) = known.and_then(Object::get::<ClusterRole>) else {
        return Ok(());
    };
    let all: Vec<&ClusterRole> = roles(informers).collect();
    let rules = plan_rules(role, all.iter().copied());
    let Some(rules) = rules.filter(|rules| Some(rules) != role.rules.as_ref()) else {
        return Ok(());
    };
    let mut role = ClusterRole::clone(role);
    role.rules = Some(rules);
    ctx.update_object(Object::new(role))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn role(json: serde_json::Value) -> ClusterRole {
        let object = Object::from_json(Kind::ClusterRole, json).expect("it decodes");
        ClusterRole::clone(object.get().expect("a ClusterRole"))
    }

    #[test]
    fn rules_are_gathered_once_each_and_never_from_itself() {
        let rule =
            |resource: &str| json!({"apiGroups": [""], "resources": [resource], "verbs": ["get"]});
        let all = [
            role(
                json!({"metadata": {"name": "a", "labels": {"to": "x"}}, "rules": [rule("pods")]}),
            ),
            role(json!({"metadata": {"name": "b", "labels": {"to": "x"}},
                "rules": [rule("pods"), rule("nodes")]})),
            role(json!({"metadata": {"name": "c"}, "rules": [rule("secrets")]})),
            role(
                json!({"metadata": {"name": "x", "labels": {"to": "x"}}, "rules": [rule("events")],
                "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"to": "x"}}]}}),
            ),
        ];
        let rules = plan_rules(&all[3], all.iter()).expect("it aggregates");
        let resources: Vec<&str> = rules
            .iter()
            .flat_map(|rule| rule.resources.iter().flatten().map(String::as_str))
            .collect();
        assert_eq!(resources, ["pods", "nodes"]);
        assert_eq!(plan_rules(&all[0], all.iter()), None);
    }
}
