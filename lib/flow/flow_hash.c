/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow_hash.h"

#include "base_be.h"

/* The 32 bits of key that begin at bit `from`. */
static uint32_t key_window(const uint8_t *key, uint32_t from)
{
	const uint8_t *at = key + from / 8;
	uint64_t five = (uint64_t)be32_get(at) << 8 | at[4];

	return (uint32_t)(five >> (8 - from % 8));
}

/* Bit i of the input, when set, contributes the window of the key that begins at bit i. */
void leat_flow_rss_init(struct flow_rss *r, const uint8_t *key)
{
	for (uint32_t place = 0; place < FLOW_RSS_INPUT_OCTETS * 2; place++) {
		for (uint32_t half = 0; half < 16; half++) {
			uint32_t sum = 0;

			for (uint32_t bit = 0; bit < 4; bit++)
				if (half & 8u >> bit)
					sum ^= key_window(key, place * 4 + bit);
			r->part[place][half] = sum;
		}
	}
}

uint32_t leat_flow_rss_arriving(const struct flow_rss *r, const struct tuple *tuple)
{
	uint8_t input[FLOW_RSS_INPUT_OCTETS];
	uint32_t octets, sum = 0;

	if (ip_is4(tuple->local)) {
		be32_put(input, ip_to4(tuple->remote));
		be32_put(input + 4, ip_to4(tuple->local));
		octets = 8;
	} else {
		be64_put(input, tuple->remote.hi);
		be64_put(input + 8, tuple->remote.lo);
		be64_put(input + 16, tuple->local.hi);
		be64_put(input + 24, tuple->local.lo);
		octets = 32;
	}
	be16_put(input + octets, tuple->rport);
	be16_put(input + octets + 2, tuple->lport);
	octets += 4;
	for (uint32_t i = 0; i < octets; i++)
		sum ^= r->part[2 * i][input[i] >> 4] ^ r->part[2 * i + 1][input[i] & 15];
	return sum;
}
