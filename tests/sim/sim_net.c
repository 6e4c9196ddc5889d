/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim.h"

#include "base_assert.h"
#include "base_be.h"
#include "base_bits.h"
#include "base_time.h"

#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, octets)   ((void)(at), (void)(octets))
#define ASAN_UNPOISON_MEMORY_REGION(at, octets) ((void)(at), (void)(octets))
#endif

#define SLAB_BUFS  64
#define CANARY     UINT64_C(0x6c65617473696d21)
#define GUARD      UINT32_C(0x5afe5afe)
#define MAC_OCTETS 6
#define ETH_OCTETS 14
#define BELL       4 /* even ones that make up one draw of a bell */

/* ---- buffers ---- */

static void slab_add(struct sim_world *w)
{
	uint32_t data_octets = (uint32_t)align_up(w->buf_octets + sizeof(uint64_t), CACHE_LINE);
	struct sim_buf *slab = calloc(SLAB_BUFS, sizeof(*slab) + data_octets);
	uint8_t *data = (uint8_t *)(slab + SLAB_BUFS);

	ASSERT(slab != NULL);
	w->slab = realloc(w->slab, (w->slab_cnt + 1) * sizeof(struct sim_buf *));
	ASSERT(w->slab != NULL);
	w->slab[w->slab_cnt++] = slab;
	for (uint32_t i = 0; i < SLAB_BUFS; i++) {
		struct sim_buf *b = &slab[SLAB_BUFS - 1 - i];

		b->data = data + (size_t)(SLAB_BUFS - 1 - i) * data_octets;
		be64_put(b->data + w->buf_octets, CANARY);
		b->guard = GUARD;
		b->next = w->free_list;
		w->free_list = b;
	}
	w->buf_cnt += SLAB_BUFS;
	w->owned[SIM_OWNER_FREE] += SLAB_BUFS;
}

struct sim_buf *leat_sim_buf_take(struct sim_world *w, enum sim_owner owner)
{
	if (!w->free_list)
		slab_add(w);
	struct sim_buf *b = w->free_list;

	w->free_list = b->next;
	b->next = NULL;
	b->octets = 0;
	b->src = b->dst = SIM_ANY;
	b->born_at = w->now;
	leat_sim_buf_own(w, b, owner);
	return b;
}

struct sim_buf *leat_sim_buf_copy(struct sim_world *w, const struct sim_buf *from)
{
	struct sim_buf *b = leat_sim_buf_take(w, SIM_OWNER_NET);

	b->octets = from->octets;
	b->born_at = from->born_at;
	b->src = from->src;
	b->dst = from->dst;
	memcpy(b->data, from->data, from->octets);
	return b;
}

/* A stack may write behind what arrived (pkt.room), but not behind the buffer. */
void leat_sim_buf_own(struct sim_world *w, struct sim_buf *b, enum sim_owner owner)
{
	size_t behind = sizeof(uint64_t);

	if (b->owner == SIM_OWNER_STACK) {
		ASAN_UNPOISON_MEMORY_REGION(b->data + w->buf_octets, behind);
		if (b->guard != GUARD || be64_get(b->data + w->buf_octets) != CANARY)
			leat_sim_fail(w, "14 a buffer was written behind its end");
	}
	w->owned[b->owner]--;
	w->owned[owner]++;
	b->owner = (uint8_t)owner;
	if (owner == SIM_OWNER_STACK)
		ASAN_POISON_MEMORY_REGION(b->data + w->buf_octets, behind);
}

void leat_sim_buf_free(struct sim_world *w, struct sim_buf *b)
{
	if (b->owner == SIM_OWNER_FREE)
		leat_sim_fail(w, "14 a buffer was given back twice");
	leat_sim_buf_own(w, b, SIM_OWNER_FREE);
	b->next = w->free_list;
	w->free_list = b;
}

/* ---- where a frame goes ---- */

static uint32_t host_of_ip(const struct sim_world *w, const uint8_t *ip)
{
	struct ip dst;

	if (ip[0] >> 4 == 4)
		dst = ip_from4(be32_get(ip + 16));
	else
		dst = (struct ip){be64_get(ip + 24), be64_get(ip + 32)};
	for (uint32_t h = 0; h < w->plan.host_cnt; h++) {
		if (ip_eq(dst, w->host[h].addr))
			return h;
		for (uint32_t s = 0; s < w->plan.host[h].shards; s++)
			if (ip_eq(dst, leat_sim_host_addr(w, h, s)))
				return h;
	}
	return SIM_ANY;
}

