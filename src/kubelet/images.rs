//! The images that a node has, and which of them go when there are too many.
//!
//! Upstream: pkg/kubelet/images/image_gc_manager.go, v1.36: the images that no container uses, the least
//! recently used first. Upstream goes by the fullness of the disk and looks every five minutes; here a
//! number of images is the limit, and each pull looks. Left out: the minimum and maximum age.

use crate::sim::{SimTime, SortedMap, SortedSet, order};
use serde::Serialize;

/// How many images a node keeps besides those that its containers use.
pub const IMAGES_LIMIT: usize = 100;
/// How many are taken from what was saved: more than a node's Pods can use.
const RESTORED_LIMIT: usize = 2_000;

/// Images by their full names, and when each was last seen in use.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Images(SortedMap<String, SimTime>);

impl Images {
    /// Images that were there before, the least recently used first.
    pub fn restored(names: Vec<String>) -> Self {
        let too_many = names.len().saturating_sub(RESTORED_LIMIT);
        let names = names.into_iter().skip(too_many).enumerate();
        Self(SortedMap::from_iter(
            names.map(|(at, name)| (name, SimTime::from_micros(at as u64))),
        ))
    }

    /// Whether it needs no pull.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Notes that an image is there and used.
    pub fn note(&mut self, name: String, now: SimTime) {
        self.0.insert(name, now);
    }

    /// The names, the least recently used first.
    pub fn names(&self) -> Vec<String> {
        let mut by_use: Vec<(SimTime, &String)> = self.0.iter().map(|(n, at)| (*at, n)).collect();
        order::sort(&mut by_use);
        by_use.into_iter().map(|(_, name)| name.clone()).collect()
    }

    /// Whether some may have to go.
    pub fn are_many(&self) -> bool {
        self.0.len() > IMAGES_LIMIT
    }

    /// Lets the least recently used images go until no more than [`IMAGES_LIMIT`] are there that are
    /// not in use now.
    pub fn collect_garbage(&mut self, in_use: &SortedSet<String>, now: SimTime) {
        for (name, used) in self.0.iter_mut() {
            if in_use.contains(name) {
                *used = now;
            }
        }
        let unused = self.0.keys().filter(|name| !in_use.contains(*name));
        let mut too_many = unused.count().saturating_sub(IMAGES_LIMIT);
        if too_many == 0 {
            return;
        }
        for name in self.names() {
            if too_many == 0 {
                break;
            }
            if !in_use.contains(&name) {
                self.0.remove(&name);
                too_many -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_go_and_those_in_use_stay() {
        let mut images = Images::default();
        let name = |number: usize| format!("docker.io/library/image:{number}");
        for number in 0..IMAGES_LIMIT + 5 {
            images.note(name(number), SimTime::from_secs(number as u64));
        }
        images.note(name(1), SimTime::from_secs(9_000));
        let in_use = SortedSet::from([name(0), name(3)]);
        images.collect_garbage(&in_use, SimTime::from_secs(10_000));
        let left = images.names();
        assert_eq!(left.len(), IMAGES_LIMIT + 2);
        for gone in [2, 4, 5] {
            assert!(!images.has(&name(gone)), "{gone}");
        }
        assert_eq!(left[IMAGES_LIMIT - 1..], [name(1), name(0), name(3)]);
        let restored = Images::restored(left.clone());
        assert_eq!(restored.names(), left, "their order is kept");
        let all: SortedSet<String> = (0..IMAGES_LIMIT + 9).map(name).collect();
        for name in &all {
            images.note(name.clone(), SimTime::from_secs(1));
        }
        images.collect_garbage(&all, SimTime::from_secs(2));
        assert_eq!(images.names().len(), IMAGES_LIMIT + 9, "all are in use");
    }
}
