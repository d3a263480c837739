//! The commands, one file each, and the one list of those that there are not yet.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/cmd, v1.36.

mod api_resources;
mod apply;
mod auth;
mod cluster_info;
mod component;
mod cordon;
mod create;
mod create_account;
mod create_job;
mod create_service;
mod delete;
mod describe;
mod drain;
mod exec;
mod expose;
mod get;
mod label;
mod logs;
mod patch;
mod pending;
mod record;
mod rollout;
mod rollout_stage;
mod run;
mod scale;
mod set_image;
mod set_resources;
mod source;
mod taint;
mod version;
mod wait;

pub use pending::Pending;
pub use rollout_stage::status_text as rollout_status;

use super::failure::Failure;
use super::flags::Flag;
use super::shell::Shell;

/// A command.
pub struct Verb {
    /// Its words: `rollout status`.
    pub name: &'static str,
    /// How it is called, after `kubectl`.
    pub usage: &'static str,
    /// What it does.
    pub about: &'static str,
    /// Its own flags.
    pub flags: &'static [&'static [Flag]],
    /// Carries it out; answers what it waits for.
    pub run: fn(&mut Shell<'_>) -> Result<Option<Pending>, Failure>,
}

const VERBS: &[&Verb] = &[
    &label::ANNOTATE,
    &api_resources::RESOURCES,
    &api_resources::VERSIONS,
    &apply::VERB,
    &auth::CAN_I,
    &auth::WHO_AM_I,
    &cluster_info::VERB,
    &cordon::CORDON,
    &create::FROM_FILE,
    &create::CONFIG_MAP,
    &create_job::CRON_JOB,
    &create::DEPLOYMENT,
    &create_job::JOB,
    &create::NAMESPACE,
    &create_service::VERB,
    &create_account::ACCOUNT,
    &create_account::TOKEN,
    &delete::VERB,
    &describe::VERB,
    &drain::VERB,
    &exec::VERB,
    &expose::VERB,
    &get::VERB,
    &label::LABEL,
    &logs::VERB,
    &patch::VERB,
    &rollout::HISTORY,
    &rollout::PAUSE,
    &rollout::RESTART,
    &rollout::RESUME,
    &rollout::STATUS,
    &rollout::UNDO,
    &run::VERB,
    &scale::VERB,
    &set_image::VERB,
    &set_resources::VERB,
    &taint::VERB,
    &cordon::UNCORDON,
    &version::VERB,
    &wait::VERB,
];

/// The commands of kubectl that Kubarium does not have yet.
pub const NOT_YET: &[&str] = &[
    "alpha",
    "attach",
    "autoscale",
    "certificate",
    "completion",
    "config",
    "cp",
    "debug",
    "diff",
    "edit",
    "events",
    "explain",
    "kuberc",
    "kustomize",
    "options",
    "plugin",
    "port-forward",
    "proxy",
    "replace",
    "top",
];

/// Other names of commands: (name, the one meant), in the second place of a line too.
const ALIASES: &[(&str, &str)] = &[
    ("cj", "cronjob"),
    ("cm", "configmap"),
    ("deploy", "deployment"),
    ("ns", "namespace"),
    ("sa", "serviceaccount"),
    ("svc", "service"),
];

impl Verb {
    pub(super) fn help(&self) -> String {
        let names = self.flags.iter().copied().flatten();
        let names: Vec<String> = names.map(|flag| format!("--{}", flag.name)).collect();
        let flags = match names.as_slice() {
            [] => String::new(),
            names => format!("\nFlags:\n  {}\n", names.join(", ")),
        };
        format!(
            "{}.\n\nUsage:\n  kubectl {}\n{flags}",
            self.about, self.usage
        )
    }
}

/// The command that the first two words of a line name.
pub(super) fn find(first: &str, second: Option<&str>) -> Option<&'static Verb> {
    let alias = |word: &str| {
        let found = ALIASES.iter().find(|(name, _)| *name == word);
        found.map_or(word.to_owned(), |(_, meant)| (*meant).to_owned())
    };
    let two = second.map(|second| format!("{first} {}", alias(second)));
    let named = |name: &str| VERBS.iter().copied().find(|verb| verb.name == name);
    two.and_then(|two| named(&two)).or_else(|| named(first))
}

