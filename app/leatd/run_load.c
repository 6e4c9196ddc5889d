/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_assert.h"
#include "base_bits.h"
#include "base_log.h"
#include "caps.h"
#include "ctl.h"
#include "follow.h"
#include "gate.h"
#include "knobs.h"
#include "load_hops.h"
#include "load_intent.h"
#include "load_need.h"
#include "load_text.h"
#include "load_view.h"
#include "nic_numa.h"
#include "note.h"
#include "port.h"
#include "prepare.h"
#include "report_dir.h"
#include "run.h"
#include "sight.h"
#include "text.h"
#include "when.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/timex.h>
#include <unistd.h>

#define LOOK_NS       (100 * TIME_MS)
#define CLOSE_LOOK_NS (20 * TIME_MS)
#define MORE_LOOK_NS  (50 * TIME_US) /* the same, while more next hops are known each time */
#define ABORT_NS      (2 * TIME_S)
#define POLITE_NS     (2 * TIME_S)  /* after the grace, for those that finish what is under way */
#define ANSWER_NS     (30 * TIME_S) /* for neighbours to answer */
#define TELL_NS       (300 * TIME_MS)
#define LAST_NS       (250 * TIME_MS)  /* for the last frames: the peer's FIN may come again */
#define LAST_LOSSY_NS (3500 * TIME_MS) /* and does so where frames are lost */
#define LEAD_NS       (20 * TIME_MS)   /* from the word to begin to the beginning */
#define WORD_LOOK_NS  (20 * TIME_MS)   /* for the word to begin */
#define PAST_NS       (300 * TIME_S)   /* what an instant of --start-at may be behind at most */
#define WALL_TRIES    16
#define CLOCK_OFF_US  10000 /* more, and generators do not begin together */
#define SEED_MAX      1000000
#define SECOND_MAX    (1 << 20)

/* Each for one thing, as in serve: who learns one learns nothing of the other. */
struct load_seed {
	uint64_t stack; /* of shard 0; the others' follow */
	uint64_t key;   /* by which flows are steered */
};

struct load_run {
	const struct load_options *o;
	struct load_options own; /* with a seed, and a concurrency that fits */
	struct load_need need;
	struct plane plane;
	struct sight sight;
	struct nic_port port;
	struct nic_port_config port_config;
	struct follow follow;
	struct ctl ctl;
	struct steer steer;
	struct load_seed seed;
	struct load_view view;
	struct load_result result;
	struct report_config config;
	struct report_dir dir; /* where o->report is given */
	void *mem[SHARD_MAX];
	size_t mem_octets[SHARD_MAX];
	uint64_t begin_at;
	uint64_t start_unix_ns; /* when it is to begin; 0: at once */
	struct load_hops hops[SHARD_MAX];
	bool unanswered, cut;
};

static struct load_run run;

/* start_load gives shard i its program. */
static enum opt_exit start_load(uint32_t i)
{
	struct load_config c = run.need.load;
	struct load_view_shard *v = &run.view.shard[i];

	c.conn_cnt = leat_load_need_flight(run.o, &run.need, i);
	c.phase = (run.o->segment - 1) + i * run.o->segment_cnt;
	run.mem_octets[i] = leat_load_footprint(&c);
	run.mem[i] = leat_plane_take(&run.plane, run.mem_octets[i], run.plane.shard[i].node);
	if (run.mem[i] == NULL)
		return OPT_EXIT_RESOURCE;
	v->load = leat_load_new(run.mem[i], &c);
	v->shard = run.plane.shard[i].shard;
	leat_shard_app(v->shard, leat_load_app(v->load));
	run.hops[i] = (struct load_hops){.need = &run.need, .shard = v->shard};
	return OPT_EXIT_OK;
}

static enum opt_exit add_shards(void)
{
	const struct serve_options *s = &run.o->serve;
	enum opt_exit result = OPT_EXIT_OK;

