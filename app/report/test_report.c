/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_bits.h"
#include "base_time.h"
#include "report_diff.h"
#include "report_dir.h"
#include "report_html.h"
#include "report_merge.h"
#include "report_read.h"
#include "test_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct draw draw;
static struct report_run run[DRAW_PARTS];
static struct load_result merged;
static struct load_second second[DRAW_SECONDS * 4];

/* json_of is the JSON of r, until its next but one call. */
static const char *json_of(const struct load_result *r, size_t *octets)
{
	static char text[2][1 << 20];
	static uint32_t nth;
	FILE *out = fmemopen(text[++nth % 2], sizeof(text[0]), "w");

	assert_non_null(out);
	leat_load_json(r, out);
	*octets = (size_t)ftell(out);
	assert_int_equal(fclose(out), 0);
	assert_in_range(*octets, 1, sizeof(text[0]) - 1);
	return text[nth % 2];
}

static void read_back(const struct load_result *r, struct report_run *to)
{
	char why[REPORT_WHY_MAX];
	size_t octets;
	const char *text = json_of(r, &octets);

	if (!leat_report_read(to, text, octets, why, sizeof(why)))
		fail_msg("%s", why);
}

static void what_was_read_is_written_again_octet_for_octet(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		size_t octets[2];

		draw_run(&draw, seed, 1 + (uint32_t)seed % DRAW_PARTS, (uint32_t)(seed * 97));
		draw.whole.counters.bad = (struct load_bad){.seen = seed % 2 != 0,
			.status = (uint16_t)(seed * 50 % 1000),
			.octets = seed % 3 != 0 ? seed * 1000 : LOAD_LENGTH_NONE,
			.wanted = seed % 5 != 0 ? LOAD_LENGTH_MAX : LOAD_LENGTH_NONE};
		read_back(&draw.whole, &run[0]);
		const char *before = json_of(&draw.whole, &octets[0]);
		const char *after = json_of(&run[0].r, &octets[1]);
		print_message("# seed %ju\n", (uintmax_t)seed);
		assert_string_equal(before, after);
		leat_report_free(&run[0]);
	}
}

/* with puts text in the place of what, the first there is, and reads it. */
static bool with(const char *what, const char *text, char *why)
{
	size_t octets;
	const char *json = json_of(&draw.whole, &octets), *at = strstr(json, what);
	char *bent = malloc(octets + strlen(text) + 1);

	assert_non_null(at);
	assert_non_null(bent);
	sprintf(bent, "%.*s%s%s", (int)(at - json), json, text, at + strlen(what));
	bool good = leat_report_read(&run[0], bent, strlen(bent), why, REPORT_WHY_MAX);
	if (good)
		leat_report_free(&run[0]);
	free(bent);
	return good;
}

