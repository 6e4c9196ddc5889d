/* SPDX-License-Identifier: BSD-3-Clause */
#include "service_set.h"

#include "base_assert.h"
#include "base_bits.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A response that is made for one request: head, and a body that is short text or none. */
struct answer {
	char text[2 * SERVICE_HEAD_MAX];
	size_t octets;
};

static const char *reason_of(uint16_t status)
{
	switch (status) {
	case 200:
		return "OK";
	case 404:
		return "Not Found";
	case 411:
		return "Length Required";
	case 414:
		return "URI Too Long";
	case 417:
		return "Expectation Failed";
	case 431:
		return "Request Header Fields Too Large";
	case 501:
		return "Not Implemented";
	case 505:
		return "HTTP Version Not Supported";
	default:
		return "Bad Request";
	}
}

/* What would have been good instead. */
static const char *cure_of(uint16_t status)
{
	switch (status) {
	case 404:
		return "there is / and /bytes/N";
	case 411:
		return "POST needs a Content-Length";
	case 414:
		return "the first line may have 4096 octets up to the end of the target";
	case 417:
		return "only 100-continue can be expected";
	case 431:
		return "the head of a request may have 8192 octets";
	case 501:
		return "there is GET, HEAD and POST, and no transfer coding";
	case 505:
		return "there is HTTP/1.0 and HTTP/1.1";
	default:
		return "a request is METHOD TARGET HTTP/1.1, fields of which one is Host, and an "
		       "empty line";
	}
}

STATIC_ASSERT(HTTP_TARGET_MAX == 4096, "as cure_of says");
STATIC_ASSERT(HTTP_HEAD_MAX == 8192, "as cure_of says");

static const char *connection_field(bool close, uint8_t minor)
{
	if (close)
		return "Connection: close\r\n";
	return minor == 0 ? "Connection: keep-alive\r\n" : "";
}

static int put_head(
	char *text, size_t size, uint16_t status, const char *connection, uint64_t octets)
{
	int n = snprintf(text, size,
		"HTTP/1.1 %u %s\r\nServer: leat\r\nContent-Type: text/plain\r\n"
		"%sContent-Length: %" PRIu64 "\r\n\r\n",
		status, reason_of(status), connection, octets);

	ASSERT(n > 0 && n < SERVICE_HEAD_MAX);
	return n;
}

size_t leat_service_http_ready_octets(const struct service_config *config)
{
	return SERVICE_HEAD_MAX + (size_t)u64_min(config->body_octets, SERVICE_READY_OCTETS);
}

void leat_service_http_ready(struct service_set *set)
{
	uint64_t body_octets = set->config.body_octets;
	uint32_t body = (uint32_t)u64_min(body_octets, SERVICE_READY_OCTETS);

	for (uint32_t i = 0; i < SERVICE_READY_CNT; i++) {
		struct service_ready *r = &set->ready[i];
		const char *connection =
			connection_field(i == SERVICE_READY_CLOSE, i != SERVICE_READY_KEEP_1_0);
		r->head_octets = (uint32_t)put_head(
			(char *)r->data, SERVICE_HEAD_MAX, 200, connection, body_octets);
		r->octets = r->head_octets + body;
		memcpy(r->data + r->head_octets, set->pattern, body);
	}
}

/* Does the connection end with this response?  While draining each one does. */
static bool ends_after(const struct service_set *set, const struct service_conn *c)
{
	return c->scan.close || set->draining || set->config.close == SERVICE_CLOSE_SERVER;
}

static void send_continue(struct service_set *set, struct leat_stack *s, struct service_conn *c)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";

	/* Without room the client sends its body a little later all the same. */
	if (leat_send_room(s, c->conn) >= sizeof(text) - 1) {
		leat_send(s, c->conn, text, sizeof(text) - 1);
		set->counters.octets_out += sizeof(text) - 1;
	}
}

/* The head of the request is complete. */
static void request_done(struct service_set *set, struct leat_stack *s, struct service_conn *c)
{
	const struct http_scan *h = &c->scan;
	bool known = h->path == HTTP_PATH_ROOT ||
		     (h->path == HTTP_PATH_BYTES && h->number <= SERVICE_BODY_MAX);

	c->status = known ? 200 : 404;
	c->close = ends_after(set, c);
	c->body_left = h->content_length;
	c->phase = c->body_left ? SERVICE_PH_BODY : SERVICE_PH_HEAD;
	if (c->body_left && h->expect_continue)
		send_continue(set, s, c);
}

/* What follows in the stream cannot be trusted to be a request: answer, and close. */
static void request_bad(struct service_conn *c)
{
	c->status = c->scan.status;
	c->close = true;
	c->phase = SERVICE_PH_HEAD;
}

enum service_step leat_service_http_request(
	struct service_set *set, struct leat_stack *s, struct service_conn *c)
{
	enum http_result result;
	const uint8_t *data;
	int64_t n = leat_peek(s, c->conn, &data);
	size_t used;

	if (n == 0)
		return leat_service_close(set, s, c);
	if (n < 0 && set->draining && !c->scan.head_octets)
		return leat_service_linger(set, s, c);
	if (n < 0)
		return SERVICE_STEP_WAIT;
	used = leat_http_scan_seen(&set->seen, &c->scan, data, (size_t)n, &result);
	leat_take(s, c->conn, used);
	set->counters.octets_in += used;
	if (result == HTTP_DONE)
		request_done(set, s, c);
	else if (result == HTTP_BAD)
		request_bad(c);
	return SERVICE_STEP_ON;
}

