//! Which objects a command's arguments mean: `pods`, `deploy/web`, `svc,rs -l app=web`, `all`.
//!
//! Upstream: staging/src/k8s.io/cli-runtime/pkg/resource/builder.go, v1.36.

use super::failure::Failure;
use super::flags::Words;
use super::object;
use super::shell::Shell;
use crate::api::selector::Selector;
use crate::api::{Kind, Object, ObjectKey, Reason, Status};
use crate::apiserver::custom::Kinds;
use crate::apiserver::{FieldSelector, Operation, Request, inert};

/// The kinds of the category `all`, in the order in which they are printed.
const ALL: &[Kind] = &[
    Kind::Pod,
    Kind::ReplicationController,
    Kind::Service,
    Kind::DaemonSet,
    Kind::Deployment,
    Kind::ReplicaSet,
    Kind::StatefulSet,
    Kind::HorizontalPodAutoscaler,
    Kind::CronJob,
    Kind::Job,
];

/// What the server says of the older kind of endpoints with every answer.
const ENDPOINTS_WARNING: &str =
    "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice";

/// What arguments mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// All objects of these kinds that the selectors leave.
    Kinds(Vec<Kind>),
    /// These objects.
    Objects(Vec<(Kind, String)>),
}

/// The kind that `word` names: `pods`, `pod`, `po`, `Pod`, `deployments.apps`, `deployments.v1.apps`.
///
/// # Errors
/// The server has no such resource type.
pub fn kind_of(word: &str, kinds: Kinds<'_>) -> Result<Kind, Failure> {
    let lower = word.to_lowercase();
    let (name, group) = match lower.split_once('.') {
        Some((name, group)) => (name, Some(group)),
        None => (lower.as_str(), None),
    };
    let is = |kind: Kind| {
        let row = kind.row();
        let named = row.plural == name || row.singular == name || row.short_names.contains(&name);
        let versioned = format!("{}.{}", row.version, row.group);
        let versioned = versioned.trim_end_matches('.');
        named && group.is_none_or(|group| group == row.group || group == versioned)
    };
    kinds.find(is).ok_or_else(|| {
        Failure::client(format!(
            "the server doesn't have a resource type \"{word}\""
        ))
    })
}

/// The kinds that words separated by commas name, categories among them.
fn kinds_of(word: &str, kinds: Kinds<'_>) -> Result<Vec<Kind>, Failure> {
    let mut found = Vec::new();
    for word in word.split(',') {
        let mut custom = kinds.custom();
        custom.retain(|kind| kind.row().categories.contains(&word));
        custom.dedup();
        match word {
            "all" => found.extend(ALL),
            "api-extensions" => found.push(Kind::CustomResourceDefinition),
            word if custom.is_empty() => found.push(kind_of(word, kinds)?),
            _ => {}
        }
        found.extend(custom);
    }
    Ok(found)
}

impl Named {
    /// Reads arguments: types and names, or `TYPE/NAME` each.
    ///
    /// # Errors
    /// Kubectl's words for a mixture of both, or an unknown type.
    pub fn parse(args: &[String], known: Kinds<'_>) -> Result<Self, Failure> {
        if args.iter().any(|arg| arg.contains('/')) {
            let objects: Result<Vec<_>, Failure> =
                args.iter().map(|arg| slashed(arg, known)).collect();
            return objects.map(Named::Objects);
        }
        let Some((types, names)) = args.split_first() else {
            return Ok(Named::Kinds(Vec::new()));
        };
        let kinds = kinds_of(types, known)?;
        if names.is_empty() {
            return Ok(Named::Kinds(kinds));
        }
        let each = |kind: Kind| names.iter().map(move |name| (kind, name.clone()));
        Ok(Named::Objects(kinds.into_iter().flat_map(each).collect()))
    }
}

fn slashed(arg: &str, kinds: Kinds<'_>) -> Result<(Kind, String), Failure> {
    let mut parts = arg.split('/');
    let (kind, name) = (parts.next().unwrap_or_default(), parts.next());
    let Some(name) = name else {
        return Err(Failure::client(
            "there is no need to specify a resource type as a separate argument when passing arguments in resource/name form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource resource/<resource_name>'",
        ));
    };
    if parts.next().is_some() {
        return Err(Failure::client(
            "arguments in resource/name form may not have more than one slash",
        ));
    }
    if kind.is_empty() || name.is_empty() {
        return Err(Failure::client(
            "arguments in resource/name form must have a single resource and name",
        ));
    }
    if kind.contains(',') || kind == "all" {
        return Err(Failure::client(format!(
            "arguments in resource/name form must have a single resource and name: {arg}"
        )));
    }
    Ok((kind_of(kind, kinds)?, name.to_owned()))
}

