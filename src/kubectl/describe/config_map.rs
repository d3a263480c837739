//! A ConfigMap in words.

use super::writer::Writer;
use crate::api::meta::MetaExt;
use k8s_openapi::api::core::v1::ConfigMap;

pub fn write(w: &mut Writer, map: &ConfigMap) {
    w.field(0, "Name", map.name());
    w.field(0, "Namespace", map.namespace());
    w.labels("Labels", map.metadata.labels.as_ref());
    w.annotations("Annotations", map.metadata.annotations.as_ref());
    w.line(0, "\nData\n====");
    for (key, value) in map.data.iter().flatten() {
        w.line(0, &format!("{key}:\n----\n{value}\n"));
    }
    w.line(0, "\nBinaryData\n====");
    for (key, value) in map.binary_data.iter().flatten() {
        w.line(0, &format!("{key}: {} bytes", value.0.len()));
    }
    w.line(0, "");
}
