//! Carries what programs inside containers ask of the network, and brings the answers back.

use super::way::Way;
use super::{RequestOrigin, Target};
use crate::cluster::Cluster;
use crate::network::call::{Call, CallAnswer, CallOutcome, CallWhat};
use crate::network::http::HttpRequest;

impl Cluster {
    /// Carries out the calls that the node's programs have made since the last time.
    pub(in crate::cluster) fn carry_calls(&mut self, node: u8) {
        let Some(kubelet) = self.kubelets.get_mut(usize::from(node)) else {
            return;
        };
        for call in kubelet.take_calls() {
            let id = call.id;
            let answer = self.carry(call);
            self.with_kubelet(node, |kubelet, ctx| kubelet.answer_call(id, answer, ctx));
        }
    }

    /// Carries out one call, in no time; the answer says how long it took.
    pub(in crate::cluster) fn carry(&mut self, call: Call) -> CallAnswer {
        let mut rng = self.rng.fork("network");
        self.rng.next_u64();
        let mut way = Way::new(false);
        let client = match self.client(&RequestOrigin::Pod(call.pod), &mut way) {
            Ok(client) => client,
            Err(reason) => {
                return CallAnswer {
                    outcome: CallOutcome::NotSent { reason },
                    took: way.took,
                };
            }
        };
        let outcome = match call.what {
            CallWhat::Http {
                method,
                host,
                port,
                path,
                body: _,
            } => {
                let request = HttpRequest {
                    method,
                    path,
                    client_ip: String::new(),
                };
                let target = Target {
                    host,
                    port,
                    request,
                };
                self.http(&client, target, &mut rng, &mut way)
            }
            CallWhat::Resolve {
                name,
                record,
                search,
            } => {
                let found = self.resolve(&client, &name, record, search, &mut rng, &mut way);
                match found {
                    Ok(found) => CallOutcome::Resolved {
                        server: found.server,
                        name: found.name,
                        records: found.reply.records,
                    },
                    Err(outcome) => outcome,
                }
            }
        };
        CallAnswer {
            outcome,
            took: way.took,
        }
    }
}
