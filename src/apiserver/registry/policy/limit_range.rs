//! LimitRange.
//!
//! Upstream: pkg/apis/core/v1/defaults.go, pkg/apis/core/validation/validation.go,
//! pkg/registry/core/limitrange/strategy.go, v1.36.

use super::super::Strategy;
use super::super::rules::name::{NameRule, qualified_name};
use super::super::rules::resource::{self, Amounts};
use super::super::rules::{Errors, meta, refuse};
use crate::api::field::{FieldError, Path};
use crate::api::quantity;
use crate::sim::SortedSet;
use k8s_openapi::api::core::v1::{LimitRange, LimitRangeItem};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

impl Strategy for LimitRange {
    fn default(&mut self) {
        let spec = self.spec.get_or_insert_default();
        for item in &mut spec.limits {
            default_item(item);
        }
    }

    fn validate(&self) -> Vec<FieldError> {
        let mut errors = Errors::new();
        meta::object_meta(&self.metadata, true, NameRule::Subdomain, &mut errors);
        let items = self.spec.as_ref().map_or(&[][..], |spec| &spec.limits);
        let spec = Path::new("spec");
        let list = spec.child("limits");
        let mut types = SortedSet::new();
        for (index, item) in items.iter().enumerate() {
            let at = list.index(index);
            let of_type = at.child("type");
            limit_type(&item.type_, &of_type, &mut errors);
            if !types.insert(item.type_.as_str()) {
                errors.push(FieldError::duplicate(&of_type, &item.type_));
            }
            limit_item(item, &at, &mut errors);
        }
        errors
    }
}

/// A container's limit defaults to the most it may have, its request to its limit or the least.
fn default_item(item: &mut LimitRangeItem) {
    for amounts in [
        &mut item.max,
        &mut item.min,
        &mut item.default,
        &mut item.default_request,
        &mut item.max_limit_request_ratio,
    ] {
        resource::round(amounts.as_mut());
    }
    if item.type_ != "Container" {
        return;
    }
    fn add(to: &mut Amounts, from: Option<&Amounts>) {
        for (name, amount) in from.into_iter().flatten() {
            to.entry(name.clone()).or_insert_with(|| amount.clone());
        }
    }
    let limits = item.default.get_or_insert_default();
    add(limits, item.max.as_ref());
    let requests = item.default_request.get_or_insert_default();
    add(requests, item.default.as_ref());
    add(requests, item.min.as_ref());
    item.default.take_if(|amounts| amounts.is_empty());
    item.default_request.take_if(|amounts| amounts.is_empty());
}

fn limit_type(kind: &str, at: &Path<'_>, errors: &mut Errors) {
    let before = errors.len();
    refuse(qualified_name(kind), kind, at, errors);
    let standard = matches!(kind, "Pod" | "Container" | "PersistentVolumeClaim");
    if errors.len() == before && !kind.contains('/') && !standard {
        let detail = "must be a standard limit type or fully qualified";
        errors.push(FieldError::invalid(at, kind, detail));
    }
}

fn names(kind: &str, amounts: Option<&Amounts>, at: &Path<'_>, errors: &mut Errors) {
    for name in amounts.into_iter().flatten().map(|(name, _)| name) {
        let at = at.key(name);
        match kind {
            "Pod" | "Container" => resource::container_resource_name(name, &at, errors),
            _ => {
                resource::resource_name(name, &at, errors);
            }
        }
    }
}

fn limit_item(item: &LimitRangeItem, at: &Path<'_>, errors: &mut Errors) {
    let kind = item.type_.as_str();
    names(kind, item.max.as_ref(), &at.child("max"), errors);
    names(kind, item.min.as_ref(), &at.child("min"), errors);
    for (field, amounts) in [
        ("default", &item.default),
        ("defaultRequest", &item.default_request),
    ] {
        let at = at.child(field);
        let given = amounts.as_ref().is_some_and(|amounts| !amounts.is_empty());
        if kind != "Pod" {
            names(kind, amounts.as_ref(), &at, errors);
        } else if given {
            let detail = "may not be specified when `type` is 'Pod'";
            errors.push(FieldError::forbidden(&at, detail));
        }
    }
    let storage = |amounts: &Option<Amounts>| {
        amounts
            .as_ref()
            .is_some_and(|amounts| amounts.contains_key("storage"))
    };
    if kind == "PersistentVolumeClaim" && !storage(&item.min) && !storage(&item.max) {
        let detail =
            "either minimum or maximum storage value is required, but neither was provided";
        errors.push(FieldError::required(&at.child("limits"), detail));
    }
    let of_ratio = at.child("maxLimitRequestRatio");
    names(
        kind,
        item.max_limit_request_ratio.as_ref(),
        &of_ratio,
        errors,
    );
    let all = [
        &item.max,
        &item.min,
        &item.default,
        &item.default_request,
        &item.max_limit_request_ratio,
    ];
    let keys = SortedSet::from_iter(all.into_iter().flatten().flat_map(Amounts::keys));
    for name in keys {
        one_resource(item, name, at, errors);
    }
}

