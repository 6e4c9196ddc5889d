/* SPDX-License-Identifier: BSD-3-Clause */

/* The word that a load waits for, given by two at once. */

#include "base_bits.h"
#include "base_time.h"
#include "ctl.h"
#include "gate.h"
#include "test_said.h"
#include "when.h"

#include <pthread.h>
#include <sched.h>

#define ROUNDS 20000
#define SPINS  1000
#define NOW    (1000 * TIME_S)

static atomic_uint round_no, met, done;

static void await(atomic_uint *what, uint32_t least)
{
	for (uint32_t i = 0; atomic_load(what) < least; i++)
		if (i > SPINS)
			sched_yield();
}

/* leat_when_read is where the two meet, so that they go on at one time. */
bool leat_when_read(const char *text, uint64_t now, uint64_t *at, char *why, size_t size)
{
	(void)why;
	(void)size;
	*at = now + (uint64_t)(*text - '0') * TIME_S;
	atomic_fetch_add(&met, 1);
	await(&met, 2 * atomic_load(&round_no));
	return true;
}

void leat_when_text(uint64_t at, char text[WHEN_TEXT_MAX])
{
	(void)at;
	*text = '\0';
}

uint64_t leat_shard_clock_wall_ns(void)
{
	return NOW;
}

/* begins says whether the one who asks for so many seconds from now is told that it begins. */
static bool begins(uint32_t seconds)
{
	char said[256] = "", words[2] = {(char)('0' + seconds), '\0'};
	struct ctl_client q = {0};

	said_to(&q, leat_ctl_begin, words, said, sizeof(said));
	return strncmp(said, "ok\n", 3) == 0;
}

static void *ask(void *arg)
{
	bool *began = arg;

	for (uint32_t round = 1; round <= ROUNDS; round++) {
		await(&round_no, round);
		*began = begins(5);
		atomic_fetch_add(&done, 1);
	}
	return NULL;
}

static void the_instant_is_that_of_the_one_who_was_told_so(void **state)
{
	bool other = false;
	pthread_t thread;
	uint32_t wrong = 0;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, ask, &other), 0);
	for (uint32_t round = 1; round <= ROUNDS; round++) {
		uint64_t at = 1;

		leat_gate_shut();
		assert_false(leat_gate_look(&at));
		assert_int_equal(at, 0);
		atomic_store(&round_no, round);
		bool ours = begins(2);
		await(&done, round);
		assert_true(leat_gate_look(&at));
		wrong += ours == other || at != NOW + (ours ? 2 : 5) * TIME_S;
	}
	pthread_join(thread, NULL);
	assert_int_equal(wrong, 0);
}

static void says(const char *words, const char *what)
{
	char said[256] = "", line[16];
	struct ctl_client q = {0};

	snprintf(line, sizeof(line), "%s", words);
	said_to(&q, leat_ctl_begin, line, said, sizeof(said));
	if (strstr(said, what) == NULL)
		fail_msg("`%s` is not in `%s`", what, said);
}

static void the_second_word_is_told_what_the_first_one_did(void **state)
{
	(void)state;
	leat_gate_shut();
	says("2", "ok\nstarts at ");
	says("", "no 1 - it waits for its instant already: it starts at ");
	says("5", "no 1 - it waits for its instant already: it starts at ");
	leat_gate_shut();
	says("", "ok\nstarts now\n");
	says("", "it runs already");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_instant_is_that_of_the_one_who_was_told_so),
		cmocka_unit_test(the_second_word_is_told_what_the_first_one_did),
	};

	leat_gate_block();
	return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}
