//! What must hold of Jobs: none counts a Pod twice, and each ends with as many successes as it asks
//! for, or says that it has failed.

use crate::invariants::{Before, is_over, list, node_of};
use crate::rest;
use crate::step::{At, Step};
use crate::world::World;
use k8s_openapi::api::batch::v1::{Job, JobStatus};
use k8s_openapi::api::core::v1::Pod;
use kubarium::api::meta::MetaExt;
use kubarium::api::watch::WatchEvent;
use kubarium::api::{Kind, Object, ObjectKey, owner};
use kubarium::cluster::{Cluster, Part};
use kubarium::sim::SimDuration;
use std::collections::{BTreeMap, BTreeSet};

/// The Pods that each Job ever had, by uid: all, and those that were seen to succeed.
#[derive(Clone, Default)]
pub struct Ledger {
    all: BTreeMap<String, BTreeSet<String>>,
    succeeded: BTreeMap<String, BTreeSet<String>>,
}

/// How many have succeeded and failed by a status, with those that are still noted by uid.
fn counted(status: &JobStatus) -> [usize; 2] {
    let noted = status.uncounted_terminated_pods.clone().unwrap_or_default();
    [
        (status.succeeded, noted.succeeded),
        (status.failed, noted.failed),
    ]
    .map(|(count, noted)| count.unwrap_or(0) as usize + noted.map_or(0, |uids| uids.len()))
}

impl Ledger {
    /// Takes in writes and checks those of Jobs.
    pub fn check(&mut self, before: &Before, events: &[&WatchEvent]) -> Result<(), String> {
        for event in events {
            if let Some(pod) = event.object.get::<Pod>() {
                self.note(pod);
            }
            if let Some(job) = event.object.get::<Job>() {
                let old = before.get(&event.key).and_then(Object::get::<Job>);
                let same = old.filter(|old| old.uid() == job.uid());
                let old = same.and_then(|old| old.status.clone()).unwrap_or_default();
                self.one_write(&event.key, job, &old)?;
            }
        }
        Ok(())
    }

    fn note(&mut self, pod: &Pod) {
        let controller = owner::controller_of(&pod.metadata);
        let Some(owner) = controller.filter(|owner| owner.kind == "Job") else {
            return;
        };
        let (job, pod_uid) = (owner.uid.clone(), pod.uid().to_owned());
        let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref());
        if phase == Some("Succeeded") {
            let succeeded = self.succeeded.entry(job.clone()).or_default();
            succeeded.insert(pod_uid.clone());
        }
        self.all.entry(job).or_default().insert(pod_uid);
    }

    fn one_write(&self, key: &ObjectKey, job: &Job, old: &JobStatus) -> Result<(), String> {
        let status = job.status.clone().unwrap_or_default();
        let [succeeded, failed] = counted(&status);
        let number =
            |map: &BTreeMap<String, BTreeSet<String>>| map.get(job.uid()).map_or(0, BTreeSet::len);
        let (all, seen) = (number(&self.all), number(&self.succeeded));
        if succeeded > seen || succeeded + failed > all {
            return Err(format!(
                "{key}: counts {succeeded} and {failed} of {all} Pods, {seen} of which succeeded"
            ));
        }
        let was = counted(old);
        if succeeded < was[0] || failed < was[1] {
            return Err(format!(
                "{key}: counted {was:?}, now {succeeded} and {failed}"
            ));
        }
        if is(old, "Complete") != is(old, "Failed")
            && (is(&status, "Complete") != is(old, "Complete")
                || is(&status, "Failed") != is(old, "Failed"))
        {
            return Err(format!("{key}: had come to its end"));
        }
        let spec = job.spec.clone().unwrap_or_default();
        let wanted = spec.completions.unwrap_or(1);
        // Afterwards an indexed Job may be asked for another number, which changes nothing any more.
        let ends = is(&status, "Complete") && !is(old, "Complete");
        if ends && status.succeeded != Some(wanted).filter(|n| *n > 0) {
            return Err(format!(
                "{key}: complete with {:?} of {wanted}",
                status.succeeded
            ));
        }
        let active = status.active.unwrap_or(0);
        if active > spec.parallelism.unwrap_or(1) {
            return Err(format!("{key}: {active} Pods at a time"));
        }
        Ok(())
    }
}

fn is(status: &JobStatus, type_: &str) -> bool {
    let mut conditions = status.conditions.iter().flatten();
    conditions.any(|c| c.type_ == type_ && c.status == "True")
}