static void a_bad_file_is_refused_with_the_field_that_is_wrong(void **state)
{
	static const struct {
		const char *what, *text, *why;
	} row[] = {
		{"{\"schema\"", "\"schema\"",
			"line 1, column 8: no JSON: '[' or '{' expected near "
			"'\"schema\"'"},
		{"leat.run/1", "leat.run/2", "schema: is not leat.run/1"},
		{"\"name\":\"lab\"", "\"name\":3", "name: is no text"},
		{"\"1/1\"", "\"2/1\"", "segment: is none, as 2/5 is"},
		{"\"1/1\"", "\"1/1 \"", "segment: is none, as 2/5 is"},
		{"\"partial\":false", "\"partial\":0", "partial: is neither true nor false"},
		{"T09:30:00", " 09:30:00",
			"planned_start: is no time like 2026-11-21T09:30:00.000Z"},
		{"\"seconds\":12.0", "\"seconds\":-12.0", "seconds: is out of range"},
		{"\"planned\":1000,", "", "connections.planned: is missing"},
		{"\"planned\":1000,", "\"planned\":1000.5,",
			"connections.planned: is no whole number"},
		{"\"started\":9", "\"started\":1",
			"connections.completed: are more than were started"},
		{"\"failed\":{", "\"failed\":[],\"x\":{", "connections.failed: is no object"},
		{"\"open\"", "\"ajar\"", "plan.model: is neither open nor closed"},
		{"\"digits\":2", "\"digits\":3",
			"latency.digits: 3 significant digits; this leat reads and merges "
			"histograms of 2"},
		{"\"slots\":[", "\"slots\":[[3840,1],",
			"latency.connect.slots[0]: is no slot and its count, in rising order"},
		{"\"slots\":[", "\"slots\":[[3839,1],",
			"latency.connect.slots[1]: is no slot and its count, in rising order"},
		{"\"slots\":[", "\"slots\":[[0,-1],",
			"latency.connect.slots[0]: is no slot and its count, in rising order"},
		{"\"slots\":[", "\"slots\":[[0],",
			"latency.connect.slots[0]: is no slot and its count, in rising order"},
		{"\"connect\":{\"count\":9", "\"connect\":{\"count\":8",
			"latency.connect.count: is not what its slots add up to"},
		{"\"busy\":0.0", "\"busy\":1.5", "limits.busiest_shard.busy: is no share of 1"},
		{"\"shards\":2}", "\"shards\":3}",
			"shards: are not as many as environment.shards says"},
		{"errors == 0", "errors = 0",
			"expect.rule[1]: `errors = 0` does not compare: one of < <= == >= > behind "
			"errors"},
		{"\"t\",", "", "series.columns: are not those of a run, each once"},
		{"\"t\",", "\"started\",", "series.columns: are not those of a run, each once"},
		{"\"rows\":[[", "\"rows\":[[],[",
			"series.rows[0]: is no row with a value in each column"},
		{"\"rows\":[[1.000000000", "\"rows\":[[\"1\"", "series.t[0]: is no number"},
		{"\"verdict\":\"", "\"verdict\":\"com",
			"verdict: is none of pass, fail and inconclusive"},
	};
	char why[REPORT_WHY_MAX];

	(void)state;
	draw_run(&draw, 1, 1, 1000);
	for (size_t i = 0; i < COUNT_OF(row); i++) {
		if (with(row[i].what, row[i].text, why))
			fail_msg("%s is taken", row[i].text);
		assert_string_equal(why, row[i].why);
	}
	assert_false(leat_report_read(&run[0], "[]", 2, why, sizeof(why)));
	assert_string_equal(why, "is no object of leat.run/1");
	assert_false(leat_report_read_file(&run[0], "/nowhere.json", why, sizeof(why)));
	assert_string_equal(why, "cannot be read: No such file or directory");
	assert_true(with("\"schema\"", "\"later\":[1,{}],\"schema\"", why)); /* is passed over */
	assert_true(run[0].r.intent.rest_ns == TIME_S);
	assert_true(
		with("\"pair_rest_s\"", "\"later\"", why)); /* of one who knew no --connect-reuse */
	assert_true(run[0].r.intent.rest_ns == 60 * TIME_S);
}

static void a_directory_without_a_report_is_told_which_file_lacks(void **state)
{
	char why[REPORT_WHY_MAX];

	(void)state;
	assert_false(leat_report_read_file(&run[0], "/proc/self", why, sizeof(why)));
	assert_string_equal(why, "its report.json cannot be read: No such file or directory");
}

static struct report_merge merge_of(uint32_t cnt)
{
	static const char *const name[DRAW_PARTS] = {"a.json", "b.json", "c.json", "d.json",
		"e.json", "f.json", "g.json", "h.json", "i.json"};

	for (uint32_t i = 0; i < cnt; i++)
		read_back(&draw.part[i], &run[i]);
	return (struct report_merge){.run = run, .name = name, .run_cnt = cnt};
}

static void free_runs(uint32_t cnt)
{
	for (uint32_t i = 0; i < cnt; i++)
		leat_report_free(&run[i]);
}

static void assert_same_counters(const struct load_counters *a, const struct load_counters *b)
{
	assert_memory_equal(a, b, sizeof(*a));
}

