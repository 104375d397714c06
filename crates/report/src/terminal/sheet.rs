//! A text in two columns: a faint heading at the left, what belongs to it beside.

use crate::format::GLUE;
use crate::style::{Ink, Style, columns, wrap};

/// Columns of the headings, the space after them included.
const HEADING: usize = 12;

/// A text under construction.
pub(super) struct Sheet {
    text: String,
    style: Style,
}

impl Sheet {
    pub(super) fn new(style: Style) -> Sheet {
        Sheet { text: String::new(), style }
    }

    /// An empty line, unless there is one already.
    pub(super) fn space(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// A heading and a paragraph beside it; an empty heading continues the one above.
    pub(super) fn entry(&mut self, heading: &str, ink: Ink, text: &str) {
        let text = self.style.spell(text);
        let mut heading = heading;
        for line in wrap(&text, self.style.columns() - HEADING) {
            self.put(heading, ink, &line);
            heading = "";
        }
    }

    /// The verdict in a word, and the name of the run.
    pub(super) fn verdict(&mut self, ink: Ink, word: &str, name: &str) {
        let pad = " ".repeat(HEADING.saturating_sub(columns(word)));
        let line = format!("{}{pad}{}", self.style.ink(ink, word), self.style.ink(Ink::Strong, name));
        self.line(&self.style.spell(&line));
    }

    /// A paragraph whose further lines hang below the text after its mark.
    pub(super) fn hanging(&mut self, mark: &str, ink: Ink, text: &str) {
        self.hanging_from("", mark, ink, text);
    }

    /// The same beside a heading.
    pub(super) fn hanging_from(&mut self, heading: &str, mark: &str, ink: Ink, text: &str) {
        let (mark, text) = (self.style.spell(mark), self.style.spell(text));
        let indent = columns(&mark);
        let mut heading = heading;
        for (i, line) in wrap(&text, self.style.columns() - HEADING - indent).into_iter().enumerate() {
            let start = if i == 0 { mark.clone() } else { " ".repeat(indent) };
            self.put(heading, ink, &format!("{start}{line}"));
            heading = "";
        }
    }

    /// A faint remark over the whole width.
    pub(super) fn note(&mut self, text: &str) {
        for line in wrap(&self.style.spell(text), self.style.columns()) {
            self.line(&self.style.ink(Ink::Faint, &line));
        }
    }

    /// A heading and one line that is set already.
    pub(super) fn row(&mut self, heading: &str, line: &str) {
        let pad = " ".repeat(HEADING.saturating_sub(columns(heading)));
        let heading = self.style.ink(Ink::Faint, heading);
        self.line(&format!("{heading}{pad}{line}"));
    }

    /// A line of its own over the whole width.
    pub(super) fn line(&mut self, line: &str) {
        self.text.push_str(&line.trim_end().replace(GLUE, " "));
        self.text.push('\n');
    }

    fn put(&mut self, heading: &str, ink: Ink, line: &str) {
        let line = self.style.ink(ink, line);
        self.row(heading, &line);
    }

    pub(super) fn finish(self) -> String {
        self.text
    }
}
