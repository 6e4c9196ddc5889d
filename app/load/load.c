/* SPDX-License-Identifier: BSD-3-Clause */
#include "load.h"

#include "base_arena.h"
#include "base_assert.h"
#include "base_bits.h"
#include "base_time.h"
#include "http_scan.h"
#include "service.h"
#include "timer_ring.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LOAD_NONE          UINT32_MAX
#define LOAD_PIECE_OCTETS  16384
#define LOAD_REQUEST_MAX   256
#define LOAD_TURN_MAX      32 /* expired timers answered in one turn */
#define LOAD_NO_TIMEOUT_NS (1000 * 3600 * TIME_S)

enum load_phase {
	LOAD_PH_FREE,
	LOAD_PH_CONNECT,
	LOAD_PH_SEND, /* the request found no room yet */
	LOAD_PH_HEAD, /* of the response */
	LOAD_PH_BODY,
	LOAD_PH_EOF,   /* all responses are read; the server is to close */
	LOAD_PH_CLOSE, /* our FIN is sent; the last word is LEAT_CLOSED */
	LOAD_PH_DRAIN, /* our FIN is sent first; the server's is to come */
	LOAD_PH_CNT
};

struct load_conn {
	struct leat_conn conn;
	uint64_t begun_at; /* the connect, then the request */
	uint32_t next_free;
	uint32_t request_left;
	uint64_t body_at, body_end;
	uint8_t phase; /* enum load_phase */
	bool established;
	struct http_scan scan;
};

STATIC_ASSERT(sizeof(struct load_conn) <= 128, "two cache lines a connection");

struct load {
	struct load_config config;
	struct load_counters counters;
	struct leat_app app;
	struct load_conn *conn;
	struct timer_ring *timeout, *retry;
	uint8_t *pattern;                  /* SERVICE_PERIOD + LOAD_PIECE_OCTETS of service_octet */
	char request[2][LOAD_REQUEST_MAX]; /* [1] asks for close */
	uint32_t request_octets[2];
	uint32_t free_head, local_next, target_next;
	uint64_t retry_at;
	bool stopped;
	struct hist connect_hist, response_hist;
};

static const char *const fail_name[LOAD_FAIL_CNT] = {
	[LOAD_FAIL_REFUSED] = "refused",
	[LOAD_FAIL_RESET] = "reset",
	[LOAD_FAIL_TIMEOUT] = "timeout",
	[LOAD_FAIL_RESPONSE] = "bad response",
	[LOAD_FAIL_SHORT] = "short response",
	[LOAD_FAIL_CUT] = "cut",
};

const char *leat_load_fail_name(enum load_fail fail)
{
	return fail_name[fail];
}

void leat_load_config_default(struct load_config *config)
{
	*config = (struct load_config){.local_cnt = 1,
		.conn_cnt = 1024,
		.open_max = 64,
		.request_cnt = 1,
		.body_octets = 512,
		.body_verify = true,
		.close = LOAD_CLOSE_SERVER,
		.path = "/",
		.host = "leat"};
}

const char *leat_load_config_error(const struct load_config *config, char *text, size_t size)
{
	const struct {
		const char *key;
		uint64_t value, from, to;
	} bound[] = {
		{"load.local_cnt", config->local_cnt, 1, 1 << 24},
		{"load.target_cnt", config->target_cnt, 1, LOAD_TARGET_MAX},
		{"load.conn_cnt", config->conn_cnt, 1, 1 << 26},
		{"load.open_max", config->open_max, 1, UINT32_MAX},
		{"load.request_cnt", config->request_cnt, 1, UINT32_MAX},
		{"load.close", config->close, 0, LOAD_CLOSE_CNT - 1},
		{"load.timeout_ns", config->timeout_ns, 0, LOAD_NO_TIMEOUT_NS},
	};

	for (uint32_t i = 0; i < COUNT_OF(bound); i++) {
		if (bound[i].value >= bound[i].from && bound[i].value <= bound[i].to)
			continue;
		snprintf(text, size,
			"%s: %" PRIu64 " is out of range: from %" PRIu64 " to %" PRIu64,
			bound[i].key, bound[i].value, bound[i].from, bound[i].to);
		return text;
	}
	if (config->path[0] != '/') {
		snprintf(text, size, "load.path: `%s` does not begin with /", config->path);
		return text;
	}
	return NULL;
}

static struct load *cut(struct arena *a, const struct load_config *config)
{
	struct load *load = arena_take(a, 1, sizeof(*load), CACHE_LINE);
	struct load_conn *conn = arena_take(a, config->conn_cnt, sizeof(*conn), CACHE_LINE);
	size_t ring_octets = leat_timer_ring_footprint(config->conn_cnt);
	void *timeout = arena_take(a, 1, ring_octets, CACHE_LINE);
	void *retry = arena_take(a, 1, ring_octets, CACHE_LINE);
	uint8_t *pattern = arena_take(a, 1, SERVICE_PERIOD + LOAD_PIECE_OCTETS, CACHE_LINE);

