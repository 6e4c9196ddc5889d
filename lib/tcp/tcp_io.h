/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_TCP_IO_H
#define LEAT_TCP_IO_H

/* tcp_io: the bounded lists that calls of the engine fill.
 *
 *	emit   segments to build and send, in order
 *	give   buffers the engine was given and is finished with
 *	news   what the users of connections should hear
 *	gone   connections that became CLOSED in this call: take them out of the flow table now
 *	rest   connections in TIME-WAIT that owe nothing any more: leat_tcp_tw_rest may be for them
 *	born   the connection that a SYN to a listener made in this call
 *
 * The caller empties what it has handled by setting the count to 0.  gone and born must be
 * handled after every call; emit, give and news may pile up to their maximum, and a call that
 * finds a list full leaves the rest for its next call (leat_tcp_output, _give, _news), except for
 * a reset without a connection, which is then counted as unsent and dropped.
 *
 * Memory     the caller's; the engine borrows it for one call.
 * Affinity   the shard's lcore. */

#include "base_assert.h"
#include "wire_tcp.h"

#include <stdbool.h>
#include <stdint.h>

#define TCP_NONE        UINT32_MAX
#define TCP_IO_EMIT_MAX 64
#define TCP_IO_GIVE_MAX 64
#define TCP_IO_NEWS_MAX 64
#define TCP_IO_GONE_MAX 64
#define TCP_IO_REST_MAX 64

/* A segment to be built.  Its text is octets [offset, offset + seg.text) of what the user of tcb
 * has sent; it must be copied before the user is called again. */
struct tcp_emit {
	struct ends4 ends; /* where its ends are wide, they are tuple; tcp_emit_tuple tells them */
	uint32_t tcb_idx;  /* TCP_NONE: a reset that belongs to no connection */
	struct tuple tuple;
	struct seg seg;
	uint64_t offset;
	bool doubt; /* beyond R1: the next hop may be dead (MUST-20) */
	bool again; /* some of it was sent before */
};

static inline void tcp_emit_tuple(const struct tcp_emit *m, struct tuple *tuple)
{
	if (!ends4_is_wide(&m->ends))
		ends4_tuple(&m->ends, tuple);
	else
		*tuple = m->tuple;
}

enum tcp_news_bit {
	TCP_NEWS_ESTABLISHED = 0x01,
	TCP_NEWS_READABLE = 0x02,    /* text arrived in order */
	TCP_NEWS_WRITABLE = 0x04,    /* the peer acknowledged text of ours */
	TCP_NEWS_PEER_CLOSED = 0x08, /* after the text that is readable comes the end */
	TCP_NEWS_CLOSED = 0x10,      /* CLOSED; tcb->end says why */
	TCP_NEWS_SLOW = 0x20,        /* R1: sent again several times, and no answer (SHLD-9) */
	TCP_NEWS_URGENT = 0x40,      /* there is an urgent mark ahead, or it moved (MUST-32) */
	TCP_NEWS_SOFT = 0x80,        /* an ICMP error that ends nothing (MUST-47, SHLD-25) */
};

struct tcp_news {
	uint32_t tcb_idx;
	uint32_t gen; /* of the tcb then: another connection that has it by now is not meant */
	uint32_t bits;
};

struct tcp_io {
	uint32_t emit_cnt, give_cnt, news_cnt, gone_cnt, rest_cnt;
	uint32_t born; /* TCP_NONE: nobody */
	uint32_t gone[TCP_IO_GONE_MAX];
	uint32_t rest[TCP_IO_REST_MAX];
	void *give[TCP_IO_GIVE_MAX];
	struct tcp_news news[TCP_IO_NEWS_MAX];
	struct tcp_emit emit[TCP_IO_EMIT_MAX];
};

#endif
