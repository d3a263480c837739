//! What is on the screen, and what changed on it since the page was last told.
//!
//! The engine builds a whole [`Screen`], compares it with the one the page has and sends a
//! [`ScreenUpdate`] with what differs; the page takes it in with [`Screen::take`]. Everything is
//! shared, so what did not change is the same object as before and is not drawn anew.

use super::{
    DetailView, LoadView, Objects, ObjectsRequest, ObjectsUpdate, OwnedView, PacketView, Place,
    RequestView, RolloutView, ServiceView, Spot,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The clock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Microseconds since the Unix epoch of the cluster's world.
    pub now: u64,
    /// The same as text.
    pub text: String,
    /// When the cluster began; the earliest moment to rewind to.
    pub start: u64,
    /// Whether time stands still.
    pub paused: bool,
    /// Thousandths of real time.
    pub speed: u32,
    /// The present, while `now` is an earlier moment that the person looks at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub present: Option<Present>,
}

/// The present of a cluster whose past is on the screen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Present {
    /// When it is, as `Clock::now`.
    pub now: u64,
    /// How many commands were given since the moment on the screen.
    pub commands: u32,
}

impl Clock {
    /// Whole seconds since the cluster began.
    pub const fn elapsed(&self) -> u64 {
        self.now.saturating_sub(self.start) / 1_000_000
    }

    /// Whole seconds from the beginning to the present.
    pub fn age(&self) -> u64 {
        let now = self.present.as_ref().map_or(self.now, |there| there.now);
        now.saturating_sub(self.start) / 1_000_000
    }

    /// Seconds as a clock shows them: `4:07`, `1:02:03`.
    pub fn face(seconds: u64) -> String {
        let (hours, minutes, rest) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        match hours {
            0 => format!("{minutes}:{rest:02}"),
            _ => format!("{hours}:{minutes:02}:{rest:02}"),
        }
    }
}

/// Whether what is done is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Storage {
    /// Not asked yet.
    #[default]
    Unknown,
    /// Everything is saved.
    Saved,
    /// Nothing can be saved, and why.
    MemoryOnly(String),
}

/// A tab beside the stage: only what the open one shows crosses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tab {
    /// The editor.
    #[default]
    Manifest,
    /// What runs Pods: Deployments with their rollouts, and who made whom.
    Workloads,
    /// Services, requests and loads.
    Services,
    /// Events.
    Events,
    /// Every object, by its kind.
    Objects,
    /// Who wrote what.
    Writes,
    /// What was chosen on the stage.
    Details,
}

/// What the person looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewRequest {
    /// The open tab.
    pub tab: Tab,
    /// The Pod, node or part that was chosen on the stage; of no kind for none.
    pub chosen: Spot,
    /// The Service whose endpoints are shown; without a name the first one.
    pub service: Place,
    /// Only writes and events of objects whose name holds this text.
    pub filter: String,
    /// The revision whose chain of causes is shown; 0 for none.
    pub follow: u64,
    /// The objects that are listed.
    pub objects: ObjectsRequest,
}

/// A part of the control plane.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartView {
    /// Its name.
    pub name: String,
    /// What it does, for a newcomer.
    pub role: String,
    /// Whether it runs.
    pub running: bool,
    /// The static Pod that it is.
    pub pod: Place,
}

/// A Pod on a node, or waiting for one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodView {
    /// Where it is.
    pub at: Place,
    /// The node it is on; empty while it waits for one.
    pub node: String,
    /// Its name as far as it fits on the stage.
    pub short: String,
    /// The word that kubectl shows as its status.
    pub status: String,
    /// `ready`, `busy`, `failing` or `ending`: what its shape shows.
    pub mood: String,
    /// How often its containers were started again.
    pub restarts: i32,
    /// Its address.
    pub ip: String,
    /// Its first container's image.
    pub image: String,
    /// Its controller's name.
    pub owner: String,
    /// The revision of its Deployment that made it; 0 for none.
    pub revision: i64,
    /// Whether it is ready.
    pub ready: bool,
}

/// A node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeView {
    /// Its name.
    pub name: String,
    /// `control-plane` or `worker`.
    pub role: String,
    /// `Ready`, `NotReady` or `NotReady (off)`.
    pub status: String,
    /// Whether it is switched on.
    pub on: bool,
    /// Whether no new Pods come to it.
    pub cordoned: bool,
    /// Its address.
    pub ip: String,
    /// Thousandths of a CPU that its Pods asked for, of all it has.
    pub cpu: (i64, i64),
    /// MiB of memory that its Pods asked for, of all it has.
    pub memory: (i64, i64),
    /// Pods on it, of those it takes.
    pub pods: (u32, u32),
    /// How its Pods are, by kubectl's word, the most frequent first.
    pub words: Vec<(String, u32)>,
}

/// An event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventView {
    /// What tells it from others, also when it happens again.
    pub id: String,
    /// When it last happened, as text.
    pub at: String,
    /// Whether it is a warning.
    pub warning: bool,
    /// Its reason.
    pub reason: String,
    /// What it is about.
    pub object: String,
    /// Its message.
    pub message: String,
    /// How often it happened.
    pub count: i32,
    /// Who reports it.
    pub source: String,
}

