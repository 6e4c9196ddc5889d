/* SPDX-License-Identifier: BSD-3-Clause */
#include "reach.h"

#include "base_bits.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A counter of 64 bits in a structure, by its name there. */
struct named {
	const char *name;
	size_t at;
};

#define IN(type, field)                                                                            \
	{                                                                                          \
#field, offsetof(struct type, field)                                               \
	}

static const struct named of_stack[] = {IN(stack_counters, frames_in),
	IN(stack_counters, octets_in), IN(stack_counters, frames_out),
	IN(stack_counters, octets_out), IN(stack_counters, segments),
	IN(stack_counters, out_no_neigh),
	IN(stack_counters, out_held), IN(stack_counters, out_waited), IN(stack_counters, out_void),
	IN(stack_counters, accept_refused), IN(stack_counters, flow_refused),
	IN(stack_counters, cookie_refused), IN(stack_counters, time_wait_returned),
	IN(stack_counters, time_wait_refused), IN(stack_counters, connect_reused),
	IN(stack_counters, quiet_refused), IN(stack_counters, no_port),
	IN(stack_counters, send_no_chunk), IN(stack_counters, stale_handle)};
static const struct named of_icmp[] = {IN(inet_icmp_counters, echo_answered),
	IN(inet_icmp_counters, echo_refused), IN(inet_icmp_counters, echo_no_room),
	IN(inet_icmp_counters, error_unreach), IN(inet_icmp_counters, error_too_big),
	IN(inet_icmp_counters, error_time), IN(inet_icmp_counters, error_param)};
static const struct named of_neigh[] = {IN(inet_neigh_counters, asked),
	IN(inet_neigh_counters, answered), IN(inet_neigh_counters, learned),
	IN(inet_neigh_counters, refused_unsolicited), IN(inet_neigh_counters, evicted),
	IN(inet_neigh_counters, failed), IN(inet_neigh_counters, own_address_seen),
	IN(inet_neigh_counters, unanswered), IN(inet_neigh_counters, no_room)};
static const struct named of_tcp[] = {IN(tcp_counters, opened_active),
	IN(tcp_counters, opened_passive), IN(tcp_counters, time_wait_entered),
	IN(tcp_counters, time_wait_restarted), IN(tcp_counters, time_wait_stayed),
	IN(tcp_counters, time_wait_put_off), IN(tcp_counters, time_wait_moved),
	IN(tcp_counters, time_wait_unanswered), IN(tcp_counters, time_wait_late_ns),
	IN(tcp_counters, time_wait_late_ns_max), IN(tcp_counters, emitted),
	IN(tcp_counters, emitted_rst), IN(tcp_counters, emitted_again), IN(tcp_counters, again_syn),
	IN(tcp_counters, again_syn_ack), IN(tcp_counters, again_text), IN(tcp_counters, again_fin),
	IN(tcp_counters, again_probe), IN(tcp_counters, ecn_ce_seen), IN(tcp_counters, ecn_cut),
	IN(tcp_counters, icmp_stray), IN(tcp_counters, icmp_soft), IN(tcp_counters, icmp_refused),
	IN(tcp_counters, icmp_narrowed), IN(tcp_counters, icmp_ignored), IN(tcp_counters, fast),
	IN(tcp_counters, rst_unsent), IN(tcp_counters, text_ooo), IN(tcp_counters, text_refused),
	IN(tcp_counters, text_packed), IN(tcp_counters, text_evicted),
	IN(tcp_counters, reass_steps), IN(tcp_counters, rto_fired), IN(tcp_counters, probe_fired),
	IN(tcp_counters, keep_fired), IN(tcp_counters, tlp_fired), IN(tcp_counters, reorder_fired),
	IN(tcp_counters, recoveries), IN(tcp_counters, recovery_undone),
	IN(tcp_counters, rto_undone), IN(tcp_counters, sack_bad), IN(tcp_counters, dsack_heard),
	IN(tcp_counters, dsack_told), IN(tcp_counters, reneged), IN(tcp_counters, ext_none),
	IN(tcp_counters, srec_none), IN(tcp_counters, side_none),
	IN(tcp_counters, timer_late_ns), IN(tcp_counters, timer_late_ns_max)};

/* What is named here is all that there is; the rest is named elsewhere, or is no such counter. */
#define NAMES_ALL(type, named, rest)                                                               \
	STATIC_ASSERT(sizeof(struct type) == sizeof(uint64_t) * COUNT_OF(named) + (rest),          \
		"a new counter wants a name")
NAMES_ALL(stack_counters, of_stack, sizeof(uint64_t) * WIRE_V_CNT);
NAMES_ALL(inet_icmp_counters, of_icmp, 0);
NAMES_ALL(inet_neigh_counters, of_neigh, 0);
NAMES_ALL(tcp_counters, of_tcp,
	/* Two arrays are the lateness of timers in detail. */
	sizeof(uint64_t) * (TCP_V_CNT + TCP_ARROW_CNT + TCP_END_CNT + 2 * HIST_OCTAVE_CNT) +
		sizeof(uint32_t) * (TCP_ST_CNT + 4 + (TCP_ST_CNT + 4) % 2)); /* present, held */

