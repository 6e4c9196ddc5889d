/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_WIRE_ADDR_H
#define LEAT_WIRE_ADDR_H

/* wire_addr: addresses and the tuple that names a connection, in host order.
 *
 * An IPv4 address is kept in its IPv4-mapped form ::ffff:a.b.c.d, so that one type, one compare
 * and one hash serve both versions.
 *
 * Shape      struct ip 16 octets; struct tuple 40 octets, five whole words, no padding.
 * Affinity   none; pure.
 * RFC        4291 2.5.5.2 (IPv4-mapped). */

#include "base_assert.h"
#include "base_be.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mac {
	uint8_t octet[6];
};

struct ip {
	uint64_t hi, lo;
};

/* The two ends of a connection, seen from here; zone keeps equal addresses of different links
 * apart (0 where there is one link). */
struct tuple {
	struct ip local, remote;
	uint16_t lport, rport;
	uint32_t zone;
};

STATIC_ASSERT(sizeof(struct tuple) == 40, "a tuple is five whole words");
STATIC_ASSERT(offsetof(struct tuple, lport) == 32, "ports and zone are the last of them");

#define TUPLE_WORDS 5

/* The same for IPv4 in a quarter of it; the local address stands in a list of the owner's. */
struct tuple4 {
	uint32_t remote;
	uint16_t rport, lport, local_idx;
	uint16_t mark; /* the owner's, no part of the name */
};

/* The two ends in IPv4, in a third of a struct tuple.  A remote from ENDS4_WIDE on, in 255/8, where
 * nobody is, says that they are of IPv6, or of a zone: wire_ends.h; an end that is any of both
 * versions is 0 as remote, ENDS4_ANY as local. */
struct ends4 {
	uint32_t local, remote;
	uint16_t lport, rport;
};

STATIC_ASSERT(sizeof(struct ends4) == 12, "a third of a tuple");

#define ENDS4_WIDE  UINT32_C(0xff000000)
#define ENDS4_ANY   UINT32_MAX
#define IP_TEXT_MAX 64 /* octets of the longest address as text, with its end */

static inline struct ip ip_from4(uint32_t a)
{
	return (struct ip){0, UINT64_C(0xffff00000000) | a};
}

static inline bool ip_is4(struct ip a)
{
	return a.hi == 0 && a.lo >> 32 == 0xffff;
}

static inline uint32_t ip_to4(struct ip a)
{
	return (uint32_t)a.lo;
}

static inline bool ip_eq(struct ip a, struct ip b)
{
	return a.hi == b.hi && a.lo == b.lo;
}

static inline bool ip_is_any(struct ip a)
{
	return a.hi == 0 && (a.lo == 0 || a.lo == UINT64_C(0xffff00000000));
}

/* ip_get reads an address that stands in octets: the first four for family 4, 16 for 6, none for 0;
 * ip_put writes one there and returns its family, which is 0 for ::. */
static inline struct ip ip_get(uint8_t family, const uint8_t *octet)
{
	if (family == 4)
		return ip_from4(be32_get(octet));
	return family == 6 ? (struct ip){be64_get(octet), be64_get(octet + 8)} : (struct ip){0, 0};
}

static inline uint8_t ip_put(struct ip a, uint8_t *octet)
{
	if (ip_is4(a)) {
		be32_put(octet, ip_to4(a));
		return 4;
	}
	be64_put(octet, a.hi);
	be64_put(octet + 8, a.lo);
	return ip_is_any(a) ? 0 : 6;
}

static inline bool tuple_eq(const struct tuple *a, const struct tuple *b)
{
	return ip_eq(a->local, b->local) && ip_eq(a->remote, b->remote) && a->lport == b->lport &&
	       a->rport == b->rport && a->zone == b->zone;
}

/* tuple_is4 says whether a struct tuple4 can tell all of it. */
static inline bool tuple_is4(const struct tuple *t)
{
	return ip_is4(t->local) && ip_is4(t->remote) && t->zone == 0;
}

static inline bool ends4_is_wide(const struct ends4 *e)
{
	return e->remote >= ENDS4_WIDE;
}

/* tuple_turned is the tuple as the other end has it. */
static inline struct tuple tuple_turned(const struct tuple *t)
{
	return (struct tuple){.local = t->remote,
		.remote = t->local,
		.lport = t->rport,
		.rport = t->lport,
		.zone = t->zone};
}

