/* SPDX-License-Identifier: BSD-3-Clause */

/* Congestion control against the formulas of the RFCs, computed here in floating point: how cwnd
 * moves with what is acknowledged, lost, and measured, under a clock that the test moves. */

#include "base_prng.h"
#include "base_time.h"
#include "tcp_sendq.h"
#include "tcp_user.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MSS      1460
#define SREC     8192
#define SEGS     1024 /* that a model of the network has room for */
#define BETA     0.7
#define C_CUBIC  0.4
#define ALPHA    (3 * (1 - BETA) / (1 + BETA))
#define NOT_LOST TCP_CWND_MAX

struct fixture {
	struct tcp_engine *e;
	void *mem;
	struct tcp_call c;
	struct tcb *tcb;
	struct tcp_ext *ext;
	struct seq first; /* of its text */
};

static void set_up(struct fixture *f, enum tcp_cc_name cc, uint16_t mss)
{
	struct tcp_limits limits = {.tcb_max = 2, .rbuf_max = 2, .ext_max = 1, .srec_max = SREC};
	struct tuple tuple = {ip_from4(1), ip_from4(2), 1, 2, 0};
	struct hash_key secret = {1, 2};
	struct tcp_knobs knobs;

	memset(f, 0, sizeof(*f));
	leat_tcp_knobs_default(&knobs);
	knobs.cc = (uint8_t)cc;
	f->mem = aligned_alloc(64, leat_tcp_footprint(&limits));
	assert_non_null(f->mem);
	f->e = leat_tcp_new(f->mem, &limits, &knobs, secret, 0);
	f->tcb = leat_tcp_open_active(f->e, &tuple, 0);
	f->c = (struct tcp_call){.e = f->e, .tcb = f->tcb, .now = TIME_S};
	f->tcb->agreed = TCP_OPT_SACK_OK | TCP_AGREED_SYN;
	f->tcb->snd_mss = mss;
	f->first = f->tcb->snd.una = f->tcb->snd.nxt = seq_add(f->tcb->snd.una, 1);
	f->tcb->snd.end = seq_add(f->tcb->snd.una, UINT32_C(1) << 30);
	f->tcb->snd.wnd = UINT32_C(1) << 30;
	leat_tcp_cc_init(f->e, f->tcb);
	leat_tcp_ext_begin(f->e, f->tcb, f->c.now);
	f->ext = leat_tcp_ext_own(f->e, f->tcb, f->tcb->snd.una, f->c.now);
	assert_non_null(f->ext);
	f->ext->flags |= TCP_EXT_LIMITED;
}

static void tear_down(struct fixture *f)
{
	leat_tcp_ext_end(f->e, f->tcb);
	free(f->mem);
}

static double segs(const struct fixture *f, uint32_t octets)
{
	return (double)octets / f->tcb->snd_mss;
}

static double cwnd(const struct fixture *f)
{
	return segs(f, f->tcb->cwnd);
}

static void near(double is, double wanted, double off, const char *what)
{
	if (is < wanted - off || is > wanted + off)
		fail_msg("%s is %.3f, not %.3f +- %.3f", what, is, wanted, off);
}

/* All that cwnd lets go leaves: what is LOST first.  Returns the segments. */
static uint32_t send_all(struct fixture *f)
{
	uint32_t mss = f->tcb->snd_mss, cnt = 0;

	while (tcp_pipe(f->tcb, f->ext) + mss <= f->tcb->cwnd) {
		struct seq pos = f->tcb->snd.nxt;

		cnt++;
		if (f->ext->lost != TCP_NONE) {
			leat_tcp_sendq_again(&f->c, &f->e->srec[f->ext->lost]);
			continue;
		}
		f->tcb->snd.nxt = seq_add(pos, mss);
		leat_tcp_sendq_sent(&f->c, pos, mss);
	}
	f->ext->flags |= TCP_EXT_LIMITED;
	return cnt;
}

static void ack(struct fixture *f, uint32_t octets)
{
	f->tcb->snd.una = seq_add(f->tcb->snd.una, octets);
	struct seg seg = {.ack = f->tcb->snd.una};

	leat_tcp_loss_ack(&f->c, &seg, octets);
}

