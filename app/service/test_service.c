/* SPDX-License-Identifier: BSD-3-Clause */
#include "service_set.h"

#include "base_bits.h"
#include "base_time.h"
#include "pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PORT_HTTP    80
#define PORT_ECHO    7
#define PORT_DISCARD 9
#define PORT_CHARGEN 19

static const size_t sizes[] = {0, 1, 1459, 1460, 1461, 65536, 10485760};

/* A client that sends out, reads into in, and closes when it is told to. */
struct client {
	struct leat_conn conn;
	const uint8_t *out;
	size_t out_octets, out_at;
	uint8_t *in;
	size_t in_max, in_octets;
	size_t in_want; /* enough */
	bool shut;      /* our FIN follows out */
	bool connected, shut_done, pause, eof, closed;
};

struct bench {
	struct pair *pair;
	struct service_set *set;
	void *mem;
	struct client client;
	struct leat_app app;
};

static void client_read(struct client *c, struct leat_stack *s)
{
	while (!c->pause && !c->eof && !c->closed && c->in_octets < c->in_max) {
		int64_t n = leat_recv(s, c->conn, c->in + c->in_octets, c->in_max - c->in_octets);
		if (n < 0)
			return;
		c->eof = n == 0;
		c->in_octets += (size_t)n;
	}
}

static void client_event(void *arg, struct leat_stack *s, const struct leat_event *event)
{
	struct client *c = arg;

	c->connected |= (event->bits & LEAT_CONNECTED) != 0;
	client_read(c, s);
	if (event->bits & LEAT_CLOSED) {
		leat_release(s, event->conn);
		c->closed = true;
	}
}

static void client_turn(void *arg, struct leat_stack *s)
{
	struct client *c = arg;

	client_read(c, s);
	while (!c->closed && c->out_at < c->out_octets) {
		int64_t n = leat_send(s, c->conn, c->out + c->out_at, c->out_octets - c->out_at);
		if (n <= 0)
			return;
		c->out_at += (size_t)n;
	}
	if (c->shut && c->connected && !c->shut_done && !c->closed)
		c->shut_done = leat_shutdown(s, c->conn) == LEAT_OK;
}

static void bench_init(
	struct bench *b, const struct service_config *config, const struct pair_config *pair_config)
{
	uint32_t at;

	*b = (struct bench){.pair = leat_pair_new(pair_config)};
	b->mem = aligned_alloc(CACHE_LINE, leat_service_footprint(config));
	assert_non_null(b->mem);
	b->set = leat_service_new(b->mem, config);
	assert_int_equal(leat_service_listen(b->set, b->pair->end[1].stack, &at), LEAT_OK);
	b->pair->end[1].app = leat_service_app(b->set);
	b->app = (struct leat_app){.arg = &b->client, .event = client_event, .turn = client_turn};
	b->pair->end[0].app = &b->app;
	b->client.in_max = 12 << 20;
	b->client.in = malloc(b->client.in_max + 1);
	assert_non_null(b->client.in);
}

static struct service_config all_services(void)
{
	static const uint16_t port[] = {PORT_HTTP, PORT_ECHO, PORT_DISCARD, PORT_CHARGEN};
	struct service_config config;

	leat_service_config_default(&config);
	config.conn_max = 2 * SERVICE_DRAIN_MAX + 64;
	for (uint32_t i = 0; i < COUNT_OF(port); i++)
		config.listen[config.listen_cnt++] = (struct service_listen){
			.kind = (enum service_kind)i, .local = {.port = port[i]}};
	return config;
}

static void bench_new(struct bench *b)
{
	struct service_config config = all_services();
	struct pair_config pair_config;

	leat_pair_config_default(&pair_config);
	bench_init(b, &config, &pair_config);
}

static bool all_home(void *arg)
{
	struct bench *b = arg;
	const struct tcp_counters *t = leat_stack_tcp(b->pair->end[1].stack);
	uint32_t present = 0;

	for (uint32_t i = TCP_ST_SYN_SENT; i < TCP_ST_CNT; i++)
		present += t->present[i];
	return present == 0 && leat_service_counters(b->set)->present == 0;
}

