//! What a failed Pod means for its Job by podFailurePolicy, and when successPolicy is met.
//!
//! Upstream: pkg/controller/job/{pod_failure_policy,success_policy}.go, v1.36.

use super::indexes::Indexes;
use crate::api::meta::MetaExt;
use k8s_openapi::api::batch::v1::{
    PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyRule, SuccessPolicy,
};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};

/// What the first rule that fits says of a failed Pod.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Why the whole Job fails, if it does.
    pub message: Option<String>,
    /// Whether the failure counts.
    pub counts: bool,
    /// Whether the Pod's index fails for good.
    pub fails_index: bool,
}

/// What `policy` says of a Pod that failed.
pub fn of_failure(policy: Option<&PodFailurePolicy>, pod: &Pod) -> Verdict {
    let mut verdict = Verdict {
        message: None,
        counts: true,
        fails_index: false,
    };
    let rules = policy.iter().flat_map(|policy| &policy.rules);
    for (index, rule) in rules.enumerate() {
        let Some(what) = matched(rule, pod) else {
            continue;
        };
        match rule.action.as_str() {
            "Ignore" => verdict.counts = false,
            "FailIndex" => verdict.fails_index = true,
            "FailJob" => {
                let what = what.replace("{pod}", &pod.namespaced_name().to_string());
                verdict.message = Some(format!("{what} matching FailJob rule at index {index}"));
            }
            _ => {}
        }
        return verdict;
    }
    verdict
}

/// What of the Pod fits the rule, in the words of the message; `{pod}` stands for its name.
fn matched(rule: &PodFailurePolicyRule, pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    if let Some(wanted) = &rule.on_exit_codes {
        let main = status.container_statuses.iter().flatten();
        let mut all = main.chain(status.init_container_statuses.iter().flatten());
        return all.find_map(|container| {
            let code = exit_code(container).filter(|code| fits(*code, container, wanted))?;
            let name = &container.name;
            Some(format!(
                "Container {name} for pod {{pod}} failed with exit code {code}"
            ))
        });
    }
    let patterns = rule.on_pod_conditions.as_ref()?;
    let found = status.conditions.iter().flatten().find(|condition| {
        patterns.iter().any(|pattern| {
            pattern.type_ == condition.type_
                && pattern.status.as_deref().unwrap_or("True") == condition.status
        })
    })?;
    Some(format!("Pod {{pod}} has condition {}", found.type_))
}

fn exit_code(container: &ContainerStatus) -> Option<i32> {
    let state = container.state.as_ref()?;
    Some(state.terminated.as_ref()?.exit_code)
}

fn fits(
    code: i32,
    container: &ContainerStatus,
    wanted: &PodFailurePolicyOnExitCodesRequirement,
) -> bool {
    let named = wanted.container_name.as_ref();
    let listed = wanted.values.contains(&code);
    code != 0
        && named.is_none_or(|name| *name == container.name)
        && match wanted.operator.as_str() {
            "In" => listed,
            "NotIn" => !listed,
            _ => false,
        }
}

/// Which rule of `policy` the indexes that succeeded meet, in the words of the message.
pub fn met(policy: Option<&SuccessPolicy>, completions: u32, done: &Indexes) -> Option<String> {
    if done.total() == 0 {
        return None;
    }
    let enough =
        |count: Option<i32>, of: u32| count.is_some_and(|count| i64::from(of) >= i64::from(count));
    let rules = &policy?.rules;
    let index = rules
        .iter()
        .position(|rule| match &rule.succeeded_indexes {
            Some(text) => {
                let wanted = Indexes::parse(text, completions);
                let common = wanted.common(done);
                wanted.total() > 0
                    && (common == wanted.total() || enough(rule.succeeded_count, common))
            }
            None => enough(rule.succeeded_count, done.total()),
        })?;
    Some(format!("Matched rules at index {index}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn pod(code: i32, condition: &str) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "p", "namespace": "default"},
            "status": {
                "phase": "Failed",
                "conditions": [{"type": condition, "status": "True"}],
                "containerStatuses": [{
                    "name": "main", "image": "", "imageID": "", "ready": false, "restartCount": 0,
                    "state": {"terminated": {"exitCode": code}}
                }]
            }
        }))
        .expect("a Pod")
    }

    fn rules(rules: Value) -> PodFailurePolicy {
        serde_json::from_value(json!({"rules": rules})).expect("a policy")
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let disrupted = json!([{"type": "DisruptionTarget", "status": "True"}]);
        let policy = rules(json!([
            {"action": "Ignore", "onPodConditions": disrupted},
            {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [5, 6]}},
            {"action": "FailIndex", "onExitCodes": {"containerName": "main", "operator": "In", "values": [7]}},
            {"action": "Count", "onExitCodes": {"containerName": "other", "operator": "NotIn", "values": [1]}},
            {"action": "FailJob", "onPodConditions": [{"type": "Lost", "status": "True"}]},
        ]));
        let verdict = |message: Option<&str>, counts, fails_index| Verdict {
            message: message.map(str::to_owned),
            counts,
            fails_index,
        };
        let exit = "Container main for pod default/p failed with exit code 5 matching FailJob rule at index 1";
        let lost = "Pod default/p has condition Lost matching FailJob rule at index 4";
        for (code, condition, want) in [
            (1, "Ready", verdict(None, true, false)),
            (5, "DisruptionTarget", verdict(None, false, false)),
            (5, "Ready", verdict(Some(exit), true, false)),
            (7, "Ready", verdict(None, true, true)),
            (1, "Lost", verdict(Some(lost), true, false)),
            (0, "Ready", verdict(None, true, false)),
        ] {
            let found = of_failure(Some(&policy), &pod(code, condition));
            assert_eq!(found, want, "{code} {condition}");
        }
        assert_eq!(
            of_failure(None, &pod(5, "Lost")),
            verdict(None, true, false)
        );
    }

    #[test]
    fn a_success_policy_is_met_by_which_and_how_many() {
        for (policy, done, want) in [
            (json!([{"succeededCount": 2}]), "0", None),
            (
                json!([{"succeededCount": 2}]),
                "0,4",
                Some("Matched rules at index 0"),
            ),
            (json!([{"succeededIndexes": "0-2"}]), "0,1,3", None),
            (
                json!([{"succeededIndexes": "0-2"}]),
                "0-5",
                Some("Matched rules at index 0"),
            ),
            (
                json!([{"succeededIndexes": "9"}, {"succeededIndexes": "0-4", "succeededCount": 2}]),
                "1,4",
                Some("Matched rules at index 1"),
            ),
            (
                json!([{"succeededIndexes": "50", "succeededCount": 0}]),
                "1",
                None,
            ),
        ] {
            let policy = serde_json::from_value(json!({"rules": policy})).expect("a policy");
            let found = met(Some(&policy), 10, &Indexes::parse(done, 10));
            assert_eq!(found.as_deref(), want, "{done}");
        }
        assert_eq!(met(None, 10, &Indexes::parse("0-9", 10)), None);
    }
}
