/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf_error.h"

#include "base_assert.h"

#include <stdio.h>
#include <string.h>

/* What a double-quoted text may hold does not reach a terminal. */
static void make_printable(char *text)
{
	for (uint8_t *p = (uint8_t *)text; *p; p++) {
		bool c1 = *p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0; /* U+0080 to U+009F */

		if (*p < 0x20 || *p == 0x7f || c1)
			*p = '?';
		if (c1)
			*++p = '?';
	}
}

/* drop_cut_character removes the beginning of a character whose end did not fit. */
static void drop_cut_character(char *text, size_t octets)
{
	size_t at = octets;

	while (at > 0 && ((uint8_t)text[at - 1] & 0xc0) == 0x80)
		at--;
	if (at > 0 && (uint8_t)text[at - 1] >= 0xc0)
		text[at - 1] = '\0';
}

void leat_conf_error_addv(struct conf_errors *e, uint32_t line, uint32_t col, const char *key,
	const char *format, va_list args)
{
	struct conf_error new = {.line = line, .col = col};
	uint32_t at = e->kept;

	ASSERT(e->kept <= CONF_ERROR_MAX);
	snprintf(new.key, sizeof(new.key), "%s", key);
	int octets = vsnprintf(new.text, sizeof(new.text), format, args);
	if (octets >= (int)sizeof(new.text))
		drop_cut_character(new.text, sizeof(new.text) - 1);
	make_printable(new.key);
	make_printable(new.text);
	e->cnt++;
	while (at > 0 && (e->error[at - 1].line > line ||
				 (e->error[at - 1].line == line && e->error[at - 1].col > col)))
		at--;
	if (at == CONF_ERROR_MAX)
		return;
	if (e->kept < CONF_ERROR_MAX)
		e->kept++;
	memmove(&e->error[at + 1], &e->error[at], (e->kept - 1 - at) * sizeof(e->error[0]));
	e->error[at] = new;
}

void leat_conf_error_add(struct conf_errors *e, uint32_t line, uint32_t col, const char *key,
	const char *format, ...)
{
	va_list args;

	va_start(args, format);
	leat_conf_error_addv(e, line, col, key, format, args);
	va_end(args);
}
