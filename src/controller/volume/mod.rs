//! Claims and volumes: who binds them, makes them and keeps them while they are in use.

mod binder;
mod plan;
mod protection;
mod provisioner;

pub use binder::PersistentVolumeBinder;
pub use protection::ProtectionController;
pub use provisioner::ExternalProvisioner;

use crate::api::{Object, ObjectKey, Reason, Status};
use crate::client::{Ctx, ObjectChange};

/// What a change is of; `None` where nothing changed.
fn key_of(change: &ObjectChange) -> Option<ObjectKey> {
    let object = change.new.as_ref().or(change.old.as_ref());
    object.map(Object::key)
}

/// The object at `key` as it is now; `None` where there is none. What upstream keeps of its own writes
/// beside the informers is read here from the API server.
fn stored(ctx: &mut Ctx<'_>, key: &ObjectKey) -> Result<Option<Object>, Status> {
    match ctx.get_object(key) {
        Ok(object) => Ok(Some(object)),
        Err(status) if status.reason == Reason::NotFound => Ok(None),
        Err(status) => Err(status),
    }
}
