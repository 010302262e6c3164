//! The layers of the configuration, laid over each other: one value and its source per key.

use std::collections::BTreeMap;
use std::path::Path;

use toml::{Table, Value};

use super::error::{ConfigError, Problem, Source};
use super::{DEFAULT_CONFIG, read::shown};

/// Other names by which a key is known in the environment. They lose against the regular name.
const ENVIRONMENT_ALIASES: [(&str, &str); 4] = [
    ("database.url", "DATABASE_URL"),
    ("redis.url", "REDIS_URL"),
    ("agents.queue.url", "SQS_AGENT_QUEUE_URL"),
    ("files.bucket", "S3_BUCKET"),
];

/// The value that holds for each key.
pub(super) struct Layers {
    pub(super) values: BTreeMap<String, (Value, Source)>,
    pub(super) problems: Vec<Problem>,
}

impl Layers {
    pub(super) fn load(file: Option<&Path>, env: &impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let defaults = DEFAULT_CONFIG.parse::<Table>().expect("the defaults are checked by a test");
        let mut layers = Self { values: BTreeMap::new(), problems: Vec::new() };
        flatten("", &defaults, &mut |key, value| {
            layers.values.insert(key, (value.clone(), Source::Default));
        });
        if let Some(path) = file {
            layers.add_file(path)?;
        }
        layers.add_environment(env);
        Ok(layers)
    }

    fn add_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        let table = text.parse::<Table>().map_err(|error| {
            let before = error.span().map_or("", |span| text.get(..span.start).unwrap_or(""));
            let line = before.matches('\n').count() + 1;
            ConfigError::Malformed { path: path.to_owned(), line, message: error.message().to_owned() }
        })?;
        let source = Source::File(path.to_owned());
        flatten("", &table, &mut |key, value| self.add_from_file(key, value, &source));
        Ok(())
    }

    fn add_from_file(&mut self, key: String, value: &Value, source: &Source) {
        let Some((known, known_source)) = self.values.get_mut(&key) else {
            let value = "…".to_owned();
            let allowed = "there is no such key; all keys are in glassbox.default.toml".to_owned();
            self.problems.push(Problem { key, source: source.clone(), value, allowed });
            return;
        };
        if known.same_type(value) {
            *known = value.clone();
            *known_source = source.clone();
        } else {
            let allowed = format!("must be {}, not {}", named_type(known), named_type(value));
            let value = shown(&key, value);
            self.problems.push(Problem { key, source: source.clone(), value, allowed });
        }
    }

    fn add_environment(&mut self, env: &impl Fn(&str) -> Option<String>) {
        for (key, (value, source)) in &mut self.values {
            let regular = format!("GLASSBOX_{}", key.to_uppercase().replace('.', "_"));
            let aliases = ENVIRONMENT_ALIASES.iter().filter(|(of, _)| of == key).map(|(_, alias)| (*alias).to_owned());
            let Some((name, text)) =
                std::iter::once(regular).chain(aliases).find_map(|name| env(&name).map(|text| (name, text)))
            else {
                continue;
            };
            let from = Source::Environment(name);
            if let Some(parsed) = parse_like(value, &text) {
                (*value, *source) = (parsed, from);
            } else {
                let allowed = format!("must be {}", named_type(value));
                let value = shown(key, &Value::String(text));
                self.problems.push(Problem { key: key.clone(), source: from, value, allowed });
            }
        }
    }
}

/// Calls `add` with every key below `table`, written with dots.
fn flatten(prefix: &str, table: &Table, add: &mut impl FnMut(String, &Value)) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Table(table) => flatten(&key, table, add),
            value => add(key, value),
        }
    }
}

/// Reads a variable's text as a value of the default's type.
fn parse_like(default: &Value, text: &str) -> Option<Value> {
    match default {
        Value::Integer(_) => text.trim().replace('_', "").parse().ok().map(Value::Integer),
        Value::Boolean(_) => text.trim().parse().ok().map(Value::Boolean),
        Value::Array(_) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Some(Value::Array(items.map(|item| Value::String(item.to_owned())).collect()))
        }
        _ => Some(Value::String(text.to_owned())),
    }
}

fn named_type(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a fraction",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a section",
    }
}
