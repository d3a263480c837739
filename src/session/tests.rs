//! Sessions saved, opened, rewound; and what cannot be opened.

use super::*;

fn scaled() -> Session {
    let mut session = Session::new(ClusterConfig::default());
    session.advance(session.start() + SimDuration::secs(30), u32::MAX);
    let at = Place {
        namespace: "default".into(),
        name: "hello".into(),
    };
    let report = session.execute(UserCommand::Scale { at, replicas: 5 });
    assert_eq!(report.lines, ["deployment.apps/hello scaled"]);
    session.advance(session.start() + SimDuration::secs(90), u32::MAX);
    session
}

#[test]
fn a_session_saved_and_restored_is_the_same() {
    let session = scaled();
    let again = Session::restore(session.save()).expect("restored");
    assert_eq!(again.cluster(), session.cluster());
    let link = encode_link(&session.save());
    assert!(link.len() < 1_500, "{}", link.len());
    assert_eq!(decode_link(&link).expect("decoded"), session.save());
}

#[test]
fn a_command_between_two_events_of_one_moment_comes_at_the_same_place_again() {
    let mut session = Session::new(ClusterConfig::default());
    session.step();
    let name = "worker-1".to_owned();
    session.execute(UserCommand::SetNode { name, on: false });
    let again = Session::restore(session.save()).expect("restored");
    assert_eq!(again.cluster(), session.cluster());
}

/// Whether more is due at this very moment.
fn is_mid_moment(session: &Session) -> bool {
    session.cluster().next_at() == Some(session.cluster().now())
}

#[test]
fn what_is_saved_in_the_middle_of_a_moment_opens_in_the_middle_of_it() {
    let mut session = Session::new(ClusterConfig::default());
    let mut halves = 0;
    for round in 0..300 {
        if round == 150 {
            run(&mut session, 20);
            session.execute(scale(5));
        }
        if is_mid_moment(&session) && round % 4 == 0 {
            halves += 1;
            let linked = decode_link(&session.link().expect("a link")).expect("decoded");
            for saved in [session.save_whole(), linked] {
                let (mut again, notices) = open(saved);
                assert_eq!(notices, [""; 0], "round {round}");
                assert_eq!(again.cluster(), session.cluster(), "round {round}");
                assert_eq!(again.events(), session.events());
                let mut on = session.clone();
                run(&mut again, 1);
                run(&mut on, 1);
                assert_eq!(again.cluster().digest(), on.cluster().digest());
            }
        }
        session.step();
    }
    assert!(halves > 10, "{halves}");
}

#[test]
fn a_backup_of_half_a_moment_goes_on_in_the_middle_of_it() {
    let mut session = scaled();
    while !is_mid_moment(&session) {
        session.step();
    }
    let base = Arc::new(session.cluster().backup());
    let (mut session, _) = Session::on_base(base).expect("restored");
    for _ in 0..20 {
        let (again, notices) = open(session.save());
        assert_eq!((again.cluster(), notices), (session.cluster(), Vec::new()));
        session.step();
    }
}

#[test]
fn a_rewound_session_runs_the_same_way_again() {
    let session = scaled();
    let mut rewound = session.clone();
    rewound.rewind(session.start() + SimDuration::secs(60));
    assert_eq!(
        rewound.cluster().now(),
        session.start() + SimDuration::secs(60)
    );
    rewound.advance(session.cluster().now(), u32::MAX);
    assert_eq!(rewound.cluster(), session.cluster());
    rewound.rewind(session.start() + SimDuration::secs(10));
    assert!(rewound.save().tape.is_empty());
}

