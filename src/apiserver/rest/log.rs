//! What a request for a container's log asks for.
//!
//! Upstream: pkg/registry/core/pod/strategy.go (LogLocation) and
//! pkg/apis/core/validation/validation.go (ValidatePodLogOptions), v1.36.

use super::Query;
use crate::api::field::{FieldError, Path};
use crate::api::meta::MetaExt;
use crate::api::{NamespacedName, Object, Status};
use crate::sim::{SimDuration, SimTime};
use k8s_openapi::api::core::v1::Pod;

/// A request for a container's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRequest {
    /// The Pod.
    pub pod: NamespacedName,
    /// The node it runs on; empty before it has one.
    pub node: String,
    /// The container.
    pub container: String,
    /// Go on with what comes.
    pub follow: bool,
    /// Of the container's life before this one.
    pub previous: bool,
    /// Each line begins with its time.
    pub timestamps: bool,
    /// Only the last so many lines.
    pub tail_lines: Option<u64>,
    /// Only lines from this moment on.
    pub since: Option<SimTime>,
    /// At most so many bytes.
    pub limit_bytes: Option<u64>,
}

impl LogRequest {
    /// Reads the options for a log of `pod`.
    ///
    /// # Errors
    /// `Invalid` or `BadRequest` in upstream's words.
    pub fn read(pod: &Object, query: &Query, now: SimTime) -> Result<Self, Status> {
        let natural = |name: &str, least: i64| match query.number(name)? {
            Some(number) if number < least => {
                let detail = match least {
                    0 => "must be greater than or equal to 0",
                    _ => "must be greater than 0",
                };
                let error = FieldError::invalid_value(&Path::new(name), number, detail);
                Err(Status::invalid_as(
                    "",
                    "PodLogOptions",
                    pod.name(),
                    &[error],
                ))
            }
            number => Ok(number.and_then(|n| u64::try_from(n).ok())),
        };
        let since = natural("sinceSeconds", 1)?.map(|seconds| {
            SimTime::from_micros(
                now.as_micros()
                    .saturating_sub(SimDuration::secs(seconds).as_micros()),
            )
        });
        let spec = pod.get::<Pod>().and_then(|pod| pod.spec.as_ref());
        Ok(Self {
            pod: pod.namespaced_name(),
            node: spec
                .and_then(|spec| spec.node_name.clone())
                .unwrap_or_default(),
            container: container_of(pod, query.get("container"))?,
            follow: query.is_set("follow"),
            previous: query.is_set("previous"),
            timestamps: query.is_set("timestamps"),
            tail_lines: natural("tailLines", 0)?,
            since,
            limit_bytes: natural("limitBytes", 1)?,
        })
    }
}

/// The container that is meant; empty: the Pod's only one.
///
/// # Errors
/// There is none of that name, or several.
pub fn container_of(pod: &Object, asked: &str) -> Result<String, Status> {
    let name = pod.name();
    let spec = pod.get::<Pod>().and_then(|pod| pod.spec.as_ref());
    let names = |init: bool| -> Vec<&str> {
        let list = spec.map(|spec| match init {
            true => spec.init_containers.as_deref().unwrap_or_default(),
            false => spec.containers.as_slice(),
        });
        list.unwrap_or_default()
            .iter()
            .map(|c| c.name.as_str())
            .collect()
    };
    let (containers, inits) = (names(false), names(true));
    if asked.is_empty() {
        return match (containers.as_slice(), inits.is_empty()) {
            ([one], _) => Ok((*one).to_owned()),
            ([], _) => Err(Status::bad_request(format!(
                "a container name must be specified for pod {name}"
            ))),
            (many, none) => {
                let rest = match none {
                    true => String::new(),
                    false => format!(" or one of the init containers: [{}]", inits.join(" ")),
                };
                Err(Status::bad_request(format!(
                    "a container name must be specified for pod {name}, choose one of: [{}]{rest}",
                    many.join(" ")
                )))
            }
        };
    }
    match containers.contains(&asked) || inits.contains(&asked) {
        true => Ok(asked.to_owned()),
        false => Err(Status::bad_request(format!(
            "container {asked} is not valid for pod {name}"
        ))),
    }
}
