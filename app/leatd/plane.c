/* SPDX-License-Identifier: BSD-3-Clause */
#include "plane.h"

#include "base_assert.h"
#include "base_bits.h"
#include "base_log.h"
#include "nic_numa.h"
#include "nic_topo.h"
#include "room.h"

#include <rte_launch.h>
#include <rte_lcore.h>

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CLOCKS_FILE   "/sys/devices/system/clocksource/clocksource0/available_clocksource"
#define TOUCH_OCTETS  ((size_t)256 << 20)
#define ASK_NAP_NS    50000
#define HEARD_STEP_NS 50000 /* between two looks for an answer */
#define STILL_LOOKS   4 /* late in so many looks: it stands still, and not the whole machine did */

static sigset_t stop_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	return set;
}

void leat_plane_block_signals(void)
{
	sigset_t set = stop_signals();

	pthread_sigmask(SIG_BLOCK, &set, NULL);
	/* A reader that went away shows as an error of a write, not as our end. */
	signal(SIGPIPE, SIG_IGN);
}

static struct shard_clock start_clock(void)
{
	char cpuinfo[8192], clocks[256];

	(void)leat_nic_topo_text("/proc/cpuinfo", cpuinfo, sizeof(cpuinfo));
	(void)leat_nic_topo_text(CLOCKS_FILE, clocks, sizeof(clocks));
	if (leat_shard_clock_trust(cpuinfo, clocks))
		return shard_clock_start();
	leat_log(LOG_LV_WARN, "leatd",
		"this processor's counter is no even clock on all cores; the kernel's is used, "
		"which takes longer");
	return shard_clock_start_kernel();
}

enum opt_exit leat_plane_open(struct plane *p, const struct eal *eal,
	const struct nic_pool_plan *plan, int node, bool touch)
{
	*p = (struct plane){.eal = *eal, .clock = start_clock(), .touch = touch};
	/* Without huge pages EAL has one heap, whatever nodes there are. */
	p->pool = leat_nic_pool_new("frames", plan, eal->huge ? node : -1);
	for (uint32_t i = 0; i < PLANE_LCORE_MAX; i++)
		leat_shard_loop_init(&p->loop[i], true);
	return p->pool != NULL ? OPT_EXIT_OK : OPT_EXIT_RESOURCE;
}

static bool is_signalled(void)
{
	sigset_t set;

	return sigpending(&set) == 0 &&
	       (sigismember(&set, SIGINT) == 1 || sigismember(&set, SIGTERM) == 1);
}

/* touch prepares memory piece by piece: gigabytes take long, and a signal is to end that too. */
static bool touch(uint8_t *mem, size_t octets)
{
	for (size_t at = 0; at < octets; at += TOUCH_OCTETS) {
		if (is_signalled()) {
			leat_log(LOG_LV_ERROR, "leatd", "a signal ended it as it took memory");
			return false;
		}
		if (!leat_nic_numa_touch(mem + at, u64_min(octets - at, TOUCH_OCTETS)))
			return false;
	}
	return true;
}

void *leat_plane_take(struct plane *p, size_t octets, int node)
{
	struct room room;
	char limit[ROOM_LIMIT_MAX];

	leat_room_read("", &room);
	/* The kernel would rather end a process, perhaps another one, than refuse. */
	if (p->touch && octets > room.octets) {
		leat_log(LOG_LV_ERROR, "leatd",
			"%zu MiB more are needed, %ju MiB are free%s; leat plan shows what for",
			octets >> 20, (uintmax_t)(room.octets >> 20),
			leat_room_limit(&room, limit));
		return NULL;
	}
	void *mem = leat_nic_numa_take(octets, node);
	if (mem == NULL || !p->touch || touch(mem, octets)) {
		p->taken_octets += mem != NULL ? leat_nic_numa_octets(octets) : 0;
		return mem;
	}
	leat_nic_numa_free(mem, octets);
	return NULL;
}