#[test]
fn a_load_is_part_of_what_is_saved() {
    let mut session = Session::new(ClusterConfig::default());
    session.advance(session.start() + SimDuration::secs(30), u32::MAX);
    let place = |namespace: &str, name: &str| Place {
        namespace: namespace.into(),
        name: name.into(),
    };
    let load = |per_second| UserCommand::SetLoad {
        to: place("default", "hello"),
        node: "worker-2".into(),
        from: Place::default(),
        per_second,
        path: "/".into(),
    };
    assert_eq!(session.execute(load(101)).errors.len(), 1);
    let report = session.execute(load(50));
    assert!(report.errors.is_empty(), "{report:?}");
    session.advance(session.start() + SimDuration::secs(50), u32::MAX);
    let sent = |session: &Session| {
        session
            .cluster()
            .loads()
            .values()
            .map(|l| l.sent)
            .sum::<u64>()
    };
    assert_eq!(sent(&session), 1_001_u64);
    let again = Session::restore(session.save()).expect("restored");
    assert_eq!(again.cluster(), session.cluster());
    let mut rewound = session.clone();
    rewound.rewind(session.start() + SimDuration::secs(40));
    assert_eq!(sent(&rewound), 501);
    rewound.advance(session.cluster().now(), u32::MAX);
    assert_eq!(rewound.cluster(), session.cluster());
}

#[test]
fn a_request_is_shown_and_counted() {
    let mut session = Session::new(ClusterConfig::default());
    session.advance(session.start() + SimDuration::secs(30), u32::MAX);
    let fetch = |url: &str| UserCommand::Fetch {
        from: Place::default(),
        url: url.to_owned(),
    };
    assert_eq!(session.execute(fetch("ftp://x")).errors.len(), 1);
    assert!(session.last_request().is_none());
    let report = session.execute(fetch("http://192.168.64.11:30080/"));
    assert!(report.errors.is_empty(), "{report:?}");
    let last = session.last_request().expect("it is shown");
    let (service, endpoint) = last.trace.via.clone().expect("by a rule");
    let proxies = session.cluster().proxies();
    let answered: u64 = proxies.iter().map(|p| p.answered(&service, endpoint)).sum();
    assert_eq!((last.id, answered), (1, 1));
}

/// What a person sees of the Pods: names, uids, addresses, restarts.
fn pods(session: &Session) -> Vec<String> {
    use crate::api::meta::MetaExt;
    use k8s_openapi::api::core::v1::Pod;
    let etcd = session.cluster().api().etcd();
    let pods = etcd.list(crate::api::Kind::Pod, None);
    let line = |pod: &std::sync::Arc<Pod>| {
        let status = pod.status.clone().unwrap_or_default();
        let containers = status.container_statuses.unwrap_or_default();
        let restarts: i32 = containers.iter().map(|c| c.restart_count).sum();
        let ids: Vec<_> = containers.iter().map(|c| c.container_id.clone()).collect();
        let (name, uid, ip) = (pod.namespaced_name(), pod.uid(), status.pod_ip);
        format!("{name} {uid} {ip:?} {restarts} {ids:?}")
    };
    pods.filter_map(|object| object.get::<Pod>())
        .map(line)
        .collect()
}

fn scale(replicas: i32) -> UserCommand {
    let at = Place {
        namespace: "default".into(),
        name: "hello".into(),
    };
    UserCommand::Scale { at, replicas }
}

fn run(session: &mut Session, secs: u64) {
    let until = session.cluster().now() + SimDuration::secs(secs);
    session.advance(until, u32::MAX);
}

fn open(saved: Saved) -> (Session, Vec<String>) {
    let mut opening = Opening::new(saved).expect("it opens");
    while opening.run(100).expect("it opens") != Progress::Done {}
    opening.finish()
}

/// What format 1 wrote: the sample scaled to 5 after 30 s, saved after 90 s.
const FORMAT_1_TEXT: &str = r#"{"v":1,"config":{"seed":1,"startSecs":1767225600,"workers":3,"workerSize":{"cpuMilli":4000,"memoryMib":8192,"pods":110},"watchLatencyMs":4,"sample":true},"tape":[{"t":30000000,"c":{"Scale":{"at":{"ns":"default","n":"hello"},"replicas":5}}}],"t":90000000}"#;