/* Every connection comes to its end, and the counters balance. */
static void bench_end(struct bench *b)
{
	const struct service_counters *n = leat_service_counters(b->set);

	assert_true(leat_pair_run(b->pair, all_home, b, 200 * TIME_S));
	assert_int_equal(n->accepted, n->finished + n->lingered + n->aborted + n->ended);
	leat_pair_free(b->pair);
	free(b->client.in);
	free(b->mem);
}

static void open_to(struct bench *b, uint8_t family, uint16_t port)
{
	struct leat_addr local = {0}, remote = leat_pair_addr(1, family, port);
	struct client *c = &b->client;

	*c = (struct client){.in = c->in, .in_max = c->in_max};
	assert_int_equal(leat_connect(b->pair->end[0].stack, &local, &remote, &c->conn), LEAT_OK);
}

static bool has_all(void *arg)
{
	const struct client *c = arg;

	return c->eof || c->closed || (c->in_want && c->in_octets >= c->in_want);
}

static void say(struct bench *b, const char *text)
{
	b->client.out = (const uint8_t *)text;
	b->client.out_octets = strlen(text);
	b->client.out_at = 0;
}

/* Until the peer closes, or want octets are there (0: only then). */
static void wait_for(struct bench *b, size_t want)
{
	b->client.in_want = want;
	assert_true(leat_pair_run(b->pair, has_all, &b->client, 100 * TIME_S));
	b->client.in[b->client.in_octets] = '\0';
}

static void finish(struct bench *b)
{
	if (!b->client.closed)
		assert_int_equal(leat_close(b->pair->end[0].stack, b->client.conn), LEAT_OK);
	b->client.closed = true;
}

/* The body after the head; the head must hold want. */
static const uint8_t *body_of(const struct client *c, const char *want, size_t *octets)
{
	const char *end = strstr((const char *)c->in, "\r\n\r\n");

	assert_non_null(end);
	assert_non_null(strstr((const char *)c->in, want));
	end += 4;
	*octets = c->in_octets - (size_t)(end - (const char *)c->in);
	return (const uint8_t *)end;
}

static void check_body(const struct client *c, size_t want)
{
	size_t octets;
	const uint8_t *body = body_of(c, "HTTP/1.1 200 OK\r\n", &octets);
	uint8_t wrong = 0;

	assert_int_equal(octets, want);
	for (size_t i = 0; i < octets; i++)
		wrong |= body[i] ^ service_octet(i);
	assert_int_equal(wrong, 0);
}

static void get_of_every_size_is_exact_over_both_versions(void **state)
{
	struct bench b;

	(void)state;
	bench_new(&b);
	for (size_t i = 0; i < 2 * COUNT_OF(sizes); i++) {
		char text[96];
		snprintf(text, sizeof(text),
			"GET /bytes/%zu HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
			sizes[i / 2]);
		open_to(&b, i % 2 ? 6 : 4, PORT_HTTP);
		say(&b, text);
		wait_for(&b, 0);
		assert_true(b.client.eof);
		check_body(&b.client, sizes[i / 2]);
		finish(&b);
	}
	assert_int_equal(leat_service_counters(b.set)->responses, 2 * COUNT_OF(sizes));
	bench_end(&b);
}

static void the_configured_body_of_every_size_is_exact(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		struct service_config config = all_services();
		struct pair_config pair_config;
		struct bench b;

		config.body_octets = sizes[i];
		leat_pair_config_default(&pair_config);
		bench_init(&b, &config, &pair_config);
		open_to(&b, 4, PORT_HTTP);
		say(&b, "GET / HTTP/1.0\r\n\r\n");
		wait_for(&b, 0);
		check_body(&b.client, sizes[i]);
		finish(&b);
		bench_end(&b);
	}
}

