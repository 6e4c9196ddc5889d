/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_TOP_DRAW_H
#define LEAT_TOP_DRAW_H

/* top_draw: a screen as an array of cells, drawn on by everybody and shown by somebody else.
 *
 *	pages ─put─► [ cell cell cell ... ] ─► a terminal (top_term.h), or lines of text
 *
 * What is put beyond its edges is cut off.  Every character is one column wide.
 *
 * Shape      TOP_ROWS_MAX x TOP_COLS_MAX cells; a larger terminal shows so many.
 * Units      rows and columns, from 0.
 * Affinity   none.
 * Errors     none. */

#include <stdint.h>
#include <stdio.h>

#define TOP_COLS_MAX   320
#define TOP_ROWS_MAX   120
#define TOP_COLS_MIN   80
#define TOP_ROWS_MIN   24
#define TOP_TEXT_MAX   1024 /* octets of one put */
#define TOP_NUMBER_MAX 32

enum top_attr {
	TOP_PLAIN,
	TOP_DIM,
	TOP_BOLD,
	TOP_GOOD,
	TOP_WARN,
	TOP_BAD,
	TOP_COOL, /* of a heat map, from little */
	TOP_WARM,
	TOP_HOT, /* to much */
	TOP_ATTR_CNT
};

struct top_cell {
	uint32_t ch; /* of Unicode; 0: blank */
	uint8_t attr;
};

struct top_screen {
	uint32_t rows, cols;
	struct top_cell cell[TOP_ROWS_MAX][TOP_COLS_MAX];
};

/* leat_top_clear makes s blank and of that size, or as near as there are cells. */
void leat_top_clear(struct top_screen *s, uint32_t rows, uint32_t cols);

/* leat_top_put writes UTF-8 and gives the column behind it. */
__attribute__((format(printf, 5, 6))) uint32_t leat_top_put(struct top_screen *s, uint32_t row,
	uint32_t col, enum top_attr attr, const char *format, ...);

/* leat_top_rule draws a line over the whole row. */
void leat_top_rule(struct top_screen *s, uint32_t row);

/* leat_top_bar draws cols columns, of which part of whole are full; leat_top_spark cnt bars of
 * which the highest is full; both give the column behind. */
uint32_t leat_top_bar(struct top_screen *s, uint32_t row, uint32_t col, uint32_t cols,
	uint64_t part, uint64_t whole);
uint32_t leat_top_spark(
	struct top_screen *s, uint32_t row, uint32_t col, const uint64_t *value, uint32_t cnt);

/* leat_top_number writes value in no more than width columns: its digits in groups, or as 12.3k;
 * left-aligned. */
const char *leat_top_number(uint64_t value, uint32_t width, char text[TOP_NUMBER_MAX]);

/* leat_top_print writes the screen as lines of text, without the blanks at their ends. */
void leat_top_print(const struct top_screen *s, FILE *out);

/* leat_top_utf8 writes one character, and gives its octets. */
uint32_t leat_top_utf8(uint32_t ch, char text[5]);

#endif
