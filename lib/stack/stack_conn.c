/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_bits.h"
#include "stack_core.h"

struct leat_conn leat_stack_handle(const struct tcb *tcb)
{
	return (struct leat_conn){(uint64_t)tcb->gen << 32 | ((uint64_t)tcb->idx + 1)};
}

struct tcb *leat_stack_by_handle(struct leat_stack *s, struct leat_conn c)
{
	uint32_t idx = (uint32_t)c.id - 1;

	DCHECK(!s->in_fill);
	if (idx < s->config.tcp.tcb_max) {
		struct tcb *tcb = stack_tcb(s, idx);

		if (tcb->state != TCP_ST_NONE && (tcb->flags & TCP_F_USER) &&
			tcb->gen == c.id >> 32)
			return tcb;
	}
	s->cnt.stale_handle++;
	return NULL;
}

int leat_stack_error_of(enum tcp_error error)
{
	static const int8_t of[TCP_ERR_CNT] = {
		[TCP_ERR_NONE] = LEAT_OK,
		[TCP_ERR_NO_TCB] = LEAT_ERR_FULL,
		[TCP_ERR_STATE] = LEAT_ERR_STATE,
		[TCP_ERR_REMOTE] = LEAT_ERR_STATE,
	};

	return of[error];
}

void leat_stack_conn_init(struct leat_stack *s, const struct tcb *tcb)
{
	if (UNLIKELY(s->held_cnt > 0))
		leat_stack_hold_end(s, tcb->idx);
	*stack_conn(s, tcb) = (struct conn){.chunk = STACK_NONE};
}

bool leat_stack_flow_insert(struct leat_stack *s, struct tcb *tcb, uint64_t hash)
{
	DCHECK(!(tcb->flags & TCP_F_FLOW));
	stack_hash_set(s, tcb, hash);
	if (!leat_flow_table_insert(s->flow, hash, tcb->idx))
		return false;
	tcb->flags |= TCP_F_FLOW;
	stack_flow_changed(s, hash);
	return true;
}

void leat_stack_conn_free(struct leat_stack *s, struct tcb *tcb)
{
	const struct conn *c = stack_conn(s, tcb);

	if (tcb->state != TCP_ST_CLOSED || (tcb->flags & (TCP_F_USER | TCP_F_FLOW)) ||
		(c->flags & CONN_ABORT))
		return;
	if ((c->flags & CONN_LISTENER) && c->waiting > 0)
		return; /* its children still count on it */
	leat_tcp_free(s->tcp, tcb);
}

/* A connection became CLOSED: whatever it held but its record goes back at once. */
static void gone(struct leat_stack *s, struct tcb *tcb)
{
	struct conn *c = stack_conn(s, tcb);

	DCHECK(tcb->state == TCP_ST_CLOSED);
	if (tcb->flags & TCP_F_FLOW) {
		uint64_t hash = stack_hash(s, tcb);

		leat_flow_table_remove(s->flow, hash, leat_tcp_tw_name(s->tcp, tcb));
		tcb->flags &= (uint16_t)~TCP_F_FLOW;
		stack_flow_changed(s, hash);
	}
	if (c->flags & CONN_LISTENER)
		leat_stack_listener_remove(s, tcb);
	else if (!(c->flags & CONN_ABORT))
		leat_stack_chunks_free(s, c);
	if (c->flags & CONN_ASIDE)
		leat_stack_aside_gone(s, tcb);
	if (c->flags & (CONN_HALF | CONN_HEIR))
		leat_stack_half_end(s, tcb);
	if (c->flags & CONN_PORT)
		leat_stack_port_give(s, tcb);
	if (c->flags & CONN_CHILD)
		leat_stack_child_done(s, tcb);
	leat_stack_conn_free(s, tcb);
}

void leat_stack_settle(struct leat_stack *s)
{
	struct tcp_io *io = &s->io;

	for (uint32_t i = 0; i < io->gone_cnt; i++)
		gone(s, stack_tcb(s, io->gone[i]));
	io->gone_cnt = 0;
	for (uint32_t i = 0; i < io->give_cnt; i++)
		leat_stack_keep_buf(s, io->give[i]);
	io->give_cnt = 0;
}

/* Aborts wait when io.emit has no room for a reset; nothing is sent for a connection in between,
 * so its text is not needed any more. */
