//! What the programs are told: a global variable of theirs, which is written as a whole.

use crate::ProbeError;
use aya::Ebpf;
use aya::maps::{Array, MapData};
use probe_abi::Control;
use std::fmt;

/// The programs' instructions.
pub(crate) struct Instructions {
    /// As they stand, once [`Self::give`] has been called.
    pub(crate) control: Box<Control>,
    map: Array<MapData, Value>,
}

/// The map's value.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
struct Value(Control);

// SAFETY: integers without padding, valid whatever their bytes are.
unsafe impl aya::Pod for Value {}

impl fmt::Debug for Instructions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instructions").finish_non_exhaustive()
    }
}

impl Instructions {
    pub(crate) fn of(object: &mut Ebpf) -> Result<Self, ProbeError> {
        const SECTION: &str = ".data.control";
        let map = object.take_map(SECTION).and_then(|map| Array::try_from(map).ok());
        let map = map.ok_or_else(|| ProbeError::Object { name: SECTION.into() })?;
        Ok(Self { control: Box::new(Control::EMPTY), map })
    }

    /// Tells the programs.
    pub(crate) fn give(&mut self) -> Result<(), ProbeError> {
        let given = self.map.set(0, Value(*self.control), 0);
        given.map_err(|source| ProbeError::Instruct { source: Box::new(source) })
    }
}
