//! Steady loads.

use super::*;

#[test]
fn a_steady_load_is_counted_and_repeats() {
    let run_once = || {
        let mut cluster = kubia(SERVICE);
        let from = RequestOrigin::Pod(name("client"));
        cluster
            .set_load(&name("kubia"), &from, 20, "/")
            .expect("a load");
        run(&mut cluster, 9_990);
        let load = cluster
            .loads()
            .values()
            .next()
            .expect("it is there")
            .clone();
        assert_eq!((load.sent, load.answered), (200, 200));
        assert_eq!(load.endpoints.len(), 3);
        assert_eq!(
            load.endpoints
                .values()
                .map(|count| count.answered)
                .sum::<u64>(),
            200
        );
        assert_eq!(load.packets.len(), 32);
        delete(&mut cluster, Kind::Deployment, "default", "kubia");
        run(&mut cluster, 20_000);
        let load = cluster
            .loads()
            .values()
            .next()
            .expect("it is there")
            .clone();
        assert!(
            load.failures["connection refused"] > 100,
            "{:?}",
            load.failures
        );
        assert_eq!(
            load.answered + load.failures.values().sum::<u64>(),
            load.sent
        );
        assert!(cluster.set_load(&name("kubia"), &from, 101, "/").is_err());
        cluster
            .set_load(&name("kubia"), &from, 0, "/")
            .expect("ended");
        let sent = load.sent;
        run(&mut cluster, 2_000);
        assert!(cluster.loads().is_empty() && sent > 0);
        cluster.digest()
    };
    assert_eq!(run_once(), run_once());
}
