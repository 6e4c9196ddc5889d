/* SPDX-License-Identifier: BSD-3-Clause */

/* The records of what was sent, against a model that has a letter for each octet. */

#include "tcp_sendq.h"

#include "base_prng.h"
#include "base_time.h"
#include "tcp_user.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SPACE   4096 /* octets of the model */
#define MSS     100
#define STEPS   400
#define SREC    24
#define FLIGHT  'f'
#define LOST    'l'
#define SACKED  's'
#define NOTHING ' '

static const struct seg no_options = {.opts = 0};

struct fixture {
	struct prng prng;
	struct tcp_engine *e;
	void *mem;
	struct tcp_call c;
	struct tcp_ext *ext;
	uint32_t iss;
	uint32_t una, nxt;     /* octets since the begin */
	char octet[SPACE + 1]; /* what became of each */
	bool first[SPACE + 1]; /* a record begins here */
};

static struct seq at(const struct fixture *f, uint32_t octet)
{
	return seq_of(f->iss + octet);
}

static void set_up(struct fixture *f, uint64_t seed)
{
	struct tcp_limits limits = {.tcb_max = 2, .rbuf_max = 2, .ext_max = 1, .srec_max = SREC};
	struct tuple tuple = {ip_from4(1), ip_from4(2), 1, 2, 0};
	struct hash_key secret = {seed, seed};
	struct tcp_knobs knobs;

	memset(f, 0, sizeof(*f));
	leat_prng_seed(&f->prng, seed);
	leat_tcp_knobs_default(&knobs);
	f->mem = aligned_alloc(64, leat_tcp_footprint(&limits));
	assert_non_null(f->mem);
	f->e = leat_tcp_new(f->mem, &limits, &knobs, secret, 0);
	f->c = (struct tcp_call){.e = f->e, .now = TIME_S};
	f->c.tcb = leat_tcp_open_active(f->e, &tuple, 0);
	f->c.tcb->agreed = TCP_OPT_SACK_OK | TCP_AGREED_SYN;
	f->c.tcb->snd_mss = MSS;
	f->c.tcb->srtt_us = 1000;
	f->c.tcb->rttvar_us = 0;
	f->iss = seed % 2 ? UINT32_MAX - (uint32_t)seed % SPACE : (uint32_t)seed;
	f->c.tcb->snd.una = f->c.tcb->snd.nxt = f->c.tcb->recover = at(f, 0);
	leat_tcp_ext_begin(f->e, f->c.tcb, f->c.now);
	f->ext = leat_tcp_ext_own(f->e, f->c.tcb, f->c.tcb->snd.una, f->c.now);
	assert_non_null(f->ext);
	memset(f->octet, NOTHING, sizeof(f->octet));
}

static void tear_down(struct fixture *f)
{
	leat_tcp_ext_end(f->e, f->c.tcb);
	assert_int_equal(f->e->cnt.srec_held, 0);
	assert_int_equal(f->e->cnt.ext_held, 0);
	free(f->mem);
}

/* Where the model's record that begins at octet ends. */
static uint32_t end_of(const struct fixture *f, uint32_t octet)
{
	uint32_t end = octet + 1;

	while (end < f->nxt && !f->first[end])
		end++;
	return end;
}

/* Every octet of the model is what the queue says, and the queue is what its header says. */
static void compare(const struct fixture *f)
{
	uint32_t octet = f->una;

	leat_tcp_sendq_check(f->e, f->c.tcb);
	for (uint32_t i = f->ext->head; i != TCP_NONE; i = f->e->srec[i].next) {
		const struct tcp_srec *rec = &f->e->srec[i];
		char is = rec->flags & TCP_SREC_SACKED ? SACKED
			  : rec->flags & TCP_SREC_LOST ? LOST
						       : FLIGHT;

		assert_true(seq_eq(rec->seq, at(f, octet)));
		for (uint32_t k = 0; k < tcp_srec_octets(rec); k++, octet++)
			assert_int_equal(f->octet[octet], is);
	}
	assert_int_equal(octet, f->nxt);
	uint32_t in_network = 0;

	for (octet = f->una; octet < f->nxt; octet++)
		in_network += f->octet[octet] == FLIGHT;
	assert_int_equal(tcp_pipe(f->c.tcb, f->ext), in_network);
}

