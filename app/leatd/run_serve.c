/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_assert.h"
#include "base_log.h"
#include "boot.h"
#include "caps.h"
#include "ctl.h"
#include "follow.h"
#include "knobs.h"
#include "link.h"
#include "nic_numa.h"
#include "note.h"
#include "notify.h"
#include "plan.h"
#include "plane.h"
#include "port.h"
#include "prepare.h"
#include "report.h"
#include "run.h"
#include "service.h"
#include "sight.h"
#include "text.h"

#include <rte_version.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define LOOK_NS         (20 * TIME_MS)
#define END_NS          (10 * TIME_S) /* to close the device and tell the ledger, at most */
#define ABORT_NS        (2 * TIME_S)
#define FOR_EVER_NS     (3600 * TIME_S)
#define KERNEL_PREFIX   24
#define IMPAIR_SEED_MAX 1000000
#define REPORT_INDENT   10

/* Each for one thing: who learns one, as who talks to us may learn where his segments go, or who
 * reads what is printed, learns nothing of the others. */
struct serve_seed {
	uint64_t stack; /* of shard 0; the others' follow */
	uint64_t key;   /* by which flows are steered */
	uint64_t impair;
};

struct serve_run {
	const struct serve_options *o;
	bool greet;
	struct plan plan;
	struct boot boot;
	struct plane plane;
	struct ctl ctl;
	struct sight sight;
	struct nic_port port;
	struct nic_port_config port_config;
	struct follow follow;
	struct notify notify;
	struct steer steer;
	struct service_set *service[SHARD_MAX];
	void *mem[SHARD_MAX];
	size_t mem_octets[SHARD_MAX];
	struct shard_counts sum;
	struct serve_seed seed;
	struct stack_gauge gauge;
	_Atomic uint64_t grace_ns;        /* as last told */
	uint64_t began_at, finished, cut; /* connections, after the first signal */
};

static struct serve_run run;

static enum opt_exit open_port(void)
{
	run.port_config.pool = run.plane.pool;
	enum opt_exit result =
		leat_port_open(run.o, &run.port, &run.steer, run.seed.key, &run.port_config);

	/* The kernel's end of the trial: gone when the device is. */
	if (result == OPT_EXIT_OK && run.greet &&
		leat_link_up(run.o->tap, ip_to4(run.o->address[0].ip) - 1, KERNEL_PREFIX) != 0) {
		leat_nic_port_close(&run.port);
		result = OPT_EXIT_DEVICE;
	}
	return result;
}

/* start_service gives shard i its program. */
static enum opt_exit start_service(uint32_t i)
{
	struct shard *shard = run.plane.shard[i].shard;
	struct service_config c = run.plan.service;
	uint32_t at = 0;

	c.shard_idx = i;
	c.greet = run.greet;
	run.mem_octets[i] = leat_service_footprint(&c);
	run.mem[i] = leat_plane_take(&run.plane, run.mem_octets[i], run.plane.shard[i].node);
	if (run.mem[i] == NULL)
		return OPT_EXIT_RESOURCE;
	run.service[i] = leat_service_new(run.mem[i], &c);
	int error = leat_service_listen(run.service[i], shard->stack, &at);
	if (error != LEAT_OK) {
		leat_log(LOG_LV_ERROR, "leatd", "cannot listen on port %u: %s",
			run.o->listen[at].port, leat_error_text(error));
		return OPT_EXIT_CONFIG;
	}
	leat_shard_app(shard, leat_service_app(run.service[i]));
	return OPT_EXIT_OK;
}

static enum opt_exit add_shards(void)
{
	enum opt_exit result = OPT_EXIT_OK;

