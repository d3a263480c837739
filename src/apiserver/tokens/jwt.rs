//! JSON Web Tokens: signed and read.
//!
//! Upstream: pkg/serviceaccount/jwt.go, v1.36, and RFC 7515. Left out: every algorithm but HS256.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac_sha256::{HMAC, Hash};
use serde_json::{Value, json};

/// The longest token that is read.
const LIMIT: usize = 16 * 1024;
const ALGORITHM: &str = "HS256";

/// Names the key without telling it.
fn key_id(key: &str) -> String {
    BASE64.encode(Hash::hash(key.as_bytes()))
}

/// The token that says `claims`.
pub fn sign(claims: &Value, key: &str) -> String {
    let header = json!({"alg": ALGORITHM, "kid": key_id(key)});
    let [header, claims] = [&header, claims].map(|part| BASE64.encode(part.to_string()));
    let signed = format!("{header}.{claims}");
    let signature = BASE64.encode(HMAC::mac(signed.as_bytes(), key.as_bytes()));
    format!("{signed}.{signature}")
}

fn part(text: &str) -> Option<Value> {
    let bytes = BASE64.decode(text).ok()?;
    let value: Value = serde_json::from_slice(&bytes).ok()?;
    value.is_object().then_some(value)
}

/// What `token` says; nothing where it is no token of one of `issuers`.
///
/// # Errors
/// It was not signed with `key`.
pub fn read(token: &str, issuers: &[&str], key: &str) -> Result<Option<Value>, String> {
    let mut parts = token.split('.');
    let (Some(header), Some(claims), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Ok(None);
    };
    if token.len() > LIMIT {
        return Ok(None);
    }
    let signed = &token[..header.len() + 1 + claims.len()];
    let (Some(header), Some(claims)) = (part(header), part(claims)) else {
        return Ok(None);
    };
    if !issuers.contains(&super::text(&claims, "/iss")) || header["alg"] != ALGORITHM {
        return Ok(None);
    }
    let by = super::text(&header, "/kid");
    if !by.is_empty() && by != key_id(key) {
        return Err("invalid signature, no keys found".to_owned());
    }
    let given = BASE64.decode(signature).unwrap_or_default();
    let good = <[u8; 32]>::try_from(given)
        .is_ok_and(|given| HMAC::verify(signed.as_bytes(), key.as_bytes(), &given));
    match good {
        true => Ok(Some(claims)),
        false => Err("go-jose/go-jose: error in cryptographic primitive".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2.
    #[test]
    fn the_mac_is_hmac_sha256() {
        let mac = HMAC::mac(b"what do ya want for nothing?", b"Jefe");
        let text: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            text,
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn only_what_was_signed_with_the_key_is_believed() {
        let claims = json!({"iss": "me", "sub": "a"});
        let token = sign(&claims, "key");
        let read = |token: &str, key: &str| read(token, &["me"], key);
        assert_eq!(read(&token, "key"), Ok(Some(claims)));
        let other = read(&token, "another");
        assert_eq!(other, Err("invalid signature, no keys found".to_owned()));
        let parts: Vec<&str> = token.split('.').collect();
        let forged = BASE64.encode(json!({"iss": "me", "sub": "b"}).to_string());
        let unsigned = BASE64.encode(json!({"alg": "none"}).to_string());
        let broken = "go-jose/go-jose: error in cryptographic primitive".to_owned();
        for (token, want) in [
            (
                format!("{}.{forged}.{}", parts[0], parts[2]),
                Err(broken.clone()),
            ),
            (format!("{}.{}.", parts[0], parts[1]), Err(broken)),
            (format!("{unsigned}.{forged}."), Ok(None)),
            (format!("{}.{}", parts[0], parts[1]), Ok(None)),
            (format!("{token}.x"), Ok(None)),
            (sign(&json!({"iss": "you"}), "key"), Ok(None)),
            ("a.b.c".to_owned(), Ok(None)),
            ("ä.ö.ü".to_owned(), Ok(None)),
            (format!("{token}{}", "x".repeat(LIMIT)), Ok(None)),
            (String::new(), Ok(None)),
        ] {
            assert_eq!(read(&token, "key"), want, "{token}");
        }
    }
}