/* An ACK in congestion avoidance for each segment, evenly over a round trip, until the instant. */
static void avoid_until(struct fixture *f, double from_s, double t_s, double rtt_s)
{
	double now_s = (double)f->c.now / TIME_S;

	f->tcb->srtt_us = (uint32_t)(rtt_s * 1e6);
	f->tcb->rttvar_us = 0;
	while (now_s < from_s + t_s) {
		now_s += rtt_s / cwnd(f);
		f->c.now = (uint64_t)(now_s * TIME_S);
		f->ext->flags |= TCP_EXT_LIMITED;
		leat_tcp_cc_grow(&f->c, f->ext, f->tcb->snd_mss);
	}
}

static double cube_root(double v)
{
	double x = v > 1 ? v : 1;

	for (int i = 0; i < 200; i++)
		x -= (x * x * x - v) / (3 * x * x);
	return x;
}

/* A loss with all of cwnd on the way, and its recovery. */
static void lose(struct fixture *f)
{
	double before = cwnd(f);

	f->tcb->ssthresh = leat_tcp_cc_reduced(&f->c, f->ext, f->tcb->cwnd);
	near(segs(f, f->tcb->ssthresh), BETA * before, 0.01, "ssthresh");
	f->tcb->cwnd = f->tcb->ssthresh;
}

/* cwnd follows RFC 9438 (1) from now on: from cwnd through the plateau w_max and beyond. */
static void follows_curve(struct fixture *f, double w_max, double rtt_s)
{
	double from_s = (double)f->c.now / TIME_S;
	double k = cube_root((w_max - cwnd(f)) / C_CUBIC);

	for (double part = 0.25; part <= 1.5; part += 0.25) {
		double t = k * part, dist = t - k;

		avoid_until(f, from_s, t, rtt_s);
		double w = C_CUBIC * dist * dist * dist + w_max;

		near(cwnd(f), w, 1 + w * 0.005, "W(t)");
	}
}

/* RFC 9438 4.2: K = cbrt((W_max - cwnd) / C), at any window and segment. */
static void cubic_rises_to_where_it_lost_by_the_curve(void **state)
{
	static const uint32_t window[] = {200, 1000, 4000};
	static const uint16_t mss[] = {536, 1460, 8960};
	struct fixture f;

	(void)state;
	for (int i = 0; i < 3; i++) {
		for (int k = 0; k < 3; k++) {
			set_up(&f, TCP_CC_CUBIC, mss[k]);
			f.tcb->cwnd = window[i] * mss[k];
			lose(&f);
			follows_curve(&f, window[i], 0.2);
			tear_down(&f);
		}
	}
}

/* RFC 9438 4.7: who loses before it is back leaves room, W_max = cwnd (1 + beta) / 2; who got
 * further does not. */
static void cubic_converges_fast(void **state)
{
	static const double second[] = {600, 900, 1000, 1300};
	struct fixture f;

	(void)state;
	for (int i = 0; i < 4; i++) {
		double w_max = second[i] < 1000 ? second[i] * (1 + BETA) / 2 : second[i];

		set_up(&f, TCP_CC_CUBIC, MSS);
		f.tcb->cwnd = 1000 * MSS;
		lose(&f);
		f.tcb->cwnd = (uint32_t)second[i] * MSS;
		lose(&f);
		follows_curve(&f, w_max, 0.2);
		tear_down(&f);
	}
}

/* RFC 9438 4.3: where Reno would be faster it is Reno, with alpha = 3 (1 - beta) / (1 + beta) up
 * to where it lost, and 1 beyond. */
static void cubic_is_no_slower_than_reno(void **state)
{
	const double rtt_s = 0.01, w_max = 40;
	struct fixture f;

	(void)state;
	set_up(&f, TCP_CC_CUBIC, MSS);
	f.tcb->cwnd = 40 * MSS;
	lose(&f);
	double from_s = (double)f.c.now / TIME_S, base = cwnd(&f);
	double back = (w_max - base) / ALPHA; /* round trips */

	for (double round = 5; round < 60; round += 5) {
		double beyond = round > back ? round - back : 0;

		avoid_until(&f, from_s, round * rtt_s, rtt_s);
		near(cwnd(&f), base + ALPHA * (round - beyond) + beyond, 0.05 * round, "W_est");
	}
	tear_down(&f);
}

