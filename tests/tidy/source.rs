//! A Rust file as the rules see it: flat tokens with line numbers, test code marked.

use proc_macro2::{TokenStream, TokenTree};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// One token; a group is its two brackets and what is between them.
pub struct Token {
    pub text: String,
    pub line: usize,
}

/// A function's name and the lines it spans, without its docs and attributes.
pub struct Function {
    pub name: String,
    pub line: usize,
    pub lines: usize,
}

/// A parsed file. Paths are relative to the repository, with `/`.
pub struct Source {
    pub path: String,
    pub text: String,
    /// The tokens outside `#[cfg(test)]` items.
    pub tokens: Vec<Token>,
    /// The functions outside `#[cfg(test)]` items.
    pub functions: Vec<Function>,
    /// How many lines stand outside `#[cfg(test)]` items.
    pub lines: usize,
    /// Files that `#[cfg(test)] mod name;` names: `name.rs` or the folder `name`.
    test_modules: Vec<String>,
}

impl Source {
    /// Parses `text` as the file at `path`.
    pub fn parse(path: &str, text: &str) -> Source {
        let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{path}: {error}"));
        let mut walk = Walk::default();
        walk.visit_file(&file);
        let stream: TokenStream = text
            .parse()
            .unwrap_or_else(|error| panic!("{path}: {error}"));
        let mut tokens = Vec::new();
        flatten(stream, &mut tokens);
        tokens.retain(|token| !walk.test_lines.contains(&token.line));
        walk.functions
            .retain(|function| !walk.test_lines.contains(&function.line));
        Source {
            path: path.to_owned(),
            text: text.to_owned(),
            tokens,
            functions: walk.functions,
            lines: text.lines().count() - walk.test_lines.len(),
            test_modules: walk.test_modules,
        }
    }

    /// Whether the tokens from `at` on read `words`.
    pub fn reads(&self, at: usize, words: &[&str]) -> bool {
        let rest = self.tokens.get(at..).unwrap_or_default();
        rest.len() >= words.len()
            && rest
                .iter()
                .zip(words)
                .all(|(token, word)| token.text == *word)
    }

    /// `path:line: message`
    pub fn finding(&self, line: usize, message: &str) -> String {
        format!("{}:{line}: {message}", self.path)
    }

    fn names_as_test(&self, other: &str) -> bool {
        let path = Path::new(&self.path);
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let folder = match stem {
            Some("mod" | "lib" | "main") | None => path.parent().map(Path::to_path_buf),
            Some(stem) => path.parent().map(|parent| parent.join(stem)),
        };
        let folder = folder.unwrap_or_default();
        self.test_modules.iter().any(|module| {
            let named = folder.join(module);
            Path::new(other) == named.with_extension("rs") || Path::new(other).starts_with(&named)
        })
    }
}

/// Every Rust file below `folders`, files that exist only for tests left out.
pub fn read(folders: &[&str]) -> Vec<Source> {
    let mut paths = Vec::new();
    for folder in folders {
        files_below(&root().join(folder), &mut paths);
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let parsed: Vec<Source> = paths
        .iter()
        .map(|path| {
            let text = std::fs::read_to_string(path).expect("a readable source");
            Source::parse(&relative(path), &text)
        })
        .collect();
    let tests: BTreeSet<String> = parsed
        .iter()
        .map(|source| source.path.clone())
        .filter(|path| parsed.iter().any(|source| source.names_as_test(path)))
        .collect();
    parsed
        .into_iter()
        .filter(|source| !tests.contains(&source.path))
        .collect()
}

/// Every file below `folder`, in order; build results and hidden repositories left out.
pub fn files_below(folder: &Path, paths: &mut Vec<PathBuf>) {
    const SKIPPED: [&str; 7] = [
        ".git",
        "target",
        "dist",
        "node_modules",
        "generated",
        "test-results",
        "golden",
    ];
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    found.sort();
    for path in found {
        let name = path.file_name().and_then(|name| name.to_str());
        match path.is_dir() {
            _ if name.is_some_and(|name| SKIPPED.contains(&name)) => {}
            true => files_below(&path, paths),
            false => paths.push(path),
        }
    }
}

/// The repository's folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `path` below the repository, with `/`.
pub fn relative(path: &Path) -> String {
    let below = path.strip_prefix(root()).unwrap_or(path);
    below.to_string_lossy().replace('\\', "/")
}

fn flatten(stream: TokenStream, tokens: &mut Vec<Token>) {
    for tree in stream {
        let line = tree.span().start().line;
        let TokenTree::Group(group) = tree else {
            let text = tree.to_string();
            tokens.push(Token { text, line });
            continue;
        };
        let (open, close) = match group.delimiter() {
            proc_macro2::Delimiter::Parenthesis => ("(", ")"),
            proc_macro2::Delimiter::Brace => ("{", "}"),
            proc_macro2::Delimiter::Bracket => ("[", "]"),
            proc_macro2::Delimiter::None => ("", ""),
        };
        let end = group.span_close().start().line;
        tokens.push(Token {
            text: open.to_owned(),
            line,
        });
        flatten(group.stream(), tokens);
        tokens.push(Token {
            text: close.to_owned(),
            line: end,
        });
    }
}

/// Collects functions and the lines of test items.
#[derive(Default)]
struct Walk {
    functions: Vec<Function>,
    test_lines: BTreeSet<usize>,
    test_modules: Vec<String>,
}

impl Walk {
    fn function(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let line = signature.span().start().line;
        let end = block.brace_token.span.close().end().line;
        self.functions.push(Function {
            name: signature.ident.to_string(),
            line,
            lines: end + 1 - line,
        });
    }
}

impl<'ast> Visit<'ast> for Walk {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if attributes(item).iter().any(is_cfg_test) {
            let span = item.span();
            self.test_lines.extend(span.start().line..=span.end().line);
            if let syn::Item::Mod(module) = item
                && module.content.is_none()
            {
                self.test_modules.push(module.ident.to_string());
            }
        }
        visit::visit_item(self, item);
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.function(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if function.attrs.iter().any(is_cfg_test) {
            let span = function.span();
            self.test_lines.extend(span.start().line..=span.end().line);
        }
        self.function(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(block) = &function.default {
            self.function(&function.sig, block);
        }
        visit::visit_trait_item_fn(self, function);
    }
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn is_cfg_test(attribute: &syn::Attribute) -> bool {
    attribute.path().is_ident("cfg")
        && attribute
            .parse_args::<syn::Path>()
            .is_ok_and(|path| path.is_ident("test"))
}

#[test]
fn test_code_is_not_seen() {
    let source = Source::parse(
        "src/api/x.rs",
        "//! X.\nfn seen() {}\n#[cfg(test)]\nmod tests {\n    fn hidden() {}\n}\n#[cfg(test)]\nmod cases;\n",
    );
    let names: Vec<&str> = source.functions.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["seen"]);
    assert!(source.tokens.iter().all(|token| token.text != "hidden"));
    assert_eq!(source.lines, 2);
    assert!(source.names_as_test("src/api/x/cases.rs"));
    assert!(!source.names_as_test("src/api/cases.rs"));
}
