/* SPDX-License-Identifier: BSD-3-Clause */
#include "shard_mail.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define LETTER_CNT 200000

static struct shard_mail box;

static struct shard_letter letter_of(uintptr_t number)
{
	return (struct shard_letter){SHARD_MAIL_FRAME, (void *)number};
}

static void letters_come_in_the_order_in_which_they_were_put(void **state)
{
	struct shard_letter letter;

	(void)state;
	leat_shard_mail_init(&box);
	assert_false(leat_shard_mail_take(&box, &letter));
	for (uintptr_t round = 0; round < 10; round++) {
		for (uintptr_t i = 1; i <= 50; i++)
			assert_true(leat_shard_mail_put(&box, letter_of(round * 100 + i)));
		for (uintptr_t i = 1; i <= 50; i++) {
			assert_true(leat_shard_mail_take(&box, &letter));
			assert_int_equal((uintptr_t)letter.what, round * 100 + i);
		}
		assert_false(leat_shard_mail_take(&box, &letter));
	}
}

static void a_full_box_refuses_and_keeps_what_it_has(void **state)
{
	struct shard_letter letter;

	(void)state;
	leat_shard_mail_init(&box);
	for (uintptr_t i = 1; i <= SHARD_MAIL_SLOTS; i++)
		assert_true(leat_shard_mail_put(&box, letter_of(i)));
	assert_false(leat_shard_mail_put(&box, letter_of(999)));
	assert_true(leat_shard_mail_take(&box, &letter));
	assert_int_equal((uintptr_t)letter.what, 1);
	assert_true(leat_shard_mail_put(&box, letter_of(SHARD_MAIL_SLOTS + 1)));
	for (uintptr_t i = 2; i <= SHARD_MAIL_SLOTS + 1; i++) {
		assert_true(leat_shard_mail_take(&box, &letter));
		assert_int_equal((uintptr_t)letter.what, i);
	}
}

static void the_counters_may_wrap(void **state)
{
	struct shard_letter letter;

	(void)state;
	leat_shard_mail_init(&box);
	atomic_store(&box.head, UINT32_MAX - 5);
	atomic_store(&box.tail, UINT32_MAX - 5);
	for (uintptr_t i = 1; i <= SHARD_MAIL_SLOTS; i++)
		assert_true(leat_shard_mail_put(&box, letter_of(i)));
	assert_false(leat_shard_mail_put(&box, letter_of(1)));
	for (uintptr_t i = 1; i <= SHARD_MAIL_SLOTS; i++) {
		assert_true(leat_shard_mail_take(&box, &letter));
		assert_int_equal((uintptr_t)letter.what, i);
	}
	assert_false(leat_shard_mail_take(&box, &letter));
}

/* A letter hands over what it points to: the writer fills a word and never touches it again. */
static uintptr_t word[LETTER_CNT];

static void *write_letters(void *arg)
{
	(void)arg;
	for (uintptr_t i = 0; i < LETTER_CNT; i++) {
		word[i] = i * 3;
		while (!leat_shard_mail_put(&box, (struct shard_letter){SHARD_MAIL_ASK, &word[i]}))
			sched_yield();
	}
	return NULL;
}

static void two_threads_lose_nothing_and_see_what_was_handed_over(void **state)
{
	struct shard_letter letter;
	pthread_t writer;
	uintptr_t wrong_cnt = 0;

	(void)state;
	leat_shard_mail_init(&box);
	assert_int_equal(pthread_create(&writer, NULL, write_letters, NULL), 0);
	for (uintptr_t i = 0; i < LETTER_CNT; i++) {
		while (!leat_shard_mail_take(&box, &letter))
			sched_yield();
		wrong_cnt += letter.what != &word[i];
		wrong_cnt += *(uintptr_t *)letter.what != i * 3;
	}
	assert_int_equal(pthread_join(writer, NULL), 0);
	assert_int_equal(wrong_cnt, 0);
	assert_false(leat_shard_mail_take(&box, &letter));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(letters_come_in_the_order_in_which_they_were_put),
		cmocka_unit_test(a_full_box_refuses_and_keeps_what_it_has),
		cmocka_unit_test(the_counters_may_wrap),
		cmocka_unit_test(two_threads_lose_nothing_and_see_what_was_handed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
