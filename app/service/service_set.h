/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_SERVICE_SET_H
#define LEAT_SERVICE_SET_H

/* service_set: the inside of a set, for the files of this directory.
 *
 * A connection is in one phase; each phase has a step that does what can be done now and says
 * whether the next step may follow at once.
 *
 *	http     REQUEST ─► BODY ─► HEAD ─► STREAM ─┬─► REQUEST
 *	                                            ├─► LINGER  our FIN is sent; the peer's follows
 *	                                            └─► WAIT    the peer is to close first
 *	program  PROGRAM ⇄ PAUSE ─► LINGER or WAIT
 *	others   ECHO, DISCARD or CHARGEN until the peer closes
 *
 * Memory     one arena; a free list through the records. */

#include "http_scan.h"
#include "prog.h"
#include "service.h"
#include "timer_ring.h"
#include "timer_wheel.h"

#define SERVICE_HEAD_MAX     256 /* octets of the longest head of a response, or short body */
#define SERVICE_PIECE_OCTETS 16384
#define SERVICE_LINE_OCTETS  74 /* of chargen: 72 characters, CR, LF */
#define SERVICE_LINES_OCTETS (95 * SERVICE_LINE_OCTETS)
#define SERVICE_RETRY_NS     UINT64_C(1000000)
#define SERVICE_TURN_MAX     32  /* expired timers answered in one turn */
#define SERVICE_DRAIN_MAX    256 /* connections told in one turn that the set drains */
#define SERVICE_NONE         UINT32_MAX

enum service_phase {
	SERVICE_PH_FREE,
	SERVICE_PH_REQUEST,
	SERVICE_PH_BODY,
	SERVICE_PH_HEAD,
	SERVICE_PH_STREAM,
	SERVICE_PH_LINGER,
	SERVICE_PH_WAIT,
	SERVICE_PH_ECHO,
	SERVICE_PH_DISCARD,
	SERVICE_PH_CHARGEN,
	SERVICE_PH_PROGRAM,
	SERVICE_PH_PAUSE, /* of a program */
	SERVICE_PH_CNT
};

enum service_step {
	SERVICE_STEP_ON,   /* do the step of the phase it is in now */
	SERVICE_STEP_WAIT, /* for an event, or for the retry timer */
	SERVICE_STEP_GONE  /* the record is free */
};

struct service_conn {
	struct leat_conn conn;
	uint8_t phase; /* enum service_phase */
	bool close;    /* after this response */
	uint8_t listen_idx;
	uint16_t status;
	uint32_t next_free;
	uint64_t body_left; /* of the request, to be read and forgotten */
	/* Of the text being sent, in octets from its start; in LINGER out_at is what was
	 * acknowledged when it was last looked at. */
	uint64_t out_at, out_end;
	union {
		struct http_scan scan;
		struct prog_run run;
	};
};

/* A response that is ready to be sent: its head and the first octets of its body. */
struct service_ready {
	uint8_t *data;
	uint32_t head_octets, octets;
};

enum service_ready_kind {
	SERVICE_READY_KEEP,
	SERVICE_READY_KEEP_1_0, /* must say that it keeps the connection */
	SERVICE_READY_CLOSE,
	SERVICE_READY_CNT
};

struct service_set {
	struct service_config config;
	struct service_counters counters;
	struct leat_app app;
	struct leat_conn listener[SERVICE_LISTEN_MAX];
	struct service_conn *conn;
	struct timer_ring *retry, *linger;
	struct timer_wheel *pause;               /* NULL: no listener has a program */
	struct prog_env env[SERVICE_LISTEN_MAX]; /* of those that have one */
	uint8_t *pattern; /* SERVICE_PERIOD + SERVICE_PIECE_OCTETS of service_octet */
	uint8_t *lines;   /* SERVICE_LINES_OCTETS + SERVICE_PIECE_OCTETS of chargen */
	struct service_ready ready[SERVICE_READY_CNT];
	struct http_seen seen; /* requests are alike */
	uint32_t free_head;
	uint32_t drained; /* while draining, so many connections have been told */
	bool draining;
};

/* leat_service_close ends a connection in order, when the peer has closed and all is read. */
enum service_step leat_service_close(
	struct service_set *set, struct leat_stack *s, struct service_conn *c);

/* leat_service_abort resets a connection. */
enum service_step leat_service_abort(
	struct service_set *set, struct leat_stack *s, struct service_conn *c);

/* leat_service_linger sends our FIN after what is queued and waits for the peer's. */
enum service_step leat_service_linger(
	struct service_set *set, struct leat_stack *s, struct service_conn *c);

/* leat_service_stall waits for room to send: for LEAT_WRITABLE, or, when nothing of this
 * connection is under way that could be acknowledged, SERVICE_RETRY_NS. */
enum service_step leat_service_stall(
	struct service_set *set, struct leat_stack *s, struct service_conn *c);

/* leat_service_skip reads and forgets at most octets; *left says how many of them remain.  WAIT:
 * nothing more now; GONE: the peer closed and so did we; ON: *left is 0. */
enum service_step leat_service_skip(
	struct service_set *set, struct leat_stack *s, struct service_conn *c, uint64_t *left);

/* leat_service_pour sends octets [out_at, out_end) of the text that repeats after period octets,
 * of which table has period + SERVICE_PIECE_OCTETS.  ON: all is queued. */
enum service_step leat_service_pour(struct service_set *set, struct leat_stack *s,
	struct service_conn *c, const uint8_t *table, uint32_t period);

/* The steps of http, by phase. */
enum service_step leat_service_http_request(
	struct service_set *set, struct leat_stack *s, struct service_conn *c);
enum service_step leat_service_http_body(
	struct service_set *set, struct leat_stack *s, struct service_conn *c);
enum service_step leat_service_http_head(
	struct service_set *set, struct leat_stack *s, struct service_conn *c);
enum service_step leat_service_http_stream(
	struct service_set *set, struct leat_stack *s, struct service_conn *c);

/* The step of a program, and what it needs of memory: one for each listener that has one. */
enum service_step leat_service_program(
	struct service_set *set, struct leat_stack *s, struct service_conn *c);

/* leat_service_program_error is NULL, or what is wrong with the text of listener i. */
const char *leat_service_program_error(
	const struct service_config *config, uint32_t i, char *text, size_t size);

/* leat_service_http_ready builds the responses that are ready in memory of
 * leat_service_http_ready_octets each. */
size_t leat_service_http_ready_octets(const struct service_config *config);
void leat_service_http_ready(struct service_set *set);

#endif
