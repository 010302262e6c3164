//! What sort of file it is, by what its sender says of it.

/// A sort of file whose text can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Plain text, and what can be read as such: Markdown, CSV, JSON, XML, source code.
    Text,
    Html,
    Pdf,
    /// DOCX.
    Word,
    /// PPTX.
    Slides,
    /// XLSX.
    Sheet,
    /// ODT, ODS, ODP.
    OpenDocument,
}

/// The formats of Office Open XML have long names, which begin with this.
const OPEN_XML: &str = "application/vnd.openxmlformats-officedocument.";
/// Types that are text though they are not called so.
const TEXT_TYPES: [&str; 12] = [
    "application/json",
    "application/ld+json",
    "application/x-ndjson",
    "application/jsonl",
    "application/xml",
    "application/yaml",
    "application/x-yaml",
    "application/toml",
    "application/javascript",
    "application/sql",
    "application/x-sh",
    "application/x-tex",
];

impl Kind {
    /// By the type that the sender names; by the name's ending, where that says nothing.
    pub(super) fn of(content_type: &str, filename: &str) -> Option<Self> {
        let essence = essence(content_type);
        let is_media = ["image/", "audio/", "video/", "font/"].iter().any(|prefix| essence.starts_with(prefix));
        if is_media {
            return None;
        }
        Self::of_type(&essence).or_else(|| Self::of_name(filename))
    }

    fn of_type(essence: &str) -> Option<Self> {
        if let Some(format) = essence.strip_prefix(OPEN_XML) {
            return match format {
                "wordprocessingml.document" => Some(Self::Word),
                "presentationml.presentation" => Some(Self::Slides),
                "spreadsheetml.sheet" => Some(Self::Sheet),
                _ => None,
            };
        }
        match essence {
            "text/html" | "application/xhtml+xml" => Some(Self::Html),
            "application/pdf" | "application/x-pdf" => Some(Self::Pdf),
            // Its text stands between too much else.
            "text/rtf" => None,
            _ if essence.starts_with("application/vnd.oasis.opendocument.") => Some(Self::OpenDocument),
            _ if essence.starts_with("text/") || TEXT_TYPES.contains(&essence) => Some(Self::Text),
            _ if essence.ends_with("+json") || essence.ends_with("+xml") || essence.ends_with("+yaml") => {
                Some(Self::Text)
            }
            _ => None,
        }
    }

    fn of_name(filename: &str) -> Option<Self> {
        let (_, ending) = filename.rsplit_once('.')?;
        match ending.to_ascii_lowercase().as_str() {
            "txt" | "text" | "log" | "md" | "markdown" | "csv" | "tsv" | "json" | "jsonl" | "ndjson" | "xml"
            | "yaml" | "yml" | "toml" | "ini" | "tex" | "sql" | "rs" | "py" | "js" | "ts" | "tsx" | "jsx" | "java"
            | "c" | "h" | "cpp" | "go" | "rb" | "sh" | "css" => Some(Self::Text),
            "html" | "htm" | "xhtml" => Some(Self::Html),
            "pdf" => Some(Self::Pdf),
            "docx" => Some(Self::Word),
            "pptx" => Some(Self::Slides),
            "xlsx" => Some(Self::Sheet),
            "odt" | "ods" | "odp" => Some(Self::OpenDocument),
            _ => None,
        }
    }
}

/// The type without its parameters.
fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The encoding that a type names.
pub(super) fn charset(content_type: &str) -> Option<String> {
    let parameters = content_type.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let mut charsets = parameters.filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    charsets.next().map(|(_, value)| value.trim().trim_matches('"').to_owned())
}
