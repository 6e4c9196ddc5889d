/* SPDX-License-Identifier: BSD-3-Clause */
/* Who touches what: linked into leatd where a thread sanitizer would be.
 *
 * The compiler's instrumentation for races calls a function for each load and store.  Here those
 * functions keep, for every line of memory, the set of those who read it and of those who wrote
 * it.  "Who" is not a thread but the shard whose loop and turn it is; or else what the thread was
 * begun for: the control thread, those who answer over the socket, all as one, and who looks for
 * metrics.  What the main thread does before and after the loops is nobody's.  At the end each line
 * that two touched, one of them writing, goes to the file TOUCH names: its address, its place, the
 * sets.  Memory that is given back is told then, and who has it next begins anew.
 *
 * That finds what is shared whether or not it is synchronised, used together or by accident on one
 * line.  Not seen: what is not compiled here, that is the drivers' and the pools' own code.
 *
 * Wrapped by the linker (touch.py): the functions below that begin with __wrap_. */
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define LINES      (1u << 22)
#define LINE_BITS  6
#define REGION_MAX 4096
#define NAME_MAX   40
#define NOBODY     -1
#define VIEWER     62 /* who looks for metrics: a thread of a library */
#define THREADS    48 /* and from here on threads of ours, by what they were begun for */

struct line {
	_Atomic uintptr_t number;
	_Atomic uint64_t readers, writers;
};

struct region {
	uintptr_t at;
	size_t octets;
	char name[NAME_MAX];
};

static struct line *table;
static struct region region[REGION_MAX];
static uint32_t region_cnt, shard_cnt, load_cnt, service_cnt;
static void *shard[THREADS];
static pthread_mutex_t regions = PTHREAD_MUTEX_INITIALIZER;
static void *(*begun[VIEWER - THREADS])(void *);
static uintptr_t base;
static FILE *out;
static const char *naming = "memory";
static _Thread_local int who = NOBODY;
static _Thread_local uintptr_t stack_from, stack_to;

static void know_stack(void)
{
	pthread_attr_t attr;
	void *at = NULL;
	size_t octets = 0;

	if (pthread_getattr_np(pthread_self(), &attr) == 0) {
		pthread_attr_getstack(&attr, &at, &octets);
		pthread_attr_destroy(&attr);
	}
	stack_from = (uintptr_t)at;
	stack_to = stack_from + octets;
}

/* find is the place of a line; NULL: it has none, and is to have none (known). */
static struct line *find(uintptr_t number, bool known)
{
	uint32_t at = (uint32_t)(number * UINT64_C(0x9e3779b97f4a7c15) >> 42);

	for (uint32_t i = 0; i < LINES; i++, at = (at + 1) % LINES) {
		uintptr_t there = atomic_load_explicit(&table[at].number, memory_order_relaxed);

		if (there == number)
			return &table[at];
		if (there == 0 && known)
			return NULL;
		if (there == 0 &&
			(atomic_compare_exchange_strong(&table[at].number, &there, number) ||
				there == number))
			return &table[at];
	}
	abort();
}

static void note(const void *p, size_t octets, bool write)
{
	uintptr_t from = (uintptr_t)p, bit = UINT64_C(1) << (who & 63);

	if (who == NOBODY || octets == 0 || (from >= stack_from && from < stack_to))
		return;
	for (uintptr_t n = from >> LINE_BITS; n <= (from + octets - 1) >> LINE_BITS; n++) {
		struct line *l = find(n, false);
		_Atomic uint64_t *set = write ? &l->writers : &l->readers;

		if (!(atomic_load_explicit(set, memory_order_relaxed) & bit))
			atomic_fetch_or(set, bit);
	}
}

/* --- what the compiler calls ----------------------------------------------------------------- */

void __tsan_init(void);
void __tsan_init(void)
{
}

void __tsan_func_entry(void *p);
void __tsan_func_entry(void *p)
{
	(void)p;
}

void __tsan_func_exit(void);
void __tsan_func_exit(void)
{
}

#define ACCESS(name, octets, write)                                                                \
	void __tsan_##name(void *p);                                                               \
	void __tsan_##name(void *p)                                                                \
	{                                                                                          \
		note(p, octets, write);                                                            \
	}

ACCESS(read1, 1, false)
ACCESS(read2, 2, false)
ACCESS(read4, 4, false)
ACCESS(read8, 8, false)
ACCESS(read16, 16, false)
ACCESS(write1, 1, true)
ACCESS(write2, 2, true)
ACCESS(write4, 4, true)
ACCESS(write8, 8, true)
ACCESS(write16, 16, true)
ACCESS(unaligned_read2, 2, false)
ACCESS(unaligned_read4, 4, false)
ACCESS(unaligned_read8, 8, false)
ACCESS(unaligned_read16, 16, false)
ACCESS(unaligned_write2, 2, true)
ACCESS(unaligned_write4, 4, true)
ACCESS(unaligned_write8, 8, true)
ACCESS(unaligned_write16, 16, true)

