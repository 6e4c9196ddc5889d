/* SPDX-License-Identifier: BSD-3-Clause */
#include "fuzz.h"

#include "base_prng.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* The driver where libFuzzer is not: replays files and directories, then runs as many bent copies
 * of them, with a fixed seed.
 *
 *	fuzz_TARGET [-runs=N] [-seed=N] [-max_len=N] FILE|DIR...
 *	fuzz_TARGET -pack=PACK DIR...       the inputs as one file, for the tree
 *	fuzz_TARGET -unpack=DIR PACK...     and back, for libFuzzer
 *
 * A FILE whose name ends in `.corpus` is a pack: for each input its length in two octets, then
 * its octets.  An input that fails is left in fuzz_TARGET.failed, and its path is printed; given
 * as FILE it fails again. */

#define UNIT_MAX  4096 /* octets */
#define UNITS_MAX 8192

static struct unit {
	uint8_t *data;
	size_t octets;
} units[UNITS_MAX];

static uint32_t unit_cnt;
static uint8_t now[UNIT_MAX];
static size_t now_octets, max_octets = 1024;
static char failed_path[512];

/* Where the sanitizers are linked in, they call this before they exit. */
__attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)(void));

static void keep_failed(void)
{
	int fd = open(failed_path, O_CREAT | O_WRONLY | O_TRUNC, 0644);

	if (fd < 0 || write(fd, now, now_octets) < 0)
		return;
	if (write(STDOUT_FILENO, "# the input is in ", 18) < 0 ||
		write(STDOUT_FILENO, failed_path, strlen(failed_path)) < 0 ||
		write(STDOUT_FILENO, "\n", 1) < 0)
		return;
	close(fd);
}

static void on_signal(int sig)
{
	signal(sig, SIG_DFL);
	keep_failed();
	raise(sig);
}

static void run(void)
{
	uint8_t *exact = fuzz_copy(now, now_octets);

	(void)LLVMFuzzerTestOneInput(exact, now_octets);
	free(exact);
}

static void add_unit(size_t octets)
{
	ASSERT(unit_cnt < UNITS_MAX);
	units[unit_cnt++] = (struct unit){fuzz_copy(now, octets), octets};
}

static bool load_pack(FILE *file)
{
	uint8_t head[2];

	while (fread(head, 1, sizeof(head), file) == sizeof(head)) {
		size_t octets = (size_t)head[0] << 8 | head[1];
		if (octets > sizeof(now) || fread(now, 1, octets, file) != octets)
			return false;
		add_unit(octets);
	}
	return true;
}

static bool is_pack(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot && strcmp(dot, ".corpus") == 0;
}

static bool load_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	bool ok = file != NULL;

	if (ok && is_pack(path))
		ok = load_pack(file);
	else if (ok)
		add_unit(fread(now, 1, sizeof(now), file));
	if (!ok)
		fprintf(stderr, "%s: not to be read, or not a pack\n", path);
	if (file)
		fclose(file);
	return ok;
}

static bool pack(const char *path)
{
	FILE *file = fopen(path, "wb");
	bool ok = file != NULL;

	for (uint32_t i = 0; ok && i < unit_cnt; i++) {
		const struct unit *u = &units[i];
		ok = fputc((int)(u->octets >> 8), file) != EOF &&
		     fputc((int)(u->octets & 0xff), file) != EOF &&
		     fwrite(u->data, 1, u->octets, file) == u->octets;
	}
	return file && fclose(file) == 0 && ok;
}

