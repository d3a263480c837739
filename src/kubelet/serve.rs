//! What the world can do to the containers of a node: ask them, read their logs, break them.

use super::{Kubelet, LogLine, Timer};
use crate::api::NamespacedName;
use crate::client::Ctx;
use crate::network::http::{HttpRequest, HttpResponse};
use crate::sim::SimTime;

impl Kubelet {
    /// Lets the Pod with `ip` answer a request to `port`; `None`: the connection is refused.
    pub fn serve_http(
        &mut self,
        ip: &str,
        port: u16,
        request: &HttpRequest,
        now: SimTime,
    ) -> Option<HttpResponse> {
        let (name, index) = self.listening(ip, port, now)?;
        let name = name.clone();
        let worker = self.workers.get_mut(&name)?;
        Some(
            worker
                .containers
                .get_mut(index)?
                .answer(&name.name, request, now),
        )
    }

    /// Lets a container of `pod` answer a request that comes from inside the Pod, over its loopback
    /// address; `None`: the connection is refused.
    pub fn serve_inside(
        &mut self,
        pod: &NamespacedName,
        port: u16,
        method: &str,
        path: &str,
        now: SimTime,
    ) -> Option<HttpResponse> {
        let ip = self.workers.get(pod)?.ip.clone()?;
        let request = HttpRequest {
            method: method.to_owned(),
            path: path.to_owned(),
            client_ip: "127.0.0.1".to_owned(),
        };
        self.serve_http(&ip, port, &request, now)
    }

    /// The last `tail` lines of a container's log; `None` where there is no such container.
    pub fn logs(&self, pod: &NamespacedName, container: &str, tail: u32) -> Option<Vec<LogLine>> {
        let worker = self.workers.get(pod)?;
        let found = worker
            .containers
            .iter()
            .find(|c| container.is_empty() || c.name == container)?;
        Some(found.log(tail).cloned().collect())
    }

    /// What a container has logged since its process started, or, with `previous`, in its life
    /// before that; and whether more may come. `None` where there is no such container or life.
    pub fn log_of_life(
        &self,
        pod: &NamespacedName,
        container: &str,
        previous: bool,
    ) -> Option<(Vec<LogLine>, bool)> {
        let worker = self.workers.get(pod)?;
        let found = worker.containers.iter().find(|c| c.name == container)?;
        let (from, until, runs) = found.life(previous)?;
        let lines = found
            .log(u32::MAX)
            .filter(|line| line.at >= from && until.is_none_or(|until| line.at <= until));
        Some((lines.cloned().collect(), runs))
    }

    /// Ends a container's process with `code`, as a crash would; answers whether it ran.
    pub fn crash_container(
        &mut self,
        pod: &NamespacedName,
        container: &str,
        code: i32,
        ctx: &mut Ctx<'_>,
    ) -> bool {
        let Some(worker) = self.workers.get(pod) else {
            return false;
        };
        let runs = |c: &super::container::Container| {
            (container.is_empty() || c.name == container) && c.is_running()
        };
        let Some(index) = worker.containers.iter().position(runs) else {
            return false;
        };
        self.end(pod, index, code, None, ctx);
        self.wake_soon(ctx);
        true
    }

    /// Breaks or heals a container's readiness; answers whether there is such a container.
    pub fn set_readiness(
        &mut self,
        pod: &NamespacedName,
        container: &str,
        broken: bool,
        ctx: &mut Ctx<'_>,
    ) -> bool {
        let Some(worker) = self.workers.get_mut(pod) else {
            return false;
        };
        let named =
            |c: &&mut super::container::Container| container.is_empty() || c.name == container;
        let Some(found) = worker.containers.iter_mut().find(named) else {
            return false;
        };
        found.readiness_broken = broken;
        self.dirty.insert(pod.clone());
        self.wake_soon(ctx);
        true
    }

    /// Whether somebody made the Pod's readiness fail.
    pub fn is_readiness_broken(&self, pod: &NamespacedName) -> bool {
        let worker = self.workers.get(pod);
        worker.is_some_and(|worker| worker.containers.iter().any(|c| c.readiness_broken))
    }

    /// Switches the node off: everything on it stops at once and says nothing.
    pub fn power_off(&mut self, now: SimTime) {
        self.running = false;
        self.timers = Default::default();
        self.unlisted.clear();
        for worker in self.workers.values_mut() {
            for container in &mut worker.containers {
                if container.is_running() {
                    container.exit(now, 255, Some("Unknown"));
                }
            }
        }
    }

    /// Switches the node on again: what it ran is started anew.
    pub fn power_on(&mut self, ctx: &mut Ctx<'_>) {
        self.running = true;
        self.registered = false;
        self.cursor.reset();
        self.pulls_free_at = ctx.now;
        let names: Vec<NamespacedName> = self.workers.keys().cloned().collect();
        for name in names {
            if self.manifests.is_removed(&name) {
                continue;
            }
            if let Some(worker) = self.workers.get_mut(&name) {
                worker.kill_at = None;
                worker.start_again();
            }
            self.timers.push(ctx.now, Timer::Sandbox(name.clone()));
            self.dirty.insert(name);
        }
        self.wake_soon(ctx);
    }

    fn wake_soon(&self, ctx: &mut Ctx<'_>) {
        ctx.agenda.wake_at(ctx.now);
    }
}
