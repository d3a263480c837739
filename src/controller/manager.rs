//! The loop that feeds every controller and runs what is due.

use super::{Change, Informers};
use crate::api::watch::WatchEvent;
use crate::api::{Kind, Object};
use crate::client::{Component, Ctx, WatchCursor, WatchSink};
use crate::sim::{SimDuration, SimTime};
use serde::Serialize;

/// How soon a watch that failed is tried again.
const RETRY_DELAY: SimDuration = SimDuration::secs(1);

/// What the manager asks of a controller. Level-triggered: `handle` only computes keys, `reconcile`
/// reads, decides and writes.
pub trait Controller {
    /// The name that its writes carry, such as `deployment-controller`.
    fn name(&self) -> &'static str;

    /// Queues the keys that `change` concerns. `informers` already hold the change.
    fn handle(&mut self, change: &Change, informers: &Informers, now: SimTime);

    /// Reconciles every key that is due.
    fn reconcile_due(&mut self, ctx: &mut Ctx<'_>, informers: &Informers);

    /// When the next delayed key is due.
    fn next_at(&self) -> Option<SimTime>;
}

/// The two methods of a controller whose work is all in its `queue`, from how it reconciles one key.
macro_rules! one_queue {
    (|$this:pat_param, $key:pat_param, $ctx:pat_param, $informers:pat_param| $reconcile:expr) => {
        fn reconcile_due(
            &mut self,
            ctx: &mut $crate::client::Ctx<'_>,
            informers: &$crate::controller::Informers,
        ) {
            let $informers = informers;
            $crate::client::work_off(
                self,
                ctx,
                |this| &mut this.queue,
                |$this, $key, $ctx| $reconcile,
            );
        }

        fn next_at(&self) -> Option<$crate::sim::SimTime> {
            self.queue.next_at()
        }
    };
}
pub(super) use one_queue;

macro_rules! controllers {
    ($($field:ident: $ty:ty,)*) => {
        /// All controllers by value.
        #[derive(Clone, Debug, Default, PartialEq, Serialize)]
        struct Controllers { $($field: $ty,)* }

        impl Controllers {
            fn all(&mut self) -> Vec<&mut dyn Controller> {
                vec![$(&mut self.$field as &mut dyn Controller),*]
            }
        }
    };
}

controllers! {
    service_account: super::service_account::ServiceAccountController,
    root_ca: super::root_ca::RootCaPublisher,
    token_secrets: super::token_secrets::TokenSecretsController,
    deployment: super::deployment::DeploymentController,
    replica_set: super::replica_set::ReplicaSetController,
    daemon_set: super::daemon_set::DaemonSetController,
    stateful_set: super::stateful_set::StatefulSetController,
    replication: super::replication::ReplicationManager,
    job: super::job::JobController,
    cron_job: super::cron_job::CronJobController,
    ttl_after_finished: super::ttl_after_finished::TtlAfterFinishedController,
    endpoints: super::endpoints::EndpointsController,
    endpoint_slice: super::endpoint_slice::EndpointSliceController,
    service_load_balancer: super::service_load_balancer::ServiceLoadBalancerController,
    node_lifecycle: super::node_lifecycle::NodeLifecycleController,
    taint_eviction: super::taint_eviction::TaintEvictionController,
    garbage_collector: super::garbage_collector::GarbageCollector,
    namespace: super::namespace::NamespaceController,
    pod_gc: super::pod_gc::PodGcController,
    disruption: super::disruption::DisruptionController,
    resource_quota: super::resource_quota::ResourceQuotaController,
    volume_binder: super::volume::PersistentVolumeBinder,
    volume_protection: super::volume::ProtectionController,
    volume_provisioner: super::volume::ExternalProvisioner,
    cluster_role_aggregation: super::cluster_role_aggregation::ClusterRoleAggregationController,
}

/// The controller manager. Everything it holds can be thrown away: it is rebuilt from a list.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ControllerManager {
    cursor: WatchCursor,
    informers: Informers,
    controllers: Controllers,
}

impl ControllerManager {
    /// A controller manager in a cloud with so many load balancers; 0: there is no cloud.
    pub fn new(load_balancers: u8) -> Self {
        let mut manager = Self::default();
        manager.controllers.service_load_balancer =
            super::service_load_balancer::ServiceLoadBalancerController::new(load_balancers);
        manager
    }
}

impl Component for ControllerManager {
    fn interests(&self) -> &'static [Kind] {
        Informers::KINDS
    }

    fn wake(&mut self, ctx: &mut Ctx<'_>) {
        let mut sink = Intake {
            informers: &mut self.informers,
            changes: Vec::new(),
        };
        if self.cursor.sync(ctx, Informers::KINDS, &mut sink).is_err() {
            ctx.agenda.wake_at(ctx.now + RETRY_DELAY);
            return;
        }
        let changes = sink.changes;
        for controller in self.controllers.all() {
            for change in &changes {
                controller.handle(change, &self.informers, ctx.now);
            }
            ctx.actor = controller.name().into();
            controller.reconcile_due(ctx, &self.informers);
            if let Some(at) = controller.next_at() {
                ctx.agenda.wake_at(at);
            }
        }
    }
}

struct Intake<'a> {
    informers: &'a mut Informers,
    changes: Vec<Change>,
}

impl WatchSink for Intake<'_> {
    fn replace(&mut self, kind: Kind, items: &[Object], revision: u64) {
        self.changes
            .extend(self.informers.replace(kind, items, revision));
    }

    fn observe(&mut self, event: &WatchEvent) {
        self.changes.extend(self.informers.observe(event));
    }
}
