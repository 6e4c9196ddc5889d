/* SPDX-License-Identifier: BSD-3-Clause */
#include "hdr.h"

#include "base_assert.h"
#include "base_be.h"
#include "base_time.h"

#include <inttypes.h>
#include <string.h>
#include <zlib.h>

#define COOKIE_PLAIN  0x1c849313 /* V2, ZigZag LEB128 */
#define COOKIE_ZLIB   0x1c849314
#define HEAD_OCTETS   40
#define LEB128_OCTETS 9 /* of the longest count */
#define PLAIN_MAX     (HEAD_OCTETS + HIST_SLOT_CNT * LEB128_OCTETS)
#define ZLIB_MAX      (PLAIN_MAX + PLAIN_MAX / 1000 + 64) /* more than compressBound() asks for */
#define MAX_PER_LINE  1e6                                 /* the log's column of maxima is in ms */

STATIC_ASSERT(HIST_HALF == 128 && HIST_ROW_CNT == 29,
	"the array is the one that HdrHistogram has for 2 digits from 1 ns to 60 s");

/* put_number writes a count, or minus a number of zeros, and returns how many octets it took: seven
 * bits in each of eight, and all eight in the ninth. */
static size_t put_number(uint8_t *to, int64_t number)
{
	uint64_t left = (uint64_t)number << 1 ^ (number < 0 ? UINT64_MAX : 0);
	size_t n = 0;

	for (; left > 0x7f && n < LEB128_OCTETS - 1; left >>= 7)
		to[n++] = (uint8_t)(left | 0x80);
	to[n++] = (uint8_t)left;
	return n;
}

/* put_counts writes all up to the last that is not 0. */
static size_t put_counts(uint8_t *to, const struct hist *h)
{
	int64_t zeros = 0;
	size_t n = 0;

	for (uint32_t i = 0; i < HIST_SLOT_CNT; i++) {
		if (h->cnt[i] == 0) {
			zeros++;
			continue;
		}
		if (zeros > 0)
			n += put_number(to + n, zeros == 1 ? 0 : -zeros);
		zeros = 0;
		n += put_number(to + n, (int64_t)h->cnt[i]);
	}
	return n;
}

static size_t put_plain(uint8_t *to, const struct hist *h)
{
	static const uint8_t ratio_of_one[] = {0x3f, 0xf0, 0, 0, 0, 0, 0, 0}; /* a double */
	size_t octets = put_counts(to + HEAD_OCTETS, h);

	be32_put(to, COOKIE_PLAIN);
	be32_put(to + 4, (uint32_t)octets);
	be32_put(to + 8, 0);
	be32_put(to + 12, HDR_DIGITS);
	be32_put(to + 16, 0); /* the lowest value is 1 */
	be32_put(to + 20, 1);
	be32_put(to + 24, (uint32_t)(HDR_HIGHEST_NS >> 32));
	be32_put(to + 28, (uint32_t)HDR_HIGHEST_NS);
	memcpy(to + 32, ratio_of_one, sizeof(ratio_of_one));
	return HEAD_OCTETS + octets;
}

static void put_base64(const uint8_t *from, size_t octets, FILE *out)
{
	static const char digit[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < octets; i += 3) {
		size_t left = octets - i;
		uint32_t three = (uint32_t)from[i] << 16 |
				 (uint32_t)(left > 1 ? from[i + 1] : 0) << 8 |
				 (left > 2 ? from[i + 2] : 0);

		fputc(digit[three >> 18], out);
		fputc(digit[three >> 12 & 63], out);
		fputc(left > 1 ? digit[three >> 6 & 63] : '=', out);
		fputc(left > 2 ? digit[three & 63] : '=', out);
	}
}

bool leat_hdr_write(const struct hist *h, FILE *out)
{
	uint8_t plain[PLAIN_MAX], packed[ZLIB_MAX];
	uLongf octets = sizeof(packed) - 8;

	if (compress(packed + 8, &octets, plain, (uLong)put_plain(plain, h)) != Z_OK)
		return false;
	be32_put(packed, COOKIE_ZLIB);
	be32_put(packed + 4, (uint32_t)octets);
	put_base64(packed, 8 + octets, out);
	return true;
}

static void put_seconds(uint64_t ns, FILE *out)
{
	fprintf(out, "%" PRIu64 ".%03" PRIu64, ns / TIME_S, ns % TIME_S / TIME_MS);
}

void leat_hdr_log_head(uint64_t start_unix_ns, FILE *out)
{
	fputs("#[Histogram log format version 1.3]\n#[BaseTime: ", out);
	put_seconds(start_unix_ns, out);
	fputs(" (seconds since epoch)]\n#[StartTime: ", out);
	put_seconds(start_unix_ns, out);
	fputs(" (seconds since epoch)]\n\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\","
	      "\"Interval_Compressed_Histogram\"\n",
		out);
}

bool leat_hdr_log_line(
	const char *tag, uint64_t at_ns, uint64_t lasted_ns, const struct hist *h, FILE *out)
{
	fprintf(out, "Tag=%s,", tag);
	put_seconds(at_ns, out);
	fputc(',', out);
	put_seconds(lasted_ns, out);
	fprintf(out, ",%.6f,", (double)h->max_ns / MAX_PER_LINE);
	bool good = leat_hdr_write(h, out);
	fputc('\n', out);
	return good;
}