enum opt_exit leat_plane_add(struct plane *p, const struct shard_config *config, uint32_t lcore_idx)
{
	struct plane_shard *ps = &p->shard[p->shard_cnt];
	char text[160];

	ASSERT(p->shard_cnt < SHARD_MAX);
	lcore_idx %= p->eal.lcore_cnt;
	size_t octets = leat_shard_footprint(config);
	if (octets == 0) {
		const char *why = leat_stack_config_error(&config->stack, text, sizeof(text));
		leat_log(LOG_LV_ERROR, "shard", "%s", why != NULL ? why : "too large");
		return OPT_EXIT_CONFIG;
	}
	ps->node = leat_nic_numa_of_cpu(p->eal.cpu[lcore_idx]);
	ps->mem = leat_plane_take(p, octets, ps->node);
	if (ps->mem == NULL)
		return OPT_EXIT_RESOURCE;
	ps->octets = octets;
	ps->lcore_idx = lcore_idx;
	ps->shard = leat_shard_new(ps->mem, config, &p->clock);
	ps->port = config->port;
	ps->limits = *leat_tcp_limits_of(leat_stack_engine(ps->shard->stack));
	leat_shard_mail_init(&ps->from_control);
	leat_shard_box(ps->shard, &ps->from_control);
	leat_shard_loop_add(&p->loop[lcore_idx], ps->shard);
	p->loop[lcore_idx].nap = p->loop[lcore_idx].nap && config->port->is_virtual;
	p->loop_cnt = u32_max(p->loop_cnt, lcore_idx + 1);
	p->stack_octets += octets;
	p->shard_cnt++;
	return OPT_EXIT_OK;
}

size_t leat_plane_join_octets(uint32_t shard_cnt)
{
	return (size_t)shard_cnt * shard_cnt * sizeof(struct plane_pair) +
	       shard_cnt * sizeof(struct shard_lane);
}

/* join_two gives from what it writes and to reads; back: the other way round. */
static void join_two(struct shard *from, struct shard *to, struct plane_pair *pair,
	const struct plane_pair *back)
{
	leat_shard_mail_init(&pair->box);
	leat_shard_asked_init(&pair->asked);
	leat_shard_lane_init(&pair->move);
	leat_shard_peer(from, &pair->box, &back->asked, &pair->asked);
	leat_shard_box(to, &pair->box);
	leat_shard_move(from, to, &pair->move);
}

/* find_carriers gives each shard without a queue one that has one. */
static void find_carriers(struct plane *p, const struct plane_port *port)
{
	uint32_t next = 0;

	for (uint32_t i = 0; i < port->cnt; i++) {
		struct shard *s = p->shard[port->first + i].shard;

		if (s->tx.queue != SHARD_NO_QUEUE)
			continue;
		while (p->shard[port->first + next].shard->tx.queue == SHARD_NO_QUEUE)
			next = (next + 1) % port->cnt;
		leat_shard_carry(s, p->shard[port->first + next].shard, &port->carry[i]);
		next = (next + 1) % port->cnt;
	}
}

enum opt_exit leat_plane_join(struct plane *p, uint32_t first, uint32_t cnt)
{
	struct plane_port *port = &p->port[p->port_cnt];

	ASSERT(p->port_cnt < PLANE_PORT_MAX);
	ASSERT(first + cnt <= p->shard_cnt);
	*port = (struct plane_port){.first = first, .cnt = cnt};
	port->pair = leat_plane_take(p, leat_plane_join_octets(cnt), p->shard[first].node);
	if (port->pair == NULL)
		return OPT_EXIT_RESOURCE;
	p->port_cnt++;
	port->carry = (struct shard_lane *)(port->pair + cnt * cnt);
	for (uint32_t i = 0; i < cnt * cnt; i++) {
		if (i / cnt != i % cnt)
			join_two(p->shard[first + i / cnt].shard, p->shard[first + i % cnt].shard,
				&port->pair[i], &port->pair[i % cnt * cnt + i / cnt]);
	}
	for (uint32_t i = 0; i < cnt; i++)
		leat_shard_lane_init(&port->carry[i]);
	find_carriers(p, port);
	return OPT_EXIT_OK;
}

