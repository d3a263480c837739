//! Gives every Service of type LoadBalancer a load balancer of the cloud, and takes it away again.
//!
//! Upstream: staging/src/k8s.io/cloud-provider/controllers/service/controller.go, v1.36, which runs in
//! the cloud's own controller manager. The cloud is simulated: it has one address for each of up to 254
//! load balancers and takes some seconds to set one up, which upstream waits for in one piece.

use super::manager::Controller;
use super::{Change, Informers};
use crate::api::meta::MetaExt;
use crate::api::{NamespacedName, Status};
use crate::client::{Ctx, EventType, Recorder, WorkQueue, work_off};
use crate::sim::{SimDuration, SimTime, SortedMap, SortedSet};
use k8s_openapi::api::core::v1::{
    LoadBalancerIngress, LoadBalancerStatus, Service, ServiceSpec, ServiceStatus,
};
use serde::Serialize;
use std::sync::Arc;

const NAME: &str = "service-controller";
const FINALIZER: &str = "service.kubernetes.io/load-balancer-cleanup";
/// Nodes with this label get no traffic from load balancers.
const EXCLUDED: &str = "node.kubernetes.io/exclude-from-external-load-balancers";
/// What the addresses of the cloud's load balancers begin with.
const POOL: &str = "198.51.100.";
/// The last number of such an address, at most; the first has 1.
pub const POOL_SIZE: u8 = 254;
/// How long it takes to set up a load balancer, in milliseconds.
const SETUP_MS: (u64, u64) = (3_000, 8_000);
/// How long it waits after a failure; the time doubles up to the second.
const RETRY: (SimDuration, SimDuration) = (SimDuration::secs(5), SimDuration::secs(300));

/// The service controller.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServiceLoadBalancerController {
    queue: WorkQueue<NamespacedName>,
    recorder: Recorder,
    /// How many load balancers the cloud has; 0: there is no cloud.
    pool: u8,
    /// Load balancers that are being set up: when they will be, and how often that has failed.
    #[serde(serialize_with = "crate::sim::as_pairs")]
    setups: SortedMap<NamespacedName, (SimTime, u32)>,
    /// The addresses given to Services since this controller started.
    #[serde(serialize_with = "crate::sim::as_pairs")]
    given: SortedMap<NamespacedName, String>,
    /// What changed in Services, as events say it: names, reasons and messages.
    news: Vec<(NamespacedName, &'static str, String)>,
    /// The nodes that load balancers send to.
    hosts: SortedSet<String>,
    /// Whether these are others than they were told.
    hosts_changed: bool,
}

impl Default for ServiceLoadBalancerController {
    fn default() -> Self {
        Self::new(POOL_SIZE)
    }
}

impl ServiceLoadBalancerController {
    /// The controller in a cloud with `pool` load balancers; 0: there is no cloud.
    pub fn new(pool: u8) -> Self {
        Self {
            queue: WorkQueue::default(),
            recorder: Recorder::new(NAME, ""),
            pool: pool.min(POOL_SIZE),
            setups: SortedMap::new(),
            given: SortedMap::new(),
            news: Vec::new(),
            hosts: SortedSet::new(),
            hosts_changed: false,
        }
    }
}

impl Controller for ServiceLoadBalancerController {
    fn name(&self) -> &'static str {
        NAME
    }

    fn handle(&mut self, change: &Change, informers: &Informers, _: SimTime) {
        match change {
            _ if self.pool == 0 => {}
            Change::Service(delta) => {
                let concerns = match (&delta.old, &delta.new) {
                    (None, Some(new)) => is_wanted(new) || needs_cleanup(new),
                    (Some(old), Some(new)) => {
                        let update = plan_update(old, new);
                        let needed = update != Update::No;
                        if let Update::Told(reason, message) = update {
                            self.news.push((delta.name(), reason, message));
                        }
                        needed || needs_cleanup(new)
                    }
                    (_, None) => true,
                };
                if concerns {
                    self.queue.add(delta.name(), Some(delta.revision));
                }
            }
            Change::Node(_) => {
                let fits = informers
                    .nodes
                    .iter()
                    .filter(|n| n.label(EXCLUDED).is_none());
                let hosts = SortedSet::from_iter(fits.map(|node| node.name().to_owned()));
                self.hosts_changed |= hosts != self.hosts;
                self.hosts = hosts;
            }
            _ => {}
        }
    }

    fn reconcile_due(&mut self, ctx: &mut Ctx<'_>, informers: &Informers) {
        for (name, reason, message) in std::mem::take(&mut self.news) {
            if let Some(service) = informers.services.get(&name) {
                self.tell(ctx, service, reason, message);
            }
        }
        if std::mem::take(&mut self.hosts_changed) {
            self.tell_hosts(ctx, informers);
        }
        work_off(
            self,
            ctx,
            |this| &mut this.queue,
            |this, key, ctx| this.reconcile(key, ctx, informers),
        );
    }

    fn next_at(&self) -> Option<SimTime> {
        self.queue.next_at()
    }
}

