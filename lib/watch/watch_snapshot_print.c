/* SPDX-License-Identifier: BSD-3-Clause */
#include "watch_snapshot.h"

#include "base_assert.h"
#include "base_bits.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define VERSION_LINE "leat.snapshot/1"
#define LINE_OCTETS  4096 /* a name, and 64 numbers of 20 digits at most, with blanks */

STATIC_ASSERT(WATCH_SHARD_MAX * 21 + WATCH_NAME_MAX + 8 < LINE_OCTETS, "a row is one line");

static const char *const head_name[WATCH_HEAD_CNT] = {
#define HEAD(NAME, name) #name,
#include "watch_head.def"
#undef HEAD
};

struct text {
	const char *name;
	size_t at;
};

static const struct text texts[] = {{"name", offsetof(struct watch_snapshot, name)},
	{"verb", offsetof(struct watch_snapshot, verb)},
	{"version", offsetof(struct watch_snapshot, version)},
	{"dpdk", offsetof(struct watch_snapshot, dpdk)},
	{"device", offsetof(struct watch_snapshot, device)}};

static void print_row(const struct watch_snapshot *s, uint32_t cell, FILE *out)
{
	char name[WATCH_NAME_MAX];
	uint64_t any = 0;

	for (uint32_t i = 0; i < s->shard_cnt; i++)
		any |= s->cell[i][cell];
	if (any == 0)
		return;
	fprintf(out, "row %s", leat_watch_cell_name(cell, name));
	for (uint32_t i = 0; i < s->shard_cnt; i++)
		fprintf(out, " %" PRIu64, s->cell[i][cell]);
	fputc('\n', out);
}

void leat_watch_snapshot_print(const struct watch_snapshot *s, FILE *out)
{
	fputs(VERSION_LINE "\n", out);
	for (uint32_t i = 0; i < COUNT_OF(texts); i++)
		fprintf(out, "text %s %s\n", texts[i].name, (const char *)s + texts[i].at);
	for (uint32_t i = 0; i < WATCH_HEAD_CNT; i++)
		if (s->head[i] != 0)
			fprintf(out, "head %s %" PRIu64 "\n", head_name[i], s->head[i]);
	fprintf(out, "shards %" PRIu32 "\n", s->shard_cnt);
	for (uint32_t i = 0; i < WATCH_CELL_CNT; i++)
		print_row(s, i, out);
	fputs("end\n", out);
}

static void read_text(struct watch_snapshot *s, char *rest)
{
	const char *name = strsep(&rest, " ");

	for (uint32_t i = 0; rest != NULL && i < COUNT_OF(texts); i++)
		if (strcmp(name, texts[i].name) == 0)
			snprintf((char *)s + texts[i].at, WATCH_TEXT_MAX, "%.*s",
				WATCH_TEXT_MAX - 1, rest);
}

static void read_head(struct watch_snapshot *s, char *rest)
{
	const char *name = strsep(&rest, " ");

	for (uint32_t i = 0; rest != NULL && i < WATCH_HEAD_CNT; i++)
		if (strcmp(name, head_name[i]) == 0)
			s->head[i] = strtoull(rest, NULL, 10);
}

/* find_cell looks from *next on, as rows come in their order; WATCH_CELL_CNT: not known. */
static uint32_t find_cell(const char *name, uint32_t *next)
{
	char known[WATCH_NAME_MAX];

	for (uint32_t i = 0; i < WATCH_CELL_CNT; i++) {
		uint32_t cell = (*next + i) % WATCH_CELL_CNT;

		if (strcmp(leat_watch_cell_name(cell, known), name) == 0) {
			*next = cell + 1;
			return cell;
		}
	}
	return WATCH_CELL_CNT;
}

static void read_row(struct watch_snapshot *s, char *rest, uint32_t *next)
{
	uint32_t cell = find_cell(strsep(&rest, " "), next);

	for (uint32_t i = 0; cell < WATCH_CELL_CNT && rest != NULL && i < s->shard_cnt; i++)
		s->cell[i][cell] = strtoull(rest, &rest, 10);
}

bool leat_watch_snapshot_read(struct watch_snapshot *s, FILE *in)
{
	char line[LINE_OCTETS];
	uint32_t next = 0;

	*s = (struct watch_snapshot){0};
	if (fgets(line, sizeof(line), in) == NULL || strcmp(line, VERSION_LINE "\n") != 0)
		return false;
	while (fgets(line, sizeof(line), in) != NULL) {
		char *rest = line;

		line[strcspn(line, "\n")] = '\0';
		const char *what = strsep(&rest, " ");
		if (strcmp(what, "end") == 0)
			return true;
		if (rest == NULL)
			continue;
		if (strcmp(what, "text") == 0)
			read_text(s, rest);
		else if (strcmp(what, "head") == 0)
			read_head(s, rest);
		else if (strcmp(what, "row") == 0)
			read_row(s, rest, &next);
		else if (strcmp(what, "shards") == 0)
			s->shard_cnt = u32_min((uint32_t)strtoul(rest, NULL, 10), WATCH_SHARD_MAX);
	}
	return false;
}
