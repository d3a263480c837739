//! Counts what is used of each ResourceQuota.
//!
//! Upstream: pkg/controller/resourcequota/resource_quota_controller.go, pkg/quota/v1/install, v1.36.
//! Admission goes by the status that is written here and adds what comes; what goes is counted here.
//! All of them are counted anew every five minutes, since a Pod that hangs in termination stops
//! counting without a change.

use super::manager::Controller;
use super::{Change, Informers};
use crate::api::meta;
use crate::api::{Kind, NamespacedName, Reason, Status};
use crate::apiserver::admission::{quota_counts, quota_counts_pod, quota_used};
use crate::client::{Ctx, WorkQueue, work_off};
use crate::sim::{SimDuration, SimTime};
use k8s_openapi::api::core::v1::{ResourceQuota, ResourceQuotaStatus};
use serde::Serialize;

/// How often everything is counted anew.
const RESYNC: SimDuration = SimDuration::secs(300);

/// The ResourceQuota controller.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ResourceQuotaController {
    queue: WorkQueue<NamespacedName>,
    /// Set while there is a quota.
    next_resync: Option<SimTime>,
}

impl Controller for ResourceQuotaController {
    fn name(&self) -> &'static str {
        "resourcequota-controller"
    }

    fn handle(&mut self, change: &Change, informers: &Informers, now: SimTime) {
        if let Change::ResourceQuota(delta) = change {
            let spec = |quota: &Option<std::sync::Arc<ResourceQuota>>| {
                quota.as_ref().and_then(|quota| quota.spec.clone())
            };
            if delta.new.is_some() && spec(&delta.old) != spec(&delta.new) {
                self.queue.add(delta.name(), Some(delta.revision));
            }
        }
        if informers.resource_quotas.is_empty() || !frees(change, now) {
            return;
        }
        let change = change.meta();
        let metadata = change.new.or(change.old);
        let namespace = metadata.and_then(|metadata| metadata.namespace.as_deref());
        let quotas = informers
            .resource_quotas
            .in_namespace(namespace.unwrap_or_default());
        for quota in quotas.filter(|quota| quota_counts(quota, change.kind)) {
            let name = meta::MetaExt::namespaced_name(quota.as_ref());
            self.queue.add(name, Some(change.revision));
        }
    }

    fn reconcile_due(&mut self, ctx: &mut Ctx<'_>, informers: &Informers) {
        self.resync(ctx.now, informers);
        work_off(
            self,
            ctx,
            |this| &mut this.queue,
            |_, key, ctx| reconcile(key, ctx),
        );
    }

    fn next_at(&self) -> Option<SimTime> {
        [self.queue.next_at(), self.next_resync]
            .into_iter()
            .flatten()
            .min()
    }
}

impl ResourceQuotaController {
    fn resync(&mut self, now: SimTime, informers: &Informers) {
        if self.next_resync.is_some_and(|at| at <= now) {
            for quota in informers.resource_quotas.iter() {
                let name = meta::MetaExt::namespaced_name(quota.as_ref());
                self.queue.add(name, None);
            }
            self.next_resync = None;
        }
        if informers.resource_quotas.is_empty() {
            self.next_resync = None;
        } else {
            self.next_resync.get_or_insert(now + RESYNC);
        }
    }
}

/// Whether a change may free something: an object goes, a Pod ends, or a Service or a claim changes.
/// What comes is charged as it is admitted.
fn frees(change: &Change, now: SimTime) -> bool {
    if let Change::Pod(delta) = change
        && let (Some(old), Some(new)) = (&delta.old, &delta.new)
    {
        return quota_counts_pod(old, now) && !quota_counts_pod(new, now);
    }
    let change = change.meta();
    let sized = matches!(change.kind, Kind::Service | Kind::PersistentVolumeClaim);
    sized || change.new.is_none()
}

fn reconcile(key: &NamespacedName, ctx: &mut Ctx<'_>) -> Result<(), Status> {
    // As it is stored: what an informer has may lag behind what was charged.
    let quota = match ctx.get::<ResourceQuota>(key) {
        Err(status) if status.reason == Reason::NotFound => return Ok(()),
        found => found?,
    };
    let kinds = Kind::ALL.iter().copied();
    let counted = kinds.filter(|kind| kind.is_namespaced() && quota_counts(&quota, *kind));
    let mut objects = Vec::new();
    for kind in counted {
        objects.extend(ctx.list_in(kind, &key.namespace)?);
    }
    let status = ResourceQuotaStatus {
        hard: quota.spec.as_ref().and_then(|spec| spec.hard.clone()),
        used: Some(quota_used(&quota, objects.iter(), ctx.now)),
    };
    if quota.status.as_ref() == Some(&status) {
        return Ok(());
    }
    let written = ctx.update_status(ResourceQuota {
        metadata: meta::identity(&quota.metadata),
        spec: None,
        status: Some(status),
    });
    Status::ignore_not_found(written)
}