static inline struct ends4 ends4_of(const struct tuple *t)
{
	struct ends4 e = {ip_to4(t->local), ip_to4(t->remote), t->lport, t->rport};

	if (__builtin_expect(tuple_is4(t), 1))
		return e;
	bool local_any = t->local.hi == 0 && t->local.lo == 0;

	if (local_any)
		e.local = ENDS4_ANY;
	if (t->zone != 0 || !(local_any || ip_is4(t->local)) ||
		!(ip_is_any(t->remote) || ip_is4(t->remote)))
		e.remote = ENDS4_WIDE;
	return e;
}

/* ends4_tuple writes the tuple of ends that are not wide. */
static inline void ends4_tuple(const struct ends4 *e, struct tuple *t)
{
	DCHECK(!ends4_is_wide(e));
	t->local = ip_from4(e->local);
	t->remote = ip_from4(e->remote);
	t->lport = e->lport;
	t->rport = e->rport;
	t->zone = 0;
	if (__builtin_expect(e->local == ENDS4_ANY, 0))
		t->local = (struct ip){0, 0};
	if (__builtin_expect(e->remote == 0, 0))
		t->remote = (struct ip){0, 0};
}

/* ends4_eq says whether e, not wide, are the ends of t, both specified. */
static inline bool ends4_eq(const struct ends4 *e, const struct tuple *t)
{
	uint64_t differ = (ip_from4(e->local).lo ^ t->local.lo) |
			  (ip_from4(e->remote).lo ^ t->remote.lo) | t->local.hi | t->remote.hi;

	return differ == 0 && __builtin_memcmp(&e->lport, &t->lport, 4) == 0 && t->zone == 0;
}

/* tuple_words writes what a keyed hash of the tuple takes, at most TUPLE_WORDS, and returns how
 * many.  Two IPv4 addresses are one word: what else stands in their mapped form is always the same,
 * and no tuple of IPv6 is as short. */
static inline uint32_t tuple_words(const struct tuple *tuple, uint64_t *word)
{
	if (ip_is4(tuple->local) && ip_is4(tuple->remote)) {
		word[0] = tuple->local.lo << 32 | ip_to4(tuple->remote);
		__builtin_memcpy(&word[1], (const uint8_t *)tuple + 32, sizeof(*word));
		return 2;
	}
	__builtin_memcpy(word, tuple, sizeof(*tuple));
	return TUPLE_WORDS;
}

/* ends4_words writes the same two words; e is not wide, and both ends are specified. */
static inline void ends4_words(const struct ends4 *e, uint64_t *word)
{
	struct tuple full = {.lport = e->lport, .rport = e->rport};

	DCHECK(!ends4_is_wide(e));
	word[0] = (uint64_t)e->local << 32 | e->remote;
	__builtin_memcpy(&word[1], (const uint8_t *)&full + 32, sizeof(*word));
}

static inline uint64_t ip_first_bits(unsigned bits)
{
	return bits == 0 ? 0 : UINT64_MAX << (64 - bits);
}

/* ip_in_prefix says whether a and net agree in their first bits; for IPv4 bits counts from the IPv4
 * address's own first bit. */
static inline bool ip_in_prefix(struct ip a, struct ip net, uint8_t bits)
{
	if (ip_is4(net)) { /* the mapped prefix is compared along with it */
		DCHECK(bits <= 32);
		return a.hi == 0 && (a.lo ^ net.lo) >> (32 - bits) == 0;
	}
	if (ip_is4(a))
		return false;
	DCHECK(bits <= 128);
	return ((a.hi ^ net.hi) & ip_first_bits(bits < 64 ? bits : 64)) == 0 &&
	       ((a.lo ^ net.lo) & ip_first_bits(bits < 64 ? 0 : bits - 64)) == 0;
}

/* leat_wire_ip_text writes a as dotted quad or RFC 5952 text; text has IP_TEXT_MAX octets. */
void leat_wire_ip_text(struct ip a, char *text);

/* leat_wire_ip_parse reads either form; false when text is neither. */
bool leat_wire_ip_parse(const char *text, struct ip *a);

/* Multicast of either version, and 255.255.255.255. */
bool leat_wire_ip_is_group(struct ip a);

/* May a name the sender of a segment?  Not 0/8, 127/8, 224/4, 240/4, ::, ::1, ff00::/8 (an
 * IPv4-mapped address that came in IPv6 is for the parser to drop).  RFC 9293 3.9.2.3, MUST-63. */
bool leat_wire_ip_may_send(struct ip a);

#endif
