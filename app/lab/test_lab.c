/* SPDX-License-Identifier: BSD-3-Clause */
#include "lab.h"
#include "lab_print.h"
#include "lab_text.h"
#include "lab_wire.h"
#include "opt_lab.h"

#include "base_bits.h"
#include "base_prng.h"
#include "base_time.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SEEDS 3

static const struct lab_world small = {.seed = 1,
	.packet_life_ns = 500 * TIME_MS,
	.connect_reuse_ns = TIME_S,
	.connect_cnt = 300,
	.port_cnt = 24,
	.octets = 65536};

static struct lab_result run(const struct lab_world *world, const struct lab_case *c)
{
	struct lab_result r;

	assert_true(leat_lab_run(world, c, &r));
	return r;
}

/* A wire that keeps back, many connects, the clock of RFC 6528 for sequence numbers, and nobody who
 * waits: octets of one connection end up in another. */
static void a_stale_octet_is_accepted_where_nobody_waits(void **state)
{
	struct lab_world world = small;

	(void)state;
	for (world.seed = 1; world.seed <= SEEDS; world.seed++) {
		for (uint32_t close = 0; close < LAB_CLOSE_CNT; close++) {
			struct lab_case c = {.time_wait_ns = TIME_MS,
				.close = close,
				.reorder_millionths = 50000,
				.rate = 300};
			struct lab_result r = run(&world, &c);

			print_message("# seed %" PRIu64 ", %s waits: %" PRIu64 " stale octets\n",
				world.seed, leat_lab_close_name[close], r.stale_octets_accepted);
			assert_false(r.protected);
			assert_true(r.stale_octets_accepted > 0);
			assert_true(r.stale_segs_accepted > 0);
			assert_true(r.stale_segs_accepted <= r.stale_octets_accepted);

			c.timestamps = true; /* PAWS knows them without TIME-WAIT */
			assert_int_equal(run(&world, &c).stale_octets_accepted, 0);
			c.timestamps = false;
			c.time_wait_ns = leat_lab_life(&world, &c);
			assert_int_equal(run(&world, &c).stale_octets_accepted, 0);
		}
	}
}

static void who_closed_second_is_reset_where_nobody_waits(void **state)
{
	struct lab_world world = small;

	(void)state;
	world.octets = 2000;
	for (world.seed = 1; world.seed <= SEEDS; world.seed++) {
		for (uint32_t close = 0; close < LAB_CLOSE_CNT; close++) {
			struct lab_case c = {.time_wait_ns = TIME_MS,
				.close = close,
				.loss_millionths = 100000,
				.rate = 20};
			struct lab_result r = run(&world, &c);

			assert_false(r.protected);
			assert_true(r.resets_after_lost_ack > 0);
			c.time_wait_ns = leat_lab_life(&world, &c);
			r = run(&world, &c);
			assert_true(r.protected);
			assert_int_equal(r.resets_after_lost_ack, 0);
			assert_int_equal(r.failed, 0);
		}
	}
}

/* The client's own connect comes after a second: too early while the server may still say its FIN
 * again, which is what "safe" means; in time when it waits as long as that. */
static void a_connect_that_takes_over_is_safe_when_it_waits_for_a_packets_life(void **state)
{
	struct lab_world world = {.seed = 1,
		.packet_life_ns = 8 * TIME_S,
		.connect_reuse_ns = TIME_S,
		.connect_cnt = 300,
		.port_cnt = 8,
		.octets = 1000};
	struct lab_case c = {.time_wait_ns = 60 * TIME_S,
		.close = LAB_CLOSE_CLIENT,
		.reuse = LAB_REUSE_CONNECT,
		.timestamps = true,
		.loss_millionths = 100000,
		.rate = 4};
	uint64_t resets = 0;

	(void)state;
	for (; world.seed <= SEEDS; world.seed++) {
		struct lab_result r = run(&world, &c);

		assert_false(r.protected);
		assert_true(r.reused > 0);
		resets += r.resets_after_lost_ack;
	}
	assert_true(resets > 0);
	world.connect_reuse_ns = world.packet_life_ns;
	struct lab_result r = run(&world, &c);
	assert_true(r.protected);
	assert_true(r.reused > 0);
	assert_int_equal(r.resets_after_lost_ack, 0);
}

