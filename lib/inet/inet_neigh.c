/* SPDX-License-Identifier: BSD-3-Clause */
#include "inet_neigh.h"

#include "base_arena.h"
#include "inet_table.h"

#include <string.h>

#define ENTRY_MAX (UINT32_C(1) << 20)

static struct inet_neigh *cut(struct arena *a, uint32_t entry_max)
{
	struct inet_neigh *n = arena_take(a, 1, sizeof(*n), CACHE_LINE);
	struct inet_entry *entry = arena_take(a, entry_max, sizeof(*entry), CACHE_LINE);
	uint32_t *bucket = arena_take(a, pow2_ceil(entry_max), sizeof(*bucket), CACHE_LINE);
	uint32_t *ask = arena_take(a, entry_max, sizeof(*ask), CACHE_LINE);
	size_t ring_octets = leat_timer_ring_footprint(entry_max);
	uint8_t *ring = arena_take(a, ring_octets, 1, CACHE_LINE);
	uint8_t *spare = arena_take(a, ring_octets, 1, CACHE_LINE);
	uint8_t *used = arena_take(a, ring_octets, 1, CACHE_LINE);

	if (n == NULL)
		return NULL;
	memset(n, 0, sizeof(*n));
	n->entry = entry;
	n->bucket = bucket;
	n->ask = ask;
	n->ring = leat_timer_ring_new(ring, entry_max, INET_ASK_EVERY);
	n->spare = leat_timer_ring_new(spare, entry_max, 0);
	n->used = leat_timer_ring_new(used, entry_max, 0);
	return n;
}

size_t leat_inet_neigh_footprint(uint32_t entry_max)
{
	struct arena a = arena_at(NULL);

	if (entry_max == 0 || entry_max > ENTRY_MAX)
		return 0;
	(void)cut(&a, entry_max);
	return arena_used(&a);
}

struct inet_neigh *leat_inet_neigh_new(
	void *mem, uint32_t entry_max, const struct wire_link *link, uint64_t seed)
{
	struct arena a = arena_at(mem);
	struct inet_neigh *n = cut(&a, entry_max);

	n->link = *link;
	leat_prng_seed(&n->prng, seed);
	n->key.k0 = leat_prng_next(&n->prng); /* one after the other: a list has no order */
	n->key.k1 = leat_prng_next(&n->prng);
	n->entry_max = entry_max;
	n->bucket_mask = (uint32_t)pow2_ceil(entry_max) - 1;
	for (uint32_t i = 0; i <= n->bucket_mask; i++)
		n->bucket[i] = INET_NONE;
	memset(n->entry, 0, entry_max * sizeof(*n->entry));
	for (uint32_t i = 0; i < entry_max; i++)
		n->entry[i].next = i + 1 < entry_max ? i + 1 : INET_NONE;
	for (uint32_t i = 0; i < INET_RECENT; i++)
		n->recent[i] = INET_NONE;
	return n;
}

bool leat_inet_on_link(const struct wire_link *link, struct ip ip)
{
	if (!ip_is4(ip) && ip.hi >> 54 == 0xfe80 >> 6)
		return true; /* RFC 4291 2.5.6 */
	for (uint32_t i = 0; i < link->local_cnt; i++) {
		const struct wire_local *l = &link->local[i];

		if (ip_in_prefix(ip, l->ip, l->prefix_bits))
			return true;
	}
	return false;
}

static bool has_range(const struct wire_link *link)
{
	return !ip_is_any(link->range_to);
}

bool leat_inet_own_for(const struct wire_link *link, struct ip ip, struct ip *own)
{
	bool found = false;

	if (has_range(link) && ip_is4(link->range_from) == ip_is4(ip)) {
		*own = link->range_from;
		found = true;
	}
	for (uint32_t i = link->local_cnt; i-- > 0;) {
		const struct wire_local *l = &link->local[i];

		if ((link->quiet >> i & 1) != 0 || ip_is4(l->ip) != ip_is4(ip))
			continue;
		*own = l->ip;
		found = true;
		if (ip_in_prefix(ip, l->ip, l->prefix_bits))
			return true;
	}
	return found;
}

static uint32_t *bucket_of(struct inet_neigh *n, struct ip ip)
{
	uint64_t word[2] = {ip.hi, ip.lo};

	return &n->bucket[leat_hash_sip13(&n->key, word, 2) & n->bucket_mask];
}

