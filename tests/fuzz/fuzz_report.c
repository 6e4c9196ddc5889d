/* SPDX-License-Identifier: BSD-3-Clause */
#include "fuzz.h"

#include "load_text.h"
#include "report_field.h"
#include "report_merge.h"

/* F17: the JSON of a run from anybody: it is refused with a reason, or read; what was read can be
 * written, read again as the same, and merged.
 *
 * An input is a list of edits of a sound text, so that a short one bends a long one anywhere:
 *
 *	3 octets  where: of 65536 parts of the text       1 octet  how many octets to leave out
 *	1 octet   how many to put in, up to 15            those octets */

#define EDIT_MAX 8
#define TEXT_MAX (1 << 17)

static char sound[TEXT_MAX], bent[TEXT_MAX * 2], again[TEXT_MAX * 2];
static size_t sound_octets;
static struct report_run run[2];
static struct load_result merged;
static struct load_second second[64];

static size_t write_json(const struct load_result *r, char *to, size_t room)
{
	FILE *out = fmemopen(to, room, "w");

	ASSERT(out != NULL);
	leat_load_json(r, out);
	long at = ftell(out);
	ASSERT(at > 0 && (size_t)at < room);
	fclose(out);
	return (size_t)at;
}

static void make_sound(void)
{
	static struct load_second two[2] = {{.at_ns = 1000000000}, {.at_ns = 2000000000}};
	static struct load_result r;
	struct load_rule rule;
	char why[160];

	leat_load_result_init(&r, two, 2);
	r.second_cnt = 2;
	r.where.shard_cnt = 1;
	r.where.name = r.where.leat = r.where.config = "lab";
	r.intent.program = r.intent.close = "http";
	r.counters.planned = r.counters.started = r.counters.completed = 3;
	for (uint32_t h = 0; h < LOAD_HIST_CNT; h++)
		for (uint64_t i = 0; i < 3; i++)
			hist_record(&r.hist[h], i * 30000);
	ASSERT(leat_load_rule_parse(&rule, "connect_p99 < 5ms", why, sizeof(why)));
	leat_load_judge(&r, &rule, 1);
	sound_octets = write_json(&r, sound, sizeof(sound));
}

/* bend_text writes into bent what the edits make of the sound text. */
static size_t bend_text(struct fuzz_in *in)
{
	size_t octets = sound_octets;

	memcpy(bent, sound, octets);
	for (int i = 0; i < EDIT_MAX && in->left > 0; i++) {
		size_t at = (size_t)(fuzz_u16(in) * (octets + 1) / 65536 + fuzz_u8(in) % 16);
		size_t out = fuzz_u8(in) % 64, put = fuzz_u8(in) % 16;

		at = at < octets ? at : octets;
		out = out < octets - at ? out : octets - at;
		memmove(bent + at + put, bent + at + out, octets - at - out);
		octets = octets - out + put;
		for (size_t k = 0; k < put; k++)
			bent[at + k] = (char)fuzz_u8(in);
	}
	return octets;
}

/* is_exact: sums of very many years lose a ns each time they are written as seconds. */
static bool is_exact(const struct load_result *r)
{
	for (uint32_t h = 0; h < LOAD_HIST_CNT; h++)
		if ((double)r->hist[h].sum_ns > FIELD_EXACT_MAX)
			return false;
	return true;
}

/* read_twice writes what was read and reads that; one more writing is the same text. */
static void read_twice(void)
{
	char why[REPORT_WHY_MAX];
	size_t octets = write_json(&run[0].r, again, sizeof(again));
	bool good = leat_report_read(&run[1], again, octets, why, sizeof(why));

	ASSERT(good);
	ASSERT(run[0].r.second_cnt == run[1].r.second_cnt);
	if (!is_exact(&run[0].r))
		return;
	ASSERT(write_json(&run[1].r, bent, sizeof(bent)) == octets);
	ASSERT(memcmp(bent, again, octets) == 0);
}

static void merge(void)
{
	static const char *const name[] = {"a", "b"};
	struct report_merge m = {.run = run, .name = name, .run_cnt = 2, .anyway = true};
	char why[REPORT_WHY_MAX] = "";

	run[1].r.where.segment = run[0].r.where.segment % 2 + 1;
	if (leat_report_merge_seconds(&m) > sizeof(second) / sizeof(second[0]))
		return;
	if (leat_report_merge(&m, &merged, second, why, sizeof(why)))
		ASSERT(merged.counters.planned == 2 * run[0].r.counters.planned);
	else
		ASSERT(why[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = {data, size};
	char why[REPORT_WHY_MAX];

	if (sound_octets == 0)
		make_sound();
	size_t octets = bend_text(&in);
	char *text = (char *)fuzz_copy(bent, octets);
	bool good = leat_report_read(&run[0], text, octets, why, sizeof(why));
	free(text);
	ASSERT(good == (why[0] == '\0'));
	if (!good)
		return 0;
	read_twice();
	merge();
	leat_report_free(&run[1]);
	leat_report_free(&run[0]);
	return 0;
}
