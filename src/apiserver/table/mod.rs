//! Server-side printing: objects as the rows of a table, one file per kind.
//!
//! Upstream: pkg/printers/internalversion/printers.go and
//! staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/types.go (Table), v1.36. A new kind is a file
//! here and a row of the list below. Left out: the columns' descriptions, which no client shows.

mod autoscaler;
mod config_map;
mod controller_revision;
mod cron_job;
mod custom;
mod daemon_set;
mod deployment;
mod disruption_budget;
mod endpoint_slice;
mod endpoints;
mod event;
mod format;
mod ingress;
mod ingress_class;
mod job;
mod lease;
mod namespace;
mod network_policy;
mod node;
mod persistent_volume;
mod persistent_volume_claim;
mod plain;
mod pod;
mod pod_template;
mod priority_class;
mod replica_set;
mod replication_controller;
mod resource_quota;
mod role_binding;
mod runtime_class;
mod secret;
mod service;
mod service_account;
mod stateful_set;
mod storage_class;

pub use format::{
    age, age_micro, containers_and_images, event_source, format_labels, format_selector,
    human_duration, node_roles, since,
};

use crate::api::{Kind, Object};
use crate::sim::SimTime;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;
use serde_json::{Value, json};

/// What a table says of one of its columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Column {
    /// The heading; kubectl prints it in capitals.
    pub name: &'static str,
    /// The type of the cells, as OpenAPI names it.
    #[serde(rename = "type")]
    pub type_: &'static str,
    /// A hint at what the cells are: `name`, or nothing.
    pub format: &'static str,
    /// Empty: see the head of this module.
    pub description: &'static str,
    /// 0: always shown; more: only where there is room (`-o wide`).
    pub priority: u8,
}

impl Column {
    const fn new(name: &'static str, type_: &'static str, format: &'static str) -> Self {
        Self {
            name,
            type_,
            format,
            description: "",
            priority: 0,
        }
    }

    const fn name() -> Self {
        Self::new("Name", "string", "name")
    }

    const fn text(name: &'static str) -> Self {
        Self::new(name, "string", "")
    }

    const fn number(name: &'static str) -> Self {
        Self::new(name, "integer", "")
    }

    const fn truth(name: &'static str) -> Self {
        Self::new(name, "boolean", "")
    }

    const fn wide(mut self) -> Self {
        self.priority = 1;
        self
    }
}

/// One cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Cell {
    /// A text.
    Text(String),
    /// A whole number.
    Number(i64),
    /// Yes or no.
    Truth(bool),
    /// Any other number, or nothing.
    Json(Value),
}

impl Cell {
    fn text(text: impl Into<String>) -> Self {
        Cell::Text(text.into())
    }

    fn number(number: impl Into<i64>) -> Self {
        Cell::Number(number.into())
    }

    fn count(number: usize) -> Self {
        Cell::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl std::fmt::Display for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Cell::Text(text) => f.write_str(text),
            Cell::Number(number) => write!(f, "{number}"),
            Cell::Truth(truth) => write!(f, "{truth}"),
            Cell::Json(Value::Null) => Ok(()),
            Cell::Json(value) => write!(f, "{value}"),
        }
    }
}

/// How old an object is.
fn age_of(metadata: &ObjectMeta, now: SimTime) -> Cell {
    Cell::Text(format::age(metadata.creation_timestamp.as_ref(), now))
}

/// A list of kinds, each with the file that prints it.
macro_rules! tables {
    ($($kind:ident $module:ident;)*) => {
        /// The columns of a kind's table.
        pub fn columns(kind: Kind) -> Vec<Column> {
            let columns: &[Column] = match kind {
                $(Kind::$kind => $module::COLUMNS,)*
                Kind::Custom(kind) => return custom::columns(kind),
            };
            columns.to_vec()
        }

        /// The cells of an object's row, one for each column.
        pub fn cells(object: &Object, now: SimTime) -> Vec<Cell> {
            match object {
                $(Object::$kind(inner) => $module::cells(inner, now),)*
                Object::Custom(kind, inner) => custom::cells(*kind, inner, now),
            }
        }
    };
}

