//! The frame of the page: it holds the engine, the screen as it is now and what was last said.

use super::aside::KeptAside;
use super::dialogs::{Dialog, Help, NewClusterForm};
use super::engine::Engine;
use super::flow::Flow;
use super::keys::{self, Key};
use super::loading::{Loading, Work, Working};
use super::panels::objects::DeleteObject;
use super::panels::{Panel, Shown};
use super::past::{Banner, CarryOn};
use super::stage::Stage;
use super::tabs::{TABS, Tabs};
use super::theme::Theme;
use super::{bar, dom, editor, time_bar};
use crate::protocol::{
    Aside, AsideCommand, Beside, ClockCommand, FromEngine, ObjectsRequest, Place, PodView, Remedy,
    Report, Screen, Spot, Tab, ToEngine, UserCommand, ViewRequest,
};
use crate::value;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use yew::prelude::*;

/// How many Pods a request can be sent from, in the form's list.
const CALLERS_LIMIT: u32 = 40;

/// Everything that changes the page.
pub enum Msg {
    /// The engine said something.
    Engine(FromEngine),
    /// The person does something to the cluster.
    Command(UserCommand),
    /// The person does something to the clock.
    Clock(ClockCommand),
    /// The person asks the engine for something else.
    Ask(ToEngine),
    /// The person opens a tab.
    Open(Tab),
    /// The person looks at the stage, where it does not stand beside the tabs.
    ToStage,
    /// The person chose something on the stage.
    Choose(Spot),
    /// The person looks at a Service.
    Service(Place),
    /// The person filters writes and events.
    Filter(String),
    /// The person follows the causes of a revision.
    Follow(u64),
    /// The person lists other objects.
    Objects(ObjectsRequest),
    /// The person reads an object of those listed, or none any more.
    ShowObject(Place),
    /// The person has seen enough of the last request.
    ClearRequest,
    /// The person opens a dialog, or closes it.
    Dialog(Option<Dialog>),
    /// The person wants it lighter or darker.
    Theme(Theme),
    /// The person pressed a key.
    Key(Key),
    /// The person takes what was offered, or not.
    Accept(bool),
    /// The person takes the moment looked at for the present, or returns to the present.
    CarryOn(bool),
}

/// What was last told to the person.
#[derive(Clone, Debug, Default, PartialEq)]
struct Said {
    /// Counts, so that the same words twice are told twice.
    id: u32,
    text: String,
    bad: bool,
}

/// Something told that the person can do something about.
struct Offer {
    text: String,
    label: String,
    remedy: Remedy,
}

/// The Pods of each node, by its name; those without a node under the empty one.
type ByNode = BTreeMap<String, Rc<Vec<Arc<PodView>>>>;

/// The page.
pub struct App {
    engine: Option<Engine>,
    send: Callback<Msg>,
    screen: Screen,
    alive: bool,
    loading: Option<Work>,
    said: Said,
    offer: Option<Offer>,
    /// The engine is a new one: what it shows first is the whole screen.
    anew: bool,
    report: Rc<Report>,
    view: ViewRequest,
    before: Tab,
    on_stage: bool,
    dialog: Option<Dialog>,
    aside: Option<Rc<Vec<Aside>>>,
    /// What the person wants to do at an earlier moment.
    held: Option<UserCommand>,
    theme: Theme,
    next_id: u32,
    applying: Option<u32>,
    /// The request that the person has seen enough of.
    cleared: u32,
    by_node: ByNode,
    callers: Rc<Vec<Place>>,
    flow: Flow,
}

impl Component for App {
    type Message = Msg;
    type Properties = ();

    fn create(ctx: &Context<Self>) -> Self {
        let link = ctx.link().clone();
        let engine = Engine::start(move |message| link.send_message(Msg::Engine(message)));
        let link = ctx.link().clone();
        keys::listen(move |key| link.send_message(Msg::Key(key)));
        let loading = match engine {
            Ok(_) => "starting the cluster's worker",
            Err(_) => "This browser cannot start the cluster's worker",
        };
        Self {
            engine: engine.ok(),
            send: ctx.link().callback(|message: Msg| message),
            screen: Screen::default(),
            alive: false,
            loading: Some(Work::of(loading)),
            said: Said::default(),
            offer: None,
            anew: false,
            report: Rc::default(),
            view: ViewRequest::default(),
            before: Tab::default(),
            on_stage: true,
            dialog: None,
            aside: None,
            held: None,
            theme: Theme::load(),
            next_id: 1,
            applying: None,
            cleared: 0,
            by_node: BTreeMap::new(),
            callers: Rc::default(),
            flow: Flow::default(),
        }
    }

