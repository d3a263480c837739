//! The worker's shell: the clock that drives a session, what is saved, the messages.
//!
//! It decides nothing about the cluster: that is `session` and below.

// The browser calls back: its closures share the engine.
#![allow(clippy::disallowed_types)]

mod clock;
mod storage;

use crate::api::meta;
use crate::cluster::ClusterConfig;
use crate::dashboard::Dashboard;
use crate::protocol::{Clock, ClockCommand, FromEngine, Storage, ToEngine};
use crate::session::{Saved, Session, config_of, decode_link, encode_link};
use crate::sim::SimTime;
use clock::Pace;
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
/// The most events that happen in one tick: a fast clock slows down rather than the worker.
const EVENTS_PER_TICK: u32 = 20_000;
/// How far a new cluster runs before it is shown, so that the first screen is alive.
const HEAD_START_MICROS: u64 = 25_000_000;

struct Engine {
    session: Session,
    pace: Pace,
    storage: Storage,
    dashboard: Dashboard,
    open: bool,
    ticks: u32,
}

type Shared = Rc<RefCell<Engine>>;

/// Starts the worker.
pub fn run() {
    console_error_panic_hook::set_once();
    post(&FromEngine::Loading("creating the cluster".to_owned()));
    let engine = Rc::new(RefCell::new(Engine {
        session: Session::new(ClusterConfig::default()),
        pace: Pace::new(),
        storage: Storage::Unknown,
        dashboard: Dashboard::default(),
        open: false,
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
        ToEngine::Open { fragment } => spawn_local(open(engine.clone(), fragment)),
        ToEngine::Command { id, command } => {
            let report = engine.borrow_mut().session.execute(command);
            let engine = engine.clone();
            spawn_local(async move {
                save(&engine).await;
                post(&FromEngine::Done { id, report });
            });
        }
        ToEngine::Clock(command) => {
            engine.borrow_mut().clock(command);
            save_soon(engine);
        }
        ToEngine::View(request) => engine.borrow_mut().dashboard.ask(request),
        ToEngine::New(new) => match config_of(&new) {
            Ok(config) => {
                engine.borrow_mut().begin(new_session(config));
                save_soon(engine);
            }
            Err(why) => post(&FromEngine::Notice(format!(
                "There is no such cluster: {why}."
            ))),
        },
        ToEngine::MakeLink => {
            let link = encode_link(&engine.borrow().session.save());
            post(&FromEngine::Link(link));
        }
        ToEngine::Export => {
            let saved = engine.borrow().session.save();
            post(&FromEngine::File(
                crate::api::codec::to_value(&saved).to_string(),
            ));
        }
        ToEngine::Import(text) => match parse_saved(&text).and_then(Session::restore) {
            Ok(session) => {
                engine.borrow_mut().begin(session);
                save_soon(engine);
                post(&FromEngine::Notice("The file is open.".to_owned()));
            }
            Err(why) => post(&FromEngine::Notice(format!(
                "The file cannot be opened: {why}"
            ))),
        },
    }
}

fn new_session(config: ClusterConfig) -> Session {
    let mut session = Session::new(config);
    let until = session.start() + crate::sim::SimDuration::micros(HEAD_START_MICROS);
    session.advance(until, u32::MAX);
    session
}

fn parse_saved(text: &str) -> Result<Saved, String> {
    const LIMIT: usize = 8 * 1_024 * 1_024;
    if text.len() > LIMIT {
        return Err(format!("it is over {LIMIT} bytes"));
    }
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|error| format!("it is no JSON ({error})"))?;
    crate::api::codec::from_value(value)
}

/// Opens a link, else what was saved, else a new cluster.
async fn open(engine: Shared, fragment: String) {
    let loaded = storage::load().await;
    let mut storage = match &loaded {
        Ok(_) => Storage::Saved,
        Err(why) => Storage::MemoryOnly(why.clone()),
    };
    let mut session = None;
    if !fragment.is_empty() {
        match decode_link(&fragment).and_then(Session::restore) {
            Ok(linked) => session = Some(linked),
            Err(why) => post(&FromEngine::Notice(why)),
        }
    }
    if session.is_none()
        && let Ok(Some(text)) = loaded
    {
        match parse_saved(&text).and_then(Session::restore) {
            Ok(saved) => session = Some(saved),
            Err(why) => {
                let text =
                    format!("What was saved cannot be opened ({why}); this is a new cluster.");
                post(&FromEngine::Notice(text));
            }
        }
    }
    let session = session.unwrap_or_else(|| new_session(ClusterConfig::default()));
    {
        let mut engine = engine.borrow_mut();
        std::mem::swap(&mut engine.storage, &mut storage);
        engine.begin(session);
        engine.open = true;
    }
    save(&engine).await;
}

fn save_soon(engine: &Shared) {
    let engine = engine.clone();
    spawn_local(async move { save(&engine).await });
}

async fn save(engine: &Shared) {
    let text = crate::api::codec::to_value(&engine.borrow().session.save()).to_string();
    let result = storage::store(&text).await;
    let mut engine = engine.borrow_mut();
    let before = engine.storage.clone();
    engine.storage = match result {
        Ok(()) => Storage::Saved,
        Err(why) => Storage::MemoryOnly(why),
    };
    if let Storage::MemoryOnly(why) = &engine.storage
        && before == Storage::Saved
    {
        let text = format!("Nothing can be saved ({why}). The cluster goes on in memory.");
        post(&FromEngine::Notice(text));
    }
}

fn tick(engine: &Shared) {
    let save_now = {
        let mut engine = engine.borrow_mut();
        if !engine.open {
            return;
        }
        let now = engine.session.cluster().now();
        let until = engine.pace.target(now);
        if !engine.session.advance(until, EVENTS_PER_TICK) {
            engine.pace.fell_behind();
        }
        engine.show();
        engine.ticks += 1;
        engine.ticks.is_multiple_of(SAVE_TICKS) && !engine.pace.paused()
    };
    if save_now {
        save_soon(engine);
    }
}

impl Engine {
    fn begin(&mut self, session: Session) {
        self.session = session;
        self.dashboard.forget();
        self.pace.restart();
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
            ClockCommand::RewindTo(micros) => {
                let to = SimTime::from_micros(micros).min(self.session.cluster().now());
                self.session.rewind(to);
                self.dashboard.forget();
                self.pace.restart();
            }
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