impl ServiceLoadBalancerController {
    fn tell(
        &mut self,
        ctx: &mut Ctx<'_>,
        service: &Service,
        reason: &str,
        message: impl Into<String>,
    ) {
        self.recorder
            .event(ctx, service, EventType::Normal, reason, message);
    }

    fn warn(&mut self, ctx: &mut Ctx<'_>, service: &Service, reason: &str, message: String) {
        self.recorder
            .event(ctx, service, EventType::Warning, reason, message);
    }

    /// The load balancers that are there learn of other nodes.
    fn tell_hosts(&mut self, ctx: &mut Ctx<'_>, informers: &Informers) {
        let names: Vec<NamespacedName> = self.given.keys().cloned().collect();
        let services = names.iter().filter_map(|name| informers.services.get(name));
        for service in services.filter(|service| is_wanted(service)) {
            match self.hosts.is_empty() {
                true => self.warn_no_hosts(ctx, service),
                false => {
                    let message = "Updated load balancer with new hosts";
                    self.tell(ctx, service, "UpdatedLoadBalancer", message);
                }
            }
        }
    }

    fn warn_no_hosts(&mut self, ctx: &mut Ctx<'_>, service: &Service) {
        let message = "There are no available nodes for LoadBalancer".to_owned();
        self.warn(ctx, service, "UnAvailableLoadBalancer", message);
    }

    fn reconcile(
        &mut self,
        key: &NamespacedName,
        ctx: &mut Ctx<'_>,
        informers: &Informers,
    ) -> Result<(), Status> {
        match informers.services.get(key) {
            Some(service) if is_wanted(service) && !needs_cleanup(service) => {
                self.ensure(key, service, ctx, informers)
            }
            Some(service) => self.clean_up(key, service, ctx),
            None => {
                self.forget(key);
                Ok(())
            }
        }
    }

    fn forget(&mut self, key: &NamespacedName) {
        self.setups.remove(key);
        self.given.remove(key);
    }

