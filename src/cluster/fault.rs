//! What can be broken, and mended again.

use super::{Cluster, ComponentId, Part};
use crate::api::NamespacedName;
use crate::apiserver::Health;
use crate::controller::ControllerManager;
use crate::network::proxy::KubeProxy;
use crate::scheduler::Scheduler;

/// The node that the control plane runs on.
pub(super) const CONTROL_PLANE_INDEX: u8 = 0;

/// The name of a part's static Pod, without its node's.
fn static_name(part: Part) -> NamespacedName {
    NamespacedName::new("kube-system", part.name())
}

impl Cluster {
    /// Stops a part of the control plane, as if the manifest of its static Pod were taken away. What
    /// it did stops at once; everything else goes on. Its mirror Pod goes too, unless nobody can
    /// delete it because the API server itself is down.
    pub fn stop_part(&mut self, part: Part) {
        let name = static_name(part);
        self.with_kubelet(CONTROL_PLANE_INDEX, |kubelet, ctx| {
            kubelet.remove_manifest(&name, ctx);
        });
        self.follow_parts();
    }

    /// Starts a part of the control plane: its manifest is put back. It knows nothing but what the
    /// store holds.
    pub fn start_part(&mut self, part: Part) {
        let manifest = super::bootstrap::manifest(part);
        self.with_kubelet(CONTROL_PLANE_INDEX, |kubelet, ctx| {
            kubelet.add_manifest(manifest, ctx);
        });
    }

    /// A part works while its container runs: makes it so after whatever happened to the containers
    /// of the control plane's node.
    pub(super) fn follow_parts(&mut self) {
        for part in Part::ALL {
            let kubelet = self.kubelets.get(usize::from(CONTROL_PLANE_INDEX));
            let kubelet = kubelet.filter(|kubelet| kubelet.is_running());
            let runs = kubelet.is_some_and(|k| k.running_statics().any(|name| name == part.name()));
            if !runs && self.stopped.insert(part) {
                self.set_health();
            } else if runs && self.stopped.remove(&part) {
                self.set_health();
                self.begin_part(part);
            }
        }
    }

    /// A part's process has just started.
    fn begin_part(&mut self, part: Part) {
        match part {
            Part::KubeControllerManager => {
                self.controllers = ControllerManager::new(self.config.load_balancers);
                self.wake_at(ComponentId::ControllerManager, self.now);
            }
            Part::KubeScheduler => {
                self.scheduler = Scheduler::default();
                self.wake_at(ComponentId::Scheduler, self.now);
            }
            // Its watchers notice by themselves: they try again every second.
            Part::KubeApiserver | Part::Etcd => {
                for component in self.components() {
                    self.wake_at(component, self.now);
                }
            }
        }
    }

    fn set_health(&mut self) {
        let health = if self.stopped.contains(&Part::KubeApiserver) {
            Health::Stopped
        } else if self.stopped.contains(&Part::Etcd) {
            Health::StoreDown
        } else {
            Health::Serving
        };
        self.api.set_health(health);
    }

    /// The index of the node called `name`.
    pub fn node_index(&self, name: &str) -> Option<u8> {
        let at = self
            .kubelets
            .iter()
            .position(|kubelet| kubelet.config().name == name)?;
        u8::try_from(at).ok()
    }

    /// Switches a node off; answers whether there is one of that name.
    pub fn stop_node(&mut self, name: &str) -> bool {
        let now = self.now;
        let Some(node) = self.node_index(name) else {
            return false;
        };
        if let Some(kubelet) = self.kubelets.get_mut(usize::from(node)) {
            kubelet.power_off(now);
        }
        if node == CONTROL_PLANE_INDEX {
            self.follow_parts();
        }
        true
    }

    /// Switches a node on again; answers whether there is one of that name.
    pub fn start_node(&mut self, name: &str) -> bool {
        let Some(node) = self.node_index(name) else {
            return false;
        };
        if !self
            .kubelets
            .get(usize::from(node))
            .is_some_and(|k| k.is_running())
        {
            self.with_kubelet(node, |kubelet, ctx| kubelet.power_on(ctx));
            // Packet rules do not survive a restart: the kube-proxy writes them anew.
            if let Some(proxy) = self.proxies.get_mut(usize::from(node)) {
                *proxy = KubeProxy::new(name);
            }
            self.wake_at(ComponentId::Proxy(node), self.now);
        }
        true
    }

    /// Ends a container's process with `code`; an empty container name means the first that runs.
    /// Answers whether there was one.
    pub fn crash_container(&mut self, pod: &NamespacedName, container: &str, code: i32) -> bool {
        let nodes = u8::try_from(self.kubelets.len()).unwrap_or(u8::MAX);
        (0..nodes).any(|node| {
            self.with_kubelet(node, |kubelet, ctx| {
                kubelet.crash_container(pod, container, code, ctx)
            })
        })
    }

    /// Breaks or heals a container's readiness. Answers whether there is such a container.
    pub fn set_readiness(&mut self, pod: &NamespacedName, container: &str, broken: bool) -> bool {
        let nodes = u8::try_from(self.kubelets.len()).unwrap_or(u8::MAX);
        (0..nodes).any(|node| {
            self.with_kubelet(node, |kubelet, ctx| {
                kubelet.set_readiness(pod, container, broken, ctx)
            })
        })
    }
}
