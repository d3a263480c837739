//! Filters say which nodes can take a Pod, scores which of those is best.
//!
//! Upstream: pkg/scheduler/framework, pkg/scheduler/schedule_one.go, v1.36.

use super::plugins;
use super::plugins::volume_binding::{self, PodVolumes};
use super::snapshot::{NodeInfo, PodRequest, Snapshot};
use crate::api::meta::MetaExt;
use crate::sim::{SimRng, SortedMap, order};
use k8s_openapi::api::core::v1::Pod;
use serde::Serialize;

/// A filter plugin: can this node take the Pod?
pub trait FilterPlugin: Sync {
    /// Upstream's name.
    fn name(&self) -> &'static str;
    /// The reasons why not; none where it can.
    fn filter(&self, pod: &Pod, request: &PodRequest, node: &NodeInfo) -> Vec<String>;
}

/// A score plugin: how good would this node be, from 0 to 100?
pub trait ScorePlugin: Sync {
    /// Upstream's name.
    fn name(&self) -> &'static str;
    /// How much its score counts.
    fn weight(&self) -> i64;
    /// The score.
    fn score(&self, pod: &Pod, request: &PodRequest, node: &NodeInfo) -> i64;
}

/// What the scheduler found for one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Verdict {
    /// A filter said no: its name and reasons.
    Rejected {
        /// The plugin.
        plugin: &'static str,
        /// Why.
        reasons: Vec<String>,
    },
    /// Every filter said yes: each score plugin's weighted score.
    Scored {
        /// (plugin, weighted score)
        scores: Vec<(&'static str, i64)>,
        /// Their sum.
        total: i64,
    },
}

/// Why a Pod went where it went, or nowhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The verdict for each node, by its name.
    pub nodes: SortedMap<String, Verdict>,
    /// The node chosen.
    pub chosen: Option<String>,
}

impl Explanation {
    /// One plugin says the same of every node, and the text of the event.
    pub fn everywhere(plugin: &'static str, reason: &str, snapshot: &Snapshot) -> (Self, String) {
        let mut explanation = Self::default();
        for node in snapshot.nodes() {
            let reasons = vec![reason.to_owned()];
            let verdict = Verdict::Rejected { plugin, reasons };
            let name = node.node.name().to_owned();
            explanation.nodes.insert(name, verdict);
        }
        let message = match explanation.nodes.len() {
            0 => explanation.message(),
            total => format!("0/{total} nodes are available: {reason}."),
        };
        (explanation, message)
    }

    /// The text of the FailedScheduling event: each reason with the number of nodes that gave it.
    pub fn message(&self) -> String {
        let mut counts: SortedMap<&str, u32> = SortedMap::new();
        for verdict in self.nodes.values() {
            if let Verdict::Rejected { reasons, .. } = verdict {
                reasons
                    .iter()
                    .for_each(|reason| *counts.entry(reason).or_insert(0) += 1);
            }
        }
        let mut parts: Vec<String> = counts
            .iter()
            .map(|(reason, count)| format!("{count} {reason}"))
            .collect();
        order::sort(&mut parts);
        let total = self.nodes.len();
        match parts.is_empty() {
            true => "no nodes available to schedule pods".to_owned(),
            false => format!("0/{total} nodes are available: {}.", parts.join(", ")),
        }
    }
}

/// Finds the best node. Of equally good ones, `rng` picks.
pub fn choose(
    pod: &Pod,
    request: &PodRequest,
    volumes: &PodVolumes<'_>,
    snapshot: &Snapshot,
    rng: &mut SimRng,
) -> (Option<String>, Explanation) {
    let mut explanation = Explanation::default();
    let mut best: Vec<&str> = Vec::new();
    let mut best_total = i64::MIN;
    for node in snapshot.nodes() {
        let verdict = judge(pod, request, volumes, node);
        if let Verdict::Scored { total, .. } = &verdict {
            if *total > best_total {
                best.clear();
                best_total = *total;
            }
            if *total == best_total {
                best.push(node.node.name());
            }
        }
        explanation
            .nodes
            .insert(node.node.name().to_owned(), verdict);
    }
    let picked = rng.below(best.len() as u64) as usize;
    explanation.chosen = best.get(picked).map(|name| (*name).to_owned());
    (explanation.chosen.clone(), explanation)
}

fn judge(pod: &Pod, request: &PodRequest, volumes: &PodVolumes<'_>, node: &NodeInfo) -> Verdict {
    for plugin in plugins::FILTERS {
        let reasons = plugin.filter(pod, request, node);
        if !reasons.is_empty() {
            return Verdict::Rejected {
                plugin: plugin.name(),
                reasons,
            };
        }
    }
    if let Err(reason) = volumes.shares(node) {
        return Verdict::Rejected {
            plugin: volume_binding::NAME,
            reasons: vec![reason.to_owned()],
        };
    }
    let scores: Vec<_> = plugins::SCORES
        .iter()
        .map(|plugin| {
            (
                plugin.name(),
                plugin.weight() * plugin.score(pod, request, node),
            )
        })
        .collect();
    let total = scores.iter().map(|(_, score)| score).sum();
    Verdict::Scored { scores, total }
}