    fn update(&mut self, _: &Context<Self>, message: Msg) -> bool {
        match message {
            Msg::Engine(message) => return self.hear(message),
            Msg::Command(command) => return self.command(command),
            Msg::Clock(command) => self.send(&ToEngine::Clock(command)),
            Msg::Ask(message) => self.send(&message),
            Msg::Open(tab) => self.open(tab),
            Msg::Accept(accepted) => {
                if let Some(offer) = self.offer.take().filter(|_| accepted) {
                    self.send(&offer.remedy.message());
                }
            }
            Msg::ToStage => self.on_stage = true,
            Msg::Choose(spot) => self.choose(spot),
            Msg::Service(at) => {
                self.view.service = at;
                self.ask();
            }
            Msg::Filter(filter) => {
                self.view.filter = filter;
                self.ask();
            }
            Msg::Follow(revision) => {
                self.view.follow = revision;
                self.view.tab = Tab::Writes;
                self.ask();
            }
            Msg::Objects(objects) => {
                self.view.objects = objects;
                self.ask();
            }
            Msg::ShowObject(at) => self.show_object(at),
            Msg::ClearRequest => {
                self.cleared = self
                    .screen
                    .beside
                    .request
                    .as_ref()
                    .map_or(0, |request| request.id);
                self.flow.show_way(self.way());
            }
            Msg::Dialog(dialog) => self.show_dialog(dialog),
            Msg::CarryOn(carry_on) => self.end_look_back(carry_on),
            Msg::Theme(theme) => {
                theme.put();
                self.theme = theme;
                self.flow.redraw();
            }
            Msg::Key(key) => self.key(key),
        }
        true
    }

    fn view(&self, _: &Context<Self>) -> Html {
        let send = self.send.clone();
        if !self.alive {
            return self.first_view();
        }
        let class = if self.on_stage {
            "desk on-stage"
        } else {
            "desk on-panel"
        };
        html! {
            <>
                <bar::Bar clock={self.screen.clock.clone()} storage={self.screen.storage.clone()} theme={self.theme} send={send.clone()} />
                <Banner clock={self.screen.clock.clone()} storage={self.screen.storage.clone()} send={send.clone()} />
                <main {class}>
                    <Stage parts={self.screen.parts.clone()} nodes={self.screen.beside.nodes.clone()} pods={self.by_node.clone()}
                        revision={self.screen.revision} loaded={!self.screen.beside.loads.is_empty()} chosen={self.view.chosen.clone()} flow={self.flow.clone()} send={send.clone()} />
                    <div class="side">
                        <Tabs open={self.view.tab} on_stage={self.on_stage} chosen={self.view.chosen.clone()} send={send.clone()} />
                        <Panel shown={self.shown()} send={send.clone()} />
                    </div>
                </main>
                {self.footer()}
                if let Some(Work { what, percent }) = self.loading.clone() { <Working {what} {percent} /> }
                {self.dialog_view(send)}
            </>
        }
    }
}

impl App {
    fn send(&self, message: &ToEngine) {
        if let Some(engine) = &self.engine {
            engine.send(message);
        }
    }

    fn ask(&self) {
        self.send(&ToEngine::View(self.view.clone()));
    }

    fn shown(&self) -> Shown {
        Shown {
            view: self.view.clone(),
            report: self.report.clone(),
            callers: self.callers.clone(),
            beside: Beside {
                request: self.request().cloned(),
                ..self.screen.beside.clone()
            },
        }
    }

    /// Does something to the cluster, or asks first; answers whether the page changes.
    fn command(&mut self, command: UserCommand) -> bool {
        let asks = self.screen.clock.present.is_some();
        if asks {
            self.held = Some(command);
            self.dialog = Some(Dialog::CarryOn);
        } else {
            self.give(command);
        }
        asks
    }

    fn end_look_back(&mut self, carry_on: bool) {
        self.send(&ToEngine::Clock(match carry_on {
            true => ClockCommand::CarryOn,
            false => ClockCommand::ReturnToNow,
        }));
        if let Some(command) = self.held.take().filter(|_| carry_on) {
            self.give(command);
        }
        self.show_dialog(None);
    }

    fn show_dialog(&mut self, dialog: Option<Dialog>) {
        self.dialog = dialog;
        self.held = None;
        if dialog == Some(Dialog::Aside) {
            self.aside = None;
            self.send(&ToEngine::Aside(AsideCommand::List));
        }
    }

