//! Ordered maps and sets without the weight of the standard library's: a B-tree is four kilobytes of
//! WebAssembly for each pair of types, and the engine has some sixty pairs.
//!
//! Here the entries are one sorted list of boxes. To find one is a binary search; to add or remove one
//! moves the pointers behind it, which is the same code for all types, and for the largest maps there
//! are (20,000 objects) a matter of microseconds. What is added in order costs no search.
//!
//! Where a type of Kubernetes' own asks for a `BTreeMap`, it gets one. A queue, which gives away its
//! first entry, is better off with a B-tree too.

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Bound, Index, RangeBounds};

/// An ordered map.
#[derive(Clone, PartialEq, Eq)]
pub struct SortedMap<K, V> {
    // Boxed, so that moving entries moves pointers, by one code for all types.
    entries: Vec<Box<(K, V)>>,
}

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> SortedMap<K, V> {
    /// An empty map.
    #[must_use]
    pub const fn new() -> Self {
        let entries = Vec::new();
        Self { entries }
    }

    /// How many entries there are.
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Takes out everything.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// The entries, by key.
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter(self.entries.iter())
    }

    /// The entries, by key; the values may be changed.
    pub fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = (&K, &mut V)> {
        self.entries.iter_mut().map(|entry| {
            let (key, value) = &mut **entry;
            (&*key, value)
        })
    }

    /// The keys, in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> + ExactSizeIterator + Clone {
        self.entries.iter().map(|entry| &entry.0)
    }

    /// The values, by key.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + ExactSizeIterator + Clone {
        self.entries.iter().map(|entry| &entry.1)
    }

    /// The values, by key, to be changed.
    pub fn values_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut V> {
        self.entries.iter_mut().map(|entry| &mut entry.1)
    }

    /// The entries' keys, given away.
    pub fn into_keys(self) -> impl DoubleEndedIterator<Item = K> {
        self.entries.into_iter().map(|entry| entry.0)
    }

    /// The entries' values, given away.
    pub fn into_values(self) -> impl DoubleEndedIterator<Item = V> {
        self.entries.into_iter().map(|entry| entry.1)
    }

    /// The first entry.
    pub fn first_key_value(&self) -> Option<(&K, &V)> {
        self.iter().next()
    }

    /// The last entry.
    pub fn last_key_value(&self) -> Option<(&K, &V)> {
        self.iter().next_back()
    }

    /// Takes the first entry out.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        match self.entries.is_empty() {
            true => None,
            false => Some(*self.entries.remove(0)),
        }
    }

    /// Keeps the entries for which `keep` holds.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        self.entries.retain_mut(|entry| {
            let (key, value) = &mut **entry;
            keep(key, value)
        });
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    /// Where `key` belongs: what comes in order belongs behind the last.
    #[inline(never)]
    fn place(&self, key: &K) -> Result<usize, usize> {
        match self.entries.last() {
            Some(last) if *key <= last.0 => self.find(key),
            _ => Err(self.entries.len()),
        }
    }

    /// Where `key` is, or where it would be.
    #[inline(never)]
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        let (mut low, mut high) = (0, self.entries.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            match key.cmp(self.entries[middle].0.borrow()) {
                Ordering::Less => high = middle,
                Ordering::Equal => return Ok(middle),
                Ordering::Greater => low = middle + 1,
            }
        }
        Err(low)
    }

    /// The value of `key`.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.find(key).ok().map(|at| &self.entries[at].1)
    }

    /// The key as it is stored, and its value.
    pub fn get_key_value<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        let entry = &self.entries[self.find(key).ok()?];
        Some((&entry.0, &entry.1))
    }

    /// The value of `key`, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.find(key).ok().map(|at| &mut self.entries[at].1)
    }

    /// Whether there is an entry for `key`.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_ok()
    }

    /// Sets the value of `key`; what was there comes back.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.place(&key) {
            Ok(at) => Some(std::mem::replace(&mut self.entries[at].1, value)),
            Err(at) => {
                self.entries.insert(at, Box::new((key, value)));
                None
            }
        }
    }

    /// Adds an entry where there is none for `key`; false where there is one.
    pub(super) fn insert_new(&mut self, key: K, value: V) -> bool {
        let place = self.place(&key);
        if let Err(at) = place {
            self.entries.insert(at, Box::new((key, value)));
        }
        place.is_err()
    }

    /// Takes the entry of `key` out.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.remove_entry(key).map(|(_, value)| value)
    }

    /// Takes the entry of `key` out, with the key as it was stored.
    pub fn remove_entry<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<(K, V)>
    where
        K: Borrow<Q>,
    {
        let at = self.find(key).ok()?;
        Some(*self.entries.remove(at))
    }

    /// The place of `key`, to look and to fill it at once.
    pub fn entry(&mut self, key: K) -> Entry<'_, K, V> {
        let at = self.place(&key);
        Entry { map: self, key, at }
    }

    /// The entries whose keys are in `range`.
    pub fn range<Q: Ord + ?Sized, R: RangeBounds<Q>>(&self, range: R) -> Iter<'_, K, V>
    where
        K: Borrow<Q>,
    {
        let place = |key: &Q, behind: bool| match self.find(key) {
            Ok(at) => at + usize::from(behind),
            Err(at) => at,
        };
        let start = match range.start_bound() {
            Bound::Included(key) => place(key, false),
            Bound::Excluded(key) => place(key, true),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(key) => place(key, true),
            Bound::Excluded(key) => place(key, false),
            Bound::Unbounded => self.entries.len(),
        };
        Iter(self.entries[start..end.max(start)].iter())
    }
}

