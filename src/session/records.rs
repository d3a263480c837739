//! How a session lies in a store of named texts, so that saving is cheap: the tape in pieces that
//! are written once, the moment reached in a short head, backups now and then.
//!
//! Names are `2/head`, `2/base`, `2/backup` and `2/tape/0000` and so on. `current` is the one name
//! that format 1 used.

use super::Session;
use super::saved::{self, BUILD, Latest, SAVED_VERSION, Saved, TapeEntry};
use crate::api::codec;
use crate::cluster::{Backup, ClusterConfig};
use crate::sim::SimTime;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the names of all texts of format 2 begin with.
pub const PREFIX: &str = "2/";
const HEAD: &str = "2/head";
const BASE: &str = "2/base";
const BACKUP: &str = "2/backup";
/// The only name of format 1.
pub const FORMAT_1: &str = "current";
/// How many commands one text holds.
const PIECE: u32 = 32;
/// A backup is due when a replay from the last one takes this many events …
const BACKUP_EVENTS: u64 = 100_000;
/// … but the first one after this real time, in milliseconds,
const FIRST_BACKUP_MS: u64 = 20_000;
/// and backups write no more than this many bytes per second of real time.
const BACKUP_BYTES_PER_SECOND: u64 = 20_000;

/// The texts of a session by their names.
pub type Records = BTreeMap<String, String>;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Head {
    #[serde(rename = "v")]
    version: u32,
    build: String,
    config: ClusterConfig,
    #[serde(rename = "t")]
    elapsed: u64,
    #[serde(rename = "e")]
    events: u64,
    #[serde(rename = "m")]
    mark: u64,
    commands: u32,
    base: bool,
    /// How many commands came before the backup, where there is one.
    backup: Option<u32>,
    /// The link that the session began with or that was made of it last.
    #[serde(default)]
    link: String,
}

fn piece_name(piece: u32) -> String {
    format!("2/tape/{piece:04}")
}

/// What one write does to the store, all or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Everything that was there goes first.
    pub clear: bool,
    /// Texts to put.
    pub put: Vec<(String, String)>,
    /// Names to take away.
    pub remove: Vec<String>,
}

impl Batch {
    /// Bytes written.
    pub fn bytes(&self) -> u64 {
        let texts = self.put.iter().map(|(name, text)| name.len() + text.len());
        texts.sum::<usize>() as u64
    }

