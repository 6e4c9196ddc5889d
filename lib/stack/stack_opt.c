/* SPDX-License-Identifier: BSD-3-Clause */
#include "stack_core.h"

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
	leat_tcp_keepalive(s->tcp, tcb, on, s->now);
	return LEAT_OK;
}

int leat_user_timeout(struct leat_stack *s, struct leat_conn c, uint64_t ns)
{
	struct tcb *tcb = leat_stack_by_handle(s, c);

	if (tcb == NULL)
		return LEAT_ERR_STALE;
	leat_tcp_user_timeout(s->tcp, tcb, ns, s->now);
	return LEAT_OK;
}