/* One of all that is protected, 2MSL often exactly as long as it must be. */
static bool protected_case(struct prng *p, struct lab_world *world, struct lab_case *c)
{
	*world = (struct lab_world){.seed = 1 + leat_prng_below(p, 1000000),
		.packet_life_ns = (40 + leat_prng_below(p, 4000)) * TIME_MS,
		.connect_reuse_ns = (1 + leat_prng_below(p, 4000)) * TIME_MS,
		.connect_cnt = 20 + leat_prng_below(p, 200),
		.port_cnt = 1 + leat_prng_below(p, 32),
		.octets = 1 + leat_prng_below(p, 70000)};
	*c = (struct lab_case){.close = leat_prng_below(p, LAB_CLOSE_CNT),
		.reuse = leat_prng_below(p, LAB_REUSE_CNT),
		.timestamps = leat_prng_below(p, 2) > 0,
		.loss_millionths = leat_prng_below(p, 3) > 0 ? leat_prng_below(p, 300000) : 0,
		.reorder_millionths = leat_prng_below(p, 3) > 0 ? leat_prng_below(p, 300000) : 0,
		.rate = 1 + leat_prng_below(p, 2000)};
	c->time_wait_ns = leat_lab_life(world, c);
	if (leat_prng_below(p, 2) > 0)
		c->time_wait_ns += leat_prng_below(p, 60000) * TIME_MS;
	return leat_lab_makes_sense(c) && leat_lab_is_protected(world, c);
}

static void nothing_goes_wrong_in_any_case_that_is_protected(void **state)
{
	uint64_t seed = 7, completed = 0, reused = 0, refused = 0;
	struct lab_world world;
	struct lab_case c;
	struct prng p;

	(void)state;
	print_message("# seed %" PRIu64 "\n", seed);
	leat_prng_seed(&p, seed);
	for (uint32_t i = 0; i < 300; i++) {
		if (!protected_case(&p, &world, &c))
			continue;
		struct lab_result r = run(&world, &c);
		if (r.stale_octets_accepted > 0 || r.resets_after_lost_ack > 0 || r.failed > 0)
			fail_msg("case %u of seed %" PRIu64, i, seed);
		assert_int_equal(r.connects, world.connect_cnt);
		assert_int_equal(r.connects, r.completed + r.connects_refused);
		completed += r.completed;
		reused += r.reused;
		refused += r.connects_refused;
	}
	assert_true(completed > 1000 && reused > 100 && refused > 100);
}

/* Rate x 2MSL is what waits; more than there are ports is refused, to the last connect. */
static void connects_are_refused_when_ports_run_out(void **state)
{
	struct lab_case c = {.time_wait_ns = TIME_S, .close = LAB_CLOSE_CLIENT, .rate = 20};
	struct lab_result r = run(&small, &c);

	(void)state;
	assert_int_equal(r.connects_refused, 0);
	assert_int_equal(r.peak_time_wait, 20);
	c.time_wait_ns = 60 * TIME_S;
	r = run(&small, &c);
	assert_int_equal(r.connects_refused, small.connect_cnt - small.port_cnt);
	assert_int_equal(r.peak_time_wait, small.port_cnt);
	c.close = LAB_CLOSE_SERVER;
	r = run(&small, &c);
	assert_int_equal(r.connects_refused, small.connect_cnt - small.port_cnt);
	c.reuse = LAB_REUSE_TIMESTAMPS;
	c.timestamps = true;
	r = run(&small, &c);
	assert_int_equal(r.connects_refused, 0);
	assert_int_equal(r.reused, small.connect_cnt - small.port_cnt);
	assert_true(r.peak_octets >= r.peak_time_wait);
	assert_int_equal(r.peak_octets % r.peak_time_wait, 0);
}

static void life_is_as_long_as_the_wire_and_the_ends_can_make_it(void **state)
{
	struct lab_case c = {.rate = 1};

	(void)state;
	assert_int_equal(leat_lab_life(&small, &c), 2 * LAB_DELAY_NS);
	c.reorder_millionths = 1;
	assert_int_equal(leat_lab_life(&small, &c), small.packet_life_ns / 2);
	c.loss_millionths = 1;
	assert_int_equal(leat_lab_life(&small, &c), small.packet_life_ns);
	c.time_wait_ns = small.packet_life_ns - 1;
	assert_false(leat_lab_is_protected(&small, &c));
	c.time_wait_ns++;
	assert_true(leat_lab_is_protected(&small, &c));
}

