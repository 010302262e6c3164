//! The statements in functions of the database, each by itself.

use std::fmt::Write as _;

use platform::testing::TestDatabase;
use sqlx::{Connection as _, PgConnection};

/// A function: its source, its parameters and their types, and a table whose trigger it is.
type Function = (String, Vec<String>, Vec<String>, Option<String>);

const FUNCTIONS: &str = "
    SELECT p.prosrc, coalesce(p.proargnames, '{}'), string_to_array(p.proargtypes::text, ' ')::oid[]::regtype[]::text[],
        (SELECT min(tgrelid::regclass::text) FROM pg_trigger WHERE tgfoid = p.oid)
    FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
    WHERE l.lanname = 'plpgsql' AND p.pronamespace = 'public'::regnamespace
    ORDER BY p.oid";

/// What a statement begins with, on a line of its own.
const BEGINNINGS: &[&str] = &["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH ", "PERFORM ", "RETURN "];

/// Something that a function knows by a name, and its type.
type Variable = (String, String);

/// The statements in all functions that are written in PL/pgSQL, with parameters in place of variables. Those that are put
/// together at run time are not among them.
pub(crate) async fn statements(test: &TestDatabase) -> Vec<String> {
    let mut connection = PgConnection::connect(&test.superuser_url()).await.unwrap();
    let functions: Vec<Function> = sqlx::query_as(FUNCTIONS).fetch_all(&mut connection).await.unwrap();
    let of_function = |(source, names, types, table): Function| {
        let mut variables: Vec<Variable> = names.into_iter().zip(types).collect();
        let rows = table.into_iter().flat_map(|table| ["NEW", "OLD"].map(|row| (row.to_owned(), table.clone())));
        variables.extend(rows);
        statements_in(&source, variables)
    };
    functions.into_iter().flat_map(of_function).collect()
}

fn statements_in(source: &str, mut variables: Vec<Variable>) -> Vec<String> {
    let lines = source.lines().filter_map(|line| line.split("--").next());
    let source = lines.collect::<Vec<_>>().join("\n");
    let (declarations, body) = source.split_once("BEGIN").unwrap();
    variables.extend(declarations.replace("DECLARE", "").split(';').filter_map(declared));
    body.split(';').filter_map(statement_in).map(|statement| with_parameters(&statement, &variables)).collect()
}

/// The variable that is declared, if one is.
fn declared(declaration: &str) -> Option<Variable> {
    let (name, type_of_it) = declaration.split(":=").next()?.trim().split_once(char::is_whitespace)?;
    Some((name.to_owned(), type_of_it.trim().trim_start_matches("constant ").to_owned()))
}

/// The statement or query in what ends with a semicolon, if there is one.
fn statement_in(piece: &str) -> Option<String> {
    let lines: Vec<&str> = piece.lines().map(str::trim).collect();
    let begins = |line: &&str| line.contains(" := ") || BEGINNINGS.iter().any(|beginning| line.starts_with(beginning));
    let first = lines.iter().position(begins)?;
    let text = lines[first..].join(" ");
    // What follows is done with each row.
    let text = text.split(" LOOP ").next()?;
    let value = text.strip_prefix("RETURN ").or_else(|| text.split_once(" := ").map(|(_, value)| value));
    match (value, text.strip_prefix("PERFORM ")) {
        (Some(value), _) => value.contains("SELECT ").then(|| format!("SELECT {value}")),
        (None, Some(query)) => Some(format!("SELECT {query}")),
        (None, None) => Some(text.to_owned()),
    }
}

/// A statement that can be explained: it keeps its answer for itself, and its variables are parameters.
fn with_parameters(statement: &str, variables: &[Variable]) -> String {
    let mut statement = format!("{statement} ");
    for (name, _) in variables {
        statement = statement.replace(&format!(" INTO STRICT {name} "), " ").replace(&format!(" INTO {name} "), " ");
    }
    let is_of_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let (mut changed, mut rest) = (String::new(), statement.as_str());
    while let Some(start) = rest.find(is_of_word) {
        let (before, from_word) = rest.split_at(start);
        let (word, after) =
            from_word.split_at(from_word.find(|letter: char| !is_of_word(letter)).unwrap_or(from_word.len()));
        changed.push_str(before);
        let is_name = !changed.ends_with('.') && !after.starts_with('(');
        match variables.iter().position(|(name, _)| is_name && name == word) {
            Some(place) => write!(changed, "(${}::{})", place + 1, variables[place].1).unwrap(),
            None => changed.push_str(word),
        }
        rest = after;
    }
    changed + rest
}

#[test]
fn statements_stand_by_themselves() {
    let source = "
DECLARE
    last   log_writers;  -- the newest; or none
    many   constant bigint := 1;
BEGIN
    IF NOT FOUND THEN
        SELECT * INTO STRICT last FROM log_writers
        WHERE id = in_writer AND w.many = many FOR UPDATE;
        NEW.epoch := coalesce((SELECT epoch FROM erased e WHERE e.id = NEW.id), 0);
    END IF;
    PERFORM FROM documents;
    RETURN last.outcomes;
END
";
    let variables = [("in_writer", "uuid"), ("NEW", "documents")].map(|(name, of)| (name.to_owned(), of.to_owned()));
    let statements = statements_in(source, variables.to_vec());
    let statements: Vec<&str> = statements.iter().map(|statement| statement.trim()).collect();
    assert_eq!(
        statements,
        [
            "SELECT * FROM log_writers WHERE id = ($1::uuid) AND w.many = ($4::bigint) FOR UPDATE",
            "SELECT coalesce((SELECT epoch FROM erased e WHERE e.id = ($2::documents).id), 0)",
            "SELECT FROM documents",
        ]
    );
}
