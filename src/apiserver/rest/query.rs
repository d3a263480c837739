//! What the query of a request's URL asks for.
//!
//! Upstream: staging/src/k8s.io/apimachinery/pkg/apis/meta/internalversion/validation/validation.go,
//! staging/src/k8s.io/apimachinery/pkg/fields/selector.go and
//! staging/src/k8s.io/apimachinery/pkg/runtime/converter.go, v1.36.

use crate::api::field::{FieldError, Path};
use crate::api::selector::Selector;
use crate::api::{Kind, Status};
use crate::apiserver::path::percent_decoded;
use crate::apiserver::version::Version;
use crate::apiserver::{FieldSelector, registry};

/// The most parameters that a query may have.
const PARAMETERS_MAX: usize = 100;

/// A URL's query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the part of a URL after its `?`.
    ///
    /// # Errors
    /// `BadRequest` where it is malformed or too long.
    pub fn parse(text: &str) -> Result<Self, Status> {
        let parts: Vec<&str> = text.split('&').filter(|part| !part.is_empty()).collect();
        if parts.len() > PARAMETERS_MAX {
            let message = format!("more than {PARAMETERS_MAX} query parameters");
            return Err(Status::bad_request(message));
        }
        let decode = |text: &str| {
            let spaced = text.replace('+', " ");
            percent_decoded(&spaced)
                .ok_or_else(|| Status::bad_request(format!("invalid URL escape {text:?}")))
        };
        let pair = |part: &&str| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            Ok((decode(name)?, decode(value)?))
        };
        parts.iter().map(pair).collect::<Result<_, _>>().map(Self)
    }

    /// The value of parameter `name`; empty where it is not given.
    pub fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    /// Every value of parameter `name`.
    pub fn all(&self, name: &str) -> Vec<String> {
        let found = self.0.iter().filter(|(known, _)| known == name);
        found.map(|(_, value)| value.clone()).collect()
    }

    /// Whether parameter `name` is given and neither `0` nor `false`.
    pub fn is_set(&self, name: &str) -> bool {
        self.0
            .iter()
            .any(|(known, value)| known == name && !matches!(value.as_str(), "0" | "false"))
    }

    /// The number that parameter `name` is; `None` where it is not given.
    ///
    /// # Errors
    /// `BadRequest` in Go's words.
    pub fn number(&self, name: &str) -> Result<Option<i64>, Status> {
        match self.get(name) {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| {
                Status::bad_request(format!(
                    "strconv.ParseInt: parsing {text:?}: invalid syntax"
                ))
            }),
        }
    }

    /// Whether the request is to be carried out without storing anything. `options` names what
    /// the parameters are: `CreateOptions`, …
    ///
    /// # Errors
    /// `Invalid` for anything but `All`.
    pub fn dry_run(&self, options: &str) -> Result<bool, Status> {
        match self.get("dryRun") {
            "" => Ok(false),
            "All" => Ok(true),
            other => {
                let error = FieldError::not_supported(&Path::new("dryRun"), other, &["All"]);
                Err(Status::invalid_as("meta.k8s.io", options, "", &[error]))
            }
        }
    }
}

/// What is to be listed or watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListOptions {
    /// Only objects with these labels.
    pub labels: Selector,
    /// Only objects with these field values.
    pub fields: FieldSelector,
    /// The most objects on a page; 0 for all.
    pub limit: u64,
    /// Where the page before this one ended.
    pub continue_token: String,
    /// `resourceVersion`; empty where not given.
    pub revision: String,
    /// Whether `revision` is meant exactly.
    pub exact: bool,
    /// Watch instead.
    pub watch: bool,
    /// A watch sends bookmarks.
    pub bookmarks: bool,
    /// A watch begins with what is there, and says when that is done.
    pub initial_events: bool,
    /// How long a watch lasts, in seconds.
    pub timeout_seconds: Option<u64>,
}

impl ListOptions {
    /// Reads the options of a list or a watch of `kind`.
    ///
    /// # Errors
    /// `BadRequest` or `Invalid` in upstream's words.
    pub fn read(query: &Query, kind: Kind, watch: bool) -> Result<Self, Status> {
        Self::read_in(query, kind, None, watch)
    }

    /// The same, of a kind in another version than the stored one.
    ///
    /// # Errors
    /// As [`ListOptions::read`].
    pub fn read_in(
        query: &Query,
        kind: Kind,
        version: Option<&Version>,
        watch: bool,
    ) -> Result<Self, Status> {
        let watch = watch || query.is_set("watch");
        let errors = validate(query, watch);
        if !errors.is_empty() {
            return Err(Status::invalid_as(
                "meta.k8s.io",
                "ListOptions",
                "",
                &errors,
            ));
        }
        let labels = Selector::parse(query.get("labelSelector"))
            .map_err(|why| Status::bad_request(format!("unable to parse requirement: {why}")))?;
        let revision = query.get("resourceVersion").to_owned();
        if !revision.is_empty() && revision.parse::<u64>().is_err() {
            return Err(invalid_revision(&revision));
        }
        let positive = |number: Option<i64>| number.and_then(|n| u64::try_from(n).ok());
        Ok(Self {
            labels,
            fields: field_selector(query.get("fieldSelector"), kind, version)?,
            limit: positive(query.number("limit")?).unwrap_or(0),
            continue_token: query.get("continue").to_owned(),
            revision,
            exact: query.get("resourceVersionMatch") == "Exact",
            watch,
            bookmarks: query.is_set("allowWatchBookmarks"),
            initial_events: query.is_set("sendInitialEvents"),
            timeout_seconds: positive(query.number("timeoutSeconds")?),
        })
    }
}