tables! {
    Namespace namespace;
    Node node;
    Lease lease;
    Pod pod;
    ReplicaSet replica_set;
    Deployment deployment;
    Service service;
    Endpoints endpoints;
    EndpointSlice endpoint_slice;
    ConfigMap config_map;
    Event event;
    Secret secret;
    ServiceAccount service_account;
    ReplicationController replication_controller;
    StatefulSet stateful_set;
    DaemonSet daemon_set;
    ControllerRevision controller_revision;
    Job job;
    CronJob cron_job;
    PersistentVolume persistent_volume;
    PersistentVolumeClaim persistent_volume_claim;
    StorageClass storage_class;
    Ingress ingress;
    IngressClass ingress_class;
    NetworkPolicy network_policy;
    ResourceQuota resource_quota;
    LimitRange plain;
    PodDisruptionBudget disruption_budget;
    HorizontalPodAutoscaler autoscaler;
    PriorityClass priority_class;
    RuntimeClass runtime_class;
    PodTemplate pod_template;
    Role plain;
    ClusterRole plain;
    RoleBinding role_binding;
    ClusterRoleBinding role_binding;
    CustomResourceDefinition plain;
}

/// The objects of one kind as a `meta.k8s.io/v1` `Table`, as the HTTP API answers where a client
/// asks for one. Of each object its metadata goes along.
pub fn table(kind: Kind, items: &[Object], revision: u64, now: SimTime) -> Value {
    let rows: Vec<Value> = items.iter().map(|item| row(item, now)).collect();
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": revision.to_string()},
        "columnDefinitions": columns(kind),
        "rows": rows,
    })
}

fn row(object: &Object, now: SimTime) -> Value {
    let mut row = json!({
        "cells": cells(object, now),
        "object": {
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": object.meta(),
        },
    });
    if let Object::Pod(pod) = object
        && let Some(condition) = pod::completed(pod)
    {
        row["conditions"] = json!([condition]);
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::codec;

    /// An object of `kind` with nothing but a name.
    fn bare(kind: Kind) -> Object {
        let json = match kind {
            Kind::EndpointSlice => {
                json!({"metadata": {"name": "x"}, "addressType": "IPv4", "endpoints": []})
            }
            Kind::Event => json!({"metadata": {"name": "x"}, "involvedObject": {}}),
            _ => json!({"metadata": {"name": "x"}}),
        };
        Object::from_json(kind, json).expect("a bare object decodes")
    }

    #[test]
    fn every_kind_has_a_cell_for_each_of_its_columns() {
        for kind in Kind::ALL.iter().copied() {
            let cells = cells(&bare(kind), SimTime::from_secs(5));
            assert_eq!(cells.len(), columns(kind).len(), "{kind}");
            let has_name = columns(kind).iter().any(|column| column.format == "name");
            assert!(has_name || kind == Kind::Event, "{kind}");
        }
    }

    #[test]
    fn a_table_is_what_a_client_reads() {
        let pod = Object::from_json(
            Kind::Pod,
            json!({"metadata": {"name": "x"}, "status": {"phase": "Succeeded"}}),
        );
        let table = table(
            Kind::Pod,
            &[pod.expect("it decodes")],
            7,
            SimTime::default(),
        );
        assert_eq!(table["columnDefinitions"][0]["format"], "name");
        assert_eq!(table["columnDefinitions"][5]["priority"], 1);
        assert_eq!(table["rows"][0]["cells"][0], "x");
        assert_eq!(table["rows"][0]["conditions"][0]["type"], "Completed");
        assert!(codec::to_json(&table).contains("PartialObjectMetadata"));
    }
}
