/* SPDX-License-Identifier: BSD-3-Clause */
#include "load_hops.h"

#include "base_log.h"

#define AT_ONCE 256

/* hop_of is where what goes to ip is sent: to itself, or the gateway. */
static struct ip hop_of(const struct stack_config *c, struct ip ip)
{
	if (leat_inet_on_link(&c->link, ip))
		return ip;
	return ip_is4(ip) ? c->gateway4 : c->gateway6;
}

/* is_known asks for the next hop of the address at h, and goes on to the next one. */
static bool is_known(struct load_hops *h)
{
	const struct load_target *t = &h->need->target[h->target];
	struct ip hop = hop_of(&h->need->plan.stack, load_addr_nth(&t->first, h->addr));
	struct mac mac;
	bool known = ip_is_any(hop) || leat_inet_neigh_find(leat_stack_neigh(h->shard->stack), hop,
					       h->shard->now, &mac) == INET_NEIGH_FOUND;

	if (!known && h->all)
		h->silent = hop;
	if (++h->addr == t->addr_cnt) {
		h->addr = 0;
		h->target++;
	}
	return known;
}

void leat_load_hops_ask(void *arg)
{
	struct load_hops *h = arg, next = *h;
	uint32_t target_cnt = h->need->target_cnt, looked = 0;

	next.all = true;
	next.more = false;
	while (next.all && next.target < target_cnt && looked < LOAD_HOPS_LOOK) {
		*h = next;
		for (uint32_t i = 0; i < AT_ONCE && next.target < target_cnt; i++)
			next.all &= is_known(&next);
		looked += AT_ONCE;
		next.more |= next.all;
	}
	if (next.all)
		*h = next;
	h->silent = next.silent;
	h->all = next.all;
	h->ended = next.all && h->target == target_cnt;
}

void leat_load_hops_say(const struct load_hops *hops, const struct plane *plane)
{
	char text[IP_TEXT_MAX];
	uint32_t i = 0, heard = 0;

	while (heard < plane->shard_cnt && plane->shard[heard].heard)
		heard++;
	while (i < plane->shard_cnt && (!plane->shard[i].heard || hops[i].all))
		i++;
	if (i == plane->shard_cnt && heard < plane->shard_cnt)
		leat_log(LOG_LV_ERROR, "leatd",
			"shard %u does not turn; it did not say which next hops of targets it "
			"knows",
			heard);
	if (i == plane->shard_cnt)
		return;
	leat_wire_ip_text(hops[i].silent, text);
	leat_log(LOG_LV_ERROR, "leatd",
		"a target or the gateway, %s, does not answer who it is (ARP, ND): is it up, and "
		"is --address of its network?",
		text);
}
