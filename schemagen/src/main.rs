//! Writes `static/schema.txt`, the fields of every kind that Kubarium decodes, and
//! `static/openapi.json`, their schemas with descriptions, which only `kubarium serve` holds.
//!
//! `cargo run -p schemagen` writes the files, `cargo run -p schemagen -- --check` (and this
//! package's test) fails when one is not current. A new kind is one line in [`roots`].

mod go_types;
mod openapi;
mod table;

use k8s_openapi::api;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1 as apiextensions;
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;
use k8s_openapi::schemars::{JsonSchema, SchemaGenerator};
use serde_json::Value;
use std::collections::BTreeMap;

/// Where the files live, from this package's folder.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../static");

struct Collector {
    generator: SchemaGenerator,
    roots: Vec<String>,
}

impl Collector {
    fn add<T: JsonSchema>(&mut self) {
        let _ = self.generator.subschema_for::<T>();
        self.roots.push(T::schema_name().into_owned());
    }
}

/// Every type that a request body or a manifest can be.
fn roots(all: &mut Collector) {
    all.add::<apiextensions::CustomResourceDefinition>();
    all.add::<api::core::v1::Namespace>();
    all.add::<api::core::v1::Node>();
    all.add::<api::core::v1::Pod>();
    all.add::<api::core::v1::Service>();
    all.add::<api::core::v1::Endpoints>();
    all.add::<api::core::v1::ComponentStatus>();
    all.add::<api::core::v1::ConfigMap>();
    all.add::<api::core::v1::Event>();
    all.add::<api::core::v1::Binding>();
    all.add::<api::core::v1::Secret>();
    all.add::<api::core::v1::ServiceAccount>();
    all.add::<api::core::v1::ReplicationController>();
    all.add::<api::core::v1::PersistentVolume>();
    all.add::<api::core::v1::PersistentVolumeClaim>();
    all.add::<api::core::v1::ResourceQuota>();
    all.add::<api::core::v1::LimitRange>();
    all.add::<api::core::v1::PodTemplate>();
    all.add::<api::apps::v1::ReplicaSet>();
    all.add::<api::apps::v1::Deployment>();
    all.add::<api::apps::v1::StatefulSet>();
    all.add::<api::apps::v1::DaemonSet>();
    all.add::<api::apps::v1::ControllerRevision>();
    all.add::<api::authentication::v1::SelfSubjectReview>();
    all.add::<api::authentication::v1::TokenRequest>();
    all.add::<api::authentication::v1::TokenReview>();
    all.add::<api::authorization::v1::LocalSubjectAccessReview>();
    all.add::<api::authorization::v1::SelfSubjectAccessReview>();
    all.add::<api::authorization::v1::SelfSubjectRulesReview>();
    all.add::<api::authorization::v1::SubjectAccessReview>();
    all.add::<api::autoscaling::v1::HorizontalPodAutoscaler>();
    all.add::<api::autoscaling::v1::Scale>();
    all.add::<api::autoscaling::v2::HorizontalPodAutoscaler>();
    all.add::<api::batch::v1::Job>();
    all.add::<api::batch::v1::CronJob>();
    all.add::<api::coordination::v1::Lease>();
    all.add::<api::discovery::v1::EndpointSlice>();
    all.add::<api::events::v1::Event>();
    all.add::<api::networking::v1::Ingress>();
    all.add::<api::networking::v1::IngressClass>();
    all.add::<api::networking::v1::NetworkPolicy>();
    all.add::<api::node::v1::RuntimeClass>();
    all.add::<api::policy::v1::PodDisruptionBudget>();
    all.add::<api::rbac::v1::Role>();
    all.add::<api::rbac::v1::ClusterRole>();
    all.add::<api::rbac::v1::RoleBinding>();
    all.add::<api::rbac::v1::ClusterRoleBinding>();
    all.add::<api::scheduling::v1::PriorityClass>();
    all.add::<api::storage::v1::StorageClass>();
    all.add::<meta::DeleteOptions>();
}

/// The files: names and texts.
fn generate() -> [(&'static str, String); 2] {
    let mut all = Collector {
        generator: SchemaGenerator::default(),
        roots: Vec::new(),
    };
    roots(&mut all);
    let definitions: BTreeMap<String, Value> =
        all.generator.take_definitions(true).into_iter().collect();
    [
        ("schema.txt", table::render(&all.roots, &definitions)),
        ("openapi.json", openapi::render(definitions)),
    ]
}

fn main() -> std::process::ExitCode {
    let check = std::env::args().any(|argument| argument == "--check");
    for (name, wanted) in generate() {
        let path = format!("{FOLDER}/{name}");
        if check {
            if std::fs::read_to_string(&path).unwrap_or_default() != wanted {
                eprintln!("static/{name} is not current: run `cargo run -p schemagen`");
                return std::process::ExitCode::FAILURE;
            }
        } else if let Err(error) = std::fs::write(&path, wanted) {
            eprintln!("cannot write static/{name}: {error}");
            return std::process::ExitCode::FAILURE;
        }
    }
    std::process::ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_files_are_current() {
        for (name, wanted) in super::generate() {
            let path = format!("{}/{name}", super::FOLDER);
            let committed = std::fs::read_to_string(path).unwrap();
            assert!(
                committed == wanted,
                "static/{name} is not current: run `cargo run -p schemagen`"
            );
        }
    }

    #[test]
    fn every_override_names_a_field_of_the_table() {
        let [(_, table), _] = super::generate();
        let stale = super::go_types::unused(&table);
        assert!(stale.is_empty(), "no such field: {stale:?}");
    }
}
