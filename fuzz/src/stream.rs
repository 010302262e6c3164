//! Markdown that comes in parts: however a text is divided, the same is written, and no element is removed on the way.
use schema::rich_text::stream::{End, StreamWriter};
use schema::rich_text::{Block, read};
use yrs::{ClientID, Transact};

/// How many bytes of an input say where its text is divided.
const CUTS: usize = 6;

/// Checks one input.
pub fn check(bytes: &[u8]) {
    let Some((cuts, text)) = bytes.split_at_checked(CUTS) else { return };
    let Ok(text) = str::from_utf8(text) else { return };
    let mut ends: Vec<usize> = cuts.iter().map(|cut| text.len() * usize::from(*cut) / 256).collect();
    ends.retain(|end| text.is_char_boundary(*end));
    ends.sort_unstable();
    assert_eq!(written(text, &ends), written(text, &[]), "{text:?} divided at {ends:?}");
}

fn written(text: &str, ends: &[usize]) -> Vec<Block> {
    let doc = schema::new_doc(ClientID::new(1));
    let body = doc.get_or_insert_xml_fragment("body");
    let mut txn = doc.transact_mut();
    let mut writer = StreamWriter::at_end(&body, &txn);
    let mut blocks = 0;
    for end in ends {
        writer.write(&body, &mut txn, &text[..*end], End::NotYet);
        let now = read(&body, &txn).len();
        assert!(now >= blocks);
        blocks = now;
    }
    let written = writer.write(&body, &mut txn, text, End::Reached);
    assert_eq!((written.bytes, written.left_to_people), (text.len(), 0));
    read(&body, &txn)
}