static void assert_same_run(const struct load_result *m, const struct load_result *whole)
{
	assert_same_counters(&m->counters, &whole->counters);
	assert_int_equal(m->steady_started, whole->steady_started);
	assert_int_equal(m->steady_completed, whole->steady_completed);
	for (uint32_t h = 0; h < LOAD_HIST_CNT; h++)
		assert_memory_equal(&m->hist[h], &whole->hist[h], sizeof(m->hist[h]));
	assert_int_equal(m->where.shard_cnt, whole->where.shard_cnt);
	for (uint32_t i = 0; i < whole->where.shard_cnt; i++)
		assert_same_counters(&m->shard[i].counters, &whole->shard[i].counters);
	assert_int_equal(m->second_cnt, whole->second_cnt);
	for (uint32_t i = 0; i < whole->second_cnt; i++)
		assert_memory_equal(&m->second[i], &whole->second[i], sizeof(m->second[i]));
	assert_int_equal(m->verdict, whole->verdict);
	for (uint32_t i = 0; i < whole->expect_cnt; i++)
		assert_string_equal(m->expect[i].text, whole->expect[i].text);
}

static void one_run_cut_into_segments_and_merged_equals_the_whole(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		uint32_t parts = 1 + (uint32_t)(seed % DRAW_PARTS);
		char why[REPORT_WHY_MAX] = "";

		print_message("# seed %ju\n", (uintmax_t)seed);
		draw_run(&draw, seed, parts, (uint32_t)(seed * seed * 11 % 5000));
		struct report_merge m = merge_of(parts);
		/* In any order: the first goes last. */
		struct report_run first = run[0];
		memmove(&run[0], &run[1], (parts - 1) * sizeof(run[0]));
		run[parts - 1] = first;
		assert_true(leat_report_merge_seconds(&m) <= COUNT_OF(second));
		assert_true(leat_report_merge(&m, &merged, second, why, sizeof(why)));
		assert_same_run(&merged, &draw.whole);
		assert_int_equal(merged.part_cnt, parts);
		free_runs(parts);
	}
}

static void refuse(struct report_merge *m, const char *text)
{
	char why[REPORT_WHY_MAX] = "";

	assert_false(leat_report_merge(m, &merged, second, why, sizeof(why)));
	assert_non_null(strstr(why, text));
}

static void what_is_of_another_plan_is_never_merged(void **state)
{
	static const char *const word[] = {"config hashes", "rates", "2MSLs", "--connect-reuse",
		"expectations", "numbers of segments", "both segment 2/3"};

	(void)state;
	draw_run(&draw, 3, 3, 500);
	for (uint32_t i = 0; i < COUNT_OF(word); i++) {
		struct report_merge m = merge_of(3);
		struct load_result *r = &run[2].r;

		m.anyway = true;
		if (i == 0)
			strcpy(r->where.config_hash, "other");
		else if (i == 1)
			r->intent.rate_milli++;
		else if (i == 2)
			r->intent.time_wait_ns++;
		else if (i == 3)
			r->intent.rest_ns++;
		else if (i == 4)
			r->expect_cnt--;
		else if (i == 5)
			r->where.segment_cnt++;
		else
			r->where.segment = 2;
		refuse(&m, word[i]);
		free_runs(3);
	}
}

/* assert_line: the report of r has a line that begins, or ends, so. */
static void assert_line(const struct load_result *r, const char *line)
{
	char *text = NULL;
	size_t octets = 0;
	FILE *out = open_memstream(&text, &octets);

	leat_load_print_report(r, out);
	fclose(out);
	if (strstr(text, line) == NULL)
		fail_msg("no %s\nin\n%s", line, text);
	free(text);
}

static void a_run_of_some_of_the_segments_says_so_and_plans_their_share(void **state)
{
	struct report_merge m;
	struct report_run again;
	char why[REPORT_WHY_MAX];

	(void)state;
	draw_run(&draw, 4, 5, 700);
	for (uint32_t stopped = 0; stopped < 2; stopped++) {
		draw.part[1].partial = stopped != 0;
		m = merge_of(2);
		m.anyway = true;
		assert_true(leat_report_merge(&m, &merged, second, why, sizeof(why)));
		read_back(&merged, &again);
		for (uint32_t i = 0; i < 2; i++) {
			const struct load_result *r = i == 0 ? &merged : &again.r;

			assert_line(
				r, stopped ? "   PARTIAL: 2 of 5 segments, stopped before its end\n"
					   : "   PARTIAL: 2 of 5 segments\n");
			assert_line(r, "  rate                160 /s ");
			assert_int_equal(leat_load_result_own_total(r), 2 * 880);
		}
		leat_report_free(&again);
		free_runs(2);
	}
	draw.part[1].partial = false;
	draw.part[0].where.segment_cnt = draw.part[1].where.segment_cnt = 2;
	for (uint32_t late = 0; late < 2; late++) {
		draw.part[1].start_unix_ns += late * 20 * TIME_S;
		draw.part[0].partial = late == 0;
		m = merge_of(2);
		m.anyway = true;
		assert_true(leat_report_merge(&m, &merged, second, why, sizeof(why)));
		assert_line(
			&merged, late ? "   PARTIAL: its segments did not run at the same time\n"
				      : "   PARTIAL: stopped before its end\n");
		assert_line(&merged, "  rate                400 /s ");
		assert_int_equal(leat_load_result_own_total(&merged), 4400);
		free_runs(2);
	}
}

