/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim.h"

#include "base_bits.h"
#include "sim_modes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

#define SMOKE_SEEDS 200
#define SEED_MAX    (UINT64_MAX - 1) /* so that one behind it is a number, too */
#define MINUTES_MAX (365 * 24 * 60)
#define PREFIX_MAX  200

static const char usage[] =
	"usage: sim [MODE] [options]\n"
	"  --smoke               the first 200 seeds, each twice when it is a tenth one; TAP\n"
	"  --seed N              one seed\n"
	"  --seeds A..B          these\n"
	"  --minutes M           for so long, from --seeds A.. on or from 0\n"
	"  --digest              print the digest of each seed\n"
	"  --golden FILE         compare the digests with FILE, lines `seed digest`\n"
	"  --faults M --flows M  what of the plan is played, as bits\n"
	"  --trace               each frame as a line\n"
	"  --out PREFIX          where captures of failures go\n"
	"  --packets             each packet of golden runs lost, doubled, delayed, damaged\n"
	"  --pairs               the same for all pairs\n"
	"  --every DEPTH         all fates of the first DEPTH packets\n"
	"  --starve              each buffer missing once, each table small\n"
	"  --long                60 days\n"
	"  --goodput [GOLDEN]    the table of goodput; or compares it with the one in GOLDEN\n"
	"  --floor               goodput through a bottleneck, by loss and round trip\n"
	"  --strangers           what a stranger sees, with and without others\n"
	"  --spoil               that a difference by the fast path is found\n"
	"  --break               one thing broken for each check, which must see it\n"
	"  --load                long streams, many connections, small tables\n"
	"  --speed               packets a second\n";

struct options {
	uint64_t from, to, faults, flows;
	uint32_t minutes;
	bool digest, trace, smoke, endless;
	const char *golden, *prefix, *seeds; /* NULL: not given */
};

static const char default_prefix[] = "sim";
static uint64_t current_seed; /* for the last words under a sanitizer */

#if defined(__SANITIZE_ADDRESS__)
static void last_words(void)
{
	fprintf(stderr, "sim: it was seed %" PRIu64 "\n", current_seed);
}
#endif

static void run_seed(const struct options *o, uint64_t seed, struct sim_result *result)
{
	struct sim_plan plan;

	leat_sim_plan_draw(&plan, seed);
	plan.fault_mask = o->faults;
	plan.flow_mask = o->flows;
	current_seed = seed;
	struct sim_world *w = leat_sim_world_new(&plan);
	if (o->trace) {
		leat_sim_plan_print(&plan, stdout);
		w->trace = stdout;
	}
	leat_sim_world_run(w, result);
	leat_sim_world_free(w);
	if (!result->failed)
		return;
	printf("# seed %" PRIu64 " fails: %s\n", seed, result->why);
	fflush(stdout);
	if (o->trace)
		return;
	leat_sim_shrink(&plan, result);
	leat_sim_report(&plan, o->prefix);
}

static bool seed_is_fine(const struct options *o, uint64_t seed, struct sim_result *result)
{
	struct sim_result again;

	run_seed(o, seed, result);
	if (result->failed || !o->smoke || seed % 10 != 0)
		return !result->failed;
	run_seed(o, seed, &again);
	if (again.digest == result->digest)
		return true;
	printf("# seed %" PRIu64 " is not the same a second time\n", seed);
	return false;
}

static void add(struct sim_result *all, const struct sim_result *one)
{
	for (uint32_t i = 0; i < TCP_ARROW_CNT; i++)
		all->arrow[i] += one->arrow[i];
	for (uint32_t i = 0; i < TCP_V_CNT; i++)
		all->verdict[i] += one->verdict[i];
	for (uint32_t i = 0; i < WIRE_V_CNT; i++)
		all->wire[i] += one->wire[i];
	all->stats.frames += one->stats.frames;
	all->stats.octets += one->stats.octets;
	all->stats.connects += one->stats.connects;
	all->stats.steps += one->stats.steps;
	all->stats.lost += one->stats.lost;
	all->stats.misuses += one->stats.misuses;
	all->stats.narrowed += one->stats.narrowed;
	all->stats.marked += one->stats.marked;
	all->stats.shifted += one->stats.shifted;
	all->stats.rebound += one->stats.rebound;
	all->stats.stripped += one->stats.stripped;
	all->stats.noise += one->stats.noise;
	all->stats.segments += one->stats.segments;
	all->stats.fast += one->stats.fast;
	all->ended_at += one->ended_at;
}

/* d.6: what the seeds together reached. */
static void print_cover(const struct sim_result *all)
{
	for (uint32_t i = 0; i < TCP_ARROW_CNT; i++)
		if (all->arrow[i] == 0)
			printf("# arrow not walked: %s\n", leat_tcp_arrow_name((enum tcp_arrow)i));
	for (uint32_t i = 0; i < TCP_V_CNT; i++)
		if (all->verdict[i] == 0)
			printf("# verdict not reached: %s\n",
				leat_tcp_verdict_name((enum tcp_verdict)i));
}

