/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_bits.h"
#include "inet_table.h"

static const struct ip all_nodes = {UINT64_C(0xff02) << 48, 1};

/* RFC 4861 7.2.3.  A solicitation without source is duplicate address detection: somebody wants
 * an address of ours, and everybody is told whose it is (RFC 4862 5.4.3). */
static void solicited(struct inet_neigh *n, const struct pkt *p)
{
	const struct icmp_nd *nd = &p->icmp.nd;
	struct ip from = p->tuple.remote;
	struct inet_answer answer = {.own = nd->target, .to = from, .solicited = true};

	if (!leat_wire_is_local(&n->link, nd->target) || leat_wire_is_quiet(&n->link, nd->target))
		return;
	if (ip_is_any(from)) {
		n->cnt.own_address_seen++;
		answer.to = all_nodes;
		answer.mac = icmp_nd_group_mac(all_nodes);
		answer.solicited = false;
	} else {
		answer.mac = nd->has_ll ? nd->ll : p->src;
		if (inet_mac_is_group(answer.mac) || leat_wire_is_local(&n->link, from))
			return;
		if (nd->has_ll)
			leat_inet_learn(n, from, nd->ll);
	}
	leat_inet_answer(n, &answer);
}

/* RFC 4861 7.2.5, but what nobody asked for changes nothing (N047). */
static void advertised(struct inet_neigh *n, const struct icmp_nd *nd, uint64_t now)
{
	struct inet_entry *e = leat_inet_entry(n, nd->target);

	if (leat_wire_is_local(&n->link, nd->target)) {
		n->cnt.own_address_seen += !leat_wire_is_quiet(&n->link, nd->target);
		return;
	}
	if (e == NULL || !inet_is_asking(e) || (nd->has_ll && inet_mac_is_group(nd->ll))) {
		n->cnt.refused_unsolicited++;
		return;
	}
	if (e->state == INET_ST_INCOMPLETE) {
		if (nd->has_ll)
			leat_inet_confirm(n, e, nd->ll, nd->solicited, now);
		return;
	}
	bool same = !nd->has_ll || inet_mac_eq(nd->ll, e->mac);
	if (!nd->solicited || (!same && !nd->override)) {
		n->cnt.refused_unsolicited++;
		return;
	}
	leat_inet_confirm(n, e, nd->has_ll ? nd->ll : e->mac, true, now);
}

void leat_inet_neigh_nd(struct inet_neigh *n, const struct pkt *p, uint64_t now)
{
	if (p->icmp.nd.solicitation)
		solicited(n, p);
	else
		advertised(n, &p->icmp.nd, now);
}

static uint32_t put(const struct inet_neigh *n, const struct mac *dst, const struct tuple *tuple,
	const struct icmp_nd *nd, uint8_t *frame)
{
	uint8_t body[ICMP_ND_OCTETS_MAX];
	uint32_t octets = leat_wire_icmp_nd_put(body, tuple, nd);
	struct ip_hdr hdr = {.proto = WIRE_PROTO_ICMP6, .ttl = ICMP_ND_HOP_LIMIT, .octets = octets};
	uint32_t at = leat_wire_pkt_hdr_put(frame, &n->link, dst, tuple, &hdr);

	DCHECK(octets <= ICMP_ND_OCTETS_MAX);
	DCHECK(at + octets <= INET_FRAME_MAX);
	__builtin_memcpy(frame + at, body, octets);
	return at + octets;
}

uint32_t leat_inet_nd_ask_put(
	const struct inet_neigh *n, const struct inet_entry *e, struct ip own, uint8_t *frame)
{
	bool probe = e->state == INET_ST_PROBE;
	struct tuple tuple = {.local = own, .remote = probe ? e->ip : icmp_nd_group(e->ip)};
	struct mac mac = probe ? e->mac : icmp_nd_group_mac(tuple.remote);
	struct icmp_nd nd = {
		.solicitation = true, .has_ll = true, .ll = n->link.mac, .target = e->ip};

	return put(n, &mac, &tuple, &nd, frame);
}

uint32_t leat_inet_nd_answer_put(
	const struct inet_neigh *n, const struct inet_answer *a, uint8_t *frame)
{
	struct tuple tuple = {.local = a->own, .remote = a->to};
	struct icmp_nd nd = {.has_ll = true,
		.solicited = a->solicited,
		.override = true,
		.ll = n->link.mac,
		.target = a->own};

	return put(n, &a->mac, &tuple, &nd, frame);
}
