/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim_watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The observer is fed good traffic, then the same with one thing wrong, and must object to just
 * that: a check that cannot fail is no check. */

#define HERE      UINT32_C(0x0a000001)
#define THERE     UINT32_C(0x0a000002)
#define ISS       1000U
#define IRS       5000U
#define SYN_OPTS  20
#define FRAME_MAX 2048
#define SECOND    UINT64_C(1000000000)

struct opt {
	uint8_t octets[40];
	uint32_t cnt;
};

/* A segment as the tests write it; text is the octets of its sequence numbers. */
struct piece {
	uint8_t flags;
	uint32_t seq, ack, text;
	uint16_t wnd;
	struct opt opt;
	uint8_t shift; /* added to each octet of text: another stream */
	uint8_t ecn;   /* of the IP header */
};

struct frame {
	uint8_t octet[FRAME_MAX];
	uint32_t octets;
};

static struct watch *watch;
static uint64_t now;

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static uint32_t add_up(const uint8_t *p, uint32_t octets)
{
	uint32_t total = 0;

	for (uint32_t i = 0; i < octets; i++)
		total += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	return total;
}

static uint16_t finish(uint32_t total)
{
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return (uint16_t)~total;
}

static void checksums(struct frame *f)
{
	uint8_t *ip = f->octet, *tcp = ip + 20;

	put16(ip + 10, 0);
	put16(ip + 10, finish(add_up(ip, 20)));
	put16(tcp + 16, 0);
	put16(tcp + 16,
		finish(add_up(ip + 12, 8) + 6 + (f->octets - 20) + add_up(tcp, f->octets - 20)));
}

static void build(struct frame *f, bool from_here, const struct piece *p)
{
	uint8_t *ip = f->octet, *tcp = ip + 20;
	uint32_t header = 20 + p->opt.cnt;

	memset(f, 0, sizeof(*f));
	f->octets = 20 + header + p->text;
	ip[0] = 0x45;
	ip[1] = p->ecn;
	put16(ip + 2, f->octets);
	put16(ip + 6, 0x4000);
	ip[8] = 64;
	ip[9] = 6;
	put32(ip + 12, from_here ? HERE : THERE);
	put32(ip + 16, from_here ? THERE : HERE);
	put16(tcp, from_here ? 80 : 2000);
	put16(tcp + 2, from_here ? 2000 : 80);
	put32(tcp + 4, p->seq);
	put32(tcp + 8, p->ack);
	tcp[12] = (uint8_t)(header / 4 << 4);
	tcp[13] = p->flags;
	put16(tcp + 14, p->wnd);
	memcpy(tcp + 20, p->opt.octets, p->opt.cnt);
	for (uint32_t i = 0; i < p->text; i++)
		tcp[header + i] = (uint8_t)((p->seq + i) * 7 + p->shift);
	checksums(f);
}

static const char *sent(const struct piece *p)
{
	struct frame f;

	build(&f, true, p);
	return leat_sim_watch_sent(watch, 0, now, f.octet, f.octets);
}

static void came(const struct piece *p)
{
	struct frame f;

	build(&f, false, p);
	leat_sim_watch_arrived(watch, 0, now, f.octet, f.octets);
}

static void is_fine(const struct piece *p)
{
	const char *wrong = sent(p);

	if (wrong)
		fail_msg("it objects to what is right: %s", wrong);
}

static void is_wrong(const struct piece *p, const char *why)
{
	const char *wrong = sent(p);

	if (!wrong)
		fail_msg("it does not object: %s", why);
	if (strncmp(wrong, why, strlen(why)) != 0)
		fail_msg("it objects to something else: %s, not %s", wrong, why);
}

#define PIECE(...) (&(const struct piece){__VA_ARGS__})

static const struct opt syn_opt = {
	{2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 100, 0, 0, 0, 0, 1, 3, 3, 7}, SYN_OPTS};
