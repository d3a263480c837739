//! A backup: what the store and the nodes hold, in a form that any build can load.
//!
//! Upstream: `etcdctl snapshot save` and `restore` with the disks of the nodes, v1.36. The parts of
//! the control plane rebuild themselves from a list, as after a restart, and containers go on
//! running. Left out: the store's history (watchers list again), all but the latest entries of the
//! trace and those of custom objects, the scheduler's reasons and waits, the controllers' waits,
//! packets under way.

use super::{
    COMPACT_INTERVAL, Cluster, ClusterConfig, ComponentId, Event, Load, Part, TraceEntry, bootstrap,
};
use crate::api::{Kind, Object, ObjectKey};
use crate::apiserver::{ApiServer, decode_stored};
use crate::cluster::Trace;
use crate::etcd::Etcd;
use crate::kubelet::{Kubelet, NodeDisk, Stored};
use crate::network::proxy::{KubeProxy, ProxyCounts};
use crate::sim::{SimDuration, SimRng, SimTime, order::map_of};
use k8s_openapi::api::core::v1::Pod;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The version of [`Backup`] that this build writes.
pub const BACKUP_VERSION: u32 = 1;
/// How many objects a backup may hold.
const OBJECTS_LIMIT: usize = 100_000;
/// How many writes of the trace a backup keeps.
const TRACE_KEPT: usize = 300;
/// The longest time that a cluster runs: what is further off is damage.
pub const AGE_LIMIT: SimDuration = SimDuration::secs(100 * 366 * 24 * 3_600);

/// An object in a backup: as the store shares it, or as JSON that nobody has looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum StoredObject {
    /// From outside.
    Raw(Value),
    /// From this cluster's store.
    #[serde(skip_deserializing)]
    Shared(Object),
}

/// A load in a backup.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredLoad {
    id: u32,
    /// When it sends its next request.
    next: SimTime,
    load: Load,
}

/// What a cluster can be made again from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Backup {
    #[serde(rename = "v")]
    version: u32,
    config: ClusterConfig,
    now: SimTime,
    rng: u64,
    api_rng: u64,
    revision: u64,
    objects: Vec<StoredObject>,
    nodes: Vec<NodeDisk>,
    #[serde(default)]
    proxies: Vec<ProxyCounts>,
    #[serde(default)]
    loads: Vec<StoredLoad>,
    #[serde(default)]
    next_load: u32,
    #[serde(default)]
    compact: Option<SimTime>,
    #[serde(default)]
    trace: Vec<TraceEntry>,
}

impl Backup {
    /// The moment of the backup.
    pub const fn now(&self) -> SimTime {
        self.now
    }

    /// What decided the cluster.
    pub const fn config(&self) -> &ClusterConfig {
        &self.config
    }

    /// The same without logs, Events and trace, for where room is short.
    #[must_use]
    pub fn slim(mut self) -> Self {
        self.trace.clear();
        self.objects.retain(|object| object.kind() != "Event");
        let pods = self.nodes.iter_mut().flat_map(|node| node.pods.iter_mut());
        pods.flat_map(|pod| pod.containers.iter_mut())
            .for_each(|container| container.log.clear());
        self
    }

    fn check(&self) -> Result<(), String> {
        if self.version > BACKUP_VERSION {
            let found = self.version;
            return Err(format!(
                "its backup is from a newer version of Kubarium (format {found}; this one reads {BACKUP_VERSION})"
            ));
        }
        let start = self.config.clone().bounded().start();
        if self.now < start || self.now > start + AGE_LIMIT {
            return Err("its backup is damaged: it is of no moment of its cluster".to_owned());
        }
        if self.objects.len() > OBJECTS_LIMIT {
            return Err(format!("its backup holds over {OBJECTS_LIMIT} objects"));
        }
        match self.revision > u64::MAX / 2 {
            true => Err("its backup is damaged: its revision is out of bounds".to_owned()),
            false => Ok(()),
        }
    }

    /// The objects that are whole, and what is wrong with the others.
    fn objects(&self) -> (BTreeMap<ObjectKey, Object>, Vec<String>) {
        let mut objects = BTreeMap::new();
        let mut refused = Vec::new();
        let mut definitions = Etcd::default();
        // The definitions first: they say what other objects are.
        let is_definition = |stored: &&StoredObject| stored.kind() == "CustomResourceDefinition";
        let (first, rest): (Vec<_>, Vec<_>) = self.objects.iter().partition(is_definition);
        for stored in first {
            take(
                stored,
                self.revision,
                &definitions,
                &mut objects,
                &mut refused,
            );
        }
        if !objects.is_empty() {
            definitions = Etcd::restore(self.revision, objects.clone());
        }
        for stored in rest {
            take(
                stored,
                self.revision,
                &definitions,
                &mut objects,
                &mut refused,
            );
        }
        (objects, refused)
    }
}

/// Takes a stored object in, or notes what is wrong with it.
fn take(
    stored: &StoredObject,
    revision: u64,
    definitions: &Etcd,
    objects: &mut BTreeMap<ObjectKey, Object>,
    refused: &mut Vec<String>,
) {
    let json = match stored {
        StoredObject::Raw(json) => json.clone(),
        StoredObject::Shared(object) => object.to_json(),
    };
    match decode_stored(json, revision, definitions) {
        Ok(object) => {
            objects.entry(object.key()).or_insert(object);
        }
        Err(status) => refused.push(status.message),
    }
}

