//! Waiting in a worker: for a while, for something but no longer, for a lock.

use js_sys::{Function, Object, Promise, Reflect};
use std::future::Future;
use std::pin::pin;
use std::task::Poll;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::AbortController;

/// How long a tab waits for one that is just being closed.
const LOCK_PATIENCE_MS: i32 = 1_500;

/// Lets `ms` milliseconds pass, and messages come in meanwhile.
pub async fn sleep(ms: i32) {
    let promise = Promise::new(&mut |resolve, _| {
        let global = js_sys::global();
        let timer = Reflect::get(&global, &"setTimeout".into());
        if let Ok(timer) = timer.and_then(|timer| timer.dyn_into::<Function>()) {
            // A global without timers has no clock to drive either.
            let _ = timer.call2(&global, &resolve, &ms.into());
        }
    });
    let _ = JsFuture::from(promise).await;
}

/// What `work` comes to; `None` where it takes longer than `ms` milliseconds.
pub async fn within<T>(ms: i32, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut late = pin!(sleep(ms));
    std::future::poll_fn(|context| {
        if let Poll::Ready(result) = work.as_mut().poll(context) {
            return Poll::Ready(Some(result));
        }
        late.as_mut().poll(context).map(|()| None)
    })
    .await
}

/// Takes a lock for as long as this worker lives; answers whether it could. A browser without locks
/// gives it to everybody.
pub async fn lock(name: &str) -> bool {
    let navigator = Reflect::get(&js_sys::global(), &"navigator".into());
    let locks = navigator.and_then(|navigator| Reflect::get(&navigator, &"locks".into()));
    let Ok(locks) = locks.and_then(|locks| locks.dyn_into::<Object>()) else {
        return true;
    };
    let request = Reflect::get(&locks, &"request".into());
    let Ok(request) = request.and_then(|request| request.dyn_into::<Function>()) else {
        return true;
    };
    let answer = Promise::new(&mut |resolve, _| ask(&locks, &request, name, &resolve));
    let answer = within(2 * LOCK_PATIENCE_MS, JsFuture::from(answer)).await;
    matches!(answer, Some(Ok(granted)) if granted.is_truthy())
}

fn ask(locks: &Object, request: &Function, name: &str, resolve: &Function) {
    let say = |resolve: &Function, granted: bool| {
        // Nobody listens any more once the first answer is there.
        let _ = resolve.call1(&JsValue::NULL, &granted.into());
    };
    let answer = resolve.clone();
    let granted = Closure::once_into_js(move |_lock: JsValue| -> Promise {
        say(&answer, true);
        // The lock is held until this promise is kept: it never is.
        Promise::new(&mut |_, _| {})
    });
    let options = Object::new();
    let set = Reflect::set(&options, &"signal".into(), &patience());
    if set.is_err() {
        return say(resolve, true);
    }
    let answer = resolve.clone();
    let refused = Closure::once(move |_: JsValue| say(&answer, false));
    match request.call3(locks, &name.into(), &options, &granted) {
        Ok(promise) => {
            let _ = Promise::from(promise).catch(&refused);
            refused.forget();
        }
        Err(_) => say(resolve, true),
    }
}

/// A signal that ends the wait for a lock. It has its own timer: `AbortSignal.timeout` came to
/// browsers later than locks did.
fn patience() -> JsValue {
    let Ok(controller) = AbortController::new() else {
        return JsValue::UNDEFINED;
    };
    let signal = controller.signal();
    spawn_local(async move {
        sleep(LOCK_PATIENCE_MS).await;
        controller.abort();
    });
    signal.into()
}
