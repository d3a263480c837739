//! The one table of kinds. A new kind is a row here plus its own files; nothing compiles until the
//! row is complete. Beside the table there are the kinds that a cluster's definitions define, which
//! are all one variant (see `custom`).

use super::custom::{CustomKind, CustomObject};
use super::custom_resource_definition::CustomResourceDefinition;
use super::endpoints::{EndpointSlice, Endpoints};
use k8s_openapi::api::{
    apps::v1::{ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet},
    autoscaling::v2::HorizontalPodAutoscaler,
    batch::v1::{CronJob, Job},
    coordination::v1::Lease,
    core::v1::{
        ConfigMap, Event, LimitRange, Namespace, Node, PersistentVolume, PersistentVolumeClaim,
        Pod, PodTemplate, ReplicationController, ResourceQuota, Secret, Service, ServiceAccount,
    },
    networking::v1::{Ingress, IngressClass, NetworkPolicy},
    node::v1::RuntimeClass,
    policy::v1::PodDisruptionBudget,
    rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding},
    scheduling::v1::PriorityClass,
    storage::v1::StorageClass,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::{Metadata, Resource};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use std::fmt;
use std::sync::Arc;

/// Whether objects of a kind live in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Scope {
    /// One name for the whole cluster.
    Cluster,
    /// One name for each namespace.
    Namespaced,
}

/// What the table says of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct KindRow {
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The version within the group.
    pub version: &'static str,
    /// The kind as manifests write it.
    pub kind: &'static str,
    /// The resource name in paths, plural and lower case.
    pub plural: &'static str,
    /// The singular that kubectl accepts and prints.
    pub singular: &'static str,
    /// The short names that kubectl accepts.
    pub short_names: &'static [&'static str],
    /// The categories that its definition puts it in; those of the table's kinds are in
    /// `apiserver/discovery`.
    pub categories: &'static [&'static str],
    /// Whether it lives in a namespace.
    pub scope: Scope,
    /// Subresources served, `status` and `scale` among them.
    pub subresources: &'static [&'static str],
}

/// A Kubernetes type that the table lists.
pub trait ApiType: Metadata<Ty = ObjectMeta> + Resource + Clone + PartialEq + 'static {
    /// Its row's kind.
    const KIND: Kind;
    /// The object that holds `this`.
    fn wrap(this: Arc<Self>) -> Object;
    /// What `object` holds, if it is of this kind.
    fn unwrap(object: &Object) -> Option<&Arc<Self>>;
}

macro_rules! kinds {
    ($($kind:ident $plural:literal $singular:literal [$($short:literal),*] $scope:ident [$($sub:literal),*];)*) => {
        /// The kinds that the API server serves.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Kind {
            $(#[doc = concat!("`", stringify!($kind), "`")] $kind,)*
            /// A kind that a CustomResourceDefinition defines. It is read from no text: only a store
            /// knows which there are.
            #[serde(skip_deserializing)]
            Custom(CustomKind),
        }

        impl Kind {
            /// Every kind of the table, in its order.
            pub const ALL: &'static [Kind] = &[$(Kind::$kind),*];

            /// The kind's row.
            pub const fn row(self) -> &'static KindRow {
                match self {
                    $(Kind::$kind => &KindRow {
                        group: <$kind as Resource>::GROUP,
                        version: <$kind as Resource>::VERSION,
                        kind: <$kind as Resource>::KIND,
                        plural: $plural,
                        singular: $singular,
                        short_names: &[$($short),*],
                        categories: &[],
                        scope: Scope::$scope,
                        subresources: &[$($sub),*],
                    },)*
                    Kind::Custom(kind) => kind.row(),
                }
            }
        }

        /// An object of any kind. Cloning is cheap: what it holds is shared and never changes.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Object {
            $(#[doc = concat!("A `", stringify!($kind), "`.")] $kind(Arc<$kind>),)*
            /// An object of a kind that a CustomResourceDefinition defines, as its version shows it.
            Custom(CustomKind, Arc<CustomObject>),
        }

        impl Object {
            /// The kind of what it holds.
            pub const fn kind(&self) -> Kind {
                match self {
                    $(Object::$kind(_) => Kind::$kind,)*
                    Object::Custom(kind, _) => Kind::Custom(*kind),
                }
            }

            /// The metadata.
            pub fn meta(&self) -> &ObjectMeta {
                match self {
                    $(Object::$kind(inner) => &inner.metadata,)*
                    Object::Custom(_, inner) => &inner.metadata,
                }
            }

            /// The metadata, to change; copies the object first where it is shared.
            pub fn meta_mut(&mut self) -> &mut ObjectMeta {
                match self {
                    $(Object::$kind(inner) => &mut Arc::make_mut(inner).metadata,)*
                    Object::Custom(_, inner) => &mut Arc::make_mut(inner).metadata,
                }
            }

            /// The object as JSON, with `apiVersion` and `kind`.
            pub fn to_json(&self) -> Value {
                match self {
                    $(Object::$kind(inner) => super::codec::to_value(inner.as_ref()),)*
                    Object::Custom(kind, inner) => inner.to_json(*kind),
                }
            }

            /// Decodes an object of `kind` from JSON that `api::decode` has normalised.
            ///
            /// # Errors
            /// The decoder's words when a value does not fit its type.
            pub fn from_json(kind: Kind, mut json: Value) -> Result<Self, String> {
                fit(kind, &mut json);
                Ok(match kind {
                    $(Kind::$kind => Object::$kind(Arc::new(super::codec::from_value::<$kind>(json)?)),)*
                    Kind::Custom(kind) => Object::Custom(kind, Arc::new(CustomObject::from_json(json)?)),
                })
            }
        }

        $(impl ApiType for $kind {
            const KIND: Kind = Kind::$kind;
            fn wrap(this: Arc<Self>) -> Object {
                Object::$kind(this)
            }
            fn unwrap(object: &Object) -> Option<&Arc<Self>> {
                match object {
                    Object::$kind(inner) => Some(inner),
                    _ => None,
                }
            }
        })*
    };
}

