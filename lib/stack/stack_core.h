/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_STACK_CORE_H
#define LEAT_STACK_CORE_H

/* stack_core: what the files of this module share; nobody else includes it.
 *
 *	stack          config, memory, timers, buffers
 *	stack_input    a burst of frames
 *	stack_output   frames to send, and those that wait for a neighbour
 *	stack_hold     connections that wait for a neighbour or the link
 *	stack_conn     handles, the end of a connection, aborts, events
 *	stack_icmp     errors of the network
 *	stack_open     leat_connect: source address, port, flow
 *	stack_target   where connections go to, by hash
 *	stack_listen   listeners and their backlog
 *	stack_time_wait  TIME-WAIT as a record
 *	stack_gauge    what became of TIME-WAIT; how many in each state, how old
 *	stack_half     half-open children, and those that took a tuple over from TIME-WAIT
 *	stack_send, stack_recv   text to send: chunks, sources; text received
 *	stack_opt, stack_info    switches of one connection; what an operator and a test look at
 *	stack_brief    all of them, a few at a time
 *
 * A connection is a tcb of the engine and, under the same index, a struct conn.  The record lives
 * until it is CLOSED, out of the flow table, and no user holds a handle (leat_stack_conn_free).
 *	TCP_F_USER   a user holds a handle
 *	TCP_F_FLOW   in the flow table
 *
 * Affinity   one lcore. */

#include "base_bits.h"
#include "base_time.h"
#include "flow_port.h"
#include "flow_table.h"
#include "stack.h"
#include "tcp_tw.h"
#include "tcp_user.h"

#define STACK_NONE     UINT32_MAX
#define STACK_PARK_MAX 128
#define STACK_GIVE_MAX 256
#define STACK_SEND_MAX ((UINT32_C(1) << 30) - 2) /* leat_tcp_send counts the SYN as well */

enum conn_flag {
	CONN_LISTENER = 0x01, /* backlog and waiting are valid, not the chunks */
	CONN_CHILD = 0x02,    /* counted in `waiting` of its listener */
	CONN_SOURCE = 0x04,   /* text comes from a source, which its chunk names */
	CONN_ABORT = 0x08,    /* on the list of aborts: abort_next is valid, it has no chunks */
	CONN_CLOSING = 0x10,  /* a closed listener that waits for its children's end */
	CONN_MAC = 0x20,      /* mac is the station the SYN came from */
	CONN_HALF = 0x40,     /* a child in SYN-RECEIVED: half_prev, half_next are valid */
	CONN_HEIR = 0x80,     /* old is valid: in TIME-WAIT, of the same tuple, beside the table */
	CONN_ASIDE = 0x100,   /* such an old one: heir is valid */
	CONN_PORT = 0x200,    /* it took its local port; with CONN_MAC port_base is not kept */
};

/* What has no use at the same time has the same place; the last columns say when.
 *
 *	user 8         half_prev, half_next: a child in SYN-RECEIVED
 *	taken 8        listener: a child, old: an heir      half_head, half_tail: a listener
 *	hash 4         heir: aside                          half_cnt
 *	chunk 4        abort_next: on that list             backlog
 *	mac 6          port_base: of a connect              waiting
 *	flags 2 */
struct conn {
	union {
		uint64_t user;
		struct {
			uint32_t half_prev, half_next; /* by age, STACK_NONE */
		};
	};
	union {
		uint64_t taken; /* octets of text the user has read */
		struct {
			uint32_t listener, old;
		};
		struct {
			uint32_t half_head, half_tail;
		};
	};
	union {
		uint32_t
			hash; /* the low half; the rest that counts is tcb.wheel.mark: stack_hash */
		uint32_t heir;
		uint32_t half_cnt;
	};
	union {
		uint32_t chunk; /* the first of a row, STACK_NONE */
		uint32_t abort_next;
		uint32_t backlog;
	};
	union {
		struct {
			struct mac mac;
			uint16_t flags; /* enum conn_flag */
		};
		uint32_t port_base; /* whose port it took: leat_stack_port_of */
		uint32_t waiting;   /* children half open or not accepted */
	};
};

STATIC_ASSERT(sizeof(struct conn) == 32, "two to a cache line");

/* 2048 octets of text to send, aligned to that in the stream.  What the row needs stands with its
 * first chunk, as few connections have text to send at a time.  Behind send_chunk_cnt of them come
 * those of sources, which have no text of their own. */
struct chunk {
	uint32_t next; /* in the row, or free */
	union {
		struct {
			uint32_t no; /* of the first: its octets begin at no * size */
			uint32_t tail;
			uint32_t walk, walk_no; /* the chunk copied from last, STACK_NONE */
		};
		struct leat_source source; /* with CONN_SOURCE */
	};
};

STATIC_ASSERT(sizeof(struct chunk) == 24, "little beside the text");

