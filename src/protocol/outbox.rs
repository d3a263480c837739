//! What the page has said and has no answer to yet, so that nothing is lost without a word when the
//! engine crashes.
//!
//! Commands that the engine had when it crashed are answered as not confirmed, rather than given
//! again: one of them may be what crashed it. What is said while a new engine starts waits for it.

use super::{FromEngine, Report, ReportError, ToEngine};
use std::collections::BTreeSet;

/// How many messages wait for an engine that starts.
const WAITING_LIMIT: usize = 100;
const UNCONFIRMED: &str = "the cluster's engine crashed before it confirmed this and was started again: look whether it was done";
const GONE: &str = "the cluster's engine does not run, so this was not done";
const TOO_MUCH: &str = "too much waits for the cluster's engine already, so this was not done";

/// The messages between a page and its engine.
#[derive(Clone, Debug, Default)]
pub struct Outbox {
    state: State,
    waiting: Vec<ToEngine>,
    /// The commands that the engine has and has not answered.
    unanswered: BTreeSet<u32>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// It does not know yet what to open.
    #[default]
    Starting,
    Open,
    Gone,
}

/// What is to be done with a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Outgoing {
    /// These go to the engine now.
    Post(Vec<ToEngine>),
    /// It waits, or needs no answer.
    Keep,
    /// The page hears this instead.
    Answer(FromEngine),
}

fn refusal(message: &ToEngine, why: &str) -> FromEngine {
    match message {
        ToEngine::Command { id, .. } => answer(*id, why),
        _ => FromEngine::Notice(format!("{why}.")),
    }
}

fn answer(id: u32, why: &str) -> FromEngine {
    let message = why.to_owned();
    let report = Report {
        errors: vec![ReportError { message, line: 0 }],
        ..Report::default()
    };
    FromEngine::Done { id, report }
}

impl Outbox {
    /// The page says something.
    pub fn say(&mut self, message: ToEngine) -> Outgoing {
        match (self.state, message) {
            (State::Gone, ToEngine::View(_) | ToEngine::Ping) => Outgoing::Keep,
            (State::Gone, message) => Outgoing::Answer(refusal(&message, GONE)),
            (_, message @ (ToEngine::Open { .. } | ToEngine::OpenAnew)) => {
                self.state = State::Open;
                let waited = std::mem::take(&mut self.waiting);
                for message in &waited {
                    self.note(message);
                }
                Outgoing::Post(std::iter::once(message).chain(waited).collect())
            }
            // These are said again.
            (State::Starting, ToEngine::View(_) | ToEngine::Ping) => Outgoing::Keep,
            (State::Starting, message) if self.waiting.len() < WAITING_LIMIT => {
                self.waiting.push(message);
                Outgoing::Keep
            }
            (State::Starting, message) => Outgoing::Answer(refusal(&message, TOO_MUCH)),
            (State::Open, message) => {
                self.note(&message);
                Outgoing::Post(vec![message])
            }
        }
    }

    /// The engine said something.
    pub fn hear(&mut self, message: &FromEngine) {
        if let FromEngine::Done { id, .. } = message {
            self.unanswered.remove(id);
        }
    }

    /// The engine crashed, and a new one starts or does not: what the page hears of its commands.
    pub fn crashed(&mut self, starts_again: bool) -> Vec<FromEngine> {
        let lost = std::mem::take(&mut self.unanswered);
        let mut answers: Vec<FromEngine> =
            lost.into_iter().map(|id| answer(id, UNCONFIRMED)).collect();
        self.state = match starts_again {
            true => State::Starting,
            false => State::Gone,
        };
        if !starts_again {
            let waited = std::mem::take(&mut self.waiting);
            answers.extend(waited.iter().map(|message| refusal(message, GONE)));
        }
        answers
    }

    /// A new engine starts where there was none.
    pub fn start(&mut self) {
        self.state = State::Starting;
    }

    fn note(&mut self, message: &ToEngine) {
        if let ToEngine::Command { id, .. } = message {
            self.unanswered.insert(*id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ClockCommand, UserCommand, ViewRequest};
    use super::*;

    fn command(id: u32) -> ToEngine {
        let name = "worker-1".to_owned();
        let command = UserCommand::SetNode { name, on: false };
        ToEngine::Command { id, command }
    }

    fn open() -> ToEngine {
        let fragment = String::new();
        ToEngine::Open { fragment }
    }

    fn answered(messages: &[FromEngine]) -> Vec<u32> {
        let id = |message: &FromEngine| match message {
            FromEngine::Done { id, report } if !report.errors.is_empty() => Some(*id),
            _ => None,
        };
        messages.iter().filter_map(id).collect()
    }

    #[test]
    fn what_is_said_to_an_engine_that_starts_waits_until_it_is_open() {
        let mut outbox = Outbox::default();
        assert_eq!(outbox.say(ToEngine::Ping), Outgoing::Keep);
        assert_eq!(outbox.say(command(1)), Outgoing::Keep);
        assert_eq!(outbox.say(ToEngine::MakeLink), Outgoing::Keep);
        let posted = outbox.say(open());
        let all = vec![open(), command(1), ToEngine::MakeLink];
        assert_eq!(posted, Outgoing::Post(all));
        assert_eq!(outbox.say(command(2)), Outgoing::Post(vec![command(2)]));
        for _ in 0..WAITING_LIMIT {
            outbox.crashed(true);
            outbox.say(command(3));
        }
        let told = outbox.say(command(4));
        assert!(
            matches!(&told, Outgoing::Answer(one) if answered(std::slice::from_ref(one)) == [4])
        );
    }

    #[test]
    fn a_crash_answers_what_the_engine_had() {
        let mut outbox = Outbox::default();
        outbox.say(open());
        for id in 1..=3 {
            outbox.say(command(id));
        }
        let report = Report::default();
        outbox.hear(&FromEngine::Done { id: 2, report });
        assert_eq!(answered(&outbox.crashed(true)), [1, 3]);
        // What comes now is for the next one, and is lost with it only if there is none.
        assert_eq!(outbox.say(command(4)), Outgoing::Keep);
        assert_eq!(answered(&outbox.crashed(true)), [0; 0]);
        assert_eq!(answered(&outbox.crashed(false)), [4]);
        assert_eq!(outbox.crashed(false), []);
    }

    #[test]
    fn an_engine_that_does_not_run_answers_at_once() {
        let mut outbox = Outbox::default();
        outbox.say(open());
        outbox.crashed(false);
        let told = outbox.say(command(7));
        assert!(
            matches!(&told, Outgoing::Answer(one) if answered(std::slice::from_ref(one)) == [7])
        );
        let paused = outbox.say(ToEngine::Clock(ClockCommand::Pause));
        assert!(matches!(paused, Outgoing::Answer(FromEngine::Notice(_))));
        let view = ToEngine::View(ViewRequest::default());
        assert_eq!(outbox.say(view), Outgoing::Keep);
        outbox.start();
        assert_eq!(outbox.say(command(8)), Outgoing::Keep);
        let posted = outbox.say(ToEngine::OpenAnew);
        assert_eq!(posted, Outgoing::Post(vec![ToEngine::OpenAnew, command(8)]));
    }
}
