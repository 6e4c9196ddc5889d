/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_LOAD_H
#define LEAT_LOAD_H

/* load: a client that opens connections by a plan, and believes nothing it did not verify.
 *
 * Open: connections begin when the plan says, whatever the peer does.  Closed: so many are held in
 * flight.  Each one connects, speaks its program, checks status, length and every octet of what it
 * gets, sees both directions closed, and makes room for the next.  Only then it is completed.
 *
 *	free ─► connecting ─► speaking ⇄ thinking ─► closing ─► free
 *	              └───────────┴───────────────────┴─► failed, by kind
 *
 * Latency is measured from the planned instant (load_count.h).  What cannot begin within
 * late_max_ns of it is not begun any more, and counted by its reason: nothing is left out.
 *
 * Shape      conn_cnt records of 192 octets at most, and a histogram for each thing measured.
 * Units      ns; octets of body.
 * Memory     leat_load_footprint(config) octets, kept as long as the load is used; texts and
 *            targets of the config are borrowed as long.
 * Affinity   the lcore of the stack; no atomics.
 * Errors     a connect that cannot begin (no port, table full) is counted and tried again after
 *            LOAD_RETRY_NS or with the next event; what fails later is counted by kind.
 * See        leat.h; load_plan.h for the instants; prog.h for programs and the octets of text. */

#include "dist.h"
#include "leat.h"
#include "load_count.h"
#include "load_plan.h"
#include "load_target.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOAD_RETRY_NS UINT64_C(1000000)
#define LOAD_LATE_NS  UINT64_C(1000000) /* a start that is later is counted as late */
#define LOAD_POST_MAX (UINT64_C(1) << 30)

enum load_close {
	LOAD_CLOSE_SERVER, /* the last request asks for close; wait for the FIN, then close */
	LOAD_CLOSE_CLIENT, /* close after the last response */
	LOAD_CLOSE_RESET,  /* reset after the last response: no TIME-WAIT anywhere */
	LOAD_CLOSE_CNT
};

enum load_speak {
	LOAD_SPEAK_HTTP,
	LOAD_SPEAK_ECHO,    /* request_cnt times: send request octets and read them back */
	LOAD_SPEAK_DISCARD, /* request_cnt times: send request octets */
	LOAD_SPEAK_CONNECT, /* nothing: connect and close */
	LOAD_SPEAK_PROGRAM, /* what program says */
	LOAD_SPEAK_CNT
};

struct load_config {
	struct leat_addr local; /* first source address; port 0; family 0: the stack chooses */
	uint32_t local_cnt;     /* consecutive source addresses, taken in turn; 1 or more */
	const struct load_target *target; /* target_cnt ranges, whose pairs are taken in turn */
	uint32_t target_cnt;
	enum load_model model;
	struct load_plan plan;
	uint32_t stride, phase; /* of the plan's connections this load has those */
	uint32_t conn_cnt;      /* closed: held in flight; open: at most */
	uint32_t open_max;      /* connects begun in one turn */
	uint64_t late_max_ns;   /* open: what is later is not begun */
	bool wait_start;        /* begin nothing before leat_load_start */
	enum load_speak speak;
	const char *program;  /* with SPEAK_PROGRAM */
	uint32_t request_cnt; /* per connection, 1 or more */
	struct dist request;  /* octets of text: of POST, echo, discard */
	struct dist response; /* octets expected of a body */
	struct dist think;    /* ns between a response and the next request; 0: none */
	bool post;            /* POST and not GET */
	const uint8_t *body;  /* of each POST; NULL: request octets of the pattern */
	uint64_t body_octets; /* of body */
	bool any_length;      /* of a body: what the response announces */
	bool path_bytes;      /* the path is /bytes/N, N as drawn from response */
	bool verify;          /* each octet must be that of its place in the pattern */
	bool half_close;      /* our FIN follows the last request */
	enum load_close close;
	char path[128];      /* "/" or "/bytes/512" */
	char host[64];       /* of the Host field */
	uint64_t timeout_ns; /* from one step to the next; 0: TCP's own only */
	uint64_t seed;       /* of what is drawn */
};

struct load;

/* leat_load_config_default fills all but addresses: closed, 1024 in flight, one GET, a body of 512
 * octets, the server closes first. */
void leat_load_config_default(struct load_config *config);

/* leat_load_config_error is NULL, or a sentence that names the key, its value and its range; it is
 * written to text. */
const char *leat_load_config_error(const struct load_config *config, char *text, size_t size);

size_t leat_load_footprint(const struct load_config *config);
struct load *leat_load_new(void *mem, const struct load_config *config);

/* leat_load_app is the load as a shard runs it.  Its drain is leat_load_stop. */
const struct leat_app *leat_load_app(const struct load *load);

/* leat_load_start begins the plan at an instant of the stack's clock, for a load that waits for
 * it; any other begins with its first turn. */
void leat_load_start(struct load *load, uint64_t at);

/* leat_load_change makes the rate of an open load another from an instant of its plan on: together
 * with all that share it, and before it comes, or some have begun by the old one what the new
 * one has later.  leat_load_hold holds cnt in flight of a closed one, at most conn_cnt: what is
 * too many ends by itself. */
void leat_load_change(struct load *load, uint64_t from_ns, uint64_t rate_milli);
void leat_load_hold(struct load *load, uint32_t cnt);

/* leat_load_stop begins no further connection; those in flight end after the response under way. */
void leat_load_stop(struct load *load);

/* leat_load_done says that none is in flight and none will be begun. */
bool leat_load_done(const struct load *load);

/* leat_load_cut resets what is in flight, as failed, or by_choice as stopped; done after it. */
void leat_load_cut(struct load *load, struct leat_stack *s, bool by_choice);

const struct load_counters *leat_load_counters(const struct load *load);

/* leat_load_last is when the last connect was begun; 0: none was. */
uint64_t leat_load_last(const struct load *load);

const struct hist *leat_load_hist(const struct load *load, enum load_hist which);

#endif
