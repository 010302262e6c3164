//! What the source of a crate must not contain. Comments, documentation and test code are free.

use std::collections::HashSet;
use std::str::FromStr;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A Rust file; its path is relative to the workspace's root: `documents/src/room.rs`.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

struct Rule {
    says: &'static str,
    /// Whether the file at this path must keep the rule.
    binds: fn(&str) -> bool,
    /// Sequences of tokens that must not occur.
    code: &'static [&'static str],
    /// What must not occur in a string.
    text: &'static [&'static str],
}

const RULES: &[Rule] = &[
    Rule {
        // The load generator looks at the tables from outside, to see whether the server tells the truth.
        says: "SQL is spoken in platform only",
        binds: |path| !below(path, "platform") && !below(path, "bench"),
        code: &["sqlx::"],
        text: &["SELECT ", "INSERT INTO ", "DELETE FROM ", " SET "],
    },
    Rule {
        // Timers may use tokio's Instant, which tests can stop. Log lines bear the machine's time.
        says: "time comes in as a parameter; platform::clock alone reads the clock",
        binds: |path| {
            !module(path, "platform/src/clock") && !module(path, "platform/src/telemetry") && !below(path, "bench")
        },
        code: &["SystemTime::now", "std::time::Instant", "std::time;", "Utc::now", "Local::now", "Uuid::now_v7"],
        text: &[],
    },
    Rule {
        says: "randomness comes in as a parameter; platform::random alone asks the system for it",
        binds: |path| !module(path, "platform/src/random") && !below(path, "bench"),
        code: &["thread_rng", "rand::rng", "rand::random", "from_os_rng", "OsRng", "Uuid::new_v4"],
        text: &[],
    },
    Rule {
        says: "tasks are spawned through the lifecycle",
        binds: |path| !module(path, "platform/src/lifecycle") && !below(path, "bench"),
        code: &["tokio::spawn", "task::spawn", "thread::spawn"],
        text: &[],
    },
    Rule {
        says: "settings come from the configuration; nothing else reads the environment",
        binds: |path| !module(path, "platform/src/config") && !below(path, "glassbox") && !below(path, "bench"),
        code: &["env::var", "env::var_os", "env::vars"],
        text: &[],
    },
    Rule {
        says: "schema is pure: no IO, no clock, no randomness",
        binds: |path| below(path, "schema"),
        code: PURE,
        text: &[],
    },
    Rule {
        says: "a room is pure: no IO, no clock, no randomness",
        binds: |path| module(path, "documents/src/room"),
        code: PURE,
        text: &[],
    },
    Rule {
        says: "the protocol is pure: no IO, no clock, no randomness (but for its client)",
        binds: |path| below(path, "web-protocol") && !module(path, "web-protocol/src/client"),
        code: PURE,
        text: &[],
    },
];

const PURE: &[&str] =
    &["async", "tokio::", "rand::", "std::fs", "std::net", "std::process", "std::thread", "SystemTime", "Instant"];

fn below(path: &str, package: &str) -> bool {
    path.strip_prefix(package).is_some_and(|rest| rest.starts_with('/'))
}

/// Whether the file holds the module or one below it.
fn module(path: &str, module: &str) -> bool {
    path.strip_prefix(module).is_some_and(|rest| rest.starts_with('/') || rest == ".rs")
}

/// One violation for each rule and place, as `crate: file:line: rule (found …)`.
pub(crate) fn violations(sources: &[Source]) -> Vec<String> {
    let mut parsed = Vec::new();
    let mut test_modules = HashSet::new();
    for source in sources {
        let (tokens, modules) =
            Tokens::of(&source.text).unwrap_or_else(|error| panic!("{} is not Rust: {error}", source.path));
        test_modules.extend(modules.iter().map(|name| format!("{}{name}", folder_of_submodules(&source.path))));
        parsed.push((source, tokens));
    }
    let mut found = Vec::new();
    for (source, tokens) in parsed {
        if test_modules.iter().any(|name| module(&source.path, name)) {
            continue;
        }
        for rule in RULES.iter().filter(|rule| (rule.binds)(&source.path)) {
            let package = source.path.split('/').next().unwrap_or_default();
            for (line, what) in tokens.breaches(rule) {
                found.push(format!("{package}: {}:{line}: {} (found `{what}`)", source.path, rule.says));
            }
        }
    }
    found
}

