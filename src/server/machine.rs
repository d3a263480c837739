//! The one thread that owns the cluster: it lets time pass, answers what is asked, and tells
//! watchers of every change.

use super::clock::{self, Clock};
use super::openapi::{self, Described};
use super::{ServeOptions, state};
use crate::api::watch::{WatchEvent, WatchVerb};
use crate::api::{Kind, NamespacedName, Reason, Status};
use crate::apiserver::rest::{self, Answer, Content, Form, HttpRequest, LogRequest, ProxyRequest};
use crate::apiserver::watch::{Shown, WatchRequest};
use crate::apiserver::{ApiHandle, ExecCall, ExecProgress};
use crate::cluster::Cluster;
use crate::kubelet::LogLine;
use crate::network::http::HttpResponse;
use crate::network::packet::PacketTrace;
use crate::sim::{SimDuration, SimTime};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, oneshot};

/// How many questions may wait.
const QUESTIONS_MAX: usize = 1_024;
/// How many changes of one kind are kept for a watcher that is slower than they come.
const CHANGES_MAX: usize = 4_096;
/// How many events happen before questions are looked at again.
const EVENTS_AT_ONCE: u32 = 2_000;
/// How long a new cluster has run when it is first shown: its nodes have come up.
const HEAD_START: SimDuration = SimDuration::secs(30);
/// How often the state is saved where it changed.
const SAVE_INTERVAL: Duration = Duration::from_secs(10);
/// The longest sleep without a look at the clock.
const SLEEP_MAX: Duration = Duration::from_millis(200);

/// A change on its way to watchers; its text is made once for all who want it as it is.
pub struct Change {
    /// The change.
    pub event: WatchEvent,
    texts: [OnceLock<Bytes>; 3],
}

impl Change {
    fn new(event: WatchEvent) -> Self {
        Self {
            event,
            texts: Default::default(),
        }
    }

    /// The line of a watch that shows this change as `verb`, the object being the changed one.
    pub fn line(&self, verb: WatchVerb, now: SimTime) -> Bytes {
        let index = match verb {
            WatchVerb::Added => 0,
            WatchVerb::Modified => 1,
            WatchVerb::Deleted => 2,
        };
        let make = || {
            line(&rest::watch_json(
                verb,
                &self.event.object,
                Form::Object,
                false,
                now,
            ))
        };
        self.texts[index].get_or_init(make).clone()
    }
}

/// A line of a watch.
pub fn line(value: &serde_json::Value) -> Bytes {
    let mut text = value.to_string();
    text.push('\n');
    text.into()
}

/// What a watch begins with, and where the rest comes from.
pub struct Feed {
    /// What it shows first.
    pub first: Vec<Shown>,
    /// The revision that this is from.
    pub revision: u64,
    /// The changes after that.
    pub changes: broadcast::Receiver<Arc<Change>>,
}

/// An answer, and the moment it was given at.
pub struct Told {
    /// The answer.
    pub answer: Answer,
    /// The moment.
    pub now: SimTime,
    /// For a watch.
    pub feed: Option<Feed>,
}

/// A request that a kubelet brings into a Pod.
#[derive(Clone, Debug)]
pub struct Forwarded {
    /// The Pod.
    pub pod: NamespacedName,
    /// The port.
    pub port: u16,
    /// `GET`, `POST`, …
    pub method: String,
    /// The path, with its query.
    pub path: String,
}