fn invalid_revision(revision: &str) -> Status {
    let detail = format!("strconv.ParseUint: parsing {revision:?}: invalid syntax");
    let error = FieldError::invalid(&Path::new("resourceVersion"), revision, detail);
    Status::invalid_as("", "", "", &[error])
}

fn validate(query: &Query, watch: bool) -> Vec<FieldError> {
    let path = Path::new("resourceVersionMatch");
    let wanted = query.get("resourceVersionMatch");
    let initial = !query.get("sendInitialEvents").is_empty();
    let mut errors = Vec::new();
    let mut forbid = |path: &Path, detail: &str| errors.push(FieldError::forbidden(path, detail));
    if initial && !watch {
        let path = Path::new("sendInitialEvents");
        forbid(&path, "sendInitialEvents is forbidden for list");
    }
    if initial && watch && wanted != "NotOlderThan" {
        forbid(
            &path,
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        );
    }
    if wanted.is_empty() {
        return errors;
    }
    if watch && !initial {
        forbid(
            &path,
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        );
    }
    let revision = query.get("resourceVersion");
    if !watch && revision.is_empty() {
        forbid(
            &path,
            "resourceVersionMatch is forbidden unless resourceVersion is provided",
        );
    }
    if !query.get("continue").is_empty() {
        forbid(
            &path,
            "resourceVersionMatch is forbidden when continue is provided",
        );
    }
    if !watch && wanted == "Exact" && revision == "0" {
        forbid(
            &path,
            "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
        );
    }
    let supported: &[&str] = match watch {
        true => &["NotOlderThan"],
        false => &["Exact", "NotOlderThan", ""],
    };
    if !supported.contains(&wanted) {
        errors.push(FieldError::not_supported(&path, wanted, supported));
    }
    errors
}

/// Reads `a=b,c!=d` for objects of `kind`.
fn field_selector(
    text: &str,
    kind: Kind,
    version: Option<&Version>,
) -> Result<FieldSelector, Status> {
    let mut selector = FieldSelector::default();
    for term in terms(text) {
        let parts = [("!=", false), ("==", true), ("=", true)]
            .iter()
            .find_map(|(sign, equal)| term.split_once(sign).map(|(l, r)| (l, r, *equal)));
        let Some((field, value, equal)) = parts else {
            let message = format!("invalid selector: '{text}'; can't understand '{term}'");
            return Err(Status::bad_request(message));
        };
        let field = version.map_or(field, |version| version.stored_label(field));
        registry::check_field(kind, field)?;
        let requirement = (field.to_owned(), unescaped(value), equal);
        selector.requirements.push(requirement);
    }
    Ok(selector)
}

/// The terms between the commas; a comma after a backslash belongs to its term.
fn terms(text: &str) -> Vec<&str> {
    let (mut found, mut start, mut escaped) = (Vec::new(), 0, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' => {
                found.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(&text[start..]);
    found.retain(|term| !term.is_empty());
    found
}

fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ListOptions, String> {
        let query = Query::parse(text).map_err(|status| status.message)?;
        ListOptions::read(&query, Kind::Pod, false).map_err(|status| status.message)
    }

    #[test]
    fn options_are_read() {
        let options = read("labelSelector=app%3Dweb&limit=500&fieldSelector=spec.nodeName%21%3Da");
        let options = options.unwrap();
        assert_eq!(options.limit, 500);
        let want = ("spec.nodeName".to_owned(), "a".to_owned(), false);
        assert_eq!(options.fields.requirements, [want]);
        assert_eq!(options.labels.to_string(), "app=web");
        assert!(read("watch=1").unwrap().watch);
        assert!(!read("watch=false").unwrap().watch);
    }

    #[test]
    fn mistakes_are_told_in_upstreams_words() {
        for (text, want) in [
            ("limit=x", "strconv.ParseInt: parsing \"x\": invalid syntax"),
            ("fieldSelector=a=b", "field label not supported: a"),
            (
                "fieldSelector=a",
                "invalid selector: 'a'; can't understand 'a'",
            ),
            (
                "sendInitialEvents=true",
                "ListOptions.meta.k8s.io \"\" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list",
            ),
            (
                "watch=1&sendInitialEvents=true",
                "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
            ),
            (
                "resourceVersionMatch=Exact",
                "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided",
            ),
            ("a=%z", "invalid URL escape \"%z\""),
        ] {
            assert_eq!(read(text).unwrap_err(), want, "{text}");
        }
    }

    #[test]
    fn a_dry_run_is_all_or_nothing() {
        let query = |text: &str| Query::parse(text).unwrap();
        assert_eq!(query("dryRun=All").dry_run("CreateOptions"), Ok(true));
        let refused = query("dryRun=x").dry_run("CreateOptions").unwrap_err();
        assert_eq!(
            refused.message,
            "CreateOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: \"x\": supported values: \"All\""
        );
    }
}
