use super::*;
use serde_json::json;

fn values(text: &str) -> Vec<Value> {
    let documents = parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    documents
        .into_iter()
        .map(|document| document.value)
        .collect()
}

fn mistake(text: &str) -> ManifestError {
    parse(text).expect_err(text)
}

/// `recorded.json` holds what sigs.k8s.io/yaml over go-yaml 2.4 makes of each text.
#[test]
fn yaml_is_read_as_kubectl_reads_it() {
    let recorded: Vec<Value> = serde_json::from_str(include_str!("recorded.json")).unwrap();
    let mut wrong = Vec::new();
    for case in &recorded {
        let text = case["yaml"].as_str().unwrap();
        let (got, want) = match case.get("json") {
            Some(want) => {
                let (first, json) = (1, None);
                let got = built(&Chunk { text, first, json }).map(|built| built.value);
                let got = got.map_err(|error| error.message);
                (
                    format!("{got:?}"),
                    format!("{:?}", Ok::<_, String>(want.clone())),
                )
            }
            None => {
                let got = parse(text).map_err(|error| error.message);
                let want = format!("{CONVERTING}{}", case["error"].as_str().unwrap());
                (
                    format!("{got:?}"),
                    format!("{:?}", Err::<Vec<Document>, _>(want)),
                )
            }
        };
        if got != want {
            wrong.push(format!("{text:?}\n   is {got}\n  not {want}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn documents_lists_and_json_are_taken_apart() {
    let text = "a: 1\n---\n# nothing\n---\nkind: List\nitems:\n- b: 2\n- c: 3\n";
    assert_eq!(
        values(text),
        [json!({"a": 1}), json!({"b": 2}), json!({"c": 3})]
    );
    assert_eq!(parse(text).unwrap()[2].line_of("c"), 8);
    assert_eq!(parse(text).unwrap()[2].line, 8);
    let nested = "kind: List\nitems:\n- kind: ConfigMapList\n  items:\n  - a: 1\n  - b: 2\n";
    assert_eq!(values(nested), [json!({"a": 1}), json!({"b": 2})]);
    assert_eq!(parse(nested).unwrap()[1].line_of("b"), 6);
    assert_eq!(values("---\n---\n\n---\n"), [] as [Value; 0]);
    assert_eq!(
        values("--- # first\na: 1\n---   \nb: 2\r\n"),
        [json!({"a": 1}), json!({"b": 2})]
    );
    assert_eq!(values("\u{feff}a: 1"), [json!({"a": 1})]);
    let stream = "{\"a\": [1, 2.0], \"d\": \"yes\"}\n{\"b\":\n 1e3}";
    let want = [json!({"a": [1, 2.0], "d": "yes"}), json!({"b": 1000.0})];
    assert_eq!(values(stream), want);
    assert_eq!(parse(stream).unwrap()[1].line_of("b"), 2);
    let kyaml = "---\n{\n  a: \"yes\",  # comment\n  b: [1, 2,],\n}\n";
    assert_eq!(values(kyaml), [json!({"a": "yes", "b": [1, 2]})]);
    assert_eq!(values("{a: yes}"), [json!({"a": true})]);
}

#[test]
fn mistakes_have_a_place() {
    for (text, line, column, message) in [
        (
            "a: b: c",
            1,
            5,
            "mapping values are not allowed in this context",
        ),
        (
            "x: 1\n---\na:\n  b: 1\n c: 2\n",
            5,
            2,
            "yaml: line 2: did not find expected key",
        ),
        (
            "a: 1\n---\nb:\n  c: 1\n  c: 2\n",
            5,
            3,
            "line 3: key \"c\" already set in map",
        ),
        ("a: 1\n--- b\n", 2, 1, "invalid Yaml document separator: b"),
        ("a: 1\nb: *nope\n", 2, 4, "unknown anchor 'nope' referenced"),
        (
            "a: 1\nb: \u{1}\n",
            2,
            4,
            "control characters are not allowed",
        ),
        (
            "a: 1\n---\n- b\n",
            3,
            1,
            "cannot unmarshal array into Go value of type struct",
        ),
        ("~: 1\n", 1, 1, "unsupported map key of type: %!s(<nil>)"),
        (
            "{\"a\": 1 \"b\": 2}",
            1,
            12,
            "did not find expected ',' or '}'",
        ),
    ] {
        let error = mistake(text);
        assert_eq!(
            (error.line, error.column),
            (line, column),
            "{text:?}: {error:?}"
        );
        assert!(error.message.contains(message), "{text:?}: {error:?}");
    }
}

#[test]
fn lines_are_found_for_every_way_to_name_a_field() {
    let text = "metadata:\n  labels:\n    a.b/c: x\nspec:\n  list:\n  - x: 1\n    w: 2\n  - z: &z\n      q: 1\n  r: *z\n";
    let document = parse(text.replace("  r: *z\n", "other: *z\n").as_str())
        .unwrap()
        .remove(0);
    for (path, line) in [
        ("spec.list[0].w", 7),
        ("spec.list[0].nothing", 6),
        ("spec.list[1].z.q", 9),
        ("metadata.labels[a.b/c]", 3),
        ("metadata.labels.a.b/c", 3),
        ("spec.list.w", 7),
        ("other.q", 10),
        ("", 1),
        ("nothing[3].at.all", 1),
    ] {
        assert_eq!(document.line_of(path), line, "{path}");
    }
}

#[test]
fn limits_are_kept() {
    let long = "a".repeat(TEXT_LIMIT as usize + 1);
    assert!(mistake(&long).message.contains("over 1048576 bytes"));
    let many = "a: 1\n---\n".repeat(DOCUMENT_LIMIT as usize + 1);
    assert!(mistake(&many).message.contains("over 1000 objects"));
    for deep in [
        "[".repeat(500_000),
        "- ".repeat(500_000),
        "{a: ".repeat(100_000),
    ] {
        let error = mistake(&format!("a:\n  {deep}"));
        let deep = error.message.contains("over 64 levels deep");
        assert!(deep, "{error:?}");
    }
    let mut bomb = "a: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let aliases = format!("*a{}, ", level - 1).repeat(10);
        bomb.push_str(&format!("b{level}: &a{level} [{aliases}]\n"));
    }
    assert!(
        mistake(&bomb)
            .message
            .contains("document contains excessive aliasing")
    );
    let nested = "&a [".repeat(0) + &(0..60).map(|n| format!("&n{n} [")).collect::<String>();
    let wide = format!("a: {nested}{}{}", "x,".repeat(400_000), "]".repeat(60));
    assert!(parse(&wide).is_err());
}

/// Whatever is typed into the editor: an answer, and no panic.
#[test]
fn mutated_text_never_panics() {
    let seed = "apiVersion: v1\nkind: List\nitems:\n- &a {name: x, \"q\": 'it''s', n: 0644}\n- <<: *a\n  t: |+\n    text\n\n  s: >-\n    a\n    b\n---\n{\"a\": [1, null, true, 1e3]}\n";
    let pieces = [
        "\n",
        " ",
        "  ",
        "\t",
        "-",
        "- ",
        ":",
        ": ",
        "#",
        "&a",
        "*a",
        "<<",
        "!!int",
        "!",
        "|",
        ">",
        "'",
        "\"",
        "\\",
        "{",
        "}",
        "[",
        "]",
        ",",
        "?",
        "? ",
        "%",
        "@",
        "---",
        "...",
        "\u{e9}",
        "\u{1f600}",
        "\r",
        "\u{0}",
        "~",
        "0x",
        ".inf",
        "2001-01-01",
        "\u{feff}",
        "\u{2028}",
    ];
    let mut state: u64 = 7;
    let mut below = |bound: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % bound
    };
    for _ in 0..3_000 {
        let mut text: Vec<char> = seed.chars().collect();
        for _ in 0..=below(6) {
            let at = below(text.len().max(1));
            match below(3) {
                0 if at < text.len() => {
                    text.remove(at);
                }
                1 => {
                    let piece: Vec<char> = pieces[below(pieces.len())].chars().collect();
                    text.splice(at.min(text.len())..at.min(text.len()), piece);
                }
                _ => text.truncate(at + 20),
            }
        }
        let text: String = text.into_iter().collect();
        match parse(&text) {
            Ok(documents) => {
                let _ = documents
                    .iter()
                    .map(|document| document.line_of("items[0].n"))
                    .max();
            }
            Err(error) => assert!(!error.message.is_empty()),
        }
    }
}

#[test]
fn the_books_manifests_are_read() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/manifests");
    if !folder.is_dir() {
        eprintln!("SKIPPED: there is no folder ../shared/manifests beside the package");
        return;
    }
    let (mut folders, mut read, mut refused) = (vec![folder], 0, Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let kind = path.extension().and_then(std::ffi::OsStr::to_str);
            if path.is_dir() {
                folders.push(path);
            } else if matches!(kind, Some("yml" | "yaml" | "json")) {
                let text = std::fs::read_to_string(&path).unwrap();
                match parse(&text) {
                    Ok(documents) => read += documents.len(),
                    Err(error) => refused.push(format!("{}: {error:?}", path.display())),
                }
            }
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
    assert!(read > 100, "only {read} objects were read");
}