	for (uint32_t i = 0; i < s->shards && result == OPT_EXIT_OK; i++) {
		struct shard_config shard = {.stack = run.need.plan.stack,
			.port = &run.port,
			.pool = run.plane.pool,
			.impair = {.seed = run.o->seed + i,
				.loss_millionths = s->loss_millionths,
				.reorder_millionths = s->reorder_millionths},
			.wire_in = leat_knobs_wire(&s->wire_in, run.o->seed + 2 * i + 1),
			.wire_out = leat_knobs_wire(&s->wire_out, ~run.o->seed - 2 * i)};

		leat_steer_shard(&run.steer, i, &shard);
		shard.stack.seed = run.seed.stack + i;
		memcpy(shard.stack.link.mac.octet, run.port.mac, sizeof(run.port.mac));
		result = leat_plane_add(&run.plane, &shard, i);
		if (result == OPT_EXIT_OK)
			result = start_load(i);
	}
	leat_follow_shared(&run.plane, &run.steer);
	if (result == OPT_EXIT_OK && s->shards > 1)
		result = leat_plane_join(&run.plane, 0, run.plane.shard_cnt);
	return result;
}

/* The next two are asked of a shard and run there, with its struct load_view_shard. */

static void begin(void *arg)
{
	leat_load_start(((struct load_view_shard *)arg)->load, run.begin_at);
}

static void cut(void *arg)
{
	struct load_view_shard *v = arg;

	leat_load_cut(v->load, v->shard->stack, run.o->abort_at_end && !run.cut);
}

/* The rest runs in the control thread. */

static void ask_views(void (*also)(void *arg))
{
	leat_plane_ask_each(&run.plane, also, run.view.shard, sizeof(*run.view.shard));
}

/* ask_hops asks all shards, and reads those that have answered; true: some of them know more now
 * than before. */
static bool ask_hops(bool *all)
{
	bool more = false;

	*all = true;
	leat_plane_ask_each(&run.plane, leat_load_hops_ask, run.hops, sizeof(run.hops[0]));
	for (uint32_t i = 0; i < run.plane.shard_cnt; i++) {
		bool heard = run.plane.shard[i].heard;

		*all &= heard && run.hops[i].ended;
		more |= heard && run.hops[i].more;
	}
	return more;
}

static void tell_all(enum shard_mail_kind kind)
{
	for (uint32_t i = 0; i < run.plane.shard_cnt; i++)
		leat_plane_tell(&run.plane, i, kind);
}

/* words is where text for people goes; NULL: nowhere.  With --json stdout is not its place. */
static FILE *words(void)
{
	return !run.o->json ? stdout : run.o->serve.verbose != 0 ? stderr : NULL;
}

/* wait_neighbours asks until all have answered; false: one has not, or a signal came. */
static bool wait_neighbours(void)
{
	uint64_t from = leat_plane_now(&run.plane), now = from;
	bool told = false, all = false;

	while (now < from + ANSWER_NS) {
		bool more = ask_hops(&all);

		if (all)
			return true;
		now = leat_plane_now(&run.plane);
		if (more)
			from = now;
		if (!told && now > from + TELL_NS && words() != NULL) {
			fprintf(words(), "waiting   for the targets, or the gateway, to answer on "
					 "the link\n");
			leat_device_next(&run.o->serve, &run.port, words());
			fflush(words());
			told = true;
		}
		if (leat_plane_wait(&run.plane, now + (more ? MORE_LOOK_NS : CLOSE_LOOK_NS)) != 0 ||
			follow_is_gone(&run.follow))
			break;
	}
	if (follow_is_gone(&run.follow))
		leat_log(LOG_LV_ERROR, "leatd", "%s is gone before anything began", run.port.name);
	else
		leat_load_hops_say(run.hops, &run.plane);
	return false;
}

static void print_head(void)
{
	char msl[REPORT_TEXT_MAX], open[PLAN_OPEN_MAX];

	if (words() == NULL)
		return;
	leat_text_ns(run.o->serve.time_wait_ns, msl, sizeof(msl));
	fprintf(words(),
		"leat " LEAT_VERSION ", %s, %s  %s, %u shard%s on %u lcore%s, up to %ju MiB, 2MSL "
		"%s%s\n",
		run.result.where.dpdk, run.port.name, run.port.driver, run.plane.shard_cnt,
		run.plane.shard_cnt == 1 ? "" : "s", run.plane.loop_cnt,
		run.plane.loop_cnt == 1 ? "" : "s",
		(uintmax_t)(leat_plan_octets(&run.need.plan) >> 20), msl,
		leat_report_two_msl(run.o->serve.time_wait_ns));
	leat_report_wire_plan(&run.o->serve.wire_in, "in", words());
	leat_report_wire_plan(&run.o->serve.wire_out, "out", words());
	if (run.sight.where[0] != '\0')
		fprintf(words(), "  metrics  %s\n", run.sight.where);
	if (leat_plan_open(&run.o->serve, &run.need.plan, open, sizeof(open)))
		fprintf(words(), "  open     %s\n", open);
	leat_load_print_plan(&run.result, words());
	fflush(words());
}

