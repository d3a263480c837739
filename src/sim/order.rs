//! Sorting and gathering without the weight of the standard library's sort: it is four kilobytes of
//! WebAssembly for each type that is sorted. Here one sort, of places in a list, serves all types.
//!
//! It never panics, whatever `compare` answers: go-yaml's order of keys, for one, is no total order.
//!
//! `collect` into a B-tree sorts too, as `from` does; so there is [`map_of`].

use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Sorts by `compare`; equal items stay in their order.
pub fn sort_by<T>(list: &mut [T], mut compare: impl FnMut(&T, &T) -> Ordering) {
    let mut places = sorted_places(list.len(), &mut |a, b| compare(&list[a], &list[b]));
    for start in 0..list.len() {
        let mut at = start;
        // What is to stand at each place is fetched from where it is; a place that is done points at
        // itself.
        loop {
            let from = std::mem::replace(&mut places[at], at);
            if from == start {
                break;
            }
            list.swap(at, from);
            at = from;
        }
    }
}

/// Sorts by a key of each item; equal items stay in their order.
pub fn sort_by_key<T, K: Ord>(list: &mut [T], key: impl Fn(&T) -> K) {
    sort_by(list, |a, b| key(a).cmp(&key(b)));
}

/// Sorts; equal items stay in their order.
pub fn sort<T: Ord>(list: &mut [T]) {
    sort_by(list, T::cmp);
}

#[inline(never)]
fn sorted_places(count: usize, compare: &mut dyn FnMut(usize, usize) -> Ordering) -> Vec<usize> {
    let mut places: Vec<usize> = (0..count).collect();
    let mut merged = Vec::with_capacity(count);
    let mut run = 1;
    while run < count {
        for pair in places.chunks(2 * run) {
            let (mut left, mut right) = pair.split_at(run.min(pair.len()));
            while let ([a, ..], [b, ..]) = (left, right) {
                let from = match compare(*b, *a).is_lt() {
                    true => &mut right,
                    false => &mut left,
                };
                merged.push(from[0]);
                *from = &from[1..];
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
        }
        std::mem::swap(&mut places, &mut merged);
        merged.clear();
        run *= 2;
    }
    places
}

/// The pairs as a map; of equal keys the last counts.
pub fn map_of<K: Ord, V>(pairs: impl IntoIterator<Item = (K, V)>) -> BTreeMap<K, V> {
    let mut map = BTreeMap::new();
    map.extend(pairs);
    map
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{SimRng, SortedSet};

    #[test]
    fn equal_items_stay_in_their_order() {
        let mut list = [(3, 'a'), (1, 'b'), (3, 'c'), (2, 'd'), (1, 'e')];
        sort_by_key(&mut list, |item| item.0);
        assert_eq!(list, [(1, 'b'), (1, 'e'), (2, 'd'), (3, 'a'), (3, 'c')]);
        let mut none: [u8; 0] = [];
        sort(&mut none);
        let map = map_of([(2, 'a'), (1, 'b'), (2, 'c')]);
        assert_eq!(map.into_iter().collect::<Vec<_>>(), [(1, 'b'), (2, 'c')]);
    }

    #[test]
    fn an_order_that_contradicts_itself_loses_nothing() {
        let mut list: Vec<u64> = (0..500).map(|n| n * 7 % 500).collect();
        sort_by(&mut list, |a, b| (a * 31 % 17).cmp(&(b * 13 % 11)));
        assert!(SortedSet::from_iter(list).into_iter().eq(0..500));
    }

    #[test]
    fn it_sorts_as_the_standard_library_does() {
        let mut rng = SimRng::new(5);
        for length in 0..200 {
            let number = |place: usize| (rng.next_u64() % 40, place);
            let mut list: Vec<(u64, usize)> = (0..length).map(number).collect();
            let mut wanted = list.clone();
            wanted.sort_by_key(|item| item.0);
            sort_by_key(&mut list, |item| item.0);
            assert_eq!(list, wanted);
        }
    }
}