	for (uint32_t i = 0; i < run.o->shards && result == OPT_EXIT_OK; i++) {
		struct shard_config shard = {.stack = run.plan.stack,
			.port = &run.port,
			.pool = run.plane.pool,
			.impair = {.seed = run.seed.impair + i,
				.loss_millionths = run.o->loss_millionths,
				.reorder_millionths = run.o->reorder_millionths},
			.wire_in = leat_knobs_wire(&run.o->wire_in, run.seed.impair + 2 * i + 1),
			.wire_out = leat_knobs_wire(&run.o->wire_out, ~run.seed.impair - 2 * i)};

		leat_steer_shard(&run.steer, i, &shard);
		shard.stack.seed = run.seed.stack + i;
		memcpy(shard.stack.link.mac.octet, run.port.mac, sizeof(run.port.mac));
		result = leat_plane_add(&run.plane, &shard, i);
		if (result == OPT_EXIT_OK)
			result = start_service(i);
	}
	leat_follow_shared(&run.plane, &run.steer);
	if (result == OPT_EXIT_OK && run.o->shards > 1)
		result = leat_plane_join(&run.plane, 0, run.plane.shard_cnt);
	if (result == OPT_EXIT_OK && run.plane.taken_octets != run.plan.taken_octets)
		leat_log(LOG_LV_WARN, "leatd", "%zu octets were taken, %ju were planned",
			run.plane.taken_octets, (uintmax_t)run.plan.taken_octets);
	return result;
}

/* print_link tells the device, and its speed where that is a fact and not a constant. */
static void print_link(void)
{
	struct nic_link link = leat_nic_port_link(&run.port);

	printf("  %s  %s", run.o->tap != NULL ? run.o->tap : run.port.name, run.port.driver);
	if (!run.port.is_virtual && link.up && link.mbps != 0)
		printf("  %u Gb/s", link.mbps / 1000);
	printf("  %s", leat_device_is_up(run.o, &run.port) ? "up" : "down");
}

static void print_addresses(void)
{
	for (uint32_t i = 0; i < run.o->address_cnt; i++) {
		char text[IP_TEXT_MAX];

		leat_wire_ip_text(run.o->address[i].ip, text);
		if (run.o->address[i].vip)
			printf("  VIP %s%s", text,
				run.o->vip_arp != 0 ? " (ARP left to the balancer)" : "");
		else
			printf("  %s/%u", text, run.o->address[i].prefix_bits);
	}
	if (run.o->vlan != 0)
		printf("  VLAN %ju", (uintmax_t)run.o->vlan);
	printf("\n");
}

static void print_offloads(void)
{
	const struct nic_port *p = &run.port;

	printf("  offloads      received: IPv4 checksum by %s, TCP by %s; sent: IPv4 by %s, TCP by "
	       "%s\n",
		p->rx_csum_ip ? "the device" : "software",
		p->rx_csum_l4 ? "the device" : "software",
		p->tx_csum_ip ? "the device" : "software",
		p->tx_csum_l4 ? "the device" : "software");
}

static void print_listener(const struct service_listen *l)
{
	char msl[REPORT_TEXT_MAX];

	printf("  listening     :%u %s", l->local.port, leat_service_kind_name(l->kind));
	leat_text_ns(l->two_msl_ns, msl, sizeof(msl));
	if (l->two_msl_ns != 0)
		printf(", 2MSL %s%s", msl, leat_report_two_msl(l->two_msl_ns));
	if (l->reuse != 0)
		printf(", reuse %s", leat_opt_tcp_reuse[l->reuse - 1]);
	if (l->rst != 0)
		printf(", a reset is %s", l->rst == 2 ? "obeyed" : "ignored");
	printf("\n");
}

