//! The Pods that each Service selects and that can be reached: a reconcile looks at its own Pods
//! only, however many others there are, and at what changed in them once.
//!
//! Upstream: pkg/controller/endpoint/endpoints_controller.go, `addPod`, `updatePod`, and
//! staging/src/k8s.io/endpointslice/util/controller_utils.go, v1.36, which list the Pods anew each
//! time.

use super::service_pods::{address, is_reachable, matters, selector};
use super::{Change, Informers};
use crate::api::NamespacedName;
use crate::api::condition;
use crate::api::meta::{self, MetaExt};
use crate::api::selector::Selector;
use crate::client::{Delta, WorkQueue};
use crate::sim::{SimTime, SortedMap, SortedSet, order};
use k8s_openapi::api::core::v1::{Pod, Service};
use std::ops::Deref;
use std::sync::Arc;

/// A Pod behind a Service.
#[derive(Clone, Debug, PartialEq)]
pub struct Selected {
    pod: Arc<Pod>,
    /// Whether it is ready.
    pub ready: bool,
    /// When its readiness last changed.
    pub turned: Option<SimTime>,
}

impl Selected {
    /// `pod` and what endpoints ask of it again and again.
    pub fn new(pod: Arc<Pod>) -> Self {
        let conditions = pod.status.as_ref().and_then(|s| s.conditions.as_ref());
        let ready = condition::find(conditions, "Ready");
        Self {
            ready: ready.is_some_and(|ready| ready.status == "True"),
            turned: ready.and_then(|ready| ready.last_transition_time.as_ref().map(meta::to_sim)),
            pod,
        }
    }
}

impl Deref for Selected {
    type Target = Pod;

    fn deref(&self) -> &Pod {
        &self.pod
    }
}

/// The Pods behind one version of a Service.
#[derive(Clone, Debug, PartialEq)]
pub struct Behind {
    service: Arc<Service>,
    selector: Selector,
    by_name: SortedMap<String, Selected>,
    /// Names of Pods that came, changed or went since the last look; `None`: all are news.
    touched: Option<SortedSet<String>>,
    /// What says all that was known at the last look: names and revisions.
    settled: SortedMap<String, u64>,
}

/// What changed among the Pods behind a Service since the last look.
pub struct News<'a> {
    /// Whether these are all the Pods that there are.
    pub of_all: bool,
    /// In the order of their names; without a Pod where it stands behind the Service no longer.
    pub pods: Vec<(String, Option<&'a Selected>)>,
    /// A bit for each letter that a name among them ends with: most other names are told apart by it.
    ends: u64,
}

impl<'a> News<'a> {
    /// `pods` are in the order of their names.
    pub fn new(of_all: bool, pods: Vec<(String, Option<&'a Selected>)>) -> Self {
        let ends = pods.iter().fold(0, |ends, (name, _)| ends | end_of(name));
        Self { of_all, pods, ends }
    }

    /// News of the Pods called `names`, of which those in `there` are still there.
    pub fn about(names: SortedSet<String>, there: &'a SortedMap<String, Selected>) -> Self {
        let found = names.into_iter().map(|name| {
            let pod = there.get(&name);
            (name, pod)
        });
        Self::new(false, found.collect())
    }

    /// What is new of the Pod called `name`, and its place among the news.
    pub fn of(&self, name: &str) -> Option<(usize, Option<&'a Selected>)> {
        if self.ends & end_of(name) == 0 {
            return None;
        }
        let by_name = |(known, _): &(String, _)| known.as_str().cmp(name);
        let found = self.pods.binary_search_by(by_name);
        found.ok().map(|at| (at, self.pods[at].1))
    }
}

fn end_of(name: &str) -> u64 {
    name.as_bytes().last().map_or(0, |last| 1 << (last & 0x3f))
}

impl Behind {
    fn new(service: &Arc<Service>, informers: &Informers) -> Self {
        let mut behind = Self {
            service: service.clone(),
            selector: selector(service),
            by_name: SortedMap::new(),
            touched: None,
            settled: SortedMap::new(),
        };
        for pod in informers.pods.in_namespace(service.namespace()) {
            if behind.selects(pod) {
                behind.place(pod);
            }
        }
        behind
    }

    fn selects(&self, pod: &Pod) -> bool {
        self.selector.matches(meta::labels(&pod.metadata))
    }

    fn place(&mut self, pod: &Arc<Pod>) {
        self.remove(pod.name());
        if is_reachable(pod) {
            let selected = Selected::new(pod.clone());
            self.by_name.insert(pod.name().to_owned(), selected);
            self.touch(pod.name());
        }
    }

