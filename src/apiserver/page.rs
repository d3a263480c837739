//! Lists as clients ask for them: page by page, and as of an earlier revision.
//!
//! Upstream: staging/src/k8s.io/apiserver/pkg/storage/{continue.go,etcd3/store.go}, v1.36. The store
//! keeps only the present; the past of a list is worked out by undoing the changes since.

use super::rest::ListOptions;
use super::{ApiServer, FieldSelector, registry};
use crate::api::codec;
use crate::api::meta::{self, MetaExt};
use crate::api::selector::Selector;
use crate::api::{Kind, NamespacedName, Object, Reason, Status};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The revision that the whole list is from.
    pub revision: u64,
    /// The objects, by namespace and name.
    pub items: Vec<Object>,
    /// What asks for the next page; empty after the last.
    pub continue_token: String,
    /// How many objects come after this page; `None` where a selector makes that unknown.
    pub remaining: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct Token {
    v: String,
    rv: u64,
    start: String,
}

const TOKEN_VERSION: &str = "meta.k8s.io/v1";

impl Token {
    fn decode(text: &str) -> Result<Self, Status> {
        let wrong = |why: String| Status::bad_request(format!("continue key is not valid: {why}"));
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|error| wrong(error.to_string()))?;
        let json = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        let token: Token = codec::from_value(json).map_err(wrong)?;
        match (token.v.as_str(), token.rv) {
            (TOKEN_VERSION, 0) => Err(wrong(format!(
                "incorrect encoded start resourceVersion (version {TOKEN_VERSION})"
            ))),
            (TOKEN_VERSION, _) => Ok(token),
            (version, _) => Err(wrong(format!(
                "server does not recognize this encoded version {version}"
            ))),
        }
    }

    fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(codec::to_json(self))
    }
}

/// Where a list goes on after `name`.
fn start_after(name: &NamespacedName) -> String {
    format!("{}/{}\u{0}", name.namespace, name.name)
}

/// Whether `object` is selected.
pub fn is_selected(object: &Object, labels: &Selector, fields: &FieldSelector) -> bool {
    let holds = |(field, value, equal): &(String, String, bool)| {
        (registry::field_value(object, field) == *value) == *equal
    };
    labels.matches(meta::labels(object.meta())) && fields.requirements.iter().all(holds)
}

impl ApiServer {
    /// A page of the objects of `kind`.
    ///
    /// # Errors
    /// The server does not answer, the revision asked for is gone, or the token is malformed.
    pub fn page(
        &self,
        kind: Kind,
        namespace: Option<&str>,
        options: &ListOptions,
    ) -> Result<Page, Status> {
        self.check_health()?;
        let token = match options.continue_token.as_str() {
            "" => None,
            text => Some(Token::decode(text)?),
        };
        let asked = options.revision.parse::<u64>().unwrap_or(0);
        let current = self.etcd.revision();
        let revision = match &token {
            Some(token) => token.rv,
            None if asked > current => return Err(too_large(asked, current)),
            None if asked > 0 && (options.exact || options.limit > 0) => asked,
            None => current,
        };
        let all = self.as_of(kind, namespace, revision, token.is_some())?;
        let start = token.map(|token| token.start).unwrap_or_default();
        let mut rest = all.into_iter().filter(|object| {
            let name = object.namespaced_name();
            format!("{}/{}", name.namespace, name.name) >= start
        });
        let mut items: Vec<Object> = Vec::new();
        while options.limit == 0 || (items.len() as u64) < options.limit {
            match rest.next() {
                Some(object) if is_selected(&object, &options.labels, &options.fields) => {
                    items.push(object);
                }
                Some(_) => {}
                None => break,
            }
        }
        let left = rest.count() as u64;
        let plain = options.labels.is_empty() && options.fields.requirements.is_empty();
        let continue_token = match items.last().filter(|_| left > 0) {
            None => String::new(),
            Some(last) => Token {
                v: TOKEN_VERSION.to_owned(),
                rv: revision,
                start: start_after(&last.namespaced_name()),
            }
            .encode(),
        };
        Ok(Page {
            revision,
            remaining: (plain && left > 0).then_some(left),
            items,
            continue_token,
        })
    }