STATIC_ASSERT(STACK_GIVE_MAX >= TCP_IO_GIVE_MAX, "one fetch of the engine's fits");
STATIC_ASSERT(STACK_GIVE_MAX >= STACK_BURST_MAX, "one burst fits");
STATIC_ASSERT(STACK_BURST_MAX <= FLOW_BULK_MAX, "a burst is one bulk lookup");

struct stack_listener {
	struct ip local, remote;
	uint16_t lport, rport;
	uint32_t idx;
};

struct stack_net4 {
	uint32_t ip, mask;
};

/* A (address, port) that connections go to, and how many ports to it are taken. */
struct stack_target {
	struct ip ip;
	uint32_t taken_cnt;
	uint32_t next; /* of those with the same hash, STACK_NONE */
	uint16_t port; /* 0: never used */
};

struct leat_stack {
	struct stack_config config;
	uint64_t now, quiet_until;
	struct tcp_engine *tcp;
	struct flow_table *flow;
	struct flow_port *port;
	struct inet_neigh *neigh;
	struct inet_icmp *icmp;
	struct conn *conn;   /* of tcb_max, and of the records of TIME-WAIT that are awake */
	uint32_t *local4;    /* our addresses, by number */
	uint64_t *held;      /* a bit of each connection: some of what it sent did not leave */
	struct chunk *chunk; /* send_chunk_cnt, then stack_source_cnt */
	uint8_t *chunk_text; /* STACK_CHUNK_OCTETS for each */
	struct stack_listener *listener;
	struct stack_target *target;
	uint32_t *target_head;           /* stack_target_heads, by hash */
	uint64_t *target_idle;           /* a bit of each target: no port to it is taken */
	uint32_t target_last;            /* that was looked for last */
	uint32_t idle_word;              /* no bit is set below this word of target_idle */
	uint64_t births;                 /* times that the flow table came to name something else */
	uint64_t changed, changed_since; /* bits of their hashes, since births was that number */
	uint32_t chunk_free, chunk_free_cnt;
	uint32_t source_free, source_free_cnt;
	uint32_t listener_cnt;
	uint32_t range_next; /* where round robin over the address range stands */
	uint16_t reuse_next; /* the port from which one in TIME-WAIT is looked for */
	uint32_t abort_head, abort_tail;
	uint32_t emit_at, news_at; /* how far io.emit and io.news are handled */
	uint32_t park_head, park_cnt, park_look;
	int32_t pack_owed; /* records in TIME-WAIT to be moved; below 0: paid in advance */
	uint32_t give_head, give_cnt;
	uint32_t held_cnt;            /* bits that are set */
	uint32_t look_at, look_words; /* where a look at them stands, and what is left of it */
	bool look_due;                /* timers were looked at since the last slice of it */
	bool link_down;
	bool refuse;
	bool in_fill;                /* a leat_source is at work: it must not call us */
	struct ip hop_known;         /* the hop that was resolved last in this call, or any */
	uint32_t hop4_known;         /* the same, when it is of IPv4 and nobody is held */
	uint8_t hop_l2[WIRE_L2_MAX]; /* what is before the IP header of a packet to it */
	uint8_t l2_octets;           /* of that */
	uint8_t net4_cnt;
	struct stack_net4 net4[WIRE_LOCAL_MAX]; /* our prefixes of IPv4 */
	uint32_t gateway4;                      /* 0: none */
	struct stack_counters cnt;
	struct tcp_io io;
	struct mac cookie_mac[TCP_IO_EMIT_MAX]; /* for a cookie in io.emit: where its SYN is from */
	void *give[STACK_GIVE_MAX];
	struct tcp_emit park[STACK_PARK_MAX];
	uint32_t park_gen[STACK_PARK_MAX]; /* of the connections whose text waits */
};

static inline struct tcb *stack_tcb(const struct leat_stack *s, uint32_t idx)
{
	return leat_tcp_tcb(s->tcp, idx);
}

static inline struct conn *stack_conn(const struct leat_stack *s, const struct tcb *tcb)
{
	return &s->conn[tcb->idx];
}

static inline uint32_t stack_source_cnt(const struct stack_config *c)
{
	return c->source_max != 0 ? c->source_max : u32_max(c->tcp.tcb_max / 64, 64);
}

/* stack_hash is what the flow table has tcb under. */
static inline uint64_t stack_hash(const struct leat_stack *s, const struct tcb *tcb)
{
	return (uint64_t)tcb->wheel.mark << FLOW_HASH_HIGH | stack_conn(s, tcb)->hash;
}

static inline void stack_hash_set(const struct leat_stack *s, struct tcb *tcb, uint64_t hash)
{
	tcb->wheel.mark = (uint16_t)(hash >> FLOW_HASH_HIGH);
	stack_conn(s, tcb)->hash = (uint32_t)hash;
}

