//! What is left of a printed text once everything is gone that is different in every run: random
//! names, addresses, times, and the order of what has a random name.

use super::{EXCEPTIONS, LINES, REWORDED};

const SAFE: &str = "bcdfghjklmnpqrstvwxz2456789";

/// A recorded text.
pub fn recorded(command: &str, text: &str) -> String {
    let mut text = text.to_owned();
    for (open, word) in [
        ("<ip:", "<ip>"),
        ("<clusterIP:", "<ip>"),
        ("<container:", "<id>"),
        ("<healthCheckNodePort:", "<port>"),
        ("<uid:", "<uid>"),
    ] {
        while let Some(at) = text.find(open) {
            let end = closing(&text[at..]);
            text.replace_range(at..at + end, word);
        }
    }
    let text = text.replace("(combined from similar events): ", "");
    let text: String = text
        .lines()
        .map(|line| format!("{}\n", put(line)))
        .collect();
    plain(command, &text, |line| {
        let drop = EXCEPTIONS.iter().flat_map(|exception| exception.recorded);
        drop.into_iter().any(|start| line.starts_with(start))
    })
}

/// What we print.
pub fn ours(command: &str, text: &str) -> String {
    let mut text = without_uids(text);
    for (_, ours, theirs) in REWORDED {
        text = text.replace(ours, theirs);
    }
    let lines = text.lines().filter(|line| !line.starts_with("(exit code"));
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    plain(command, &text, |line| {
        let drop = EXCEPTIONS.iter().flat_map(|exception| exception.ours);
        drop.into_iter().any(|start| line.starts_with(start))
    })
}

/// A text with `<uid>` for each uid: 36 signs with dashes in their places.
fn without_uids(text: &str) -> String {
    const DASHES: [usize; 4] = [8, 13, 18, 23];
    let mut text = text.to_owned();
    let mut at = 0;
    while let Some(part) = text.as_bytes().get(at..at + 36) {
        let fits = |(place, sign): (usize, &u8)| match DASHES.contains(&place) {
            true => *sign == b'-',
            false => sign.is_ascii_hexdigit(),
        };
        if part.iter().enumerate().all(fits) {
            text.replace_range(at..at + 36, "<uid>");
        }
        at += 1;
    }
    text
}

/// A recorded line as it is put here.
fn put(recorded: &str) -> String {
    let plain = line(recorded);
    let found = LINES
        .iter()
        .find(|(_, theirs, _)| plain.starts_with(theirs));
    match found {
        Some((_, theirs, ours)) => plain.replacen(theirs, ours, 1),
        None => recorded.to_owned(),
    }
}

