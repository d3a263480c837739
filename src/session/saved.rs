//! What is saved of a session, and how older formats are read.
//!
//! Format 1 was `{v, config, tape, t}`: the tape alone. Format 2 adds which build wrote it, how much
//! a replay takes and where it must end, the backup that the tape starts from, and one of the
//! present, from which any build can go on.

use super::records;
use crate::api::codec;
use crate::cluster::{AGE_LIMIT, Backup, ClusterConfig};
use crate::protocol::UserCommand;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// The version of [`Saved`] that this build writes.
pub const SAVED_VERSION: u32 = 2;
/// The most commands a tape holds.
pub const TAPE_LIMIT: u32 = 10_000;
/// The longest text that is read.
pub const TEXT_LIMIT: u32 = crate::protocol::FILE_LIMIT;
/// What this build does, as one number: the digest of a fixed run.
pub const BUILD: &str = include_str!("../../tests/digest.txt").trim_ascii();

/// A command and when it was given, in microseconds since its session began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TapeEntry {
    /// The moment.
    #[serde(rename = "t")]
    pub at: u64,
    /// The command.
    #[serde(rename = "c")]
    pub command: UserCommand,
}

/// A backup of a moment of a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latest {
    /// How many commands of the tape came before it.
    pub position: u32,
    /// The backup.
    pub backup: Arc<Backup>,
}

/// What is saved of a session: enough to make it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    /// The format's version.
    #[serde(rename = "v")]
    pub version: u32,
    /// Which build wrote it: [`BUILD`].
    #[serde(default)]
    pub build: String,
    /// What decided the cluster.
    pub config: ClusterConfig,
    /// The backup that the tape starts from; `None`: it starts with the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Arc<Backup>>,
    /// The commands given.
    pub tape: Vec<TapeEntry>,
    /// How long the session has run, in microseconds.
    #[serde(rename = "t")]
    pub elapsed: u64,
    /// How many events a replay takes; 0 where nobody counted them.
    #[serde(rename = "e", default)]
    pub events: u64,
    /// `Cluster::mark` at the end.
    #[serde(rename = "m", default)]
    pub mark: Option<u64>,
    /// A backup of the end, or of a moment not long before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<Latest>,
}

impl Saved {
    /// A session that goes on from `backup`, and nothing else.
    pub fn of_backup(backup: Arc<Backup>) -> Self {
        Self {
            version: SAVED_VERSION,
            build: BUILD.to_owned(),
            config: backup.config().clone(),
            base: Some(backup),
            tape: Vec::new(),
            elapsed: 0,
            events: 0,
            mark: None,
            backup: None,
        }
    }

    /// Reads a file or what an older build saved.
    ///
    /// # Errors
    /// What is wrong with it, for a person.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > TEXT_LIMIT as usize {
            return Err(format!("it is over {TEXT_LIMIT} bytes"));
        }
        let value: Value =
            serde_json::from_str(text).map_err(|error| format!("it is no JSON ({error})"))?;
        match records::of_value(&value) {
            Some(records) => match records::read(&records)? {
                Some((saved, _)) => Ok(saved),
                None => Err("it holds no cluster".to_owned()),
            },
            None => Self::of_value(value),
        }
    }

    /// Reads what format 1 saved.
    ///
    /// # Errors
    /// What is wrong with it, for a person.
    pub fn parse_format_1(text: &str) -> Result<Self, String> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| format!("it is no JSON ({error})"))?;
        Self::of_value(value)
    }

    /// Reads what [`Saved::parse`] reads, once it is JSON.
    ///
    /// # Errors
    /// What is wrong with it, for a person.
    pub fn of_value(value: Value) -> Result<Self, String> {
        check_version(&value)?;
        let mut saved: Self =
            codec::from_value(value).map_err(|why| format!("it is damaged ({why})"))?;
        saved.version = SAVED_VERSION;
        saved.check()?;
        Ok(saved)
    }

    /// Whether it is one that a session could have saved.
    ///
    /// # Errors
    /// What is wrong with it, for a person.
    pub fn check(&self) -> Result<(), String> {
        if self.tape.len() > TAPE_LIMIT as usize {
            return Err(format!("it holds over {TAPE_LIMIT} commands"));
        }
        let longest = AGE_LIMIT.as_micros();
        let in_order = self.tape.is_sorted_by_key(|entry| entry.at);
        let last = self.tape.last().map_or(0, |entry| entry.at);
        if !in_order || last > self.elapsed || self.elapsed > longest {
            return Err("it is damaged: its moments are in no order".to_owned());
        }
        Ok(())
    }
}

/// Refuses what a newer build wrote, before anything else of it is looked at.
pub(super) fn check_version(value: &Value) -> Result<(), String> {
    match value.get("v").and_then(Value::as_u64) {
        Some(found) if found > u64::from(SAVED_VERSION) => Err(format!(
            "a newer version of Kubarium saved it (format {found}; this one reads up to {SAVED_VERSION})"
        )),
        Some(1..) => Ok(()),
        _ => Err("it is damaged: it does not say its format".to_owned()),
    }
}
