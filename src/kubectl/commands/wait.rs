//! `kubectl wait`: until a condition holds, or an object is gone.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/cmd/wait/{wait,condition,delete}.go, v1.36. Left out:
//! `--for=jsonpath`, `--for=create`, and waiting for objects that are not there yet.

use super::{Pending, Verb};
use crate::api::meta::MetaExt;
use crate::api::{ObjectKey, Reason};
use crate::apiserver::ApiHandle;
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{ALL, Flag, SELECT, Takes, flag};
use crate::kubectl::output::Output;
use crate::kubectl::resource::{self, Named, Scope};
use crate::kubectl::shell::Shell;
use crate::kubectl::{get, printed_name};
use crate::sim::{SimDuration, SimTime};
use serde::Serialize;
use serde_json::Value;

const FLAGS: &[Flag] = &[flag("for", Takes::Text), flag("timeout", Takes::Duration)];

pub const VERB: Verb = Verb {
    name: "wait",
    usage: "wait (TYPE/NAME | TYPE -l label) --for=(condition=NAME[=VALUE] | delete) [--timeout=30s]",
    about: "Wait until a condition holds",
    flags: &[SELECT, ALL, FLAGS],
    run,
};

/// What is waited for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Watch {
    /// The condition and its status, in small letters; `None`: the objects are to be gone.
    condition: Option<(String, String)>,
    /// Those that are waited for yet, with their uids.
    objects: Vec<(ObjectKey, String)>,
    pub(super) until: Option<SimTime>,
}

fn run(shell: &mut Shell<'_>) -> Result<Option<Pending>, Failure> {
    let Some(what) = shell.words.text("for").map(str::to_owned) else {
        return Err(Failure::client("required flag(s) \"for\" not set"));
    };
    let condition = match what.split_once('=') {
        None if what.eq_ignore_ascii_case("delete") => None,
        Some(("condition", rest)) => {
            let (name, status) = rest.split_once('=').unwrap_or((rest, "true"));
            Some((name.to_lowercase(), status.to_lowercase()))
        }
        _ => {
            let message = format!("unrecognized condition: {what:?}");
            return Err(Failure::client(message));
        }
    };
    let named = Named::parse(&shell.words.args, shell.api.kinds())?;
    let scope = Scope::of(shell.words, shell.namespace)?;
    let mut found = resource::find(shell, &named, &scope)?;
    if condition.is_none() {
        // What is gone already is what is waited for.
        found.failures.clear();
    }
    let seconds = shell.words.seconds("timeout").unwrap_or(30);
    let objects = found.objects();
    let mut watch = Watch {
        condition,
        objects: objects
            .iter()
            .map(|o| (o.key(), o.uid().to_owned()))
            .collect(),
        until: Some(shell.now + SimDuration::secs(seconds)),
    };
    Failure::unless_empty(found.failures)?;
    if objects.is_empty() && watch.condition.is_some() {
        return Err(Failure::client("no matching resources found"));
    }
    let waits = watch.resume(shell.api, shell.now, shell.out)?;
    Ok(waits.then_some(Pending::Condition(watch)))
}

impl Watch {
    pub(super) fn resume(
        &mut self,
        api: &mut dyn ApiHandle,
        now: SimTime,
        out: &mut Output,
    ) -> Result<bool, Failure> {
        let objects = std::mem::take(&mut self.objects);
        for (key, uid) in objects {
            let met = match (get(api, &key, now), &self.condition) {
                (Ok(object), None) => object.uid() != uid,
                (Ok(object), Some(condition)) => holds(&object.to_json(), condition),
                (Err(status), None) => status.reason == Reason::NotFound,
                (Err(status), Some(_)) if status.reason == Reason::NotFound => {
                    return Err(status.into());
                }
                // A server that does not answer now is asked again.
                (Err(_), Some(_)) => false,
            };
            if met {
                out.line(&format!("{} condition met", printed_name(&key)));
            } else {
                self.objects.push((key, uid));
            }
        }
        Ok(!self.objects.is_empty())
    }

    pub(super) fn timed_out(&self) -> Failure {
        let failures = self.objects.iter().map(|(key, _)| {
            let (plural, name) = (key.kind.row().plural, &key.name);
            let message = format!("timed out waiting for the condition on {plural}/{name}");
            Failure::client(message)
        });
        Failure::Many(failures.collect())
    }
}

/// Whether the condition has that status, and its object is not older than what was asked of it.
fn holds(object: &Value, (name, status): &(String, String)) -> bool {
    let seen = &object["status"]["observedGeneration"];
    if seen.as_i64() < object["metadata"]["generation"].as_i64() && !seen.is_null() {
        return false;
    }
    let conditions = object["status"]["conditions"].as_array();
    let text = |condition: &Value, field: &str| {
        condition[field].as_str().unwrap_or_default().to_lowercase()
    };
    conditions
        .into_iter()
        .flatten()
        .any(|condition| text(condition, "type") == *name && text(condition, "status") == *status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_condition_counts_once_the_object_is_up_to_date() {
        for (condition, observed, want) in [
            (("complete", "true"), Value::Null, true),
            (("complete", "false"), Value::Null, false),
            (("failed", "true"), Value::Null, false),
            (("complete", "true"), json!(2), true),
            (("complete", "true"), json!(1), false),
        ] {
            let object = json!({"metadata": {"generation": 2}, "status": {
                "observedGeneration": observed, "conditions": [{"type": "Complete", "status": "True"}]
            }});
            let (name, status) = condition;
            let condition = (name.to_owned(), status.to_owned());
            assert_eq!(holds(&object, &condition), want, "{condition:?} {observed}");
        }
    }
}