static bool unpack(const char *dir)
{
	for (uint32_t i = 0; i < unit_cnt; i++) {
		char path[4096];
		snprintf(path, sizeof(path), "%s/%05u", dir, i);
		FILE *file = fopen(path, "wb");
		bool ok =
			file && fwrite(units[i].data, 1, units[i].octets, file) == units[i].octets;
		if (!file || fclose(file) != 0 || !ok)
			return false;
	}
	return true;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static bool load(const char *path)
{
	struct dirent **entry;
	struct stat st;
	bool ok = true;

	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
		return load_file(path);
	int cnt = scandir(path, &entry, NULL, by_name);
	if (cnt < 0) {
		perror(path);
		return false;
	}
	for (int i = 0; i < cnt; i++) {
		char name[4096];
		snprintf(name, sizeof(name), "%s/%s", path, entry[i]->d_name);
		if (entry[i]->d_name[0] != '.')
			ok = load_file(name) && ok;
		free(entry[i]);
	}
	free(entry);
	return ok;
}

static void insert(struct prng *p, const uint8_t *from, size_t octets)
{
	size_t at = leat_prng_below(p, (uint32_t)now_octets + 1);

	if (now_octets + octets > max_octets)
		return;
	memmove(now + at + octets, now + at, now_octets - at);
	memmove(now + at, from, octets);
	now_octets += octets;
}

static void cut(struct prng *p)
{
	size_t at = leat_prng_below(p, (uint32_t)now_octets);
	size_t octets = 1 + leat_prng_below(p, 8);

	if (octets > now_octets - at)
		octets = now_octets - at;
	memmove(now + at, now + at + octets, now_octets - at - octets);
	now_octets -= octets;
}

static void bend(struct prng *p)
{
	static const uint8_t edge[] = {0, 1, 2, 4, 5, 15, 16, 40, 0x7f, 0x80, 0xfe, 0xff};
	uint64_t noise = leat_prng_next(p);

	if (now_octets == 0) {
		insert(p, (const uint8_t *)&noise, sizeof(noise));
		return;
	}
	uint8_t *at = &now[leat_prng_below(p, (uint32_t)now_octets)];
	switch (leat_prng_below(p, 8)) {
	case 0:
		*at ^= (uint8_t)(1U << noise % 8);
		break;
	case 1:
		*at = edge[noise % sizeof(edge)];
		break;
	case 2:
		*at = (uint8_t)(*at + (noise & 1 ? 1 : -1));
		break;
	case 3:
		insert(p, (const uint8_t *)&noise, 1 + noise % 8);
		break;
	case 4:
		cut(p);
		break;
	case 5: { /* a piece of another unit */
		const struct unit *u = &units[leat_prng_below(p, unit_cnt)];
		size_t from = u->octets ? noise % u->octets : 0;
		size_t octets = u->octets - from;
		if (octets)
			insert(p, u->data + from, octets < 64 ? octets : 64);
		break;
	}
	default:
		*at = (uint8_t)noise;
	}
}

static void bent_run(struct prng *p)
{
	const struct unit *u = &units[leat_prng_below(p, unit_cnt)];

	now_octets = u->octets < max_octets ? u->octets : max_octets;
	memcpy(now, u->data, now_octets);
	for (uint32_t i = 1 + leat_prng_below(p, 8); i > 0; i--)
		bend(p);
	run();
}

static void catch_signals(const char *program)
{
	static const int sigs[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTERM};
	const char *name = strrchr(program, '/');

	snprintf(failed_path, sizeof(failed_path), "%s.failed", name ? name + 1 : program);
	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(keep_failed);
	for (size_t i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		signal(sigs[i], on_signal);
}

static void replay(void)
{
	for (uint32_t i = 0; i < unit_cnt; i++) {
		now_octets = units[i].octets;
		memcpy(now, units[i].data, now_octets);
		run();
	}
	printf("ok 1 - %u inputs of the corpus hold\n", unit_cnt);
	fflush(stdout);
}

static void bend_and_run(unsigned long runs, unsigned long seed)
{
	struct prng p;

	if (unit_cnt == 0)
		add_unit(0);
	leat_prng_seed(&p, seed);
	for (unsigned long i = 0; i < runs; i++)
		bent_run(&p);
	printf("ok 2 - %lu inputs bent from them hold (seed %lu)\n1..2\n", runs, seed);
}

/* The value of an option, or NULL when arg is not that one. */
static const char *value_of(const char *arg, const char *option)
{
	size_t length = strlen(option);

	return strncmp(arg, option, length) == 0 ? arg + length : NULL;
}

static int say_usage(const char *program)
{
	fprintf(stderr,
		"usage: %s [-runs=N] [-seed=N] [-max_len=N] [-pack=CORPUS] [-unpack=DIRECTORY] "
		"CORPUS|FILE...\n",
		program);
	return 2;
}

int main(int argc, char **argv)
{
	const char *to_pack = NULL, *to_unpack = NULL, *v;
	unsigned long runs = 0, seed = 1;
	bool ok = true;

	for (int i = 1; i < argc; i++) {
		if ((v = value_of(argv[i], "-runs=")))
			runs = strtoul(v, NULL, 10);
		else if ((v = value_of(argv[i], "-seed=")))
			seed = strtoul(v, NULL, 10);
		else if ((v = value_of(argv[i], "-max_len=")))
			max_octets = strtoul(v, NULL, 10) % (UNIT_MAX + 1);
		else if ((v = value_of(argv[i], "-pack=")))
			to_pack = v;
		else if ((v = value_of(argv[i], "-unpack=")))
			to_unpack = v;
		else if (argv[i][0] == '-')
			return say_usage(argv[0]);
		else
			ok = ok && load(argv[i]);
	}
	if (!ok || to_pack || to_unpack)
		return ok && (!to_pack || pack(to_pack)) && (!to_unpack || unpack(to_unpack)) ? 0
											      : 2;
	catch_signals(argv[0]);
	replay();
	bend_and_run(runs, seed);
	for (uint32_t i = 0; i < unit_cnt; i++)
		free(units[i].data);
	return 0;
}
