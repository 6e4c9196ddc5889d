/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_BASE_BITS_H
#define LEAT_BASE_BITS_H

/* base_bits: small arithmetic on words; no state. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CACHE_LINE     64
#define LIKELY(cond)   __builtin_expect(!!(cond), 1)
#define UNLIKELY(cond) __builtin_expect(!!(cond), 0)
#define COUNT_OF(a)    (sizeof(a) / sizeof((a)[0]))

/* The address in p is kept, where compilers would reckon it anew for each field behind it. */
#define IN_REGISTER(p) __asm__("" : "+r"(p))

static inline uint32_t u32_min(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static inline uint32_t u32_max(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static inline uint64_t u64_min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t u64_max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static inline bool is_pow2(uint64_t x)
{
	return x != 0 && (x & (x - 1)) == 0;
}

/* pow2_ceil is the least power of two that is not less than x; x is at most 2^63. */
static inline uint64_t pow2_ceil(uint64_t x)
{
	return x <= 1 ? 1 : UINT64_C(1) << (64 - __builtin_clzll(x - 1));
}

/* align_up rounds octets up to a multiple of the power of two to. */
static inline size_t align_up(size_t octets, size_t to)
{
	return (octets + to - 1) & ~(to - 1);
}

static inline uint64_t rotl64(uint64_t x, unsigned by)
{
	return (x << by) | (x >> (64 - by));
}

#endif
