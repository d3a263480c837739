//! The one door: every reader and writer of cluster state goes through here.
//!
//! A write passes, in upstream's order: decode and default → mutating admission → prepare →
//! validate → validating admission → store. The server keeps nothing of its own: what it knows is
//! in [`Etcd`], and what it allocates (cluster IPs, node ports) it works out from there.
//!
//! Upstream: staging/src/k8s.io/apiserver/pkg/registry/generic/registry/store.go, v1.36. Left out:
//! every authentication but by ServiceAccounts' tokens (requests say whom they are for, see `access/`
//! and `tokens/`), flow control, encryption, the sockets (see `server/`).

pub mod access;
pub mod admission;
pub mod component;
pub mod custom;
mod delete;
pub mod discovery;
pub mod door;
pub mod eviction;
mod exec;
mod expire;
pub mod inert;
pub mod managed;
pub mod page;
pub mod patch;
pub mod path;
mod read;
pub mod registry;
mod request;
pub mod rest;
mod stored;
pub mod table;
#[cfg(test)]
pub mod testing;
pub mod tokens;
mod tracking;
pub mod version;
pub mod watch;
mod write;

pub use exec::{ExecCall, ExecEnd, ExecProgress};
pub use managed::Apply;
pub use request::{
    ApiHandle, DeleteOptions, FieldSelector, LogOptions, Operation, Patch, Propagation, Request,
    Response,
};

pub use stored::decode_stored;

use crate::api::watch::{Origin, WatchEvent};
use crate::api::{NamespacedName, Object, Status};
use crate::etcd::{Compacted, Etcd};
use crate::sim::{SimRng, SimTime};
use custom::Kinds;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracking::{Tracking, Write};

/// What the API server is told when it starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiServerConfig {
    /// The range cluster IPs come from, as `a.b.c.d/bits` (IPv4).
    pub service_cidr: String,
    /// The node ports that may be used, both ends included.
    pub node_ports: (u16, u16),
    /// The address of the `kubernetes` Service's only endpoint.
    pub advertise_address: String,
    /// Admission plugins that are off, by name, as `--disable-admission-plugins` lists them.
    #[serde(default)]
    pub disable_admission_plugins: Vec<String>,
    /// What signs ServiceAccounts' tokens, as `--service-account-signing-key-file` holds it.
    #[serde(default)]
    pub service_account_key: String,
}

impl Default for ApiServerConfig {
    fn default() -> Self {
        Self {
            service_cidr: "10.96.0.0/12".to_owned(),
            node_ports: (30_000, 32_767),
            advertise_address: "192.168.64.10".to_owned(),
            disable_admission_plugins: Vec::new(),
            service_account_key: String::new(),
        }
    }
}

/// Whether the server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Health {
    /// It answers.
    Serving,
    /// It runs, but the store does not answer it.
    StoreDown,
    /// It does not run.
    Stopped,
}

/// The API server and the store behind it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ApiServer {
    config: ApiServerConfig,
    etcd: Etcd,
    rng: SimRng,
    health: Health,
}

impl ApiServer {
    /// A server on an empty store.
    pub fn new(config: ApiServerConfig, rng: SimRng) -> Self {
        Self {
            config,
            etcd: Etcd::default(),
            rng,
            health: Health::Serving,
        }
    }

    /// A server on `etcd`, as after a restore from a backup.
    pub const fn on_store(config: ApiServerConfig, rng: SimRng, etcd: Etcd) -> Self {
        Self {
            config,
            etcd,
            rng,
            health: Health::Serving,
        }
    }

    /// The generator that uids and generated names come from.
    pub const fn rng(&self) -> &SimRng {
        &self.rng
    }

    /// What it was told when it started.
    pub const fn config(&self) -> &ApiServerConfig {
        &self.config
    }

    /// The store, for backups and for the views; components go through [`ApiServer::handle`].
    pub const fn etcd(&self) -> &Etcd {
        &self.etcd
    }

