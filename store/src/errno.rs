//! Error numbers by name.

use syscalls::Errno;

/// The kernel's name of an error number, such as `ENOENT`; its own restarts (`ERESTARTSYS` and others) among them.
#[must_use]
pub fn errno_name(errno: u16) -> Option<&'static str> {
    Errno::new(errno.into()).name()
}

/// What an error number means, in a few words.
#[must_use]
pub fn errno_meaning(errno: u16) -> Option<&'static str> {
    Errno::new(errno.into()).description()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_that_callers_see_and_those_that_they_do_not_have_names() {
        assert_eq!(errno_name(2), Some("ENOENT"));
        assert_eq!(errno_name(512), Some("ERESTARTSYS"));
        assert_eq!((errno_name(0), errno_name(4000), errno_meaning(4000)), (None, None, None));
        assert_eq!(errno_meaning(12), Some("Out of memory"));
    }
}
