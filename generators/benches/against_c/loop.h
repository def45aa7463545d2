/* The loop that a generator is held against, in the C that one would write for it.
 *
 * A workload's file defines CALLS, includes this, and defines prepare() and perform(); main() is here. Arguments:
 * MODE WARMUP_MS WINDOW_MS SCRATCH. Prints the operations of the window and how many nanoseconds it was. Modes, each
 * a loop of its own:
 *
 *   kept   two readings of the clock around each call, and every latency into a histogram of the generator's
 *          resolution, with sum, least and greatest, of calls in the window only: the generator's own work
 *   libc   the same, but calls by way of the C library's syscall(), whose return into the caller is slow on some
 *          processors so shortly after the kernel
 *   bare   as kept without readings, save one each 64 operations to see the window's end, which is that of the last
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum mode { BARE, LIBC, KEPT };

struct call {
    uint64_t begin_ns, end_ns;
    long result;
};

static void prepare(const char *scratch);
static inline void perform(enum mode mode, struct call *calls);

static inline __attribute__((always_inline)) uint64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* Issues a call by its number; a failure is negative, here and as syscall() has it. */
static inline __attribute__((always_inline)) long issue(enum mode mode, long number, const long *arguments)
{
    long a = arguments[0], b = arguments[1], c = arguments[2];
    long d = arguments[3], e = arguments[4], f = arguments[5];
    if (mode == LIBC)
        return syscall(number, a, b, c, d, e, f);
#if defined(__x86_64__)
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
#else
#error "the system call instruction of x86_64 and aarch64 is known only"
#endif
}

/* Issues a call between two readings of the clock, unless the loop is bare. */
#define CALL(mode, call, number, ...)                                                                                  \
    do {                                                                                                               \
        if ((mode) != BARE)                                                                                            \
            (call)->begin_ns = now_ns();                                                                               \
        (call)->result = issue(mode, number, (const long[6]){__VA_ARGS__});                                            \
        if ((mode) != BARE)                                                                                            \
            (call)->end_ns = now_ns();                                                                                 \
    } while (0)

static void die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

/* A file of `size` bytes in the scratch folder, open, and already without a name if `path` is not asked for. */
static inline int scratch_file(const char *scratch, size_t size, char **path)
{
    static char name[4096];
    snprintf(name, sizeof name, "%s/generator-%ld.data", scratch, (long)getpid());
    int descriptor = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor < 0)
        die("create a file");
    for (size_t written = 0; written < size; written++)
        if (write(descriptor, "Z", 1) != 1)
            die("fill a file");
    if (fdatasync(descriptor) || lseek(descriptor, 0, SEEK_SET))
        die("prepare a file");
    if (path)
        *path = name;
    else
        unlink(name);
    return descriptor;
}

/* 64 slots for the values below 64 ns and 64 for each power of two from there. */
struct outcome {
    uint64_t slots[35 * 64];
    uint64_t count, sum_ns, min_ns, max_ns;
};

static struct outcome succeeded[CALLS], failed[CALLS];
static uint64_t failures;

static inline __attribute__((always_inline)) void keep(struct outcome *outcome, uint64_t ns)
{
    size_t slot = ns;
    if (ns >= (uint64_t)1 << 40) {
        slot = 35 * 64 - 1;
    } else if (ns >= 128) {
        int shift = 63 - __builtin_clzll(ns >> 6);
        slot = (size_t)shift * 64 + (ns >> shift);
    }
    outcome->slots[slot]++;
    outcome->sum_ns += ns;
    outcome->min_ns = ns < outcome->min_ns || outcome->count == 0 ? ns : outcome->min_ns;
    outcome->max_ns = ns > outcome->max_ns ? ns : outcome->max_ns;
    outcome->count++;
}

static void print(uint64_t operations, uint64_t window_ns)
{
    printf("%llu %llu\n", (unsigned long long)operations, (unsigned long long)window_ns);
}

/* Repeats the operation to `close_ns` and prints how often it was done wholly in the window. */
static inline __attribute__((always_inline)) void repeat(enum mode mode, uint64_t open_ns, uint64_t close_ns)
{
    uint64_t operations = 0, opened_ns = 0, now = now_ns();
    struct call calls[CALLS];
    while (now < close_ns) {
        if (mode == BARE) {
            if (now >= open_ns) {
                operations += 64;
                opened_ns = opened_ns ? opened_ns : now;
            }
            for (int i = 0; i < 64; i++) {
                perform(mode, calls);
                for (int call = 0; call < CALLS; call++)
                    failures += calls[call].result < 0;
            }
            now = now_ns();
            continue;
        }
        perform(mode, calls);
        now = calls[CALLS - 1].end_ns;
        for (int call = 0; call < CALLS; call++) {
            uint64_t ns = calls[call].end_ns - calls[call].begin_ns;
            failures += calls[call].result < 0;
            if (calls[call].begin_ns < open_ns || calls[call].end_ns >= close_ns)
                continue;
            keep(calls[call].result < 0 ? &failed[call] : &succeeded[call], ns);
        }
        operations += calls[0].begin_ns >= open_ns && now < close_ns;
    }
    print(operations, mode == BARE ? now - opened_ns : close_ns - open_ns);
}

static char **arguments;

/* What the thread does. It prepares, too, so that its buffers and files lie as a generator's thread's do. */
static void *work(void *nothing)
{
    prepare(arguments[4]);
    uint64_t open_ns = now_ns() + strtoull(arguments[2], NULL, 10) * 1000000;
    uint64_t close_ns = open_ns + strtoull(arguments[3], NULL, 10) * 1000000;
    if (!strcmp(arguments[1], "bare"))
        repeat(BARE, open_ns, close_ns);
    else if (!strcmp(arguments[1], "libc"))
        repeat(LIBC, open_ns, close_ns);
    else if (!strcmp(arguments[1], "kept"))
        repeat(KEPT, open_ns, close_ns);
    else
        failures++;
    return nothing;
}

/* The loop runs in a second thread, as a generator's does: the kernel takes shortcuts for a process of one thread, in
 * looking up a descriptor for one. */
int main(int count, char **given)
{
    if (count != 5) {
        fprintf(stderr, "usage: %s kept|libc|bare WARMUP_MS WINDOW_MS SCRATCH\n", given[0]);
        return 2;
    }
    arguments = given;
    pthread_t thread;
    if ((errno = pthread_create(&thread, NULL, work, NULL)) || (errno = pthread_join(thread, NULL)))
        die("run a thread");
    if (failures) {
        fprintf(stderr, "no such mode, or calls failed: %llu\n", (unsigned long long)failures);
        return 1;
    }
    /* So that what was kept is of use, and the compiler keeps it. */
    for (int call = 0; call < CALLS; call++)
        fprintf(stderr, "%llu calls in %llu ns\n", (unsigned long long)succeeded[call].count,
                (unsigned long long)succeeded[call].sum_ns);
    return 0;
}