/// Every command there is, in one line each.
pub fn overview() -> String {
    let width = VERBS.iter().map(|verb| verb.name.len()).max().unwrap_or(0);
    let lines = VERBS
        .iter()
        .map(|verb| format!("  {:width$}  {}\n", verb.name, verb.about));
    format!("Commands:\n{}", lines.collect::<String>())
}

/// Why a line that names no command is refused.
pub(super) fn unknown(first: &str, second: Option<&str>) -> Failure {
    let is_group = VERBS.iter().any(|verb| {
        verb.name
            .split_once(' ')
            .is_some_and(|(group, _)| group == first)
    });
    match second {
        Some(second) if is_group => {
            return Failure::usage(
                &format!("kubectl {first}"),
                &format!("unknown command \"{second}\""),
            );
        }
        None if is_group => {
            let under = VERBS.iter().filter_map(|verb| verb.name.split_once(' '));
            let under = under.filter(|(group, _)| *group == first);
            let names: Vec<&str> = under.map(|(_, name)| name).collect();
            let message = format!("kubectl {first} needs one of: {}", names.join(", "));
            return Failure::client(message);
        }
        _ => {}
    }
    if NOT_YET.contains(&first) {
        return Failure::client(format!("Kubarium does not have 'kubectl {first}' yet"));
    }
    let mut message = format!("unknown command \"{first}\" for \"kubectl\"");
    let near = suggestions(first);
    if !near.is_empty() {
        message.push_str("\n\nDid you mean this?\n");
        message.extend(near.iter().map(|name| format!("\t{name}\n")));
        message.truncate(message.trim_end().len());
    }
    Failure::client(message)
}

/// Commands whose name is near to `word`, as cobra suggests them.
fn suggestions(word: &str) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = VERBS
        .iter()
        .map(|verb| verb.name.split(' ').next().unwrap_or_default())
        .chain(NOT_YET.iter().copied())
        .collect();
    names.sort_unstable();
    names.dedup();
    let lower = word.to_lowercase();
    names.retain(|name| distance(&lower, name) <= 2 || name.starts_with(&lower));
    names
}

/// How many letters have to be changed, added or left out (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().take(64).enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let kept = before + usize::from(left != *right);
            before = row[j + 1];
            row[j + 1] = kept.min(row[j] + 1).min(before + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_are_found_by_one_word_or_two() {
        let name = |first: &str, second: Option<&str>| find(first, second).map(|verb| verb.name);
        assert_eq!(name("get", Some("pods")), Some("get"));
        assert_eq!(name("rollout", Some("undo")), Some("rollout undo"));
        assert_eq!(name("create", Some("ns")), Some("create namespace"));
        assert_eq!(name("create", None), Some("create"));
        assert_eq!(name("rollout", None), None);
        assert_eq!(name("frobnicate", None), None);
    }

    #[test]
    fn what_is_not_there_is_said() {
        let text = |first: &str, second: Option<&str>| unknown(first, second).text();
        assert_eq!(
            text("attach", None),
            "error: Kubarium does not have 'kubectl attach' yet\n"
        );
        assert_eq!(
            text("gett", Some("pods")),
            "error: unknown command \"gett\" for \"kubectl\"\n\nDid you mean this?\n\tget\n\tset\n"
        );
        assert_eq!(
            text("frobnicate", None),
            "error: unknown command \"frobnicate\" for \"kubectl\"\n"
        );
        assert_eq!(
            text("rollout", Some("back")),
            "error: unknown command \"back\"\nSee 'kubectl rollout -h' for help and examples\n"
        );
    }

    #[test]
    fn the_list_of_what_is_missing_names_nothing_that_is_there() {
        for name in NOT_YET {
            assert!(find(name, None).is_none(), "{name}");
        }
        assert!(overview().contains("  rollout undo"));
    }
}