    fn remove(&mut self, name: &str) {
        if self.by_name.remove(name).is_some() {
            self.touch(name);
        }
    }

    fn touch(&mut self, name: &str) {
        if let Some(touched) = &mut self.touched
            && !touched.contains(name)
        {
            touched.insert(name.to_owned());
        }
    }

    /// The Pods in the order of their names.
    pub fn by_name(&self) -> Vec<&Selected> {
        self.by_name.values().collect()
    }

    /// The Pods in the order of the texts of their addresses, and of their uids where they share one.
    pub fn by_address(&self) -> Vec<&Selected> {
        let mut pods = self.by_name();
        sort_by_address(&mut pods);
        pods
    }

    /// Any of the Pods.
    pub fn any(&self) -> Option<&Selected> {
        self.by_name.values().next()
    }

    /// Whether `written`, names and revisions, are just what was settled at the last look.
    pub fn is_settled<'a>(&self, written: impl Iterator<Item = (&'a str, u64)>) -> bool {
        let mut count = 0;
        let mut all = true;
        for (name, revision) in written {
            count += 1;
            all = all && self.settled.get(name) == Some(&revision);
        }
        all && count == self.settled.len()
    }

    fn look(&mut self) -> (News<'_>, &Self) {
        let touched = self.touched.replace(SortedSet::new());
        let behind = &*self;
        let news = match touched {
            None => {
                let all = behind.by_name.iter();
                News::new(
                    true,
                    all.map(|(name, pod)| (name.clone(), Some(pod))).collect(),
                )
            }
            Some(names) => News::about(names, &behind.by_name),
        };
        (news, behind)
    }
}

/// Puts Pods in the order of their addresses.
pub fn sort_by_address(pods: &mut [&Selected]) {
    order::sort_by(pods, |a, b| {
        order_of_addresses(a).cmp(&order_of_addresses(b))
    });
}

/// By what Pods are put in the order of their addresses.
pub fn order_of_addresses(pod: &Pod) -> (&str, &str) {
    (address(pod), pod.uid())
}

/// The Pods behind each Service, by namespace and name. It follows from what the informers hold, so
/// nothing of it is saved.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SelectedPods {
    namespaces: SortedMap<String, SortedMap<String, Behind>>,
}

impl SelectedPods {
    /// Takes in a change of a Service or a Pod, which `informers` already hold, and queues the
    /// Services that it concerns.
    pub fn observe(
        &mut self,
        change: &Change,
        informers: &Informers,
        queue: &mut WorkQueue<NamespacedName>,
    ) {
        match change {
            Change::Service(delta) => {
                let name = delta.name();
                if delta.new.is_none()
                    && let Some(services) = self.namespaces.get_mut(&name.namespace)
                {
                    services.remove(&name.name);
                    if services.is_empty() {
                        self.namespaces.remove(&name.namespace);
                    }
                }
                queue.add(name, Some(delta.revision));
            }
            Change::Pod(delta) => self.observe_pod(delta, informers, queue),
            _ => {}
        }
    }

    fn observe_pod(
        &mut self,
        delta: &Delta<Pod>,
        informers: &Informers,
        queue: &mut WorkQueue<NamespacedName>,
    ) {
        let is_news = match (&delta.old, &delta.new) {
            (Some(old), Some(new)) => matters(old, new),
            _ => true,
        };
        let pod = delta.latest();
        for service in informers.services.in_namespace(pod.namespace()) {
            let behind = self.behind(service, informers);
            let was = delta.old.as_ref().is_some_and(|old| behind.selects(old));
            let is = delta.new.as_ref().filter(|new| behind.selects(new));
            match is {
                Some(new) => behind.place(new),
                None => behind.remove(pod.name()),
            }
            if is_news && (was || is.is_some()) {
                queue.add(service.namespaced_name(), Some(delta.revision));
            }
        }
    }

    /// What changed among the Pods behind `service` since the last look, and all of them. A new
    /// version of the Service makes all of them news.
    pub fn look(&mut self, service: &Arc<Service>, informers: &Informers) -> (News<'_>, &Behind) {
        self.behind(service, informers).look()
    }

    /// Notes that `written`, names and revisions, say all that was known of the Pods behind a
    /// Service at the last look: the next time only what changed in them needs to be compared.
    pub fn settle(&mut self, service: &NamespacedName, written: SortedMap<String, u64>) {
        if let Some(behind) = self.find(service) {
            behind.settled = written;
        }
    }

