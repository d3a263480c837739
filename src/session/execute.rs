//! What each command does.

use super::{LastRequest, Session};
use crate::api::{Kind, NamespacedName, Status, convert};
use crate::apiserver::ApiHandle;
use crate::apiserver::custom::Kinds;
use crate::cluster::{Part, RequestOrigin};
use crate::kubectl;
use crate::network::call::CallOutcome;
use crate::network::packet::PacketTrace;
use crate::protocol::{Place, Report, ReportError, Served, UserCommand};

fn name(place: &Place) -> NamespacedName {
    NamespacedName::new(place.namespace.as_str(), place.name.as_str())
}

fn refused(message: impl Into<String>) -> Report {
    let error = ReportError {
        message: message.into(),
        line: 0,
    };
    Report {
        errors: vec![error],
        ..Report::default()
    }
}

fn done(text: impl Into<String>) -> Report {
    Report {
        lines: vec![text.into()],
        ..Report::default()
    }
}

fn outcome(result: Result<String, Status>) -> Report {
    match result {
        Ok(text) => done(text),
        Err(status) if status.message.starts_with("error:") => refused(status.message),
        Err(status) => refused(format!("Error from server ({:?}): {status}", status.reason)),
    }
}

fn drained(result: Result<kubectl::DrainReport, Status>) -> Report {
    match result {
        Ok(report) => Report {
            lines: report.lines,
            errors: report
                .errors
                .into_iter()
                .map(|message| ReportError { message, line: 0 })
                .collect(),
            ..Report::default()
        },
        Err(status) => outcome(Err(status)),
    }
}

/// What became of a manifest; where its versions are no longer served, also how it would be served.
fn applied(text: &str, report: kubectl::ApplyReport) -> Report {
    let unknown = |error: &kubectl::ApplyError| error.message.contains("no matches for kind");
    let converted = match report.errors.iter().any(unknown) {
        true => convert::convert(text).ok().flatten(),
        false => None,
    };
    let errors = report.errors.into_iter().map(|error| ReportError {
        message: error.message,
        line: error.line,
    });
    Report {
        lines: report.lines.into_iter().map(|line| line.text).collect(),
        errors: errors.collect(),
        served: converted.map(|converted| Served {
            versions: converted.versions.join(" and "),
            text: converted.text,
        }),
    }
}

impl Session {
    pub(super) fn carry_out(&mut self, command: UserCommand) -> Report {
        let now = self.cluster.now();
        let api = &mut self.cluster;
        match command {
            UserCommand::Apply { text } => {
                let report = kubectl::apply(&text, api, now);
                applied(&text, report)
            }
            UserCommand::Scale { at, replicas } => outcome(kubectl::scale(
                api,
                &name(&at).of(Kind::Deployment),
                replicas,
                now,
            )),
            UserCommand::SetImage {
                at,
                container,
                image,
            } => outcome(kubectl::set_image(api, &name(&at), &container, &image, now)),
            UserCommand::SetPaused { at, paused } => {
                outcome(kubectl::set_paused(api, &name(&at), paused, now))
            }
            UserCommand::Undo { at, revision } => outcome(kubectl::undo(
                api,
                &name(&at).of(Kind::Deployment),
                revision,
                now,
            )),
            UserCommand::Restart { at } => {
                outcome(kubectl::restart(api, &name(&at).of(Kind::Deployment), now))
            }
            UserCommand::Delete { kind, at } => match kind_of(&kind, api.kinds()) {
                Some(kind) => outcome(kubectl::delete(api, &name(&at).of(kind), now)),
                None => refused(format!(
                    "error: the server doesn't have a resource type \"{kind}\""
                )),
            },
            UserCommand::SetCordoned { name, cordoned } => {
                outcome(kubectl::cordon(api, &name, cordoned, now))
            }
            UserCommand::Drain { name } => drained(kubectl::drain(api, &name, now)),
            other => self.break_or_ask(other),
        }
    }

    /// What happens outside the API: faults and requests.
    fn break_or_ask(&mut self, command: UserCommand) -> Report {
        match command {
            UserCommand::Crash { at, code } => {
                match self.cluster.crash_container(&name(&at), "", code) {
                    true => done(format!(
                        "container of pod {} ended with code {code}",
                        at.name
                    )),
                    false => refused(format!("pod {} runs no container", at.name)),
                }
            }
            UserCommand::SetReadiness { at, broken } => {
                let word = if broken { "fails" } else { "is healed" };
                match self.cluster.set_readiness(&name(&at), "", broken) {
                    true => done(format!("readiness of pod {} {word}", at.name)),
                    false => refused(format!("no node runs pod {}", at.name)),
                }
            }
            UserCommand::SetNode { name, on } => {
                let found = match on {
                    true => self.cluster.start_node(&name),
                    false => self.cluster.stop_node(&name),
                };
                match found {
                    true => done(format!("{name} switched {}", if on { "on" } else { "off" })),
                    false => refused(format!("nodes \"{name}\" not found")),
                }
            }
            UserCommand::SetPart { name, on } => match (Part::of_name(&name), on) {
                (None, _) => refused(format!("the control plane has no part {name}")),
                (Some(part), true) => {
                    self.cluster.start_part(part);
                    done(format!("{part} started"))
                }
                (Some(part), false) => {
                    self.cluster.stop_part(part);
                    done(format!("{part} stopped"))
                }
            },
            UserCommand::Request {
                to,
                node,
                from,
                path,
            } => self.request(to, node, &from, &path),
            UserCommand::Fetch { from, url } => self.fetch(&from, url),
            UserCommand::SetLoad {
                to,
                node,
                from,
                per_second,
                path,
            } => {
                let origin = origin(node, &from);
                let set = self
                    .cluster
                    .set_load(&name(&to), &origin, per_second, &path);
                match set {
                    Ok(()) if per_second == 0 => done(format!("load on {} ended", to.name)),
                    Ok(()) => done(format!("{per_second} requests per second to {}", to.name)),
                    Err(message) => refused(message),
                }
            }
            _ => Report::default(),
        }
    }

    fn request(&mut self, to: Place, node: String, from: &Place, path: &str) -> Report {
        let origin = origin(node, from);
        let service = name(&to);
        let url = match self.cluster.target(&origin, &service, 0, path) {
            Ok(target) => target.url(),
            Err(_) => String::new(),
        };
        let trace = self.cluster.send_request(&origin, &service, 0, path);
        self.show(to, url, trace)
    }

    fn fetch(&mut self, from: &Place, url: String) -> Report {
        let pod = (!from.name.is_empty()).then(|| name(from));
        match self.cluster.fetch(pod.as_ref(), &url) {
            Ok(trace) => self.show(Place::default(), url, trace),
            Err(message) => refused(message),
        }
    }

    fn show(&mut self, to: Place, url: String, trace: PacketTrace) -> Report {
        let last = trace.hops.last().map(|hop| hop.text.clone());
        let last = last.unwrap_or_default();
        let answered = matches!(trace.outcome, CallOutcome::Answered(_));
        self.requests = self.requests.saturating_add(1);
        self.last_request = Some(LastRequest {
            id: self.requests,
            to,
            url,
            trace,
        });
        match answered {
            true => done(last),
            false => refused(last),
        }
    }
}

fn origin(node: String, from: &Place) -> RequestOrigin {
    match node.is_empty() {
        true => RequestOrigin::Pod(name(from)),
        false => RequestOrigin::Outside { node },
    }
}

fn kind_of(word: &str, kinds: Kinds<'_>) -> Option<Kind> {
    kinds.find(|kind| kind.row().kind == word)
}
