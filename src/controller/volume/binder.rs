//! Binds claims to volumes, asks for volumes where there are none, and reclaims those whose claims are
//! gone.
//!
//! Upstream: pkg/controller/volume/persistentvolume/{pv_controller,pv_controller_base}.go, v1.36. It
//! looks at every claim and volume each 15 seconds; here only at claims that are not bound. Recycling
//! takes no time and no Pod; a hostPath deleter deletes nothing, as no node has files. When a volume's
//! phase changed is noted here, and by the API server upstream. Left out: data sources, migration's
//! marks, and finalizers that keep a volume until it is deleted outside.

use super::plan::{
    Around, ClaimPlan, ReclaimPlan, VolumePlan, plan_claim, plan_reclaim, plan_volume,
};
use super::{key_of, stored};
use crate::api::meta::{self, MetaExt};
use crate::api::volume::{
    BIND_COMPLETED, BOUND_BY_CONTROLLER, PROVISIONER, PROVISIONER_BETA, annotate, bound_volume,
    capacity, claim_phase, claim_ref, claims_of, volume_name, volume_phase,
};
use crate::api::{Kind, NamespacedName, Object, ObjectKey, Status};
use crate::apiserver::DeleteOptions;
use crate::client::{Ctx, EventType, Recorder, WorkQueue, reference};
use crate::controller::manager::{Controller, one_queue};
use crate::controller::pods::{is_finished, node_name};
use crate::controller::{Change, Informers};
use crate::sim::{SimDuration, SimTime};
use k8s_openapi::api::core::v1::{ObjectReference, PersistentVolume, PersistentVolumeClaim};
use serde::Serialize;
use std::sync::Arc;

/// How often it looks at a claim that is not bound.
const PERIOD: SimDuration = SimDuration::secs(15);
/// The binder.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PersistentVolumeBinder {
    /// Claims and volumes.
    queue: WorkQueue<ObjectKey>,
    recorder: Recorder,
}

impl Default for PersistentVolumeBinder {
    fn default() -> Self {
        Self {
            queue: WorkQueue::default(),
            recorder: Recorder::new("persistentvolume-controller", ""),
        }
    }
}

/// `claim` with its volume's name in it; `None` where it has that already.
fn bound_claim(
    claim: &PersistentVolumeClaim,
    volume: &PersistentVolume,
) -> Option<PersistentVolumeClaim> {
    let ours = volume_name(claim) == volume.name();
    if ours && claim.annotation(BIND_COMPLETED).is_some() {
        return None;
    }
    let mut bound = claim.clone();
    if !ours {
        let spec = bound.spec.get_or_insert_default();
        spec.volume_name.clone_from(&volume.metadata.name);
        annotate(&mut bound.metadata, BOUND_BY_CONTROLLER, "yes");
    }
    annotate(&mut bound.metadata, BIND_COMPLETED, "yes");
    Some(bound)
}

/// `claim` in `phase`, with what its volume has; `None` where it says so already.
fn claim_in_phase(
    claim: &PersistentVolumeClaim,
    phase: &str,
    volume: Option<&PersistentVolume>,
) -> Option<PersistentVolumeClaim> {
    let mut changed = claim.clone();
    let status = changed.status.get_or_insert_default();
    let entered = status.phase.as_deref() != Some(phase);
    status.phase = Some(phase.to_owned());
    match volume {
        None => {
            status.access_modes = None;
            status.capacity = None;
        }
        Some(volume) => {
            let spec = volume.spec.as_ref();
            status.access_modes = spec.and_then(|spec| spec.access_modes.clone());
            if entered && let Some(size) = capacity(volume) {
                let capacity = status.capacity.get_or_insert_default();
                capacity.insert("storage".to_owned(), size.clone());
            }
        }
    }
    (changed.status != claim.status).then_some(changed)
}

