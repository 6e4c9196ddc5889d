/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_SHARD_H
#define LEAT_SHARD_H

/* shard: one lcore running one stack on its queues of one port.
 *
 * A turn is ten calls, each on a burst, with one reading of the clock:
 *
 *	clock  rx  parse  lookup  input  mail  timers  app  output  tx
 *
 * All segments of a burst are processed before any acknowledgment is built (MUST-58, MUST-59).
 *
 * Ownership: everything reachable from a struct shard is read and written by one lcore only.  The
 * exceptions are
 *
 *	the boxes of shard_mail: the other end of each belongs to one other thread;
 *	the lanes of shard_lane: the other end of each belongs to one other shard;
 *	shard_asked: what one shard asks for, read by one other;
 *	struct shard_ask, shard_walk: their owner's, but the shard's from put until `answered`;
 *	struct shard_capture: likewise, and the shard's until its end is answered;
 *	the pool of packet buffers, which EAL makes safe;
 *	struct nic_port and struct flow_steer, which nobody writes while shards turn, but when all
 *	were told to keep off their queues (SHARD_PORT_OFF);
 *	struct shard_beat of the loop: the lcore writes, the control thread reads.
 *
 * A shard that does not turn (before the loop, after it) may be looked at by anybody.
 *
 * Shape      leat_shard_footprint(config) octets: the shard, then its stack.
 * Units      ns on the shard's clock.
 * Memory     keeps mem; buffers go back to the pool with leat_shard_close.
 * Affinity   the lcore that turns it.
 * Cost       an empty turn: one rx call, one clock reading, a glance at each box.
 * Errors     impossible config: footprint is 0.  At run time only counts:
 *
 *	rx.frames + mailed_in + moved_in = stack frames_in + drop_frame_long + drop_no_buf
 *		+ lost + held + moved_out + move_dropped
 *	stack frames_out = tx.frames + tx.queue_cnt
 *
 *	and of all shards of a port, with what lies on its lanes:
 *
 *	moved_out = moved_in + on lanes
 *	tx_over = tx_carried + tx_waiting + on lanes to a carrier
 *
 * See        shard_loop.h, which turns shards; stack.h for all between rx and tx. */

#include "leat.h"
#include "nic_port.h"
#include "shard_asked.h"
#include "shard_capture.h"
#include "shard_clock.h"
#include "shard_impair.h"
#include "shard_look.h"
#include "shard_mail.h"
#include "shard_rx.h"
#include "shard_tx.h"
#include "shard_wire.h"
#include "stack.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHARD_MAX        64              /* of one port */
#define SHARD_BOX_MAX    (SHARD_MAX + 2) /* the others', of control, of who lists, of who looks */
#define SHARD_LETTER_MAX 16              /* letters read of one box in one turn */
#define SHARD_TIMER_MAX  64              /* timers fired in one turn */
#define SHARD_EVENT_MAX  256             /* events told to the program in one turn */
#define SHARD_GIVE_MAX   64              /* buffers freed by one call */
#define SHARD_ABORT_LOOK 512 /* records looked at in one turn, when all are to be reset */

/* Buffers a shard has in hand besides those in its device and its stack. */
#define SHARD_OWN_BUFFERS (SHARD_TX_QUEUE + 3 * STACK_BURST_MAX)

/* shard_lane_buffers is what of each shard of a port lies on lanes, when any of the others stand
 * still, and in its hands of what others received.  A shard without a queue has a lane to its
 * carrier besides, and no descriptors, of which there are more. */
static inline uint32_t shard_lane_buffers(uint32_t shard_cnt)
{
	if (shard_cnt <= 1)
		return 0;
	return u32_min((shard_cnt - 1) * SHARD_LANE_SLOTS, SHARD_STEER_LENT_MAX) + STACK_BURST_MAX;
}

/* Who brings segments to the queue of the shard that owns them. */
enum shard_trust {
	SHARD_TRUST_NONE,   /* nobody: each is looked at */
	SHARD_TRUST_DEVICE, /* the device, as long as it has our key and table (nic_rss.h) */
	SHARD_TRUST_WIRE,   /* whoever is at the other end of the queue */
};

struct shard_config {
	struct stack_config stack; /* tx_csum_* are set from the port; steer: who owns what */
	enum shard_trust trust;    /* to spread flows as stack.steer does */
	const struct nic_port *port;
	struct rte_mempool *pool;
	uint16_t queue; /* SHARD_NO_QUEUE: frames come and go by lanes alone */
	struct shard_impair_config impair;
	struct shard_wire_config wire_in, wire_out;
};

