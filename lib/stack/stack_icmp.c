/* SPDX-License-Identifier: BSD-3-Clause */
#include "stack_core.h"

/* ICMP errors, from their types and codes to what TCP makes of them (RFC 9293 3.9.2.2). */

#define UNREACH4_PROTO 2
#define UNREACH4_PORT  3
#define UNREACH6_ADMIN 1
#define UNREACH6_PORT  4

static enum tcp_icmp_kind kind4(const struct icmp_error *error)
{
	if (error->type == WIRE_ICMP4_TIME)
		return TCP_ICMP_TIME;
	if (error->type == WIRE_ICMP4_PARAM)
		return TCP_ICMP_PARAM;
	if (error->code == WIRE_ICMP4_UNREACH_FRAG)
		return TCP_ICMP_TOO_BIG;
	return error->code == UNREACH4_PROTO || error->code == UNREACH4_PORT ? TCP_ICMP_REFUSED
									     : TCP_ICMP_UNREACHABLE;
}

static enum tcp_icmp_kind kind6(const struct icmp_error *error)
{
	if (error->type == WIRE_ICMP6_TIME)
		return TCP_ICMP_TIME;
	if (error->type == WIRE_ICMP6_PARAM)
		return TCP_ICMP_PARAM;
	if (error->type == WIRE_ICMP6_TOO_BIG)
		return TCP_ICMP_TOO_BIG;
	return error->code == UNREACH6_ADMIN || error->code == UNREACH6_PORT ? TCP_ICMP_REFUSED
									     : TCP_ICMP_UNREACHABLE;
}

void leat_stack_icmp_error(struct leat_stack *s, const struct pkt *p)
{
	const struct icmp_error *error = &p->icmp.error;
	const struct tcp_icmp icmp = {
		.kind = ip_is4(p->tuple.local) ? kind4(error) : kind6(error),
		.seq = error->seq,
		.mtu = error->mtu,
	};
	uint32_t idx = leat_flow_table_find(
		s->flow, leat_flow_hash(s->flow, &error->tuple), &error->tuple);

	leat_inet_icmp_error(s->icmp, p);
	/* For nobody, or for one in TIME-WAIT, of whom nothing is on the way. */
	leat_tcp_icmp_arrives(
		s->tcp, idx & FLOW_UNIT ? NULL : stack_tcb(s, idx), &icmp, s->now, &s->io);
	stack_settle(s);
}
