/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_INET_NEIGH_H
#define LEAT_INET_NEIGH_H

/* inet_neigh: who has which address on this link: ARP for IPv4, neighbour discovery for IPv6.
 *
 * Sans-I/O: it gets parsed packets and instants, and hands out the frames it wants sent.  A table
 * of fixed size with states as RFC 4861 names them; when it is full the entry used longest ago
 * goes, unless it is a gateway.
 *
 *	NONE ─ask─► INCOMPLETE ─answer─► REACHABLE ─time─► STALE ─use─► PROBE ─no answer─► FAILED
 *
 * REACHABLE becomes STALE by the clock alone; only a question that waits for an answer has a timer.
 * A reply that nobody asked for changes no entry (N047); a request from a neighbour to us makes
 * or refreshes its entry, as it is about to be answered.  Entries that were learned so and never
 * used, or that failed, go first when room is needed.
 *
 * Units      ns.
 * Memory     leat_inet_neigh_footprint(entry_max) octets.
 * Affinity   one lcore; no atomics.
 * Cost       every call O(1), but timers, which is O(what it fires).
 * Errors     none at run time; what did not fit is counted.
 * RFC        826, 1122 2.3.2.1 (a neighbour is asked at most once a second, however many segments
 *            and doubts there are, unless the link went), 4861 7.2, 7.3.3, 5227 (own address from
 *            another station: counted). */

#include "wire_pkt.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INET_FRAME_MAX 128 /* octets of the longest frame inet hands out */

enum inet_neigh_answer {
	INET_NEIGH_FOUND,  /* mac is set */
	INET_NEIGH_ASKING, /* a request is on its way or waits in the output */
	INET_NEIGH_FAILED, /* nobody answered; asked again after a while */
};

struct inet_neigh;

struct inet_neigh_counters {
	uint64_t asked, answered, learned, refused_unsolicited, evicted, failed, own_address_seen;
	uint64_t unanswered; /* requests to us that found the queue of answers full */
	uint64_t no_room;    /* finds that found no entry to give up */
};

/* leat_inet_on_link says whether ip lies in a prefix of ours, or is an IPv6 link-local address. */
bool leat_inet_on_link(const struct wire_link *link, struct ip ip);

/* leat_inet_own_for is our address for talking to ip: of its version, of its prefix if there is
 * one, and none that others have too.  False when we have none of that version. */
bool leat_inet_own_for(const struct wire_link *link, struct ip ip, struct ip *own);

/* leat_inet_neigh_footprint is the octets for entry_max entries; 0 when 0 or above 2^20. */
size_t leat_inet_neigh_footprint(uint32_t entry_max);

/* leat_inet_neigh_new formats mem, which it keeps; link is copied. */
struct inet_neigh *leat_inet_neigh_new(
	void *mem, uint32_t entry_max, const struct wire_link *link, uint64_t seed);

/* leat_inet_neigh_arp takes a frame with verdict WIRE_V_ARP, _nd one with WIRE_V_ND. */
void leat_inet_neigh_arp(struct inet_neigh *n, const struct pkt *p, uint64_t now);
void leat_inet_neigh_nd(struct inet_neigh *n, const struct pkt *p, uint64_t now);

/* leat_inet_neigh_find looks hop up, an on-link address, and asks for it when it is not known. */
enum inet_neigh_answer leat_inet_neigh_find(
	struct inet_neigh *n, struct ip hop, uint64_t now, struct mac *mac);

/* leat_inet_neigh_sure says whether hop answered when it was last asked, and is not in doubt since;
 * when it is, or nobody ever asked, or it failed, it is asked for: every 4 s as long as it does not
 * answer and somebody calls this each time that leat_inet_neigh_changed says so. */
bool leat_inet_neigh_sure(struct inet_neigh *n, struct ip hop, uint64_t now);

/* leat_inet_neigh_doubt: nothing that was sent by way of hop is answered, so its entry is asked for
 * again when it is used next, but not within 6 s of the question that it answered last. */
void leat_inet_neigh_doubt(struct inet_neigh *n, struct ip hop);

/* leat_inet_neigh_doubt_all doubts every entry that was learned or asked for. */
void leat_inet_neigh_doubt_all(struct inet_neigh *n);

/* leat_inet_neigh_forget forgets every entry that was learned or asked for; a question that is on
 * its way stays. */
void leat_inet_neigh_forget(struct inet_neigh *n);

/* leat_inet_neigh_set makes a fixed entry. */
void leat_inet_neigh_set(struct inet_neigh *n, struct ip hop, struct mac mac);

/* leat_inet_neigh_keep makes an entry for hop, a gateway, that never gives way to another.  Assumes
 * fewer than entry_max entries are kept or fixed. */
void leat_inet_neigh_keep(struct inet_neigh *n, struct ip hop);

/* leat_inet_neigh_changed says whether an entry became usable, or failed, since the last call. */
bool leat_inet_neigh_changed(struct inet_neigh *n);

/* leat_inet_neigh_output writes the next frame (at most INET_FRAME_MAX octets) and returns its
 * octets; 0: none waits. */
uint32_t leat_inet_neigh_output(struct inet_neigh *n, uint8_t *frame);

/* leat_inet_neigh_timers fires at most max timers that are due, in order; returns how many. */
uint32_t leat_inet_neigh_timers(struct inet_neigh *n, uint64_t now, uint32_t max);

/* leat_inet_neigh_next_deadline is the instant of the next timer, exactly; TIME_NEVER: none. */
uint64_t leat_inet_neigh_next_deadline(const struct inet_neigh *n);

const struct inet_neigh_counters *leat_inet_neigh_counters(const struct inet_neigh *n);

#endif
