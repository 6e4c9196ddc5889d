/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim_end.h"

#include "base_assert.h"
#include "base_be.h"
#include "base_bits.h"
#include "base_time.h"

#include <string.h>

/* Listeners, connections that begin, and to which flow they belong. */

#define RETRY_FOR (500 * TIME_MS)

static struct leat_addr addr_out(struct ip ip, uint16_t port)
{
	struct leat_addr a = {.family = ip_is4(ip) ? 4 : 6, .port = port};

	if (a.family == 4) {
		be32_put(a.octet, ip_to4(ip));
	} else {
		be64_put(a.octet, ip.hi);
		be64_put(a.octet + 8, ip.lo);
	}
	return a;
}

void leat_sim_work_init(struct sim_world *w)
{
	w->serial = 1 + w->plan.seed % 1000;
}

static bool listens(const struct sim_world *w, uint32_t host)
{
	for (uint32_t i = 0; i < w->plan.flow_cnt; i++)
		if (w->plan.flow[i].server == host)
			return true;
	return false;
}

void leat_sim_work_listen(struct sim_world *w, uint32_t host, uint32_t shard)
{
	struct leat_addr local = {.port = SIM_SERVER_PORT};
	struct sim_shard *s = &w->host[host].shard[shard];

	if (!listens(w, host) || !s->stack || s->listener.id != 0)
		return;
	int error = leat_listen(s->stack, &local, w->plan.host[host].backlog, &s->listener);
	if (error == LEAT_ERR_FULL) { /* no record now: later */
		s->listener.id = 0;
		leat_sim_at(w, (struct sim_event){.at = w->now + RETRY_FOR,
				       .kind = SIM_EVENT_LISTEN,
				       .host = (uint8_t)host,
				       .shard = (uint8_t)shard});
		return;
	}
	leat_sim_must(w, error, LEAT_OK, "leat_listen");
}

void leat_sim_work_deaf(struct sim_world *w, uint32_t host, bool abort)
{
	for (uint32_t i = 0; i < w->plan.host[host].shards; i++) {
		struct sim_shard *s = &w->host[host].shard[i];
		struct leat_conn listener = s->listener;

		if (!s->stack || listener.id == 0)
			continue;
		leat_stack_set_now(s->stack, w->now + s->ahead);
		s->listener.id = 0;
		if (abort)
			leat_sim_must(
				w, leat_abort(s->stack, listener), LEAT_OK, "abort of a listener");
		else
			leat_sim_must(
				w, leat_close(s->stack, listener), LEAT_OK, "close of a listener");
		leat_sim_host_want(w, host, i, w->now);
	}
}

static bool refusal_is_fair(int error)
{
	return error == LEAT_ERR_FULL || error == LEAT_ERR_WAITING || error == LEAT_ERR_NO_PORT ||
	       error == LEAT_ERR_IN_USE;
}

static void set_options(struct sim_world *w, const struct sim_end *e)
{
	struct leat_stack *s = leat_sim_end_stack(w, e);
	const struct sim_side *side = e->side;

	if (side->nodelay)
		leat_sim_must(w, leat_nodelay(s, e->conn, true), LEAT_OK, "leat_nodelay");
	if (side->keepalive)
		leat_sim_must(w, leat_keepalive(s, e->conn, true), LEAT_OK, "leat_keepalive");
	if (side->user_timeout > 0)
		leat_sim_must(w, leat_user_timeout(s, e->conn, side->user_timeout), LEAT_OK,
			"leat_user_timeout");
}

