//! A Secret in words: how long its values are, not what they say.

use super::writer::Writer;
use crate::api::meta::MetaExt;
use k8s_openapi::api::core::v1::Secret;

/// The type whose token is shown.
const TOKEN: &str = "kubernetes.io/service-account-token";

pub fn write(w: &mut Writer, secret: &Secret) {
    let type_ = secret.type_.clone().unwrap_or_default();
    w.field(0, "Name", secret.name());
    w.field(0, "Namespace", secret.namespace());
    w.labels("Labels", secret.metadata.labels.as_ref());
    w.annotations("Annotations", secret.metadata.annotations.as_ref());
    w.line(0, &format!("\nType:\t{type_}"));
    w.line(0, "\nData\n====");
    for (key, value) in secret.data.iter().flatten() {
        match std::str::from_utf8(&value.0) {
            Ok(text) if key == "token" && type_ == TOKEN => w.line(0, &format!("{key}:\t{text}")),
            _ => w.line(0, &format!("{key}:\t{} bytes", value.0.len())),
        }
    }
}
