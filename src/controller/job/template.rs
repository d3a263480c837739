//! The Pods of a Job: what its template says, the finalizer, and for an indexed Job which index.
//!
//! Upstream: pkg/controller/job/job_controller.go (manageJob), indexed_job_utils.go, v1.36.

use super::indexes::INDEX;
use super::view::{FAILURES, IGNORED, View, is_tracked, noted};
use super::{TRACKING, pods};
use crate::api::meta::MetaExt;
use crate::api::owner;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{EnvVar, EnvVarSource, ObjectFieldSelector, Pod};

const VARIABLE: &str = "JOB_COMPLETION_INDEX";

/// A new Pod of `job`, which works on `index`.
pub fn new_pod(job: &Job, view: &View<'_>, index: Option<u32>) -> Pod {
    let owner = owner::controller_ref(job);
    let mut pod = pods::from_template(&view.spec.template, job.namespace(), owner);
    if !is_tracked(&pod) {
        let finalizers = pod.metadata.finalizers.get_or_insert_default();
        finalizers.push(TRACKING.to_owned());
    }
    let Some(index) = index else {
        return pod;
    };
    let text = index.to_string();
    let suffix = ["-", &text, "-"].concat();
    let room = 58_usize.saturating_sub(suffix.len());
    let mut name: String = job.name().chars().take(room).collect();
    name.push_str(&suffix);
    pod.metadata.generate_name = Some(name);
    let labels = pod.metadata.labels.get_or_insert_default();
    labels.insert(INDEX.to_owned(), text.clone());
    let annotations = pod.metadata.annotations.get_or_insert_default();
    if view.lost.is_some() {
        let (mut failures, mut ignored) = (0, 0);
        if let Some(last) = view.held(index) {
            let counts = view.verdict(last).counts;
            failures = noted(last, FAILURES) + u32::from(counts);
            ignored = noted(last, IGNORED) + u32::from(!counts);
        }
        annotations.insert(FAILURES.to_owned(), failures.to_string());
        if ignored > 0 {
            annotations.insert(IGNORED.to_owned(), ignored.to_string());
        }
    }
    annotations.insert(INDEX.to_owned(), text.clone());
    let Some(spec) = &mut pod.spec else {
        return pod;
    };
    spec.hostname = Some([job.name(), "-", &text].concat());
    let main = spec.containers.iter_mut();
    for container in main.chain(spec.init_containers.iter_mut().flatten()) {
        let variables = container.env.get_or_insert_default();
        if variables.iter().all(|variable| variable.name != VARIABLE) {
            variables.push(variable());
        }
    }
    pod
}

fn variable() -> EnvVar {
    EnvVar {
        name: VARIABLE.to_owned(),
        value: None,
        value_from: Some(EnvVarSource {
            field_ref: Some(ObjectFieldSelector {
                api_version: None,
                field_path: ["metadata.labels['", INDEX, "']"].concat(),
            }),
            ..EnvVarSource::default()
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::view::tests::{job, pod, view};
    use super::*;
    use crate::api::meta;
    use serde_json::json;

    #[test]
    fn a_pod_says_which_index_it_works_on_and_how_often_that_failed() {
        let container = json!({"name": "c", "image": "busybox"});
        let job = job(
            json!({"completions": 3, "parallelism": 3, "completionMode": "Indexed",
                "backoffLimitPerIndex": 4, "template": {"spec": {"containers": [container]}}}),
            json!({}),
        );
        let failed = pod(
            "f",
            "Failed",
            json!({"annotations": {INDEX: "1", FAILURES: "2"}}),
        );
        let view = view(&job, &[failed]);
        for (index, failures) in [(0, "0"), (1, "3")] {
            let pod = new_pod(&job, &view, Some(index));
            let text = index.to_string();
            assert_eq!(pod.metadata.generate_name, Some(format!("j-{index}-")));
            assert_eq!(meta::labels(&pod.metadata)[INDEX], text);
            assert_eq!(pod.annotation(FAILURES), Some(failures));
            assert!(is_tracked(&pod));
            let spec = pod.spec.expect("a spec");
            assert_eq!(spec.hostname, Some(format!("j-{index}")));
            let variables = spec.containers[0].env.as_ref().expect("variables");
            assert_eq!(variables[0].name, VARIABLE);
        }
        let plain = new_pod(&job, &view, None);
        assert_eq!(plain.metadata.generate_name.as_deref(), Some("j-"));
        assert_eq!(plain.spec.and_then(|spec| spec.hostname), None);
    }
}
