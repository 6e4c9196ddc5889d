/* SPDX-License-Identifier: BSD-3-Clause */
#include "audit.h"

#include "base_prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SEED UINT64_C(77)

/* What one went to stderr while a function ran. */
struct said {
	int kept, fd[2];
	char text[4096];
};

static void said_begin(struct said *s)
{
	fflush(stderr);
	s->kept = dup(STDERR_FILENO);
	assert_int_equal(pipe(s->fd), 0);
	dup2(s->fd[1], STDERR_FILENO);
	close(s->fd[1]);
}

static const char *said_end(struct said *s)
{
	dup2(s->kept, STDERR_FILENO);
	close(s->kept);
	ssize_t octets = read(s->fd[0], s->text, sizeof(s->text) - 1);

	close(s->fd[0]);
	s->text[octets > 0 ? octets : 0] = '\0';
	return s->text;
}

static uint64_t some(struct prng *p)
{
	return leat_prng_next(p) % 1000;
}

/* balanced draws counts of a shard of which all laws hold. */
static struct shard_counts balanced(struct prng *p)
{
	struct shard_counts c = {0};
	struct tcp_counters *t = &c.tcp;

	for (uint32_t i = 0; i < TCP_V_CNT; i++)
		c.stack.segments += t->verdict[i] = some(p);
	c.stack.accept_refused = some(p);
	for (uint32_t i = 0; i < WIRE_V_CNT; i++)
		c.stack.wire[i] = some(p);
	c.stack.wire[WIRE_V_TCP] = c.stack.segments + c.stack.accept_refused;
	t->icmp_stray = some(p);
	t->icmp_soft = some(p);
	t->icmp_refused = some(p);
	t->icmp_narrowed = some(p);
	t->icmp_ignored = some(p);
	c.stack.wire[WIRE_V_ICMP_ERROR] =
		t->icmp_stray + t->icmp_soft + t->icmp_refused + t->icmp_narrowed + t->icmp_ignored;
	for (uint32_t i = 0; i < WIRE_V_CNT; i++)
		c.stack.frames_in += c.stack.wire[i];
	c.rx_drop_frame_long = some(p);
	c.rx_drop_no_buf = some(p);
	c.rx_lost = some(p);
	c.rx_held = some(p);
	c.moved_out = some(p);
	c.move_dropped = some(p);
	c.mailed_in = some(p) % 100;
	c.moved_in = some(p) % 100;
	c.rx_frames = c.stack.frames_in + c.rx_drop_frame_long + c.rx_drop_no_buf + c.rx_lost +
		      c.rx_held + c.moved_out + c.move_dropped - c.mailed_in - c.moved_in;
	c.tx_frames = some(p);
	c.tx_queued = some(p);
	c.stack.frames_out = c.tx_frames + c.tx_queued;
	for (uint32_t i = 1; i < TCP_END_CNT; i++)
		t->opened_active += t->ended[i] = some(p);
	for (uint32_t i = TCP_ST_LISTEN + 1; i < TCP_ST_CNT; i++)
		t->opened_passive += t->present[i] = (uint32_t)some(p);
	t->present[TCP_ST_LISTEN] = (uint32_t)some(p);
	t->again_text = t->emitted_again = some(p);
	return c;
}

static void counts_that_add_up_are_no_news(void **state)
{
	struct audit a = {0};
	struct said s;
	struct prng p;

	(void)state;
	print_message("# seed %lu\n", (unsigned long)SEED);
	leat_prng_seed(&p, SEED);
	said_begin(&s);
	for (uint32_t i = 0; i < 1000; i++) {
		struct shard_counts c = balanced(&p);

		leat_audit_shard(&a, i % SHARD_MAX, &c);
	}
	assert_string_equal(said_end(&s), "");
	assert_int_equal(a.broken_cnt, 0);
}

/* Every count that a law is about. */
static uint64_t *count_of(struct shard_counts *c, uint32_t i)
{
	uint64_t *const one[] = {&c->rx_frames, &c->mailed_in, &c->moved_in, &c->rx_drop_frame_long,
		&c->rx_drop_no_buf, &c->rx_lost, &c->rx_held, &c->moved_out, &c->move_dropped,
		&c->stack.frames_in, &c->stack.frames_out, &c->tx_frames, &c->tx_queued,
		&c->stack.segments, &c->stack.accept_refused, &c->tcp.opened_active,
		&c->tcp.opened_passive, &c->tcp.icmp_soft, &c->tcp.emitted_again};

	if (i < COUNT_OF(one))
		return one[i];
	i -= (uint32_t)COUNT_OF(one);
	if (i < WIRE_V_CNT)
		return &c->stack.wire[i];
	i -= WIRE_V_CNT;
	if (i < TCP_V_CNT)
		return &c->tcp.verdict[i];
	i -= TCP_V_CNT;
	return i < TCP_END_CNT ? &c->tcp.ended[i] : NULL;
}

