/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim.h"

#include "base_assert.h"
#include "base_be.h"
#include "base_bits.h"
#include "base_time.h"

#include <string.h>

/* The programs: what each end of a connection writes, reads and when it closes. */

#define CHUNK_MAX   16384
#define STEPS_MAX   512 /* reads or writes of one end in one turn */
#define RETRY_FOR   (500 * TIME_MS)
#define TRIES_MAX   200
#define NEVER_RX    UINT32_MAX
#define HEAD_OCTETS 8
#define NO_FLOW     UINT32_MAX
#define NO_PEER     UINT32_MAX

/* A connection that nobody planned: read to the end, then close. */
static const struct sim_side stray_side = {
	.rx_chunk = 4096, .rx_pause_at = NEVER_RX, .close = SIM_CLOSE_EOF};

static struct leat_stack *stack_of(struct sim_world *w, const struct sim_end *e)
{
	return w->host[e->host].shard[e->shard].stack;
}

static uint32_t idx_of(const struct sim_world *w, const struct sim_end *e)
{
	return (uint32_t)(e - w->end);
}

/* Slots are used in turn, so that an end that is over can still be asked for long. */
static struct sim_end *end_new(struct sim_world *w, uint32_t host, uint32_t shard)
{
	for (uint32_t i = 0; i < SIM_END_MAX; i++) {
		uint32_t at = (uint32_t)((w->serial + i) % SIM_END_MAX);
		struct sim_end *e = &w->end[at];

		if (e->used)
			continue;
		w->serial += i + 1;
		*e = (struct sim_end){.used = true, .host = (uint8_t)host, .shard = (uint8_t)shard};
		e->serial = w->serial * SIM_END_MAX + at;
		e->peer_idx = NO_PEER;
		e->flow = NO_FLOW;
		e->side = &stray_side;
		w->end_cnt = u32_max(w->end_cnt, at + 1);
		w->ends_used++;
		return e;
	}
	return NULL;
}

static bool addr_eq(const struct leat_addr *a, const struct leat_addr *b)
{
	return a->family == b->family && a->port == b->port &&
	       memcmp(a->octet, b->octet, a->family == 4 ? 4 : 16) == 0;
}

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

static uint32_t expected(const struct sim_world *w, const struct sim_end *e)
{
	if (e->flow == NO_FLOW)
		return 0;
	return w->plan.flow[e->flow].side[e->side == &w->plan.flow[e->flow].side[0]].tx_octets;
}

/* ---- the end of an end ---- */

