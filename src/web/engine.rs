//! The worker, as the page sees it: JSON texts out, JSON texts in. A worker that crashes or hangs is
//! replaced, and the new one opens what is saved; where that crashes again at once, the person
//! decides.

// Two crashes are told apart by real time.
#![allow(clippy::disallowed_methods)]

use crate::protocol::{FromEngine, Outbox, Outgoing, Remedy, ToEngine};
use crate::value;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Event, MessageEvent, Worker};

/// How often the worker is asked whether it lives, in milliseconds.
const PING_MS: i32 = 5_000;
/// How many questions in a row it may leave unanswered. They are counted, not timed: a computer that
/// slept has asked nothing.
const SILENCE_LIMIT: u32 = 8;
/// Two crashes within this time, in milliseconds, are the same trouble.
const AGAIN_MS: f64 = 60_000.0;

struct State {
    worker: Option<Worker>,
    on_message: Rc<dyn Fn(FromEngine)>,
    /// What it has not answered, and what waits for the next one.
    outbox: Outbox,
    /// Whether this worker has said anything yet: it may take long to load.
    heard: bool,
    silence: u32,
    last_crash_ms: Option<f64>,
    /// The next worker opens nothing that is saved.
    anew: bool,
}

/// The engine's worker.
#[derive(Clone)]
pub struct Engine {
    state: Rc<RefCell<State>>,
}

impl Engine {
    /// Starts the worker; `on_message` gets everything it says.
    ///
    /// # Errors
    /// The browser's refusal.
    pub fn start(on_message: impl Fn(FromEngine) + 'static) -> Result<Self, JsValue> {
        let state = State {
            worker: None,
            on_message: Rc::new(on_message),
            outbox: Outbox::default(),
            heard: false,
            silence: 0,
            last_crash_ms: None,
            anew: false,
        };
        let engine = Self {
            state: Rc::new(RefCell::new(state)),
        };
        engine.begin()?;
        engine.watch()?;
        Ok(engine)
    }

    /// Says something to the engine. To begin anew, a worker that is gone is replaced.
    pub fn send(&self, message: &ToEngine) {
        if matches!(message, ToEngine::OpenAnew) && self.state.borrow().worker.is_none() {
            {
                let mut state = self.state.borrow_mut();
                state.anew = true;
                state.outbox.start();
            }
            self.begin_or_tell();
            return;
        }
        let outgoing = {
            let mut state = self.state.borrow_mut();
            let anew = matches!(message, ToEngine::Open { .. }) && std::mem::take(&mut state.anew);
            let message = if anew { &ToEngine::OpenAnew } else { message };
            state.outbox.say(message.clone())
        };
        match outgoing {
            Outgoing::Keep => {}
            Outgoing::Answer(answer) => self.tell(answer),
            Outgoing::Post(messages) => messages.iter().for_each(|message| self.post(message)),
        }
    }

    fn post(&self, message: &ToEngine) {
        let state = self.state.borrow();
        if let (Some(worker), Ok(value)) = (&state.worker, value::to_value(message)) {
            // A worker that ends just now hears nothing; it is replaced, and its commands answered.
            let _ = worker.post_message(&JsValue::from_str(&value.to_string()));
        }
    }

