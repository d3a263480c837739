//! JSONPath templates: `{.items[*].metadata.name}`, `{range .items[*]}{.a}{"\n"}{end}`.
//!
//! Upstream: staging/src/k8s.io/client-go/util/jsonpath/{parser,jsonpath}.go, v1.36. Left out:
//! regular expressions, unions of expressions other than keys.

use serde_json::Value;

/// The longest template that is read.
const TEMPLATE_LIMIT: usize = 10_000;
/// The longest text that a template may print; what goes beyond it is left out.
const TEXT_LIMIT: usize = 8 * 1024 * 1024;

/// A piece of a template.
#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Text(String),
    Path(Vec<Step>),
    Range(Vec<Step>, Vec<Piece>),
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Key(String),
    Index(i64),
    Slice(Option<i64>, Option<i64>, i64),
    All,
    Deep(String),
    Filter(Filter),
    Keys(Vec<String>),
}

#[derive(Clone, Debug, PartialEq)]
struct Filter {
    left: Vec<Step>,
    test: Option<(String, Side)>,
}

#[derive(Clone, Debug, PartialEq)]
enum Side {
    Literal(Value),
    Path(Vec<Step>),
}

/// A template, read once and used for many objects.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    pieces: Vec<Piece>,
}

impl Template {
    /// Reads a template as `-o jsonpath=` takes it: a text without braces is one path.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > TEMPLATE_LIMIT {
            return Err(format!(
                "the template is longer than {TEMPLATE_LIMIT} bytes"
            ));
        }
        let mut reader = Reader { rest: text };
        let (pieces, ended) = reader.pieces(0)?;
        match ended {
            true => Err("not in range, nothing to end".to_owned()),
            false => Ok(Self { pieces }),
        }
    }

    /// Reads a path as `--sort-by` and `-o custom-columns=` take it: braces and the first dot may be
    /// left out.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn relaxed(text: &str) -> Result<Self, String> {
        let inner = text.strip_prefix('{').and_then(|t| t.strip_suffix('}'));
        let inner = inner.unwrap_or(text);
        if inner.is_empty() || inner.contains(['{', '}']) {
            return Err(format!(
                "unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{{name1.name2}}' or '{{.name1.name2}}': {text}"
            ));
        }
        let path = match inner.starts_with(['.', '[', '$', '@']) {
            true => inner.to_owned(),
            false => format!(".{inner}"),
        };
        Self::parse(&format!("{{{path}}}"))
    }

    /// What the template says of `value`. Fields that are not there say nothing.
    pub fn text(&self, value: &Value) -> String {
        let mut out = String::new();
        print(&self.pieces, value, value, &mut out);
        out
    }

    /// What the template's only path finds.
    pub fn find<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        match self.pieces.as_slice() {
            [Piece::Path(steps)] => walk(steps, value, value),
            _ => Vec::new(),
        }
    }
}

fn print(pieces: &[Piece], root: &Value, here: &Value, out: &mut String) {
    for piece in pieces {
        if out.len() > TEXT_LIMIT {
            return;
        }
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Path(steps) => {
                let found = walk(steps, root, here);
                let texts: Vec<String> = found.into_iter().map(plain).collect();
                out.push_str(&texts.join(" "));
            }
            Piece::Range(steps, body) => {
                for item in walk(steps, root, here) {
                    print(body, root, item, out);
                }
            }
        }
    }
}

/// A value as it is printed: texts as they are, everything else as JSON.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn walk<'a>(steps: &[Step], root: &'a Value, here: &'a Value) -> Vec<&'a Value> {
    let mut found = vec![here];
    for step in steps {
        found = found
            .into_iter()
            .flat_map(|value| take(step, root, value))
            .collect();
    }
    found
}