void leat_stack_abort_push(struct leat_stack *s, struct tcb *tcb)
{
	struct conn *c = stack_conn(s, tcb);

	if (c->flags & CONN_ABORT)
		return;
	DCHECK(!(c->flags & CONN_LISTENER));
	leat_stack_chunks_free(s, c);
	c->flags |= CONN_ABORT;
	c->abort_next = STACK_NONE;
	if (s->abort_head == STACK_NONE)
		s->abort_head = tcb->idx;
	else
		s->conn[s->abort_tail].abort_next = tcb->idx;
	s->abort_tail = tcb->idx;
}

void leat_stack_abort_work(struct leat_stack *s)
{
	while (s->abort_head != STACK_NONE && s->io.emit_cnt < TCP_IO_EMIT_MAX) {
		struct tcb *tcb = stack_tcb(s, s->abort_head);
		struct conn *c = stack_conn(s, tcb);

		s->abort_head = c->abort_next;
		c->flags &= (uint16_t)~CONN_ABORT;
		c->chunk = STACK_NONE;
		if (tcb->state == TCP_ST_CLOSED) {
			leat_stack_conn_free(s, tcb);
			continue;
		}
		(void)leat_tcp_abort(s->tcp, tcb, s->now, &s->io);
		stack_settle(s);
	}
}

bool leat_stack_abort_some(struct leat_stack *s, uint32_t *cursor, uint32_t max)
{
	uint32_t to = *cursor + u32_min(max, s->config.tcp.tcb_max - *cursor);
	const uint32_t spared =
		TCP_SET(NONE) | TCP_SET(CLOSED) | TCP_SET(LISTEN) | TCP_SET(TIME_WAIT);

	while (s->listener_cnt > 0)
		leat_stack_listener_close(s, stack_tcb(s, s->listener[0].idx), true);
	for (; *cursor < to; (*cursor)++) {
		struct tcb *tcb = stack_tcb(s, *cursor);

		if (!tcp_in(tcb->state, spared))
			leat_stack_abort_push(s, tcb);
	}
	leat_stack_abort_work(s);
	return to < s->config.tcp.tcb_max;
}

void leat_stack_abort_all(struct leat_stack *s)
{
	uint32_t cursor = 0;

	leat_stack_abort_some(s, &cursor, s->config.tcp.tcb_max);
}

/* The first event of a listener's child makes it the user's.  One that ended before is never
 * announced. */
static bool accept(struct leat_stack *s, struct tcb *tcb, struct leat_event *event)
{
	const struct conn *c = stack_conn(s, tcb);

	if (!(c->flags & CONN_CHILD) || (c->flags & CONN_ABORT) || tcb->state == TCP_ST_CLOSED)
		return false;
	event->listener = leat_stack_handle(stack_tcb(s, c->listener));
	event->bits = LEAT_ACCEPTED;
	tcb->flags |= TCP_F_USER;
	leat_stack_child_done(s, tcb);
	return true;
}

