//! IP addresses and ranges.
//!
//! Upstream: staging/src/k8s.io/apimachinery/pkg/util/validation/ip.go, v1.36, with
//! StrictIPCIDRValidation, which is on by default there: no leading zeros, no IPv4 addresses in
//! IPv6 clothes, no bits beyond a prefix.

use super::Errors;
use crate::api::field::{FieldError, Path};
use std::net::{IpAddr, Ipv4Addr};

const IP: &str = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
const CIDR: &str = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";

/// An address as Go's lenient parser reads it: IPv4 parts may have leading zeros.
pub fn parse(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    let mut octets = [0_u8; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        let part = parts.next()?;
        let digits = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        *octet = digits.then(|| part.parse().ok()).flatten()?;
    }
    parts
        .next()
        .is_none()
        .then(|| Ipv4Addr::from(octets).into())
}

fn bits(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)), 32),
        IpAddr::V6(v6) => (u128::from(v6), 128),
    }
}

/// A range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    address: IpAddr,
    prefix: u32,
}

impl Range {
    /// The range that `text` writes as `address/bits`.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/')?;
        let address = parse(address)?;
        let digits = !prefix.is_empty() && prefix.bytes().all(|b| b.is_ascii_digit());
        let prefix = digits.then(|| prefix.parse().ok()).flatten()?;
        (prefix <= bits(address).1).then_some(Self { address, prefix })
    }

    fn base(self) -> (u128, u32) {
        let (number, width) = bits(self.address);
        let host = width - self.prefix;
        (number.checked_shr(host).unwrap_or(0), width)
    }

    /// Whether `other` lies inside this range and is smaller.
    pub fn contains_strictly(self, other: Self) -> bool {
        let shrunk = Self {
            prefix: self.prefix,
            ..other
        };
        other.prefix > self.prefix && self.base() == shrunk.base()
    }
}

fn has_leading_zero(text: &str) -> bool {
    text.contains('.')
        && text
            .rsplit(':')
            .next()
            .unwrap_or_default()
            .split('.')
            .any(|part| part.len() > 1 && part.starts_with('0'))
}

fn is_mapped(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some())
}

/// Refuses what is no address.
pub fn ip(text: &str, at: &Path<'_>, errors: &mut Errors) {
    let detail = match parse(text) {
        None => IP,
        Some(_) if has_leading_zero(text) => "must not have leading 0s",
        Some(address) if is_mapped(address) => "must not be an IPv4-mapped IPv6 address",
        Some(_) => return,
    };
    errors.push(FieldError::invalid(at, text, detail));
}

/// Refuses what is no range.
pub fn cidr(text: &str, at: &Path<'_>, errors: &mut Errors) {
    let (address, prefix) = text.split_once('/').unwrap_or((text, ""));
    let mut refuse = |detail: &str| errors.push(FieldError::invalid(at, text, detail));
    let Some(range) = Range::parse(text) else {
        refuse(CIDR);
        return;
    };
    if has_leading_zero(address) {
        refuse("must not have leading 0s in IP");
    }
    if prefix.len() > 1 && prefix.starts_with('0') {
        refuse("must not have leading 0s in prefix length");
    }
    if is_mapped(range.address) {
        refuse("must not have an IPv4-mapped IPv6 address");
    }
    let (number, width) = bits(range.address);
    let host = width - range.prefix;
    if host < 128 && number & ((1_u128 << host) - 1) != 0 {
        refuse("must not have bits set beyond the prefix length");
    }
}

/// Refuses addresses that are nobody's in particular: unspecified, loopback, link-local.
pub fn not_special(text: &str, at: &Path<'_>, errors: &mut Errors) {
    let Some(address) = parse(text) else {
        let detail = "must be a valid IP address";
        errors.push(FieldError::invalid(at, text, detail));
        return;
    };
    let (link_local, link_local_multicast) = match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            ((a, b) == (169, 254), (a, b, c) == (224, 0, 0))
        }
        IpAddr::V6(v6) => {
            let first = v6.segments()[0];
            (first & 0xffc0 == 0xfe80, first == 0xff02)
        }
    };
    let detail = if address.is_unspecified() {
        format!("may not be unspecified ({text})")
    } else if address.is_loopback() {
        "may not be in the loopback range (127.0.0.0/8, ::1/128)".to_owned()
    } else if link_local {
        "may not be in the link-local range (169.254.0.0/16, fe80::/10)".to_owned()
    } else if link_local_multicast {
        "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)".to_owned()
    } else {
        return;
    };
    errors.push(FieldError::invalid(at, text, detail));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(check: fn(&str, &Path<'_>, &mut Errors), text: &str) -> Vec<String> {
        let mut errors = Vec::new();
        check(text, &Path::new("x"), &mut errors);
        errors.into_iter().map(|error| error.detail).collect()
    }

    #[test]
    fn addresses_are_strict() {
        assert!(wrong(ip, "10.0.0.1").is_empty() && wrong(ip, "fd00::1").is_empty());
        assert_eq!(wrong(ip, "10.0.0"), [IP]);
        assert_eq!(wrong(ip, "010.0.0.1"), ["must not have leading 0s"]);
        assert_eq!(wrong(ip, "::ffff:1.2.3.4").len(), 1);
        assert_eq!(wrong(not_special, "127.0.0.1").len(), 1);
        assert!(wrong(not_special, "11.11.11.11").is_empty());
    }

    #[test]
    fn ranges_contain_smaller_ones() {
        assert!(wrong(cidr, "172.17.0.0/16").is_empty() && wrong(cidr, "0.0.0.0/0").is_empty());
        assert!(wrong(cidr, "::/0").is_empty());
        assert_eq!(wrong(cidr, "10.0.0.0/33"), [CIDR]);
        assert_eq!(wrong(cidr, "10.0.0.1/8").len(), 1);
        let range = |text| Range::parse(text).expect(text);
        assert!(range("10.0.0.0/8").contains_strictly(range("10.1.0.0/16")));
        assert!(!range("10.0.0.0/8").contains_strictly(range("11.0.0.0/8")));
        assert!(!range("10.0.0.0/8").contains_strictly(range("10.0.0.0/8")));
        assert!(range("0.0.0.0/0").contains_strictly(range("10.0.0.0/8")));
    }
}
