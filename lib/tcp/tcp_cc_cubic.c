/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_time.h"
#include "tcp_sendq.h"

/* CUBIC, RFC 9438, in integers: octets and milliseconds.
 *
 *	W(t) = C (t - K)^3 + W_max     with C = 0.4 segments/s^3 and beta = 0.7
 *
 *	 cwnd |                          .'
 *	W_max |----------- . - ' - . - '
 *	      |      . '      K
 *	      |    .'
 *	0.7 W |---'
 *	      +------------------------------- t since the loss */

#define DIST_MS_MAX 1000000 /* |t - K|: beyond it the target is far above any window */

/* The largest x whose cube is at most v. */
static uint32_t cube_root(uint64_t v)
{
	uint64_t x = 0;

	for (uint64_t bit = UINT64_C(1) << 20; bit > 0; bit >>= 1) {
		uint64_t y = x | bit;

		if (y * y * y <= v)
			x = y;
	}
	return (uint32_t)x;
}

static uint32_t now_ms(const struct tcp_call *c)
{
	return (uint32_t)(c->now / TIME_MS);
}

/* 4.2: K = cbrt((W_max - cwnd_epoch) / C), in ms: cbrt of 2.5e9 times the segments between. */
static void epoch_begin(const struct tcp_call *c, struct tcp_ext *ext)
{
	const struct tcb *tcb = c->tcb;
	struct tcp_cubic *u = &ext->u.cubic;

	u->epoch_ms = now_ms(c);
	u->w_est = tcb->cwnd;
	u->origin = u32_max(ext->w_max, tcb->cwnd);
	u->k_ms =
		cube_root((uint64_t)(u->origin - tcb->cwnd) * UINT64_C(2500000000) / tcb->snd_mss);
	ext->flags |= TCP_EXT_EPOCH;
	ext->flags &= (uint16_t) ~(TCP_EXT_HYSTART | TCP_EXT_CSS);
}

/* W(t), octets. */
static uint64_t w_cubic(const struct tcb *tcb, const struct tcp_cubic *u, uint64_t t_ms)
{
	bool after = t_ms >= u->k_ms;
	uint64_t dist = u64_min(after ? t_ms - u->k_ms : u->k_ms - t_ms, DIST_MS_MAX);
	/* 0.4 mss (dist / 1000)^3, in an order that neither overflows nor loses what counts. */
	uint64_t far = dist * dist * dist / 100000 * tcb->snd_mss / 25000;

	if (after)
		return u->origin + far;
	return u->origin > far ? u->origin - far : 0;
}

/* 4.3: what Reno would have, with alpha such that both are equal on the average. */
static void reno_friendly(
	const struct tcb *tcb, const struct tcp_ext *ext, struct tcp_cubic *u, uint32_t octets)
{
	uint64_t more = (uint64_t)octets * tcb->snd_mss / tcb->cwnd;

	if (u->w_est < ext->cwnd_prior)
		more = more * 9 / 17; /* alpha = 3 (1 - beta) / (1 + beta) */
	u->w_est = (uint32_t)u64_min(u->w_est + u64_max(more, 1), TCP_CWND_MAX);
}

static void avoid(struct tcp_call *c, struct tcp_ext *ext, uint32_t octets)
{
	struct tcb *tcb = c->tcb;
	struct tcp_cubic *u = &ext->u.cubic;

	octets = u32_min(octets, tcb->cwnd);
	if (!(ext->flags & TCP_EXT_EPOCH))
		epoch_begin(c, ext);
	reno_friendly(tcb, ext, u, octets);
	uint64_t t_ms = now_ms(c) - u->epoch_ms;
	uint64_t target = w_cubic(tcb, u, t_ms + tcb->srtt_us / 1000);

	if (w_cubic(tcb, u, t_ms) < u->w_est) {
		tcb->cwnd = u32_max(tcb->cwnd, u->w_est);
		return;
	}
	/* 4.4, 4.5: by (target - cwnd) / cwnd for each segment acknowledged. */
	target = u64_min(u64_max(target, tcb->cwnd), tcb->cwnd + tcb->cwnd / 2);
	tcb->cwnd += (uint32_t)((target - tcb->cwnd) * octets / tcb->cwnd);
}

/* 4.6, 4.7: beta = 0.7; who is losing ground leaves some more (fast convergence). */
static uint32_t reduce(struct tcp_call *c, struct tcp_ext *ext, uint32_t flight)
{
	uint32_t cwnd = c->tcb->cwnd;

	ext->w_max = cwnd < ext->w_max ? (uint32_t)((uint64_t)cwnd * 17 / 20) : cwnd;
	ext->cwnd_prior = cwnd;
	return (uint32_t)((uint64_t)flight * 7 / 10);
}

const struct tcp_cc_ops leat_tcp_cc_cubic = {"cubic", avoid, reduce};
