//! Who a request is for, and whether he may make it.
//!
//! Upstream: staging/src/k8s.io/apiserver/pkg/endpoints/filters/{authorization.go,impersonation/impersonation.go}
//! and staging/src/k8s.io/apiserver/pkg/endpoints/request/requestinfo.go, v1.36. Every client is the
//! cluster's owner, who may impersonate anybody: there are no credentials to know others by. Left out:
//! constrained impersonation (`impersonate:user-info`).

use super::{HttpRequest, Query};
use crate::api::Status;
use crate::apiserver::access::{Access, Attributes, User, account_name, account_of};
use crate::apiserver::path::{is_segment, segments};
use std::sync::Arc;

const EXTRA: &str = "impersonate-extra-";

/// One thing that somebody is to be: a kind of it, and which.
struct Claim<'a> {
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
    version: &'a str,
    key: String,
}

impl<'a> Claim<'a> {
    const fn new(kind: &'a str, namespace: &'a str, name: &'a str) -> Self {
        Self {
            kind,
            namespace,
            name,
            version: "",
            key: String::new(),
        }
    }

    /// As Go prints an `ObjectReference`.
    fn text(&self) -> String {
        let Self {
            kind,
            namespace,
            name,
            version,
            key,
        } = self;
        format!("{{{kind} {namespace} {name}  {version}  {key}}}")
    }

    fn attributes(&self) -> Attributes {
        let resource = match self.kind {
            "ServiceAccount" => "serviceaccounts",
            "User" => "users",
            "Group" => "groups",
            "UserExtra" => "userextras",
            _ => "uids",
        };
        let group = self.version.split('/').next().unwrap_or_default();
        Attributes {
            verb: "impersonate".to_owned(),
            group: group.to_owned(),
            resource: resource.to_owned(),
            subresource: self.key.clone(),
            namespace: self.namespace.to_owned(),
            name: self.name.to_owned(),
            path: String::new(),
        }
    }
}

/// What the headers of a request ask to be, in upstream's order.
fn claims(headers: &[(String, String)]) -> Vec<Claim<'_>> {
    let named = |wanted: &'static str| {
        let found = headers.iter().filter(move |(name, _)| name == wanted);
        found.map(|(_, value)| value.as_str())
    };
    let filled = |wanted: &'static str| named(wanted).next().filter(|value| !value.is_empty());
    let mut claims = Vec::new();
    claims.extend(
        filled("impersonate-user").map(|user| match account_of(user) {
            Some((namespace, name)) => Claim::new("ServiceAccount", namespace, name),
            None => Claim::new("User", "", user),
        }),
    );
    claims.extend(named("impersonate-group").map(|group| Claim::new("Group", "", group)));
    let version = "authentication.k8s.io/v1";
    for (name, value) in headers {
        if let Some(key) = name.strip_prefix(EXTRA) {
            let key = crate::apiserver::path::percent_decoded(key).unwrap_or(key.to_owned());
            let claim = Claim::new("UserExtra", "", value);
            claims.push(Claim {
                version,
                key,
                ..claim
            });
        }
    }
    claims.extend(filled("impersonate-uid").map(|uid| Claim {
        version,
        ..Claim::new("UID", "", uid)
    }));
    claims
}

/// Whom `request`, made by `requestor`, is for; `None` where it is his own.
///
/// # Errors
/// He may not impersonate, or does not say whom.
pub fn impersonated(
    request: &HttpRequest,
    requestor: &User,
    access: Access<'_>,
) -> Result<Option<Arc<User>>, Status> {
    let claims = claims(&request.impersonate);
    let Some(first) = claims.first() else {
        return Ok(None);
    };
    if !matches!(first.kind, "User" | "ServiceAccount") {
        let texts: Vec<String> = claims.iter().map(Claim::text).collect();
        return Err(Status::bad_request(format!(
            "requested [{}] without impersonating a user",
            texts.join(" ")
        )));
    }
    for claim in &claims {
        access.check(requestor, &claim.attributes())?;
    }
    let of = |kind: &'static str| {
        let found = claims.iter().filter(move |claim| claim.kind == kind);
        found.map(|claim| claim.name.to_owned())
    };
    let name = match first.kind {
        "User" => first.name.to_owned(),
        _ => account_name(first.namespace, first.name),
    };
    let mut user = User::impersonated(&name, of("Group").collect());
    user.uid = of("UID").next().unwrap_or_default();
    for claim in claims.iter().filter(|claim| claim.kind == "UserExtra") {
        let values = user.extra.entry(claim.key.clone()).or_default();
        values.push(claim.name.to_owned());
    }
    Ok(Some(Arc::new(user)))
}

/// The verb of a method on a resource.
fn verb_of(method: &str) -> &'static str {
    match method {
        "POST" => "create",
        "GET" | "HEAD" => "get",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" => "delete",
        _ => "",
    }
}

