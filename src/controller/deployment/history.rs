//! Revisions: which ReplicaSet is which, and making the one for a new template.
//!
//! Upstream: pkg/controller/deployment/sync.go (getNewReplicaSet), util/deployment_util.go, v1.36.
//! The template hash is FNV-1a over the template's JSON, where upstream hashes a dump of its Go
//! values: the label has upstream's form, not its exact text.

use super::{DeploymentController, Sets, plan};
use crate::api::meta::MetaExt;
use crate::api::{NamespacedName, Reason, Status, codec, owner};
use crate::client::{Ctx, EventType};
use crate::sim::order::map_of;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, ReplicaSetSpec};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use std::collections::BTreeMap;
use std::sync::Arc;

const HISTORY: &str = "deployment.kubernetes.io/revision-history";
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The hash that names a template's ReplicaSet, in the alphabet of generated names.
pub fn template_hash(template: &PodTemplateSpec, collisions: i32) -> String {
    let mut text = codec::to_value(template).to_string();
    if collisions > 0 {
        text.push_str(&collisions.to_string());
    }
    let hash = text.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let encode = |digit: u8| ALPHABET[usize::from(digit) % ALPHABET.len()] as char;
    hash.to_string().bytes().map(encode).collect()
}

/// Annotations that a ReplicaSet takes over from its Deployment.
fn inherited(deployment: &Deployment) -> BTreeMap<String, String> {
    let own = [
        LAST_APPLIED,
        plan::REVISION,
        HISTORY,
        plan::DESIRED,
        plan::MAX,
    ];
    let all = deployment.metadata.annotations.iter().flatten();
    let all = all.filter(|(key, _)| !own.contains(&key.as_str()));
    map_of(all.map(|(key, value)| (key.clone(), value.clone())))
}

/// Gives a set the number `revision` and the Deployment's annotations; answers whether that changed
/// anything. A number it had before goes into its history.
fn annotate(set: &mut ObjectMeta, deployment: &Deployment, revision: i64) -> bool {
    let old = plan::revision(set);
    let mut changed = false;
    let annotations = set.annotations.get_or_insert_default();
    for (key, value) in inherited(deployment) {
        changed |= annotations.insert(key, value.clone()) != Some(value);
    }
    if old < revision {
        annotations.insert(plan::REVISION.to_owned(), revision.to_string());
        if old > 0 {
            let history = annotations.entry(HISTORY.to_owned()).or_default();
            if !history.is_empty() {
                history.push(',');
            }
            history.push_str(&old.to_string());
        }
        changed = true;
    }
    changed
}