static const struct opt mss_opt = {{2, 4, 5, 0xb4}, 4};

static struct opt ts(uint32_t val, uint32_t ecr)
{
	struct opt o = {{1, 1, 8, 10}, 12};

	put32(o.octets + 4, val);
	put32(o.octets + 8, ecr);
	return o;
}

static struct opt sack(uint32_t left, uint32_t right, struct opt after)
{
	struct opt o = after;

	o.octets[o.cnt] = 1;
	o.octets[o.cnt + 1] = 1;
	o.octets[o.cnt + 2] = 5;
	o.octets[o.cnt + 3] = 10;
	put32(o.octets + o.cnt + 4, left);
	put32(o.octets + o.cnt + 8, right);
	o.cnt += 12;
	return o;
}

static int begin(void **state)
{
	struct watch_config c = {.raw_ip = true, .mtu = 1500, .host_cnt = 1};

	(void)state;
	c.host[0].addr_cnt = 1;
	c.host[0].addr[0] = (struct watch_addr){0, UINT64_C(0xffff00000000) | HERE};
	watch = leat_sim_watch_new(&c);
	now = 10 * SECOND;
	return 0;
}

static int end(void **state)
{
	(void)state;
	leat_sim_watch_free(watch);
	return 0;
}

/* We are the passive side; both windows 1000; no options but MSS. */
static void established(void)
{
	came(PIECE(.flags = WATCH_SYN, .seq = IRS, .wnd = 1000, .opt = mss_opt));
	is_fine(PIECE(.flags = WATCH_SYN | WATCH_ACK, .seq = ISS, .ack = IRS + 1, .wnd = 1000,
		.opt = mss_opt));
	came(PIECE(.flags = WATCH_ACK, .seq = IRS + 1, .ack = ISS + 1, .wnd = 1000));
}

/* With window scale 7, timestamps and SACK. */
static void established_with_options(void)
{
	came(PIECE(.flags = WATCH_SYN, .seq = IRS, .wnd = 1000, .opt = syn_opt));
	is_fine(PIECE(.flags = WATCH_SYN | WATCH_ACK, .seq = ISS, .ack = IRS + 1, .wnd = 1000,
		.opt = {{2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 50, 0, 0, 0, 100, 1, 3, 3, 7},
			SYN_OPTS}));
	came(PIECE(.flags = WATCH_ACK, .seq = IRS + 1, .ack = ISS + 1, .wnd = 100,
		.opt = ts(101, 50)));
}

static void a_whole_conversation_is_fine(void **state)
{
	(void)state;
	established();
	is_fine(PIECE(.flags = WATCH_ACK, .seq = ISS + 1, .ack = IRS + 1, .wnd = 1000,
		.text = 500));
	is_fine(PIECE(.flags = WATCH_ACK | WATCH_PSH, .seq = ISS + 501, .ack = IRS + 1, .wnd = 1000,
		.text = 500));
	is_fine(PIECE(.flags = WATCH_ACK, .seq = ISS + 251, .ack = IRS + 1, .wnd = 1000,
		.text = 500));
	came(PIECE(.flags = WATCH_ACK | WATCH_FIN, .seq = IRS + 1, .ack = ISS + 1001, .wnd = 1000,
		.text = 100));
	is_fine(PIECE(.flags = WATCH_ACK, .seq = ISS + 1001, .ack = IRS + 102, .wnd = 899));
	is_fine(PIECE(.flags = WATCH_ACK | WATCH_FIN, .seq = ISS + 1001, .ack = IRS + 102,
		.wnd = 999));
	is_fine(PIECE(.flags = WATCH_ACK | WATCH_FIN, .seq = ISS + 1001, .ack = IRS + 102,
		.wnd = 999));
}

