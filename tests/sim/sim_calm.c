/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim_end.h"

#include "base_assert.h"
#include "base_be.h"
#include "base_bits.h"
#include "base_time.h"

#include <string.h>

/* When a host loses its memory, when the faults are over, and when everything is. */

void leat_sim_work_lost(struct sim_world *w, uint32_t host)
{
	for (uint32_t i = 0; i < w->end_cnt; i++) {
		struct sim_end *e = &w->end[i];

		if (!e->used || e->host != host)
			continue;
		e->dead = true;
		leat_sim_end_over(w, e);
	}
}

void leat_sim_work_calm(struct sim_world *w)
{
	for (uint32_t i = 0; i < w->end_cnt; i++)
		if (w->end[i].used)
			leat_sim_end_arm(w, &w->end[i], w->now);
}

/* Is there somebody at the other side who should have ended this connection? */
static bool has_live_peer(struct sim_world *w, const struct sim_end *e)
{
	for (uint32_t i = 0; i < w->end_cnt; i++) {
		const struct sim_end *p = &w->end[i];

		if (p->used && sim_addr_eq(&p->local, &e->remote) &&
			sim_addr_eq(&p->remote, &e->local))
			return true;
	}
	return false;
}

static bool peer_closed_well(struct sim_world *w, const struct sim_end *e)
{
	const struct sim_end *p = leat_sim_end_peer(w, e);

	/* One that was let go while there were faults may have given up since. */
	return p && p->over && p->over_at >= w->calm_at && p->shut && !p->dead && !p->aborted &&
	       leat_sim_graceful(p->how);
}

/* 29: the reader took all there was, also after a long rest, and the writer has more. */
static bool waits_to_write(struct sim_world *w, const struct sim_end *e)
{
	const struct sim_end *p = leat_sim_end_peer(w, e);

	return p && p->used && e->connected && !e->shut && !e->reset &&
	       e->tx_done < e->side->tx_octets && e->rx_done >= e->side->tx_after_rx;
}

void leat_sim_work_overdue(struct sim_world *w)
{
	for (uint32_t i = 0; i < w->end_cnt; i++) {
		struct sim_end *e = &w->end[i];
		struct sim_shard *s = &w->host[e->host].shard[e->shard];

		if (!e->used)
			continue;
		leat_stack_set_now(s->stack, w->now + s->ahead);
		if (!w->forged && (has_live_peer(w, e) || peer_closed_well(w, e)))
			leat_sim_fail(w, "%s (end %u of flow %d, port %u, wrote %llu, read %llu)",
				waits_to_write(w, e)
					? "29 a writer that waits, though its reader reads"
					: "27 a connection that does not end",
				i, (int)e->flow, e->local.port, (unsigned long long)e->tx_done,
				(unsigned long long)e->rx_done);
		leat_sim_end_abort(w, e); /* as a program does that waited long enough */
		leat_sim_host_poll(w, e->host, e->shard);
	}
}

/* 30: what was opened after all faults were over must have come to its good end. */
static void check_outcomes(struct sim_world *w)
{
	for (uint32_t i = 0; i < w->plan.flow_cnt; i++) {
		const struct sim_flow *f = &w->plan.flow[i];
		const struct sim_outcome *o = &w->outcome[i];
		bool clean = f->start > w->plan.faults_until || w->plan.style == SIM_STYLE_NONE;
		bool ends_well = !f->closed_port && !f->both && f->side[0].close < SIM_CLOSE_LATE &&
				 f->side[1].close < SIM_CLOSE_LATE &&
				 f->side[0].end_after + f->side[1].end_after == 0;

		if (!(w->plan.flow_mask >> i & 1) || !ends_well)
			continue;
		if (w->meddling ? w->meddling->golden : clean && o->failed > 0)
			if (o->failed > 0 || o->complete == 0)
				leat_sim_fail(w, "30 flow %u is not complete: %u well, %u not", i,
					o->complete, o->failed);
		if (clean && o->left > 0)
			leat_sim_fail(w, "30 flow %u was not opened %u times", i, o->left);
	}
}

void leat_sim_work_finish(struct sim_world *w)
{
	leat_sim_work_overdue(w);
	check_outcomes(w);
}
