//! `kubectl get`.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/cmd/get/get.go, v1.36. Left out: `--raw`,
//! `--subresource`, `-f`, Go templates; `-w` shows tables and names alone.

use super::{Pending, Verb, component};
use crate::api::selector::Selector;
use crate::api::{Kind, Object, ObjectKey, Reason};
use crate::apiserver::{ApiHandle, FieldSelector, Operation, Request};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, OUTPUT, SELECT, Takes, flag, lettered};
use crate::kubectl::output::form::{self, Form};
use crate::kubectl::output::table::{self, Shown};
use crate::kubectl::output::{Output, tabs};
use crate::kubectl::resource::{self, Found, Named, Scope};
use crate::kubectl::shell::Shell;
use crate::sim::SimTime;
use serde::Serialize;

const FLAGS: &[Flag] = &[
    flag("show-labels", Takes::Switch),
    lettered("label-columns", 'L', Takes::Text),
    flag("sort-by", Takes::Text),
    flag("no-headers", Takes::Switch),
    flag("show-kind", Takes::Switch),
    flag("ignore-not-found", Takes::Switch),
    lettered("watch", 'w', Takes::Switch),
    flag("watch-only", Takes::Switch),
];

pub const VERB: Verb = Verb {
    name: "get",
    usage: "get (TYPE[,TYPE ...] [NAME ...] | TYPE/NAME ...) [-o wide|yaml|json|name|jsonpath=…|custom-columns=…]",
    about: "Show one object or many",
    flags: &[SELECT, OUTPUT, FLAGS],
    run,
};

fn run(shell: &mut Shell<'_>) -> Result<Option<Pending>, Failure> {
    if shell.words.args.is_empty() {
        shell.out.err("You must specify the type of resource to get. Use \"kubectl api-resources\" for a complete list of supported resources.\n\n");
        return Err(shell.usage("Required resource not specified.\nUse \"kubectl explain <resource>\" for a detailed description of that resource (e.g. kubectl explain pods)."));
    }
    if component::named(&shell.words.args) {
        return component::get(shell).map(|()| None);
    }
    let form = Form::parse(shell.words.text("output"))?;
    let named = Named::parse(&shell.words.args, shell.api.kinds())?;
    let scope = Scope::of(shell.words, shell.namespace)?;
    if shell.words.switch("watch") || shell.words.switch("watch-only") {
        return Watch::start(shell, &named, scope, &form).map(Some);
    }
    let mut found = resource::find(shell, &named, &scope)?;
    if let Some(path) = shell.words.text("sort-by") {
        for (_, objects) in &mut found.groups {
            form::sort(objects, path)?;
        }
    }
    let ignore = shell.words.switch("ignore-not-found");
    if ignore {
        found.failures.retain(|failure| {
            !matches!(failure, Failure::Server(status) if status.reason == Reason::NotFound)
        });
    }
    print(shell, &form, &found, &scope)?;
    let empty = found.groups.iter().all(|(_, objects)| objects.is_empty());
    if empty && !ignore && found.failures.is_empty() && matches!(form, Form::Table { .. }) {
        let namespaced = found.groups.iter().all(|(kind, _)| kind.is_namespaced());
        shell.out.err(match &scope.namespace {
            Some(namespace) if namespaced => {
                format!("No resources found in {namespace} namespace.\n")
            }
            _ => "No resources found\n".to_owned(),
        });
    }
    Failure::unless_empty(found.failures).map(|()| None)
}

fn print(shell: &mut Shell<'_>, form: &Form, found: &Found, scope: &Scope) -> Result<(), Failure> {
    let Form::Table { wide } = form else {
        let objects = found.objects();
        if found.single && objects.is_empty() {
            return Ok(());
        }
        let no_headers = shell.words.switch("no-headers");
        let text = form.text(&objects, found.single, no_headers)?;
        shell.out.out(text);
        return Ok(());
    };
    let mut printed = false;
    for (kind, objects) in &found.groups {
        if objects.is_empty() {
            continue;
        }
        if printed && !shell.words.switch("no-headers") {
            shell.out.out("\n");
        }
        printed = true;
        let several = found.groups.len() > 1;
        let shown = shown(shell, *wide, *kind, scope, several);
        let text = table::text(*kind, objects, &shown, shell.now);
        shell.out.out(text);
    }
    Ok(())
}