/// At rest a Job has come to its end, and none of its Pods runs on or is held; or it waits for room.
pub fn ended(job: &Job, cluster: &Cluster) -> Result<(), String> {
    let status = job.status.clone().unwrap_or_default();
    let pods: Vec<_> = list::<Pod>(cluster)
        .filter(|pod| owner::is_controlled_by(&pod.metadata, job.uid()))
        .collect();
    let name = job.namespaced_name();
    let spec = job.spec.clone().unwrap_or_default();
    if !is(&status, "Complete") && !is(&status, "Failed") {
        if spec.suspend == Some(true) || spec.parallelism == Some(0) {
            return Ok(());
        }
        return match pods.iter().any(|pod| node_of(pod).is_empty()) {
            true => Ok(()),
            false => Err(format!("Job {name} goes on: {status:?}")),
        };
    }
    for pod in pods {
        if !is_over(pod) || pod.metadata.finalizers.is_some() {
            return Err(format!("Job {name} has ended, Pod {} has not", pod.name()));
        }
    }
    Ok(())
}

/// The kind of Job that the steps make.
#[derive(Clone, Debug, PartialEq)]
pub struct Work {
    pub completions: u32,
    pub parallelism: u32,
    pub indexed: bool,
    pub seconds: u64,
    pub code: i32,
    pub limit: u32,
    pub policy: &'static str,
    pub ttl: Option<u32>,
}

/// Its manifest.
pub fn manifest(namespace: &str, name: &str, work: &Work) -> String {
    let Work {
        completions,
        parallelism,
        indexed,
        seconds,
        code,
        limit,
        policy,
        ttl,
    } = work;
    let mode = if *indexed { "Indexed" } else { "NonIndexed" };
    let ttl = ttl.map_or("null".to_owned(), |ttl| ttl.to_string());
    format!(
        r#"apiVersion: batch/v1
kind: {kind}
metadata: {{name: work-{name}, namespace: {namespace}}}
spec:
  completions: {completions}
  parallelism: {parallelism}
  completionMode: {mode}
  backoffLimit: {limit}
  ttlSecondsAfterFinished: {ttl}
  template:
    spec:
      restartPolicy: {policy}
      terminationGracePeriodSeconds: 5
      containers:
      - name: main
        image: busybox
        command: [sh, -c, "sleep {seconds}; exit {code}"]
"#,
        kind = Kind::Job
    )
}

/// A part is restarted after every write while a Job runs: it ends the same.
fn restarted_everywhere(part: Part, away: SimDuration, work: &Work, wanted: [Option<i32>; 2]) {
    let mut world = World::new(3);
    let at = At("default", "web");
    let step = Step::Job(at, work.clone());
    world.take(&step).expect("it holds");
    let end = world.now() + SimDuration::secs(14);
    let mut revision = 0;
    while world.now() < end {
        world.event().expect("it holds");
        let now = world.cluster.api().etcd().revision();
        if std::mem::replace(&mut revision, now) == now {
            continue;
        }
        let mut restarted = world.clone();
        restarted.cluster.stop_part(part);
        let done = restarted.run(away).and_then(|()| {
            restarted.cluster.start_part(part);
            rest::converge(&mut restarted)
        });
        let place = format!("{part} restarted after {now}");
        done.unwrap_or_else(|why| panic!("{place}: {why}"));
        let job = list::<Job>(&restarted.cluster).next().expect("it is there");
        let status = job.status.clone().unwrap_or_default();
        assert_eq!([status.succeeded, status.failed], wanted, "{place}");
    }
}

fn three(indexed: bool, code: i32) -> Work {
    Work {
        completions: 3,
        parallelism: 2,
        indexed,
        seconds: 2,
        code,
        limit: 0,
        policy: "Never",
        ttl: None,
    }
}

#[test]
fn the_controller_manager_can_restart_at_every_write_of_a_job() {
    let part = Part::KubeControllerManager;
    for indexed in [false, true] {
        let work = three(indexed, 0);
        restarted_everywhere(part, SimDuration::ZERO, &work, [Some(3), None]);
        restarted_everywhere(part, SimDuration::secs(3), &work, [Some(3), None]);
    }
    let fails = three(false, 1);
    restarted_everywhere(part, SimDuration::secs(3), &fails, [None, Some(2)]);
}

#[test]
fn the_store_can_restart_at_every_write_of_a_job() {
    let work = three(false, 0);
    restarted_everywhere(Part::Etcd, SimDuration::secs(3), &work, [Some(3), None]);
}
