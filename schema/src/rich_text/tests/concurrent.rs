//! What two write at the same time.

use super::*;

/// What one writer changes to `ours` and another at the same time to `theirs`, merged in both orders.
fn merged(base: &str, ours: &str, theirs: &str) -> String {
    let one = document(1, base);
    let two = replica(&one, 2);
    write(&one, ours);
    write(&two, theirs);
    let (of_one, of_two) = (state(&one), state(&two));
    let three = replica(&one, 3);
    merge(&three, &of_two);
    merge(&one, &of_two);
    merge(&two, &of_one);
    assert_eq!(nodes(&one), nodes(&two), "the replicas converge");
    assert_eq!(nodes(&one), nodes(&three), "the replicas converge");
    written(&one)
}

#[test]
fn edits_of_two_blocks_both_stand() {
    let merged = merged("# Title\n\none\n\ntwo", "# New title\n\none\n\ntwo", "# Title\n\none\n\ntwo, and three");
    assert_eq!(merged, "# New title\n\none\n\ntwo, and three");
}

#[test]
fn edits_of_two_places_of_a_paragraph_both_stand() {
    let base = "The quick fox jumps over the lazy dog";
    let (ours, theirs) = ("The quick brown fox jumps over the lazy dog", "The quick fox jumps over the sleeping dog");
    assert_eq!(merged(base, ours, theirs), "The quick brown fox jumps over the sleeping dog");
}

#[test]
fn a_mark_and_words_in_one_paragraph_both_stand() {
    let base = "The quick fox jumps over the lazy dog";
    let (ours, theirs) = ("The **quick** fox jumps over the lazy dog", "The quick fox leaps over the [lazy](u) dog");
    assert_eq!(merged(base, ours, theirs), "The **quick** fox leaps over the [lazy](u) dog");
}

#[test]
fn offsets_count_utf16_units() {
    let merged = merged("😀 one 😀 two 😀", "😀 one 😀😀 two 😀", "😀 one 😀 **two** three 😀");
    assert_eq!(merged, "😀 one 😀😀 **two** three 😀");
}

#[test]
fn an_edit_in_a_paragraph_stands_when_others_come_and_go_around_it() {
    let merged =
        merged("one\n\ntwo words\n\nthree", "zero\n\ntwo words\n\nfour\n\nfive", "one\n\ntwo more words\n\nthree");
    assert_eq!(merged, "zero\n\ntwo more words\n\nfour\n\nfive");
}

#[test]
fn edits_of_two_items_and_a_third_all_stand() {
    let merged = merged("- one\n- two\n- three", "- one!\n- two\n- three\n- four", "- one\n- two\n  - deeper\n- three");
    assert_eq!(merged, "- one!\n- two\n  - deeper\n- three\n- four");
}

#[test]
fn a_task_is_done_while_it_is_reworded() {
    assert_eq!(merged("- [ ] write it", "- [x] write it", "- [ ] write it down"), "- [x] write it down");
}

#[test]
fn two_cells_of_a_row_are_edited() {
    let table = |a: &str, b: &str| format!("| h | i |\n| --- | --- |\n| {a} | {b} |");
    assert_eq!(merged(&table("a", "b"), &table("a1", "b"), &table("a", "b2")), table("a1", "b2"));
}

#[test]
fn a_level_and_words_of_a_heading_both_change() {
    assert_eq!(merged("# A title", "## A title", "# A better title"), "## A better title");
}

#[test]
fn lines_of_code_are_edited_apart() {
    let code = |lines: &str| format!("```rust\n{lines}\n```");
    let merged =
        merged(&code("let a = 1;\nlet b = 2;"), &code("let a = 10;\nlet b = 2;"), &code("let a = 1;\nlet b = 20;"));
    assert_eq!(merged, code("let a = 10;\nlet b = 20;"));
}
