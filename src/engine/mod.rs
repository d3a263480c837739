//! The worker's shell: the clock that drives a session, what is saved, the messages.
//!
//! It decides nothing about the cluster: that is `session` and below.

// The browser calls back: its closures share the engine.
#![allow(clippy::disallowed_types)]

mod aside;
mod clock;
mod opening;
mod saving;
pub mod storage;
pub mod wait;

use crate::api::meta;
use crate::cluster::ClusterConfig;
use crate::dashboard::Dashboard;
use crate::protocol::{
    Clock, ClockCommand, FromEngine, Present, Report, ReportError, Storage, ToEngine, UserCommand,
};
use crate::session::{Past, Session, config_of};
use crate::sim::SimTime;
use clock::Pace;
use saving::Saving;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

/// How often time moves on and the screen is looked at, in milliseconds.
const TICK_MS: i32 = 50;
/// How often the moment reached is saved, in ticks.
const SAVE_TICKS: u32 = 100;
/// The most events that happen in one tick, and the longest that they may take, in milliseconds: a
/// fast clock slows down rather than the worker.
const EVENTS_PER_TICK: u32 = 20_000;
const EVENTS_MS: u64 = 40;
/// How many events happen between two looks at the real clock.
const SLICE_EVENTS: u32 = 500;
/// How many messages wait while a session is opened.
const QUEUE_LIMIT: usize = 1_000;

/// A look back.
struct LookBack {
    past: Past,
    /// Whether time stood still before it.
    was_paused: bool,
}

struct Engine {
    /// The session in the present: what is saved, whatever is on the screen.
    session: Session,
    /// What is on the screen instead of the present.
    back: Option<LookBack>,
    pace: Pace,
    storage: Storage,
    saving: Saving,
    dashboard: Dashboard,
    open: bool,
    /// A session is being opened or taken back: nothing else is done to it.
    busy: bool,
    /// What the page said meanwhile.
    queue: Vec<ToEngine>,
    /// What waits for the person's word, since it would lose the cluster there is.
    asked: Option<ToEngine>,
    /// The person has said that what is done now may lose it.
    anyway: bool,
    ticks: u32,
}

type Shared = Rc<RefCell<Engine>>;

/// Starts the worker.
pub fn run() {
    std::panic::set_hook(Box::new(|panic| {
        console_error_panic_hook::hook(panic);
        post(&FromEngine::Crashed(panic.to_string()));
    }));
    let engine = Rc::new(RefCell::new(Engine {
        session: Session::new(ClusterConfig::default()),
        back: None,
        pace: Pace::new(),
        storage: Storage::Unknown,
        saving: Saving::new(clock::chance()),
        dashboard: Dashboard::default(),
        open: false,
        busy: false,
        queue: Vec::new(),
        asked: None,
        anyway: false,
        ticks: 0,
    }));
    listen(&engine);
    post(&FromEngine::Ready);
}

fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

fn post(message: &FromEngine) {
    let text = crate::api::codec::to_value(message).to_string();
    // A page that is gone hears nothing; there is nobody to tell.
    let _ = scope().post_message(&JsValue::from_str(&text));
}

fn listen(engine: &Shared) {
    let shared = engine.clone();
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        let message = event
            .data()
            .as_string()
            .and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok())
            .and_then(|value| crate::api::codec::from_value::<ToEngine>(value).ok());
        match message {
            Some(message) => handle(&shared, message),
            None => post(&FromEngine::Notice(
                "The engine did not understand the page: load it anew.".to_owned(),
            )),
        }
    });
    scope().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();
    let shared = engine.clone();
    let on_tick = Closure::<dyn FnMut()>::new(move || tick(&shared));
    let ticking = scope().set_interval_with_callback_and_timeout_and_arguments_0(
        on_tick.as_ref().unchecked_ref(),
        TICK_MS,
    );
    debug_assert!(ticking.is_ok(), "a worker has timers");
    on_tick.forget();
}