/// A place in a [`SortedMap`].
pub struct Entry<'m, K, V> {
    map: &'m mut SortedMap<K, V>,
    key: K,
    at: Result<usize, usize>,
}

impl<'m, K, V> Entry<'m, K, V> {
    /// The value there, or else the one that `make` makes.
    pub fn or_insert_with(self, make: impl FnOnce() -> V) -> &'m mut V {
        let at = match self.at {
            Ok(at) => at,
            Err(at) => {
                let entry = Box::new((self.key, make()));
                self.map.entries.insert(at, entry);
                at
            }
        };
        &mut self.map.entries[at].1
    }

    /// The value there, or else this one.
    pub fn or_insert(self, value: V) -> &'m mut V {
        self.or_insert_with(|| value)
    }

    /// The value there, or else the type's default.
    pub fn or_default(self) -> &'m mut V
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }

    /// Changes the value there, if there is one.
    #[must_use]
    pub fn and_modify(self, change: impl FnOnce(&mut V)) -> Self {
        if let Ok(at) = self.at {
            change(&mut self.map.entries[at].1);
        }
        self
    }
}

/// The entries of a [`SortedMap`], by key.
pub struct Iter<'m, K, V>(std::slice::Iter<'m, Box<(K, V)>>);

impl<K, V> Clone for Iter<'_, K, V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<'m, K, V> Iterator for Iter<'m, K, V> {
    type Item = (&'m K, &'m V);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|entry| (&entry.0, &entry.1))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<K, V> DoubleEndedIterator for Iter<'_, K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(|entry| (&entry.0, &entry.1))
    }
}

impl<K, V> ExactSizeIterator for Iter<'_, K, V> {}

impl<'m, K, V> IntoIterator for &'m SortedMap<K, V> {
    type Item = (&'m K, &'m V);
    type IntoIter = Iter<'m, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The entries of a [`SortedMap`], given away.
pub struct IntoIter<K, V>(std::vec::IntoIter<Box<(K, V)>>);

impl<K, V> Iterator for IntoIter<K, V> {
    type Item = (K, V);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|entry| *entry)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<K, V> DoubleEndedIterator for IntoIter<K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(|entry| *entry)
    }
}

impl<K, V> ExactSizeIterator for IntoIter<K, V> {}

impl<K, V> IntoIterator for SortedMap<K, V> {
    type Item = (K, V);
    type IntoIter = IntoIter<K, V>;

