//! The layout of the maps that the BPF programs and their loader share.

/// The most targets that can be probed at once.
pub const MAX_TARGETS: usize = 16;