enum service_step leat_service_http_body(
	struct service_set *set, struct leat_stack *s, struct service_conn *c)
{
	enum service_step step = leat_service_skip(set, s, c, &c->body_left);

	if (step == SERVICE_STEP_ON)
		c->phase = SERVICE_PH_HEAD;
	return step;
}

/* All of the response is queued. */
static enum service_step response_done(
	struct service_set *set, struct leat_stack *s, struct service_conn *c)
{
	if (c->status == 200)
		set->counters.responses++;
	else
		set->counters.refused++;
	if (!c->close) {
		http_scan_start(&c->scan, false);
		c->phase = SERVICE_PH_REQUEST;
	} else if (set->config.close == SERVICE_CLOSE_CLIENT && c->status == 200 &&
		   !set->draining) {
		c->phase = SERVICE_PH_WAIT;
	} else {
		return leat_service_linger(set, s, c);
	}
	return SERVICE_STEP_ON;
}

/* Which shard was reached, by whom, and how the connection is. */
static int put_greeting(
	const struct service_set *set, struct leat_stack *s, struct leat_conn conn, char *text)
{
	char peer[TEXT_ADDR_MAX], rtt[TEXT_GROUP_MAX], wnd[TEXT_GROUP_MAX];
	struct leat_info info;

	if (leat_info(s, conn, &info) != LEAT_OK)
		return 0;
	leat_text_addr(&info.remote, peer, sizeof(peer));
	leat_text_group(info.srtt_us, rtt, sizeof(rtt));
	leat_text_group(info.snd_wnd, wnd, sizeof(wnd));
	return snprintf(text, SERVICE_HEAD_MAX,
		"You reached shard %u from %s. State %s, RTT %s us, your window %s.\n",
		set->config.shard_idx, peer, info.state, rtt, wnd);
}

/* Head and short text of anything but a body of the pattern. */
static void make_text_answer(
	struct service_set *set, struct leat_stack *s, struct service_conn *c, struct answer *a)
{
	char body[SERVICE_HEAD_MAX];
	int octets, head;

	if (c->status == 200)
		octets = put_greeting(set, s, c->conn, body);
	else
		octets = snprintf(body, sizeof(body), "%u %s; %s\n", c->status,
			reason_of(c->status), cure_of(c->status));
	head = put_head(a->text, SERVICE_HEAD_MAX, c->status,
		connection_field(c->close, c->scan.minor), (uint64_t)octets);
	a->octets = (size_t)head;
	if (c->scan.method == HTTP_METHOD_HEAD)
		return;
	memcpy(a->text + head, body, (size_t)octets);
	a->octets += (size_t)octets;
}

/* Sends the head in data, of head_octets, with what follows it there; false: no room yet.  Where
 * the body starts, c->out_at is what was sent of it. */
static bool send_head(struct service_set *set, struct leat_stack *s, struct service_conn *c,
	const void *data, size_t head_octets, size_t octets)
{
	int64_t n;

	if (leat_send_room(s, c->conn) < head_octets)
		return false;
	n = leat_send(s, c->conn, data, octets);
	DCHECK(n >= (int64_t)head_octets);
	c->out_at = (uint64_t)n - head_octets;
	set->counters.octets_out += (uint64_t)n;
	return true;
}

static bool head_text(struct service_set *set, struct leat_stack *s, struct service_conn *c)
{
	struct answer a;

	make_text_answer(set, s, c, &a);
	c->out_end = 0;
	return send_head(set, s, c, a.text, a.octets, a.octets);
}

static bool head_bytes(struct service_set *set, struct leat_stack *s, struct service_conn *c)
{
	char text[SERVICE_HEAD_MAX];
	int head = put_head(
		text, sizeof(text), 200, connection_field(c->close, c->scan.minor), c->scan.number);

	c->out_end = c->scan.number;
	return send_head(set, s, c, text, (size_t)head, (size_t)head);
}

static bool head_ready(struct service_set *set, struct leat_stack *s, struct service_conn *c)
{
	const struct service_ready *r = &set->ready[c->close             ? SERVICE_READY_CLOSE
						    : c->scan.minor == 0 ? SERVICE_READY_KEEP_1_0
									 : SERVICE_READY_KEEP];
	bool bare = c->scan.method == HTTP_METHOD_HEAD;

	c->out_end = set->config.body_octets;
	return send_head(set, s, c, r->data, r->head_octets, bare ? r->head_octets : r->octets);
}

enum service_step leat_service_http_head(
	struct service_set *set, struct leat_stack *s, struct service_conn *c)
{
	bool sent;

	if (c->status != 200 || (c->scan.path == HTTP_PATH_ROOT && set->config.greet))
		sent = head_text(set, s, c);
	else if (c->scan.path == HTTP_PATH_BYTES)
		sent = head_bytes(set, s, c);
	else
		sent = head_ready(set, s, c);
	if (!sent)
		return leat_service_stall(set, s, c);
	if (c->scan.method == HTTP_METHOD_HEAD)
		c->out_at = c->out_end;
	c->phase = SERVICE_PH_STREAM;
	return SERVICE_STEP_ON;
}

enum service_step leat_service_http_stream(
	struct service_set *set, struct leat_stack *s, struct service_conn *c)
{
	enum service_step step = leat_service_pour(set, s, c, set->pattern, SERVICE_PERIOD);

	return step == SERVICE_STEP_ON ? response_done(set, s, c) : step;
}
