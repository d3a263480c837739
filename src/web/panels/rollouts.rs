//! What runs Pods: all Deployments with their rollouts, and below them who made whom.

use super::Shown;
use super::owners;
use super::rollout::Rollout;
use crate::protocol::RolloutView;
use crate::web::app::Msg;
use std::sync::Arc;
use yew::prelude::*;

/// The tab.
pub fn view(shown: &Shown, send: &Callback<Msg>) -> Html {
    let (system, own): (Vec<_>, Vec<_>) = shown
        .beside
        .rollouts
        .iter()
        .partition(|rollout| rollout.at.namespace == "kube-system");
    let card = |rollout: &Arc<RolloutView>| {
        let key = format!("{}/{}", rollout.at.namespace, rollout.at.name);
        html! { <Rollout {key} rollout={rollout.clone()} send={send.clone()} /> }
    };
    html! {
        <section aria-labelledby="workloads-title">
            <h2 id="workloads-title">{"Workloads"}</h2>
            if shown.beside.owners.is_empty() { <p class="empty">{"Nothing runs Pods yet: apply a manifest of a Deployment, for example."}</p> }
            {for own.into_iter().map(card)}
            if !system.is_empty() {
                <details class="system"><summary>{format!("The cluster's own Deployments ({})", system.len())}</summary>{for system.into_iter().map(card)}</details>
            }
            {owners::view(&shown.beside.owners, send)}
        </section>
    }
}