static void print_second(const struct load_second *s)
{
	char text[LOAD_TEXT_MAX];

	if (s != NULL && run.o->report != NULL)
		leat_report_dir_second(&run.dir, &run.result, s, run.view.delta);
	if (s != NULL && words() != NULL)
		leat_load_print_second(
			&run.result, s, leat_load_why(&run.result, s, text, sizeof(text)), words());
}

/* wait_until waits until an instant; false: a signal came, or the device is gone. */
static bool wait_until(uint64_t at)
{
	return leat_plane_wait(&run.plane, at) == 0 && !follow_is_gone(&run.follow);
}

/* carry_out looks at the run until its plan is carried out; false: as with wait_until. */
static bool carry_out(void)
{
	const struct load_options *o = run.o;
	uint64_t start = run.view.start_at, second = 1, now = start;
	uint64_t end = o->duration_ns != 0 ? start + o->ramp_ns + o->duration_ns : TIME_NEVER;

	for (;;) {
		uint64_t next = u64_min(u64_min(start + second * TIME_S, now + LOOK_NS), end);

		if (!wait_until(next))
			return false;
		leat_load_view_look(&run.view);
		leat_load_intent_look(&run.view, &run.need);
		now = leat_plane_now(&run.plane);
		run.result.counters = run.view.counters;
		if (now >= start + second * TIME_S || now >= end || run.view.done) {
			print_second(leat_load_view_second(&run.view, now));
			second = (now - start) / TIME_S + 1;
		}
		if (now >= end || run.view.done)
			return true;
	}
}

static bool all_closed(void)
{
	return run.view.done && leat_report_open(&run.view.sum) == 0;
}

/* wait_closed looks until everything is closed, until at, until signal_max signals came, or until
 * the device is gone over which it would close. */
static bool wait_closed(uint64_t at, uint32_t signal_max)
{
	leat_load_view_look(&run.view);
	while (!all_closed() && leat_plane_now(&run.plane) < at &&
		(!follow_is_gone(&run.follow) || signal_max == UINT32_MAX)) {
		uint64_t next = u64_min(leat_plane_now(&run.plane) + CLOSE_LOOK_NS, at);

		if (leat_plane_wait(&run.plane, next) >= signal_max)
			break;
		leat_load_view_look(&run.view);
	}
	return all_closed();
}

/* note_link settles what happened to the link from the start of the plan until all was closed. */
static void note_link(void)
{
	struct load_limits *l = &run.result.limits;

	l->link_down_cnt += (uint32_t)(run.follow.watch.downs + run.follow.watch.flaps);
	l->link_down_ns += leat_follow_down_ns(&run.follow, leat_plane_now(&run.plane));
	l->port_gone = follow_is_gone(&run.follow);
}

/* finish lets what is open end: by itself, then after what is under way, at last by a reset. */
static void finish(void)
{
	uint64_t grace = run.o->serve.grace_ns;
	bool closed = false;

	if (!run.result.partial && !run.o->abort_at_end)
		closed = wait_closed(leat_plane_now(&run.plane) + grace, 1);
	leat_sight_drains(&run.sight, true);
	if (run.o->abort_at_end)
		ask_views(cut); /* before those that are idle are told to close */
	tell_all(SHARD_MAIL_DRAIN);
	if (!closed && !run.o->abort_at_end) {
		uint64_t more = run.result.partial ? grace : POLITE_NS;

		closed = wait_closed(leat_plane_now(&run.plane) + more, PLANE_SIGNALS_CUT);
	}
	if (!closed) {
		run.cut = !run.o->abort_at_end;
		ask_views(cut);
		tell_all(SHARD_MAIL_ABORT);
		wait_closed(leat_plane_now(&run.plane) + ABORT_NS, UINT32_MAX);
	}
	note_link();
	const struct serve_options *s = &run.o->serve;
	bool lossy = run.view.sum.tcp.emitted_again + s->loss_millionths != 0 ||
		     opt_wire_is_on(&s->wire_in) || opt_wire_is_on(&s->wire_out);
	if (!follow_is_gone(&run.follow))
		leat_plane_wait(
			&run.plane, leat_plane_now(&run.plane) + (lossy ? LAST_LOSSY_NS : LAST_NS));
}