fn shown(shell: &Shell<'_>, wide: bool, kind: Kind, scope: &Scope, several: bool) -> Shown {
    let labels = shell.words.texts("label-columns");
    Shown {
        wide,
        no_headers: shell.words.switch("no-headers"),
        namespace: scope.namespace.is_none() && kind.is_namespaced(),
        kind: several || shell.words.switch("show-kind"),
        labels: shell.words.switch("show-labels"),
        label_columns: labels.into_iter().map(str::to_owned).collect(),
    }
}

/// Objects of one kind that are printed again whenever they change.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Watch {
    kind: Kind,
    /// Only this object.
    name: Option<String>,
    namespace: Option<String>,
    labels: Selector,
    fields: Vec<(String, String, bool)>,
    shown: Shown,
    names_only: bool,
    known: Vec<Object>,
    /// How wide the columns have been up to now.
    widths: Vec<usize>,
}

impl Watch {
    fn start(
        shell: &mut Shell<'_>,
        named: &Named,
        scope: Scope,
        form: &Form,
    ) -> Result<Pending, Failure> {
        let (kind, name) = match named {
            Named::Kinds(kinds) if kinds.len() == 1 => (kinds[0], None),
            Named::Objects(objects) if objects.len() == 1 => {
                (objects[0].0, Some(objects[0].1.clone()))
            }
            _ => {
                return Err(Failure::client(
                    "you may only specify a single resource type",
                ));
            }
        };
        let (wide, names_only) = match form {
            Form::Table { wide } => (*wide, false),
            Form::Name => (false, true),
            _ => {
                return Err(Failure::client(
                    "Kubarium watches in tables and by name alone yet: leave out -o, or use -o wide or -o name",
                ));
            }
        };
        if name.is_some() {
            let found = resource::find(shell, named, &scope)?;
            Failure::unless_empty(found.failures)?;
        }
        let mut watch = Self {
            kind,
            name,
            shown: shown(shell, wide, kind, &scope, false),
            namespace: scope.namespace.filter(|_| kind.is_namespaced()),
            labels: scope.labels,
            fields: scope.fields.requirements,
            names_only,
            known: Vec::new(),
            widths: Vec::new(),
        };
        resource::warn(shell, kind);
        let objects = watch.list(shell.api, shell.now)?;
        match shell.words.switch("watch-only") {
            true => watch.known = objects,
            false => watch.note(objects, shell.now, shell.out),
        }
        Ok(Pending::Objects(Box::new(watch)))
    }

    fn list(&self, api: &mut dyn ApiHandle, now: SimTime) -> Result<Vec<Object>, Failure> {
        let list = Operation::List {
            kind: self.kind,
            namespace: self.namespace.clone(),
            labels: self.labels.clone(),
            fields: FieldSelector {
                requirements: self.fields.clone(),
            },
        };
        let mut objects = api.handle(Request::by_user(list), now)?.items();
        objects.retain(|object| self.name.is_none() || object.meta().name == self.name);
        Ok(objects)
    }

    pub(super) fn resume(
        &mut self,
        api: &mut dyn ApiHandle,
        now: SimTime,
        out: &mut Output,
    ) -> Result<bool, Failure> {
        // A server that does not answer now is asked again.
        if let Ok(objects) = self.list(api, now) {
            self.note(objects, now, out);
        }
        Ok(true)
    }

    /// Prints what is new, what changed, and what is gone, as it last was.
    fn note(&mut self, objects: Vec<Object>, now: SimTime, out: &mut Output) {
        let version = |object: &Object| (object.key(), object.meta().resource_version.clone());
        let known: Vec<_> = self.known.iter().map(version).collect();
        let keys: Vec<ObjectKey> = objects.iter().map(Object::key).collect();
        let gone = self.known.iter().filter(|old| !keys.contains(&old.key()));
        let fresh = objects.iter().filter(|new| !known.contains(&version(new)));
        let rows: Vec<Object> = gone.chain(fresh).cloned().collect();
        self.known = objects;
        if rows.is_empty() {
            return;
        }
        if self.names_only {
            let names = rows
                .iter()
                .map(|row| super::super::printed_name(&row.key()));
            out.out(names.map(|name| format!("{name}\n")).collect::<String>());
            return;
        }
        let lines = table::lines(self.kind, &rows, &self.shown, now);
        out.out(tabs::align_on(&lines, tabs::GET, &mut self.widths));
        self.shown.no_headers = true;
    }
}
