/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_LOAD_CORE_H
#define LEAT_LOAD_CORE_H

/* load_core: the inside of a load, for the files of this directory.
 *
 *	load.c        one turn: what is due begins, timers fire; boot and end
 *	load_conn.c   a connection from its first instant to its last, and what it counts as
 *	load_http.c   what it says when it speaks HTTP
 *	load_say.c    what it says when it runs a program (prog.h)
 *
 * A connection is in one phase; LOAD_PH_SAY and later are those of an open one.
 *
 * Memory     one arena; a free list through the records. */

#include "http_scan.h"
#include "load.h"
#include "prog.h"
#include "timer_ring.h"
#include "timer_wheel.h"

#define LOAD_NONE        UINT32_MAX
#define LOAD_REQUEST_MAX 384
#define LOAD_TURN_MAX    32  /* expired timers answered in one turn */
#define LOAD_STOP_MAX    256 /* connections told in one turn that the load stops */
#define LOAD_TRIES       8   /* pairs of source and target tried for one connect */

enum load_phase {
	LOAD_PH_FREE,
	LOAD_PH_CONNECT,
	LOAD_PH_SEND, /* the head of the request found no room yet */
	LOAD_PH_POST, /* its body is being sent */
	LOAD_PH_HEAD, /* of the response */
	LOAD_PH_BODY,
	LOAD_PH_THINK, /* before the next request */
	LOAD_PH_SAY,   /* a program runs */
	LOAD_PH_PAUSE, /* it waits */
	LOAD_PH_EOF,   /* all is exchanged; the server is to close */
	LOAD_PH_CLOSE, /* our FIN is sent; the last word is LEAT_CLOSED */
	LOAD_PH_DRAIN, /* our FIN is sent first; the server's is to come */
	LOAD_PH_CNT
};

struct load_conn {
	struct leat_conn conn;
	uint64_t planned_at;        /* while it is free: since when */
	uint64_t started_at;        /* 0: never used */
	uint64_t asked_at;          /* the last request was sent */
	uint64_t number;            /* in the plan */
	uint64_t body_at, body_end; /* of the response */
	uint64_t post_at, post_end; /* of the request */
	uint32_t next_free;
	uint32_t request_left;
	uint32_t draw_cnt;
	uint8_t phase; /* enum load_phase */
	bool established, answered;
	bool short_cut; /* ended in order before its exchange was done */
	union {
		struct http_scan scan;
		struct prog_run run;
	};
};

STATIC_ASSERT(sizeof(struct load_conn) <= 192, "three cache lines a connection");

struct load {
	struct load_config config;
	struct load_counters counters;
	struct leat_app app;
	struct load_conn *conn;
	struct timer_ring *timeout;
	struct timer_wheel *pause; /* think, wait, and asking for room again */
	uint8_t *pattern;
	struct prog *prog;
	struct prog_env env;
	char request[2][LOAD_REQUEST_MAX]; /* [1] asks for close; when all requests are equal */
	uint32_t request_octets[2];        /* 0: they are not, and are made one by one */
	struct http_seen seen;             /* responses are alike */
	uint32_t free_head;
	uint32_t tries;            /* so many pairs for one connect */
	struct load_turn turn;     /* of the pairs of source and target */
	uint64_t start_at, end_at; /* of the plan; start_at TIME_NEVER: not begun */
	uint64_t plan_cnt;         /* of the whole plan */
	uint64_t next, next_at;    /* number of the next connection, and its instant */
	uint64_t last_at;          /* of the last connect */
	uint64_t retry_at;
	uint32_t held;          /* closed: so many are in flight, once the ramp is over */
	uint64_t held_at;       /* the next look at how many are in flight */
	enum load_skip blocked; /* why the last connect could not begin */
	uint32_t told;          /* while stopping, so many have been told */
	bool stopped;
	struct hist hist[LOAD_HIST_CNT];
};

static inline uint32_t load_idx(const struct load *load, const struct load_conn *c)
{
	return (uint32_t)(c - load->conn);
}

static inline uint64_t load_draw(struct load *load, struct load_conn *c, const struct dist *d)
{
	return d->kind == DIST_KIND_FIXED
		       ? d->a
		       : leat_dist_draw(d, dist_bits(load->config.seed, c->number, c->draw_cnt++));
}

/* leat_load_open begins the next connection; false: not now, and load->blocked says why. */
bool leat_load_open(struct load *load, struct leat_stack *s);

/* leat_load_event answers one event of one connection. */
void leat_load_event(void *arg, struct leat_stack *s, const struct leat_event *event);

/* leat_load_fail ends a connection as failed. */
void leat_load_fail(
	struct load *load, struct leat_stack *s, struct load_conn *c, enum load_fail why);

/* leat_load_late is what it means that the next step did not come. */
enum load_fail leat_load_late(const struct load_conn *c);

/* leat_load_watch gives the next step its time; _pause calls leat_load_resume after for_ns. */
void leat_load_watch(struct load *load, struct leat_stack *s, struct load_conn *c);
void leat_load_pause(struct load *load, struct leat_stack *s, struct load_conn *c, uint64_t for_ns);

/* leat_load_resume goes on after a pause. */
void leat_load_resume(struct load *load, struct leat_stack *s, struct load_conn *c);

/* leat_load_told ends a connection that is between two exchanges, as the load stops. */
void leat_load_told(struct load *load, struct leat_stack *s, struct load_conn *c);

/* leat_load_answer notes the first octet of an answer; _response the end of one. */
void leat_load_answer(struct load *load, struct leat_stack *s, struct load_conn *c);
void leat_load_response(struct load *load, struct leat_stack *s, struct load_conn *c);

/* leat_load_exchanged: all was said and heard; it closes as the config says, or, when we have
 * closed our direction already, as soon as the peer does. */
void leat_load_exchanged(struct load *load, struct leat_stack *s, struct load_conn *c, bool shut);

/* leat_load_part: it ends in order, before its exchange is done. */
void leat_load_part(struct load *load, struct leat_stack *s, struct load_conn *c);

/* leat_load_reset: all was exchanged, and a reset is how it is to end. */
void leat_load_reset(struct load *load, struct leat_stack *s, struct load_conn *c);

/* What of a connection is said in HTTP: the next request; what is to be sent still; text. */
void leat_load_http_make(struct load *load);
void leat_load_http_ask(struct load *load, struct leat_stack *s, struct load_conn *c);
void leat_load_http_send(struct load *load, struct leat_stack *s, struct load_conn *c);
void leat_load_http_text(struct load *load, struct leat_stack *s, struct load_conn *c,
	const uint8_t *data, size_t octets);

/* leat_load_say runs the program as far as it goes now. */
void leat_load_say(struct load *load, struct leat_stack *s, struct load_conn *c);

#endif