/// The amounts that an item gives for one resource.
struct Given<'a> {
    min: Option<&'a Quantity>,
    max: Option<&'a Quantity>,
    default: Option<&'a Quantity>,
    request: Option<&'a Quantity>,
    ratio: Option<&'a Quantity>,
}

fn one_resource(item: &LimitRangeItem, name: &str, at: &Path<'_>, errors: &mut Errors) {
    fn of<'a>(amounts: &'a Option<Amounts>, name: &str) -> Option<&'a Quantity> {
        amounts.as_ref()?.get(name)
    }
    let is_pod = item.type_ == "Pod";
    let given = Given {
        min: of(&item.min, name),
        max: of(&item.max, name),
        default: of(&item.default, name).filter(|_| !is_pod),
        request: of(&item.default_request, name).filter(|_| !is_pod),
        ratio: of(&item.max_limit_request_ratio, name),
    };
    let mut above = |low: Option<&Quantity>,
                     high: Option<&Quantity>,
                     (field, shown): (&str, Option<&Quantity>),
                     (low_name, high_name): (&str, &str)| {
        if let (Some(low), Some(high), Some(shown)) = (low, high, shown)
            && quantity::compare(low, high).is_gt()
        {
            let detail = format!(
                "{low_name} value {} is greater than {high_name} value {}",
                low.0, high.0
            );
            let at = at.child(field);
            errors.push(FieldError::invalid(&at.key(name), &shown.0, detail));
        }
    };
    let (min, max, default, request) = (given.min, given.max, given.default, given.request);
    above(min, max, ("min", min), ("min", "max"));
    above(
        min,
        request,
        ("defaultRequest", request),
        ("min", "default request"),
    );
    above(
        request,
        max,
        ("defaultRequest", request),
        ("default request", "max"),
    );
    above(
        request,
        default,
        ("defaultRequest", request),
        ("default request", "default limit"),
    );
    above(min, default, ("default", min), ("min", "default"));
    above(default, max, ("default", max), ("default", "max"));
    ratio(&given, name, at, errors);
    if let (Some(default), Some(request)) = (default, request)
        && !resource::allows_overcommit(name)
        && quantity::compare(default, request).is_ne()
    {
        let detail = format!(
            "default value {} must equal to defaultRequest value {} in {name}",
            default.0, request.0
        );
        let at = at.child("defaultRequest");
        errors.push(FieldError::invalid(&at.key(name), &request.0, detail));
    }
}

fn ratio(given: &Given<'_>, name: &str, at: &Path<'_>, errors: &mut Errors) {
    let Some(ratio) = given.ratio else { return };
    let list = at.child("maxLimitRequestRatio");
    let at = list.key(name);
    let milli = i128::from(quantity::milli_value(ratio));
    if milli < 1_000 {
        let detail = format!("ratio {} is less than 1", ratio.0);
        errors.push(FieldError::invalid(&at, &ratio.0, detail));
    }
    let (Some(min), Some(max)) = (given.min, given.max) else {
        return;
    };
    let (min, max) = (
        i128::from(quantity::milli_value(min)),
        i128::from(quantity::milli_value(max)),
    );
    if min > 0 && milli * min > max * 1_000 {
        let millionths = max * 1_000_000 / min;
        let limit = format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000);
        let detail = format!("ratio {} is greater than max/min = {limit}", ratio.0);
        errors.push(FieldError::invalid(&at, &ratio.0, detail));
    }
}