static void send_some(struct fixture *f)
{
	uint32_t octets = 1 + leat_prng_below(&f->prng, MSS);

	if (f->nxt + octets > SPACE || !leat_tcp_sendq_room(f->e, f->ext))
		return;
	struct seq pos = f->c.tcb->snd.nxt;

	f->c.tcb->snd.nxt = seq_add(pos, octets);
	leat_tcp_sendq_sent(&f->c, pos, octets);
	memset(f->octet + f->nxt, FLIGHT, octets);
	f->first[f->nxt] = true;
	f->nxt += octets;
}

static void ack_some(struct fixture *f)
{
	uint32_t octets = leat_prng_below(&f->prng, (f->nxt - f->una) / 2 + 1);
	struct tcp_heard heard = {.seg = &no_options};
	uint32_t fresh = 0;

	if (octets == 0)
		return;
	for (uint32_t i = f->una; i < f->una + octets; i++)
		fresh += f->octet[i] != SACKED;
	f->una += octets;
	f->c.tcb->snd.una = at(f, f->una);
	if (f->una < f->nxt)
		f->first[f->una] = true;
	leat_tcp_sendq_acked(&f->c, &heard);
	assert_int_equal(heard.delivered, fresh);
}

/* Marks what whole records the block covers. */
static uint32_t model_sack(struct fixture *f, uint32_t left, uint32_t right)
{
	uint32_t fresh = 0, end;

	for (uint32_t i = f->una; i < f->nxt; i = end) {
		end = end_of(f, i);
		if (i < left || end > right || f->octet[i] == SACKED)
			continue;
		memset(f->octet + i, SACKED, end - i);
		fresh += end - i;
	}
	return fresh;
}

static void sack_some(struct fixture *f)
{
	struct tcp_heard heard = {.seg = &no_options};
	struct seg_sack block[TCP_SACK_MAX];
	uint32_t cnt = 0, fresh = 0, from = f->una + 1;

	while (cnt < TCP_SACK_MAX && from + 2 < f->nxt) {
		uint32_t left = from + leat_prng_below(&f->prng, 300);
		uint32_t right = left + 1 + leat_prng_below(&f->prng, 400);

		if (right > f->nxt)
			break;
		block[cnt++] = (struct seg_sack){at(f, left), at(f, right)};
		fresh += model_sack(f, left, right);
		from = right + 1;
	}
	leat_tcp_sendq_sack(&f->c, block, cnt, &heard);
	assert_int_equal(heard.delivered, fresh);
}

static void model_all(struct fixture *f, char from, char to)
{
	for (uint32_t i = f->una; i < f->nxt; i++) {
		if (f->octet[i] == from)
			f->octet[i] = to;
	}
}

static void lose_oldest(struct fixture *f)
{
	if (f->ext->oldest == TCP_NONE)
		return;
	struct tcp_srec *rec = &f->e->srec[f->ext->oldest];

	memset(f->octet + (rec->seq.v - f->iss), LOST, tcp_srec_octets(rec));
	leat_tcp_sendq_lose(f->e, f->ext, rec);
}

static void send_again(struct fixture *f)
{
	uint32_t octets = 1 + leat_prng_below(&f->prng, MSS);

	if (f->ext->lost == TCP_NONE)
		return;
	struct tcp_srec *rec = &f->e->srec[f->ext->lost];
	uint32_t begin = rec->seq.v - f->iss;

	for (uint32_t i = f->una; i < begin; i++) /* it is the first of them */
		assert_int_not_equal(f->octet[i], LOST);
	if (!leat_tcp_sendq_fit(f->e, f->ext, rec, octets)) {
		assert_int_equal(f->e->cnt.srec_held, SREC);
		return;
	}
	uint32_t end = rec->end.v - f->iss;

	assert_true(end - begin <= octets);
	for (uint32_t i = begin; i < end; i++)
		assert_int_equal(f->octet[i], LOST);
	/* It is shorter than it might be only where something else follows. */
	assert_true(end - begin == octets || end == f->nxt || f->octet[end] != LOST);
	leat_tcp_sendq_again(&f->c, rec);
	memset(f->octet + begin, FLIGHT, end - begin);
	for (uint32_t i = begin + 1; i < end; i++)
		f->first[i] = false;
	if (end < f->nxt)
		f->first[end] = true;
}

