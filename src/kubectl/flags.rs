//! The flags of the commands, and how a command line's words become flags and arguments.
//!
//! Upstream: github.com/spf13/pflag (flag.go), as kubectl v1.36 uses it.

use super::failure::Failure;

/// What a flag takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Nothing, or `=true` and `=false`.
    Switch,
    /// A text.
    Text,
    /// A text after `=`; this one where there is none.
    Maybe(&'static str),
    /// A whole number.
    Number,
    /// A length of time: `30s`, `2m`.
    Duration,
}

/// A flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag {
    /// Its long name.
    pub name: &'static str,
    /// Its letter, where it has one.
    pub letter: Option<char>,
    /// What it takes.
    pub takes: Takes,
}

/// A flag without a letter.
pub const fn flag(name: &'static str, takes: Takes) -> Flag {
    Flag {
        name,
        letter: None,
        takes,
    }
}

/// A flag with a letter.
pub const fn lettered(name: &'static str, letter: char, takes: Takes) -> Flag {
    Flag {
        name,
        letter: Some(letter),
        takes,
    }
}

/// The flags that every command has.
pub const GLOBAL: &[Flag] = &[
    lettered("namespace", 'n', Takes::Text),
    lettered("help", 'h', Takes::Switch),
    flag("as", Takes::Text),
    flag("as-group", Takes::Text),
    flag("as-uid", Takes::Text),
];
/// Which objects: by label and field, in which namespaces.
pub const SELECT: &[Flag] = &[
    lettered("selector", 'l', Takes::Text),
    flag("field-selector", Takes::Text),
    lettered("all-namespaces", 'A', Takes::Switch),
];
/// Every object of a kind.
pub const ALL: &[Flag] = &[flag("all", Takes::Switch)];
/// Objects from files.
pub const FILES: &[Flag] = &[lettered("filename", 'f', Takes::Text)];
/// How the result is printed.
pub const OUTPUT: &[Flag] = &[lettered("output", 'o', Takes::Text)];
/// Do everything but store.
pub const DRY_RUN: &[Flag] = &[flag("dry-run", Takes::Maybe("unchanged"))];
/// Note the command line with the object.
pub const RECORD: &[Flag] = &[flag("record", Takes::Switch)];

/// A command line's flags and arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// What is no flag, in order.
    pub args: Vec<String>,
    /// How many of the arguments stand before `--`, where there is one.
    pub dash: Option<usize>,
    flags: Vec<(&'static str, String)>,
}

impl Words {
    /// Sorts `words` by the flags in `known`.
    ///
    /// # Errors
    /// Kubectl's words for a flag that is unknown, or lacks its value, or has a wrong one.
    pub fn sort(words: &[String], known: &[&[Flag]]) -> Result<Self, Failure> {
        let mut sorted = Self::default();
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            if word == "--" {
                sorted.dash = Some(sorted.args.len());
                sorted.args.extend(rest.by_ref().cloned());
            } else if let Some(long) = word.strip_prefix("--") {
                sorted.long(long, known, &mut rest)?;
            } else if word.len() > 1 && word.starts_with('-') {
                sorted.letters(&word[1..], known, &mut rest)?;
            } else {
                sorted.args.push(word.clone());
            }
        }
        Ok(sorted)
    }

    fn long<'a>(
        &mut self,
        text: &str,
        known: &[&[Flag]],
        rest: &mut impl Iterator<Item = &'a String>,
    ) -> Result<(), Failure> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        let mut all = known.iter().copied().flatten();
        let Some(flag) = all.find(|flag| flag.name == name) else {
            return Err(Failure::client(format!("unknown flag: --{name}")));
        };
        let value = match (value, flag.takes) {
            (Some(value), _) => value,
            (None, Takes::Switch) => "true".to_owned(),
            (None, Takes::Maybe(alone)) => alone.to_owned(),
            (None, _) => match rest.next() {
                Some(value) => value.clone(),
                None => return Err(Failure::client(format!("flag needs an argument: --{name}"))),
            },
        };
        self.set(flag, value, &format!("--{name}"))
    }

    fn letters<'a>(
        &mut self,
        text: &str,
        known: &[&[Flag]],
        rest: &mut impl Iterator<Item = &'a String>,
    ) -> Result<(), Failure> {
        for (at, letter) in text.char_indices() {
            let mut all = known.iter().copied().flatten();
            let Some(flag) = all.find(|flag| flag.letter == Some(letter)) else {
                let message = format!("unknown shorthand flag: '{letter}' in -{}", &text[at..]);
                return Err(Failure::client(message));
            };
            let label = format!("-{letter}, --{}", flag.name);
            let after = &text[at + letter.len_utf8()..];
            match (after.strip_prefix('='), flag.takes) {
                (Some(value), _) => return self.set(flag, value.to_owned(), &label),
                (None, Takes::Switch) => self.set(flag, "true".to_owned(), &label)?,
                (None, Takes::Maybe(alone)) => self.set(flag, alone.to_owned(), &label)?,
                (None, _) if !after.is_empty() => return self.set(flag, after.to_owned(), &label),
                (None, _) => match rest.next() {
                    Some(value) => return self.set(flag, value.clone(), &label),
                    None => {
                        let message = format!("flag needs an argument: '{letter}' in -{text}");
                        return Err(Failure::client(message));
                    }
                },
            }
        }
        Ok(())
    }

    fn set(&mut self, flag: &Flag, value: String, label: &str) -> Result<(), Failure> {
        let wrong = match flag.takes {
            Takes::Switch => (!matches!(value.as_str(), "true" | "false" | "1" | "0" | "t" | "f"))
                .then(|| format!("strconv.ParseBool: parsing \"{value}\": invalid syntax")),
            Takes::Number => value
                .parse::<i64>()
                .is_err()
                .then(|| format!("strconv.ParseInt: parsing \"{value}\": invalid syntax")),
            Takes::Duration => parse_duration(&value)
                .is_none()
                .then(|| format!("time: invalid duration \"{value}\"")),
            Takes::Text | Takes::Maybe(_) => None,
        };
        if let Some(why) = wrong {
            let message = format!("invalid argument \"{value}\" for \"{label}\" flag: {why}");
            return Err(Failure::client(message));
        }
        self.flags.push((flag.name, value));
        Ok(())
    }

    /// The last value of a flag.
    pub fn text(&self, name: &str) -> Option<&str> {
        let found = self.flags.iter().rev().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Every value of a flag, those with commas apart.
    pub fn texts(&self, name: &str) -> Vec<&str> {
        let found = self.flags.iter().filter(|(known, _)| *known == name);
        found.flat_map(|(_, value)| value.split(',')).collect()
    }

    /// Every value of a flag, as it was given.
    pub fn whole_texts(&self, name: &str) -> Vec<&str> {
        let found = self.flags.iter().filter(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_str()).collect()
    }

    /// Whether a switch is on; `otherwise` where it was not touched.
    pub fn switch_or(&self, name: &str, otherwise: bool) -> bool {
        self.text(name)
            .map_or(otherwise, |value| matches!(value, "true" | "1" | "t"))
    }

    /// Whether a switch is on.
    pub fn switch(&self, name: &str) -> bool {
        self.switch_or(name, false)
    }

    /// The number of a flag.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.text(name)?.parse().ok()
    }

    /// The length of time of a flag, in seconds.
    pub fn seconds(&self, name: &str) -> Option<u64> {
        parse_duration(self.text(name)?)
    }

    /// Every flag in the order given.
    pub fn flags(&self) -> &[(&'static str, String)] {
        &self.flags
    }
}

