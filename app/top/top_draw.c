/* SPDX-License-Identifier: BSD-3-Clause */
#include "top_draw.h"

#include "base_bits.h"
#include "text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

void leat_top_clear(struct top_screen *s, uint32_t rows, uint32_t cols)
{
	memset(s, 0, sizeof(*s));
	s->rows = u32_min(rows, TOP_ROWS_MAX);
	s->cols = u32_min(cols, TOP_COLS_MAX);
}

/* take reads one character of UTF-8; what is none counts as one octet of Latin-1. */
static uint32_t take(const char **text)
{
	const uint8_t *t = (const uint8_t *)*text;
	uint32_t octets = t[0] >= 0xf0 ? 4 : t[0] >= 0xe0 ? 3 : t[0] >= 0xc0 ? 2 : 1;
	uint32_t ch = octets == 1 ? t[0] : t[0] & (0xffu >> (octets + 1));

	for (uint32_t i = 1; i < octets; i++) {
		if ((t[i] & 0xc0) != 0x80) {
			(*text)++;
			return t[0];
		}
		ch = ch << 6 | (t[i] & 0x3f);
	}
	*text += octets;
	return ch;
}

uint32_t leat_top_put(struct top_screen *s, uint32_t row, uint32_t col, enum top_attr attr,
	const char *format, ...)
{
	char text[TOP_TEXT_MAX];
	const char *at = text;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (; *at != '\0'; col++) {
		uint32_t ch = take(&at);

		if (row < s->rows && col < s->cols)
			s->cell[row][col] = (struct top_cell){ch < ' ' ? '?' : ch, (uint8_t)attr};
		else if (row < s->rows && ch != ' ' && s->cols > 0) /* what is cut off is seen */
			s->cell[row][s->cols - 1] = (struct top_cell){0x2026, (uint8_t)attr};
	}
	return col;
}

void leat_top_rule(struct top_screen *s, uint32_t row)
{
	for (uint32_t col = 1; col + 1 < s->cols; col++)
		leat_top_put(s, row, col, TOP_DIM, "─");
}

uint32_t leat_top_bar(struct top_screen *s, uint32_t row, uint32_t col, uint32_t cols,
	uint64_t part, uint64_t whole)
{
	uint64_t full = whole == 0 ? 0 : u64_min(part, whole) * cols / whole;

	for (uint32_t i = 0; i < cols; i++)
		leat_top_put(s, row, col + i, i < full ? TOP_PLAIN : TOP_DIM, i < full ? "█" : "░");
	return col + cols;
}

uint32_t leat_top_spark(
	struct top_screen *s, uint32_t row, uint32_t col, const uint64_t *value, uint32_t cnt)
{
	static const char *const step[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	uint64_t most = 0;

	for (uint32_t i = 0; i < cnt; i++)
		most = u64_max(most, value[i]);
	for (uint32_t i = 0; i < cnt; i++) {
		/* What is not nothing is seen. */
		uint64_t high = value[i] == 0 ? 0 : u64_max((value[i] * 8 + most - 1) / most, 1);

		if (high != 0)
			leat_top_put(s, row, col + i, TOP_PLAIN, "%s", step[high - 1]);
	}
	return col + cnt;
}

const char *leat_top_number(uint64_t value, uint32_t width, char text[TOP_NUMBER_MAX])
{
	static const char unit[] = " kMGTPE";
	uint32_t u = 0;
	double v = (double)value;

	leat_text_group(value, text, TOP_NUMBER_MAX);
	if (strlen(text) <= width)
		return text;
	for (; v >= 999.5 && u < 6; u++)
		v /= 1000;
	snprintf(text, TOP_NUMBER_MAX, v < 99.95 && width > 4 ? "%.1f%c" : "%.0f%c", v, unit[u]);
	if (u == 0)
		snprintf(text, TOP_NUMBER_MAX, "%" PRIu64, value);
	return text;
}

uint32_t leat_top_utf8(uint32_t ch, char text[5])
{
	uint32_t octets = ch < 0x80 ? 1 : ch < 0x800 ? 2 : ch < 0x10000 ? 3 : 4;

	memset(text, 0, 5);
	for (uint32_t i = octets; i-- > 1; ch >>= 6)
		text[i] = (char)(0x80 | (ch & 0x3f));
	text[0] = (char)(octets == 1 ? ch : (0xf00u >> octets & 0xff) | ch);
	return octets;
}

void leat_top_print(const struct top_screen *s, FILE *out)
{
	char text[5];

	for (uint32_t row = 0; row < s->rows; row++) {
		uint32_t cols = s->cols;

		while (cols > 0 &&
			(s->cell[row][cols - 1].ch == 0 || s->cell[row][cols - 1].ch == ' '))
			cols--;
		for (uint32_t col = 0; col < cols; col++) {
			uint32_t ch = s->cell[row][col].ch;

			leat_top_utf8(ch == 0 ? ' ' : ch, text);
			fputs(text, out);
		}
		fputc('\n', out);
	}
}