    fn give(&mut self, command: UserCommand) {
        let id = self.next_id;
        self.next_id += 1;
        if matches!(command, UserCommand::Apply { .. }) {
            self.applying = Some(id);
        }
        self.send(&ToEngine::Command { id, command });
    }

    fn open(&mut self, tab: Tab) {
        if tab != Tab::Details {
            self.before = tab;
        }
        self.view.tab = tab;
        self.on_stage = false;
        self.flow.show_way(self.way());
        self.ask();
    }

    /// What was chosen is shown; what was chosen already is put away.
    fn choose(&mut self, spot: Spot) {
        let again = self.view.chosen == spot || spot.kind.is_empty();
        self.view.chosen = if again { Spot::default() } else { spot };
        self.on_stage = again;
        self.view.tab = if again { self.before } else { Tab::Details };
        self.note_callers();
        self.flow.show_way(self.way());
        self.ask();
    }

    /// Reads an object; of no name: returns to the list.
    fn show_object(&mut self, at: Place) {
        if at.name.is_empty() {
            dom::focus_soon("[data-testid=objects-kind]");
        }
        self.view.objects.chosen = at;
        self.ask();
    }

    fn key(&mut self, key: Key) {
        let clock = &self.screen.clock;
        match key {
            Key::Pause => {
                let paused = clock.paused;
                self.send(&ToEngine::Clock(if paused {
                    ClockCommand::Resume
                } else {
                    ClockCommand::Pause
                }));
            }
            Key::Next => self.send(&ToEngine::Clock(ClockCommand::NextEvent)),
            Key::Pace(step) => {
                let speed = time_bar::other_speed(clock.speed, step);
                self.send(&ToEngine::Clock(ClockCommand::Speed(speed)));
            }
            Key::Tab(number) => {
                if let Some(tab) = TABS.get(usize::from(number)) {
                    self.open(tab.0);
                }
            }
            Key::Filter => {
                self.open(Tab::Writes);
                dom::focus_soon("[data-testid=trace-filter]");
            }
            Key::Help => self.dialog = Some(Dialog::Help),
            Key::Escape if self.reads_object() => self.show_object(Place::default()),
            Key::Escape if !self.view.chosen.kind.is_empty() => self.choose(Spot::default()),
            Key::Escape => {}
        }
    }

    fn reads_object(&self) -> bool {
        self.view.tab == Tab::Objects && !self.view.objects.chosen.name.is_empty()
    }

    /// Takes in what the engine says; answers whether the page changes.
    fn hear(&mut self, message: FromEngine) -> bool {
        match message {
            FromEngine::Ready => {
                let fragment = dom::fragment();
                self.send(&ToEngine::Open { fragment });
                self.ask();
                self.anew = true;
            }
            FromEngine::Loading { what, percent } => self.loading = Some(Work { what, percent }),
            FromEngine::Loaded => self.loading = None,
            FromEngine::Aside(kept) => self.aside = Some(Rc::new(kept)),
            FromEngine::Screen(update) => {
                let anew = std::mem::take(&mut self.anew);
                if anew {
                    self.screen = Screen::default();
                }
                // A request of another session, or one sent after going back, may have this id too.
                if anew || update.request.is_some() {
                    self.cleared = 0;
                }
                let pods = anew || !update.pods.is_empty() || !update.gone.is_empty();
                let asked = update.request.is_some();
                let pulses = update.pulses.clone();
                let packets = update.packets.clone();
                self.screen.take(*update);
                if pods {
                    self.sort_pods();
                }
                if !self.alive {
                    self.alive = true;
                    dom::mark_ready();
                }
                self.flow.hear(&packets, &pulses);
                if asked {
                    self.flow.show_way(self.way());
                    self.flow.travel();
                }
            }
            FromEngine::Done { id, report } => self.done(id, report),
            FromEngine::Link(fragment) => self.say(dom::put_link(&fragment), false),
            FromEngine::File(text) => {
                dom::save_file(&text);
                self.say(
                    "The situation is in the file kubarium.json.".to_owned(),
                    false,
                );
            }
            FromEngine::Notice(text) => self.say(text, false),
            FromEngine::Offer {
                text,
                label,
                remedy,
            } => {
                self.offer = Some(Offer {
                    text,
                    label,
                    remedy,
                });
            }
            // Whoever keeps the engine for the page hears these.
            FromEngine::Pong | FromEngine::Crashed(_) => return false,
        }
        true
    }

    fn done(&mut self, id: u32, report: Report) {
        let bad = !report.errors.is_empty();
        let text = match report.errors.first() {
            Some(error) => error.message.clone(),
            None => report.lines.join("; "),
        };
        if self.applying == Some(id) {
            self.applying = None;
            let errors = value::to_value(&report.errors).unwrap_or_default();
            editor::mark(&errors.to_string());
            self.report = Rc::new(report);
        }
        self.say(text, bad);
    }

