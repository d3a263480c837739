//! Cluster state to what is on the screen: plain data, no HTML.
//!
//! Only what the person looks at is worked out, and only what changed crosses to the page.

mod chain;
mod detail;
mod events;
mod nodes;
mod objects;
mod owners;
mod pods;
mod progress;
mod rollouts;
mod services;
#[cfg(test)]
mod testing;
mod traffic;

use crate::api::meta::{self, MetaExt};
use crate::api::{ApiType, Object};
use crate::cluster::Cluster;
use crate::protocol::{Clock, Place, Screen, ScreenUpdate, Spot, Storage, Tab, ViewRequest};
use crate::session::Session;
use crate::sim::{SimTime, SortedMap};
use std::sync::Arc;

/// How often what is only counted, logs and the like are brought up to date: every so many looks.
const COUNT_LOOKS: u32 = 5;
/// How many sources of writes an update names at most.
const PULSES_LIMIT: u32 = 12;

/// What the page shows, and what has to be said to bring it up to date.
#[derive(Clone, Debug, Default)]
pub struct Dashboard {
    shown: Screen,
    request: ViewRequest,
    /// What the sections that change only by writes were last worked out from.
    seen: Seen,
    /// The last request told of each load.
    packets: SortedMap<u32, u64>,
    fresh: bool,
    looks: u32,
}

/// All that the sections of the store, the nodes and the parts depend on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Seen {
    revision: u64,
    nodes_on: Vec<bool>,
    stopped: u32,
}

impl Seen {
    fn of(cluster: &Cluster) -> Self {
        Self {
            revision: cluster.api().etcd().revision(),
            nodes_on: cluster.kubelets().iter().map(|k| k.is_running()).collect(),
            stopped: u32::try_from(cluster.stopped().len()).unwrap_or(u32::MAX),
        }
    }
}

impl Dashboard {
    /// Shows something else from now on.
    pub fn ask(&mut self, request: ViewRequest) {
        self.fresh = false;
        self.request = request;
    }

    /// The page's screen may be of another run: nothing that was worked out before holds.
    pub fn forget(&mut self) {
        self.fresh = false;
        self.seen = Seen::default();
    }

    /// What differs from what the page shows. `clock` and `storage` are the engine's to know.
    pub fn look(
        &mut self,
        session: &Session,
        clock: Clock,
        storage: Storage,
    ) -> Option<ScreenUpdate> {
        let cluster = session.cluster();
        let seen = Seen::of(cluster);
        let before = self.seen.revision;
        let mut screen = self.shown.clone();
        screen.clock = Arc::new(clock);
        screen.storage = Arc::new(storage);
        screen.beside.request = match session.last_request() {
            None => None,
            Some(last) => match screen.beside.request.filter(|shown| shown.id == last.id) {
                Some(shown) if self.fresh => Some(shown),
                _ => Some(Arc::new(traffic::request(last))),
            },
        };
        self.looks = self.looks.wrapping_add(1);
        let due = self.looks.is_multiple_of(COUNT_LOOKS);
        let begun = cluster.loads().len() != screen.beside.loads.len();
        if due || begun || !self.fresh {
            screen.beside.loads = arcs(traffic::loads(cluster));
        }
        if !self.fresh || seen != self.seen {
            stage(cluster, &mut screen);
            self.tab(session, &mut screen);
        } else if due
            && matches!(
                self.request.tab,
                Tab::Services | Tab::Details | Tab::Objects
            )
        {
            self.tab(session, &mut screen);
        }
        let update = self.shown.update_to(&screen);
        self.shown = screen;
        (self.seen, self.fresh) = (seen, true);
        let told = ScreenUpdate {
            pulses: pulses(cluster, before),
            packets: traffic::packets(cluster, &mut self.packets),
            ..update.unwrap_or_default()
        };
        (told != ScreenUpdate::default()).then_some(told)
    }

    /// The section of the open tab; the others are emptied.
    fn tab(&self, session: &Session, screen: &mut Screen) {
        let (cluster, request) = (session.cluster(), &self.request);
        let open = |tab: Tab| request.tab == tab;
        screen.beside.rollouts = match open(Tab::Workloads) {
            true => arcs(rollouts::views(cluster)),
            false => Vec::new(),
        };
        screen.beside.owners = match open(Tab::Workloads) {
            true => arcs(owners::trees(cluster, &screen.pods)),
            false => Vec::new(),
        };
        screen.beside.services = match open(Tab::Services) {
            true => arcs(services::views(session, &request.service)),
            false => Vec::new(),
        };
        screen.beside.events = Arc::new(match open(Tab::Events) {
            true => events::views(cluster, &request.filter),
            false => Vec::new(),
        });
        screen.beside.trace = Arc::new(match open(Tab::Writes) {
            true => chain::latest(cluster, &request.filter),
            false => Vec::new(),
        });
        screen.beside.chain = Arc::new(match open(Tab::Writes) {
            true => chain::causes(cluster, request.follow),
            false => Vec::new(),
        });
        screen.beside.detail = match open(Tab::Details) {
            true => detail::view(cluster, &request.chosen).map(Arc::new),
            false => None,
        };
        screen.beside.objects = match open(Tab::Objects) {
            true => Arc::new(objects::view(cluster, &request.objects)),
            false => Arc::default(),
        };
    }
}

