/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_bits.h"
#include "stack_core.h"

#include <string.h>

/* What a read says when there is no text: the end, an error, or later. */
static int at_end(const struct tcb *tcb)
{
	if (tcb->state == TCP_ST_CLOSED)
		return tcp_end_is_graceful(tcb->end_why) ? 0 : LEAT_ERR_STATE;
	if (tcb->state == TCP_ST_LISTEN)
		return LEAT_ERR_STATE;
	return leat_tcp_eof(tcb) ? 0 : LEAT_ERR_AGAIN;
}

static void take(struct leat_stack *s, struct tcb *tcb, uint32_t octets)
{
	leat_tcp_receive(s->tcp, tcb, octets);
	stack_conn(s, tcb)->taken += octets;
}

int64_t leat_recv(struct leat_stack *s, struct leat_conn c, void *data, size_t octets)
{
	struct tcb *tcb = leat_stack_by_handle(s, c);
	uint8_t *dst = data;
	size_t done = 0;

	if (tcb == NULL)
		return LEAT_ERR_STALE;
	if (octets == 0)
		return LEAT_ERR_ARG;
	while (done < octets) {
		const uint8_t *piece;
		uint32_t n = leat_tcp_peek(s->tcp, tcb, &piece);

		if (n == 0)
			break;
		if (n > octets - done)
			n = (uint32_t)(octets - done);
		memcpy(dst + done, piece, n);
		take(s, tcb, n);
		done += n;
	}
	return done > 0 ? (int64_t)done : at_end(tcb);
}

int64_t leat_peek(struct leat_stack *s, struct leat_conn c, const uint8_t **data)
{
	const struct tcb *tcb = leat_stack_by_handle(s, c);

	if (tcb == NULL)
		return LEAT_ERR_STALE;
	uint32_t n = leat_tcp_peek(s->tcp, tcb, data);
	return n > 0 ? (int64_t)n : at_end(tcb);
}

int leat_take(struct leat_stack *s, struct leat_conn c, size_t octets)
{
	struct tcb *tcb = leat_stack_by_handle(s, c);

	if (tcb == NULL)
		return LEAT_ERR_STALE;
	if (octets > tcb->rcv.unread)
		return LEAT_ERR_ARG;
	if (octets > 0)
		take(s, tcb, (uint32_t)octets);
	return LEAT_OK;
}

size_t leat_readable(struct leat_stack *s, struct leat_conn c)
{
	const struct tcb *tcb = leat_stack_by_handle(s, c);

	return tcb != NULL ? tcb->rcv.unread : 0;
}