    /// The objects of `kind` as they were at `revision`, by namespace and name.
    fn as_of(
        &self,
        kind: Kind,
        namespace: Option<&str>,
        revision: u64,
        continued: bool,
    ) -> Result<Vec<Object>, Status> {
        let mut objects: BTreeMap<String, Object> = self
            .etcd
            .list(kind, namespace)
            .map(|object| (start_after(&object.namespaced_name()), object.clone()))
            .collect();
        let later = self
            .etcd
            .events_since(revision)
            .map_err(|_| gone(continued))?;
        for event in later.rev().filter(|event| event.key.kind == kind) {
            if namespace.is_some_and(|namespace| namespace != event.key.namespace) {
                continue;
            }
            let name = start_after(&event.key.namespaced_name());
            match &event.previous {
                Some(previous) => objects.insert(name, previous.clone()),
                None => objects.remove(&name),
            };
        }
        Ok(objects.into_values().collect())
    }
}

fn gone(continued: bool) -> Status {
    let message = match continued {
        true => {
            "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter."
        }
        false => "The resourceVersion for the provided list is too old.",
    };
    Status::plain(Reason::Expired, message)
}

fn too_large(asked: u64, current: u64) -> Status {
    let message = format!("Too large resource version: {asked}, current: {current}");
    Status::plain(Reason::Timeout, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apiserver::rest::Query;
    use crate::apiserver::testing;

    fn page(api: &ApiServer, query: &str) -> Result<Page, Status> {
        let query = Query::parse(query).unwrap();
        let options = ListOptions::read(&query, Kind::ConfigMap, false).unwrap();
        api.page(Kind::ConfigMap, Some("default"), &options)
    }

    fn names(page: &Page) -> Vec<&str> {
        page.items.iter().map(MetaExt::name).collect()
    }

    #[test]
    fn pages_hold_together_while_the_world_changes() {
        let mut api = testing::server();
        for name in ["a", "b", "c", "d"] {
            testing::create_config_map(&mut api, name);
        }
        let first = page(&api, "limit=2").unwrap();
        assert_eq!((names(&first), first.remaining), (vec!["a", "b"], Some(2)));
        testing::delete_config_map(&mut api, "c");
        testing::create_config_map(&mut api, "bb");
        let next = format!("limit=2&continue={}", first.continue_token);
        let second = page(&api, &next).unwrap();
        assert_eq!(names(&second), ["c", "d"]);
        assert_eq!((second.revision, second.remaining), (first.revision, None));
        assert_eq!(second.continue_token, "");
        let now = page(&api, "").unwrap();
        assert_eq!(names(&now), ["a", "b", "bb", "d"]);
        let exact = format!(
            "resourceVersion={}&resourceVersionMatch=Exact",
            first.revision
        );
        assert_eq!(names(&page(&api, &exact).unwrap()), ["a", "b", "c", "d"]);
    }

    #[test]
    fn a_page_of_a_compacted_list_is_gone() {
        let mut api = testing::server();
        for name in ["a", "b"] {
            testing::create_config_map(&mut api, name);
        }
        let first = page(&api, "limit=1").unwrap();
        testing::create_config_map(&mut api, "c");
        api.compact(u64::MAX);
        let next = format!("limit=1&continue={}", first.continue_token);
        assert_eq!(page(&api, &next).unwrap_err().reason, Reason::Expired);
        assert_eq!(
            page(&api, "continue=x").unwrap_err().reason,
            Reason::BadRequest
        );
        let future = page(&api, "resourceVersion=9999").unwrap_err();
        assert_eq!(future.reason, Reason::Timeout);
    }
}