/// A write.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceView {
    /// When, as text.
    pub at: String,
    /// Who.
    pub actor: String,
    /// `Added`, `Modified` or `Deleted`.
    pub verb: String,
    /// Which object.
    pub object: String,
    /// The revision it made.
    pub revision: u64,
    /// The revision that made the actor write; 0 for none.
    pub cause: u64,
}

/// Everything on the screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Screen {
    /// The clock.
    pub clock: Arc<Clock>,
    /// Whether what is done is kept.
    pub storage: Arc<Storage>,
    /// The store's revision.
    pub revision: u64,
    /// The control plane.
    pub parts: Arc<Vec<PartView>>,
    /// Every Pod.
    pub pods: BTreeMap<Place, Arc<PodView>>,
    /// What stands beside the stage.
    pub beside: Beside,
}

/// What the panels beside the stage show. What did not change is the same object as before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// The nodes.
    pub nodes: Vec<Arc<NodeView>>,
    /// The Deployments, while their tab is open.
    pub rollouts: Vec<Arc<RolloutView>>,
    /// What runs Pods, as trees.
    pub owners: Vec<Arc<OwnedView>>,
    /// The Services, while their tab is open.
    pub services: Vec<Arc<ServiceView>>,
    /// The last request.
    pub request: Option<Arc<RequestView>>,
    /// The steady loads.
    pub loads: Vec<Arc<LoadView>>,
    /// The latest events, the newest first, while their tab is open.
    pub events: Arc<Vec<EventView>>,
    /// The latest writes, the newest first, while their tab is open.
    pub trace: Arc<Vec<TraceView>>,
    /// The causes of the write followed, the first cause first.
    pub chain: Arc<Vec<TraceView>>,
    /// What was chosen on the stage, while its tab is open.
    pub detail: Option<Arc<DetailView>>,
    /// The objects of a kind, while their tab is open.
    pub objects: Arc<Objects>,
}

/// What differs from the screen before. What is left out is as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScreenUpdate {
    /// The clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<Clock>,
    /// Whether what is done is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,
    /// The store's revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// The control plane.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parts: Option<Vec<PartView>>,
    /// All nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Vec<NodeView>>,
    /// Pods that are new or changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pods: Vec<PodView>,
    /// Pods that are gone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<Place>,
    /// All Deployments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollouts: Option<Vec<RolloutView>>,
    /// What runs Pods, as trees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owners: Option<Vec<OwnedView>>,
    /// All Services.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub services: Option<Vec<ServiceView>>,
    /// The last request, or that there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Vec<RequestView>>,
    /// All loads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loads: Option<Vec<LoadView>>,
    /// The events shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<EventView>>,
    /// The writes shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<Vec<TraceView>>,
    /// The causes of the write followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain: Option<Vec<TraceView>>,
    /// What was chosen, or that nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<Vec<DetailView>>,
    /// What changed of the objects listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objects: Option<ObjectsUpdate>,
    /// Where the writes since the last update came from, for the eye only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pulses: Vec<Spot>,
    /// The latest requests of the loads since the last update, for the eye only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub packets: Vec<PacketView>,
}

/// The list with each item that did not change kept as it is.
fn keep<T: PartialEq>(old: &[Arc<T>], new: Vec<T>) -> Vec<Arc<T>> {
    let pair = |(index, item): (usize, T)| match old.get(index) {
        Some(before) if **before == item => before.clone(),
        _ => Arc::new(item),
    };
    new.into_iter().enumerate().map(pair).collect()
}

impl Screen {
    /// Takes in what changed.
    pub fn take(&mut self, update: ScreenUpdate) {
        fn set<T>(place: &mut Arc<T>, new: Option<T>) {
            if let Some(new) = new {
                *place = Arc::new(new);
            }
        }
        fn set_all<T: PartialEq>(place: &mut Vec<Arc<T>>, new: Option<Vec<T>>) {
            if let Some(new) = new {
                *place = keep(place, new);
            }
        }
        set(&mut self.clock, update.clock);
        set(&mut self.storage, update.storage);
        self.revision = update.revision.unwrap_or(self.revision);
        set(&mut self.parts, update.parts);
        set_all(&mut self.beside.nodes, update.nodes);
        for gone in &update.gone {
            self.pods.remove(gone);
        }
        for pod in update.pods {
            self.pods.insert(pod.at.clone(), Arc::new(pod));
        }
        set_all(&mut self.beside.rollouts, update.rollouts);
        set_all(&mut self.beside.owners, update.owners);
        set_all(&mut self.beside.services, update.services);
        if let Some(request) = update.request {
            self.beside.request = request.into_iter().next().map(Arc::new);
        }
        set_all(&mut self.beside.loads, update.loads);
        set(&mut self.beside.events, update.events);
        set(&mut self.beside.trace, update.trace);
        set(&mut self.beside.chain, update.chain);
        if let Some(detail) = update.detail {
            self.beside.detail = detail.into_iter().next().map(Arc::new);
        }
        if let Some(objects) = update.objects {
            Arc::make_mut(&mut self.beside.objects).take(objects);
        }
    }

