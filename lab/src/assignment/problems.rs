//! What is wrong with an assignment and where, rendered with the line and a caret.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use std::fmt;
use std::ops::Range;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    span: Range<usize>,
    message: String,
    label: String,
}

impl Problem {
    /// Something wrong at a place; the label says there what is possible.
    pub(crate) fn at(span: Range<usize>, message: impl Into<String>, label: impl Into<String>) -> Self {
        Self { span, message: message.into(), label: label.into() }
    }
}

/// Everything that was found wrong with an assignment; at least one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    name: String,
    text: String,
    found: Vec<Problem>,
}

impl Problems {
    pub(crate) fn new(name: &str, text: &str, mut found: Vec<Problem>) -> Self {
        found.sort_by_key(|problem| problem.span.start);
        Self { name: name.to_owned(), text: text.to_owned(), found }
    }

    /// On character boundaries, on one line, within the text.
    fn visible(&self, span: &Range<usize>) -> Range<usize> {
        let start = self.text.floor_char_boundary(span.start);
        let end = self.text.floor_char_boundary(span.end).max(start);
        let line = self.text[start..end].find(['\n', '\r']).map_or(end, |length| start + length);
        start..line
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let render = |problem: &Problem| {
            let place = AnnotationKind::Primary.span(self.visible(&problem.span)).label(&problem.label);
            let snippet = Snippet::source(&self.text).path(&self.name).fold(true).annotation(place);
            let title = Level::ERROR.primary_title(&problem.message);
            Renderer::plain().render(&[Group::with_title(title).element(snippet)])
        };
        f.write_str(&self.found.iter().map(render).collect::<Vec<_>>().join("\n\n"))
    }
}

impl std::error::Error for Problems {}