impl StoredObject {
    fn kind(&self) -> &str {
        match self {
            StoredObject::Shared(object) => object.kind().row().kind,
            StoredObject::Raw(json) => json.get("kind").and_then(Value::as_str).unwrap_or(""),
        }
    }
}

impl Cluster {
    /// A backup of the present.
    pub fn backup(&self) -> Backup {
        let etcd = self.api.etcd();
        let next = |id: u32| {
            let mut queue = self.queue.iter();
            queue.find_map(|(at, event)| (*event == Event::Load(id)).then_some(at))
        };
        // Which custom kinds there are is not known yet when a trace is read.
        let entries = self.trace.entries();
        let entries = entries.filter(|entry| !matches!(entry.key.kind, Kind::Custom(_)));
        let entries: Vec<TraceEntry> = entries.cloned().collect();
        let skip = entries.len().saturating_sub(TRACE_KEPT);
        let compact = self
            .queue
            .iter()
            .find(|(_, event)| **event == Event::Compact);
        Backup {
            version: BACKUP_VERSION,
            config: self.config.clone(),
            now: self.now,
            rng: self.rng.state(),
            api_rng: self.api.rng().state(),
            revision: etcd.revision(),
            objects: etcd.objects().cloned().map(StoredObject::Shared).collect(),
            nodes: self.kubelets.iter().map(Kubelet::disk).collect(),
            proxies: self.proxies.iter().map(KubeProxy::counts).collect(),
            loads: self
                .loads
                .iter()
                .map(|(id, load)| StoredLoad {
                    id: *id,
                    next: next(*id).unwrap_or(self.now),
                    load: load.clone(),
                })
                .collect(),
            next_load: self.next_load,
            compact: compact.map(|(at, _)| at),
            trace: entries.into_iter().skip(skip).collect(),
        }
    }

    /// The cluster that `backup` is of, and what is wrong with objects that it holds and that were
    /// left out.
    ///
    /// # Errors
    /// Why it cannot be restored at all, for a person.
    pub fn restore(backup: &Backup) -> Result<(Self, Vec<String>), String> {
        backup.check()?;
        let (objects, refused) = backup.objects();
        if !refused.is_empty() && refused.len() >= objects.len() {
            let first = refused.first().map_or("", String::as_str);
            return Err(format!("its backup is damaged ({first})"));
        }
        let config = backup.config.clone().bounded();
        let pods = objects.values().filter_map(Object::get::<Pod>);
        let pods = pods.map(|pod| {
            (
                crate::api::meta::MetaExt::namespaced_name(pod.as_ref()),
                pod.clone(),
            )
        });
        let pods = map_of(pods);
        let stored = Stored {
            pods: &pods,
            manifests: &Part::ALL.map(bootstrap::manifest),
            now: backup.now,
        };
        let kubelets = bootstrap::kubelets(&config).into_iter().map(|fresh| {
            let disk = backup.nodes.iter().find(|d| d.name == fresh.config().name);
            match disk {
                Some(disk) => Kubelet::restore(fresh.config().clone(), disk, &stored),
                None => fresh,
            }
        });
        let etcd = Etcd::restore(backup.revision, objects);
        let mut api = ApiServer::on_store(config.api_server(), SimRng::new(backup.api_rng), etcd);
        // As every API server that starts: a backup of an older build has none.
        api.ensure_policy(backup.now);
        bootstrap::ensure_accounts(&mut api, backup.now);
        let mut cluster = Self::of_parts(config, backup.now, api, kubelets.collect());
        cluster.rng = SimRng::new(backup.rng);
        cluster.trace = Trace::resume(backup.revision, backup.trace.iter().cloned());
        cluster.compact_next = backup.revision;
        cluster.begin_again(backup);
        Ok((cluster, refused))
    }

    /// Lets everything go on that went on at the moment of the backup.
    fn begin_again(&mut self, backup: &Backup) {
        // Packet rules and names are there at once, as they were: an API server that is stopped
        // could not give them.
        self.wake(ComponentId::Dns);
        for node in 0..u8::try_from(self.kubelets.len()).unwrap_or(u8::MAX) {
            self.wake(ComponentId::Proxy(node));
        }
        for (proxy, counts) in self.proxies.iter_mut().zip(&backup.proxies) {
            proxy.put_counts(counts, backup.now);
        }
        self.follow_parts();
        for component in self.components() {
            self.wake_at(component, self.now);
        }
        let latest = self.now + COMPACT_INTERVAL;
        let compact = backup.compact.unwrap_or(latest);
        self.queue
            .push(compact.clamp(self.now, latest), Event::Compact);
        self.next_load = backup.next_load.min(u32::MAX / 2);
        for stored in backup.loads.iter().take(super::LOADS_LIMIT as usize) {
            let next = stored.next.clamp(self.now, self.now + SimDuration::secs(1));
            if stored.id < self.next_load && self.put_load(stored.id, &stored.load) {
                self.queue.push(next, Event::Load(stored.id));
            }
        }
    }
}