static void octets_tell_whose_they_are(void **state)
{
	uint8_t whole[512], piece[512];
	struct prng p;

	(void)state;
	leat_prng_seed(&p, 1);
	lab_text_make(9, 3, whole, sizeof(whole));
	for (uint32_t i = 0; i < 1000; i++) {
		uint32_t from = leat_prng_below(&p, 400), octets = leat_prng_below(&p, 112);

		lab_text_make(9, 3 + from, piece, octets);
		assert_memory_equal(piece, whole + from, octets);
		assert_int_equal(lab_text_foreign(9, 3 + from, piece, octets), 0);
	}
	assert_true(lab_text_foreign(8, 3, whole, sizeof(whole)) > sizeof(whole) * 9 / 10);
	assert_true(lab_text_foreign(9, 4, whole, sizeof(whole)) > sizeof(whole) * 9 / 10);
	whole[100] ^= 1;
	assert_int_equal(lab_text_foreign(9, 3, whole, sizeof(whole)), 1);
}

static void frames_arrive_in_order_of_time_and_then_of_sending(void **state)
{
	struct lab_wire *w = leat_lab_wire_new();
	uint64_t at = 0, nth = 0;
	struct prng p;

	(void)state;
	assert_non_null(w);
	leat_prng_seed(&p, 1);
	for (uint32_t i = 0; i < LAB_BUF_MAX; i++) {
		struct lab_frame *f = leat_lab_wire_take(w);
		assert_non_null(f);
		f->at = leat_prng_below(&p, 1000);
		leat_lab_wire_put(w, f);
	}
	assert_true(leat_lab_wire_is_full(w));
	assert_null(leat_lab_wire_take(w));
	for (uint32_t i = 0; i < LAB_BUF_MAX; i++) {
		struct lab_frame *f = leat_lab_wire_pop(w);
		assert_true(f->at > at || (f->at == at && (i == 0 || f->nth > nth)));
		at = f->at;
		nth = f->nth;
		leat_lab_wire_give(w, f);
	}
	assert_int_equal(leat_lab_wire_at(w), TIME_NEVER);
	assert_false(leat_lab_wire_is_full(w));
	assert_non_null(leat_lab_wire_take(w));
	leat_lab_wire_free(w);
}

/* What a command prints, and its chart: two texts to free. */
struct printed {
	char *text, *svg;
	uint32_t row_cnt, broken, with_stale, with_resets;
};

static struct printed print(int argc, char **argv, enum lab_form form)
{
	struct printed p = {0};
	struct lab_options o;
	size_t octets;

	assert_int_equal(
		leat_opt_parse(&leat_opt_lab, argc, argv, &o, NULL, stderr), OPT_RESULT_OK);
	p.row_cnt = leat_lab_sweep_cases(&o.sweep, NULL, 0);
	struct lab_row *row = calloc(p.row_cnt, sizeof(*row));
	assert_non_null(row);
	struct lab_report report = {.out = open_memstream(&p.text, &octets),
		.form = form,
		.version = "1",
		.argc = argc,
		.argv = argv,
		.sweep = &o.sweep,
		.row = row,
		.row_cnt = p.row_cnt};
	assert_non_null(report.out);
	assert_int_equal(leat_lab_sweep_cases(&o.sweep, row, p.row_cnt), p.row_cnt);
	leat_lab_print_begin(&report);
	for (uint32_t i = 0; i < p.row_cnt; i++) {
		row[i].result = run(&o.sweep.world, &row[i].c);
		p.with_stale += row[i].result.stale_octets_accepted > 0;
		p.with_resets += row[i].result.resets_after_lost_ack > 0;
		leat_lab_print_row(&report, i);
	}
	leat_lab_print_end(&report);
	p.broken = leat_lab_broken(row, p.row_cnt);
	fclose(report.out);
	FILE *svg = open_memstream(&p.svg, &octets);
	assert_non_null(svg);
	leat_lab_svg(&report, svg);
	fclose(svg);
	free(row);
	return p;
}

