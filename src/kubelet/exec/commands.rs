//! The commands, in one table: which systems have them, and what they do.
//!
//! Upstream: busybox 1.37, Debian's coreutils and procps, as far as what they print depends on what is
//! simulated. Left out: every other command and option, which is refused by name.

use super::{FOREVER, Network, Place, Printed, Process, env, files, network};
use crate::api::meta;
use crate::kubelet::image::{self, Program, System};
use crate::sim::{SimDuration, SimTime};

/// A command that is carried out.
pub struct Run<'a, 'b> {
    /// Its words, its name first.
    pub words: &'a [String],
    pub place: &'a Place,
    pub network: Network<'b>,
    pub printed: Printed,
    /// How long it takes.
    pub took: SimDuration,
}

impl Run<'_, '_> {
    pub fn args(&self) -> &[String] {
        &self.words[1..]
    }

    pub fn line(&mut self, line: &str) {
        self.printed.out.push_str(line);
        self.printed.out.push('\n');
    }

    /// Complains; answers the exit code.
    pub fn fail(&mut self, code: i32, why: &str) -> i32 {
        let text = format!("{}: {why}\n", self.words[0]);
        self.printed.err.push_str(&text);
        code
    }

    /// Refuses an option.
    pub fn unknown(&mut self, option: &str) -> i32 {
        let why = format!("Kubarium does not simulate the option {option}");
        self.fail(2, &why)
    }

    /// The arguments without those that begin with `-`; of these only the letters in `known` may be.
    ///
    /// # Errors
    /// The option that is unknown.
    fn plain(&self, known: &str) -> Result<Vec<String>, String> {
        let mut rest = Vec::new();
        for arg in self.args() {
            match arg.strip_prefix('-') {
                Some(letters) if !letters.is_empty() => {
                    if letters.contains(|letter| !known.contains(letter)) {
                        return Err(arg.clone());
                    }
                }
                _ => rest.push(arg.clone()),
            }
        }
        Ok(rest)
    }
}

type Command = fn(&Process, &mut Run<'_, '_>) -> i32;

const EVERY: &str = "bad";
/// (name, the systems that have it by their letters, what it does)
const TABLE: &[(&str, &str, Command)] = &[
    ("bash", "d", nested),
    ("cat", EVERY, cat),
    ("curl", "", network::curl),
    ("date", EVERY, date),
    ("echo", EVERY, echo),
    ("env", EVERY, printenv),
    ("false", EVERY, |_, _| 1),
    ("getent", "ad", network::getent),
    ("hostname", EVERY, hostname),
    ("id", EVERY, id),
    ("ls", EVERY, ls),
    ("nslookup", "ba", network::nslookup),
    ("printenv", EVERY, printenv),
    ("ps", "ba", ps),
    ("pwd", EVERY, |process, run| {
        let dir = process.dir.clone();
        run.line(&dir);
        0
    }),
    ("sh", EVERY, nested),
    ("sleep", EVERY, sleep),
    ("tail", EVERY, tail),
    ("true", EVERY, |_, _| 0),
    ("uname", EVERY, uname),
    ("wget", "ba", network::wget),
    ("whoami", EVERY, whoami),
];

fn find(program: &Program, name: &str) -> Option<Command> {
    let (_, systems, run) = TABLE.iter().find(|(known, ..)| *known == name)?;
    let letter = match program.system {
        System::None => return None,
        System::Busybox => 'b',
        System::Alpine => 'a',
        System::Debian => 'd',
    };
    let added = program.adds.iter().any(|added| added == name);
    (systems.contains(letter) || added).then_some(*run)
}

/// Whether the image has a command.
pub fn has(program: &Program, name: &str) -> bool {
    find(program, name).is_some()
}

/// What a shell shows before it reads a line.
pub fn prompt(shell: &str, dir: &str, place: &Place) -> String {
    match (shell, place.program.system) {
        ("bash", _) => format!("root@{}:{dir}# ", env::hostname(place)),
        (_, System::Debian) => "# ".to_owned(),
        _ => format!("{dir} # "),
    }
}

