//! Carries what processes inside containers ask of the network, and brings the answers back.

use super::Cluster;
use crate::network::call::{Call, CallAnswer, CallOutcome};
use crate::sim::SimDuration;

/// What a resolver waits: five seconds, twice.
const RESOLVER_TIMEOUT: SimDuration = SimDuration::secs(10);

impl Cluster {
    /// Carries out the calls that the node's processes have made since the last time.
    pub(super) fn carry_calls(&mut self, node: u8) {
        let Some(kubelet) = self.kubelets.get_mut(usize::from(node)) else {
            return;
        };
        for call in kubelet.take_calls() {
            let answer = self.carry(&call);
            self.with_kubelet(node, |kubelet, ctx| {
                kubelet.answer_call(call.id, answer, ctx);
            });
        }
    }

    /// No name server runs yet.
    fn carry(&mut self, _: &Call) -> CallAnswer {
        CallAnswer {
            outcome: CallOutcome::NoNameServer {
                server: "10.96.0.10".to_owned(),
                reason: "no name server runs in the cluster yet".to_owned(),
            },
            took: RESOLVER_TIMEOUT,
        }
    }
}
