/* SPDX-License-Identifier: BSD-3-Clause */
#include "http_scan.h"

#include <string.h>

/* What the next octet belongs to. */
enum http_at {
	HTTP_AT_START, /* empty lines before the first are skipped, RFC 9112 2.2 */
	HTTP_AT_METHOD,
	HTTP_AT_TARGET,
	HTTP_AT_TARGET_HOST, /* http://host of the absolute form */
	HTTP_AT_TARGET_REST, /* query, or a path that is too long to be known */
	HTTP_AT_VERSION,
	HTTP_AT_STATUS,
	HTTP_AT_REASON,
	HTTP_AT_LINE, /* the first octet of a field or the empty line */
	HTTP_AT_NAME,
	HTTP_AT_VALUE,
	HTTP_AT_LF,     /* after the CR of a line */
	HTTP_AT_END_LF, /* after the CR of the empty line */
	HTTP_AT_DONE,
	HTTP_AT_BAD
};

enum http_field {
	HTTP_FIELD_OTHER,
	HTTP_FIELD_CONNECTION,
	HTTP_FIELD_LENGTH,
	HTTP_FIELD_CODING,
	HTTP_FIELD_EXPECT,
	HTTP_FIELD_HOST,
	HTTP_FIELD_CNT
};

static const char *const field_name[HTTP_FIELD_CNT] = {
	[HTTP_FIELD_OTHER] = "",
	[HTTP_FIELD_CONNECTION] = "connection",
	[HTTP_FIELD_LENGTH] = "content-length",
	[HTTP_FIELD_CODING] = "transfer-encoding",
	[HTTP_FIELD_EXPECT] = "expect",
	[HTTP_FIELD_HOST] = "host",
};

static void bad(struct http_scan *h, uint16_t status)
{
	h->at = HTTP_AT_BAD;
	h->status = status;
}

/* The characters of a token, RFC 9110 5.6.2, as a bitmap of ASCII. */
static bool is_token(uint8_t c)
{
	static const uint64_t map[2] = {UINT64_C(0x03ff6cfa00000000), UINT64_C(0x57ffffffc7fffffe)};

	return c < 128 && (map[c >> 6] >> (c & 63) & 1) != 0;
}

static bool is_control(uint8_t c)
{
	return (c < ' ' && c != '\t') || c == 127;
}

static void word_start(struct http_scan *h)
{
	h->word_cnt = 0;
}

static void word_add(struct http_scan *h, uint8_t c)
{
	if (h->word_cnt < HTTP_WORD_MAX)
		h->word[h->word_cnt] = (char)c;
	if (h->word_cnt <= HTTP_WORD_MAX)
		h->word_cnt++;
}

