//! Reviews: questions that are asked by creating what is never stored.
//!
//! Upstream: pkg/registry/authorization/*/rest.go, pkg/registry/authentication/*/{rest,storage}.go and
//! pkg/apis/authorization/validation/validation.go, v1.36. Left out: selectors in access reviews.

use super::body;
use super::{Answer, Door, HttpRequest, Query, not_allowed};
use crate::api::field::{FieldError, Path};
use crate::api::{KindRow, Scope, Status, meta};
use crate::apiserver::ApiServer;
use crate::apiserver::access::{Access, Attributes, User};
use crate::apiserver::path::segments;
use crate::sim::SimTime;
use serde_json::{Map, Value, json};

const AUTHORIZATION: &str = "authorization.k8s.io";
const AUTHENTICATION: &str = "authentication.k8s.io";

pub(super) const fn row(
    group: &'static str,
    kind: &'static str,
    plural: &'static str,
    singular: &'static str,
    scope: Scope,
) -> KindRow {
    KindRow {
        group,
        version: "v1",
        kind,
        plural,
        singular,
        short_names: &[],
        categories: &[],
        scope,
        subresources: &[],
    }
}

/// Every kind of review.
pub const ROWS: [KindRow; 6] = [
    row(
        AUTHENTICATION,
        "SelfSubjectReview",
        "selfsubjectreviews",
        "selfsubjectreview",
        Scope::Cluster,
    ),
    row(
        AUTHENTICATION,
        "TokenReview",
        "tokenreviews",
        "tokenreview",
        Scope::Cluster,
    ),
    row(
        AUTHORIZATION,
        "LocalSubjectAccessReview",
        "localsubjectaccessreviews",
        "localsubjectaccessreview",
        Scope::Namespaced,
    ),
    row(
        AUTHORIZATION,
        "SelfSubjectAccessReview",
        "selfsubjectaccessreviews",
        "selfsubjectaccessreview",
        Scope::Cluster,
    ),
    row(
        AUTHORIZATION,
        "SelfSubjectRulesReview",
        "selfsubjectrulesreviews",
        "selfsubjectrulesreview",
        Scope::Cluster,
    ),
    row(
        AUTHORIZATION,
        "SubjectAccessReview",
        "subjectaccessreviews",
        "subjectaccessreview",
        Scope::Cluster,
    ),
];

/// The review that a path names, and its namespace.
fn named(path: &str) -> Option<(&'static KindRow, String)> {
    let parts = segments(path)?;
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let (group, namespace, plural) = match parts.as_slice() {
        ["apis", group, "v1", plural] => (group, "", plural),
        ["apis", group, "v1", "namespaces", namespace, plural] => (group, *namespace, plural),
        _ => return None,
    };
    let found = ROWS
        .iter()
        .find(|row| row.group == *group && row.plural == *plural)?;
    let namespaced = found.scope == Scope::Namespaced;
    (namespaced != namespace.is_empty()).then(|| (found, namespace.to_owned()))
}

/// The answer to a review by `user`; `None` where `request` is none.
pub fn answer<D: Door>(
    door: &D,
    request: &HttpRequest,
    query: &Query,
    user: &User,
    now: SimTime,
) -> Option<Result<Answer, Status>> {
    let (row, namespace) = named(&request.path)?;
    if request.method != "POST" {
        return Some(Err(not_allowed()));
    }
    let access = match door.access() {
        Ok(access) => access,
        Err(status) => return Some(Err(status)),
    };
    let review = Review {
        server: door.server(),
        access,
        row,
        namespace,
        user,
        now,
    };
    Some(review.answer(request, query))
}

/// A review that was asked for.
struct Review<'a> {
    server: &'a ApiServer,
    access: Access<'a>,
    row: &'static KindRow,
    namespace: String,
    user: &'a User,
    now: SimTime,
}

