#define CALLS 2
#include "loop.h"

static char *path;

static void remove_file(void)
{
    unlink(path);
}

static void prepare(const char *scratch)
{
    close(scratch_file(scratch, 0, &path));
    atexit(remove_file);
}

static inline __attribute__((always_inline)) void perform(enum mode mode, struct call *calls)
{
    CALL(mode, &calls[0], SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC);
    CALL(mode, &calls[1], SYS_close, calls[0].result);
}