    /// Does to `records` what it does to a store.
    pub fn apply(self, records: &mut Records) {
        if self.clear {
            records.clear();
        }
        records.extend(self.put);
        for name in self.remove {
            records.remove(&name);
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct KeptBackup {
    at: SimTime,
    position: u32,
    events: u64,
}

/// Knows what the store holds of a session already.
#[derive(Clone, Debug, Default)]
pub struct Keeper {
    /// Commands written; `None` where nothing is.
    commands: Option<u32>,
    backup: Option<KeptBackup>,
    first_ms: Option<u64>,
    /// No backup before this real time.
    backup_from_ms: u64,
    link: String,
}

impl Keeper {
    /// The store holds nothing of the session, or nobody knows what: the next batch writes it whole.
    pub fn forget(&mut self) {
        *self = Self {
            backup_from_ms: self.backup_from_ms,
            link: std::mem::take(&mut self.link),
            ..Self::default()
        };
    }

    /// There was a backup of the session before it was opened: the next one is due at once, rather
    /// than after a while.
    pub const fn hurry_backup(&mut self) {
        self.first_ms = Some(0);
    }

    /// The session began with this link, or it was made of it: whoever opens it here again means
    /// the session as it went on.
    pub fn note_link(&mut self, fragment: &str) {
        self.link = fingerprint(fragment);
    }

    /// What is to be written now, at the real time `now_ms`.
    pub fn batch(&mut self, session: &mut Session, now_ms: u64) -> Batch {
        let change = session.take_change();
        let mut batch = Batch {
            clear: self.commands.is_none(),
            ..Batch::default()
        };
        let tape = session.tape();
        let count = u32::try_from(tape.len()).unwrap_or(u32::MAX);
        let same = self.commands.unwrap_or(0).min(change.unchanged).min(count);
        if same < count {
            for piece in same / PIECE..count.div_ceil(PIECE) {
                let from = (piece * PIECE) as usize;
                let to = tape.len().min(from + PIECE as usize);
                let text = codec::to_json(&tape[from..to]);
                batch.put.push((piece_name(piece), text));
            }
        }
        for piece in count.div_ceil(PIECE)..self.commands.unwrap_or(0).div_ceil(PIECE) {
            batch.remove.push(piece_name(piece));
        }
        if self.commands.is_none()
            && let Some(base) = session.base()
        {
            batch
                .put
                .push((BASE.to_owned(), codec::to_json(base.as_ref())));
        }
        self.commands = Some(count);
        self.keep_backup(session, change.rewound_to, count, now_ms, &mut batch);
        batch.put.push((HEAD.to_owned(), self.head(session, count)));
        batch
    }

    fn head(&self, session: &Session, commands: u32) -> String {
        codec::to_json(&Head {
            version: SAVED_VERSION,
            build: BUILD.to_owned(),
            config: session.cluster().config().clone(),
            elapsed: session.elapsed(),
            events: session.events(),
            mark: session.cluster().mark(),
            commands,
            base: session.base().is_some(),
            backup: self.backup.map(|backup| backup.position),
            link: self.link.clone(),
        })
    }

    fn keep_backup(
        &mut self,
        session: &Session,
        rewound_to: Option<SimTime>,
        count: u32,
        now_ms: u64,
        batch: &mut Batch,
    ) {
        let undone = |backup: &KeptBackup| rewound_to.is_some_and(|to| to < backup.at);
        if self.backup.as_ref().is_some_and(undone) {
            self.backup = None;
            batch.remove.push(BACKUP.to_owned());
        }
        let first = *self.first_ms.get_or_insert(now_ms);
        let due = match self.backup {
            // Right after its base, a session needs no other backup.
            None => now_ms.saturating_sub(first) >= FIRST_BACKUP_MS,
            Some(last) => session.events().saturating_sub(last.events) >= BACKUP_EVENTS,
        };
        if !due || now_ms < self.backup_from_ms {
            return;
        }
        let text = codec::to_json(&session.cluster().backup());
        self.backup_from_ms = now_ms + text.len() as u64 * 1_000 / BACKUP_BYTES_PER_SECOND;
        batch.remove.retain(|name| name != BACKUP);
        batch.put.push((BACKUP.to_owned(), text));
        self.backup = Some(KeptBackup {
            at: session.cluster().now(),
            position: count,
            events: session.events(),
        });
    }
}

/// A short name for a link.
fn fingerprint(fragment: &str) -> String {
    let hash = fragment
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    format!("{hash:016x}")
}

/// Whether what the store holds goes on from the link with this fragment.
pub fn goes_on_from(records: &Records, fragment: &str) -> bool {
    let head = records
        .get(HEAD)
        .and_then(|text| serde_json::from_str::<Value>(text).ok());
    let link = head.as_ref().and_then(|head| head.get("link")?.as_str());
    link == Some(fingerprint(fragment).as_str())
}

/// The records in a text that [`to_text`] made, once it is JSON; `None` for any other.
pub fn of_value(value: &Value) -> Option<Records> {
    let fields = value.as_object()?;
    let is_record = |name: &String| name.starts_with(PREFIX) || name == FORMAT_1;
    if fields.is_empty() || !fields.keys().all(is_record) {
        return None;
    }
    let text = |(name, text): (&String, &Value)| Some((name.clone(), text.as_str()?.to_owned()));
    fields.iter().map(text).collect()
}

/// All records as one text, to be kept aside or put into a file.
pub fn to_text(records: &Records) -> String {
    codec::to_json(records)
}

/// What a store holds, and what is to be told of it; `None` where it holds nothing.
///
/// # Errors
/// Why it cannot be opened, for a person.
pub fn read(records: &Records) -> Result<Option<(Saved, Option<String>)>, String> {
    let Some(head) = records.get(HEAD) else {
        return match records.get(FORMAT_1) {
            Some(text) => Ok(Some((Saved::parse_format_1(text)?, None))),
            None if records.keys().any(|name| name.starts_with(PREFIX)) => {
                of_backup(records, "its head is missing")
            }
            None => Ok(None),
        };
    };
    let Ok(value) = serde_json::from_str::<Value>(head) else {
        return of_backup(records, "its head is damaged");
    };
    saved::check_version(&value)?;
    let read = codec::from_value::<Head>(value).and_then(|head| whole(&head, records));
    match read {
        Ok(saved) => Ok(Some((saved, None))),
        Err(why) => of_backup(records, &why),
    }
}

/// The session that a head and its other records make together.
fn whole(head: &Head, records: &Records) -> Result<Saved, String> {
    let tape = tape(head, records)?;
    let base = match head.base {
        false => None,
        true => Some(backup(records, BASE)?),
    };
    let saved = Saved {
        version: SAVED_VERSION,
        build: head.build.clone(),
        config: head.config.clone(),
        base,
        tape,
        elapsed: head.elapsed,
        events: head.events,
        mark: Some(head.mark),
        // Without its backup a session can still be replayed.
        backup: head.backup.and_then(|position| {
            let backup = backup(records, BACKUP).ok()?;
            Some(Latest { position, backup })
        }),
    };
    saved.check()?;
    Ok(saved)
}

fn tape(head: &Head, records: &Records) -> Result<Vec<TapeEntry>, String> {
    if head.commands > saved::TAPE_LIMIT {
        return Err("it holds too many commands".to_owned());
    }
    let mut tape = Vec::new();
    for piece in 0..head.commands.div_ceil(PIECE) {
        let text = records.get(&piece_name(piece));
        let entries = text.ok_or_else(|| "a part of its commands is missing".to_owned());
        let entries: Value = serde_json::from_str(entries?)
            .map_err(|_| "a part of its commands is damaged".to_owned())?;
        tape.extend(codec::from_value::<Vec<TapeEntry>>(entries)?);
    }
    match tape.len() == head.commands as usize {
        true => Ok(tape),
        false => Err("a part of its commands is missing".to_owned()),
    }
}

fn backup(records: &Records, name: &str) -> Result<Arc<Backup>, String> {
    let text = records.get(name).ok_or("its backup is missing")?;
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    codec::from_value(value)
}

/// What is left where the rest is damaged.
fn of_backup(records: &Records, why: &str) -> Result<Option<(Saved, Option<String>)>, String> {
    let found = backup(records, BACKUP).or_else(|_| backup(records, BASE));
    let Ok(backup) = found else {
        return Err(format!("it is damaged: {why}"));
    };
    let notice = format!(
        "What was saved is damaged ({why}): the cluster goes on from its last backup, and what was done after it is lost."
    );
    Ok(Some((Saved::of_backup(backup), Some(notice))))
}
