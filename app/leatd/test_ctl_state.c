/* SPDX-License-Identifier: BSD-3-Clause */

/* What an instance says of itself, and what it tells shards whose boxes are full. */

#include "base_bits.h"
#include "base_prng.h"
#include "base_time.h"
#include "ctl.h"
#include "sight.h"
#include "test_said.h"

#define SHARDS 3
#define ROUNDS 300
#define STEPS  40
#define SEED   UINT64_C(42)

/* A shard that reads its box, or stands still with one that has so much room. */
static struct fake {
	struct shard_mail box;
	bool turns;
	bool drains; /* by what it has read */
} fake[SHARDS];

static struct plane plane = {.shard_cnt = SHARDS};
static struct ctl ctl;
static char said[2048];

bool leat_ctl_turns(struct ctl *c, uint32_t shard)
{
	(void)c;
	return fake[shard].turns;
}

bool leat_ctl_put(struct ctl *c, uint32_t shard, struct shard_letter letter)
{
	(void)c;
	return leat_shard_mail_put(&fake[shard].box, letter);
}

bool leat_ctl_scan(struct ctl_scan *q)
{
	q->matched = 0;
	return true;
}

bool leat_ctl_pause(struct ctl_client *q, uint64_t for_ns)
{
	(void)q;
	(void)for_ns;
	return false;
}

const char *leat_ctl_config_path(void)
{
	return NULL;
}

void leat_sight_drains(struct sight *s, bool drains)
{
	(void)s;
	(void)drains;
	fail_msg("nothing is to be seen of this instance");
}

static void ask(void (*verb)(struct ctl_client *q, char *words), const char *text)
{
	struct ctl_client q = {.ctl = &ctl};

	said_to(&q, verb, text, said, sizeof(said));
}

static int begin(void **state)
{
	static const struct ctl_role role = {
		.verb = "try", .two_msl_ns = 5 * TIME_S, .drains = true};

	(void)state;
	ctl = (struct ctl){.plane = &plane, .role = &role, .path = "/run/leat/try.sock"};
	pthread_mutex_init(&ctl.changing, NULL);
	for (uint32_t i = 0; i < SHARDS; i++) {
		fake[i] = (struct fake){.turns = true};
		leat_shard_mail_init(&fake[i].box);
	}
	return 0;
}

static void read_box(struct fake *f)
{
	struct shard_letter letter;

	while (leat_shard_mail_take(&f->box, &letter))
		if (letter.kind == SHARD_MAIL_DRAIN || letter.kind == SHARD_MAIL_UNDRAIN)
			f->drains = letter.kind == SHARD_MAIL_DRAIN;
}

static void an_instance_that_shows_no_numbers_tells_of_itself(void **state)
{
	(void)state;
	ask(leat_ctl_info, "");
	assert_non_null(strstr(said, "verb       try\n"));
	assert_non_null(strstr(said, "\n2MSL       5"));
	ask(leat_ctl_info, "form=json");
	assert_non_null(strstr(said, "\"two_msl_ns\":5000000000,"));
}

/* full fills what is left of the box of a shard that stands still. */
static void full(struct fake *f)
{
	f->turns = false;
	while (leat_shard_mail_put(&f->box, (struct shard_letter){SHARD_MAIL_WALK, NULL}))
		;
}

static void a_shard_whose_box_was_full_is_told_when_it_reads_again(void **state)
{
	(void)state;
	ask(leat_ctl_drain, "");
	for (uint32_t i = 0; i < SHARDS; i++)
		read_box(&fake[i]);
	assert_true(fake[1].drains);
	full(&fake[1]);
	ask(leat_ctl_undrain, "");
	assert_non_null(
		strstr(said, "note: shard 1 does not turn; it will do it when it turns again\n"));
	leat_ctl_state_sweep(&ctl); /* there is no room yet */
	read_box(&fake[1]);
	assert_true(fake[1].drains);
	leat_ctl_state_sweep(&ctl);
	read_box(&fake[1]);
	assert_false(fake[1].drains);
	leat_ctl_state_sweep(&ctl);
	for (uint32_t i = 0; i < SHARDS; i++)
		assert_int_equal(atomic_load(&fake[i].box.tail) - (i == 1 ? 64 : 0), 2);
}

static void whoever_stands_still_the_last_word_is_what_all_do(void **state)
{
	struct prng p;

	(void)state;
	leat_prng_seed(&p, SEED);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		bool drains = false;

		begin(NULL);
		for (uint32_t step = 0; step < STEPS; step++) {
			struct fake *f = &fake[leat_prng_below(&p, SHARDS)];
			uint32_t what = leat_prng_below(&p, 5);

			if (what == 0)
				full(f);
			else if (what == 1)
				read_box(f);
			else if (what == 2)
				leat_ctl_state_sweep(&ctl);
			else
				drains = what == 3;
			if (what >= 3)
				ask(drains ? leat_ctl_drain : leat_ctl_undrain, "");
		}
		for (uint32_t i = 0; i < 2 * SHARDS; i++) {
			read_box(&fake[i % SHARDS]);
			leat_ctl_state_sweep(&ctl);
		}
		for (uint32_t i = 0; i < SHARDS; i++)
			if (fake[i].drains != drains)
				fail_msg("seed %ju, round %u: shard %u", (uintmax_t)SEED, round, i);
	}
}

static void a_sweep_waits_for_nobody_who_changes_something(void **state)
{
	(void)state;
	full(&fake[0]);
	ask(leat_ctl_drain, "");
	read_box(&fake[0]);
	pthread_mutex_lock(&ctl.changing);
	leat_ctl_state_sweep(&ctl);
	pthread_mutex_unlock(&ctl.changing);
	assert_false(fake[0].drains);
	leat_ctl_state_sweep(&ctl);
	read_box(&fake[0]);
	assert_true(fake[0].drains);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(an_instance_that_shows_no_numbers_tells_of_itself, begin),
		cmocka_unit_test_setup(
			a_shard_whose_box_was_full_is_told_when_it_reads_again, begin),
		cmocka_unit_test(whoever_stands_still_the_last_word_is_what_all_do),
		cmocka_unit_test_setup(a_sweep_waits_for_nobody_who_changes_something, begin),
	};

	return cmocka_run_group_tests_name("ctl_state", tests, NULL, NULL);
}
