/* SPDX-License-Identifier: BSD-3-Clause */
#include "load_core.h"

#include "base_bits.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* make_head writes the head of one request and returns its octets. */
static uint32_t make_head(
	const struct load_config *c, char *text, bool last, uint64_t body, uint64_t post)
{
	char path[sizeof(c->path)], length[48] = "";

	if (c->path_bytes)
		snprintf(path, sizeof(path), "/bytes/%" PRIu64, body);
	else
		snprintf(path, sizeof(path), "%s", c->path);
	if (c->post)
		snprintf(length, sizeof(length), "Content-Length: %" PRIu64 "\r\n", post);
	return (uint32_t)snprintf(text, LOAD_REQUEST_MAX,
		"%s %s HTTP/1.1\r\nHost: %.63s\r\n%s%s\r\n", c->post ? "POST" : "GET", path,
		c->host, last && c->close == LOAD_CLOSE_SERVER ? "Connection: close\r\n" : "",
		length);
}

/* Are all requests equal? */
static bool is_fixed(const struct load_config *c)
{
	return (!c->path_bytes || c->response.kind == DIST_KIND_FIXED) &&
	       (!c->post || c->body || c->request.kind == DIST_KIND_FIXED);
}

void leat_load_http_make(struct load *load)
{
	const struct load_config *c = &load->config;
	uint64_t post = c->body ? c->body_octets : c->request.a;

	for (uint32_t last = 0; is_fixed(c) && last < 2; last++)
		load->request_octets[last] =
			make_head(c, load->request[last], last, c->response.a, post);
}

/* asked: the request is sent whole. */
static void asked(struct load *load, struct leat_stack *s, struct load_conn *c)
{
	c->asked_at = leat_now(s);
	c->phase = LOAD_PH_HEAD;
	http_scan_start(&c->scan, true);
	if (load->config.half_close && c->request_left == 1)
		leat_shutdown(s, c->conn);
	leat_load_watch(load, s, c);
}

/* Nothing of this connection may be under way, so that no event tells when there is room: it is
 * asked for again. */
static void wait_room(struct load *load, struct leat_stack *s, struct load_conn *c)
{
	load->counters.send_waits++;
	leat_load_pause(load, s, c, LOAD_RETRY_NS);
}

static void send_body(struct load *load, struct leat_stack *s, struct load_conn *c)
{
	const uint8_t *body = load->config.body;

	while (c->post_at < c->post_end) {
		uint64_t want = u64_min(c->post_end - c->post_at, PROG_PIECE);
		const uint8_t *from =
			body ? body + c->post_at : load->pattern + c->post_at % PROG_PERIOD;
		int64_t n = leat_send(s, c->conn, from, want);

		if (n <= 0) {
			wait_room(load, s, c);
			return;
		}
		c->post_at += (uint64_t)n;
		load->counters.octets_out += (uint64_t)n;
		leat_load_watch(load, s, c);
	}
	asked(load, s, c);
}

void leat_load_http_send(struct load *load, struct leat_stack *s, struct load_conn *c)
{
	bool last = c->request_left == 1;
	char made[LOAD_REQUEST_MAX];
	const char *text = load->request[last];
	uint32_t octets = load->request_octets[last];

	if (c->phase == LOAD_PH_POST) {
		send_body(load, s, c);
		return;
	}
	if (!octets) {
		octets = make_head(&load->config, made, last, c->body_end, c->post_end);
		text = made;
	}
	if (leat_send_room(s, c->conn) < octets) {
		wait_room(load, s, c);
		return;
	}
	leat_send(s, c->conn, text, octets);
	load->counters.requests++;
	load->counters.octets_out += octets;
	c->phase = LOAD_PH_POST;
	send_body(load, s, c);
}

void leat_load_http_ask(struct load *load, struct leat_stack *s, struct load_conn *c)
{
	const struct load_config *config = &load->config;

	c->phase = LOAD_PH_SEND;
	c->body_at = c->post_at = 0;
	c->body_end = load_draw(load, c, &config->response);
	c->post_end = !config->post  ? 0
		      : config->body ? config->body_octets
				     : load_draw(load, c, &config->request);
	leat_load_watch(load, s, c);
	leat_load_http_send(load, s, c);
}

/* The response is complete and right. */
static void response_done(struct load *load, struct leat_stack *s, struct load_conn *c)
{
	leat_load_response(load, s, c);
	if (!--c->request_left) {
		leat_load_exchanged(load, s, c, load->config.half_close);
		return;
	}
	if (load->stopped) {
		leat_load_part(load, s, c);
		return;
	}
	uint64_t think = load_draw(load, c, &load->config.think);
	if (!think) {
		leat_load_http_ask(load, s, c);
		return;
	}
	c->phase = LOAD_PH_THINK;
	leat_timer_ring_stop(load->timeout, load_idx(load, c));
	leat_load_pause(load, s, c, think);
}

/* The response is bad: what it was is kept of the first one. */
static void response_bad(struct load *load, struct leat_stack *s, struct load_conn *c, bool http)
{
	struct load_bad *bad = &load->counters.bad;

	if (!bad->seen)
		*bad = (struct load_bad){.seen = true,
			.status = http ? c->scan.status : 0,
			.octets = http && c->scan.has_length
					  ? u64_min(c->scan.content_length, LOAD_LENGTH_MAX)
					  : LOAD_LENGTH_NONE,
			.wanted = load->config.any_length ? LOAD_LENGTH_NONE : c->body_end};
	leat_load_fail(load, s, c, LOAD_FAIL_RESPONSE);
}

static void head_done(struct load *load, struct leat_stack *s, struct load_conn *c)
{
	bool right = load->config.any_length || c->scan.content_length == c->body_end;

	if (c->scan.status != 200 || !c->scan.has_length || !right) {
		response_bad(load, s, c, true);
		return;
	}
	c->body_end = c->scan.content_length;
	c->phase = LOAD_PH_BODY;
	if (!c->body_end)
		response_done(load, s, c);
}

static void head_text(struct load *load, struct leat_stack *s, struct load_conn *c,
	const uint8_t *data, size_t octets)
{
	enum http_result result;
	size_t used = leat_http_scan_seen(&load->seen, &c->scan, data, octets, &result);

	leat_take(s, c->conn, used);
	load->counters.head_octets_in += used;
	if (result == HTTP_DONE)
		head_done(load, s, c);
	else if (result == HTTP_BAD)
		response_bad(load, s, c, false);
}

static void body_text(struct load *load, struct leat_stack *s, struct load_conn *c,
	const uint8_t *data, size_t octets)
{
	size_t n = (size_t)u64_min(octets, c->body_end - c->body_at);

	if (load->config.verify && !leat_prog_right(load->pattern, c->body_at, data, n)) {
		leat_load_fail(load, s, c, LOAD_FAIL_OCTETS);
		return;
	}
	leat_take(s, c->conn, n);
	load->counters.octets_in += n;
	c->body_at += n;
	if (c->body_at == c->body_end)
		response_done(load, s, c);
	else
		leat_load_watch(load, s, c);
}

void leat_load_http_text(struct load *load, struct leat_stack *s, struct load_conn *c,
	const uint8_t *data, size_t octets)
{
	if (c->phase == LOAD_PH_HEAD)
		head_text(load, s, c, data, octets);
	else
		body_text(load, s, c, data, octets);
}
