//! Static Pods: what stands in the node's manifest directory runs, whether an API server answers or
//! not. A mirror Pod shows it to whoever asks the API server.
//!
//! Upstream: pkg/kubelet/config/file.go, pkg/kubelet/pod/mirror_client.go, pkg/kubelet/kubelet.go
//! (`tryReconcileMirrorPods`), v1.36. A manifest that is taken away takes its containers with it,
//! here at once, and then its mirror Pod, as soon as an API server answers. Left out: changes of a
//! manifest that stays.

use super::{Kubelet, PodWorker, RETRY_DELAY, Timer, image};
use crate::api::meta::{self, MetaExt};
use crate::api::{Kind, NamespacedName, Reason, Status};
use crate::apiserver::DeleteOptions;
use crate::client::{Ctx, Delta, EventType};
use crate::sim::{SimDuration, SimTime, SortedSet, order::map_of};
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Says of a Pod that it is a mirror, and of which manifest.
const MIRROR: &str = "kubernetes.io/config.mirror";
const HASH: &str = "kubernetes.io/config.hash";
const SEEN: &str = "kubernetes.io/config.seen";

/// The node's manifest directory.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Manifests {
    #[serde(serialize_with = "crate::sim::as_pairs")]
    present: BTreeMap<NamespacedName, Arc<Pod>>,
    /// Manifests that were taken away, and whose mirror Pods may still be there.
    removed: SortedSet<NamespacedName>,
}

impl Manifests {
    /// Whether `name` is, or just was, a static Pod.
    pub fn know(&self, name: &NamespacedName) -> bool {
        self.present.contains_key(name) || self.removed.contains(name)
    }

    /// The static Pods that are to run, and when their manifests were found.
    pub fn present(&self) -> impl Iterator<Item = (&NamespacedName, &str)> {
        self.present.iter().map(|(name, pod)| {
            let annotations = pod.metadata.annotations.as_ref();
            let seen = annotations.and_then(|all| all.get(SEEN));
            (name, seen.map_or("", String::as_str))
        })
    }

    /// The static Pods that are to run no more, and whose mirrors may still be there.
    pub const fn removed(&self) -> &SortedSet<NamespacedName> {
        &self.removed
    }

    /// A directory with these manifests in it.
    pub fn restore(
        present: impl IntoIterator<Item = (NamespacedName, Arc<Pod>)>,
        removed: impl IntoIterator<Item = NamespacedName>,
    ) -> Self {
        Self {
            present: map_of(present),
            removed: SortedSet::from_iter(removed),
        }
    }

    /// The Pod of a manifest that is to run.
    pub fn get(&self, name: &NamespacedName) -> Option<&Arc<Pod>> {
        self.present.get(name)
    }

    /// Whether `name` was a static Pod and is to be none.
    pub fn is_removed(&self, name: &NamespacedName) -> bool {
        self.removed.contains(name)
    }
}