/* What a shard counted, as one copy. */
struct shard_counts {
	uint64_t now;
	uint64_t moved_high; /* most frames on one lane at one time */
	uint64_t turns, busy_ns;
	uint64_t rx_frames, rx_drop_frame_long, rx_drop_no_buf, rx_lost, rx_held, rx_reordered;
	uint64_t rx_gathered; /* frames in several buffers, copied into one */
	uint64_t tx_frames, tx_queued, tx_full, tx_no_buf;
	uint64_t tx_link_down; /* of tx_frames, lost because the link was down */
	uint64_t mailed_in, mailed_out, mail_refused;
	uint64_t moved_in, moved_out, move_dropped; /* frames of flows of other shards */
	uint64_t steer_probed, steer_astray;        /* of a trusted device's segments */
	uint64_t wrong_shard;                       /* segments that reached a stack not theirs */
	uint64_t tx_over;                           /* of tx_frames, by the queue of another */
	uint64_t tx_carried, tx_waiting;            /* for shards without one: sent, not sent yet */
	uint64_t wire_lost, wire_full, wire_doubled, wire_spoilt, wire_late; /* both directions */
	uint64_t timers_put_off;  /* turns that left due timers for the next */
	uint64_t events_used_up;  /* turns that told as many events as they may */
	uint64_t letters_used_up; /* boxes of which a turn read as many letters as it may */
	uint64_t echo_refused, echo_no_room, neigh_refused, neigh_unanswered;
	uint64_t own_address_seen; /* frames of another station with an address of ours */
	struct stack_counters stack;
	struct tcp_counters tcp;
};

/* A question to a shard.  also, when not NULL, runs on the shard's lcore: it copies what the
 * program counted. */
struct shard_ask {
	struct shard_counts counts;
	void (*also)(void *arg);
	void *arg;
	atomic_bool answered;
};

/* Something to do that may take many turns, or one: step is called once a turn, on the shard's
 * lcore, until it gives false, and sees to it that no turn gets long by it.  One is under way at a
 * time: while it is, another is `busy`, at once, and may be asked again. */
struct shard_walk {
	bool (*step)(void *arg, struct leat_stack *s, uint64_t now);
	void *arg;
	uint32_t turns; /* it took */
	bool busy;
	atomic_bool answered;
};

/* A question for all there is to see, that who watches puts again and again. */
struct shard_look {
	uint64_t for_ns; /* stages are measured so long from now on */
	struct shard_counts counts;
	struct shard_stages stages;
	void (*also)(void *arg); /* as of struct shard_ask */
	void *arg;
	atomic_bool answered;
};

struct shard {
	struct shard_clock clock;
	uint64_t now;
	bool worked; /* the last turn had something to do */
	bool rx_off; /* the queues are not ours to read now */
	enum shard_trust trust;
	uint64_t turns, busy_ns;
	uint64_t mailed_in, mailed_out, mail_refused;
	uint64_t neigh_copies; /* of mailed_in: answers that this shard had not asked for */
	uint64_t timers_put_off, events_used_up, letters_used_up;
	struct leat_stack *stack;
	struct leat_app app;
	struct shard_rx rx;
	struct shard_tx tx;
	uint32_t box_cnt, peer_cnt;
	struct shard_mail *box[SHARD_BOX_MAX]; /* read here */
	struct shard_mail *peer[SHARD_MAX];    /* written here: boxes of the port's other shards */
	const struct shard_asked *wants[SHARD_MAX]; /* by peer: what it asks for */
	struct shard_walk *walk;                    /* under way, or NULL */
	struct shard_capture_set capture;
	struct shard_stages stages;
	uint32_t abort_at; /* while all are reset: the next record to look at */
	bool aborting;
	struct stack_burst burst;
};

/* leat_shard_footprint is 0 when leat_stack_config_error has something to say. */
size_t leat_shard_footprint(const struct shard_config *config);

/* leat_shard_new makes a shard that has no program, no boxes, and starts its clock at clock. */
struct shard *leat_shard_new(
	void *mem, const struct shard_config *config, const struct shard_clock *clock);

/* leat_shard_app gives the shard its program, of which it keeps a copy; arg must outlive it. */
void leat_shard_app(struct shard *s, const struct leat_app *app);

/* leat_shard_box adds a box that the shard reads.  Before the loop. */
void leat_shard_box(struct shard *s, struct shard_mail *box);

/* leat_shard_peer adds another shard of the port: a box that it reads, what it asks for, and where
 * s says the same to it.  Before the loop. */
void leat_shard_peer(struct shard *s, struct shard_mail *box, const struct shard_asked *wants,
	struct shard_asked *asked);

/* leat_shard_move gives from a lane for frames that belong to to; _carry one for frames that from,
 * which has no queue, sends on by's queue.  Before the loop. */
void leat_shard_move(struct shard *from, struct shard *to, struct shard_lane *lane);
void leat_shard_carry(struct shard *from, struct shard *by, struct shard_lane *lane);

/* leat_shard_turn is one turn. */
void leat_shard_turn(struct shard *s);

/* leat_shard_next_deadline is when the shard has something to do without a frame or a letter. */
uint64_t leat_shard_next_deadline(struct shard *s);

/* leat_shard_count copies all counters.  On the shard's lcore, or while it does not turn. */
void leat_shard_count(const struct shard *s, struct shard_counts *counts);

/* leat_shard_counts_error checks the laws above, and those between the counters of the stack, on a
 * copy: NULL, or the law that does not hold. */
const char *leat_shard_counts_error(const struct shard_counts *c, char *text, size_t size);

/* leat_shard_ledger_error checks the laws above and those of the stack, and is NULL, or the law
 * that does not hold.  While the shard does not turn. */
const char *leat_shard_ledger_error(struct shard *s, char *text, size_t size);

/* leat_shard_close resets all connections without a word and gives all buffers back. */
void leat_shard_close(struct shard *s);

#endif