/* The engine's news from READABLE on are the user's events, one place further up. */
#define SAME(news, event)                                                                          \
	STATIC_ASSERT((uint32_t)TCP_NEWS_##news << 1 == LEAT_##event, "the same bit, moved")
SAME(READABLE, READABLE);
SAME(WRITABLE, WRITABLE);
SAME(PEER_CLOSED, PEER_CLOSED);
SAME(CLOSED, CLOSED);
SAME(SLOW, SLOW);
SAME(URGENT, URGENT);
SAME(SOFT, SOFT_ERROR);
#undef SAME

static bool event_of(struct leat_stack *s, const struct tcp_news *news, struct leat_event *event)
{
	struct tcb *tcb = stack_tcb(s, news->tcb_idx);

	/* An earlier event of this list may have made the user close it. */
	if (tcb->state == TCP_ST_NONE || tcb->gen != news->gen)
		return false;
	*event = (struct leat_event){.conn = leat_stack_handle(tcb)};
	if (!(tcb->flags & TCP_F_USER)) {
		if (!(news->bits & TCP_NEWS_ESTABLISHED) || !accept(s, tcb, event))
			return false;
	} else if (news->bits & TCP_NEWS_ESTABLISHED) {
		event->bits = LEAT_CONNECTED;
	}
	event->bits |= (news->bits & (uint32_t)~TCP_NEWS_ESTABLISHED) << 1;
	return event->bits != 0;
}

bool leat_next_event(struct leat_stack *s, struct leat_event *event)
{
	struct tcp_io *io = &s->io;

	for (;;) {
		if (s->news_at == io->news_cnt) {
			s->news_at = io->news_cnt = 0;
			leat_tcp_news(s->tcp, io);
		}
		if (s->news_at == io->news_cnt)
			return false;
		if (event_of(s, &io->news[s->news_at++], event))
			return true;
	}
}

int leat_shutdown(struct leat_stack *s, struct leat_conn c)
{
	struct tcb *tcb = leat_stack_by_handle(s, c);

	if (tcb == NULL)
		return LEAT_ERR_STALE;
	if (tcb->state == TCP_ST_LISTEN)
		return LEAT_ERR_STATE;
	enum tcp_error error = leat_tcp_close(s->tcp, tcb, s->now, &s->io);
	stack_settle(s);
	return leat_stack_error_of(error);
}

/* released: the user's handle is void from here on. */
static struct tcb *released(struct leat_stack *s, struct leat_conn c)
{
	struct tcb *tcb = leat_stack_by_handle(s, c);

	if (tcb != NULL)
		tcb->flags &= (uint16_t)~TCP_F_USER;
	return tcb;
}

int leat_close(struct leat_stack *s, struct leat_conn c)
{
	struct tcb *tcb = released(s, c);

	if (tcb == NULL)
		return LEAT_ERR_STALE;
	if (tcb->state == TCP_ST_LISTEN) {
		leat_stack_listener_close(s, tcb, false);
	} else if (tcb->state == TCP_ST_CLOSED) {
		leat_stack_conn_free(s, tcb);
	} else if (tcb->rbuf_cnt > 0 && s->io.emit_cnt == TCP_IO_EMIT_MAX) {
		leat_stack_abort_push(s, tcb); /* its reset has no room now */
	} else {
		/* Refused when the FIN is queued already: just as well. */
		(void)leat_tcp_close(s->tcp, tcb, s->now, &s->io);
		if (tcb->state != TCP_ST_CLOSED)
			leat_tcp_shut_rcv(s->tcp, tcb, s->now, &s->io);
		stack_settle(s);
		if (tcb->state == TCP_ST_TIME_WAIT)
			leat_stack_rest(s, tcb);
	}
	return LEAT_OK;
}

int leat_abort(struct leat_stack *s, struct leat_conn c)
{
	struct tcb *tcb = released(s, c);

	if (tcb == NULL)
		return LEAT_ERR_STALE;
	if (tcb->state == TCP_ST_LISTEN) {
		leat_stack_listener_close(s, tcb, true);
	} else if (tcb->state == TCP_ST_CLOSED) {
		leat_stack_conn_free(s, tcb);
	} else {
		leat_stack_abort_push(s, tcb);
		leat_stack_abort_work(s);
	}
	return LEAT_OK;
}

int leat_release(struct leat_stack *s, struct leat_conn c)
{
	struct tcb *tcb = leat_stack_by_handle(s, c);

	if (tcb == NULL)
		return LEAT_ERR_STALE;
	if (tcb->state != TCP_ST_CLOSED)
		return LEAT_ERR_STATE;
	tcb->flags &= (uint16_t)~TCP_F_USER;
	leat_stack_conn_free(s, tcb);
	return LEAT_OK;
}

int leat_set_user(struct leat_stack *s, struct leat_conn c, uint64_t user)
{
	struct tcb *tcb = leat_stack_by_handle(s, c);

	if (tcb == NULL)
		return LEAT_ERR_STALE;
	stack_conn(s, tcb)->user = user;
	return LEAT_OK;
}

uint64_t leat_user(struct leat_stack *s, struct leat_conn c)
{
	const struct tcb *tcb = leat_stack_by_handle(s, c);

	return tcb != NULL ? stack_conn(s, tcb)->user : 0;
}

bool leat_next_conn(struct leat_stack *s, uint32_t *cursor, struct leat_conn *conn)
{
	while (*cursor < s->config.tcp.tcb_max) {
		const struct tcb *tcb = stack_tcb(s, (*cursor)++);

		if (tcb->state == TCP_ST_NONE || !(tcb->flags & TCP_F_USER))
			continue;
		*conn = leat_stack_handle(tcb);
		return true;
	}
	return false;
}
