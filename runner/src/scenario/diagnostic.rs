//! What is wrong with a scenario and where: messages that carry their place, and their rendering.
//!
//! Owns places, texts and the look of an error. It does not know what a scenario is.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use std::fmt;
use std::ops::Range;

/// Errors that are rendered; of more, the number is told.
const MAX_SHOWN: usize = 20;

/// A text that places point into: the file, or an override from the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// The file's path, or the option that the text was given with.
    pub(crate) name: String,
    /// The text.
    pub(crate) text: String,
}

/// A stretch of one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Index of the source.
    pub(super) source: usize,
    /// Bytes from, to.
    pub(super) span: Range<usize>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Diagnostic {
    message: String,
    place: Option<Place>,
    label: String,
    related: Option<Box<(Place, String)>>,
    help: Option<String>,
}

impl Diagnostic {
    /// Something wrong at a place; the label says there what was found.
    pub(super) fn at(place: &Place, message: impl Into<String>, label: impl Into<String>) -> Self {
        Self { place: Some(place.clone()), label: label.into(), ..Self::general(message) }
    }

    /// Something wrong with a source as a whole.
    pub(super) fn general(message: impl Into<String>) -> Self {
        Self { message: message.into(), place: None, label: String::new(), related: None, help: None }
    }

    /// Adds how to mend it.
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds how to mend it, where that is known.
    pub(super) fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }

    /// Adds a second place that has to do with it.
    pub(super) fn related(mut self, place: &Place, label: impl Into<String>) -> Self {
        self.related = Some(Box::new((place.clone(), label.into())));
        self
    }
}

/// Everything that was found wrong with a scenario; at least one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Diagnostics {
    sources: Vec<Source>,
    found: Vec<Diagnostic>,
    /// Whether the scenario is right, and only this machine cannot do it.
    is_of_machine: bool,
}

impl Diagnostics {
    /// What was found wrong in these sources, the first of which is the file.
    pub(super) fn new(sources: Vec<Source>, mut found: Vec<Diagnostic>) -> Self {
        // As they come when reading along: what has no place first, then the file from its top, then overrides.
        found.sort_by_key(|diagnostic| {
            diagnostic.place.as_ref().map(|place| (place.source, place.span.start))
        });
        Self { sources, found, is_of_machine: false }
    }

    /// Something wrong with a file as a whole.
    pub(super) fn of_file(name: &str, diagnostic: Diagnostic) -> Self {
        Self::new(vec![Source { name: name.to_owned(), text: String::new() }], vec![diagnostic])
    }

    /// The same as warnings about this machine, where the scenario itself is right.
    pub(crate) fn of_this_machine(self) -> Self {
        Self { is_of_machine: true, ..self }
    }

    /// How many things are wrong.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.found.len()
    }

    /// Every error with its line and a caret, separated by empty lines, with escape sequences only if asked for.
    pub(crate) fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let shown = self.found.iter().take(MAX_SHOWN);
        let mut errors: Vec<String> =
            shown.map(|diagnostic| self.render_one(diagnostic, &renderer)).collect();
        if self.found.len() > MAX_SHOWN {
            let more = format!("{} more errors like these", self.found.len() - MAX_SHOWN);
            errors.push(renderer.render(&[Group::with_title(Level::ERROR.primary_title(more))]));
        }
        errors.join("\n\n")
    }

    fn render_one(&self, diagnostic: &Diagnostic, renderer: &Renderer) -> String {
        let title = match &diagnostic.place {
            Some(_) => diagnostic.message.clone(),
            None => format!("{}: {}", printable(&self.sources[0].name), diagnostic.message),
        };
        let title = if self.is_of_machine {
            Level::WARNING.primary_title(format!("on this machine: {title}"))
        } else {
            Level::ERROR.primary_title(title)
        };
        let mut group = Group::with_title(title);
        if let Some(place) = &diagnostic.place {
            for snippet in self.snippets(diagnostic, place) {
                group = group.element(snippet);
            }
        }
        if let Some(help) = &diagnostic.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        renderer.render(&[group])
    }

    /// One snippet, or two where the related place is in another source.
    fn snippets<'a>(
        &'a self,
        diagnostic: &'a Diagnostic,
        place: &Place,
    ) -> Vec<Snippet<'a, annotate_snippets::Annotation<'a>>> {
        let mut primary = self
            .snippet(place)
            .annotation(AnnotationKind::Primary.span(self.visible(place)).label(diagnostic.label.as_str()));
        let Some((other, label)) = diagnostic.related.as_deref() else {
            return vec![primary];
        };
        let annotation = AnnotationKind::Context.span(self.visible(other)).label(label.as_str());
        if other.source == place.source {
            primary = primary.annotation(annotation);
            return vec![primary];
        }
        vec![primary, self.snippet(other).annotation(annotation)]
    }

    fn snippet(&self, place: &Place) -> Snippet<'_, annotate_snippets::Annotation<'_>> {
        let source = &self.sources[place.source];
        Snippet::source(source.text.as_str()).path(printable(&source.name)).fold(true)
    }

    /// The span cut to its first line and to the text, on character boundaries: what a caret can point at.
    fn visible(&self, place: &Place) -> Range<usize> {
        let text = &self.sources[place.source].text;
        let start = floor_boundary(text, place.span.start);
        let end = floor_boundary(text, place.span.end).max(start);
        let line = text[start..end].find(['\n', '\r']).map_or(end, |length| start + length);
        start..line
    }
}

fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// A text from outside for use in a message: on one line, no control characters, of bounded length.
pub(super) fn printable(text: &str) -> String {
    const MAX_CHARS: usize = 200;
    let mut shown: String = text
        .chars()
        .take(MAX_CHARS)
        .flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] })
        .collect();
    if text.chars().count() > MAX_CHARS {
        shown.push('…');
    }
    shown
}

/// A text from outside between backticks, at most 48 characters of it.
pub(super) fn quoted(text: &str) -> String {
    const MAX_CHARS: usize = 48;
    let short: String = text.chars().take(MAX_CHARS).collect();
    let more = if text.chars().count() > MAX_CHARS { "…" } else { "" };
    format!("`{}{more}`", printable(&short))
}

/// "did you mean" with the candidate that is nearest to a mistyped name, where one is near.
pub(crate) fn did_you_mean<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    // Nothing is near to a name longer than any.
    let typed: String = typed.to_lowercase().chars().take(128).collect();
    let limit = (typed.chars().count() / 3).max(1);
    let nearest = candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&typed, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min();
    nearest.map(|(_, candidate)| format!("did you mean {}?", quoted(candidate)))
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostics {}