kinds! {
    Namespace "namespaces" "namespace" ["ns"] Cluster ["status", "finalize"];
    Node "nodes" "node" ["no"] Cluster ["status"];
    Lease "leases" "lease" [] Namespaced [];
    Pod "pods" "pod" ["po"] Namespaced ["status", "attach", "binding", "eviction", "exec", "log", "portforward", "proxy"];
    ReplicaSet "replicasets" "replicaset" ["rs"] Namespaced ["status", "scale"];
    Deployment "deployments" "deployment" ["deploy"] Namespaced ["status", "scale"];
    Service "services" "service" ["svc"] Namespaced ["status", "proxy"];
    Endpoints "endpoints" "endpoints" ["ep"] Namespaced [];
    EndpointSlice "endpointslices" "endpointslice" [] Namespaced [];
    ConfigMap "configmaps" "configmap" ["cm"] Namespaced [];
    Event "events" "event" ["ev"] Namespaced [];
    Secret "secrets" "secret" [] Namespaced [];
    ServiceAccount "serviceaccounts" "serviceaccount" ["sa"] Namespaced ["token"];
    ReplicationController "replicationcontrollers" "replicationcontroller" ["rc"] Namespaced ["status", "scale"];
    StatefulSet "statefulsets" "statefulset" ["sts"] Namespaced ["status", "scale"];
    DaemonSet "daemonsets" "daemonset" ["ds"] Namespaced ["status"];
    ControllerRevision "controllerrevisions" "controllerrevision" [] Namespaced [];
    Job "jobs" "job" [] Namespaced ["status"];
    CronJob "cronjobs" "cronjob" ["cj"] Namespaced ["status"];
    PersistentVolume "persistentvolumes" "persistentvolume" ["pv"] Cluster ["status"];
    PersistentVolumeClaim "persistentvolumeclaims" "persistentvolumeclaim" ["pvc"] Namespaced ["status"];
    StorageClass "storageclasses" "storageclass" ["sc"] Cluster [];
    Ingress "ingresses" "ingress" ["ing"] Namespaced ["status"];
    IngressClass "ingressclasses" "ingressclass" [] Cluster [];
    NetworkPolicy "networkpolicies" "networkpolicy" ["netpol"] Namespaced [];
    ResourceQuota "resourcequotas" "resourcequota" ["quota"] Namespaced ["status"];
    LimitRange "limitranges" "limitrange" ["limits"] Namespaced [];
    PodDisruptionBudget "poddisruptionbudgets" "poddisruptionbudget" ["pdb"] Namespaced ["status"];
    HorizontalPodAutoscaler "horizontalpodautoscalers" "horizontalpodautoscaler" ["hpa"] Namespaced ["status"];
    PriorityClass "priorityclasses" "priorityclass" ["pc"] Cluster [];
    RuntimeClass "runtimeclasses" "runtimeclass" [] Cluster [];
    PodTemplate "podtemplates" "podtemplate" [] Namespaced [];
    Role "roles" "role" [] Namespaced [];
    ClusterRole "clusterroles" "clusterrole" [] Cluster [];
    RoleBinding "rolebindings" "rolebinding" [] Namespaced [];
    ClusterRoleBinding "clusterrolebindings" "clusterrolebinding" [] Cluster [];
    CustomResourceDefinition "customresourcedefinitions" "customresourcedefinition" ["crd", "crds"] Cluster ["status"];
}

