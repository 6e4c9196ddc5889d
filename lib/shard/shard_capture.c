/* SPDX-License-Identifier: BSD-3-Clause */
#include "shard_capture.h"

#include "base_assert.h"
#include "flow_steer.h"

#include <string.h>
#include <sys/types.h>

#include <pcap/bpf.h>

#define TCP_FLAGS_AT 13

/* A frame on its way into the captures. */
struct look {
	const uint8_t *data;
	uint32_t part; /* octets at data */
	struct shard_captured head;
};

void leat_shard_capture_init(struct shard_capture *c, void *slot)
{
	ASSERT(c->slot_cnt != 0 && (c->slot_cnt & (c->slot_cnt - 1)) == 0);
	ASSERT(c->snap <= SHARD_CAPTURE_SNAP_MAX && c->insn_cnt <= SHARD_CAPTURE_INSN_MAX);
	c->slot = slot;
	c->slot_octets = shard_capture_slot_octets(c->snap);
	c->seen = c->accepted = c->lost = 0;
	c->refused = false;
	atomic_init(&c->answered, false);
	atomic_init(&c->tail, 0);
	atomic_init(&c->head, 0);
}

bool leat_shard_capture_is_drop(const struct shard_captured *f)
{
	if (f->kind != SHARD_CAPTURE_RECEIVED)
		return f->kind == SHARD_CAPTURE_LANE_FULL;
	/* The first rows of tcp_verdict.def are segments that counted. */
	return f->wire >= WIRE_V_DROP_FIRST || (f->wire == WIRE_V_TCP && f->tcp > TCP_V_SYN_AGAIN);
}

void leat_shard_capture_letter(struct shard_capture_set *set, struct shard_capture *c)
{
	uint32_t i = 0;

	if (atomic_load_explicit(&c->end, memory_order_acquire)) {
		while (i < set->cnt && set->at[i] != c)
			i++;
		if (i < set->cnt)
			set->at[i] = set->at[--set->cnt];
	} else {
		c->refused = set->cnt == SHARD_CAPTURE_MAX;
		if (!c->refused)
			set->at[set->cnt++] = c;
	}
	/* Release: whoever sees the mark sees what was counted. */
	atomic_store_explicit(&c->answered, true, memory_order_release);
}

static bool is_event(const struct shard_capture_event *e, const struct shard_captured *f)
{
	bool received = f->kind == SHARD_CAPTURE_RECEIVED;

	return (e->reset && f->reset) || (e->again && f->kind == SHARD_CAPTURE_SENT_AGAIN) ||
	       (e->drop && leat_shard_capture_is_drop(f)) || (received && e->wire >> f->wire & 1) ||
	       (received && f->wire == WIRE_V_TCP && f->tcp < TCP_V_CNT && e->tcp >> f->tcp & 1) ||
	       (f->before != f->after && e->states >> f->after & 1);
}

static struct shard_captured *slot_of(const struct shard_capture *c, uint64_t no)
{
	size_t at = (size_t)(no & (c->slot_cnt - 1)) * c->slot_octets;

	return (struct shard_captured *)(void *)(c->slot + at);
}

static void keep(struct shard_capture *c, const struct look *l)
{
	uint64_t tail = atomic_load_explicit(&c->tail, memory_order_relaxed);
	struct shard_captured *slot = slot_of(c, tail);

	/* Acquire: what was read is ours to write on. */
	if (!c->newest &&
		tail - atomic_load_explicit(&c->head, memory_order_acquire) >= c->slot_cnt) {
		c->lost++;
		return;
	}
	*slot = l->head;
	slot->kept = u32_min(l->part, c->snap);
	memcpy(slot + 1, l->data, slot->kept);
	atomic_store_explicit(&c->tail, tail + 1, memory_order_release);
	if (c->newest && is_event(&c->event, &l->head))
		atomic_store_explicit(c->fired, true, memory_order_relaxed);
}

static void show(const struct shard_capture_set *set, const struct look *l)
{
	for (uint32_t i = 0; i < set->cnt; i++) {
		struct shard_capture *c = set->at[i];

		if (c->newest && atomic_load_explicit(c->fired, memory_order_relaxed))
			continue;
		c->seen++;
		if (c->drops && !leat_shard_capture_is_drop(&l->head))
			continue;
		if (c->insn_cnt != 0 && bpf_filter(c->insn, l->data, l->head.octets, l->part) == 0)
			continue;
		c->accepted++;
		keep(c, l);
	}
}