impl Controller for PersistentVolumeBinder {
    fn name(&self) -> &'static str {
        "persistent-volume-binder"
    }

    fn handle(&mut self, change: &Change, _: &Informers, _: SimTime) {
        let Change::Other(change) = change else {
            return;
        };
        let key = match (change.kind, &change.new, &change.old) {
            (Kind::PersistentVolume | Kind::PersistentVolumeClaim, Some(_), _) => key_of(change),
            (Kind::PersistentVolume, None, Some(old)) => {
                let volume = old.get::<PersistentVolume>();
                volume.and_then(|v| claim_ref(v)).map(claim_key)
            }
            (Kind::PersistentVolumeClaim, None, Some(old)) => {
                let name = old.get::<PersistentVolumeClaim>().map(|c| volume_name(c));
                let name = name.filter(|name| !name.is_empty());
                name.map(|name| ObjectKey::new(Kind::PersistentVolume, "", name))
            }
            _ => None,
        };
        if let Some(key) = key {
            self.queue.add(key, Some(change.revision));
        }
    }

    one_queue!(|this, key, ctx, informers| match stored(ctx, key)? {
        Some(Object::PersistentVolumeClaim(claim)) => {
            this.reconcile_claim(claim, ctx, informers)
        }
        Some(Object::PersistentVolume(volume)) => this.reconcile_volume(volume, ctx),
        _ => Ok(()),
    });
}

fn claim_key(of: &ObjectReference) -> ObjectKey {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    NamespacedName::new(text(&of.namespace), text(&of.name)).of(Kind::PersistentVolumeClaim)
}

impl PersistentVolumeBinder {
    fn reconcile_claim(
        &mut self,
        claim: Arc<PersistentVolumeClaim>,
        ctx: &mut Ctx<'_>,
        informers: &Informers,
    ) -> Result<(), Status> {
        let name = claim.namespaced_name();
        let (_, volumes) = ctx.list(Kind::PersistentVolume)?;
        let (_, classes) = ctx.list(Kind::StorageClass)?;
        let pods = informers.pods.iter();
        let pods = pods.filter(|pod| node_name(pod).is_empty() && !is_finished(pod));
        let pods = pods.filter(|pod| claims_of(pod).any(|used| used == name));
        let waiting: Vec<String> = pods.map(|pod| pod.name().to_owned()).collect();
        let around = Around {
            volumes: &volumes,
            classes: &classes,
            waiting: &waiting,
        };
        let plan = plan_claim(&claim, &around);
        if !matches!(plan, ClaimPlan::Bind(_)) {
            let period = PERIOD.as_micros();
            let next = (ctx.now.as_micros() / period + 1) * period;
            let key = name.of(Kind::PersistentVolumeClaim);
            self.queue.add_at(key, SimTime::from_micros(next));
        }
        match plan {
            ClaimPlan::Bind(volume) => bind(volume, claim, ctx),
            ClaimPlan::Wait(told) => {
                if let Some((kind, reason, message)) = told {
                    let about = reference(claim.as_ref());
                    self.recorder.event_at(ctx, about, kind, reason, message);
                }
                enter(claim, "Pending", None, ctx)
            }
            ClaimPlan::Lost(reason, message) => {
                if claim_phase(&claim) != "Lost" {
                    let about = reference(claim.as_ref());
                    enter(claim, "Lost", None, ctx)?;
                    let warning = EventType::Warning;
                    self.recorder.event_at(ctx, about, warning, reason, message);
                }
                Ok(())
            }
            ClaimPlan::Assign(class) => {
                let mut assigned = PersistentVolumeClaim::clone(&claim);
                assigned.spec.get_or_insert_default().storage_class_name = Some(class);
                ctx.update(assigned).map(drop)
            }
            ClaimPlan::Provision(provisioner) => self.ask_for_volume(&claim, &provisioner, ctx),
        }
    }