static void damaged_frames_are_not_well_formed(void **state)
{
	static const struct {
		uint32_t at;
		uint8_t flip;
	} damage[] = {{0, 0x10}, {3, 1}, {6, 0x40}, {8, 64}, {10, 1}, {15, 1}, {32, 0x80}, {32, 1},
		{36, 1}, {39, 1}};
	struct frame f;

	(void)state;
	established();
	for (size_t i = 0; i < sizeof(damage) / sizeof(damage[0]); i++) {
		build(&f, true,
			PIECE(.flags = WATCH_ACK, .seq = ISS + 1, .ack = IRS + 1, .wnd = 1000));
		f.octet[damage[i].at] ^= damage[i].flip;
		/* All but the checksum fields are looked at behind a right checksum. */
		if (damage[i].at != 10 && damage[i].at != 36 && f.octet[0] == 0x45)
			checksums(&f);
		const char *wrong = leat_sim_watch_sent(watch, 0, now, f.octet, f.octets);
		if (!wrong)
			fail_msg("octet %u may change unseen", damage[i].at);
	}
	build(&f, true, PIECE(.flags = WATCH_ACK, .seq = ISS + 1, .ack = IRS + 1, .wnd = 1000));
	assert_null(leat_sim_watch_sent(watch, 0, now, f.octet, f.octets));
}

static void illegal_flags_are_seen(void **state)
{
	(void)state;
	established();
	is_wrong(PIECE(.flags = WATCH_SYN | WATCH_FIN, .seq = 1), "W19 SYN beside");
	is_wrong(PIECE(.flags = WATCH_SYN | WATCH_RST, .seq = 1), "W19 SYN beside");
	is_wrong(PIECE(.flags = WATCH_RST, .seq = 1, .text = 1), "W19 a reset with text");
	is_wrong(PIECE(.flags = WATCH_FIN, .seq = ISS + 1), "W19 neither");
	is_wrong(PIECE(.flags = WATCH_ACK | WATCH_PSH, .seq = ISS + 1, .ack = IRS + 1), "W19 PSH");
	is_wrong(PIECE(.flags = WATCH_SYN, .seq = 1, .ack = 2), "W19 an acknowledgment number");
}

static void options_that_are_not_legal_are_seen(void **state)
{
	(void)state;
	established();
	is_wrong(PIECE(.flags = WATCH_ACK, .seq = ISS + 1, .ack = IRS + 1, .wnd = 1000,
			 .opt = mss_opt),
		"W25 an option that only a SYN");
	is_wrong(PIECE(.flags = WATCH_SYN, .seq = 1, .opt = {{2, 5, 0, 0}, 4}),
		"W19 an option that is cut");
	is_wrong(PIECE(.flags = WATCH_SYN, .seq = 1, .opt = {{2, 3, 9, 1}, 4}),
		"W19 an option of a wrong");
	is_wrong(PIECE(.flags = WATCH_SYN, .seq = 1, .opt = {{2, 4, 5, 0, 2, 4, 5, 0}, 8}),
		"W19 an option twice");
	is_wrong(PIECE(.flags = WATCH_SYN, .seq = 1, .opt = {{0, 1, 0, 0}, 4}), "W19 padding");
	is_wrong(PIECE(.flags = WATCH_SYN, .seq = 1, .opt = {{1, 3, 3, 15}, 4}),
		"W19 a window scale");
	is_wrong(PIECE(.flags = WATCH_SYN, .seq = 1, .opt = {{2, 4, 0, 0}, 4}), "W19 an MSS of 0");
	is_wrong(PIECE(.flags = WATCH_SYN, .seq = 1, .opt = {{99, 4, 0, 0}, 4}),
		"W19 an option of a wrong");
}

static void a_reset_must_not_answer_a_reset(void **state)
{
	(void)state;
	leat_sim_watch_burst_begin(watch, 0);
	came(PIECE(.flags = WATCH_RST, .seq = IRS));
	is_wrong(PIECE(.flags = WATCH_RST | WATCH_ACK, .ack = IRS), "W20 a reset in answer");
	leat_sim_watch_burst_end(watch);
	leat_sim_watch_burst_begin(watch, 0);
	came(PIECE(.flags = WATCH_ACK, .seq = IRS, .ack = 7));
	is_fine(PIECE(.flags = WATCH_RST, .seq = 7));
	is_wrong(PIECE(.flags = WATCH_RST, .seq = 7), "W24 more answers");
	leat_sim_watch_burst_end(watch);
}

