//! Tokens, from the request to the review.

use super::{ISSUER, jwt};
use crate::api::{Kind, NamespacedName, ObjectKey, Status};
use crate::apiserver::testing::{NOW, create, server};
use crate::apiserver::{ApiServer, Operation, Request};
use crate::sim::{SimDuration, SimTime};
use serde_json::{Value, json};

fn with_robot() -> ApiServer {
    let mut api = server();
    let metadata = json!({"name": "robot", "namespace": "default"});
    create(
        &mut api,
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}),
    )
    .unwrap();
    create(&mut api, json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "safe", "namespace": "default"}})).unwrap();
    for (name, account) in [("web", "robot"), ("other", "default")] {
        create(&mut api, json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"},
            "spec": {"serviceAccountName": account, "nodeName": "node-1", "containers": [{"name": "c", "image": "i"}]}
        })).unwrap();
    }
    api
}

fn ask(api: &mut ApiServer, request: Value) -> Result<Value, Status> {
    let account = NamespacedName::new("default", "robot");
    api.request_token(&account, request, NOW)
}

fn token(api: &mut ApiServer, spec: Value) -> String {
    let given = ask(api, json!({"spec": spec})).unwrap();
    given["status"]["token"].as_str().unwrap().to_owned()
}

fn claims(api: &ApiServer, token: &str) -> Value {
    jwt::read(token, &[ISSUER], api.token_key())
        .unwrap()
        .unwrap()
}

fn delete(api: &mut ApiServer, kind: Kind, name: &str) {
    let key = ObjectKey::new(kind, "default", name);
    let options = crate::apiserver::DeleteOptions {
        grace_period_seconds: Some(0),
        ..Default::default()
    };
    let delete = Operation::Delete { key, options };
    api.handle(Request::by_user(delete), NOW).unwrap();
}

fn why(api: &ApiServer, token: &str, at: SimTime) -> String {
    api.authenticate(token, &[], at)
        .expect_err("it is nobody's")
}

#[test]
fn a_token_says_whose_it_is() {
    let mut api = with_robot();
    let given = ask(&mut api, json!({"spec": {}})).unwrap();
    assert_eq!(
        (&given["apiVersion"], &given["kind"]),
        (&json!("authentication.k8s.io/v1"), &json!("TokenRequest"))
    );
    assert_eq!(
        given["spec"],
        json!({"audiences": [ISSUER], "expirationSeconds": 3_600})
    );
    assert_eq!(
        given["status"]["expirationTimestamp"],
        "2026-01-01T01:00:00Z"
    );
    let claims = claims(&api, given["status"]["token"].as_str().unwrap());
    let at = NOW.as_secs();
    let uid = &given["metadata"]["uid"];
    assert_eq!(
        (&claims["iss"], &claims["sub"], &claims["aud"]),
        (
            &json!(ISSUER),
            &json!("system:serviceaccount:default:robot"),
            &json!([ISSUER])
        )
    );
    assert_eq!(
        (&claims["iat"], &claims["nbf"], &claims["exp"]),
        (&json!(at), &json!(at), &json!(at + 3_600))
    );
    assert_eq!(
        claims["kubernetes.io"],
        json!({"namespace": "default", "serviceaccount": {"name": "robot", "uid": uid}})
    );
    let found = api
        .authenticate(given["status"]["token"].as_str().unwrap(), &[], NOW)
        .unwrap();
    assert_eq!(found.user.name, "system:serviceaccount:default:robot");
    assert_eq!(json!(found.user.uid), *uid);
    assert_eq!(
        found.user.groups,
        [
            "system:serviceaccounts",
            "system:serviceaccounts:default",
            "system:authenticated"
        ]
    );
    let id = format!("JTI={}", claims["jti"].as_str().unwrap());
    assert_eq!(
        found.user.extra["authentication.kubernetes.io/credential-id"],
        [id]
    );
    assert_eq!(found.audiences, [ISSUER]);
}