uint64_t leat_plane_moving(const struct plane *p, uint32_t port_idx)
{
	const struct plane_port *port = &p->port[port_idx];
	uint64_t sum = 0;

	for (uint32_t i = 0; port_idx < p->port_cnt && i < port->cnt * port->cnt; i++)
		sum += leat_shard_lane_held(&port->pair[i].move);
	return sum;
}

uint64_t leat_plane_carrying(const struct plane *p, uint32_t port_idx)
{
	const struct plane_port *port = &p->port[port_idx];
	uint64_t sum = 0;

	for (uint32_t i = 0; port_idx < p->port_cnt && i < port->cnt; i++)
		sum += leat_shard_lane_held(&port->carry[i]);
	return sum;
}

void leat_plane_shards_close(struct plane *p)
{
	for (uint32_t i = 0; i < p->shard_cnt; i++)
		leat_shard_close(p->shard[i].shard);
}

void leat_plane_close(struct plane *p)
{
	for (uint32_t i = 0; i < p->shard_cnt; i++)
		leat_nic_numa_free(p->shard[i].mem, p->shard[i].octets);
	for (uint32_t i = 0; i < p->port_cnt; i++)
		leat_nic_numa_free(p->port[i].pair, leat_plane_join_octets(p->port[i].cnt));
	leat_nic_pool_free(p->pool);
	p->shard_cnt = 0;
}

uint64_t leat_plane_now(struct plane *p)
{
	return shard_clock_read(&p->clock);
}

/* others_wait: does one of the shards on loop i read a queue that has frames of others, too? */
static bool others_wait(const struct plane *p, uint32_t i)
{
	bool wait = false;

	for (uint32_t k = 0; k < p->shard_cnt; k++)
		wait |= p->shard[k].lcore_idx == i && p->shard[k].queue_shared;
	return wait;
}

/* look_at_loop tells when an lcore stands still, and when it goes on. */
static void look_at_loop(struct plane *p, uint32_t i, uint64_t now)
{
	uint64_t for_ns;

	switch (leat_shard_watch_look(&p->watch[i], &p->loop[i].beat, now, &for_ns)) {
	case SHARD_WATCH_LATE:
		leat_log(LOG_LV_WARN, "leatd",
			"lcore %u on cpu %u has not turned for %.1f s; its connections wait%s",
			p->eal.lcore[i], p->eal.cpu[i], (double)for_ns / (double)TIME_S,
			others_wait(p, i) ? ", and so do frames of other shards in its queue" : "");
		break;
	case SHARD_WATCH_BACK:
		leat_log(LOG_LV_NOTE, "leatd", "lcore %u on cpu %u turns again, after %.1f s",
			p->eal.lcore[i], p->eal.cpu[i], (double)for_ns / (double)TIME_S);
		break;
	case SHARD_WATCH_NOTHING:
		break;
	}
	p->still[i] = p->watch[i].late_since != 0 ? p->still[i] + 1 : 0;
}

/* audit_moves sums up what shards handed to each other; a port's to those of that port alone. */
static void audit_moves(struct plane *p)
{
	uint64_t in = 0, out = 0;

	if (p->audit_partly) {
		p->audit.begun = false;
		return;
	}
	for (uint32_t i = 0; i < p->shard_cnt; i++) {
		in += p->shard[i].audit.counts.moved_in;
		out += p->shard[i].audit.counts.moved_out;
	}
	leat_audit_moves(&p->audit, p->shard_cnt, in, out);
}

/* audit_begin asks all shards; one whose box is full, as it does not turn, is left out. */
static void audit_begin(struct plane *p, uint64_t now)
{
	p->audit_at = now + PLANE_AUDIT_NS;
	p->audit_partly = false;
	for (uint32_t i = 0; i < p->shard_cnt; i++) {
		struct plane_shard *ps = &p->shard[i];

		atomic_store_explicit(&ps->audit.answered, false, memory_order_relaxed);
		ps->audited = !leat_shard_mail_put(
			&ps->from_control, (struct shard_letter){SHARD_MAIL_ASK, &ps->audit});
		p->audit_partly |= ps->audited;
	}
}