    fn into_iter(self) -> Self::IntoIter {
        IntoIter(self.entries.into_iter())
    }
}

impl<K: Ord, V> Extend<(K, V)> for SortedMap<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, pairs: I) {
        for (key, value) in pairs {
            self.insert(key, value);
        }
    }
}

/// Of equal keys the last counts.
impl<K: Ord, V> FromIterator<(K, V)> for SortedMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut map = Self::new();
        map.extend(pairs);
        map
    }
}

impl<K: Ord, V, const N: usize> From<[(K, V); N]> for SortedMap<K, V> {
    fn from(pairs: [(K, V); N]) -> Self {
        pairs.into_iter().collect()
    }
}

impl<K: Ord + Borrow<Q>, Q: Ord + ?Sized, V> Index<&Q> for SortedMap<K, V> {
    type Output = V;

    #[expect(clippy::expect_used, reason = "as the standard library's maps do")]
    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("no entry found for key")
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for SortedMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Serialize, V: Serialize> Serialize for SortedMap<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>> Deserialize<'de> for SortedMap<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<K, V>(PhantomData<(K, V)>);

        impl<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>> Visitor<'de> for Entries<K, V> {
            type Value = SortedMap<K, V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut given: A) -> Result<Self::Value, A::Error> {
                let mut map = SortedMap::new();
                while let Some((key, value)) = given.next_entry()? {
                    map.insert(key, value);
                }
                Ok(map)
            }
        }

        deserializer.deserialize_map(Entries(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::SortedMap;
    use crate::sim::{SimRng, SortedSet};
    use std::collections::BTreeMap;

    /// Ten thousand random steps leave both maps the same.
    #[test]
    fn a_map_does_what_the_standard_librarys_does() {
        let mut rng = SimRng::new(7);
        let mut ours: SortedMap<u64, u64> = SortedMap::new();
        let mut theirs: BTreeMap<u64, u64> = BTreeMap::new();
        for step in 0..10_000 {
            let key = rng.below(200);
            match rng.below(7) {
                0 | 1 => assert_eq!(ours.insert(key, step), theirs.insert(key, step)),
                2 => assert_eq!(ours.remove(&key), theirs.remove(&key)),
                3 => {
                    *ours.entry(key).and_modify(|v| *v += 1).or_insert(step) += 1;
                    *theirs.entry(key).and_modify(|v| *v += 1).or_insert(step) += 1;
                }
                4 => assert!(ours.range(key..key + 9).eq(theirs.range(key..key + 9))),
                5 => assert_eq!(ours.get(&key), theirs.get(&key)),
                _ if step % 40 == 0 => {
                    ours.retain(|key, value| (*key + *value) % 3 != 0);
                    theirs.retain(|key, value| (*key + *value) % 3 != 0);
                }
                _ => assert_eq!(ours.first_key_value(), theirs.first_key_value()),
            }
            assert_eq!(ours.len(), theirs.len());
        }
        assert!(ours.iter().eq(theirs.iter()));
        assert!(ours.range(..50).eq(theirs.range(..50)));
        assert!(ours.iter().rev().eq(theirs.iter().rev()));
        assert!(ours.into_iter().eq(theirs));
    }

    #[test]
    fn both_are_written_and_read_back() {
        let map: SortedMap<String, SortedSet<u32>> = [("b", 3), ("a", 1)]
            .into_iter()
            .map(|(key, value)| (key.to_owned(), SortedSet::from([value, 2])))
            .collect();
        let text = serde_json::to_string(&map).expect("written");
        assert_eq!(text, r#"{"a":[1,2],"b":[2,3]}"#);
        assert_eq!(
            serde_json::from_str::<SortedMap<String, SortedSet<u32>>>(&text).expect("read"),
            map
        );
        // What comes in another order is sorted.
        let other = r#"{"b":[3,2],"a":[2,1]}"#;
        assert_eq!(
            serde_json::from_str::<SortedMap<String, SortedSet<u32>>>(other).expect("read"),
            map
        );
    }
}