static bool graceful(const char *how)
{
	return !how || strcmp(how, "time-wait over") == 0 || strcmp(how, "closed") == 0;
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

/* over: the program is done with it; what it learned stays in the slot until it is used again. */
static void over(struct sim_world *w, struct sim_end *e)
{
	bool complete = e->tx_done == e->side->tx_octets && e->rx_done == expected(w, e) &&
			graceful(e->how) && !e->dead && !e->aborted;

	if (!e->used)
		return;
	e->used = false;
	e->over = true;
	e->over_at = w->now;
	w->ends_used--;
	leat_sim_digest(w, e->serial ^ e->rx_done << 20 ^ e->tx_done);
	if (w->trace)
		fprintf(w->trace, "%14.6f host%u   end %u of flow %d, port %u: %s%s, wrote %u, read %u\n",
			(double)(w->now - w->plan.epoch) / 1e9, e->host, idx_of(w, e), (int)e->flow,
			e->local.port, complete ? "complete, " : "", e->how ? e->how : "let go",
			(uint32_t)e->tx_done, (uint32_t)e->rx_done);
	if (e->flow == NO_FLOW || e->server)
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

static void must(struct sim_world *w, int got, int want, const char *call)
{
	if (got != want)
		leat_sim_fail(w, "call: %s said \"%s\", not \"%s\"", call, leat_error_text(got),
			leat_error_text(want));
}

static void close_both(struct sim_world *w, struct sim_end *e)
{
	must(w, leat_close(stack_of(w, e), e->conn), LEAT_OK, "leat_close");
	leat_sim_misuse_stale(w, e);
	over(w, e);
}

static void abort_it(struct sim_world *w, struct sim_end *e)
{
	e->aborted = true;
	must(w, leat_abort(stack_of(w, e), e->conn), LEAT_OK, "leat_abort");
	leat_sim_misuse_stale(w, e);
	w->stats.resets++;
	over(w, e);
}

/* ---- reading ---- */

/* 2: whose octets are these?  The peer's serial number stands at the head of its stream. */
static void meet(struct sim_world *w, struct sim_end *e)
{
	uint64_t serial = be64_get(e->head);
	struct sim_end *p = &w->end[serial % SIM_END_MAX];

	e->peer_serial = serial;
	if (w->forged)
		return;
	if (serial / SIM_END_MAX > w->serial || serial == e->serial)
		leat_sim_fail(w, "2 a stream that nobody wrote (serial %llx)",
			(unsigned long long)serial);
	if (p->serial != serial)
		return; /* its slot serves another by now */
	if (!addr_eq(&p->local, &e->remote) || !addr_eq(&p->remote, &e->local))
		leat_sim_fail(w, "2 the stream of another connection (end %u reads of %u)",
			idx_of(w, e), idx_of(w, p));
	if (p->peer_idx != NO_PEER && p->peer_idx != idx_of(w, e))
		leat_sim_fail(w, "2 a stream that two connections read");
	p->peer_idx = idx_of(w, e);
	e->peer_idx = idx_of(w, p);
}

static struct sim_end *peer_of(struct sim_world *w, const struct sim_end *e)
{
	struct sim_end *p = e->peer_idx != NO_PEER ? &w->end[e->peer_idx] : NULL;

	return p && (e->peer_serial == 0 || p->serial == e->peer_serial) ? p : NULL;
}

/* 1: what is delivered is what was written, in order, once. */
static void got(struct sim_world *w, struct sim_end *e, const uint8_t *data, uint32_t octets)
{
	uint64_t at = e->rx_done;

	w->stats.octets += octets;
	e->rx_done += octets;
	while (at < HEAD_OCTETS && octets > 0) {
		e->head[at++] = *data++;
		octets--;
		if (at == HEAD_OCTETS)
			meet(w, e);
	}
	if (w->forged)
		return;
	if (octets > 0 && !leat_sim_stream_is(e->peer_serial, at, data, octets))
		leat_sim_fail(w, "1 other octets than were written, at %llu of end %u",
			(unsigned long long)at, idx_of(w, e));
	const struct sim_end *p = peer_of(w, e);
	if (p && e->rx_done > p->tx_done)
		leat_sim_fail(w, "1 more octets than were written");
}

/* 3: the end of the stream comes after all of it, and only when the peer closed. */
static void got_eof(struct sim_world *w, struct sim_end *e)
{
	const struct sim_end *p = peer_of(w, e);

	e->eof = true;
	leat_sim_digest(w, e->serial);
	if (w->forged)
		return;
	if (p && (!p->shut || e->rx_done != p->tx_done))
		leat_sim_fail(w, "3 EOF after %llu octets of %llu, of a peer that %s",
			(unsigned long long)e->rx_done, (unsigned long long)p->tx_done,
			p->shut ? "closed" : "did not close");
	if (p || e->rx_done > 0)
		return;
	for (uint32_t i = 0; i < w->end_cnt; i++) {
		p = &w->end[i];
		if (p->shut && p->tx_done == 0 && addr_eq(&p->local, &e->remote) &&
			addr_eq(&p->remote, &e->local))
			return;
	}
	leat_sim_fail(w, "3 EOF of a stream that nobody closed (end %u)", idx_of(w, e));
}

static int64_t read_some(struct sim_world *w, struct sim_end *e, uint32_t most)
{
	struct leat_stack *s = stack_of(w, e);
	const uint8_t *piece;
	uint8_t data[CHUNK_MAX];
	int64_t n;

	if (!e->side->peek) {
		n = leat_recv(s, e->conn, data, most);
		if (n > 0)
			got(w, e, data, (uint32_t)n);
		return n;
	}
	n = leat_peek(s, e->conn, &piece);
	if (n > most)
		n = most;
	if (n > 0) {
		got(w, e, piece, (uint32_t)n);
		must(w, leat_take(s, e->conn, (size_t)n), LEAT_OK, "leat_take");
	}
	return n;
}

static void arm(struct sim_world *w, struct sim_end *e, uint64_t at)
{
	if (e->gap_armed)
		return;
	e->gap_armed = true;
	leat_sim_at(w, (struct sim_event){.at = at,
			       .kind = SIM_EVENT_END,
			       .arg = idx_of(w, e)});
}

static void do_read(struct sim_world *w, struct sim_end *e)
{
	const struct sim_side *side = e->side;

	if (e->listening && !e->connected)
		return;
	for (uint32_t steps = 0; !e->eof && !e->reset; steps++) {
		uint32_t most = u32_min(side->rx_chunk, CHUNK_MAX);

		if (!w->calm && e->rx_done >= side->rx_pause_at)
			return;
		if (w->now < e->rx_next_at || steps == STEPS_MAX) {
			arm(w, e, u64_max(e->rx_next_at, w->now + 1));
			return;
		}
		int64_t n = read_some(w, e, most);
		if (n == LEAT_ERR_AGAIN)
			return;
		if (n == 0)
			got_eof(w, e);
		else if (n == LEAT_ERR_STATE)
			e->reset = true;
		else if (n < 0)
			must(w, (int)n, LEAT_OK, "leat_recv");
		else if (side->rx_gap > 0 && !w->calm)
			e->rx_next_at = w->now + side->rx_gap;
	}
}

/* ---- writing ---- */

static void fill(void *arg, uint64_t offset, uint8_t *dst, uint32_t octets)
{
	leat_sim_stream_fill((uint64_t)(uintptr_t)arg, offset, dst, octets);
}

static int64_t write_some(struct sim_world *w, struct sim_end *e, uint32_t octets)
{
	struct leat_stack *s = stack_of(w, e);
	uint8_t data[CHUNK_MAX];

	if (e->side->source) {
		struct leat_source source = {fill, (void *)(uintptr_t)e->serial};
		int error = leat_send_source(s, e->conn, &source, octets);

		return error == LEAT_OK ? (int64_t)octets : error;
	}
	leat_sim_stream_fill(e->serial, e->tx_done, data, octets);
	return leat_send(s, e->conn, data, octets);
}

static bool may_write(const struct sim_end *e)
{
	if (!e->connected && !(e->side->early && !e->server))
		return false;
	if (e->side->tx_after_rx == NEVER_RX)
		return e->eof;
	return e->rx_done >= e->side->tx_after_rx;
}

/* The pool of chunks belongs to all connections: when another one has them all, no event tells
 * us that there are some again. */
static bool room_comes(struct sim_world *w, const struct sim_end *e)
{
	struct leat_info info;

	if (leat_info(stack_of(w, e), e->conn, &info) != LEAT_OK)
		return true;
	return e->tx_done > info.snd_una;
}

static void do_write(struct sim_world *w, struct sim_end *e)
{
	const struct sim_side *side = e->side;

	for (uint32_t steps = 0; e->tx_done < side->tx_octets && may_write(e); steps++) {
		uint32_t left = side->tx_octets - (uint32_t)e->tx_done;
		uint32_t octets = u32_min(u32_min(left, side->tx_chunk), CHUNK_MAX);

		if (w->now < e->tx_next_at || steps == STEPS_MAX) {
			arm(w, e, u64_max(e->tx_next_at, w->now + 1));
			return;
		}
		if (e->shut || e->reset || e->closed_seen)
			return;
		int64_t n = write_some(w, e, octets);
		if (n == LEAT_ERR_AGAIN) {
			if (!room_comes(w, e))
				arm(w, e, w->now + RETRY_FOR);
			return;
		}
		if (n == LEAT_ERR_IN_USE && e->listening) {
			e->refused = true; /* the tuple rests in TIME-WAIT, or another has it */
			return;
		}
		if (n == LEAT_ERR_STATE) { /* it ended, and the event is on its way */
			e->reset = true;
			return;
		}
		if (n <= 0 || n > octets)
			leat_sim_fail(w, "call: leat_send took %lld of %u", (long long)n, octets);
		e->tx_done += (uint64_t)n;
		if (side->tx_gap > 0)
			e->tx_next_at = w->now + side->tx_gap;
	}
}

/* ---- closing ---- */

static void shut(struct sim_world *w, struct sim_end *e)
{
	int error = leat_shutdown(stack_of(w, e), e->conn);

	if (e->shut)
		return;
	if (error == LEAT_ERR_STATE) {
		e->reset = true;
		return;
	}
	must(w, error, LEAT_OK, "leat_shutdown");
	e->shut = true;
}

/* The program loses its patience, whatever state the connection is in. */
static bool end_now(struct sim_world *w, struct sim_end *e)
{
	if (e->end_at == 0 || e->closed_seen)
		return false;
	if (w->now < e->end_at) {
		arm(w, e, e->end_at);
		return false;
	}
	e->shut = true; /* as far as it could */
	if (e->side->end_by_abort) {
		abort_it(w, e);
	} else {
		e->aborted = true; /* with unread text it is one */
		close_both(w, e);
	}
	return true;
}

static void do_close(struct sim_world *w, struct sim_end *e)
{
	const struct sim_side *side = e->side;
	bool written = e->tx_done == side->tx_octets && e->connected;
	bool read = e->rx_done >= expected(w, e);

	if (end_now(w, e))
		return;
	if (side->close == SIM_CLOSE_ABORT && e->tx_done >= side->abort_at && e->connected) {
		abort_it(w, e);
		return;
	}
	if (side->close == SIM_CLOSE_FULL && written && read) {
		e->shut = true;
		close_both(w, e);
		return;
	}
	if (!e->shut && !e->reset && written &&
		(side->close == SIM_CLOSE_TX || (side->close == SIM_CLOSE_RX && read) ||
			(e->eof && side->close != SIM_CLOSE_LATE) || w->calm))
		shut(w, e);
	if (e->shut && e->eof && !side->lazy && !e->closed_seen)
		close_both(w, e);
}

static void release(struct sim_world *w, struct sim_end *e)
{
	struct leat_info info;

	must(w, leat_info(stack_of(w, e), e->conn, &info), LEAT_OK, "leat_info");
	e->how = info.end;
	if (info.unread > 0 && graceful(info.end) && !e->reset && !e->eof)
		return; /* there is more to read first */
	must(w, leat_release(stack_of(w, e), e->conn), LEAT_OK, "leat_release");
	leat_sim_misuse_stale(w, e);
	over(w, e);
}

static void again_later(struct sim_world *w, uint32_t flow)
{
	struct sim_outcome *o = &w->outcome[flow];

	if (++o->tries > TRIES_MAX && !w->calm) {
		o->left = 0;
		return;
	}
	leat_sim_at(w, (struct sim_event){
			       .at = w->now + RETRY_FOR, .kind = SIM_EVENT_FLOW, .arg = flow});
}

/* step lets one end do all it can do now. */
static void step(struct sim_world *w, struct sim_end *e)
{
	if (w->plan.misuse > 0 && leat_prng_chance(&e->prng, w->plan.misuse))
		leat_sim_misuse(w, e);
	do_read(w, e);
	do_write(w, e);
	if (e->refused) {
		must(w, leat_close(stack_of(w, e), e->conn), LEAT_OK, "leat_close");
		e->used = false;
		e->serial = 0; /* it never was */
		w->ends_used--;
		w->outcome[e->flow].left++;
		w->outcome[e->flow].opened--;
		again_later(w, e->flow);
		return;
	}
	do_close(w, e);
	if (e->used && e->closed_seen)
		release(w, e);
}

void leat_sim_work_go(struct sim_world *w, uint32_t end)
{
	struct sim_end *e = &w->end[end];
	struct sim_shard *s = &w->host[e->host].shard[e->shard];

	e->gap_armed = false;
	if (!e->used || !s->stack)
		return;
	if (w->now < s->stalled_until) {
		arm(w, e, s->stalled_until);
		return;
	}
	leat_stack_set_now(s->stack, w->now + s->ahead);
	step(w, e);
	leat_sim_host_poll(w, e->host, e->shard);
}

/* ---- opening ---- */

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
	must(w, error, LEAT_OK, "leat_listen");
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
			must(w, leat_abort(s->stack, listener), LEAT_OK, "abort of a listener");
		else
			must(w, leat_close(s->stack, listener), LEAT_OK, "close of a listener");
		leat_sim_host_want(w, host, i, w->now);
	}
}