static int run_seeds(const struct options *o)
{
	struct sim_result one, all = {0};
	uint64_t until = (uint64_t)time(NULL) + o->minutes * 60, failed = 0, cnt = 0;

	for (uint64_t seed = o->from; seed <= o->to; seed++) {
		bool fine = seed_is_fine(o, seed, &one);

		failed += !fine;
		cnt++;
		add(&all, &one);
		if (o->smoke)
			printf("%sok %" PRIu64 " - seed %" PRIu64 "\n", fine ? "" : "not ", cnt,
				seed);
		else if (o->digest)
			printf("%" PRIu64 " %016" PRIx64 "\n", seed, one.digest);
		if (o->minutes > 0 && (uint64_t)time(NULL) >= until)
			break;
	}
	if (o->smoke) {
		bool unused = LEAT_FAST_PATH && all.stats.fast == 0;

		failed += unused;
		printf("%sok %" PRIu64 " - of %" PRIu64 " segments the fast path takes %" PRIu64
		       "\n1..%" PRIu64 "\n",
			unused ? "not " : "", cnt + 1, all.stats.segments, all.stats.fast, cnt + 1);
	}
	if (!o->digest && !o->trace)
		printf("# %" PRIu64 " seeds, %" PRIu64 " failed, %" PRIu64 " packets, %" PRIu64
		       " connections, %" PRIu64 " octets, %.0f s of virtual time\n",
			cnt, failed, all.stats.frames, all.stats.connects, all.stats.octets,
			(double)all.ended_at / 1e9);
	if (!o->digest && !o->trace)
		printf("# %" PRIu64 " packets lost, %" PRIu64 " of strangers, %" PRIu64
		       " paths narrowed, %" PRIu64 " wrong calls refused\n# %" PRIu64
		       " packets marked, %" PRIu64 " shifted, %" PRIu64 " bound anew, %" PRIu64
		       " SYNs written over\n",
			all.stats.lost, all.stats.noise, all.stats.narrowed, all.stats.misuses,
			all.stats.marked, all.stats.shifted, all.stats.rebound, all.stats.stripped);
	if (cnt >= SMOKE_SEEDS)
		print_cover(&all);
	return failed > 0;
}

/* The committed list: the same on every machine, with every compiler. */
static int run_golden(const struct options *o)
{
	FILE *in = fopen(o->golden, "r");
	uint64_t seed, digest;
	uint32_t cnt = 0, failed = 0;

	if (!in) {
		perror(o->golden);
		return 2;
	}
	while (fscanf(in, "%" SCNu64 " %" SCNx64, &seed, &digest) == 2) {
		struct sim_result r;

		run_seed(o, seed, &r);
		bool same = !r.failed && r.digest == digest;
		if (!same && !r.failed)
			printf("# got %016" PRIx64 ", not %016" PRIx64 "\n", r.digest, digest);
		failed += !same;
		printf("%sok %u - the digest of seed %" PRIu64 "\n", same ? "" : "not ", ++cnt,
			seed);
	}
	fclose(in);
	printf("1..%u\n", cnt);
	return failed > 0;
}

/* Digits, or 0x and digits, and then end; *end may be where the number ends. */
static bool digits(const char *text, const char **end, uint64_t *n)
{
	char *at;

	errno = 0;
	*n = strtoull(text, &at, 0);
	*end = at;
	return *text >= '0' && *text <= '9' && errno == 0;
}

static bool number(const char *text, uint64_t most, uint64_t *n)
{
	const char *end;

	return digits(text, &end, n) && *end == '\0' && *n <= most;
}

static bool range(const char *text, struct options *o)
{
	const char *end;

	o->seeds = text;
	o->to = SEED_MAX;
	if (!digits(text, &end, &o->from) || o->from > SEED_MAX || strncmp(end, "..", 2) != 0)
		return false;
	o->endless = end[2] == '\0';
	return o->endless || (number(end + 2, SEED_MAX, &o->to) && o->from <= o->to);
}