    fn say(&mut self, text: String, bad: bool) {
        let id = self.said.id + 1;
        self.said = Said { id, text, bad };
    }

    fn sort_pods(&mut self) {
        let mut sorted: BTreeMap<String, Vec<Arc<PodView>>> = BTreeMap::new();
        for pod in self.screen.pods.values() {
            sorted
                .entry(pod.node.clone())
                .or_default()
                .push(pod.clone());
        }
        let old = std::mem::take(&mut self.by_node);
        let kept = |(node, pods): (String, Vec<Arc<PodView>>)| {
            let pods = match old.get(&node) {
                Some(before) if **before == pods => before.clone(),
                _ => Rc::new(pods),
            };
            (node, pods)
        };
        self.by_node = sorted.into_iter().map(kept).collect();
        self.note_callers();
    }

    /// The Pods that a request can be sent from: the one chosen first.
    fn note_callers(&mut self) {
        let chosen = Some(&self.view.chosen).filter(|spot| spot.is("pod"));
        let chosen = chosen.map(|spot| spot.at.clone());
        let running = self.screen.pods.values().filter(|pod| {
            let system = pod.at.namespace == "kube-system";
            !system && pod.status == "Running" && Some(&pod.at) != chosen.as_ref()
        });
        let mut callers: Vec<Place> = chosen.iter().cloned().collect();
        callers.extend(
            running
                .take(CALLERS_LIMIT as usize)
                .map(|pod| pod.at.clone()),
        );
        if *self.callers != callers {
            self.callers = Rc::new(callers);
        }
    }

    /// The last request, unless the person has seen enough of it.
    fn request(&self) -> Option<&Arc<crate::protocol::RequestView>> {
        let request = self.screen.beside.request.as_ref();
        request.filter(|request| request.id != self.cleared)
    }

    /// The spots of the last request, while a tab that tells of it is open.
    fn way(&self) -> Vec<Spot> {
        let tells = matches!(self.view.tab, Tab::Services | Tab::Details);
        let request = self.request().filter(|_| tells);
        let hops = request
            .map(|request| request.hops.as_slice())
            .unwrap_or_default();
        hops.iter().map(|hop| hop.spot.clone()).collect()
    }

    fn footer(&self) -> Html {
        let Said { text, bad, id } = &self.said;
        let mood = if *bad { "failing" } else { "ready" };
        html! {
            <div class="said" role="status" data-testid="said">
                {self.offer_view()}
                if text.is_empty() {
                    <span class="muted hint">{"What you do is answered here. Press ? for the keys."}</span>
                } else {
                    <span key={*id} class={format!("said-text {mood}")}>{super::icon::shape(mood)}<span>{text}</span></span>
                }
            </div>
        }
    }

    /// The page before the first screen. Where the engine crashes again and again, that is told here.
    fn first_view(&self) -> Html {
        let told = self.offer.is_some() || !self.said.text.is_empty();
        html! {
            <>
                if let Some(Work { what, percent }) = self.loading.clone() {
                    <Loading {what} {percent} />
                } else {
                    <header class="bar">{bar::brand()}</header>
                    <main class="desk"></main>
                }
                if told { {self.footer()} }
            </>
        }
    }

    fn offer_view(&self) -> Html {
        let Some(offer) = &self.offer else {
            return Html::default();
        };
        let answer = |accepted| self.send.reform(move |_: MouseEvent| Msg::Accept(accepted));
        html! {
            <span class="said-text failing" data-testid="offered">
                {super::icon::shape("failing")}<span>{&offer.text}</span>
                <button onclick={answer(true)} data-testid="offer">{&offer.label}</button>
                <button onclick={answer(false)}>{"Close"}</button>
            </span>
        }
    }

    fn dialog_view(&self, send: Callback<Msg>) -> Html {
        match self.dialog {
            Some(Dialog::Help) => html! { <Help {send} /> },
            Some(Dialog::NewCluster) => html! { <NewClusterForm {send} /> },
            Some(Dialog::Aside) => html! { <KeptAside kept={self.aside.clone()} {send} /> },
            Some(Dialog::CarryOn) => {
                html! { <CarryOn clock={self.screen.clock.clone()} storage={self.screen.storage.clone()} {send} /> }
            }
            Some(Dialog::Delete) => {
                html! { <DeleteObject objects={self.screen.beside.objects.clone()} {send} /> }
            }
            None => Html::default(),
        }
    }
}