static void what_is_not_to_be_believed_is_not_answered(void **state)
{
	struct frame f;

	(void)state;
	for (uint32_t i = 0; i < 5; i++) {
		build(&f, false, PIECE(.flags = WATCH_SYN, .seq = IRS, .wnd = 1000));
		if (i == 0)
			put32(f.octet + 12, UINT32_C(0xe0000001)); /* from a group */
		if (i == 1)
			put32(f.octet + 16, UINT32_C(0xffffffff)); /* to everybody */
		if (i == 2)
			put32(f.octet + 12, HERE);
		if (i == 3)
			put16(f.octet + 20, 0);
		checksums(&f);
		if (i == 4)
			f.octet[36] ^= 1; /* the checksum */
		leat_sim_watch_burst_begin(watch, 0);
		leat_sim_watch_arrived(watch, 0, now, f.octet, f.octets);
		is_wrong(PIECE(.flags = WATCH_RST | WATCH_ACK, .ack = IRS + 1), "W20 an answer");
		leat_sim_watch_burst_end(watch);
	}
}

static void text_stays_in_the_window(void **state)
{
	(void)state;
	established();
	is_fine(PIECE(.flags = WATCH_ACK, .seq = ISS + 1, .ack = IRS + 1, .wnd = 1000,
		.text = 1000));
	is_fine(PIECE(.flags = WATCH_ACK, .seq = ISS + 1001, .ack = IRS + 1, .wnd = 1000,
		.text = 1));
	is_wrong(PIECE(.flags = WATCH_ACK, .seq = ISS + 1002, .ack = IRS + 1, .wnd = 1000,
			 .text = 1),
		"W21 text beyond the window");
}

static void text_has_no_holes(void **state)
{
	(void)state;
	established();
	is_wrong(PIECE(.flags = WATCH_ACK, .seq = ISS + 2, .ack = IRS + 1, .wnd = 1000, .text = 1),
		"W21 a sequence number beyond");
}

static void a_segment_fits_the_mss(void **state)
{
	(void)state;
	came(PIECE(.flags = WATCH_SYN, .seq = IRS, .wnd = 5000, .opt = {{2, 4, 1, 0}, 4}));
	is_fine(PIECE(.flags = WATCH_SYN | WATCH_ACK, .seq = ISS, .ack = IRS + 1, .wnd = 1000));
	came(PIECE(.flags = WATCH_ACK, .seq = IRS + 1, .ack = ISS + 1, .wnd = 5000));
	is_fine(PIECE(.flags = WATCH_ACK, .seq = ISS + 1, .ack = IRS + 1, .wnd = 1000,
		.text = 256));
	is_wrong(PIECE(.flags = WATCH_ACK, .seq = ISS + 257, .ack = IRS + 1, .wnd = 1000,
			 .text = 257),
		"W21 a segment above the MSS");
}

static void only_what_came_is_acknowledged(void **state)
{
	(void)state;
	established();
	came(PIECE(.flags = WATCH_ACK, .seq = IRS + 101, .ack = ISS + 1, .wnd = 1000, .text = 100));
	is_wrong(PIECE(.flags = WATCH_ACK, .seq = ISS + 1, .ack = IRS + 201, .wnd = 800),
		"W22 acknowledges octets");
	came(PIECE(.flags = WATCH_ACK, .seq = IRS + 1, .ack = ISS + 1, .wnd = 1000, .text = 100));
	is_fine(PIECE(.flags = WATCH_ACK, .seq = ISS + 1, .ack = IRS + 201, .wnd = 800));
	is_wrong(PIECE(.flags = WATCH_ACK, .seq = ISS + 1, .ack = IRS + 101, .wnd = 900),
		"W22 an acknowledgment number that goes back");
}

