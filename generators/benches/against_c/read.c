#define CALLS 2
#include "loop.h"

static int descriptor;
static char buffer[4096];

static void prepare(const char *scratch)
{
    descriptor = scratch_file(scratch, sizeof buffer, NULL);
}

static inline __attribute__((always_inline)) void perform(enum mode mode, struct call *calls)
{
    CALL(mode, &calls[0], SYS_read, descriptor, (long)buffer, sizeof buffer);
    CALL(mode, &calls[1], SYS_lseek, descriptor, 0, SEEK_SET);
}
