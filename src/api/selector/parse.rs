//! The text form of a selector, as `kubectl -l` takes it: `app=web,tier in (a, b),!old`.
//!
//! Upstream: staging/src/k8s.io/apimachinery/pkg/labels/selector.go (`Lexer`, `Parser`,
//! `NewRequirement`), v1.36, with its messages.

use super::{Operator, Requirement};
use crate::api::name;

/// What a text is made of.
#[derive(Clone, Debug, PartialEq)]
enum Token {
    /// A key, a value, or one of the words `in` and `notin`.
    Word(String),
    /// One of `=`, `==`, `!=`, `!`, `(`, `)`, `,`, `<`, `>`.
    Mark(&'static str),
    End,
}

impl Token {
    fn text(&self) -> &str {
        match self {
            Token::Word(word) => word,
            Token::Mark(mark) => mark,
            Token::End => "",
        }
    }

    fn is_word(&self) -> bool {
        matches!(self, Token::Word(_))
    }

    fn is(&self, mark: &str) -> bool {
        matches!(self, Token::Mark(own) if *own == mark)
    }

    /// Whether a requirement may end before it.
    fn ends(&self) -> bool {
        *self == Token::End || self.is(",")
    }
}

/// Longer ones first.
const MARKS: [&str; 9] = ["==", "!=", "=", "!", "(", ")", ",", "<", ">"];

fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\r', '\n']);
        if rest.is_empty() {
            return found;
        }
        if let Some(mark) = MARKS.iter().find(|mark| rest.starts_with(**mark)) {
            found.push(Token::Mark(mark));
            rest = &rest[mark.len()..];
            continue;
        }
        let stops = |c: char| matches!(c, ' ' | '\t' | '\r' | '\n') || "=!(),<>".contains(c);
        let end = rest.find(stops).unwrap_or(rest.len());
        found.push(Token::Word(rest[..end].to_owned()));
        rest = &rest[end..];
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn look(&self) -> Token {
        self.tokens.get(self.at).cloned().unwrap_or(Token::End)
    }

    fn take(&mut self) -> Token {
        let token = self.look();
        self.at += 1;
        token
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let mut token = self.take();
        let negated = token.is("!");
        if negated {
            token = self.take();
        }
        let Token::Word(key) = token else {
            return Err(format!("found '{}', expected: identifier", token.text()));
        };
        wrong("<nil>", &key, &name::qualified_name(&key))?;
        if negated {
            return Ok(plain(key, Operator::DoesNotExist));
        }
        if self.look().ends() {
            return Ok(plain(key, Operator::Exists));
        }
        let (operator, values) = self.comparison()?;
        for (index, value) in values.iter().enumerate() {
            let at = format!("values[{index}][{key}]");
            wrong(&at, value, &name::label_value(value))?;
        }
        Ok(Requirement {
            key,
            operator,
            values,
        })
    }

    fn comparison(&mut self) -> Result<(Operator, Vec<String>), String> {
        let token = self.take();
        match token.text() {
            "in" => Ok((Operator::In, self.values()?)),
            "notin" => Ok((Operator::NotIn, self.values()?)),
            "=" | "==" => Ok((Operator::In, vec![self.value()?])),
            "!=" => Ok((Operator::NotIn, vec![self.value()?])),
            "<" => Ok((Operator::LessThan, vec![self.number()?])),
            ">" => Ok((Operator::GreaterThan, vec![self.number()?])),
            other => Err(format!(
                "found '{other}', expected: in, notin, =, ==, !=, gt, lt"
            )),
        }
    }

    fn value(&mut self) -> Result<String, String> {
        if self.look().ends() {
            return Ok(String::new());
        }
        match self.take() {
            Token::Word(word) => Ok(word),
            other => Err(format!("found '{}', expected: identifier", other.text())),
        }
    }

    fn number(&mut self) -> Result<String, String> {
        let value = self.value()?;
        match value.parse::<i64>() {
            Ok(_) => Ok(value),
            Err(_) => Err(format!(
                "values[0]: Invalid value: {value:?}: for 'Gt', 'Lt' operators, the value must be an integer"
            )),
        }
    }

