/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_bits.h"
#include "stack_core.h"

#include <string.h>

/* Text that was sent with leat_send, until it is acknowledged:
 *
 *	conn.chunk ─► chunk ─► chunk ─► tail        2048 octets of the stream each,
 *	   │ no                                     aligned to 2048 of its offset
 *	   └─ una is in here        queued ends here
 *
 * A connection with nothing unacknowledged holds no chunk.  One with a source holds it to its
 * end. */

static uint8_t *chunk_data(const struct leat_stack *s, uint32_t chunk)
{
	return s->chunk_text + (size_t)chunk * STACK_CHUNK_OCTETS;
}

/* As memcpy, which compilers make a loop in microcode of where they know that it is not long. */
static void copy(uint8_t *dst, const uint8_t *src, uint32_t octets)
{
	memmove(dst, src, octets);
}

static uint64_t queued_of(const struct tcb *tcb)
{
	return tcb->una_offset + stack_unacked(tcb);
}

/* The next chunk is the first, and has what stood with it. */
static void head_free(struct leat_stack *s, struct conn *c)
{
	uint32_t idx = c->chunk, next = s->chunk[idx].next;
	struct chunk *chunk = &s->chunk[idx];

	if (next != STACK_NONE) {
		s->chunk[next].no = chunk->no + 1;
		s->chunk[next].tail = chunk->tail;
		s->chunk[next].walk = chunk->walk == idx ? STACK_NONE : chunk->walk;
		s->chunk[next].walk_no = chunk->walk_no;
	}
	c->chunk = next;
	chunk->next = s->chunk_free;
	s->chunk_free = idx;
	s->chunk_free_cnt++;
}

static void source_free(struct leat_stack *s, struct conn *c)
{
	s->chunk[c->chunk].next = s->source_free;
	s->source_free = c->chunk;
	s->source_free_cnt++;
	c->chunk = STACK_NONE;
	c->flags &= (uint16_t)~CONN_SOURCE;
}

void leat_stack_chunks_free(struct leat_stack *s, struct conn *c)
{
	if (c->flags & CONN_SOURCE)
		source_free(s, c);
	while (c->chunk != STACK_NONE)
		head_free(s, c);
}

void leat_stack_chunks_trim(struct leat_stack *s, const struct tcb *tcb)
{
	struct conn *c = stack_conn(s, tcb);

	if ((c->flags & (CONN_LISTENER | CONN_ABORT | CONN_SOURCE)) || c->chunk == STACK_NONE)
		return;
	bool all = stack_unacked(tcb) == 0;
	uint32_t una_no = (uint32_t)(tcb->una_offset / STACK_CHUNK_OCTETS);
	while (c->chunk != STACK_NONE && (all || s->chunk[c->chunk].no != una_no))
		head_free(s, c);
}

static uint32_t chunk_take(struct leat_stack *s)
{
	uint32_t chunk = s->chunk_free;

	if (chunk == STACK_NONE) {
		s->cnt.send_no_chunk++;
		return STACK_NONE;
	}
	s->chunk_free = s->chunk[chunk].next;
	s->chunk_free_cnt--;
	s->chunk[chunk].next = STACK_NONE;
	return chunk;
}

/* append_chunk gives c one chunk more; the first begins at the chunk number of offset. */
static bool append_chunk(struct leat_stack *s, struct conn *c, uint64_t offset)
{
	uint32_t chunk = chunk_take(s);

	if (chunk == STACK_NONE)
		return false;
	if (c->chunk == STACK_NONE) {
		c->chunk = chunk;
		s->chunk[chunk].no = (uint32_t)(offset / STACK_CHUNK_OCTETS);
		s->chunk[chunk].walk = STACK_NONE;
	} else {
		s->chunk[s->chunk[c->chunk].tail].next = chunk;
	}
	s->chunk[c->chunk].tail = chunk;
	return true;
}