/// Why a command that needs objects is refused when it names none.
pub fn nothing_named() -> Failure {
    Failure::client(
        "You must provide one or more resources by argument or filename.\nExample resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'",
    )
}

/// Where objects are looked for, and which are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The namespace; none: all of them.
    pub namespace: Option<String>,
    /// By label.
    pub labels: Selector,
    /// By field.
    pub fields: FieldSelector,
    /// Whether any selector was given.
    pub selects: bool,
}

impl Scope {
    /// What the flags say.
    ///
    /// # Errors
    /// A selector that cannot be read.
    pub fn of(words: &Words, namespace: &str) -> Result<Self, Failure> {
        let labels = words.text("selector").unwrap_or_default();
        let fields = words.text("field-selector").unwrap_or_default();
        Ok(Self {
            namespace: (!words.switch("all-namespaces")).then(|| namespace.to_owned()),
            labels: Selector::parse(labels).map_err(Failure::Client)?,
            fields: field_selector(fields)?,
            selects: !labels.is_empty() || !fields.is_empty(),
        })
    }
}

/// Reads `a=b,c!=d`.
fn field_selector(text: &str) -> Result<FieldSelector, Failure> {
    let mut selector = FieldSelector::default();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let requirement = if let Some((field, value)) = part.split_once("!=") {
            (field, value, false)
        } else if let Some((field, value)) = part.split_once("==").or(part.split_once('=')) {
            (field, value, true)
        } else {
            return Err(Failure::client(format!(
                "invalid selector: '{text}'; can't understand '{part}'"
            )));
        };
        let (field, value, equal) = requirement;
        selector
            .requirements
            .push((field.to_owned(), value.to_owned(), equal));
    }
    Ok(selector)
}

/// Objects that were found, by kind, and what went wrong with others.
#[derive(Debug, Default)]
pub struct Found {
    /// The objects, in the order of the arguments.
    pub groups: Vec<(Kind, Vec<Object>)>,
    /// Why some were not found.
    pub failures: Vec<Failure>,
    /// Whether one object was asked for by its name.
    pub single: bool,
}

impl Found {
    /// All objects, without their groups.
    pub fn objects(&self) -> Vec<Object> {
        let objects = self.groups.iter().flat_map(|(_, objects)| objects);
        objects.cloned().collect()
    }
}

/// Reads the objects that `named` means.
///
/// # Errors
/// Arguments that contradict each other, or a server that does not list.
pub fn find(shell: &mut Shell<'_>, named: &Named, scope: &Scope) -> Result<Found, Failure> {
    let mut found = Found::default();
    match named {
        Named::Kinds(kinds) => {
            for kind in kinds {
                found.groups.push((*kind, list(shell, *kind, scope)?));
            }
        }
        Named::Objects(_) if scope.selects => {
            return Err(Failure::client(
                "name cannot be provided when a selector is specified",
            ));
        }
        Named::Objects(_) if scope.namespace.is_none() => {
            return Err(Failure::client(
                "a resource cannot be retrieved by name across all namespaces",
            ));
        }
        Named::Objects(names) => {
            found.single = names.len() == 1;
            let namespace = scope.namespace.clone().unwrap_or_default();
            for (kind, name) in names {
                let key = key(*kind, &namespace, name);
                match read(shell, &key) {
                    Ok(object) => match found.groups.last_mut() {
                        Some((last, objects)) if last == kind => objects.push(object),
                        _ => found.groups.push((*kind, vec![object])),
                    },
                    Err(status) => found.failures.push(Failure::from(status)),
                }
            }
        }
    }
    Ok(found)
}

/// The key of an object of `kind`: the namespace counts only where the kind has one.
pub fn key(kind: Kind, namespace: &str, name: &str) -> ObjectKey {
    ObjectKey::scoped(kind, namespace, name)
}