    /// A list in parentheses. Values are a set: in order, and each once.
    fn values(&mut self) -> Result<Vec<String>, String> {
        let open = self.take();
        if !open.is("(") {
            return Err(format!("found '{}' expected: '('", open.text()));
        }
        let mut values: Vec<String> = Vec::new();
        if self.look().is(")") {
            let detail = "for 'in', 'notin' operators, values set can't be empty";
            return Err(format!("values: Invalid value: []: {detail}"));
        }
        if !self.look().is_word() && !self.look().is(",") {
            let found = self.look();
            return Err(format!(
                "found '{}', expected: ',', ')' or identifier",
                found.text()
            ));
        }
        loop {
            match self.take() {
                Token::Word(word) => {
                    values.push(word);
                    let next = self.look();
                    if !next.is(",") && !next.is(")") {
                        return Err(format!("found '{}', expected: ',' or ')'", next.text()));
                    }
                }
                token if token.is(",") => {
                    if values.is_empty() || !self.look().is_word() {
                        values.push(String::new());
                    }
                }
                token if token.is(")") => break,
                token => {
                    return Err(format!(
                        "found '{}', expected: ',', or identifier",
                        token.text()
                    ));
                }
            }
        }
        crate::sim::order::sort(&mut values);
        values.dedup();
        Ok(values)
    }
}

fn plain(key: String, operator: Operator) -> Requirement {
    Requirement {
        key,
        operator,
        values: Vec::new(),
    }
}

fn wrong(at: &str, text: &str, sentences: &[String]) -> Result<(), String> {
    match sentences {
        [] => Ok(()),
        some => Err(format!(
            "{at}: Invalid value: {text:?}: {}",
            some.join("; ")
        )),
    }
}

/// The requirements that `text` says.
///
/// # Errors
/// What could not be understood, in upstream's words.
pub fn parse(text: &str) -> Result<Vec<Requirement>, String> {
    let mut parser = Parser {
        tokens: tokens(text),
        at: 0,
    };
    let mut found = Vec::new();
    loop {
        let first = parser.look();
        if first == Token::End {
            return Ok(found);
        }
        if !first.is_word() && !first.is("!") {
            return Err(format!(
                "found '{}', expected: !, identifier, or 'end of string'",
                first.text()
            ));
        }
        let requirement = parser.requirement();
        found.push(requirement.map_err(|why| format!("unable to parse requirement: {why}"))?);
        let next = parser.take();
        if next == Token::End {
            return Ok(found);
        }
        if !next.is(",") {
            return Err(format!(
                "found '{}', expected: ',' or 'end of string'",
                next.text()
            ));
        }
        let after = parser.look();
        if !after.is_word() && !after.is("!") {
            return Err(format!(
                "found '{}', expected: identifier after ','",
                after.text()
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Selector;

    #[test]
    fn what_is_wrong_is_said_in_upstreams_words() {
        let unable = "unable to parse requirement: ";
        for (text, message) in [
            (
                "=a",
                "found '=', expected: !, identifier, or 'end of string'".to_owned(),
            ),
            (
                "a b",
                format!("{unable}found 'b', expected: in, notin, =, ==, !=, gt, lt"),
            ),
            (
                "a=b c",
                "found 'c', expected: ',' or 'end of string'".to_owned(),
            ),
            ("a,", "found '', expected: identifier after ','".to_owned()),
            (
                "a,,b",
                "found ',', expected: identifier after ','".to_owned(),
            ),
            (
                "!a=b",
                "found '=', expected: ',' or 'end of string'".to_owned(),
            ),
            ("a in b", format!("{unable}found 'b' expected: '('")),
            ("a in (b", format!("{unable}found '', expected: ',' or ')'")),
            (
                "a==b=c",
                "found '=', expected: ',' or 'end of string'".to_owned(),
            ),
            ("a==(", format!("{unable}found '(', expected: identifier")),
            ("!", format!("{unable}found '', expected: identifier")),
            (
                "a>b",
                format!(
                    "{unable}values[0]: Invalid value: \"b\": for 'Gt', 'Lt' operators, the value must be an integer"
                ),
            ),
        ] {
            assert_eq!(Selector::parse(text), Err(message), "{text}");
        }
        let key = Selector::parse("-a=b").expect_err("no key");
        assert!(key.starts_with(
            "unable to parse requirement: <nil>: Invalid value: \"-a\": name part must consist of"
        ));
        let value = Selector::parse("a=-b").expect_err("no value");
        assert!(value.starts_with(
            "unable to parse requirement: values[0][a]: Invalid value: \"-b\": a valid label must be"
        ));
    }

    #[test]
    fn all_forms_are_understood() {
        for (text, shown) in [
            ("", ""),
            ("  ", ""),
            ("x", "x"),
            (" in in (in, notin)", "in in (in,notin)"),
            ("x in (b,a,b)", "x in (a,b)"),
            ("x in (,a)", "x in (,a)"),
            ("x in (a,)", "x in (,a)"),
            ("x in (,)", "x="),
            ("x=", "x="),
            ("x==,y", "x=,y"),
            ("y,x!=1", "x!=1,y"),
            ("n>1,n<5", "n>1,n<5"),
            ("! example.com/a", "!example.com/a"),
        ] {
            let selector = Selector::parse(text).expect(text);
            assert_eq!(selector.to_string(), shown, "{text}");
        }
    }
}