    fn begin(&self) -> Result<(), JsValue> {
        let worker = Worker::new("./engine_loader.js")?;
        let engine = self.clone();
        let own = worker.clone();
        let listener = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            let text = event.data().as_string().unwrap_or_default();
            let value = serde_json::from_str(&text).ok();
            if let Some(message) = value.and_then(|value| value::from_value(value).ok()) {
                engine.hear(&own, message);
            }
        });
        worker.set_onmessage(Some(listener.as_ref().unchecked_ref()));
        listener.forget();
        let engine = self.clone();
        let own = worker.clone();
        let failed = Closure::<dyn FnMut(Event)>::new(move |event: Event| {
            let why = js_sys::Reflect::get(&event, &"message".into());
            let why = why.ok().and_then(|why| why.as_string());
            engine.crashed(
                &own,
                &why.unwrap_or_else(|| "it could not be loaded".to_owned()),
            );
        });
        worker.set_onerror(Some(failed.as_ref().unchecked_ref()));
        failed.forget();
        let mut state = self.state.borrow_mut();
        (state.worker, state.heard, state.silence) = (Some(worker), false, 0);
        Ok(())
    }

    fn begin_or_tell(&self) -> bool {
        let begun = self.begin().is_ok();
        if !begun {
            self.tell(FromEngine::Loaded);
            let text = "This browser cannot start the cluster's engine again: load the page anew.";
            self.tell(FromEngine::Notice(text.to_owned()));
            self.answer_lost(false);
        }
        begun
    }

    /// Asks the worker again and again whether it lives.
    fn watch(&self) -> Result<(), JsValue> {
        let engine = self.clone();
        let ask = Closure::<dyn FnMut()>::new(move || engine.ask());
        let window = web_sys::window().ok_or(JsValue::NULL)?;
        window.set_interval_with_callback_and_timeout_and_arguments_0(
            ask.as_ref().unchecked_ref(),
            PING_MS,
        )?;
        ask.forget();
        Ok(())
    }

    fn ask(&self) {
        let hangs = {
            let mut state = self.state.borrow_mut();
            state.silence += u32::from(state.heard);
            let worker = state.worker.clone();
            worker.filter(|_| state.silence > SILENCE_LIMIT)
        };
        match hangs {
            Some(worker) => self.crashed(&worker, "it no longer answers"),
            None => self.send(&ToEngine::Ping),
        }
    }

    fn is_current(&self, worker: &Worker) -> bool {
        self.state.borrow().worker.as_ref() == Some(worker)
    }

    fn hear(&self, worker: &Worker, message: FromEngine) {
        if !self.is_current(worker) {
            return;
        }
        {
            let mut state = self.state.borrow_mut();
            (state.heard, state.silence) = (true, 0);
            state.outbox.hear(&message);
        }
        match message {
            FromEngine::Pong => {}
            FromEngine::Crashed(why) => self.crashed(worker, &why),
            other => self.tell(other),
        }
    }

    fn tell(&self, message: FromEngine) {
        let on_message = self.state.borrow().on_message.clone();
        on_message(message);
    }

    /// Answers the commands that are lost with a worker.
    fn answer_lost(&self, starts_again: bool) {
        let answers = self.state.borrow_mut().outbox.crashed(starts_again);
        answers.into_iter().for_each(|answer| self.tell(answer));
    }

    /// Replaces a worker that is no use any more; the second time in a row, the person is asked.
    fn crashed(&self, worker: &Worker, why: &str) {
        if !self.is_current(worker) {
            return;
        }
        worker.terminate();
        let now = js_sys::Date::now();
        let again = {
            let mut state = self.state.borrow_mut();
            state.worker = None;
            let before = state.last_crash_ms.replace(now);
            before.is_some_and(|before| now - before < AGAIN_MS)
        };
        let why = why.lines().next().unwrap_or_default();
        if again {
            let text = format!(
                "The cluster's engine crashed again ({why}). Load the page to try once more, or start anew: what is saved is kept aside."
            );
            self.tell(FromEngine::Loaded);
            self.tell(FromEngine::Offer {
                text,
                label: "Start anew".to_owned(),
                remedy: Remedy::OpenAnew,
            });
            self.answer_lost(false);
            return;
        }
        self.tell(FromEngine::Loading {
            what: "starting the cluster's engine again".to_owned(),
            percent: None,
        });
        if !self.begin_or_tell() {
            return;
        }
        let text = format!(
            "The cluster's engine crashed ({why}). It was started again and goes on from what is saved."
        );
        self.tell(FromEngine::Notice(text));
        // Last, as one line holds all that is told: each of these tells of the crash too.
        self.answer_lost(true);
    }
}