    /// Deletes the load balancer of a Service that wants none any more, and lets the Service go.
    fn clean_up(
        &mut self,
        key: &NamespacedName,
        service: &Arc<Service>,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Status> {
        let exists = self.given.contains_key(key) || address(service).is_some();
        if exists {
            let message = "Deleting load balancer";
            self.tell(ctx, service, "DeletingLoadBalancer", message);
        }
        let mut freed = Service::clone(service);
        if let Some(finalizers) = &mut freed.metadata.finalizers {
            finalizers.retain(|finalizer| finalizer != FINALIZER);
        }
        set_address(&mut freed, None);
        Status::ignore_not_found(ctx.update_status(freed).map(|_| ()))?;
        self.forget(key);
        self.tell(ctx, service, "DeletedLoadBalancer", "Deleted load balancer");
        Ok(())
    }

    /// The addresses that others have. What the Service at `key` was given is its own, whatever somebody
    /// writes into another one's status.
    fn taken(&self, key: &NamespacedName, informers: &Informers) -> SortedSet<String> {
        let shown = informers.services.iter().filter_map(|other| {
            let name = other.namespaced_name();
            address(other).filter(|_| name != *key).map(str::to_owned)
        });
        let given = self.given.iter().filter(|(name, _)| *name != key);
        let mut taken = SortedSet::from_iter(shown.chain(given.map(|(_, ip)| ip.clone())));
        if let Some(own) = self.given.get(key) {
            taken.remove(own);
        }
        taken
    }

    /// Sets up the load balancer of a Service, or brings it up to date.
    fn ensure(
        &mut self,
        key: &NamespacedName,
        service: &Arc<Service>,
        ctx: &mut Ctx<'_>,
        informers: &Informers,
    ) -> Result<(), Status> {
        let (due, failures) = match self.setups.get(key) {
            Some((due, 0)) => (*due, 0),
            found => {
                let failures = found.map_or(0, |(_, failures)| *failures);
                let message = "Ensuring load balancer";
                self.tell(ctx, service, "EnsuringLoadBalancer", message);
                let (least, most) = SETUP_MS;
                let wait = match failures > 0 || address(service).is_some() {
                    true => SimDuration::ZERO,
                    false => SimDuration::millis(ctx.rng.between(least, most)),
                };
                (ctx.now + wait, failures)
            }
        };
        let mut service = Arc::clone(service);
        if !has_finalizer(&service) {
            let mut held = Service::clone(&service);
            let finalizers = held.metadata.finalizers.get_or_insert_default();
            finalizers.push(FINALIZER.to_owned());
            service = ctx.update_status(held)?;
        }
        if due > ctx.now {
            self.setups.insert(key.clone(), (due, failures));
            self.queue.add_at(key.clone(), due);
            return Ok(());
        }
        if self.hosts.is_empty() {
            self.warn_no_hosts(ctx, &service);
        }
        let taken = self.taken(key, informers);
        let ip = match plan_address(&service, &taken, self.pool) {
            Ok(ip) => ip,
            Err(why) => {
                let message =
                    format!("Error syncing load balancer: failed to ensure load balancer: {why}");
                self.warn(ctx, &service, "SyncLoadBalancerFailed", message);
                let (first, last) = RETRY;
                let at = ctx.now + first.saturating_mul(1 << failures.min(16)).min(last);
                self.setups.insert(key.clone(), (at, failures + 1));
                self.queue.add_at(key.clone(), at);
                return Ok(());
            }
        };
        let mut ensured = Service::clone(&service);
        set_address(&mut ensured, Some(&ip));
        if ensured.status != service.status {
            Status::ignore_not_found(ctx.update_status(ensured).map(|_| ()))?;
        }
        self.tell(
            ctx,
            &service,
            "EnsuredLoadBalancer",
            "Ensured load balancer",
        );
        self.setups.remove(key);
        self.given.insert(key.clone(), ip);
        Ok(())
    }
}

fn spec(service: &Service) -> Option<&ServiceSpec> {
    service.spec.as_ref()
}

fn kind(service: &Service) -> &str {
    let kind = spec(service).and_then(|spec| spec.type_.as_deref());
    kind.unwrap_or_default()
}

/// Whether the Service wants a load balancer of this cloud: one with a class wants another's.
fn is_wanted(service: &Service) -> bool {
    let class = spec(service).and_then(|spec| spec.load_balancer_class.as_ref());
    kind(service) == "LoadBalancer" && class.is_none()
}

fn has_finalizer(service: &Service) -> bool {
    let mut finalizers = service.metadata.finalizers.iter().flatten();
    finalizers.any(|finalizer| finalizer == FINALIZER)
}

/// Whether a load balancer was set up that is to go.
fn needs_cleanup(service: &Service) -> bool {
    has_finalizer(service) && (service.is_terminating() || kind(service) != "LoadBalancer")
}

/// The address that the Service has from the cloud.
fn address(service: &Service) -> Option<&str> {
    let balancer = service.status.as_ref()?.load_balancer.as_ref()?;
    let ip = balancer.ingress.as_ref()?.first()?.ip.as_deref();
    ip.filter(|ip| is_of_pool(ip, POOL_SIZE))
}

fn is_of_pool(ip: &str, pool: u8) -> bool {
    let last = ip.strip_prefix(POOL).and_then(|last| last.parse().ok());
    last.is_some_and(|last| (1..=pool).contains(&last))
}

fn set_address(service: &mut Service, ip: Option<&str>) {
    let ingress = ip.map(|ip| {
        vec![LoadBalancerIngress {
            ip: Some(ip.to_owned()),
            ip_mode: Some("VIP".to_owned()),
            ..LoadBalancerIngress::default()
        }]
    });
    let status: &mut ServiceStatus = service.status.get_or_insert_default();
    status.load_balancer = Some(LoadBalancerStatus { ingress });
}

/// The address that the cloud gives to the Service's load balancer: the one that it has, unless it asks
/// for another.
///
/// # Errors
/// Why it can give none.
fn plan_address(service: &Service, taken: &SortedSet<String>, pool: u8) -> Result<String, String> {
    let wanted = spec(service).and_then(|spec| spec.load_balancer_ip.as_deref());
    if let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty()) {
        return match is_of_pool(wanted, pool) && !taken.contains(wanted) {
            true => Ok(wanted.to_owned()),
            false => Err(format!("the address {wanted} is not free in {POOL}0/24")),
        };
    }
    let has = address(service).filter(|ip| !taken.contains(*ip));
    let has = has.map(str::to_owned);
    let mut all = (1..=pool).map(|last| format!("{POOL}{last}"));
    has.or_else(|| all.find(|ip| !taken.contains(ip)))
        .ok_or_else(|| format!("no address is free in {POOL}0/24"))
}

