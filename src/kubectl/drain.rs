//! cordon, uncordon and drain of nodes.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/drain/{cordon,drain,filters}.go, v1.36. What happens to each
//! Pod is decided before any is evicted: one that cannot go keeps all of them. What a
//! PodDisruptionBudget refuses, the command tries again; the page's button does not.

use super::{get, object, printed_name};
use crate::api::meta::MetaExt;
use crate::api::pod::is_finished;
use crate::api::selector::Selector;
use crate::api::{Kind, Object, ObjectKey, Reason, Status, owner};
use crate::apiserver::{ApiHandle, DeleteOptions, FieldSelector, Operation, Request};
use crate::sim::SimTime;
use k8s_openapi::api::core::v1::Pod;
use serde::Serialize;
use std::sync::Arc;

/// What the kubelet marks the Pods with that it runs by itself.
const MIRROR: &str = "kubernetes.io/config.mirror";
const DAEMON_SET: &str = "DaemonSet-managed Pods (use --ignore-daemonsets to ignore)";
const DAEMON_SET_WARNING: &str = "ignoring DaemonSet-managed Pods";
const LOCAL: &str = "Pods with local storage (use --delete-emptydir-data to override)";
const UNMANAGED: &str = "cannot delete Pods that declare no controller (use --force to override)";
const UNMANAGED_WARNING: &str = "deleting Pods that declare no controller";

/// What may go along with a drain, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DrainOptions {
    /// `--force`: Pods that nobody would make again.
    pub force: bool,
    /// `--ignore-daemonsets`: Pods of DaemonSets stay without a complaint.
    pub ignore_daemon_sets: bool,
    /// `--delete-emptydir-data`: Pods whose data would be lost.
    pub delete_empty_dir_data: bool,
    /// `--grace-period`: seconds; each Pod's own where `None`.
    pub grace_period_seconds: Option<i64>,
    /// `--pod-selector`: these Pods only.
    pub pods: Selector,
}

/// What a drain from the page did, and what stopped it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DrainReport {
    /// What was done, in kubectl's words.
    pub lines: Vec<String>,
    /// Why the node is not drained: the Pods, and what is to be said of them.
    pub errors: Vec<String>,
}

/// `kubectl cordon` and `uncordon`: whether new Pods may come to a node.
///
/// # Errors
/// The API server's refusal.
pub fn cordon(
    api: &mut dyn ApiHandle,
    name: &str,
    cordoned: bool,
    now: SimTime,
) -> Result<String, Status> {
    let found = get(api, &ObjectKey::new(Kind::Node, "", name), now)?;
    set_cordoned(api, found, cordoned, now)
}

/// The same, of a node as it was read.
///
/// # Errors
/// The API server's refusal.
pub(super) fn set_cordoned(
    api: &mut dyn ApiHandle,
    mut target: Object,
    cordoned: bool,
    now: SimTime,
) -> Result<String, Status> {
    let name = printed_name(&target.key());
    let word = if cordoned { "cordoned" } else { "uncordoned" };
    let Object::Node(node) = &mut target else {
        return Err(Status::bad_request(format!("error: {name} is no node")));
    };
    let spec = Arc::make_mut(node).spec.get_or_insert_default();
    if spec.unschedulable.unwrap_or(false) == cordoned {
        return Ok(format!("{name} already {word}"));
    }
    spec.unschedulable = cordoned.then_some(true);
    object(api, Operation::Update(target), now)?;
    Ok(format!("{name} {word}"))
}

/// The page's drain, as with `--ignore-daemonsets --delete-emptydir-data`: no new Pods come to the
/// node, and those on it are evicted, unless one of them would not come back elsewhere. It does not wait
/// until they are gone.
///
/// # Errors
/// The API server's refusal to cordon it.
pub fn drain(api: &mut dyn ApiHandle, name: &str, now: SimTime) -> Result<DrainReport, Status> {
    let options = DrainOptions {
        ignore_daemon_sets: true,
        delete_empty_dir_data: true,
        ..DrainOptions::default()
    };
    let mut report = DrainReport::default();
    report.lines.push(cordon(api, name, true, now)?);
    let begun = begin(api, name, &options, now);
    report.lines.extend(begun.warning);
    report.lines.extend(begun.lines);
    for (key, _, status) in &begun.refused {
        let (namespace, name) = (&key.namespace, &key.name);
        report.errors.push(format!(
            "error when evicting pods/\"{name}\" -n \"{namespace}\": {status}"
        ));
    }
    if !begun.errors.is_empty() {
        let why = joined(&begun.errors);
        let error = format!("error: unable to drain node \"{name}\" due to error: {why}");
        report.errors.push(error);
    }
    Ok(report)
}

/// Several errors as Go prints an aggregate of them.
pub(super) fn joined(errors: &[String]) -> String {
    match errors {
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    }
}

/// A drain that has begun.
#[derive(Debug, Default)]
pub(super) struct Begun {
    /// `Warning: …`, where something is to be said before.
    pub warning: Option<String>,
    /// What was done.
    pub lines: Vec<String>,
    /// The Pods that are on their way out, with their uids.
    pub evicted: Vec<(ObjectKey, String)>,
    /// Those whose budgets do not let them go yet, with their uids and what was said.
    pub refused: Vec<(ObjectKey, String, Status)>,
    /// Why not all of them are.
    pub errors: Vec<String>,
}