static bool word_is(const struct http_scan *h, const char *text)
{
	return h->word_cnt == strlen(text) && memcmp(h->word, text, h->word_cnt) == 0;
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

/* The digits of word from its nth on; false when there are none, others, or more than 18. */
static bool word_number(const struct http_scan *h, uint32_t nth, uint64_t *number)
{
	uint64_t n = 0;

	if (h->word_cnt <= nth || h->word_cnt > HTTP_WORD_MAX || h->word_cnt - nth > 18)
		return false;
	for (uint32_t i = nth; i < h->word_cnt; i++) {
		if (h->word[i] < '0' || h->word[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(h->word[i] - '0');
	}
	*number = n;
	return true;
}

static void method_end(struct http_scan *h)
{
	if (word_is(h, "GET"))
		h->method = HTTP_METHOD_GET;
	else if (word_is(h, "HEAD"))
		h->method = HTTP_METHOD_HEAD;
	else if (word_is(h, "POST"))
		h->method = HTTP_METHOD_POST;
	word_start(h);
	h->at = HTTP_AT_TARGET;
}

static void method_octet(struct http_scan *h, uint8_t c)
{
	if (c == ' ' && h->word_cnt)
		method_end(h);
	else if (is_token(c))
		word_add(h, c);
	else
		bad(h, 400);
}

/* The path is complete: find out which it is. */
static void path_end(struct http_scan *h)
{
	if (word_is(h, "/"))
		h->path = HTTP_PATH_ROOT;
	else if (h->word_cnt > 7 && memcmp(h->word, "/bytes/", 7) == 0 &&
		 word_number(h, 7, &h->number))
		h->path = HTTP_PATH_BYTES;
}

static void target_host_octet(struct http_scan *h, uint8_t c)
{
	if (c == ' ' || c == '/' || c == '?') {
		word_start(h);
		word_add(h, '/');
		h->at = HTTP_AT_TARGET;
	}
}

static void target_octet(struct http_scan *h, uint8_t c)
{
	bool ends = c == ' ' || c == '?' || c == '#';

	if (is_control(c) || c == '\t' || (c == ' ' && !h->word_cnt)) {
		bad(h, 400);
		return;
	}
	if (h->head_octets >= HTTP_TARGET_MAX) {
		bad(h, 414);
		return;
	}
	if (h->at == HTTP_AT_TARGET_HOST)
		target_host_octet(h, c);
	else if (h->at == HTTP_AT_TARGET && !ends)
		word_add(h, c);
	if (h->at == HTTP_AT_TARGET && word_is(h, "http://"))
		h->at = HTTP_AT_TARGET_HOST;
	if (!ends)
		return;
	if (h->at == HTTP_AT_TARGET)
		path_end(h);
	if (c == ' ')
		word_start(h);
	h->at = c == ' ' ? HTTP_AT_VERSION : HTTP_AT_TARGET_REST;
}

/* "HTTP/1.x"; another major version is 505, anything else is not HTTP. */
static bool version_end(struct http_scan *h)
{
	if (h->word_cnt != 8 || memcmp(h->word, "HTTP/", 5) != 0 || h->word[6] != '.' ||
		h->word[5] < '0' || h->word[5] > '9' || h->word[7] < '0' || h->word[7] > '9') {
		bad(h, 400);
		return false;
	}
	if (h->word[5] != '1') {
		bad(h, 505);
		return false;
	}
	h->minor = (uint8_t)(h->word[7] - '0');
	word_start(h);
	return true;
}

static void version_octet(struct http_scan *h, uint8_t c)
{
	bool ends = h->response ? c == ' ' : c == '\r' || c == '\n';

	if (!ends) {
		if (c <= ' ' || h->word_cnt >= 8)
			bad(h, 400);
		else
			word_add(h, c);
	} else if (version_end(h)) {
		if (h->response)
			h->at = HTTP_AT_STATUS;
		else
			h->at = c == '\r' ? HTTP_AT_LF : HTTP_AT_LINE;
	}
}

static void status_octet(struct http_scan *h, uint8_t c)
{
	uint64_t status = 0;

	if (c >= '0' && c <= '9' && h->word_cnt < 3) {
		word_add(h, c);
		return;
	}
	if (h->word_cnt != 3 || (c != ' ' && c != '\r' && c != '\n')) {
		bad(h, 400);
		return;
	}
	(void)word_number(h, 0, &status);
	h->status = (uint16_t)status;
	h->at = c == ' ' ? HTTP_AT_REASON : c == '\r' ? HTTP_AT_LF : HTTP_AT_LINE;
}

static void reason_octet(struct http_scan *h, uint8_t c)
{
	if (c == '\r')
		h->at = HTTP_AT_LF;
	else if (c == '\n')
		h->at = HTTP_AT_LINE;
	else if (is_control(c))
		bad(h, 400);
}

static void name_end(struct http_scan *h)
{
	h->field = HTTP_FIELD_OTHER;
	for (uint8_t f = 1; f < HTTP_FIELD_CNT; f++)
		if (word_is(h, field_name[f]))
			h->field = f;
	if (h->field == HTTP_FIELD_CODING)
		h->coded = true;
	if (h->field == HTTP_FIELD_HOST && h->host_cnt < 2)
		h->host_cnt++;
	word_start(h);
	h->at = HTTP_AT_VALUE;
}

static void name_octet(struct http_scan *h, uint8_t c)
{
	if (c == ':' && h->word_cnt)
		name_end(h);
	else if (is_token(c))
		word_add(h, lower(c));
	else
		bad(h, 400);
}

/* The value is complete: a length is one number; of two they must be equal (RFC 9112 6.3). */
static void length_end(struct http_scan *h)
{
	uint64_t n = 0;

	if (!word_number(h, 0, &n) || (h->has_length && n != h->content_length))
		bad(h, 400);
	h->has_length = true;
	h->content_length = n;
}

static void word_end(struct http_scan *h)
{
	if (h->field == HTTP_FIELD_CONNECTION) {
		h->said_close |= word_is(h, "close");
		h->said_keep |= word_is(h, "keep-alive");
		word_start(h);
	}
}

static void value_end(struct http_scan *h, uint8_t c)
{
	h->at = c == '\r' ? HTTP_AT_LF : HTTP_AT_LINE;
	while (h->word_cnt && h->word_cnt <= HTTP_WORD_MAX && h->word[h->word_cnt - 1] == ' ')
		h->word_cnt--;
	word_end(h);
	if (h->field == HTTP_FIELD_LENGTH) {
		uint8_t at = h->at;
		length_end(h);
		h->at = h->at == HTTP_AT_BAD ? h->at : at;
	} else if (h->field == HTTP_FIELD_EXPECT) {
		if (word_is(h, "100-continue"))
			h->expect_continue = true;
		else
			bad(h, 417);
	}
}

static void value_octet(struct http_scan *h, uint8_t c)
{
	if (c == '\r' || c == '\n')
		value_end(h, c);
	else if (is_control(c))
		bad(h, 400);
	else if (h->field == HTTP_FIELD_OTHER || h->field == HTTP_FIELD_HOST)
		return;
	else if (h->field == HTTP_FIELD_CONNECTION && (c == ',' || c == ' ' || c == '\t'))
		word_end(h);
	else if (h->word_cnt || (c != ' ' && c != '\t'))
		word_add(h, c == '\t' ? ' ' : lower(c));
}

static void request_end(struct http_scan *h)
{
	if (h->host_cnt > 1 || (h->minor > 0 && !h->host_cnt))
		bad(h, 400); /* RFC 9112 3.2 */
	else if (h->coded || h->method == HTTP_METHOD_OTHER)
		bad(h, 501); /* RFC 9112 6.1; 9110 9.1 */
	else if (h->method == HTTP_METHOD_POST && !h->has_length)
		bad(h, 411); /* RFC 9112 6.3 */
}

static void head_end(struct http_scan *h)
{
	h->at = HTTP_AT_DONE;
	h->close = h->said_close || (h->minor == 0 && !h->said_keep);
	if (h->minor == 0)
		h->expect_continue = false; /* RFC 9110 10.1.1 */
	if (!h->response)
		request_end(h);
	else if (h->coded)
		bad(h, 501);
}

static void line_octet(struct http_scan *h, uint8_t c)
{
	word_start(h);
	if (c == '\r') {
		h->at = HTTP_AT_END_LF;
	} else if (c == '\n') {
		head_end(h);
	} else {
		h->at = HTTP_AT_NAME;
		name_octet(h, c);
	}
}

static void start_octet(struct http_scan *h, uint8_t c)
{
	if (c == '\r' || c == '\n')
		return;
	h->at = h->response ? HTTP_AT_VERSION : HTTP_AT_METHOD;
	if (h->response)
		version_octet(h, c);
	else
		method_octet(h, c);
}

static void lf_octet(struct http_scan *h, uint8_t c)
{
	if (c != '\n')
		bad(h, 400);
	else if (h->at == HTTP_AT_LF)
		h->at = HTTP_AT_LINE;
	else
		head_end(h);
}

/* A switch, not a table: each step is inlined. */
static inline void octet(struct http_scan *h, uint8_t c)
{
	switch (h->at) {
	case HTTP_AT_START:
		start_octet(h, c);
		break;
	case HTTP_AT_METHOD:
		method_octet(h, c);
		break;
	case HTTP_AT_TARGET:
	case HTTP_AT_TARGET_HOST:
	case HTTP_AT_TARGET_REST:
		target_octet(h, c);
		break;
	case HTTP_AT_VERSION:
		version_octet(h, c);
		break;
	case HTTP_AT_STATUS:
		status_octet(h, c);
		break;
	case HTTP_AT_REASON:
		reason_octet(h, c);
		break;
	case HTTP_AT_LINE:
		line_octet(h, c);
		break;
	case HTTP_AT_NAME:
		name_octet(h, c);
		break;
	case HTTP_AT_VALUE:
		value_octet(h, c);
		break;
	case HTTP_AT_LF:
	case HTTP_AT_END_LF:
		lf_octet(h, c);
		break;
	default:
		UNREACHABLE("the scan ends at DONE and BAD");
	}
}

/* Octets that may be passed over at once: of a value that decides nothing, of a reason. */
static size_t dull_octets(const struct http_scan *h, const uint8_t *data, size_t octets)
{
	size_t i = 0;

	if (h->at != HTTP_AT_REASON &&
		(h->at != HTTP_AT_VALUE || h->field == HTTP_FIELD_CONNECTION ||
			h->field == HTTP_FIELD_LENGTH || h->field == HTTP_FIELD_EXPECT))
		return 0;
	while (i < octets && !is_control(data[i]))
		i++;
	return i;
}

size_t leat_http_scan(
	struct http_scan *h, const uint8_t *data, size_t octets, enum http_result *result)
{
	size_t i = 0;

	DCHECK(h->at < HTTP_AT_DONE);
	while (i < octets && h->at < HTTP_AT_DONE) {
		size_t room = HTTP_HEAD_MAX - h->head_octets;
		size_t dull = dull_octets(h, data + i, room < octets - i ? room : octets - i);
		h->head_octets = (uint16_t)(h->head_octets + dull);
		i += dull;
		if (i == octets)
			break;
		octet(h, data[i++]);
		if (++h->head_octets > HTTP_HEAD_MAX)
			bad(h, 431);
	}
	*result = h->at == HTTP_AT_DONE ? HTTP_DONE : h->at == HTTP_AT_BAD ? HTTP_BAD : HTTP_MORE;
	return i;
}

static bool is_seen(
	const struct http_seen *seen, const struct http_scan *h, const uint8_t *data, size_t octets)
{
	return seen->octets != 0 && octets >= seen->octets && h->head_octets == 0 &&
	       h->response == seen->scan.response && memcmp(data, seen->head, seen->octets) == 0;
}

size_t leat_http_scan_seen(struct http_seen *seen, struct http_scan *h, const uint8_t *data,
	size_t octets, enum http_result *result)
{
	bool whole = h->head_octets == 0;

	if (is_seen(seen, h, data, octets)) {
		*h = seen->scan;
		*result = HTTP_DONE;
		return seen->octets;
	}
	size_t used = leat_http_scan(h, data, octets, result);

	if (whole && *result == HTTP_DONE && used <= HTTP_SEEN_MAX) {
		seen->scan = *h;
		seen->octets = (uint16_t)used;
		memcpy(seen->head, data, used);
	}
	return used;
}
