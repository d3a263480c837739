//! Publishes the certificate that the API server is known by, in every namespace.
//!
//! Upstream: pkg/controller/certificates/rootcacertpublisher/publisher.go, v1.36. The certificate is
//! the same in every cluster and nobody has its key: the simulated API server speaks no TLS.

use super::manager::{Controller, one_queue};
use super::service_account::is_active;
use super::{Change, Informers};
use crate::api::{NamespacedName, Object, Reason, Status};
use crate::client::{Ctx, WorkQueue};
use crate::sim::SimTime;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;
use std::collections::BTreeMap;

/// The certificate, as PEM.
pub const ROOT_CA: &str = include_str!("../../static/root-ca.crt");
/// The key that it stands under.
pub const KEY: &str = "ca.crt";
const NAME: &str = "kube-root-ca.crt";
const ANNOTATION: &str = "kubernetes.io/description";
const DESCRIPTION: &str = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";

/// The controller that publishes it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RootCaPublisher {
    /// Namespaces.
    queue: WorkQueue<String>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
enum Plan {
    Create(ConfigMap),
    Update(ConfigMap),
    Nothing,
}

/// Makes the ConfigMap of `namespace`, or makes good what somebody did to it.
fn plan_publishing(namespace: &str, found: Option<&ConfigMap>) -> Plan {
    let wanted = BTreeMap::from([(KEY.to_owned(), ROOT_CA.to_owned())]);
    let mut map = found.cloned().unwrap_or_else(|| ConfigMap {
        metadata: ObjectMeta {
            name: Some(NAME.to_owned()),
            namespace: Some(namespace.to_owned()),
            ..ObjectMeta::default()
        },
        ..ConfigMap::default()
    });
    let annotations = map.metadata.annotations.get_or_insert_default();
    let described = annotations
        .get(ANNOTATION)
        .is_some_and(|text| !text.is_empty());
    if found.is_some() && described && map.data.as_ref() == Some(&wanted) {
        return Plan::Nothing;
    }
    annotations.insert(ANNOTATION.to_owned(), DESCRIPTION.to_owned());
    map.data = Some(wanted);
    match found {
        Some(_) => Plan::Update(map),
        None => Plan::Create(map),
    }
}

impl Controller for RootCaPublisher {
    fn name(&self) -> &'static str {
        "root-ca-cert-publisher"
    }

    fn handle(&mut self, change: &Change, _: &Informers, _: SimTime) {
        let (namespace, revision) = match change {
            Change::Namespace(delta) => match (&delta.old, &delta.new) {
                (Some(_), Some(new)) if !is_active(new) => return,
                (_, Some(new)) => (new.metadata.name.clone(), delta.revision),
                (_, None) => return,
            },
            // A new one is its own work, or is seen to with the namespace.
            Change::ConfigMap(delta) if delta.old.is_some() => {
                let metadata = &delta.latest().metadata;
                if metadata.name.as_deref() != Some(NAME) {
                    return;
                }
                (metadata.namespace.clone(), delta.revision)
            }
            _ => return,
        };
        self.queue
            .add(namespace.unwrap_or_default(), Some(revision));
    }

    one_queue!(|_, key, ctx, informers| reconcile(key, ctx, informers));
}

fn reconcile(namespace: &str, ctx: &mut Ctx<'_>, informers: &Informers) -> Result<(), Status> {
    let name = NamespacedName::new(namespace, NAME);
    let found = informers.config_maps.get(&name);
    match plan_publishing(namespace, found.map(AsRef::as_ref)) {
        Plan::Nothing => Ok(()),
        Plan::Update(map) => ctx.update_object(Object::new(map)),
        Plan::Create(map) => match ctx.create_object(Object::new(map)) {
            Err(status) if status.reason == Reason::NotFound => Ok(()),
            Err(status) if status.is_namespace_terminating() => Ok(()),
            created => created,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_or_changed_is_made_good() {
        let Plan::Create(new) = plan_publishing("shop", None) else {
            panic!("it is missing");
        };
        assert_eq!(new.metadata.namespace.as_deref(), Some("shop"));
        assert_eq!(plan_publishing("shop", Some(&new)), Plan::Nothing);
        let changed = |change: &dyn Fn(&mut ConfigMap)| {
            let mut map = new.clone();
            change(&mut map);
            plan_publishing("shop", Some(&map))
        };
        let restored = Plan::Update(new.clone());
        let break_data = |map: &mut ConfigMap| {
            map.data
                .get_or_insert_default()
                .insert("x".into(), "y".into());
        };
        assert_eq!(changed(&break_data), restored);
        assert_eq!(changed(&|map| map.data = None), restored);
        let undescribed = |map: &mut ConfigMap| map.metadata.annotations = None;
        assert_eq!(changed(&undescribed), restored);
        // Another description stays.
        let described = |map: &mut ConfigMap| {
            let annotations = map.metadata.annotations.get_or_insert_default();
            annotations.insert(ANNOTATION.to_owned(), "mine".to_owned());
        };
        assert_eq!(changed(&described), Plan::Nothing);
    }

    #[test]
    fn the_certificate_is_pem() {
        assert!(ROOT_CA.starts_with("-----BEGIN CERTIFICATE-----\n"));
        assert!(ROOT_CA.ends_with("-----END CERTIFICATE-----\n"));
    }
}