static const char *const end_name[] = {
	[TCP_END_NONE] = "none",
	[TCP_END_TIME_WAIT] = "time_wait",
	[TCP_END_LAST_ACK] = "last_ack",
	[TCP_END_RESET] = "reset",
	[TCP_END_REFUSED] = "refused",
	[TCP_END_ABORTED] = "aborted",
	[TCP_END_TIMEOUT] = "timeout",
	[TCP_END_FW2_LIMIT] = "fin_wait_2_limit",
	[TCP_END_CLOSED] = "closed",
	[TCP_END_EVICTED] = "evicted",
	[TCP_END_REUSED] = "reused",
	[TCP_END_GAVE_WAY] = "gave_way",
	[TCP_END_KILLED] = "killed",
};

STATIC_ASSERT(COUNT_OF(end_name) == TCP_END_CNT, "each end has a name");

static struct {
	bool begun, wanted;
	uint64_t wire[WIRE_V_CNT], verdict[TCP_V_CNT], arrow[TCP_ARROW_CNT], ended[TCP_END_CNT];
	uint64_t stack[COUNT_OF(of_stack)], icmp[COUNT_OF(of_icmp)];
	uint64_t neigh[COUNT_OF(of_neigh)], tcp[COUNT_OF(of_tcp)];
} sum;

static void line(FILE *out, bool all, const char *group, const char *name, uint64_t count)
{
	if (all || count > 0)
		fprintf(out, "%s\t%s\t%" PRIu64 "\n", group, name, count);
}

static void fields(FILE *out, bool all, const char *group, const struct named *named, uint32_t cnt,
	const uint64_t *count)
{
	for (uint32_t i = 0; i < cnt; i++)
		line(out, all, group, named[i].name, count[i]);
}

static void lines(FILE *out, bool all)
{
	for (uint32_t i = 0; i < WIRE_V_CNT; i++)
		line(out, all, "wire", leat_wire_verdict_name((enum wire_verdict)i), sum.wire[i]);
	for (uint32_t i = 0; i < TCP_V_CNT; i++)
		line(out, all, "verdict", leat_tcp_verdict_name((enum tcp_verdict)i),
			sum.verdict[i]);
	for (uint32_t i = 0; i < TCP_ARROW_CNT; i++)
		line(out, all, "arrow", leat_tcp_arrow_name((enum tcp_arrow)i), sum.arrow[i]);
	for (uint32_t i = 1; i < TCP_END_CNT; i++)
		line(out, all, "ended", end_name[i], sum.ended[i]);
	fields(out, all, "stack", of_stack, COUNT_OF(of_stack), sum.stack);
	fields(out, all, "icmp", of_icmp, COUNT_OF(of_icmp), sum.icmp);
	fields(out, all, "neigh", of_neigh, COUNT_OF(of_neigh), sum.neigh);
	fields(out, all, "tcp", of_tcp, COUNT_OF(of_tcp), sum.tcp);
}

void leat_reach_names(FILE *out)
{
	lines(out, true);
}

static void at_exit(void)
{
	FILE *out = fopen(getenv("LEAT_REACH"), "a");

	if (!out)
		abort();
	lines(out, false);
	if (fclose(out) != 0)
		abort();
}

/* Is anybody to be told? */
static bool wanted(void)
{
	if (!sum.begun) {
		sum.begun = true;
		sum.wanted = getenv("LEAT_REACH") && atexit(at_exit) == 0;
	}
	return sum.wanted;
}

static void add(uint64_t *to, const struct named *named, uint32_t cnt, const void *from)
{
	for (uint32_t i = 0; i < cnt; i++) {
		uint64_t count;

		memcpy(&count, (const uint8_t *)from + named[i].at, sizeof(count));
		to[i] += count;
	}
}

void leat_reach_tcp(const struct tcp_counters *c)
{
	if (!wanted())
		return;
	for (uint32_t i = 0; i < TCP_V_CNT; i++)
		sum.verdict[i] += c->verdict[i];
	for (uint32_t i = 0; i < TCP_ARROW_CNT; i++)
		sum.arrow[i] += c->arrow[i];
	for (uint32_t i = 0; i < TCP_END_CNT; i++)
		sum.ended[i] += c->ended[i];
	add(sum.tcp, of_tcp, COUNT_OF(of_tcp), c);
}

void leat_reach_neigh(const struct inet_neigh_counters *c)
{
	if (!wanted())
		return;
	add(sum.neigh, of_neigh, COUNT_OF(of_neigh), c);
}

void leat_reach_wire(enum wire_verdict v)
{
	if (!wanted())
		return;
	sum.wire[v]++;
}

void leat_reach_stack(struct leat_stack *s)
{
	const struct stack_counters *c = leat_stack_counters(s);

	if (!wanted())
		return;
	leat_reach_tcp(leat_stack_tcp(s));
	leat_reach_neigh(leat_inet_neigh_counters(leat_stack_neigh(s)));
	for (uint32_t i = 0; i < WIRE_V_CNT; i++)
		sum.wire[i] += c->wire[i];
	add(sum.stack, of_stack, COUNT_OF(of_stack), c);
	add(sum.icmp, of_icmp, COUNT_OF(of_icmp), leat_stack_icmp(s));
}