static uint32_t idx_of(const struct inet_neigh *n, const struct inet_entry *e)
{
	return (uint32_t)(e - n->entry);
}

static uint32_t *recent_of(struct inet_neigh *n, struct ip ip)
{
	return &n->recent[ip.lo % INET_RECENT];
}

struct inet_entry *leat_inet_entry(struct inet_neigh *n, struct ip ip)
{
	uint32_t *recent = recent_of(n, ip);

	if (*recent != INET_NONE && ip_eq(n->entry[*recent].ip, ip))
		return &n->entry[*recent];
	for (uint32_t i = *bucket_of(n, ip); i != INET_NONE; i = n->entry[i].next) {
		if (!ip_eq(n->entry[i].ip, ip))
			continue;
		*recent = i;
		return &n->entry[i];
	}
	return NULL;
}

/* rank puts e last in an order of giving up, or, with NULL, in none: a question that is on its way
 * ends by itself, and giving up one for the next would only make more questions. */
static void rank(struct inet_neigh *n, const struct inet_entry *e, struct timer_ring *order)
{
	uint32_t idx = idx_of(n, e);

	leat_timer_ring_stop(n->spare, idx);
	leat_timer_ring_stop(n->used, idx);
	if (order != NULL && !e->keep && e->state != INET_ST_FIXED)
		leat_timer_ring_start(order, idx, ++n->ranked);
}

static void rank_used(struct inet_neigh *n, const struct inet_entry *e)
{
	if (e->keep || e->state == INET_ST_FIXED)
		return;
	uint64_t ranked = leat_timer_ring_deadline(n->used, idx_of(n, e));

	/* The one used last stays where it is; who was used before is in no other order. */
	if (ranked == TIME_NEVER)
		rank(n, e, n->used);
	else if (ranked != n->ranked)
		leat_timer_ring_start(n->used, idx_of(n, e), ++n->ranked);
}

/* release gives an entry back that is in no order of giving up. */
static void release(struct inet_neigh *n, uint32_t idx)
{
	struct inet_entry *e = &n->entry[idx];
	uint32_t *at = bucket_of(n, e->ip);

	DCHECK(!e->keep);
	DCHECK(e->state != INET_ST_INCOMPLETE);
	while (*at != idx)
		at = &n->entry[*at].next;
	*at = e->next;
	leat_timer_ring_stop(n->ring, idx);
	if (*recent_of(n, e->ip) == idx)
		*recent_of(n, e->ip) = INET_NONE;
	e->state = INET_ST_FREE;
	e->next = n->free;
	n->free = idx;
}

static void evict_one(struct inet_neigh *n)
{
	uint32_t idx;

	if (leat_timer_ring_expire(n->spare, n->ranked, &idx, 1) == 0 &&
		leat_timer_ring_expire(n->used, n->ranked, &idx, 1) == 0)
		return;
	release(n, idx);
	n->cnt.evicted++;
}

/* entry_new makes an entry in state NONE; NULL when none can be given up for it. */
static struct inet_entry *entry_new(struct inet_neigh *n, struct ip ip)
{
	if (n->free == INET_NONE)
		evict_one(n);
	if (n->free == INET_NONE) {
		n->cnt.no_room++;
		return NULL;
	}
	uint32_t idx = n->free;
	struct inet_entry *e = &n->entry[idx];
	uint32_t *bucket = bucket_of(n, ip);
	bool queued = e->queued; /* the index may still be in the ring of questions */

	DCHECK(e->state == INET_ST_FREE);
	n->free = e->next;
	*e = (struct inet_entry){
		.ip = ip, .next = *bucket, .state = INET_ST_NONE, .queued = queued};
	*bucket = idx;
	return e;
}

static void ask(struct inet_neigh *n, struct inet_entry *e, uint64_t now)
{
	uint32_t idx = idx_of(n, e);

	e->asks++;
	e->ask_from = now + INET_ASK_EVERY;
	leat_timer_ring_start(n->ring, idx, now);
	if (e->queued)
		return;
	DCHECK(n->ask_cnt < n->entry_max);
	e->queued = true;
	n->ask[(n->ask_head + n->ask_cnt++) % n->entry_max] = idx;
}

static void ask_first(
	struct inet_neigh *n, struct inet_entry *e, enum inet_state state, uint64_t now)
{
	e->state = (uint8_t)state;
	e->asks = 0;
	if (state == INET_ST_INCOMPLETE)
		rank(n, e, NULL);
	ask(n, e, now);
}