fn take<'a>(step: &Step, root: &'a Value, value: &'a Value) -> Vec<&'a Value> {
    match step {
        Step::Key(key) if key == "$" => vec![root],
        Step::Key(key) => value.get(key).into_iter().collect(),
        Step::Keys(keys) => keys.iter().filter_map(|key| value.get(key)).collect(),
        Step::Index(at) => {
            let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
            place(*at, items.len())
                .and_then(|at| items.get(at))
                .into_iter()
                .collect()
        }
        Step::Slice(from, to, by) => {
            let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
            let bound = |at: Option<i64>, otherwise: usize| match at {
                Some(at) => place(at, items.len()).unwrap_or(items.len()),
                None => otherwise,
            };
            let (from, to) = (bound(*from, 0), bound(*to, items.len()));
            let by = usize::try_from(*by).unwrap_or(1).max(1);
            let range = items.get(from..to.min(items.len())).unwrap_or_default();
            range.iter().step_by(by).collect()
        }
        Step::All => children(value),
        Step::Deep(key) => {
            let mut found = Vec::new();
            deep(value, key, &mut found);
            found
        }
        Step::Filter(filter) => {
            let items = value.as_array().into_iter().flatten();
            items.filter(|item| filter.holds(root, item)).collect()
        }
    }
}

fn place(at: i64, length: usize) -> Option<usize> {
    match usize::try_from(at) {
        Ok(at) => Some(at),
        Err(_) => length.checked_sub(usize::try_from(at.unsigned_abs()).ok()?),
    }
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(fields) => fields.values().collect(),
        _ => Vec::new(),
    }
}

fn deep<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a Value>) {
    found.extend(value.get(key));
    for child in children(value) {
        deep(child, key, found);
    }
}

impl Filter {
    fn holds(&self, root: &Value, item: &Value) -> bool {
        let left = walk(&self.left, root, item);
        let Some((operator, right)) = &self.test else {
            return !left.is_empty();
        };
        let right: Vec<&Value> = match right {
            Side::Literal(value) => vec![value],
            Side::Path(steps) => walk(steps, root, item),
        };
        let (Some(left), Some(right)) = (left.first(), right.first()) else {
            return false;
        };
        let order = compare(left, right);
        match operator.as_str() {
            "==" => order.is_some_and(std::cmp::Ordering::is_eq),
            "!=" => !order.is_some_and(std::cmp::Ordering::is_eq),
            "<" => order.is_some_and(std::cmp::Ordering::is_lt),
            "<=" => order.is_some_and(std::cmp::Ordering::is_le),
            ">" => order.is_some_and(std::cmp::Ordering::is_gt),
            _ => order.is_some_and(std::cmp::Ordering::is_ge),
        }
    }
}

/// The order of two values of the same sort.
pub fn compare(left: &Value, right: &Value) -> Option<std::cmp::Ordering> {
    match (left, right) {
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::Number(left), Value::Number(right)) => match (left.as_i64(), right.as_i64()) {
            (Some(left), Some(right)) => Some(left.cmp(&right)),
            _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
        },
        _ => None,
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    /// Pieces up to the end, or to `{end}`; answers which of the two it was.
    fn pieces(&mut self, depth: u32) -> Result<(Vec<Piece>, bool), String> {
        let mut pieces = Vec::new();
        loop {
            let Some(open) = self.rest.find('{') else {
                if !self.rest.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut self.rest).to_owned()));
                }
                return match depth {
                    0 => Ok((pieces, false)),
                    _ => Err("unclosed range".to_owned()),
                };
            };
            if open > 0 {
                pieces.push(Piece::Text(self.rest[..open].to_owned()));
            }
            let close = closing(&self.rest[open..]).ok_or("unclosed action")?;
            let action = self.rest[open + 1..open + close].trim();
            self.rest = &self.rest[open + close + 1..];
            if action == "end" {
                return Ok((pieces, true));
            }
            if let Some(path) = action.strip_prefix("range ") {
                if depth > 20 {
                    return Err("too many ranges in one another".to_owned());
                }
                let steps = steps(path.trim())?;
                let (body, ended) = self.pieces(depth + 1)?;
                if !ended {
                    return Err("unclosed range".to_owned());
                }
                pieces.push(Piece::Range(steps, body));
                continue;
            }
            pieces.push(action_piece(action)?);
        }
    }
}

