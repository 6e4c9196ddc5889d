/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_TOP_TERM_H
#define LEAT_TOP_TERM_H

/* top_term: a terminal that shows a struct top_screen, and its keys, by ncurses.
 *
 * Colour only where the terminal has it and NO_COLOR is not set.
 *
 * Affinity   one thread; one terminal a process.
 * Errors     open is false when there is no terminal that can be drawn on. */

#include "top_draw.h"

#include <stdbool.h>

enum top_key {
	TOP_KEY_NONE = 0,
	TOP_KEY_UP = 1,
	TOP_KEY_DOWN = 2,
	TOP_KEY_RESIZE = 3,
	/* from ' ' on a character */
};

bool leat_top_term_open(void);
void leat_top_term_close(void);
void leat_top_term_size(uint32_t *rows, uint32_t *cols);
void leat_top_term_show(const struct top_screen *s);

/* leat_top_term_key is the next key that was pressed; TOP_KEY_NONE: none was. */
int leat_top_term_key(void);

#endif
