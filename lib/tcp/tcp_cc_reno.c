/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp_sendq.h"

/* RFC 5681 3.1: a segment more each round trip, by octets acknowledged (RFC 3465 2.1), and half at
 * a loss. */

static void avoid(struct tcp_call *c, struct tcp_ext *ext, uint32_t octets)
{
	struct tcb *tcb = c->tcb;
	uint32_t mss = tcb->snd_mss;

	(void)ext;
	octets = u32_min(octets, tcb->cwnd);
	tcb->cwnd += u32_max((uint32_t)((uint64_t)mss * octets / tcb->cwnd), 1);
}

static uint32_t reduce(struct tcp_call *c, struct tcp_ext *ext, uint32_t flight)
{
	(void)c;
	(void)ext;
	return flight / 2;
}

const struct tcp_cc_ops leat_tcp_cc_reno = {"reno", avoid, reduce};