/* audit goes on with a round, or begins one; it waits for nobody. */
static void audit(struct plane *p, uint64_t now)
{
	bool all = true;

	for (uint32_t i = 0; i < p->shard_cnt && p->auditing; i++) {
		struct plane_shard *ps = &p->shard[i];

		if (!ps->audited &&
			atomic_load_explicit(&ps->audit.answered, memory_order_acquire)) {
			leat_audit_shard(&p->audit, i, &ps->audit.counts);
			ps->audited = true;
		}
		all &= ps->audited;
	}
	if (!all)
		return;
	if (p->auditing)
		audit_moves(p);
	p->auditing = now >= p->audit_at;
	if (p->auditing)
		audit_begin(p, now);
}

/* put_late puts what the box of shard i had no room for, in an order that will do for any: how it
 * may use its port, what it is to do, and last the question that is answered when it has read all
 * that.  False: there is no room yet. */
static bool put_late(struct plane *p, uint32_t i)
{
	static const enum shard_mail_kind order[] = {
		SHARD_MAIL_PORT, SHARD_MAIL_DRAIN, SHARD_MAIL_ABORT, SHARD_MAIL_ASK};
	struct plane_shard *ps = &p->shard[i];

	for (uint32_t k = 0; ps->late != 0 && k < COUNT_OF(order); k++) {
		enum shard_mail_kind kind = order[k];
		struct shard_letter letter = {kind, kind == SHARD_MAIL_ASK ? &ps->ask : NULL};

		if ((ps->late >> kind & 1) == 0)
			continue;
		if (kind == SHARD_MAIL_PORT)
			letter = shard_letter_port(ps->use);
		if (!leat_shard_mail_put(&ps->from_control, letter))
			return false;
		ps->late &= ~(1u << kind);
	}
	return true;
}

/* post puts a letter, or has it put as soon as there is room, and none before that. */
static void post(struct plane *p, uint32_t i, struct shard_letter letter)
{
	struct plane_shard *ps = &p->shard[i];

	if (put_late(p, i) && leat_shard_mail_put(&ps->from_control, letter))
		return;
	if (ps->late == 0)
		leat_log(LOG_LV_WARN, "leatd",
			"shard %u has %u letters that it does not read; it is told the rest when "
			"it turns again",
			i, SHARD_MAIL_SLOTS);
	ps->late |= 1u << letter.kind;
	if (letter.kind == SHARD_MAIL_PORT)
		ps->use = (enum shard_port_use)(uintptr_t)letter.what;
}

/* look is due now and then, also while an answer does not come: that is when it matters.  True: it
 * was. */
static bool look(struct plane *p)
{
	uint64_t now = leat_plane_now(p);

	if (now < p->look_at)
		return false;
	p->look_at = now + PLANE_LOOK_NS;
	for (uint32_t i = 0; i < p->loop_cnt; i++)
		look_at_loop(p, i, now);
	for (uint32_t i = 0; i < p->shard_cnt; i++)
		put_late(p, i);
	audit(p, now);
	return true;
}

bool leat_plane_shard_turns(const struct plane *p, uint32_t shard, uint64_t now)
{
	const struct shard_beat *beat = &p->loop[p->shard[shard].lcore_idx].beat;
	struct shard_watch watch = {0};
	uint64_t for_ns;

	return leat_shard_watch_look(&watch, beat, now, &for_ns) != SHARD_WATCH_LATE;
}

bool leat_plane_heard(const struct plane *p, uint32_t shard, const atomic_bool *answered,
	const atomic_bool *stop, struct shard_clock clock)
{
	const struct timespec step = {.tv_nsec = HEARD_STEP_NS};

	while (!atomic_load_explicit(answered, memory_order_acquire)) {
		if (atomic_load(stop) ||
			!leat_plane_shard_turns(p, shard, shard_clock_read(&clock)))
			return false;
		nanosleep(&step, NULL);
	}
	return true;
}