enum inet_neigh_answer leat_inet_neigh_find(
	struct inet_neigh *n, struct ip hop, uint64_t now, struct mac *mac)
{
	struct inet_entry *e = leat_inet_entry(n, hop);
	struct ip own;

	DCHECK(!n->link.raw_ip);
	if (e == NULL && leat_inet_own_for(&n->link, hop, &own))
		e = entry_new(n, hop);
	if (e == NULL)
		return INET_NEIGH_FAILED;
	if (e->state == INET_ST_INCOMPLETE)
		return INET_NEIGH_ASKING;
	if (e->state == INET_ST_FAILED && now < e->until)
		return INET_NEIGH_FAILED;
	if (e->state == INET_ST_FAILED || e->state == INET_ST_NONE) {
		ask_first(n, e, INET_ST_INCOMPLETE, now);
		return INET_NEIGH_ASKING;
	}
	/* RFC 4861 7.3.3: what is stale is used while it is being verified; RFC 1122 2.3.2.1: once
	 * a second, however often requests of others change it. */
	if ((e->state == INET_ST_STALE && now >= e->ask_from) ||
		(e->state == INET_ST_REACHABLE && now >= e->until))
		ask_first(n, e, INET_ST_PROBE, now);
	rank_used(n, e);
	*mac = e->mac;
	return INET_NEIGH_FOUND;
}

bool leat_inet_neigh_sure(struct inet_neigh *n, struct ip hop, uint64_t now)
{
	struct inet_entry *e = leat_inet_entry(n, hop);
	struct mac mac;

	if (e != NULL && (e->state == INET_ST_STALE || e->state == INET_ST_FIXED ||
				 (e->state == INET_ST_REACHABLE && now < e->until)))
		return true;
	enum inet_neigh_answer answer = leat_inet_neigh_find(n, hop, now, &mac);
	if (e != NULL && answer == INET_NEIGH_FAILED &&
		leat_timer_ring_deadline(n->ring, idx_of(n, e)) == TIME_NEVER)
		leat_timer_ring_start(n->ring, idx_of(n, e), now);
	return false;
}

static void set_mac(
	struct inet_neigh *n, struct inet_entry *e, struct mac mac, enum inet_state state)
{
	leat_timer_ring_stop(n->ring, idx_of(n, e));
	e->mac = mac;
	e->state = (uint8_t)state;
	n->changed = true;
}

void leat_inet_learn(struct inet_neigh *n, struct ip ip, struct mac mac)
{
	if (inet_mac_is_group(mac) || ip_is_any(ip) || !leat_inet_on_link(&n->link, ip))
		return;
	struct inet_entry *e = leat_inet_entry(n, ip);
	if (e == NULL)
		e = entry_new(n, ip);
	if (e == NULL || e->state == INET_ST_FIXED)
		return;
	bool usable = e->state == INET_ST_REACHABLE || e->state == INET_ST_STALE ||
		      e->state == INET_ST_PROBE;
	if (usable && inet_mac_eq(e->mac, mac))
		return;
	n->cnt.learned++;
	if (e->state == INET_ST_INCOMPLETE)
		rank(n, e, n->used);
	else if (!usable)
		rank(n, e, n->spare);
	set_mac(n, e, mac, INET_ST_STALE);
}

void leat_inet_confirm(
	struct inet_neigh *n, struct inet_entry *e, struct mac mac, bool reachable, uint64_t now)
{
	uint64_t ms = INET_REACHABLE_FOR / TIME_MS;

	DCHECK(inet_is_asking(e));
	if (e->state == INET_ST_INCOMPLETE)
		rank(n, e, n->used);
	set_mac(n, e, mac, reachable ? INET_ST_REACHABLE : INET_ST_STALE);
	e->until = now + (ms / 2 + leat_prng_below(&n->prng, (uint32_t)ms)) * TIME_MS;
}

static struct inet_entry *entry_made(struct inet_neigh *n, struct ip hop)
{
	struct inet_entry *e = leat_inet_entry(n, hop);

	if (e == NULL)
		e = entry_new(n, hop);
	ASSERT(e != NULL);
	return e;
}

void leat_inet_neigh_doubt(struct inet_neigh *n, struct ip hop)
{
	struct inet_entry *e = leat_inet_entry(n, hop);

	/* A thousand connections whose peers are silent say no more of hop than one does, and less
	 * than its own answer, which came before ask_from. */
	if (e != NULL && e->state == INET_ST_REACHABLE)
		e->until = u64_min(e->until, e->ask_from + INET_SURE_FOR);
}

