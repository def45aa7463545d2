//! Global variables that others write to while they are read.

use core::cell::UnsafeCell;

/// A global variable. It is read and written word by word, which is atomic, through raw pointers and volatile.
#[repr(transparent)]
pub struct Global<T>(UnsafeCell<T>);

// SAFETY: see above.
unsafe impl<T> Sync for Global<T> {}

impl<T> Global<T> {
    /// A variable that is `value` until somebody writes to it.
    pub const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    /// Where it is.
    #[inline(always)]
    pub const fn get(&self) -> *mut T {
        self.0.get()
    }
}