/* N237: whichever counter it is that missed one frame, or had one too many. */
static void each_count_that_is_wrong_by_one_is_told_with_its_numbers(void **state)
{
	struct prng p;
	struct said s;

	(void)state;
	leat_prng_seed(&p, SEED);
	for (uint32_t i = 0;; i++) {
		struct shard_counts c = balanced(&p);
		struct audit a = {0};
		uint64_t *count = count_of(&c, i);

		if (count == NULL)
			break;
		*count += i % 2 ? 1 : UINT64_MAX;
		said_begin(&s);
		leat_audit_shard(&a, 3, &c);
		const char *text = said_end(&s);
		assert_int_equal(a.broken_cnt, 1);
		if (strstr(text, "error: ledger: shard 3: COUNTS DO NOT ADD UP: ") == NULL ||
			strstr(text, " is not ") == NULL)
			fail_msg("count %u: `%s`", i, text);
	}
}

/* What happened between two rounds is known for AUDIT_LATELY_CNT of them, and then forgotten. */
static void what_happened_is_remembered_for_some_rounds(void **state)
{
	struct shard_counts c = {0};
	struct audit a = {0};

	(void)state;
	leat_audit_shard(&a, 1, &c);
	assert_int_equal(leat_audit_lately(&a, 1, AUDIT_TIME_WAIT_FULL), 0);
	c.stack.time_wait_refused = 3;
	c.stack.segments = c.stack.wire[WIRE_V_TCP] = c.stack.frames_in = c.rx_frames = 9;
	c.tcp.verdict[TCP_V_TIME_WAIT_SYN_OLD] = 4;
	c.tcp.verdict[TCP_V_TIME_WAIT_SYN_OFF] = 5;
	for (uint32_t i = 0; i < AUDIT_LATELY_CNT; i++) {
		leat_audit_shard(&a, 1, &c);
		assert_int_equal(leat_audit_lately(&a, 1, AUDIT_TIME_WAIT_FULL), 3);
		assert_int_equal(leat_audit_lately(&a, 1, AUDIT_REUSE_REJECTED), 9);
	}
	leat_audit_shard(&a, 1, &c);
	for (enum audit_seen i = 0; i < AUDIT_SEEN_CNT; i++)
		assert_int_equal(leat_audit_lately(&a, 1, i), 0);
	assert_int_equal(leat_audit_lately(&a, 0, AUDIT_REUSE_REJECTED), 0);
	assert_int_equal(a.broken_cnt, 0);
}

static void a_connection_that_vanished_is_told_with_its_numbers(void **state)
{
	struct shard_counts c = {.tcp = {.opened_passive = 7}};
	struct audit a = {0};
	struct said s;

	(void)state;
	c.tcp.ended[TCP_END_RESET] = 4;
	c.tcp.present[TCP_ST_ESTABLISHED] = 2;
	said_begin(&s);
	leat_audit_shard(&a, 0, &c);
	leat_audit_shard(&a, 0, &c); /* once is enough */
	assert_string_equal(said_end(&s), "leat: error: ledger: shard 0: COUNTS DO NOT ADD UP: "
					  "opened = ended + present: 7 is not 6\n");
	assert_int_equal(a.broken_cnt, 2);
}

static void what_lies_on_lanes_is_tolerated_and_no_more(void **state)
{
	struct audit a = {0};
	struct said s;

	(void)state;
	said_begin(&s);
	leat_audit_moves(&a, 2, 500, 400); /* the first to be asked had not handed over much yet */
	leat_audit_moves(&a, 2, 900, 900 + 3 * SHARD_STEER_LENT_MAX);
	leat_audit_moves(&a, 2, 900 + SHARD_STEER_LENT_MAX, 10000);
	assert_string_equal(said_end(&s), "");
	said_begin(&s);
	leat_audit_moves(&a, 2, 7000, 11000); /* 10000 were handed over: 3000 are nowhere */
	assert_non_null(strstr(said_end(&s), "handed over 10000 frames, then 11000, and took"));
	assert_int_equal(a.broken_cnt, 1);
	a = (struct audit){0};
	said_begin(&s);
	leat_audit_moves(&a, 2, 100, 100);
	leat_audit_moves(&a, 2, 110, 99); /* 100 were taken, and only 99 handed over after that */
	assert_non_null(strstr(said_end(&s), "COUNTS DO NOT ADD UP"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_that_add_up_are_no_news),
		cmocka_unit_test(each_count_that_is_wrong_by_one_is_told_with_its_numbers),
		cmocka_unit_test(what_happened_is_remembered_for_some_rounds),
		cmocka_unit_test(a_connection_that_vanished_is_told_with_its_numbers),
		cmocka_unit_test(what_lies_on_lanes_is_tolerated_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
