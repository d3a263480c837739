//! What a Pod asks for must be free, and the emptier and the more evenly used node is better.
//!
//! Upstream: pkg/scheduler/framework/plugins/noderesources/{fit,least_allocated,
//! balanced_allocation}.go, v1.36. A Pod without requests scores as 100m CPU and 200 MB memory.

use crate::scheduler::framework::{FilterPlugin, ScorePlugin};
use crate::scheduler::{NodeInfo, PodRequest};
use k8s_openapi::api::core::v1::Pod;

const DEFAULT_CPU_MILLI: i64 = 100;
const DEFAULT_MEMORY: i64 = 200 * 1_024 * 1_024;

/// Filters by free resources and scores by what stays free (LeastAllocated).
pub struct Fit;

/// Scores by how evenly CPU and memory are used.
pub struct BalancedAllocation;

impl FilterPlugin for Fit {
    fn name(&self) -> &'static str {
        "NodeResourcesFit"
    }

    fn filter(&self, _: &Pod, request: &PodRequest, node: &NodeInfo) -> Vec<String> {
        let mut reasons = Vec::new();
        if i64::try_from(node.pods.len()).unwrap_or(i64::MAX) + 1 > node.max_pods {
            reasons.push("Too many pods".to_owned());
        }
        let (free, used) = (&node.allocatable, &node.requested);
        if request.cpu_milli > 0 && request.cpu_milli > free.cpu_milli - used.cpu_milli {
            reasons.push("Insufficient cpu".to_owned());
        }
        if request.memory > 0 && request.memory > free.memory - used.memory {
            reasons.push("Insufficient memory".to_owned());
        }
        for (name, amount) in &request.other {
            let of = |r: &PodRequest| r.other.get(name).copied().unwrap_or(0);
            if *amount > 0 && *amount > of(free) - of(used) {
                reasons.push(format!("Insufficient {name}"));
            }
        }
        reasons
    }
}

/// (used with this Pod, allocatable) of CPU and memory.
fn usage(request: &PodRequest, node: &NodeInfo) -> [(i64, i64); 2] {
    let or = |asked: i64, default: i64| if asked == 0 { default } else { asked };
    let pods = node.pods.values();
    let (cpu, memory) = pods.fold((0, 0), |(cpu, memory), pod| {
        (
            cpu + or(pod.cpu_milli, DEFAULT_CPU_MILLI),
            memory + or(pod.memory, DEFAULT_MEMORY),
        )
    });
    [
        (
            cpu + or(request.cpu_milli, DEFAULT_CPU_MILLI),
            node.allocatable.cpu_milli,
        ),
        (
            memory + or(request.memory, DEFAULT_MEMORY),
            node.allocatable.memory,
        ),
    ]
}

impl ScorePlugin for Fit {
    fn name(&self) -> &'static str {
        "NodeResourcesFit"
    }

    fn weight(&self) -> i64 {
        1
    }

    fn score(&self, _: &Pod, request: &PodRequest, node: &NodeInfo) -> i64 {
        let score = |(used, all): (i64, i64)| match all > 0 && used <= all {
            true => (all - used) * 100 / all,
            false => 0,
        };
        let [cpu, memory] = usage(request, node);
        (score(cpu) + score(memory)) / 2
    }
}

impl ScorePlugin for BalancedAllocation {
    fn name(&self) -> &'static str {
        "NodeResourcesBalancedAllocation"
    }

    fn weight(&self) -> i64 {
        1
    }

    /// 100 less half the difference of the used shares, in percent.
    fn score(&self, _: &Pod, request: &PodRequest, node: &NodeInfo) -> i64 {
        if request.cpu_milli == 0 && request.memory == 0 {
            return 0;
        }
        let share = |(used, all): (i64, i64)| match all > 0 {
            true => (used * 1_000 / all).min(1_000),
            false => 1_000,
        };
        let [cpu, memory] = usage(request, node);
        100 - (share(cpu) - share(memory)).abs() / 20
    }
}
