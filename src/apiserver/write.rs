//! Writes: create, update, status, patch, binding. Apply is in `tracking`.

use super::access::Access;
use super::admission::Surroundings;
use super::door::FieldValidation;
use super::tracking::Write;
use super::{ApiServer, Patch, admission, custom, registry};
use crate::api::meta::{self, MetaExt};
use crate::api::watch::Origin;
use crate::api::{Kind, NamespacedName, Object, ObjectKey, Reason, Status, condition};
use crate::etcd::WriteError;
use crate::sim::SimTime;
use k8s_openapi::api::core::v1::{Pod, PodCondition, PodStatus};
use std::sync::Arc;

impl ApiServer {
    pub(super) fn create(&mut self, mut object: Object, write: Write) -> Result<Object, Status> {
        custom::check_create(&self.etcd, object.kind())?;
        self.name_and_stamp(&mut object, &write.origin);
        registry::default(&mut object);
        // What the server sets itself from here on (addresses, selectors) is nobody's.
        write.tracking.of_new(&mut object, &write.origin);
        let now = write.origin.at;
        admission::mutate(&mut object, &mut self.around(None, now))?;
        if let Some(user) = &write.user {
            Access::new(&self.etcd).check_grant(user, &object, None)?;
        }
        registry::prepare_for_create(&mut object, &self.config, &self.etcd)?;
        let errors = registry::validate(&object, &self.etcd);
        if !errors.is_empty() {
            return Err(Status::invalid(object.kind(), object.name(), &errors));
        }
        custom::check_room(&object)?;
        let charged = admission::validate(&object, &self.around(None, now))?;
        let key = object.key();
        if write.dry_run {
            let free = self.etcd.get(&key).is_none();
            return free
                .then_some(object)
                .ok_or_else(|| Status::already_exists(&key));
        }
        let created = self
            .etcd
            .create(object, write.origin)
            .map_err(|error| refused(&key, error))?;
        self.charge(charged, &created, now)?;
        Ok(created)
    }

    /// Stores what the quotas have given for an object. Upstream does it before the object is stored,
    /// and has charged too much where that fails.
    fn charge(&mut self, quotas: Vec<Object>, stored: &Object, now: SimTime) -> Result<(), Status> {
        for quota in quotas {
            self.update_status(quota, Write::own(Some(stored.revision()), now))?;
        }
        Ok(())
    }

    /// What admission may look at where `old`, if there is one, is to be changed.
    const fn around<'a>(&'a mut self, old: Option<&'a Object>, now: SimTime) -> Surroundings<'a> {
        Surroundings {
            config: &self.config,
            etcd: &self.etcd,
            old,
            rng: &mut self.rng,
            now,
        }
    }

    fn name_and_stamp(&mut self, object: &mut Object, origin: &Origin) {
        let namespaced = object.kind().is_namespaced();
        let uid = self.rng.uuid();
        let generated = object.meta().name.as_deref().unwrap_or_default().is_empty();
        let suffix = generated.then(|| self.rng.suffix(5));
        let metadata = object.meta_mut();
        if let (Some(suffix), Some(prefix)) = (suffix, metadata.generate_name.as_ref()) {
            let prefix: String = prefix.chars().take(58).collect();
            metadata.name = Some(format!("{prefix}{suffix}"));
        }
        if namespaced && metadata.namespace.as_deref().unwrap_or_default().is_empty() {
            metadata.namespace = Some("default".to_owned());
        }
        if !namespaced {
            metadata.namespace = None;
        }
        metadata.uid = Some(uid);
        metadata.creation_timestamp = Some(meta::time(origin.at));
        metadata.deletion_timestamp = None;
        metadata.deletion_grace_period_seconds = None;
        metadata.resource_version = None;
        metadata.self_link = None;
        metadata.managed_fields = None;
    }

    pub(super) fn update(&mut self, mut object: Object, write: Write) -> Result<Object, Status> {
        let old = self.current(&mut object)?;
        registry::default(&mut object);
        let now = write.origin.at;
        admission::mutate(&mut object, &mut self.around(Some(&old), now))?;
        if let Some(user) = &write.user {
            Access::new(&self.etcd).check_grant(user, &object, Some(&old))?;
        }
        registry::prepare_for_update(&mut object, &old, &self.config, &self.etcd)?;
        let errors = registry::validate_update(&object, &old, &self.etcd);
        if !errors.is_empty() {
            return Err(Status::invalid(object.kind(), object.name(), &errors));
        }
        custom::check_room(&object)?;
        let charged = admission::validate(&object, &self.around(Some(&old), now))?;
        write
            .tracking
            .of_change(&old, &mut object, "", &write.origin);
        let dry_run = write.dry_run;
        let replaced = self.replace(object, &old, dry_run, write.origin)?;
        if !dry_run {
            self.charge(charged, &replaced, now)?;
        }
        Ok(replaced)
    }

