//! Light, dark, or as the system wants it. `www/js/theme.js` applies what was chosen before the
//! page is painted; here it is chosen and remembered.

use super::dom;

const KEY: &str = "kubarium-theme";

/// What the person chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// As the system wants it.
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// What was chosen the last time.
    pub fn load() -> Self {
        let storage = dom::window().and_then(|window| window.local_storage().ok().flatten());
        let word = storage.and_then(|storage| storage.get_item(KEY).ok().flatten());
        match word.as_deref() {
            Some("light") => Self::Light,
            Some("dark") => Self::Dark,
            _ => Self::System,
        }
    }

    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The drawing for it.
    pub const fn icon(self) -> &'static str {
        match self {
            Self::System => "half",
            Self::Light => "sun",
            Self::Dark => "moon",
        }
    }

    /// The one that the button leads to.
    pub const fn next(self) -> Self {
        match self {
            Self::System => Self::Light,
            Self::Light => Self::Dark,
            Self::Dark => Self::System,
        }
    }

    /// Shows it and remembers it.
    pub fn put(self) {
        let root = dom::document().and_then(|document| document.document_element());
        if let Some(root) = root {
            // Both only concern looks: a browser that refuses keeps the theme it has.
            let _ = root.set_attribute("data-theme", self.word());
        }
        let storage = dom::window().and_then(|window| window.local_storage().ok().flatten());
        if let Some(storage) = storage {
            let _ = storage.set_item(KEY, self.word());
        }
    }
}