static bool look_port(void)
{
	return leat_follow_look(&run.follow);
}

/* wait_word waits for the word of --paused; false: there is nothing to wait for any more. */
static bool wait_word(void)
{
	if (!run.o->paused)
		return true;
	if (words() != NULL) {
		fprintf(words(),
			"paused    ready; %s ctl start -n %s, or kill -USR1 %d, begins it\n",
			leat_text_call(), leat_instance_of(run.ctl.path), (int)getpid());
		fflush(words());
	}
	while (!leat_gate_look(&run.start_unix_ns))
		if (!wait_until(leat_plane_now(&run.plane) + WORD_LOOK_NS))
			return false;
	leat_sight_starts(&run.sight, run.start_unix_ns);
	return true;
}

/* wait_instant waits until shortly before the instant of --start-at; false: as with the word. */
static bool wait_instant(void)
{
	uint64_t wall = leat_shard_clock_wall_ns(), at = run.start_unix_ns;
	char text[WHEN_TEXT_MAX];

	if (at > wall && words() != NULL) {
		leat_when_text(at, text);
		fprintf(words(), "starts    at %s\n", text);
		fflush(words());
	}
	for (; wall + LEAD_NS < at; wall = leat_shard_clock_wall_ns()) {
		uint64_t for_ns = u64_min(at - wall - LEAD_NS, LOOK_NS); /* it may be set */

		if (!wait_until(leat_plane_now(&run.plane) + for_ns))
			return false;
	}
	return true;
}

/* wall_at is one instant by the wall clock and, in now, by that of the shards: the two of several
 * readings that were interrupted least. */
static uint64_t wall_at(uint64_t *now)
{
	uint64_t wall = 0, least = UINT64_MAX;

	for (uint32_t i = 0; i < WALL_TRIES; i++) {
		uint64_t from = leat_plane_now(&run.plane), read = leat_shard_clock_wall_ns();
		uint64_t took = leat_plane_now(&run.plane) - from;

		if (took < least) {
			least = took;
			wall = read;
			*now = from + took / 2;
		}
	}
	return wall;
}

/* set_begin sets the instant that planned starts count from: soon, or that of --start-at, which may
 * be past. */
static void set_begin(void)
{
	struct load_result *r = &run.result;
	const struct nic_watch *w = &run.follow.watch;

	leat_follow_look(&run.follow);
	leat_load_view_begin(&run.view, &run.port);
	uint64_t now = 0, wall = wall_at(&now);
	uint64_t at = run.start_unix_ns != 0 ? run.start_unix_ns : wall + LEAD_NS;
	uint64_t late_ns = wall > at ? wall - at : 0;

	run.begin_at = at >= wall ? now + (at - wall) : now - u64_min(late_ns, now - 1);
	run.view.start_at = run.view.before_at = run.begin_at;
	r->planned_start_unix_ns = at;
	r->start_unix_ns = u64_max(at, wall);
	r->limits.start_late_ns = late_ns;
	/* What was before is no part of the run; a link that is down now is down in it. */
	r->limits.link_down_cnt =
		(uint32_t)(0 - w->downs - w->flaps + (w->state != NIC_ST_UP ? 1 : 0));
	r->limits.link_down_ns = 0 - leat_follow_down_ns(&run.follow, now);
}