static bool refusal_is_fair(int error)
{
	return error == LEAT_ERR_FULL || error == LEAT_ERR_NO_PORT || error == LEAT_ERR_IN_USE;
}

/* One end of flow begins to connect; false: not now. */
static bool open_end(struct sim_world *w, uint32_t flow, bool first)
{
	const struct sim_flow *f = &w->plan.flow[flow];
	uint32_t host = first ? f->client : f->server;
	uint32_t shard = first ? f->shard : 0;
	struct sim_shard *s = leat_sim_shard(w, host, shard);
	uint16_t lport = first ? f->lport : f->rport, rport = first ? f->rport : f->lport;
	struct ip remote = leat_sim_host_addr(w, first ? f->server : f->client, first ? 0 : f->shard);
	struct leat_addr local = addr_out(leat_sim_host_addr(w, host, shard), lport);
	struct leat_info info;

	if (first && !f->both)
		remote = w->host[f->server].addr;
	if (!s->stack || w->now < s->stalled_until)
		return false;
	struct sim_end *e = end_new(w, host, shard);
	if (!e)
		return false;
	e->flow = flow;
	e->side = &f->side[!first];
	e->server = !first;
	leat_prng_seed(&e->prng, f->seed + w->outcome[flow].opened + !first);
	leat_stack_set_now(s->stack, w->now + s->ahead);
	if (w->plan.iss_forced)
		leat_tcp_iss_force(leat_stack_engine(s->stack),
			UINT32_MAX - leat_prng_below(&w->prng, 4096));
	struct leat_addr to = addr_out(remote, rport);
	e->listening = first && f->promote;
	int error = e->listening ? leat_listen_from(s->stack, &local, &to, &e->conn)
				 : leat_connect(s->stack, &local, &to, &e->conn);
	if (error != LEAT_OK) {
		e->used = false;
		w->ends_used--;
		if (!refusal_is_fair(error))
			must(w, error, LEAT_OK, "leat_connect");
		return false;
	}
	w->stats.connects++;
	must(w, leat_info(s->stack, e->conn, &info), LEAT_OK, "leat_info");
	e->local = info.local;
	e->remote = info.remote;
	must(w, leat_set_user(s->stack, e->conn, e->serial), LEAT_OK, "leat_set_user");
	if (e->side->nodelay)
		must(w, leat_nodelay(s->stack, e->conn, true), LEAT_OK, "leat_nodelay");
	if (e->side->end_after > 0)
		e->end_at = w->now + e->side->end_after;
	step(w, e);
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
		again_later(w, flow);
		return;
	}
	if (w->plan.flow[flow].both)
		open_end(w, flow, false);
}

