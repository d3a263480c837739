//! Short ways to read and write metadata and times.

use super::{ApiType, NamespacedName};
use crate::sim::SimTime;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta, Time};
use k8s_openapi::jiff::Timestamp;
use k8s_openapi::jiff::civil::DateTime;
use k8s_openapi::jiff::tz::Offset;
use std::collections::BTreeMap;

/// Reads that every object offers without `Option`s in the way.
pub trait MetaExt {
    /// The metadata.
    fn object_meta(&self) -> &ObjectMeta;

    /// The name; empty when none was given yet.
    fn name(&self) -> &str {
        self.object_meta().name.as_deref().unwrap_or_default()
    }

    /// The namespace; empty for kinds of cluster scope.
    fn namespace(&self) -> &str {
        self.object_meta().namespace.as_deref().unwrap_or_default()
    }

    /// The unique id; empty before the API server gave one.
    fn uid(&self) -> &str {
        self.object_meta().uid.as_deref().unwrap_or_default()
    }

    /// Namespace and name.
    fn namespaced_name(&self) -> NamespacedName {
        NamespacedName::new(self.namespace(), self.name())
    }

    /// The value of label `key`.
    fn label(&self, key: &str) -> Option<&str> {
        self.object_meta()
            .labels
            .as_ref()?
            .get(key)
            .map(String::as_str)
    }

    /// The value of annotation `key`.
    fn annotation(&self, key: &str) -> Option<&str> {
        self.object_meta()
            .annotations
            .as_ref()?
            .get(key)
            .map(String::as_str)
    }

    /// The store revision of this version of the object; 0 before it was stored.
    fn revision(&self) -> u64 {
        let version = self.object_meta().resource_version.as_deref();
        version.and_then(|v| v.parse().ok()).unwrap_or(0)
    }

    /// Whether deletion was asked for and has not finished.
    fn is_terminating(&self) -> bool {
        self.object_meta().deletion_timestamp.is_some()
    }

    /// When the API server created it.
    fn created_at(&self) -> SimTime {
        self.object_meta()
            .creation_timestamp
            .as_ref()
            .map(to_sim)
            .unwrap_or_default()
    }
}

impl<K: ApiType> MetaExt for K {
    fn object_meta(&self) -> &ObjectMeta {
        self.metadata()
    }
}

impl MetaExt for super::Object {
    fn object_meta(&self) -> &ObjectMeta {
        self.meta()
    }
}

/// Which object it is, and which version of it: as much metadata as an update of a status needs, for
/// which the API server keeps the rest as it has it.
pub fn identity(meta: &ObjectMeta) -> ObjectMeta {
    ObjectMeta {
        namespace: meta.namespace.clone(),
        name: meta.name.clone(),
        uid: meta.uid.clone(),
        resource_version: meta.resource_version.clone(),
        ..ObjectMeta::default()
    }
}

/// The labels as a map; empty where there are none.
pub fn labels(meta: &ObjectMeta) -> &BTreeMap<String, String> {
    static NONE: BTreeMap<String, String> = BTreeMap::new();
    meta.labels.as_ref().unwrap_or(&NONE)
}

fn timestamp(at: SimTime) -> Timestamp {
    let micros = i64::try_from(at.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
}

/// `at` as an API time: whole seconds, as upstream stores them.
pub fn time(at: SimTime) -> Time {
    Time(timestamp(SimTime::from_secs(at.as_secs())))
}

/// `at` as an API time with microseconds.
pub fn micro_time(at: SimTime) -> MicroTime {
    MicroTime(timestamp(at))
}

/// An API time as simulated time; the epoch when it is before it.
pub fn to_sim(time: &Time) -> SimTime {
    SimTime::from_micros(u64::try_from(time.0.as_microsecond()).unwrap_or(0))
}

/// An API time with microseconds as simulated time.
pub fn micro_to_sim(time: &MicroTime) -> SimTime {
    SimTime::from_micros(u64::try_from(time.0.as_microsecond()).unwrap_or(0))
}

/// The moment that a text in RFC 3339 names; `None` where it names none after the epoch.
pub fn parse_rfc3339(text: &str) -> Option<SimTime> {
    let at: Timestamp = text.parse().ok()?;
    u64::try_from(at.as_microsecond())
        .ok()
        .map(SimTime::from_micros)
}

/// The date and time of `at` in UTC, and what its day and its month are called: `Thu`, `Jan`. The
/// library's own words for them come with all the formats it knows, which would weigh on the page.
pub fn calendar(at: Timestamp) -> (DateTime, &'static str, &'static str) {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let date = Offset::UTC.to_datetime(at);
    let nth = |names: &'static [&str], nth: i8| {
        let name = usize::try_from(nth).ok().and_then(|nth| names.get(nth));
        name.copied().unwrap_or_default()
    };
    let day = date.weekday().to_monday_zero_offset();
    (date, nth(&DAYS, day), nth(&MONTHS, date.month() - 1))
}

/// `at` in RFC 3339, whole seconds: `2026-01-01T00:00:00Z`.
pub fn rfc3339(at: SimTime) -> String {
    timestamp(SimTime::from_secs(at.as_secs())).to_string()
}