bool leat_plane_turns(const struct plane *p)
{
	bool turns = true;

	for (uint32_t i = 0; i < p->loop_cnt; i++)
		turns &= p->watch[i].late_since == 0;
	return turns;
}

/* give_up ends the process at once: a shard that does not turn answers nothing, and whoever sent
 * the signal again waits for an end. */
static _Noreturn void give_up(const struct plane *p, uint32_t loop_idx)
{
	leat_log(LOG_LV_ERROR, "leatd",
		"lcore %u on cpu %u does not turn; ended without its counts",
		p->eal.lcore[loop_idx], p->eal.cpu[loop_idx]);
	_exit(OPT_EXIT_FAILED);
}

/* nap waits a little for an answer. */
static void nap(struct plane *p)
{
	sigset_t set = stop_signals();

	if (sigtimedwait(&set, NULL, &(struct timespec){.tv_nsec = ASK_NAP_NS}) > 0)
		p->signal_cnt++;
	look(p);
	for (uint32_t i = 0; p->signal_cnt >= PLANE_SIGNALS_CUT && i < p->loop_cnt; i++)
		if (p->still[i] >= STILL_LOOKS)
			give_up(p, i);
}

uint32_t leat_plane_wait(struct plane *p, uint64_t at)
{
	sigset_t set = stop_signals();
	uint64_t now = leat_plane_now(p);

	while (now < at) {
		uint64_t for_ns = u64_min(at - now, PLANE_LOOK_NS);
		struct timespec for_ts = {
			.tv_sec = (time_t)(for_ns / TIME_S), .tv_nsec = (long)(for_ns % TIME_S)};

		if (p->signal_cnt == p->signal_told && sigtimedwait(&set, NULL, &for_ts) > 0)
			p->signal_cnt++;
		if (p->signal_cnt != p->signal_told) { /* now, or while an answer was waited for */
			p->signal_told = p->signal_cnt;
			break;
		}
		if (look(p) && p->look != NULL && p->look())
			break;
		now = leat_plane_now(p);
	}
	return p->signal_cnt;
}

void leat_plane_tell(struct plane *p, uint32_t shard_idx, enum shard_mail_kind kind)
{
	ASSERT(shard_idx < p->shard_cnt);
	post(p, shard_idx, (struct shard_letter){.kind = kind});
}

/* take_answer says whether shard owes none any more. */
static bool take_answer(struct plane_shard *ps)
{
	if (!ps->asked)
		return true;
	if (!atomic_load_explicit(&ps->ask.answered, memory_order_acquire))
		return false;
	ps->asked = false;
	ps->heard = true;
	ps->counts = ps->ask.counts;
	return true;
}

/* await waits for what shard i owes, until at, or no longer when it is known to be silent. */
static void await(struct plane *p, uint32_t i, uint64_t at)
{
	struct plane_shard *ps = &p->shard[i];

	while (!take_answer(ps) && ps->silent_since == 0 && leat_plane_now(p) < at)
		nap(p);
	uint64_t now = leat_plane_now(p);

	if (ps->asked && ps->silent_since == 0) {
		ps->silent_since = now;
		leat_log(LOG_LV_WARN, "leatd",
			"shard %u did not answer for %.1f s; its counts are those of before", i,
			(double)PLANE_ASK_NS / (double)TIME_S);
	} else if (!ps->asked && ps->silent_since != 0) {
		leat_log(LOG_LV_NOTE, "leatd", "shard %u answers again, after %.1f s more", i,
			(double)(now - ps->silent_since) / (double)TIME_S);
		ps->silent_since = 0;
	}
}

static void ask(struct plane *p, uint32_t i, void (*also)(void *arg), void *arg)
{
	struct plane_shard *ps = &p->shard[i];

	ps->ask.also = also;
	ps->ask.arg = arg;
	ps->asked = true;
	atomic_store_explicit(&ps->ask.answered, false, memory_order_relaxed);
	post(p, i, (struct shard_letter){SHARD_MAIL_ASK, &ps->ask});
}

