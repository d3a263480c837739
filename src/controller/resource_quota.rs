//! Counts what is used of each ResourceQuota.
//!
//! Upstream: pkg/controller/resourcequota/resource_quota_controller.go, v1.36. Admission holds a
//! quota by what is stored, not by its status: here the status is only told. Left out: the full
//! count every five minutes, since a watch loses nothing here.

use super::manager::Controller;
use super::{Change, Informers, pods};
use crate::api::meta;
use crate::api::{Kind, NamespacedName, Reason, Status};
use crate::apiserver::admission::{quota_counts, quota_used};
use crate::client::{Ctx, WorkQueue};
use crate::sim::SimTime;
use k8s_openapi::api::core::v1::{Pod, ResourceQuota, ResourceQuotaStatus};
use serde::Serialize;

/// The ResourceQuota controller.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ResourceQuotaController {
    queue: WorkQueue<NamespacedName>,
}

impl Controller for ResourceQuotaController {
    fn name(&self) -> &'static str {
        "resourcequota-controller"
    }

    fn handle(&mut self, change: &Change, informers: &Informers, _: SimTime) {
        if let Change::ResourceQuota(delta) = change {
            let spec = |quota: &Option<std::sync::Arc<ResourceQuota>>| {
                quota.as_ref().and_then(|quota| quota.spec.clone())
            };
            if delta.new.is_some() && spec(&delta.old) != spec(&delta.new) {
                self.queue.add(delta.name(), Some(delta.revision));
            }
        }
        if informers.resource_quotas.is_empty() || !uses_other(change) {
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
        while let Some(item) = self.queue.pop(ctx.now) {
            ctx.cause = item.cause;
            match reconcile(&item.key, ctx, informers) {
                Ok(()) => self.queue.forget(&item.key),
                Err(_) => self.queue.add_rate_limited(item.key, ctx.now),
            }
        }
    }

    fn next_at(&self) -> Option<SimTime> {
        self.queue.next_at()
    }
}

/// Whether a change may change what is used: an object comes or goes, a Pod ends, or a Service or a
/// claim changes.
fn uses_other(change: &Change) -> bool {
    let ended = |pod: &Pod| matches!(pods::phase(pod), "Succeeded" | "Failed");
    if let Change::Pod(delta) = change
        && let (Some(old), Some(new)) = (&delta.old, &delta.new)
    {
        return ended(old) != ended(new);
    }
    let change = change.meta();
    let sized = matches!(change.kind, Kind::Service | Kind::PersistentVolumeClaim);
    sized || change.old.is_none() || change.new.is_none()
}

fn reconcile(key: &NamespacedName, ctx: &mut Ctx<'_>, informers: &Informers) -> Result<(), Status> {
    let Some(quota) = informers.resource_quotas.get(key) else {
        return Ok(());
    };
    let kinds = Kind::ALL.iter().copied();
    let counted = kinds.filter(|kind| kind.is_namespaced() && quota_counts(quota, *kind));
    let mut objects = Vec::new();
    for kind in counted {
        objects.extend(ctx.list_in(kind, &key.namespace)?);
    }
    let status = ResourceQuotaStatus {
        hard: quota.spec.as_ref().and_then(|spec| spec.hard.clone()),
        used: Some(quota_used(quota, objects.iter())),
    };
    if quota.status.as_ref() == Some(&status) {
        return Ok(());
    }
    let written = ctx.update_status(ResourceQuota {
        metadata: meta::identity(&quota.metadata),
        spec: None,
        status: Some(status),
    });
    match written {
        Err(status) if status.reason != Reason::NotFound => Err(status),
        _ => Ok(()),
    }
}
