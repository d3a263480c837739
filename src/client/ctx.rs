//! What a component is given when it is woken: the time, the API server, chance, its agenda.

use super::Agenda;
use crate::api::selector::Selector;
use crate::api::{ApiType, Kind, NamespacedName, Object, ObjectKey, Status};
use crate::apiserver::{
    ApiServer, DeleteOptions, FieldSelector, Operation, Patch, Request, Response,
};
use crate::sim::{SimRng, SimTime};
use std::sync::Arc;

/// A component's hands. Everything a component does to the cluster goes through here, so every
/// write says who made it and why.
pub struct Ctx<'a> {
    /// The present.
    pub now: SimTime,
    /// The API server.
    pub api: &'a mut ApiServer,
    /// The component's own generator.
    pub rng: &'a mut SimRng,
    /// When it wants to be woken.
    pub agenda: &'a mut Agenda,
    /// Who writes; a component that acts for several (the controller manager) sets it.
    pub actor: Arc<str>,
    /// The revision that the component reacts to; set before each reconcile.
    pub cause: Option<u64>,
}

impl Ctx<'_> {
    fn request(&mut self, operation: Operation) -> Result<Response, Status> {
        let request = Request {
            actor: self.actor.clone(),
            cause: self.cause,
            dry_run: false,
            manager: None,
            via: "",
            user: None,
            operation,
        };
        self.api.handle(request, self.now)
    }

    fn typed<K: ApiType>(&mut self, operation: Operation) -> Result<Arc<K>, Status> {
        let object = self.request(operation)?.object();
        let inner = object.as_ref().and_then(Object::get::<K>).cloned();
        Ok(inner.expect("invariant: the API server answers with the kind it was asked for"))
    }

    /// Reads one object from the API server itself, past any informer.
    ///
    /// # Errors
    /// `NotFound`, or the server does not answer.
    pub fn get<K: ApiType>(&mut self, name: &NamespacedName) -> Result<Arc<K>, Status> {
        self.typed(Operation::Get(name.of(<K as ApiType>::KIND)))
    }

    /// Reads all objects of a kind from the API server itself.
    ///
    /// # Errors
    /// The server does not answer.
    pub fn list(&mut self, kind: Kind) -> Result<(u64, Vec<Object>), Status> {
        let list = Operation::List {
            kind,
            namespace: None,
            labels: Selector::everything(),
            fields: FieldSelector::default(),
        };
        Ok(match self.request(list)? {
            Response::List { revision, items } => (revision, items),
            Response::Object(object) => (0, vec![object]),
        })
    }

    /// Reads one object of any kind from the API server itself.
    ///
    /// # Errors
    /// `NotFound`, or the server does not answer.
    pub fn get_object(&mut self, key: &ObjectKey) -> Result<Object, Status> {
        let object = self.request(Operation::Get(key.clone()))?.object();
        Ok(object.expect("invariant: the API server answers a get with an object"))
    }

    /// Reads the objects of a kind in one namespace from the API server itself.
    ///
    /// # Errors
    /// The server does not answer.
    pub fn list_in(&mut self, kind: Kind, namespace: &str) -> Result<Vec<Object>, Status> {
        let list = Operation::List {
            kind,
            namespace: Some(namespace.to_owned()),
            labels: Selector::everything(),
            fields: FieldSelector::default(),
        };
        self.request(list).map(Response::items)
    }

    /// Replaces an object of any kind, except for its status.
    ///
    /// # Errors
    /// `Conflict` where it changed since it was read, or another refusal.
    pub fn update_object(&mut self, object: Object) -> Result<(), Status> {
        self.request(Operation::Update(object)).map(|_| ())
    }

    /// Stores a new object of any kind.
    ///
    /// # Errors
    /// The API server's refusal.
    pub fn create_object(&mut self, object: Object) -> Result<(), Status> {
        self.request(Operation::Create(object)).map(|_| ())
    }

    /// Stores a new object.
    ///
    /// # Errors
    /// The API server's refusal.
    pub fn create<K: ApiType>(&mut self, object: K) -> Result<Arc<K>, Status> {
        self.typed(Operation::Create(Object::new(object)))
    }

    /// Replaces an object, except for its status.
    ///
    /// # Errors
    /// `Conflict` where it changed since it was read, or another refusal.
    pub fn update<K: ApiType>(&mut self, object: K) -> Result<Arc<K>, Status> {
        self.typed(Operation::Update(Object::new(object)))
    }

    /// Replaces an object's status.
    ///
    /// # Errors
    /// `Conflict` where it changed since it was read, or another refusal.
    pub fn update_status<K: ApiType>(&mut self, object: K) -> Result<Arc<K>, Status> {
        self.typed(Operation::UpdateStatus(Object::new(object)))
    }

    /// Changes parts of an object.
    ///
    /// # Errors
    /// `NotFound`, or another refusal.
    pub fn patch(&mut self, key: ObjectKey, patch: Patch) -> Result<(), Status> {
        self.request(Operation::Patch { key, patch }).map(|_| ())
    }

    /// Deletes an object, or begins to.
    ///
    /// # Errors
    /// `NotFound`, a failed precondition, or another refusal.
    pub fn delete(&mut self, key: ObjectKey, options: DeleteOptions) -> Result<(), Status> {
        self.request(Operation::Delete { key, options }).map(|_| ())
    }

    /// Assigns a Pod to a node.
    ///
    /// # Errors
    /// `NotFound`, or `Conflict` where it is assigned already.
    pub fn bind(&mut self, pod: NamespacedName, node: &str) -> Result<(), Status> {
        self.request(Operation::Bind {
            pod,
            node: node.to_owned(),
        })
        .map(|_| ())
    }
}
