//! Writing HTML: what is text is escaped.

/// A page in the making.
#[derive(Default)]
pub(super) struct Html(String);

impl Html {
    /// Markup of ours, as it is.
    pub(super) fn raw(&mut self, markup: &str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Text.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                other => self.0.push(other),
            }
        }
        self
    }

    /// An element with attributes and what is in it.
    pub(super) fn element(&mut self, name: &str, attributes: &[(&str, &str)], inside: impl FnOnce(&mut Self)) {
        self.raw("<").raw(name);
        for (attribute, value) in attributes {
            self.raw(" ").raw(attribute).raw("=\"").text(value).raw("\"");
        }
        self.raw(">");
        inside(self);
        self.raw("</").raw(name).raw(">");
    }

    pub(super) fn link(&mut self, target: &str, title: &str) -> &mut Self {
        self.element("a", &[("href", target)], |html| _ = html.text(title));
        self
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

/// Paragraphs, with what is between backquotes as code.
pub(super) fn paragraphs(html: &mut Html, text: &str) {
    for paragraph in text.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty()) {
        html.element("p", &[], |html| code_spans(html, paragraph));
    }
}

/// Text, with what is between backquotes as code.
pub(super) fn code_spans(html: &mut Html, text: &str) {
    for (at, part) in text.split('`').enumerate() {
        if at % 2 == 1 {
            html.element("code", &[], |html| _ = html.text(part));
        } else {
            html.text(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_code_is_marked() {
        let mut html = Html::default();
        paragraphs(&mut html, "a <b> `c & \"d\"`\n\ne's");
        let expected = "<p>a &lt;b&gt; <code>c &amp; &quot;d&quot;</code></p><p>e&#39;s</p>";
        assert_eq!(html.into_string(), expected);
    }
}
