//! How long a failed Pod's successor must wait, per node and generation.
//!
//! Upstream: staging/src/k8s.io/client-go/util/flowcontrol/backoff.go, v1.36: one second, doubling up
//! to 15 minutes; forgotten after twice that.

use crate::sim::{SimDuration, SimTime, SortedMap};
use serde::Serialize;

const FIRST: SimDuration = SimDuration::secs(1);
const MAX: SimDuration = SimDuration::secs(15 * 60);
const FORGOTTEN: SimDuration = SimDuration::secs(30 * 60);

/// The delays by key, and since when each counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Backoff(SortedMap<String, (SimDuration, SimTime)>);

impl Backoff {
    /// When `key` may be tried again; `None`: now.
    pub fn holds(&self, key: &str, now: SimTime) -> Option<SimTime> {
        let (delay, since) = *self.0.get(key)?;
        Some(since + delay).filter(|until| now < *until)
    }

    /// Notes a try: the next one has to wait for twice as long.
    pub fn next(&mut self, key: String, now: SimTime) {
        self.0
            .retain(|_, (_, since)| now.since(*since) <= FORGOTTEN);
        let (delay, since) = self.0.entry(key).or_insert((SimDuration::ZERO, now));
        *delay = (*delay + *delay).min(MAX).max(FIRST);
        *since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_until_it_is_forgotten() {
        let mut backoff = Backoff::default();
        let at = SimTime::from_secs;
        assert_eq!(backoff.holds("a", at(10)), None);
        backoff.next("a".to_owned(), at(10));
        assert_eq!(backoff.holds("a", at(10)), Some(at(11)));
        assert_eq!(backoff.holds("a", at(11)), None);
        assert_eq!(backoff.holds("b", at(10)), None);
        backoff.next("a".to_owned(), at(11));
        assert_eq!(backoff.holds("a", at(12)), Some(at(13)));
        (0..20).for_each(|_| backoff.next("a".to_owned(), at(20)));
        assert_eq!(backoff.holds("a", at(20)), Some(at(20 + 15 * 60)));
        backoff.next("b".to_owned(), at(4_000));
        assert_eq!(backoff.holds("a", at(30)), None, "it is forgotten");
    }
}