/* append copies octets of text that follow offset of the stream, as far as there are chunks. */
static uint32_t append(
	struct leat_stack *s, struct conn *c, uint64_t offset, const uint8_t *data, uint32_t octets)
{
	uint32_t done = 0;

	while (done < octets) {
		uint32_t at = (uint32_t)((offset + done) % STACK_CHUNK_OCTETS);
		uint32_t piece = u32_min(octets - done, STACK_CHUNK_OCTETS - at);

		if ((at == 0 || c->chunk == STACK_NONE) && !append_chunk(s, c, offset + done))
			break;
		copy(chunk_data(s, s->chunk[c->chunk].tail) + at, data + done, piece);
		done += piece;
	}
	return done;
}

/* chunk_at finds the chunk with number no, from where the last walk ended if that is before. */
static uint32_t chunk_at(const struct leat_stack *s, const struct conn *c, uint32_t no)
{
	struct chunk *row = &s->chunk[c->chunk];

	if (LIKELY(no == row->no))
		return c->chunk;
	bool walked = row->walk != STACK_NONE && no - row->no >= row->walk_no - row->no;
	uint32_t chunk = walked ? row->walk : c->chunk;
	uint32_t at = walked ? row->walk_no : row->no;

	for (; at != no; at++)
		chunk = s->chunk[chunk].next;
	DCHECK(chunk != STACK_NONE);
	row->walk = chunk;
	row->walk_no = no;
	return chunk;
}

/* Its octet at offset of the stream. */
static inline const uint8_t *text_at(
	const struct leat_stack *s, const struct conn *c, uint64_t offset)
{
	uint32_t chunk = chunk_at(s, c, (uint32_t)(offset / STACK_CHUNK_OCTETS));

	return chunk_data(s, chunk) + offset % STACK_CHUNK_OCTETS;
}

void leat_stack_text(
	struct leat_stack *s, const struct tcb *tcb, uint64_t offset, uint8_t *dst, uint32_t octets)
{
	const struct conn *c = stack_conn(s, tcb);

	DCHECK(offset >= tcb->una_offset);
	DCHECK(octets > 0);
	DCHECK(offset + octets <= queued_of(tcb));
	if (c->flags & CONN_SOURCE) {
		const struct leat_source *source = &s->chunk[c->chunk].source;

		s->in_fill = true;
		source->fill(source->arg, offset, dst, octets);
		s->in_fill = false;
		return;
	}
	uint32_t piece = STACK_CHUNK_OCTETS - (uint32_t)(offset % STACK_CHUNK_OCTETS);

	for (; octets > piece; piece = STACK_CHUNK_OCTETS) {
		copy(dst, text_at(s, c, offset), piece);
		dst += piece;
		offset += piece;
		octets -= piece;
	}
	copy(dst, text_at(s, c, offset), octets);
}

static uint32_t room_of(const struct leat_stack *s, const struct tcb *tcb)
{
	uint32_t unacked = stack_unacked(tcb);
	bool source = (stack_conn(s, tcb)->flags & CONN_SOURCE) != 0;
	uint32_t most = source ? STACK_SEND_MAX : s->config.send_buf_octets;

	return unacked < most ? most - unacked : 0;
}

static bool may_send(const struct tcb *tcb)
{
	return tcp_in(tcb->state, TCP_MAY_SEND) && !(tcb->flags & TCP_F_FIN_QUEUED);
}

/* opened makes sure that tcb may send: a listener with a remote becomes an active open. */
static int opened(struct leat_stack *s, struct tcb *tcb)
{
	if (stack_conn(s, tcb)->flags & CONN_ABORT)
		return LEAT_ERR_STATE;
	if (tcb->state == TCP_ST_LISTEN)
		return leat_stack_listener_promote(s, tcb);
	return may_send(tcb) ? LEAT_OK : LEAT_ERR_STATE;
}