impl Process {
    /// Carries out one command; a shell knows some by itself.
    pub(super) fn carry_out(
        &mut self,
        words: &[String],
        place: &Place,
        network: Network<'_>,
        printed: &mut Printed,
    ) {
        if !self.shell.is_empty()
            && let Some(code) = self.builtin(words, printed)
        {
            self.code = code;
            return;
        }
        let name = match words[0].rsplit_once('/') {
            Some((folder, name)) if files::is_path(folder) => name,
            _ => &words[0],
        };
        let Some(command) = find(place.program, name) else {
            let (shell, name) = (&self.shell, &words[0]);
            let why = match (shell.as_str(), place.program.system) {
                ("bash", _) => format!("{name}: command not found"),
                (_, System::Debian) => format!("1: {name}: not found"),
                _ => format!("{name}: not found"),
            };
            printed.err.push_str(&format!("{shell}: {why}\n"));
            self.code = 127;
            return;
        };
        if name == "cat" && words.len() == 1 {
            (self.copies, self.code) = (true, 0);
            return;
        }
        let mut run = Run {
            words,
            place,
            network,
            printed: Printed::default(),
            took: SimDuration::ZERO,
        };
        self.code = command(self, &mut run);
        let Run {
            printed: own, took, ..
        } = run;
        if took == SimDuration::ZERO {
            printed.out.push_str(&own.out);
            printed.err.push_str(&own.err);
        } else {
            self.until = Some(place.now + took);
            self.held = (own.out, own.err);
        }
    }

    /// What a shell does itself.
    fn builtin(&mut self, words: &[String], printed: &mut Printed) -> Option<i32> {
        let arg = words.get(1).map(String::as_str);
        let is_name = |name: &str| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        if let [word] = words
            && let Some((name, value)) = word.split_once('=')
            && is_name(name)
        {
            return Some(self.set(name, value, printed));
        }
        Some(match words[0].as_str() {
            ":" => 0,
            "exit" => {
                let code = arg.and_then(|code| code.parse::<u8>().ok());
                self.script.clear();
                self.doing = super::Doing::Ended;
                code.map_or(self.code, i32::from)
            }
            "cd" => {
                let path = files::absolute(&self.dir, arg.unwrap_or("/root"));
                if files::folder(&path).is_none() {
                    let text = format!(
                        "{}: cd: can't cd to {path}: No such file or directory\n",
                        self.shell
                    );
                    printed.err.push_str(&text);
                    return Some(2);
                }
                self.dir = path;
                0
            }
            "export" => {
                let mut code = 0;
                for word in &words[1..] {
                    if let Some((name, value)) = word.split_once('=') {
                        code = code.max(self.set(name, value, printed));
                    }
                }
                code
            }
            _ => return None,
        })
    }

    fn set(&mut self, name: &str, value: &str, printed: &mut Printed) -> i32 {
        const VARIABLES_MAX: usize = 100;
        const VALUE_LIMIT: usize = 4_096;
        self.variables.retain(|(known, _)| known != name);
        if self.variables.len() >= VARIABLES_MAX || value.len() > VALUE_LIMIT {
            let shell = &self.shell;
            let text = format!(
                "{shell}: {name}: a shell has at most {VARIABLES_MAX} variables of {VALUE_LIMIT} bytes\n"
            );
            printed.err.push_str(&text);
            return 1;
        }
        self.variables.push((name.to_owned(), value.to_owned()));
        0
    }
}

fn nested(_: &Process, run: &mut Run<'_, '_>) -> i32 {
    run.fail(126, "Kubarium does not simulate a shell inside a shell")
}

fn cat(process: &Process, run: &mut Run<'_, '_>) -> i32 {
    let mut code = 0;
    for name in run.args().to_vec() {
        let path = files::absolute(&process.dir, &name);
        match files::file(&path, run.place) {
            Some(text) => run.printed.out.push_str(&text),
            None if files::folder(&path).is_some() => {
                code = run.fail(1, "read error: Is a directory");
            }
            None => {
                let why = match run.place.program.system {
                    System::Debian => format!("{name}: No such file or directory"),
                    _ => format!("can't open '{name}': No such file or directory"),
                };
                code = run.fail(1, &why);
            }
        }
    }
    code
}

fn ls(process: &Process, run: &mut Run<'_, '_>) -> i32 {
    let names = match run.plain("1a") {
        Ok(names) if names.is_empty() => vec![process.dir.clone()],
        Ok(names) => names,
        Err(option) => return run.unknown(&option),
    };
    let (many, mut code) = (names.len() > 1, 0);
    for name in names {
        let path = files::absolute(&process.dir, &name);
        if let Some(inside) = files::folder(&path) {
            if many {
                run.line(&format!("{name}:"));
            }
            inside.iter().for_each(|name| run.line(name));
        } else if files::file(&path, run.place).is_some() {
            run.line(&name);
        } else {
            let why = match run.place.program.system {
                System::Debian => format!("cannot access '{name}': No such file or directory"),
                _ => format!("{name}: No such file or directory"),
            };
            run.fail(1, &why);
            code = if run.place.program.system == System::Debian {
                2
            } else {
                1
            };
        }
    }
    code
}

