//! What the tests of this module share: a server with a few objects.

#![allow(missing_docs)]

use super::{ApiServer, ApiServerConfig, Operation, Request};
use crate::api::{Kind, Object, ObjectKey, Status};
use crate::apiserver::door::{FieldValidation, decode};
use crate::sim::{SimRng, SimTime};
use serde_json::{Value, json};

pub const NOW: SimTime = SimTime::from_secs(1_767_225_600);

/// A server whose only object is the namespace `default`.
pub fn server() -> ApiServer {
    let mut api = ApiServer::new(ApiServerConfig::default(), SimRng::new(1));
    let namespace =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}});
    create(&mut api, namespace).unwrap();
    api
}

pub fn create(api: &mut ApiServer, json: Value) -> Result<Object, Status> {
    let object = decode(json, FieldValidation::Strict)?;
    let request = Request::by_user(Operation::Create(object));
    let created = api.handle(request, NOW)?;
    Ok(created.object().unwrap())
}

pub fn create_config_map(api: &mut ApiServer, name: &str) {
    let metadata = json!({"name": name, "namespace": "default", "labels": {"name": name}});
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata});
    create(api, map).unwrap();
}

pub fn delete_config_map(api: &mut ApiServer, name: &str) {
    let delete = Operation::Delete {
        key: ObjectKey::new(Kind::ConfigMap, "default", name),
        options: Default::default(),
    };
    api.handle(Request::by_user(delete), NOW).unwrap();
}
