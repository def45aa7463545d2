#define CALLS 2
#include "loop.h"
#include <sys/mman.h>

static const size_t size = 4096;

/* The kernel would join new memory with memory of the same kind beside it, and split it off again. In the generator
 * there is none beside it; here a page that nobody may use sees to that. */
static void prepare(const char *scratch)
{
    (void)scratch;
    if (mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
        die("map a page");
}

static inline __attribute__((always_inline)) void perform(enum mode mode, struct call *calls)
{
    CALL(mode, &calls[0], SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CALL(mode, &calls[1], SYS_munmap, calls[0].result, size);
}