enum Question {
    Http(Box<HttpRequest>, oneshot::Sender<Result<Told, Status>>),
    Log(LogRequest, oneshot::Sender<Option<(Vec<LogLine>, bool)>>),
    NodePorts(oneshot::Sender<Vec<u16>>),
    Described(oneshot::Sender<Vec<Described>>),
    Visit(String, oneshot::Sender<Result<PacketTrace, String>>),
    Time(oneshot::Sender<(SimTime, u64)>),
    Exec(
        NamespacedName,
        ExecCall,
        oneshot::Sender<Result<ExecProgress, Status>>,
    ),
    Reach(
        NamespacedName,
        Option<String>,
        oneshot::Sender<Result<u32, Status>>,
    ),
    Listens(NamespacedName, u16, oneshot::Sender<bool>),
    Proxy(ProxyRequest, oneshot::Sender<Result<HttpResponse, Status>>),
    Forward(Forwarded, oneshot::Sender<Result<HttpResponse, String>>),
    Stop(oneshot::Sender<Result<(), String>>),
}

/// Asks the thread.
#[derive(Clone)]
pub struct Handle {
    questions: mpsc::Sender<Question>,
}

impl Handle {
    async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Question) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        self.questions.send(question(answer)).await.ok()?;
        answered.await.ok()
    }

    /// Answers an HTTP request.
    pub async fn http(&self, request: HttpRequest) -> Result<Told, Status> {
        let told = self
            .ask(|answer| Question::Http(Box::new(request), answer))
            .await;
        told.unwrap_or_else(|| Err(stopping()))
    }

    /// A container's log, and whether more may come; `None` where there is none.
    pub async fn log(&self, request: &LogRequest) -> Option<(Vec<LogLine>, bool)> {
        self.ask(|answer| Question::Log(request.clone(), answer))
            .await?
    }

    /// The custom kinds that are served.
    pub async fn described(&self) -> Vec<Described> {
        self.ask(Question::Described).await.unwrap_or_default()
    }

    /// The node ports in use.
    pub async fn node_ports(&self) -> Option<Vec<u16>> {
        self.ask(Question::NodePorts).await
    }

    /// Sends a request from outside the cluster.
    pub async fn visit(&self, url: String) -> Result<PacketTrace, String> {
        let visited = self.ask(|answer| Question::Visit(url, answer)).await;
        visited.unwrap_or_else(|| Err(stopping().message))
    }

    /// Starts a process in a container, or lets one go on.
    pub async fn exec(&self, pod: &NamespacedName, call: ExecCall) -> Result<ExecProgress, Status> {
        let pod = pod.clone();
        let told = self.ask(|answer| Question::Exec(pod, call, answer)).await;
        told.unwrap_or_else(|| Err(stopping()))
    }

    /// Whether the kubelet of a Pod that runs can be reached; answers how often its container was
    /// started.
    pub async fn reach(
        &self,
        pod: &NamespacedName,
        container: Option<&str>,
    ) -> Result<u32, Status> {
        let (pod, container) = (pod.clone(), container.map(str::to_owned));
        let told = self
            .ask(|answer| Question::Reach(pod, container, answer))
            .await;
        told.unwrap_or_else(|| Err(stopping()))
    }

    /// Whether a container of the Pod listens on a port.
    pub async fn listens(&self, pod: &NamespacedName, port: u16) -> bool {
        let pod = pod.clone();
        let told = self
            .ask(|answer| Question::Listens(pod, port, answer))
            .await;
        told.unwrap_or(false)
    }

    /// Sends a request on to a Pod or behind a Service.
    pub async fn proxy(&self, asked: ProxyRequest) -> Result<HttpResponse, Status> {
        let told = self.ask(|answer| Question::Proxy(asked, answer)).await;
        told.unwrap_or_else(|| Err(stopping()))
    }

    /// Brings a request into a Pod.
    pub async fn forward(&self, asked: Forwarded) -> Result<HttpResponse, String> {
        let told = self.ask(|answer| Question::Forward(asked, answer)).await;
        told.unwrap_or_else(|| Err(stopping().message))
    }

    /// The moment and the store's revision.
    pub async fn time(&self) -> Option<(SimTime, u64)> {
        self.ask(Question::Time).await
    }
}

fn stopping() -> Status {
    let message = "the server is shutting down";
    Status::plain(Reason::ServiceUnavailable, message)
}

