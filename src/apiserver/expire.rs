//! Events do not stay for ever.
//!
//! Upstream: `--event-ttl` of cmd/kube-apiserver, v1.36, an hour after an Event was last written;
//! etcd leases take them away. Here somebody has to ask: `Cluster` does when it compacts.

use super::{ApiServer, Health};
use crate::api::meta::{self, MetaExt};
use crate::api::watch::Origin;
use crate::api::{Kind, Object};
use crate::sim::{SimDuration, SimTime};
use k8s_openapi::api::core::v1::Event;

/// How long an Event stays after it was last written.
pub const EVENT_TTL: SimDuration = SimDuration::secs(3_600);

impl ApiServer {
    /// Takes away Events that nobody has written for an hour. A store that is down takes none away.
    pub fn expire_events(&mut self, now: SimTime) {
        if self.health == Health::StoreDown {
            return;
        }
        let written = |event: &Event| {
            let last = event.last_timestamp.as_ref().map(meta::to_sim);
            last.max(Some(event.created_at())).unwrap_or_default()
        };
        let events = self.etcd.list(Kind::Event, None);
        let old = events.filter(|object| {
            let event = object.get::<Event>();
            event.is_some_and(|event| now.since(written(event)) >= EVENT_TTL)
        });
        let old: Vec<Object> = old.cloned().collect();
        for object in old {
            let origin = Origin {
                actor: "etcd".into(),
                cause: None,
                at: now,
            };
            // It was there a moment ago, and nobody else writes.
            let _ = self.etcd.delete(&object.key(), object.revision(), origin);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{Cluster, ClusterConfig};

    #[test]
    fn an_event_is_gone_an_hour_after_it_was_last_written() {
        let mut cluster = Cluster::new(ClusterConfig::default());
        let count = |cluster: &Cluster| cluster.api().etcd().list(Kind::Event, None).count();
        let start = cluster.now();
        cluster.run_until(start + SimDuration::secs(3_590));
        let before = count(&cluster);
        assert!(before > 20, "{before}");
        cluster.run_until(start + SimDuration::secs(2 * 3_600));
        assert_eq!(count(&cluster), 0);
    }
}
