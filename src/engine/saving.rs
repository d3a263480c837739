//! Saving: after each command, now and then otherwise, one write at a time.
//!
//! What is confirmed is saved. A store that refuses does not stop the cluster: the person is told,
//! every later save tries again, and once one goes through the person is told that too.

use super::storage::{self, WriteError};
use super::{Shared, clock, post};
use crate::protocol::{FromEngine, Report, Storage};
use crate::session::Keeper;
use wasm_bindgen_futures::spawn_local;

const OTHER_SAVED: &str =
    "another cluster is saved here that could not be read at first: load the page anew to open it";

/// What is known of the store, and what waits for it.
#[derive(Default)]
pub struct Saving {
    /// Why this tab never saves; empty where it may.
    pub barred: String,
    /// Whether nobody could read yet what is saved: it is not overwritten before that.
    pub unread: bool,
    /// What the store holds of the session.
    pub keeper: Keeper,
    owner: String,
    /// Whether the store is this tab's already.
    owned: bool,
    writing: bool,
    again: bool,
    /// Commands to be confirmed once they are saved.
    waiting: Vec<(u32, Report)>,
    /// The moment saved last.
    at: u64,
    failed: bool,
    /// The session was kept aside under this name: once it is saved, it no longer is.
    pub leaving: Option<String>,
}

impl Saving {
    /// Of a tab whose saves carry the name `owner`.
    pub fn new(owner: String) -> Self {
        Self {
            owner,
            ..Self::default()
        }
    }

    /// What the page shows of it.
    pub fn storage(&self, before: &Storage) -> Storage {
        match (self.barred.is_empty(), before) {
            (true, Storage::Unknown) => Storage::Saved,
            (true, other) => other.clone(),
            (false, _) => Storage::MemoryOnly(self.barred.clone()),
        }
    }
}

/// Saves, then tells the page that this command was carried out.
pub fn confirm(engine: &Shared, id: u32, report: Report) {
    engine.borrow_mut().saving.waiting.push((id, report));
    soon(engine);
}

/// Saves if time has passed since the last time.
pub fn if_changed(engine: &Shared) {
    let changed = {
        let engine = engine.borrow();
        engine.saving.at != engine.session.cluster().now().as_micros()
    };
    if changed {
        soon(engine);
    }
}

/// Saves, as soon as the write before it is through.
pub fn soon(engine: &Shared) {
    {
        let saving = &mut engine.borrow_mut().saving;
        if saving.writing {
            saving.again = true;
            return;
        }
        saving.writing = true;
    }
    let engine = engine.clone();
    spawn_local(async move {
        loop {
            once(&engine).await;
            let saving = &mut engine.borrow_mut().saving;
            if !std::mem::take(&mut saving.again) {
                saving.writing = false;
                return;
            }
        }
    });
}

async fn once(engine: &Shared) {
    let unread = engine.borrow().saving.unread;
    let mut notice = match unread {
        true => read(engine).await,
        false => None,
    };
    let (batch, waiting, owner, first, leaving) = {
        let engine = &mut *engine.borrow_mut();
        if engine.busy {
            // The session is on its way somewhere: whoever brings it there saves it.
            return;
        }
        let saving = &mut engine.saving;
        let waiting = std::mem::take(&mut saving.waiting);
        let may = saving.barred.is_empty() && !saving.unread;
        let batch = may.then(|| {
            saving.at = engine.session.cluster().now().as_micros();
            saving.keeper.batch(&mut engine.session, clock::now_ms())
        });
        let leaving = saving.leaving.take_if(|_| may);
        (batch, waiting, saving.owner.clone(), !saving.owned, leaving)
    };
    if let Some(batch) = batch {
        let result = storage::write(&batch, &owner, first).await;
        if let Some(name) = leaving {
            leave(engine, name, result.is_ok()).await;
        }
        notice = note(engine, result);
    }
    for (id, report) in waiting {
        post(&FromEngine::Done { id, report });
    }
    // Last, so that no answer takes its place on the page.
    if let Some(text) = notice {
        post(&FromEngine::Notice(text));
    }
}

/// Discards what is kept aside under this name, now that it is saved; else it waits for that.
async fn leave(engine: &Shared, name: String, saved: bool) {
    if saved {
        // What cannot be discarded is there twice, and can be discarded by hand.
        let _ = storage::discard_aside(&name).await;
    } else {
        engine.borrow_mut().saving.leaving.get_or_insert(name);
    }
}

/// Looks again at a store that could not be read. What turns up there is left as it is.
async fn read(engine: &Shared) -> Option<String> {
    match storage::load().await {
        Err(why) => note(engine, Err(WriteError::Refused(why))),
        Ok(records) => {
            let mut engine = engine.borrow_mut();
            let saving = &mut engine.saving;
            saving.unread = false;
            if !records.is_empty() {
                OTHER_SAVED.clone_into(&mut saving.barred);
                let engine = &mut *engine;
                engine.storage = Storage::MemoryOnly(OTHER_SAVED.to_owned());
                return Some(format!("This cluster is not saved: {OTHER_SAVED}."));
            }
            None
        }
    }
}

/// Notes what became of a write; answers what the person is to be told.
fn note(engine: &Shared, result: Result<(), WriteError>) -> Option<String> {
    let mut engine = engine.borrow_mut();
    let failed = engine.saving.failed;
    let notice = match result {
        Ok(()) => {
            engine.saving.owned = true;
            engine.storage = Storage::Saved;
            failed.then(|| "Saved again.".to_owned())
        }
        Err(WriteError::Refused(why)) => {
            engine.saving.keeper.forget();
            let text = format!("Nothing can be saved: {why}. The cluster goes on in memory.");
            engine.storage = Storage::MemoryOnly(why);
            (!failed).then_some(text)
        }
        Err(WriteError::Taken) => {
            let why = "another tab has begun to save in this browser".to_owned();
            let text = format!("Nothing is saved any more: {why}. The cluster goes on in memory.");
            engine.saving.barred.clone_from(&why);
            engine.storage = Storage::MemoryOnly(why);
            Some(text)
        }
    };
    engine.saving.failed = engine.storage != Storage::Saved;
    notice
}
