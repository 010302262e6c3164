//! What a scenario found out: tables of figures and checks, for people or as JSON.

use std::fmt::{self, Write as _};

use serde::Serialize;
use serde_json::{Map, Value, json};

/// The findings of one scenario.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    scenario: &'static str,
    tables: Vec<Table>,
    checks: Vec<Check>,
    notes: Vec<String>,
}

/// A table of figures. Units stand in the columns' names.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    title: String,
    columns: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

/// A figure in a table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    /// A name.
    Text(String),
    /// A whole number.
    Count(u64),
    /// Any other number.
    Decimal(f64),
    /// Not measured.
    Unknown,
}

/// What follows when a check is not met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// The server is wrong: the program's exit code is 1.
    Correctness,
    /// The server is slower, or needs more, than it should on a quiet machine like the reference.
    Target,
}

/// Something that should hold.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Check {
    kind: Kind,
    what: String,
    measured: String,
    met: bool,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Cell {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<usize> for Cell {
    fn from(count: usize) -> Self {
        Self::Count(count as u64)
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        if number.is_finite() { Self::Decimal(number) } else { Self::Unknown }
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(cell: Option<T>) -> Self {
        cell.map_or(Self::Unknown, Into::into)
    }
}

impl Cell {
    fn json(&self) -> Value {
        match self {
            Self::Text(text) => json!(text),
            Self::Count(count) => json!(count),
            Self::Decimal(number) => json!(number),
            Self::Unknown => Value::Null,
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Text(text) => return formatter.pad(text),
            Self::Count(count) => grouped(*count),
            Self::Decimal(number) if number.abs() >= 100.0 => format!("{number:.0}"),
            Self::Decimal(number) => format!("{number:.2}"),
            Self::Unknown => "-".to_owned(),
        };
        formatter.pad(&text)
    }
}

/// A number with its thousands apart: `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl Table {
    /// An empty table.
    pub(crate) fn new(title: impl Into<String>, columns: impl Into<Vec<&'static str>>) -> Self {
        Self { title: title.into(), columns: columns.into(), rows: Vec::new() }
    }

    /// Adds a row, with a cell for every column.
    pub(crate) fn row(&mut self, cells: impl Into<Vec<Cell>>) {
        let cells = cells.into();
        debug_assert_eq!(cells.len(), self.columns.len());
        self.rows.push(cells);
    }

    fn json(&self) -> Value {
        let row = |cells: &Vec<Cell>| {
            let members = self.columns.iter().zip(cells).map(|(column, cell)| ((*column).to_owned(), cell.json()));
            Value::Object(members.collect::<Map<_, _>>())
        };
        json!({ "title": self.title, "rows": self.rows.iter().map(row).collect::<Vec<_>>() })
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = self.columns.iter().map(|column| (*column).to_owned()).collect();
        let cells = self.rows.iter().map(|row| row.iter().map(ToString::to_string).collect());
        let lines: Vec<Vec<String>> = std::iter::once(header).chain(cells).collect();
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        writeln!(formatter, "{}", self.title)?;
        for line in &lines {
            let mut text = String::new();
            for (index, (cell, width)) in line.iter().zip(&widths).enumerate() {
                // Names to the left, figures to the right.
                let names = self.rows.iter().all(|row| matches!(row[index], Cell::Text(_)));
                let _ = if names { write!(text, "  {cell:<width$}") } else { write!(text, "  {cell:>width$}") };
            }
            writeln!(formatter, "{}", text.trim_end())?;
        }
        Ok(())
    }
}

impl Report {
    /// Nothing found out yet.
    pub(crate) fn new(scenario: &'static str) -> Self {
        Self { scenario, tables: Vec::new(), checks: Vec::new(), notes: Vec::new() }
    }

    /// Adds a table.
    pub(crate) fn table(&mut self, table: Table) {
        self.tables.push(table);
    }

    /// Adds something that must hold of every correct server.
    pub(crate) fn must(&mut self, what: impl Into<String>, measured: impl Into<String>, met: bool) {
        self.checks.push(Check { kind: Kind::Correctness, what: what.into(), measured: measured.into(), met });
    }

    /// Adds a target for speed or memory.
    pub(crate) fn target(&mut self, what: impl Into<String>, measured: impl Into<String>, met: bool) {
        self.checks.push(Check { kind: Kind::Target, what: what.into(), measured: measured.into(), met });
    }

    /// Adds a remark that a reader of the figures needs.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Whether the server was found to be correct.
    pub(crate) fn is_correct(&self) -> bool {
        self.checks.iter().all(|check| check.met || check.kind == Kind::Target)
    }

    /// All of it for programs.
    pub(crate) fn json(&self) -> Value {
        json!({
            "scenario": self.scenario,
            "tables": self.tables.iter().map(Table::json).collect::<Vec<_>>(),
            "checks": self.checks,
            "notes": self.notes,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "== {}", self.scenario)?;
        for table in &self.tables {
            writeln!(formatter, "{table}")?;
        }
        for Check { kind, what, measured, met } in &self.checks {
            let verdict = match (met, kind) {
                (true, _) => "met   ",
                (false, Kind::Target) => "MISSED",
                (false, Kind::Correctness) => "FAILED",
            };
            writeln!(formatter, "{verdict}  {what}: {measured}")?;
        }
        for note in &self.notes {
            writeln!(formatter, "note    {note}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(kind: Kind) -> Report {
        let mut report = Report::new("fan-out");
        let mut table = Table::new("Load", ["system", "rate (1/s)", "p99 (ms)"]);
        table.row([Cell::from("relay"), Cell::from(1_234_567_u64), Cell::from(1.5)]);
        table.row([Cell::from("server"), Cell::from(12_u64), Cell::from(None::<f64>)]);
        report.table(table);
        report.checks.push(Check { kind, what: "p99".into(), measured: "1.5 ms".into(), met: false });
        report
    }

    #[test]
    fn figures_stand_under_each_other() {
        let text = report(Kind::Target).to_string();
        assert!(text.contains("\n  system  rate (1/s)  p99 (ms)\n  relay    1,234,567      1.50\n"), "{text}");
        assert!(text.contains("\n  server          12         -\n"), "{text}");
        assert!(text.contains("MISSED  p99: 1.5 ms"), "{text}");
    }

    #[test]
    fn only_what_is_wrong_counts_against_correctness() {
        assert!(report(Kind::Target).is_correct());
        assert!(!report(Kind::Correctness).is_correct());
    }

    #[test]
    fn figures_are_numbers_in_json() {
        let json = report(Kind::Target).json();
        assert_eq!(json["tables"][0]["rows"][0]["rate (1/s)"], 1_234_567);
        assert_eq!(json["tables"][0]["rows"][1]["p99 (ms)"], Value::Null);
        assert_eq!(json["checks"][0]["kind"], "target");
    }
}
