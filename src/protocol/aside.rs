//! What is kept aside in this browser.

use serde::{Deserialize, Serialize};

/// A text that is kept aside: a cluster that gave way to another one, or a damaged save.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aside {
    /// What it lies under.
    pub name: String,
    /// When it was put there, in milliseconds since 1970.
    pub at_ms: u64,
    /// Why, for a person; empty where nobody noted it.
    pub why: String,
    /// How long it is.
    pub bytes: u32,
}

/// What the page asks of what is kept aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AsideCommand {
    /// Say what there is.
    List,
    /// Make a file of the one with this name.
    Export(String),
    /// Begin with the one with this name.
    Open(String),
    /// Forget the one with this name.
    Discard(String),
}