/// Reads one object.
///
/// # Errors
/// The server's refusal.
pub fn read(shell: &mut Shell<'_>, key: &ObjectKey) -> Result<Object, Status> {
    warn(shell, key.kind);
    object(shell.api, Operation::Get(key.clone()), shell.now)
}

/// Reads the objects of a kind.
///
/// # Errors
/// The server's refusal.
pub fn list(shell: &mut Shell<'_>, kind: Kind, scope: &Scope) -> Result<Vec<Object>, Failure> {
    warn(shell, kind);
    let namespace = scope.namespace.clone().filter(|_| kind.is_namespaced());
    let list = Operation::List {
        kind,
        namespace,
        labels: scope.labels.clone(),
        fields: scope.fields.clone(),
    };
    let answer = shell.api.handle(Request::by_user(list), shell.now);
    match answer {
        Ok(answer) => Ok(answer.items()),
        Err(status) if status.reason == Reason::BadRequest => {
            // As the client library words what a list was asked for.
            let row = kind.row();
            let what = format!("{}/{}, Resource={}", row.group, row.version, row.plural);
            let (labels, fields) = (&scope.labels, fields_text(&scope.fields));
            let message = format!(
                "Unable to find \"{what}\" that match label selector \"{labels}\", field selector \"{fields}\": {}",
                status.message
            );
            Err(Failure::Server(Status { message, ..status }))
        }
        Err(status) => Err(Failure::from(status)),
    }
}

fn fields_text(fields: &FieldSelector) -> String {
    let texts = fields.requirements.iter().map(|(field, value, equal)| {
        let sign = if *equal { "=" } else { "!=" };
        format!("{field}{sign}{value}")
    });
    texts.collect::<Vec<_>>().join(",")
}

/// Prints what the server says of a kind that is on its way out.
pub fn warn(shell: &mut Shell<'_>, kind: Kind) {
    if kind == Kind::Endpoints {
        shell.out.warn(ENDPOINTS_WARNING);
    }
}

/// Prints the same of a new object that nothing acts on.
pub fn warn_of_new(shell: &mut Shell<'_>, object: &Object) {
    warn(shell, object.kind());
    if let Some(warning) = inert::warning_of(object) {
        shell.out.warn(warning);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Named, Failure> {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        Named::parse(&args, Kinds::of_table())
    }

    #[test]
    fn kinds_have_many_names() {
        for word in [
            "deployments",
            "deployment",
            "deploy",
            "Deployment",
            "deployments.apps",
            "deploy.v1.apps",
        ] {
            assert_eq!(
                kind_of(word, Kinds::of_table()),
                Ok(Kind::Deployment),
                "{word}"
            );
        }
        assert_eq!(kind_of("pods.v1", Kinds::of_table()), Ok(Kind::Pod));
        for word in ["foo", "deployments.batch", ""] {
            let message = format!("the server doesn't have a resource type \"{word}\"");
            assert_eq!(
                kind_of(word, Kinds::of_table()),
                Err(Failure::Client(message))
            );
        }
    }

    #[test]
    fn arguments_name_kinds_or_objects() {
        let pod = |name: &str| (Kind::Pod, name.to_owned());
        assert_eq!(
            parse(&["po,svc"]),
            Ok(Named::Kinds(vec![Kind::Pod, Kind::Service]))
        );
        assert_eq!(parse(&["all"]), Ok(Named::Kinds(ALL.to_vec())));
        assert_eq!(
            parse(&["pod", "a", "b"]),
            Ok(Named::Objects(vec![pod("a"), pod("b")]))
        );
        let both = Named::Objects(vec![pod("a"), (Kind::Service, "b".to_owned())]);
        assert_eq!(parse(&["pod/a", "svc/b"]), Ok(both));
        for wrong in [["pod", "pod/a"], ["pod/a/b", ""], ["pod/", ""]] {
            assert!(parse(&wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn field_selectors_are_read() {
        let read = field_selector("a=b,c!=d,e==f").expect("a good one");
        let texts: Vec<_> = read
            .requirements
            .iter()
            .map(|(f, v, e)| (f.as_str(), v.as_str(), *e))
            .collect();
        assert_eq!(
            texts,
            [("a", "b", true), ("c", "d", false), ("e", "f", true)]
        );
        assert!(field_selector("a").is_err());
    }
}