static void a_missing_segment_is_told_and_makes_it_inconclusive_at_best(void **state)
{
	struct report_merge m;
	char why[REPORT_WHY_MAX];

	(void)state;
	draw_run(&draw, 4, 5, 0);
	for (uint32_t i = 0; i < 5; i++) {
		struct draw_conn conn = {
			.fail = LOAD_FAIL_CNT, .skip = LOAD_SKIP_CNT, .ns = {1, 1, 1, 1, 1, 1}};
		draw_add(&draw.part[i], &conn, 0);
	}
	m = merge_of(5);
	assert_true(leat_report_merge(&m, &merged, second, why, sizeof(why)));
	assert_int_equal(merged.verdict, LOAD_VERDICT_PASS);
	free_runs(5);
	draw.part[2] = draw.part[4];
	m = merge_of(4);
	refuse(&m, "4 of 5 segments: 3/5 is missing");
	m.anyway = true;
	assert_true(leat_report_merge(&m, &merged, second, why, sizeof(why)));
	assert_true(merged.partial);
	assert_int_equal(merged.verdict, LOAD_VERDICT_INCONCLUSIVE);
	assert_string_equal(merged.why, "4 of 5 segments: 3/5 is missing");
	free_runs(4);
}

static void windows_that_lie_apart_do_not_add_up(void **state)
{
	struct report_merge m;
	char why[REPORT_WHY_MAX];

	(void)state;
	draw_run(&draw, 5, 2, 300);
	draw.part[0].start_unix_ns = draw.part[1].start_unix_ns;
	draw.part[1].start_unix_ns += 300 * TIME_MS; /* 11.7 s of 12.3: 95.1 % */
	m = merge_of(2);
	assert_true(leat_report_merge(&m, &merged, second, why, sizeof(why)));
	free_runs(2);
	draw.part[1].start_unix_ns += 20 * TIME_MS; /* 11.68 of 12.32: 94.8 % */
	m = merge_of(2);
	refuse(&m, "11.7 s of 12.3 s in common");
	free_runs(2);
	draw.part[1].start_unix_ns += 20 * TIME_S;
	m = merge_of(2);
	refuse(&m, "nothing of");
	m.anyway = true;
	assert_true(leat_report_merge_seconds(&m) == DRAW_SECONDS + 20);
	assert_true(leat_report_merge(&m, &merged, second, why, sizeof(why)));
	assert_int_equal(merged.second[25].planned, draw.part[1].second[5].planned);
	assert_int_equal(merged.second[25].at_ns, 26 * TIME_S);
	for (uint32_t i = 0; i < merged.second_cnt; i++) /* those between them, too */
		assert_int_equal(merged.second[i].at_ns, (i + 1) * TIME_S);
	assert_true(merged.partial);
	free_runs(2);
}

static void a_merged_run_is_read_back_as_one(void **state)
{
	char why[REPORT_WHY_MAX];

	(void)state;
	draw_run(&draw, 6, 3, 700);
	struct report_merge m = merge_of(3);
	assert_true(leat_report_merge(&m, &merged, second, why, sizeof(why)));
	struct report_run again;
	read_back(&merged, &again);
	assert_int_equal(again.r.part_cnt, 3);
	assert_int_equal(again.r.part[2].segment, 3);
	assert_same_run(&again.r, &merged);
	leat_report_free(&again);
	free_runs(3);
}

