/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_HTTP_SCAN_H
#define LEAT_HTTP_SCAN_H

/* http_scan: the head of an HTTP/1.0 or 1.1 message, octet by octet.
 *
 * The scanner may be fed pieces cut anywhere; it copies nothing but the word it is in, and knows
 * only the fields that decide where the message ends and who closes.  Server and load share it.
 *
 *	first line ─► (name ─► value)* ─► empty line: done
 *	     └───────────┴───────┴──────► bad: status says what the peer deserves
 *
 * Lines may end with LF alone (RFC 9112 2.2); a bare CR, a folded line, a space before the colon,
 * two lengths that differ and a control character are bad.
 *
 * Who gets heads that are mostly the same keeps the last one (http_seen): what a head means depends
 * on nothing but its octets, so that one that is equal needs no scan.
 *
 * Shape      struct http_scan 64 octets.
 * Affinity   none; pure.
 * Errors     HTTP_BAD with status: 400, 411, 414, 417, 431, 501 or 505.
 * RFC        9112 2.2, 3, 5, 6, 9.3; 9110 10.1.1. */

#include "base_assert.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_HEAD_MAX   8192 /* octets of first line and fields: else 431 */
#define HTTP_TARGET_MAX 4096 /* octets up to the end of the target: else 414 */
#define HTTP_WORD_MAX   24
#define HTTP_SEEN_MAX   446 /* octets of a head that is kept */

enum http_result {
	HTTP_MORE, /* all was consumed; the head goes on */
	HTTP_DONE,
	HTTP_BAD
};

enum http_method {
	HTTP_METHOD_OTHER,
	HTTP_METHOD_GET,
	HTTP_METHOD_HEAD,
	HTTP_METHOD_POST
};

enum http_path {
	HTTP_PATH_OTHER,
	HTTP_PATH_ROOT,  /* "/" */
	HTTP_PATH_BYTES, /* "/bytes/N"; N in number */
};

struct http_scan {
	uint64_t content_length; /* 0 when there is no such field */
	uint64_t number;         /* N of /bytes/N */
	uint16_t head_octets;    /* consumed so far */
	uint16_t status;         /* of the response; or, with HTTP_BAD, for the request */
	uint8_t method;          /* enum http_method */
	uint8_t path;            /* enum http_path */
	uint8_t minor;           /* HTTP/1.minor */
	bool response;           /* a response is scanned */
	bool has_length;
	bool close; /* the connection ends after this message (RFC 9112 9.3) */
	bool expect_continue;
	/* The scanner's own. */
	uint8_t at, field, host_cnt, word_cnt;
	bool said_close, said_keep, coded;
	char word[HTTP_WORD_MAX]; /* the word under way; word_cnt above the maximum: too long */
};

STATIC_ASSERT(sizeof(struct http_scan) <= 64, "one cache line a connection");

/* The last head that was scanned in one piece, and what came of it. */
struct http_seen {
	struct http_scan scan;
	uint16_t octets; /* 0: none yet */
	uint8_t head[HTTP_SEEN_MAX];
};

static inline void http_scan_start(struct http_scan *h, bool response)
{
	*h = (struct http_scan){.response = response};
}

/* leat_http_scan consumes octets of data up to the end of the head, and says in *result how it
 * stands.  Returns the octets consumed; with HTTP_MORE all.  Not to be called again after
 * HTTP_DONE or HTTP_BAD without http_scan_start. */
size_t leat_http_scan(
	struct http_scan *h, const uint8_t *data, size_t octets, enum http_result *result);

/* leat_http_scan_seen is the same, and quick for a head that is equal to the last one of seen. */
size_t leat_http_scan_seen(struct http_seen *seen, struct http_scan *h, const uint8_t *data,
	size_t octets, enum http_result *result);

#endif
