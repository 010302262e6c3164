use std::fmt::Write as _;
use std::io::{Cursor, Write as _};

use encoding_rs::WINDOWS_1252;
use proptest::collection::vec;
use proptest::prelude::*;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::kind::{Kind, charset};
use super::*;

const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const PPTX: &str = "application/vnd.openxmlformats-officedocument.presentationml.presentation";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const ODT: &str = "application/vnd.oasis.opendocument.text";

fn read(content_type: &str, bytes: &[u8]) -> Result<Option<Extracted>, ExtractError> {
    extract(content_type, "file", bytes, &ExtractLimits::default())
}

fn text_of(content_type: &str, bytes: &[u8]) -> String {
    let extracted = read(content_type, bytes).unwrap().unwrap();
    assert!(!extracted.truncated);
    extracted.text
}

fn archive(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(content.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn docx(body: &str) -> Vec<u8> {
    let document = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>{body}</w:body></w:document>"#
    );
    archive(&[("[Content_Types].xml", "<Types/>"), ("word/document.xml", &document)])
}

/// A PDF with a page for each of these lines.
fn pdf(lines: &[&str]) -> Vec<u8> {
    let kids: Vec<String> = (0..lines.len()).map(|page| format!("{} 0 R", 4 + page * 2)).collect();
    let mut objects = vec![
        "<</Type /Catalog /Pages 2 0 R>>".to_owned(),
        format!("<</Type /Pages /Kids [{}] /Count {}>>", kids.join(" "), lines.len()),
        "<</Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding>>".to_owned(),
    ];
    for (page, line) in lines.iter().enumerate() {
        let content = format!("BT /F1 24 Tf 72 720 Td ({line}) Tj ET");
        objects.push(format!(
            "<</Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources <</Font <</F1 3 0 R>>>> /Contents {} 0 R>>",
            5 + page * 2
        ));
        objects.push(format!("<</Length {}>>\nstream\n{content}\nendstream", content.len()));
    }
    let mut file = "%PDF-1.4\n".to_owned();
    let mut table = "0000000000 65535 f \n".to_owned();
    for (number, object) in (1..).zip(&objects) {
        writeln!(table, "{:010} 00000 n ", file.len()).unwrap();
        write!(file, "{number} 0 obj\n{object}\nendobj\n").unwrap();
    }
    let at = file.len();
    let size = objects.len() + 1;
    write!(file, "xref\n0 {size}\n{table}trailer\n<</Size {size} /Root 1 0 R>>\nstartxref\n{at}\n%%EOF\n").unwrap();
    file.into_bytes()
}

#[test]
fn a_kind_follows_from_the_type_and_else_from_the_name() {
    assert_eq!(Kind::of("Text/Markdown; charset=utf-8", ""), Some(Kind::Text));
    assert_eq!(Kind::of("application/vnd.api+json", ""), Some(Kind::Text));
    assert_eq!(Kind::of("text/html", "a.txt"), Some(Kind::Html));
    assert_eq!(Kind::of(DOCX, ""), Some(Kind::Word));
    assert_eq!(Kind::of("application/octet-stream", "Report.PDF"), Some(Kind::Pdf));
    assert_eq!(Kind::of("application/vnd.ms-excel", "table.csv"), Some(Kind::Text), "as some browsers call it");
    assert_eq!(Kind::of("", "notes.md"), Some(Kind::Text));
    for (content_type, filename) in
        [("image/svg+xml", "a.txt"), ("application/octet-stream", "a"), ("application/zip", "a.zip"), ("", "")]
    {
        assert_eq!(Kind::of(content_type, filename), None, "{content_type} {filename}");
    }
    assert_eq!(charset("text/plain; a=b; Charset=\"latin1\"").as_deref(), Some("latin1"));
    assert_eq!(charset("text/plain"), None);
}

#[test]
fn text_is_read_in_its_encoding() {
    assert_eq!(text_of("text/plain", "Größe 🐟".as_bytes()), "Größe 🐟");
    assert_eq!(text_of("text/csv", b"\xef\xbb\xbfa;b\r\n1;2\r\n"), "a;b\n1;2");
    let little: Vec<u8> = "\u{feff}Größe".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = "\u{feff}Größe".encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert_eq!([text_of("text/plain", &little), text_of("text/plain", &big)], ["Größe", "Größe"]);
    let western = WINDOWS_1252.encode("Größe – 5 €").0.into_owned();
    assert_eq!(text_of("text/plain", &western), "Größe – 5 €");
    assert_eq!(text_of("text/plain; charset=iso-8859-5", &[0xbf, 0xe0, 0xd8]), "При");
}

#[test]
fn what_is_no_text_has_none() {
    assert_eq!(read("text/plain", b"\x7fELF\0\0\0"), Ok(None));
    assert_eq!(read("image/png", b"words"), Ok(None));
    assert_eq!(read("application/x-unheard-of", b"words"), Ok(None));
}

#[test]
fn no_control_characters_come_out() {
    assert_eq!(text_of("text/plain", b"a\x1b[31mb\x08c\x0cd\re\r\nf\tg"), "a[31mbc\nd\ne\nf\tg");
}

#[test]
fn text_ends_where_there_is_enough() {
    let limits = ExtractLimits { text_chars: 4, ..ExtractLimits::default() };
    let read = |bytes: &[u8]| extract("text/plain", "", bytes, &limits).unwrap().unwrap();
    assert_eq!(read("äöüß\n".as_bytes()), Extracted { text: "äöüß".to_owned(), truncated: false });
    assert_eq!(read("äöüßx".as_bytes()), Extracted { text: "äöüß".to_owned(), truncated: true });
    let html = extract("text/html", "", "<p>a</p>".repeat(100_000).as_bytes(), &limits).unwrap().unwrap();
    assert_eq!(html, Extracted { text: "a\n\na".to_owned(), truncated: true });
    let document = docx(&"<w:p><w:r><w:t>word</w:t></w:r></w:p>".repeat(1_000));
    assert!(extract(DOCX, "", &document, &limits).unwrap().unwrap().truncated);
    assert!(extract("application/pdf", "", &pdf(&["Too long", "Longer"]), &limits).unwrap().unwrap().truncated);
    let limits = ExtractLimits { file_bytes: 3, ..limits };
    assert_eq!(extract("text/plain", "", b"four", &limits), Err(ExtractError::TooLarge(3)));
}

#[test]
fn html_is_its_words() {
    let html = "<!doctype html><html><head><title>The sea</title><style>p { color: red }</style>
        <script>if (a < b) document.write('<p>no</p>')</script></head>
        <body><!-- a remark --><h1>Waves &amp; <em>fish</em></h1><p>One\n   two<br>three</p>
        <ul><li>first<li>second</ul><table><tr><td>a</td><td>b</td></tr><tr><td>c</td><td>d</td></tr></table>
        <pre>let x\n  = 1</pre></body></html>";
    let expected = "The sea\n\nWaves & fish\n\nOne two\nthree\n\nfirst\nsecond\n\na\tb\nc\td\n\nlet x\n  = 1";
    assert_eq!(text_of("text/html", html.as_bytes()), expected);
    assert_eq!(text_of("text/html", b"<script>never ended"), "");
    assert_eq!(text_of("text/html", "<div>".repeat(200_000).as_bytes()), "");
}

#[test]
fn a_pdf_is_read_page_by_page() {
    let text = text_of("application/pdf", &pdf(&["Hello from a page", "And from another"]));
    assert_eq!(text.split_whitespace().collect::<Vec<_>>().join(" "), "Hello from a page And from another");
    assert!(matches!(read("application/pdf", b"%PDF-1.4 and nothing"), Err(ExtractError::Malformed(_))));
    let limits = ExtractLimits { pages: 1, ..ExtractLimits::default() };
    let many = extract("application/pdf", "", &pdf(&["a", "b"]), &limits);
    assert_eq!(many, Err(ExtractError::TooManyParts(1)));
}

#[test]
fn a_document_is_its_paragraphs_and_tables() {
    let cell = |text: &str| format!("<w:tc><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:tc>");
    let body = format!(
        "<w:p><w:pPr><w:tabs><w:tab w:val=\"left\"/></w:tabs></w:pPr><w:r><w:t>Waves &amp; </w:t></w:r>\
         <w:r><w:t xml:space=\"preserve\">fi&#115;h</w:t></w:r></w:p>\
         <w:p><w:r><w:t>one</w:t><w:br/><w:t>two</w:t><w:tab/><w:t>three</w:t></w:r>\
         <w:del><w:r><w:delText>deleted</w:delText></w:r></w:del></w:p>\
         <w:tbl><w:tr>{}{}</w:tr><w:tr>{}{}</w:tr></w:tbl><w:p><w:r><w:t>end</w:t></w:r></w:p>",
        cell("a"),
        cell("b"),
        cell("c"),
        cell("d")
    );
    assert_eq!(text_of(DOCX, &docx(&body)), "Waves & fish\none\ntwo\tthree\na\tb\nc\td\nend");
}

#[test]
fn slides_come_in_their_order() {
    let slide = |text: &str| format!("<p:sld><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:sld>");
    let numbered: Vec<(String, String)> =
        [10, 2, 1].map(|n| (format!("ppt/slides/slide{n}.xml"), slide(&format!("slide {n}")))).to_vec();
    let parts: Vec<(&str, &str)> = numbered.iter().map(|(name, xml)| (name.as_str(), xml.as_str())).collect();
    assert_eq!(text_of(PPTX, &archive(&parts)), "slide 1\n\nslide 2\n\nslide 10");
}

#[test]
fn a_sheet_is_its_rows() {
    let shared = "<sst><si><t>Name</t></si><si><r><t>Si</t></r><r><t>ze</t></r></si></sst>";
    let sheet = r#"<worksheet><sheetData>
        <row><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c><c t="s"><v>99</v></c></row>
        <row><c t="inlineStr"><is><t>cod</t></is></c><c><f>SUM(A1)</f><v>12.5</v></c></row>
        </sheetData></worksheet>"#;
    let parts = [("xl/sharedStrings.xml", shared), ("xl/worksheets/sheet1.xml", sheet)];
    assert_eq!(text_of(XLSX, &archive(&parts)), "Name\tSize\ncod\t12.5");
}

#[test]
fn an_open_document_is_read() {
    let content = "<office:document-content><office:body><office:text><text:h>Title</text:h>\
        <text:p>one<text:s/>two<text:line-break/><text:span>three</text:span></text:p>\
        <table:table><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell>\
        <table:table-cell><text:p>b</text:p></table:table-cell></table:table-row></table:table>\
        </office:text></office:body></office:document-content>";
    assert_eq!(text_of(ODT, &archive(&[("content.xml", content)])), "Title\none two\nthree\na\tb");
}

#[test]
fn an_archive_may_not_unpack_to_much() {
    let limits = ExtractLimits { unpacked_bytes: 10_000, entries: 3, depth: 20, ..ExtractLimits::default() };
    let with = |bytes: &[u8]| extract(DOCX, "", bytes, &limits);
    let bomb = docx(&"<w:p/>".repeat(1_000_000));
    assert!(bomb.len() < 100_000, "it is a bomb");
    assert_eq!(with(&bomb), Err(ExtractError::UnpacksTooLarge(10_000)));
    assert_eq!(with(&docx(&"<w:p>".repeat(30))), Err(ExtractError::TooDeep(20)));
    let names = ["a", "b", "c", "d"];
    let many: Vec<(&str, &str)> = names.iter().map(|name| (*name, "")).collect();
    assert_eq!(with(&archive(&many)), Err(ExtractError::TooManyParts(3)));
    assert!(matches!(with(&archive(&[("other.xml", "<a/>")])), Err(ExtractError::Malformed(_))));
    assert!(matches!(with(b"PK\x03\x04"), Err(ExtractError::Malformed(_))));
}

#[test]
fn entities_do_not_multiply() {
    let xml = "<!DOCTYPE a [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;\">]><w:p><w:t>x&b;y</w:t></w:p>";
    assert_eq!(text_of(DOCX, &archive(&[("word/document.xml", xml)])), "xy");
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop::sample::select(vec![Kind::Text, Kind::Html, Kind::Word, Kind::Slides, Kind::Sheet, Kind::OpenDocument])
}

/// What looks like the parts of which files consist.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece: [&[u8]; 13] = [
        b"<w:p>",
        b"</w:p>",
        b"<w:t>",
        b"</w:t>",
        b"<c t=\"s\"><v>1</v></c>",
        b"<script>",
        b"</script",
        b"<pre><td a='",
        b"<![CDATA[ ]]>",
        b"<!--",
        b"&amp;&#x0;&#1114112;&lt",
        b"words ",
        b"\xff\xfe\0\xc3",
    ];
    vec(prop::sample::select(piece.to_vec()), 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_read_or_refused(kind in kinds(), bytes in vec(any::<u8>(), 0..2_000)) {
        let _ = read_as(kind, "", &bytes, &ExtractLimits::default());
    }

    #[test]
    fn arbitrary_parts_are_read_or_refused(kind in kinds(), content in pieces(), chars in 0_usize..200) {
        let limits = ExtractLimits { text_chars: chars, ..ExtractLimits::default() };
        let names = ["word/document.xml", "content.xml", "ppt/slides/slide1.xml", "xl/sharedStrings.xml", "xl/worksheets/sheet1.xml"];
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for name in names {
            writer.start_file(name, SimpleFileOptions::default()).unwrap();
            writer.write_all(&content).unwrap();
        }
        let packed = writer.finish().unwrap().into_inner();
        let bytes = if matches!(kind, Kind::Text | Kind::Html) { content } else { packed };
        if let Ok(Some(extracted)) = read_as(kind, "", &bytes, &limits) {
            prop_assert!(extracted.text.chars().count() <= chars);
            prop_assert!(!extracted.text.contains('\0'));
        }
    }

    #[test]
    fn broken_archives_are_read_or_refused(at in 0_usize..400, byte in any::<u8>()) {
        let mut bytes = docx("<w:p><w:r><w:t>words</w:t></w:r></w:p>");
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = read_as(Kind::Word, "", &bytes, &ExtractLimits::default());
    }

    /// Panics of the decoder are caught. What it does without end, only a process of its own bounds.
    #[test]
    fn arbitrary_bytes_are_no_harmful_pdf(bytes in vec(any::<u8>(), 0..500)) {
        let mut file = b"%PDF-1.4\n".to_vec();
        file.extend(bytes);
        let _ = read("application/pdf", &file);
    }
}