static void a_damaged_segment_counts_for_nothing(void **state)
{
	struct frame f;

	(void)state;
	established();
	build(&f, false,
		PIECE(.flags = WATCH_ACK, .seq = IRS + 1, .ack = ISS + 1, .wnd = 1000, .text = 10));
	f.octet[45] ^= 1;
	leat_sim_watch_arrived(watch, 0, now, f.octet, f.octets);
	is_wrong(PIECE(.flags = WATCH_ACK, .seq = ISS + 1, .ack = IRS + 11, .wnd = 990),
		"W22 acknowledges octets");
}

static void a_syn_ack_needs_a_syn(void **state)
{
	(void)state;
	is_wrong(PIECE(.flags = WATCH_SYN | WATCH_ACK, .seq = ISS, .ack = IRS + 1, .wnd = 1000),
		"W22 a SYN-ACK for a SYN");
	is_wrong(PIECE(.flags = WATCH_ACK, .seq = 77, .ack = 78), "W22");
}

static void a_segment_without_a_connection_is_seen(void **state)
{
	(void)state;
	came(PIECE(.flags = WATCH_SYN, .seq = IRS, .wnd = 1000));
	is_wrong(PIECE(.flags = WATCH_ACK, .seq = ISS, .ack = IRS + 1, .wnd = 1000),
		"W20 a segment of a connection that never began");
}

static void the_same_octets_go_again(void **state)
{
	(void)state;
	established();
	is_fine(PIECE(.flags = WATCH_ACK, .seq = ISS + 1, .ack = IRS + 1, .wnd = 1000,
		.text = 300));
	is_fine(PIECE(.flags = WATCH_ACK, .seq = ISS + 101, .ack = IRS + 1, .wnd = 1000,
		.text = 300));
	is_wrong(PIECE(.flags = WATCH_ACK, .seq = ISS + 201, .ack = IRS + 1, .wnd = 1000, .text = 9,
			 .shift = 1),
		"W23 other octets");
}

static void a_fin_stays_where_it_is(void **state)
{
	(void)state;
	established();
	is_fine(PIECE(.flags = WATCH_ACK | WATCH_FIN, .seq = ISS + 1, .ack = IRS + 1, .wnd = 1000,
		.text = 10));
	is_wrong(PIECE(.flags = WATCH_ACK | WATCH_FIN, .seq = ISS + 1, .ack = IRS + 1, .wnd = 1000,
			 .text = 9),
		"W23 a FIN that moved");
	is_wrong(PIECE(.flags = WATCH_ACK, .seq = ISS + 11, .ack = IRS + 1, .wnd = 1000, .text = 1),
		"W23 text behind the FIN");
}

static void the_right_edge_stays(void **state)
{
	(void)state;
	established();
	is_wrong(PIECE(.flags = WATCH_ACK, .seq = ISS + 1, .ack = IRS + 1, .wnd = 999),
		"W6 the right edge");
}

static void a_scaled_edge_may_round(void **state)
{
	(void)state;
	established_with_options();
	is_fine(PIECE(.flags = WATCH_ACK, .seq = ISS + 1, .ack = IRS + 1, .wnd = 20,
		.opt = ts(51, 101)));
	came(PIECE(.flags = WATCH_ACK, .seq = IRS + 1, .ack = ISS + 1, .wnd = 100, .text = 5,
		.opt = ts(102, 51)));
	is_fine(PIECE(.flags = WATCH_ACK, .seq = ISS + 1, .ack = IRS + 6, .wnd = 19,
		.opt = ts(52, 102)));
	is_wrong(PIECE(.flags = WATCH_ACK, .seq = ISS + 1, .ack = IRS + 6, .wnd = 18,
			 .opt = ts(52, 102)),
		"W6 the right edge");
}