/* The flow that a stranger's SYN belongs to, by where it comes from. */
static void accepted(struct sim_world *w, uint32_t host, uint32_t shard, struct leat_conn conn)
{
	struct leat_stack *s = w->host[host].shard[shard].stack;
	struct sim_end *e = end_new(w, host, shard);
	const struct sim_end *best = NULL;
	struct leat_info info;

	w->stats.accepts++;
	if (!e) {
		must(w, leat_abort(s, conn), LEAT_OK, "leat_abort");
		return;
	}
	e->server = true;
	e->connected = true;
	e->conn = conn;
	must(w, leat_info(s, conn, &info), LEAT_OK, "leat_info");
	e->local = info.local;
	e->remote = info.remote;
	must(w, leat_set_user(s, conn, e->serial), LEAT_OK, "leat_set_user");
	for (uint32_t i = 0; i < w->end_cnt; i++) {
		const struct sim_end *c = &w->end[i];

		if (!c->server && c->serial > 0 && addr_eq(&c->local, &e->remote) &&
			addr_eq(&c->remote, &e->local) && (!best || c->serial > best->serial))
			best = c;
	}
	if (!best) {
		if (!w->forged)
			leat_sim_fail(w, "33 a connection with nobody (port %u)", e->remote.port);
		return;
	}
	if (w->trace)
		fprintf(w->trace, "%14.6f host%u   end %u accepted, of end %u, flow %u\n",
			(double)(w->now - w->plan.epoch) / 1e9, host, idx_of(w, e), idx_of(w, best),
			best->flow);
	e->flow = best->flow;
	e->side = &w->plan.flow[best->flow].side[1];
	leat_prng_seed(&e->prng, w->plan.flow[best->flow].seed + best->rx_done);
	if (e->side->nodelay)
		must(w, leat_nodelay(s, conn, true), LEAT_OK, "leat_nodelay");
	if (e->side->end_after > 0)
		e->end_at = w->now + e->side->end_after;
}

