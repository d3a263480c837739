//! `/healthz`, `/livez`, `/readyz`: whether the server works.
//!
//! Upstream: staging/src/k8s.io/apiserver/pkg/server/healthz/healthz.go, v1.36.

use super::{Answer, Content, Query};
use crate::apiserver::{ApiServer, Health};

/// The answer, where `path` asks for the server's health.
pub fn answer(api: &ApiServer, path: &str, query: &Query) -> Option<Answer> {
    let (check, part) = match path.trim_matches('/').split_once('/') {
        Some((check, part)) => (check, Some(part)),
        None => (path.trim_matches('/'), None),
    };
    if !matches!(check, "healthz" | "livez" | "readyz") {
        return None;
    }
    // A server whose store is down lives, but it is not ready.
    let store = api.health() == Health::Serving;
    let parts = [("ping", true), ("log", true), ("etcd", store)];
    if let Some(part) = part {
        let (_, well) = parts.iter().find(|(name, _)| *name == part)?;
        let text = if *well {
            "ok"
        } else {
            "internal server error: etcd failed: reason withheld"
        };
        return Some(Answer::new(code(*well), Content::Text(text.to_owned())));
    }
    let excluded = query.get("exclude");
    let checked = parts.iter().filter(|(name, _)| *name != excluded);
    let well = checked.clone().all(|(_, well)| *well);
    if well && !query.is_set("verbose") {
        return Some(Answer::new(200, Content::Text("ok".to_owned())));
    }
    let mut text: String = checked
        .map(|(name, well)| match well {
            true => format!("[+]{name} ok\n"),
            false => format!("[-]{name} failed: reason withheld\n"),
        })
        .collect();
    let end = if well { "passed" } else { "failed" };
    text.push_str(&format!("{check} check {end}\n"));
    Some(Answer::new(code(well), Content::Text(text)))
}

const fn code(well: bool) -> u16 {
    if well { 200 } else { 500 }
}