static void a_scaled_window_is_obeyed(void **state)
{
	uint32_t at = ISS + 1;

	(void)state;
	established_with_options(); /* 100 << 7 octets */
	for (; at < ISS + 1 + 12800; at += 800)
		is_fine(PIECE(.flags = WATCH_ACK, .seq = at, .ack = IRS + 1, .wnd = 20, .text = 800,
			.opt = ts(51, 101)));
	is_wrong(PIECE(.flags = WATCH_ACK, .seq = at, .ack = IRS + 1, .wnd = 20, .text = 2,
			 .opt = ts(51, 101)),
		"W21 text beyond the window");
}

static void timestamps_are_on_all_or_none(void **state)
{
	(void)state;
	established_with_options();
	is_wrong(PIECE(.flags = WATCH_ACK, .seq = ISS + 1, .ack = IRS + 1, .wnd = 20),
		"W25 no timestamp");
	is_fine(PIECE(.flags = WATCH_ACK, .seq = ISS + 1, .ack = IRS + 1, .wnd = 20,
		.opt = ts(60, 101)));
	is_wrong(PIECE(.flags = WATCH_ACK, .seq = ISS + 1, .ack = IRS + 1, .wnd = 20,
			 .opt = ts(59, 101)),
		"W25 a timestamp that goes back");
	is_wrong(PIECE(.flags = WATCH_ACK, .seq = ISS + 1, .ack = IRS + 1, .wnd = 20,
			 .opt = ts(60, 102)),
		"W25 echoes");
}

static void what_was_not_agreed_is_not_used(void **state)
{
	(void)state;
	established();
	is_wrong(PIECE(.flags = WATCH_ACK, .seq = ISS + 1, .ack = IRS + 1, .wnd = 1000,
			 .opt = ts(1, 0)),
		"W25 a timestamp that was not agreed");
	came(PIECE(.flags = WATCH_ACK, .seq = IRS + 101, .ack = ISS + 1, .wnd = 1000, .text = 100));
	is_wrong(PIECE(.flags = WATCH_ACK, .seq = ISS + 1, .ack = IRS + 1, .wnd = 1000,
			 .opt = sack(IRS + 101, IRS + 201, (struct opt){.cnt = 0})),
		"W25 SACK that was not agreed");
	is_wrong(PIECE(.flags = WATCH_ACK | WATCH_ECE, .seq = ISS + 1, .ack = IRS + 1, .wnd = 1000),
		"W25 ECN");
}

static void ecn_is_for_new_text_and_for_those_who_agreed(void **state)
{
	(void)state;
	came(PIECE(.flags = WATCH_SYN | WATCH_ECE | WATCH_CWR, .seq = IRS, .wnd = 1000,
		.opt = mss_opt));
	is_wrong(PIECE(.flags = WATCH_SYN | WATCH_ACK | WATCH_ECE, .seq = ISS, .ack = IRS + 1,
			 .wnd = 1000, .ecn = 2),
		"W25 a SYN that is ECN-capable");
	is_fine(PIECE(.flags = WATCH_SYN | WATCH_ACK | WATCH_ECE, .seq = ISS, .ack = IRS + 1,
		.wnd = 1000));
	came(PIECE(.flags = WATCH_ACK, .seq = IRS + 1, .ack = ISS + 1, .wnd = 1000));
	is_fine(PIECE(.flags = WATCH_ACK, .seq = ISS + 1, .ack = IRS + 1, .wnd = 1000, .text = 9,
		.ecn = 2));
	is_wrong(PIECE(.flags = WATCH_ACK, .seq = ISS + 1, .ack = IRS + 1, .wnd = 1000, .text = 9,
			 .ecn = 2),
		"W25 ECN-capable, and no new text");
	is_wrong(PIECE(.flags = WATCH_ACK, .seq = ISS + 10, .ack = IRS + 1, .wnd = 1000, .ecn = 2),
		"W25 ECN-capable, and no new text");
	is_wrong(PIECE(.flags = WATCH_ACK, .seq = ISS + 10, .ack = IRS + 1, .wnd = 1000, .text = 9,
			 .ecn = 3),
		"W25 a mark that only routers make");
	is_wrong(
		PIECE(.flags = WATCH_ACK | WATCH_ECE, .seq = ISS + 10, .ack = IRS + 1, .wnd = 1000),
		"W25 an echo of congestion");
	came(PIECE(.flags = WATCH_ACK, .seq = IRS + 1, .ack = ISS + 10, .wnd = 1000, .text = 9,
		.ecn = 3));
	is_fine(PIECE(.flags = WATCH_ACK | WATCH_ECE, .seq = ISS + 19, .ack = IRS + 10,
		.wnd = 991));
}