/// Whether the cloud has to know of a change.
#[derive(Debug, PartialEq)]
enum Update {
    No,
    Yes,
    /// And an event says so: its reason and message.
    Told(&'static str, String),
}

fn plan_update(old: &Service, new: &Service) -> Update {
    let wanted = is_wanted(new);
    if !wanted && !is_wanted(old) {
        return Update::No;
    }
    if wanted != is_wanted(old) {
        return Update::Told("Type", format!("{} -> {}", kind(old), kind(new)));
    }
    let (Some(a), Some(b)) = (spec(old), spec(new)) else {
        return Update::No;
    };
    let ranges = |spec: &ServiceSpec| {
        let ranges = spec.load_balancer_source_ranges.as_deref();
        format!("[{}]", ranges.unwrap_or_default().join(" "))
    };
    let text = |text: fn(&ServiceSpec) -> &Option<String>| {
        [a, b].map(|spec| text(spec).clone().unwrap_or_default())
    };
    let told = [
        ("LoadBalancerSourceRanges", [a, b].map(ranges)),
        ("LoadbalancerIP", text(|spec| &spec.load_balancer_ip)),
        (
            "ExternalTrafficPolicy",
            text(|spec| &spec.external_traffic_policy),
        ),
    ];
    let mut told = told.into_iter().filter(|(_, [old, new])| old != new);
    let changed = a.ports != b.ports
        || a.session_affinity != b.session_affinity
        || a.session_affinity_config != b.session_affinity_config
        || a.external_ips != b.external_ips
        || old.metadata.annotations != new.metadata.annotations
        || a.health_check_node_port != b.health_check_node_port;
    match told.next() {
        Some((reason, [old, new])) => Update::Told(reason, format!("{old} -> {new}")),
        None if changed => Update::Yes,
        None => Update::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn service(spec: Value) -> Service {
        let json = json!({"metadata": {"name": "web", "namespace": "default"}, "spec": spec});
        serde_json::from_value(json).expect("a Service")
    }

    #[test]
    fn what_the_cloud_has_to_know() {
        let told = |reason, message: &str| Update::Told(reason, message.to_owned());
        for (old, new, update) in [
            (
                json!({"type": "ClusterIP"}),
                json!({"type": "NodePort"}),
                Update::No,
            ),
            (
                json!({"type": "ClusterIP"}),
                json!({"type": "LoadBalancer"}),
                told("Type", "ClusterIP -> LoadBalancer"),
            ),
            (
                json!({"type": "LoadBalancer"}),
                json!({"type": "NodePort"}),
                told("Type", "LoadBalancer -> NodePort"),
            ),
            (
                json!({"type": "LoadBalancer", "selector": {"app": "a"}}),
                json!({"type": "LoadBalancer", "selector": {"app": "b"}}),
                Update::No,
            ),
            (
                json!({"type": "LoadBalancer", "ports": [{"port": 80}]}),
                json!({"type": "LoadBalancer", "ports": [{"port": 81}]}),
                Update::Yes,
            ),
            (
                json!({"type": "LoadBalancer"}),
                json!({"type": "LoadBalancer", "loadBalancerSourceRanges": ["10.0.0.0/8", "1.2.3.4/32"]}),
                told("LoadBalancerSourceRanges", "[] -> [10.0.0.0/8 1.2.3.4/32]"),
            ),
            (
                json!({"type": "LoadBalancer", "externalTrafficPolicy": "Cluster"}),
                json!({"type": "LoadBalancer", "externalTrafficPolicy": "Local"}),
                told("ExternalTrafficPolicy", "Cluster -> Local"),
            ),
            (
                json!({"type": "LoadBalancer", "loadBalancerClass": "example.com/own"}),
                json!({"type": "LoadBalancer", "loadBalancerClass": "example.com/own", "ports": [{"port": 80}]}),
                Update::No,
            ),
        ] {
            let planned = plan_update(&service(old.clone()), &service(new.clone()));
            assert_eq!(planned, update, "{old} -> {new}");
        }
    }

    #[test]
    fn an_address_is_given_once_and_kept() {
        let taken = |numbers: &[u8]| {
            let taken = numbers.iter().map(|number| format!("{POOL}{number}"));
            SortedSet::from_iter(taken)
        };
        let mut plain = service(json!({"type": "LoadBalancer"}));
        let given =
            |service: &Service, numbers: &[u8]| plan_address(service, &taken(numbers), POOL_SIZE);
        assert_eq!(given(&plain, &[1, 3]).as_deref(), Ok("198.51.100.2"));
        let all: Vec<u8> = (1..=POOL_SIZE).collect();
        let full = "no address is free in 198.51.100.0/24".to_owned();
        assert_eq!(given(&plain, &all), Err(full));
        set_address(&mut plain, Some("198.51.100.9"));
        assert_eq!(given(&plain, &[1]).as_deref(), Ok("198.51.100.9"));
        for (wanted, numbers, is_given) in [
            ("198.51.100.7", &[1][..], true),
            ("198.51.100.7", &[7], false),
            ("198.51.100.0", &[], false),
            ("198.51.100.255", &[], false),
            ("10.0.0.1", &[], false),
        ] {
            let asking = service(json!({"type": "LoadBalancer", "loadBalancerIP": wanted}));
            let planned = plan_address(&asking, &taken(numbers), 254);
            assert_eq!(planned.is_ok(), is_given, "{wanted}: {planned:?}");
        }
    }
}
