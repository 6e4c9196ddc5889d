/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_INET_TABLE_H
#define LEAT_INET_TABLE_H

/* inet_table: the neighbour table as inet_neigh, inet_arp and inet_nd share it; nobody else
 * includes it.
 *
 * Chained buckets under a keyed hash, and in front of them, for each of INET_RECENT ends of an
 * address, the entry that was found last: the neighbours of most links are not more, and lie side
 * by side.  Questions wait in a ring of entry indexes, each entry at
 * most once; answers in a small ring of their own.  An entry that may be given up is in one of two
 * orders, so that a flood of neighbours costs O(1) for each.
 *
 * Affinity   one lcore. */

#include "base_hash.h"
#include "base_prng.h"
#include "base_time.h"
#include "inet_neigh.h"
#include "timer_ring.h"

#define INET_NONE          UINT32_MAX
#define INET_ANSWER_MAX    32
#define INET_RECENT        256           /* a power of two */
#define INET_ASK_MAX       3             /* RFC 4861 10, MAX_MULTICAST_SOLICIT */
#define INET_ASK_EVERY     (1 * TIME_S)  /* RETRANS_TIMER */
#define INET_REACHABLE_FOR (30 * TIME_S) /* REACHABLE_TIME, times 0.5 to 1.5 */
#define INET_FAILED_FOR    (1 * TIME_S)  /* until a failed neighbour is asked for again */
#define INET_SURE_FOR      (5 * TIME_S)  /* DELAY_FIRST_PROBE_TIME: an answer is beyond doubt */

enum inet_state {
	INET_ST_FREE,
	INET_ST_NONE, /* kept, and not asked for yet */
	INET_ST_INCOMPLETE,
	INET_ST_REACHABLE,
	INET_ST_STALE,
	INET_ST_PROBE,
	INET_ST_FAILED,
	INET_ST_FIXED,
};

struct inet_entry {
	struct ip ip;
	uint64_t until;    /* REACHABLE: then STALE; FAILED: then asked for again */
	uint64_t ask_from; /* INET_ASK_EVERY after the last question; 0: there was none */
	uint32_t next;     /* in its bucket, or free */
	struct mac mac;
	uint8_t state; /* enum inet_state */
	uint8_t asks;  /* questions of this round */
	bool keep;     /* never given up */
	bool queued;   /* its index is in the ring of questions */
};

/* An ARP reply or neighbour advertisement that waits. */
struct inet_answer {
	struct ip own, to;
	struct mac mac;
	bool solicited;
};

struct inet_neigh {
	struct wire_link link;
	struct hash_key key;
	struct prng prng;
	struct inet_entry *entry;
	struct timer_ring *ring; /* INCOMPLETE and PROBE: the question's INET_ASK_EVERY */
	/* Who is given up when room is needed: of each the front first, and spare before used.
	 * Their instants are no times but values of ranked. */
	struct timer_ring *spare; /* learned and never used, or failed */
	struct timer_ring *used;  /* the one used longest ago in front */
	uint64_t ranked;
	uint32_t *bucket;
	uint32_t *ask;
	uint32_t entry_max, bucket_mask, free;
	uint32_t ask_head, ask_cnt, answer_head, answer_cnt;
	bool changed;
	struct inet_neigh_counters cnt;
	struct inet_answer answer[INET_ANSWER_MAX];
	uint32_t recent[INET_RECENT]; /* the entry of such an address that was found last */
};

/* leat_inet_entry is the entry of ip, or NULL. */
struct inet_entry *leat_inet_entry(struct inet_neigh *n, struct ip ip);

/* leat_inet_learn takes what a request to us says of its sender: makes or refreshes its entry. */
void leat_inet_learn(struct inet_neigh *n, struct ip ip, struct mac mac);

/* leat_inet_confirm takes an answer to our question: the entry is usable, and REACHABLE when the
 * answer was to us. */
void leat_inet_confirm(
	struct inet_neigh *n, struct inet_entry *e, struct mac mac, bool reachable, uint64_t now);

/* leat_inet_answer queues an answer, or counts that there is no room for it. */
void leat_inet_answer(struct inet_neigh *n, const struct inet_answer *answer);

/* The frames of each version: a question for e, and an answer.  Return their octets. */
uint32_t leat_inet_arp_ask_put(
	const struct inet_neigh *n, const struct inet_entry *e, struct ip own, uint8_t *frame);
uint32_t leat_inet_arp_answer_put(
	const struct inet_neigh *n, const struct inet_answer *a, uint8_t *frame);
uint32_t leat_inet_nd_ask_put(
	const struct inet_neigh *n, const struct inet_entry *e, struct ip own, uint8_t *frame);
uint32_t leat_inet_nd_answer_put(
	const struct inet_neigh *n, const struct inet_answer *a, uint8_t *frame);

static inline bool inet_mac_eq(struct mac a, struct mac b)
{
	return __builtin_memcmp(a.octet, b.octet, sizeof(a.octet)) == 0;
}

static inline bool inet_mac_is_group(struct mac a)
{
	return (a.octet[0] & 1) != 0;
}

/* inet_is_asking: a question of ours for e waits for its answer. */
static inline bool inet_is_asking(const struct inet_entry *e)
{
	return e->state == INET_ST_INCOMPLETE || e->state == INET_ST_PROBE;
}

#endif
