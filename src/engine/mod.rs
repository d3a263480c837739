//! The worker's shell: the clock that drives a session, what is saved, the messages.
//!
//! It decides nothing about the cluster: that is `session` and below.

// The browser calls back: its closures share the engine.
#![allow(clippy::disallowed_types)]

mod clock;
mod opening;
mod saving;
pub mod storage;
pub mod wait;

use crate::api::meta;
use crate::cluster::ClusterConfig;
use crate::dashboard::Dashboard;
use crate::protocol::{Clock, ClockCommand, FromEngine, Storage, ToEngine};
use crate::session::{Session, config_of};
use crate::sim::SimTime;
use clock::Pace;
use opening::new_session;
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

struct Engine {
    session: Session,
    pace: Pace,
    storage: Storage,
    saving: Saving,
    dashboard: Dashboard,
    open: bool,
    /// A session is being opened or taken back: nothing else is done to it.
    busy: bool,
    /// What the page said meanwhile.
    queue: Vec<ToEngine>,
    ticks: u32,
}

type Shared = Rc<RefCell<Engine>>;

/// Starts the worker.
pub fn run() {
    std::panic::set_hook(Box::new(|panic| {
        console_error_panic_hook::hook(panic);
        post(&FromEngine::Crashed(panic.to_string()));
    }));
    post(&FromEngine::Loading("creating the cluster".to_owned()));
    let engine = Rc::new(RefCell::new(Engine {
        session: Session::new(ClusterConfig::default()),
        pace: Pace::new(),
        storage: Storage::Unknown,
        saving: Saving::new(clock::chance()),
        dashboard: Dashboard::default(),
        open: false,
        busy: false,
        queue: Vec::new(),
        ticks: 0,
    }));
    listen(&engine);
    post(&FromEngine::Loading("ready".to_owned()));
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
        if let Some(message) = message {
            handle(&shared, message);
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
        later if engine.borrow().busy => {
            let queue = &mut engine.borrow_mut().queue;
            if queue.len() < QUEUE_LIMIT {
                queue.push(later);
            }
        }
        ToEngine::Command { id, command } => {
            let report = engine.borrow_mut().session.execute(command);
            saving::confirm(engine, id, report);
        }
        ToEngine::Clock(ClockCommand::RewindTo(micros)) => {
            let now = engine.borrow().session.cluster().now();
            let to = SimTime::from_micros(micros).min(now);
            begin(engine, opening::rewind(engine.clone(), to));
        }
        ToEngine::Clock(command) => {
            engine.borrow_mut().clock(command);
            saving::soon(engine);
        }
        ToEngine::New(new) => match config_of(&new) {
            Ok(config) => {
                engine.borrow_mut().begin(new_session(config));
                saving::soon(engine);
            }
            Err(why) => post(&FromEngine::Notice(format!(
                "There is no such cluster: {why}."
            ))),
        },
        ToEngine::MakeLink => make_link(engine),
        ToEngine::Export => {
            let text = opening::to_file(&engine.borrow().session);
            post(&FromEngine::File(text));
        }
        ToEngine::ExportAside => spawn_local(export_aside()),
        ToEngine::Import(text) => begin(engine, opening::import(engine.clone(), text)),
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
    saving::soon(engine);
    for message in queue {
        handle(engine, message);
    }
}

fn make_link(engine: &Shared) {
    let link = engine.borrow().session.link();
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

async fn export_aside() {
    post(&match storage::load_aside().await {
        Ok(Some(text)) => FromEngine::File(text),
        Ok(None) => FromEngine::Notice("Nothing is kept aside.".to_owned()),
        Err(why) => FromEngine::Notice(format!("What was kept aside cannot be read: {why}.")),
    });
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

impl Engine {
    fn begin(&mut self, session: Session) {
        self.session = session;
        // The address bar may still hold a link: a reload means this session all the same.
        self.saving.keeper.forget();
        self.dashboard.forget();
        self.pace.restart();
    }

    /// Lets the cluster follow the clock, for no longer than a tick may take.
    fn run(&mut self) {
        let until = self.pace.target(self.session.cluster().now());
        let began = clock::now_ms();
        for _ in 0..EVENTS_PER_TICK / SLICE_EVENTS {
            if self.session.advance(until, SLICE_EVENTS) {
                return;
            }
            if clock::now_ms().saturating_sub(began) > EVENTS_MS {
                break;
            }
        }
        self.pace.fell_behind();
    }

    fn clock(&mut self, command: ClockCommand) {
        match command {
            ClockCommand::Pause => self.pace.set_paused(true),
            ClockCommand::Resume => self.pace.set_paused(false),
            ClockCommand::Speed(speed) => self.pace.set_speed(speed),
            ClockCommand::NextEvent => {
                self.pace.set_paused(true);
                self.session.step();
            }
            // It takes long, and has a future of its own.
            ClockCommand::RewindTo(_) => {}
        }
    }

    /// Sends what is not on the page yet.
    fn show(&mut self) {
        let now = self.session.cluster().now();
        let clock = Clock {
            now: now.as_micros(),
            text: meta::rfc3339(now),
            start: self.session.start().as_micros(),
            paused: self.pace.paused(),
            speed: self.pace.speed(),
        };
        let storage = self.storage.clone();
        if let Some(update) = self.dashboard.look(&self.session, clock, storage) {
            post(&FromEngine::Screen(Box::new(update)));
        }
    }
}
