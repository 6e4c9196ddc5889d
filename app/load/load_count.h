/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_LOAD_COUNT_H
#define LEAT_LOAD_COUNT_H

/* load_count: what a load counts, and what it calls it.
 *
 * Every planned connection ends in exactly one way, so that at the end
 *
 *	planned = started + sum of not_started
 *	started = completed + stopped + sum of failed        (+ in_flight while it runs)
 *
 * Only an exchange that was carried out whole, of which every octet was verified, and that was
 * closed in both directions is completed.
 *
 * Units      ns; octets of user text.
 * Affinity   one writer; a copy may be read by anybody. */

#include "base_hist.h"

#include <stdbool.h>
#include <stdint.h>

#define LOAD_HELD_NS     UINT64_C(10000000)
#define LOAD_LENGTH_NONE UINT64_MAX
#define LOAD_LENGTH_MAX  ((UINT64_C(1) << 53) - 1) /* what is longer is noted as this */

/* How one connection failed: each has a counter of its own. */
enum load_fail {
	LOAD_FAIL_REFUSED,          /* our SYN was answered by a reset, or "prohibited" */
	LOAD_FAIL_SYN_TIMEOUT,      /* no answer to our SYN in time */
	LOAD_FAIL_RESET,            /* reset by the peer before the exchange was done */
	LOAD_FAIL_RESPONSE_TIMEOUT, /* open, but the next step did not come in time */
	LOAD_FAIL_CLOSE_TIMEOUT,    /* all was exchanged, but the peer did not close in time */
	LOAD_FAIL_RESPONSE,         /* not HTTP, not 200, or another length than it must be */
	LOAD_FAIL_OCTETS,           /* an octet of the body is wrong */
	LOAD_FAIL_SHORT,            /* the peer closed before the exchange was done */
	LOAD_FAIL_LONG,             /* more came than was announced */
	LOAD_FAIL_CUT,              /* we reset it: the grace at the end was over */
	LOAD_FAIL_CNT
};

/* Why a planned connection was never begun. */
enum load_skip {
	LOAD_SKIP_NO_PORT, /* every tuple was taken, most of them by TIME-WAIT */
	LOAD_SKIP_NO_ROOM, /* a table of the stack was full */
	LOAD_SKIP_LIMIT,   /* so many were in flight already as may be */
	LOAD_SKIP_LATE,    /* the generator itself came too late */
	LOAD_SKIP_STOPPED, /* it was due when the run was stopped */
	LOAD_SKIP_WAITING, /* there was no place in TIME-WAIT for one more */
	LOAD_SKIP_CNT
};

/* What is measured.  The first three begin at the planned instant, whenever the connection really
 * began: a generator that waits for its own turn, or for a free place, waits in these. */
enum load_hist {
	LOAD_HIST_CONNECT,  /* to ESTABLISHED */
	LOAD_HIST_FIRST,    /* to the first octet that the peer sent */
	LOAD_HIST_WHOLE,    /* to the last octet of the last response */
	LOAD_HIST_SERVICE,  /* the same, but from the real start: uncorrected */
	LOAD_HIST_RESPONSE, /* of each request: from its last octet sent to its response */
	LOAD_HIST_LATE,     /* from the planned start to the real one */
	LOAD_HIST_CNT
};

/* The first bad response, for people to see what came. */
struct load_bad {
	bool seen;
	uint16_t status; /* 0: it was no HTTP */
	uint64_t octets; /* of body, as announced; LOAD_LENGTH_NONE: they were not */
	uint64_t wanted; /* LOAD_LENGTH_NONE: any length was right */
};

struct load_counters {
	uint64_t planned; /* due so far */
	uint64_t started; /* connects begun */
	uint64_t late;    /* of started: by more than LOAD_LATE_NS */
	uint64_t steady;  /* of started: planned after the ramp */
	uint64_t connected;
	uint64_t completed;
	uint64_t steady_completed; /* of completed: planned after the ramp */
	uint64_t stopped; /* ended in order, but before its exchange was done, as the run ended */
	uint64_t late_reset; /* of completed: reset after all was exchanged and our FIN sent */
	uint64_t failed[LOAD_FAIL_CNT];
	uint64_t not_started[LOAD_SKIP_CNT];
	uint64_t no_port;    /* connects put off: every port is taken */
	uint64_t no_room;    /* connects put off: the stack is full, or has no such address */
	uint64_t no_place;   /* connects put off: TIME-WAIT is full */
	uint64_t send_waits; /* requests put off: the stack's pool of chunks is empty */
	uint64_t requests;   /* whose first octet was sent */
	uint64_t responses;  /* complete and right */
	uint64_t octets_out; /* of user text sent */
	uint64_t octets_in;  /* of bodies, or of all text where there are no heads */
	uint64_t head_octets_in;
	uint32_t in_flight;
	uint32_t established; /* of in_flight */
	/* The fewest and the most in flight at held_looks looks, LOAD_HELD_NS apart, between the
	 * ramp (and for a closed load the instant at which all were in flight) and the end of the
	 * plan. */
	uint32_t held_min, held_max;
	uint64_t held_looks;
	struct load_bad bad;
};

/* leat_load_add adds the counters of one more load.  Of what two hold the sum of the fewest and of
 * the most are bounds, and exact where they are equal; the first bad response is that of the first
 * load which has one. */
void leat_load_add(struct load_counters *sum, const struct load_counters *more);

uint64_t leat_load_failed(const struct load_counters *c);
uint64_t leat_load_not_started(const struct load_counters *c);

/* leat_load_fail_name is "SYN timeout", _key "syn_timeout" as it stands in files; so with the
 * others. */
const char *leat_load_fail_name(enum load_fail fail);
const char *leat_load_fail_key(enum load_fail fail);
const char *leat_load_skip_name(enum load_skip skip);
const char *leat_load_skip_key(enum load_skip skip);
const char *leat_load_hist_name(enum load_hist hist);
const char *leat_load_hist_key(enum load_hist hist);

/* leat_load_fail_is_peers says whether only the peer can have caused it, whatever the generator and
 * the wire did. */
bool leat_load_fail_is_peers(enum load_fail fail);

#endif
