//! `--as`, `--as-group`, `--as-uid`: a command for somebody else.
//!
//! Upstream: staging/src/k8s.io/cli-runtime/pkg/genericclioptions/config_flags.go, v1.36. Kubectl
//! sends headers, and the API server judges every request by them; here each request is judged on
//! its way to the server. Changes are patches, as kubectl's are.

use super::failure::Failure;
use super::flags::Words;
use crate::api::{Kind, NamespacedName, Object, Status};
use crate::apiserver::access::{Access, Attributes, User};
use crate::apiserver::component::{Component, ROW};
use crate::apiserver::custom::Kinds;
use crate::apiserver::{ApiHandle, ExecCall, ExecProgress, LogOptions, Request, Response};
use crate::sim::SimTime;
use std::sync::Arc;

/// Whom the flags name, if anybody.
///
/// # Errors
/// Groups or a uid without a user.
pub fn user_of(words: &Words) -> Result<Option<Arc<User>>, Failure> {
    let (name, uid) = (words.text("as"), words.text("as-uid").unwrap_or_default());
    let groups = words.whole_texts("as-group");
    match name.filter(|name| !name.is_empty()) {
        Some(name) => {
            let groups = groups.iter().map(|group| (*group).to_owned()).collect();
            let mut user = User::impersonated(name, groups);
            user.uid = uid.to_owned();
            Ok(Some(Arc::new(user)))
        }
        None if groups.is_empty() && uid.is_empty() => Ok(None),
        None => Err(Failure::client(
            "requesting uid, groups or user-extra for kubarium without impersonating a user",
        )),
    }
}

/// An API server that is asked for somebody.
pub struct Impersonated<'a> {
    /// The server.
    pub api: &'a mut dyn ApiHandle,
    /// For whom.
    pub user: Arc<User>,
}

impl ApiHandle for Impersonated<'_> {
    fn handle(&mut self, request: Request, now: SimTime) -> Result<Response, Status> {
        let asked = Attributes::of_operation(&request.operation, request.via);
        self.api.access()?.check(&self.user, &asked)?;
        self.api.handle(request.made_for(Some(&self.user)), now)
    }

    fn warnings(&self, new: &Object, old: &Object) -> Vec<String> {
        self.api.warnings(new, old)
    }

    fn kinds(&self) -> Kinds<'_> {
        self.api.kinds()
    }

    fn request_token(
        &mut self,
        account: &NamespacedName,
        request: serde_json::Value,
        now: SimTime,
    ) -> Result<serde_json::Value, Status> {
        let kind = Kind::ServiceAccount;
        let mut asked = Attributes::of_kind("create", kind, &account.namespace, &account.name);
        asked.subresource = "token".to_owned();
        self.api.access()?.check(&self.user, &asked)?;
        self.api.request_token(account, request, now)
    }

    fn access(&self) -> Result<Access<'_>, Status> {
        self.api.access()
    }

    fn components(&self) -> Result<Vec<Component>, Status> {
        let asked = Attributes {
            verb: "list".to_owned(),
            resource: ROW.plural.to_owned(),
            ..Attributes::default()
        };
        self.api.access()?.check(&self.user, &asked)?;
        self.api.components()
    }

    fn pod_log(
        &mut self,
        pod: &NamespacedName,
        options: &LogOptions,
        now: SimTime,
    ) -> Result<String, Status> {
        let mut asked = Attributes::of_kind("get", Kind::Pod, &pod.namespace, &pod.name);
        asked.subresource = "log".to_owned();
        self.api.access()?.check(&self.user, &asked)?;
        self.api.pod_log(pod, options, now)
    }

    fn pod_exec(
        &mut self,
        pod: &NamespacedName,
        call: &ExecCall,
        now: SimTime,
    ) -> Result<ExecProgress, Status> {
        // A client that speaks WebSocket sends a GET, and since v1.35 has to be allowed to create.
        let mut asked = Attributes::of_kind("create", Kind::Pod, &pod.namespace, &pod.name);
        asked.subresource = "exec".to_owned();
        self.api.access()?.check(&self.user, &asked)?;
        self.api.pod_exec(pod, call, now)
    }
}