void leat_plane_ask(struct plane *p, void (*also)(void *arg), void *const *arg)
{
	uint64_t at = leat_plane_now(p) + PLANE_ASK_NS;

	for (uint32_t i = 0; i < p->shard_cnt; i++) {
		await(p, i, at); /* the last answer, when it is owed still */
		p->shard[i].heard = false;
		if (!p->shard[i].asked)
			ask(p, i, also, also != NULL ? arg[i] : NULL);
	}
	for (uint32_t i = 0; i < p->shard_cnt; i++)
		await(p, i, at);
}

void leat_plane_ask_each(struct plane *p, void (*also)(void *arg), void *first, size_t size)
{
	void *arg[SHARD_MAX] = {NULL};

	for (uint32_t i = 0; i < p->shard_cnt; i++)
		arg[i] = (char *)first + i * size;
	leat_plane_ask(p, also, arg);
}

/* await_all waits for all that is owed, however long that is: a second signal ends it. */
static void await_all(struct plane *p)
{
	for (uint32_t i = 0; i < p->shard_cnt; i++) {
		while (!take_answer(&p->shard[i]))
			nap(p);
		await(p, i, 0);
	}
}

void leat_plane_use(struct plane *p, enum shard_port_use use)
{
	for (uint32_t i = 0; i < p->shard_cnt; i++)
		post(p, i, shard_letter_port(use));
	if (use != SHARD_PORT_OFF)
		return;
	await_all(p);
	for (uint32_t i = 0; i < p->shard_cnt; i++)
		ask(p, i, NULL, NULL); /* letters are read in order */
	await_all(p);
}

static void *run_control(void *plane)
{
	struct plane *p = plane;

	p->control(p->arg);
	await_all(p); /* who does not turn does not stop, either */
	for (uint32_t i = 0; i < p->loop_cnt; i++)
		leat_shard_loop_stop(&p->loop[i]);
	return NULL;
}

/* start_control starts the thread on all processors of this process: the main lcore's own is
 * taken by its shards. */
static int start_control(struct plane *p, pthread_t *thread)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setaffinity_np(&attr, sizeof(p->eal.allowed), &p->eal.allowed);
	int error = pthread_create(thread, &attr, run_control, p);
	pthread_attr_destroy(&attr);
	return error;
}

/* share_cpus tells the loops that are not alone on their processor. */
static void share_cpus(struct plane *p)
{
	for (uint32_t i = 0; i < p->loop_cnt; i++) {
		for (uint32_t k = 0; k < p->loop_cnt; k++)
			p->loop[i].yield |= k != i && p->eal.cpu[i] == p->eal.cpu[k];
	}
}

enum opt_exit leat_plane_run(struct plane *p, void (*control)(void *arg), void *arg)
{
	pthread_t thread;

	p->control = control;
	p->arg = arg;
	p->started_at = leat_plane_now(p);
	if (p->loop_cnt < p->eal.lcore_cnt)
		leat_log(LOG_LV_WARN, "leatd", "%u of %u lcores have no shard and stay idle",
			p->eal.lcore_cnt - p->loop_cnt, p->eal.lcore_cnt);
	share_cpus(p);
	for (uint32_t i = 0; i < p->loop_cnt; i++) /* one that never begins is late, too */
		shard_beat(&p->loop[i].beat, p->started_at);
	int error = start_control(p, &thread);
	if (error != 0) {
		leat_log(LOG_LV_ERROR, "leatd", "no thread for control: %s", strerror(error));
		return OPT_EXIT_RESOURCE;
	}
	for (uint32_t i = 1; i < p->loop_cnt; i++) {
		error = rte_eal_remote_launch(leat_shard_loop, &p->loop[i], p->eal.lcore[i]);
		ASSERT(error == 0);
	}
	leat_shard_loop(&p->loop[0]);
	rte_eal_mp_wait_lcore();
	pthread_join(thread, NULL);
	return OPT_EXIT_OK;
}
