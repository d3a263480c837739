//! The tape around a cluster: every command is noted with its moment, so that the same run can be
//! made again, up to any moment of it. A tape starts with the cluster, or with a backup of it.

pub mod aside;
mod checkpoint;
mod execute;
mod new;
mod opening;
mod past;
mod records;
mod saved;
mod share;

pub use new::config_of;
pub use opening::{Opening, Progress};
pub use past::Past;
pub use records::{
    Batch, FORMAT_1, Keeper, PREFIX, Records, goes_on_from, read as read_records, to_text,
};
pub use saved::{BUILD, Latest, SAVED_VERSION, Saved, TAPE_LIMIT, TEXT_LIMIT, TapeEntry};
pub use share::{LINK_LIMIT, decode_link, encode_link};

use crate::cluster::{Backup, Cluster, ClusterConfig};
use crate::network::packet::PacketTrace;
use crate::protocol::{Place, Report, UserCommand};
use crate::sim::{SimDuration, SimTime};
use checkpoint::{Checkpoint, Checkpoints};
use std::collections::VecDeque;
use std::sync::Arc;

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

/// What happened to a tape since somebody last asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// So many commands at its beginning are the same.
    pub unchanged: u32,
    /// The earliest moment that the session was taken back to.
    pub rewound_to: Option<SimTime>,
}

/// A cluster and everything that was done to it.
#[derive(Clone, Debug)]
pub struct Session {
    cluster: Cluster,
    base: Option<Arc<Backup>>,
    tape: Vec<TapeEntry>,
    /// Events since the session began.
    events: u64,
    checkpoints: Checkpoints,
    change: Change,
    last_request: Option<LastRequest>,
    requests: u32,
}

impl Session {
    /// A new cluster.
    pub fn new(config: ClusterConfig) -> Self {
        Self::of_cluster(Cluster::new(config), None)
    }

    /// A session that begins with a backup, and what is wrong with objects of it that were left out.
    ///
    /// # Errors
    /// Why the backup cannot be restored, for a person.
    pub fn on_base(base: Arc<Backup>) -> Result<(Self, Vec<String>), String> {
        let (cluster, refused) = Cluster::restore(&base)?;
        Ok((Self::of_cluster(cluster, Some(base)), refused))
    }

    fn of_cluster(cluster: Cluster, base: Option<Arc<Backup>>) -> Self {
        Self {
            checkpoints: Checkpoints::new(&cluster),
            cluster,
            base,
            tape: Vec::new(),
            events: 0,
            change: Change {
                unchanged: 0,
                rewound_to: None,
            },
            last_request: None,
            requests: 0,
        }
    }

    /// Makes a saved session again, to its last moment, at one go: [`Opening`] does it in slices.
    ///
    /// # Errors
    /// What is wrong with it, for a person.
    pub fn restore(saved: Saved) -> Result<Self, String> {
        let mut opening = Opening::new(saved)?;
        while opening.run(u32::MAX)? != Progress::Done {}
        Ok(opening.finish().0)
    }

    /// What to save: the tape and what it starts from. It holds no backup of the present.
    pub fn save(&self) -> Saved {
        Saved {
            version: SAVED_VERSION,
            build: BUILD.to_owned(),
            config: self.cluster.config().clone(),
            base: self.base.clone(),
            tape: self.tape.clone(),
            elapsed: self.elapsed(),
            events: self.events,
            mark: Some(self.cluster.mark()),
            backup: None,
        }
    }

    /// What to put into a file: also with a backup of the present.
    pub fn save_whole(&self) -> Saved {
        let backup = Latest {
            position: u32::try_from(self.tape.len()).unwrap_or(u32::MAX),
            backup: Arc::new(self.cluster.backup()),
        };
        Saved {
            backup: Some(backup),
            ..self.save()
        }
    }

    /// The cluster, to look at.
    pub const fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The commands given.
    pub fn tape(&self) -> &[TapeEntry] {
        &self.tape
    }

    /// The backup that the session began with.
    pub const fn base(&self) -> Option<&Arc<Backup>> {
        self.base.as_ref()
    }

    /// How many events have happened since the session began.
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// When the session began: with the cluster, or with the backup that it goes on from. There is
    /// no way back to before it.
    pub fn start(&self) -> SimTime {
        match &self.base {
            None => self.cluster.config().start(),
            Some(base) => base.now(),
        }
    }

    /// How long the session has run, in microseconds.
    pub fn elapsed(&self) -> u64 {
        self.cluster.now().since(self.start()).as_micros()
    }

    /// What happened to the tape since the last time somebody asked.
    pub fn take_change(&mut self) -> Change {
        let unchanged = u32::try_from(self.tape.len()).unwrap_or(u32::MAX);
        let fresh = Change {
            unchanged,
            rewound_to: None,
        };
        std::mem::replace(&mut self.change, fresh)
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
        self.tape.push(TapeEntry {
            at: self.elapsed(),
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
            self.note_event();
        }
        false
    }

    /// Lets the next event happen.
    pub fn step(&mut self) {
        if let Some(at) = self.cluster.next_at() {
            self.cluster.step(at);
            self.note_event();
        }
    }

    fn note_event(&mut self) {
        self.events += 1;
        if self.checkpoints.is_due(self.cluster.now(), self.events) {
            self.checkpoints.keep(Checkpoint {
                position: u32::try_from(self.tape.len()).unwrap_or(u32::MAX),
                events: self.events,
                cluster: self.cluster.clone(),
            });
        }
    }

    /// Goes back to `to`, or to the session's beginning: commands given later are forgotten. All of
    /// it at one go: [`Opening::rewind`] does it in slices.
    pub fn rewind(&mut self, to: SimTime) {
        let (rest, to) = self.go_back(to);
        for entry in rest {
            self.advance(self.start() + SimDuration::micros(entry.at), u32::MAX);
            self.execute(entry.command);
        }
        self.advance(to, u32::MAX);
    }

    /// Goes back to the last checkpoint before `to`; answers the commands and the moment that are
    /// to be reached again from there.
    fn go_back(&mut self, to: SimTime) -> (VecDeque<TapeEntry>, SimTime) {
        let to = to.max(self.start());
        let offset = to.since(self.start()).as_micros();
        let Some(checkpoint) = self.checkpoints.go_back(to) else {
            return (VecDeque::new(), self.cluster.now());
        };
        let position = (checkpoint.position as usize).min(self.tape.len());
        let mut later = self.tape.split_off(position);
        later.retain(|entry| entry.at <= offset);
        self.cluster = checkpoint.cluster.clone();
        self.events = checkpoint.events;
        self.last_request = None;
        self.change = Change {
            unchanged: self.change.unchanged.min(checkpoint.position),
            rewound_to: Some(self.change.rewound_to.map_or(to, |before| before.min(to))),
        };
        (later.into(), to)
    }
}

#[cfg(test)]
mod tests;
