/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_bits.h"
#include "inet_table.h"

static const struct mac broadcast = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

static void request(struct inet_neigh *n, const struct arp *arp)
{
	struct ip sender = ip_from4(arp->sender_ip);
	struct inet_answer answer = {
		.own = ip_from4(arp->target_ip), .to = sender, .mac = arp->sender_mac};

	if (!leat_wire_is_local(&n->link, answer.own) || leat_wire_is_quiet(&n->link, answer.own))
		return;
	/* RFC 5227 probes have no sender to learn, nor is an address of ours somebody's. */
	if (!leat_wire_is_quiet(&n->link, sender))
		leat_inet_learn(n, sender, arp->sender_mac);
	leat_inet_answer(n, &answer);
}

static void reply(struct inet_neigh *n, const struct arp *arp, uint64_t now)
{
	struct inet_entry *e = leat_inet_entry(n, ip_from4(arp->sender_ip));

	if (e == NULL || !inet_is_asking(e) || inet_mac_is_group(arp->sender_mac) ||
		!leat_wire_is_local(&n->link, ip_from4(arp->target_ip))) {
		n->cnt.refused_unsolicited++;
		return;
	}
	leat_inet_confirm(n, e, arp->sender_mac, true, now);
}

void leat_inet_neigh_arp(struct inet_neigh *n, const struct pkt *p, uint64_t now)
{
	const struct arp *arp = &p->arp;

	struct ip sender = ip_from4(arp->sender_ip);

	if (arp->sender_ip != 0 && leat_wire_is_local(&n->link, sender) &&
		!leat_wire_is_quiet(&n->link, sender)) {
		n->cnt.own_address_seen++; /* RFC 5227 2.4: a conflict, or our own frame */
		return;
	}
	if (arp->op == WIRE_ARP_REQUEST)
		request(n, arp);
	else
		reply(n, arp, now);
}

static uint32_t put(
	const struct inet_neigh *n, const struct mac *dst, const struct arp *arp, uint8_t *frame)
{
	uint32_t at = leat_wire_l2_put(frame, &n->link, dst, WIRE_ETHERTYPE_ARP);

	return at + leat_wire_arp_put(frame + at, arp);
}

uint32_t leat_inet_arp_ask_put(
	const struct inet_neigh *n, const struct inet_entry *e, struct ip own, uint8_t *frame)
{
	struct arp arp = {.op = WIRE_ARP_REQUEST,
		.sender_mac = n->link.mac,
		.sender_ip = ip_to4(own),
		.target_ip = ip_to4(e->ip)};

	return put(n, e->state == INET_ST_PROBE ? &e->mac : &broadcast, &arp, frame);
}

uint32_t leat_inet_arp_answer_put(
	const struct inet_neigh *n, const struct inet_answer *a, uint8_t *frame)
{
	struct arp arp = {.op = WIRE_ARP_REPLY,
		.sender_mac = n->link.mac,
		.sender_ip = ip_to4(a->own),
		.target_mac = a->mac,
		.target_ip = ip_to4(a->to)};

	return put(n, &a->mac, &arp, frame);
}
