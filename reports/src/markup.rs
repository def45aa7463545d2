//! Texts as parts of a page or a picture.

/// A text between tags.
pub(crate) fn text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A text that may also stand between quotation marks.
pub(crate) fn quoted(quoted: &str) -> String {
    text(quoted).replace('"', "&quot;")
}
