//! A look back: an earlier moment of a session, from which what happened can be watched again.
//!
//! The session itself stays as it is, so whatever is saved meanwhile is all of it. Only carrying on
//! from here takes its place.

use super::opening::Opening;
use super::{Session, TapeEntry};
use crate::sim::{SimDuration, SimTime};
use std::collections::VecDeque;

/// An earlier moment of a session, and what is known to come after it.
#[derive(Clone, Debug)]
pub struct Past {
    /// The session as it was.
    session: Session,
    /// The commands given later.
    rest: VecDeque<TapeEntry>,
    /// How far the session got.
    end: SimTime,
    /// How many events that took.
    end_events: u64,
}

impl Past {
    /// Goes back to `to`, a moment of `present`; what comes out is the session for [`Past::new`].
    pub fn open(present: &Session, to: SimTime) -> Opening {
        Opening::rewind(present.clone(), to)
    }

    /// Looks at `session`, which is `present` taken back.
    pub fn new(session: Session, present: &Session) -> Self {
        let rest = present.tape().iter().skip(session.tape().len());
        Self {
            rest: rest.cloned().collect(),
            end: present.cluster().now(),
            end_events: present.events(),
            session,
        }
    }

    /// The session as it was.
    pub const fn session(&self) -> &Session {
        &self.session
    }

    /// How many commands were given later.
    pub fn later(&self) -> u32 {
        u32::try_from(self.rest.len()).unwrap_or(u32::MAX)
    }

    /// Whether all that happened has happened again.
    pub fn is_over(&self) -> bool {
        let there = self.session.cluster().now() >= self.end;
        self.rest.is_empty() && there && self.session.events() >= self.end_events
    }

    /// Lets what happened happen again until `until`, or until `limit` events have; answers whether
    /// it got there. It goes no further than the session did.
    pub fn advance(&mut self, until: SimTime, limit: u32) -> bool {
        let until = until.min(self.end);
        let mut left = u64::from(limit);
        loop {
            let next = self.next_command().filter(|at| *at <= until);
            let before = self.session.events();
            let slice = u32::try_from(left).unwrap_or(u32::MAX);
            if !self.session.advance(next.unwrap_or(until), slice) {
                return false;
            }
            left = left.saturating_sub(self.session.events() - before + 1);
            if next.is_none() {
                return true;
            }
            self.repeat();
        }
    }

    /// Lets the next thing happen again, an event or a command.
    pub fn step(&mut self) {
        let goes_on = self.session.events() < self.end_events;
        let event = self.session.cluster().next_at().filter(|_| goes_on);
        match (event, self.next_command()) {
            (event, Some(command)) if event.is_none_or(|event| event > command) => {
                self.session.advance(command, 1);
                self.repeat();
            }
            (Some(_), _) => self.session.step(),
            (None, _) => {
                self.session.advance(self.end, 1);
            }
        }
    }

    /// Takes this moment for the present: what came after it is forgotten.
    pub fn carry_on(self) -> Session {
        self.session
    }

    fn next_command(&self) -> Option<SimTime> {
        let entry = self.rest.front()?;
        Some(self.session.start() + SimDuration::micros(entry.at))
    }

    fn repeat(&mut self) {
        if let Some(entry) = self.rest.pop_front() {
            self.session.execute(entry.command);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Keeper, Progress, Records, read_records};
    use super::*;
    use crate::cluster::ClusterConfig;
    use crate::protocol::{Place, UserCommand};

    fn scale(replicas: i32) -> UserCommand {
        let at = Place {
            namespace: "default".into(),
            name: "hello".into(),
        };
        UserCommand::Scale { at, replicas }
    }

    fn at(session: &Session, seconds: u64) -> SimTime {
        session.start() + SimDuration::secs(seconds)
    }

    /// Scaled at 30 s, 50 s and 70 s, now at 90 s.
    fn scaled() -> Session {
        let mut session = Session::new(ClusterConfig::default());
        for (seconds, replicas) in [(30, 5), (50, 2), (70, 4)] {
            session.advance(at(&session, seconds), u32::MAX);
            session.execute(scale(replicas));
        }
        session.advance(at(&session, 90), u32::MAX);
        session
    }

    fn look(present: &Session, seconds: u64) -> Past {
        let mut opening = Past::open(present, at(present, seconds));
        while opening.run(50).expect("it goes") != Progress::Done {}
        Past::new(opening.finish().0, present)
    }

    #[test]
    fn what_happened_happens_again_and_ends_in_the_present() {
        let present = scaled();
        let mut past = look(&present, 40);
        assert_eq!((past.later(), past.is_over()), (2, false));
        assert_eq!(past.session().cluster().now(), at(&present, 40));
        assert!(past.advance(at(&present, 50), u32::MAX));
        assert_eq!(past.later(), 1, "the command at this moment was given");
        while !past.advance(at(&present, 500), 7) {}
        assert!(past.is_over());
        assert!(past.session().cluster() == present.cluster());
        assert_eq!(past.session().tape(), present.tape());
        // There is nothing more to watch.
        past.step();
        assert_eq!(past.session().cluster().now(), present.cluster().now());
    }

    #[test]
    fn step_by_step_it_is_the_same() {
        let present = scaled();
        let mut past = look(&present, 40);
        let mut steps = 0;
        while !past.is_over() {
            past.step();
            steps += 1;
            assert!(steps < 100_000, "it ends");
        }
        assert!(past.session().cluster() == present.cluster());
        assert_eq!(past.session().tape(), present.tape());
    }

    #[test]
    fn what_is_saved_during_a_look_back_is_the_whole_session() {
        let mut present = scaled();
        let (mut keeper, mut store) = (Keeper::default(), Records::new());
        keeper.batch(&mut present, 0).apply(&mut store);
        let mut past = look(&present, 40);
        past.advance(at(&present, 60), u32::MAX);
        // With a backup this time.
        keeper.batch(&mut present, 60_000).apply(&mut store);
        let saved = |store: &Records| read_records(store).expect("read").expect("a session").0;
        assert_eq!(saved(&store).tape, present.tape());
        assert!(saved(&store).backup.is_some());
        // From here on, only what led here and what comes now is saved.
        let mut session = past.carry_on();
        session.execute(scale(1));
        keeper.batch(&mut session, 60_001).apply(&mut store);
        let kept = saved(&store);
        assert_eq!(kept.tape, session.tape());
        assert_eq!(kept.tape.len(), 3);
        assert!(kept.backup.is_none(), "a backup of what is forgotten");
        let again = Session::restore(kept).expect("restored");
        assert!(again.cluster() == session.cluster());
    }

    #[test]
    fn a_command_not_saved_yet_is_not_lost_by_a_look_back() {
        let mut present = scaled();
        let (mut keeper, mut store) = (Keeper::default(), Records::new());
        keeper.batch(&mut present, 0).apply(&mut store);
        present.execute(scale(7));
        let past = look(&present, 40);
        assert_eq!(past.later(), 3);
        keeper.batch(&mut present, 1).apply(&mut store);
        let saved = read_records(&store).expect("read").expect("a session").0;
        assert_eq!(saved.tape, present.tape());
        keeper.batch(&mut past.carry_on(), 2).apply(&mut store);
        let saved = read_records(&store).expect("read").expect("a session").0;
        assert_eq!(saved.tape.len(), 1);
    }
}
