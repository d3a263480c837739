//! All Deployments.

use super::Shown;
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
        <section aria-labelledby="deployments-title">
            <h2 id="deployments-title">{"Deployments"}</h2>
            if own.is_empty() { <p class="empty">{"None yet: apply a manifest of one."}</p> }
            {for own.into_iter().map(card)}
            if !system.is_empty() {
                <details class="system"><summary>{format!("The cluster's own ({})", system.len())}</summary>{for system.into_iter().map(card)}</details>
            }
        </section>
    }
}
