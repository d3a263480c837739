//! What keeping costs: the bytes that an hour of a large cluster writes, and the memory that its
//! checkpoints take.

#![cfg(not(target_arch = "wasm32"))]

use kubarium::api::Kind;
use kubarium::cluster::ClusterConfig;
use kubarium::protocol::{Place, UserCommand};
use kubarium::session::{Keeper, Records, Session, read_records};
use kubarium::sim::SimDuration;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicI64, Ordering};

/// Counts the bytes in use.
struct Counting;

static IN_USE: AtomicI64 = AtomicI64::new(0);

// SAFETY: everything is handed to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        IN_USE.fetch_add(layout.size() as i64, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size() as i64, Ordering::Relaxed);
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn of_300_pods() -> Session {
    let mut session = Session::new(ClusterConfig::default());
    let run = |session: &mut Session, secs| {
        let until = session.cluster().now() + SimDuration::secs(secs);
        session.advance(until, u32::MAX);
    };
    run(&mut session, 30);
    let at = Place {
        namespace: "default".to_owned(),
        name: "hello".to_owned(),
    };
    let replicas = 300;
    session.execute(UserCommand::Scale { at, replicas });
    run(&mut session, 120);
    let pods = session.cluster().api().etcd().list(Kind::Pod, None).count();
    assert!(pods > 300, "{pods}");
    session
}

#[test]
fn an_hour_of_300_pods_writes_little_and_its_checkpoints_stay_small() {
    let mut session = of_300_pods();
    let mut keeper = Keeper::default();
    let mut store = Records::new();
    let (mut bytes, mut backups, mut now_ms) = (0, 0, 0);
    // As the engine does it: every five seconds of real time, at the speed of real time.
    for _ in 0..720 {
        let until = session.cluster().now() + SimDuration::secs(5);
        session.advance(until, u32::MAX);
        now_ms += 5_000;
        let batch = keeper.batch(&mut session, now_ms);
        bytes += batch.bytes();
        backups += usize::from(batch.put.iter().any(|(name, _)| name == "2/backup"));
        batch.apply(&mut store);
    }
    let backup = store["2/backup"].len();
    println!("{bytes} bytes in an hour, {backups} backups of {backup} bytes");
    println!(
        "{} events, link {:?}",
        session.events(),
        session.link().map(|l| l.len())
    );
    assert!(bytes < 12_000_000, "{bytes}");
    assert!(matches!(read_records(&store), Ok(Some((_, None)))));

    let before = IN_USE.load(Ordering::Relaxed);
    let clone = session.cluster().clone();
    let took = IN_USE.load(Ordering::Relaxed) - before;
    let weight = clone.weight() as i64;
    println!("a checkpoint takes {took} bytes and weighs {weight}");
    assert!(took < weight * 5 / 4, "{took} bytes weigh {weight}");
    drop(session);
    let all = before - IN_USE.load(Ordering::Relaxed);
    println!("the session with its checkpoints took {all} bytes");
}
