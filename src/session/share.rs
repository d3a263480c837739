//! Links: the whole situation in a URL's fragment. Nothing is sent anywhere.
//!
//! `k1.` and the saved session as JSON, deflated, in URL-safe base64. What comes in is untrusted:
//! its size is bounded before and after it is unpacked.

use super::Saved;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The longest link that is read, in bytes.
pub const LINK_LIMIT: u32 = 256 * 1_024;
const UNPACKED_LIMIT: u32 = 8 * 1_024 * 1_024;
const PREFIX: &str = "k1.";

/// The fragment that carries `saved`.
pub fn encode_link(saved: &Saved) -> String {
    let json = crate::api::codec::to_value(saved).to_string();
    let packed = miniz_oxide::deflate::compress_to_vec(json.as_bytes(), 10);
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(packed))
}

/// What a fragment carries.
///
/// # Errors
/// What is wrong with it, for a person.
pub fn decode_link(fragment: &str) -> Result<Saved, String> {
    if fragment.len() > LINK_LIMIT as usize {
        return Err(format!("The link is longer than {LINK_LIMIT} characters."));
    }
    let Some(text) = fragment.strip_prefix(PREFIX) else {
        return Err("The link was not made by this version of Kubarium.".to_owned());
    };
    let damaged = |_| "The link is damaged: part of it is missing or changed.".to_owned();
    let packed = URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|e| damaged(e.to_string()))?;
    let json = miniz_oxide::inflate::decompress_to_vec_with_limit(&packed, UNPACKED_LIMIT as usize)
        .map_err(|e| damaged(e.to_string()))?;
    let value: serde_json::Value =
        serde_json::from_slice(&json).map_err(|e| damaged(e.to_string()))?;
    crate::api::codec::from_value(value).map_err(damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_links_are_refused_with_a_reason() {
        let bomb = miniz_oxide::deflate::compress_to_vec(&vec![b' '; 20_000_000], 9);
        let bomb = format!("k1.{}", URL_SAFE_NO_PAD.encode(bomb));
        for (link, want) in [
            ("https://example.com", "not made by"),
            ("k9.abc", "not made by"),
            ("k1.!!!", "damaged"),
            ("k1.AAAA", "damaged"),
            (bomb.as_str(), "damaged"),
            ("x".repeat(300_000).as_str(), "longer"),
        ] {
            let error = decode_link(link).expect_err("refused");
            assert!(error.contains(want), "{error}");
        }
    }
}