/* One end of flow begins to connect; false: not now. */
static bool open_end(struct sim_world *w, uint32_t flow, bool first)
{
	const struct sim_flow *f = &w->plan.flow[flow];
	uint32_t host = first ? f->client : f->server;
	uint32_t shard = first ? f->shard : 0;
	struct sim_shard *s = leat_sim_shard(w, host, shard);
	uint16_t lport = first ? f->lport : f->rport, rport = first ? f->rport : f->lport;
	struct ip remote =
		leat_sim_host_addr(w, first ? f->server : f->client, first ? 0 : f->shard);
	struct leat_addr local = addr_out(leat_sim_host_addr(w, host, shard), lport);
	struct leat_info info;

	if (first && !f->both)
		remote = w->host[f->server].addr;
	if (!s->stack || w->now < s->stalled_until)
		return false;
	struct sim_end *e = leat_sim_end_new(w, host, shard);
	if (!e)
		return false;
	e->flow = flow;
	e->side = &f->side[!first];
	e->server = !first;
	leat_prng_seed(&e->prng, f->seed + w->outcome[flow].opened + !first);
	leat_stack_set_now(s->stack, w->now + s->ahead);
	if (w->plan.iss_forced)
		leat_tcp_iss_force(
			leat_stack_engine(s->stack), UINT32_MAX - leat_prng_below(&w->prng, 4096));
	struct leat_addr to = addr_out(remote, rport);
	e->listening = first && f->promote;
	int error = e->listening ? leat_listen_from(s->stack, &local, &to, &e->conn)
				 : leat_connect(s->stack, &local, &to, &e->conn);
	if (error != LEAT_OK) {
		e->used = false;
		w->ends_used--;
		if (!refusal_is_fair(error))
			leat_sim_must(w, error, LEAT_OK, "leat_connect");
		return false;
	}
	w->stats.connects++;
	leat_sim_must(w, leat_info(s->stack, e->conn, &info), LEAT_OK, "leat_info");
	e->local = info.local;
	e->remote = info.remote;
	leat_sim_must(w, leat_set_user(s->stack, e->conn, e->serial), LEAT_OK, "leat_set_user");
	set_options(w, e);
	if (e->side->end_after > 0)
		e->end_at = w->now + e->side->end_after;
	leat_sim_end_step(w, e);
	leat_sim_host_poll(w, host, shard);
	return true;
}

void leat_sim_work_open(struct sim_world *w, uint32_t flow)
{
	struct sim_outcome *o = &w->outcome[flow];

	if (o->left == 0)
		return;
	o->left--;
	o->opened++;
	if (!open_end(w, flow, true)) {
		o->left++;
		o->opened--;
		o->refused++;
		leat_sim_flow_later(w, flow);
		return;
	}
	if (w->plan.flow[flow].both)
		open_end(w, flow, false);
}

/* The flow that a stranger's SYN belongs to, by where it comes from. */
void leat_sim_open_accepted(
	struct sim_world *w, uint32_t host, uint32_t shard, struct leat_conn conn)
{
	struct leat_stack *s = w->host[host].shard[shard].stack;
	struct sim_end *e = leat_sim_end_new(w, host, shard);
	const struct sim_end *best = NULL;
	struct leat_info info;

	w->stats.accepts++;
	if (!e) {
		leat_sim_must(w, leat_abort(s, conn), LEAT_OK, "leat_abort");
		return;
	}
	e->server = true;
	e->connected = true;
	e->conn = conn;
	leat_sim_must(w, leat_info(s, conn, &info), LEAT_OK, "leat_info");
	e->local = info.local;
	e->remote = info.remote;
	leat_sim_must(w, leat_set_user(s, conn, e->serial), LEAT_OK, "leat_set_user");
	for (uint32_t i = 0; i < w->end_cnt; i++) {
		const struct sim_end *c = &w->end[i];

		if (!c->server && c->serial > 0 && sim_addr_eq(&c->local, &e->remote) &&
			sim_addr_eq(&c->remote, &e->local) && (!best || c->serial > best->serial))
			best = c;
	}
	if (!best) {
		if (!w->forged)
			leat_sim_fail(w, "33 a connection with nobody (port %u)", e->remote.port);
		return;
	}
	if (w->trace)
		fprintf(w->trace, "%14.6f host%u   end %u accepted, of end %u, flow %u\n",
			(double)(w->now - w->plan.epoch) / 1e9, host, sim_end_idx(w, e),
			sim_end_idx(w, best), best->flow);
	e->flow = best->flow;
	e->side = &w->plan.flow[best->flow].side[1];
	leat_prng_seed(&e->prng, w->plan.flow[best->flow].seed + best->rx_done);
	set_options(w, e);
	if (e->side->end_after > 0)
		e->end_at = w->now + e->side->end_after;
}
