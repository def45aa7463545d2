/* The loops of the generator in C: the same calls with the same two clock readings around each and the same histogram,
 * closed loop, in one thread beside the first: a process with several threads pays for that in the kernel, and the
 * generator is one. Prints how many operations began and ended in the window.
 *
 *     generators WORKLOAD SECONDS FILE
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { SLOTS = 4096, SIZE = 4096, CALLS = 2 };

static uint64_t slots[CALLS][SLOTS], counts[CALLS], sums[CALLS], least[CALLS], most[CALLS];
static uint64_t open_ns, close_ns;

static inline uint64_t now_ns(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* By number, and without errno, as the generator does it. */
static inline long call6(long number, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__)
	long result;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	__asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
#else
	return syscall(number, a, b, c, d, e, f);
#endif
}

static inline void record(int call, uint64_t begin, uint64_t end)
{
	if (begin < open_ns || end >= close_ns)
		return;
	uint64_t ns = end - begin;
	unsigned slot = ns < 128 ? (unsigned)ns : 0;
	if (ns >= 128) {
		unsigned shift = 63u - (unsigned)__builtin_clzll(ns >> 6);
		slot = shift * 64 + (unsigned)(ns >> shift);
	}
	slots[call][slot < SLOTS ? slot : SLOTS - 1]++;
	counts[call]++;
	sums[call] += ns;
	if (ns < least[call])
		least[call] = ns;
	if (ns > most[call])
		most[call] = ns;
}

/* One call between two readings; the second is where the next operation looks at the window's end. */
#define TIMED(call, ...) do { uint64_t begin = now_ns(); result = call6(__VA_ARGS__); end = now_ns(); \
	begins[call] = begin; ends[call] = end; } while (0)
#define RUN(calls, ...) while (end < close_ns) { long result = 0; (void)result; __VA_ARGS__ \
	for (int call = 0; call < (calls); call++) record(call, begins[call], ends[call]); \
	if (begins[0] >= open_ns && end < close_ns) operations++; }

static int run(char **words)
{
	const char *workload = words[1], *path = words[3];
	static char buffer[SIZE];
	static uint32_t word;
	uint64_t begins[CALLS], ends[CALLS], operations = 0;
	memset(buffer, 0x5a, sizeof buffer);
	memset(slots, 0, sizeof slots);
	for (int call = 0; call < CALLS; call++)
		least[call] = UINT64_MAX;
	int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (file < 0 || write(file, buffer, SIZE) != SIZE || lseek(file, 0, SEEK_SET) != 0) {
		perror(path);
		return 1;
	}
	uint64_t end = now_ns();
	open_ns = end + 200000000u;
	close_ns = open_ns + (uint64_t)(atof(words[2]) * 1e9);
	if (!strcmp(workload, "getpid")) {
		RUN(1, TIMED(0, SYS_getpid, 0, 0, 0, 0, 0, 0);)
	} else if (!strcmp(workload, "futex")) {
		RUN(1, TIMED(0, SYS_futex, (long)&word, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);)
	} else if (!strcmp(workload, "read")) {
		RUN(2, TIMED(0, SYS_read, file, (long)buffer, SIZE, 0, 0, 0);
		    TIMED(1, SYS_lseek, file, 0, SEEK_SET, 0, 0, 0);)
	} else if (!strcmp(workload, "openat")) {
		RUN(2, TIMED(0, SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0);
		    TIMED(1, SYS_close, result, 0, 0, 0, 0, 0);)
	} else if (!strcmp(workload, "mmap")) {
		RUN(2, TIMED(0, SYS_mmap, 0, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		    TIMED(1, SYS_munmap, result, SIZE, 0, 0, 0, 0);)
	} else {
		fprintf(stderr, "generators: no loop for %s\n", workload);
		return 2;
	}
	unlink(path);
	printf("%llu operations, %llu calls\n", (unsigned long long)operations, (unsigned long long)counts[0]);
	return 0;
}

static void *live(void *words)
{
	return (void *)(long)run(words);
}

int main(int count, char **words)
{
	pthread_t thread;
	void *code;
	if (count != 4) {
		fprintf(stderr, "generators WORKLOAD SECONDS FILE\n");
		return 2;
	}
	if (pthread_create(&thread, NULL, live, words) != 0 || pthread_join(thread, &code) != 0)
		return 1;
	return (int)(long)code;
}
