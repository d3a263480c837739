//! The worker, as the page sees it: JSON texts out, JSON texts in.

use crate::protocol::{FromEngine, ToEngine};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{MessageEvent, Worker};

/// The engine's worker.
#[derive(Clone, PartialEq)]
pub struct Engine {
    worker: Worker,
}

impl Engine {
    /// Starts the worker; `on_message` gets everything it says.
    ///
    /// # Errors
    /// The browser's refusal.
    pub fn start(on_message: impl Fn(FromEngine) + 'static) -> Result<Self, JsValue> {
        let worker = Worker::new("./engine_loader.js")?;
        let listener = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            let text = event.data().as_string().unwrap_or_default();
            if let Ok(message) = serde_json::from_str(&text) {
                on_message(message);
            }
        });
        worker.set_onmessage(Some(listener.as_ref().unchecked_ref()));
        listener.forget();
        Ok(Self { worker })
    }

    /// Says something to the engine.
    pub fn send(&self, message: &ToEngine) {
        let Ok(text) = serde_json::to_string(message) else {
            return;
        };
        // A worker that is gone hears nothing; the page has said so already.
        let _ = self.worker.post_message(&JsValue::from_str(&text));
    }
}