/// Evicts the Pods of a node.
pub(super) fn begin(
    api: &mut dyn ApiHandle,
    node: &str,
    options: &DrainOptions,
    now: SimTime,
) -> Begun {
    let mut begun = Begun::default();
    let plan = match look(api, node, options, now) {
        Ok(plan) => plan,
        Err(status) => {
            begun.errors.push(status.to_string());
            return begun;
        }
    };
    if !plan.errors.is_empty() {
        begun.errors = plan.errors;
        return begun;
    }
    begun.warning = (!plan.warnings.is_empty()).then(|| format!("Warning: {}", plan.warnings));
    for pod in &plan.leaving {
        let pod = (pod.namespaced_name().of(Kind::Pod), pod.uid().to_owned());
        evict(api, pod, options, now, &mut begun);
    }
    begun
}

/// Evicts one Pod, of which the uid is given too.
pub(super) fn evict(
    api: &mut dyn ApiHandle,
    (key, uid): (ObjectKey, String),
    options: &DrainOptions,
    now: SimTime,
    begun: &mut Begun,
) {
    let (namespace, name) = (&key.namespace, &key.name);
    begun.lines.push(format!("evicting pod {namespace}/{name}"));
    let evict = Operation::Evict {
        pod: key.namespaced_name(),
        options: DeleteOptions {
            grace_period_seconds: options.grace_period_seconds,
            uid: Some(uid.clone()),
            ..DeleteOptions::default()
        },
    };
    match object(api, evict, now) {
        Err(status) if status.reason == Reason::TooManyRequests => {
            begun.refused.push((key, uid, status));
        }
        Err(status) if status.reason != Reason::NotFound => begun.errors.push(format!(
            "error when evicting pods/\"{name}\" -n \"{namespace}\": {status}"
        )),
        _ => begun.evicted.push((key, uid)),
    }
}

/// What is to become of a node's Pods.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Those to evict.
    pub leaving: Vec<Arc<Pod>>,
    warnings: String,
    /// Why none may be evicted.
    pub errors: Vec<String>,
}

/// Decides about the Pods that are on a node.
///
/// # Errors
/// The API server's refusal to list them.
pub(super) fn look(
    api: &mut dyn ApiHandle,
    node: &str,
    options: &DrainOptions,
    now: SimTime,
) -> Result<Plan, Status> {
    let list = Operation::List {
        kind: Kind::Pod,
        namespace: None,
        labels: options.pods.clone(),
        fields: FieldSelector {
            requirements: vec![("spec.nodeName".to_owned(), node.to_owned(), true)],
        },
    };
    let items = api.handle(Request::by_user(list), now)?.items();
    let (mut warnings, mut errors) = (Said::default(), Said::default());
    let mut plan = Plan::default();
    for pod in items.iter().filter_map(|item| item.get::<Pod>()) {
        let missing = daemon_set_of(pod)
            .and_then(|key| get(api, &key, now).err())
            .map(|status| (status.reason == Reason::NotFound, status.to_string()));
        match judge(pod, options, missing) {
            Verdict::Skip => {}
            Verdict::Stays(warning) => warnings.add(&warning, pod),
            Verdict::Refused(why) => errors.add(&why, pod),
            Verdict::Leaves(warning) => {
                plan.leaving.push(pod.clone());
                if let Some(warning) = warning {
                    warnings.add(&warning, pod);
                }
            }
        }
    }
    plan.warnings = warnings.lines().join("; ");
    let errors = errors.lines().into_iter();
    plan.errors = errors
        .map(|line| match line.starts_with("cannot delete") {
            true => line,
            false => format!("cannot delete {line}"),
        })
        .collect();
    Ok(plan)
}

/// Texts, and the Pods that each is about.
#[derive(Default)]
struct Said(Vec<(String, Vec<String>)>);

impl Said {
    fn add(&mut self, text: &str, pod: &Pod) {
        let name = format!("{}/{}", pod.namespace(), pod.name());
        match self.0.iter_mut().find(|(known, _)| known == text) {
            Some((_, names)) => names.push(name),
            None => self.0.push((text.to_owned(), vec![name])),
        }
    }

    fn lines(&self) -> Vec<String> {
        let line = |(text, names): &(String, Vec<String>)| format!("{text}: {}", names.join(", "));
        self.0.iter().map(line).collect()
    }
}

/// What becomes of a Pod.
#[derive(Debug, PartialEq)]
enum Verdict {
    /// It is evicted; what is to be said of that.
    Leaves(Option<String>),
    /// It stays, and this is said of it.
    Stays(String),
    /// It stays.
    Skip,
    /// The node cannot be drained.
    Refused(String),
}