#[test]
fn format_1_is_still_read() {
    let (session, notices) = open(Saved::parse(FORMAT_1_TEXT).expect("read"));
    assert_eq!(notices, [""; 0]);
    assert_eq!(session.cluster(), scaled().cluster());
    let records = Records::from([(FORMAT_1.to_owned(), FORMAT_1_TEXT.to_owned())]);
    let (saved, notice) = read_records(&records).expect("read").expect("a session");
    assert_eq!((saved.elapsed, notice), (90_000_000, None));
}

#[test]
fn what_a_newer_build_saved_is_refused_as_such() {
    let newer = FORMAT_1_TEXT.replace("\"v\":1", "\"v\":3");
    let why = Saved::parse(&newer).expect_err("refused");
    assert!(why.contains("newer version of Kubarium"), "{why}");
    let records = Records::from([("2/head".to_owned(), "{\"v\":3}".to_owned())]);
    let why = read_records(&records).expect_err("refused");
    assert!(why.contains("newer version of Kubarium"), "{why}");
    assert!(why.contains("format 3"), "{why}");
    // Kept aside and imported later, it says the same.
    let why = Saved::parse(&to_text(&records)).expect_err("refused");
    assert!(why.contains("newer version of Kubarium"), "{why}");
}

#[test]
fn a_store_follows_a_session_command_by_command() {
    let mut session = Session::new(ClusterConfig::default());
    let mut keeper = Keeper::default();
    let mut store = Records::new();
    store.insert("2/tape/0009".to_owned(), "left over".to_owned());
    let mut now_ms = 0;
    for round in 0..80 {
        session.execute(scale(round % 4 + 1));
        run(&mut session, 1);
        now_ms += 1_000;
        if round == 60 {
            session.rewind(session.start() + SimDuration::secs(35));
        }
        let batch = keeper.batch(&mut session, now_ms);
        let names: Vec<_> = batch.put.iter().map(|(name, _)| name.as_str()).collect();
        assert!(names.len() <= 3, "{names:?}");
        batch.apply(&mut store);
        let (saved, _) = read_records(&store).expect("read").expect("a session");
        assert_eq!(saved.tape, session.tape(), "round {round}");
        assert_eq!(saved.mark, session.save().mark, "round {round}");
        let newest = saved.backup.as_ref().map(|latest| latest.backup.now());
        assert!(newest.is_none_or(|at| at <= session.cluster().now()));
    }
    assert!(store.contains_key("2/backup"), "the first backup is made");
    let (saved, _) = read_records(&store).expect("read").expect("a session");
    let (again, notices) = open(saved);
    assert_eq!((again.cluster(), notices), (session.cluster(), Vec::new()));
    // One more command writes its piece of the tape and the head, and nothing else.
    session.execute(scale(2));
    let batch = keeper.batch(&mut session, now_ms);
    assert!(batch.bytes() < 6_000, "{}", batch.bytes());
}

/// A session of which the build that opens it knows only the backup.
fn of_another_build(session: &Session) -> Saved {
    Saved {
        build: "another".to_owned(),
        mark: Some(1),
        ..session.save_whole()
    }
}

#[test]
fn a_tape_that_leads_elsewhere_is_left_for_the_backup() {
    let session = scaled();
    let (again, notices) = open(of_another_build(&session));
    assert!(
        notices[0].contains("goes on from its backup"),
        "{notices:?}"
    );
    assert_eq!(pods(&again), pods(&session));
    assert_eq!(again.start(), session.cluster().now());
    assert!(again.tape().is_empty() && again.base().is_some());
    // The same without a backup is opened as well as it can be.
    let alone = Saved {
        backup: None,
        ..of_another_build(&session)
    };
    let (again, notices) = open(alone);
    assert!(notices[0].contains("may differ"), "{notices:?}");
    assert_eq!(again.cluster(), session.cluster());
}