static void a_large_body_is_exact_through_a_small_pool_and_loss(void **state)
{
	struct service_config config = all_services();
	struct pair_config pair_config;
	struct bench b;

	(void)state;
	leat_pair_config_default(&pair_config);
	pair_config.loss_millionths = 50000;
	pair_config.send_buf_octets = 20000;
	pair_config.send_chunk_cnt = 8;
	bench_init(&b, &config, &pair_config);
	open_to(&b, 4, PORT_HTTP);
	say(&b, "GET /bytes/300000 HTTP/1.0\r\n\r\n");
	wait_for(&b, 0);
	check_body(&b.client, 300000);
	assert_true(b.pair->lost > 0);
	finish(&b);
	bench_end(&b);
}

static void echo_gives_every_size_back_and_closes_after_the_peer(void **state)
{
	uint8_t *out = malloc(sizes[COUNT_OF(sizes) - 1]);
	struct prng prng;
	struct bench b;

	(void)state;
	assert_non_null(out);
	leat_prng_seed(&prng, 3);
	for (size_t i = 0; i < sizes[COUNT_OF(sizes) - 1]; i++)
		out[i] = (uint8_t)leat_prng_next(&prng);
	bench_new(&b);
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		open_to(&b, 6, PORT_ECHO);
		b.client.out = out;
		b.client.out_octets = sizes[i];
		b.client.shut = true;
		wait_for(&b, 0);
		assert_true(b.client.eof);
		assert_int_equal(b.client.in_octets, sizes[i]);
		assert_memory_equal(b.client.in, out, sizes[i]);
		finish(&b);
	}
	bench_end(&b);
	free(out);
}

static bool sent_no_more(void *arg)
{
	struct bench *b = arg;

	return leat_send_room(b->pair->end[0].stack, b->client.conn) == 0 &&
	       b->pair->end[0].head == UINT32_MAX && b->pair->end[1].head == UINT32_MAX;
}

static bool never(void *arg)
{
	(void)arg;
	return false;
}

/* The peer sends and does not read: what is under way stays below what the buffers hold. */
static void echo_stops_reading_while_the_peer_does_not_read(void **state)
{
	uint8_t *out = calloc(1, 4 << 20);
	struct bench b;

	(void)state;
	assert_non_null(out);
	bench_new(&b);
	open_to(&b, 4, PORT_ECHO);
	b.client.out = out;
	b.client.out_octets = 4 << 20;
	b.client.pause = true;
	b.client.shut = true;
	leat_pair_run(b.pair, never, NULL, 2 * TIME_S);
	assert_true(sent_no_more(&b));
	assert_in_range(b.client.out_at, 3 * 65536, 5 * 65536);
	b.client.pause = false;
	wait_for(&b, 0);
	assert_int_equal(b.client.in_octets, 4 << 20);
	finish(&b);
	bench_end(&b);
	free(out);
}

static void discard_reads_all_and_answers_nothing(void **state)
{
	uint8_t *out = calloc(1, 1 << 20);
	struct bench b;

	(void)state;
	assert_non_null(out);
	bench_new(&b);
	open_to(&b, 4, PORT_DISCARD);
	b.client.out = out;
	b.client.out_octets = 1 << 20;
	b.client.shut = true;
	wait_for(&b, 0);
	assert_true(b.client.eof);
	assert_int_equal(b.client.in_octets, 0);
	assert_int_equal(leat_service_counters(b.set)->octets_in, 1 << 20);
	finish(&b);
	bench_end(&b);
	free(out);
}

/* RFC 864's own example of the pattern. */
static void chargen_sends_the_lines_of_rfc_864_until_the_peer_closes(void **state)
{
	static const char second[] =
		"!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefgh\r\n";
	struct bench b;

	(void)state;
	bench_new(&b);
	open_to(&b, 4, PORT_CHARGEN);
	wait_for(&b, 200000);
	assert_memory_equal(b.client.in + 74, second, 74);
	for (size_t i = 95 * 74; i < 200000; i++)
		assert_int_equal(b.client.in[i], b.client.in[i - 95 * 74]);
	b.client.shut = true;
	wait_for(&b, 0);
	assert_true(b.client.eof);
	finish(&b);
	bench_end(&b);
}