/// The DaemonSet that a Pod which has not ended belongs to.
fn daemon_set_of(pod: &Pod) -> Option<ObjectKey> {
    let controller = owner::controller_of(&pod.metadata)?;
    let is_one = controller.kind == "DaemonSet" && !is_finished(pod);
    is_one.then(|| ObjectKey::new(Kind::DaemonSet, pod.namespace(), &controller.name))
}

/// `missing`: whether the Pod's DaemonSet is known not to be there, and what was said of it.
fn judge(pod: &Pod, options: &DrainOptions, missing: Option<(bool, String)>) -> Verdict {
    if daemon_set_of(pod).is_some() {
        match missing {
            // What has lost its DaemonSet goes on to the other questions.
            Some((true, _)) if options.force => {}
            Some((_, why)) => return Verdict::Refused(why),
            None if options.ignore_daemon_sets => {
                return Verdict::Stays(DAEMON_SET_WARNING.to_owned());
            }
            None => return Verdict::Refused(DAEMON_SET.to_owned()),
        }
    }
    if pod.annotation(MIRROR).is_some() {
        return Verdict::Skip;
    }
    if is_finished(pod) {
        return Verdict::Leaves(None);
    }
    let volumes = pod
        .spec
        .iter()
        .flat_map(|spec| spec.volumes.iter().flatten());
    let is_local = volumes.into_iter().any(|volume| volume.empty_dir.is_some());
    if is_local && !options.delete_empty_dir_data {
        return Verdict::Refused(LOCAL.to_owned());
    }
    // The last question's words are the only ones that are kept, as upstream.
    match (owner::controller_of(&pod.metadata).is_some(), options.force) {
        (true, _) => Verdict::Leaves(None),
        (false, true) => Verdict::Leaves(Some(UNMANAGED_WARNING.to_owned())),
        (false, false) => Verdict::Refused(UNMANAGED.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::codec;
    use serde_json::{Value, json};

    fn pod(metadata: Value, phase: &str) -> Pod {
        let mut value = json!({"metadata": {"name": "p", "namespace": "shop"},
            "spec": {"containers": []}, "status": {"phase": phase}});
        for (field, content) in metadata.as_object().expect("fields") {
            value["metadata"][field] = content.clone();
        }
        codec::from_value(value).expect("a Pod")
    }

    fn owned(kind: &str) -> Value {
        json!({"ownerReferences": [{"apiVersion": "apps/v1", "kind": kind, "name": "web", "uid": "1", "controller": true}]})
    }

    const FORCED: fn() -> DrainOptions = || DrainOptions {
        force: true,
        ..DrainOptions::default()
    };

    #[test]
    fn what_comes_back_elsewhere_or_is_finished_is_evicted() {
        let plain = DrainOptions::default();
        let judge = |pod: Pod| judge(&pod, &plain, None);
        assert_eq!(
            judge(pod(owned("ReplicaSet"), "Running")),
            Verdict::Leaves(None)
        );
        assert_eq!(judge(pod(json!({}), "Succeeded")), Verdict::Leaves(None));
        assert_eq!(
            judge(pod(owned("DaemonSet"), "Failed")),
            Verdict::Leaves(None)
        );
        let mirror = json!({"annotations": {MIRROR: "hash"}});
        assert_eq!(judge(pod(mirror, "Running")), Verdict::Skip);
        let bare = judge(pod(json!({}), "Pending"));
        assert_eq!(bare, Verdict::Refused(UNMANAGED.to_owned()));
        let forced = super::judge(&pod(json!({}), "Pending"), &FORCED(), None);
        assert_eq!(forced, Verdict::Leaves(Some(UNMANAGED_WARNING.to_owned())));
    }

    #[test]
    fn pods_of_daemon_sets_stay() {
        let agent = pod(owned("DaemonSet"), "Running");
        let ignoring = DrainOptions {
            ignore_daemon_sets: true,
            ..DrainOptions::default()
        };
        let plain = judge(&agent, &DrainOptions::default(), None);
        assert_eq!(plain, Verdict::Refused(DAEMON_SET.to_owned()));
        let ignored = judge(&agent, &ignoring, None);
        assert_eq!(ignored, Verdict::Stays(DAEMON_SET_WARNING.to_owned()));
        let gone = Some((true, "daemonsets.apps \"web\" not found".to_owned()));
        let orphan = judge(&agent, &ignoring, gone.clone());
        assert_eq!(
            orphan,
            Verdict::Refused("daemonsets.apps \"web\" not found".to_owned())
        );
        assert_eq!(judge(&agent, &FORCED(), gone), Verdict::Leaves(None));
    }

    #[test]
    fn data_is_lost_only_where_that_was_said() {
        let mut scratch = pod(owned("ReplicaSet"), "Running");
        let volume = json!([{"name": "v", "emptyDir": {}}]);
        let spec = scratch.spec.as_mut().expect("it has one");
        spec.volumes = codec::from_value(volume).expect("volumes");
        let refused = judge(&scratch, &FORCED(), None);
        assert_eq!(refused, Verdict::Refused(LOCAL.to_owned()));
        let losing = DrainOptions {
            delete_empty_dir_data: true,
            ..DrainOptions::default()
        };
        assert_eq!(judge(&scratch, &losing, None), Verdict::Leaves(None));
    }
}
