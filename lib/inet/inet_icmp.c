/* SPDX-License-Identifier: BSD-3-Clause */
#include "inet_icmp.h"

#include "base_arena.h"
#include "base_assert.h"

#include <string.h>

struct echo_reply {
	struct tuple tuple;
	struct mac mac;
	uint8_t proto;
	uint32_t octets;
	uint8_t *message;
};

struct inet_icmp {
	struct wire_link link;
	uint8_t ttl;
	uint32_t head, cnt;
	struct inet_icmp_counters counters;
	struct echo_reply reply[INET_ECHO_MAX];
};

size_t leat_inet_icmp_footprint(const struct wire_link *link)
{
	struct arena a = arena_at(NULL);

	if (link->mtu == 0)
		return 0;
	arena_take(&a, 1, sizeof(struct inet_icmp), CACHE_LINE);
	arena_take(&a, INET_ECHO_MAX, link->mtu, CACHE_LINE);
	return arena_used(&a);
}

struct inet_icmp *leat_inet_icmp_new(void *mem, const struct wire_link *link, uint8_t ttl)
{
	struct arena a = arena_at(mem);
	struct inet_icmp *i = arena_take(&a, 1, sizeof(*i), CACHE_LINE);
	uint8_t *message = arena_take(&a, INET_ECHO_MAX, link->mtu, CACHE_LINE);

	memset(i, 0, sizeof(*i));
	i->link = *link;
	i->ttl = ttl;
	for (uint32_t r = 0; r < INET_ECHO_MAX; r++)
		i->reply[r].message = message + (size_t)r * link->mtu;
	return i;
}

void leat_inet_icmp_echo(struct inet_icmp *i, const struct pkt *p)
{
	const struct tuple *t = &p->tuple;
	struct icmp_echo echo = p->icmp.echo;
	bool group_mac = !i->link.raw_ip && (p->src.octet[0] & 1) != 0;

	/* The request may have come to a group address; the reply leaves from one of ours only. */
	if (group_mac || leat_wire_ip_is_group(t->remote) || ip_is_any(t->remote) ||
		leat_wire_is_local(&i->link, t->remote) ||
		!leat_wire_is_local(&i->link, t->local)) {
		i->counters.echo_refused++;
		return;
	}
	if (i->cnt == INET_ECHO_MAX || ICMP_HDR_OCTETS + echo.octets > i->link.mtu) {
		i->counters.echo_no_room++;
		return;
	}
	struct echo_reply *r = &i->reply[(i->head + i->cnt++) % INET_ECHO_MAX];
	echo.reply = true;
	r->tuple = *t;
	r->mac = p->src;
	r->proto = ip_is4(t->remote) ? WIRE_PROTO_ICMP : WIRE_PROTO_ICMP6;
	r->octets = leat_wire_icmp_echo_put(r->message, t, &echo);
	DCHECK(r->octets <= p->l4_octets);
}

uint32_t leat_inet_icmp_output(struct inet_icmp *i, uint8_t *frame)
{
	if (i->cnt == 0)
		return 0;
	const struct echo_reply *r = &i->reply[i->head];
	struct ip_hdr hdr = {.proto = r->proto, .ttl = i->ttl, .octets = r->octets};
	uint32_t at = leat_wire_pkt_hdr_put(frame, &i->link, &r->mac, &r->tuple, &hdr);

	memcpy(frame + at, r->message, r->octets);
	i->head = (i->head + 1) % INET_ECHO_MAX;
	i->cnt--;
	i->counters.echo_answered++;
	return at + r->octets;
}

static void count_error4(struct inet_icmp_counters *c, const struct icmp_error *e)
{
	if (e->type == WIRE_ICMP4_UNREACH && e->code == WIRE_ICMP4_UNREACH_FRAG)
		c->error_too_big++;
	else if (e->type == WIRE_ICMP4_UNREACH)
		c->error_unreach++;
	else if (e->type == WIRE_ICMP4_TIME)
		c->error_time++;
	else
		c->error_param++;
}

static void count_error6(struct inet_icmp_counters *c, const struct icmp_error *e)
{
	if (e->type == WIRE_ICMP6_TOO_BIG)
		c->error_too_big++;
	else if (e->type == WIRE_ICMP6_UNREACH)
		c->error_unreach++;
	else if (e->type == WIRE_ICMP6_TIME)
		c->error_time++;
	else
		c->error_param++;
}

void leat_inet_icmp_error(struct inet_icmp *i, const struct pkt *p)
{
	if (ip_is4(p->tuple.local))
		count_error4(&i->counters, &p->icmp.error);
	else
		count_error6(&i->counters, &p->icmp.error);
}

const struct inet_icmp_counters *leat_inet_icmp_counters(const struct inet_icmp *i)
{
	return &i->counters;
}