static size_t count(const struct client *c, const char *what)
{
	size_t cnt = 0;

	for (const char *at = (const char *)c->in; (at = strstr(at, what)) != NULL; at++)
		cnt++;
	return cnt;
}

static void pipelined_requests_are_answered_in_order(void **state)
{
	struct bench b;

	(void)state;
	bench_new(&b);
	open_to(&b, 4, PORT_HTTP);
	say(&b, "GET /bytes/3 HTTP/1.1\r\nHost: a\r\n\r\nHEAD /bytes/4 HTTP/1.1\r\nHost: a\r\n\r\n"
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nGET /"
		"GET /none HTTP/1.1\r\nHost: a\r\n\r\n"
		"GET /bytes/2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	wait_for(&b, 0);
	assert_int_equal(count(&b.client, "HTTP/1.1 200 OK\r\n"), 4);
	assert_int_equal(count(&b.client, "HTTP/1.1 404 Not Found\r\n"), 1);
	assert_int_equal(count(&b.client, "Content-Length: 4\r\n\r\nHTTP"), 1);
	assert_int_equal(count(&b.client, "\r\n\r\n!\"#HTTP"), 1);
	assert_string_equal((char *)b.client.in + b.client.in_octets - 6, "\r\n\r\n!\"");
	finish(&b);
	bench_end(&b);
}

static void thousands_of_pipelined_requests_wait_for_room(void **state)
{
	static const char get[] = "GET /bytes/1000 HTTP/1.1\r\nHost: a\r\n\r\n";
	static char out[3000 * sizeof(get)];
	struct bench b;

	(void)state;
	out[0] = '\0';
	for (uint32_t i = 0; i < 3000; i++)
		memcpy(out + i * (sizeof(get) - 1), get, sizeof(get));
	bench_new(&b);
	open_to(&b, 4, PORT_HTTP);
	say(&b, out);
	b.client.shut = true;
	wait_for(&b, 0);
	assert_int_equal(leat_service_counters(b.set)->responses, 3000);
	assert_int_equal(count(&b.client, "HTTP/1.1 200 OK\r\n"), 3000);
	finish(&b);
	bench_end(&b);
}

static void a_connection_is_kept_or_closed_as_the_version_and_the_fields_say(void **state)
{
	static const struct {
		const char *text, *want;
		bool kept;
	} row[] = {
		{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "Content-Length: 512\r\n\r\n", true},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "Connection: close\r\n",
			false},
		{"GET / HTTP/1.0\r\n\r\n", "Connection: close\r\n", false},
		{"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "Connection: keep-alive\r\n",
			true},
		{"GET /none HTTP/1.1\r\nHost: a\r\n\r\n", "404 Not Found\r\n", true},
		{"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", "501 Not Implemented\r\n", false},
		{"nonsense\r\n\r\n", "400 Bad Request\r\n", false},
		{"POST / HTTP/1.1\r\nHost: a\r\n\r\n", "411 Length Required\r\n", false},
	};
	struct bench b;

	(void)state;
	bench_new(&b);
	for (size_t i = 0; i < COUNT_OF(row); i++) {
		size_t octets;
		open_to(&b, 4, PORT_HTTP);
		say(&b, row[i].text);
		wait_for(&b, 0 + (row[i].kept ? 100 : 0));
		leat_pair_run(b.pair, never, NULL, 10 * TIME_MS);
		body_of(&b.client, row[i].want, &octets);
		assert_int_equal(b.client.eof, !row[i].kept);
		finish(&b);
	}
	bench_end(&b);
}