    /// Notes that nothing is known of what was written for a Service: the next look is at all.
    pub fn unsettle(&mut self, service: &NamespacedName) {
        if let Some(behind) = self.find(service) {
            behind.settled.clear();
            behind.touched = None;
        }
    }

    fn find(&mut self, service: &NamespacedName) -> Option<&mut Behind> {
        let services = self.namespaces.get_mut(&service.namespace)?;
        services.get_mut(&service.name)
    }

    /// What stands behind this very version of `service`.
    fn behind(&mut self, service: &Arc<Service>, informers: &Informers) -> &mut Behind {
        let (namespace, name) = (service.namespace(), service.name());
        let services = self.namespaces.get(namespace);
        let known = services.and_then(|services| services.get(name));
        if known.is_none_or(|known| !Arc::ptr_eq(&known.service, service)) {
            let services = self.namespaces.entry(namespace.to_owned()).or_default();
            services.insert(name.to_owned(), Behind::new(service, informers));
        }
        let services = self.namespaces.get_mut(namespace);
        services
            .and_then(|services| services.get_mut(name))
            .expect("invariant: it is there since the line before")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::watch::{Origin, WatchEvent, WatchVerb};
    use crate::api::{ApiType, Object};
    use serde::de::DeserializeOwned;
    use serde_json::json;

    struct Watched {
        informers: Informers,
        pods: SelectedPods,
        queue: WorkQueue<NamespacedName>,
        revision: u64,
    }

    impl Watched {
        fn see<K: ApiType + DeserializeOwned>(&mut self, verb: WatchVerb, json: serde_json::Value) {
            self.revision += 1;
            let object = Object::new(serde_json::from_value::<K>(json).expect("an object"));
            let origin = Origin {
                actor: "test".into(),
                cause: None,
                at: SimTime::default(),
            };
            let event = WatchEvent {
                revision: self.revision,
                verb,
                key: object.key(),
                object,
                previous: None,
                origin,
            };
            let change = self
                .informers
                .observe(&event)
                .expect("a kind that is watched");
            self.pods.observe(&change, &self.informers, &mut self.queue);
        }

        fn queued(&mut self) -> bool {
            self.queue.pop(SimTime::default()).is_some()
        }

        fn names(&mut self) -> Vec<String> {
            let name = NamespacedName::new("default", "web");
            let service = self
                .informers
                .services
                .get(&name)
                .expect("a Service")
                .clone();
            let (_, behind) = self.pods.look(&service, &self.informers);
            let pods = behind.by_name();
            pods.iter().map(|pod| pod.name().to_owned()).collect()
        }
    }

    fn pod(name: &str, app: &str, ip: &str) -> serde_json::Value {
        json!({
            "metadata": {"name": name, "namespace": "default", "labels": {"app": app}},
            "status": {"phase": "Running", "podIP": ip},
        })
    }

    fn service(app: &str) -> serde_json::Value {
        json!({
            "metadata": {"name": "web", "namespace": "default"},
            "spec": {"selector": {"app": app}},
        })
    }

    #[test]
    fn pods_come_and_go_with_their_labels_addresses_and_services() {
        use WatchVerb::{Added, Deleted, Modified};
        let mut seen = Watched {
            informers: Informers::default(),
            pods: SelectedPods::default(),
            queue: WorkQueue::default(),
            revision: 0,
        };
        seen.see::<Pod>(Added, pod("b", "web", "10.0.0.2"));
        assert!(!seen.queued(), "there is no Service");
        seen.see::<Service>(Added, service("web"));
        assert!(seen.queued());
        seen.see::<Pod>(Added, pod("a", "web", "10.0.0.1"));
        seen.see::<Pod>(Added, pod("c", "web", ""));
        seen.see::<Pod>(Added, pod("d", "db", "10.0.0.4"));
        assert_eq!(seen.names(), ["a", "b"]);
        assert!(seen.queued());
        seen.see::<Pod>(Modified, pod("a", "web", "10.0.0.1"));
        assert!(!seen.queued(), "nothing that endpoints say changed");
        seen.see::<Pod>(Modified, pod("c", "web", "10.0.0.3"));
        seen.see::<Pod>(Modified, pod("a", "db", "10.0.0.1"));
        seen.see::<Pod>(Deleted, pod("b", "web", "10.0.0.2"));
        assert_eq!(seen.names(), ["c"]);
        seen.see::<Service>(Modified, service("db"));
        assert_eq!(seen.names(), ["a", "d"]);
        seen.see::<Service>(Deleted, service("db"));
        seen.see::<Service>(Added, service("web"));
        assert_eq!(seen.names(), ["c"]);
    }
}