static void cut_again(struct fixture *f)
{
	f->c.tcb->snd_mss = (uint16_t)(20 + leat_prng_below(&f->prng, MSS));
	for (uint32_t i = f->una, end; i < f->nxt; i = end) {
		end = end_of(f, i);
		if (f->octet[i] == FLIGHT && end - i > f->c.tcb->snd_mss)
			memset(f->octet + i, LOST, end - i);
	}
	leat_tcp_sendq_recut(f->e, f->c.tcb);
}

static void some_step(struct fixture *f)
{
	f->c.now += leat_prng_below(&f->prng, 3) * TIME_MS;
	switch (leat_prng_below(&f->prng, 16)) {
	case 0:
		leat_tcp_sendq_lose_all(f->e, f->ext, false);
		model_all(f, FLIGHT, LOST);
		break;
	case 1:
		leat_tcp_sendq_lose_all(f->e, f->ext, true);
		model_all(f, FLIGHT, LOST);
		model_all(f, SACKED, LOST);
		break;
	case 2:
		leat_tcp_sendq_find_all(f->e, f->ext);
		model_all(f, LOST, FLIGHT);
		break;
	case 3:
		cut_again(f);
		break;
	case 4:
		ack_some(f);
		break;
	case 5:
	case 6:
		sack_some(f);
		break;
	case 7:
	case 8:
		lose_oldest(f);
		break;
	case 9:
	case 10:
	case 11:
		send_again(f);
		break;
	default:
		send_some(f);
		break;
	}
}

/* The queue merges neighbours that are SACKED; so does the model. */
static void model_merge(struct fixture *f)
{
	for (uint32_t i = f->una + 1; i < f->nxt; i++) {
		if (f->octet[i] == SACKED && f->octet[i - 1] == SACKED)
			f->first[i] = false;
	}
}

static void the_records_are_what_a_letter_for_each_octet_says(void **state)
{
	static struct fixture f;
	(void)state;

	for (uint64_t seed = 1; seed <= 300; seed++) {
		set_up(&f, seed);
		for (uint32_t i = 0; i < STEPS; i++) {
			some_step(&f);
			compare(&f);
			/* What was forgotten was one record while it was SACKED. */
			memset(f.first, 0, sizeof(f.first));
			for (uint32_t k = f.ext->head; k != TCP_NONE; k = f.e->srec[k].next)
				f.first[f.e->srec[k].seq.v - f.iss] = true;
			model_merge(&f);
		}
		tear_down(&f);
	}
}

/* CVE-2019-11477 and its kin: N127, N180. */
static void sack_never_makes_a_record_more(void **state)
{
	static struct fixture f;
	struct tcp_heard heard = {.seg = &no_options};
	(void)state;

	set_up(&f, 4711);
	while (leat_tcp_sendq_room(f.e, f.ext) && f.nxt + MSS < SPACE)
		send_some(&f);
	uint32_t before = f.ext->srec_cnt;

	for (uint32_t i = 1; i + 8 < f.nxt; i++) {
		struct seg_sack block[2] = {
			{at(&f, i), at(&f, i + 1)}, {at(&f, i + 3), at(&f, i + 8)}};

		leat_tcp_sendq_sack(&f.c, block, 2, &heard);
		assert_true(f.ext->srec_cnt <= before);
	}
	struct seg_sack all = {at(&f, 1), at(&f, f.nxt)};

	leat_tcp_sendq_sack(&f.c, &all, 1, &heard);
	assert_int_equal(f.ext->srec_cnt, 2); /* the hole, and one for all the rest */
	leat_tcp_sendq_check(f.e, f.c.tcb);
	tear_down(&f);
}

static void an_empty_queue_has_no_last_record(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, 4711);
	assert_null(leat_tcp_sendq_last(f.e, f.ext, MSS));
	send_some(&f);
	assert_non_null(leat_tcp_sendq_last(f.e, f.ext, MSS));
	tear_down(&f);
}

/* What is on the way alone is counted as held at once, and is written when somebody asks: as it was
 * when it left. */