static void a_refusal_says_what_would_have_been_good(void **state)
{
	static const struct {
		const char *text, *want;
	} row[] = {
		{"GET /none HTTP/1.1\r\nHost: a\r\n\r\n", "; there is / and /bytes/N\n"},
		{"GET / HTTP/1.1\r\n\r\n", "fields of which one is Host"},
		{"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "; there is HTTP/1.0 and HTTP/1.1\n"},
		{"POST / HTTP/1.1\r\nHost: a\r\n\r\n", "; POST needs a Content-Length\n"},
	};
	struct bench b;

	(void)state;
	bench_new(&b);
	for (size_t i = 0; i < COUNT_OF(row); i++) {
		open_to(&b, 4, PORT_HTTP);
		say(&b, row[i].text);
		wait_for(&b, 100);
		leat_pair_run(b.pair, never, NULL, 10 * TIME_MS);
		assert_int_equal(count(&b.client, row[i].want), 1);
		finish(&b);
	}
	bench_end(&b);
}

static void a_post_is_read_and_a_waiting_client_is_told_to_go_on(void **state)
{
	static char out[200000];
	struct bench b;
	size_t octets;

	(void)state;
	bench_new(&b);
	open_to(&b, 4, PORT_HTTP);
	say(&b, "POST /bytes/9 HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n"
		"Expect: 100-continue\r\nConnection: close\r\n\r\n");
	wait_for(&b, 25);
	assert_string_equal((char *)b.client.in, "HTTP/1.1 100 Continue\r\n\r\n");
	b.client.out = (const uint8_t *)out;
	b.client.out_octets = sizeof(out);
	b.client.out_at = 0;
	b.client.in_octets = 0;
	wait_for(&b, 0);
	check_body(&b.client, 9);
	body_of(&b.client, "Connection: close\r\n", &octets);
	finish(&b);
	bench_end(&b);
}

static void server_close_leaves_time_wait_here_and_client_close_leaves_none(void **state)
{
	for (int close = SERVICE_CLOSE_KEEP; close < SERVICE_CLOSE_CNT; close++) {
		struct service_config config = all_services();
		struct pair_config pair_config;
		const struct tcp_counters *t;
		struct bench b;

		(void)state;
		config.close = (enum service_close)close;
		leat_pair_config_default(&pair_config);
		pair_config.two_msl_ns = 60 * TIME_S;
		bench_init(&b, &config, &pair_config);
		t = leat_stack_tcp(b.pair->end[1].stack);
		open_to(&b, 4, PORT_HTTP);
		say(&b, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
		wait_for(&b, 550);
		leat_pair_run(b.pair, never, NULL, 10 * TIME_MS);
		assert_int_equal(b.client.eof, close == SERVICE_CLOSE_SERVER);
		finish(&b);
		leat_pair_run(b.pair, never, NULL, 10 * TIME_MS);
		assert_int_equal(t->present[TCP_ST_TIME_WAIT], close == SERVICE_CLOSE_SERVER);
		assert_int_equal(leat_service_counters(b.set)->finished, 1);
		bench_end(&b);
	}
}

static void a_client_that_never_closes_is_left_to_the_stack_without_a_reset(void **state)
{
	struct bench b;

	(void)state;
	bench_new(&b);
	open_to(&b, 4, PORT_HTTP);
	say(&b, "GET / HTTP/1.0\r\n\r\n");
	wait_for(&b, 0);
	leat_pair_run(b.pair, never, NULL, 4 * TIME_S);
	assert_int_equal(leat_service_counters(b.set)->present, 1);
	leat_pair_run(b.pair, never, NULL, 2 * TIME_S);
	assert_int_equal(leat_service_counters(b.set)->lingered, 1);
	leat_pair_run(b.pair, never, NULL, 100 * TIME_S);
	assert_false(b.client.closed);
	finish(&b);
	bench_end(&b);
}

/* Longer than it may linger, as long as it goes on reading; not when it stops. */
static void a_slow_reader_gets_all_and_one_that_stopped_is_reset(void **state)
{
	struct bench b;

	(void)state;
	for (uint32_t stops = 0; stops < 2; stops++) {
		bench_new(&b);
		open_to(&b, 4, PORT_HTTP);
		b.client.pause = true;
		say(&b, "GET /bytes/200000 HTTP/1.0\r\n\r\n");
		for (uint32_t i = 0; i < 100 && !b.client.eof && !b.client.closed; i++) {
			struct client *c = &b.client;
			leat_pair_run(b.pair, never, NULL, TIME_S / 2);
			if (stops && i > 20)
				continue;
			int64_t n = leat_recv(
				b.pair->end[0].stack, c->conn, c->in + c->in_octets, 6000);
			c->eof = n == 0;
			c->in_octets += n > 0 ? (size_t)n : 0;
		}
		assert_int_equal(b.client.eof, !stops);
		assert_int_equal(leat_service_counters(b.set)->aborted, stops);
		b.client.in[b.client.in_octets] = '\0';
		if (!stops)
			check_body(&b.client, 200000);
		finish(&b);
		bench_end(&b);
	}
}

static void drain(struct bench *b)
{
	const struct leat_app *app = leat_service_app(b->set);

	leat_stack_refuse(b->pair->end[1].stack, true);
	app->drain(app->arg, b->pair->end[1].stack);
}

static void drain_closes_what_is_idle_at_once(void **state)
{
	static const uint16_t port[] = {PORT_HTTP, PORT_ECHO, PORT_DISCARD, PORT_CHARGEN};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(port); i++) {
		struct bench b;

		bench_new(&b);
		open_to(&b, 4, port[i]);
		say(&b, port[i] == PORT_HTTP ? "GET / HTTP/1.1\r\nHost: a\r\n\r\n" : "x");
		leat_pair_run(b.pair, never, NULL, TIME_MS);
		assert_false(b.client.eof);
		drain(&b);
		wait_for(&b, 0);
		assert_true(b.client.eof);
		finish(&b);
		bench_end(&b);
	}
}

static void drain_tells_a_bounded_number_of_connections_each_turn(void **state)
{
	struct bench b;
	struct leat_stack *stack;
	uint32_t turns = 0;

	(void)state;
	bench_new(&b);
	stack = b.pair->end[1].stack;
	drain(&b);
	assert_int_equal(b.set->drained, 0);
	for (uint32_t before = 0; before < b.set->config.conn_max; turns++) {
		leat_service_app(b.set)->turn(b.set, stack);
		assert_in_range(b.set->drained - before, 1, SERVICE_DRAIN_MAX);
		before = b.set->drained;
	}
	assert_int_equal(
		turns, (b.set->config.conn_max + SERVICE_DRAIN_MAX - 1) / SERVICE_DRAIN_MAX);
	bench_end(&b);
}

static void drain_lets_a_response_under_way_finish_and_then_closes(void **state)
{
	struct bench b;

	(void)state;
	bench_new(&b);
	open_to(&b, 4, PORT_HTTP);
	say(&b, "GET /bytes/1000000 HTTP/1.1\r\nHost: a\r\n\r\n");
	wait_for(&b, 10000);
	drain(&b);
	wait_for(&b, 0);
	assert_true(b.client.eof);
	check_body(&b.client, 1000000);
	finish(&b);
	bench_end(&b);
}

static void drain_answers_a_request_that_had_begun(void **state)
{
	struct bench b;
	size_t octets;

	(void)state;
	bench_new(&b);
	open_to(&b, 4, PORT_HTTP);
	say(&b, "GET / HTTP/1.1\r\nHo");
	leat_pair_run(b.pair, never, NULL, 10 * TIME_MS);
	drain(&b);
	leat_pair_run(b.pair, never, NULL, 10 * TIME_MS);
	assert_false(b.client.eof);
	say(&b, "st: a\r\n\r\n");
	wait_for(&b, 0);
	check_body(&b.client, 512);
	body_of(&b.client, "Connection: close\r\n", &octets);
	finish(&b);
	bench_end(&b);
}

static void the_greeting_names_shard_and_peer(void **state)
{
	struct service_config config = all_services();
	struct pair_config pair_config;
	struct bench b;
	size_t octets;
	const uint8_t *body;
	unsigned port, shard;
	char rest[80];

	(void)state;
	config.greet = true;
	config.shard_idx = 3;
	leat_pair_config_default(&pair_config);
	bench_init(&b, &config, &pair_config);
	open_to(&b, 4, PORT_HTTP);
	say(&b, "GET / HTTP/1.0\r\n\r\n");
	wait_for(&b, 0);
	body = body_of(&b.client, "200 OK", &octets);
	assert_int_equal(
		sscanf((const char *)body,
			"You reached shard %u from 198.18.0.1:%u. State ESTABLISHED, RTT %79[^\n]",
			&shard, &port, rest),
		3);
	assert_int_equal(shard, 3);
	assert_int_equal(body[octets - 1], '\n');
	finish(&b);
	bench_end(&b);
}

static void more_connections_than_records_are_reset_and_counted(void **state)
{
	struct service_config config = all_services();
	struct pair_config pair_config;
	struct leat_addr local = {0}, remote = leat_pair_addr(1, 4, PORT_ECHO);
	struct leat_conn conn;
	struct bench b;

	(void)state;
	config.conn_max = 2;
	leat_pair_config_default(&pair_config);
	bench_init(&b, &config, &pair_config);
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(
			leat_connect(b.pair->end[0].stack, &local, &remote, &conn), LEAT_OK);
	leat_pair_run(b.pair, never, NULL, 10 * TIME_MS);
	open_to(&b, 4, PORT_HTTP);
	wait_for(&b, 0);
	assert_true(b.client.closed);
	assert_int_equal(leat_service_counters(b.set)->no_record, 1);
	assert_int_equal(leat_service_counters(b.set)->present, 2);
	leat_stack_abort_all(b.pair->end[0].stack);
	bench_end(&b);
}

static void impossible_configs_are_refused_with_key_value_and_range(void **state)
{
	struct service_config config = all_services();
	char text[128];

	(void)state;
	assert_null(leat_service_config_error(&config, text, sizeof(text)));
	config.listen_cnt = 17;
	assert_string_equal(leat_service_config_error(&config, text, sizeof(text)),
		"service.listen_cnt: 17 is out of range: from 1 to 16");
	assert_int_equal(leat_service_footprint(&config), 0);
	config = all_services();
	config.conn_max = 0;
	assert_int_equal(leat_service_footprint(&config), 0);
	config = all_services();
	config.body_octets = SERVICE_BODY_MAX + 1;
	assert_int_equal(leat_service_footprint(&config), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(get_of_every_size_is_exact_over_both_versions),
		cmocka_unit_test(the_configured_body_of_every_size_is_exact),
		cmocka_unit_test(a_large_body_is_exact_through_a_small_pool_and_loss),
		cmocka_unit_test(echo_gives_every_size_back_and_closes_after_the_peer),
		cmocka_unit_test(echo_stops_reading_while_the_peer_does_not_read),
		cmocka_unit_test(discard_reads_all_and_answers_nothing),
		cmocka_unit_test(chargen_sends_the_lines_of_rfc_864_until_the_peer_closes),
		cmocka_unit_test(pipelined_requests_are_answered_in_order),
		cmocka_unit_test(thousands_of_pipelined_requests_wait_for_room),
		cmocka_unit_test(a_connection_is_kept_or_closed_as_the_version_and_the_fields_say),
		cmocka_unit_test(a_refusal_says_what_would_have_been_good),
		cmocka_unit_test(a_post_is_read_and_a_waiting_client_is_told_to_go_on),
		cmocka_unit_test(server_close_leaves_time_wait_here_and_client_close_leaves_none),
		cmocka_unit_test(a_client_that_never_closes_is_left_to_the_stack_without_a_reset),
		cmocka_unit_test(a_slow_reader_gets_all_and_one_that_stopped_is_reset),
		cmocka_unit_test(drain_closes_what_is_idle_at_once),
		cmocka_unit_test(drain_tells_a_bounded_number_of_connections_each_turn),
		cmocka_unit_test(drain_lets_a_response_under_way_finish_and_then_closes),
		cmocka_unit_test(drain_answers_a_request_that_had_begun),
		cmocka_unit_test(the_greeting_names_shard_and_peer),
		cmocka_unit_test(more_connections_than_records_are_reset_and_counted),
		cmocka_unit_test(impossible_configs_are_refused_with_key_value_and_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