static void a_merged_run_has_the_name_that_all_segments_have_or_none_of_theirs(void **state)
{
	char why[REPORT_WHY_MAX], *text = NULL;
	size_t octets = 0;
	FILE *out = open_memstream(&text, &octets);

	(void)state;
	draw_run(&draw, 6, 3, 700);
	struct report_merge m = merge_of(3);
	assert_true(leat_report_merge(&m, &merged, second, why, sizeof(why)));
	assert_string_equal(merged.where.name, "lab");
	leat_report_merge_print(&m, &merged, out);
	free_runs(3);
	draw.part[2].where.name = "lab-2";
	m = merge_of(3);
	assert_true(leat_report_merge(&m, &merged, second, why, sizeof(why)));
	assert_string_equal(merged.where.name, "merged");
	leat_report_merge_print(&m, &merged, out);
	leat_load_print_report(&merged, out);
	leat_report_html(&merged, out);
	free_runs(3);
	fclose(out);
	assert_non_null(strstr(text, "merged    3 of 3 segments of lab; start skew"));
	assert_non_null(strstr(text, "merged    3 of 3 segments; start skew"));
	assert_non_null(strstr(text, "net_tap, merged of 3 segments\n"));
	assert_non_null(strstr(text, "net_tap, merged of 3 segments</p>"));
	free(text);
	out = open_memstream(&text, &octets);
	leat_report_html(&draw.part[1], out);
	fclose(out);
	assert_non_null(strstr(text, "net_tap, segment 2 of 3</p>"));
	free(text);
}

static void an_empty_set_of_formats_or_an_unknown_one_is_refused(void **state)
{
	uint32_t formats;
	char why[REPORT_WHY_MAX];

	(void)state;
	assert_true(leat_report_formats("json,csv", &formats, why, sizeof(why)));
	assert_int_equal(formats, 1u << REPORT_FORMAT_JSON | 1u << REPORT_FORMAT_CSV);
	assert_false(leat_report_formats("json,pdf", &formats, why, sizeof(why)));
	assert_string_equal(why, "`pdf` is none of json, html, hlog, csv, config and env");
	assert_false(leat_report_formats("", &formats, why, sizeof(why)));
	assert_false(leat_report_formats("json,", &formats, why, sizeof(why)));
}

static void hash_of(const char *const *option, char hash[20])
{
	static struct report_config c;
	static struct opt_line line;

	line.argc = 0;
	for (; *option != NULL; option++) {
		line.argv[line.argc] = line.text + 64 * line.argc;
		strcpy(line.argv[line.argc++], *option);
	}
	leat_report_config(&c, "load", &line);
	strcpy(hash, c.hash);
	assert_non_null(strstr(c.command, "leat load --rate="));
}

static void segments_of_a_plan_share_a_hash_and_other_plans_have_another(void **state)
{
	char hash[4][20];

	(void)state;
	hash_of((const char *const[]){"--rate=1k/s", "--segment=1/2", "--tap=a", NULL}, hash[0]);
	hash_of((const char *const[]){"--rate=1k/s", "--segment=2/2", "--source-ports=2000-2999",
			NULL},
		hash[1]);
	hash_of((const char *const[]){"--rate=2k/s", "--segment=1/2", "--tap=a", NULL}, hash[2]);
	hash_of((const char *const[]){"--rate=1k/s", "--half-close", "--tap=a", NULL}, hash[3]);
	assert_string_equal(hash[0], hash[1]);
	assert_string_not_equal(hash[0], hash[2]);
	assert_string_not_equal(hash[0], hash[3]);
}

static void what_two_plans_differ_in_is_named(void **state)
{
	const char *a = "rate=1k/s\ntap=a\nclose=client\n",
		   *same = "rate=1k/s\ntap=b\nclose=client\n";

	(void)state;
	assert_null(leat_report_config_other(a, same));
	assert_null(leat_report_config_other(NULL, NULL));
	assert_string_equal(leat_report_config_other(a, "rate=1k/s\n"), "close=client\n");
	assert_string_equal(leat_report_config_other("rate=1k/s\n", a), "close=client\n");
	assert_string_equal(leat_report_config_other("rate=1k/s", "rate=1k"), "rate=1k/s");
}

static enum report_change change(const double *old, uint32_t cnt, const double *now, bool more)
{
	const struct report_values a = {old, cnt}, b = {now, cnt};

	return leat_report_change(&a, &b, 1.0 / 128, more);
}

