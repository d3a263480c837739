//! A watch as a stream of lines.
//!
//! Nothing is kept for a client but what the feed keeps for all. One that falls too far behind is
//! told that its revision is gone, as after a compaction, and its stream ends.

use super::Shared;
use super::machine::{Change, Feed, line};
use crate::api::watch::WatchVerb;
use crate::api::{Reason, Status};
use crate::apiserver::rest::{self, Form};
use crate::apiserver::watch::{Shown, WatchRequest};
use crate::sim::SimTime;
use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until};

/// How long a watch lasts where it does not say so.
const LAST_FOR: Duration = Duration::from_secs(45 * 60);
/// How often bookmarks come.
const BOOKMARK_INTERVAL: Duration = Duration::from_secs(60);

struct Watching {
    shared: Shared,
    request: WatchRequest,
    feed: Feed,
    form: Form,
    now: SimTime,
    first: VecDeque<Shown>,
    /// The bookmark that ends the initial events is still to come.
    ends_initial: bool,
    begun: bool,
    until: Instant,
    bookmark_at: Instant,
    over: bool,
}

/// The body of a watch's answer.
pub fn stream(
    shared: Shared,
    request: WatchRequest,
    mut feed: Feed,
    form: Form,
    now: SimTime,
) -> Body {
    let lasts = request
        .timeout_seconds
        .filter(|seconds| *seconds > 0)
        .map_or(LAST_FOR, Duration::from_secs)
        .min(LAST_FOR);
    let watching = Watching {
        first: std::mem::take(&mut feed.first).into(),
        ends_initial: request.initial_events,
        until: Instant::now() + lasts,
        bookmark_at: Instant::now() + BOOKMARK_INTERVAL,
        shared,
        request,
        feed,
        form,
        now,
        begun: false,
        over: false,
    };
    Body::from_stream(stream::unfold(watching, |mut watching| async {
        let next = watching.next().await?;
        Some((Ok::<Bytes, Infallible>(next), watching))
    }))
}

impl Watching {
    async fn next(&mut self) -> Option<Bytes> {
        if self.over {
            return None;
        }
        if let Some((verb, object)) = self.first.pop_front() {
            let first = !std::mem::replace(&mut self.begun, true);
            let shown = rest::watch_json(verb, &object, self.form, first, self.now);
            return Some(line(&shown));
        }
        if std::mem::take(&mut self.ends_initial) {
            return Some(self.bookmark(self.feed.revision, true));
        }
        loop {
            tokio::select! {
                change = self.feed.changes.recv() => match change {
                    Ok(change) => {
                        if let Some(line) = self.show(&change) {
                            return Some(line);
                        }
                    }
                    Err(RecvError::Lagged(_)) => return Some(self.too_slow()),
                    Err(RecvError::Closed) => return None,
                },
                () = sleep_until(self.bookmark_at), if self.request.bookmarks => {
                    self.bookmark_at = Instant::now() + BOOKMARK_INTERVAL;
                    if let Some(line) = self.caught_up().await {
                        return Some(line);
                    }
                }
                () = sleep_until(self.until) => return None,
                () = self.shared.stopped() => return None,
            }
        }
    }

    fn show(&mut self, change: &Arc<Change>) -> Option<Bytes> {
        // A change that was part of the beginning already.
        if change.event.revision <= self.feed.revision {
            return None;
        }
        let (verb, object) = self.request.filter.show(&change.event)?;
        self.now = self.now.max(change.event.origin.at);
        let first = !std::mem::replace(&mut self.begun, true);
        let same = verb == change.event.verb || verb != WatchVerb::Deleted;
        match self.form {
            Form::Object if same => Some(change.line(verb, self.now)),
            form => Some(line(&rest::watch_json(
                verb, &object, form, first, self.now,
            ))),
        }
    }

    /// A bookmark of the present, if every change up to it has been shown.
    async fn caught_up(&mut self) -> Option<Bytes> {
        let (now, revision) = self.shared.machine.time().await?;
        self.now = now;
        self.feed
            .changes
            .is_empty()
            .then(|| self.bookmark(revision, false))
    }

    fn bookmark(&self, revision: u64, initial_end: bool) -> Bytes {
        let kind = self.request.filter.kind;
        line(&rest::bookmark(kind, revision, initial_end, self.form))
    }

    fn too_slow(&mut self) -> Bytes {
        self.over = true;
        let message = "the watch fell too far behind the changes: list again";
        let status = rest::status_json(&Status::plain(Reason::Expired, message));
        line(&serde_json::json!({"type": "ERROR", "object": status}))
    }
}
