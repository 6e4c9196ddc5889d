/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim_end.h"

#include "base_assert.h"
#include "base_be.h"
#include "base_bits.h"
#include "base_time.h"

#include <string.h>

/* One end of a connection: its slot, its peer, and how it goes. */

#define RETRY_FOR (500 * TIME_MS)
#define TRIES_MAX 200

/* A connection that nobody planned: read to the end, then close. */
static const struct sim_side stray_side = {
	.rx_chunk = 4096, .rx_pause_at = UINT32_MAX, .close = SIM_CLOSE_EOF};

struct leat_stack *leat_sim_end_stack(struct sim_world *w, const struct sim_end *e)
{
	return w->host[e->host].shard[e->shard].stack;
}

/* Slots are used in turn, so that an end that is over can still be asked for long. */
struct sim_end *leat_sim_end_new(struct sim_world *w, uint32_t host, uint32_t shard)
{
	for (uint32_t i = 0; i < SIM_END_MAX; i++) {
		uint32_t at = (uint32_t)((w->serial + i) % SIM_END_MAX);
		struct sim_end *e = &w->end[at];

		if (e->used)
			continue;
		w->serial += i + 1;
		*e = (struct sim_end){.used = true, .host = (uint8_t)host, .shard = (uint8_t)shard};
		e->serial = w->serial * SIM_END_MAX + at;
		e->peer_idx = SIM_NO_PEER;
		e->flow = SIM_NO_FLOW;
		e->side = &stray_side;
		w->end_cnt = u32_max(w->end_cnt, at + 1);
		w->ends_used++;
		return e;
	}
	return NULL;
}

uint32_t leat_sim_end_expected(const struct sim_world *w, const struct sim_end *e)
{
	if (e->flow == SIM_NO_FLOW)
		return 0;
	return w->plan.flow[e->flow].side[e->side == &w->plan.flow[e->flow].side[0]].tx_octets;
}

bool leat_sim_graceful(const char *how)
{
	return !how || strcmp(how, "time-wait over") == 0 || strcmp(how, "closed") == 0 ||
	       strcmp(how, "time-wait, reused") == 0;
}

static void next_incarnation(struct sim_world *w, const struct sim_end *e)
{
	struct sim_outcome *o = &w->outcome[e->flow];

	if (o->left == 0)
		return;
	leat_sim_at(w, (struct sim_event){.at = w->now + w->plan.flow[e->flow].gap,
			       .kind = SIM_EVENT_FLOW,
			       .arg = e->flow});
}

/* With the text of RFC 9293 3.10.7.4 in force, a reset may end TIME-WAIT: all was said by then. */
static bool ended_well(const struct sim_world *w, const struct sim_end *e)
{
	const struct tcp_knobs *k = &w->plan.host[e->host].config.knobs;

	return leat_sim_graceful(e->how) || (e->eof && e->shut && k->rst_ends_time_wait);
}

/* How far the others are when the first of them is done. */
static void note_first(struct sim_world *w, const struct sim_end *first)
{
	if (w->one_done)
		return;
	w->one_done = true;
	w->least_rx = first->rx_done;
	for (uint32_t i = 0; i < w->end_cnt; i++) {
		const struct sim_end *e = &w->end[i];

		if (e->used && e->server && e->flow != SIM_NO_FLOW)
			w->least_rx = u64_min(w->least_rx, e->rx_done);
	}
}

/* over: the program is done with it; what it learned stays in the slot until it is used again. */
void leat_sim_end_over(struct sim_world *w, struct sim_end *e)
{
	bool complete = e->tx_done == e->side->tx_octets &&
			e->rx_done == leat_sim_end_expected(w, e) && ended_well(w, e) && !e->dead &&
			!e->aborted;

	if (!e->used)
		return;
	e->used = false;
	e->over = true;
	e->over_at = w->now;
	w->ends_used--;
	leat_sim_digest(w, e->serial ^ e->rx_done << 20 ^ e->tx_done);
	if (w->trace)
		fprintf(w->trace,
			"%14.6f host%u   end %u of flow %d, port %u: %s%s, wrote %u, read %u\n",
			(double)(w->now - w->plan.epoch) / 1e9, e->host, sim_end_idx(w, e),
			(int)e->flow, e->local.port, complete ? "complete, " : "",
			e->how ? e->how : "let go", (uint32_t)e->tx_done, (uint32_t)e->rx_done);
	if (e->flow == SIM_NO_FLOW)
		return;
	w->last_at = w->now - w->plan.epoch;
	if (e->server && complete)
		note_first(w, e);
	if (e->server)
		return;
	struct sim_outcome *o = &w->outcome[e->flow];
	o->complete += complete;
	o->failed += !complete;
	/* Where records are few, others may have had them all. */
	bool once_more = !complete && w->plan.style == SIM_STYLE_FAMINE && w->calm &&
			 ++o->tries < TRIES_MAX && e->how &&
			 (strcmp(e->how, "timeout") == 0 || strcmp(e->how, "refused") == 0);
	o->left += once_more;
	o->failed -= once_more;
	next_incarnation(w, e);
}

void leat_sim_must(struct sim_world *w, int got, int want, const char *call)
{
	if (got != want)
		leat_sim_fail(w, "call: %s said \"%s\", not \"%s\"", call, leat_error_text(got),
			leat_error_text(want));
}

void leat_sim_end_close(struct sim_world *w, struct sim_end *e)
{
	leat_sim_must(w, leat_close(leat_sim_end_stack(w, e), e->conn), LEAT_OK, "leat_close");
	leat_sim_misuse_stale(w, e);
	leat_sim_end_over(w, e);
}

void leat_sim_end_abort(struct sim_world *w, struct sim_end *e)
{
	e->aborted = true;
	leat_sim_must(w, leat_abort(leat_sim_end_stack(w, e), e->conn), LEAT_OK, "leat_abort");
	leat_sim_misuse_stale(w, e);
	w->stats.resets++;
	leat_sim_end_over(w, e);
}

struct sim_end *leat_sim_end_peer(struct sim_world *w, const struct sim_end *e)
{
	struct sim_end *p = e->peer_idx != SIM_NO_PEER ? &w->end[e->peer_idx] : NULL;

	return p && (e->peer_serial == 0 || p->serial == e->peer_serial) ? p : NULL;
}

void leat_sim_end_arm(struct sim_world *w, struct sim_end *e, uint64_t at)
{
	if (e->gap_armed)
		return;
	e->gap_armed = true;
	leat_sim_at(
		w, (struct sim_event){.at = at, .kind = SIM_EVENT_END, .arg = sim_end_idx(w, e)});
}

void leat_sim_flow_later(struct sim_world *w, uint32_t flow)
{
	struct sim_outcome *o = &w->outcome[flow];
	uint64_t wait = w->plan.retry_for;

	/* In the calm others have the records for as long as they live; a try costs nothing. */
	if (wait == 0 && !w->calm && ++o->tries > TRIES_MAX) {
		o->left = 0;
		return;
	}
	leat_sim_at(w, (struct sim_event){.at = w->now + (wait ? wait : RETRY_FOR),
			       .kind = SIM_EVENT_FLOW,
			       .arg = flow});
}