static void text_is_acknowledged_within_half_a_second(void **state)
{
	struct watch_config c = {.raw_ip = true, .mtu = 1500, .host_cnt = 1, .prompt = true};

	(void)state;
	leat_sim_watch_free(watch);
	c.host[0].addr_cnt = 1;
	c.host[0].addr[0] = (struct watch_addr){0, UINT64_C(0xffff00000000) | HERE};
	watch = leat_sim_watch_new(&c);
	for (uint32_t late = 0; late < 2; late++) {
		now += SECOND;
		if (late == 0)
			established();
		came(PIECE(.flags = WATCH_ACK, .seq = IRS + 1 + late * 10, .ack = ISS + 1,
			.wnd = 1000, .text = 10));
		now += SECOND / 2 + late;
		const struct piece ack = {.flags = WATCH_ACK,
			.seq = ISS + 1,
			.ack = IRS + 11 + late * 10,
			.wnd = 990};
		if (late)
			is_wrong(&ack, "W40");
		else
			is_fine(&ack);
	}
}

static void a_syn_ack_offers_only_what_the_syn_did(void **state)
{
	(void)state;
	came(PIECE(.flags = WATCH_SYN, .seq = IRS, .wnd = 1000, .opt = mss_opt));
	is_wrong(PIECE(.flags = WATCH_SYN | WATCH_ACK, .seq = ISS, .ack = IRS + 1, .wnd = 1000,
			 .opt = {{1, 3, 3, 7}, 4}),
		"W25 a SYN-ACK with an option");
}

static void sack_blocks_name_what_came(void **state)
{
	(void)state;
	established_with_options();
	came(PIECE(.flags = WATCH_ACK, .seq = IRS + 101, .ack = ISS + 1, .wnd = 100, .text = 100,
		.opt = ts(102, 50)));
	is_fine(PIECE(.flags = WATCH_ACK, .seq = ISS + 1, .ack = IRS + 1, .wnd = 20,
		.opt = sack(IRS + 101, IRS + 201, ts(60, 101))));
	is_wrong(PIECE(.flags = WATCH_ACK, .seq = ISS + 1, .ack = IRS + 1, .wnd = 20,
			 .opt = sack(IRS + 101, IRS + 202, ts(60, 101))),
		"W25 a SACK block of octets that never came");
	is_wrong(PIECE(.flags = WATCH_ACK, .seq = ISS + 1, .ack = IRS + 1, .wnd = 20,
			 .opt = sack(IRS + 201, IRS + 101, ts(60, 101))),
		"W25 an empty");
	is_wrong(
		PIECE(.flags = WATCH_ACK, .seq = ISS + 1, .ack = IRS + 1, .wnd = 20,
			.opt = sack(IRS + 150, IRS + 160, sack(IRS + 101, IRS + 151, ts(60, 101)))),
		"W19 an option twice");
	came(PIECE(.flags = WATCH_ACK, .seq = IRS + 1, .ack = ISS + 1, .wnd = 100, .text = 100,
		.opt = ts(103, 50)));
	/* What came twice may be named first, and only first. */
	is_fine(PIECE(.flags = WATCH_ACK, .seq = ISS + 1, .ack = IRS + 201, .wnd = 20,
		.opt = sack(IRS + 1, IRS + 101, ts(61, 101))));
}