#[test]
fn commands_after_the_backup_are_not_lost() {
    let mut session = scaled();
    let latest = Latest {
        position: 1,
        backup: Arc::new(session.cluster().backup()),
    };
    run(&mut session, 10);
    session.execute(scale(3));
    run(&mut session, 60);
    let saved = Saved {
        backup: Some(latest),
        ..session.save()
    };
    // A replay that would take too long.
    let long = Saved {
        events: u64::MAX,
        ..saved
    };
    let (again, notices) = open(long.clone());
    assert!(notices[0].contains("too long"), "{notices:?}");
    assert_eq!(again.cluster().now(), session.cluster().now());
    assert_eq!(again.tape().len(), 1);
    let hello = |session: &Session| {
        let pods = pods(session).into_iter();
        pods.filter(|line| line.starts_with("default/hello"))
            .count()
    };
    assert_eq!((hello(&again), hello(&session)), (3, 3));
    // Not even the time after the backup can be replayed: the command comes at once.
    let mut opening = Opening::new(long).expect("it opens");
    opening.hurry();
    assert_eq!(opening.run(1), Ok(Progress::Done));
    let (mut again, notices) = opening.finish();
    assert!(notices[1].contains("left out"), "{notices:?}");
    run(&mut again, 60);
    assert_eq!(hello(&again), 3);
}

#[test]
fn a_backup_that_a_replay_falls_back_on_has_its_own_time() {
    let mut session = scaled();
    let latest = Latest {
        position: 1,
        backup: Arc::new(session.cluster().backup()),
    };
    run(&mut session, 60);
    session.execute(scale(3));
    run(&mut session, 5);
    let saved = Saved {
        backup: Some(latest),
        ..session.save()
    };
    let mut opening = Opening::new(saved).expect("it opens");
    assert!(!opening.has_fallen_back());
    opening.hurry();
    assert!(matches!(opening.run(1), Ok(Progress::Working(_))));
    assert!(opening.has_fallen_back());
    let mut hurried = opening.clone();
    while opening.run(100).expect("it goes") != Progress::Done {}
    let (again, notices) = opening.finish();
    assert_eq!((notices.len(), again.tape().len()), (1, 1), "{notices:?}");
    assert_eq!(again.cluster().now(), session.cluster().now());
    // The rest of it can be hurried too, and says so once.
    for _ in 0..3 {
        hurried.hurry();
        hurried.run(1).expect("it goes");
    }
    while hurried.run(100).expect("it goes") != Progress::Done {}
    let (again, notices) = hurried.finish();
    assert_eq!((notices.len(), again.tape().len()), (2, 1), "{notices:?}");
}

#[test]
fn a_replay_without_a_backup_ends_somewhere() {
    let saved = Saved {
        elapsed: crate::cluster::AGE_LIMIT.as_micros(),
        events: 0,
        ..scaled().save()
    };
    let mut opening = Opening::new(saved.clone()).expect("it begins");
    assert!(matches!(opening.run(10_000), Ok(Progress::Working(0..5))));
    opening.hurry();
    let why = opening.run(10_000).expect_err("it ends");
    assert!(why.contains("too long"), "{why}");
    let too_far = Saved {
        elapsed: u64::MAX,
        ..saved
    };
    assert!(Opening::new(too_far).is_err());
}

#[test]
fn a_session_on_a_backup_is_saved_rewound_and_linked_as_any_other() {
    let (mut session, _) = open(of_another_build(&scaled()));
    let start = session.start();
    run(&mut session, 30);
    session.execute(scale(2));
    run(&mut session, 60);
    let saved = Saved::parse(&crate::api::codec::to_json(&session.save_whole())).expect("read");
    let (again, notices) = open(saved);
    assert_eq!(notices, [""; 0]);
    assert_eq!(again.cluster(), session.cluster());
    let mut rewound = session.clone();
    rewound.rewind(start + SimDuration::secs(40));
    assert_eq!(rewound.tape().len(), 1);
    rewound.advance(session.cluster().now(), u32::MAX);
    assert_eq!(rewound.cluster(), session.cluster());
    rewound.rewind(SimTime::default());
    assert_eq!((rewound.cluster().now(), rewound.tape().len()), (start, 0));
    let link = session.link().expect("a link");
    assert!(link.starts_with("k3."), "{}", &link[..8]);
    let (linked, notices) = open(decode_link(&link).expect("decoded"));
    assert_eq!((pods(&linked), notices), (pods(&session), Vec::new()));
}

