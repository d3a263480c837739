//! Requests that come over HTTP: writes are noted on the tape, reads are not.

use super::{Session, TAPE_LIMIT, TapeEntry};
use crate::api::{Reason, Status};
use crate::apiserver::rest::{self, Answer, HttpRequest};
use crate::network::packet::PacketTrace;
use crate::protocol::{Place, UserCommand};

impl Session {
    /// Answers a request.
    ///
    /// # Errors
    /// The `Status` that a client of the real API server would get; `TooManyRequests` where the
    /// tape is full.
    pub fn http(&mut self, request: &HttpRequest) -> Result<Answer, Status> {
        if request.is_write() {
            self.note(request)?;
        }
        let now = self.cluster.now();
        rest::answer(&mut self.cluster, request, now)
    }

    /// Sends a request from outside the cluster, and notes it.
    ///
    /// # Errors
    /// What is wrong with the URL, or the tape is full.
    pub fn visit(&mut self, url: String) -> Result<PacketTrace, String> {
        let from = Place::default();
        let before = self.requests;
        let report = self.execute(UserCommand::Fetch { from, url });
        match &self.last_request {
            Some(last) if self.requests != before => Ok(last.trace.clone()),
            _ => {
                let why = report.errors.into_iter().next();
                Err(why.map(|error| error.message).unwrap_or_default())
            }
        }
    }

    /// Carries out a write that stands on the tape.
    pub(super) fn again(&mut self, request: &HttpRequest) -> Result<(), Status> {
        let now = self.cluster.now();
        rest::answer(&mut self.cluster, request, now).map(|_| ())
    }

    fn note(&mut self, request: &HttpRequest) -> Result<(), Status> {
        if self.tape.len() >= TAPE_LIMIT as usize {
            let message = format!(
                "this cluster is saved with its {TAPE_LIMIT} writes and can note no more; it can still be read"
            );
            return Err(Status::plain(Reason::TooManyRequests, message));
        }
        self.advance(self.cluster.now(), u32::MAX);
        let at = self.cluster.now().since(self.start()).as_micros();
        let request = request.clone();
        let command = UserCommand::Http {
            method: request.method,
            path: request.path,
            query: request.query,
            content_type: request.content_type,
            user_agent: request.user_agent,
            body: request.body,
        };
        self.tape.push(TapeEntry { at, command });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::ClusterConfig;
    use crate::sim::SimDuration;

    #[test]
    fn what_came_over_http_is_saved_and_comes_again() {
        let mut session = Session::new(ClusterConfig::default());
        session.advance(session.start() + SimDuration::secs(30), u32::MAX);
        let request = |method: &str, path: &str, body: &str| HttpRequest {
            method: method.to_owned(),
            path: path.to_owned(),
            content_type: "application/merge-patch+json".to_owned(),
            body: body.to_owned(),
            ..HttpRequest::default()
        };
        let path = "/apis/apps/v1/namespaces/default/deployments/hello";
        let patch = request("PATCH", path, r#"{"spec":{"replicas":5}}"#);
        session.http(&patch).expect("patched");
        session.http(&request("GET", path, "")).expect("read");
        session.advance(session.start() + SimDuration::secs(60), u32::MAX);
        assert_eq!(session.save().tape.len(), 1);
        let again = Session::restore(session.save()).expect("restored");
        assert_eq!(again.cluster(), session.cluster());
    }
}