fn echo(_: &Process, run: &mut Run<'_, '_>) -> i32 {
    let bare = run.args().first().is_some_and(|arg| arg == "-n");
    let text = run.args()[usize::from(bare)..].join(" ");
    run.printed.out.push_str(&text);
    if !bare {
        run.line("");
    }
    0
}

fn printenv(process: &Process, run: &mut Run<'_, '_>) -> i32 {
    let mut list = env::all(&process.variables, run.place);
    if process.tty {
        list.insert(2, ("TERM".to_owned(), "xterm".to_owned()));
    }
    let Some(name) = run.args().first() else {
        list.iter()
            .for_each(|(name, value)| run.line(&format!("{name}={value}")));
        return 0;
    };
    if run.words[0] == "env" {
        return run.unknown(&name.clone());
    }
    let Some((_, value)) = list.into_iter().find(|(known, _)| known == name) else {
        return 1;
    };
    run.line(&value);
    0
}

fn hostname(_: &Process, run: &mut Run<'_, '_>) -> i32 {
    let text = match run.args() {
        [] => env::hostname(run.place),
        [flag] if flag == "-i" => &run.place.ip,
        [other, ..] => return run.unknown(&other.clone()),
    };
    run.line(text);
    0
}

/// The user and group that the process runs as.
fn owner(place: &Place) -> (i64, i64) {
    let own = place.spec.security_context.as_ref();
    let pod = place
        .pod
        .spec
        .as_ref()
        .and_then(|spec| spec.security_context.as_ref());
    let user = own
        .and_then(|c| c.run_as_user)
        .or(pod.and_then(|c| c.run_as_user));
    let group = own
        .and_then(|c| c.run_as_group)
        .or(pod.and_then(|c| c.run_as_group));
    (user.unwrap_or(0), group.unwrap_or(0))
}

fn named(id: i64) -> String {
    let name = if id == 0 { "(root)" } else { "" };
    format!("{id}{name}")
}

fn id(_: &Process, run: &mut Run<'_, '_>) -> i32 {
    let (user, group) = owner(run.place);
    let text = match run.args() {
        [] => format!(
            "uid={} gid={} groups={}",
            named(user),
            named(group),
            named(group)
        ),
        [flag] if flag == "-u" => user.to_string(),
        [flag] if flag == "-g" => group.to_string(),
        [other, ..] => return run.unknown(&other.clone()),
    };
    run.line(&text);
    0
}

fn whoami(_: &Process, run: &mut Run<'_, '_>) -> i32 {
    match owner(run.place).0 {
        0 => {
            run.line("root");
            0
        }
        user => run.fail(1, &format!("unknown uid {user}")),
    }
}

fn uname(_: &Process, run: &mut Run<'_, '_>) -> i32 {
    const KERNEL: &str = crate::kubelet::node::KERNEL_VERSION;
    let text = match run.args() {
        [] => "Linux".to_owned(),
        [flag] if flag == "-r" => KERNEL.to_owned(),
        [flag] if flag == "-m" => "x86_64".to_owned(),
        [flag] if flag == "-n" => env::hostname(run.place).to_owned(),
        [flag] if flag == "-a" => {
            format!(
                "Linux {} {KERNEL} #1 SMP x86_64 GNU/Linux",
                env::hostname(run.place)
            )
        }
        [other, ..] => return run.unknown(&other.clone()),
    };
    run.line(&text);
    0
}

fn date(_: &Process, run: &mut Run<'_, '_>) -> i32 {
    match run.args() {
        [] => {}
        [flag] if flag == "-u" => {}
        [format] if format == "+%s" => {
            let seconds = run.place.now.as_secs().to_string();
            run.line(&seconds);
            return 0;
        }
        [other, ..] => return run.unknown(&other.clone()),
    }
    let now = image::date(run.place.now);
    run.line(&now);
    0
}

