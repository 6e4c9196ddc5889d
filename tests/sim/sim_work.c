/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim_end.h"

#include "base_assert.h"
#include "base_be.h"
#include "base_bits.h"
#include "base_time.h"

#include <string.h>

/* The programs: what each end of a connection writes, reads and when it closes. */

#define CHUNK_MAX   16384
#define STEPS_MAX   512 /* reads or writes of one end in one turn */
#define RETRY_FOR   (500 * TIME_MS)
#define NEVER_RX    UINT32_MAX
#define HEAD_OCTETS 8

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
	if (!sim_addr_eq(&p->local, &e->remote) || !sim_addr_eq(&p->remote, &e->local))
		leat_sim_fail(w, "2 the stream of another connection (end %u reads of %u)",
			sim_end_idx(w, e), sim_end_idx(w, p));
	if (p->peer_idx != SIM_NO_PEER && p->peer_idx != sim_end_idx(w, e))
		leat_sim_fail(w, "2 a stream that two connections read");
	p->peer_idx = sim_end_idx(w, e);
	e->peer_idx = sim_end_idx(w, p);
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
			(unsigned long long)at, sim_end_idx(w, e));
	const struct sim_end *p = leat_sim_end_peer(w, e);
	if (p && e->rx_done > p->tx_done)
		leat_sim_fail(w, "1 more octets than were written");
}

/* 3: the end of the stream comes after all of it, and only when the peer closed. */
static void got_eof(struct sim_world *w, struct sim_end *e)
{
	const struct sim_end *p = leat_sim_end_peer(w, e);

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
		if (p->shut && p->tx_done == 0 && sim_addr_eq(&p->local, &e->remote) &&
			sim_addr_eq(&p->remote, &e->local))
			return;
	}
	leat_sim_fail(w, "3 EOF of a stream that nobody closed (end %u)", sim_end_idx(w, e));
}

static int64_t read_some(struct sim_world *w, struct sim_end *e, uint32_t most)
{
	struct leat_stack *s = leat_sim_end_stack(w, e);
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
		leat_sim_must(w, leat_take(s, e->conn, (size_t)n), LEAT_OK, "leat_take");
	}
	return n;
}

