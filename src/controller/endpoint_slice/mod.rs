//! Keeps a Service's EndpointSlices equal to the Pods it selects.
//!
//! Upstream: pkg/controller/endpointslice, staging/src/k8s.io/endpointslice/reconciler.go, v1.36.
//! Left out: IPv6, topology hints and traffic distribution.

mod places;
mod plan;

use super::manager::{Controller, one_queue};
use super::selected_pods::SelectedPods;
use super::service_pods::{self, HEADLESS, has_fixed_ports};
use super::trigger_time::{TriggerTimes, annotate};
use super::{Change, Informers};
use crate::api::endpoints::EndpointSlice;
use crate::api::meta::{self, MetaExt};
use crate::api::{Kind, NamespacedName, Status, owner};
use crate::apiserver::DeleteOptions;
use crate::client::{Ctx, WorkQueue};
use crate::sim::{SimTime, SortedMap, SortedSet};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use plan::{Content, Plan, plan_changes, plan_slices};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

const SERVICE_NAME: &str = "kubernetes.io/service-name";
const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
const CONTROLLER: &str = "endpointslice-controller.k8s.io";

/// The endpoint slice controller.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct EndpointSliceController {
    queue: WorkQueue<NamespacedName>,
    /// The versions that this controller wrote and the watch has not brought yet: they are no news.
    /// Upstream: staging/src/k8s.io/endpointslice/util/endpointslice_tracker.go.
    written: SortedSet<u64>,
    triggers: TriggerTimes,
    #[serde(skip)]
    pods: SelectedPods,
}

impl Controller for EndpointSliceController {
    fn name(&self) -> &'static str {
        "endpointslice-controller"
    }

    fn handle(&mut self, change: &Change, informers: &Informers, _: SimTime) {
        if let Change::EndpointSlice(delta) = change {
            let own = self.written.remove(&delta.revision);
            self.written.retain(|revision| *revision > delta.revision);
            if !own && let Some(name) = service_of(delta.latest()) {
                let key = NamespacedName::new(delta.latest().namespace(), name);
                self.queue.add(key, Some(delta.revision));
            }
            return;
        }
        self.pods.observe(change, informers, &mut self.queue);
    }

    one_queue!(|this, key, ctx, informers| {
        let done = this.reconcile(key, ctx, informers);
        done.inspect_err(|_| this.pods.unsettle(key))
    });
}

/// The Service of a slice that this controller keeps.
fn service_of(slice: &EndpointSlice) -> Option<&str> {
    let ours = slice.label(MANAGED_BY) == Some(CONTROLLER);
    slice.label(SERVICE_NAME).filter(|_| ours)
}

impl EndpointSliceController {
    fn reconcile(
        &mut self,
        key: &NamespacedName,
        ctx: &mut Ctx<'_>,
        informers: &Informers,
    ) -> Result<(), Status> {
        let existing: Vec<&EndpointSlice> = informers
            .endpoint_slices
            .in_namespace(&key.namespace)
            .filter(|slice| service_of(slice) == Some(&key.name))
            .map(Arc::as_ref)
            .collect();
        let Some(service) = informers.services.get(key) else {
            self.triggers.forget(key);
            return existing.iter().try_for_each(|slice| remove(ctx, slice));
        };
        if service_pods::selector(service) == crate::api::selector::Selector::nothing() {
            return Ok(());
        }
        let (news, behind) = self.pods.look(service, informers);
        let trigger = self.triggers.compute(service, &news);
        let labels = labels(service);
        let found = existing
            .iter()
            .map(|slice| (slice.name(), slice.revision()));
        let settled = !news.of_all && has_fixed_ports(service) && behind.is_settled(found);
        let any = behind.any().filter(|_| settled);
        let changes = any.and_then(|any| plan_changes(service, any, &news, &existing));
        let plan = changes.unwrap_or_else(|| {
            let stale = |slice: &EndpointSlice| meta::labels(&slice.metadata) != &labels;
            plan_slices(service, &behind.by_name(), &existing, stale)
        });
        let touched = plan.update.iter().map(|(slice, _)| slice.name());
        let touched: Vec<&str> = touched
            .chain(plan.delete.iter().map(|s| s.name()))
            .collect();
        let kept = existing.iter().filter(|s| !touched.contains(&s.name()));
        let kept = kept.map(|slice| (slice.name().to_owned(), slice.revision()));
        let mut settled = SortedMap::from_iter(kept);
        let mut written = Vec::new();
        let done = perform(plan, service, (labels, trigger), ctx, &mut written);
        for slice in &written {
            self.written.insert(slice.revision());
            settled.insert(slice.name().to_owned(), slice.revision());
        }
        match done? {
            true => self.pods.settle(key, settled),
            false => self.pods.unsettle(key),
        }
        Ok(())
    }
}

/// Adds what it writes to `written`. Answers whether all that was planned is done.
fn perform(
    plan: Plan<'_>,
    service: &Service,
    (labels, trigger): (BTreeMap<String, String>, Option<SimTime>),
    ctx: &mut Ctx<'_>,
    written: &mut Vec<Arc<EndpointSlice>>,
) -> Result<bool, Status> {
    let mut all = plan.create.is_empty();
    if !service.is_terminating() {
        for content in plan.create {
            let mut slice = new_slice(service, labels.clone(), content);
            annotate(&mut slice.metadata, trigger);
            match ctx.create(slice) {
                Err(status) if status.is_namespace_terminating() => return Ok(false),
                other => written.push(other?),
            }
        }
        all = true;
    }
    for (old, content) in plan.update {
        let mut metadata = old.metadata.clone();
        metadata.labels = Some(labels.clone());
        annotate(&mut metadata, trigger);
        written.push(ctx.update(EndpointSlice {
            metadata,
            address_type: old.address_type.clone(),
            ports: content.ports,
            endpoints: Some(content.endpoints),
        })?);
    }
    for slice in plan.delete {
        remove(ctx, slice)?;
    }
    Ok(all)
}

fn remove(ctx: &mut Ctx<'_>, slice: &EndpointSlice) -> Result<(), Status> {
    let key = slice.namespaced_name().of(Kind::EndpointSlice);
    Status::ignore_not_found(ctx.delete(key, DeleteOptions::default()))
}

/// A slice carries its Service's labels and says whose it is.
fn labels(service: &Service) -> BTreeMap<String, String> {
    let mut labels = service.metadata.labels.clone().unwrap_or_default();
    labels.remove(HEADLESS);
    if service_pods::is_headless(service) {
        labels.insert(HEADLESS.to_owned(), String::new());
    }
    labels.insert(SERVICE_NAME.to_owned(), service.name().to_owned());
    labels.insert(MANAGED_BY.to_owned(), CONTROLLER.to_owned());
    labels
}

fn new_slice(
    service: &Service,
    labels: BTreeMap<String, String>,
    content: Content,
) -> EndpointSlice {
    EndpointSlice {
        metadata: ObjectMeta {
            generate_name: Some(format!("{}-", service.name())),
            namespace: Some(service.namespace().to_owned()),
            labels: Some(labels),
            owner_references: Some(vec![owner::controller_ref(service)]),
            ..ObjectMeta::default()
        },
        address_type: "IPv4".to_owned(),
        ports: content.ports,
        endpoints: Some(content.endpoints),
    }
}