static void control(void *arg)
{
	uint64_t now;

	(void)arg;
	leat_load_view_where(&run.view, &run.port);
	run.result.where.command = run.config.command;
	run.result.where.config = run.config.lines;
	memcpy(run.result.where.config_hash, run.config.hash, sizeof(run.config.hash));
	print_head();
	leat_follow_begin(
		&run.follow, &run.o->serve, &run.plane, &run.port, &run.port_config, &run.steer);
	run.plane.look = look_port;
	run.unanswered = !wait_neighbours();
	if (run.unanswered)
		return;
	bool go = wait_word() && wait_instant();

	leat_sight_starts(&run.sight, 0);
	set_begin();
	if (go)
		ask_views(begin);
	run.result.partial = !go || !carry_out();
	leat_load_intent_end();
	leat_load_view_look(&run.view);
	now = u64_max(leat_plane_now(&run.plane), run.begin_at);
	leat_load_view_busy(&run.view, now);
	run.result.ran_ns = now - run.begin_at;
	finish();
	now = leat_plane_now(&run.plane);
	run.result.drain_ns = now - run.begin_at - run.result.ran_ns;
	if (leat_load_view_news(&run.view))
		print_second(leat_load_view_second(&run.view, now));
}

/* settle_loads checks what the programs counted, against each other and against the stacks. */
static bool settle_loads(void)
{
	const struct load_counters *c = &run.view.counters;
	bool good = c->planned == c->started + leat_load_not_started(c) &&
		    c->started == c->completed + c->stopped + leat_load_failed(c) &&
		    c->started == run.view.sum.tcp.opened_active && c->in_flight == 0;

	if (!good)
		leat_log(LOG_LV_ERROR, "ledger",
			"planned %ju, not started %ju, started %ju, completed %ju, stopped %ju, "
			"failed %ju, in flight %u; the stacks opened %ju",
			(uintmax_t)c->planned, (uintmax_t)leat_load_not_started(c),
			(uintmax_t)c->started, (uintmax_t)c->completed, (uintmax_t)c->stopped,
			(uintmax_t)leat_load_failed(c), c->in_flight,
			(uintmax_t)run.view.sum.tcp.opened_active);
	return good;
}

/* settle reads the last counts, when no shard turns any more, and checks every law. */
static bool settle(void)
{
	char text[160];
	bool good = true;

	for (uint32_t i = 0; i < run.plane.shard_cnt; i++) {
		struct shard *s = run.plane.shard[i].shard;
		const char *why = leat_shard_ledger_error(s, text, sizeof(text));

		leat_shard_count(s, &run.plane.shard[i].counts);
		leat_load_view_copy(&run.view.shard[i]);
		if (why != NULL)
			leat_log(LOG_LV_ERROR, "ledger", "shard %u: %s", i, why);
		good &= why == NULL;
	}
	leat_load_view_sum(&run.view);
	const struct shard_counts *sum = &run.view.sum;
	const char *why = leat_steer_ledger_error(sum, leat_plane_moving(&run.plane, 0),
		leat_plane_carrying(&run.plane, 0), text, sizeof(text));
	if (why != NULL)
		leat_log(LOG_LV_ERROR, "ledger", "%s", why);
	good &= why == NULL;
	return settle_loads() && good;
}

/* open_report makes the place for the files before anything is begun. */
static enum opt_exit open_report(void)
{
	uint32_t formats = REPORT_FORMAT_ALL;
	char why[OPT_WHY_MAX];

	if (run.o->report == NULL)
		return OPT_EXIT_OK;
	if (run.o->formats != NULL &&
		!leat_report_formats(run.o->formats, &formats, why, sizeof(why))) {
		leat_log(LOG_LV_ERROR, "leatd", "--formats: %s", why);
		return OPT_EXIT_CONFIG;
	}
	if (leat_report_dir_open(&run.dir, run.o->report, formats, why, sizeof(why)))
		return OPT_EXIT_OK;
	leat_log(LOG_LV_ERROR, "leatd", "--report: `%s` %s", run.o->report, why);
	return OPT_EXIT_CONFIG;
}

/* write_report writes them; false: not all could be. */
static bool write_report(void)
{
	char why[REPORT_PATH_MAX + OPT_WHY_MAX];

	if (run.o->report == NULL)
		return true;
	if (!leat_report_dir_write(&run.dir, &run.result, why, sizeof(why))) {
		leat_log(LOG_LV_ERROR, "leatd", "--report: %s", why);
		return false;
	}
	if (words() != NULL)
		leat_report_dir_print(&run.dir, words());
	return true;
}