#[test]
fn a_long_session_goes_into_a_link_as_a_backup() {
    let mut session = scaled();
    assert!(session.link().expect("a link").starts_with("k2."));
    session.events = u64::MAX / 2;
    let link = session.link().expect("a link");
    assert!(link.starts_with("k3."));
    let (linked, _) = open(decode_link(&link).expect("decoded"));
    assert_eq!(pods(&linked), pods(&session));
}

#[test]
fn a_rewind_in_slices_is_the_rewind_at_one_go() {
    let session = scaled();
    let to = session.start() + SimDuration::secs(60);
    let mut at_once = session.clone();
    at_once.rewind(to);
    let mut opening = Opening::rewind(session, to);
    while opening.run(7).expect("it goes") != Progress::Done {}
    let (sliced, notices) = opening.finish();
    assert_eq!((sliced.cluster(), notices), (at_once.cluster(), Vec::new()));
    assert_eq!(sliced.tape(), at_once.tape());
    assert_eq!(sliced.events(), at_once.events());
}

#[test]
fn a_node_is_cordoned_drained_and_taken_back() {
    let mut session = scaled();
    let name = "worker-1".to_owned();
    let on_it = |session: &Session| {
        use crate::api::meta::MetaExt;
        use k8s_openapi::api::core::v1::Pod;
        let etcd = session.cluster().api().etcd();
        let pods = etcd.list(crate::api::Kind::Pod, None);
        let pods = pods.filter_map(|object| object.get::<Pod>());
        pods.filter(|pod| pod.namespace() == "default")
            .filter(|pod| {
                pod.spec.as_ref().and_then(|s| s.node_name.as_deref()) == Some("worker-1")
            })
            .count()
    };
    assert!(on_it(&session) > 0);
    let report = session.execute(UserCommand::Drain { name: name.clone() });
    assert_eq!(report.errors, []);
    assert_eq!(report.lines[0], "node/worker-1 cordoned");
    assert!(report.lines[1].starts_with("evicting pod "), "{report:?}");
    run(&mut session, 60);
    assert_eq!(on_it(&session), 0);
    let set = |cordoned: bool| UserCommand::SetCordoned {
        name: name.clone(),
        cordoned,
    };
    let report = session.execute(set(true));
    assert_eq!(report.lines, ["node/worker-1 already cordoned"]);
    let report = session.execute(set(false));
    assert_eq!(report.lines, ["node/worker-1 uncordoned"]);
    session.execute(scale(9));
    run(&mut session, 30);
    assert!(on_it(&session) > 0, "it takes Pods again");
    let nowhere = session.execute(UserCommand::Drain {
        name: "nowhere".to_owned(),
    });
    assert_eq!(
        nowhere.errors[0].message,
        "Error from server (NotFound): nodes \"nowhere\" not found"
    );
}

#[test]
fn a_session_that_had_a_backup_has_one_again_with_its_first_save() {
    let holds_backup = |batch: &Batch| batch.put.iter().any(|(name, _)| name == "2/backup");
    let mut session = Session::new(ClusterConfig::default());
    let mut keeper = Keeper::default();
    assert!(!holds_backup(&keeper.batch(&mut session, 1_000_000)));
    let mut keeper = Keeper::default();
    keeper.hurry_backup();
    assert!(holds_backup(&keeper.batch(&mut session, 1_000_000)));
    assert!(!holds_backup(&keeper.batch(&mut session, 1_000_001)));
}

#[test]
fn a_new_cluster_runs_a_while_before_it_is_shown() {
    let head_start = SimDuration::secs(25);
    let mut opening = Opening::fresh(ClusterConfig::default(), head_start);
    let first = opening.run(50).expect("it goes");
    assert!(matches!(first, Progress::Working(0..99)), "{first:?}");
    while opening.run(50).expect("it goes") != Progress::Done {}
    let (session, notices) = opening.finish();
    assert_eq!(notices, [""; 0]);
    assert_eq!(session.cluster().now(), session.start() + head_start);
    assert_eq!(pods(&session).len(), 9);
}