impl DeploymentController {
    /// Finds, renumbers or (where `create`) makes the set with the present template.
    pub(super) fn new_replica_set(
        &mut self,
        deployment: &mut Arc<Deployment>,
        sets: &mut Sets,
        create: bool,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Status> {
        let newest = sets
            .old
            .iter()
            .map(|set| plan::revision(&set.metadata))
            .max()
            .unwrap_or(0);
        let revision = newest + 1;
        if let Some(found) = sets.new.clone() {
            return self.renumber(deployment, sets, &found, revision, ctx);
        }
        if !create {
            return Ok(());
        }
        let set = self.build(deployment, sets, revision);
        let name = NamespacedName::new(deployment.namespace(), set.name());
        let created = match ctx.create(set) {
            Err(status) if status.reason == Reason::AlreadyExists => {
                let existing: Arc<ReplicaSet> = ctx.get(&name)?;
                if !owner::is_controlled_by(&existing.metadata, deployment.uid()) {
                    return self.count_collision(deployment, ctx).and(Err(status));
                }
                existing
            }
            Err(status) => {
                let message = format!(
                    "Failed to create new replica set \"{}\": {status}",
                    name.name
                );
                self.note_new_set(deployment, "ReplicaSetCreateError", message, ctx)?;
                return Err(status);
            }
            Ok(created) => created,
        };
        let size = plan::replicas(&created);
        if size > 0 {
            let message = format!("Scaled up replica set {} from 0 to {size}", created.name());
            let normal = EventType::Normal;
            self.recorder.event(
                ctx,
                deployment.as_ref(),
                normal,
                "ScalingReplicaSet",
                message,
            );
        }
        let message = format!("Created new replica set \"{}\"", created.name());
        sets.new = Some(created);
        self.number_deployment(deployment, revision, ctx)?;
        self.note_new_set(deployment, "NewReplicaSetCreated", message, ctx)
    }

    /// Brings the set with the present template up to date with its Deployment.
    fn renumber(
        &mut self,
        deployment: &mut Arc<Deployment>,
        sets: &mut Sets,
        found: &Arc<ReplicaSet>,
        revision: i64,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Status> {
        let wanted = deployment.spec.as_ref().map(|spec| spec.min_ready_seconds);
        let wanted = wanted.flatten();
        let present = found.spec.as_ref().map(|spec| spec.min_ready_seconds);
        let differs = present.flatten().unwrap_or(0) != wanted.unwrap_or(0);
        let mut metadata = found.metadata.clone();
        if annotate(&mut metadata, deployment, revision) || differs {
            let mut set = ReplicaSet::clone(found);
            set.metadata = metadata;
            set.spec.get_or_insert_default().min_ready_seconds = wanted;
            sets.new = Some(ctx.update(set)?);
        }
        let number = sets
            .new
            .as_ref()
            .map_or(0, |set| plan::revision(&set.metadata));
        self.number_deployment(deployment, number, ctx)?;
        let message = format!("Found new replica set \"{}\"", found.name());
        self.note_new_set(deployment, "FoundNewReplicaSet", message, ctx)
    }

    fn build(&self, deployment: &Deployment, sets: &Sets, revision: i64) -> ReplicaSet {
        let spec = deployment.spec.clone().unwrap_or_default();
        let collisions = deployment
            .status
            .as_ref()
            .and_then(|s| s.collision_count)
            .unwrap_or(0);
        let hash = template_hash(&spec.template, collisions);
        let mut template = spec.template;
        let labels = template
            .metadata
            .get_or_insert_default()
            .labels
            .get_or_insert_default();
        labels.insert(plan::HASH_LABEL.to_owned(), hash.clone());
        let labels = labels.clone();
        let mut selector = spec.selector;
        let matched = selector.match_labels.get_or_insert_default();
        matched.insert(plan::HASH_LABEL.to_owned(), hash.clone());
        let mut set = ReplicaSet {
            metadata: ObjectMeta {
                name: Some(format!("{}-{hash}", deployment.name())),
                namespace: Some(deployment.namespace().to_owned()),
                labels: Some(labels),
                owner_references: Some(vec![owner::controller_ref(deployment)]),
                ..ObjectMeta::default()
            },
            spec: Some(ReplicaSetSpec {
                replicas: Some(super::rolling::plan_new_size(deployment, sets, 0)),
                min_ready_seconds: spec.min_ready_seconds,
                selector,
                template: Some(template),
            }),
            status: None,
        };
        annotate(&mut set.metadata, deployment, revision);
        plan::annotate_size(&mut set.metadata, deployment);
        set
    }

    fn number_deployment(
        &self,
        deployment: &mut Arc<Deployment>,
        revision: i64,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Status> {
        if revision == 0 || plan::revision(&deployment.metadata) == revision {
            return Ok(());
        }
        let mut numbered = Deployment::clone(deployment);
        let annotations = numbered.metadata.annotations.get_or_insert_default();
        annotations.insert(plan::REVISION.to_owned(), revision.to_string());
        *deployment = ctx.update(numbered)?;
        Ok(())
    }

    fn count_collision(&self, deployment: &Deployment, ctx: &mut Ctx<'_>) -> Result<(), Status> {
        let mut deployment = deployment.clone();
        let status = deployment.status.get_or_insert_default();
        status.collision_count = Some(status.collision_count.unwrap_or(0) + 1);
        ctx.update_status(deployment).map(|_| ())
    }
}