fn sleep(_: &Process, run: &mut Run<'_, '_>) -> i32 {
    let Some(arg) = run.args().first() else {
        return run.fail(1, "missing operand");
    };
    if arg == "infinity" {
        run.took = FOREVER;
        return 0;
    }
    let (number, unit) = match arg.find(|c: char| !c.is_ascii_digit() && c != '.') {
        Some(at) => arg.split_at(at),
        None => (arg.as_str(), "s"),
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let factor = match unit {
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(86_400_000),
        _ => None,
    };
    let part: String = format!("{part}000").chars().take(3).collect();
    match (whole.parse::<u64>(), part.parse::<u64>(), factor) {
        (Ok(whole), Ok(part), Some(factor)) => {
            let millis = whole
                .saturating_mul(factor)
                .saturating_add(part * factor / 1_000);
            run.took = SimDuration::millis(millis.min(FOREVER.as_millis()));
            0
        }
        _ => {
            let why = format!("invalid number '{arg}'");
            run.fail(1, &why)
        }
    }
}

fn tail(_: &Process, run: &mut Run<'_, '_>) -> i32 {
    match run.args() {
        [flag, path] if flag == "-f" && path == "/dev/null" => {
            run.took = FOREVER;
            0
        }
        _ => run.fail(2, "Kubarium simulates only tail -f /dev/null"),
    }
}

/// A line of `ps`.
struct Line {
    pid: u32,
    parent: u32,
    started: SimTime,
    command: String,
}

fn processes(process: &Process, run: &Run<'_, '_>) -> Vec<Line> {
    let place = run.place;
    let joined = |words: &Option<Vec<String>>| words.clone().unwrap_or_default().join(" ");
    let (command, args) = (joined(&place.spec.command), joined(&place.spec.args));
    let own = &place.program.processes;
    let first = match (command.as_str(), own.first()) {
        ("", Some(first)) if args.is_empty() => first.clone(),
        // A shell is an image's default command, which arguments take the place of.
        ("", Some(first)) if first == "sh" => args,
        ("", Some(first)) => format!("{} {args}", first.split(' ').next().unwrap_or_default()),
        ("", None) => args,
        (command, _) => format!("{command} {args}"),
    };
    let line = |pid, parent, started, command: &str| Line {
        pid,
        parent,
        started,
        command: command.trim().to_owned(),
    };
    let mut lines = vec![line(1, 0, place.started, &first)];
    if place.spec.command.is_none() {
        let children = own.iter().skip(1).zip(7..);
        lines.extend(children.map(|(child, pid)| line(pid, 1, place.started, child)));
    }
    let (mut pid, mut parent) = (process.pid, 0);
    if !process.shell.is_empty() {
        lines.push(line(pid, 0, place.now, &process.argv.join(" ")));
        (parent, pid) = (pid, pid + 1);
    }
    lines.push(line(pid, parent, place.now, &run.words.join(" ")));
    lines
}

fn ps(process: &Process, run: &mut Run<'_, '_>) -> i32 {
    let flags = run.args().join(" ");
    let lines = processes(process, run);
    let user = named(owner(run.place).0).replace("0(root)", "root");
    let clock = |at: SimTime| {
        let (at, ..) = meta::calendar(meta::time(at).0);
        format!("{:02}:{:02}", at.hour(), at.minute())
    };
    let debian = run.place.program.system == System::Debian;
    let (head, form) = match (debian, flags.trim_start_matches('-')) {
        (false, "" | "a" | "aux" | "ef" | "-ef" | "w" | "auxw") => {
            ("PID   USER     TIME  COMMAND", 0)
        }
        (true, "aux" | "auxw" | "auxww") => (
            "USER       PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND",
            1,
        ),
        (true, "ef") => ("UID        PID  PPID  C STIME TTY          TIME CMD", 2),
        (true, "") => ("  PID TTY          TIME CMD", 3),
        _ => return run.unknown(&flags),
    };
    run.line(head);
    for Line {
        pid,
        parent,
        started,
        command,
    } in lines
    {
        let own = pid >= process.pid && process.tty;
        let tty = if own { "pts/0" } else { "?" };
        let text = match form {
            0 => format!("{pid:5} {user:8}  0:00 {command}"),
            1 => format!(
                "{user:8} {pid:5}  0.0  0.0      0     0 {tty:8} S    {:5}   0:00 {command}",
                clock(started)
            ),
            2 => format!(
                "{user:8} {pid:5} {parent:5}  0 {} {tty:8} 00:00:00 {command}",
                clock(started)
            ),
            _ if pid < process.pid => continue,
            _ => {
                let name = command.split(' ').next().unwrap_or_default();
                format!("{pid:5} {tty:8} 00:00:00 {name}")
            }
        };
        run.line(&text);
    }
    0
}