static void an_incarnation_begins_beyond_the_last(void **state)
{
	(void)state;
	established();
	is_fine(PIECE(.flags = WATCH_ACK, .seq = ISS + 1, .ack = IRS + 1, .wnd = 1000,
		.text = 900));
	now += SECOND;
	came(PIECE(.flags = WATCH_SYN, .seq = IRS + 100000, .wnd = 1000, .opt = mss_opt));
	is_wrong(PIECE(.flags = WATCH_SYN | WATCH_ACK, .seq = ISS + 500, .ack = IRS + 100001,
			 .wnd = 1000),
		"W13 a new incarnation");
	is_fine(PIECE(.flags = WATCH_SYN | WATCH_ACK, .seq = ISS + 250000, .ack = IRS + 100001,
		.wnd = 1000));
}

static void answers_die_out(void **state)
{
	const char *wrong = NULL;

	(void)state;
	established();
	for (uint32_t i = 0; i < 1000 && !wrong; i++) {
		came(PIECE(.flags = WATCH_ACK, .seq = IRS + 1, .ack = ISS + 1, .wnd = 1000));
		wrong = sent(
			PIECE(.flags = WATCH_ACK, .seq = ISS + 1, .ack = IRS + 1, .wnd = 1000));
		now += SECOND / 1000;
	}
	assert_non_null(wrong);
	assert_memory_equal(wrong, "W26", 3);
}

static void answers_are_not_more_than_questions(void **state)
{
	const char *wrong = NULL;

	(void)state;
	established();
	for (uint32_t i = 0; i < 100 && !wrong; i++) {
		wrong = sent(
			PIECE(.flags = WATCH_ACK, .seq = ISS + 1, .ack = IRS + 1, .wnd = 1000));
		now += SECOND;
	}
	assert_non_null(wrong);
	assert_memory_equal(wrong, "W24", 3);
}

static void a_host_without_memory_begins_anew(void **state)
{
	(void)state;
	established();
	leat_sim_watch_restart(watch, 0);
	is_wrong(PIECE(.flags = WATCH_ACK, .seq = ISS + 1, .ack = IRS + 1, .wnd = 1000),
		"W20 a segment of a connection that never began");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_whole_conversation_is_fine),
		CASE(damaged_frames_are_not_well_formed),
		CASE(illegal_flags_are_seen),
		CASE(options_that_are_not_legal_are_seen),
		CASE(a_reset_must_not_answer_a_reset),
		CASE(what_is_not_to_be_believed_is_not_answered),
		CASE(text_stays_in_the_window),
		CASE(text_has_no_holes),
		CASE(a_segment_fits_the_mss),
		CASE(only_what_came_is_acknowledged),
		CASE(a_damaged_segment_counts_for_nothing),
		CASE(a_syn_ack_needs_a_syn),
		CASE(a_segment_without_a_connection_is_seen),
		CASE(the_same_octets_go_again),
		CASE(a_fin_stays_where_it_is),
		CASE(the_right_edge_stays),
		CASE(a_scaled_edge_may_round),
		CASE(a_scaled_window_is_obeyed),
		CASE(timestamps_are_on_all_or_none),
		CASE(what_was_not_agreed_is_not_used),
		CASE(ecn_is_for_new_text_and_for_those_who_agreed),
		CASE(text_is_acknowledged_within_half_a_second),
		CASE(a_syn_ack_offers_only_what_the_syn_did),
		CASE(sack_blocks_name_what_came),
		CASE(an_incarnation_begins_beyond_the_last),
		CASE(answers_die_out),
		CASE(answers_are_not_more_than_questions),
		CASE(a_host_without_memory_begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