static void printed_free(struct printed *p)
{
	free(p->text);
	free(p->svg);
}

/* The sweep of `leat lab`, whichever seed: the failures of the textbook where protection is off,
 * none where it is on. */
static void the_default_sweep_shows_both_failures_and_only_unprotected(void **state)
{
	char seed[][2] = {"1", "2", "3"};

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(seed); i++) {
		char name[] = "lab", connections[] = "-c100", option[] = "--seed";
		char *argv[] = {name, connections, option, seed[i], NULL};
		struct printed p = print(4, argv, LAB_FORM_TABLE);

		assert_int_equal(p.broken, 0);
		assert_true(p.with_stale > 0);
		assert_true(p.with_resets > 0);
		assert_null(strstr(p.text, "FAILED"));
		printed_free(&p);
	}
}

static void the_same_seed_gives_the_same_text_and_chart(void **state)
{
	char name[] = "lab", connections[] = "-c20", one[] = "--seed=1", two[] = "--seed=2";
	char *argv[] = {name, connections, one, NULL}, *other[] = {name, connections, two, NULL};
	struct printed first = print(3, argv, LAB_FORM_CSV), again = print(3, argv, LAB_FORM_CSV);
	struct printed differs = print(3, other, LAB_FORM_CSV);

	(void)state;
	assert_string_equal(first.text, again.text);
	assert_string_equal(first.svg, again.svg);
	assert_string_not_equal(first.text, differs.text);
	printed_free(&first);
	printed_free(&again);
	printed_free(&differs);
}

static uint32_t count(const char *text, const char *what)
{
	uint32_t cnt = 0;

	for (; (text = strstr(text, what)) != NULL; text++)
		cnt++;
	return cnt;
}

static void the_forms_say_the_same(void **state)
{
	char name[] = "lab", time_wait[] = "--time-wait=1ms,1s", connections[] = "-c5",
	     svg[] = "--svg=a\"b\\.svg";
	char *argv[] = {name, time_wait, connections, svg, NULL};
	struct printed table = print(4, argv, LAB_FORM_TABLE);
	struct printed csv = print(4, argv, LAB_FORM_CSV);
	struct printed json = print(4, argv, LAB_FORM_JSON);

	(void)state;
	assert_int_equal(count(csv.text, "\n"), csv.row_cnt + 1);
	assert_int_equal(strncmp(csv.text, "time_wait_ns,close,reuse,timestamps,", 36), 0);
	assert_int_equal(count(json.text, "\"stale_octets_accepted\":"), json.row_cnt);
	assert_int_equal(count(json.text, "\"protected\":true"),
		count(csv.text, ",true,") - count(json.text, "\"timestamps\":true"));
	assert_int_equal(count(table.text, " yes "), count(json.text, "\"protected\":true"));
	assert_non_null(strstr(json.text, "\"command\":\"leat lab --time-wait=1ms,1s -c5 "
					  "--svg=a\\\"b\\\\.svg\""));
	assert_int_equal(count(table.svg, "<rect"), 2 + 4 * table.row_cnt);
	assert_string_equal(table.svg, json.svg);
	printed_free(&table);
	printed_free(&csv);
	printed_free(&json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stale_octet_is_accepted_where_nobody_waits),
		cmocka_unit_test(who_closed_second_is_reset_where_nobody_waits),
		cmocka_unit_test(
			a_connect_that_takes_over_is_safe_when_it_waits_for_a_packets_life),
		cmocka_unit_test(nothing_goes_wrong_in_any_case_that_is_protected),
		cmocka_unit_test(connects_are_refused_when_ports_run_out),
		cmocka_unit_test(life_is_as_long_as_the_wire_and_the_ends_can_make_it),
		cmocka_unit_test(octets_tell_whose_they_are),
		cmocka_unit_test(frames_arrive_in_order_of_time_and_then_of_sending),
		cmocka_unit_test(the_default_sweep_shows_both_failures_and_only_unprotected),
		cmocka_unit_test(the_same_seed_gives_the_same_text_and_chart),
		cmocka_unit_test(the_forms_say_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
