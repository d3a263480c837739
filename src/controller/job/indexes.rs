//! The completion indexes of an indexed Job, as ranges: `0,2-5,7`.
//!
//! Upstream: pkg/controller/job/indexed_job_utils.go, v1.36.

use crate::api::meta::MetaExt;
use k8s_openapi::api::core::v1::Pod;

/// Says which index a Pod works on, as an annotation and as a label.
pub const INDEX: &str = "batch.kubernetes.io/job-completion-index";

/// The index that a Pod works on.
pub fn of(pod: &Pod) -> Option<u32> {
    let index = pod.annotation(INDEX)?.parse::<i32>().ok()?;
    u32::try_from(index).ok()
}

/// Indexes as ranges with both ends, in order, none touching the next.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Indexes(Vec<(u32, u32)>);

impl Indexes {
    /// The indexes below `completions` that `text` names; what cannot be read is skipped.
    pub fn parse(text: &str, completions: u32) -> Self {
        let mut found = Self::default();
        for range in text.split(',').filter(|range| !range.is_empty()) {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (Ok(first), Ok(last)) = (first.parse::<u32>(), last.parse::<u32>()) else {
                continue;
            };
            if first >= completions {
                break;
            }
            if last < first {
                continue;
            }
            found.add(first, last.min(completions - 1));
        }
        found
    }

    /// Adds a range.
    pub fn add(&mut self, mut first: u32, mut last: u32) {
        let from = self
            .0
            .partition_point(|(_, end)| end.saturating_add(1) < first);
        let mut to = from;
        while let Some((start, end)) = self
            .0
            .get(to)
            .filter(|(start, _)| *start <= last.saturating_add(1))
        {
            first = first.min(*start);
            last = last.max(*end);
            to += 1;
        }
        self.0.splice(from..to, [(first, last)]);
    }

    /// Adds what `other` has.
    pub fn merge(&mut self, other: &Self) {
        for (first, last) in &other.0 {
            self.add(*first, *last);
        }
    }

    /// Whether `index` is among them.
    pub fn has(&self, index: u32) -> bool {
        let at = self.0.partition_point(|(_, last)| *last < index);
        self.0.get(at).is_some_and(|(first, _)| *first <= index)
    }

    /// How many there are.
    pub fn total(&self) -> u32 {
        self.0.iter().map(|(first, last)| last - first + 1).sum()
    }

    /// How many of them are in `other`.
    pub fn common(&self, other: &Self) -> u32 {
        let mut common = 0;
        for (first, last) in &self.0 {
            for (start, end) in &other.0 {
                let (from, to) = (*first.max(start), *last.min(end));
                common += (to + 1).saturating_sub(from);
            }
        }
        common
    }

    /// The first `count` indexes below `completions` that are not among them.
    pub fn first_missing(&self, count: u32, completions: u32) -> Vec<u32> {
        let (mut missing, mut next) = (Vec::new(), 0);
        let beyond = (completions, completions);
        for (first, last) in self.0.iter().chain([&beyond]) {
            while next < *first.min(&completions) && missing.len() < count as usize {
                missing.push(next);
                next += 1;
            }
            next = next.max(last.saturating_add(1));
        }
        missing
    }

    /// As a status writes them: two neighbours are named, three or more are a range.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (first, last) in &self.0 {
            if !text.is_empty() {
                text.push(',');
            }
            text.push_str(&first.to_string());
            if last > first {
                text.push(if *last == first + 1 { ',' } else { '-' });
                text.push_str(&last.to_string());
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_are_read_added_and_written() {
        for (text, add, want, total) in [
            ("", vec![], "", 0),
            ("", vec![0], "0", 1),
            ("0", vec![1], "0,1", 2),
            ("0,1", vec![2], "0-2", 3),
            ("0,2-4,9", vec![1], "0-4,9", 6),
            ("2-4", vec![9, 0, 3], "0,2-4,9", 5),
            ("1-3,5", vec![4], "1-5", 5),
            ("bad,4,x-7", vec![], "4", 1),
            ("5-25", vec![], "5-19", 15),
            ("3,20,4", vec![], "3", 1),
        ] {
            let mut indexes = Indexes::parse(text, 20);
            add.iter().for_each(|index| indexes.add(*index, *index));
            assert_eq!(
                (indexes.text().as_str(), indexes.total()),
                (want, total),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_missing_comes_in_order() {
        for (text, count, want) in [
            ("", 2, vec![0, 1]),
            ("0,2", 2, vec![1, 3]),
            ("0-9", 2, vec![]),
            ("1-8", 5, vec![0, 9]),
        ] {
            assert_eq!(
                Indexes::parse(text, 10).first_missing(count, 10),
                want,
                "{text}"
            );
        }
    }

    #[test]
    fn ranges_know_what_they_have_and_share() {
        let indexes = Indexes::parse("0,2-5", 10);
        let has: Vec<u32> = (0..8).filter(|index| indexes.has(*index)).collect();
        assert_eq!(has, [0, 2, 3, 4, 5]);
        for (other, common) in [("", 0), ("1", 0), ("0-9", 5), ("4-7", 2), ("0,3,5-6", 3)] {
            assert_eq!(
                indexes.common(&Indexes::parse(other, 10)),
                common,
                "{other}"
            );
        }
        let mut merged = indexes.clone();
        merged.merge(&Indexes::parse("1,7", 10));
        assert_eq!(merged.text(), "0-5,7");
    }
}