/// A new cluster, or the one that the state file holds.
fn open(options: &ServeOptions) -> Result<Cluster, String> {
    if let Some(path) = &options.state
        && let Some(cluster) = state::load(path)?
    {
        return Ok(cluster);
    }
    let start = clock::unix_seconds().saturating_sub(HEAD_START.as_micros() / 1_000_000);
    let mut cluster = Cluster::new(options.cluster(start));
    cluster.run_until(cluster.now() + HEAD_START);
    Ok(cluster)
}

/// The running thread.
pub struct Machine {
    handle: Handle,
    thread: JoinHandle<()>,
}

impl Machine {
    /// Makes or restores the cluster, and lets it run.
    ///
    /// # Errors
    /// What is wrong, for a person.
    pub fn start(options: &ServeOptions) -> Result<Self, String> {
        let cluster = open(options)?;
        let (questions, asked) = mpsc::channel(QUESTIONS_MAX);
        let clock = Clock::new(cluster.now(), options.speed);
        let running = Running {
            told: cluster.api().etcd().revision(),
            cluster,
            state: options.state.clone(),
            clock,
            feeds: BTreeMap::new(),
            unsaved: true,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(|error| format!("cannot start the cluster's runtime: {error}"))?;
        let thread = std::thread::Builder::new()
            .name("cluster".to_owned())
            .spawn(move || runtime.block_on(running.run(asked)))
            .map_err(|error| format!("cannot start the cluster's thread: {error}"))?;
        let handle = Handle { questions };
        Ok(Self { handle, thread })
    }

    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Saves the state and ends the thread.
    ///
    /// # Errors
    /// The state could not be saved.
    pub fn stop(self) -> Result<(), String> {
        let (answer, answered) = oneshot::channel();
        let asked = self.handle.questions.try_send(Question::Stop(answer));
        drop(self.handle);
        let ended = self.thread.join();
        if asked.is_err() || ended.is_err() {
            return Err("the cluster's thread has failed".to_owned());
        }
        let mut answered = answered;
        answered.try_recv().unwrap_or(Ok(()))
    }
}

struct Running {
    cluster: Cluster,
    state: Option<PathBuf>,
    clock: Clock,
    feeds: BTreeMap<Kind, broadcast::Sender<Arc<Change>>>,
    /// The revision up to which watchers have been told.
    told: u64,
    unsaved: bool,
}

impl Running {
    async fn run(mut self, mut asked: mpsc::Receiver<Question>) {
        let mut save = tokio::time::interval(SAVE_INTERVAL);
        loop {
            let caught_up = self.advance();
            self.tell();
            let sleep = match (caught_up, self.cluster.next_at()) {
                (false, _) => Duration::ZERO,
                (true, None) => SLEEP_MAX,
                (true, Some(at)) => self.clock.until(at).min(SLEEP_MAX),
            };
            tokio::select! {
                biased;
                question = asked.recv() => match question {
                    Some(Question::Stop(answer)) => {
                        // Who asked may be gone; the state is saved all the same.
                        let _ = answer.send(self.write_state());
                        return;
                    }
                    Some(question) => self.answer(question),
                    // Nobody is left who could ask: what was asked last may not have fitted.
                    None => {
                        if let Err(why) = self.write_state() {
                            eprintln!("kubarium: {why}");
                        }
                        return;
                    }
                },
                _ = save.tick() => self.save(),
                () = tokio::time::sleep(sleep) => {}
            }
        }
    }

    fn save(&mut self) {
        if std::mem::take(&mut self.unsaved)
            && let Err(message) = self.write_state()
        {
            eprintln!("error: {message}");
            self.unsaved = true;
        }
    }

    fn write_state(&self) -> Result<(), String> {
        match &self.state {
            Some(path) => state::save(path, &self.cluster),
            None => Ok(()),
        }
    }

    /// Lets time pass; answers whether the present was reached.
    fn advance(&mut self) -> bool {
        let now = self.clock.now();
        !(0..EVENTS_AT_ONCE).all(|_| self.cluster.step(now))
    }

