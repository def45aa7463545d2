//! The scenarios that are shipped. They are in the program itself, so that every way to install it brings them along.
//!
//! Owns their names and texts. What else a name may stand for is [`super::named`]'s to say.

use super::Name;

/// A scenario that goes by its name wherever the program is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shipped {
    /// Its name, which is also its file's without `.toml`.
    pub(crate) name: &'static str,
    /// The text of its file.
    pub(crate) text: &'static str,
}

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        &[$(Shipped { name: $name, text: include_str!(concat!("../../../scenarios/", $name, ".toml")) }),*]
    };
}

/// All of them, by name.
pub(crate) const SHIPPED: &[Shipped] = shipped![
    "ancestor",
    "durability",
    "file_server",
    "git",
    "local_messages",
    "memory_pressure",
    "mmap_sweep",
    "mmap_touch",
    "next_door",
    "null_call",
    "open_outcomes",
    "page_sources",
    "path_depth",
    "probe_cost",
    "quick",
    "redis",
    "saturation",
    "sqlite",
    "sure_enough",
    "tar",
];

impl Shipped {
    /// The one of this name.
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        SHIPPED.iter().find(|it| it.name == name)
    }

    /// What it is about, in its own words.
    pub(crate) fn summary(&self) -> String {
        let table: Option<toml::Table> = toml::from_str(self.text).ok();
        let summary = table.as_ref().and_then(|table| table.get("summary")?.as_str());
        summary.unwrap_or_default().to_owned()
    }

    /// Its text under another name; `schema` is where the editors' schema is, if that is known.
    pub(crate) fn renamed(&self, name: &Name, schema: Option<&str>) -> String {
        let own = format!("\nname = \"{}\"\n", self.name);
        let text = self.text.replacen(&own, &format!("\nname = \"{name}\"\n"), 1);
        super::with_schema(without_schema(&text), schema)
    }
}

/// A scenario's text without the line that is for editors, which names a file beside it.
fn without_schema(text: &str) -> &str {
    match text.split_once('\n') {
        Some((first, rest)) if first.starts_with("#:schema ") => rest,
        _ => text,
    }
}