void leat_inet_neigh_doubt_all(struct inet_neigh *n)
{
	for (uint32_t i = 0; i < n->entry_max; i++) {
		if (n->entry[i].state == INET_ST_REACHABLE || n->entry[i].state == INET_ST_FAILED)
			n->entry[i].until = 0;
	}
}

void leat_inet_neigh_forget(struct inet_neigh *n)
{
	for (uint32_t i = 0; i < n->entry_max; i++) {
		struct inet_entry *e = &n->entry[i];

		if (e->state < INET_ST_REACHABLE || e->state == INET_ST_FIXED)
			continue; /* nothing is known of it, or all that will ever be */
		if (e->keep) {
			leat_timer_ring_stop(n->ring, i);
			e->state = INET_ST_NONE;
			continue;
		}
		rank(n, e, NULL);
		release(n, i);
	}
}

void leat_inet_neigh_set(struct inet_neigh *n, struct ip hop, struct mac mac)
{
	struct inet_entry *e = entry_made(n, hop);

	set_mac(n, e, mac, INET_ST_FIXED);
	rank(n, e, NULL);
}

void leat_inet_neigh_keep(struct inet_neigh *n, struct ip hop)
{
	struct inet_entry *e = entry_made(n, hop);

	e->keep = true;
	rank(n, e, NULL);
}

bool leat_inet_neigh_changed(struct inet_neigh *n)
{
	bool changed = n->changed;

	n->changed = false;
	return changed;
}

void leat_inet_answer(struct inet_neigh *n, const struct inet_answer *answer)
{
	if (n->answer_cnt == INET_ANSWER_MAX) {
		n->cnt.unanswered++;
		return;
	}
	n->answer[(n->answer_head + n->answer_cnt++) % INET_ANSWER_MAX] = *answer;
}

static uint32_t next_ask(struct inet_neigh *n, uint8_t *frame)
{
	while (n->ask_cnt > 0) {
		struct inet_entry *e = &n->entry[n->ask[n->ask_head]];
		struct ip own;

		n->ask_head = (n->ask_head + 1) % n->entry_max;
		n->ask_cnt--;
		e->queued = false;
		if (!inet_is_asking(e) || !leat_inet_own_for(&n->link, e->ip, &own))
			continue;
		n->cnt.asked++;
		return ip_is4(e->ip) ? leat_inet_arp_ask_put(n, e, own, frame)
				     : leat_inet_nd_ask_put(n, e, own, frame);
	}
	return 0;
}

uint32_t leat_inet_neigh_output(struct inet_neigh *n, uint8_t *frame)
{
	uint32_t octets = next_ask(n, frame);

	if (octets > 0 || n->answer_cnt == 0)
		return octets;
	const struct inet_answer *a = &n->answer[n->answer_head];
	n->answer_head = (n->answer_head + 1) % INET_ANSWER_MAX;
	n->answer_cnt--;
	n->cnt.answered++;
	return ip_is4(a->own) ? leat_inet_arp_answer_put(n, a, frame)
			      : leat_inet_nd_answer_put(n, a, frame);
}

static void ask_again(struct inet_neigh *n, struct inet_entry *e, uint64_t now)
{
	if (e->state == INET_ST_FAILED) { /* somebody still waits for it */
		ask_first(n, e, INET_ST_INCOMPLETE, now);
		return;
	}
	DCHECK(inet_is_asking(e));
	if (e->asks < INET_ASK_MAX) {
		ask(n, e, now);
		return;
	}
	e->state = INET_ST_FAILED;
	e->until = now + INET_FAILED_FOR;
	rank(n, e, n->spare);
	n->cnt.failed++;
	n->changed = true;
}

uint32_t leat_inet_neigh_timers(struct inet_neigh *n, uint64_t now, uint32_t max)
{
	uint32_t idx, fired = 0;

	while (fired < max && leat_timer_ring_expire(n->ring, now, &idx, 1) == 1) {
		ask_again(n, &n->entry[idx], now);
		fired++;
	}
	return fired;
}

uint64_t leat_inet_neigh_next_deadline(const struct inet_neigh *n)
{
	return leat_timer_ring_next(n->ring);
}

const struct inet_neigh_counters *leat_inet_neigh_counters(const struct inet_neigh *n)
{
	return &n->cnt;
}