	if (!load)
		return NULL;
	*load = (struct load){.config = *config, .conn = conn, .pattern = pattern};
	load->timeout = leat_timer_ring_new(timeout, config->conn_cnt,
		config->timeout_ns ? config->timeout_ns : LOAD_NO_TIMEOUT_NS);
	load->retry = leat_timer_ring_new(retry, config->conn_cnt, LOAD_RETRY_NS);
	return load;
}

size_t leat_load_footprint(const struct load_config *config)
{
	struct arena a = arena_at(NULL);
	char text[128];

	if (leat_load_config_error(config, text, sizeof(text)))
		return 0;
	cut(&a, config);
	return arena_used(&a);
}

static uint32_t idx_of(const struct load *load, const struct load_conn *c)
{
	return (uint32_t)(c - load->conn);
}

static void free_conn(struct load *load, struct load_conn *c)
{
	leat_timer_ring_stop(load->timeout, idx_of(load, c));
	leat_timer_ring_stop(load->retry, idx_of(load, c));
	load->retry_at = 0;
	if (c->established)
		load->counters.established--;
	load->counters.in_flight--;
	c->phase = LOAD_PH_FREE;
	c->next_free = load->free_head;
	load->free_head = idx_of(load, c);
}

static void complete(struct load *load, struct load_conn *c)
{
	load->counters.completed++;
	free_conn(load, c);
}

static void fail(struct load *load, struct leat_stack *s, struct load_conn *c, enum load_fail why)
{
	load->counters.failed[why]++;
	leat_abort(s, c->conn);
	free_conn(load, c);
}

static void watch(struct load *load, struct leat_stack *s, struct load_conn *c)
{
	if (load->config.timeout_ns)
		leat_timer_ring_start(load->timeout, idx_of(load, c), leat_now(s));
}

/* Nothing else of this connection is under way, so that room is only wanting in the stack's pool:
 * no event will tell when there is some. */
static void send_request(struct load *load, struct leat_stack *s, struct load_conn *c)
{
	bool last = c->request_left == 1 && load->config.close == LOAD_CLOSE_SERVER;
	uint32_t octets = load->request_octets[last];

	if (leat_send_room(s, c->conn) < octets) {
		c->phase = LOAD_PH_SEND;
		load->counters.send_waits++;
		leat_timer_ring_start(load->retry, idx_of(load, c), leat_now(s));
		return;
	}
	leat_send(s, c->conn, load->request[last], octets);
	c->begun_at = leat_now(s);
	c->phase = LOAD_PH_HEAD;
	http_scan_start(&c->scan, true);
	watch(load, s, c);
}

/* The response is complete and right. */
static void response_done(struct load *load, struct leat_stack *s, struct load_conn *c)
{
	load->counters.responses++;
	hist_record(&load->response_hist, leat_now(s) - c->begun_at);
	if (--c->request_left) {
		send_request(load, s, c);
	} else if (load->config.close == LOAD_CLOSE_SERVER) {
		c->phase = LOAD_PH_EOF;
	} else {
		leat_shutdown(s, c->conn);
		c->phase = LOAD_PH_DRAIN;
	}
}

static void head_done(struct load *load, struct leat_stack *s, struct load_conn *c)
{
	if (c->scan.status != 200 || !c->scan.has_length ||
		c->scan.content_length != load->config.body_octets) {
		fail(load, s, c, LOAD_FAIL_RESPONSE);
		return;
	}
	c->body_at = 0;
	c->body_end = load->config.body_octets;
	c->phase = LOAD_PH_BODY;
	if (!c->body_end)
		response_done(load, s, c);
}

static void head_text(struct load *load, struct leat_stack *s, struct load_conn *c,
	const uint8_t *data, size_t octets)
{
	enum http_result result;
	size_t used = leat_http_scan(&c->scan, data, octets, &result);

	leat_take(s, c->conn, used);
	if (result == HTTP_DONE)
		head_done(load, s, c);
	else if (result == HTTP_BAD)
		fail(load, s, c, LOAD_FAIL_RESPONSE);
}

static bool body_is_right(const struct load *load, uint64_t at, const uint8_t *data, size_t octets)
{
	while (octets) {
		size_t n = octets < LOAD_PIECE_OCTETS ? octets : LOAD_PIECE_OCTETS;
		if (memcmp(load->pattern + at % SERVICE_PERIOD, data, n) != 0)
			return false;
		at += n;
		data += n;
		octets -= n;
	}
	return true;
}