fn folder_of_submodules(path: &str) -> String {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    match file {
        "lib.rs" | "main.rs" | "mod.rs" => format!("{folder}/"),
        _ => format!("{folder}/{}/", file.trim_end_matches(".rs")),
    }
}

/// The tokens of a file in order, without documentation and without what only tests compile.
#[derive(Default)]
struct Tokens {
    code: Vec<(String, usize)>,
    text: Vec<(String, usize)>,
}

impl Tokens {
    /// The tokens, and the names of the modules in other files that only tests compile.
    fn of(text: &str) -> Result<(Self, Vec<String>), proc_macro2::LexError> {
        let mut tokens = Self::default();
        let mut test_modules = Vec::new();
        tokens.read(TokenStream::from_str(text)?, &mut test_modules);
        tokens.spell_out_imports();
        Ok((tokens, test_modules))
    }

    fn read(&mut self, stream: TokenStream, test_modules: &mut Vec<String>) {
        let mut stream = stream.into_iter().peekable();
        while let Some(token) = stream.next() {
            let line = token.span().start().line;
            match token {
                TokenTree::Punct(punct) if punct.as_char() == '#' => {
                    let Some(TokenTree::Group(attribute)) = stream.next_if(|next| matches!(next, TokenTree::Group(_)))
                    else {
                        continue;
                    };
                    if is_for_tests(&attribute.stream()) {
                        test_modules.extend(skip_item(&mut stream));
                    } else if !is_documentation(&attribute.stream()) {
                        self.read(attribute.stream(), test_modules);
                    }
                }
                TokenTree::Punct(punct) => self.code.push((punct.as_char().to_string(), line)),
                TokenTree::Ident(ident) => self.code.push((ident.to_string(), line)),
                TokenTree::Literal(literal) => self.text.push((literal.to_string(), line)),
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                    self.code.push(("{".to_owned(), line));
                    self.read(group.stream(), test_modules);
                    self.code.push(("}".to_owned(), line));
                }
                TokenTree::Group(group) => self.read(group.stream(), test_modules),
            }
        }
    }

    /// Adds `std::fs; std::time::Instant;` for `use std::{fs, time::Instant};`.
    fn spell_out_imports(&mut self) {
        let mut spelled_out = Vec::new();
        for (start, _) in self.code.iter().enumerate().filter(|(_, (word, _))| word == "use") {
            let mut prefixes: Vec<usize> = Vec::new();
            let mut path: Vec<(String, usize)> = Vec::new();
            for (word, line) in &self.code[start + 1..] {
                match word.as_str() {
                    "{" => prefixes.push(path.len()),
                    "," | "}" | ";" => {
                        spelled_out.extend(path.iter().cloned());
                        spelled_out.push((";".to_owned(), *line));
                        path.truncate(prefixes.last().copied().unwrap_or_default());
                        if word == "}" {
                            prefixes.pop();
                        }
                    }
                    _ => path.push((word.clone(), *line)),
                }
                if word == ";" {
                    break;
                }
            }
        }
        self.code.append(&mut spelled_out);
    }

    fn breaches(&self, rule: &Rule) -> Vec<(usize, &'static str)> {
        let mut found = Vec::new();
        for &forbidden in rule.code {
            let (wanted, _) = Self::of(forbidden).expect("a rule's code is Rust");
            for place in self.code.windows(wanted.code.len()) {
                let same = place.iter().zip(&wanted.code).all(|(a, b)| a.0 == b.0);
                if same && !found.contains(&(place[0].1, forbidden)) {
                    found.push((place[0].1, forbidden));
                }
            }
        }
        for &forbidden in rule.text {
            for (literal, line) in &self.text {
                if literal.contains(forbidden) {
                    found.push((*line, forbidden));
                }
            }
        }
        found
    }
}

fn is_documentation(attribute: &TokenStream) -> bool {
    matches!(attribute.clone().into_iter().next(), Some(TokenTree::Ident(name)) if name == "doc")
}

/// `#[test]`, `#[tokio::test]`, `#[cfg(test)]`, `#[cfg(any(test, feature = "testing"))]`, but not
/// `#[cfg(not(test))]`.
fn is_for_tests(attribute: &TokenStream) -> bool {
    let words: String = attribute.to_string().split_whitespace().collect();
    let is_test = words == "test" || words.ends_with("::test") || words.contains("::test(");
    let is_cfg = words.starts_with("cfg(") && !words.contains("not(");
    is_test
        || (is_cfg
            && (words.contains("feature=\"testing\"")
                || words.split(['(', ')', ',']).any(|condition| condition == "test")))
}

