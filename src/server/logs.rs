//! A container's log, once or as it grows.

use super::{Shared, answer};
use crate::api::meta;
use crate::api::{Reason, Status};
use crate::apiserver::rest::LogRequest;
use crate::kubelet::LogLine;
use crate::sim::SimTime;
use axum::body::Body;
use axum::http::Response;
use bytes::Bytes;
use futures_util::stream;
use std::convert::Infallible;
use std::time::Duration;
use tokio::time::sleep;

/// How often a log that is followed is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// The answer to a request for a log.
///
/// # Errors
/// There is no such log (yet).
pub async fn stream(shared: Shared, request: LogRequest) -> Result<Response<Body>, Status> {
    let Some((lines, runs)) = shared.machine.log(&request).await else {
        return Err(missing(&request));
    };
    let mut following = Following {
        read: (SimTime::default(), 0),
        left: request.limit_bytes,
        shared,
        request,
        runs,
    };
    let text = following.begin(&lines);
    if !following.request.follow {
        return Ok(answer::plain(200, Body::from(text)));
    }
    let mut begun = Some(text);
    let body = stream::unfold(following, move |mut following| {
        let begun = begun.take().filter(|text| !text.is_empty());
        async move {
            let text = match begun {
                Some(text) => text,
                None => following.next().await?,
            };
            Some((Ok::<Bytes, Infallible>(text.into()), following))
        }
    });
    Ok(answer::plain(200, Body::from_stream(body)))
}

fn missing(request: &LogRequest) -> Status {
    let (container, pod) = (&request.container, &request.pod.name);
    if request.previous {
        return Status::bad_request(format!(
            "previous terminated container {container:?} in pod {pod:?} not found"
        ));
    }
    match request.node.is_empty() {
        true => Status::bad_request(format!("pod {pod} does not have a host assigned")),
        false => Status::plain(
            Reason::BadRequest,
            format!(
                "container {container:?} in pod {pod:?} is waiting to start: ContainerCreating"
            ),
        ),
    }
}

struct Following {
    shared: Shared,
    request: LogRequest,
    /// The time of the last line read, and how many lines of that time were read.
    read: (SimTime, usize),
    /// How many bytes may still be sent.
    left: Option<u64>,
    runs: bool,
}

impl Following {
    fn begin(&mut self, lines: &[LogLine]) -> String {
        let since = self.request.since.unwrap_or_default();
        let recent: Vec<&LogLine> = lines.iter().filter(|line| line.at >= since).collect();
        let tail = self.request.tail_lines.unwrap_or(u64::MAX);
        let tail = usize::try_from(tail).unwrap_or(usize::MAX);
        let skipped = recent.len().saturating_sub(tail);
        let text = self.text(&recent[skipped..]);
        self.mark(lines);
        text
    }

    fn mark(&mut self, lines: &[LogLine]) {
        if let Some(last) = lines.last() {
            let same = lines.iter().filter(|line| line.at == last.at).count();
            self.read = (last.at, same);
        }
    }

    fn text(&mut self, lines: &[&LogLine]) -> String {
        let mut text = String::new();
        for line in lines {
            if self.request.timestamps {
                let at = meta::micro_time(line.at).0;
                text.push_str(&format!("{at} "));
            }
            text.push_str(&line.text);
            text.push('\n');
        }
        if let Some(left) = self.left {
            let mut end = usize::try_from(left).unwrap_or(usize::MAX).min(text.len());
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            text.truncate(end);
            self.left = Some(left - text.len() as u64);
        }
        text
    }

    /// What was written since the last look; `None` when no more will come.
    async fn next(&mut self) -> Option<String> {
        while self.runs && self.left != Some(0) {
            tokio::select! {
                () = sleep(LOOK_INTERVAL) => {}
                () = self.shared.stopped() => return None,
            }
            let (lines, runs) = self.shared.machine.log(&self.request).await?;
            self.runs = runs;
            let (at, count) = self.read;
            let mut seen = 0;
            let fresh: Vec<&LogLine> = lines
                .iter()
                .filter(|line| {
                    seen += usize::from(line.at == at);
                    line.at > at || (line.at == at && seen > count)
                })
                .collect();
            let text = self.text(&fresh);
            self.mark(&lines);
            if !text.is_empty() {
                return Some(text);
            }
        }
        None
    }
}
