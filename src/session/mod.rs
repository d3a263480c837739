//! The tape around a cluster: every command is noted with its moment, so that the same run can be
//! made again, up to any moment of it.

mod execute;
mod new;
mod share;

pub use new::config_of;
pub use share::{LINK_LIMIT, decode_link, encode_link};

use crate::cluster::{Cluster, ClusterConfig};
use crate::network::packet::PacketTrace;
use crate::protocol::{Place, Report, UserCommand};
use crate::sim::{SimDuration, SimTime};
use serde::{Deserialize, Serialize};

/// The most commands a tape holds.
pub const TAPE_LIMIT: u32 = 10_000;
/// The most events that a replay lets happen before it gives up.
const REPLAY_LIMIT: u32 = 20_000_000;
const CHECKPOINT_LIMIT: u32 = 48;
const CHECKPOINT_INTERVAL: SimDuration = SimDuration::secs(20);

/// A command and when it was given, in microseconds since the cluster began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TapeEntry {
    /// The moment.
    #[serde(rename = "t")]
    pub at: u64,
    /// The command.
    #[serde(rename = "c")]
    pub command: UserCommand,
}

/// What is saved of a session: enough to make it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// The format's version.
    #[serde(rename = "v")]
    pub version: u32,
    /// What decided the cluster.
    pub config: ClusterConfig,
    /// The commands given.
    pub tape: Vec<TapeEntry>,
    /// How long the cluster has run, in microseconds.
    #[serde(rename = "t")]
    pub elapsed: u64,
}

/// The version of [`Saved`] that this build writes.
pub const SAVED_VERSION: u32 = 1;

#[derive(Clone, Debug)]
struct Checkpoint {
    position: u32,
    cluster: Cluster,
}

/// A request that a person sent, and what became of it.
#[derive(Clone, Debug)]
pub struct LastRequest {
    /// Counts the requests of this session.
    pub id: u32,
    /// The Service it was for; without a name where it was for something else.
    pub to: Place,
    /// Where it was sent.
    pub url: String,
    /// Its way.
    pub trace: PacketTrace,
}

/// A cluster and everything that was done to it.
#[derive(Clone, Debug)]
pub struct Session {
    cluster: Cluster,
    tape: Vec<TapeEntry>,
    checkpoints: Vec<Checkpoint>,
    last_request: Option<LastRequest>,
    requests: u32,
}

impl Session {
    /// A new cluster.
    pub fn new(config: ClusterConfig) -> Self {
        let cluster = Cluster::new(config);
        let mut session = Self {
            cluster,
            tape: Vec::new(),
            checkpoints: Vec::new(),
            last_request: None,
            requests: 0,
        };
        session.checkpoint();
        session
    }

    /// Makes a saved session again, to its last moment.
    ///
    /// # Errors
    /// What is wrong with it, for a person.
    pub fn restore(saved: Saved) -> Result<Self, String> {
        if saved.version != SAVED_VERSION {
            let found = saved.version;
            return Err(format!(
                "it was saved in format {found}, this build reads {SAVED_VERSION}"
            ));
        }
        if saved.tape.len() > TAPE_LIMIT as usize {
            return Err(format!("it holds over {TAPE_LIMIT} commands"));
        }
        let mut session = Self::new(saved.config);
        let start = session.start();
        let mut budget = REPLAY_LIMIT;
        for entry in saved.tape {
            session.replay_until(start + SimDuration::micros(entry.at), &mut budget)?;
            session.execute(entry.command);
        }
        session.replay_until(start + SimDuration::micros(saved.elapsed), &mut budget)?;
        Ok(session)
    }

    fn replay_until(&mut self, until: SimTime, budget: &mut u32) -> Result<(), String> {
        while self.cluster.step(until) {
            *budget = budget.saturating_sub(1);
            if *budget == 0 {
                return Err("replaying it would take too long".to_owned());
            }
            self.checkpoint_if_due();
        }
        Ok(())
    }

    /// What to save.
    pub fn save(&self) -> Saved {
        Saved {
            version: SAVED_VERSION,
            config: self.cluster.config().clone(),
            tape: self.tape.clone(),
            elapsed: self.cluster.now().since(self.start()).as_micros(),
        }
    }

    /// The cluster, to look at.
    pub const fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// When the cluster began.
    pub fn start(&self) -> SimTime {
        self.cluster.config().start()
    }

    /// The last request that a person sent.
    pub const fn last_request(&self) -> Option<&LastRequest> {
        self.last_request.as_ref()
    }

    /// Carries out a command and notes it on the tape. What else is due at this moment happens
    /// before it: the tape says only at which moment a command came.
    pub fn execute(&mut self, command: UserCommand) -> Report {
        if self.tape.len() >= TAPE_LIMIT as usize {
            let message = format!("this session holds {TAPE_LIMIT} commands and takes no more");
            let error = crate::protocol::ReportError { message, line: 0 };
            return Report {
                errors: vec![error],
                ..Report::default()
            };
        }
        self.advance(self.cluster.now(), u32::MAX);
        let at = self.cluster.now().since(self.start()).as_micros();
        self.tape.push(TapeEntry {
            at,
            command: command.clone(),
        });
        self.carry_out(command)
    }

    /// Lets the cluster run until `until`, or until `limit` events have happened; answers whether
    /// it got there.
    pub fn advance(&mut self, until: SimTime, limit: u32) -> bool {
        for _ in 0..limit {
            if !self.cluster.step(until) {
                return true;
            }
            self.checkpoint_if_due();
        }
        false
    }

    /// Lets the next event happen.
    pub fn step(&mut self) {
        if let Some(at) = self.cluster.next_at() {
            self.cluster.step(at);
            self.checkpoint_if_due();
        }
    }

    /// Goes back to `to`: commands given later are forgotten.
    pub fn rewind(&mut self, to: SimTime) {
        let to = to.max(self.start());
        let offset = to.since(self.start()).as_micros();
        self.checkpoints
            .retain(|checkpoint| checkpoint.cluster.now() <= to);
        let Some(checkpoint) = self.checkpoints.last().cloned() else {
            return;
        };
        let position = (checkpoint.position as usize).min(self.tape.len());
        let mut later = self.tape.split_off(position);
        later.retain(|entry| entry.at <= offset);
        self.cluster = checkpoint.cluster;
        self.last_request = None;
        for entry in later {
            self.advance(self.start() + SimDuration::micros(entry.at), u32::MAX);
            self.execute(entry.command);
        }
        self.advance(to, u32::MAX);
    }

    fn checkpoint_if_due(&mut self) {
        let last = self
            .checkpoints
            .last()
            .map(|checkpoint| checkpoint.cluster.now());
        let now = self.cluster.now();
        if last.is_none_or(|last| now.since(last) >= CHECKPOINT_INTERVAL) {
            self.checkpoint();
        }
    }

    /// Keeps the present. When there are too many, every second one goes: the past stays reachable
    /// everywhere, only a little slower.
    fn checkpoint(&mut self) {
        if self.checkpoints.len() >= CHECKPOINT_LIMIT as usize {
            let mut index = 0;
            self.checkpoints.retain(|_| {
                index += 1;
                index == 1 || index % 2 == 0
            });
        }
        self.checkpoints.push(Checkpoint {
            position: u32::try_from(self.tape.len()).unwrap_or(u32::MAX),
            cluster: self.cluster.clone(),
        });
    }
}

#[cfg(test)]
mod tests {
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
}
