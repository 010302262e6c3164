//! What Tiptap's editors store.

use super::*;

const EVERYTHING: &[u8] = include_bytes!("../../../tests/fixtures/rich_text/everything.bin");
const UNKNOWN: &[u8] = include_bytes!("../../../tests/fixtures/rich_text/unknown.bin");

const EVERYTHING_IN_MARKDOWN: &str = "\
## Everything

plain **bold** _italic_ ~~strike~~ <u>underline</u> `code` [link](https://a.example/ \"Title\") [**both**](https://b.example/)

one 😀\\
two

- a
  - b
-

3. three
4. four

- [x] done
- [ ] open

> quote

```rust
fn main() {}

let x;
```

```
no language
```

---

![An image](https://a.example/i.png \"Its title\")

| h1 | h2 |
| --- | :-: |
| c1 | |";

fn opened(update: &[u8]) -> Doc {
    let doc = new_doc(ClientID::new(9));
    merge(&doc, update);
    doc
}

#[test]
fn what_an_editor_stores_is_read() {
    assert_eq!(written(&opened(EVERYTHING)), EVERYTHING_IN_MARKDOWN);
}

#[test]
fn what_is_written_is_what_an_editor_stores() {
    let edited = nodes(&opened(EVERYTHING));
    assert_eq!(nodes(&document(3, EVERYTHING_IN_MARKDOWN)), edited);
    assert_eq!(shape::nodes(&shape::blocks(&edited)), edited);
}

#[test]
fn writing_what_is_there_changes_nothing() {
    for update in [EVERYTHING, UNKNOWN] {
        let doc = opened(update);
        let before = state(&doc);
        write(&doc, &written(&doc));
        write_blocks(&doc, &blocks(&doc));
        assert_eq!(state(&doc), before);
    }
}

#[test]
fn unknown_elements_read_as_their_words() {
    let markdown = "hello \\[mention: 7, Ada\\], look\n\nMind the gap\n\nsaid twice and once\n\nthe end";
    assert_eq!(written(&opened(UNKNOWN)), markdown);
}

#[test]
fn unknown_elements_and_marks_survive_edits_beside_them() {
    let doc = opened(UNKNOWN);
    let markdown =
        written(&doc).replace("look", "see").replace("twice and", "twice or so and").replace("end", "very end");
    write(&doc, &format!("# New\n\n{markdown}"));
    let xml = xml(&doc).replace("comment--", "");
    for survivor in [
        "<heading level=\"1\">New</heading><paragraph>hello <mention ",
        "</mention>, see</paragraph><callout tone=\"warning\"><paragraph>Mind the gap</paragraph></callout>",
        "<paragraph>said <fSPIWfC9 thread=\"t1\"><p3Krby5L thread=\"t2\">twice</p3Krby5L></fSPIWfC9> or so and\
         <fSPIWfC9 thread=\"t1\"> once</fSPIWfC9></paragraph><paragraph>the very end</paragraph>",
    ] {
        assert!(xml.contains(survivor), "{survivor}\nin {xml}");
    }
}

#[test]
fn words_put_into_a_commented_passage_are_commented_too() {
    let doc = opened(UNKNOWN);
    write(&doc, &written(&doc).replace("twice", "tw-ice"));
    assert!(xml(&doc).contains("tw-ice</comment--"), "{}", xml(&doc));
}

#[test]
fn unknown_elements_can_be_moved() {
    let doc = opened(UNKNOWN);
    let mut reordered = blocks(&doc);
    reordered.reverse();
    write_blocks(&doc, &reordered);
    assert_eq!(blocks(&doc), reordered);
    assert!(xml(&doc).contains("<callout tone=\"warning\">"));
}

#[test]
fn attributes_without_a_name_here_stay() {
    use yrs::{Xml, XmlFragment};
    let doc = document(1, "| a | b |\n|---|---|\n| c | d |\n\n![i](u)");
    let body = doc.get_or_insert_xml_fragment(BODY);
    {
        let mut txn = doc.transact_mut();
        let image = body.get(&txn, 1).unwrap().into_xml_element().unwrap();
        image.insert_attribute(&mut txn, "width", 320);
    }
    write(&doc, "| a | b |\n|---|---|\n| c | other |\n\n![another](u)");
    let txn = doc.transact();
    let image = body.get(&txn, 1).unwrap().into_xml_element().unwrap();
    assert_eq!(image.get_attribute(&txn, "width"), Some(320.into()));
    assert_eq!(image.get_attribute(&txn, "alt"), Some("another".into()));
}
