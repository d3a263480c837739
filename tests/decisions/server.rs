//! An API server for one decision.

use kubarium::api::{Kind, Object, ObjectKey, Status};
use kubarium::apiserver::door::{self, FieldValidation};
use kubarium::apiserver::{ApiServer, ApiServerConfig, Operation, Request, Response};
use kubarium::sim::{SimRng, SimTime};
use serde_json::{Value, json};

const NOW: SimTime = SimTime::from_secs(1_767_225_600);

/// A server with the namespaces `default` and `namespaces`, each with its default account. All
/// admission plugins are on.
pub fn server(namespaces: &[&str]) -> ApiServer {
    let mut api = ApiServer::new(ApiServerConfig::default(), SimRng::new(1));
    for name in namespaces.iter().chain(&["default"]) {
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        // It may be there already, or have a name that no namespace has.
        if create(&mut api, namespace, false).is_ok() {
            let metadata = json!({"name": "default", "namespace": name});
            let account =
                json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata});
            create(&mut api, account, false).expect("a new namespace has no account");
        }
    }
    api
}

/// What the server makes of `document`.
pub fn create(api: &mut ApiServer, document: Value, dry_run: bool) -> Result<Object, Status> {
    let object = door::decode(document, FieldValidation::Ignore)?;
    act(api, Operation::Create(object), dry_run)
}

/// What the server makes of `document` in the place of what is stored.
pub fn update(api: &mut ApiServer, document: Value) -> Result<Object, Status> {
    let object = door::decode(document, FieldValidation::Ignore)?;
    act(api, Operation::Update(object), false)
}

/// Gives the quota `name` of the namespace `default` the status that its controller gives it where
/// nothing is in use.
pub fn count_quota(api: &mut ApiServer, name: &str) {
    let key = ObjectKey::new(Kind::ResourceQuota, "default", name);
    let quota = api.handle(Request::by_user(Operation::Get(key)), NOW);
    let quota = quota.expect("stored").object().expect("an object");
    let mut json = quota.to_json();
    let hard = json["spec"]["hard"].clone();
    let names = hard.as_object().expect("limits").keys();
    let used: serde_json::Map<String, Value> =
        names.map(|name| (name.clone(), json!("0"))).collect();
    json["status"] = json!({"hard": hard, "used": used});
    let counted = door::decode(json, FieldValidation::Strict).expect("a quota");
    act(api, Operation::UpdateStatus(counted), false).expect("accepted");
}

fn act(api: &mut ApiServer, operation: Operation, dry_run: bool) -> Result<Object, Status> {
    let request = Request {
        dry_run,
        ..Request::by_user(operation)
    };
    match api.handle(request, NOW)? {
        Response::Object(object) => Ok(object),
        other => panic!("no object: {other:?}"),
    }
}
