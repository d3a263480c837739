//! What kubectl does with a manifest or a resource, on the API server's one door.
//!
//! Upstream: staging/src/k8s.io/kubectl, v1.36. Left out so far: the command line itself; the page
//! calls these functions.

mod apply;
mod edit;
mod merge;

pub use apply::{ApplyError, ApplyLine, ApplyReport, apply};
pub use edit::{delete, restart, scale, set_image, set_paused, undo};

use crate::api::{Object, ObjectKey, Status};
use crate::apiserver::{ApiHandle, Operation, Request, Response};
use crate::sim::SimTime;

/// Reads an object.
fn get(api: &mut dyn ApiHandle, key: &ObjectKey, now: SimTime) -> Result<Object, Status> {
    object(api, Operation::Get(key.clone()), now)
}

fn object(api: &mut dyn ApiHandle, what: Operation, now: SimTime) -> Result<Object, Status> {
    match api.handle(Request::by_user(what), now)? {
        Response::Object(object) => Ok(object),
        Response::List { .. } => Err(Status::bad_request(
            "a list came where one object was asked",
        )),
    }
}

/// `deployment.apps/web`: how kubectl names an object.
fn printed_name(key: &ObjectKey) -> String {
    let row = key.kind.row();
    match row.group {
        "" => format!("{}/{}", row.singular, key.name),
        group => format!("{}.{group}/{}", row.singular, key.name),
    }
}
