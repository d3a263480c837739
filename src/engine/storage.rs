//! IndexedDB: named texts in one object store. Database version 1.
//!
//! The session lies under the names that `session::records` gives, what is kept aside under those of
//! `session::aside`. `owner` names the tab that saves: a tab that finds another's name there
//! has lost the store to it and writes no more.

use super::clock;
use super::wait::{self, within};
use crate::protocol::Aside;
use crate::session::{Batch, FORMAT_1, PREFIX, Records, aside};
use crate::sim::order;
use rexie::{ObjectStore, Rexie, Store, TransactionMode};
use wasm_bindgen::{JsCast, JsValue};

const DATABASE: &str = "kubarium";
const STORE: &str = "sessions";
const OWNER: &str = "owner";
/// How long the browser may take to answer.
const PATIENCE_MS: i32 = 5_000;

/// Why a write did not happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// The browser refused it.
    Refused(String),
    /// Another tab saves here now.
    Taken,
}

async fn database() -> Result<Rexie, String> {
    let opening = async {
        let builder = Rexie::builder(DATABASE).version(1);
        let store = ObjectStore::new(STORE);
        builder.add_object_store(store).build().await.map_err(words)
    };
    let late = "the browser's store does not open: another tab with another version may hold it";
    match within(PATIENCE_MS, opening).await {
        Some(opened) => opened,
        None => Err(late.to_owned()),
    }
}

/// The browser's refusal, for a person.
fn words(error: rexie::Error) -> String {
    let text = match &error {
        rexie::Error::IdbError(inner) => inner.to_string(),
        other => other.to_string(),
    };
    for (name, meaning) in [
        ("QuotaExceeded", "the browser's store is full"),
        (
            "VersionError",
            "a newer version of Kubarium has used this browser's store",
        ),
        (
            "SecurityError",
            "the browser keeps nothing here, as in a private window",
        ),
        (
            "InvalidStateError",
            "the browser keeps nothing here, as in a private window",
        ),
        (
            "indexed db not found",
            "this browser has no store for a page, or keeps it closed",
        ),
    ] {
        if text.contains(name) {
            return meaning.to_owned();
        }
    }
    format!("the browser says: {text}")
}

async fn names(store: &Store) -> Result<Vec<String>, String> {
    let keys = store.get_all_keys(None, None).await.map_err(words)?;
    Ok(keys.iter().filter_map(JsValue::as_string).collect())
}

async fn text(store: &Store, name: &str) -> Result<Option<String>, String> {
    let value = store.get(JsValue::from_str(name)).await.map_err(words)?;
    Ok(value.and_then(|value| value.as_string()))
}

async fn put(store: &Store, name: &str, text: &str) -> Result<(), String> {
    let (value, key) = (JsValue::from_str(text), JsValue::from_str(name));
    store.put(&value, Some(&key)).await.map_err(words)?;
    Ok(())
}

async fn remove(store: &Store, name: &str) -> Result<(), String> {
    store.delete(JsValue::from_str(name)).await.map_err(words)
}

fn is_record(name: &str) -> bool {
    name.starts_with(PREFIX) || name == FORMAT_1
}

/// Gives `act` the store inside one transaction.
async fn transact<T>(
    mode: TransactionMode,
    act: impl AsyncFnOnce(&Store) -> Result<T, WriteError>,
) -> Result<T, WriteError> {
    let refused = |error| WriteError::Refused(words(error));
    let database = database().await.map_err(WriteError::Refused)?;
    let acting = async {
        let transaction = database.transaction(&[STORE], mode).map_err(refused)?;
        let store = transaction.store(STORE).map_err(refused)?;
        let result = act(&store).await;
        if result.is_err() {
            // It may have ended by itself already.
            let _ = transaction.abort().await;
            return result;
        }
        match transaction.done().await.map_err(refused)?.is_committed() {
            true => result,
            false => Err(WriteError::Refused(
                "the browser gave the write up, as it does when its store is full".to_owned(),
            )),
        }
    };
    let done = within(PATIENCE_MS, acting).await;
    database.close();
    let late = "the browser's store does not answer".to_owned();
    done.unwrap_or(Err(WriteError::Refused(late)))
}

fn plain(error: WriteError) -> String {
    match error {
        WriteError::Refused(why) => why,
        WriteError::Taken => "another tab saves here".to_owned(),
    }
}

