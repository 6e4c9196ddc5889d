/* SPDX-License-Identifier: BSD-3-Clause */
#include "stack_core.h"

#define DSCP_MAX       63
#define TWO_MSL_MAX_NS (480 * TIME_S)

/* What a user may switch for one connection, or for those that a listener is going to have. */

int leat_nodelay(struct leat_stack *s, struct leat_conn c, bool on)
{
	struct tcb *tcb = leat_stack_by_handle(s, c);

	if (tcb == NULL)
		return LEAT_ERR_STALE;
	if (on)
		tcb->flags |= TCP_F_NODELAY;
	else
		tcb->flags &= (uint16_t)~TCP_F_NODELAY;
	return LEAT_OK;
}

int leat_keepalive(struct leat_stack *s, struct leat_conn c, bool on)
{
	struct tcb *tcb = leat_stack_by_handle(s, c);

	if (tcb == NULL)
		return LEAT_ERR_STALE;
	return leat_tcp_keepalive(s->tcp, tcb, on, s->now) ? LEAT_OK : LEAT_ERR_FULL;
}

int leat_user_timeout(struct leat_stack *s, struct leat_conn c, uint64_t ns)
{
	struct tcb *tcb = leat_stack_by_handle(s, c);

	if (tcb == NULL)
		return LEAT_ERR_STALE;
	return leat_tcp_user_timeout(s->tcp, tcb, ns, s->now) ? LEAT_OK : LEAT_ERR_FULL;
}

int leat_dscp(struct leat_stack *s, struct leat_conn c, uint8_t dscp)
{
	struct tcb *tcb = leat_stack_by_handle(s, c);

	if (tcb == NULL)
		return LEAT_ERR_STALE;
	if (dscp > DSCP_MAX)
		return LEAT_ERR_ARG;
	tcb->tos = (uint8_t)(dscp << 2);
	return LEAT_OK;
}

int leat_time_wait(struct leat_stack *s, struct leat_conn c, uint64_t two_msl_ns)
{
	struct tcb *tcb = leat_stack_by_handle(s, c);

	if (tcb == NULL)
		return LEAT_ERR_STALE;
	if (two_msl_ns < TIME_MS || two_msl_ns > TWO_MSL_MAX_NS)
		return LEAT_ERR_ARG;
	if (tcb->state == TCP_ST_TIME_WAIT || tcb->state == TCP_ST_CLOSED)
		return LEAT_ERR_STATE;
	return leat_tcp_two_msl(s->tcp, tcb, two_msl_ns) ? LEAT_OK : LEAT_ERR_FULL;
}

int leat_time_wait_rst(struct leat_stack *s, struct leat_conn c, bool obeyed)
{
	struct tcb *tcb = leat_stack_by_handle(s, c);

	if (tcb == NULL)
		return LEAT_ERR_STALE;
	leat_tcp_rst_ends(tcb, obeyed);
	return LEAT_OK;
}

int64_t leat_send_urgent(struct leat_stack *s, struct leat_conn c, const void *data, size_t octets)
{
	struct tcb *tcb = leat_stack_by_handle(s, c);

	if (tcb == NULL)
		return LEAT_ERR_STALE;
	if (!leat_tcp_urgent_may(s->tcp, tcb))
		return LEAT_ERR_FULL;
	int64_t sent = leat_send(s, c, data, octets);

	if (sent > 0)
		leat_tcp_urgent_mark(s->tcp, tcb);
	return sent;
}

int64_t leat_urgent(struct leat_stack *s, struct leat_conn c)
{
	const struct tcb *tcb = leat_stack_by_handle(s, c);

	if (tcb == NULL)
		return LEAT_ERR_STALE;
	return leat_tcp_urgent_ahead(s->tcp, tcb);
}
