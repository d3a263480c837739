//! What is kept aside: told, put into a file, opened again, forgotten.

use super::{Shared, begin, opening, post, storage};
use crate::protocol::{AsideCommand, FromEngine};
use wasm_bindgen_futures::spawn_local;

/// Does what the page asks.
pub fn handle(engine: &Shared, command: AsideCommand) {
    match command {
        AsideCommand::List => spawn_local(list()),
        AsideCommand::Export(name) => spawn_local(export(name)),
        AsideCommand::Open(name) => begin(engine, open(engine.clone(), name)),
        AsideCommand::Discard(name) => spawn_local(discard(name)),
    }
}

fn complain(why: &str) {
    let text = format!("What is kept aside cannot be reached: {why}.");
    post(&FromEngine::Notice(text));
}

async fn list() {
    match storage::list_aside().await {
        Ok(found) => post(&FromEngine::Aside(found)),
        Err(why) => complain(&why),
    }
}

async fn export(name: String) {
    match storage::load_aside(&name).await {
        Ok(text) => post(&FromEngine::File(text)),
        Err(why) => complain(&why),
    }
}

async fn open(engine: Shared, name: String) {
    match storage::load_aside(&name).await {
        Ok(text) => opening::import(engine, text, Some(name)).await,
        Err(why) => {
            complain(&why);
            super::go_on(&engine);
        }
    }
}

async fn discard(name: String) {
    if let Err(why) = storage::discard_aside(&name).await {
        complain(&why);
    }
    list().await;
}
