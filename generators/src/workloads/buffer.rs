//! The memory that a thread reads into or writes from.

use super::Site;
use crate::failure::Failure;
use crate::recorder::Call;

/// A buffer of an operation's size, its pages there.
pub(super) fn buffer(site: &Site) -> Result<Vec<u8>, Failure> {
    let size_bytes = site.size_bytes()?;
    let mut buffer = Vec::new();
    buffer
        .try_reserve_exact(size_bytes)
        .map_err(|_| Failure::Usage(format!("a buffer of {size_bytes} bytes does not fit into memory")))?;
    // Not zero, for which the allocator could take pages that are not there yet.
    buffer.resize(size_bytes, 0x5a);
    Ok(buffer)
}

/// Whether a call moved as many bytes as the buffer has.
pub(super) fn all_of(buffer: &[u8], call: &Call) -> Result<(), Failure> {
    let (returned, wanted) = (call.result, buffer.len());
    if returned.cast_unsigned() == wanted { Ok(()) } else { Err(Failure::Short { returned, wanted }) }
}
