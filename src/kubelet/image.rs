//! The image catalogue: what each image does when it runs. Its format stands at the head of
//! `static/images.yaml`. An image that is not in it is a stand-in: it listens on the ports that its
//! container declares and answers with its Pod's name.

use crate::api::{codec, meta};
use crate::sim::SimTime;
use serde::Deserialize;
use std::sync::OnceLock;

/// One rule for answering a request.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Answer {
    /// Only for this path.
    pub path: Option<String>,
    /// Only from this request on.
    #[serde(default)]
    pub from: u32,
    /// The status code.
    #[serde(default = "ok")]
    pub status: u16,
    /// The text.
    pub body: String,
}

/// When a program ends by itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exit {
    /// Seconds after its start.
    pub after: u32,
    /// Its exit code.
    pub code: i32,
    /// What it logs then; empty: nothing.
    #[serde(default)]
    pub log: String,
}

/// What a program does when it is told to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnSigterm {
    /// It ends.
    #[default]
    Exit,
    /// It goes on until it is killed.
    Ignore,
}

/// The commands that an image has besides its own program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum System {
    /// None, not even a shell.
    #[default]
    None,
    /// Busybox alone.
    Busybox,
    /// Busybox and a C library's own.
    Alpine,
    /// A shell, bash and the basic ones.
    Debian,
}

/// What an image does when it runs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Program {
    /// The image without its tag.
    pub name: String,
    /// The tags that exist; empty: every tag does.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Megabytes to pull.
    pub size: u32,
    /// Milliseconds until it listens.
    #[serde(default = "half_a_second")]
    pub start: u32,
    /// Where it listens; `None`: on the ports that the container declares.
    pub ports: Option<Vec<u16>>,
    /// What it logs when it has started.
    #[serde(default)]
    pub log: Vec<String>,
    /// What it logs for a request.
    pub request_log: Option<String>,
    /// How it answers.
    #[serde(default)]
    pub answers: Vec<Answer>,
    /// When it ends by itself.
    pub exit: Option<Exit>,
    /// What it does when told to end.
    #[serde(default)]
    pub sigterm: OnSigterm,
    /// Which commands can be carried out in it.
    #[serde(default)]
    pub system: System,
    /// Commands that it has besides those of its system.
    #[serde(default)]
    pub adds: Vec<String>,
    /// Its processes as `ps` shows them, its first one first.
    #[serde(default)]
    pub processes: Vec<String>,
}

const fn ok() -> u16 {
    200
}

const fn half_a_second() -> u32 {
    500
}

/// `at` as the command `date` prints it.
pub fn date(at: SimTime) -> String {
    let (now, day, month) = meta::calendar(meta::time(at).0);
    let (hour, minute, second) = (now.hour(), now.minute(), now.second());
    let (date, year) = (now.day(), now.year());
    format!("{day} {month} {date:2} {hour:02}:{minute:02}:{second:02} UTC {year}")
}

fn catalogue() -> &'static [Program] {
    static PROGRAMS: OnceLock<Vec<Program>> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let read = serde_yaml::from_str(include_str!("../../static/images.yaml"));
        let read = read.ok().and_then(|value| codec::from_value(value).ok());
        read.expect("invariant: the catalogue in the binary is well formed")
    })
}

fn stand_in() -> &'static Program {
    static STAND_IN: OnceLock<Program> = OnceLock::new();
    STAND_IN.get_or_init(|| Program {
        name: "stand-in".to_owned(),
        tags: Vec::new(),
        size: 40,
        start: half_a_second(),
        ports: None,
        log: vec!["This image is not in the catalogue: a stand-in runs in its place.".to_owned()],
        request_log: Some("GET {path}".to_owned()),
        answers: vec![Answer {
            path: None,
            from: 0,
            status: 200,
            body: "Hello from {hostname} (a stand-in for an unknown image)\n".to_owned(),
        }],
        exit: None,
        sigterm: OnSigterm::Exit,
        system: System::Alpine,
        adds: vec!["curl".to_owned()],
        processes: vec!["stand-in".to_owned()],
    })
}

/// An image reference: its name, and its tag (`latest` where it has none).
pub fn split(image: &str) -> (&str, &str) {
    if let Some((name, digest)) = image.split_once('@') {
        return (name, digest);
    }
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (image, "latest"),
    }
}

/// The full name that a container runtime gives an image: `nginx:1` is `docker.io/library/nginx:1`.
pub fn canonical(image: &str) -> String {
    let (name, tag) = split(image);
    let first = name.split('/').next().unwrap_or_default();
    let has_host = name.contains('/') && (first.contains(['.', ':']) || first == "localhost");
    let host = match (has_host, name.contains('/')) {
        (true, _) => "",
        (false, true) => "docker.io/",
        (false, false) => "docker.io/library/",
    };
    [host, name, ":", tag].concat()
}

/// Whether `image` is a well-formed reference.
pub fn is_well_formed(image: &str) -> bool {
    let (name, tag) = split(image);
    let part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-:/".contains(c);
    let tag_char = |c: char| c.is_ascii_alphanumeric() || "._-:".contains(c);
    !name.is_empty()
        && name.split('/').all(|piece| !piece.is_empty())
        && name.chars().all(part)
        && !tag.is_empty()
        && tag.chars().all(tag_char)
}

/// What `image` runs, or the error that pulling it gives.
///
/// # Errors
/// The runtime's words where the tag does not exist.
pub fn find(image: &str) -> Result<&'static Program, String> {
    let full = canonical(image);
    let (name, tag) = split(&full);
    let short = name
        .trim_start_matches("docker.io/")
        .trim_start_matches("library/");
    let named = |program: &Program| program.name == short || program.name == name;
    let has_tag = |program: &Program| {
        program.tags.is_empty() || program.tags.iter().any(|known| known == tag)
    };
    let mut programs = catalogue().iter().filter(|program| named(program));
    let mut first = programs.clone();
    match programs.find(|program| has_tag(program)) {
        Some(program) => Ok(program),
        None if first.next().is_none() => Ok(stand_in()),
        None => Err(format!(
            "rpc error: code = NotFound desc = failed to pull and unpack image \"{full}\": failed to resolve image: {full}: not found"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_found_by_any_of_their_names() {
        for (image, found) in [
            ("nginx", Some("nginx")),
            ("docker.io/library/nginx:1.14.2", Some("nginx")),
            ("nginx:1.161", None),
            ("nigelpoulton/k8sbook:2.0", Some("nigelpoulton/k8sbook")),
            ("example.com:5000/a/b:c", Some("stand-in")),
        ] {
            assert_eq!(find(image).ok().map(|p| p.name.as_str()), found, "{image}");
        }
        let last_answer = |image: &str| find(image).ok().and_then(|p| p.answers.last().cloned());
        let v1 = last_answer("luksa/kubia:v1").expect("it answers");
        assert_eq!(v1.body, "This is {tag} running in pod {hostname}\n");
        assert_eq!(
            last_answer("luksa/kubia:v3").map(|a| (a.from, a.status)),
            Some((5, 500))
        );
        assert!(find("luksa/kubia:v9").is_err());
        assert_eq!(canonical("luksa/kubia"), "docker.io/luksa/kubia:latest");
        assert!(is_well_formed("example.com:5000/a/b:c"));
        assert!(!is_well_formed("UPPER") && !is_well_formed("a b") && !is_well_formed("a//b"));
    }
}
