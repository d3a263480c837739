//! How a saved session is made again, a slice at a time, so that whoever waits for it stays alive.
//!
//! The tape is replayed where that is affordable: this is exact for the build that wrote it, and a
//! mark at the end says whether it was. Where the replay is too long, or does not end where it
//! should, the session goes on from its backup.

use super::Session;
use super::saved::{BUILD, Latest, Saved, TapeEntry};
use crate::cluster::{Backup, ClusterConfig};
use crate::sim::{SimDuration, SimTime};
use std::collections::VecDeque;
use std::sync::Arc;

/// The most events of a replay, where there is a backup to go on from instead: for this build's
/// tapes and for another's.
const EXACT_LIMIT: u64 = 2_000_000;
const OTHER_LIMIT: u64 = 500_000;
/// The most events of a replay without which there is nothing.
const ONLY_LIMIT: u64 = 20_000_000;
/// What a command counts beside the events that follow it.
const COMMAND_EVENTS: u32 = 50;
/// How many of a backup's refused objects are told.
const REFUSED_TOLD: usize = 3;

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many hundredths are done.
    Working(u8),
    /// Everything is.
    Done,
}

/// What is opened where the replay comes to nothing.
#[derive(Clone, Debug)]
struct Fallback {
    backup: Arc<Backup>,
    rest: Vec<TapeEntry>,
    elapsed: u64,
}

/// A session on its way to a moment of its tape.
#[derive(Clone, Debug)]
pub struct Opening {
    session: Session,
    rest: VecDeque<TapeEntry>,
    began: SimTime,
    until: SimTime,
    /// Events that it may still take.
    left: u64,
    /// Events that it takes in all, where that is known.
    planned: u64,
    mark: Option<u64>,
    other_build: bool,
    fallback: Option<Fallback>,
    /// Whether it ends where it is once it may take no more events, rather than failing.
    lenient: bool,
    /// Whether it goes on from a backup, its replay having come to nothing.
    fell_back: bool,
    hurried: bool,
    notices: Vec<String>,
}

impl Opening {
    /// Begins to open what was saved.
    ///
    /// # Errors
    /// What is wrong with it, for a person.
    pub fn new(saved: Saved) -> Result<Self, String> {
        saved.check()?;
        let fallback = saved.backup.as_ref().and_then(|at| fallback(&saved, at));
        let other_build = saved.build != BUILD;
        let limit = match (&fallback, other_build) {
            (None, _) => ONLY_LIMIT,
            (Some(_), false) => EXACT_LIMIT,
            (Some(_), true) => OTHER_LIMIT,
        };
        let (affordable, planned, mark) = (saved.events <= limit, saved.events, saved.mark);
        if let Some(fallback) = fallback.clone().filter(|_| !affordable) {
            let why = "It has run for too long to be replayed";
            return Self::from_backup(fallback, why).map_err(|(why, _)| why);
        }
        let mut notices = Vec::new();
        let session = match saved.base {
            None => Session::new(saved.config),
            Some(base) => match (Session::on_base(base), fallback.clone()) {
                (Ok((session, refused)), _) => {
                    notices.extend(refused_notice(&refused));
                    session
                }
                (Err(why), None) => return Err(why),
                (Err(why), Some(fallback)) => {
                    return Self::from_backup(fallback, &why).map_err(|(why, _)| why);
                }
            },
        };
        let start = session.start();
        let until = start + SimDuration::micros(saved.elapsed);
        Ok(Self {
            left: limit,
            planned,
            mark,
            other_build,
            fallback,
            lenient: false,
            notices,
            ..Self::towards(session, saved.tape.into(), until)
        })
    }

    /// A new cluster that runs for a while before anybody sees it.
    pub fn fresh(config: ClusterConfig, head_start: SimDuration) -> Self {
        let session = Session::new(config);
        let until = session.start() + head_start;
        Self::towards(session, VecDeque::new(), until)
    }

    /// `session` goes on to `until` by the commands in `rest`, however long it takes.
    fn towards(session: Session, rest: VecDeque<TapeEntry>, until: SimTime) -> Self {
        Self {
            rest,
            began: session.cluster().now(),
            until,
            session,
            left: u64::MAX,
            planned: 0,
            mark: None,
            other_build: false,
            fallback: None,
            lenient: true,
            fell_back: false,
            hurried: false,
            notices: Vec::new(),
        }
    }

    /// Takes `session` back to `to`: commands given later are forgotten.
    pub fn rewind(mut session: Session, to: SimTime) -> Self {
        let (rest, to) = session.go_back(to);
        Self::towards(session, rest, to)
    }

    fn from_backup(fallback: Fallback, why: &str) -> Result<Self, (String, Fallback)> {
        let (session, refused) = match Session::on_base(fallback.backup.clone()) {
            Ok(restored) => restored,
            Err(why) => return Err((why, fallback)),
        };
        let mut notices = vec![format!(
            "{why}: the cluster goes on from its backup. Its Pods are the same; rewinding begins at the backup."
        )];
        notices.extend(refused_notice(&refused));
        let until = session.start() + SimDuration::micros(fallback.elapsed);
        Ok(Self {
            left: EXACT_LIMIT,
            notices,
            ..Self::towards(session, fallback.rest.into(), until)
        })
    }