static inline struct tuple stack_tuple(const struct leat_stack *s, const struct tcb *tcb)
{
	struct tuple tuple;

	if (LIKELY(!ends4_is_wide(&tcb->ends)))
		ends4_tuple(&tcb->ends, &tuple);
	else
		leat_tcp_tuple(s->tcp, tcb, &tuple);
	return tuple;
}

/* The flow table names something else by this hash than it did. */
static inline void stack_flow_changed(struct leat_stack *s, uint64_t hash)
{
	s->births++;
	s->changed |= UINT64_C(1) << (hash & 63);
}

/* Is that the tuple of tcb, a connection? */
static inline bool stack_is_of(
	const struct leat_stack *s, const struct tcb *tcb, const struct tuple *tuple)
{
	if (LIKELY(!ends4_is_wide(&tcb->ends)))
		return ends4_eq(&tcb->ends, tuple);
	const struct tuple its = stack_tuple(s, tcb);

	return tuple_eq(&its, tuple);
}

/* stack_unacked is the octets of text queued and not acknowledged. */
static inline uint32_t stack_unacked(const struct tcb *tcb)
{
	struct seq first = seq_add(tcb->snd.una, tcp_syn_unacked(tcb));

	return seq_lt(first, tcb->snd.end) ? seq_from(first, tcb->snd.end) : 0;
}

/* stack_keep_buf takes a buffer that nobody else keeps, for leat_stack_give. */
void leat_stack_keep_buf(struct leat_stack *s, void *buf);

/* stack_conn.c */
void leat_stack_conn_init(struct leat_stack *s, const struct tcb *tcb);
/* Gives the record back when nothing holds it any more. */
void leat_stack_conn_free(struct leat_stack *s, struct tcb *tcb);
/* Enters tcb, whose tuple has this hash and is not there yet, into the flow table. */
bool leat_stack_flow_insert(struct leat_stack *s, struct tcb *tcb, uint64_t hash);
/* stack_settle handles io.gone after a call of the engine, and empties io.give before it is full */
void leat_stack_settle(struct leat_stack *s);
static inline void stack_settle(struct leat_stack *s)
{
	if (s->io.gone_cnt > 0 || s->io.give_cnt > TCP_IO_GIVE_MAX / 2)
		leat_stack_settle(s);
}

/* Puts tcb on the list of aborts, and works the list off as far as io.emit has room. */
void leat_stack_abort_push(struct leat_stack *s, struct tcb *tcb);
void leat_stack_abort_work(struct leat_stack *s);
struct leat_conn leat_stack_handle(const struct tcb *tcb);
/* The record that c names, or NULL (counted). */
struct tcb *leat_stack_by_handle(struct leat_stack *s, struct leat_conn c);
int leat_stack_error_of(enum tcp_error error);

/* stack_hold.c */
/* A segment of tcb did not leave. */
void leat_stack_hold(struct leat_stack *s, const struct tcb *tcb);
/* Another one of record idx did, or the record is new. */
void leat_stack_hold_end(struct leat_stack *s, uint32_t idx);
/* Something has changed for those that wait: they are looked at from now on, slice by slice. */
void leat_stack_hold_look(struct leat_stack *s);
void leat_stack_hold_slice(struct leat_stack *s);
static inline size_t stack_hold_words(const struct stack_config *config)
{
	return ((size_t)config->tcp.tcb_max + TCP_TW_AWAKE + 64) / 64;
}

/* stack_icmp.c */
void leat_stack_icmp_error(struct leat_stack *s, const struct pkt *p);

/* stack_open.c */
bool leat_stack_addr_in(const struct leat_addr *addr, struct ip *ip);
struct leat_addr leat_stack_addr_out(struct ip ip, uint16_t port);
/* Where packets to remote go first; false when nowhere. */
bool leat_stack_next_hop(const struct leat_stack *s, struct ip remote, struct ip *hop);
/* Our address to talk to remote from. */
bool leat_stack_source_for(struct leat_stack *s, struct ip remote, struct ip *local);
/* Is the quiet time over? */
bool leat_stack_may_open(struct leat_stack *s);
bool leat_stack_may_talk_to(const struct leat_stack *s, struct ip remote);
/* The base that tcb holds its local port of, STACK_NONE: it holds none.  _hold is for one that
 * holds none, or for STACK_NONE. */
uint32_t leat_stack_port_of(struct leat_stack *s, const struct tcb *tcb);
void leat_stack_port_hold(struct leat_stack *s, const struct tcb *tcb, uint32_t base);
/* Gives the port back, and of tcb if it holds one. */
void leat_stack_port_untake(struct leat_stack *s, uint32_t base, uint16_t port);
void leat_stack_port_give(struct leat_stack *s, const struct tcb *tcb);
/* The base from which the port of a connection that we opened was taken. */
uint32_t leat_stack_port_base(struct leat_stack *s, const struct tuple *tuple);

