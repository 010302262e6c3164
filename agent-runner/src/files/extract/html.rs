//! HTML: the words between the tags. Only tokens are looked at, so that nothing recurses, and nothing is built.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, CharacterTokens, EndTag, StartTag, Tag, TagToken, Token, TokenSink, TokenSinkResult, Tokenizer,
    TokenizerOpts,
};

use super::words::Words;

/// So much is read before it is looked whether there is enough, in bytes.
const CHUNK_BYTES: usize = 64 * 1024;

pub(super) fn read(html: &str, words: &mut Words) {
    let collector = Collector(RefCell::new(State { words, left_out: None, verbatim: 0 }));
    let tokenizer = Tokenizer::new(collector, TokenizerOpts::default());
    let queue = BufferQueue::default();
    let mut rest = html;
    while !rest.is_empty() && !tokenizer.sink.0.borrow().words.is_full() {
        let (chunk, behind) = rest.split_at(rest.floor_char_boundary(CHUNK_BYTES));
        rest = behind;
        queue.push_back(StrTendril::from_slice(chunk));
        // It stops at things that concern browsers, and goes on when it is told to.
        while !queue.is_empty() {
            let _ = tokenizer.feed(&queue);
        }
    }
    tokenizer.end();
}

struct Collector<'a>(RefCell<State<'a>>);

struct State<'a> {
    words: &'a mut Words,
    /// The element whose content is for browsers, if it stands in one.
    left_out: Option<String>,
    /// Elements around it in which space counts.
    verbatim: u32,
}

impl TokenSink for Collector<'_> {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut state = self.0.borrow_mut();
        match token {
            TagToken(tag) => return state.tag(&tag),
            CharacterTokens(text) => state.text(&text),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl State<'_> {
    fn text(&mut self, text: &str) {
        if self.left_out.is_some() {
            return;
        }
        if self.verbatim > 0 { self.words.verbatim(text) } else { self.words.flowing(text) }
    }

    fn tag(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        let name: &str = &tag.name;
        if tag.kind == EndTag && self.left_out.as_deref() == Some(name) {
            self.left_out = None;
        }
        if self.left_out.is_some() {
            return TokenSinkResult::Continue;
        }
        self.set_apart(name, tag.kind == StartTag);
        if tag.kind == StartTag { self.begin(name) } else { TokenSinkResult::Continue }
    }

    /// What follows the tag is tokenized as browsers do.
    fn begin(&mut self, name: &str) -> TokenSinkResult<()> {
        match name {
            "script" => {
                self.left_out = Some(name.to_owned());
                TokenSinkResult::RawData(RawKind::ScriptData)
            }
            "style" | "iframe" | "noembed" | "noframes" => {
                self.left_out = Some(name.to_owned());
                TokenSinkResult::RawData(RawKind::Rawtext)
            }
            "title" | "textarea" => TokenSinkResult::RawData(RawKind::Rcdata),
            "plaintext" => TokenSinkResult::Plaintext,
            _ => TokenSinkResult::Continue,
        }
    }

    fn set_apart(&mut self, name: &str, begins: bool) {
        match name {
            "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "ul" | "ol" | "dl" | "table" | "blockquote" | "section"
            | "article" | "header" | "footer" | "main" | "nav" | "figure" | "hr" | "title" | "body" => {
                self.words.paragraph();
            }
            "pre" | "textarea" => {
                self.words.paragraph();
                self.verbatim = if begins { self.verbatim.saturating_add(1) } else { self.verbatim.saturating_sub(1) };
            }
            "br" | "div" | "li" | "tr" | "dt" | "dd" | "figcaption" | "option" | "address" | "form" | "fieldset" => {
                self.words.line();
            }
            "td" | "th" if !begins => self.words.cell(),
            _ => {}
        }
    }
}
