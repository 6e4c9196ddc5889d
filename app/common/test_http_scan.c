/* SPDX-License-Identifier: BSD-3-Clause */
#include "http_scan.h"

#include "base_bits.h"
#include "base_prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Scans text whole; says how it ended and how much was consumed. */
static enum http_result scan(struct http_scan *h, const char *text, bool response, size_t *used)
{
	enum http_result result;

	http_scan_start(h, response);
	*used = leat_http_scan(h, (const uint8_t *)text, strlen(text), &result);
	return result;
}

static const struct request {
	const char *text;
	enum http_result result;
	uint16_t status;
	uint8_t method, path;
	bool close, expect;
	uint64_t number, length;
} requests[] = {
#define GET  HTTP_METHOD_GET
#define HEAD HTTP_METHOD_HEAD
#define POST HTTP_METHOD_POST
#define ROOT HTTP_PATH_ROOT
	{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_DONE, 0, GET, ROOT, 0, 0, 0, 0},
	{"GET / HTTP/1.1\nHost: a\n\n", HTTP_DONE, 0, GET, ROOT, 0, 0, 0, 0},
	{"\r\n\r\nGET / HTTP/1.1\r\nhost:a\r\n\r\n", HTTP_DONE, 0, GET, ROOT, 0, 0, 0, 0},
	{"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", HTTP_DONE, 0, GET, ROOT, 1, 0, 0,
		0},
	{"GET / HTTP/1.1\r\nHost: a\r\nCONNECTION:x , Close\t\r\n\r\n", HTTP_DONE, 0, GET, ROOT, 1,
		0, 0, 0},
	{"GET / HTTP/1.0\r\n\r\n", HTTP_DONE, 0, GET, ROOT, 1, 0, 0, 0},
	{"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", HTTP_DONE, 0, GET, ROOT, 0, 0, 0, 0},
	{"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", HTTP_DONE, 0, GET, ROOT, 1, 0,
		0, 0},
	{"HEAD /?q=1 HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_DONE, 0, HEAD, ROOT, 0, 0, 0, 0},
	{"GET http://a:80/ HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_DONE, 0, GET, ROOT, 0, 0, 0, 0},
	{"GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_DONE, 0, GET, ROOT, 0, 0, 0, 0},
	{"GET http://a/bytes/7?x HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_DONE, 0, GET, HTTP_PATH_BYTES,
		0, 0, 7, 0},
	{"GET /bytes/65536 HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_DONE, 0, GET, HTTP_PATH_BYTES, 0, 0,
		65536, 0},
	{"GET /bytes/0 HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_DONE, 0, GET, HTTP_PATH_BYTES, 0, 0, 0,
		0},
	{"GET /bytes/ HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_DONE, 0, GET, HTTP_PATH_OTHER, 0, 0, 0, 0},
	{"GET /bytes/1x HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_DONE, 0, GET, HTTP_PATH_OTHER, 0, 0, 0,
		0},
	{"GET /bytes/9999999999999999999 HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_DONE, 0, GET,
		HTTP_PATH_OTHER, 0, 0, 0, 0},
	{"GET /other HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_DONE, 0, GET, HTTP_PATH_OTHER, 0, 0, 0, 0},
	{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n", HTTP_DONE, 0, POST, ROOT, 0, 0,
		0, 12},
	{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:12 \r\ncontent-length: 12\r\n\r\n",
		HTTP_DONE, 0, POST, ROOT, 0, 0, 0, 12},
	{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
		HTTP_DONE, 0, POST, ROOT, 0, 1, 0, 5},
	{"POST / HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n", HTTP_DONE, 0, POST,
		ROOT, 1, 0, 0, 5},
	{"POST / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", HTTP_BAD, 417, POST, ROOT, 0, 0, 0,
		0},
	{"POST / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_BAD, 411, POST, ROOT, 0, 0, 0, 0},
	{"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_BAD, 501, POST,
		ROOT, 0, 0, 0, 0},
	{"PUT / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_BAD, 501, 0, ROOT, 0, 0, 0, 0},
	{"GET / HTTP/1.1\r\n\r\n", HTTP_BAD, 400, GET, ROOT, 0, 0, 0, 0},
	{"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", HTTP_BAD, 400, GET, ROOT, 0, 0, 0, 0},
	{"GET / HTTP/2.0\r\n", HTTP_BAD, 505, GET, ROOT, 0, 0, 0, 0},
	{"GET / HTTP/1.10\r\n", HTTP_BAD, 400, GET, ROOT, 0, 0, 0, 0},
	{"GET / FTP/1.1x\r\n", HTTP_BAD, 400, GET, ROOT, 0, 0, 0, 0},
	{"GET /\r\n", HTTP_BAD, 400, GET, 0, 0, 0, 0, 0},
	{"GET  / HTTP/1.1\r\n", HTTP_BAD, 400, GET, 0, 0, 0, 0, 0},
	{" GET / HTTP/1.1\r\n", HTTP_BAD, 400, 0, 0, 0, 0, 0, 0},
	{"G\001T / HTTP/1.1\r\n", HTTP_BAD, 400, 0, 0, 0, 0, 0, 0},
	{"GET / HTTP/1.1\rHost: a\r\n", HTTP_BAD, 400, GET, ROOT, 0, 0, 0, 0},
	{"GET / HTTP/1.1\r\nHost : a\r\n", HTTP_BAD, 400, GET, ROOT, 0, 0, 0, 0},
	{"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n", HTTP_BAD, 400, GET, ROOT, 0, 0, 0, 0},
	{"GET / HTTP/1.1\r\n: a\r\n", HTTP_BAD, 400, GET, ROOT, 0, 0, 0, 0},
	{"GET / HTTP/1.1\r\nHost: a\rb\r\n", HTTP_BAD, 400, GET, ROOT, 0, 0, 0, 0},
	{"GET / HTTP/1.1\r\nHost: \001\r\n", HTTP_BAD, 400, GET, ROOT, 0, 0, 0, 0},
	{"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n", HTTP_BAD, 400, GET, ROOT,
		0, 0, 0, 2},
	{"GET / HTTP/1.1\r\nContent-Length: 1, 1\r\n", HTTP_BAD, 400, GET, ROOT, 0, 0, 0, 0},
	{"GET / HTTP/1.1\r\nContent-Length: -1\r\n", HTTP_BAD, 400, GET, ROOT, 0, 0, 0, 0},
	{"GET / HTTP/1.1\r\nContent-Length:\r\n", HTTP_BAD, 400, GET, ROOT, 0, 0, 0, 0},
	{"GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n", HTTP_BAD, 400, GET, ROOT, 0,
		0, 0, 0},
	{"GET / HTTP/1.1\r\nHost", HTTP_MORE, 0, GET, ROOT, 0, 0, 0, 0},
};

static void check_request(const struct request *r, const struct http_scan *h)
{
	assert_int_equal(h->method, r->method);
	if (r->result == HTTP_BAD) {
		assert_int_equal(h->status, r->status);
		return;
	}
	assert_int_equal(h->path, r->path);
	assert_int_equal(h->number, r->number);
	assert_int_equal(h->content_length, r->length);
	if (r->result == HTTP_DONE) {
		assert_int_equal(h->close, r->close);
		assert_int_equal(h->expect_continue, r->expect);
	}
}

static void each_request_is_understood_or_refused_as_listed(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(requests); i++) {
		const struct request *r = &requests[i];
		struct http_scan h;
		size_t used;
		enum http_result result = scan(&h, r->text, false, &used);

		if (result != r->result || (result == HTTP_BAD && h.status != r->status))
			print_error("request %zu: %s", i, r->text);
		assert_int_equal(result, r->result);
		check_request(r, &h);
		assert_int_equal(used, result == HTTP_BAD ? used : strlen(r->text));
	}
}

static void a_cut_at_any_place_changes_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(requests); i++) {
		const uint8_t *text = (const uint8_t *)requests[i].text;
		size_t octets = strlen(requests[i].text), used, cut_used;
		struct http_scan whole, h;
		enum http_result result = scan(&whole, requests[i].text, false, &used), cut_result;

		for (size_t cut = 0; cut < octets; cut++) {
			http_scan_start(&h, false);
			cut_used = leat_http_scan(&h, text, cut, &cut_result);
			if (cut_result == HTTP_MORE) {
				assert_int_equal(cut_used, cut);
				cut_used +=
					leat_http_scan(&h, text + cut, octets - cut, &cut_result);
			}
			assert_int_equal(cut_result, result);
			assert_int_equal(cut_used, used);
			assert_memory_equal(&h, &whole, sizeof(h));
		}
	}
}

static void what_follows_the_head_is_left(void **state)
{
	struct http_scan h;
	size_t used;
	enum http_result result =
		scan(&h, "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n", false, &used);

	(void)state;
	assert_int_equal(result, HTTP_DONE);
	assert_int_equal(used, strlen("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
}

/* Feeds head, then repeats piece until the scanner stops. */
static enum http_result flood(struct http_scan *h, const char *head, const char *piece)
{
	enum http_result result;

	http_scan_start(h, false);
	leat_http_scan(h, (const uint8_t *)head, strlen(head), &result);
	while (result == HTTP_MORE)
		leat_http_scan(h, (const uint8_t *)piece, strlen(piece), &result);
	return result;
}

static void endless_heads_are_refused_at_their_limits(void **state)
{
	struct http_scan h;

	(void)state;
	assert_int_equal(flood(&h, "GET /", "abc"), HTTP_BAD);
	assert_int_equal(h.status, 414);
	assert_int_equal(h.head_octets, HTTP_TARGET_MAX + 1);
	assert_int_equal(flood(&h, "GET / HTTP/1.1\r\n", "A: b\r\n"), HTTP_BAD);
	assert_int_equal(h.status, 431);
	assert_int_equal(h.head_octets, HTTP_HEAD_MAX + 1);
	assert_int_equal(flood(&h, "GET / HTTP/1.1\r\n", "A"), HTTP_BAD);
	assert_int_equal(h.status, 431);
	assert_int_equal(flood(&h, "GET / HTTP/1.1\r\nA:", "A "), HTTP_BAD);
	assert_int_equal(h.status, 431);
	assert_int_equal(flood(&h, "", "M"), HTTP_BAD);
	assert_int_equal(h.status, 431);
	assert_int_equal(flood(&h, "", "\r\n"), HTTP_BAD);
	assert_int_equal(h.status, 431);
}

static void responses_give_status_length_and_close(void **state)
{
	struct http_scan h;
	size_t used;

	(void)state;
	assert_int_equal(
		scan(&h, "HTTP/1.1 200 OK\r\nContent-Length: 512\r\n\r\n", true, &used), HTTP_DONE);
	assert_int_equal(h.status, 200);
	assert_int_equal(h.content_length, 512);
	assert_true(h.has_length);
	assert_false(h.close);
	assert_int_equal(scan(&h, "HTTP/1.0 404\r\n\r\n", true, &used), HTTP_DONE);
	assert_int_equal(h.status, 404);
	assert_false(h.has_length);
	assert_true(h.close);
	assert_int_equal(scan(&h, "HTTP/1.1 20 OK\r\n\r\n", true, &used), HTTP_BAD);
	assert_int_equal(scan(&h, "HTTP/1.1 2000 OK\r\n\r\n", true, &used), HTTP_BAD);
	assert_int_equal(scan(&h, "SSH-2.0-OpenSSH\r\n", true, &used), HTTP_BAD);
	assert_int_equal(
		scan(&h, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true, &used),
		HTTP_BAD);
}

/* Random octets, and requests with random octets changed, in random pieces, against the same text
 * fed octet by octet. */
static void random_octets_end_in_one_of_three_ways_however_they_are_cut(void **state)
{
	uint64_t seed = 20;
	struct prng prng;

	(void)state;
	print_message("# seed %llu\n", (unsigned long long)seed);
	leat_prng_seed(&prng, seed);
	for (uint32_t round = 0; round < 20000; round++) {
		const char *base = requests[leat_prng_below(&prng, COUNT_OF(requests))].text;
		size_t octets = strlen(base), at = 0;
		uint8_t text[256];
		enum http_result one = HTTP_MORE, cut = HTTP_MORE;
		struct http_scan a, b;

		assert_true(octets <= sizeof(text));
		memcpy(text, base, octets);
		for (uint32_t i = leat_prng_below(&prng, 8); i > 0; i--)
			text[leat_prng_below(&prng, (uint32_t)octets)] =
				(uint8_t)leat_prng_below(&prng, round % 2 ? 256 : 64);
		http_scan_start(&a, round % 3 == 0);
		http_scan_start(&b, round % 3 == 0);
		for (size_t i = 0; i < octets && one == HTTP_MORE; i++)
			leat_http_scan(&a, text + i, 1, &one);
		while (at < octets && cut == HTTP_MORE) {
			size_t n = leat_prng_below(&prng, (uint32_t)(octets - at) + 1);
			at += leat_http_scan(&b, text + at, n, &cut);
		}
		assert_int_equal(one, cut);
		assert_memory_equal(&a, &b, sizeof(a));
	}
}

/* A head that was seen just before, one that was not, and what is cut, all mean what they mean. */
static void a_head_that_was_seen_means_what_it_meant(void **state)
{
	uint64_t seed = 21;
	struct http_seen seen = {.octets = 0};
	struct prng prng;
	uint32_t again = 0;

	(void)state;
	print_message("# seed %llu\n", (unsigned long long)seed);
	leat_prng_seed(&prng, seed);
	for (uint32_t round = 0, which = 0; round < 20000; round++) {
		if (leat_prng_below(&prng, 3) == 0)
			which = leat_prng_below(&prng, COUNT_OF(requests));
		bool response = leat_prng_below(&prng, 8) == 0;
		size_t octets = strlen(requests[which].text), used, at = 0;
		enum http_result one, cut = HTTP_MORE;
		uint8_t text[256 + 4] = {0};
		struct http_scan a, b;

		memcpy(text, requests[which].text, octets);
		memcpy(text + octets, "GET ", 4); /* the next request follows at once */
		octets += leat_prng_below(&prng, 5);
		if (leat_prng_below(&prng, 4) == 0)
			text[leat_prng_below(&prng, (uint32_t)octets)] ^= 1;
		http_scan_start(&a, response);
		http_scan_start(&b, response);
		used = leat_http_scan(&a, text, octets, &one);
		again += seen.octets == used && memcmp(seen.head, text, used) == 0;
		for (size_t n = leat_prng_below(&prng, 2) == 0 ? octets : 7;
			at < octets && cut == HTTP_MORE;)
			at += leat_http_scan_seen(
				&seen, &b, text + at, n < octets - at ? n : octets - at, &cut);
		assert_int_equal(cut, one);
		assert_int_equal(at, used);
		assert_memory_equal(&a, &b, sizeof(a));
	}
	assert_true(again > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_request_is_understood_or_refused_as_listed),
		cmocka_unit_test(a_cut_at_any_place_changes_nothing),
		cmocka_unit_test(what_follows_the_head_is_left),
		cmocka_unit_test(endless_heads_are_refused_at_their_limits),
		cmocka_unit_test(responses_give_status_length_and_close),
		cmocka_unit_test(random_octets_end_in_one_of_three_ways_however_they_are_cut),
		cmocka_unit_test(a_head_that_was_seen_means_what_it_meant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
