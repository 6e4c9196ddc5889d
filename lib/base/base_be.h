/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_BASE_BE_H
#define LEAT_BASE_BE_H

/* base_be: big-endian words at any address, read and written octet-exactly.
 *
 * Compilers turn each into one load or store and a swap. */

#include <stdint.h>

/* Told in so many words, as compilers do not see one load in the octets of a larger value. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define BE16(v) __builtin_bswap16(v)
#define BE32(v) __builtin_bswap32(v)
#define BE64(v) __builtin_bswap64(v)
#else
#define BE16(v) (v)
#define BE32(v) (v)
#define BE64(v) (v)
#endif

static inline uint16_t be16_get(const uint8_t *p)
{
	uint16_t v;

	__builtin_memcpy(&v, p, sizeof(v));
	return BE16(v);
}

static inline uint32_t be32_get(const uint8_t *p)
{
	uint32_t v;

	__builtin_memcpy(&v, p, sizeof(v));
	return BE32(v);
}

static inline uint64_t be64_get(const uint8_t *p)
{
	uint64_t v;

	__builtin_memcpy(&v, p, sizeof(v));
	return BE64(v);
}

static inline void be16_put(uint8_t *p, uint16_t v)
{
	v = BE16(v);
	__builtin_memcpy(p, &v, sizeof(v));
}

static inline void be32_put(uint8_t *p, uint32_t v)
{
	v = BE32(v);
	__builtin_memcpy(p, &v, sizeof(v));
}

static inline void be64_put(uint8_t *p, uint64_t v)
{
	v = BE64(v);
	__builtin_memcpy(p, &v, sizeof(v));
}

#endif
