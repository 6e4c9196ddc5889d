/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_LOAD_TARGET_H
#define LEAT_LOAD_TARGET_H

/* load_target: where a load connects to, as ranges of addresses and ports.
 *
 *	198.18.0.2-198.18.0.9:80-83   is 8 addresses with 4 ports each, 32 pairs
 *
 * Pairs come in turn: port after port of an address, address after address of a range, range after
 * range; then the next source address.
 *
 * Shape      a range takes as much as one pair does.
 * Affinity   none; pure.
 * Errors     a clause that says what is wrong with a text. */

#include "leat.h"
#include "wire_addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOAD_PAIR_MAX (UINT32_C(1) << 24) /* of address and port, in all */

struct load_target {
	struct leat_addr first;
	uint32_t addr_cnt, port_cnt; /* from first on; 1 or more */
};

/* One pair of many, and which source address goes there. */
struct load_turn {
	uint32_t target, addr, port, local;
};

/* leat_load_addr is ip and port as leat.h has them. */
struct leat_addr leat_load_addr(struct ip ip, uint16_t port);

/* load_addr_nth is the address that is nth addresses behind first. */
static inline struct ip load_addr_nth(const struct leat_addr *first, uint32_t nth)
{
	struct ip ip = ip_get(first->family, first->octet);

	return (struct ip){ip.hi, ip.lo + nth};
}

/* leat_load_ports_parse reads "80" or "80-83". */
bool leat_load_ports_parse(const char *text, uint64_t *from, uint64_t *to);

/* leat_load_range_parse reads an address, or two of a version and a block of 2^64 with - between
 * them. */
bool leat_load_range_parse(const char *text, struct ip *from, struct ip *to);

/* leat_load_target_parse reads "ADDRESSES:PORTS", "[ADDRESSES]:PORTS" or "ADDRESSES"; false with a
 * clause in why. */
bool leat_load_target_parse(const char *text, struct load_target *t, char *why, size_t size);

/* leat_load_pairs is how many pairs of address and port there are in cnt ranges. */
uint64_t leat_load_pairs(const struct load_target *t, uint32_t cnt);

#endif
