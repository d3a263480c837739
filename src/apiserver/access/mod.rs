//! Who may do what: users, roles and their bindings.
//!
//! Upstream: plugin/pkg/auth/authorizer/rbac/rbac.go and pkg/registry/rbac/validation/rule.go, v1.36.
//! [`Access`] answers from the stored roles and bindings, so the server remembers nothing that a
//! restart could lose. It is asked where a request comes in for somebody: an impersonated user, over
//! HTTP or in kubectl, and in reviews. The parts of the cluster and the person it belongs to are not
//! asked about: what the parts do, their roles allow (a test compares), and a check of each of their
//! writes would slow every rollout; the person is cluster-admin and cannot lock himself out.
//!
//! Left out: the Node authorizer (who impersonates a node has only what RBAC gives him) and
//! selectors as part of a decision.

mod escalation;
mod grants;
mod policy;
mod rule;
mod user;

pub use user::{User, account_name, account_of};

use crate::api::{Kind, Reason, Status};
use crate::apiserver::Operation;
use crate::etcd::Etcd;
use k8s_openapi::api::rbac::v1::PolicyRule;

/// What somebody wants to do, as roles speak of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// `get`, `list`, `create`, …
    pub verb: String,
    /// The API group; empty for the core group.
    pub group: String,
    /// The resource, plural; empty for a path that is none.
    pub resource: String,
    /// The subresource, where one is meant.
    pub subresource: String,
    /// The namespace; empty for the whole cluster.
    pub namespace: String,
    /// The object's name; empty for all of them.
    pub name: String,
    /// The path, where no resource is meant.
    pub path: String,
}

/// What came of a question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Whether it is allowed.
    pub allowed: bool,
    /// Why, where that is known.
    pub reason: String,
}

/// The stored roles and bindings.
#[derive(Clone, Copy, Debug)]
pub struct Access<'a> {
    etcd: &'a Etcd,
}

impl Attributes {
    /// `verb` on objects of `kind`.
    pub fn of_kind(verb: &str, kind: Kind, namespace: &str, name: &str) -> Self {
        let row = kind.row();
        // As in paths, a namespace is in itself.
        let namespace = if kind == Kind::Namespace {
            name
        } else {
            namespace
        };
        Self {
            verb: verb.to_owned(),
            group: row.group.to_owned(),
            resource: row.plural.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// What `operation` is to a client that changes objects by patches, as kubectl does. `via` is the
    /// subresource that is written through, where it is not the operation's own.
    pub fn of_operation(operation: &Operation, via: &str) -> Self {
        let of = |verb: &str, key: &crate::api::ObjectKey| {
            Self::of_kind(verb, key.kind, &key.namespace, &key.name)
        };
        let mut asked = match operation {
            Operation::Get(key) => of("get", key),
            Operation::List {
                kind, namespace, ..
            } => Self::of_kind("list", *kind, namespace.as_deref().unwrap_or_default(), ""),
            Operation::Create(object) => {
                let key = object.key();
                let namespace = match key.namespace.as_str() {
                    // Where the server puts it.
                    "" if key.kind.is_namespaced() => "default",
                    namespace => namespace,
                };
                Self::of_kind("create", key.kind, namespace, "")
            }
            Operation::Update(object) | Operation::UpdateStatus(object) => {
                of("patch", &object.key())
            }
            Operation::Apply(apply) => of("patch", &apply.key),
            Operation::Patch { key, .. } => of("patch", key),
            Operation::Delete { key, .. } => of("delete", key),
            Operation::Bind { pod, .. } | Operation::Evict { pod, .. } => {
                of("create", &pod.of(Kind::Pod))
            }
        };
        asked.subresource = match operation {
            Operation::UpdateStatus(_) => "status",
            Operation::Bind { .. } => "binding",
            Operation::Evict { .. } => "eviction",
            _ => via,
        }
        .to_owned();
        asked
    }

    /// Whether a resource is meant, not just a path.
    pub const fn is_resource(&self) -> bool {
        self.path.is_empty()
    }

    /// `pods/log`
    fn combined(&self) -> String {
        match self.subresource.as_str() {
            "" => self.resource.clone(),
            subresource => format!("{}/{subresource}", self.resource),
        }
    }

    /// The refusal of what `user` wants, with the reason that there is, if any.
    pub fn forbidden(&self, user: &User, reason: &str) -> Status {
        let Self { verb, path, .. } = self;
        let mut why = format!("User {:?} cannot {verb} ", user.name);
        if !self.is_resource() {
            why.push_str(&format!("path {path:?}"));
        } else {
            let (resource, group) = (self.combined(), &self.group);
            why.push_str(&format!("resource {resource:?} in API group {group:?} "));
            why.push_str(&match self.namespace.as_str() {
                "" => "at the cluster scope".to_owned(),
                namespace => format!("in the namespace {namespace:?}"),
            });
        }
        if !reason.is_empty() {
            why.push_str(&format!(": {reason}"));
        }
        let qualified = match self.group.as_str() {
            "" => self.resource.clone(),
            group => format!("{}.{group}", self.resource),
        };
        let message = match (qualified.as_str(), self.name.as_str()) {
            ("", _) => format!("forbidden: {why}"),
            (resource, "") => format!("{resource} is forbidden: {why}"),
            (resource, name) => format!("{resource} {name:?} is forbidden: {why}"),
        };
        let mut status = Status::plain(Reason::Forbidden, message);
        status.details = Some(crate::api::Details {
            name: self.name.clone(),
            group: self.group.clone(),
            kind: self.resource.clone(),
            causes: Vec::new(),
        });
        status
    }
}

impl<'a> Access<'a> {
    /// What the roles and bindings in `etcd` allow.
    pub const fn new(etcd: &'a Etcd) -> Self {
        Self { etcd }
    }

    /// Whether `user` may do what is asked.
    pub fn decide(&self, user: &User, asked: &Attributes) -> Decision {
        if user.is_in(user::MASTERS) {
            return Decision {
                allowed: true,
                reason: String::new(),
            };
        }
        let (grants, errors) = self.grants(user, &asked.namespace);
        for grant in &grants {
            if grant.rules.iter().any(|given| rule::allows(given, asked)) {
                return Decision {
                    allowed: true,
                    reason: format!("RBAC: allowed by {}", grant.source()),
                };
            }
        }
        let reason = match errors.as_slice() {
            [] => String::new(),
            [one] => format!("RBAC: {one}"),
            many => format!("RBAC: [{}]", many.join(", ")),
        };
        Decision {
            // Whose cluster it is is never refused.
            allowed: *user == User::admin(),
            reason,
        }
    }

    /// Refuses what `user` may not do.
    ///
    /// # Errors
    /// `Forbidden`, in the API server's words.
    pub fn check(&self, user: &User, asked: &Attributes) -> Result<(), Status> {
        let decision = self.decide(user, asked);
        match decision.allowed {
            true => Ok(()),
            false => Err(asked.forbidden(user, &decision.reason)),
        }
    }

    /// Every rule that applies to `user` in `namespace`, and what could not be resolved.
    pub fn rules(&self, user: &User, namespace: &str) -> (Vec<PolicyRule>, Vec<String>) {
        let (grants, errors) = self.grants(user, namespace);
        let rules = grants.iter().flat_map(|grant| grant.rules);
        (rules.cloned().collect(), errors)
    }
}

/// `rules` as they are listed: one for each resource or path, its verbs together.
pub fn shown_rules(rules: &[PolicyRule]) -> Vec<PolicyRule> {
    // Without any of one's own, all of them are missing.
    rule::compact(rule::missing(&[], rules))
}

#[cfg(test)]
mod tests;
