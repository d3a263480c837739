//! Links: the whole situation in a URL's fragment. Nothing is sent anywhere.
//!
//! `k2.` and a tape, or `k3.` and a backup where the tape cannot be replayed: the saved session as
//! JSON, deflated, in URL-safe base64. `k1.` is a tape of format 1. What comes in is untrusted: its
//! size is bounded before and after it is unpacked.

use super::{Saved, Session};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::sync::Arc;

/// The longest link that is made or read, in bytes.
pub const LINK_LIMIT: u32 = 256 * 1_024;
const UNPACKED_LIMIT: u32 = 16 * 1_024 * 1_024;
/// The most events of a tape that goes into a link: whoever opens it waits for them.
const TAPE_EVENTS: u64 = 300_000;
const TAPE: &str = "k2.";
const BACKUP: &str = "k3.";
const FORMAT_1: &str = "k1.";

/// The fragment that carries `saved`.
pub fn encode_link(saved: &Saved) -> String {
    let prefix = match saved.base {
        None => TAPE,
        Some(_) => BACKUP,
    };
    let json = crate::api::codec::to_json(saved);
    let packed = miniz_oxide::deflate::compress_to_vec(json.as_bytes(), 10);
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(packed))
}

impl Session {
    /// The fragment of a link that carries the situation: its tape where whoever opens it can replay
    /// that, else a backup; without logs and Events where it would be too long with them.
    ///
    /// # Errors
    /// That there is no such link, for a person.
    pub fn link(&self) -> Result<String, String> {
        if self.base().is_none() && self.events() <= TAPE_EVENTS {
            let link = encode_link(&self.save());
            if link.len() <= LINK_LIMIT as usize {
                return Ok(link);
            }
        }
        let backup = self.cluster().backup();
        let link = encode_link(&Saved::of_backup(Arc::new(backup.clone())));
        if link.len() <= LINK_LIMIT as usize {
            return Ok(link);
        }
        let link = encode_link(&Saved::of_backup(Arc::new(backup.slim())));
        match link.len() <= LINK_LIMIT as usize {
            true => Ok(link),
            false => Err(format!(
                "The cluster does not fit into a link of {LINK_LIMIT} characters: export it as a file."
            )),
        }
    }
}

/// What a fragment carries.
///
/// # Errors
/// What is wrong with it, for a person.
pub fn decode_link(fragment: &str) -> Result<Saved, String> {
    if fragment.len() > LINK_LIMIT as usize {
        return Err(format!("The link is longer than {LINK_LIMIT} characters."));
    }
    let text = [TAPE, BACKUP, FORMAT_1]
        .into_iter()
        .find_map(|prefix| fragment.strip_prefix(prefix));
    let Some(text) = text else {
        return Err("The link was not made by this version of Kubarium.".to_owned());
    };
    let damaged = || "The link is damaged: part of it is missing or changed.".to_owned();
    let packed = URL_SAFE_NO_PAD.decode(text).map_err(|_| damaged())?;
    let json = miniz_oxide::inflate::decompress_to_vec_with_limit(&packed, UNPACKED_LIMIT as usize)
        .map_err(|_| damaged())?;
    let value: serde_json::Value = serde_json::from_slice(&json).map_err(|_| damaged())?;
    let saved =
        Saved::of_value(value).map_err(|why| format!("The link is damaged or foreign: {why}."))?;
    // A tape's link that holds backups, or the other way round, was made by nobody.
    let holds_backup = saved.base.is_some();
    match saved.backup.is_none() && holds_backup == fragment.starts_with(BACKUP) {
        true => Ok(saved),
        false => Err(damaged()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_links_are_refused_with_a_reason() {
        let bomb = miniz_oxide::deflate::compress_to_vec(&vec![b' '; 20_000_000], 9);
        let bomb = format!("k2.{}", URL_SAFE_NO_PAD.encode(bomb));
        for (link, want) in [
            ("https://example.com", "not made by"),
            ("k9.abc", "not made by"),
            ("k1.!!!", "damaged"),
            ("k1.AAAA", "damaged"),
            ("k3.AAAA", "damaged"),
            (bomb.as_str(), "damaged"),
            ("x".repeat(300_000).as_str(), "longer"),
        ] {
            let error = decode_link(link).expect_err("refused");
            assert!(error.contains(want), "{error}");
        }
    }
}
