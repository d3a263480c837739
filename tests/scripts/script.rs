//! How a script is written.
//!
//! A step is a command; what it shows stands below a line of three dashes, and ends at an empty line
//! before the next comment or command. A comment begins with `#`. A command may end in `<<EOF`: its
//! standard input follows, up to a line `EOF`.

/// The words that commands begin with.
const COMMANDS: &[&str] = &["kubectl", "timeout", "advance", "fault", "curl"];

/// A script.
pub struct Script {
    pub steps: Vec<Step>,
    /// Comments and empty lines after the last step.
    tail: String,
}

/// A command and what it shows.
pub struct Step {
    /// Comments and empty lines before it.
    before: String,
    /// Its line in the file, from 1.
    pub line: usize,
    /// The command, without its input.
    pub command: String,
    /// Its standard input.
    pub stdin: Option<String>,
    /// The command and its input as they are written.
    written: String,
    /// What it shows.
    pub expected: String,
}

fn is_command(line: &str) -> bool {
    let first = line.split_whitespace().next().unwrap_or_default();
    COMMANDS.contains(&first) && !line.starts_with(' ')
}

impl Script {
    /// Reads a script.
    pub fn parse(text: &str) -> Result<Self, String> {
        let lines: Vec<&str> = text.lines().collect();
        let (mut steps, mut before, mut at) = (Vec::new(), String::new(), 0);
        while at < lines.len() {
            let line = lines[at];
            if line.is_empty() || line.starts_with('#') {
                before.push_str(&format!("{line}\n"));
                at += 1;
                continue;
            }
            if !is_command(line) {
                return Err(format!("line {}: no command: {line}", at + 1));
            }
            let (mut step, next) = command(&lines, at)?;
            step.before = std::mem::take(&mut before);
            at = next;
            if lines.get(at) == Some(&"---") {
                let start = at + 1;
                let ends = |end: &usize| {
                    let following = lines.get(end + 1);
                    let next =
                        following.is_none_or(|next| next.starts_with('#') || is_command(next));
                    lines[*end].is_empty() && next
                };
                let end = (start..lines.len()).find(ends).unwrap_or(lines.len());
                if let Some(found) = (start..end).find(|line| is_command(lines[*line])) {
                    let message = "an empty line is missing between an output and a command";
                    return Err(format!("line {}: {message}", found + 1));
                }
                step.expected = lines[start..end]
                    .iter()
                    .map(|line| format!("{line}\n"))
                    .collect();
                at = end;
            }
            steps.push(step);
        }
        Ok(Self {
            steps,
            tail: before,
        })
    }

    /// The script as it is written.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut after_output = false;
        for step in &self.steps {
            if after_output && !step.before.starts_with('\n') {
                text.push('\n');
            }
            after_output = !step.expected.is_empty();
            text.push_str(&step.before);
            text.push_str(&step.written);
            if !step.expected.is_empty() {
                text.push_str(&format!("---\n{}", step.expected));
            }
        }
        format!("{text}{}", self.tail)
    }
}

fn command(lines: &[&str], at: usize) -> Result<(Step, usize), String> {
    let mut step = Step {
        before: String::new(),
        line: at + 1,
        command: lines[at].to_owned(),
        stdin: None,
        written: format!("{}\n", lines[at]),
        expected: String::new(),
    };
    let Some((command, word)) = lines[at].split_once("<<") else {
        return Ok((step, at + 1));
    };
    let word = word.trim().trim_matches('\'');
    let end = lines.iter().skip(at + 1).position(|line| *line == word);
    let Some(end) = end.map(|end| at + 1 + end) else {
        return Err(format!("line {}: no line {word} ends the input", at + 1));
    };
    let input = |lines: &[&str]| {
        lines
            .iter()
            .map(|line| format!("{line}\n"))
            .collect::<String>()
    };
    step.command = command.trim_end().to_owned();
    step.stdin = Some(input(&lines[at + 1..end]));
    step.written = input(&lines[at..=end]);
    Ok((step, end + 1))
}

#[test]
fn a_script_is_read_and_written_as_it_was() {
    let text = "# A lesson.\n\nkubectl apply -f - <<EOF\na: 1\nEOF\n---\nx created\n\n# Wait.\nadvance 30s\nkubectl get all\n---\nNAME\n\nAGE\n";
    let script = Script::parse(text).expect("a good script");
    let commands: Vec<&str> = script
        .steps
        .iter()
        .map(|step| step.command.as_str())
        .collect();
    assert_eq!(
        commands,
        ["kubectl apply -f -", "advance 30s", "kubectl get all"]
    );
    assert_eq!(script.steps[0].stdin.as_deref(), Some("a: 1\n"));
    assert_eq!(script.steps[2].expected, "NAME\n\nAGE\n");
    assert_eq!(script.text(), text);
    let tight = "kubectl get pods\n---\nx\nadvance 5s\n";
    assert!(Script::parse(tight).is_err());
    assert!(Script::parse("what is this\n").is_err());
    assert!(Script::parse("kubectl apply -f - <<EOF\n").is_err());
}