/* RFC 9438 4.8: after a timeout the curve begins at its plateau, K = 0 and W_max = cwnd. */
static void cubic_forgets_its_plateau_at_a_timeout(void **state)
{
	struct fixture f;

	(void)state;
	for (int once = 0; once < 2; once++) {
		set_up(&f, TCP_CC_CUBIC, MSS);
		f.tcb->cwnd = 300 * MSS;
		if (once)
			lose(&f);
		f.tcb->cwnd = 200 * MSS;
		send_all(&f);
		leat_tcp_loss_rto_due(&f.c);
		near(cwnd(&f), 1, 0, "cwnd after a timeout");
		near(segs(&f, f.tcb->ssthresh), 200 * BETA, 0.01, "ssthresh");
		f.tcb->cwnd = f.tcb->ssthresh;
		double from_s = (double)f.c.now / TIME_S, base = cwnd(&f);

		for (double t = 2; t <= 10; t += 2) {
			avoid_until(&f, from_s, t, 0.5);
			double w = base + C_CUBIC * t * t * t, reno = base + ALPHA * t / 0.5;

			/* The steps of a round trip of 0.5 s lag behind a curve so bent. */
			near(cwnd(&f), w > reno ? w : reno, 2 + w * 0.02, "W(t)");
		}
		tear_down(&f);
	}
}

/* RFC 5681 3.1 (MUST-19): Reno leaves half of what was on the way, and then takes a segment more
 * each round trip, however the octets of a window are acknowledged. */
static void reno_avoids_congestion_a_segment_a_round_trip(void **state)
{
	static const uint32_t piece[] = {146, MSS, 2 * MSS, 5 * MSS, 20 * MSS};
	struct fixture f;

	(void)state;
	for (int i = 0; i < 5; i++) {
		set_up(&f, TCP_CC_RENO, MSS);
		f.tcb->cwnd = 40 * MSS;
		f.tcb->ssthresh = leat_tcp_cc_reduced(&f.c, f.ext, f.tcb->cwnd);
		near(segs(&f, f.tcb->ssthresh), 20, 0, "ssthresh");
		f.tcb->cwnd = f.tcb->ssthresh;
		for (uint32_t round = 1; round <= 10; round++) {
			uint32_t left = f.tcb->cwnd;

			for (; left > 0; left -= u32_min(left, piece[i]))
				leat_tcp_cc_grow(&f.c, f.ext, u32_min(left, piece[i]));
			near(cwnd(&f), 20 + 0.93 * round, 0.07 * round, "cwnd"); /* never more */
		}
		tear_down(&f);
	}
}

/* RFC 5681 3.1: two segments remain. */
static void no_loss_leaves_less_than_two_segments(void **state)
{
	struct fixture f;

	(void)state;
	for (int cc = 0; cc < TCP_CC_CNT; cc++) {
		set_up(&f, (enum tcp_cc_name)cc, MSS);
		assert_int_equal(leat_tcp_cc_reduced(&f.c, f.ext, MSS), 2 * MSS);
		assert_int_equal(leat_tcp_cc_reduced(&f.c, f.ext, 0), 2 * MSS);
		tear_down(&f);
	}
}

/* RFC 3465 2.3: slow start grows by what is acknowledged, at most L = 2 segments an ACK. */
static void slow_start_counts_octets_up_to_two_segments(void **state)
{
	static const uint32_t octets[] = {1, 100, MSS, MSS + 1, 2 * MSS, 2 * MSS + 1, 9 * MSS};
	struct fixture f;

	(void)state;
	set_up(&f, TCP_CC_CUBIC, MSS);
	for (int i = 0; i < 7; i++) {
		uint32_t before = f.tcb->cwnd;

		send_all(&f);
		ack(&f, octets[i]);
		assert_int_equal(f.tcb->cwnd - before, u32_min(octets[i], 2 * MSS));
	}
	tear_down(&f);
}

/* RFC 3465 2.3: but L = 1 "during a slow start phase that follows a retransmission timeout", in
 * which an ACK may be for much that had left the network before. */
static void slow_start_after_a_timeout_counts_one_segment(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, TCP_CC_CUBIC, MSS);
	f.tcb->cwnd = 100 * MSS;
	send_all(&f);
	f.c.now += TIME_S;
	leat_tcp_loss_rto_due(&f.c);
	assert_int_equal(send_all(&f), 1);
	ack(&f, 5 * MSS);
	assert_int_equal(f.tcb->cwnd, 2 * MSS);
	leat_tcp_cc_grow(&f.c, f.ext, 100);
	assert_int_equal(f.tcb->cwnd, 2 * MSS + 100);
	leat_tcp_cc_grow(&f.c, f.ext, 7 * MSS);
	assert_int_equal(f.tcb->cwnd, 3 * MSS + 100);
	tear_down(&f);
}

