//! Whatever comes from outside, nothing panics: manifests, patches, selectors, quantities and paths
//! that are nearly right, in many variations. `PROPTEST_CASES` says how many of each; a failing one
//! is shrunk and printed.

#![cfg(not(target_arch = "wasm32"))]

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kubarium::api::selector::Selector;
use kubarium::api::{manifest, quantity};
use kubarium::apiserver::rest::{HttpRequest, answer};
use kubarium::apiserver::{ApiServer, ApiServerConfig};
use kubarium::kubectl::apply;
use kubarium::sim::{SimRng, SimTime};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const NOW: SimTime = SimTime::from_secs(1_000);
const KINDS: &str = include_str!("http/kinds.yaml");
const EXAMPLES: [&str; 3] = [
    include_str!("../static/examples/deploy.yml"),
    include_str!("../static/examples/svc.yml"),
    include_str!("../static/examples/pod.yml"),
];

/// What is put where something else was.
const ODD: [&str; 24] = [
    "",
    "-1",
    "0",
    "1e400",
    "99999999999999999999",
    "null",
    "~",
    "yes",
    "\"",
    "'",
    "[",
    "{",
    "}: {",
    "- ",
    "&a *a",
    "<<: *a",
    "!!binary x",
    "|",
    "?",
    "\u{0}",
    "\t",
    "é\u{301}",
    "%41",
    "a: a: a",
];

/// As many cases as the environment says, else few; the same ones each time.
fn config(cases: u32) -> ProptestConfig {
    let given = std::env::var("PROPTEST_CASES").ok();
    ProptestConfig {
        cases: given.and_then(|n| n.parse().ok()).unwrap_or(cases),
        rng_seed: RngSeed::Fixed(36),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn server() -> ApiServer {
    let mut server = ApiServer::new(ApiServerConfig::default(), SimRng::new(1));
    for path in [
        "/api/v1/namespaces",
        "/api/v1/namespaces/default/configmaps",
    ] {
        let made = json!({"metadata": {"name": "default"}, "data": {"a": "1"}});
        let made = match path.ends_with("maps") {
            true => made,
            false => json!({"metadata": {"name": "default"}}),
        };
        let request = HttpRequest {
            method: "POST".to_owned(),
            path: path.to_owned(),
            content_type: "application/json".to_owned(),
            body: made.to_string(),
            ..HttpRequest::default()
        };
        answer(&mut server, &request, NOW).expect("made");
    }
    server
}

fn documents() -> Vec<&'static str> {
    KINDS.split("---\n").chain(EXAMPLES).collect()
}

/// One of the documents with some changes: a line gone or twice, a word in another's place.
fn manifests() -> impl Strategy<Value = String> {
    let change = (
        0..4_u8,
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
    );
    let changes = prop::collection::vec(change, 1..4);
    (prop::sample::select(documents()), changes).prop_map(|(document, changes)| {
        let mut lines: Vec<String> = document.lines().map(str::to_owned).collect();
        for (what, at, other) in changes {
            let line = at.index(lines.len());
            let odd = ODD[other.index(ODD.len())];
            match what {
                0 if lines.len() > 1 => drop(lines.remove(line)),
                1 => {
                    let from = other.index(lines.len());
                    lines.insert(line, lines[from].clone());
                }
                2 => lines[line] = format!("{}{odd}", lines[line]),
                _ => {
                    let key = lines[line].split(':').next().unwrap_or_default();
                    lines[line] = format!("{key}: {odd}");
                }
            }
        }
        lines.join("\n")
    })
}

fn json_values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(&ODD[..]).prop_map(Value::from),
        prop::sample::select(vec!["a", "default", "replace", "merge", "delete"])
            .prop_map(Value::from),
    ];
    let keys = vec![
        "metadata",
        "labels",
        "data",
        "name",
        "finalizers",
        "$patch",
        "$retainKeys",
        "op",
        "path",
        "value",
        "from",
        "a",
        "managedFields",
        "$setElementOrder/finalizers",
        "ownerReferences",
        "$deleteFromPrimitiveList/finalizers",
        "namespace",
        "resourceVersion",
        "uid",
        "kind",
    ];
    let map = prop::sample::select(keys);
    leaf.prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((map.clone(), inner), 0..5).prop_map(|fields| {
                fields.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()
            }),
        ]
    })
}