/* before_after sets the numbers of after, and both states. */
static void before_after(
	struct shard_captured *f, const struct stack_glance *before, const struct stack_glance *g)
{
	f->before = before->state;
	f->after = g->state;
	/* What is not there any more has ended; a listener is still there. */
	if (g->state == TCP_ST_CLOSED && before->state == TCP_ST_LISTEN)
		f->after = TCP_ST_LISTEN;
	f->numbers = g->numbers;
	f->snd_nxt = g->snd_nxt;
	f->rcv_nxt = g->rcv_nxt;
}

/* take_one gives the stack frame i of burst alone. */
static void take_one(struct leat_stack *s, const struct stack_burst *burst, uint32_t i,
	struct stack_burst *one, uint64_t now)
{
	one->cnt = 1;
	one->births = burst->births;
	one->pkt[0] = burst->pkt[i];
	one->verdict[0] = burst->verdict[i];
	one->hash[0] = burst->hash[i];
	one->idx[0] = burst->idx[i];
	leat_stack_input(s, one, now);
}

void leat_shard_capture_input(
	const struct shard_capture_set *set, const struct stack_burst *burst, uint64_t now)
{
	struct stack_burst one;

	for (uint32_t i = 0; i < burst->cnt; i++) {
		const struct pkt *p = &burst->pkt[i];
		struct stack_glance before = {0}, after;
		struct look l = {.data = p->frame,
			.part = p->octets,
			.head = {.at = now,
				.octets = p->octets,
				.kind = SHARD_CAPTURE_RECEIVED,
				.wire = (uint8_t)burst->verdict[i]}};
		bool segment = burst->verdict[i] == WIRE_V_TCP;

		if (segment)
			before = leat_stack_glance(set->stack, &p->tuple, true);
		take_one(set->stack, burst, i, &one, now);
		if (segment) { /* its octets stay in place until the stack's buffers are freed */
			after = leat_stack_glance(set->stack, &p->tuple, false);
			before_after(&l.head, &before, &after);
			l.head.tcp = (uint8_t)one.tcp_verdict[0];
			l.head.reset = p->seg.flags & TCP_RST;
		}
		show(set, &l);
	}
}

void leat_shard_capture_sent(const struct shard_capture_set *set, const struct stack_frame *frame,
	uint32_t cnt, uint64_t now)
{
	for (uint32_t i = 0; i < cnt; i++) {
		const struct stack_frame *f = &frame[i];
		struct tuple there;
		struct look l = {.data = f->data,
			.part = f->octets,
			.head = {.at = now,
				.octets = f->octets,
				.kind = f->again ? SHARD_CAPTURE_SENT_AGAIN : SHARD_CAPTURE_SENT}};

		if (f->is_tcp &&
			leat_flow_steer_peek(f->data, f->octets, &there) != FLOW_PEEK_NONE) {
			uint8_t flags = f->data[f->l2_octets + f->l3_octets + TCP_FLAGS_AT];
			const struct tuple here = tuple_turned(&there);
			struct stack_glance g =
				leat_stack_glance(set->stack, &here, flags & TCP_SYN);

			before_after(&l.head, &g, &g);
			l.head.reset = flags & TCP_RST;
		}
		show(set, &l);
	}
}

void leat_shard_capture_lost(const struct shard_capture_set *set, const uint8_t *data,
	uint32_t part, const struct shard_captured *what)
{
	struct look l = {.data = data, .part = part, .head = *what};

	l.head.at = *set->now;
	show(set, &l);
}

const struct shard_captured *leat_shard_capture_peek(struct shard_capture *c)
{
	uint64_t head = atomic_load_explicit(&c->head, memory_order_relaxed);
	/* Acquire: what lies below tail is written. */
	uint64_t tail = atomic_load_explicit(&c->tail, memory_order_acquire);

	if (c->newest && tail - head > c->slot_cnt)
		head = tail - c->slot_cnt;
	atomic_store_explicit(&c->head, head, memory_order_relaxed);
	return head == tail ? NULL : slot_of(c, head);
}

void leat_shard_capture_next(struct shard_capture *c)
{
	uint64_t head = atomic_load_explicit(&c->head, memory_order_relaxed);

	/* Release: we are done with the slot. */
	atomic_store_explicit(&c->head, head + 1, memory_order_release);
}
