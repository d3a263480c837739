//! Why a command fails, in kubectl's words.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/cmd/util/helpers.go (checkErr, StandardErrorMessage),
//! v1.36.

use crate::api::{Cause, Reason, Status};

/// A failed command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The API server refused.
    Server(Status),
    /// Kubectl itself refused; printed after `error: `.
    Client(String),
    /// One of several refusals of kubectl's, which it prints as they are.
    Plain(String),
    /// The command in a container ended with this exit code, and so does kubectl.
    Exit(i32),
    /// Several objects, several reasons.
    Many(Vec<Failure>),
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        // What the functions for the page refuse themselves says so at its start.
        match status.message.strip_prefix("error: ") {
            Some(message) => Failure::Client(message.to_owned()),
            None => Failure::Server(status),
        }
    }
}

impl Failure {
    /// `message`, after `error: `.
    pub fn client(message: impl Into<String>) -> Self {
        Failure::Client(message.into())
    }

    /// A wrong use of `command` (`kubectl get`).
    pub fn usage(command: &str, message: &str) -> Self {
        Failure::Client(format!(
            "{message}\nSee '{command} -h' for help and examples"
        ))
    }

    /// One failure for all of `failures`; none where there are none.
    ///
    /// # Errors
    /// The failures.
    pub fn unless_empty(mut failures: Vec<Failure>) -> Result<(), Failure> {
        match failures.len() {
            0 => Ok(()),
            1 => Err(failures.remove(0)),
            _ => Err(Failure::Many(failures)),
        }
    }

    /// The same, with what was being done to what was read from `source`.
    #[must_use]
    pub fn while_doing(self, verb: &str, source: &str) -> Self {
        let about = |message: &str| format!("error when {verb} \"{source}\": {message}");
        match self {
            Failure::Server(status) if is_refused(&status) => Failure::Server(status),
            Failure::Server(mut status) => {
                status.message = about(&status.message);
                Failure::Server(status)
            }
            Failure::Client(message) => Failure::Client(about(&message)),
            Failure::Plain(message) => Failure::Plain(about(&message)),
            exit @ Failure::Exit(_) => exit,
            Failure::Many(many) => {
                let many = many.into_iter().map(|one| one.while_doing(verb, source));
                Failure::Many(many.collect())
            }
        }
    }

    /// What kubectl prints, with its line's end.
    pub fn text(&self) -> String {
        match self {
            Failure::Server(status) if status.reason == Reason::Invalid => invalid(status),
            Failure::Many(many) => many.iter().map(|one| format!("{}\n", one.line())).collect(),
            one => format!("{}\n", one.line()),
        }
    }

    fn line(&self) -> String {
        match self {
            Failure::Server(status) if is_refused(status) => status.message.clone(),
            Failure::Server(status)
                if status.reason == Reason::Unknown
                    || status.message.starts_with("etcdserver:") =>
            {
                format!("Error from server: {}", status.message)
            }
            Failure::Server(status) => {
                format!(
                    "Error from server ({:?}): {}",
                    status.reason, status.message
                )
            }
            Failure::Client(message) => format!("error: {message}"),
            Failure::Plain(message) => message.clone(),
            Failure::Exit(code) => format!("command terminated with exit code {code}"),
            Failure::Many(many) => {
                let lines: Vec<String> = many.iter().map(Failure::line).collect();
                lines.join("\n")
            }
        }
    }
}

/// Whether there was no server to answer.
fn is_refused(status: &Status) -> bool {
    status.reason == Reason::ServiceUnavailable && status.message.starts_with("The connection")
}

/// The fields that are wrong, one a line where there are several.
fn invalid(status: &Status) -> String {
    let Some(details) = &status.details else {
        return format!("The request is invalid: {}\n", status.message);
    };
    let head = format!("The {} \"{}\" is invalid", details.kind, details.name);
    let mut causes: Vec<String> = Vec::new();
    for Cause { field, message, .. } in &details.causes {
        let text = format!("{field}: {message}");
        if !causes.contains(&text) {
            causes.push(text);
        }
    }
    match causes.as_slice() {
        [] => format!("{head}\n"),
        [one] => format!("{head}: {one}\n"),
        many => {
            let lines: String = many.iter().map(|cause| format!("* {cause}\n")).collect();
            format!("{head}: \n{lines}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::field::{FieldError, Path};
    use crate::api::{Kind, ObjectKey};

    #[test]
    fn each_sort_of_failure_in_its_own_words() {
        let missing = Status::not_found(&ObjectKey::new(Kind::Deployment, "default", "web"));
        let missing = Failure::from(missing);
        let text = "Error from server (NotFound): deployments.apps \"web\" not found\n";
        assert_eq!(missing.text(), text);
        assert_eq!(Failure::client("no").text(), "error: no\n");
        let both = Failure::Many(vec![missing.clone(), Failure::client("no")]);
        assert_eq!(both.text(), format!("{text}error: no\n"));
        let from = missing.while_doing("deleting", "a.yaml");
        let text = "Error from server (NotFound): error when deleting \"a.yaml\": deployments.apps \"web\" not found\n";
        assert_eq!(from.text(), text);
    }

    #[test]
    fn what_is_invalid_is_listed() {
        let spec = Path::new("spec");
        let at = spec.child("replicas");
        let errors = [
            FieldError::required(&at, "a"),
            FieldError::required(&at, "b"),
        ];
        let one = Failure::from(Status::invalid(Kind::Pod, "x", &errors[..1]));
        let text = "The Pod \"x\" is invalid: spec.replicas: Required value: a\n";
        assert_eq!(one.text(), text);
        let two = Failure::from(Status::invalid(Kind::Pod, "x", &errors));
        let text = "The Pod \"x\" is invalid: \n* spec.replicas: Required value: a\n* spec.replicas: Required value: b\n";
        assert_eq!(two.text(), text);
    }
}