fn handle(engine: &Shared, message: ToEngine) {
    match message {
        ToEngine::Ping => post(&FromEngine::Pong),
        ToEngine::CrashForTest => panic!("a test asked for it"),
        ToEngine::Open { fragment } => {
            begin(engine, opening::open(engine.clone(), fragment, false))
        }
        ToEngine::OpenAnew => begin(engine, opening::open(engine.clone(), String::new(), true)),
        ToEngine::View(request) => engine.borrow_mut().dashboard.ask(request),
        later if engine.borrow().busy => wait(engine, later),
        ToEngine::Anyway => {
            let asked = engine.borrow_mut().asked.take();
            if let Some(asked) = asked {
                engine.borrow_mut().anyway = true;
                act(engine, asked);
            }
        }
        message => match opening::loss(engine, &message) {
            Some(why) => opening::ask(engine, message, &why),
            None => {
                engine.borrow_mut().anyway = false;
                act(engine, message);
            }
        },
    }
}

/// Does what the page asks of a session that is open.
fn act(engine: &Shared, message: ToEngine) {
    match message {
        ToEngine::Command { id, command } => {
            let report = engine.borrow_mut().execute(command);
            saving::confirm(engine, id, report);
        }
        ToEngine::Clock(ClockCommand::RewindTo(micros)) => {
            let to = SimTime::from_micros(micros);
            let earlier = to < engine.borrow().session.cluster().now();
            match earlier {
                true => begin(engine, opening::rewind(engine.clone(), to)),
                false => engine.borrow_mut().clock(ClockCommand::ReturnToNow),
            }
        }
        ToEngine::Clock(ClockCommand::CarryOn) => {
            begin(engine, opening::carry_on(engine.clone()));
        }
        ToEngine::Clock(command) => {
            engine.borrow_mut().clock(command);
            saving::soon(engine);
        }
        ToEngine::New(new) => match config_of(&new) {
            Ok(config) => begin(
                engine,
                opening::replace(engine.clone(), config, ToEngine::New(new)),
            ),
            Err(why) => post(&FromEngine::Notice(format!(
                "There is no such cluster: {why}."
            ))),
        },
        ToEngine::MakeLink => make_link(engine),
        ToEngine::Export => {
            let text = opening::to_file(&engine.borrow().session);
            post(&FromEngine::File(text));
        }
        ToEngine::Aside(command) => aside::handle(engine, command),
        ToEngine::Import(text) => begin(engine, opening::import(engine.clone(), text, None)),
        // The others were heard before.
        _ => {}
    }
}

/// What comes while a session is opened waits, up to a limit.
fn wait(engine: &Shared, message: ToEngine) {
    let queue = &mut engine.borrow_mut().queue;
    match message {
        message if queue.len() < QUEUE_LIMIT => queue.push(message),
        ToEngine::Command { id, .. } => post(&FromEngine::Done {
            id,
            report: refusal("too much waits already: this was not done"),
        }),
        _ => post(&FromEngine::Notice(
            "Too much waits already: this was not done.".to_owned(),
        )),
    }
}

/// The answer to a command that is not carried out.
fn refusal(message: &str) -> Report {
    let error = ReportError {
        message: message.to_owned(),
        line: 0,
    };
    Report {
        errors: vec![error],
        ..Report::default()
    }
}

/// Begins something during which nothing else is done to the session; it ends with [`go_on`].
fn begin(engine: &Shared, work: impl Future<Output = ()> + 'static) {
    engine.borrow_mut().busy = true;
    spawn_local(work);
}

/// A session has been opened or taken back: what the page said meanwhile is done now.
fn go_on(engine: &Shared) {
    let queue = {
        let mut engine = engine.borrow_mut();
        engine.busy = false;
        std::mem::take(&mut engine.queue)
    };
    post(&FromEngine::Loaded);
    saving::soon(engine);
    for message in queue {
        handle(engine, message);
    }
}

fn make_link(engine: &Shared) {
    // A link is of the moment on the screen.
    let link = engine.borrow().on_screen().link();
    match link {
        Ok(link) => {
            // The page puts it into the address bar: a reload must not go back to it.
            engine.borrow_mut().saving.keeper.note_link(&link);
            saving::soon(engine);
            post(&FromEngine::Link(link));
        }
        Err(why) => post(&FromEngine::Notice(why)),
    }
}

