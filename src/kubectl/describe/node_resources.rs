//! What the Pods of a node ask for, and what part of the node that is. Left out: the resources of
//! init containers and of whole Pods.

use super::writer::Writer;
use crate::api::meta::MetaExt;
use crate::api::quantity;
use crate::apiserver::table::age;
use crate::sim::{SimTime, SortedMap};
use k8s_openapi::api::core::v1::{Pod, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use std::collections::BTreeMap;
use std::sync::Arc;

type Amounts = BTreeMap<String, Quantity>;

/// Writes the Pods with what each asks for, and the sums.
pub fn write(w: &mut Writer, pods: &[Arc<Pod>], allocatable: &Amounts, now: SimTime) {
    w.field(
        0,
        "Non-terminated Pods",
        format!("({} in total)", pods.len()),
    );
    w.line(
        1,
        "Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge",
    );
    w.line(
        1,
        "---------\t----\t\t------------\t----------\t---------------\t-------------\t---",
    );
    let mut sums: SortedMap<(&str, bool), i64> = SortedMap::new();
    for pod in pods {
        let mut cells = Vec::new();
        for (name, limits) in COLUMNS {
            let milli = asked(pod, name, limits);
            *sums.entry((name, limits)).or_default() += milli;
            cells.push(share(name, milli, allocatable));
        }
        let created = age(pod.metadata.creation_timestamp.as_ref(), now);
        let (namespace, name) = (pod.namespace(), pod.name());
        w.line(
            1,
            &format!("{namespace}\t{name}\t\t{}\t{created}", cells.join("\t")),
        );
        for limits in [false, true] {
            let milli = asked(pod, "ephemeral-storage", limits);
            *sums.entry(("ephemeral-storage", limits)).or_default() += milli;
        }
    }
    w.line(0, "Allocated resources:");
    w.line(
        1,
        "(Total limits may be over 100 percent, i.e., overcommitted.)",
    );
    w.line(1, "Resource\tRequests\tLimits");
    w.line(1, "--------\t--------\t------");
    for name in ["cpu", "memory", "ephemeral-storage"] {
        let sum = |limits| sums.get(&(name, limits)).copied().unwrap_or(0);
        let cells = [sum(false), sum(true)].map(|sum| share(name, sum, allocatable));
        w.line(1, &format!("{name}\t{}", cells.join("\t")));
    }
}

/// The columns: a resource, and whether it is the limit.
const COLUMNS: [(&str, bool); 4] = [
    ("cpu", false),
    ("cpu", true),
    ("memory", false),
    ("memory", true),
];

/// Thousandths of a resource that a Pod's containers ask for or may use at most.
fn asked(pod: &Pod, name: &str, limits: bool) -> i64 {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let amount = |resources: &ResourceRequirements| {
        let amounts = if limits {
            &resources.limits
        } else {
            &resources.requests
        };
        let amount = amounts.as_ref().and_then(|amounts| amounts.get(name));
        amount.map_or(0, quantity::milli_value)
    };
    containers
        .filter_map(|c| c.resources.as_ref())
        .map(amount)
        .sum()
}

/// `100m (2%)`
fn share(name: &str, milli: i64, allocatable: &Amounts) -> String {
    let text = match (name, milli) {
        (_, 0) => "0".to_owned(),
        ("cpu", milli) => quantity::from_milli(milli).0,
        (_, milli) => quantity::from_bytes(milli / 1_000).0,
    };
    let whole = allocatable.get(name).map_or(0, quantity::milli_value);
    let percent = match whole {
        0 => 0,
        whole => i128::from(milli) * 100 / i128::from(whole),
    };
    format!("{text} ({percent}%)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded_down() {
        let allocatable: Amounts = [("cpu", "4"), ("memory", "8Gi")]
            .map(|(name, amount)| (name.to_owned(), Quantity(amount.to_owned())))
            .into();
        assert_eq!(share("cpu", 100, &allocatable), "100m (2%)");
        assert_eq!(share("cpu", 0, &allocatable), "0 (0%)");
        assert_eq!(
            share("memory", (128 << 20) * 1_000, &allocatable),
            "128Mi (1%)"
        );
        assert_eq!(share("other", 5_000, &allocatable), "5 (0%)");
    }
}