static void what_repeated_runs_differ_by_is_noise(void **state)
{
	static const double quiet[3] = {100, 101, 99}, slow[3] = {110, 109, 111};
	static const double loud[3] = {100, 130, 80}, near[1] = {100.5};

	(void)state;
	assert_int_equal(change(quiet, 3, slow, false), REPORT_CHANGE_WORSE);
	assert_int_equal(change(quiet, 3, slow, true), REPORT_CHANGE_BETTER);
	assert_int_equal(change(slow, 3, quiet, false), REPORT_CHANGE_BETTER);
	assert_int_equal(change(loud, 3, slow, false), REPORT_CHANGE_NOISE);
	assert_int_equal(change(slow, 3, loud, false), REPORT_CHANGE_NOISE);
	assert_int_equal(change(quiet, 1, slow, false), REPORT_CHANGE_UNKNOWN);
	assert_int_equal(change(quiet, 1, near, false), REPORT_CHANGE_SAME);
}

static void a_run_is_not_its_own_repetition(void **state)
{
	uint32_t first = 9, again = 9;

	(void)state;
	draw_run(&draw, 8, 3, 900);
	merge_of(3);
	struct report_set set = {.run = run, .run_cnt = 3};
	assert_false(leat_report_twice(&set, &first, &again));
	set.run_cnt = 1;
	assert_false(leat_report_twice(&set, &first, &again));
	free_runs(3);
	draw.part[2] = draw.part[1];
	merge_of(3);
	set.run_cnt = 3;
	assert_true(leat_report_twice(&set, &first, &again));
	assert_int_equal(first, 1);
	assert_int_equal(again, 2);
	/* The same numbers at another time are another run. */
	run[2].r.start_unix_ns += TIME_US;
	assert_false(leat_report_twice(&set, &first, &again));
	free_runs(3);
}

/* write_dir leaves the directory of a drawn run; whole: else as one that died leaves it. */
static int write_dir(const char *path, bool whole)
{
	static struct report_dir dir;
	static struct hist none[LOAD_HIST_CNT];
	char why[4096];

	for (uint32_t k = 0; k < LOAD_HIST_CNT; k++)
		leat_hist_clear(&none[k]);
	draw_run(&draw, 11, 1, 3000);
	const struct load_result *r = &draw.whole;
	if (!leat_report_dir_open(&dir, path, REPORT_FORMAT_ALL, why, sizeof(why))) {
		puts(why);
		return 1;
	}
	for (uint32_t i = 0; i < r->second_cnt; i++) /* all in the second second */
		leat_report_dir_second(&dir, r, &r->second[i], i == 1 ? r->hist : none);
	if (whole && !leat_report_dir_write(&dir, r, why, sizeof(why)))
		puts(why);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_read_is_written_again_octet_for_octet),
		cmocka_unit_test(a_bad_file_is_refused_with_the_field_that_is_wrong),
		cmocka_unit_test(a_directory_without_a_report_is_told_which_file_lacks),
		cmocka_unit_test(one_run_cut_into_segments_and_merged_equals_the_whole),
		cmocka_unit_test(what_is_of_another_plan_is_never_merged),
		cmocka_unit_test(a_missing_segment_is_told_and_makes_it_inconclusive_at_best),
		cmocka_unit_test(a_run_of_some_of_the_segments_says_so_and_plans_their_share),
		cmocka_unit_test(windows_that_lie_apart_do_not_add_up),
		cmocka_unit_test(a_merged_run_is_read_back_as_one),
		cmocka_unit_test(
			a_merged_run_has_the_name_that_all_segments_have_or_none_of_theirs),
		cmocka_unit_test(an_empty_set_of_formats_or_an_unknown_one_is_refused),
		cmocka_unit_test(what_two_plans_differ_in_is_named),
		cmocka_unit_test(segments_of_a_plan_share_a_hash_and_other_plans_have_another),
		cmocka_unit_test(what_repeated_runs_differ_by_is_noise),
		cmocka_unit_test(a_run_is_not_its_own_repetition),
	};

	if (argc == 3 && strcmp(argv[1], "--json") == 0) { /* for tests/report */
		draw_run(&draw, strtoull(argv[2], NULL, 10), 1, 3000);
		leat_load_json(&draw.whole, stdout);
		return 0;
	}
	if (argc == 3)
		return write_dir(argv[2], strcmp(argv[1], "--dir") == 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
