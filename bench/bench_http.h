/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_BENCH_HTTP_H
#define LEAT_BENCH_HTTP_H

/* bench_http: the short connection that is measured: one request, one response, the server closes
 * first and has the TIME-WAIT. */

#include "bench_pair.h"

#define BENCH_HTTP_TWO_MSL (500 * TIME_US)
#define BENCH_HTTP_WAITING 16384 /* records in TIME-WAIT: what closes in 2MSL */
#define BENCH_HTTP_ROOM    512   /* octets of a frame; the longest is shorter */

static const char bench_http_request[] =
	"GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n";
static const char bench_http_response[] =
	"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 64\r\n"
	"Connection: close\r\n\r\n"
	"################################################################";

/* bench_http_config is that of an end with so many connections at once. */
static inline void bench_http_config(
	struct stack_config *c, bool server, uint32_t concurrent, bool csum)
{
	bench_pair_config(c, server, csum);
	c->tcp.tcb_max = concurrent + (server ? BENCH_HTTP_WAITING : 64) + 64;
	c->tcp.rbuf_max = u32_max(concurrent / 4, 4096);
	c->tcp.ext_max = u32_max(concurrent, 64);
	c->tcp.srec_max = u32_max(2 * concurrent, 4096);
	c->send_chunk_cnt = u32_max(concurrent, 64);
	c->knobs.two_msl_ns = BENCH_HTTP_TWO_MSL;
}

/* bench_http_serve answers a request. */
static inline void bench_http_serve(struct leat_stack *s, const struct leat_event *ev)
{
	const uint8_t *text;

	if (!(ev->bits & LEAT_READABLE))
		return;
	int64_t octets = leat_peek(s, ev->conn, &text);

	ASSERT(octets == sizeof(bench_http_request) - 1 && memcmp(text, "GET ", 4) == 0);
	leat_take(s, ev->conn, (size_t)octets);
	ASSERT(leat_send(s, ev->conn, bench_http_response, sizeof(bench_http_response) - 1) ==
		sizeof(bench_http_response) - 1);
	leat_close(s, ev->conn);
}

/* bench_http_ask sends the request, or takes the response: true, and the connection is done. */
static inline bool bench_http_ask(struct leat_stack *s, const struct leat_event *ev)
{
	const uint8_t *text;

	if (ev->bits & LEAT_CONNECTED)
		leat_send(s, ev->conn, bench_http_request, sizeof(bench_http_request) - 1);
	if (!(ev->bits & LEAT_PEER_CLOSED))
		return false;
	int64_t octets = leat_peek(s, ev->conn, &text);

	ASSERT(octets == sizeof(bench_http_response) - 1);
	leat_take(s, ev->conn, (size_t)octets);
	leat_close(s, ev->conn);
	return true;
}

/* bench_http_check: nothing was lost, reset or sent again. */
static inline void bench_http_check(const struct leat_stack *s)
{
	const struct tcp_counters *t = leat_stack_tcp(s);

	ASSERT(t->ended[TCP_END_RESET] + t->ended[TCP_END_TIMEOUT] + t->ended[TCP_END_ABORTED] ==
		0);
	ASSERT(t->emitted_again == 0);
}

#endif
