//! Text that is put together piece by piece, up to a limit.

use super::Extracted;

/// Collects text. What comes when it is full is left out.
pub(super) struct Words {
    text: String,
    /// Characters for which there is room.
    room: usize,
    truncated: bool,
    /// The last character was a carriage return: a line feed behind it ends no further line.
    after_return: bool,
}

impl Words {
    pub(super) fn new(chars_max: usize) -> Self {
        Self { text: String::new(), room: chars_max, truncated: false, after_return: false }
    }

    /// Whether anything that came was left out: there is no use in going on.
    pub(super) fn is_full(&self) -> bool {
        self.truncated
    }

    pub(super) fn push(&mut self, character: char) {
        let is_second_half = character == '\n' && self.after_return;
        self.after_return = character == '\r';
        let character = match character {
            '\r' | '\x0b' | '\x0c' | '\u{85}' => '\n',
            other => other,
        };
        if is_second_half || (character.is_control() && !matches!(character, '\n' | '\t')) {
            return;
        }
        if self.room == 0 {
            // Space at the end is no text.
            self.truncated |= !character.is_whitespace();
            return;
        }
        self.room -= 1;
        self.text.push(character);
    }

    /// As it is, without control characters.
    pub(super) fn verbatim(&mut self, text: &str) {
        for character in text.chars() {
            self.push(character);
            if self.is_full() {
                return;
            }
        }
    }

    /// With what space there is between words as one space.
    pub(super) fn flowing(&mut self, text: &str) {
        for character in text.chars() {
            if character.is_whitespace() {
                self.space();
            } else {
                self.push(character);
            }
            if self.is_full() {
                return;
            }
        }
    }

    /// Sets apart what comes from what was, by a space.
    pub(super) fn space(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with(char::is_whitespace) {
            self.push(' ');
        }
    }

    /// What comes is the next cell of a table.
    pub(super) fn cell(&mut self) {
        self.drop_space();
        if !self.text.is_empty() {
            self.push('\t');
        }
    }

    /// What comes begins a line.
    pub(super) fn line(&mut self) {
        self.drop_space();
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.push('\n');
        }
    }

    /// What comes begins a paragraph.
    pub(super) fn paragraph(&mut self) {
        self.line();
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.push('\n');
        }
    }

    fn drop_space(&mut self) {
        while self.text.ends_with([' ', '\t']) {
            self.text.pop();
            self.room += 1;
        }
    }

    pub(super) fn finish(mut self) -> Extracted {
        self.text.truncate(self.text.trim_end().len());
        Extracted { text: self.text, truncated: self.truncated }
    }
}
