//! StatefulSet. As upstream, the Pods' spec is checked only when a Pod is made of it: volumes of
//! the claim templates are not known before.
//!
//! Upstream: pkg/apis/apps/v1/defaults.go, pkg/apis/apps/validation/validation.go,
//! pkg/registry/apps/statefulset/strategy.go, v1.36.

use super::super::pod::{default as pod_default, spec as pod_spec};
use super::super::rules::name::NameRule;
use super::super::rules::{Errors, meta, number, one_of, shown, text};
use super::super::{Strategy, storage::claim};
use super::{counts, generation};
use crate::api::Status;
use crate::api::field::{FieldError, Path};
use crate::apiserver::ApiServerConfig;
use crate::etcd::Etcd;
use k8s_openapi::api::apps::v1::{
    RollingUpdateStatefulSetStrategy, StatefulSet, StatefulSetSpec, StatefulSetStatus,
    StatefulSetUpdateStrategy,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

impl Strategy for StatefulSet {
    fn default(&mut self) {
        let spec = self.spec.get_or_insert_default();
        pod_default::set(&mut spec.pod_management_policy, "OrderedReady");
        let strategy = spec.update_strategy.get_or_insert_default();
        if text(strategy.type_.as_ref()).is_empty() {
            strategy.type_ = Some("RollingUpdate".to_owned());
            strategy.rolling_update.get_or_insert_default();
        }
        if strategy.type_.as_deref() == Some("RollingUpdate")
            && let Some(rolling) = strategy.rolling_update.as_mut()
        {
            rolling.partition.get_or_insert(0);
            rolling.max_unavailable.get_or_insert(IntOrString::Int(1));
        }
        let retention = spec
            .persistent_volume_claim_retention_policy
            .get_or_insert_default();
        pod_default::set(&mut retention.when_deleted, "Retain");
        pod_default::set(&mut retention.when_scaled, "Retain");
        spec.replicas.get_or_insert(1);
        spec.revision_history_limit.get_or_insert(10);
        pod_default::template(&mut spec.template);
        for template in spec.volume_claim_templates.iter_mut().flatten() {
            claim::default(template);
        }
    }

    fn prepare_for_create(&mut self, _: &ApiServerConfig, _: &Etcd) -> Result<(), Status> {
        self.status = Some(StatefulSetStatus {
            available_replicas: Some(0),
            ..StatefulSetStatus::default()
        });
        self.metadata.generation = Some(1);
        Ok(())
    }

    fn prepare_for_update(
        &mut self,
        old: &Self,
        _: &ApiServerConfig,
        _: &Etcd,
    ) -> Result<(), Status> {
        self.status.clone_from(&old.status);
        let changed = self.spec != old.spec;
        self.metadata.generation = generation(old.metadata.generation, changed);
        Ok(())
    }

    fn prepare_for_status_update(&mut self, old: &Self) {
        self.spec.clone_from(&old.spec);
        self.metadata.clone_from(&old.metadata);
    }

    fn validate(&self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        meta::object_meta(&self.metadata, true, NameRule::Label, &mut errors);
        if let Some(spec) = &self.spec {
            stateful_set_spec(spec, &Path::new("spec"), &mut errors);
        }
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        let at = Path::new("spec");
        let (Some(new), Some(old)) = (&self.spec, &old.spec) else {
            return errors;
        };
        stateful_set_spec(new, &at, &mut errors);
        let mut adjusted = new.clone();
        adjusted.replicas = old.replicas;
        adjusted.template.clone_from(&old.template);
        adjusted.update_strategy.clone_from(&old.update_strategy);
        adjusted.min_ready_seconds = old.min_ready_seconds;
        adjusted.ordinals.clone_from(&old.ordinals);
        adjusted.revision_history_limit = old.revision_history_limit;
        let retention = &old.persistent_volume_claim_retention_policy;
        let of_new = &mut adjusted.persistent_volume_claim_retention_policy;
        of_new.clone_from(retention);
        if adjusted != *old {
            let detail = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
            errors.push(FieldError::forbidden(&at, detail));
        }
        errors
    }
}

fn stateful_set_spec(spec: &StatefulSetSpec, at: &Path<'_>, errors: &mut Errors) {
    let of_policy = at.child("podManagementPolicy");
    match text(spec.pod_management_policy.as_ref()) {
        "" => errors.push(FieldError::required(&of_policy, "")),
        "OrderedReady" | "Parallel" => {}
        other => {
            let detail = "must be 'OrderedReady' or 'Parallel'";
            errors.push(FieldError::invalid(&of_policy, other, detail));
        }
    }
    let strategy = spec.update_strategy.clone().unwrap_or_default();
    update_strategy(&strategy, &at.child("updateStrategy"), errors);
    if let Some(retention) = &spec.persistent_volume_claim_retention_policy {
        let at = at.child("persistentVolumeClaimRetentionPolicy");
        for (field, policy) in [
            ("whenDeleted", &retention.when_deleted),
            ("whenScaled", &retention.when_scaled),
        ] {
            let policy = text(policy.as_ref());
            one_of(policy, &["Retain", "Delete"], &at.child(field), errors);
        }
    }
    let fields = [
        ("replicas", spec.replicas),
        ("minReadySeconds", spec.min_ready_seconds),
        (
            "ordinals.start",
            spec.ordinals.as_ref().and_then(|o| o.start),
        ),
        ("revisionHistoryLimit", spec.revision_history_limit),
    ];
    counts(&fields, at, errors);
    super::selector(&spec.selector, "statefulset", &at.child("selector"), errors);
    let at = at.child("template");
    super::template_labels(&spec.selector, &spec.template, &at, errors);
    pod_spec::template_metadata(&spec.template, &at, errors);
    super::lasting(&spec.template, "StatefulSet", &at, errors);
}

fn update_strategy(strategy: &StatefulSetUpdateStrategy, at: &Path<'_>, errors: &mut Errors) {
    let of_rolling = at.child("rollingUpdate");
    match (text(strategy.type_.as_ref()), &strategy.rolling_update) {
        ("", _) => errors.push(FieldError::required(at, "")),
        ("OnDelete", Some(rolling)) => {
            let detail = "only allowed for updateStrategy 'RollingUpdate'";
            errors.push(FieldError::invalid_value(
                &of_rolling,
                shown(rolling),
                detail,
            ));
        }
        ("RollingUpdate", Some(rolling)) => rolling_update(rolling, &of_rolling, errors),
        ("OnDelete" | "RollingUpdate", None) => {}
        (kind, rolling) => {
            let detail = "must be 'RollingUpdate' or 'OnDelete'";
            let value = super::strategy_shown(kind, rolling.as_ref());
            errors.push(FieldError::invalid_value(at, value, detail));
        }
    }
}

fn rolling_update(rolling: &RollingUpdateStatefulSetStrategy, at: &Path<'_>, errors: &mut Errors) {
    number::non_negative(rolling.partition, &at.child("partition"), errors);
    if let Some(unavailable) = &rolling.max_unavailable {
        let at = at.child("maxUnavailable");
        number::int_or_percent(unavailable, &at, errors);
        if number::is_none(unavailable) {
            let value = number::shown(unavailable);
            errors.push(FieldError::invalid_value(&at, value, "cannot be 0"));
        }
        number::at_most_all(unavailable, &at, errors);
    }
}