void __tsan_read_range(void *p, size_t octets);
void __tsan_read_range(void *p, size_t octets)
{
	note(p, octets, false);
}

void __tsan_write_range(void *p, size_t octets);
void __tsan_write_range(void *p, size_t octets)
{
	note(p, octets, true);
}

#define UPDATE(bits, name)                                                                         \
	uint##bits##_t __tsan_atomic##bits##_##name(                                               \
		uint##bits##_t *p, uint##bits##_t v, int order);                                   \
	uint##bits##_t __tsan_atomic##bits##_##name(                                               \
		uint##bits##_t *p, uint##bits##_t v, int order)                                    \
	{                                                                                          \
		(void)order;                                                                       \
		note(p, bits / 8, true);                                                           \
		return __atomic_##name(p, v, __ATOMIC_SEQ_CST);                                    \
	}
#define EXCHANGE(bits, name)                                                                       \
	int __tsan_atomic##bits##_compare_exchange_##name(                                         \
		uint##bits##_t *p, uint##bits##_t *was, uint##bits##_t v, int good, int bad);      \
	int __tsan_atomic##bits##_compare_exchange_##name(                                         \
		uint##bits##_t *p, uint##bits##_t *was, uint##bits##_t v, int good, int bad)       \
	{                                                                                          \
		(void)good;                                                                        \
		(void)bad;                                                                         \
		note(p, bits / 8, true);                                                           \
		return __atomic_compare_exchange_n(                                                \
			p, was, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                     \
	}
#define ATOMIC(bits)                                                                               \
	uint##bits##_t __tsan_atomic##bits##_load(const uint##bits##_t *p, int order);             \
	uint##bits##_t __tsan_atomic##bits##_load(const uint##bits##_t *p, int order)              \
	{                                                                                          \
		(void)order;                                                                       \
		note(p, bits / 8, false);                                                          \
		return __atomic_load_n(p, __ATOMIC_SEQ_CST);                                       \
	}                                                                                          \
	void __tsan_atomic##bits##_store(uint##bits##_t *p, uint##bits##_t v, int order);          \
	void __tsan_atomic##bits##_store(uint##bits##_t *p, uint##bits##_t v, int order)           \
	{                                                                                          \
		(void)order;                                                                       \
		note(p, bits / 8, true);                                                           \
		__atomic_store_n(p, v, __ATOMIC_SEQ_CST);                                          \
	}                                                                                          \
	UPDATE(bits, fetch_add)                                                                    \
	UPDATE(bits, fetch_sub)                                                                    \
	UPDATE(bits, fetch_and)                                                                    \
	UPDATE(bits, fetch_or)                                                                     \
	UPDATE(bits, fetch_xor)                                                                    \
	EXCHANGE(bits, strong)                                                                     \
	EXCHANGE(bits, weak)                                                                       \
	uint##bits##_t __tsan_atomic##bits##_exchange(                                             \
		uint##bits##_t *p, uint##bits##_t v, int order);                                   \
	uint##bits##_t __tsan_atomic##bits##_exchange(                                             \
		uint##bits##_t *p, uint##bits##_t v, int order)                                    \
	{                                                                                          \
		(void)order;                                                                       \
		note(p, bits / 8, true);                                                           \
		return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);                                \
	}

ATOMIC(8)
ATOMIC(16)
ATOMIC(32)
ATOMIC(64)

