//! IndexedDB: the session's text under one key. Database version 1.

use rexie::{ObjectStore, Rexie, TransactionMode};
use wasm_bindgen::JsValue;

const DATABASE: &str = "kubarium";
const STORE: &str = "sessions";
const KEY: &str = "current";

async fn database() -> Result<Rexie, rexie::Error> {
    Rexie::builder(DATABASE)
        .version(1)
        .add_object_store(ObjectStore::new(STORE))
        .build()
        .await
}

async fn read() -> Result<Option<String>, rexie::Error> {
    let database = database().await?;
    let transaction = database.transaction(&[STORE], TransactionMode::ReadOnly)?;
    let value = transaction
        .store(STORE)?
        .get(JsValue::from_str(KEY))
        .await?;
    Ok(value.and_then(|value| value.as_string()))
}

async fn write(text: &str) -> Result<(), rexie::Error> {
    let database = database().await?;
    let transaction = database.transaction(&[STORE], TransactionMode::ReadWrite)?;
    let store = transaction.store(STORE)?;
    store
        .put(&JsValue::from_str(text), Some(&JsValue::from_str(KEY)))
        .await?;
    transaction.done().await?;
    Ok(())
}

/// The text saved last; `None` where there is none.
///
/// # Errors
/// The browser's words.
pub async fn load() -> Result<Option<String>, String> {
    read().await.map_err(|error| error.to_string())
}

/// Saves a text in the place of the one before.
///
/// # Errors
/// The browser's words.
pub async fn store(text: &str) -> Result<(), String> {
    write(text).await.map_err(|error| error.to_string())
}