/// Where the bracket that `text` begins with is closed.
fn closing(text: &str) -> usize {
    let mut depth = 0;
    for (at, sign) in text.char_indices() {
        match sign {
            '<' => depth += 1,
            '>' if depth == 1 => return at + 1,
            '>' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

fn plain(command: &str, text: &str, dropped: impl Fn(&str) -> bool) -> String {
    if command.contains("rollout status") {
        // How often a Deployment's status is written on the way is not to be trusted.
        return text.lines().last().unwrap_or_default().to_owned();
    }
    let lines = text.lines().map(line);
    let lines: Vec<String> = lines
        .filter(|line| !dropped(line))
        .map(|line| cut(&line))
        .collect();
    if command.contains(" describe ") {
        return describe(lines);
    }
    if command.contains(" get ") {
        return get(lines);
    }
    lines.join("\n")
}

fn cut(line: &str) -> String {
    let starts = EXCEPTIONS.iter().flat_map(|exception| exception.cut);
    let found = starts.into_iter().find(|start| line.starts_with(**start));
    found.map_or(line.to_owned(), |start| (*start).to_owned())
}

/// Tables: sorted rows, each once with how often; a table without rows is nothing.
fn get(lines: Vec<String>) -> String {
    let is_head = |line: &String| line.starts_with("NAME ") || line.starts_with("NAMESPACE ");
    let mut tables: Vec<Vec<String>> = vec![Vec::new()];
    for line in lines {
        if is_head(&line) {
            tables.push(Vec::new());
        }
        if !line.is_empty() && !line.starts_with("No resources found") {
            tables.last_mut().expect("there is one").push(line);
        }
    }
    tables.retain(|table| table.iter().any(|line| !is_head(line)));
    for table in &mut tables {
        table.sort();
    }
    tables.concat().join("\n")
}

/// Objects: each with its conditions and events sorted, then all of them sorted.
fn describe(lines: Vec<String>) -> String {
    let mut objects: Vec<Vec<String>> = Vec::new();
    for line in lines {
        if line.starts_with("Name: ") {
            objects.push(Vec::new());
        }
        if let Some(object) = objects.last_mut().filter(|_| !line.is_empty()) {
            object.push(line);
        }
    }
    for object in &mut objects {
        let (mut sorted, mut rest) = (Vec::new(), Vec::new());
        let mut section = String::new();
        for line in object.drain(..) {
            if matches!(line.as_str(), "Conditions:" | "Events:") {
                section = line;
                continue;
            } else if line == "Events: <none>"
                || line.starts_with("Type ")
                || line.starts_with("---- ")
            {
                continue;
            } else if line.ends_with(':') || line.contains(": ") && !line.contains("<age>") {
                section.clear();
            }
            match section.is_empty() {
                true => rest.push(line),
                false => sorted.push(format!("{section} {line}")),
            }
        }
        sorted.sort();
        sorted.dedup();
        rest.extend(sorted);
        *object = rest;
    }
    let mut texts: Vec<String> = objects.iter().map(|object| object.join("\n")).collect();
    texts.sort();
    texts.join("\n")
}

/// A line without what is random, its spaces single.
fn line(line: &str) -> String {
    let words: Vec<String> = line.split_whitespace().map(word).collect();
    let line = words.join(" ");
    // Repeated events say how often and since when.
    let line = match line.find(" (x") {
        Some(at) => match line[at + 1..].find(')') {
            Some(end) => format!("{}{}", &line[..at], &line[at + 1 + end + 1..]),
            None => line,
        },
        None => line,
    };
    dates(&line)
}

/// `Thu, 01 Jan 2026 00:00:00 +0000` is `<time>`.
fn dates(line: &str) -> String {
    let days = ["Mon,", "Tue,", "Wed,", "Thu,", "Fri,", "Sat,", "Sun,"];
    let words: Vec<&str> = line.split(' ').collect();
    let mut out: Vec<&str> = Vec::new();
    let mut at = 0;
    while at < words.len() {
        if days.contains(&words[at]) && at + 6 <= words.len() {
            out.push("<time>");
            at += 6;
        } else {
            out.push(words[at]);
            at += 1;
        }
    }
    out.join(" ")
}

fn word(word: &str) -> String {
    if is_age(word) {
        return "<age>".to_owned();
    }
    if word == "ErrImagePull" || word == "ImagePullBackOff" {
        return "<pull-error>".to_owned();
    }
    if word.len() >= 20 && word.ends_with('Z') && word.as_bytes()[10] == b'T' {
        return "<time>".to_owned();
    }
    let mut out = String::new();
    let mut token = String::new();
    for sign in word.chars() {
        if sign.is_ascii_alphanumeric() || "-.<>".contains(sign) {
            token.push(sign);
        } else {
            out.push_str(&name(&token));
            token.clear();
            out.push(sign);
        }
    }
    out.push_str(&name(&token));
    out
}

fn is_age(word: &str) -> bool {
    let mut digits = 0;
    for sign in word.chars() {
        match sign {
            '0'..='9' => digits += 1,
            's' | 'm' | 'h' | 'd' if digits > 0 => digits = 0,
            _ => return false,
        }
    }
    digits == 0 && !word.is_empty()
}

/// A name without its random parts, an address as `<ip>`, a node as `<node>`.
fn name(token: &str) -> String {
    if token.parse::<std::net::Ipv4Addr>().is_ok() {
        return "<ip>".to_owned();
    }
    if let Some(("node" | "worker", number)) = token.split_once('-')
        && number.parse::<u8>().is_ok()
    {
        return "<node>".to_owned();
    }
    let part = |part: &str| {
        let safe = part.chars().all(|sign| SAFE.contains(sign));
        let inner = part
            .strip_prefix('<')
            .and_then(|part| part.strip_suffix('>'));
        match (inner, part.len()) {
            (Some(inner), _) if inner.starts_with("hash") => "<hash>".to_owned(),
            (Some(inner), _) if inner.parse::<u32>().is_ok() => "<n>".to_owned(),
            (None, 5) if safe => "<n>".to_owned(),
            (None, 8..=10) if safe => "<hash>".to_owned(),
            _ => part.to_owned(),
        }
    };
    let parts: Vec<String> = token.split('-').map(part).collect();
    parts.join("-")
}

#[test]
fn what_is_random_goes_and_the_rest_stays() {
    let rows = "NAME  READY  AGE  NODE\nweb-<hash1>-<2>  1/1  <age>  node-2\n";
    let own = "NAME                  READY   AGE    NODE\nweb-f9bb58596-l4nbr   1/1     2m5s   worker-1\n";
    assert_eq!(
        recorded("kubectl get pods", rows),
        ours("kubectl get pods", own)
    );
    let other = own.replace("1/1", "0/1");
    assert_ne!(
        recorded("kubectl get pods", rows),
        ours("kubectl get pods", &other)
    );
    assert_eq!(word("<ip>:8080,10.0.0.1:80"), "<ip>:8080,<ip>:80");
    let addresses = recorded("x", "Endpoints:  <ip:web-<hash1>-<3>>:8080");
    assert_eq!(addresses, ours("x", "Endpoints:  10.244.1.2:8080"));
}
