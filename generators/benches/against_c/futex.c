#define CALLS 1
#include "loop.h"
#include <linux/futex.h>

static _Alignas(64) uint32_t word;

static void prepare(const char *scratch)
{
    (void)scratch;
}

static inline __attribute__((always_inline)) void perform(enum mode mode, struct call *calls)
{
    CALL(mode, &calls[0], SYS_futex, (long)&word, FUTEX_WAKE_PRIVATE, 1);
}