static void print_head(void)
{
	const struct serve_options *o = run.o;
	char msl[REPORT_TEXT_MAX], places[REPORT_TEXT_MAX], open[PLAN_OPEN_MAX];

	printf("leat " LEAT_VERSION ", %s, instance %s\n", rte_version(),
		run.ctl.listen_fd >= 0 ? leat_instance_of(run.ctl.path) : o->name);
	print_link();
	print_addresses();
	printf("  shards        %u on %u lcore%s, up to %ju MiB, %shugepages\n",
		run.plane.shard_cnt, run.plane.loop_cnt, run.plane.loop_cnt == 1 ? "" : "s",
		(uintmax_t)(leat_plan_octets(&run.plan) >> 20), run.plane.eal.huge ? "" : "no ");
	if (run.plane.loop_cnt < run.plane.shard_cnt)
		printf("                shards that share an lcore take turns on it\n");
	printf("  steering      ");
	leat_steer_print(&run.steer, stdout);
	printf("\n");
	print_offloads();
	if (o->loss_millionths + o->reorder_millionths != 0)
		printf("  bad wire      of what arrives %g%% lost, %g%% overtaken, seed %ju\n",
			o->loss_millionths / 1e4, o->reorder_millionths / 1e4,
			(uintmax_t)run.seed.impair);
	leat_report_wire_plan(&o->wire_in, "in", stdout);
	leat_report_wire_plan(&o->wire_out, "out", stdout);
	for (uint32_t i = 0; i < o->listen_cnt; i++)
		print_listener(&run.plan.service.listen[i]);
	if (run.sight.where[0] != '\0')
		printf("  metrics       %s\n", run.sight.where);
	leat_text_ns(o->time_wait_ns, msl, sizeof(msl));
	printf("  2MSL          %s%s\n", msl, leat_report_two_msl(o->time_wait_ns));
	printf("  TIME-WAIT     %s places on each shard; when full: %s\n",
		leat_report_group(run.plan.stack.tcp.time_wait_max, places),
		leat_report_full(o->tcp.full == OPT_TCP_FULL_EVICT));
	if (leat_plan_open(o, &run.plan, open, sizeof(open)))
		printf("  open          %s\n", open);
	printf("  restart       ");
	leat_boot_print(&run.boot, false, stdout);
	if (run.greet)
		printf("  kernel 198.18.0.1/24 on leat0  ═══ tap ═══  server 198.18.0.2:80\n"
		       "try it:   curl -v http://198.18.0.2/     wrk -t1 -c64 -d5s "
		       "http://198.18.0.2/     tcpdump -ni leat0\n");
	else
		leat_device_next(o, &run.port, stdout);
	printf("ready\n");
	fflush(stdout);
}

/* look sums what all shards counted. */
static void look(void)
{
	leat_plane_ask(&run.plane, NULL, NULL);
	run.sum = (struct shard_counts){0};
	for (uint32_t i = 0; i < run.plane.shard_cnt; i++)
		leat_report_add(&run.sum, &run.plane.shard[i].counts);
}

static void tell_all(enum shard_mail_kind kind)
{
	for (uint32_t i = 0; i < run.plane.shard_cnt; i++)
		leat_plane_tell(&run.plane, i, kind);
}

/* wait_closed looks until no connection is open, until at, until signal_max signals came, or until
 * the port goes over which they would end. */
static bool wait_closed(uint64_t at, uint32_t signal_max)
{
	bool was_gone = follow_is_gone(&run.follow);

	look();
	while (leat_report_open(&run.sum) != 0 && leat_plane_now(&run.plane) < at &&
		was_gone == (follow_is_gone(&run.follow))) {
		uint64_t next = leat_plane_now(&run.plane) + LOOK_NS;

		if (leat_plane_wait(&run.plane, u64_min(next, at)) >= signal_max)
			break;
		look();
	}
	return leat_report_open(&run.sum) == 0;
}

static void drain(void)
{
	leat_sight_drains(&run.sight, true);
	tell_all(SHARD_MAIL_DRAIN);
	look(); /* letters are read in order: when this is answered, all shards drain */
	run.finished = leat_report_open(&run.sum);
	printf("draining: new SYNs are dropped; %ju open; again ^C to cut\n",
		(uintmax_t)run.finished);
	fflush(stdout);
	leat_notify_say(&run.notify,
		"STOPPING=1\nSTATUS=draining: %ju open\nEXTEND_TIMEOUT_USEC=%ju",
		(uintmax_t)run.finished,
		(uintmax_t)((atomic_load(&run.grace_ns) + ABORT_NS + END_NS) / TIME_US));
	if (wait_closed(leat_plane_now(&run.plane) + atomic_load(&run.grace_ns), PLANE_SIGNALS_CUT))
		return;
	run.cut = leat_report_open(&run.sum);
	run.finished -= u64_min(run.cut, run.finished);
	if (follow_is_gone(&run.follow))
		printf("          %s is gone: %ju that are open are cut without a wait\n",
			run.port.name, (uintmax_t)run.cut);
	tell_all(SHARD_MAIL_ABORT);
	wait_closed(leat_plane_now(&run.plane) + ABORT_NS, UINT32_MAX);
}

static void tell_state(const char *first)
{
	leat_notify_say(&run.notify, "%sSTATUS=%s: %s", first, run.port.name,
		leat_nic_state_name(run.follow.watch.state));
}

static bool look_port(void)
{
	enum nic_state before = run.follow.watch.state;

	leat_notify_beat(&run.notify, leat_plane_now(&run.plane), leat_plane_turns(&run.plane));
	bool gone = leat_follow_look(&run.follow);
	if (run.follow.watch.state != before)
		tell_state("");
	return gone;
}

