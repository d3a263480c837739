//! Requests that processes inside containers make: the cluster takes them from here, carries them
//! through the network and brings the answers back. No program makes any yet.

use super::Kubelet;
use crate::client::Ctx;
use crate::network::call::{Call, CallAnswer};

impl Kubelet {
    /// The requests made since the last time. The cluster asks after each wake-up.
    pub fn take_calls(&mut self) -> Vec<Call> {
        std::mem::take(&mut self.calls)
    }

    /// Brings the answer to the call numbered `id`, in the moment in which it was made: the process
    /// that made it goes on after `answer.took`.
    pub fn answer_call(&mut self, id: u64, _answer: CallAnswer, _ctx: &mut Ctx<'_>) {
        self.calls.retain(|call| call.id != id);
    }
}
