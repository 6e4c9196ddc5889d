/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_WIRE_ENDS_H
#define LEAT_WIRE_ENDS_H

/* wire_ends: the two ends of a connection in 16 octets, of IPv6 in 24.
 *
 *	IPv4  │ local 4        │ remote 4       │ lport 2 │ rport 2 │ none 4          │
 *	IPv6  │ remote[8..11]  │ 255, number 3  │ lport 2 │ rport 2 │ remote[12..15]  │
 *
 * The first eight octets of a remote of IPv6 stand apart, as only a stack with an address of IPv6
 * has them.  Our addresses have numbers: first those of the link, then the range; they do not
 * change while a stack is there.
 *
 * Affinity   none; pure. */

#include "wire_pkt.h"

struct ends46 {
	struct ends4 in4; /* wide: ends4_is_wide */
	uint32_t low;
};

STATIC_ASSERT(sizeof(struct ends46) == 16, "a tuple of IPv4, and four octets");

#define ENDS_ANY (ENDS4_ANY - ENDS4_WIDE) /* the number of no address of ours */

static inline uint32_t wire_range_cnt(const struct wire_link *link)
{
	if (ip_is_any(link->range_to) || link->range_to.lo < link->range_from.lo)
		return 0;
	return (uint32_t)(link->range_to.lo - link->range_from.lo + 1);
}

/* wire_own_cnt is how many addresses we have; wire_own_at is that with this number, and
 * wire_own_idx the number of an address, UINT32_MAX: it is none of ours. */
static inline uint32_t wire_own_cnt(const struct wire_link *link)
{
	return link->local_cnt + wire_range_cnt(link);
}

static inline struct ip wire_own_at(const struct wire_link *link, uint32_t idx)
{
	if (idx < link->local_cnt)
		return link->local[idx].ip;
	return (struct ip){link->range_from.hi, link->range_from.lo + idx - link->local_cnt};
}

static inline uint32_t wire_own_idx(const struct wire_link *link, struct ip ip)
{
	uint64_t far = ip.lo - link->range_from.lo;

	for (uint32_t i = 0; i < link->local_cnt; i++)
		if (ip_eq(link->local[i].ip, ip))
			return i;
	return ip.hi == link->range_from.hi && far < wire_range_cnt(link)
		       ? link->local_cnt + (uint32_t)far
		       : UINT32_MAX;
}

/* ends_wide_set makes wide ends of a tuple that a struct ends4 cannot tell; high gets what stands
 * apart.  Assumes zone 0, and a local address that is ours or none. */
static inline void ends_wide_set(
	struct ends46 *e, uint64_t *high, const struct wire_link *link, const struct tuple *t)
{
	uint32_t idx = ip_is_any(t->local) ? ENDS_ANY : wire_own_idx(link, t->local);

	ASSERT(idx <= ENDS_ANY && t->zone == 0);
	e->in4 = (struct ends4){
		(uint32_t)(t->remote.lo >> 32), ENDS4_WIDE | idx, t->lport, t->rport};
	e->low = (uint32_t)t->remote.lo;
	*high = t->remote.hi;
}

/* ends_wide_tuple writes the tuple of wide ends. */
static inline void ends_wide_tuple(
	const struct ends46 *e, uint64_t high, const struct wire_link *link, struct tuple *t)
{
	uint32_t idx = e->in4.remote - ENDS4_WIDE;

	DCHECK(ends4_is_wide(&e->in4));
	t->local = idx == ENDS_ANY ? (struct ip){0, 0} : wire_own_at(link, idx);
	t->remote = (struct ip){high, (uint64_t)e->in4.local << 32 | e->low};
	t->lport = e->in4.lport;
	t->rport = e->in4.rport;
	t->zone = 0;
}

#endif
