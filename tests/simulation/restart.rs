//! A part of the control plane is restarted at every single moment of a rollout: the end is the
//! same.

use crate::step::{At, Shape, Step};
use crate::world::World;
use crate::{invariants, rest};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use kubarium::api::condition;
use kubarium::api::meta::MetaExt;
use kubarium::cluster::Part;
use kubarium::sim::SimDuration;

const WEB: At = At("default", "web");

fn shape(image: &'static str) -> Shape {
    Shape {
        replicas: 3,
        image,
        surge: "1",
        unavailable: "1",
        recreate: false,
        min_ready: 1,
        cpu_milli: 100,
        grace: 1,
    }
}

/// A cluster with the first version at rest and the second one just asked for.
pub fn rolling() -> World {
    let mut world = World::new(3);
    let steps = [
        Step::Expose(WEB, true),
        Step::Deploy(WEB, shape("nginx:1.25")),
        Step::Wait(60_000),
        Step::Deploy(WEB, shape("nginx:1.27")),
    ];
    steps
        .iter()
        .for_each(|step| world.take(step).expect("it holds"));
    world
}

/// What there is at rest, without what chance names: sizes, revisions, images, conditions.
pub fn outcome(world: &World) -> Vec<String> {
    let mut lines = Vec::new();
    for deployment in invariants::list::<Deployment>(&world.cluster) {
        let status = deployment.status.clone().unwrap_or_default();
        let counts = (
            status.replicas,
            status.updated_replicas,
            status.available_replicas,
        );
        let reasons: Vec<_> = ["Progressing", "Available"]
            .iter()
            .filter_map(|name| condition::find(status.conditions.as_ref(), name))
            .map(|c| (c.status.clone(), c.reason.clone()))
            .collect();
        let annotations = &deployment.metadata.annotations;
        let revision = annotations
            .as_ref()
            .map(|a| &a["deployment.kubernetes.io/revision"]);
        lines.push(format!(
            "{} {counts:?} {reasons:?} {revision:?}",
            deployment.name()
        ));
    }
    for set in invariants::list::<ReplicaSet>(&world.cluster) {
        let size = set.spec.as_ref().and_then(|s| s.replicas);
        let mut status = set.status.clone().unwrap_or_default();
        // How often it was resized on the way may differ.
        let observed = status.observed_generation.take() == set.metadata.generation;
        lines.push(format!("{} {size:?} {observed} {status:?}", set.name()));
    }
    for pod in invariants::list::<Pod>(&world.cluster) {
        let image = pod
            .spec
            .as_ref()
            .and_then(|s| s.containers[0].image.clone());
        let name = pod
            .name()
            .rsplit_once('-')
            .map_or(pod.name(), |(set, _)| set);
        lines.push(format!("{name} {image:?}"));
    }
    lines
}

/// How many events the rollout takes.
pub fn length() -> u32 {
    let mut world = rolling();
    let end = world.now() + SimDuration::secs(20);
    let mut events = 0;
    while world.now() < end {
        world.event().expect("it holds");
        events += 1;
    }
    events
}

fn restarted_everywhere(part: Part, away: SimDuration) {
    let base = {
        let mut world = rolling();
        rest::converge(&mut world).expect("it holds");
        outcome(&world)
    };
    assert!(base[0].contains("NewReplicaSetAvailable"), "{base:?}");
    let mut world = rolling();
    for at in 0..length() {
        let mut restarted = world.clone();
        restarted.cluster.stop_part(part);
        let done = restarted.run(away).and_then(|()| {
            restarted.cluster.start_part(part);
            rest::converge(&mut restarted)
        });
        done.unwrap_or_else(|why| panic!("{part} restarted after event {at}: {why}"));
        assert_eq!(
            outcome(&restarted),
            base,
            "{part} restarted after event {at}"
        );
        world.event().expect("it holds");
    }
}

#[test]
fn the_controller_manager_can_restart_at_every_event_of_a_rollout() {
    restarted_everywhere(Part::KubeControllerManager, SimDuration::ZERO);
    restarted_everywhere(Part::KubeControllerManager, SimDuration::secs(3));
}

#[test]
fn the_scheduler_can_restart_at_every_event_of_a_rollout() {
    restarted_everywhere(Part::KubeScheduler, SimDuration::ZERO);
    restarted_everywhere(Part::KubeScheduler, SimDuration::secs(3));
}

#[test]
fn the_api_server_and_its_store_can_restart_at_every_event_of_a_rollout() {
    restarted_everywhere(Part::KubeApiserver, SimDuration::secs(3));
    restarted_everywhere(Part::Etcd, SimDuration::secs(3));
}
