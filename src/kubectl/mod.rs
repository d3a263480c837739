//! kubectl: its command line, and what it does with a manifest or a resource, on the API server's one
//! door.
//!
//! Upstream: staging/src/k8s.io/kubectl, v1.36. [`Run`] is a command line on its way; the other
//! functions are what the page's buttons do. What there is not yet stands in [`NOT_YET`].

mod apply;
mod commands;
mod describe;
mod drain;
mod edit;
mod failure;
mod flags;
mod impersonate;
mod merge;
mod output;
mod resource;
mod shell;

pub use apply::{ApplyError, ApplyLine, ApplyReport, apply};
pub use commands::{NOT_YET, overview, rollout_status};
pub use drain::{DrainReport, cordon, drain};
pub use edit::{delete, restart, scale, set_image, set_paused, undo};
pub use output::{Output, Stream};
pub use shell::{Files, Progress, Run};

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