static void body_text(struct load *load, struct leat_stack *s, struct load_conn *c,
	const uint8_t *data, size_t octets)
{
	size_t n = (size_t)u64_min(octets, c->body_end - c->body_at);

	if (load->config.body_verify && !body_is_right(load, c->body_at, data, n)) {
		fail(load, s, c, LOAD_FAIL_RESPONSE);
		return;
	}
	leat_take(s, c->conn, n);
	load->counters.octets_in += n;
	c->body_at += n;
	if (c->body_at == c->body_end)
		response_done(load, s, c);
	else
		watch(load, s, c);
}

/* The server closed: right only after the last response. */
static void peer_closed(struct load *load, struct leat_stack *s, struct load_conn *c)
{
	switch (c->phase) {
	case LOAD_PH_EOF:
		leat_shutdown(s, c->conn);
		c->phase = LOAD_PH_CLOSE;
		watch(load, s, c);
		break;
	case LOAD_PH_DRAIN:
		leat_close(s, c->conn); /* TIME-WAIT is the stack's business */
		complete(load, c);
		break;
	case LOAD_PH_CLOSE:
		break;
	default:
		fail(load, s, c, LOAD_FAIL_SHORT);
	}
}

/* Takes what there is to read, until nothing is left or the connection is done with. */
static void read_text(struct load *load, struct leat_stack *s, struct load_conn *c)
{
	struct leat_conn conn = c->conn;

	while (c->phase != LOAD_PH_FREE && c->phase != LOAD_PH_CLOSE) {
		const uint8_t *data;
		int64_t n = leat_peek(s, conn, &data);
		if (n < 0)
			return;
		if (n == 0)
			peer_closed(load, s, c);
		else if (c->phase == LOAD_PH_HEAD)
			head_text(load, s, c, data, (size_t)n);
		else if (c->phase == LOAD_PH_BODY)
			body_text(load, s, c, data, (size_t)n);
		else
			fail(load, s, c, LOAD_FAIL_RESPONSE); /* more than was announced */
	}
}

/* LEAT_CLOSED: after our FIN in answer to the server's that is how it should be, and a reset has
 * nothing left to harm: the server's TIME-WAIT may have ended before our FIN came again. */
static void ended(struct load *load, struct leat_stack *s, struct load_conn *c)
{
	struct leat_info info = {.end = "-"};
	bool reset, timeout;

	leat_info(s, c->conn, &info);
	leat_release(s, c->conn);
	reset = strncmp(info.end, "reset", 5) == 0;
	timeout = strcmp(info.end, "timeout") == 0;
	if (c->phase == LOAD_PH_CLOSE && !timeout) {
		load->counters.late_reset += reset;
		complete(load, c);
		return;
	}
	if (timeout)
		load->counters.failed[LOAD_FAIL_TIMEOUT]++;
	else if (c->phase == LOAD_PH_CONNECT)
		load->counters.failed[LOAD_FAIL_REFUSED]++;
	else
		load->counters.failed[LOAD_FAIL_RESET]++;
	free_conn(load, c);
}

static void connected(struct load *load, struct leat_stack *s, struct load_conn *c)
{
	hist_record(&load->connect_hist, leat_now(s) - c->begun_at);
	load->counters.connected++;
	load->counters.established++;
	c->established = true;
	c->phase = LOAD_PH_SEND;
}

static void on_event(void *arg, struct leat_stack *s, const struct leat_event *event)
{
	struct load *load = arg;
	uint64_t user = leat_user(s, event->conn);
	struct load_conn *c;

	if (!user)
		return;
	c = &load->conn[user - 1];
	DCHECK(c->conn.id == event->conn.id);
	if (event->bits & LEAT_CONNECTED)
		connected(load, s, c);
	if (event->bits & LEAT_CLOSED) {
		ended(load, s, c);
		return;
	}
	if (c->phase == LOAD_PH_SEND)
		send_request(load, s, c);
	read_text(load, s, c);
}

/* The next source address: the nth after the first, counted in its last four octets. */
static struct leat_addr next_local(struct load *load)
{
	struct leat_addr a = load->config.local;
	uint32_t carry = load->local_next;
	uint32_t last = a.family == 4 ? 3 : 15;

	for (uint32_t i = 0; a.family && i < 4; i++, carry >>= 8) {
		carry += a.octet[last - i];
		a.octet[last - i] = (uint8_t)carry;
	}
	load->local_next = (load->local_next + 1) % load->config.local_cnt;
	return a;
}