    /// Marks the claim for its provisioner, which does not belong to Kubernetes.
    fn ask_for_volume(
        &mut self,
        claim: &PersistentVolumeClaim,
        provisioner: &str,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Status> {
        if claim.annotation(PROVISIONER) != Some(provisioner) {
            let mut marked = claim.clone();
            annotate(&mut marked.metadata, PROVISIONER_BETA, provisioner);
            annotate(&mut marked.metadata, PROVISIONER, provisioner);
            ctx.update(marked)?;
        }
        let message = format!(
            "Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered."
        );
        let (about, normal) = (reference(claim), EventType::Normal);
        self.recorder
            .event_at(ctx, about, normal, "ExternalProvisioning", message);
        Ok(())
    }

    fn reconcile_volume(
        &mut self,
        volume: Arc<PersistentVolume>,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Status> {
        let key = claim_ref(&volume).map(claim_key);
        let claim = match &key {
            Some(key) => stored(ctx, key)?,
            None => None,
        };
        let claim = claim
            .as_ref()
            .and_then(Object::get::<PersistentVolumeClaim>);
        match (plan_volume(&volume, claim.map(AsRef::as_ref)), key) {
            (VolumePlan::Phase(phase), _) => set_phase(volume, phase, None, ctx).map(drop),
            (VolumePlan::Unbind, _) => unbind(&volume, ctx),
            (VolumePlan::Reclaim, _) => self.reclaim(volume, ctx),
            (VolumePlan::Claim, Some(key)) => {
                self.queue.add(key, ctx.cause);
                Ok(())
            }
            (VolumePlan::Claim, None) => Ok(()),
        }
    }

    fn reclaim(&mut self, volume: Arc<PersistentVolume>, ctx: &mut Ctx<'_>) -> Result<(), Status> {
        let volume = match volume_phase(&volume) {
            "Released" | "Failed" => volume,
            _ => set_phase(volume, "Released", None, ctx)?,
        };
        let about = reference(volume.as_ref());
        match plan_reclaim(&volume) {
            ReclaimPlan::Delete if !volume.is_terminating() => {
                let key = ObjectKey::new(Kind::PersistentVolume, "", volume.name());
                Status::ignore_not_found(ctx.delete(key, DeleteOptions::default()))
            }
            ReclaimPlan::Recycle => {
                let (normal, message) = (EventType::Normal, "Volume recycled");
                self.recorder
                    .event_at(ctx, about, normal, "VolumeRecycled", message);
                unbind(&volume, ctx)
            }
            ReclaimPlan::Fail(reason, message) if volume_phase(&volume) != "Failed" => {
                set_phase(volume, "Failed", Some(&message), ctx)?;
                let warning = EventType::Warning;
                self.recorder.event_at(ctx, about, warning, reason, message);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// Writes what binds the two to each other: the volume first.
fn bind(
    volume: &PersistentVolume,
    mut claim: Arc<PersistentVolumeClaim>,
    ctx: &mut Ctx<'_>,
) -> Result<(), Status> {
    let volume = match bound_volume(volume, &claim) {
        Some(bound) => ctx.update(bound)?,
        None => Arc::new(volume.clone()),
    };
    let volume = set_phase(volume, "Bound", None, ctx)?;
    if let Some(bound) = bound_claim(&claim, &volume) {
        claim = ctx.update(bound)?;
    }
    enter(claim, "Bound", Some(&volume), ctx)
}

/// Rolls a binding back: a person's choice of the claim stays.
fn unbind(volume: &PersistentVolume, ctx: &mut Ctx<'_>) -> Result<(), Status> {
    let mut freed = volume.clone();
    let annotations = freed.metadata.annotations.get_or_insert_default();
    let spec = freed.spec.get_or_insert_default();
    match annotations.remove(BOUND_BY_CONTROLLER) {
        Some(_) => spec.claim_ref = None,
        None => spec.claim_ref.get_or_insert_default().uid = None,
    }
    let freed = ctx.update(freed)?;
    set_phase(freed, "Available", None, ctx).map(drop)
}

fn enter(
    claim: Arc<PersistentVolumeClaim>,
    phase: &str,
    volume: Option<&PersistentVolume>,
    ctx: &mut Ctx<'_>,
) -> Result<(), Status> {
    match claim_in_phase(&claim, phase, volume) {
        Some(changed) => ctx.update_status(changed).map(drop),
        None => Ok(()),
    }
}

fn set_phase(
    volume: Arc<PersistentVolume>,
    phase: &str,
    message: Option<&String>,
    ctx: &mut Ctx<'_>,
) -> Result<Arc<PersistentVolume>, Status> {
    if volume_phase(&volume) == phase {
        return Ok(volume);
    }
    let mut changed = PersistentVolume::clone(&volume);
    let status = changed.status.get_or_insert_default();
    status.phase = Some(phase.to_owned());
    status.message = message.cloned();
    status.last_phase_transition_time = Some(meta::time(ctx.now));
    ctx.update_status(changed)
}