/* stack_target.c */
static inline uint32_t stack_target_heads(const struct stack_config *config)
{
	/* The power of two that is not less, from 2. */
	return UINT32_C(1) << (32 - __builtin_clz(u32_max(config->target_max, 2) - 1));
}

static inline uint32_t stack_target_words(const struct stack_config *config)
{
	return (config->target_max + 63) / 64;
}

void leat_stack_target_init(struct leat_stack *s);
/* Finds the target, or gives it a place to which no port is taken; STACK_NONE: there is none. */
uint32_t leat_stack_target_find(struct leat_stack *s, struct ip ip, uint16_t port);
/* One more port to it is taken; one is given back. */
void leat_stack_target_take(struct leat_stack *s, uint32_t idx);
void leat_stack_target_give(struct leat_stack *s, uint32_t idx);

/* stack_listen.c */
struct tcb *leat_stack_listener_find(const struct leat_stack *s, const struct tuple *tuple);
void leat_stack_listener_remove(struct leat_stack *s, const struct tcb *tcb);
void leat_stack_listener_close(struct leat_stack *s, struct tcb *tcb, bool abort);
void leat_stack_child_done(struct leat_stack *s, const struct tcb *child);
/* Makes a listener with a remote an ordinary record, about to be opened actively. */
int leat_stack_listener_promote(struct leat_stack *s, struct tcb *tcb);

/* stack_half.c */
/* tcb, new and not in the flow table yet, is a child in SYN-RECEIVED from now on. */
void leat_stack_half_begin(struct leat_stack *s, const struct tcb *tcb);
/* The child or heir tcb is synchronized, or CLOSED: from now on it is not half open any more. */
void leat_stack_half_end(struct leat_stack *s, const struct tcb *tcb);
/* The oldest half-open child of listener gives way; false: there is none, or it is too young. */
bool leat_stack_half_evict(struct leat_stack *s, const struct tcb *listener);
/* tcb takes the place of old, in TIME-WAIT, in the flow table. */
bool leat_stack_take_over(struct leat_stack *s, struct tcb *tcb, struct tcb *old);
/* old, in TIME-WAIT beside the flow table, is CLOSED. */
void leat_stack_aside_gone(struct leat_stack *s, const struct tcb *old);

/* stack_time_wait.c */
/* tcb, if it only has to wait, becomes a record. */
void leat_stack_rest(struct leat_stack *s, struct tcb *tcb);
void leat_stack_rest_all(struct leat_stack *s);
/* The record's tcb, to be looked at until the next call of these two. */
struct tcb *leat_stack_wait_look(struct leat_stack *s, uint32_t name, uint64_t hash);
/* Likewise, for a segment; leat_stack_wait_done is what must follow, and _named at once when the
 * engine may have had it begin anew: `was` is what it was called just before. */
struct tcb *leat_stack_wait_wake(struct leat_stack *s, uint32_t name, uint64_t hash);
void leat_stack_wait_named(struct leat_stack *s, const struct tcb *tcb, uint32_t was);
void leat_stack_wait_done(struct leat_stack *s, struct tcb *tcb);
/* The record name ends, whatever it holds. */
void leat_stack_wait_over(struct leat_stack *s, uint32_t name, enum tcp_end why);
/* Ends at most max records that are due at until; how many. */
uint32_t leat_stack_wait_due(struct leat_stack *s, uint64_t until, uint32_t max);
/* Is there no room for one more, and none that _wait_evict would make?  Or no place? */
bool leat_stack_is_full(const struct leat_stack *s, const struct tcb *old);
bool leat_stack_lacks_place(const struct leat_stack *s, const struct tcb *old);
/* Makes room, if the oldest in TIME-WAIT is to give way, but not old; to be called as the last.
 * _place: for one that has its control block. */
void leat_stack_wait_evict(struct leat_stack *s, const struct tcb *old);
void leat_stack_wait_evict_place(struct leat_stack *s);

/* stack_info.c */
void leat_stack_describe(struct leat_stack *s, const struct tcb *tcb, struct leat_info *info);
/* Of the timers that are armed the next; name NULL: none is. */
struct leat_timer leat_stack_next_timer(const struct leat_stack *s, const struct tcb *tcb);

/* stack_send.c */
/* Gives back all chunks; a source is not asked any more. */
void leat_stack_chunks_free(struct leat_stack *s, struct conn *c);
/* Gives back the chunks whose text is acknowledged. */
void leat_stack_chunks_trim(struct leat_stack *s, const struct tcb *tcb);
/* Writes octets of text from offset of the stream to dst. */
void leat_stack_text(struct leat_stack *s, const struct tcb *tcb, uint64_t offset, uint8_t *dst,
	uint32_t octets);

#endif
