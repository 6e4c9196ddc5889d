/* SPDX-License-Identifier: BSD-3-Clause */

/* What the control thread does about a shard that reads no letters. */

#include "plane.h"

#include "base_bits.h"
#include "nic_numa.h"
#include "test_said.h"

#include <signal.h>

#define FLAPS    200
#define LOOK_NS  UINT64_C(10000000)
#define SEEN_MAX 512
#define TURNS    4711

static struct plane p;
static char said[4096];

/* The shard: it reads its box in order, and answers. */
struct reader {
	pthread_t thread;
	atomic_bool stop;
	uint32_t seen_cnt;
	struct shard_letter seen[SEEN_MAX]; /* but for those of the audit */
};

static void answer(struct shard_ask *ask)
{
	ask->counts.turns = TURNS;
	atomic_store_explicit(&ask->answered, true, memory_order_release);
}

static void *read_box(void *arg)
{
	struct reader *r = arg;
	struct shard_letter letter;

	while (!atomic_load(&r->stop)) {
		if (!leat_shard_mail_take(&p.shard[0].from_control, &letter)) {
			usleep(100);
			continue;
		}
		if (letter.kind == SHARD_MAIL_ASK)
			answer(letter.what);
		if (letter.what != &p.shard[0].audit && r->seen_cnt < SEEN_MAX)
			r->seen[r->seen_cnt++] = letter;
	}
	return NULL;
}

static int begin(void **state)
{
	(void)state;
	p = (struct plane){.shard_cnt = 1, .clock = shard_clock_start_kernel()};
	leat_shard_mail_init(&p.shard[0].from_control);
	return 0;
}

/* stand_still tells the shard more than its box holds, and gives what was said about it. */
static void stand_still(void)
{
	struct said s = said_begin();

	for (uint32_t i = 0; i < FLAPS; i++)
		leat_plane_use(&p, i % 2 == 0 ? SHARD_PORT_DOWN : SHARD_PORT_ON);
	leat_plane_tell(&p, 0, SHARD_MAIL_DRAIN);
	leat_plane_tell(&p, 0, SHARD_MAIL_ABORT);
	leat_plane_ask(&p, NULL, NULL);
	leat_plane_ask(&p, NULL, NULL); /* who is known to be silent is not waited for */
	said_end(&s, said, sizeof(said));
}

static uint32_t times_said(const char *what)
{
	uint32_t cnt = 0;

	for (const char *at = said; (at = strstr(at, what)) != NULL; at++)
		cnt++;
	return cnt;
}

static void nobody_waits_for_room_in_the_box_of_a_shard_that_stands_still(void **state)
{
	(void)state;
	stand_still();
	assert_false(p.shard[0].heard);
	assert_int_equal(times_said("shard 0 has 64 letters that it does not read"), 1);
	assert_int_equal(times_said("shard 0 did not answer for 1.0 s"), 1);
}

static void what_found_no_room_is_told_once_and_in_order_when_the_shard_turns_again(void **state)
{
	static const enum shard_mail_kind late[] = {
		SHARD_MAIL_PORT, SHARD_MAIL_DRAIN, SHARD_MAIL_ABORT, SHARD_MAIL_ASK};
	static struct reader r;

	(void)state;
	stand_still();
	assert_int_equal(pthread_create(&r.thread, NULL, read_box, &r), 0);
	while (!p.shard[0].heard) {
		leat_plane_wait(&p, leat_plane_now(&p) + LOOK_NS);
		leat_plane_ask(&p, NULL, NULL);
	}
	atomic_store(&r.stop, true);
	pthread_join(r.thread, NULL);
	assert_int_equal(p.shard[0].counts.turns, TURNS);
	assert_int_equal(p.shard[0].late, 0);
	assert_true(r.seen_cnt >= SHARD_MAIL_SLOTS + COUNT_OF(late));
	for (uint32_t i = 0; i < SHARD_MAIL_SLOTS; i++)
		assert_int_equal(r.seen[i].kind, SHARD_MAIL_PORT);
	for (uint32_t i = 0; i < COUNT_OF(late); i++)
		assert_int_equal(r.seen[SHARD_MAIL_SLOTS + i].kind, late[i]);
	/* Of all that was said of the port the last holds. */
	assert_ptr_equal(r.seen[SHARD_MAIL_SLOTS].what, shard_letter_port(SHARD_PORT_ON).what);
}

/* Gigabytes take long to prepare: who wants it to end is not to wait for them. */
static void a_signal_ends_the_taking_of_memory(void **state)
{
	const size_t octets = 2 * NIC_NUMA_HUGE_OCTETS;
	const struct timespec at_once = {0};
	sigset_t term;

	(void)state;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	leat_plane_block_signals();
	p.touch = true;
	for (uint32_t i = 0; i < 3; i++) {
		if (i == 1)
			raise(SIGTERM);
		void *mem = leat_plane_take(&p, octets, 0);

		assert_int_equal(mem == NULL, i == 1);
		if (mem != NULL)
			leat_nic_numa_free(mem, octets);
		else
			assert_int_equal(sigtimedwait(&term, NULL, &at_once), SIGTERM);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_signal_ends_the_taking_of_memory, begin),
		cmocka_unit_test_setup(
			nobody_waits_for_room_in_the_box_of_a_shard_that_stands_still, begin),
		cmocka_unit_test_setup(
			what_found_no_room_is_told_once_and_in_order_when_the_shard_turns_again,
			begin),
	};

	leat_plane_block_signals();
	return cmocka_run_group_tests_name("plane", tests, NULL, NULL);
}