static uint32_t host_of_mac(const struct sim_world *w, const uint8_t *mac)
{
	for (uint32_t h = 0; h < w->plan.host_cnt; h++)
		if (memcmp(w->host[h].mac.octet, mac, MAC_OCTETS) == 0)
			return h;
	return SIM_ANY;
}

void leat_sim_arrive_at(struct sim_world *w, struct sim_buf *b, uint64_t at)
{
	if (at - b->born_at > w->msl) {
		w->stats.too_old++;
		leat_sim_buf_free(w, b);
		return;
	}
	leat_sim_middle_shift(w, b);
	leat_sim_at(
		w, (struct sim_event){.at = at, .kind = SIM_EVENT_FRAME, .host = b->dst, .buf = b});
}

/* RFC 3168 5: congestion is told to those who asked to hear of it. */
static void mark(struct sim_world *w, struct sim_buf *b)
{
	uint8_t *ip = b->data + (w->plan.raw_ip ? 0 : ETH_OCTETS);
	struct watch_pkt p;

	if (leat_sim_watch_parse(b->data, b->octets, w->plan.raw_ip, &p) || p.ecn == 0)
		return;
	if (p.is4)
		ip[1] |= WATCH_ECN_CE;
	else
		ip[1] |= WATCH_ECN_CE << 4;
	leat_sim_checksum(w, b->data, b->octets);
	w->stats.marked++;
}

/* The bottleneck: a rate, and a queue that drops what it has no room for. */
static bool through_queue(struct sim_world *w, struct sim_buf *b, uint64_t *out)
{
	const struct sim_link *link = &w->plan.link[b->src][b->dst];
	uint64_t *free_at = &w->link_free[b->src][b->dst];
	uint64_t start = u64_max(w->now, *free_at);

	*out = start;
	if (link->octets_per_s == 0)
		return true;
	uint64_t waiting = (start - w->now) * link->octets_per_s / TIME_S;
	if (waiting + b->octets > link->queue_octets)
		return false;
	if (link->mark_octets > 0 && waiting > link->mark_octets)
		mark(w, b);
	*free_at = start + b->octets * TIME_S / link->octets_per_s;
	*out = *free_at;
	return true;
}

static uint64_t jitter(struct sim_world *w, const struct sim_link *link)
{
	uint64_t sum = 0;

	if (!link->normal)
		return leat_prng_next(&w->prng) % link->jitter;
	for (uint32_t i = 0; i < BELL; i++)
		sum += leat_prng_next(&w->prng) % link->jitter;
	return sum / BELL;
}

static void travel(struct sim_world *w, struct sim_buf *b)
{
	const struct sim_link *link = &w->plan.link[b->src][b->dst];
	uint64_t *last = &w->link_last[b->src][b->dst];
	uint64_t later = 0, at;

	if (w->meddling)
		b = leat_sim_meddle(w, b, &later);
	if (b && w->plan.fault_cnt > 0)
		b = leat_sim_fault_frame(w, b, &later);
	if (!b)
		return;
	if (!through_queue(w, b, &at)) {
		w->stats.lost++;
		leat_sim_buf_free(w, b);
		return;
	}
	at += link->delay;
	if (link->jitter > 0)
		at += jitter(w, link);
	at = u64_max(at, *last + 1); /* a link alone does not change the order */
	*last = at;
	leat_sim_arrive_at(w, b, at + later);
}

/* Whom it was for is no host of ours: what it learns from that, and when.  In one instant the order
 * tells nothing, so it is a sum. */
static void stranger_sees(struct sim_world *w, const struct sim_buf *b)
{
	uint64_t kept = w->digest;

	w->digest = w->now;
	leat_sim_digest_octets(w, b->data, b->octets);
	w->strangers += w->digest;
	w->digest = kept;
}

void leat_sim_send(struct sim_world *w, uint32_t src, struct sim_buf *b)
{
	const uint8_t *frame = b->data;
	uint32_t dst;

	leat_sim_buf_own(w, b, SIM_OWNER_NET);
	b->src = (uint8_t)src;
	w->stats.frames++;
	if (w->plan.raw_ip)
		dst = host_of_ip(w, frame);
	else
		dst = host_of_mac(w, frame);
	if (!w->plan.raw_ip && frame[0] & 1) {
		for (uint32_t h = 0; h < w->plan.host_cnt; h++) {
			if (h == src)
				continue;
			struct sim_buf *copy = leat_sim_buf_copy(w, b);

			copy->dst = (uint8_t)h;
			travel(w, copy);
		}
	}
	if (dst == SIM_ANY || dst == src) {
		stranger_sees(w, b);
		w->stats.nowhere++;
		leat_sim_buf_free(w, b);
		return;
	}
	b->dst = (uint8_t)dst;
	travel(w, b);
}
