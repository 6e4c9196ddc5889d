/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_LOAD_H
#define LEAT_LOAD_H

/* load: a client that holds a number of HTTP connections in flight (closed loop).
 *
 * Each one connects, sends its GETs, checks status, length and every octet of each response, sees
 * both directions closed, and makes room for the next.  Only then it counts as completed.
 *
 *	free ─► connecting ─► waiting for the response ─► closing ─► free
 *	              └───────────────┴─► failed, by kind
 *
 * Shape      conn_cnt records of 128 octets and one histogram.
 * Units      ns; octets of body.
 * Memory     leat_load_footprint(config) octets, kept as long as the load is used.
 * Affinity   the lcore of the stack; no atomics.
 * Errors     a connect that cannot begin (no port, table full) is counted and tried again after
 *            LOAD_RETRY_NS or with the next event; what fails later is counted by kind.
 * See        leat.h; service.h for the octets of a body. */

#include "base_hist.h"
#include "leat.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOAD_TARGET_MAX 16
#define LOAD_RETRY_NS   UINT64_C(1000000)

enum load_close {
	LOAD_CLOSE_SERVER, /* the last request asks for close; wait for the FIN, then close */
	LOAD_CLOSE_CLIENT, /* close after the last response */
	LOAD_CLOSE_CNT
};

enum load_fail {
	LOAD_FAIL_REFUSED,  /* our SYN was answered by a reset */
	LOAD_FAIL_RESET,    /* reset before the exchange was done */
	LOAD_FAIL_TIMEOUT,  /* timeout_ns passed, or TCP gave up */
	LOAD_FAIL_RESPONSE, /* not HTTP, not 200, wrong length or wrong octets */
	LOAD_FAIL_SHORT,    /* the server closed before the response was complete */
	LOAD_FAIL_CUT,      /* leat_load_cut */
	LOAD_FAIL_CNT
};

struct load_config {
	struct leat_addr local; /* first source address; port 0; family 0: the stack chooses */
	uint32_t local_cnt;     /* consecutive source addresses, taken in turn; 1 or more */
	uint32_t target_cnt;
	struct leat_addr target[LOAD_TARGET_MAX]; /* taken in turn */
	uint32_t conn_cnt;                        /* held in flight */
	uint32_t open_max;                        /* connects begun in one turn */
	uint32_t request_cnt;                     /* per connection, 1 or more */
	uint64_t conn_total;                      /* stop after so many connects; 0: no limit */
	uint64_t body_octets;                     /* expected of each response */
	bool body_verify; /* each octet must be service_octet of its place */
	enum load_close close;
	char path[64];       /* "/" or "/bytes/512" */
	char host[64];       /* of the Host field */
	uint64_t timeout_ns; /* from one step to the next; 0: TCP's own only */
};

struct load_counters {
	uint64_t started; /* = completed + sum of failed + in_flight */
	uint64_t connected;
	uint64_t completed;
	uint64_t late_reset; /* of completed: reset after all was exchanged and our FIN sent */
	uint64_t failed[LOAD_FAIL_CNT];
	uint64_t no_port;    /* connects put off: every port is taken */
	uint64_t no_room;    /* connects put off: the stack is full, or has no such address */
	uint64_t send_waits; /* requests put off: the stack's pool of chunks is empty */
	uint64_t responses;
	uint64_t octets_in; /* of bodies */
	uint32_t in_flight;
	uint32_t established; /* of in_flight */
};

struct load;

/* leat_load_config_default fills all but addresses: 1024 in flight, one request, the server closes
 * first. */
void leat_load_config_default(struct load_config *config);

/* leat_load_config_error is NULL, or a sentence that names the key, its value and its range; it is
 * written to text. */
const char *leat_load_config_error(const struct load_config *config, char *text, size_t size);

size_t leat_load_footprint(const struct load_config *config);
struct load *leat_load_new(void *mem, const struct load_config *config);

/* leat_load_app is the load as a shard runs it.  Its drain is leat_load_stop. */
const struct leat_app *leat_load_app(const struct load *load);

/* leat_load_stop begins no further connection; those in flight end in their own time. */
void leat_load_stop(struct load *load);

/* leat_load_done says that none is in flight and none will be begun. */
bool leat_load_done(const struct load *load);

/* leat_load_cut resets what is in flight; done after it. */
void leat_load_cut(struct load *load, struct leat_stack *s);

const struct load_counters *leat_load_counters(const struct load *load);

/* leat_load_add adds the counters of one more load. */
void leat_load_add(struct load_counters *sum, const struct load_counters *more);

/* From the instant a connect was begun to the event that it succeeded. */
const struct hist *leat_load_connect_hist(const struct load *load);

/* From the instant a request was sent to the last octet of its response. */
const struct hist *leat_load_response_hist(const struct load *load);

const char *leat_load_fail_name(enum load_fail fail);

#endif