fn action_piece(action: &str) -> Result<Piece, String> {
    match action.chars().next() {
        Some(quote @ ('"' | '\'')) => Ok(Piece::Text(unquote(action, quote)?)),
        _ => Ok(Piece::Path(steps(action)?)),
    }
}

fn unquote(text: &str, quote: char) -> Result<String, String> {
    let inner = text
        .strip_prefix(quote)
        .and_then(|text| text.strip_suffix(quote))
        .ok_or("unterminated quoted string")?;
    let mut out = String::new();
    let mut signs = inner.chars();
    while let Some(sign) = signs.next() {
        match sign {
            '\\' => match signs.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => out.push('\r'),
                Some(other) => out.push(other),
                None => return Err("unterminated quoted string".to_owned()),
            },
            sign => out.push(sign),
        }
    }
    Ok(out)
}

/// Where the brace that `text` begins with is closed.
fn closing(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    for (at, sign) in text.char_indices() {
        match (quote, sign) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), sign) if sign == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(sign),
            (None, '}') => return Some(at),
            (None, _) => {}
        }
    }
    None
}

fn steps(path: &str) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    let mut rest = path;
    if let Some(after) = rest.strip_prefix('$') {
        steps.push(Step::Key("$".to_owned()));
        rest = after;
    }
    rest = rest.strip_prefix('@').unwrap_or(rest);
    while !rest.is_empty() {
        rest = match rest.as_bytes()[0] {
            b'[' => bracket(rest, &mut steps)?,
            b'.' if rest.starts_with("..") => {
                let (name, after) = name(&rest[2..]);
                steps.push(Step::Deep(name));
                after
            }
            b'.' => {
                let (name, after) = name(&rest[1..]);
                match name.as_str() {
                    "" => {}
                    "*" => steps.push(Step::All),
                    _ => steps.push(Step::Key(name)),
                }
                after
            }
            _ if steps.is_empty() => {
                let (name, after) = name(rest);
                match name.is_empty() {
                    true => return Err(format!("unrecognized character in action: {path}")),
                    false => steps.push(Step::Key(name)),
                }
                after
            }
            _ => return Err(format!("unrecognized character in action: {path}")),
        };
    }
    Ok(steps)
}

/// A field's name, in which `\.` is a dot, and what stands after it.
fn name(text: &str) -> (String, &str) {
    let mut name = String::new();
    let mut signs = text.char_indices();
    while let Some((at, sign)) = signs.next() {
        match sign {
            '\\' => name.extend(signs.next().map(|(_, sign)| sign)),
            '.' | '[' | ' ' | ')' | '=' | '<' | '>' | '!' => return (name, &text[at..]),
            sign => name.push(sign),
        }
    }
    (name, "")
}

fn bracket<'a>(text: &'a str, steps: &mut Vec<Step>) -> Result<&'a str, String> {
    let mut depth = 0_u32;
    let mut quote = None;
    let mut end = None;
    for (at, sign) in text.char_indices() {
        match (quote, sign) {
            (Some(open), sign) if sign == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(sign),
            (None, '[') => depth += 1,
            (None, ']') if depth == 1 => {
                end = Some(at);
                break;
            }
            (None, ']') => depth -= 1,
            (None, _) => {}
        }
    }
    let end = end.ok_or("unterminated array")?;
    steps.push(index(text[1..end].trim())?);
    Ok(&text[end + 1..])
}

