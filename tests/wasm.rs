//! What needs a browser: the same run gives the same digest in wasm32 as natively; the browser's
//! store and its locks.
#![cfg(target_arch = "wasm32")]

use js_sys::{Function, Promise, Reflect};
use kubarium::cluster::{Cluster, ClusterConfig};
use kubarium::engine::storage::{self, WriteError};
use kubarium::engine::wait;
use kubarium::session::aside::ASIDE_LIMIT;
use kubarium::session::{Batch, Keeper, Opening, Progress, Records, Session, read_records};
use kubarium::sim::SimDuration;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
fn the_digest_is_the_native_one() {
    let mut cluster = Cluster::new(ClusterConfig::default());
    cluster.run_until(cluster.now() + SimDuration::secs(120));
    assert_eq!(
        cluster.digest().to_string(),
        include_str!("digest.txt").trim()
    );
}

/// Runs a piece of JavaScript in the test's page.
fn script(text: &str) -> JsValue {
    let function = Function::new_no_args(text);
    function.call0(&JsValue::NULL).expect("the script runs")
}

/// Waits for what a piece of JavaScript promises.
async fn promised(text: &str) {
    let done = JsFuture::from(Promise::from(script(text))).await;
    done.expect("the promise is kept");
}

const DELETE: &str = "return new Promise((done, no) => { \
    const r = indexedDB.deleteDatabase('kubarium'); r.onsuccess = done; r.onerror = no; })";

/// All tests of the store share one: they run one after the other.
#[wasm_bindgen_test]
async fn a_session_is_written_and_read_again() {
    promised(DELETE).await;
    assert_eq!(storage::load().await, Ok(Records::new()));
    let mut session = Session::new(ClusterConfig::default());
    session.advance(session.start() + SimDuration::secs(30), u32::MAX);
    let mut keeper = Keeper::default();
    for (now_ms, first) in [(0, true), (30_000, false)] {
        let batch = keeper.batch(&mut session, now_ms);
        assert_eq!(storage::write(&batch, "a", first).await, Ok(()));
    }
    let records = storage::load().await.expect("read");
    let (saved, notice) = read_records(&records).expect("whole").expect("saved");
    assert!(saved.backup.is_some() && notice.is_none());
    let mut opening = Opening::new(saved).expect("it opens");
    while opening.run(1_000).expect("it opens") != Progress::Done {}
    assert_eq!(opening.finish().0.cluster(), session.cluster());

    // Another tab takes the store over: the first one writes no more.
    let theirs = Batch {
        clear: true,
        put: vec![("2/head".to_owned(), "theirs".to_owned())],
        remove: Vec::new(),
    };
    assert_eq!(storage::write(&theirs, "b", true).await, Ok(()));
    let batch = keeper.batch(&mut session, 31_000);
    assert_eq!(
        storage::write(&batch, "a", false).await,
        Err(WriteError::Taken)
    );
    let records = storage::load().await.expect("read");
    assert_eq!(
        records,
        Records::from([("2/head".to_owned(), "theirs".to_owned())])
    );

    assert_eq!(storage::list_aside().await, Ok(Vec::new()));
    let mut names = Vec::new();
    for number in 0..ASIDE_LIMIT + 2 {
        let text = format!("text {number}");
        names.push(
            storage::keep_aside(&text, "a test", None)
                .await
                .expect("kept"),
        );
    }
    let kept = storage::list_aside().await.expect("read");
    assert_eq!(kept.len(), ASIDE_LIMIT);
    assert_eq!((kept[0].bytes, kept[0].why.as_str()), (6, "a test"));
    let newest_first: Vec<&String> = kept.iter().map(|aside| &aside.name).collect();
    let expected: Vec<&String> = names.iter().rev().take(ASIDE_LIMIT).collect();
    assert_eq!(newest_first, expected);
    let text = storage::load_aside(&kept[0].name).await;
    assert_eq!(text, Ok(format!("text {}", ASIDE_LIMIT + 1)));
    assert_eq!(storage::discard_aside(&kept[0].name).await, Ok(()));
    assert!(storage::load_aside(&kept[0].name).await.is_err());
    assert_eq!(
        storage::list_aside().await.map(|all| all.len()),
        Ok(ASIDE_LIMIT - 1)
    );
    // What is not kept aside is not reached this way.
    assert!(storage::load_aside("2/head").await.is_err());
    assert_eq!(storage::discard_aside("2/head").await, Ok(()));
    assert_eq!(storage::load().await.expect("read").len(), 1);
}

#[wasm_bindgen_test]
async fn a_store_that_refuses_says_why_and_loses_nothing() {
    promised(DELETE).await;
    let batch = |name: &str| Batch {
        clear: false,
        put: vec![
            ("2/tape/0000".to_owned(), "[]".to_owned()),
            (name.to_owned(), "text".to_owned()),
        ],
        remove: Vec::new(),
    };
    assert_eq!(storage::write(&batch("2/head"), "a", true).await, Ok(()));
    // The second text of a batch finds no room.
    script(
        "const put = IDBObjectStore.prototype.put; let count = 0;
        globalThis.mend = () => { IDBObjectStore.prototype.put = put; };
        IDBObjectStore.prototype.put = function (...args) {
            count += 1;
            if (count === 2) throw new DOMException('no room', 'QuotaExceededError');
            return put.apply(this, args);
        };",
    );
    let refused = storage::write(&batch("2/backup"), "a", false).await;
    script("mend()");
    assert_eq!(
        refused,
        Err(WriteError::Refused(
            "the browser's store is full".to_owned()
        ))
    );
    let records = storage::load().await.expect("read");
    assert!(records.contains_key("2/head") && !records.contains_key("2/backup"));
    assert_eq!(storage::write(&batch("2/backup"), "a", false).await, Ok(()));

    script(
        "const open = IDBFactory.prototype.open;
        globalThis.mend = () => { IDBFactory.prototype.open = open; };
        IDBFactory.prototype.open = () => { throw new DOMException('closed', 'SecurityError'); };",
    );
    let refused = storage::load().await;
    script("mend()");
    let why = refused.expect_err("closed");
    assert!(why.contains("private window"), "{why}");

    // A build to come has changed the database.
    promised(DELETE).await;
    promised(
        "return new Promise((done, no) => { const r = indexedDB.open('kubarium', 2);
        r.onsuccess = () => { r.result.close(); done(); }; r.onerror = no; })",
    )
    .await;
    let why = storage::load().await.expect_err("newer");
    assert!(why.contains("newer version"), "{why}");
    promised(DELETE).await;
}

#[wasm_bindgen_test]
async fn a_lock_is_given_once() {
    let locks = Reflect::get(&js_sys::global(), &"navigator".into());
    let locks = locks.and_then(|navigator| Reflect::get(&navigator, &"locks".into()));
    assert!(locks.is_ok_and(|locks| locks.is_object()), "no locks here");
    assert!(wait::lock("test").await);
    assert!(!wait::lock("test").await);
    // As in a browser that has locks and no such timer.
    script("AbortSignal.timeout = undefined;");
    assert!(!wait::lock("test").await);
    assert!(wait::lock("another test").await);
}
