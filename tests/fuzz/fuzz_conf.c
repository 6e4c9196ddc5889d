/* SPDX-License-Identifier: BSD-3-Clause */
#include "fuzz.h"

#include "conf_print.h"

/* F19: any octets as a configuration file: refused with places inside the file, or taken, and then
 * what is shown of it is taken and shows the same values. */

static struct conf c, again;

static void read_text(struct conf *to, const char *text, size_t octets)
{
	leat_conf_begin(to, "lab-a.yaml");
	leat_conf_read(to, text, octets);
	leat_conf_finish(to);
}

/* check_errors: each has words, stands in the file, and none goes before one of an earlier line. */
static void check_errors(const struct conf_errors *e, const uint8_t *data, size_t octets)
{
	uint32_t line_cnt = 1;

	/* YAML ends lines also by CR, U+0085, U+2028 and U+2029. */
	for (size_t i = 0; i < octets; i++)
		line_cnt += data[i] == '\n' || data[i] == '\r' || data[i] == 0x85 ||
			    data[i] == 0xa8 || data[i] == 0xa9;
	ASSERT(e->kept <= e->cnt);
	ASSERT(e->kept == e->cnt || e->kept == CONF_ERROR_MAX);
	for (uint32_t i = 0; i < e->kept; i++) {
		const struct conf_error *x = &e->error[i];
		ASSERT(x->line >= 1 && x->line <= line_cnt);
		ASSERT(x->col >= 1 && x->col <= octets + 2);
		ASSERT(*x->text && memchr(x->text, '\0', sizeof(x->text)) != NULL);
		for (const char *p = x->text; *p; p++)
			ASSERT((uint8_t)*p >= 0x20);
		ASSERT(i == 0 || e->error[i - 1].line <= x->line);
	}
}

/* check_settings: in the order and number that the table allows, each with its place. */
static void check_settings(void)
{
	ASSERT(c.setting_cnt <= CONF_SETTING_MAX);
	for (uint32_t i = 0; i < c.setting_cnt; i++) {
		const struct conf_setting *s = &c.setting[i];
		ASSERT(s->line >= 1 && s->col >= 1);
		ASSERT(s->bad || s->section == CONF_ITEM_NONE || s->section < 16);
		ASSERT(s->bad || s->item == CONF_ITEM_NONE || s->item < s->key->cnt_max);
		ASSERT(c.errors.cnt > 0 || !s->bad);
	}
}

static char *shown(const struct conf *of, size_t *octets)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, octets);

	ASSERT(out != NULL);
	leat_conf_print_show(of, "f", out);
	ASSERT(fclose(out) == 0);
	return text;
}

/* drop_origins removes what tells the lines of the first file from those of the second. */
static void drop_origins(char *text)
{
	char *to = text;

	for (const char *p = text; *p; p++) {
		const char *origin = strncmp(p, " # ", 3) == 0 ? strchr(p, '\n') : NULL;
		*to++ = *p;
		if (origin)
			p = origin - 1;
	}
	*to = '\0';
}

static void check_shown(void)
{
	size_t octets, again_octets;
	char *text = shown(&c, &octets);

	if (octets <= CONF_FILE_MAX) {
		read_text(&again, text, octets);
		ASSERT(again.errors.cnt == 0);
		char *second = shown(&again, &again_octets);
		ASSERT(c.role == again.role && strcmp(c.name, again.name) == 0);
		drop_origins(text);
		drop_origins(second);
		ASSERT(strcmp(text, second) == 0);
		free(second);
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *text = fuzz_copy(data, size);

	if (size <= CONF_FILE_MAX) {
		read_text(&c, (const char *)text, size);
		check_errors(&c.errors, data, size);
		check_settings();
		if (c.errors.cnt == 0)
			check_shown();
	}
	free(text);
	return 0;
}