    /// The kinds that it serves, where it answers.
    pub const fn kinds(&self) -> Kinds<'_> {
        Kinds::of(&self.etcd)
    }

    /// Whether it answers.
    pub const fn health(&self) -> Health {
        self.health
    }

    /// Stops or starts the server or its store.
    pub const fn set_health(&mut self, health: Health) {
        self.health = health;
    }

    /// Drops history up to `revision`, as the API server's five-minute compaction does.
    pub fn compact(&mut self, revision: u64) {
        self.etcd.compact(revision);
    }

    /// Answers one request.
    ///
    /// # Errors
    /// The `Status` that a client of the real API server would get.
    pub fn handle(&mut self, request: Request, now: SimTime) -> Result<Response, Status> {
        self.check_health()?;
        let origin = Origin {
            actor: request.actor,
            cause: request.cause,
            at: now,
        };
        let write = Write {
            dry_run: request.dry_run,
            tracking: Tracking::of(request.manager, request.via, &origin),
            origin,
            user: request.user,
        };
        match request.operation {
            Operation::Get(key) => self.get(&key).map(Response::Object),
            Operation::List {
                kind,
                namespace,
                labels,
                fields,
            } => self.list(kind, namespace.as_deref(), &labels, &fields),
            Operation::Create(object) => self.create(object, write).map(Response::Object),
            Operation::Update(object) => self.update(object, write).map(Response::Object),
            Operation::UpdateStatus(object) => {
                self.update_status(object, write).map(Response::Object)
            }
            Operation::Apply(apply) => self.apply(&apply, write).map(Response::Object),
            Operation::Patch { key, patch } => {
                self.patch(&key, &patch, write).map(Response::Object)
            }
            Operation::Delete { key, options } => self
                .delete(&key, &options, write.dry_run, write.origin)
                .map(Response::Object),
            Operation::Evict { pod, options } => {
                self.evict(&pod, &options, write).map(Response::Object)
            }
            Operation::Bind { pod, node } => self.bind(&pod, &node, write).map(Response::Object),
        }
    }

    /// The changes after revision `after`: what a watch delivers.
    ///
    /// # Errors
    /// Outer: the server does not answer. Inner: the history is gone; list again.
    #[allow(clippy::type_complexity)]
    pub fn events_since(
        &self,
        after: u64,
    ) -> Result<Result<impl DoubleEndedIterator<Item = &WatchEvent>, Compacted>, Status> {
        self.check_health()?;
        Ok(self.etcd.events_since(after))
    }

    /// How the parts of the control plane are, of which the scheduler and the controllers run or not.
    ///
    /// # Errors
    /// The server itself does not run. It needs no store to answer.
    pub fn components_where(
        &self,
        scheduler: bool,
        controllers: bool,
    ) -> Result<Vec<component::Component>, Status> {
        if self.health == Health::Stopped {
            self.check_health()?;
        }
        let store = self.health == Health::Serving;
        Ok(component::components(scheduler, controllers, store).into())
    }

    fn check_health(&self) -> Result<(), Status> {
        use crate::api::Reason;
        match self.health {
            Health::Serving => Ok(()),
            Health::StoreDown => Err(Status::plain(
                Reason::InternalError,
                "etcdserver: request timed out",
            )),
            Health::Stopped => {
                let address = &self.config.advertise_address;
                Err(Status::plain(
                    Reason::ServiceUnavailable,
                    format!(
                        "The connection to the server {address}:6443 was refused - did you specify the right host or port?"
                    ),
                ))
            }
        }
    }
}

impl ApiHandle for ApiServer {
    fn handle(&mut self, request: Request, now: SimTime) -> Result<Response, Status> {
        ApiServer::handle(self, request, now)
    }

    fn warnings(&self, new: &Object, old: &Object) -> Vec<String> {
        admission::warnings(new, old, &self.config, &self.etcd)
    }

    fn kinds(&self) -> Kinds<'_> {
        ApiServer::kinds(self)
    }

    fn request_token(
        &mut self,
        account: &NamespacedName,
        request: Value,
        now: SimTime,
    ) -> Result<Value, Status> {
        ApiServer::request_token(self, account, request, now)
    }

    fn access(&self) -> Result<access::Access<'_>, Status> {
        self.check_health()?;
        Ok(access::Access::new(&self.etcd))
    }

    fn components(&self) -> Result<Vec<component::Component>, Status> {
        self.components_where(true, true)
    }
}