#[test]
fn a_pods_token_tells_the_pod_and_its_node_and_lasts_longer_than_it_says() {
    let mut api = with_robot();
    let pod = json!({"kind": "Pod", "apiVersion": "v1", "name": "web"});
    let token = token(
        &mut api,
        json!({"boundObjectRef": pod, "expirationSeconds": 3_607}),
    );
    let claims = claims(&api, &token);
    let at = NOW.as_secs();
    assert_eq!(claims["exp"], at + 365 * 24 * 3_600);
    assert_eq!(claims["kubernetes.io"]["warnafter"], at + 3_607);
    assert_eq!(claims["kubernetes.io"]["node"], json!({"name": "node-1"}));
    let user = api.authenticate(&token, &[], NOW).unwrap().user;
    let extra = |name: &str| {
        user.extra
            .get(&format!("authentication.kubernetes.io/{name}"))
            .cloned()
    };
    assert_eq!(extra("pod-name"), Some(vec!["web".to_owned()]));
    assert_eq!(extra("node-name"), Some(vec!["node-1".to_owned()]));
    assert!(extra("pod-uid").is_some() && extra("node-uid").is_none());
    delete(&mut api, Kind::Pod, "web");
    assert_eq!(
        why(&api, &token, NOW),
        "[invalid bearer token, service account token has been invalidated]"
    );
}

#[test]
fn requests_that_cannot_be_granted_say_why() {
    let mut api = with_robot();
    let bound = |reference: Value| json!({"spec": {"boundObjectRef": reference}});
    let least = "TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes";
    for (request, want) in [
        (json!({"spec": {"expirationSeconds": 599}}), least),
        (
            json!({"spec": {"expirationSeconds": 4_294_967_297_i64}}),
            "TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds",
        ),
        (
            json!({"metadata": {"name": "x"}}),
            "TokenRequest.authentication.k8s.io \"robot\" is invalid: metadata.name: Invalid value: \"x\": must match the service account name if specified",
        ),
        (
            bound(json!({"kind": "Pod", "apiVersion": "v1", "name": "none"})),
            "pods \"none\" not found",
        ),
        (
            bound(json!({"kind": "Pod", "apiVersion": "v1", "name": "other"})),
            "cannot bind token for serviceaccount \"robot\" to pod running with different serviceaccount name.",
        ),
        (
            bound(json!({"kind": "Deployment", "apiVersion": "apps/v1", "name": "web"})),
            "cannot bind token to object of type apps/v1, Kind=Deployment",
        ),
        (
            bound(json!({"kind": "Secret", "apiVersion": "v1", "name": "safe", "uid": "7"})),
            "Operation cannot be fulfilled on Secret \"safe\": the UID in the bound object reference (7) does not match the UID in record. The object might have been deleted and then recreated",
        ),
    ] {
        assert_eq!(
            ask(&mut api, request).map_err(|status| status.message),
            Err(want.to_owned())
        );
    }
    let nobody = NamespacedName::new("default", "nobody");
    let refused = api
        .request_token(&nobody, json!({}), NOW)
        .expect_err("there is none");
    assert_eq!(refused.message, "serviceaccounts \"nobody\" not found");
}

#[test]
fn a_token_is_good_for_its_time_its_audience_and_its_account() {
    let mut api = with_robot();
    let here = token(&mut api, json!({}));
    let there = token(&mut api, json!({"audiences": ["vault"]}));
    let after = |seconds: u64| NOW + SimDuration::secs(seconds);
    assert!(
        api.authenticate(&here, &[], after(3_660)).is_ok(),
        "clocks differ"
    );
    assert_eq!(
        why(&api, &here, after(3_661)),
        "[invalid bearer token, service account token has expired]"
    );
    assert_eq!(
        why(&api, &there, NOW),
        format!(
            "[invalid bearer token, token audiences [\"vault\"] is invalid for the target audiences [\"{ISSUER}\"]]"
        )
    );
    let wanted = ["vault".to_owned(), "other".to_owned()];
    let found = api
        .authenticate(&there, &wanted, NOW)
        .expect("it is for the vault");
    assert_eq!(found.audiences, ["vault"]);
    assert_eq!(why(&api, "no.token.this", NOW), "invalid bearer token");
    let secret = json!({"kind": "Secret", "apiVersion": "v1", "name": "safe"});
    let safe = token(&mut api, json!({"boundObjectRef": secret}));
    assert!(api.authenticate(&safe, &[], NOW).is_ok());
    delete(&mut api, Kind::Secret, "safe");
    assert!(why(&api, &safe, NOW).contains("has been invalidated"));
    delete(&mut api, Kind::ServiceAccount, "robot");
    assert_eq!(
        why(&api, &here, NOW),
        "[invalid bearer token, serviceaccounts \"robot\" not found]"
    );
    let metadata = json!({"name": "robot", "namespace": "default"});
    create(
        &mut api,
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}),
    )
    .unwrap();
    assert!(
        why(&api, &here, NOW).contains("does not match claim"),
        "another of the same name"
    );
}