void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_thread_fence(int order)
{
	(void)order;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void __tsan_atomic_signal_fence(int order);
void __tsan_atomic_signal_fence(int order)
{
	(void)order;
}

/* --- what the linker brings here ------------------------------------------------------------- */

#define REAL(type, name, ...)                                                                      \
	extern type __real_##name(__VA_ARGS__) __attribute__((weak));                              \
	type __wrap_##name(__VA_ARGS__);                                                           \
	type __wrap_##name(__VA_ARGS__)

REAL(void *, memcpy, void *to, const void *from, size_t octets)
{
	note(from, octets, false);
	note(to, octets, true);
	return __real_memcpy(to, from, octets);
}

REAL(void *, memmove, void *to, const void *from, size_t octets)
{
	note(from, octets, false);
	note(to, octets, true);
	return __real_memmove(to, from, octets);
}

REAL(void *, memset, void *to, int octet, size_t octets)
{
	note(to, octets, true);
	return __real_memset(to, octet, octets);
}

REAL(int, memcmp, const void *a, const void *b, size_t octets)
{
	note(a, octets, false);
	note(b, octets, false);
	return __real_memcmp(a, b, octets);
}

static void add_region(const void *at, size_t octets, const char *name, uint64_t number)
{
	pthread_mutex_lock(&regions);
	if (at == NULL || region_cnt == REGION_MAX)
		abort();
	struct region *r = &region[region_cnt++];
	*r = (struct region){.at = (uintptr_t)at, .octets = octets};
	snprintf(r->name, sizeof(r->name), "%s-%jx", name, (uintmax_t)number);
	pthread_mutex_unlock(&regions);
}

/* region_of is where an address lies; what was named last is asked first. */
static struct region *region_of(uintptr_t at)
{
	for (uint32_t i = region_cnt; i-- > 0;)
		if (at >= region[i].at && at - region[i].at < region[i].octets)
			return &region[i];
	return NULL;
}

static void rename_region(const void *at, const char *name, uint32_t number)
{
	struct region *r = region_of((uintptr_t)at);

	if (r != NULL)
		snprintf(r->name, sizeof(r->name), "%s-%x", name, number);
}

/* tell writes what is known of a line that two touched. */
static void tell(const struct line *l)
{
	uint64_t readers = l->readers, writers = l->writers;
	uintptr_t at = l->number << LINE_BITS;

	if (out == NULL || writers == 0 || __builtin_popcountll(readers | writers) < 2)
		return;
	const struct region *r = region_of(at);
	if (r == NULL) /* it may begin in the line */
		r = region_of(at + (1 << LINE_BITS) - 1);
	fprintf(out, "%s %zx %jx %jx\n", r != NULL ? r->name : "program",
		at - (r != NULL ? r->at : base), (uintmax_t)readers, (uintmax_t)writers);
}

/* drop_region forgets what is given back. */
static void drop_region(const void *mem)
{
	uint32_t i = 0;

	pthread_mutex_lock(&regions);
	while (i < region_cnt && region[i].at != (uintptr_t)mem)
		i++;
	if (mem != NULL && i < region_cnt) {
		uintptr_t last = (region[i].at + region[i].octets - 1) >> LINE_BITS;

		for (uintptr_t n = region[i].at >> LINE_BITS; n <= last; n++) {
			struct line *l = find(n, true);

			if (l == NULL)
				continue;
			tell(l);
			l->readers = l->writers = 0;
		}
		memmove(&region[i], &region[i + 1], (--region_cnt - i) * sizeof(region[0]));
	}
	pthread_mutex_unlock(&regions);
}

/* What is taken while the program runs is named by who took it: an address in the program. */
#define TAKEN(mem, octets)                                                                         \
	do {                                                                                       \
		if ((mem) != NULL && who != NOBODY)                                                \
			add_region(mem, octets, "heap",                                            \
				(uintptr_t)__builtin_return_address(0) - base);                    \
	} while (0)

REAL(void *, malloc, size_t octets)
{
	void *mem = __real_malloc(octets);

	TAKEN(mem, octets);
	return mem;
}

REAL(void *, calloc, size_t cnt, size_t octets)
{
	void *mem = __real_calloc(cnt, octets);

	TAKEN(mem, cnt * octets);
	return mem;
}

REAL(void *, aligned_alloc, size_t to, size_t octets)
{
	void *mem = __real_aligned_alloc(to, octets);

	if (mem != NULL) /* the main thread's, too: boxes of who asks */
		add_region(mem, octets, "heap", (uintptr_t)__builtin_return_address(0) - base);
	return mem;
}

REAL(void, free, void *mem)
{
	drop_region(mem);
	__real_free(mem);
}

#define MMAP_PARAMETERS void *at, size_t octets, int may, int how, int fd, off_t from

REAL(void *, mmap64, MMAP_PARAMETERS)
{
	void *mem = __real_mmap64(at, octets, may, how, fd, from);

	TAKEN(mem != MAP_FAILED ? mem : NULL, octets);
	return mem;
}

REAL(int, munmap, void *mem, size_t octets)
{
	drop_region(mem);
	return __real_munmap(mem, octets);
}

REAL(void *, leat_nic_numa_take, size_t octets, int node)
{
	void *mem = __real_leat_nic_numa_take(octets, node);

	if (mem != NULL)
		add_region(mem, octets, naming, region_cnt);
	return mem;
}

REAL(int, leat_plane_join, void *plane, uint32_t first, uint32_t cnt)
{
	naming = "pairs";
	int result = __real_leat_plane_join(plane, first, cnt);
	naming = "memory";
	return result;
}

REAL(void *, leat_shard_new, void *mem, const void *config, const void *clock)
{
	rename_region(mem, "shard", shard_cnt);
	if (shard_cnt == THREADS)
		abort();
	return shard[shard_cnt++] = __real_leat_shard_new(mem, config, clock);
}

REAL(void *, leat_load_new, void *mem, const void *config)
{
	rename_region(mem, "load", load_cnt++);
	return __real_leat_load_new(mem, config);
}

REAL(void *, leat_service_new, void *mem, const void *config)
{
	rename_region(mem, "service", service_cnt++);
	return __real_leat_service_new(mem, config);
}

struct rte_mempool;
struct rte_mempool_memhdr;

/* A chunk of a pool's buffers, as rte_mempool.h has it up to what is read here. */
struct chunk {
	void *next, *pool, *addr;
	uint64_t iova;
	size_t octets;
};

static void add_chunk(
	struct rte_mempool *pool, void *arg, struct rte_mempool_memhdr *hdr, unsigned i)
{
	const struct chunk *c = (const struct chunk *)hdr;

	(void)pool;
	(void)arg;
	add_region(c->addr, c->octets, "buffers", i);
}

extern uint32_t rte_mempool_mem_iter(struct rte_mempool *pool,
	void (*chunk)(struct rte_mempool *, void *, struct rte_mempool_memhdr *, unsigned),
	void *arg) __attribute__((weak));

REAL(struct rte_mempool *, leat_nic_pool_new, const char *name, const void *plan, int node)
{
	struct rte_mempool *pool = __real_leat_nic_pool_new(name, plan, node);

	if (pool != NULL)
		rte_mempool_mem_iter(pool, add_chunk, NULL);
	return pool;
}

static int shard_at(const void *at)
{
	for (uint32_t i = 0; i < shard_cnt; i++)
		if (shard[i] == at)
			return (int)i;
	return NOBODY;
}

REAL(void, leat_shard_turn, void *of)
{
	int before = who;

	who = shard_at(of);
	__real_leat_shard_turn(of);
	who = before;
}

/* What a loop does between turns is its first shard's, which is what a loop begins with. */
REAL(int, leat_shard_loop, void *loop)
{
	know_stack();
	who = shard_at(*(void **)loop);
	int result = __real_leat_shard_loop(loop);
	who = NOBODY;
	return result;
}

/* Who is not a shard is what its thread was begun for. */
struct thread {
	void *(*run)(void *);
	void *arg;
};

static int thread_of(void *(*run)(void *))
{
	int i = 0;

	while (i < VIEWER - THREADS && begun[i] != run && begun[i] != NULL)
		i++;
	if (i == VIEWER - THREADS)
		abort();
	begun[i] = run;
	return THREADS + i;
}

static void *begin_thread(void *arg)
{
	struct thread t = *(struct thread *)arg;

	__real_free(arg);
	know_stack();
	pthread_mutex_lock(&regions);
	int mine = thread_of(t.run);
	pthread_mutex_unlock(&regions);
	who = mine;
	return t.run(t.arg);
}

REAL(int, pthread_create, pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
	void *arg)
{
	struct thread *t = __real_malloc(sizeof(*t));

	if (t == NULL)
		abort();
	*t = (struct thread){run, arg};
	return __real_pthread_create(thread, attr, begin_thread, t);
}

/* As metrics.h has it. */
struct source {
	void *arg;
	bool (*take)(void *arg, void *out);
	void *ready, *lives;
};

static bool (*real_take)(void *arg, void *to);

static bool take_as_viewer(void *arg, void *to)
{
	know_stack();
	who = VIEWER;
	bool taken = real_take(arg, to);
	who = NOBODY;
	return taken;
}

#define METRICS_PARAMETERS                                                                         \
	const char *address, uint16_t port, const void *cpus, const struct source *source, char *why

REAL(void *, leat_metrics_start, METRICS_PARAMETERS)
{
	struct source ours = *source;

	real_take = source->take;
	ours.take = take_as_viewer;
	return __real_leat_metrics_start(address, port, cpus, &ours, why);
}

/* --- the report ------------------------------------------------------------------------------ */

static int first_object(struct dl_phdr_info *info, size_t size, void *at)
{
	(void)size;
	*(uintptr_t *)at = info->dlpi_addr;
	return 1;
}

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("TOUCH");

	table = __real_calloc(LINES, sizeof(*table));
	if (table == NULL)
		abort();
	out = path != NULL ? fopen(path, "w") : NULL;
	dl_iterate_phdr(first_object, &base);
}

__attribute__((destructor)) static void report(void)
{
	uint64_t touched = 0;

	if (out == NULL)
		return;
	for (uint32_t i = 0; i < LINES; i++) {
		touched += table[i].number != 0;
		tell(&table[i]);
	}
	for (uint32_t i = 0; i < VIEWER - THREADS && begun[i] != NULL; i++)
		fprintf(out, "thread %x %jx 0\n", THREADS + i, (uintmax_t)begun[i] - base);
	fprintf(out, "touched %jx 0 0\n", (uintmax_t)touched);
	fclose(out);
}