fn arcs<T>(views: Vec<T>) -> Vec<Arc<T>> {
    views.into_iter().map(Arc::new).collect()
}

/// What is always in sight.
fn stage(cluster: &Cluster, screen: &mut Screen) {
    screen.revision = cluster.api().etcd().revision();
    screen.parts = Arc::new(nodes::parts(cluster));
    screen.pods = pods::views(cluster);
    screen.beside.nodes = arcs(nodes::views(cluster, &screen.pods));
}

/// Where the writes after revision `before` came from, each once, heartbeats and events left out.
fn pulses(cluster: &Cluster, before: u64) -> Vec<Spot> {
    use crate::api::Kind;
    let mut spots: Vec<Spot> = Vec::new();
    let entries = cluster.trace().entries().rev();
    for entry in entries.take_while(|entry| entry.revision > before && before > 0) {
        if matches!(entry.key.kind, Kind::Lease | Kind::Event) {
            continue;
        }
        if spots.len() >= PULSES_LIMIT as usize {
            break;
        }
        spots.extend(chain::writer(&entry.actor).filter(|spot| !spots.contains(spot)));
    }
    spots
}

/// The objects of a kind, as the store holds them.
fn objects<K: ApiType>(cluster: &Cluster) -> impl Iterator<Item = &Arc<K>> {
    let kind = <K as ApiType>::KIND;
    cluster
        .api()
        .etcd()
        .list(kind, None)
        .filter_map(Object::get::<K>)
}

fn place(object: &impl MetaExt) -> Place {
    Place {
        namespace: object.namespace().to_owned(),
        name: object.name().to_owned(),
    }
}

/// The time of day, as `12:34:56`.
fn time_of_day(at: SimTime) -> String {
    let text = meta::rfc3339(at);
    let time = text.split('T').nth(1).unwrap_or_default();
    time.trim_end_matches('Z').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::ClusterConfig;
    use crate::protocol::UserCommand;
    use crate::sim::SimDuration;

    fn after(seconds: u64) -> Session {
        let mut session = Session::new(ClusterConfig::default());
        session.advance(session.start() + SimDuration::secs(seconds), u32::MAX);
        session
    }

    fn look(dashboard: &mut Dashboard, session: &Session) -> Option<ScreenUpdate> {
        dashboard.look(session, Clock::default(), Storage::Saved)
    }

    #[test]
    fn the_first_screen_is_alive() {
        let mut screen = Screen::default();
        let update = look(&mut Dashboard::default(), &after(30)).expect("everything is new");
        screen.take(update);
        assert_eq!((screen.beside.nodes.len(), screen.parts.len()), (4, 4));
        assert!(
            screen
                .parts
                .iter()
                .all(|part| screen.pods.contains_key(&part.pod))
        );
        let own = |pod: &&Arc<crate::protocol::PodView>| pod.at.namespace == "default";
        assert_eq!(screen.pods.values().filter(own).count(), 3);
        let fine =
            |pod: &Arc<crate::protocol::PodView>| pod.status == "Running" && pod.mood == "ready";
        assert!(screen.pods.values().all(fine));
        assert!(screen.beside.rollouts.is_empty(), "its tab is not open");
    }

    #[test]
    fn nothing_crosses_twice_and_only_the_open_tab_is_filled() {
        let mut session = after(30);
        let mut dashboard = Dashboard::default();
        look(&mut dashboard, &session).expect("everything is new");
        assert_eq!(look(&mut dashboard, &session), None);
        dashboard.ask(ViewRequest {
            tab: Tab::Workloads,
            ..ViewRequest::default()
        });
        let update = look(&mut dashboard, &session).expect("the tab is new");
        assert_eq!(update.rollouts.map(|all| all[0].available), Some(3));
        assert!(update.pods.is_empty() && update.services.is_none());
        let name = "hello".to_owned();
        let at = Place {
            namespace: "default".into(),
            name,
        };
        session.execute(UserCommand::Scale { at, replicas: 4 });
        session.advance(session.cluster().now() + SimDuration::secs(5), u32::MAX);
        let update = look(&mut dashboard, &session).expect("a Pod more");
        assert_eq!(update.pods.len(), 1);
        assert!(
            update
                .pulses
                .contains(&Spot::named("outside", "", "kubectl"))
        );
        assert!(
            update
                .pulses
                .contains(&Spot::named("part", "", "kube-scheduler"))
        );
    }

    #[test]
    fn a_screen_that_was_forgotten_is_worked_out_anew() {
        let mut session = after(30);
        let mut dashboard = Dashboard::default();
        let mut screen = Screen::default();
        screen.take(look(&mut dashboard, &session).expect("everything is new"));
        session.rewind(session.start() + SimDuration::secs(1));
        dashboard.forget();
        screen.take(look(&mut dashboard, &session).expect("the past differs"));
        let mut fresh = Screen::default();
        fresh.take(look(&mut Dashboard::default(), &session).expect("everything is new"));
        assert_eq!(screen, fresh);
    }
}