/* give_up: there is no port to finish anything over. */
static void give_up(void)
{
	look();
	run.cut = leat_report_open(&run.sum);
	tell_all(SHARD_MAIL_ABORT);
	wait_closed(leat_plane_now(&run.plane) + ABORT_NS, UINT32_MAX);
}

static void control(void *arg)
{
	uint64_t now = leat_plane_now(&run.plane), at = now + run.o->seconds * TIME_S;

	(void)arg;
	leat_follow_begin(&run.follow, run.o, &run.plane, &run.port, &run.port_config, &run.steer);
	run.plane.look = look_port;
	print_head(); /* from "ready" on it is told what happens to the link */
	tell_state("READY=1\n");
	while (leat_plane_wait(&run.plane, run.o->seconds != 0 ? at : at + FOR_EVER_NS) == 0 &&
		run.o->seconds == 0 && !follow_is_gone(&run.follow))
		at = leat_plane_now(&run.plane);
	if (follow_is_gone(&run.follow))
		give_up();
	else
		drain();
}

/* check_ledger reads the last counts, when no shard turns any more. */
static bool check_ledger(void)
{
	char text[160];
	bool good = true;

	run.sum = (struct shard_counts){0};
	for (uint32_t i = 0; i < run.plane.shard_cnt; i++) {
		struct shard *s = run.plane.shard[i].shard;
		const char *why = leat_shard_ledger_error(s, text, sizeof(text));
		struct shard_counts counts;

		leat_shard_count(s, &counts);
		leat_report_add(&run.sum, &counts);
		leat_report_gauge(&run.gauge, s);
		if (why != NULL)
			leat_log(LOG_LV_ERROR, "ledger", "shard %u: %s", i, why);
		good &= why == NULL;
	}
	const char *why = leat_steer_ledger_error(&run.sum, leat_plane_moving(&run.plane, 0),
		leat_plane_carrying(&run.plane, 0), text, sizeof(text));
	if (why != NULL)
		leat_log(LOG_LV_ERROR, "ledger", "%s", why);
	return good && why == NULL;
}

/* print_notes explains counts that have one cause as a rule. */
static void print_notes(void)
{
	const uint64_t *verdict = run.sum.tcp.verdict;
	char text[REPORT_TEXT_MAX];

	if (run.sum.stack.wire[WIRE_V_DROP_TCP_CSUM] != 0 && leat_device_may_not_finish(&run.port))
		printf("note      drop_tcp_csum: a kernel on this machine leaves checksums to a "
		       "card "
		       "that its frames do not pass; ethtool -K ITS-INTERFACE tx off\n");
	if (run.sum.own_address_seen != 0)
		printf("note      own_address_seen: %s frames came from another station that has "
		       "an "
		       "address of ours; who asks for it may find that one (RFC 5227)\n",
			leat_report_group(run.sum.own_address_seen, text));
	if (run.sum.stack.time_wait_refused != 0)
		printf("note      TIME-WAIT was full: %s connections were refused; --time-wait-max "
		       "makes places, --time-wait-full evict ends those that wait longest before "
		       "their time\n",
			leat_report_group(run.sum.stack.time_wait_refused, text));
	uint64_t refused = verdict[TCP_V_TIME_WAIT_SYN_OFF] + verdict[TCP_V_TIME_WAIT_SYN_OLD];
	if (refused != 0)
		printf("note      time_wait_syn_off, time_wait_syn_old: %s SYNs came from ports "
		       "whose last connection is in TIME-WAIT here; --time-wait-reuse lets a "
		       "newer one in, a shorter --time-wait frees them sooner, --close client "
		       "leaves TIME-WAIT to the client\n",
			leat_report_group(refused, text));
	leat_note_queues(&run.sum, run.port.driver, stdout);
}

/* print_trouble tells what happened to the port and to the lcores, when it did. */
static void print_trouble(void)
{
	uint64_t slow = 0, longest = 0, late = 0;
	char text[REPORT_TEXT_MAX];

	for (uint32_t i = 0; i < run.plane.loop_cnt; i++) {
		slow += run.plane.loop[i].beat.slow_cnt;
		longest = u64_max(longest, run.plane.loop[i].beat.longest_ns);
		late += run.plane.watch[i].late_cnt;
	}
	leat_text_ns(longest, text, sizeof(text));
	if (slow != 0)
		printf("turns     the longest %s, %ju of 10 ms or more, %ju of 1 s or more\n", text,
			(uintmax_t)slow, (uintmax_t)late);
	leat_follow_print(&run.follow, stdout);
}