/* false: it cannot be begun now. */
static bool open_one(struct load *load, struct leat_stack *s)
{
	const struct leat_addr *target = &load->config.target[load->target_next];
	struct leat_addr local = next_local(load);
	struct load_conn *c = &load->conn[load->free_head];
	struct leat_conn conn;
	int error = leat_connect(s, &local, target, &conn);

	load->target_next = (load->target_next + 1) % load->config.target_cnt;
	if (error != LEAT_OK) {
		if (error == LEAT_ERR_NO_PORT)
			load->counters.no_port++;
		else if (error != LEAT_ERR_QUIET)
			load->counters.no_room++;
		load->retry_at = leat_now(s) + LOAD_RETRY_NS;
		return false;
	}
	load->free_head = c->next_free;
	*c = (struct load_conn){.conn = conn,
		.begun_at = leat_now(s),
		.request_left = load->config.request_cnt,
		.phase = LOAD_PH_CONNECT};
	leat_set_user(s, conn, (uint64_t)idx_of(load, c) + 1);
	watch(load, s, c);
	load->counters.started++;
	load->counters.in_flight++;
	return true;
}

static bool may_open(const struct load *load)
{
	uint64_t total = load->config.conn_total;

	return !load->stopped && load->free_head != LOAD_NONE &&
	       (!total || load->counters.started < total);
}

static void on_turn(void *arg, struct leat_stack *s)
{
	struct load *load = arg;
	uint32_t id[LOAD_TURN_MAX], cnt;

	cnt = leat_timer_ring_expire(load->timeout, leat_now(s), id, LOAD_TURN_MAX);
	for (uint32_t i = 0; i < cnt; i++)
		fail(load, s, &load->conn[id[i]], LOAD_FAIL_TIMEOUT);
	cnt = leat_timer_ring_expire(load->retry, leat_now(s), id, LOAD_TURN_MAX);
	for (uint32_t i = 0; i < cnt; i++)
		send_request(load, s, &load->conn[id[i]]);
	if (leat_now(s) < load->retry_at)
		return;
	for (uint32_t i = 0; i < load->config.open_max && may_open(load); i++)
		if (!open_one(load, s))
			return;
}

static void on_drain(void *arg, struct leat_stack *s)
{
	(void)s;
	leat_load_stop(arg);
}

static void make_requests(struct load *load)
{
	for (uint32_t close = 0; close < 2; close++)
		load->request_octets[close] = (uint32_t)snprintf(load->request[close],
			LOAD_REQUEST_MAX, "GET %.63s HTTP/1.1\r\nHost: %.63s\r\n%s\r\n",
			load->config.path, load->config.host, close ? "Connection: close\r\n" : "");
}

struct load *leat_load_new(void *mem, const struct load_config *config)
{
	struct arena a = arena_at(mem);
	struct load *load = cut(&a, config);

	load->app = (struct leat_app){
		.arg = load, .event = on_event, .turn = on_turn, .drain = on_drain};
	for (uint32_t i = 0; i < config->conn_cnt; i++)
		load->conn[i] = (struct load_conn){
			.next_free = i + 1 < config->conn_cnt ? i + 1 : LOAD_NONE};
	for (uint32_t i = 0; i < SERVICE_PERIOD + LOAD_PIECE_OCTETS; i++)
		load->pattern[i] = service_octet(i);
	leat_hist_clear(&load->connect_hist);
	leat_hist_clear(&load->response_hist);
	make_requests(load);
	return load;
}

const struct leat_app *leat_load_app(const struct load *load)
{
	return &load->app;
}

void leat_load_stop(struct load *load)
{
	load->stopped = true;
}

bool leat_load_done(const struct load *load)
{
	uint64_t total = load->config.conn_total;

	return load->counters.in_flight == 0 &&
	       (load->stopped || (total && load->counters.started == total));
}

void leat_load_cut(struct load *load, struct leat_stack *s)
{
	load->stopped = true;
	for (uint32_t i = 0; i < load->config.conn_cnt; i++)
		if (load->conn[i].phase != LOAD_PH_FREE)
			fail(load, s, &load->conn[i], LOAD_FAIL_CUT);
}

const struct load_counters *leat_load_counters(const struct load *load)
{
	return &load->counters;
}

const struct hist *leat_load_connect_hist(const struct load *load)
{
	return &load->connect_hist;
}

const struct hist *leat_load_response_hist(const struct load *load)
{
	return &load->response_hist;
}

void leat_load_add(struct load_counters *sum, const struct load_counters *more)
{
	sum->started += more->started;
	sum->connected += more->connected;
	sum->completed += more->completed;
	sum->late_reset += more->late_reset;
	for (uint32_t i = 0; i < LOAD_FAIL_CNT; i++)
		sum->failed[i] += more->failed[i];
	sum->no_port += more->no_port;
	sum->no_room += more->no_room;
	sum->send_waits += more->send_waits;
	sum->responses += more->responses;
	sum->octets_in += more->octets_in;
	sum->in_flight += more->in_flight;
	sum->established += more->established;
}
