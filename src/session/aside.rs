//! What is kept aside: clusters that gave way to another one, and saves that could not be opened.
//!
//! Each is one text of the store. Its name says when it was put there and why; format 1 of these
//! names had no reason.

use crate::protocol::Aside;
use crate::sim::order;

/// How many are kept: the newest.
pub const ASIDE_LIMIT: usize = 5;
const PREFIX: &str = "aside/";

/// The name for a text that is kept aside at the real time `now_ms`, where these names are taken.
pub fn name(now_ms: u64, why: &str, taken: &[String]) -> String {
    let newest = taken.iter().filter_map(|name| read(name, 0));
    let newest = newest.map(|kept| kept.at_ms).max().unwrap_or(0);
    // A clock that was set back puts nothing before what is there.
    let at_ms = now_ms.max(newest.saturating_add(1));
    format!("{PREFIX}{at_ms:015}/{why}")
}

/// What a name of a text of so many bytes says; `None` where it is not kept aside.
pub fn read(name: &str, bytes: u32) -> Option<Aside> {
    let rest = name.strip_prefix(PREFIX)?;
    let (at_ms, why) = rest.split_once('/').unwrap_or((rest, ""));
    Some(Aside {
        name: name.to_owned(),
        at_ms: at_ms.parse().ok()?,
        why: why.to_owned(),
        bytes,
    })
}

/// Those of a store's names that have to go, so that no more than [`ASIDE_LIMIT`] are left besides
/// `leaving`, which goes by itself once what it holds is saved as the cluster there is.
pub fn too_many(names: &[String], leaving: Option<&str>) -> Vec<String> {
    let staying = names.iter().filter(|name| Some(name.as_str()) != leaving);
    let mut kept: Vec<Aside> = staying.filter_map(|name| read(name, 0)).collect();
    order::sort_by_key(&mut kept, |kept| std::cmp::Reverse(kept.at_ms));
    let older = kept.into_iter().skip(ASIDE_LIMIT);
    older.map(|kept| kept.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept_and_say_why() {
        let mut names = vec!["2/head".to_owned(), "aside/000000000000007".to_owned()];
        for now_ms in [10, 30, 20, 20, 1_763_000_000_000] {
            names.push(name(now_ms, "a new cluster took its place", &names));
        }
        let gone = too_many(&names, None);
        assert_eq!(gone, ["aside/000000000000007"], "the oldest");
        assert_eq!(
            too_many(&names, Some(&names[3])),
            [""; 0],
            "it leaves its place"
        );
        let last = read(names.last().expect("one"), 9).expect("kept aside");
        assert_eq!((last.at_ms, last.bytes), (1_763_000_000_000, 9));
        assert_eq!(last.why, "a new cluster took its place");
        let mut times: Vec<u64> = names
            .iter()
            .filter_map(|n| Some(read(n, 0)?.at_ms))
            .collect();
        assert!(times.is_sorted(), "{times:?}");
        times.dedup();
        assert_eq!(times.len(), 6, "no two have one name");
        assert_eq!(read("aside/soon", 0), None);
        assert_eq!(read("2/head", 0), None);
    }
}
