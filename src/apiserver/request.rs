//! What can be asked of the API server, and what it answers.

use super::access::{Access, User};
use super::component::Component;
use super::custom::Kinds;
use super::exec::{ExecCall, ExecProgress};
use super::managed::Apply;
use crate::api::selector::Selector;
use crate::api::{Kind, NamespacedName, Object, ObjectKey, Status};
use crate::sim::SimTime;
use serde_json::Value;
use std::sync::Arc;

/// What becomes of the objects that the deleted one owns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Propagation {
    /// The garbage collector deletes them afterwards.
    #[default]
    Background,
    /// The object stays, terminating, until they are gone.
    Foreground,
    /// They stay and lose their owner.
    Orphan,
}

/// How an object is to be deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// Seconds of grace; the object's own default where `None`.
    pub grace_period_seconds: Option<i64>,
    /// What becomes of what it owns.
    pub propagation: Propagation,
    /// Only if the object has this uid.
    pub uid: Option<String>,
    /// Only if the object is this version.
    pub resource_version: Option<String>,
}

/// `metadata.name=x,spec.nodeName!=y`: requirements on the few fields that a kind offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSelector {
    /// (field, value, whether they must be equal)
    pub requirements: Vec<(String, String, bool)>,
}

/// A partial change of an object.
#[derive(Clone, Debug, PartialEq)]
pub enum Patch {
    /// RFC 6902.
    Json(Value),
    /// RFC 7386.
    Merge(Value),
    /// Kubernetes' own: lists of named items merge by their key.
    StrategicMerge(Value),
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// Read one object.
    Get(ObjectKey),
    /// Read the objects of a kind.
    List {
        /// The kind.
        kind: Kind,
        /// Only those in this namespace.
        namespace: Option<String>,
        /// Only those with these labels.
        labels: Selector,
        /// Only those with these field values.
        fields: FieldSelector,
    },
    /// Store a new object; its status is ignored where the kind has a status subresource.
    Create(Object),
    /// Replace an object; its status is ignored where the kind has a status subresource. An empty
    /// resource version means: whatever is stored.
    Update(Object),
    /// Replace an object's status alone.
    UpdateStatus(Object),
    /// Lay an object over the stored one (server-side apply); creates what is not there.
    Apply(Apply),
    /// Change parts of an object.
    Patch {
        /// Which object.
        key: ObjectKey,
        /// The change.
        patch: Patch,
    },
    /// Delete an object, or begin to.
    Delete {
        /// Which object.
        key: ObjectKey,
        /// How.
        options: DeleteOptions,
    },
    /// Delete a Pod, where its PodDisruptionBudget allows it (the `eviction` subresource).
    Evict {
        /// The Pod.
        pod: NamespacedName,
        /// How.
        options: DeleteOptions,
    },
    /// Assign a Pod to a node (the `binding` subresource).
    Bind {
        /// The Pod.
        pod: NamespacedName,
        /// The node's name.
        node: String,
    },
}

/// An operation, who asks for it and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// `user`, `deployment-controller`, `kubelet/node-2`, …
    pub actor: Arc<str>,
    /// The revision that the actor reacts to.
    pub cause: Option<u64>,
    /// Do everything but store.
    pub dry_run: bool,
    /// Who manages the fields that are written, where the client says so; else the actor does, and
    /// a new object's fields are not tracked.
    pub manager: Option<Arc<str>>,
    /// The subresource that the fields are written through, where it is not the operation's own:
    /// `scale`, or empty.
    pub via: &'static str,
    /// For whom, where that is neither a part of the cluster nor the person it belongs to: nobody
    /// gives others more than he has.
    pub user: Option<Arc<User>>,
    /// What to do.
    pub operation: Operation,
}

impl Request {
    /// `operation`, asked for by the person at the screen.
    pub fn by_user(operation: Operation) -> Self {
        Self {
            actor: "user".into(),
            cause: None,
            dry_run: false,
            manager: None,
            via: "",
            user: None,
            operation,
        }
    }

    /// The same, for `user` where there is one.
    #[must_use]
    pub fn made_for(mut self, user: Option<&Arc<User>>) -> Self {
        if let Some(user) = user {
            self.actor = user.actor().into();
            self.user = Some(user.clone());
        }
        self
    }
}

/// What the server answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Response {
    /// The object read or written. For a finished deletion, its last version.
    Object(Object),
    /// The objects listed and the revision they are from.
    List {
        /// The store's revision at the time of the list.
        revision: u64,
        /// The objects, by namespace and name.
        items: Vec<Object>,
    },
}

impl Response {
    /// The object of an answer that is one.
    pub fn object(self) -> Option<Object> {
        match self {
            Response::Object(object) => Some(object),
            Response::List { .. } => None,
        }
    }

    /// The objects of an answer.
    pub fn items(self) -> Vec<Object> {
        match self {
            Response::Object(object) => vec![object],
            Response::List { items, .. } => items,
        }
    }
}

/// Which part of a container's log is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// The container; empty: the Pod's only one.
    pub container: String,
    /// The log of the process before this one.
    pub previous: bool,
    /// How many lines from the end.
    pub tail: Option<u32>,
    /// Whether each line begins with its time.
    pub timestamps: bool,
}

/// Whatever answers API requests: the API server, or something that lets requests through to it.
pub trait ApiHandle {
    /// Answers one request.
    ///
    /// # Errors
    /// The `Status` that a client of the real API server would get.
    fn handle(&mut self, request: Request, now: SimTime) -> Result<Response, Status>;

    /// What admission says to whoever changed `old` to `new`, in the words of `Warning` headers.
    fn warnings(&self, new: &Object, old: &Object) -> Vec<String>;

    /// The kinds that are served: what discovery tells everybody.
    fn kinds(&self) -> Kinds<'_>;

    /// What the stored roles and bindings allow.
    ///
    /// # Errors
    /// The server does not answer.
    fn access(&self) -> Result<Access<'_>, Status>;

    /// How the parts of the control plane are.
    ///
    /// # Errors
    /// The server does not answer.
    fn components(&self) -> Result<Vec<Component>, Status>;

    /// Gives the ServiceAccount `account` a token (its `token` subresource). `request` is a
    /// `TokenRequest` of which every field fits its type.
    ///
    /// # Errors
    /// The `Status` that a client of the real API server would get.
    fn request_token(
        &mut self,
        account: &NamespacedName,
        request: Value,
        now: SimTime,
    ) -> Result<Value, Status>;

    /// Reads a container's log (the `log` subresource), which the API server fetches from the Pod's
    /// kubelet. Whoever has no kubelets behind it serves none.
    ///
    /// # Errors
    /// The `Status` that a client of the real API server would get.
    fn pod_log(
        &mut self,
        _pod: &NamespacedName,
        _options: &LogOptions,
        _now: SimTime,
    ) -> Result<String, Status> {
        Err(not_served())
    }

    /// Starts a process in a container, or lets one go on (the `exec` subresource). Whoever has no
    /// kubelets behind it serves none.
    ///
    /// # Errors
    /// The `Status` that a client of the real API server would get.
    fn pod_exec(
        &mut self,
        _pod: &NamespacedName,
        _call: &ExecCall,
        _now: SimTime,
    ) -> Result<ExecProgress, Status> {
        Err(not_served())
    }
}

fn not_served() -> Status {
    let message = "the server could not find the requested resource";
    Status::plain(crate::api::Reason::NotFound, message)
}
