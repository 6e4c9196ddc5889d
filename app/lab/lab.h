/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_LAB_H
#define LEAT_LAB_H

/* lab: what TIME-WAIT is good for, tried out: two stacks, a bad wire, and a virtual clock.
 *
 * A client connects again and again to one port of a server, from few ports, so that each tuple
 * has many incarnations.  Both ends send octets that follow from the number of the connection and
 * their offset, and compare each octet they receive: one that is another's is a stale octet that
 * was accepted.  One end closes first and waits; the other closes when it has heard of that, and
 * when it is reset after its FIN, the last ACK was lost and nobody waited to say it again.
 *
 *	client ═══ wire: loses, keeps back ═══ server
 *	  ports of few                            one listener
 *
 * How long a packet lives at most (`packet_life_ns` of the world) is a promise of the wire and of
 * both ends, divided in four: the wire keeps a packet no longer than a quarter, so that its answer
 * is there after two; who has no answer repeats after a quarter; and of what opens or closes one
 * connection the wire loses no more than LAB_LOSS_MAX, two.  (There is no such promise in the
 * world: there the last ACK may be lost any number of times.)
 *
 * Deterministic: the same world and case give the same result.
 *
 * Units      ns of virtual time, octets, millionths.
 * Memory     from the C library, given back before the return.
 * Affinity   none.
 * Errors     false: no memory.
 * RFC        9293 3.4.1, 3.6.1; 1337; 6191; 6528; 7323 5. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAB_LOSS_MAX  2
#define LAB_PORT_FROM 40000
#define LAB_DELAY_NS  UINT64_C(1000000) /* of the wire, one way, when it does its best */

/* Which SYN ends TIME-WAIT before its time.  The first three are --time-wait-reuse of the server,
 * CONNECT is --connect-reuse of the client: its own connect takes over what waits there. */
enum lab_reuse {
	LAB_REUSE_OFF,
	LAB_REUSE_SEQUENCE,
	LAB_REUSE_TIMESTAMPS,
	LAB_REUSE_CONNECT,
	LAB_REUSE_CNT
};

/* Who closes first, and so waits. */
enum lab_close {
	LAB_CLOSE_SERVER,
	LAB_CLOSE_CLIENT,
	LAB_CLOSE_CNT
};

struct lab_world {
	uint64_t seed;
	uint64_t packet_life_ns;   /* at least 8 x LAB_DELAY_NS */
	uint64_t connect_reuse_ns; /* how long LAB_REUSE_CONNECT waits */
	uint32_t connect_cnt;      /* that are tried */
	uint32_t port_cnt;         /* the client has */
	uint32_t octets;           /* that each end sends on each connection */
};

struct lab_case {
	uint64_t time_wait_ns; /* 2MSL */
	uint32_t close;        /* enum lab_close */
	uint32_t reuse;        /* enum lab_reuse */
	bool timestamps;       /* on the connections; reuse by them needs them */
	uint32_t loss_millionths, reorder_millionths;
	uint32_t rate; /* connects a second */
};

struct lab_result {
	uint64_t packet_life_ns; /* in this case: without loss, or reordering, it is shorter */
	bool protected;
	uint64_t connects, connects_refused; /* tried; of them without a port, or a free tuple */
	uint64_t completed;                  /* both ends had every octet, and the other's FIN */
	uint64_t failed;                     /* in another way than these */
	uint64_t stale_segs_accepted, stale_octets_accepted;
	uint64_t resets_after_lost_ack;
	uint64_t reused; /* TIME-WAIT that ended before its time */
	uint64_t peak_time_wait, peak_octets;
	uint64_t frames, lost, kept_back; /* of the wire */
	uint64_t lasted_ns;               /* of virtual time */
};

static inline uint64_t lab_quarter_ns(const struct lab_world *world)
{
	return world->packet_life_ns / 4;
}

extern const char *const leat_lab_reuse_name[]; /* end with NULL */
extern const char *const leat_lab_close_name[];

/* leat_lab_life is how long a packet lives at most in a case: from when it is first sent until the
 * last copy of it, repeated ones included, has arrived. */
uint64_t leat_lab_life(const struct lab_world *world, const struct lab_case *c);

/* leat_lab_is_protected: 2MSL is at least that, and the policy of reuse is safe: a server's always
 * is, as it lets in only what is told from an old duplicate; a client's own when no last ACK can be
 * missing any more by the time it looks. */
bool leat_lab_is_protected(const struct lab_world *world, const struct lab_case *c);

/* leat_lab_makes_sense is false for what is another case under a second name: a policy of the end
 * that does not wait, one by timestamps without them. */
bool leat_lab_makes_sense(const struct lab_case *c);

/* leat_lab_run tries connect_cnt connects. */
bool leat_lab_run(
	const struct lab_world *world, const struct lab_case *c, struct lab_result *result);

#endif