/// Whole seconds of a length of time such as `1h2m30s` or `0`.
pub fn parse_duration(text: &str) -> Option<u64> {
    if text == "0" {
        return Some(0);
    }
    let (mut seconds, mut number) = (0_u64, String::new());
    for sign in text.chars() {
        if sign.is_ascii_digit() {
            number.push(sign);
            continue;
        }
        let unit = match sign {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            _ => return None,
        };
        let count: u64 = number.parse().ok()?;
        seconds = seconds.checked_add(count.checked_mul(unit)?)?;
        number.clear();
    }
    (number.is_empty() && !text.is_empty()).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sort(line: &str) -> Result<Words, Failure> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let own: &[Flag] = &[
            flag("replicas", Takes::Number),
            flag("cascade", Takes::Maybe("background")),
            flag("timeout", Takes::Duration),
            lettered("watch", 'w', Takes::Switch),
        ];
        Words::sort(&words, &[GLOBAL, SELECT, own])
    }

    #[test]
    fn flags_stand_anywhere_and_in_every_form() {
        let words = sort(
            "a -n x b --namespace=y -wA -lapp=web --cascade --replicas 3 --timeout=1m30s -- -c d",
        )
        .expect("all known");
        assert_eq!(words.args, ["a", "b", "-c", "d"]);
        assert_eq!(words.dash, Some(2));
        assert_eq!(words.text("namespace"), Some("y"));
        assert!(words.switch("watch") && words.switch("all-namespaces"));
        assert_eq!(words.text("selector"), Some("app=web"));
        assert_eq!(words.text("cascade"), Some("background"));
        assert_eq!(
            (words.number("replicas"), words.seconds("timeout")),
            (Some(3), Some(90))
        );
        assert!(
            !sort("--watch=false")
                .expect("known")
                .switch_or("watch", true)
        );
    }

    #[test]
    fn mistakes_are_told_as_kubectl_does() {
        for (line, want) in [
            ("--foo", "unknown flag: --foo"),
            ("-xy", "unknown shorthand flag: 'x' in -xy"),
            ("--namespace", "flag needs an argument: --namespace"),
            ("-n", "flag needs an argument: 'n' in -n"),
            (
                "--replicas=many",
                "invalid argument \"many\" for \"--replicas\" flag: strconv.ParseInt: parsing \"many\": invalid syntax",
            ),
            (
                "--timeout=5",
                "invalid argument \"5\" for \"--timeout\" flag: time: invalid duration \"5\"",
            ),
            (
                "-w=maybe",
                "invalid argument \"maybe\" for \"-w, --watch\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax",
            ),
        ] {
            assert_eq!(sort(line), Err(Failure::client(want)), "{line}");
        }
    }
}