static int print_end(void)
{
	struct load_result *r = &run.result;
	bool good;

	r->balanced = settle() && run.plane.audit.broken_cnt == 0;
	leat_load_view_end(&run.view, &run.port);
	leat_load_judge(r, run.o->rule, run.o->rule_cnt);
	if (run.o->json) {
		leat_load_json(r, stdout);
		good = true;
	} else {
		leat_load_print_report(r, stdout);
		leat_follow_print(&run.follow, stdout);
		leat_report_drops(&run.view.sum, stdout);
		leat_report_wire(&run.view.sum, stdout);
		printf("ledger    ");
		good = leat_report_connections(&run.view.sum, stdout);
		printf("frames    ");
		good &= leat_report_frames(&run.view.sum, stdout);
		leat_note_challenged(&run.view.sum, stdout);
		leat_note_queues(&run.view.sum, run.port.driver, stdout);
	}
	good &= write_report();
	leat_report_flush();
	good &= r->balanced;
	return good ? leat_load_verdict_exit(r->verdict) : OPT_EXIT_FAILED;
}

/* open_sight lets others see what there is to see. */
static void open_sight(void)
{
	const struct sight_config c = {.verb = "load",
		.plane = &run.plane,
		.port = {&run.port},
		.rate_milli = run.o->rate_milli,
		.tuples = run.need.tuples,
		.serve = &run.o->serve};

	leat_sight_open(&run.sight, &c);
	leat_sight_starts(&run.sight, run.o->paused ? SIGHT_STARTS_TOLD : run.start_unix_ns);
	for (uint32_t i = 0; i < run.plane.shard_cnt; i++)
		leat_sight_load(&run.sight, i, run.view.shard[i].load);
}

static struct ctl_role role = {.verb = "load", .port = {&run.port}, .port_cnt = 1};

static int run_shards(void)
{
	int result = (int)add_shards();

	leat_prepare_end();
	if (result == OPT_EXIT_OK) {
		leat_caps_drop(leat_device_rights(&run.port));
		open_sight();
		role.two_msl_ns = run.o->serve.time_wait_ns;
		leat_ctl_start(&run.ctl, &run.plane, &role, run.o->serve.name);
		result = (int)leat_plane_run(&run.plane, control, NULL);
		leat_sight_stop(&run.sight);
		leat_ctl_stop(&run.ctl);
		leat_follow_end(&run.follow);
	}
	if (result == OPT_EXIT_OK && run.unanswered)
		result = follow_is_gone(&run.follow) ? OPT_EXIT_DEVICE : OPT_EXIT_FAILED;
	else if (result == OPT_EXIT_OK)
		result = print_end();
	leat_plane_shards_close(&run.plane);
	leat_ctl_free(&run.ctl);
	leat_sight_close(&run.sight);
	for (uint32_t i = 0; i < run.plane.shard_cnt; i++)
		leat_nic_numa_free(run.mem[i], run.mem_octets[i]);
	return result;
}

static int run_port(void)
{
	run.port_config.pool = run.plane.pool;
	int result = (int)leat_port_open(
		&run.o->serve, &run.port, &run.steer, run.seed.key, &run.port_config);

	if (result != OPT_EXIT_OK) {
		leat_prepare_end();
		return result;
	}
	result = run_shards();
	leat_nic_port_close(&run.port);
	return result;
}

static int run_plane(struct eal *eal)
{
	int result = (int)leat_prepare_begin(eal, leat_plan_octets(&run.need.plan));

	if (result != OPT_EXIT_OK)
		return result;
	result = (int)leat_plane_open(
		&run.plane, eal, &run.need.plan.pool, leat_plan_pool_node(&run.need.plan), true);
	if (result != OPT_EXIT_OK) {
		leat_prepare_end();
		return result;
	}
	if (run.start_unix_ns != 0)
		shard_clock_age(&run.plane.clock, PAST_NS);
	result = run_port();
	leat_plane_close(&run.plane);
	return result;
}

