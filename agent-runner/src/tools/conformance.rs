//! Whether values are as JSON Schemas say. Those of the tools are ours; those that models write are bounded before anything
//! is checked against them: a short one can ask for years of work, and find more problems than fit into memory.

use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;
use tokio::task::spawn_blocking;

use crate::prompt;

/// The longest schema that a model may write, in bytes of JSON.
const SCHEMA_BYTES_MAX: usize = 16 * 1024;
/// How deep it may be nested.
const SCHEMA_DEPTH_MAX: usize = 32;
/// What it may not hold: with each of them the work can double.
const REFUSED: [&str; 5] = ["$ref", "$dynamicRef", "$recursiveRef", "unevaluatedItems", "unevaluatedProperties"];
/// The largest program that a pattern may become, in bytes: each character of a text can take a step for each part of it.
const PATTERN_BYTES_MAX: usize = 16 * 1024;
/// The most that may be checked: bytes of the schema times bytes of the value. At worst that takes two seconds.
const WORK_MAX: usize = 32 << 20;
/// The most of which it is told what is wrong: for that all problems are collected, some 30 bytes for each byte of work.
const WORK_EXPLAINED_MAX: usize = 2 << 20;
/// Problems that are told.
const PROBLEMS_TOLD: usize = 5;
/// The most that is told of a problem, in bytes.
const PROBLEM_BYTES_MAX: usize = 300;

/// Whether a value is as a schema of ours says; what is wrong, if not.
pub(crate) fn conforms(schema: &Value, value: &Value) -> Result<(), String> {
    let validator = validator(schema)?;
    // Ours have no alternatives, so that nothing is collected for the first one.
    validator.validate(value).map_err(|first| {
        let several = problems(&validator, value, work(schema, value));
        several.unwrap_or_else(|| told(&first))
    })
}

/// Whether a value is as a model's schema says; what is wrong with either, if not.
pub(crate) async fn conforms_to_models(schema: Value, value: Value) -> Result<(), String> {
    let checked = spawn_blocking(move || check(&schema, &value)).await;
    checked.unwrap_or_else(|_| Err("the schema cannot be checked".to_owned()))
}

fn check(schema: &Value, value: &Value) -> Result<(), String> {
    check_schema(schema, SCHEMA_DEPTH_MAX)?;
    if schema.to_string().len() > SCHEMA_BYTES_MAX {
        return Err(format!("a schema has at most {SCHEMA_BYTES_MAX} bytes"));
    }
    let work = work(schema, value);
    if work > WORK_MAX {
        return Err("the content is too large to be checked against this schema: make either smaller".to_owned());
    }
    let validator = validator(schema)?;
    if validator.is_valid(value) {
        return Ok(());
    }
    Err(problems(&validator, value, work).unwrap_or_else(|| "the content does not follow the schema".to_owned()))
}

fn work(schema: &Value, value: &Value) -> usize {
    schema.to_string().len().saturating_mul(value.to_string().len())
}

fn check_schema(schema: &Value, levels: usize) -> Result<(), String> {
    if let Some(key) = schema.as_object().and_then(|schema| REFUSED.iter().find(|key| schema.contains_key(**key))) {
        return Err(format!("a schema may not hold {key}"));
    }
    let inner: Vec<&Value> = match schema {
        Value::Object(schema) => schema.values().collect(),
        Value::Array(schemas) => schemas.iter().collect(),
        _ => return Ok(()),
    };
    if levels == 0 {
        return Err(format!("a schema is at most {SCHEMA_DEPTH_MAX} levels deep"));
    }
    inner.into_iter().try_for_each(|schema| check_schema(schema, levels - 1))
}

fn validator(schema: &Value) -> Result<Validator, String> {
    // The default engine backtracks, which can take years.
    let patterns = PatternOptions::regex().size_limit(PATTERN_BYTES_MAX).dfa_size_limit(PATTERN_BYTES_MAX);
    let built = jsonschema::options().with_pattern_options(patterns).build(schema);
    built.map_err(|error| format!("the schema is none: {}", prompt::cut(&error.to_string(), PROBLEM_BYTES_MAX)))
}