    /// Goes on for about `limit` events.
    ///
    /// # Errors
    /// Why it cannot be opened, for a person.
    pub fn run(&mut self, limit: u32) -> Result<Progress, String> {
        let mut left = limit;
        while left > 0 {
            let start = self.session.start();
            let next = self.rest.front();
            let target = next.map_or(self.until, |entry| start + SimDuration::micros(entry.at));
            let before = self.session.events();
            let slice = self.left.min(left.into()).min(self.before_the_end());
            let slice = u32::try_from(slice).unwrap_or(u32::MAX);
            let there = self.is_at_the_end() || self.session.advance(target, slice);
            let took = self.session.events() - before;
            self.left = self.left.saturating_sub(took);
            left = left.saturating_sub(u32::try_from(took).unwrap_or(u32::MAX));
            if !there {
                if self.left == 0 {
                    self.give_up()?;
                }
                continue;
            }
            match self.rest.pop_front() {
                Some(entry) => {
                    self.session.execute(entry.command);
                    left = left.saturating_sub(COMMAND_EVENTS);
                    self.left = self.left.saturating_sub(u64::from(COMMAND_EVENTS));
                }
                None if self.arrive()? => return Ok(Progress::Done),
                None => {}
            }
        }
        Ok(Progress::Working(self.percent()))
    }

    /// How many events are left to the one that was the last before it was saved.
    fn before_the_end(&self) -> u64 {
        match self.planned.checked_sub(self.session.events()) {
            Some(events) if events > 0 && self.mark.is_some() && self.rest.is_empty() => events,
            _ => u64::MAX,
        }
    }

    /// Whether as much has happened as when it was saved. A person who goes from event to event, or a
    /// clock that falls behind, saves in the middle of a moment: what else is due then comes later.
    fn is_at_the_end(&self) -> bool {
        let now = self.session.cluster().now();
        let last = self.mark.is_some() && self.rest.is_empty() && now == self.until;
        last && self.session.events() == self.planned
    }

    /// It has taken long enough: what is left is not replayed. Where it goes on from a backup then,
    /// that has its own time, and can be hurried once more.
    pub const fn hurry(&mut self) {
        if !self.hurried {
            self.hurried = true;
            self.left = 0;
        }
    }

    /// Whether its replay came to nothing and it goes on from a backup.
    pub const fn has_fallen_back(&self) -> bool {
        self.fell_back
    }

    /// The session, and what the person should know of how it was opened.
    pub fn finish(self) -> (Session, Vec<String>) {
        (self.session, self.notices)
    }

    fn percent(&self) -> u8 {
        let (done, all) = match self.planned {
            0 => (
                self.session.cluster().now().since(self.began).as_micros(),
                self.until.since(self.began).as_micros(),
            ),
            planned => (self.session.events(), planned),
        };
        let hundredths = u128::from(done) * 100 / u128::from(all.max(1));
        u8::try_from(hundredths.min(99)).unwrap_or(99)
    }

    /// The end of the tape is reached; answers whether it is the right end.
    fn arrive(&mut self) -> Result<bool, String> {
        let mark = self.session.cluster().mark();
        if self.mark.is_none_or(|expected| expected == mark) {
            return Ok(true);
        }
        if self.fallback.is_some() {
            self.fall_back(
                "Another version of Kubarium saved it and its commands would lead elsewhere now",
            )?;
            return Ok(false);
        }
        let text = match self.other_build {
            true => {
                "Another version of Kubarium made this: the cluster may differ a little from the one that was saved."
            }
            false => {
                "The commands lead to a cluster that differs from the one that was saved: a part of them may be changed."
            }
        };
        self.notices.push(text.to_owned());
        Ok(true)
    }

    fn give_up(&mut self) -> Result<(), String> {
        if self.fallback.is_some() {
            return self.fall_back("Replaying it would take too long");
        }
        if !self.lenient {
            return Err("replaying it would take too long".to_owned());
        }
        // Confirmed commands are kept, even where their moments are out of reach.
        let text = "The last stretch of time before it was saved would take too long to replay and was left out.";
        self.notices.push(text.to_owned());
        for entry in std::mem::take(&mut self.rest) {
            self.session.execute(entry.command);
        }
        self.until = self.session.cluster().now();
        // What is due at this moment still happens.
        self.left = EXACT_LIMIT;
        Ok(())
    }

    fn fall_back(&mut self, why: &str) -> Result<(), String> {
        let Some(fallback) = self.fallback.take() else {
            return Ok(());
        };
        let mut notices = std::mem::take(&mut self.notices);
        let opened = Self::from_backup(fallback, why).map_err(|(why, _)| why)?;
        notices.extend(opened.notices.iter().cloned());
        *self = Self {
            notices,
            fell_back: true,
            ..opened
        };
        Ok(())
    }
}

/// The backup of `saved` with the commands that came after it.
fn fallback(saved: &Saved, at: &Latest) -> Option<Fallback> {
    let start = match &saved.base {
        None => saved.config.clone().bounded().start(),
        Some(base) => base.now(),
    };
    let passed = at.backup.now().since(start).as_micros();
    let rest = saved.tape.get(at.position as usize..)?.iter();
    Some(Fallback {
        backup: at.backup.clone(),
        rest: rest
            .map(|entry| TapeEntry {
                at: entry.at.saturating_sub(passed),
                command: entry.command.clone(),
            })
            .collect(),
        elapsed: saved.elapsed.saturating_sub(passed),
    })
}

/// What a person is told of objects that a backup holds and that are not whole.
fn refused_notice(refused: &[String]) -> Option<String> {
    let told = refused.iter().take(REFUSED_TOLD).cloned();
    let told = told.collect::<Vec<_>>().join("; ");
    let count = refused.len();
    (count > 0).then(|| format!("The backup is damaged: {count} objects were left out ({told})."))
}
