//! What a command waits for. Each is resumed with the cluster as it is by then.

use super::{delete, drain, exec, get, rollout, wait};
use crate::apiserver::ApiHandle;
use crate::kubectl::failure::Failure;
use crate::kubectl::output::Output;
use crate::sim::SimTime;
use serde::Serialize;

/// A command that waits.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Pending {
    /// `rollout status`: until the rollout is done.
    Rollout(rollout::Watch),
    /// `delete`: until the objects are gone.
    Deletion(delete::Wait),
    /// `drain`: until the Pods of one node after the other are gone.
    Drain(Box<drain::Wait>),
    /// `exec`: until the command in the container ends.
    Exec(exec::Wait),
    /// `get -w`: for ever.
    Objects(Box<get::Watch>),
    /// `wait`: until a condition holds.
    Condition(wait::Watch),
}

impl Pending {
    /// Looks again; answers whether it goes on waiting.
    ///
    /// # Errors
    /// Why the command ends without what it waited for.
    pub fn resume(
        &mut self,
        api: &mut dyn ApiHandle,
        now: SimTime,
        out: &mut Output,
    ) -> Result<bool, Failure> {
        let late = self.until().is_some_and(|until| now >= until);
        match self {
            Pending::Rollout(_) | Pending::Deletion(_) | Pending::Condition(_) if late => {
                Err(self.timed_out())
            }
            Pending::Rollout(watch) => watch.resume(api, now, out),
            Pending::Deletion(wait) => wait.resume(api, now),
            Pending::Drain(wait) => wait.resume(api, now, out),
            Pending::Exec(wait) => wait.resume(api, now, out),
            Pending::Objects(watch) => watch.resume(api, now, out),
            Pending::Condition(watch) => watch.resume(api, now, out),
        }
    }

    /// When it is to be resumed in any case: it gives up then, or goes on with something else.
    pub fn until(&self) -> Option<SimTime> {
        match self {
            Pending::Rollout(watch) => watch.until,
            Pending::Deletion(wait) => wait.until,
            Pending::Drain(wait) => wait.until(),
            Pending::Exec(wait) => wait.until,
            Pending::Objects(_) => None,
            Pending::Condition(watch) => watch.until,
        }
    }

    fn timed_out(&self) -> Failure {
        match self {
            Pending::Deletion(wait) => wait.timed_out(),
            Pending::Condition(watch) => watch.timed_out(),
            _ => Failure::client("timed out waiting for the condition"),
        }
    }
}