/* Likewise without records: the example of RFC 3465 2.3, whose ACK is for all that was sent. */
static void slow_start_after_a_timeout_counts_one_segment_without_records(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, TCP_CC_RENO, MSS);
	leat_tcp_ext_end(f.e, f.tcb);
	f.tcb->snd.nxt = seq_add(f.tcb->snd.una, 10 * MSS);
	leat_tcp_cc_timeout(&f.c);
	f.tcb->snd.una = f.tcb->snd.nxt;
	leat_tcp_cc_acked(&f.c, 10 * MSS);
	assert_int_equal(f.tcb->cwnd, 2 * MSS);
	f.tcb->snd.una = f.tcb->snd.nxt = seq_add(f.tcb->snd.nxt, 2 * MSS);
	leat_tcp_cc_acked(&f.c, 2 * MSS); /* of what was sent since: as ever */
	assert_int_equal(f.tcb->cwnd, 4 * MSS);
	free(f.mem);
}

/* RFC 6928 (1): min(10 MSS, max(2 MSS, 14600)); one segment when a SYN was lost. */
static void ten_segments_begin(void **state)
{
	static const uint16_t mss[] = {88, 536, 1220, 1460, 1461, 7300, 7301, 8960};
	struct fixture f;

	(void)state;
	for (int i = 0; i < 8; i++) {
		double wanted = 2.0 * mss[i] > 14600 ? 2.0 * mss[i] : 14600;

		wanted = 10.0 * mss[i] < wanted ? 10.0 * mss[i] : wanted;
		set_up(&f, TCP_CC_CUBIC, mss[i]);
		near(f.tcb->cwnd, wanted, 0, "IW");
		f.tcb->flags |= TCP_F_SYN_RTX;
		leat_tcp_cc_init(f.e, f.tcb);
		assert_int_equal(f.tcb->cwnd, mss[i]);
		tear_down(&f);
	}
}

/* RFC 5681 4.1: idle for longer than the timeout, at most the initial window; ssthresh stays. */
static void an_idle_time_takes_the_window_back(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, TCP_CC_CUBIC, MSS);
	f.tcb->cwnd = 50 * MSS;
	f.tcb->ssthresh = 40 * MSS;
	f.tcb->rtt_at = f.c.now;
	f.c.now += leat_tcp_rto_ns(f.e, f.tcb);
	leat_tcp_cc_begin(&f.c);
	assert_int_equal(f.tcb->cwnd, 50 * MSS);
	f.c.now++;
	leat_tcp_cc_begin(&f.c);
	assert_int_equal(f.tcb->cwnd, 10 * MSS);
	assert_int_equal(f.tcb->ssthresh, 40 * MSS);
	f.tcb->cwnd = 3 * MSS;
	leat_tcp_cc_begin(&f.c);
	assert_int_equal(f.tcb->cwnd, 3 * MSS);
	tear_down(&f);
}

/* HyStart++, RFC 9406: flights, each of which is acknowledged a round trip after it left.  The next
 * one leaves before the last ACK, so that it is the next round (4.2 windowEnd). */
struct rounds {
	struct fixture f;
	uint32_t cnt;
	uint32_t grown[SEGS]; /* by each ACK of the last flight */
	uint32_t acks;        /* in it */
	uint32_t left_at;     /* the round with which slow start ended; 0: it did not */
};

static void rounds_set_up(struct rounds *r)
{
	memset(r, 0, sizeof(*r));
	set_up(&r->f, TCP_CC_CUBIC, MSS);
	send_all(&r->f);
}

/* A round trip of rtt_ms, an ACK for each piece of so many segments. */
static void round_of(struct rounds *r, double rtt_ms, uint32_t piece)
{
	struct tcb *tcb = r->f.tcb;
	struct seq flight_end = tcb->snd.nxt;

	r->cnt++;
	r->f.c.now += (uint64_t)(rtt_ms * TIME_MS);
	for (r->acks = 0; seq_lt(tcb->snd.una, flight_end); r->acks++) {
		uint32_t left = seq_from(tcb->snd.una, flight_end), before = tcb->cwnd;

		assert_true(r->acks < SEGS);
		if (left <= piece * MSS)
			send_all(&r->f);
		ack(&r->f, u32_min(left, piece * MSS));
		r->grown[r->acks] = tcb->cwnd - before;
		if (r->left_at || tcb->ssthresh == NOT_LOST)
			continue;
		r->left_at = r->cnt;
		assert_int_equal(left, u32_min(left, piece * MSS)); /* the last ACK of the round */
		assert_int_equal(tcb->ssthresh, before);
	}
}