static void a_lone_segment_has_its_record_when_somebody_asks(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, 4711);
	struct tcb *tcb = f.c.tcb;

	for (int asked = 0; asked < 2; asked++) {
		struct seq una = tcb->snd.una;
		uint64_t left = f.c.now += TIME_S;

		leat_tcp_ext_end(f.e, tcb);
		leat_tcp_ext_begin(f.e, tcb, left);
		assert_true(tcp_is_lone(f.e, tcb));
		tcb->snd.nxt = seq_add(una, MSS);
		leat_tcp_sendq_sent(&f.c, una, MSS);
		assert_int_equal(f.e->cnt.ext_held, 1);
		assert_int_equal(f.e->cnt.srec_held, 1);
		leat_tcp_sendq_check(f.e, tcb);
		f.c.now += TIME_S;
		if (asked) {
			const struct tcp_ext *ext = leat_tcp_ext_own(f.e, tcb, una, f.c.now);
			const struct tcp_srec *rec = &f.e->srec[ext->head];

			assert_false(tcp_is_lone(f.e, tcb));
			assert_true(rec->sent_at == left && ext->rto_from == left);
			assert_true(seq_eq(rec->seq, una) && seq_eq(rec->end, tcb->snd.nxt));
			assert_true(seq_eq(ext->fack, una) && seq_eq(ext->rtt_seq, una));
			assert_int_equal(rec->sent_cnt, 1);
			assert_int_equal(f.e->cnt.ext_held, 1);
			assert_int_equal(f.e->cnt.srec_held, 1);
			leat_tcp_sendq_check(f.e, tcb);
			assert_ptr_equal(leat_tcp_ext_own(f.e, tcb, una, f.c.now), ext);
		}
		tcb->snd.una = tcb->snd.nxt;
	}
	tear_down(&f);
}

/* The one ext that there is goes to the lone one, though nothing is in it. */
static void a_lone_segment_keeps_others_from_what_it_may_need(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, 4711);
	leat_tcp_ext_end(f.e, f.c.tcb);
	leat_tcp_ext_begin(f.e, f.c.tcb, f.c.now);
	leat_tcp_sendq_sent(&f.c, f.c.tcb->snd.una, MSS);
	struct tuple tuple = {ip_from4(1), ip_from4(2), 1, 3, 0};
	struct tcb *other = leat_tcp_open_active(f.e, &tuple, 0);

	other->agreed = TCP_OPT_SACK_OK | TCP_AGREED_SYN;
	leat_tcp_ext_begin(f.e, other, f.c.now);
	assert_null(tcp_ext_of(f.e, other));
	assert_int_equal(f.e->cnt.ext_none, 1);
	tear_down(&f);
}

/* As where the link is back before the timeout. */
static void a_lone_segment_that_is_to_go_again_is_lost(void **state)
{
	static struct fixture f;
	static struct tcp_io io;

	(void)state;
	set_up(&f, 4711);
	struct tcb *tcb = f.c.tcb;
	struct seq una = tcb->snd.una;

	leat_tcp_ext_end(f.e, tcb);
	leat_tcp_ext_begin(f.e, tcb, f.c.now);
	tcb->snd.nxt = seq_add(una, MSS);
	leat_tcp_sendq_sent(&f.c, una, MSS);
	tcb->rtx_at = f.c.now + TIME_S;
	tcb->rtx_kind = TCP_RTX_TLP;
	leat_tcp_send_again(f.e, tcb, f.c.now + 1, &io);
	assert_false(tcp_is_lone(f.e, tcb));
	assert_int_equal(tcp_sendq_of(f.e, tcb)->lost_octets, MSS);
	leat_tcp_sendq_check(f.e, tcb);
	tear_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_records_are_what_a_letter_for_each_octet_says),
		cmocka_unit_test(sack_never_makes_a_record_more),
		cmocka_unit_test(an_empty_queue_has_no_last_record),
		cmocka_unit_test(a_lone_segment_has_its_record_when_somebody_asks),
		cmocka_unit_test(a_lone_segment_keeps_others_from_what_it_may_need),
		cmocka_unit_test(a_lone_segment_that_is_to_go_again_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