/* An option with a value; what the value must be when it is wrong, "" for no such option. */
static const char *take(struct options *o, const char *name, const char *value)
{
	uint64_t n = 0;

	if (strcmp(name, "--seeds") == 0)
		return range(value, o) ? NULL : "must be A..B, A not above B, or A..";
	if (strcmp(name, "--golden") == 0 || strcmp(name, "--out") == 0) {
		*(name[2] == 'g' ? &o->golden : &o->prefix) = value;
		return NULL;
	}
	if (strcmp(name, "--seed") == 0) {
		o->seeds = value;
		if (!number(value, SEED_MAX, &o->from))
			return "must be a number from 0 to 2^64 - 2";
		o->to = o->from;
	} else if (strcmp(name, "--minutes") == 0) {
		if (!number(value, MINUTES_MAX, &n) || n == 0)
			return "must be a number from 1 to 525600";
		o->minutes = (uint32_t)n;
	} else if (strcmp(name, "--faults") == 0 || strcmp(name, "--flows") == 0) {
		if (!number(value, UINT64_MAX, name[3] == 'a' ? &o->faults : &o->flows))
			return "must be bits, as a number below 2^64";
	} else {
		return "";
	}
	return NULL;
}

/* What does not go together, or cannot be done; NULL: nothing. */
static const char *conflict(const struct options *o)
{
	static char text[PREFIX_MAX + 64];
	char dir[PREFIX_MAX + 2];

	if (o->golden && (o->seeds || o->smoke || o->minutes))
		return "--golden FILE plays the seeds that FILE names: without --seed, --seeds, "
		       "--smoke, --minutes";
	if (o->endless && o->minutes == 0)
		return "--seeds A.. has no end: --minutes M says when";
	if (o->prefix == default_prefix) /* a directory one cannot write to is in nobody's way */
		return NULL;
	if (strlen(o->prefix) >= PREFIX_MAX)
		return "--out: the name is too long";
	snprintf(dir, sizeof(dir), "%s", o->prefix);
	char *slash = strrchr(dir, '/');
	if (slash)
		slash[1] = '\0';
	else
		snprintf(dir, sizeof(dir), ".");
	if (access(dir, W_OK | X_OK) == 0)
		return NULL;
	snprintf(text, sizeof(text), "--out: captures cannot be written to %s: %s", dir,
		strerror(errno));
	return text;
}

static int mode(int argc, char **argv, const char *prefix)
{
	uint64_t depth = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--packets") == 0)
			return leat_sim_mode_packets(prefix, false);
		if (strcmp(argv[i], "--pairs") == 0)
			return leat_sim_mode_packets(prefix, true);
		if (strcmp(argv[i], "--starve") == 0)
			return leat_sim_mode_starve(prefix);
		if (strcmp(argv[i], "--long") == 0)
			return leat_sim_mode_long(prefix);
		if (strcmp(argv[i], "--floor") == 0)
			return leat_sim_mode_floor();
		if (strcmp(argv[i], "--goodput") == 0)
			return leat_sim_mode_goodput(i + 1 < argc ? argv[i + 1] : NULL);
		if (strcmp(argv[i], "--strangers") == 0)
			return leat_sim_mode_strangers();
		if (strcmp(argv[i], "--spoil") == 0)
			return leat_sim_mode_spoil();
		if (strcmp(argv[i], "--break") == 0)
			return leat_sim_mode_break();
		if (strcmp(argv[i], "--load") == 0)
			return leat_sim_mode_load(prefix);
		if (strcmp(argv[i], "--speed") == 0)
			return leat_sim_mode_speed();
		if (strcmp(argv[i], "--every") == 0 && i + 1 < argc &&
			number(argv[i + 1], UINT32_MAX, &depth))
			return leat_sim_mode_every(prefix, (uint32_t)depth);
	}
	return -1;
}

/* read_options is 0, or the exit code for what is wrong and was told. */
static int read_options(struct options *o, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--smoke") == 0) {
			o->smoke = true;
			o->from = 0;
			o->to = SMOKE_SEEDS - 1;
		} else if (strcmp(argv[i], "--digest") == 0) {
			o->digest = true;
		} else if (strcmp(argv[i], "--trace") == 0) {
			o->trace = true;
		} else {
			const char *wrong = i + 1 < argc ? take(o, argv[i], argv[i + 1]) : "";

			if (wrong && *wrong)
				fprintf(stderr, "sim: %s %s: %s\n", argv[i], argv[i + 1], wrong);
			else if (wrong)
				fputs(usage, stderr);
			if (wrong)
				return 2;
			i++;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = {.faults = UINT64_MAX, .flows = UINT64_MAX, .prefix = default_prefix};

#if defined(__SANITIZE_ADDRESS__)
	__sanitizer_set_death_callback(last_words);
#endif
	for (int i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], "--out") == 0)
			o.prefix = argv[i + 1];
	int done = mode(argc, argv, o.prefix);
	if (done >= 0)
		return done;
	done = read_options(&o, argc, argv);
	if (done != 0)
		return done;
	if (o.minutes > 0 && !o.seeds && !o.smoke)
		o.to = SEED_MAX;
	const char *wrong = conflict(&o);
	if (wrong) {
		fprintf(stderr, "sim: %s\n", wrong);
		return 2;
	}
	return o.golden ? run_golden(&o) : run_seeds(&o);
}
