//! The commands that ask the network: curl, wget, nslookup, getent.
//!
//! Upstream: curl 8 (tool_operate.c), busybox 1.37 (networking/wget.c, networking/nslookup.c), glibc's
//! getent. Left out: bodies, uploads, headers, encryption, what curl and wget show of their progress.

use super::commands::Run;
use super::{Process, files};
use crate::network::call::{CallAnswer, CallOutcome, CallWhat, RecordType};
use crate::sim::SimDuration;

/// A URL's host, port and path.
fn url_parts(url: &str) -> Result<(String, u16, String), String> {
    let (rest, standard) = match url.split_once("://") {
        None => (url, 80),
        Some(("http", rest)) => (rest, 80),
        Some((scheme, _)) => return Err(format!("Kubarium's containers do not speak {scheme}")),
    };
    let at = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(at);
    let (host, port) = match authority.rsplit_once(':') {
        None => (authority, standard),
        Some((host, port)) => match port.parse() {
            Ok(port) => (host, port),
            Err(_) => return Err("Port number was not a decimal number between 0 and 65535".into()),
        },
    };
    let wrong = |c: char| !c.is_ascii_alphanumeric() && !".-_".contains(c);
    if host.is_empty() || host.contains(wrong) || url.len() > 2_048 {
        return Err("Malformed input to a URL function".into());
    }
    let slash = if path.starts_with('/') { "" } else { "/" };
    Ok((host.to_owned(), port, format!("{slash}{path}")))
}

/// What is asked for, by the command's options.
struct Asked {
    method: String,
    url: String,
    /// Prints nothing of what goes wrong.
    silent: bool,
    /// Where the answer goes: `-`, `/dev/null`.
    output: String,
    limit: Option<SimDuration>,
    fails: bool,
}

/// Reads options: letters in `switches` stand alone, letters in `takes` have a value.
fn options(
    run: &Run<'_, '_>,
    switches: &str,
    takes: &str,
    long: &[(&str, char)],
) -> Result<Asked, String> {
    let mut asked = Asked {
        method: "GET".to_owned(),
        url: String::new(),
        silent: false,
        output: String::new(),
        limit: None,
        fails: false,
    };
    let mut args = run.args().iter();
    while let Some(arg) = args.next() {
        let Some(letters) = arg.strip_prefix('-').filter(|rest| !rest.is_empty()) else {
            match asked.url.is_empty() {
                true => asked.url.clone_from(arg),
                false => return Err(format!("{arg} (a second URL)")),
            }
            continue;
        };
        let (letters, mut value) = match letters.strip_prefix('-') {
            None => (letters.to_owned(), None),
            Some(name) => {
                let (name, value) = match name.split_once('=') {
                    Some((name, value)) => (name, Some(value.to_owned())),
                    None => (name, None),
                };
                let found = long.iter().find(|(known, _)| *known == name);
                let (_, letter) = found.ok_or_else(|| arg.clone())?;
                (letter.to_string(), value)
            }
        };
        for (at, letter) in letters.char_indices() {
            if switches.contains(letter) {
                match letter {
                    's' | 'q' => asked.silent = true,
                    'S' => asked.silent = false,
                    'f' => asked.fails = true,
                    'I' => asked.method = "HEAD".to_owned(),
                    _ => {}
                }
                continue;
            }
            if !takes.contains(letter) {
                return Err(arg.clone());
            }
            let rest = &letters[at + letter.len_utf8()..];
            let given = value.take().or((!rest.is_empty()).then(|| rest.to_owned()));
            let given = given.or_else(|| args.next().cloned());
            let given = given.ok_or_else(|| format!("{arg} without a value"))?;
            match letter {
                'X' => asked.method = given,
                'o' | 'O' => asked.output = given,
                _ => {
                    let seconds: u64 = given.parse().map_err(|_| format!("{arg} {given}"))?;
                    asked.limit = Some(SimDuration::secs(seconds.min(86_400)));
                }
            }
            break;
        }
    }
    Ok(asked)
}

/// Asks, and waits no longer than the limit; answers what came and whether that was too long.
fn ask(run: &mut Run<'_, '_>, asked: &Asked, what: CallWhat) -> (CallOutcome, bool) {
    let CallAnswer { outcome, took } = (run.network)(what);
    let late = asked.limit.is_some_and(|limit| took > limit);
    run.took = asked.limit.filter(|_| late).unwrap_or(took);
    (outcome, late)
}