    pub(super) fn update_status(
        &mut self,
        mut object: Object,
        write: Write,
    ) -> Result<Object, Status> {
        let old = self.current(&mut object)?;
        let given = object.meta_mut().managed_fields.take();
        registry::prepare_for_status_update(&mut object, &old);
        object.meta_mut().managed_fields = given;
        let mut errors = registry::metadata_update_errors(object.meta(), old.meta());
        if let (Object::Custom(kind, new), Object::Custom(_, old)) = (&object, &old) {
            errors.extend(custom::validate_update(*kind, new, old, &self.etcd));
        }
        if !errors.is_empty() {
            return Err(Status::invalid(object.kind(), object.name(), &errors));
        }
        write
            .tracking
            .of_change(&old, &mut object, "status", &write.origin);
        self.replace(object, &old, write.dry_run, write.origin)
    }

    pub(super) fn patch(
        &mut self,
        key: &ObjectKey,
        patch: &Patch,
        write: Write,
    ) -> Result<Object, Status> {
        let old = self.get(key)?;
        let patched = super::patch::apply(key.kind, &old.to_json(), patch)?;
        let ignore = FieldValidation::Ignore;
        let patched = self.kinds().decode_as(key.kind, patched, ignore)?;
        self.update(patched, write)
    }

    pub(super) fn bind(
        &mut self,
        pod: &NamespacedName,
        node: &str,
        write: Write,
    ) -> Result<Object, Status> {
        let key = pod.of(Kind::Pod);
        let old = self.get(&key)?;
        let stored: &Arc<Pod> = old
            .get()
            .expect("invariant: a Pod is stored under a Pod's key");
        if stored.is_terminating() {
            let why = format!(
                "pod {} is being deleted, cannot be assigned to a host",
                pod.name
            );
            return Err(Status::conflict(&key, &why));
        }
        let mut new = Pod::clone(stored);
        let spec = new.spec.get_or_insert_default();
        if let Some(host) = spec.node_name.as_ref().filter(|host| !host.is_empty()) {
            let why = format!("pod {} is already assigned to node {host:?}", pod.name);
            return Err(Status::conflict(&key, &why));
        }
        spec.node_name = Some(node.to_owned());
        let status = new.status.get_or_insert_with(PodStatus::default);
        let scheduled = PodCondition {
            type_: "PodScheduled".to_owned(),
            status: "True".to_owned(),
            observed_generation: new.metadata.generation,
            ..PodCondition::default()
        };
        condition::set(
            status.conditions.get_or_insert_default(),
            scheduled,
            write.origin.at,
        );
        let mut new = Object::new(new);
        write
            .tracking
            .of_change(&old, &mut new, "status", &write.origin);
        self.replace(new, &old, write.dry_run, write.origin)
    }

    /// The stored version that `object` is to replace, once its resource version (where given) and
    /// uid agree with it.
    fn current(&self, object: &mut Object) -> Result<Object, Status> {
        let key = object.key();
        let old = self.get(&key)?;
        let metadata = object.meta_mut();
        let (given, stored) = (&metadata.resource_version, &old.meta().resource_version);
        if given
            .as_deref()
            .is_some_and(|v| !v.is_empty() && Some(v) != stored.as_deref())
        {
            return Err(Status::stale(&key));
        }
        if let Some(uid) = metadata.uid.as_deref().filter(|uid| !uid.is_empty())
            && uid != old.uid()
        {
            let why = format!(
                "Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
                old.uid()
            );
            return Err(Status::conflict(&key, &why));
        }
        metadata.resource_version.clone_from(stored);
        metadata.uid.clone_from(&old.meta().uid);
        metadata
            .creation_timestamp
            .clone_from(&old.meta().creation_timestamp);
        metadata
            .deletion_timestamp
            .clone_from(&old.meta().deletion_timestamp);
        metadata
            .deletion_grace_period_seconds
            .clone_from(&old.meta().deletion_grace_period_seconds);
        if metadata.managed_fields.as_ref().is_none_or(Vec::is_empty) {
            metadata
                .managed_fields
                .clone_from(&old.meta().managed_fields);
        }
        Ok(old)
    }

    /// Stores `object` in the place of `old`; a write that changes nothing makes no revision, and
    /// one that takes away the last finalizer of a deleted object removes it.
    pub(super) fn replace(
        &mut self,
        object: Object,
        old: &Object,
        dry_run: bool,
        origin: Origin,
    ) -> Result<Object, Status> {
        if dry_run || object == *old {
            return Ok(object);
        }
        let key = object.key();
        if self.is_finished(&object) {
            return self
                .etcd
                .delete(&key, old.revision(), origin)
                .map_err(|e| refused(&key, e));
        }
        self.etcd
            .update(object, old.revision(), origin)
            .map_err(|error| refused(&key, error))
    }
}

pub(super) fn refused(key: &ObjectKey, error: WriteError) -> Status {
    match error {
        WriteError::Exists => Status::already_exists(key),
        WriteError::Missing => Status::not_found(key),
        WriteError::Changed => Status::stale(key),
        WriteError::NoSpace => Status::plain(
            Reason::InternalError,
            "etcdserver: mvcc: database space exceeded",
        ),
    }
}
