//! Create and update.
//!
//! Upstream: staging/src/k8s.io/apiserver/pkg/endpoints/handlers/{create,update}.go, v1.36.

use super::body::{self, Decoded, Directive};
use super::{Answer, Asked, Door};
use crate::api::meta::MetaExt;
use crate::api::{Object, Status};
use crate::apiserver::{ApiHandle, Operation, Request, Response};
use std::sync::Arc;

/// The longest name of a field manager.
const MANAGER_LIMIT: usize = 128;

impl Asked<'_> {
    /// Who the client says manages the fields it writes: `fieldManager`, else the first word of
    /// its user agent.
    pub fn manager(&self) -> Arc<str> {
        let agent = self.request.user_agent.split('/').next().unwrap_or("");
        match self.query.get("fieldManager") {
            "" if agent.is_empty() => "unknown".into(),
            "" => agent.chars().take(MANAGER_LIMIT).collect::<String>().into(),
            named => named.chars().take(MANAGER_LIMIT).collect::<String>().into(),
        }
    }

    /// Carries out a write. `options` names what the query's parameters are: `CreateOptions`, …
    pub fn write<D: Door>(
        &self,
        door: &mut D,
        operation: Operation,
        options: &str,
    ) -> Result<Object, Status> {
        let request = Request {
            dry_run: self.query.dry_run(options)?,
            manager: Some(self.manager()),
            via: if self.path.subresource == "scale" {
                "scale"
            } else {
                ""
            },
            ..Request::by_user(operation).made_for(self.user.as_ref())
        };
        match ApiHandle::handle(door, request, self.now)? {
            Response::Object(object) => Ok(object),
            Response::List { .. } => Err(Status::bad_request("a write answers with one object")),
        }
    }

    /// What is stored under the path.
    pub fn stored<D: Door>(&self, door: &D) -> Option<Object> {
        door.server().etcd().get(&self.path.key()).cloned()
    }

    /// Takes the namespace from the path where the object does not say one.
    ///
    /// # Errors
    /// `BadRequest` where the two differ.
    pub fn place(&self, object: &mut Object) -> Result<(), Status> {
        let wanted = self.path.namespace.as_str();
        let found = object.namespace();
        if !found.is_empty() && found != wanted && self.path.kind.is_namespaced() {
            return Err(Status::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        if self.path.kind.is_namespaced() {
            object.meta_mut().namespace = Some(wanted.to_owned());
        }
        Ok(())
    }

    /// # Errors
    /// `BadRequest` where the object has another name than the path; it takes a missing one.
    pub fn check_name(&self, object: &mut Object) -> Result<(), Status> {
        let wanted = self.path.name.as_str();
        let found = object.name();
        if found.is_empty() {
            return Err(Status::bad_request(format!(
                "the name of the object ({wanted} based on URL) was undeterminable: name must be provided"
            )));
        }
        if found != wanted {
            return Err(Status::bad_request(format!(
                "the name of the object ({found}) does not match the name on the URL ({wanted})"
            )));
        }
        Ok(())
    }
}

/// What admission says of a change.
pub fn told<D: Door>(door: &D, new: &Object, old: Option<&Object>) -> Vec<String> {
    old.map(|old| door.warnings(new, old)).unwrap_or_default()
}

pub fn create<D: Door>(door: &mut D, asked: &Asked<'_>) -> Result<Answer, Status> {
    let directive = Directive::read(&asked.query, "CreateOptions")?;
    let body = body::read(asked.request)?;
    let Decoded {
        mut object,
        warnings,
    } = body::decode(
        body,
        asked.path.kind,
        asked.path.version,
        directive,
        door.kinds(),
    )?;
    if asked.path.kind.is_namespaced() && asked.path.namespace.is_empty() {
        return Err(Status::bad_request(
            "an empty namespace may not be set during creation",
        ));
    }
    asked.place(&mut object)?;
    if let Some(version) = asked.path.version {
        let errors = version.check(&object);
        if !errors.is_empty() {
            let row = &version.row;
            let name = object.name();
            return Err(Status::invalid_as(row.group, row.kind, name, &errors));
        }
    }
    let created = asked.write(door, Operation::Create(object), "CreateOptions")?;
    let mut answer = Answer::object(created).warned(warnings).warned_of_new();
    answer.code = 201;
    Ok(answer)
}

pub fn update<D: Door>(door: &mut D, asked: &Asked<'_>) -> Result<Answer, Status> {
    let directive = Directive::read(&asked.query, "UpdateOptions")?;
    let body = body::read(asked.request)?;
    let Decoded {
        mut object,
        mut warnings,
    } = body::decode(
        body,
        asked.path.kind,
        asked.path.version,
        directive,
        door.kinds(),
    )?;
    asked.check_name(&mut object)?;
    asked.place(&mut object)?;
    let operation = match asked.path.subresource.as_str() {
        "status" => Operation::UpdateStatus(object),
        _ => Operation::Update(object),
    };
    let old = asked.stored(door);
    let updated = asked.write(door, operation, "UpdateOptions")?;
    warnings.extend(told(door, &updated, old.as_ref()));
    Ok(Answer::object(updated).warned(warnings))
}