fn tick(engine: &Shared) {
    let save_now = {
        let mut engine = engine.borrow_mut();
        if !engine.open || engine.busy {
            return;
        }
        engine.run();
        engine.show();
        engine.ticks += 1;
        engine.ticks.is_multiple_of(SAVE_TICKS)
    };
    if save_now {
        saving::if_changed(engine);
    }
}

fn on_screen<'a>(present: &'a Session, back: Option<&'a LookBack>) -> &'a Session {
    back.map_or(present, |back| back.past.session())
}

impl Engine {
    fn begin(&mut self, session: Session) {
        self.session = session;
        self.back = None;
        // The address bar may still hold a link: a reload means this session all the same.
        self.saving.keeper.forget();
        self.saving.leaving = None;
        self.dashboard.forget();
        self.pace.restart();
    }

    /// The session at the moment that the page shows.
    fn on_screen(&self) -> &Session {
        on_screen(&self.session, self.back.as_ref())
    }

    /// Does what the person asks; the past stays as it was.
    fn execute(&mut self, command: UserCommand) -> Report {
        if self.back.is_none() {
            return self.session.execute(command);
        }
        refusal("this is an earlier moment: carry on from here first, or return to now")
    }

    /// Shows an earlier moment, at which time stands still.
    fn look_back(&mut self, past: Past) {
        let was_paused = match &self.back {
            None => self.pace.paused(),
            Some(back) => back.was_paused,
        };
        self.back = Some(LookBack { past, was_paused });
        self.pace.set_paused(true);
        self.dashboard.forget();
    }

    /// Shows the present again, or takes the moment on the screen for it.
    fn end_look_back(&mut self, carry_on: bool) {
        let Some(back) = self.back.take() else {
            return;
        };
        if carry_on {
            self.session = back.past.carry_on();
        }
        self.pace.set_paused(back.was_paused);
        self.dashboard.forget();
    }

    /// Lets the cluster follow the clock, for no longer than a tick may take.
    fn run(&mut self) {
        let until = self.pace.target(self.on_screen().cluster().now());
        let began = clock::now_ms();
        for _ in 0..EVENTS_PER_TICK / SLICE_EVENTS {
            let there = match &mut self.back {
                None => self.session.advance(until, SLICE_EVENTS),
                Some(back) => back.past.advance(until, SLICE_EVENTS),
            };
            if there {
                return self.see_the_end();
            }
            if clock::now_ms().saturating_sub(began) > EVENTS_MS {
                break;
            }
        }
        self.pace.fell_behind();
    }

    /// A past that has been watched to its end is the present.
    fn see_the_end(&mut self) {
        if self.back.as_ref().is_some_and(|back| back.past.is_over()) {
            let paused = self.pace.paused();
            self.end_look_back(false);
            self.pace.set_paused(paused);
        }
    }

    fn clock(&mut self, command: ClockCommand) {
        match command {
            ClockCommand::Pause => self.pace.set_paused(true),
            ClockCommand::Resume => self.pace.set_paused(false),
            ClockCommand::Speed(speed) => self.pace.set_speed(speed),
            ClockCommand::NextEvent => {
                self.pace.set_paused(true);
                match &mut self.back {
                    None => self.session.step(),
                    Some(back) => back.past.step(),
                }
                self.see_the_end();
            }
            ClockCommand::ReturnToNow => self.end_look_back(false),
            // These take long, and have futures of their own.
            ClockCommand::CarryOn | ClockCommand::RewindTo(_) => {}
        }
    }

    /// Sends what is not on the page yet.
    fn show(&mut self) {
        let session = on_screen(&self.session, self.back.as_ref());
        let now = session.cluster().now();
        let present = self.back.as_ref().map(|back| Present {
            now: self.session.cluster().now().as_micros(),
            commands: back.past.later(),
        });
        let clock = Clock {
            now: now.as_micros(),
            text: meta::rfc3339(now),
            start: session.start().as_micros(),
            paused: self.pace.paused(),
            speed: self.pace.speed(),
            present,
        };
        let storage = self.storage.clone();
        if let Some(update) = self.dashboard.look(session, clock, storage) {
            post(&FromEngine::Screen(Box::new(update)));
        }
    }
}