/* The ACKs of the last flight from the first-th on each grew cwnd by so much. */
static void grew(const struct rounds *r, uint32_t first, uint32_t last, uint32_t octets)
{
	assert_true(r->acks > first);
	for (uint32_t i = first; i < u32_min(r->acks, last); i++)
		assert_int_equal(r->grown[i], octets);
}

/* 4.2: the threshold is an eighth of the round trip, within 4 and 16 ms; then growth is a quarter
 * from the eighth sample on. */
static void slow_start_slows_down_when_round_trips_rise(void **state)
{
	static const struct {
		double rtt_ms, rise_ms;
		bool slows;
	} row[] = {
		{100, 0, false},
		{100, 12.4, false},
		{100, 12.6, true},
		{100, -20, false},
		{16, 3.9, false},
		{16, 4.1, true},
		{400, 15.9, false},
		{400, 16.1, true},
	};
	struct rounds r;

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		rounds_set_up(&r);
		for (int k = 0; k < 2; k++) {
			round_of(&r, row[i].rtt_ms, 1);
			grew(&r, 0, SEGS, MSS);
		}
		round_of(&r, row[i].rtt_ms + row[i].rise_ms, 1);
		grew(&r, 0, 7, MSS);
		grew(&r, 8, SEGS, row[i].slows ? MSS / 4 : MSS);
		assert_int_equal(r.left_at, 0);
		tear_down(&r.f);
	}
}

/* 4.2: seven samples are no evidence, eight are; and an ACK of many grows by L / 4. */
static void slow_start_wants_eight_samples(void **state)
{
	struct rounds r;

	(void)state;
	for (uint32_t acks = 7; acks <= 8; acks++) {
		rounds_set_up(&r);
		r.f.tcb->cwnd = 56 * MSS;
		send_all(&r.f);
		round_of(&r, 100, 7);
		uint32_t flight = seq_from(r.f.tcb->snd.una, r.f.tcb->snd.nxt) / MSS;

		round_of(&r, 200, (flight + acks - 1) / acks);
		assert_int_equal(r.acks, acks);
		grew(&r, 0, 7, 2 * MSS);
		round_of(&r, 200, 5);
		grew(&r, 0, SEGS, acks == 8 ? 2 * MSS / 4 : 2 * MSS);
		tear_down(&r.f);
	}
}

/* 4.2: conservative slow start "lasts at most CSS_ROUNDS rounds", 5, and the one in the midst of
 * which it began counts; then cwnd is ssthresh, and congestion avoidance begins. */
static void conservative_slow_start_lasts_five_rounds(void **state)
{
	struct rounds r;

	(void)state;
	rounds_set_up(&r);
	round_of(&r, 100, 1);
	round_of(&r, 100, 1);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(r.left_at, 0);
		round_of(&r, 120, 1);
		grew(&r, 8, r.acks - 1, MSS / 4);
	}
	assert_int_equal(r.left_at, 2 + 5);
	tear_down(&r.f);
}

/* 4.2: "if currentRoundMinRTT < cssBaselineMinRtt" it was a jitter, and slow start goes on; what
 * rises again has five rounds again. */
static void slow_start_goes_on_when_round_trips_fall(void **state)
{
	struct rounds r;

	(void)state;
	rounds_set_up(&r);
	round_of(&r, 100, 1);
	round_of(&r, 100, 1);
	for (int i = 0; i < 4; i++) {
		round_of(&r, 120, 1);
		grew(&r, 8, SEGS, MSS / 4);
	}
	round_of(&r, 101, 1);
	grew(&r, 0, 7, MSS / 4);
	grew(&r, 8, SEGS, MSS);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(r.left_at, 0);
		round_of(&r, 120, 4);
		grew(&r, 8, r.acks - 1, 2 * MSS / 4);
	}
	assert_int_equal(r.left_at, r.cnt);
	tear_down(&r.f);
}

