//! How much of a run is read: a run may come from somebody else, and must neither fill the memory nor take for ever.
//!
//! All of these are well above what a scenario can ask for, and none is part of the format.

/// Most bytes of a manifest. A plan of the most cells that a scenario may have takes half of it.
pub(crate) const MANIFEST_BYTES: u64 = 128 << 20;

/// Most bytes of a scenario.
pub(crate) const SCENARIO_BYTES: u64 = 1 << 20;

/// Most bytes of a part. What takes room is the monitor's samples of a long window.
pub(crate) const PART_BYTES: u64 = 512 << 20;

/// Most parts of a run, and most files of a folder that are looked at.
pub(crate) const FILES: usize = 1 << 18;

/// Most bytes of all parts of a run.
pub(crate) const PARTS_BYTES: u64 = 4 << 30;

/// Most trials of a run, and most of everything that a manifest counts.
pub(crate) const TRIALS: u32 = 1 << 20;

/// Most bytes of a table.
pub(crate) const TABLE_BYTES: u64 = 2 << 30;

/// Most bytes of a table's footer.
pub(crate) const FOOTER_BYTES: usize = 64 << 20;

/// Most columns of a table.
pub(crate) const COLUMNS: usize = 256;

/// Most rows of a table.
const ROWS: u64 = 1 << 26;

/// Most rows of a table of `bytes`. Samples that are all alike come to a tenth of that.
pub(crate) const fn rows(bytes: u64) -> u64 {
    let most = (1 << 20) + 64 * bytes;
    if most < ROWS { most } else { ROWS }
}

/// Most bytes of a page when it is unpacked.
pub(crate) const PAGE_BYTES: u64 = 64 << 20;

/// Most bytes that a table of `bytes` unpacks to.
pub(crate) const fn unpacked_bytes(bytes: u64) -> u64 {
    let most = (64 << 20) + 1024 * bytes;
    if most < 4 << 30 { most } else { 4 << 30 }
}

/// Most bytes of a name: of a target, a generator, a factor, a level, a stressor, a function.
pub(crate) const NAME_BYTES: usize = 1 << 10;

/// Most bytes of a text: of a reason, a warning, a label. An argument of a command line has half as many.
pub(crate) const TEXT_BYTES: usize = 1 << 18;

/// Most bytes of all texts in a column of a table.
pub(crate) const TEXTS_BYTES: usize = 1 << 30;

/// Most calls of a trial, of any kind. Sums over the trials of a run are then numbers, too.
pub(crate) const CALLS: u64 = 1 << 50;