pub fn curl(process: &Process, run: &mut Run<'_, '_>) -> i32 {
    let long = [
        ("silent", 's'),
        ("show-error", 'S'),
        ("insecure", 'k'),
        ("location", 'L'),
        ("fail", 'f'),
        ("max-time", 'm'),
        ("connect-timeout", 'm'),
        ("request", 'X'),
        ("output", 'o'),
    ];
    let asked = match options(run, "sSkLf4", "mXo", &long) {
        Ok(asked) if asked.url.is_empty() => {
            return run.fail(2, "no URL specified");
        }
        Ok(asked) => asked,
        Err(option) => return run.unknown(&option),
    };
    let (host, port, path) = match url_parts(&asked.url) {
        Ok(parts) => parts,
        Err(why) => return run.fail(3, &format!("(3) URL rejected: {why}")),
    };
    if !matches!(asked.output.as_str(), "" | "-" | "/dev/null") {
        return run.fail(
            23,
            &unwritable(&files::absolute(&process.dir, &asked.output)),
        );
    }
    let what = CallWhat::Http {
        method: asked.method.clone(),
        host: host.clone(),
        port,
        path,
        body: String::new(),
    };
    let (outcome, late) = ask(run, &asked, what);
    let millis = run.took.as_millis();
    let (code, why) = match outcome {
        _ if late => (
            28,
            format!("Connection timed out after {millis} milliseconds"),
        ),
        CallOutcome::Answered(response) => {
            if asked.fails && response.status >= 400 {
                (
                    22,
                    format!("The requested URL returned error: {}", response.status),
                )
            } else {
                if asked.output != "/dev/null" {
                    run.printed.out.push_str(&response.body);
                }
                return 0;
            }
        }
        CallOutcome::NoSuchName { .. } | CallOutcome::NoNameServer { .. } => {
            (6, format!("Could not resolve host: {host}"))
        }
        CallOutcome::TimedOut { .. } => (28, cannot_connect(&host, port, millis)),
        CallOutcome::Outside { host } => (7, outside(&host)),
        _ => (7, cannot_connect(&host, port, millis)),
    };
    match asked.silent {
        true => code,
        false => run.fail(code, &format!("({code}) {why}")),
    }
}

fn cannot_connect(host: &str, port: u16, millis: u64) -> String {
    format!(
        "Failed to connect to {host} port {port} after {millis} ms: Could not connect to server"
    )
}

fn outside(host: &str) -> String {
    format!("{host} is outside of the cluster, where nothing is simulated")
}

fn unwritable(path: &str) -> String {
    format!("can't open '{path}': Kubarium's containers cannot write files yet")
}

pub fn wget(process: &Process, run: &mut Run<'_, '_>) -> i32 {
    let long = [("timeout", 'T'), ("tries", 't'), ("quiet", 'q')];
    let asked = match options(run, "qS", "OTt", &long) {
        Ok(asked) if asked.url.is_empty() => return run.fail(1, "missing URL"),
        Ok(asked) => asked,
        Err(option) => return run.unknown(&option),
    };
    let (host, port, path) = match url_parts(&asked.url) {
        Ok(parts) => parts,
        Err(why) => return run.fail(1, &why),
    };
    if !matches!(asked.output.as_str(), "-" | "/dev/null") {
        let name = match asked.output.as_str() {
            "" => "index.html",
            name => name,
        };
        return run.fail(1, &unwritable(&files::absolute(&process.dir, name)));
    }
    let what = CallWhat::Http {
        method: "GET".to_owned(),
        host: host.clone(),
        port,
        path,
        body: String::new(),
    };
    let (outcome, late) = ask(run, &asked, what);
    let why = match outcome {
        _ if late => "download timed out".to_owned(),
        CallOutcome::Answered(response) if response.status >= 400 => {
            format!("server returned error: HTTP/1.1 {}", response.status)
        }
        CallOutcome::Answered(response) => {
            if asked.output == "-" {
                run.printed.out.push_str(&response.body);
            }
            return 0;
        }
        CallOutcome::NoSuchName { .. } | CallOutcome::NoNameServer { .. } => {
            format!("bad address '{host}'")
        }
        CallOutcome::Refused { .. } => {
            format!("can't connect to remote host ({host}): Connection refused")
        }
        CallOutcome::Unreachable { .. } => {
            format!("can't connect to remote host ({host}): Host is unreachable")
        }
        CallOutcome::Outside { host } => outside(&host),
        _ => format!("can't connect to remote host ({host}): Operation timed out"),
    };
    run.fail(1, &why)
}

fn resolve(run: &mut Run<'_, '_>, name: &str) -> CallOutcome {
    let CallAnswer { outcome, took } = (run.network)(CallWhat::Resolve {
        name: name.to_owned(),
        record: RecordType::A,
        search: true,
    });
    run.took = took;
    outcome
}

pub fn nslookup(_: &Process, run: &mut Run<'_, '_>) -> i32 {
    let name = match run.args() {
        [name] if !name.starts_with('-') => name.clone(),
        [] => return run.fail(1, "a name is missing"),
        [.., other] => return run.unknown(&other.clone()),
    };
    let outcome = resolve(run, &name);
    let head = |server: &str| format!("Server:\t\t{server}\nAddress:\t{server}:53\n");
    match outcome {
        CallOutcome::Resolved {
            server,
            name,
            records,
        } => {
            run.line(&head(&server));
            for record in records {
                run.line(&match record.record {
                    RecordType::A => format!("Name:\t{name}\nAddress: {}", record.value),
                    _ => format!("{}\tcanonical name = {}", record.name, record.value),
                });
            }
            run.line("");
            0
        }
        CallOutcome::NoSuchName { server, name } => {
            run.line(&head(&server));
            run.line(&format!("** server can't find {name}: NXDOMAIN\n"));
            1
        }
        CallOutcome::Outside { host } => run.fail(1, &outside(&host)),
        _ => {
            run.line(";; connection timed out; no servers could be reached\n");
            1
        }
    }
}

pub fn getent(_: &Process, run: &mut Run<'_, '_>) -> i32 {
    let name = match run.args() {
        [what, name] if what == "hosts" => name.clone(),
        _ => return run.fail(1, "Kubarium simulates only getent hosts NAME"),
    };
    match resolve(run, &name) {
        CallOutcome::Resolved { name, records, .. } => {
            for record in records.iter().filter(|r| r.record == RecordType::A) {
                run.line(&format!("{:15} {name}", record.value));
            }
            0
        }
        _ => 2,
    }
}