int64_t leat_send(struct leat_stack *s, struct leat_conn c, const void *data, size_t octets)
{
	struct tcb *tcb = leat_stack_by_handle(s, c);
	struct conn *conn;

	if (tcb == NULL)
		return LEAT_ERR_STALE;
	conn = stack_conn(s, tcb);
	if (conn->flags & CONN_SOURCE)
		return LEAT_ERR_STATE;
	if (octets == 0)
		return 0;
	if (s->chunk_free == STACK_NONE && tcb->state == TCP_ST_LISTEN)
		return LEAT_ERR_AGAIN; /* before it stops to listen for nothing */
	int error = opened(s, tcb);
	if (error != LEAT_OK)
		return error;
	uint32_t room = room_of(s, tcb);
	uint32_t most = octets < room ? (uint32_t)octets : room;
	uint32_t done = append(s, conn, queued_of(tcb), data, most);
	if (done == 0)
		return LEAT_ERR_AGAIN;
	enum tcp_error refused = leat_tcp_send(s->tcp, tcb, done, s->now);
	ASSERT(refused == TCP_ERR_NONE);
	return done;
}

static void source_keep(struct leat_stack *s, struct conn *c, const struct leat_source *source)
{
	if (c->flags & CONN_SOURCE)
		return;
	DCHECK(c->chunk == STACK_NONE);
	c->flags |= CONN_SOURCE;
	c->chunk = s->source_free;
	s->source_free = s->chunk[c->chunk].next;
	s->source_free_cnt--;
	s->chunk[c->chunk] = (struct chunk){.next = STACK_NONE, .source = *source};
}

int leat_send_source(
	struct leat_stack *s, struct leat_conn c, const struct leat_source *source, uint64_t octets)
{
	struct tcb *tcb = leat_stack_by_handle(s, c);
	struct conn *conn;

	if (tcb == NULL)
		return LEAT_ERR_STALE;
	conn = stack_conn(s, tcb);
	if (octets == 0 || octets > STACK_SEND_MAX || source->fill == NULL)
		return LEAT_ERR_ARG;
	if (conn->flags & CONN_SOURCE) {
		const struct leat_source *its = &s->chunk[conn->chunk].source;

		if (its->fill != source->fill || its->arg != source->arg)
			return LEAT_ERR_STATE;
		if (octets > room_of(s, tcb))
			return LEAT_ERR_AGAIN;
	} else if (queued_of(tcb) > 0) {
		return LEAT_ERR_STATE; /* the stream began with leat_send */
	}
	if (!(conn->flags & CONN_SOURCE) && s->source_free == STACK_NONE) {
		s->cnt.send_no_chunk++;
		return LEAT_ERR_AGAIN;
	}
	int error = opened(s, tcb);
	if (error != LEAT_OK)
		return error;
	source_keep(s, conn, source);
	enum tcp_error refused = leat_tcp_send(s->tcp, tcb, (uint32_t)octets, s->now);
	ASSERT(refused == TCP_ERR_NONE);
	return LEAT_OK;
}

size_t leat_send_room(struct leat_stack *s, struct leat_conn c)
{
	const struct tcb *tcb = leat_stack_by_handle(s, c);

	if (tcb == NULL || !may_send(tcb) || stack_conn(s, tcb)->flags & CONN_ABORT)
		return 0;
	if (stack_conn(s, tcb)->flags & CONN_SOURCE)
		return room_of(s, tcb);
	/* What is left of the last chunk, and the free ones. */
	uint64_t queued = queued_of(tcb);
	uint64_t free = (uint64_t)s->chunk_free_cnt * STACK_CHUNK_OCTETS;
	uint32_t at = (uint32_t)(queued % STACK_CHUNK_OCTETS);
	if (at != 0 && stack_conn(s, tcb)->chunk != STACK_NONE)
		free += STACK_CHUNK_OCTETS - at;
	else if (free > 0)
		free -= at;
	return u64_min(room_of(s, tcb), free);
}