static void do_read(struct sim_world *w, struct sim_end *e)
{
	const struct sim_side *side = e->side;

	if (e->listening && !e->connected)
		return;
	if (e->connected && leat_urgent(leat_sim_end_stack(w, e), e->conn) < 0)
		leat_sim_fail(w, "call: leat_urgent knows no connection");
	for (uint32_t steps = 0; !e->eof && !e->reset; steps++) {
		uint32_t most = u32_min(side->rx_chunk, CHUNK_MAX);

		if (!w->calm && e->rx_done >= side->rx_pause_at)
			return;
		if (w->now < e->rx_next_at || steps == STEPS_MAX) {
			leat_sim_end_arm(w, e, u64_max(e->rx_next_at, w->now + 1));
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
			leat_sim_must(w, (int)n, LEAT_OK, "leat_recv");
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
	struct leat_stack *s = leat_sim_end_stack(w, e);
	size_t room = leat_send_room(s, e->conn);
	uint8_t data[CHUNK_MAX];

	if (e->side->source) {
		struct leat_source source = {fill, (void *)(uintptr_t)e->serial};
		int error = leat_send_source(s, e->conn, &source, octets);

		return error == LEAT_OK ? (int64_t)octets : error;
	}
	if (room > 0 && room < octets)
		octets = (uint32_t)room;
	leat_sim_stream_fill(e->serial, e->tx_done, data, octets);
	int64_t n = e->side->urgent && octets > 1 ? leat_send_urgent(s, e->conn, data, octets)
						  : leat_send(s, e->conn, data, octets);
	if (n > 0 && room > 0 && n != octets)
		leat_sim_fail(w, "call: there was room for %zu, but leat_send took %lld of %u",
			room, (long long)n, octets);
	return n;
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

	if (leat_info(leat_sim_end_stack(w, e), e->conn, &info) != LEAT_OK)
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
			leat_sim_end_arm(w, e, u64_max(e->tx_next_at, w->now + 1));
			return;
		}
		if (e->shut || e->reset || e->closed_seen)
			return;
		int64_t n = write_some(w, e, octets);
		if (n == LEAT_ERR_AGAIN) {
			if (!room_comes(w, e))
				leat_sim_end_arm(w, e, w->now + RETRY_FOR);
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
	int error = leat_shutdown(leat_sim_end_stack(w, e), e->conn);

	if (e->shut)
		return;
	if (error == LEAT_ERR_STATE) {
		e->reset = true;
		return;
	}
	leat_sim_must(w, error, LEAT_OK, "leat_shutdown");
	e->shut = true;
}

/* The program loses its patience, whatever state the connection is in. */
static bool end_now(struct sim_world *w, struct sim_end *e)
{
	if (e->end_at == 0 || e->closed_seen)
		return false;
	if (w->now < e->end_at) {
		leat_sim_end_arm(w, e, e->end_at);
		return false;
	}
	e->shut = true; /* as far as it could */
	if (e->side->end_by_abort) {
		leat_sim_end_abort(w, e);
	} else {
		e->aborted = true; /* with unread text it is one */
		leat_sim_end_close(w, e);
	}
	return true;
}

static void do_close(struct sim_world *w, struct sim_end *e)
{
	const struct sim_side *side = e->side;
	bool written = e->tx_done == side->tx_octets && e->connected;
	bool read = e->rx_done >= leat_sim_end_expected(w, e);

	if (end_now(w, e))
		return;
	if (side->close == SIM_CLOSE_ABORT && e->tx_done >= side->abort_at && e->connected) {
		leat_sim_end_abort(w, e);
		return;
	}
	if (side->close == SIM_CLOSE_FULL && written && read) {
		e->shut = true;
		leat_sim_end_close(w, e);
		return;
	}
	if (!e->shut && !e->reset && written &&
		(side->close == SIM_CLOSE_TX || (side->close == SIM_CLOSE_RX && read) ||
			(e->eof && side->close != SIM_CLOSE_LATE) || w->calm))
		shut(w, e);
	if (e->shut && e->eof && !side->lazy && !e->closed_seen)
		leat_sim_end_close(w, e);
}

static struct watch_socket socket_of(const struct leat_addr *a)
{
	struct watch_socket s = {.port = a->port};

	if (a->family == 4) {
		s.addr.lo = UINT64_C(0xffff00000000) | be32_get(a->octet);
	} else {
		s.addr.hi = be64_get(a->octet);
		s.addr.lo = be64_get(a->octet + 8);
	}
	return s;
}

/* 33: nobody but the peer resets a connection, and nobody but its user aborts it, who has no handle
 * any more when he did. */
static void check_reset(struct sim_world *w, const struct sim_end *e)
{
	struct watch_socket here = socket_of(&e->local), there = socket_of(&e->remote);
	bool reset = strcmp(e->how, "reset by peer") == 0 || strcmp(e->how, "refused") == 0;
	bool did = false;

	if (strcmp(e->how, "aborted") == 0)
		leat_sim_fail(w, "33 a connection was aborted, but not by its user (end %u)",
			sim_end_idx(w, e));
	if (!reset || w->forged || w->plan.style == SIM_STYLE_RESTART)
		return;
	for (uint32_t i = 0; i < w->plan.fault_cnt; i++)
		if (w->plan.fault[i].kind == SIM_FAULT_NOBODY ||
			w->plan.fault[i].kind == SIM_FAULT_REBIND)
			return; /* a router may have said so, or a reset came from another port */
	for (uint32_t h = 0; h < w->plan.host_cnt; h++)
		did |= h != e->host && leat_sim_watch_did_reset(w->watch, h, &there, &here);
	if (!did)
		leat_sim_fail(w, "33 a connection %s, but its peer sent no reset (end %u)", e->how,
			sim_end_idx(w, e));
}

static void release(struct sim_world *w, struct sim_end *e)
{
	struct leat_info info;

	leat_sim_must(w, leat_info(leat_sim_end_stack(w, e), e->conn, &info), LEAT_OK, "leat_info");
	e->how = info.end;
	check_reset(w, e);
	if (info.unread > 0 && leat_sim_graceful(info.end) && !e->reset && !e->eof)
		return; /* there is more to read first */
	leat_sim_must(w, leat_release(leat_sim_end_stack(w, e), e->conn), LEAT_OK, "leat_release");
	leat_sim_misuse_stale(w, e);
	leat_sim_end_over(w, e);
}

/* step lets one end do all it can do now. */
void leat_sim_end_step(struct sim_world *w, struct sim_end *e)
{
	if (w->plan.misuse > 0 && leat_prng_chance(&e->prng, w->plan.misuse))
		leat_sim_misuse(w, e);
	do_read(w, e);
	do_write(w, e);
	if (e->refused) {
		leat_sim_must(
			w, leat_close(leat_sim_end_stack(w, e), e->conn), LEAT_OK, "leat_close");
		e->used = false;
		e->serial = 0; /* it never was */
		w->ends_used--;
		w->outcome[e->flow].left++;
		w->outcome[e->flow].opened--;
		leat_sim_flow_later(w, e->flow);
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
		leat_sim_end_arm(w, e, s->stalled_until);
		return;
	}
	leat_stack_set_now(s->stack, w->now + s->ahead);
	leat_sim_end_step(w, e);
	leat_sim_host_poll(w, e->host, e->shard);
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
		leat_sim_open_accepted(w, host, shard, event->conn);
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
	leat_sim_end_step(w, e);
}