fn index(inner: &str) -> Result<Step, String> {
    if inner == "*" {
        return Ok(Step::All);
    }
    if let Some(filter) = inner.strip_prefix("?(").and_then(|t| t.strip_suffix(')')) {
        return filter_step(filter);
    }
    if let Some(quote @ ('"' | '\'')) = inner.chars().next() {
        let keys: Result<Vec<String>, String> = inner
            .split(',')
            .map(|key| unquote(key.trim(), quote))
            .collect();
        return Ok(Step::Keys(keys?));
    }
    let invalid = || format!("invalid array index {inner}");
    let number = |text: &str| text.trim().parse::<i64>().map_err(|_| invalid());
    if inner.contains(':') {
        let mut parts = inner.split(':');
        let mut bound = || match parts.next().map(str::trim) {
            None | Some("") => Ok(None),
            Some(text) => number(text).map(Some),
        };
        let (from, to, by) = (bound()?, bound()?, bound()?);
        return Ok(Step::Slice(from, to, by.unwrap_or(1)));
    }
    Ok(Step::Index(number(inner)?))
}

fn filter_step(text: &str) -> Result<Step, String> {
    let operator = ["==", "!=", "<=", ">=", "<", ">"]
        .into_iter()
        .filter_map(|operator| text.find(operator).map(|at| (at, operator)))
        .min_by_key(|(at, operator)| (*at, std::cmp::Reverse(operator.len())));
    let Some((at, operator)) = operator else {
        let left = steps(text.trim())?;
        return Ok(Step::Filter(Filter { left, test: None }));
    };
    let left = steps(text[..at].trim())?;
    let right = text[at + operator.len()..].trim();
    let side = match right.chars().next() {
        Some(quote @ ('"' | '\'')) => Side::Literal(Value::String(unquote(right, quote)?)),
        Some('@' | '$' | '.') => Side::Path(steps(right)?),
        _ => {
            let literal = serde_json::from_str(right);
            Side::Literal(literal.map_err(|_| format!("unrecognized identifier {right}"))?)
        }
    };
    Ok(Step::Filter(Filter {
        left,
        test: Some((operator.to_owned(), side)),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sample() -> Value {
        json!({
            "kind": "List",
            "items": [
                {"name": "a", "n": 1, "labels": {"x.io/y": "z"}, "conditions": [{"type": "Ready", "status": "True"}]},
                {"name": "b", "n": 22, "conditions": [{"type": "Ready", "status": "False"}]},
                {"name": "c", "n": 3}
            ]
        })
    }

    #[test]
    fn templates_find_what_they_name() {
        for (template, want) in [
            ("{.kind}", "List"),
            ("{$.kind}", "List"),
            ("name: {.items[0].name}!", "name: a!"),
            ("{.items[*].name}", "a b c"),
            ("{.items[-1].name}", "c"),
            ("{.items[0:2].name}", "a b"),
            ("{.items[0].labels}", "{\"x.io/y\":\"z\"}"),
            ("{.items[0].labels.x\\.io/y}", "z"),
            ("{.items[0].labels['x.io/y']}", "z"),
            ("{.items[?(@.name==\"b\")].n}", "22"),
            ("{.items[?(@.n>=3)].name}", "b c"),
            ("{.items[?(@.conditions)].name}", "a b"),
            ("{.items[0].conditions[?(@.type=='Ready')].status}", "True"),
            ("{..type}", "Ready Ready"),
            (
                "{range .items[*]}{.name}{\"\\t\"}{.n}{\"\\n\"}{end}",
                "a\t1\nb\t22\nc\t3\n",
            ),
            ("{.missing.too}", ""),
        ] {
            let parsed = Template::parse(template).expect(template);
            assert_eq!(parsed.text(&sample()), want, "{template}");
        }
    }

    #[test]
    fn wrong_templates_are_refused() {
        for template in [
            "{.a",
            "{.items[0}",
            "{.items[x]}",
            "{range .items[*]}{.a}",
            "{end}",
            "{\"x}",
        ] {
            assert!(Template::parse(template).is_err(), "{template}");
        }
    }

    #[test]
    fn braces_and_dots_may_be_left_out() {
        for text in ["kind", ".kind", "{.kind}", "{kind}"] {
            let parsed = Template::relaxed(text).expect(text);
            assert_eq!(parsed.find(&sample()), [&json!("List")], "{text}");
        }
        assert!(Template::relaxed("").is_err() && Template::relaxed("a{b}").is_err());
    }
}