/* ---- events ---- */

static struct sim_end *end_of(
	struct sim_world *w, uint32_t host, uint32_t shard, const struct leat_event *event)
{
	struct leat_stack *s = w->host[host].shard[shard].stack;
	uint64_t serial = leat_user(s, event->conn);
	struct sim_end *e = &w->end[serial % SIM_END_MAX];

	if (serial == 0 || e->serial != serial)
		leat_sim_fail(w, "call: an event of a connection that nobody has");
	if (!e->used)
		leat_sim_fail(w, "call: an event after the handle was given back");
	return e;
}

void leat_sim_work_event(
	struct sim_world *w, uint32_t host, uint32_t shard, const struct leat_event *event)
{
	if (event->bits & LEAT_ACCEPTED)
		accepted(w, host, shard, event->conn);
	if (leat_user(w->host[host].shard[shard].stack, event->conn) == 0)
		return; /* there was no slot for it */
	struct sim_end *e = end_of(w, host, shard, event);

	if (event->bits & LEAT_CONNECTED) {
		if (e->connected)
			leat_sim_fail(w, "call: connected twice");
		e->connected = true;
	}
	if (e->closed_seen)
		leat_sim_fail(w, "call: an event after CLOSED");
	if (!e->connected && event->bits & (LEAT_READABLE | LEAT_PEER_CLOSED))
		leat_sim_fail(w, "call: text before the connection");
	if (event->bits & LEAT_CLOSED)
		e->closed_seen = true;
	step(w, e);
}

