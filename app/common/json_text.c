/* SPDX-License-Identifier: BSD-3-Clause */
#include "json_text.h"

#include <stdint.h>

/* character_octets is how many octets the UTF-8 character at p has; 0: there is none. */
static uint32_t character_octets(const char *p)
{
	const uint8_t *o = (const uint8_t *)p;
	uint32_t octets = o[0] < 0x80                   ? 1
			  : o[0] >= 0xc2 && o[0] < 0xe0 ? 2
			  : o[0] >= 0xe0 && o[0] < 0xf0 ? 3
			  : o[0] >= 0xf0 && o[0] < 0xf5 ? 4
							: 0;

	for (uint32_t i = 1; i < octets; i++)
		if ((o[i] & 0xc0) != 0x80)
			return 0;
	/* Too long a form, half of a pair, beyond the last. */
	if ((o[0] == 0xe0 && o[1] < 0xa0) || (o[0] == 0xed && o[1] >= 0xa0) ||
		(o[0] == 0xf0 && o[1] < 0x90) || (o[0] == 0xf4 && o[1] >= 0x90))
		return 0;
	return octets;
}

void leat_json_inside(const char *text, FILE *out)
{
	while (*text != '\0') {
		uint32_t octets = character_octets(text);

		if (octets == 0)
			fputc('?', out);
		else if ((uint8_t)*text < ' ' || *text == 0x7f)
			fprintf(out, "\\u%04x", (uint8_t)*text);
		else
			fprintf(out, "%s%.*s", *text == '"' || *text == '\\' ? "\\" : "",
				(int)octets, text);
		text += octets > 0 ? octets : 1;
	}
}

void leat_json_text(const char *text, FILE *out)
{
	fputc('"', out);
	if (text != NULL)
		leat_json_inside(text, out);
	fputc('"', out);
}