    /// What `new` has that this screen has not; `None` where they are the same.
    pub fn update_to(&self, new: &Self) -> Option<ScreenUpdate> {
        fn one<T: PartialEq + Clone>(old: &Arc<T>, new: &Arc<T>) -> Option<T> {
            (!Arc::ptr_eq(old, new) && old != new).then(|| T::clone(new))
        }
        fn all<T: PartialEq + Clone>(old: &[Arc<T>], new: &[Arc<T>]) -> Option<Vec<T>> {
            (old != new).then(|| new.iter().map(|item| T::clone(item)).collect())
        }
        fn maybe<T: PartialEq + Clone>(
            old: Option<&Arc<T>>,
            new: Option<&Arc<T>>,
        ) -> Option<Vec<T>> {
            (old != new).then(|| new.map(|item| T::clone(item)).into_iter().collect())
        }
        let changed = new.pods.iter().filter(|(at, pod)| {
            let old = self.pods.get(*at);
            old.is_none_or(|old| !Arc::ptr_eq(old, pod) && old != *pod)
        });
        let gone = self.pods.keys().filter(|at| !new.pods.contains_key(*at));
        let update = ScreenUpdate {
            clock: one(&self.clock, &new.clock),
            storage: one(&self.storage, &new.storage),
            revision: (self.revision != new.revision).then_some(new.revision),
            parts: one(&self.parts, &new.parts),
            nodes: all(&self.beside.nodes, &new.beside.nodes),
            pods: changed.map(|(_, pod)| PodView::clone(pod)).collect(),
            gone: gone.cloned().collect(),
            rollouts: all(&self.beside.rollouts, &new.beside.rollouts),
            owners: all(&self.beside.owners, &new.beside.owners),
            services: all(&self.beside.services, &new.beside.services),
            request: maybe(self.beside.request.as_ref(), new.beside.request.as_ref()),
            loads: all(&self.beside.loads, &new.beside.loads),
            events: one(&self.beside.events, &new.beside.events),
            trace: one(&self.beside.trace, &new.beside.trace),
            chain: one(&self.beside.chain, &new.beside.chain),
            detail: maybe(self.beside.detail.as_ref(), new.beside.detail.as_ref()),
            objects: self.beside.objects.update_to(&new.beside.objects),
            pulses: Vec::new(),
            packets: Vec::new(),
        };
        (update != ScreenUpdate::default()).then_some(update)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_shows_hours_only_where_there_are_some() {
        assert_eq!(Clock::face(7), "0:07");
        assert_eq!(Clock::face(247), "4:07");
        assert_eq!(Clock::face(3_723), "1:02:03");
    }

    #[test]
    fn a_clock_in_the_past_knows_the_present() {
        let mut clock = Clock {
            now: 24_000_000,
            start: 4_000_000,
            ..Clock::default()
        };
        assert_eq!((clock.elapsed(), clock.age()), (20, 20));
        clock.present = Some(Present {
            now: 64_999_999,
            commands: 2,
        });
        assert_eq!((clock.elapsed(), clock.age()), (20, 60));
    }

    fn pod(name: &str, status: &str) -> (Place, Arc<PodView>) {
        let at = Place {
            namespace: "default".into(),
            name: name.into(),
        };
        let view = PodView {
            at: at.clone(),
            status: status.into(),
            ..PodView::default()
        };
        (at, Arc::new(view))
    }

    #[test]
    fn an_update_makes_the_old_screen_the_new_one_and_keeps_what_did_not_change() {
        let old = Screen {
            pods: [
                pod("a", "Running"),
                pod("b", "Running"),
                pod("c", "Running"),
            ]
            .into(),
            revision: 1,
            beside: Beside {
                request: Some(Arc::default()),
                ..Beside::default()
            },
            ..Screen::default()
        };
        let mut new = old.clone();
        new.pods
            .extend([pod("b", "Terminating"), pod("d", "Pending")]);
        new.pods.remove(&pod("c", "").0);
        new.revision = 2;
        new.beside.request = None;
        new.beside.nodes = vec![Arc::default()];
        let update = old.update_to(&new).expect("they differ");
        assert_eq!((update.pods.len(), update.gone.len()), (2, 1));
        assert!(update.clock.is_none() && update.rollouts.is_none());
        let text = serde_json::to_string(&update).expect("plain data");
        assert!(!text.contains("clock"), "{text}");
        let update = serde_json::from_str(&text).expect("the same again");
        let mut taken = old.clone();
        taken.take(update);
        assert_eq!(taken, new);
        let key = pod("a", "").0;
        assert!(Arc::ptr_eq(&taken.pods[&key], &old.pods[&key]));
        assert_eq!(taken.update_to(&new), None);
    }
}
