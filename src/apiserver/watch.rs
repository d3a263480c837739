//! What a watch shows of the store's changes.
//!
//! Upstream: staging/src/k8s.io/apiserver/pkg/storage/cacher/{cacher,cache_watcher}.go, v1.36. A
//! change that takes an object out of the selection is shown as its deletion, one that brings it in
//! as its addition.

use super::page::is_selected;
use super::rest::ListOptions;
use super::{ApiServer, FieldSelector};
use crate::api::selector::Selector;
use crate::api::watch::{WatchEvent, WatchVerb};
use crate::api::{Kind, Object, Reason, Status};

/// Which changes a watch shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchFilter {
    /// Of this kind.
    pub kind: Kind,
    /// In this namespace.
    pub namespace: Option<String>,
    /// Of objects with these labels.
    pub labels: Selector,
    /// Of objects with these field values.
    pub fields: FieldSelector,
}

/// What a watch shows: how an object changed, and what it is now.
pub type Shown = (WatchVerb, Object);

impl WatchFilter {
    /// The object in the version that is watched.
    fn shown(&self, object: &Object) -> Object {
        object.clone().shown_as(self.kind)
    }

    fn selects(&self, object: &Object) -> bool {
        is_selected(object, &self.labels, &self.fields)
    }

    /// What the watch shows of `event`, if anything. An object that left the selection is shown as
    /// it was before, with the revision of the change.
    pub fn show(&self, event: &WatchEvent) -> Option<Shown> {
        if event.key.kind != self.kind {
            return None;
        }
        if let Some(namespace) = &self.namespace
            && *namespace != event.key.namespace
        {
            return None;
        }
        let before = event.previous.as_ref().filter(|old| self.selects(old));
        let after = event.verb != WatchVerb::Deleted && self.selects(&event.object);
        match (before, after) {
            (None, true) => Some((WatchVerb::Added, self.shown(&event.object))),
            (Some(_), true) => Some((WatchVerb::Modified, self.shown(&event.object))),
            (Some(_), false) if event.verb == WatchVerb::Deleted => {
                Some((WatchVerb::Deleted, self.shown(&event.object)))
            }
            (Some(old), false) => {
                let mut last = self.shown(old);
                last.meta_mut().resource_version = Some(event.revision.to_string());
                Some((WatchVerb::Deleted, last))
            }
            (None, false) => None,
        }
    }
}

/// A watch as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchRequest {
    /// Which changes it shows.
    pub filter: WatchFilter,
    /// The revision it starts after; 0: it starts with what is there.
    pub from: u64,
    /// It begins with what is there, and a bookmark says when that is done.
    pub initial_events: bool,
    /// It sends bookmarks.
    pub bookmarks: bool,
    /// How long it lasts, in seconds.
    pub timeout_seconds: Option<u64>,
}

impl WatchRequest {
    /// The watch that `options` ask for.
    pub fn new(kind: Kind, namespace: Option<&str>, options: ListOptions) -> Self {
        let filter = WatchFilter {
            kind,
            namespace: namespace.map(str::to_owned),
            labels: options.labels,
            fields: options.fields,
        };
        Self {
            filter,
            from: options.revision.parse().unwrap_or(0),
            initial_events: options.initial_events,
            bookmarks: options.bookmarks,
            timeout_seconds: options.timeout_seconds,
        }
    }
}

impl ApiServer {
    /// What a watch shows first; what follows are the changes after the present revision.
    ///
    /// # Errors
    /// The server does not answer, or the changes since the revision asked for are gone.
    pub fn watch(&self, request: &WatchRequest) -> Result<Vec<Shown>, Status> {
        self.check_health()?;
        let filter = &request.filter;
        if request.from == 0 || request.initial_events {
            let objects = self.etcd.list(filter.kind, filter.namespace.as_deref());
            let selected = objects.filter(|object| filter.selects(object));
            return Ok(selected
                .map(|object| (WatchVerb::Added, filter.shown(object)))
                .collect());
        }
        match self.etcd.events_since(request.from) {
            Ok(events) => Ok(events.filter_map(|event| filter.show(event)).collect()),
            Err(compacted) => {
                let (from, oldest) = (request.from, compacted.oldest);
                let message = format!("too old resource version: {from} ({oldest})");
                Err(Status::plain(Reason::Expired, message))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ObjectKey;
    use crate::api::meta::MetaExt;
    use crate::apiserver::rest::Query;
    use crate::apiserver::testing::{self, NOW};
    use crate::apiserver::{Operation, Patch, Request};
    use serde_json::json;

    fn watch(api: &ApiServer, query: &str) -> Result<Vec<String>, Status> {
        let query = Query::parse(query).unwrap();
        let options = ListOptions::read(&query, Kind::ConfigMap, true)?;
        let request = WatchRequest::new(Kind::ConfigMap, None, options);
        let shown = api.watch(&request)?;
        Ok(shown
            .iter()
            .map(|(verb, object)| format!("{verb:?} {}", object.name()))
            .collect())
    }

    fn relabel(api: &mut ApiServer, name: &str, value: &str) {
        let patch = Operation::Patch {
            key: ObjectKey::new(Kind::ConfigMap, "default", name),
            patch: Patch::Merge(json!({"metadata": {"labels": {"name": value}}})),
        };
        api.handle(Request::by_user(patch), NOW).unwrap();
    }

    #[test]
    fn a_selection_is_entered_and_left() {
        let mut api = testing::server();
        let from = api.etcd().revision();
        testing::create_config_map(&mut api, "a");
        relabel(&mut api, "a", "b");
        relabel(&mut api, "a", "a");
        testing::delete_config_map(&mut api, "a");
        let query = format!("resourceVersion={from}");
        assert_eq!(
            watch(&api, &query).unwrap(),
            ["Added a", "Modified a", "Modified a", "Deleted a"]
        );
        let query = format!("resourceVersion={from}&labelSelector=name%3Da");
        assert_eq!(
            watch(&api, &query).unwrap(),
            ["Added a", "Deleted a", "Added a", "Deleted a"]
        );
        assert_eq!(watch(&api, "").unwrap(), [""; 0]);
        api.compact(u64::MAX);
        let query = format!("resourceVersion={from}");
        let gone = watch(&api, &query).unwrap_err();
        assert_eq!(
            gone.message,
            format!(
                "too old resource version: {from} ({})",
                api.etcd().revision()
            )
        );
    }
}