/* prepare makes what the control thread fills; false: no memory. */
static bool prepare(void)
{
	uint64_t ns = run.o->duration_ns != 0 ? run.o->ramp_ns + run.o->duration_ns : TIME_NEVER;
	uint32_t seconds = (uint32_t)u64_min(ns / TIME_S + 70, SECOND_MAX);
	struct load_second *second = calloc(seconds, sizeof(*second));

	run.view.shard = aligned_alloc(CACHE_LINE, SHARD_MAX * sizeof(*run.view.shard));
	if (second == NULL || run.view.shard == NULL) {
		leat_log(LOG_LV_ERROR, "leatd", "no memory for the report");
		free(second);
		return false;
	}
	leat_load_result_init(&run.result, second, seconds);
	run.result.limits.buffers_low_millionths = 1000000;
	run.view.o = run.o;
	run.view.need = &run.need;
	run.view.plane = &run.plane;
	run.view.r = &run.result;
	for (uint32_t i = 0; i < LOAD_HIST_CNT; i++)
		leat_hist_clear(&run.view.before_hist[i]);
	leat_load_intent_begin(&run.result, run.o, &run.need);
	return true;
}

static int start_eal(const struct run_eal *from)
{
	const struct serve_options *s = &run.o->serve;
	struct eal_want want = {.name = s->name,
		.lcore_cnt = run.need.plan.cpu_cnt,
		.cpu = run.need.plan.cpu,
		.huge = (enum eal_huge)s->hugepages,
		.pool = run.need.plan.pool,
		.pci = s->device,
		.extra = s->eal,
		.extra_cnt = s->eal_cnt,
		.verbose = s->verbose};
	struct eal eal;
	int result = (int)leat_run_start_eal(from, &want, &eal);

	if (result != OPT_EXIT_OK)
		return result;
	result = run_plane(&eal);
	leat_eal_stop(&eal);
	return result;
}

/* read_start reads when it is to begin; false: that is too long past to be meant. */
static bool read_start(void)
{
	uint64_t now = leat_shard_clock_wall_ns();
	char why[OPT_WHY_MAX];

	if (run.o->start_at == NULL)
		return true;
	if (!leat_when_read(run.o->start_at, now, &run.start_unix_ns, why, sizeof(why))) {
		leat_log(LOG_LV_ERROR, "leatd", "--start-at: %s", why);
		return false;
	}
	if (run.start_unix_ns + PAST_NS / 2 > now)
		return true;
	leat_text_ns(now - run.start_unix_ns, why, sizeof(why));
	leat_log(LOG_LV_ERROR, "leatd", "--start-at: `%s` is past, by %s", run.o->start_at, why);
	return false;
}

/* check_clock tells when this machine's clock is not that of others, where it matters. */
static void check_clock(void)
{
	struct timex tx = {0};
	bool bad = adjtimex(&tx) == TIME_ERROR || tx.esterror > CLOCK_OFF_US;

	if (bad && run.start_unix_ns != 0 && run.o->segment_cnt > 1)
		leat_log(LOG_LV_WARN, "leatd",
			"--start-at: the kernel does not know this clock to be right within %d ms; "
			"segments on other machines may not begin with this one",
			CLOCK_OFF_US / 1000);
}

int leat_run_load(
	const struct load_options *options, const struct opt_line *line, const struct run_eal *from)
{
	uint64_t drawn[3];

	run.own = *options;
	run.o = &run.own;
	if (getrandom(drawn, sizeof(drawn), 0) != sizeof(drawn)) {
		leat_log(LOG_LV_ERROR, "leatd", "the kernel gives no random numbers: %s",
			strerror(errno));
		return OPT_EXIT_RESOURCE;
	}
	if (run.own.seed == 0)
		run.own.seed = drawn[2] % SEED_MAX + 1;
	run.seed = (struct load_seed){.stack = drawn[0], .key = drawn[1]};
	leat_gate_block();
	if (options->paused)
		leat_gate_shut();
	if (!read_start())
		return OPT_EXIT_USAGE;
	enum opt_exit result = leat_device_check(&run.o->serve);
	if (result == OPT_EXIT_OK)
		result = leat_load_need(&run.own, &run.need);
	if (result == OPT_EXIT_OK)
		result = leat_load_need_check(run.o, &run.need);
	if (result == OPT_EXIT_OK)
		result = open_report();
	if (result == OPT_EXIT_OK && !prepare())
		result = OPT_EXIT_RESOURCE;
	leat_report_config(&run.config, "load", line);
	int code = (int)result;
	if (result == OPT_EXIT_OK) {
		leat_plan_warn(&run.o->serve, &run.need.plan);
		check_clock();
		code = start_eal(from);
	}
	leat_load_need_free(&run.need);
	free(run.view.shard);
	free(run.result.second);
	return code;
}
