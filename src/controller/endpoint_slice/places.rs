//! Pods that have no place in a slice yet, found by their names.
//!
//! Upstream: staging/src/k8s.io/endpointslice/reconciler.go, `desiredEndpointsByPortMap`, v1.36,
//! which hashes them. The Pods of a controller share the beginning of their names, so here a search
//! compares what follows it, as a number.

use crate::api::meta::MetaExt;
use crate::controller::selected_pods::Selected;

/// Pods in the order of their names.
pub struct Places<'p> {
    /// What all the names begin with.
    prefix: &'p str,
    /// The first eight bytes of each name behind the prefix, as a number: in the order of the names.
    numbers: Vec<u64>,
    pods: Vec<Option<&'p Selected>>,
}

impl<'p> Places<'p> {
    /// `pods` are in the order of their names.
    pub fn new(pods: &[&'p Selected]) -> Self {
        let first = pods.first().map(|pod| pod.name()).unwrap_or_default();
        let last = pods.last().map(|pod| pod.name()).unwrap_or_default();
        let same = first.bytes().zip(last.bytes()).take_while(|(a, b)| a == b);
        let prefix = first.get(..same.count()).unwrap_or_default();
        let behind = |pod: &&Selected| number(pod.name().get(prefix.len()..).unwrap_or_default());
        Self {
            prefix,
            numbers: pods.iter().map(behind).collect(),
            pods: pods.iter().copied().map(Some).collect(),
        }
    }

    /// Takes out the Pod called `name`, where it is there still and `wanted` agrees.
    pub fn take_if(
        &mut self,
        name: &str,
        wanted: impl FnOnce(&Selected) -> bool,
    ) -> Option<&'p Selected> {
        let number = number(name.strip_prefix(self.prefix)?);
        let from = self.numbers.partition_point(|other| *other < number);
        let same = self.numbers.iter().skip(from).take_while(|n| **n == number);
        let alike = self.pods.iter_mut().skip(from).take(same.count());
        let mut alike = alike.filter(|pod| pod.is_some_and(|pod| pod.name() == name));
        alike.next()?.take_if(|pod| wanted(pod))
    }

    /// The Pods that were not taken, by name.
    pub fn left(&self) -> impl Iterator<Item = &'p Selected> {
        self.pods.iter().filter_map(|pod| *pod)
    }
}

/// The first eight bytes of `text`, missing ones being zero: such numbers are in the order of texts.
fn number(text: &str) -> u64 {
    let mut bytes = [0; 8];
    let length = text.len().min(bytes.len());
    bytes[..length].copy_from_slice(&text.as_bytes()[..length]);
    u64::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::Pod;
    use std::sync::Arc;

    fn pods(names: &[&str]) -> Vec<Selected> {
        let named = |name: &&str| {
            let mut pod = Pod::default();
            pod.metadata.name = Some((*name).to_owned());
            Selected::new(Arc::new(pod))
        };
        names.iter().map(named).collect()
    }

    #[test]
    fn each_is_found_once_however_long_its_name_and_whatever_it_begins_with() {
        for names in [
            &["web-1", "web-2", "web-3"][..],
            &["web-aaaaaaaaaaa-1", "web-aaaaaaaaaaa-2", "web-b"],
            &["a", "aa", "ab", "b"],
            &["a-0", "a-00000000", "a-000000000", "a-0000000001"],
            &["only"],
        ] {
            let pods = pods(names);
            let all: Vec<&Selected> = pods.iter().collect();
            let mut places = Places::new(&all);
            assert!(places.take_if("other", |_| true).is_none());
            assert!(places.take_if("", |_| true).is_none());
            assert!(places.take_if(names[0], |_| false).is_none());
            for name in names {
                let found = places.take_if(name, |_| true);
                assert_eq!(found.map(|pod| pod.name()), Some(*name));
                assert!(places.take_if(name, |_| true).is_none(), "{name} twice");
            }
            assert_eq!(places.left().count(), 0);
        }
        assert!(Places::new(&[]).take_if("a", |_| true).is_none());
    }
}