fn hash(name: &NamespacedName) -> String {
    let text = name.to_string();
    let part = |seed: u64| {
        text.bytes().fold(seed, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
    };
    format!(
        "{:016x}{:016x}",
        part(0xcbf2_9ce4_8422_2325),
        part(0x6c62_272e_07bb_0142)
    )
}

/// The Pod that a manifest describes, as the kubelet reads it.
pub(super) fn read(mut pod: Pod, node: &str, now: SimTime) -> (NamespacedName, Arc<Pod>) {
    pod.metadata.name = Some(format!("{}-{node}", pod.name()));
    pod.spec.get_or_insert_default().node_name = Some(node.to_owned());
    let name = pod.namespaced_name();
    let hash = hash(&name);
    let annotations = pod.metadata.annotations.get_or_insert_default();
    annotations.insert(HASH.to_owned(), hash.clone());
    annotations.insert(MIRROR.to_owned(), hash);
    annotations.insert(SEEN.to_owned(), meta::rfc3339(now));
    annotations.insert("kubernetes.io/config.source".to_owned(), "file".to_owned());
    (name, Arc::new(pod))
}

impl Kubelet {
    /// The manifest has been there from before the cluster began: its containers run already.
    pub fn boot_manifest(&mut self, pod: Pod, now: SimTime) {
        let (name, pod) = read(pod, &self.config.name, now);
        let mut worker = PodWorker::new(pod.clone(), now);
        worker.ip = Some(self.config.internal_ip.clone());
        for container in &mut worker.containers {
            self.images.note(image::canonical(&container.image), now);
            container.start(now, now);
        }
        self.workers.insert(name.clone(), worker);
        self.manifests.present.insert(name, pod);
    }

    /// Puts a manifest into the directory.
    pub fn add_manifest(&mut self, pod: Pod, ctx: &mut Ctx<'_>) {
        let (name, pod) = read(pod, &self.config.name, ctx.now);
        self.manifests.removed.remove(&name);
        self.manifests.present.insert(name.clone(), pod);
        if let Some(worker) = self.workers.get_mut(&name) {
            worker.kill_at = None;
            let containers = worker.containers.iter_mut().enumerate();
            for (index, container) in containers.filter(|(_, c)| !c.is_running()) {
                (container.again, container.held) = (true, false);
                self.timers.push(ctx.now, Timer::Start(name.clone(), index));
            }
        }
        ctx.agenda.wake_at(ctx.now);
    }

    /// Takes the manifest of a static Pod (its name without the node's) out of the directory: its
    /// containers end at once.
    pub fn remove_manifest(&mut self, name: &NamespacedName, ctx: &mut Ctx<'_>) {
        let name = self.static_name(name);
        if self.manifests.present.remove(&name).is_none() {
            return;
        }
        self.manifests.removed.insert(name.clone());
        let Some(worker) = self.workers.get_mut(&name) else {
            return;
        };
        worker.kill_at = Some(ctx.now);
        let mut ended = Vec::new();
        for container in worker.containers.iter_mut().filter(|c| c.is_running()) {
            container.exit(ctx.now, 0, None);
            ended.push(container.name.clone());
        }
        for container in ended {
            let message = format!("Stopping container {container}");
            self.event(
                &name,
                Some(&container),
                EventType::Normal,
                "Killing",
                message,
                ctx,
            );
        }
        ctx.agenda.wake_at(ctx.now);
    }

    /// The containers of static Pods that run.
    pub fn running_statics(&self) -> impl Iterator<Item = &str> {
        let present = self.manifests.present.keys();
        let workers = present.filter_map(|name| self.workers.get(name));
        let running = workers.flat_map(|w| w.containers.iter().filter(|c| c.is_running()));
        running.map(|container| container.name.as_str())
    }

    fn static_name(&self, name: &NamespacedName) -> NamespacedName {
        let own = format!("{}-{}", name.name, self.config.name);
        NamespacedName::new(name.namespace.as_str(), own)
    }

    /// Whether the API server is told how this Pod is: a static Pod needs a mirror for that.
    pub(super) fn is_shown(&self, name: &NamespacedName) -> bool {
        let mirrored = |worker: &PodWorker| !worker.pod.uid().is_empty();
        !self.manifests.removed.contains(name) && self.workers.get(name).is_some_and(mirrored)
    }

    /// Makes containers and mirror Pods follow the manifests.
    pub(super) fn sync_manifests(&mut self, ctx: &mut Ctx<'_>) {
        let unshown = self
            .manifests
            .present
            .iter()
            .filter(|(name, _)| !self.is_shown(name));
        let unshown: Vec<_> = unshown
            .map(|(name, pod)| (name.clone(), pod.clone()))
            .collect();
        for (name, pod) in unshown {
            if !self.workers.contains_key(&name) {
                self.workers
                    .insert(name.clone(), PodWorker::new(pod.clone(), ctx.now));
                let delay = SimDuration::millis(ctx.rng.between(150, 450));
                self.timers
                    .push(ctx.now + delay, Timer::Sandbox(name.clone()));
            }
            if self.registered && self.mirror(&name, pod, ctx).is_err() {
                ctx.agenda.wake_at(ctx.now + RETRY_DELAY);
            }
        }
        for name in self.manifests.removed.clone() {
            let uid = self
                .workers
                .get(&name)
                .map(|worker| worker.pod.uid().to_owned());
            let Some(uid) = uid.filter(|uid| !uid.is_empty()) else {
                self.forget_static(&name);
                continue;
            };
            match delete_mirror(&name, uid, ctx) {
                Ok(()) => self.forget_static(&name),
                Err(_) => ctx.agenda.wake_at(ctx.now + RETRY_DELAY),
            }
        }
    }

    fn forget_static(&mut self, name: &NamespacedName) {
        self.manifests.removed.remove(name);
        self.forget(name);
    }

    fn mirror(
        &mut self,
        name: &NamespacedName,
        pod: Arc<Pod>,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Status> {
        let node = ctx.get::<Node>(&NamespacedName::new("", self.config.name.as_str()))?;
        let mut mirror = Arc::unwrap_or_clone(pod);
        mirror.metadata.owner_references = Some(vec![OwnerReference {
            api_version: "v1".to_owned(),
            kind: "Node".to_owned(),
            name: node.name().to_owned(),
            uid: node.uid().to_owned(),
            controller: Some(true),
            block_owner_deletion: None,
        }]);
        let hash = hash(name);
        let stored = match ctx.create(mirror) {
            Err(status) if status.reason == Reason::AlreadyExists => ctx.get::<Pod>(name)?,
            other => other?,
        };
        let annotations = stored.metadata.annotations.as_ref();
        let ours = annotations.and_then(|all| all.get(MIRROR)) == Some(&hash);
        // A Pod that somebody else made under this name stays in the way, as it does upstream.
        if ours && let Some(worker) = self.workers.get_mut(name) {
            worker.pod = stored;
            self.dirty.insert(name.clone());
        }
        Ok(())
    }

    /// Takes in a change of a mirror Pod. What runs follows the manifest and not its mirror: a mirror
    /// that somebody deletes is made anew.
    pub(super) fn handle_mirror(
        &mut self,
        name: &NamespacedName,
        delta: &Delta<Pod>,
        ctx: &mut Ctx<'_>,
    ) {
        let manifest = self.manifests.present.get(name).cloned();
        let Some(worker) = self.workers.get_mut(name) else {
            return;
        };
        if worker.pod.uid() != delta.latest().uid() {
            return;
        }
        match (&delta.new, manifest) {
            (Some(pod), Some(_)) => {
                worker.pod = pod.clone();
                if pod.is_terminating() && delete_mirror(name, pod.uid().to_owned(), ctx).is_err() {
                    ctx.agenda.wake_at(ctx.now + RETRY_DELAY);
                }
            }
            (Some(pod), None) => worker.pod = pod.clone(),
            (None, Some(manifest)) => worker.pod = manifest,
            (None, None) => self.forget_static(name),
        }
    }

    /// After a list: mirrors that are not in it are gone.
    pub(super) fn miss_mirror(&mut self, name: &NamespacedName) {
        match (self.manifests.present.get(name), self.workers.get_mut(name)) {
            (Some(manifest), Some(worker)) => worker.pod = manifest.clone(),
            _ => self.forget_static(name),
        }
    }
}

fn delete_mirror(name: &NamespacedName, uid: String, ctx: &mut Ctx<'_>) -> Result<(), Status> {
    let options = DeleteOptions {
        grace_period_seconds: Some(0),
        uid: Some(uid),
        ..DeleteOptions::default()
    };
    match ctx.delete(name.of(Kind::Pod), options) {
        Err(status) if !matches!(status.reason, Reason::NotFound | Reason::Conflict) => Err(status),
        _ => Ok(()),
    }
}
