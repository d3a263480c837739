//! `-o custom-columns=NAME:.metadata.name,…`.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/cmd/get/customcolumn.go, v1.36.

use super::jsonpath::{Template, plain};
use super::tabs;
use serde_json::Value;

/// The objects as a table of the columns in `spec`.
///
/// # Errors
/// What is wrong with `spec`.
pub fn text(spec: &str, objects: &[Value], no_headers: bool) -> Result<String, String> {
    if spec.is_empty() {
        return Err("custom-columns format specified but no custom columns given".to_owned());
    }
    let mut columns = Vec::new();
    for column in split(spec) {
        let Some((head, path)) = column.split_once(':') else {
            return Err(format!(
                "unexpected custom-columns spec: {column}, expected <header>:<json-path-expr>"
            ));
        };
        columns.push((head, Template::relaxed(path)?));
    }
    let mut lines = String::new();
    if !no_headers {
        let heads: Vec<&str> = columns.iter().map(|(head, _)| *head).collect();
        lines.push_str(&format!("{}\n", heads.join("\t")));
    }
    for object in objects {
        let cells: Vec<String> = columns
            .iter()
            .map(|(_, template)| cell(template, object))
            .collect();
        lines.push_str(&format!("{}\n", cells.join("\t")));
    }
    Ok(tabs::align(&lines, tabs::GET))
}

fn cell(template: &Template, object: &Value) -> String {
    let found = template.find(object);
    let texts: Vec<String> = found.into_iter().map(plain).collect();
    match texts.is_empty() {
        true => "<none>".to_owned(),
        false => texts.join(","),
    }
}

/// The columns: commas in brackets do not part them.
fn split(spec: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_i32, 0);
    for (at, sign) in spec.char_indices() {
        match sign {
            '[' | '(' => depth += 1,
            ']' | ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&spec[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&spec[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn columns_are_filled_or_say_none() {
        let objects = [
            json!({"metadata": {"name": "a"}, "list": [{"x": 1}, {"x": 2}]}),
            json!({"metadata": {"name": "b"}}),
        ];
        let spec = "NAME:.metadata.name,XS:.list[*].x";
        let table = text(spec, &objects, false).expect("a good spec");
        assert_eq!(table, "NAME   XS\na      1,2\nb      <none>\n");
        assert!(text("NAME", &objects, false).is_err());
        assert!(text("", &objects, false).is_err());
    }
}
