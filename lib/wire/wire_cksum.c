/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire_cksum.h"

#include <string.h>

/* A partial adds 32-bit words as they lie in memory; the fold turns the result into host order,
 * once (RFC 1071 2, "byte order independence"). */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define MEM16(v) __builtin_bswap16(v)
#else
#define MEM16(v) (v)
#endif

static inline uint64_t add_ip(uint64_t sum, struct ip a)
{
	return sum + (a.hi >> 32) + (a.hi & UINT32_MAX) + (a.lo >> 32) + (a.lo & UINT32_MAX);
}

/* Both halves of the eight octets at p, which have no carry in 64 bits for 2^31 of them. */
static inline uint64_t halves(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return (word & UINT32_MAX) + (word >> 32);
}

/* Four sums that do not wait for each other. */
uint64_t leat_wire_sum(uint64_t partial, const uint8_t *p, uint32_t octets)
{
	uint64_t sum = partial, b = 0, c = 0, d = 0;
	uint32_t word;
	uint16_t half;

	for (; octets >= 32; octets -= 32, p += 32) {
		sum += halves(p);
		b += halves(p + 8);
		c += halves(p + 16);
		d += halves(p + 24);
	}
	sum += b + c + d;
	for (; octets >= 4; octets -= 4, p += 4) {
		memcpy(&word, p, 4);
		sum += word;
	}
	if (octets >= 2) {
		memcpy(&half, p, 2);
		sum += half;
		p += 2;
	}
	if (octets & 1)
		sum += MEM16((uint16_t)(*p << 8));
	return sum;
}

uint64_t leat_wire_sum_pseudo(const struct tuple *tuple, uint8_t proto, uint32_t octets)
{
	uint64_t sum = (uint64_t)proto + octets;

	if (ip_is4(tuple->local))
		return MEM16(wire_fold(sum + ip_to4(tuple->local) + ip_to4(tuple->remote)));
	return MEM16(wire_fold(add_ip(add_ip(sum, tuple->local), tuple->remote)));
}

uint16_t leat_wire_sum_fold(uint64_t partial)
{
	return MEM16(wire_fold(partial));
}

bool leat_wire_cksum_ok(const struct tuple *tuple, uint8_t proto, const uint8_t *p, uint32_t octets)
{
	return leat_wire_cksum(tuple, proto, p, octets) == 0;
}

uint16_t leat_wire_cksum(
	const struct tuple *tuple, uint8_t proto, const uint8_t *p, uint32_t octets)
{
	uint64_t partial = leat_wire_sum_pseudo(tuple, proto, octets);

	return (uint16_t)~leat_wire_sum_fold(leat_wire_sum(partial, p, octets));
}