static enum opt_exit print_end(void)
{
	char t[3][REPORT_TEXT_MAX];
	struct nic_port_stats stats = leat_nic_port_stats(&run.port);
	bool good = check_ledger() && run.plane.audit.broken_cnt == 0;

	printf("          %s connections finished, %s cut; %s left in TIME-WAIT\n",
		leat_report_group(run.finished, t[0]), leat_report_group(run.cut, t[1]),
		leat_report_group(run.sum.tcp.present[TCP_ST_TIME_WAIT], t[2]));
	leat_report_states(&run.gauge, stdout);
	leat_text_ns(run.o->time_wait_ns, t[0], sizeof(t[0]));
	printf("2MSL      %s%s\n", t[0], leat_report_two_msl(run.o->time_wait_ns));
	for (uint32_t i = 0; i < run.o->listen_cnt; i++) {
		const struct service_listen *l = &run.plan.service.listen[i];

		leat_text_ns(l->two_msl_ns, t[0], sizeof(t[0]));
		if (l->two_msl_ns != 0)
			printf("          :%u %s%s\n", l->local.port, t[0],
				leat_report_two_msl(l->two_msl_ns));
	}
	printf("TIME-WAIT ");
	leat_report_time_wait(&run.sum, REPORT_INDENT, stdout);
	leat_report_again_line(&run.sum, stdout);
	leat_report_drops(&run.sum, stdout);
	leat_report_wire(&run.sum, stdout);
	if (stats.rx_missed + stats.rx_no_mbuf + stats.rx_errors + stats.tx_errors != 0)
		printf("device    missed %s, no buffer %s, errors %s\n",
			leat_report_group(stats.rx_missed, t[0]),
			leat_report_group(stats.rx_no_mbuf, t[1]),
			leat_report_group(stats.rx_errors + stats.tx_errors, t[2]));
	print_trouble();
	if (run.o->shards > 1)
		printf("steering  ");
	leat_steer_end(&run.steer, &run.sum, stdout);
	printf("ledger    ");
	good &= leat_report_connections(&run.sum, stdout);
	printf("frames    ");
	good &= leat_report_frames(&run.sum, stdout);
	print_notes();
	printf("stopped.\n");
	leat_report_flush();
	if (good && follow_is_gone(&run.follow))
		return OPT_EXIT_DEVICE;
	return good ? OPT_EXIT_OK : OPT_EXIT_FAILED;
}

/* open_sight lets others see what there is to see. */
static void open_sight(void)
{
	const struct sight_config c = {.verb = run.greet ? "try" : "serve",
		.plane = &run.plane,
		.port = {&run.port},
		.serve = run.o};

	leat_sight_open(&run.sight, &c);
}

/* What leat ctl reload can change. */

static struct service_change change_of(const struct serve_options *o)
{
	return (struct service_change){.body_octets = o->body_octets,
		.close = (enum service_close)o->close,
		.reuse = (enum leat_reuse)o->tcp.reuse};
}

static bool may_change(const void *options, char *why, size_t size)
{
	const struct service_change change = change_of(options);

	snprintf(why, size, "body: a longer one than at the start needs a restart");
	return leat_service_may_change(&run.plan.service, &change);
}

static void apply_change(const void *options, uint32_t shard, struct leat_stack *s)
{
	const struct service_change change = change_of(options);

	leat_service_change(run.service[shard], s, &change);
}

static void adopt_change(const void *options)
{
	atomic_store(&run.grace_ns, ((const struct serve_options *)options)->grace_ns);
}

static const char *const live_options[] = {"body", "close", "grace", "time-wait-reuse", NULL};

static struct ctl_role role = {.verb = "serve",
	.port = {&run.port},
	.port_cnt = 1,
	.drains = true,
	.options = &leat_opt_serve,
	.options_octets = sizeof(struct serve_options),
	.live = live_options,
	.may = may_change,
	.apply = apply_change,
	.adopt = adopt_change};