/* 4.3: "only for the initial slow start". */
static void slow_start_after_a_loss_does_not_slow_down(void **state)
{
	struct rounds r;

	(void)state;
	rounds_set_up(&r);
	r.f.tcb->ssthresh = 500 * MSS;
	r.left_at = 1;
	for (int i = 0; i < 4; i++) {
		round_of(&r, 100 + 50 * i, 1);
		grew(&r, 0, SEGS, MSS);
	}
	tear_down(&r.f);
}

/* A network that loses some of the first flight, and a receiver that SACKs what it got; and PRR,
 * RFC 9937 6.2, in floating point. */
struct network {
	struct fixture f;
	struct prng prng;
	bool lost[SEGS], got[SEGS];
	uint32_t queue[4 * SEGS]; /* segments in the order they were sent */
	uint64_t arrives[4 * SEGS];
	uint32_t head, tail, cum, got_cnt;
	uint32_t known; /* segments that were sent for the first time */
	double delivered, out, fs, ssthresh;
	uint32_t above_cnt, below_cnt, safe_cnt; /* ACKs of each branch */
};

/* What cwnd lets leave goes on the queue. */
static uint32_t transmit(struct network *n)
{
	struct fixture *f = &n->f;
	uint32_t cnt = 0, mss = f->tcb->snd_mss;
	struct seq first = f->first;

	while (tcp_pipe(f->tcb, f->ext) + mss <= f->tcb->cwnd) {
		struct seq pos = f->tcb->snd.nxt;

		if (f->ext->lost != TCP_NONE) {
			struct tcp_srec *rec = &f->e->srec[f->ext->lost];

			pos = rec->seq;
			leat_tcp_sendq_again(&f->c, rec);
		} else {
			f->tcb->snd.nxt = seq_add(pos, mss);
			leat_tcp_sendq_sent(&f->c, pos, mss);
			n->known++;
		}
		n->arrives[n->tail] = f->c.now + TIME_S / 10;
		n->queue[n->tail++] = seq_from(first, pos) / mss;
		assert_true(n->known < SEGS && n->tail < 4 * SEGS);
		cnt++;
	}
	f->ext->flags |= TCP_EXT_LIMITED;
	return cnt;
}

/* The ACK of a segment: with the block it is in, unless it is the next one. */
static void acknowledge(struct network *n, uint32_t segment)
{
	struct tcb *tcb = n->f.tcb;
	struct seq first = n->f.first;
	uint32_t before = n->cum, left = segment, right = segment + 1;

	n->got[segment] = true;
	n->got_cnt++;
	while (n->got[n->cum])
		n->cum++;
	tcb->snd.una = seq_add(first, n->cum * tcb->snd_mss);
	struct seg seg = {.ack = tcb->snd.una};

	if (segment > n->cum) {
		while (n->got[left - 1])
			left--;
		while (n->got[right])
			right++;
		seg.opts = TCP_OPT_SACK;
		seg.sack_cnt = 1;
		seg.sack[0].left = seq_add(first, left * tcb->snd_mss);
		seg.sack[0].right = seq_add(first, right * tcb->snd_mss);
	}
	leat_tcp_loss_ack(&n->f.c, &seg, (n->cum - before) * tcb->snd_mss);
}

/* What RFC 9937 6.2 lets leave, segments. */
static double sndcnt(struct network *n, double pipe, bool safe)
{
	double mss = n->f.tcb->snd_mss, cnt;

	n->delivered += 1;
	if (pipe > n->ssthresh) {
		double due = n->delivered * n->ssthresh / n->fs * mss;
		double up = (double)(uint64_t)due;

		n->above_cnt++;
		cnt = (up < due ? up + 1 : up) / mss - n->out;
	} else {
		double owed = n->delivered - n->out;

		n->below_cnt++;
		n->safe_cnt += safe;
		cnt = (owed > 1 ? owed : 1) + (safe ? 1 : 0);
		cnt = cnt < n->ssthresh - pipe ? cnt : n->ssthresh - pipe;
	}
	cnt = cnt > 0 ? cnt : 0;
	return (n->out == 0 || pipe == 0) && cnt < 1 ? 1 : cnt;
}