impl Kind {
    /// `group/version`, or the version alone for the core group.
    pub fn api_version(self) -> String {
        let row = self.row();
        match row.group {
            "" => row.version.to_owned(),
            group => format!("{group}/{}", row.version),
        }
    }

    /// `plural.group`, or the plural alone for the core group: as error messages name a resource.
    pub fn qualified_resource(self) -> String {
        let row = self.row();
        match row.group {
            "" => row.plural.to_owned(),
            group => format!("{}.{group}", row.plural),
        }
    }

    /// The kind of the table whose objects are served as `plural` in this group and version.
    pub fn of_resource(group: &str, version: &str, plural: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| {
            let row = kind.row();
            row.plural == plural && row.group == group && row.version == version
        })
    }

    /// Whether objects of this kind live in a namespace.
    pub const fn is_namespaced(self) -> bool {
        matches!(self.row().scope, Scope::Namespaced)
    }

    /// The kind of the table that `apiVersion` and `kind` of a manifest name.
    pub fn of_manifest(api_version: &str, kind: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|k| k.row().kind == kind && k.api_version() == api_version)
    }
}

/// Makes up for what the typed objects cannot tell: a selector that is there but empty gets an
/// empty list of expressions, so that it differs from a missing one; and what a claim template says
/// of its own kind does not count.
fn fit(kind: Kind, json: &mut Value) {
    if matches!(
        kind,
        Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet | Kind::DaemonSet
    ) && let Some(Value::Object(selector)) = json.pointer_mut("/spec/selector")
        && selector.is_empty()
    {
        selector.insert("matchExpressions".to_owned(), Value::Array(Vec::new()));
    }
    if kind == Kind::StatefulSet
        && let Some(Value::Array(templates)) = json.pointer_mut("/spec/volumeClaimTemplates")
    {
        for template in templates.iter_mut().filter_map(Value::as_object_mut) {
            template.remove("apiVersion");
            template.remove("kind");
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().kind)
    }
}

impl Object {
    /// The object that holds `inner`.
    pub fn new<K: ApiType>(inner: K) -> Self {
        K::wrap(Arc::new(inner))
    }

    /// What it holds, if it is a `K`.
    pub fn get<K: ApiType>(&self) -> Option<&Arc<K>> {
        K::unwrap(self)
    }

    /// The same object as one of `kind`, where that is another version of its own custom kind.
    #[must_use]
    pub fn shown_as(mut self, kind: Kind) -> Self {
        if let (Object::Custom(own, _), Kind::Custom(kind)) = (&mut self, kind)
            && *own == kind
        {
            *own = kind;
        }
        self
    }

    /// Where it is stored.
    pub fn key(&self) -> super::ObjectKey {
        let meta = self.meta();
        super::ObjectKey {
            kind: self.kind(),
            namespace: meta.namespace.clone().unwrap_or_default(),
            name: meta.name.clone().unwrap_or_default(),
        }
    }
}

/// By way of [`Object::to_json`]: every type is written by one serializer only, which keeps the code
/// for it once in the binary.
impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<K: ApiType> From<Arc<K>> for Object {
    fn from(inner: Arc<K>) -> Self {
        K::wrap(inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_agrees_with_its_type() {
        for kind in Kind::ALL {
            assert_eq!(
                Kind::of_manifest(&kind.api_version(), kind.row().kind),
                Some(*kind)
            );
        }
        assert_eq!(Kind::Deployment.qualified_resource(), "deployments.apps");
        assert_eq!(Kind::of_manifest("apps/v1beta1", "Deployment"), None);
    }
}
