//! Every Pod runs as a ServiceAccount of its namespace, whose token it can read.
//!
//! Upstream: plugin/pkg/admission/serviceaccount/admission.go, v1.36. Left out: the annotation that
//! limits a ServiceAccount to its own Secrets, and judging again what webhooks have changed, which
//! there are not.

use super::{Surroundings, forbidden_early, is_mirror, new_pod};
use crate::api::meta::MetaExt;
use crate::api::{Object, Status};
use crate::apiserver::tokens::POD_SECONDS;
use crate::sim::{SimDuration, SimRng};
use k8s_openapi::api::core::v1::{
    ConfigMapProjection, Container, DownwardAPIProjection, DownwardAPIVolumeFile, KeyToPath,
    Namespace, ObjectFieldSelector, Pod, PodSpec, ProjectedVolumeSource, ServiceAccount,
    ServiceAccountTokenProjection, Volume, VolumeMount, VolumeProjection,
};
use std::sync::Arc;

const VOLUME: &str = "kube-api-access-";
const MOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

const DEFAULT: &str = "default";
/// How old a namespace is that surely has its account. Upstream waits for the account `default` for one
/// to two seconds; here a request takes no time, so that Pods of a younger namespace are let through
/// as if it was there: its controller is about to make it.
const YOUNG: SimDuration = SimDuration::secs(2);

/// Sets the account of a new Pod and gives its containers the account's token.
///
/// # Errors
/// `Forbidden` where the account is missing.
pub fn admit(object: &mut Object, around: &mut Surroundings<'_>) -> Result<(), Status> {
    let Some(pod) = new_pod(object, around) else {
        return Ok(());
    };
    if is_mirror(pod) {
        return mirror(pod).map_err(|why| forbidden_early(object, why));
    }
    let namespace = pod.namespace().to_owned();
    let spec = pod.spec.get_or_insert_default();
    let name = spec.service_account_name.get_or_insert_default();
    if name.is_empty() {
        DEFAULT.clone_into(name);
    }
    spec.service_account.clone_from(&spec.service_account_name);
    match account(spec, &namespace, around) {
        Ok(account) => {
            let own = account.automount_service_account_token;
            if spec.automount_service_account_token.or(own).unwrap_or(true) {
                mount_token(spec, around.rng);
            }
            if spec.image_pull_secrets.as_ref().is_none_or(Vec::is_empty) {
                spec.image_pull_secrets
                    .clone_from(&account.image_pull_secrets);
            }
            Ok(())
        }
        Err(why) => Err(forbidden_early(object, why)),
    }
}

fn account(
    spec: &PodSpec,
    namespace: &str,
    around: &Surroundings<'_>,
) -> Result<Arc<ServiceAccount>, String> {
    let name = spec.service_account_name.as_deref().unwrap_or_default();
    match around.find::<ServiceAccount>(namespace, name) {
        Some(account) => Ok(account),
        None if name == DEFAULT && is_young(namespace, around) => Ok(Arc::default()),
        None => Err(format!(
            "error looking up service account {namespace}/{name}: serviceaccount {name:?} not found"
        )),
    }
}

fn is_young(namespace: &str, around: &Surroundings<'_>) -> bool {
    let found = around.find::<Namespace>("", namespace);
    found.is_some_and(|found| around.now.since(found.created_at()) < YOUNG)
}

/// A Pod out of a node's file cannot refer to what only the API server has.
fn mirror(pod: &Pod) -> Result<(), &'static str> {
    let Some(spec) = &pod.spec else { return Ok(()) };
    if spec
        .service_account_name
        .as_ref()
        .is_some_and(|name| !name.is_empty())
    {
        return Err("a mirror pod may not reference service accounts");
    }
    let volumes = spec.volumes.as_deref().unwrap_or_default();
    let containers = spec
        .containers
        .iter()
        .chain(spec.init_containers.iter().flatten());
    let secret_env = |c: &Container| {
        let from = c
            .env_from
            .iter()
            .flatten()
            .any(|from| from.secret_ref.is_some());
        from || c.env.iter().flatten().any(|env| {
            env.value_from
                .as_ref()
                .is_some_and(|from| from.secret_key_ref.is_some())
        })
    };
    let pull = spec
        .image_pull_secrets
        .as_ref()
        .is_some_and(|all| !all.is_empty());
    if pull || volumes.iter().any(|v| v.secret.is_some()) || containers.into_iter().any(secret_env)
    {
        return Err("a mirror pod may not reference secrets");
    }
    let projected = volumes.iter().filter_map(|v| v.projected.as_ref());
    let mut sources = projected.flat_map(|projected| projected.sources.iter().flatten());
    match sources.any(|source| source.service_account_token.is_some()) {
        true => Err("a mirror pod may not use ServiceAccountToken volume projections"),
        false => Ok(()),
    }
}

fn mount_token(spec: &mut PodSpec, rng: &mut SimRng) {
    let volumes = spec.volumes.iter().flatten();
    let existing = volumes
        .map(|v| &v.name)
        .find(|name| name.starts_with(VOLUME))
        .cloned();
    let is_new = existing.is_none();
    let name = existing.unwrap_or_else(|| format!("{VOLUME}{}", rng.suffix(5)));
    let mut needed = false;
    let init = spec.init_containers.iter_mut().flatten();
    for container in init.chain(&mut spec.containers) {
        let mounts = container.volume_mounts.get_or_insert_default();
        if mounts.iter().all(|mount| mount.mount_path != MOUNT) {
            needed = true;
            mounts.push(VolumeMount {
                name: name.clone(),
                mount_path: MOUNT.to_owned(),
                read_only: Some(true),
                ..VolumeMount::default()
            });
        }
        container.volume_mounts.take_if(|mounts| mounts.is_empty());
    }
    if is_new && needed {
        spec.volumes
            .get_or_insert_default()
            .push(token_volume(name));
    }
}

fn token_volume(name: String) -> Volume {
    let token = VolumeProjection {
        service_account_token: Some(ServiceAccountTokenProjection {
            expiration_seconds: Some(POD_SECONDS),
            path: "token".to_owned(),
            ..ServiceAccountTokenProjection::default()
        }),
        ..VolumeProjection::default()
    };
    let authority = VolumeProjection {
        config_map: Some(ConfigMapProjection {
            name: "kube-root-ca.crt".to_owned(),
            items: Some(vec![KeyToPath {
                key: "ca.crt".to_owned(),
                path: "ca.crt".to_owned(),
                mode: None,
            }]),
            optional: None,
        }),
        ..VolumeProjection::default()
    };
    let namespace = VolumeProjection {
        downward_api: Some(DownwardAPIProjection {
            items: Some(vec![DownwardAPIVolumeFile {
                path: "namespace".to_owned(),
                field_ref: Some(ObjectFieldSelector {
                    api_version: Some("v1".to_owned()),
                    field_path: "metadata.namespace".to_owned(),
                }),
                ..DownwardAPIVolumeFile::default()
            }]),
        }),
        ..VolumeProjection::default()
    };
    Volume {
        name,
        projected: Some(ProjectedVolumeSource {
            default_mode: Some(0o644),
            sources: Some(vec![token, authority, namespace]),
        }),
        ..Volume::default()
    }
}