fn operations() -> impl Strategy<Value = Value> {
    let op = prop::sample::select(vec![
        "add", "remove", "replace", "move", "copy", "test", "odd",
    ]);
    let path = prop::sample::select(vec![
        "",
        "/",
        "/data/a",
        "/data/-",
        "/metadata/labels",
        "/metadata/name",
        "/data/~1",
        "/data/~",
        "/metadata/finalizers/0",
        "/metadata/finalizers/99999999999999999999",
        "data",
    ]);
    let one = (op, path.clone(), path, json_values()).prop_map(
        |(op, path, from, value)| json!({"op": op, "path": path, "from": from, "value": value}),
    );
    prop::collection::vec(one, 0..5).prop_map(Value::from)
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn a_manifest_is_applied_or_refused(text in manifests()) {
        let mut server = server();
        let report = apply(&text, &mut server, NOW);
        for error in &report.errors {
            prop_assert!(!error.message.is_empty());
            prop_assert!(error.line as usize <= text.lines().count() + 1, "{error:?}");
        }
    }

    #[test]
    fn any_text_is_a_manifest_or_not(text in "(?s).{0,200}") {
        let _ = manifest::parse(&text);
    }

    #[test]
    fn a_patch_is_applied_or_refused(
        (kind, patch) in prop_oneof![
            operations().prop_map(|p| ("json-patch+json", p)),
            json_values().prop_map(|p| ("json-patch+json", p)),
            json_values().prop_map(|p| ("merge-patch+json", p)),
            json_values().prop_map(|p| ("strategic-merge-patch+json", p)),
            json_values().prop_map(|p| ("apply-patch+yaml", p)),
        ]
    ) {
        let mut server = server();
        let request = HttpRequest {
            method: "PATCH".to_owned(),
            path: "/api/v1/namespaces/default/configmaps/default".to_owned(),
            query: "fieldManager=fuzz".to_owned(),
            content_type: format!("application/{kind}"),
            body: patch.to_string(),
            ..HttpRequest::default()
        };
        if let Err(status) = answer(&mut server, &request, NOW) {
            prop_assert!((400..600).contains(&status.reason.code()), "{status:?}");
            prop_assert!(!status.message.is_empty());
        }
    }

    #[test]
    fn a_request_is_answered(
        method in prop::sample::select(vec!["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "ODD"]),
        path in "/(api|apis|healthz|openapi|version|logs)?(/(v1|apps|v2|namespaces|default|pods|configmaps|watch|status|log|scale|%2e%2e|\\.\\.|é|)){0,7}",
        query in "((limit|continue|watch|resourceVersion|labelSelector|fieldSelector|timeoutSeconds|dryRun|gracePeriodSeconds|sinceSeconds|%zz)=(1|-1|true|a%3Db|!a|status\\.phase%3DRunning|99999999999999999999|All|%|&|){0,2}&?){0,4}",
        body in prop_oneof![Just(String::new()), json_values().prop_map(|v| v.to_string()), "(?s).{0,80}"],
    ) {
        let request = HttpRequest {
            method: method.to_owned(),
            path,
            query,
            content_type: "application/json".to_owned(),
            body,
            ..HttpRequest::default()
        };
        match answer(&mut server(), &request, NOW) {
            Ok(answer) => prop_assert!((200..600).contains(&answer.code)),
            Err(status) => prop_assert!((400..600).contains(&status.reason.code()), "{status:?}"),
        }
    }

    #[test]
    fn a_selector_is_read_or_refused(text in "[a-c/.=!,() \\-A-Z0-9]{0,40}|(a|b|in|notin|\\(|\\)|,|=|==|!=|!| |<|>|1){0,12}") {
        if let Ok(selector) = Selector::parse(&text) {
            let labels = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
            let matches = selector.matches(&labels);
            let again = Selector::parse(&selector.to_string()).expect("what it prints can be read");
            prop_assert_eq!(again.matches(&labels), matches);
        }
    }

    #[test]
    fn a_quantity_is_read_or_refused(text in "[+-]?[0-9]{0,20}(\\.[0-9]{0,12})?(n|u|m|k|K|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|e[+-]?[0-9]{0,3}|E[0-9]{0,2}|x)?", other in "[0-9]{1,19}(|m|Ei|E)") {
        let (a, b) = (Quantity(text.clone()), Quantity(other));
        let _ = (quantity::milli_value(&a), quantity::value(&a), quantity::add(&a, &b));
        let _ = quantity::subtract(&b, &a);
        prop_assert_eq!(quantity::compare(&a, &b), quantity::compare(&b, &a).reverse());
        if let Some(canonical) = quantity::canonical(&text) {
            prop_assert!(quantity::is_valid(&text));
            prop_assert_eq!(quantity::canonical(&canonical), Some(canonical.clone()));
            prop_assert!(quantity::compare(&Quantity(canonical), &a).is_eq(), "{}", text);
        }
    }
}
