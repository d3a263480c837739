//! ConfigMap, Secret and ServiceAccount.
//!
//! Upstream: pkg/apis/core/v1/{defaults,conversion}.go, pkg/apis/core/validation/validation.go,
//! pkg/registry/core/{configmap,secret,serviceaccount}/strategy.go, v1.36.

use super::Strategy;
use super::pod::default::set;
use super::rules::name::{NameRule, config_key};
use super::rules::{Errors, immutable, meta, refuse, text};
use crate::api::Status;
use crate::api::field::{FieldError, Path};
use crate::apiserver::ApiServerConfig;
use crate::etcd::Etcd;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, ObjectReference, Secret, ServiceAccount};

const SIZE_MAX: u64 = 1_024 * 1_024;
const IMMUTABLE: &str = "field is immutable when `immutable` is set";
const ACCOUNT: &str = "kubernetes.io/service-account.name";

impl Strategy for ConfigMap {
    fn validate(&self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        meta::object_meta(&self.metadata, true, NameRule::Subdomain, &mut errors);
        let mut size = 0;
        let binary = self.binary_data.as_ref();
        let (data, binary_data) = (Path::new("data"), Path::new("binaryData"));
        for (key, value) in self.data.iter().flatten() {
            let at = data.key(key);
            refuse(config_key(key), key, &at, &mut errors);
            if binary.is_some_and(|binary| binary.contains_key(key)) {
                let detail = "duplicate of key present in binaryData";
                errors.push(FieldError::invalid(&at, key, detail));
            }
            size += value.len() as u64;
        }
        for (key, value) in binary.into_iter().flatten() {
            refuse(config_key(key), key, &binary_data.key(key), &mut errors);
            size += value.0.len() as u64;
        }
        if size > SIZE_MAX {
            errors.push(FieldError::too_long(&Path::new(""), SIZE_MAX));
        }
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        if old.immutable == Some(true) {
            for (field, changed) in [
                ("immutable", self.immutable != Some(true)),
                ("data", self.data != old.data),
                ("binaryData", self.binary_data != old.binary_data),
            ] {
                if changed {
                    errors.push(FieldError::forbidden(&Path::new(field), IMMUTABLE));
                }
            }
        }
        errors.extend(self.validate());
        errors
    }
}

impl Strategy for Secret {
    fn default(&mut self) {
        set(&mut self.type_, "Opaque");
        if let Some(texts) = self.string_data.take() {
            let data = self.data.get_or_insert_default();
            data.extend(
                texts
                    .into_iter()
                    .map(|(key, text)| (key, ByteString(text.into_bytes()))),
            );
        }
    }

    fn validate(&self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        meta::object_meta(&self.metadata, true, NameRule::Subdomain, &mut errors);
        let (data, mut size) = (Path::new("data"), 0);
        for (key, value) in self.data.iter().flatten() {
            refuse(config_key(key), key, &data.key(key), &mut errors);
            size += value.0.len() as u64;
        }
        if size > SIZE_MAX {
            errors.push(FieldError::too_long(&data, SIZE_MAX));
        }
        secret_type(self, &mut errors);
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        immutable(&self.type_, &old.type_, &Path::new("type"), &mut errors);
        if old.immutable == Some(true) {
            for (field, changed) in [
                ("immutable", self.immutable != Some(true)),
                ("data", self.data != old.data),
            ] {
                if changed {
                    errors.push(FieldError::forbidden(&Path::new(field), IMMUTABLE));
                }
            }
        }
        errors.extend(self.validate());
        errors
    }
}

/// What a Secret of its type must hold.
fn secret_type(secret: &Secret, errors: &mut Errors) {
    let at = Path::new("data");
    let value = |key: &str| secret.data.as_ref().and_then(|data| data.get(key));
    let missing = |key: &str, errors: &mut Errors| {
        if value(key).is_none() {
            errors.push(FieldError::required(&at.key(key), ""));
        }
    };
    match text(secret.type_.as_ref()) {
        "kubernetes.io/service-account-token" => {
            let annotations = secret.metadata.annotations.as_ref();
            if text(annotations.and_then(|all| all.get(ACCOUNT))).is_empty() {
                let metadata = Path::new("metadata");
                let at = metadata.child("annotations");
                errors.push(FieldError::required(&at.key(ACCOUNT), ""));
            }
        }
        "kubernetes.io/dockercfg" => docker(".dockercfg", value(".dockercfg"), errors),
        "kubernetes.io/dockerconfigjson" => {
            docker(".dockerconfigjson", value(".dockerconfigjson"), errors);
        }
        "kubernetes.io/basic-auth"
            if value("username").is_none() && value("password").is_none() =>
        {
            missing("username", errors);
            missing("password", errors);
        }
        "kubernetes.io/ssh-auth" if value("ssh-privatekey").is_none_or(|key| key.0.is_empty()) => {
            errors.push(FieldError::required(&at.key("ssh-privatekey"), ""));
        }
        "kubernetes.io/tls" => {
            missing("tls.crt", errors);
            missing("tls.key", errors);
        }
        _ => {}
    }
}

fn docker(key: &str, value: Option<&ByteString>, errors: &mut Errors) {
    let data = Path::new("data");
    let at = data.key(key);
    let Some(value) = value else {
        errors.push(FieldError::required(&at, ""));
        return;
    };
    let parsed: Result<serde_json::Value, _> = serde_json::from_slice(&value.0);
    let why = match parsed {
        Ok(serde_json::Value::Object(_) | serde_json::Value::Null) => return,
        Ok(other) => {
            let word = match other {
                serde_json::Value::Bool(_) => "bool",
                serde_json::Value::Number(_) => "number",
                serde_json::Value::String(_) => "string",
                _ => "array",
            };
            format!("json: cannot unmarshal {word} into Go value of type map[string]interface {{}}")
        }
        Err(_) => json_error(&value.0),
    };
    errors.push(FieldError::invalid(&at, "<secret contents redacted>", why));
}

/// Why bytes are no JSON, as Go's decoder says it of the first character; other places are worded
/// alike.
fn json_error(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let first = text.trim_start().chars().next();
    match first {
        Some(c) if !"{[\"-0123456789tfn".contains(c) => {
            format!("invalid character {c:?} looking for beginning of value")
        }
        _ => "unexpected end of JSON input".to_owned(),
    }
}

impl Strategy for ServiceAccount {
    fn prepare_for_create(&mut self, _: &ApiServerConfig, _: &Etcd) -> Result<(), Status> {
        only_names(self);
        Ok(())
    }

    fn prepare_for_update(
        &mut self,
        _: &Self,
        _: &ApiServerConfig,
        _: &Etcd,
    ) -> Result<(), Status> {
        only_names(self);
        Ok(())
    }

    fn validate(&self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        meta::object_meta(&self.metadata, true, NameRule::Subdomain, &mut errors);
        errors
    }
}

/// An account refers to its Secrets by name alone.
fn only_names(account: &mut ServiceAccount) {
    for secret in account.secrets.iter_mut().flatten() {
        *secret = ObjectReference {
            name: secret.name.take(),
            ..ObjectReference::default()
        };
    }
}