    /// Tells watchers what has changed.
    fn tell(&mut self) {
        let etcd = self.cluster.api().etcd();
        if etcd.revision() == self.told {
            return;
        }
        match etcd.events_since(self.told) {
            Ok(events) => {
                for event in events {
                    if let Some(feed) = self.feeds.get(&event.key.kind) {
                        // Nobody watching is no failure.
                        let _ = feed.send(Arc::new(Change::new(event.clone())));
                    }
                }
            }
            // More happened at once than the store keeps: every watcher has to list again.
            Err(_) => self.feeds.clear(),
        }
        self.told = etcd.revision();
        self.unsaved = true;
    }

    fn answer(&mut self, question: Question) {
        // An answer that nobody waits for any more is dropped.
        match question {
            Question::Http(request, answer) => {
                let told = self.http(&request);
                self.tell();
                let _ = answer.send(told);
            }
            Question::Log(request, answer) => {
                let _ = answer.send(self.log(&request));
            }
            Question::NodePorts(answer) => {
                let _ = answer.send(super::node_ports::in_use(&self.cluster));
            }
            Question::Described(answer) => {
                let _ = answer.send(openapi::described(self.cluster.api().etcd()));
            }
            Question::Visit(url, answer) => {
                let _ = answer.send(self.cluster.fetch(None, &url));
            }
            Question::Time(answer) => {
                let _ = answer.send((self.cluster.now(), self.told));
            }
            Question::Exec(pod, call, answer) => {
                let now = self.cluster.now();
                let _ = answer.send(self.cluster.pod_exec(&pod, &call, now));
            }
            Question::Reach(pod, container, answer) => {
                let _ = answer.send(self.cluster.reach_pod(&pod, container.as_deref()));
            }
            Question::Proxy(asked, answer) => {
                let _ = answer.send(self.cluster.proxy(&asked));
            }
            Question::Listens(pod, port, answer) => {
                let _ = answer.send(self.cluster.listens(&pod, port));
            }
            Question::Forward(asked, answer) => {
                let Forwarded {
                    pod,
                    port,
                    method,
                    path,
                } = asked;
                let _ = answer.send(self.cluster.forward(&pod, port, &method, &path));
            }
            Question::Stop(_) => {}
        }
    }

    fn http(&mut self, request: &HttpRequest) -> Result<Told, Status> {
        let mut answer = {
            let now = self.cluster.now();
            rest::answer(&mut self.cluster, request, now)?
        };
        let mut feed = None;
        if let Content::Watch(watch) = &answer.content {
            match self.feed(watch) {
                Ok(found) => feed = Some(found),
                // As upstream: a watch that has begun fails in its stream.
                Err(status) if status.reason == Reason::Expired => {
                    let object = rest::status_json(&status);
                    let line = serde_json::json!({"type": "ERROR", "object": object});
                    answer.content = Content::Json(line);
                }
                Err(status) => return Err(status),
            }
        }
        let now = self.cluster.now();
        Ok(Told { answer, now, feed })
    }

    fn feed(&mut self, watch: &WatchRequest) -> Result<Feed, Status> {
        // What is shown first ends where the changes begin.
        self.tell();
        let first = self.cluster.api().watch(watch)?;
        let feeds = self.feeds.entry(watch.filter.kind);
        let feed = feeds.or_insert_with(|| broadcast::channel(CHANGES_MAX).0);
        Ok(Feed {
            first,
            revision: self.told,
            changes: feed.subscribe(),
        })
    }

    fn log(&self, request: &LogRequest) -> Option<(Vec<LogLine>, bool)> {
        let kubelets = self.cluster.kubelets();
        let kubelet = kubelets.iter().find(|k| k.config().name == request.node)?;
        kubelet.log_of_life(&request.pod, &request.container, request.previous)
    }
}