/// What a request asks for.
pub fn attributes(request: &HttpRequest, query: &Query) -> Attributes {
    let path = || Attributes {
        verb: request.method.to_lowercase(),
        path: request.path.clone(),
        ..Attributes::default()
    };
    let Some(parts) = segments(&request.path) else {
        return path();
    };
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let (group, rest) = match parts.as_slice() {
        ["api", _, rest @ ..] if !rest.is_empty() => ("", rest),
        ["apis", group, _, rest @ ..] if !rest.is_empty() => (*group, rest),
        _ => return path(),
    };
    let (special, rest) = match rest {
        [verb @ ("watch" | "proxy"), rest @ ..] if !rest.is_empty() => (*verb, rest),
        rest => ("", rest),
    };
    let (namespace, rest) = match rest {
        ["namespaces", namespace] => (*namespace, rest),
        ["namespaces", namespace, "status" | "finalize", ..] => (*namespace, rest),
        ["namespaces", namespace, inner @ ..] => (*namespace, inner),
        rest => ("", rest),
    };
    let part = |index: usize| rest.get(index).copied().unwrap_or_default().to_owned();
    let mut asked = Attributes {
        verb: verb_of(&request.method).to_owned(),
        group: group.to_owned(),
        resource: part(0),
        subresource: if special.is_empty() {
            part(2)
        } else {
            String::new()
        },
        namespace: namespace.to_owned(),
        name: part(1),
        path: String::new(),
    };
    if !special.is_empty() {
        asked.verb = special.to_owned();
    }
    if asked.name.is_empty() {
        match asked.verb.as_str() {
            "get" if query.is_set("watch") => asked.verb = "watch".to_owned(),
            "get" => asked.verb = "list".to_owned(),
            "delete" => asked.verb = "deletecollection".to_owned(),
            _ => {}
        }
        if matches!(asked.verb.as_str(), "list" | "watch" | "deletecollection") {
            asked.name = selected_name(query);
        }
    }
    asked
}

/// The name that a field selector leaves; empty where it leaves several.
fn selected_name(query: &Query) -> String {
    let mut terms = query.get("fieldSelector").split(',');
    let name = terms.find_map(|term| {
        let (field, value) = term.split_once('=')?;
        (field == "metadata.name").then(|| value.trim_start_matches('=').to_owned())
    });
    name.filter(|name| is_segment(name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apiserver::ApiServer;
    use crate::sim::SimRng;

    fn request(method: &str, path: &str) -> HttpRequest {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        HttpRequest {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            ..HttpRequest::default()
        }
    }

    #[test]
    fn paths_say_what_is_asked() {
        for (method, path, want) in [
            ("GET", "/api/v1/namespaces/a/pods", "list pods in a"),
            (
                "GET",
                "/api/v1/namespaces/a/pods?watch=1",
                "watch pods in a",
            ),
            ("GET", "/api/v1/watch/namespaces/a/pods", "watch pods in a"),
            ("GET", "/api/v1/namespaces/a/pods/x", "get pods x in a"),
            (
                "GET",
                "/api/v1/pods?fieldSelector=metadata.name%3Dx",
                "list pods x",
            ),
            (
                "GET",
                "/api/v1/namespaces/a/pods/x/log",
                "get pods/log x in a",
            ),
            ("POST", "/api/v1/namespaces/a/pods", "create pods in a"),
            (
                "DELETE",
                "/api/v1/namespaces/a/pods",
                "deletecollection pods in a",
            ),
            ("DELETE", "/api/v1/namespaces/a", "delete namespaces a in a"),
            (
                "PUT",
                "/api/v1/namespaces/a/finalize",
                "update namespaces/finalize a in a",
            ),
            ("GET", "/api/v1/namespaces", "list namespaces"),
            (
                "PATCH",
                "/apis/apps/v1/namespaces/a/deployments/w/scale",
                "patch deployments/scale.apps w in a",
            ),
            ("GET", "/apis/none/v9/things", "list things.none"),
            ("GET", "/apis/apps/v1", "get /apis/apps/v1"),
            ("GET", "/api/v1", "get /api/v1"),
            ("GET", "/metrics", "get /metrics"),
            ("POST", "/healthz", "post /healthz"),
        ] {
            let request = request(method, path);
            let query = Query::parse(&request.query).expect("a query");
            let asked = attributes(&request, &query);
            let mut text = format!("{} {}{}", asked.verb, asked.path, asked.resource);
            for (sign, part) in [
                ("/", &asked.subresource),
                (".", &asked.group),
                (" ", &asked.name),
                (" in ", &asked.namespace),
            ] {
                if !part.is_empty() {
                    text.push_str(&format!("{sign}{part}"));
                }
            }
            assert_eq!(text, want, "{method} {path}");
        }
    }

    #[test]
    fn headers_say_whom_a_request_is_for() {
        let server = ApiServer::new(Default::default(), SimRng::new(1));
        let ask = |requestor: &User, headers: &[(&str, &str)]| {
            let headers = headers.iter();
            let impersonate = headers.map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
            let request = HttpRequest {
                impersonate: impersonate.collect(),
                ..request("GET", "/api")
            };
            let access = Access::new(server.etcd());
            impersonated(&request, requestor, access).map_err(|status| status.message)
        };
        let admin = User::admin();
        assert_eq!(ask(&admin, &[]), Ok(None));
        let user = ask(
            &admin,
            &[
                ("impersonate-group", "dev"),
                ("impersonate-user", "jane"),
                ("impersonate-uid", "7"),
                ("impersonate-extra-scopes", "a"),
                ("impersonate-extra-scopes", "b"),
            ],
        );
        let user = user.expect("allowed").expect("somebody");
        assert_eq!((user.name.as_str(), user.uid.as_str()), ("jane", "7"));
        assert_eq!(user.groups, ["dev", "system:authenticated"]);
        assert_eq!(user.extra["scopes"], ["a", "b"]);
        let account = ask(
            &admin,
            &[("impersonate-user", "system:serviceaccount:shop:web")],
        );
        assert_eq!(account.expect("allowed").expect("somebody").groups.len(), 3);
        let refused = ask(&admin, &[("impersonate-group", "dev")]);
        let want = "requested [{Group  dev    }] without impersonating a user";
        assert_eq!(refused, Err(want.to_owned()));
        let tom = User::impersonated("tom", Vec::new());
        let refused = ask(&tom, &[("impersonate-user", "jane")]);
        let want = "users \"jane\" is forbidden: User \"tom\" cannot impersonate resource \"users\" in API group \"\" at the cluster scope";
        assert_eq!(refused, Err(want.to_owned()));
    }
}
