/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_INET_ICMP_H
#define LEAT_INET_ICMP_H

/* inet_icmp: what an endpoint owes to ICMP, without I/O.
 *
 * An echo request is answered to the station and address it came from, with its own data: the
 * reply has as many octets as the request, so nobody is flooded through us (N049).  Errors about
 * segments of ours are counted by what they say.
 *
 *	pkt (WIRE_V_ICMP_ECHO) ─► bounded queue of replies ─► frames
 *	pkt (WIRE_V_ICMP_ERROR) ─► counters
 *
 * Shape      INET_ECHO_MAX replies of at most mtu octets wait; what finds no room is counted.
 * Memory     leat_inet_icmp_footprint(link) octets; a waiting reply is a copy.
 * Affinity   one lcore; no atomics.
 * Errors     none at run time.
 * RFC        792, 1122 3.2.2.6, 4443 4.2; 1122 4.2.3.9 (errors are hints). */

#include "wire_pkt.h"

#include <stddef.h>
#include <stdint.h>

#define INET_ECHO_MAX 16

struct inet_icmp;

struct inet_icmp_counters {
	uint64_t echo_answered;
	uint64_t echo_refused; /* from a group address or station, or from ourselves */
	uint64_t echo_no_room;
	/* Errors, by what they say. */
	uint64_t error_unreach, error_too_big, error_time, error_param;
};

/* leat_inet_icmp_footprint is the octets needed on link; 0 when its mtu is 0. */
size_t leat_inet_icmp_footprint(const struct wire_link *link);

/* leat_inet_icmp_new formats mem, which it keeps; link is copied. */
struct inet_icmp *leat_inet_icmp_new(void *mem, const struct wire_link *link, uint8_t ttl);

/* leat_inet_icmp_echo takes a frame with verdict WIRE_V_ICMP_ECHO, _error one with
 * WIRE_V_ICMP_ERROR. */
void leat_inet_icmp_echo(struct inet_icmp *i, const struct pkt *p);
void leat_inet_icmp_error(struct inet_icmp *i, const struct pkt *p);

/* leat_inet_icmp_output writes the next reply, a frame of at most 14 + mtu octets, and returns its
 * octets; 0: none waits. */
uint32_t leat_inet_icmp_output(struct inet_icmp *i, uint8_t *frame);

const struct inet_icmp_counters *leat_inet_icmp_counters(const struct inet_icmp *i);

#endif
