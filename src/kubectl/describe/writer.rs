//! What describers write with: indented lines whose columns are set at the end.

use crate::api::meta;
use crate::kubectl::output::tabs;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, Time};
use k8s_openapi::jiff::Timestamp;
use std::collections::BTreeMap;

/// The longest annotation that stands on one line.
const ANNOTATION_LIMIT: usize = 140;
/// Annotations that nobody wants to read.
const HIDDEN_ANNOTATIONS: &[&str] = &["kubectl.kubernetes.io/last-applied-configuration"];

/// Lines that are being written.
#[derive(Default)]
pub struct Writer {
    /// Lines whose columns are set.
    done: String,
    lines: String,
}

impl Writer {
    /// Writes a line, indented by `level`.
    pub fn line(&mut self, level: usize, text: &str) {
        self.lines.push_str(&"  ".repeat(level));
        self.lines.push_str(text);
        self.lines.push('\n');
    }

    /// Writes `name:` and a value in the next column.
    pub fn field(&mut self, level: usize, name: &str, value: impl std::fmt::Display) {
        self.line(level, &format!("{name}:\t{value}"));
    }

    /// The columns of what follows have nothing to do with those before.
    pub fn flush(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        self.done.push_str(&tabs::align(&lines, tabs::DESCRIBE));
    }

    /// Everything, with its columns set.
    pub fn finish(mut self) -> String {
        self.flush();
        self.done
    }

    /// Everything, with its tabs.
    pub fn raw(self) -> String {
        self.lines
    }

    /// Writes labels, one a line, below one another.
    pub fn labels(&mut self, title: &str, labels: Option<&BTreeMap<String, String>>) {
        let labels = labels.into_iter().flatten();
        self.list(title, labels.map(|(key, value)| format!("{key}={value}")));
    }

    /// Writes texts, one a line, below one another; `<none>` where there are none.
    pub fn list(&mut self, title: &str, texts: impl IntoIterator<Item = String>) {
        let mut first = true;
        for text in texts {
            let head = match std::mem::take(&mut first) {
                true => format!("{title}:"),
                false => String::new(),
            };
            self.line(0, &format!("{head}\t{text}"));
        }
        if first {
            self.line(0, &format!("{title}:\t<none>"));
        }
    }

    /// Writes annotations; long ones and those of several lines below their key.
    pub fn annotations(&mut self, title: &str, annotations: Option<&BTreeMap<String, String>>) {
        let shown = annotations.into_iter().flatten();
        let shown = shown.filter(|(key, _)| !HIDDEN_ANNOTATIONS.contains(&key.as_str()));
        let mut first = true;
        for (key, value) in shown {
            let head = match std::mem::take(&mut first) {
                true => format!("{title}:"),
                false => String::new(),
            };
            let value = value.strip_suffix('\n').unwrap_or(value);
            let long = value.len() + key.len() + 2 > ANNOTATION_LIMIT || value.contains('\n');
            if !long {
                self.line(0, &format!("{head}\t{key}: {value}"));
                continue;
            }
            self.line(0, &format!("{head}\t{key}:"));
            for part in value.split('\n') {
                self.line(0, &format!("\t  {}", shorten(part)));
            }
        }
        if first {
            self.line(0, &format!("{title}:\t<none>"));
        }
    }
}

fn shorten(text: &str) -> String {
    let limit = ANNOTATION_LIMIT - 2;
    match text.char_indices().nth(limit) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}

/// A moment as describers write it: `Thu, 01 Jan 2026 00:00:00 +0000`.
pub fn date(time: Option<&Time>) -> String {
    time.map_or(ZERO.to_owned(), |time| written(time.0))
}

/// A moment with microseconds, which are left out.
pub fn date_micro(time: Option<&MicroTime>) -> String {
    time.map_or("<unset>".to_owned(), |time| written(time.0))
}

fn written(at: Timestamp) -> String {
    let (at, day, month) = meta::calendar(at);
    let (date, year) = (at.day(), at.year());
    let (hour, minute, second) = (at.hour(), at.minute(), at.second());
    format!("{day}, {date:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} +0000")
}

const ZERO: &str = "Mon, 01 Jan 0001 00:00:00 +0000";

/// `True` or `False`.
pub fn bool_word(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::meta;
    use crate::sim::SimTime;

    #[test]
    fn labels_and_annotations_stand_below_one_another() {
        let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            let pairs = pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
            pairs.collect()
        };
        let mut w = Writer::default();
        w.field(0, "Name", "x");
        w.labels("Labels", Some(&map(&[("a", "1"), ("b", "2")])));
        w.labels("Selector", None);
        let long = format!("{}\nsecond", "y".repeat(200));
        let annotations = map(&[("k", "v"), ("long", &long), (HIDDEN_ANNOTATIONS[0], "{}")]);
        w.annotations("Annotations", Some(&annotations));
        let want = format!(
            "Name:         x\nLabels:       a=1\n              b=2\nSelector:     <none>\nAnnotations:  k: v\n              long:\n                {}...\n                second\n",
            "y".repeat(138)
        );
        assert_eq!(w.finish(), want);
    }

    #[test]
    fn dates_are_written_in_full() {
        let time = meta::time(SimTime::from_secs(1_767_225_605));
        assert_eq!(date(Some(&time)), "Thu, 01 Jan 2026 00:00:05 +0000");
    }
}