/// The first problems, unless it takes too much to find them.
fn problems(validator: &Validator, value: &Value, work: usize) -> Option<String> {
    (work <= WORK_EXPLAINED_MAX).then(|| {
        let first = validator.iter_errors(value).take(PROBLEMS_TOLD);
        first.map(|problem| told(&problem)).collect::<Vec<_>>().join("; ")
    })
}

/// Where it is and what it is, without the value, which may be long and is known.
fn told(problem: &ValidationError<'_>) -> String {
    let at = problem.instance_path().to_string();
    let what = prompt::cut(&problem.masked().to_string(), PROBLEM_BYTES_MAX);
    format!("{}: {what}", if at.is_empty() { "/" } else { &at })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use serde_json::json;

    use super::*;

    const AT_ONCE: Duration = Duration::from_secs(1);

    async fn problem(schema: Value, value: Value) -> String {
        let since = Instant::now();
        let problem = conforms_to_models(schema, value).await.unwrap_err();
        assert!(since.elapsed() < AT_ONCE, "{:?}", since.elapsed());
        problem
    }

    #[tokio::test]
    async fn a_schema_that_doubles_the_work_with_each_level_is_refused() {
        let mut definitions = serde_json::Map::new();
        for level in 1..=40 {
            let next = json!({"$ref": format!("#/$defs/a{}", level + 1)});
            definitions.insert(format!("a{level}"), json!({"allOf": [next, next]}));
        }
        definitions.insert("a41".to_owned(), json!({}));
        let bomb = json!({"$defs": definitions, "$ref": "#/$defs/a1"});
        assert_eq!(problem(bomb, json!(1)).await, "a schema may not hold $ref");
        let mut bomb = json!({"properties": {"a": true}});
        for _ in 0..28 {
            bomb = json!({"if": bomb, "then": true, "unevaluatedProperties": false});
        }
        assert_eq!(problem(bomb, json!({"a": 1})).await, "a schema may not hold unevaluatedProperties");
    }

    #[tokio::test]
    async fn a_schema_is_short_and_flat() {
        let long = json!({"enum": vec!["a"; SCHEMA_BYTES_MAX / 4]});
        assert!(problem(long, json!("a")).await.contains("bytes"));
        let mut deep = json!({});
        for _ in 1..SCHEMA_DEPTH_MAX {
            deep = json!({"if": deep});
        }
        assert_eq!(conforms_to_models(deep.clone(), json!(1)).await, Ok(()));
        assert!(problem(json!({"if": deep}), json!(1)).await.contains("levels"));
    }

    #[tokio::test]
    async fn what_is_wrong_is_not_collected_without_bound() {
        let schema = json!({"anyOf": [{"items": {"allOf": vec![false; 100]}}]});
        assert!(problem(schema.clone(), json!([1])).await.contains("any of"));
        assert_eq!(problem(schema.clone(), json!(vec![1; 8_000])).await, "the content does not follow the schema");
        assert!(problem(schema, json!(vec![1; 100_000])).await.contains("too large to be checked"));
    }

    #[tokio::test]
    async fn patterns_are_matched_without_backtracking() {
        let date = json!({"pattern": r"^\d{4}-\d{2}-\d{2}$"});
        assert_eq!(conforms_to_models(date, json!("2026-01-31")).await, Ok(()));
        let text = json!("a".repeat(20_000));
        let ambiguous = json!({"pattern": r"^((a+)+b|c)$"});
        assert!(problem(ambiguous, text.clone()).await.contains("does not match"));
        assert!(problem(json!({"pattern": r"^(a+)+\1$"}), text.clone()).await.contains("the schema is none"));
        assert!(problem(json!({"pattern": "(a{1,100}){1,100}"}), text).await.contains("the schema is none"));
    }
}