/* ---- when a host, or everything, comes to its end ---- */

void leat_sim_work_lost(struct sim_world *w, uint32_t host)
{
	for (uint32_t i = 0; i < w->end_cnt; i++) {
		struct sim_end *e = &w->end[i];

		if (!e->used || e->host != host)
			continue;
		e->dead = true;
		over(w, e);
	}
}

void leat_sim_work_calm(struct sim_world *w)
{
	for (uint32_t i = 0; i < w->end_cnt; i++)
		if (w->end[i].used)
			arm(w, &w->end[i], w->now);
}

/* Is there somebody at the other side who should have ended this connection? */
static bool has_live_peer(struct sim_world *w, const struct sim_end *e)
{
	for (uint32_t i = 0; i < w->end_cnt; i++) {
		const struct sim_end *p = &w->end[i];

		if (p->used && addr_eq(&p->local, &e->remote) && addr_eq(&p->remote, &e->local))
			return true;
	}
	return false;
}

static bool peer_closed_well(struct sim_world *w, const struct sim_end *e)
{
	const struct sim_end *p = peer_of(w, e);

	/* One that was let go while there were faults may have given up since. */
	return p && p->over && p->over_at >= w->calm_at && p->shut && !p->dead && !p->aborted &&
	       graceful(p->how);
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
			leat_sim_fail(w,
				"27 a connection that does not end (end %u of flow %d, port %u, wrote %llu, read %llu)",
				i, (int)e->flow, e->local.port, (unsigned long long)e->tx_done,
				(unsigned long long)e->rx_done);
		abort_it(w, e); /* as a program does that waited long enough */
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
		bool ends_well = !f->closed_port && !f->both &&
				 f->side[0].close < SIM_CLOSE_LATE &&
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
	for (uint32_t i = 0; i < w->end_cnt; i++) {
		struct sim_end *e = &w->end[i];

		if (e->used)
			leat_sim_work_overdue(w);
	}
	check_outcomes(w);
}