/// Leaves out the item after an attribute; returns its name if it is a module in another file.
fn skip_item(stream: &mut impl Iterator<Item = TokenTree>) -> Option<String> {
    let mut is_module = false;
    let mut name = None;
    for token in stream {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => return None,
            TokenTree::Punct(punct) if punct.as_char() == ';' => return name,
            TokenTree::Ident(ident) if is_module => name = Some(ident.to_string()),
            TokenTree::Ident(ident) => is_module = ident == "mod",
            _ => {}
        }
    }
    None
}

mod tests {
    use super::*;

    fn check(path: &str, text: &str) -> Vec<String> {
        violations(&[Source { path: path.to_owned(), text: text.to_owned() }])
    }

    #[test]
    fn a_breach_names_crate_file_line_and_rule() {
        assert_eq!(
            check("api/src/nodes.rs", "fn a() {}\nfn b() { sqlx::query(\"x\"); }"),
            ["api: api/src/nodes.rs:2: SQL is spoken in platform only (found `sqlx::`)"]
        );
    }

    #[test]
    fn sql_in_a_string_is_found_outside_platform_only() {
        let text = "const Q: &str = r#\"SELECT 1\"#;";
        assert_eq!(check("documents/src/log.rs", text).len(), 1);
        assert!(check("platform/src/db/log.rs", text).is_empty());
    }

    #[test]
    fn a_breach_inside_a_macro_is_found() {
        let text = "fn a() { tokio::select! { () = b => { let now = Utc :: now(); } } }";
        assert_eq!(check("sync-server/src/session.rs", text).len(), 1);
    }

    #[test]
    fn a_grouped_import_is_found() {
        let text = "use std::{sync::Arc, time::{Duration, Instant}};";
        assert_eq!(check("sync-server/src/session.rs", text).len(), 1);
        let text = "use std::{fmt, time};\nfn a() { time::Instant::now(); }";
        assert_eq!(check("sync-server/src/session.rs", text).len(), 1);
        let text = "use tokio::time::{Instant, timeout};\nfn a() { Instant::now(); }";
        assert!(check("sync-server/src/session.rs", text).is_empty());
    }

    #[test]
    fn clock_and_randomness_may_read_the_system() {
        assert!(check("platform/src/clock.rs", "fn a() { Utc::now() }").is_empty());
        assert!(check("platform/src/random.rs", "fn a() { Uuid::new_v4() }").is_empty());
        assert_eq!(check("platform/src/bus.rs", "fn a() { Utc::now() }").len(), 1);
        assert_eq!(check("platform/src/clockwork.rs", "fn a() { Uuid::new_v4() }").len(), 1);
    }

    #[test]
    fn a_room_is_pure() {
        for text in ["use tokio::sync::mpsc;", "async fn a() {}", "use std::{fs, io};"] {
            assert_eq!(check("documents/src/room/saving.rs", text).len(), 1, "{text}");
            assert!(check("documents/src/owner.rs", text).is_empty(), "{text}");
        }
    }

    #[test]
    fn comments_and_documentation_are_free() {
        let text = "//! SystemTime::now\n/// `SystemTime::now`, SELECT 1\nfn a() {} // SystemTime::now()";
        assert!(check("schema/src/ids.rs", text).is_empty());
    }

    #[test]
    fn tests_are_free_and_what_follows_them_is_not() {
        let inline = "#[cfg(test)]\nmod tests { fn a() { SystemTime::now() } }\nfn b() { SystemTime::now() }";
        assert_eq!(
            check("api/src/a.rs", inline),
            [
                "api: api/src/a.rs:3: time comes in as a parameter; platform::clock alone reads the clock (found `SystemTime::now`)"
            ]
        );
        assert_eq!(check("api/src/a.rs", "#[cfg(not(test))] fn a() { SystemTime::now() }").len(), 1);
    }

    #[test]
    fn a_file_that_only_tests_compile_is_free() {
        let source = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned() };
        let sources = |declaration: &str| {
            [
                source("documents/src/room.rs", declaration),
                source("documents/src/room/simulation.rs", "fn a() { Utc::now() }"),
            ]
        };
        assert!(violations(&sources("#[cfg(test)]\npub(crate) mod simulation;")).is_empty());
        assert_eq!(violations(&sources("mod simulation;")).len(), 1);
    }
}