fn text(value: &Value, field: &str) -> String {
    let text = value.get(field).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

fn texts(value: &Value, field: &str) -> Vec<String> {
    let list = value.get(field).and_then(Value::as_array);
    let list = list.into_iter().flatten().filter_map(Value::as_str);
    list.map(str::to_owned).collect()
}

/// What is asked about, where the review asks about something.
fn attributes(spec: &Value) -> Attributes {
    if let Some(given) = spec.get("resourceAttributes") {
        return Attributes {
            verb: text(given, "verb"),
            group: text(given, "group"),
            resource: text(given, "resource"),
            subresource: text(given, "subresource"),
            namespace: text(given, "namespace"),
            name: text(given, "name"),
            path: String::new(),
        };
    }
    let given = spec.get("nonResourceAttributes").unwrap_or(&Value::Null);
    Attributes {
        verb: text(given, "verb"),
        path: text(given, "path"),
        ..Attributes::default()
    }
}

/// Whom a review by somebody else is about.
fn subject(spec: &Value) -> User {
    let extra = spec.get("extra").and_then(Value::as_object);
    let extra = extra.into_iter().flatten();
    let mut user = User {
        name: text(spec, "user"),
        uid: text(spec, "uid"),
        groups: texts(spec, "groups"),
        ..User::default()
    };
    for (key, values) in extra {
        let values = values.as_array().into_iter().flatten();
        let values = values.filter_map(Value::as_str).map(str::to_owned);
        user.extra.insert(key.clone(), values.collect());
    }
    user
}

impl Review<'_> {
    fn answer(&self, request: &HttpRequest, query: &Query) -> Result<Answer, Status> {
        let (mut review, warnings) = body::decode_unstored(request, query, self.row)?;
        self.fill(&mut review)?;
        Ok(Answer::json(201, review).warned(warnings))
    }

    fn fill(&self, review: &mut Value) -> Result<(), Status> {
        let spec = review.get("spec").cloned().unwrap_or_else(|| json!({}));
        if self.row.scope == Scope::Namespaced {
            self.place(review)?;
        }
        let status = match self.row.kind {
            "SelfSubjectReview" => {
                review["metadata"] = json!({"creationTimestamp": meta::rfc3339(self.now)});
                json!({"userInfo": user_info(self.user)})
            }
            "TokenReview" if text(&spec, "token").is_empty() => {
                let message = "token is required for TokenReview in authentication";
                return Err(Status::bad_request(message));
            }
            "TokenReview" => {
                let (token, audiences) = (text(&spec, "token"), texts(&spec, "audiences"));
                match self.server.authenticate(&token, &audiences, self.now) {
                    Err(why) => json!({"user": {}, "error": why}),
                    Ok(found) => json!({
                        "authenticated": true, "user": user_info(&found.user),
                        "audiences": found.audiences,
                    }),
                }
            }
            "SelfSubjectRulesReview" => {
                let rules = self.rules(&text(&spec, "namespace"))?;
                review["spec"] = json!({});
                rules
            }
            _ => {
                let errors = self.validate(review, &spec);
                if !errors.is_empty() {
                    // Upstream has forgotten the kind by then.
                    return Err(Status::invalid_as(AUTHORIZATION, "", "", &errors));
                }
                let asked = attributes(&spec);
                let decision = match self.row.kind {
                    "SelfSubjectAccessReview" => self.access.decide(self.user, &asked),
                    _ => self.access.decide(&subject(&spec), &asked),
                };
                let mut status = json!({"allowed": decision.allowed});
                if !decision.reason.is_empty() {
                    status["reason"] = decision.reason.into();
                }
                status
            }
        };
        review["status"] = status;
        if review["metadata"].is_null() {
            review["metadata"] = json!({});
        }
        Ok(())
    }

    /// Puts a review into the namespace of its path.
    fn place(&self, review: &mut Value) -> Result<(), Status> {
        let found = review
            .pointer("/metadata/namespace")
            .and_then(Value::as_str);
        let found = found.unwrap_or_default();
        if !found.is_empty() && found != self.namespace {
            return Err(Status::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        if review["metadata"].is_null() {
            review["metadata"] = json!({});
        }
        review["metadata"]["namespace"] = self.namespace.as_str().into();
        Ok(())
    }

    fn validate(&self, review: &Value, spec: &Value) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let at = Path::new("spec");
        let local = self.row.scope == Scope::Namespaced;
        let (resource, other) = (
            spec.get("resourceAttributes"),
            spec.get("nonResourceAttributes"),
        );
        let mut refuse = |field: &Path<'_>, value: String, detail: &str| {
            errors.push(FieldError::invalid_value(field, value, detail));
        };
        match (resource, other) {
            (Some(_), Some(other)) => refuse(
                &at.child("nonResourceAttributes"),
                other.to_string(),
                "cannot be specified in combination with resourceAttributes",
            ),
            (None, None) => refuse(
                &at.child("resourceAttributes"),
                "\"null\"".to_owned(),
                "exactly one of nonResourceAttributes or resourceAttributes must be specified",
            ),
            _ => {}
        }
        let own = self.row.kind == "SelfSubjectAccessReview";
        if !own && text(spec, "user").is_empty() && texts(spec, "groups").is_empty() {
            let detail = "at least one of user or group must be specified";
            refuse(&at.child("user"), "\"\"".to_owned(), detail);
        }
        let mut metadata: Map<String, Value> =
            review["metadata"].as_object().cloned().unwrap_or_default();
        metadata.remove("managedFields");
        if local {
            metadata.remove("namespace");
        }
        if !metadata.is_empty() {
            let detail = match local {
                true => "must be empty except for namespace",
                false => "must be empty",
            };
            refuse(
                &Path::new("metadata"),
                review["metadata"].to_string(),
                detail,
            );
        }
        if local {
            let namespace = resource.map(|given| text(given, "namespace"));
            if let Some(found) = namespace.filter(|namespace| *namespace != self.namespace) {
                let field = Path::new("spec.resourceAttributes.namespace");
                refuse(
                    &field,
                    format!("{found:?}"),
                    "must match metadata.namespace",
                );
            }
            if let Some(other) = other {
                let field = Path::new("spec.nonResourceAttributes");
                refuse(
                    &field,
                    other.to_string(),
                    "disallowed on this kind of request",
                );
            }
        }
        errors
    }

    /// All that the user may do in a namespace.
    fn rules(&self, namespace: &str) -> Result<Value, Status> {
        if namespace.is_empty() {
            return Err(Status::bad_request("no namespace on request"));
        }
        let (rules, errors) = self.access.rules(self.user, namespace);
        let (mut resources, mut urls) = (Vec::new(), Vec::new());
        for rule in &rules {
            let verbs = json!(rule.verbs);
            if rule.resources.as_ref().is_some_and(|list| !list.is_empty()) {
                let mut shown = json!({
                    "verbs": verbs, "apiGroups": rule.api_groups, "resources": rule.resources,
                });
                if rule.resource_names.is_some() {
                    shown["resourceNames"] = json!(rule.resource_names);
                }
                resources.push(shown);
            } else if rule.non_resource_urls.is_some() {
                urls.push(json!({"verbs": verbs, "nonResourceURLs": rule.non_resource_urls}));
            }
        }
        let mut status =
            json!({"resourceRules": resources, "nonResourceRules": urls, "incomplete": false});
        if !errors.is_empty() {
            status["evaluationError"] = errors.join(", ").into();
        }
        Ok(status)
    }
}

/// A user as reviews tell of him.
fn user_info(user: &User) -> Value {
    let mut told = json!({"username": user.name, "groups": user.groups});
    if !user.uid.is_empty() {
        told["uid"] = user.uid.as_str().into();
    }
    if !user.extra.is_empty() {
        told["extra"] = json!(user.extra);
    }
    told
}
