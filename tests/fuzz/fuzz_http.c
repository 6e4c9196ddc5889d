/* SPDX-License-Identifier: BSD-3-Clause */
#include "fuzz.h"

#include "http_scan.h"

/* F16: a message, scanned in one piece and in pieces cut anywhere: same end, same result.
 *
 *	octet 0   bit 0: a response; the rest: the length of the pieces, and how it changes */

#define REPEAT 4096 /* a short input is repeated so often that limits are reached */

struct end {
	struct http_scan scan;
	enum http_result result;
	size_t took;
};

static size_t piece_octets(uint8_t how, size_t nth)
{
	uint8_t step = (uint8_t)(how >> 1);

	return 1 + (step + nth * (step >> 3)) % 40;
}

static struct end scan(const uint8_t *data, size_t octets, uint8_t how, bool whole)
{
	struct end e = {.result = HTTP_MORE};

	http_scan_start(&e.scan, how & 1);
	for (size_t nth = 0; e.result == HTTP_MORE && e.took < octets; nth++) {
		size_t left = octets - e.took, n = whole ? left : piece_octets(how, nth);
		n = n < left ? n : left;
		uint8_t *piece = fuzz_copy(data + e.took, n);
		size_t took = leat_http_scan(&e.scan, piece, n, &e.result);
		free(piece);
		ASSERT(took <= n);
		ASSERT(e.result != HTTP_MORE || took == n);
		e.took += took;
	}
	ASSERT(e.took <= HTTP_HEAD_MAX + 1);
	return e;
}

static void check_end(const struct end *e, bool response)
{
	static const uint16_t bad[] = {400, 411, 414, 417, 431, 501, 505};
	bool known = false;

	if (e->result != HTTP_BAD)
		return;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		known = known || e->scan.status == bad[i];
	ASSERT(known || response);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = {data, size};
	uint8_t how = fuzz_u8(&in);
	const uint8_t *text = in.at;
	size_t octets = in.left;
	uint8_t *longer = NULL;

	if (octets > 0 && octets < 64 && text[octets - 1] == '*') { /* the last octets, often */
		longer = malloc(octets + REPEAT * 3);
		ASSERT(longer != NULL);
		for (size_t i = 0; i < octets + REPEAT * 3; i++)
			longer[i] = i < octets - 1 ? text[i]
						   : text[octets / 2 + i % (octets - octets / 2)];
		text = longer;
		octets += REPEAT * 3;
	}
	struct end whole = scan(text, octets, how, true), cut = scan(text, octets, how, false);
	check_end(&whole, how & 1);
	ASSERT(whole.result == cut.result);
	ASSERT(whole.took == cut.took);
	ASSERT(whole.scan.status == cut.scan.status);
	ASSERT(whole.scan.method == cut.scan.method && whole.scan.path == cut.scan.path);
	ASSERT(whole.scan.number == cut.scan.number);
	ASSERT(whole.scan.has_length == cut.scan.has_length);
	ASSERT(whole.scan.content_length == cut.scan.content_length);
	ASSERT(whole.scan.close == cut.scan.close);
	ASSERT(whole.scan.expect_continue == cut.scan.expect_continue);
	free(longer);
	return 0;
}
