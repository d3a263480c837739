//! Request bodies: JSON or YAML, decoded as strictly as the request asks.
//!
//! Upstream: staging/src/k8s.io/apiserver/pkg/endpoints/handlers/{create,rest}.go, v1.36.

use super::{HttpRequest, Query};
use crate::api::codec::parse_json;
use crate::api::decode;
use crate::api::field::{FieldError, Path};
use crate::api::schema::schema;
use crate::api::{Kind, KindRow, Object, Reason, Status, manifest};
use crate::apiserver::custom::Kinds;
use crate::apiserver::version::Version;
use serde_json::Value;

/// What becomes of unknown and repeated fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Directive {
    /// They refuse the request.
    Strict,
    /// They are dropped, and the client is warned.
    Warn,
    /// They are dropped.
    Ignore,
}

impl Directive {
    /// What the query's `fieldValidation` asks for. `options` names what the parameters are.
    pub fn read(query: &Query, options: &str) -> Result<Self, Status> {
        match query.get("fieldValidation") {
            "" | "Warn" => Ok(Self::Warn),
            "Strict" => Ok(Self::Strict),
            "Ignore" => Ok(Self::Ignore),
            other => {
                let path = Path::new("fieldValidation");
                let supported = ["", "Ignore", "Strict", "Warn"];
                let error = FieldError::not_supported(&path, other, &supported);
                Err(Status::invalid_as("meta.k8s.io", options, "", &[error]))
            }
        }
    }

    /// Refuses or warns for `sentences`.
    ///
    /// # Errors
    /// What `refuse` makes of the strict decoder's error.
    pub fn judge(
        self,
        sentences: Vec<String>,
        refuse: impl FnOnce(&str) -> Status,
    ) -> Result<Vec<String>, Status> {
        match (self, decode::strict_error(&sentences)) {
            (_, None) | (Self::Ignore, _) => Ok(Vec::new()),
            (Self::Warn, Some(_)) => Ok(sentences),
            (Self::Strict, Some(why)) => Err(refuse(&why)),
        }
    }
}

/// A body as JSON, with a sentence for every field that stands twice.
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    pub value: Value,
    pub twice: Vec<String>,
}

/// The body of a request, whatever its media type.
pub fn read(request: &HttpRequest) -> Result<Body, Status> {
    let media = request.content_type.split(';').next().unwrap_or("");
    match media.trim() {
        "" | "application/json" => json(&request.body),
        "application/yaml" => yaml(&request.body),
        other => Err(unsupported(
            other,
            &["application/json", "application/yaml"],
        )),
    }
}

/// The refusal of a media type.
pub fn unsupported(found: &str, supported: &[&str]) -> Status {
    let message = format!(
        "the body of the request was in an unknown format - accepted media types include: {}",
        supported.join(", ")
    );
    let _ = found;
    Status::plain(Reason::UnsupportedMediaType, message)
}

pub fn json(text: &str) -> Result<Body, Status> {
    let parsed = parse_json(text).map_err(Status::bad_request)?;
    Ok(Body {
        twice: parsed.warnings(),
        value: parsed.value,
    })
}

/// One YAML document; JSON is YAML too.
pub fn yaml(text: &str) -> Result<Body, Status> {
    if text.trim_start().starts_with('{')
        && let Ok(body) = json(text)
    {
        return Ok(body);
    }
    let refuse = |why: String| Status::bad_request(format!("error decoding YAML: {why}"));
    let mut documents = manifest::parse(text).map_err(|error| refuse(error.message))?;
    match documents.len() {
        1 => Ok(Body {
            value: documents.remove(0).value,
            twice: Vec::new(),
        }),
        count => Err(refuse(format!("it holds {count} objects, not one"))),
    }
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// Refuses a body of another kind than `name` in `version`. What is not said is taken to be right.
pub fn check_kind(value: &Value, version: &str, name: &str) -> Result<(), Status> {
    let (found_version, found_kind) = (text(value, "apiVersion"), text(value, "kind"));
    if found_kind.is_empty() && found_version.is_empty() {
        return Ok(());
    }
    if !found_version.is_empty() && found_version != version {
        return Err(Status::bad_request(format!(
            "the API version in the data ({found_version}) does not match the expected API version ({version})"
        )));
    }
    if !found_kind.is_empty() && found_kind != name {
        let own = version.rsplit('/').next().unwrap_or_default();
        return Err(Status::bad_request(format!(
            "{found_kind} in version {own:?} cannot be handled as a {name}: converting ({own}.{found_kind}) to ({own}.{name}): unknown conversion"
        )));
    }
    Ok(())
}

/// An object that was decoded, and what its author is to be warned of.
pub struct Decoded {
    pub object: Object,
    pub warnings: Vec<String>,
}

/// Decodes the body of a request to create what `row` names and what is never stored. Answers it, and
/// what its author is to be warned of.
///
/// # Errors
/// It is no such thing, or the request's options are wrong.
pub fn decode_unstored(
    request: &HttpRequest,
    query: &Query,
    row: &KindRow,
) -> Result<(Value, Vec<String>), Status> {
    let directive = Directive::read(query, "CreateOptions")?;
    query.dry_run("CreateOptions")?;
    let body = read(request)?;
    if !body.value.is_object() {
        return Err(Status::bad_request(decode::not_an_object(&body.value)));
    }
    let (version, kind) = (row.version, row.kind);
    let api_version = format!("{}/{version}", row.group);
    check_kind(&body.value, &api_version, kind)?;
    let definition = schema().root(row.group, version, kind);
    let definition = definition.expect("invariant: the field table has all that is never stored");
    let cannot = |why: &str| Status::bad_request(decode::cannot_be_handled(version, kind, why));
    let decoded = decode::decode(definition, body.value).map_err(|error| cannot(&error.message))?;
    let sentences = body.twice.into_iter().chain(decoded.warnings()).collect();
    let warnings = directive.judge(sentences, |why| cannot(why))?;
    let mut value = decoded.value;
    value["apiVersion"] = api_version.into();
    value["kind"] = kind.into();
    Ok((value, warnings))
}

/// Decodes a body as an object of `kind`.
pub fn decode(
    body: Body,
    kind: Kind,
    version: Option<&Version>,
    directive: Directive,
    kinds: Kinds<'_>,
) -> Result<Decoded, Status> {
    if !body.value.is_object() {
        return Err(Status::bad_request(decode::not_an_object(&body.value)));
    }
    let row = version.map_or(kind.row(), |version| &version.row);
    let api_version = version.map_or_else(|| kind.api_version(), Version::api_version);
    check_kind(&body.value, &api_version, row.kind)?;
    let (object, unknown) = match version {
        Some(version) => version.decode(body.value)?,
        None => kinds.decode_noting(kind, body.value)?,
    };
    let sentences = body.twice.into_iter().chain(unknown).collect();
    let refuse =
        |why: &str| Status::bad_request(decode::cannot_be_handled(row.version, row.kind, why));
    let warnings = directive.judge(sentences, refuse)?;
    Ok(Decoded { object, warnings })
}
