//! The informers that all controllers share, as upstream's `SharedInformerFactory`.
//!
//! Kinds that no controller reads are watched for their metadata alone, as upstream's garbage
//! collector watches them.

use crate::api::custom_resource_definition::CustomResourceDefinition;
use crate::api::endpoints::{EndpointSlice, Endpoints};
use crate::api::watch::WatchEvent;
use crate::api::{Kind, Object, ObjectKey};
use crate::client::{Delta, Informer, ObjectChange, ObjectInformer};
use k8s_openapi::api::{
    apps::v1::{Deployment, ReplicaSet},
    batch::v1::{CronJob, Job},
    coordination::v1::Lease,
    core::v1::{ConfigMap, Namespace, Node, Pod, ReplicationController, ResourceQuota, Service},
    policy::v1::PodDisruptionBudget,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;

/// What every change has, whatever its kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MetaChange<'a> {
    /// The kind.
    pub kind: Kind,
    /// The metadata before; `None` for a new object.
    pub old: Option<&'a ObjectMeta>,
    /// The metadata after; `None` for a deleted object.
    pub new: Option<&'a ObjectMeta>,
    /// The revision that changed it.
    pub revision: u64,
}

macro_rules! informers {
    ($($field:ident: $kind:ident,)*) => {
        /// What the controllers know of the cluster.
        #[derive(Clone, Debug, Default, PartialEq, Serialize)]
        pub struct Informers {
            $(#[doc = concat!("Every `", stringify!($kind), "`.")] pub $field: Informer<$kind>,)*
            /// Every object of another kind.
            pub others: ObjectInformer,
        }

        /// One change of one object, as the informers saw it.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Change {
            $(#[doc = concat!("A `", stringify!($kind), "` changed.")] $kind(Delta<$kind>),)*
            /// An object of another kind changed.
            Other(ObjectChange),
        }

        impl Change {
            /// The change of the metadata.
            pub fn meta(&self) -> MetaChange<'_> {
                match self {
                    $(Change::$kind(delta) => MetaChange {
                        kind: Kind::$kind,
                        old: delta.old.as_ref().map(|old| &old.metadata),
                        new: delta.new.as_ref().map(|new| &new.metadata),
                        revision: delta.revision,
                    },)*
                    Change::Other(change) => MetaChange {
                        kind: change.kind,
                        old: change.old.as_ref().map(Object::meta),
                        new: change.new.as_ref().map(Object::meta),
                        revision: change.revision,
                    },
                }
            }
        }

        impl Informers {
            /// The metadata of the object at `key`, if its kind is watched and it exists.
            pub fn meta(&self, key: &ObjectKey) -> Option<&ObjectMeta> {
                let name = key.namespaced_name();
                match key.kind {
                    $(Kind::$kind => self.$field.get(&name).map(|object| &object.metadata),)*
                    _ => self.others.get(key).map(Object::meta),
                }
            }

            /// Takes in one watch event.
            pub fn observe(&mut self, event: &WatchEvent) -> Option<Change> {
                match event.key.kind {
                    $(Kind::$kind => self.$field.observe(event).map(Change::$kind),)*
                    _ => Some(Change::Other(self.others.observe(event))),
                }
            }

            /// Takes in a whole list.
            pub fn replace(&mut self, kind: Kind, items: &[Object], revision: u64) -> Vec<Change> {
                match kind {
                    $(Kind::$kind => {
                        let deltas = self.$field.replace(items, revision);
                        deltas.into_iter().map(Change::$kind).collect()
                    })*
                    kind => {
                        let changes = self.others.replace(kind, items, revision);
                        changes.into_iter().map(Change::Other).collect()
                    }
                }
            }
        }
    };
}

informers! {
    namespaces: Namespace,
    nodes: Node,
    leases: Lease,
    pods: Pod,
    replica_sets: ReplicaSet,
    deployments: Deployment,
    services: Service,
    endpoints: Endpoints,
    endpoint_slices: EndpointSlice,
    config_maps: ConfigMap,
    replication_controllers: ReplicationController,
    resource_quotas: ResourceQuota,
    disruption_budgets: PodDisruptionBudget,
    jobs: Job,
    cron_jobs: CronJob,
}

/// Every kind but Event, which owns nothing and whose objects come and go by the thousand.
const WATCHED: [Kind; Kind::ALL.len() - 1] = {
    let mut watched = [Kind::Namespace; Kind::ALL.len() - 1];
    let (mut at, mut next) = (0, 0);
    while at < Kind::ALL.len() {
        if !matches!(Kind::ALL[at], Kind::Event) {
            watched[next] = Kind::ALL[at];
            next += 1;
        }
        at += 1;
    }
    watched
};

impl Informers {
    /// The kinds watched; with CustomResourceDefinition go those that they define.
    pub const KINDS: &'static [Kind] = &WATCHED;

    /// The kind that an owner reference names.
    pub fn kind_of(&self, api_version: &str, kind: &str) -> Option<Kind> {
        Kind::of_manifest(api_version, kind).or_else(|| {
            let definitions = self.others.of_kind(Kind::CustomResourceDefinition);
            let definitions = definitions.filter_map(Object::get::<CustomResourceDefinition>);
            let mut kinds = definitions.flat_map(|definition| definition.kinds());
            let named = |k: Kind| k.row().kind == kind && k.api_version() == api_version;
            kinds.find(|k| named(Kind::Custom(*k))).map(Kind::Custom)
        })
    }
}
