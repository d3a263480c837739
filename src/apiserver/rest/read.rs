//! Reads: get, list, and the beginning of a watch.

use super::{Answer, Asked, Content, Door, ListOptions};
use crate::api::{Object, Status};
use crate::apiserver::watch::WatchRequest;
use crate::apiserver::{ApiHandle, ApiServer, Operation, Request};

/// The object that the path names.
pub fn current<D: Door>(door: &mut D, asked: &Asked<'_>) -> Result<Object, Status> {
    let get = Request::by_user(Operation::Get(asked.path.key()));
    let found = ApiHandle::handle(door, get, asked.now)?;
    Ok(found
        .object()
        .expect("invariant: the API server answers a get with an object"))
}

pub fn get<D: Door>(door: &mut D, asked: &Asked<'_>) -> Result<Answer, Status> {
    current(door, asked).map(Answer::object)
}

/// A list, or a watch of one. A watch of a named object is one of the collection, narrowed.
pub fn list(api: &ApiServer, asked: &Asked<'_>) -> Result<Answer, Status> {
    let path = &asked.path;
    let mut options = ListOptions::read_in(&asked.query, path.kind, path.version, path.watch)?;
    if !path.name.is_empty() {
        let named = ("metadata.name".to_owned(), path.name.clone(), true);
        options.fields.requirements.push(named);
    }
    if options.watch {
        api.check_health()?;
        let watch = WatchRequest::new(path.kind, path.namespace(), options);
        return Ok(Answer::new(200, Content::Watch(watch)));
    }
    let page = api.page(path.kind, path.namespace(), &options)?;
    Ok(Answer::new(200, Content::List(path.kind, page)))
}