/// What is saved of a session.
///
/// # Errors
/// Why the store cannot be read, for a person.
pub async fn load() -> Result<Records, String> {
    let read = async |store: &Store| {
        let mut records = Records::new();
        for name in names(store).await.map_err(WriteError::Refused)? {
            if is_record(&name)
                && let Some(text) = text(store, &name).await.map_err(WriteError::Refused)?
            {
                records.insert(name, text);
            }
        }
        Ok(records)
    };
    transact(TransactionMode::ReadOnly, read)
        .await
        .map_err(plain)
}

/// Writes a batch, all or nothing, as the tab called `owner`. The first write of a tab takes the
/// store over.
///
/// # Errors
/// Why nothing was written.
pub async fn write(batch: &Batch, owner: &str, first: bool) -> Result<(), WriteError> {
    let act = async |store: &Store| {
        let refused = WriteError::Refused;
        let found = text(store, OWNER).await.map_err(refused)?;
        if !first && found.as_deref() != Some(owner) {
            return Err(WriteError::Taken);
        }
        if first {
            put(store, OWNER, owner).await.map_err(refused)?;
        }
        if batch.clear {
            for name in names(store).await.map_err(refused)? {
                if is_record(&name) {
                    remove(store, &name).await.map_err(refused)?;
                }
            }
        }
        for (name, text) in &batch.put {
            put(store, name, text).await.map_err(refused)?;
        }
        for name in &batch.remove {
            remove(store, name).await.map_err(refused)?;
        }
        Ok(())
    };
    transact(TransactionMode::ReadWrite, act).await
}

/// Keeps a text aside and answers its name; the oldest of too many goes, of which `leaving` is none.
///
/// # Errors
/// Why it is not kept, for a person.
pub async fn keep_aside(kept: &str, why: &str, leaving: Option<&str>) -> Result<String, String> {
    let act = async |store: &Store| {
        let refused = WriteError::Refused;
        let mut all = names(store).await.map_err(refused)?;
        let name = aside::name(clock::now_ms(), why, &all);
        put(store, &name, kept).await.map_err(refused)?;
        all.push(name.clone());
        for name in aside::too_many(&all, leaving) {
            remove(store, &name).await.map_err(refused)?;
        }
        Ok(name)
    };
    transact(TransactionMode::ReadWrite, act)
        .await
        .map_err(plain)
}

/// What is kept aside, the newest first.
///
/// # Errors
/// Why the store cannot be read, for a person.
pub async fn list_aside() -> Result<Vec<Aside>, String> {
    let act = async |store: &Store| {
        let refused = WriteError::Refused;
        let mut found = Vec::new();
        for name in names(store).await.map_err(refused)? {
            if aside::read(&name, 0).is_none() {
                continue;
            }
            let value = store.get(JsValue::from_str(&name)).await;
            let value = value.map_err(|error| WriteError::Refused(words(error)))?;
            // The text itself stays where it is.
            let text = value.and_then(|value| value.dyn_into::<js_sys::JsString>().ok());
            let bytes = text.map_or(0, |text| text.length());
            found.extend(aside::read(&name, bytes));
        }
        order::sort_by_key(&mut found, |kept| std::cmp::Reverse(kept.at_ms));
        Ok(found)
    };
    transact(TransactionMode::ReadOnly, act)
        .await
        .map_err(plain)
}

/// The text kept aside under this name.
///
/// # Errors
/// Why it cannot be read, for a person.
pub async fn load_aside(name: &str) -> Result<String, String> {
    let act = async |store: &Store| match aside::read(name, 0) {
        Some(_) => text(store, name).await.map_err(WriteError::Refused),
        None => Ok(None),
    };
    let found = transact(TransactionMode::ReadOnly, act).await;
    let gone = "it is not there any more".to_owned();
    found.map_err(plain)?.ok_or(gone)
}

/// Forgets the text kept aside under this name.
///
/// # Errors
/// Why it is still there, for a person.
pub async fn discard_aside(name: &str) -> Result<(), String> {
    let act = async |store: &Store| match aside::read(name, 0) {
        Some(_) => remove(store, name).await.map_err(WriteError::Refused),
        None => Ok(()),
    };
    transact(TransactionMode::ReadWrite, act)
        .await
        .map_err(plain)
}

/// Whether this tab may save: one tab at a time holds the store, until it is closed. A browser
/// without locks lets every tab in; there the owner's name tells them apart.
pub async fn hold() -> bool {
    wait::lock("kubarium-session").await
}
