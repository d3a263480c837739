//! The informers that all controllers share, as upstream's `SharedInformerFactory`.

use crate::api::watch::WatchEvent;
use crate::api::{Kind, Object, ObjectKey};
use crate::client::{Delta, Informer};
use k8s_openapi::api::{
    apps::v1::{Deployment, ReplicaSet},
    coordination::v1::Lease,
    core::v1::{ConfigMap, Endpoints, Namespace, Node, Pod, Service},
    discovery::v1::EndpointSlice,
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
        }

        /// One change of one object, as the informers saw it.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Change {
            $(#[doc = concat!("A `", stringify!($kind), "` changed.")] $kind(Delta<$kind>),)*
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
                }
            }
        }

        impl Informers {
            /// The metadata of the object at `key`, if its kind is watched and it exists.
            pub fn meta(&self, key: &ObjectKey) -> Option<&ObjectMeta> {
                let name = key.namespaced_name();
                match key.kind {
                    $(Kind::$kind => self.$field.get(&name).map(|object| &object.metadata),)*
                    _ => None,
                }
            }

            /// The kinds watched.
            pub const KINDS: &'static [Kind] = &[$(Kind::$kind),*];

            /// Takes in one watch event.
            pub fn observe(&mut self, event: &WatchEvent) -> Option<Change> {
                match event.key.kind {
                    $(Kind::$kind => self.$field.observe(event).map(Change::$kind),)*
                    _ => None,
                }
            }

            /// Takes in a whole list.
            pub fn replace(&mut self, kind: Kind, items: &[Object], revision: u64) -> Vec<Change> {
                match kind {
                    $(Kind::$kind => {
                        let deltas = self.$field.replace(items, revision);
                        deltas.into_iter().map(Change::$kind).collect()
                    })*
                    _ => Vec::new(),
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
}
