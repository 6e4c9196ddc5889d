/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_SERVICE_H
#define LEAT_SERVICE_H

/* service: what a server speaks: http, echo, discard, chargen, each on its listeners.
 *
 * One set per shard is the program of that shard: it answers the events of one stack and looks at
 * its few timers once a turn.
 *
 *	http      HTTP/1.0 and 1.1: GET, HEAD, POST; pipelined; `/` gives the configured body,
 *	          `/bytes/N` gives N octets.  Octet i of a body is '!' + i % 89 (service_octet).
 *	echo      RFC 862: all text comes back; after the peer's FIN the rest, then ours
 *	discard   RFC 863: all text is read and forgotten
 *	chargen   RFC 864: lines of 72 characters until the peer closes
 *	program   what a small text says (prog.h), verifying each octet of what it expects
 *
 * Flow control is the peer's: text is read only when its answer has room to go.
 *
 * Shape      conn_max records of 128 octets, and one prebuilt answer per kind of request.
 * Memory     leat_service_footprint(config) octets, kept as long as the set is used.
 * Affinity   the lcore of the stack; no atomics.
 * Cost       a short answer (header and body up to SERVICE_READY_OCTETS) is one leat_send.
 * Errors     what a peer does is counted; an impossible config has footprint 0.
 * RFC        9110, 9112 (http); 862, 863, 864.
 * See        leat.h; http_scan.h for the requests. */

#include "leat.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERVICE_LISTEN_MAX   16
#define SERVICE_READY_OCTETS 16384 /* longer bodies are sent piece by piece */
#define SERVICE_BODY_MAX     (UINT64_C(1) << 40)
#define SERVICE_PERIOD       89 /* of the octets of a body; prime */

enum service_kind {
	SERVICE_KIND_HTTP,
	SERVICE_KIND_ECHO,
	SERVICE_KIND_DISCARD,
	SERVICE_KIND_CHARGEN,
	SERVICE_KIND_PROGRAM,
	SERVICE_KIND_CNT
};

/* Who closes an http connection first. */
enum service_close {
	SERVICE_CLOSE_KEEP,   /* as the request asks; the server when it asks for close */
	SERVICE_CLOSE_SERVER, /* the server, after each response */
	SERVICE_CLOSE_CLIENT, /* never the server */
	SERVICE_CLOSE_CNT
};

struct service_listen {
	enum service_kind kind;
	struct leat_addr local; /* family 0: any address of the stack */
	const char *program;    /* of KIND_PROGRAM; borrowed as long as the set is used */
	/* TIME-WAIT of its connections; 0: as the stack has it. */
	uint64_t two_msl_ns;
	uint8_t reuse; /* else 1 + enum leat_reuse */
	uint8_t rst;   /* else 1: ignored, 2: obeyed */
};

struct service_config {
	uint32_t conn_max;  /* connections at one time, all listeners */
	uint32_t backlog;   /* of each listener, 1 or more */
	uint32_t shard_idx; /* what greet tells */
	uint32_t listen_cnt;
	struct service_listen listen[SERVICE_LISTEN_MAX];
	enum service_close close;
	uint64_t body_octets; /* of `GET /`, at most SERVICE_BODY_MAX */
	bool greet;    /* `GET /` says which shard was reached from where, instead of the body */
	uint64_t seed; /* of what programs draw */
	uint64_t linger_ns; /* after our FIN, how long we wait for the peer's */
};

struct service_counters {
	uint64_t accepted;  /* = finished + lingered + aborted + ended + present */
	uint64_t finished;  /* both sides closed in order */
	uint64_t lingered;  /* all was sent, but the peer did not close for linger_ns */
	uint64_t aborted;   /* we reset it: no record, or it took nothing for linger_ns */
	uint64_t ended;     /* the peer or a timeout ended it */
	uint64_t no_record; /* of aborted: conn_max was reached */
	uint64_t responses; /* http, with status 200 */
	uint64_t refused;   /* http, with any other status */
	uint64_t answers;   /* programs: expects and exchanges that were met */
	uint64_t wrong;     /* of aborted: text that a program did not expect */
	uint64_t early;     /* of finished: the peer closed before its program was done */
	uint64_t octets_in, octets_out; /* user text */
	uint32_t present;
};

struct service_set;

/* leat_service_config_default fills all but the listeners: an http body of 512 octets. */
void leat_service_config_default(struct service_config *config);

/* leat_service_config_error is NULL, or a sentence that names the key, its value and its range;
 * it is written to text. */
const char *leat_service_config_error(const struct service_config *config, char *text, size_t size);

size_t leat_service_footprint(const struct service_config *config);
struct service_set *leat_service_new(void *mem, const struct service_config *config);

/* leat_service_listen opens all listeners on s.  LEAT_OK, or the enum leat_error of the first that
 * failed, whose index is then in *at. */
int leat_service_listen(struct service_set *set, struct leat_stack *s, uint32_t *at);

/* What may change while the set runs: of responses begun, and connections opened, from then on. */
struct service_change {
	uint64_t body_octets;
	enum service_close close;
	enum leat_reuse reuse; /* of listeners that have none of their own */
};

/* leat_service_may_change says whether a set of this config can: the prebuilt answers have the room
 * that the config gave them. */
bool leat_service_may_change(
	const struct service_config *config, const struct service_change *change);

/* leat_service_change does, on the lcore of s. */
void leat_service_change(
	struct service_set *set, struct leat_stack *s, const struct service_change *change);

/* leat_service_app is the set as a shard runs it; valid as long as the set.  drain closes idle http
 * connections, echo, discard and chargen at once, the rest after the response under way.
 * Listeners stay open: leat_stack_refuse is the shard's. */
const struct leat_app *leat_service_app(const struct service_set *set);

const struct service_counters *leat_service_counters(const struct service_set *set);

const char *leat_service_kind_name(enum service_kind kind);

/* service_octet is octet i of every http body. */
static inline uint8_t service_octet(uint64_t i)
{
	return (uint8_t)('!' + i % SERVICE_PERIOD);
}

#endif
