//! Log lines as JSON: fixed members first, then the fields of the spans and of the event, all at the top level.

use std::error::Error;
use std::fmt;
use std::io::{self, Write};

use chrono::{SecondsFormat, Utc};
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, Scope};

use super::SERVICE;

/// Members that a field of the same name must not replace.
const FIXED_MEMBERS: [&str; 4] = ["timestamp", "level", "service", "target"];

/// Writes each event as a line `{"timestamp", "level", "service", "message", "target", …}`. A request's span brings
/// `trace_id`, `user_id`, `org_id`, `method`, `path`, `status` and `duration_ms` to all events in it; the inner span
/// wins over the outer, the event over its spans.
#[derive(Debug)]
pub struct JsonLayer<W> {
    make_writer: W,
}

impl<W> JsonLayer<W> {
    /// Writes lines to what `make_writer` makes, each with one call.
    pub const fn new(make_writer: W) -> Self {
        Self { make_writer }
    }
}

impl<S, W> Layer<S> for JsonLayer<W>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flat_map(Scope::from_root) {
            if let Some(of_span) = span.extensions().get::<Fields>() {
                fields.0.extend(of_span.0.clone());
            }
        }
        event.record(&mut fields);
        let mut line = Vec::with_capacity(256);
        if write_line(&mut line, event, fields).is_ok() {
            // There is nobody to tell when the log itself cannot be written.
            let _ = self.make_writer.make_writer_for(event.metadata()).write_all(&line);
        }
    }
}

fn write_line(line: &mut Vec<u8>, event: &Event<'_>, Fields(mut fields): Fields) -> io::Result<()> {
    let metadata = event.metadata();
    let mut serializer = serde_json::Serializer::new(&mut *line);
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("timestamp", &Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true))?;
    map.serialize_entry("level", &metadata.level().as_str().to_ascii_lowercase())?;
    map.serialize_entry("service", SERVICE)?;
    map.serialize_entry("message", &fields.remove("message").unwrap_or_default())?;
    map.serialize_entry("target", metadata.target())?;
    for (name, value) in fields.iter().filter(|(name, _)| !FIXED_MEMBERS.contains(&name.as_str())) {
        map.serialize_entry(name, value)?;
    }
    map.end()?;
    line.push(b'\n');
    Ok(())
}

/// The fields of a span or an event.
#[derive(Debug, Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn insert(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.insert(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.insert(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut text = value.to_string();
        let mut source = value.source();
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        self.insert(field, text);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.insert(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use chrono::DateTime;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(log: impl FnOnce()) -> Vec<Value> {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::registry().with(JsonLayer::new(move || writer.clone()));
        tracing::subscriber::with_default(subscriber, log);
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_line_has_the_agreed_names_at_the_top_level() {
        let lines = logged(|| {
            let request =
                tracing::info_span!("request", trace_id = "abc", method = "POST", status = tracing::field::Empty);
            let _entered = request.enter();
            request.record("status", 201);
            tracing::info!(duration_ms = 45, user_id = %"u1", "Node created");
        });
        let line = &lines[0];
        assert!(DateTime::parse_from_rfc3339(line["timestamp"].as_str().unwrap()).is_ok());
        for (name, expected) in [
            ("level", Value::from("info")),
            ("service", "glassbox".into()),
            ("trace_id", "abc".into()),
            ("method", "POST".into()),
            ("status", 201.into()),
            ("duration_ms", 45.into()),
            ("user_id", "u1".into()),
            ("message", "Node created".into()),
        ] {
            assert_eq!(line[name], expected, "{name}");
        }
    }

    #[test]
    fn the_inner_value_wins_and_fixed_members_cannot_be_forged() {
        let lines = logged(|| {
            let _outer = tracing::info_span!("outer", a = 1, b = 1).entered();
            let _inner = tracing::info_span!("inner", b = 2, c = 2).entered();
            tracing::warn!(c = 3, level = "fatal", service = "other");
        });
        let line = &lines[0];
        assert_eq!([&line["a"], &line["b"], &line["c"]], [1, 2, 3]);
        assert_eq!([&line["level"], &line["service"]], ["warn", "glassbox"]);
    }

    #[test]
    fn text_from_clients_stays_within_its_line() {
        let lines = logged(|| tracing::info!(path = "/a\n{\"level\":\"error\"}", "x\r\ny"));
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["path"], "/a\n{\"level\":\"error\"}");
    }
}
