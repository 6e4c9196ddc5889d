/* SPDX-License-Identifier: BSD-3-Clause */
#include "knobs.h"

#include "base_assert.h"
#include "base_bits.h"

#define SEG_OCTETS 512 /* what a received segment has at least, on the average */

STATIC_ASSERT((int)OPT_TCP_NEWRENO == TCP_CC_RENO, "word and knob");
STATIC_ASSERT((int)OPT_TCP_CUBIC == TCP_CC_CUBIC, "word and knob");
STATIC_ASSERT((int)OPT_TCP_ECN_PASSIVE == TCP_ECN_PASSIVE, "word and knob");
STATIC_ASSERT((int)OPT_TCP_ECN_ACTIVE == TCP_ECN_ACTIVE, "word and knob");
STATIC_ASSERT((int)OPT_TCP_REUSE_SEQUENCE == TCP_REUSE_SEQ, "word and knob");
STATIC_ASSERT((int)OPT_TCP_REUSE_TIMESTAMPS == TCP_REUSE_TS, "word and knob");
STATIC_ASSERT((int)OPT_TCP_COOKIES_AUTO == TCP_COOKIES_AUTO, "word and knob");
STATIC_ASSERT((int)OPT_TCP_COOKIES_ALWAYS == TCP_COOKIES_ALWAYS, "word and knob");

void leat_knobs_set(struct stack_config *config, const struct tcp_options *o)
{
	struct tcp_knobs *k = &config->knobs;
	uint32_t send = (uint32_t)o->send_buffer_octets;
	uint32_t segs = u32_min((uint32_t)o->receive_buffer_octets / SEG_OCTETS, UINT16_MAX);

	k->cc = (uint8_t)o->congestion;
	k->ecn = (uint8_t)o->ecn;
	k->time_wait_reuse = (uint8_t)o->reuse;
	k->rst_ends_time_wait = o->rst == OPT_TCP_RST_OBEY;
	k->time_wait_evict = o->full == OPT_TCP_FULL_EVICT;
	if (o->time_wait_max != 0)
		config->tcp.time_wait_max = (uint32_t)o->time_wait_max;
	k->connect_reuse_ns = o->connect_reuse_ns;
	k->syn_cookies = (uint8_t)o->cookies;
	k->sack = o->sack != OPT_TCP_OFF;
	k->timestamps = o->timestamps != OPT_TCP_OFF;
	k->wscale = o->window_scale != OPT_TCP_OFF;
	k->nagle = o->nagle != OPT_TCP_OFF;
	k->delack_ns = o->ack_delay_ns;
	k->ack_every = (uint8_t)o->ack_every;
	k->iw_segs = (uint16_t)o->initial_window_segs;
	k->rcv_buf_octets = (uint32_t)o->receive_buffer_octets;
	k->rcv_seg_max = (uint16_t)u32_max(segs, k->rcv_seg_max);
	config->send_buf_octets = send;
	config->tcp.rbuf_max = u32_max(config->tcp.rbuf_max, k->rcv_seg_max);
	config->send_chunk_cnt = u32_max(config->send_chunk_cnt, send / STACK_CHUNK_OCTETS + 2);
}

struct shard_wire_config leat_knobs_wire(const struct wire_options *o, uint64_t seed)
{
	return (struct shard_wire_config){.seed = seed,
		.loss_millionths = o->loss_millionths,
		.reorder_millionths = o->reorder_millionths,
		.duplicate_millionths = o->duplicate_millionths,
		.corrupt_millionths = o->corrupt_millionths,
		.delay_ns = o->delay_ns,
		.jitter_ns = o->jitter_ns};
}
