//! The same seed and the same commands make the same cluster: run twice, rewound and run on, saved
//! and loaded.

use crate::step::{At, Step, random};
use crate::world::{deployment, service, worker};
use kubarium::api::Kind;
use kubarium::api::meta::MetaExt;
use kubarium::cluster::ClusterConfig;
use kubarium::protocol::{Place, UserCommand};
use kubarium::session::{Session, decode_link, encode_link};
use kubarium::sim::{SimDuration, SimRng};

const SCRIPTS: u64 = 10;

fn place(At(namespace, name): &At) -> Place {
    Place {
        namespace: (*namespace).to_owned(),
        name: (*name).to_owned(),
    }
}

fn pod(session: &Session, nth: u64) -> Place {
    let pods = session.cluster().api().etcd().list(Kind::Pod, None);
    let names: Vec<_> = pods.map(MetaExt::namespaced_name).collect();
    let name = &names[nth as usize % names.len()];
    Place {
        namespace: name.namespace.clone(),
        name: name.name.clone(),
    }
}

/// What a person at the page would do; `None` for what the page does not offer.
fn command(session: &Session, step: &Step) -> Option<UserCommand> {
    Some(match step {
        Step::Deploy(at, shape) => UserCommand::Apply {
            text: deployment(at, shape),
        },
        Step::Expose(at, node_port) => UserCommand::Apply {
            text: service(at, *node_port),
        },
        Step::Scale(at, replicas) => UserCommand::Scale {
            at: place(at),
            replicas: *replicas,
        },
        Step::SetImage(at, image) => UserCommand::SetImage {
            at: place(at),
            container: "*".to_owned(),
            image: (*image).to_owned(),
        },
        Step::Pause(at, paused) => UserCommand::SetPaused {
            at: place(at),
            paused: *paused,
        },
        Step::Undo(at) => UserCommand::Undo {
            at: place(at),
            revision: 0,
        },
        Step::Restart(at) => UserCommand::Restart { at: place(at) },
        Step::DeletePod(nth, _) => UserCommand::Delete {
            kind: "Pod".to_owned(),
            at: pod(session, *nth),
        },
        Step::Crash(nth, code) => UserCommand::Crash {
            at: pod(session, *nth),
            code: *code,
        },
        Step::Readiness(nth, broken) => UserCommand::SetReadiness {
            at: pod(session, *nth),
            broken: *broken,
        },
        Step::Node(nth, on) => UserCommand::SetNode {
            name: worker(*nth),
            on: *on,
        },
        Step::Part(part, on) => UserCommand::SetPart {
            name: part.name().to_owned(),
            on: *on,
        },
        _ => return None,
    })
}

fn play(seed: u64, steps: &[Step]) -> Session {
    let mut session = Session::new(ClusterConfig {
        seed,
        ..ClusterConfig::default()
    });
    for step in steps {
        if let Step::Wait(millis) = step {
            let until = session.cluster().now() + SimDuration::millis(*millis);
            session.advance(until, u32::MAX);
        } else if let Some(command) = command(&session, step) {
            session.execute(command);
        }
    }
    // A moment is saved whole: with everything that is due at it.
    session.advance(session.cluster().now(), u32::MAX);
    session
}

#[test]
fn the_same_commands_make_the_same_cluster_again() {
    for seed in 1..=SCRIPTS {
        let mut rng = SimRng::new(seed).fork("determinism");
        let steps = random(&mut rng, 16, true);
        let session = play(seed, &steps);
        let digest = session.cluster().digest();
        assert_eq!(
            play(seed, &steps).cluster().digest(),
            digest,
            "seed {seed}: twice"
        );

        let link = encode_link(&session.save());
        let saved = decode_link(&link).expect("the link is whole");
        let loaded = Session::restore(saved).expect("it loads");
        assert_eq!(
            loaded.cluster().digest(),
            digest,
            "seed {seed}: saved and loaded"
        );

        // Back to before the last command, and the rest of the tape once more.
        let now = session.cluster().now();
        let mut rewound = session.clone();
        let past = rng.below(now.since(session.start()).as_micros() + 1);
        rewound.rewind(session.start() + SimDuration::micros(past));
        for entry in session.save().tape {
            if entry.at > past {
                rewound.advance(session.start() + SimDuration::micros(entry.at), u32::MAX);
                rewound.execute(entry.command);
            }
        }
        rewound.advance(now, u32::MAX);
        assert_eq!(
            rewound.cluster().digest(),
            digest,
            "seed {seed}: rewound by {past}"
        );
    }
}