static enum opt_exit run_shards(void)
{
	enum opt_exit result = add_shards();

	leat_prepare_end();
	if (result == OPT_EXIT_OK) {
		leat_caps_drop(leat_device_rights(&run.port));
		open_sight();
		role.two_msl_ns = run.o->time_wait_ns;
		leat_ctl_start(&run.ctl, &run.plane, &role, run.o->name);
		result = leat_plane_run(&run.plane, control, NULL);
		leat_sight_stop(&run.sight);
		leat_ctl_stop(&run.ctl);
	}
	leat_follow_end(&run.follow);
	if (result == OPT_EXIT_OK)
		result = print_end();
	leat_plane_shards_close(&run.plane);
	leat_ctl_free(&run.ctl);
	leat_sight_close(&run.sight);
	for (uint32_t i = 0; i < run.plane.shard_cnt; i++)
		leat_nic_numa_free(run.mem[i], run.mem_octets[i]);
	return result;
}

/* run_port lives from the device's start to its close. */
static enum opt_exit run_port(void)
{
	enum opt_exit result = open_port();

	if (result != OPT_EXIT_OK) {
		leat_prepare_end();
		return result;
	}
	result = run_shards();
	leat_nic_port_close(&run.port);
	return result;
}

static enum opt_exit run_plane(struct eal *eal)
{
	enum opt_exit result = leat_prepare_begin(eal, leat_plan_octets(&run.plan));

	if (result != OPT_EXIT_OK)
		return result;
	result = leat_plane_open(
		&run.plane, eal, &run.plan.pool, leat_plan_pool_node(&run.plan), true);
	if (result != OPT_EXIT_OK) {
		leat_prepare_end();
		return result;
	}
	result = run_port();
	leat_plane_close(&run.plane);
	return result;
}

enum opt_exit leat_run_plan(const struct serve_options *o)
{
	enum opt_exit result = leat_plan_serve(o, &run.plan);

	if (result != OPT_EXIT_OK)
		return result;
	leat_device_tell_absent(o);
	leat_plan_print(o, &run.plan, stdout);
	leat_plan_warn(o, &run.plan);
	return leat_plan_check(o, &run.plan);
}

enum opt_exit leat_run_serve(const struct serve_options *o, const struct run_eal *from, bool greet)
{
	struct eal eal;

	run = (struct serve_run){.o = o, .greet = greet};
	atomic_store(&run.grace_ns, o->grace_ns);
	enum opt_exit result = leat_device_check(o);
	if (result == OPT_EXIT_OK)
		result = leat_plan_serve(o, &run.plan);
	if (result == OPT_EXIT_OK)
		result = leat_plan_check(o, &run.plan);
	if (result != OPT_EXIT_OK)
		return result;
	leat_plan_warn(o, &run.plan);
	leat_notify_open(&run.notify);
	if (getrandom(&run.seed, sizeof(run.seed), 0) != sizeof(run.seed)) {
		leat_log(LOG_LV_ERROR, "leatd", "the kernel gives no random numbers: %s",
			strerror(errno));
		return OPT_EXIT_RESOURCE;
	}
	run.seed.impair = o->seed != 0 ? o->seed : run.seed.impair % IMPAIR_SEED_MAX + 1;
	struct eal_want want = {.name = o->name,
		.lcore_cnt = run.plan.cpu_cnt,
		.cpu = run.plan.cpu,
		.huge = (enum eal_huge)o->hugepages,
		.pool = run.plan.pool,
		.pci = o->device,
		.extra = o->eal,
		.extra_cnt = o->eal_cnt,
		.verbose = o->verbose};
	struct boot_want boot = {.path = o->boot_record,
		.two_msl_ns = o->time_wait_ns,
		.port_from = run.plan.stack.port_from,
		.port_to = run.plan.stack.port_to};
	result = leat_boot_begin(&run.boot, &boot, leat_shard_clock_wall_ns());
	if (result != OPT_EXIT_OK)
		return result;
	leat_boot_set(&run.boot, &run.plan.stack);
	result = leat_run_start_eal(from, &want, &eal);
	if (result == OPT_EXIT_OK) {
		result = run_plane(&eal);
		leat_eal_stop(&eal);
	}
	leat_boot_end(&run.boot, leat_shard_clock_wall_ns());
	leat_notify_close(&run.notify);
	return result;
}