/* The next segment of the queue arrives, if it does. */
static void deliver(struct network *n)
{
	struct tcb *tcb = n->f.tcb;
	uint32_t segment = n->queue[n->head++], cum = n->cum, lost = n->f.ext->lost_octets;
	double in_flight = (double)(n->known - n->got_cnt);

	n->f.c.now = u64_max(n->f.c.now + 10 * TIME_US, n->arrives[n->head - 1]);

	if (n->lost[segment]) {
		n->lost[segment] = false; /* once */
		return;
	}
	assert_false(n->got[segment]);
	bool was_in = tcb->flags & TCP_F_RECOVERY;

	acknowledge(n, segment);
	bool is_in = tcb->flags & TCP_F_RECOVERY;

	if (was_in && !is_in)
		near(cwnd(&n->f), n->ssthresh, 0.01, "cwnd behind the recovery");
	if (!was_in && is_in) {
		n->delivered = n->out = 0;
		n->fs = in_flight;
		n->ssthresh = segs(&n->f, tcb->ssthresh);
	}
	double pipe = segs(&n->f, tcp_pipe(tcb, n->f.ext));

	if (is_in) {
		bool safe = n->cum > cum && n->f.ext->lost_octets <= lost;

		near(cwnd(&n->f) - pipe, sndcnt(n, pipe, safe), 0.002, "SndCnt");
	}
	n->out += transmit(n);
}

/* A flight of 40 of which so many in 100 are lost, the first among them; true: it recovered. */
static bool recover_from(struct network *n, uint64_t seed, uint32_t percent)
{
	memset(n, 0, sizeof(*n));
	leat_prng_seed(&n->prng, seed);
	set_up(&n->f, TCP_CC_CUBIC, MSS);
	n->f.tcb->cwnd = 40 * MSS;
	for (uint32_t i = 0; i < 40; i++)
		n->lost[i] = i == 0 || leat_prng_below(&n->prng, 100) < percent;
	transmit(n);
	for (uint32_t i = 0; i < 300 && n->head < n->tail; i++)
		deliver(n);
	bool began = n->fs > 0;

	assert_true(n->cum > 40 || !began);
	assert_false(n->f.tcb->flags & TCP_F_RECOVERY);
	tear_down(&n->f);
	return began;
}

/* RFC 9937 6.2: while more is on the way than ssthresh, 7 segments leave for 10 that arrive. */
static void recovery_reduces_in_proportion(void **state)
{
	static struct network n;

	(void)state;
	assert_true(recover_from(&n, 1, 0));
	near(n.fs, 40, 0, "RecoverFS");
	near(n.ssthresh, 40 * BETA, 0.01, "ssthresh");
	assert_true(n.above_cnt > 10);
}

/* RFC 9937 6.2: below it no more leave than arrive, and one where SND.UNA moved; and never so many
 * that ssthresh is passed. */
static void recovery_refills_up_to_ssthresh(void **state)
{
	static struct network n;
	uint32_t above = 0, below = 0, safe = 0, began = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 300; seed++) {
		began += recover_from(&n, seed, (uint32_t)(seed % 60));
		above += n.above_cnt;
		below += n.below_cnt;
		safe += n.safe_cnt;
	}
	assert_true(began > 250);
	assert_true(above > 1000 && below > 1000 && safe > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cubic_rises_to_where_it_lost_by_the_curve),
		cmocka_unit_test(cubic_converges_fast),
		cmocka_unit_test(cubic_is_no_slower_than_reno),
		cmocka_unit_test(cubic_forgets_its_plateau_at_a_timeout),
		cmocka_unit_test(reno_avoids_congestion_a_segment_a_round_trip),
		cmocka_unit_test(no_loss_leaves_less_than_two_segments),
		cmocka_unit_test(slow_start_counts_octets_up_to_two_segments),
		cmocka_unit_test(slow_start_after_a_timeout_counts_one_segment),
		cmocka_unit_test(slow_start_after_a_timeout_counts_one_segment_without_records),
		cmocka_unit_test(ten_segments_begin),
		cmocka_unit_test(an_idle_time_takes_the_window_back),
		cmocka_unit_test(slow_start_slows_down_when_round_trips_rise),
		cmocka_unit_test(slow_start_wants_eight_samples),
		cmocka_unit_test(conservative_slow_start_lasts_five_rounds),
		cmocka_unit_test(slow_start_goes_on_when_round_trips_fall),
		cmocka_unit_test(slow_start_after_a_loss_does_not_slow_down),
		cmocka_unit_test(recovery_reduces_in_proportion),
		cmocka_unit_test(recovery_refills_up_to_ssthresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
