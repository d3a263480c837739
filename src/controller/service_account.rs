//! Gives every namespace the account `default`.
//!
//! Upstream: pkg/controller/serviceaccount/serviceaccounts_controller.go, v1.36.

use super::manager::{Controller, one_queue};
use super::{Change, Informers};
use crate::api::{Kind, NamespacedName, Object, ObjectKey, Reason, Status};
use crate::client::{Ctx, WorkQueue};
use crate::sim::SimTime;
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;

const NAME: &str = "default";

/// The ServiceAccount controller.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ServiceAccountController {
    /// Namespaces.
    queue: WorkQueue<String>,
}

/// Whether what lives in a namespace can be made in it.
pub fn is_active(namespace: &Namespace) -> bool {
    let status = namespace.status.as_ref();
    status.is_some_and(|status| status.phase.as_deref() == Some("Active"))
}

/// The account that `namespace` lacks; nothing where it is going, or has it.
fn plan_account(namespace: &Namespace, has: bool) -> Option<ServiceAccount> {
    (is_active(namespace) && !has).then(|| ServiceAccount {
        metadata: ObjectMeta {
            name: Some(NAME.to_owned()),
            namespace: namespace.metadata.name.clone(),
            ..ObjectMeta::default()
        },
        ..ServiceAccount::default()
    })
}

impl Controller for ServiceAccountController {
    fn name(&self) -> &'static str {
        "service-account-controller"
    }

    fn handle(&mut self, change: &Change, _: &Informers, _: SimTime) {
        let change = change.meta();
        let namespace = match (change.kind, change.new, change.old) {
            (Kind::Namespace, Some(new), _) => new.name.as_ref(),
            (Kind::ServiceAccount, None, Some(old)) => old.namespace.as_ref(),
            _ => None,
        };
        if let Some(namespace) = namespace {
            self.queue.add(namespace.clone(), Some(change.revision));
        }
    }

    one_queue!(|_, key, ctx, informers| reconcile(key, ctx, informers));
}

fn reconcile(name: &str, ctx: &mut Ctx<'_>, informers: &Informers) -> Result<(), Status> {
    let Some(namespace) = informers.namespaces.get(&NamespacedName::new("", name)) else {
        return Ok(());
    };
    let key = ObjectKey::new(Kind::ServiceAccount, name, NAME);
    let known = informers.others.get(&key).is_some();
    let Some(account) = plan_account(namespace, known) else {
        return Ok(());
    };
    match ctx.create_object(Object::new(account)) {
        Err(status) if status.reason == Reason::AlreadyExists => Ok(()),
        Err(status) if status.is_namespace_terminating() => Ok(()),
        created => created,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::NamespaceStatus;

    #[test]
    fn an_active_namespace_without_the_account_gets_it() {
        for (phase, has, made) in [
            ("Active", false, true),
            ("Active", true, false),
            ("Terminating", false, false),
            ("", false, false),
        ] {
            let mut namespace = Namespace::default();
            namespace.metadata.name = Some("shop".to_owned());
            namespace.status = Some(NamespaceStatus {
                phase: Some(phase.to_owned()).filter(|phase| !phase.is_empty()),
                ..NamespaceStatus::default()
            });
            let planned = plan_account(&namespace, has);
            let planned = planned.map(|account| account.metadata.namespace);
            let want = made.then(|| Some("shop".to_owned()));
            assert_eq!(planned, want, "{phase} {has}");
        }
    }
}
