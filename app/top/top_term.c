/* SPDX-License-Identifier: BSD-3-Clause */
#include "top_term.h"

#include <curses.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool colours;

/* The numbers of ncurses for each attribute, without and with colour. */
static const struct {
	attr_t plain;
	short colour;
} look[TOP_ATTR_CNT] = {
	[TOP_PLAIN] = {A_NORMAL, -1},
	[TOP_DIM] = {A_DIM, -1},
	[TOP_BOLD] = {A_BOLD, -1},
	[TOP_GOOD] = {A_NORMAL, COLOR_GREEN},
	[TOP_WARN] = {A_BOLD, COLOR_YELLOW},
	[TOP_BAD] = {A_REVERSE, COLOR_RED},
	[TOP_COOL] = {A_NORMAL, COLOR_BLUE},
	[TOP_WARM] = {A_NORMAL, COLOR_YELLOW},
	[TOP_HOT] = {A_BOLD, COLOR_RED},
};

static void set_colours(void)
{
	const char *no = getenv("NO_COLOR");

	colours = (no == NULL || *no == '\0') && has_colors() && start_color() == OK;
	if (!colours)
		return;
	use_default_colors();
	for (short i = 0; i < TOP_ATTR_CNT; i++)
		if (look[i].colour >= 0)
			init_pair((short)(i + 1), look[i].colour, -1);
}

bool leat_top_term_open(void)
{
	const char *term = getenv("TERM");

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || term == NULL || *term == '\0')
		return false;
	setlocale(LC_CTYPE, "");
	if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		setlocale(LC_CTYPE, "C.UTF-8");
	if (newterm(NULL, stdout, stdin) == NULL)
		return false;
	cbreak();
	noecho();
	nodelay(stdscr, TRUE);
	keypad(stdscr, TRUE);
	curs_set(0);
	set_colours();
	return true;
}

void leat_top_term_close(void)
{
	endwin();
}

void leat_top_term_size(uint32_t *rows, uint32_t *cols)
{
	*rows = (uint32_t)(LINES > 0 ? LINES : 0);
	*cols = (uint32_t)(COLS > 0 ? COLS : 0);
}

static void set_attr(uint8_t attr)
{
	if (colours && look[attr].colour >= 0)
		attr_set(attr == TOP_BAD ? A_BOLD : A_NORMAL, (short)(attr + 1), NULL);
	else
		attr_set(look[attr].plain, 0, NULL);
}

void leat_top_term_show(const struct top_screen *s)
{
	char text[5];

	erase();
	for (uint32_t row = 0; row < s->rows; row++) {
		for (uint32_t col = 0; col < s->cols; col++) {
			const struct top_cell *c = &s->cell[row][col];

			if (c->ch == 0)
				continue;
			set_attr(c->attr);
			leat_top_utf8(c->ch, text);
			mvaddstr((int)row, (int)col, text);
		}
	}
	refresh();
}

int leat_top_term_key(void)
{
	int key = getch();

	switch (key) {
	case KEY_UP:
		return TOP_KEY_UP;
	case KEY_DOWN:
		return TOP_KEY_DOWN;
	case KEY_RESIZE:
		return TOP_KEY_RESIZE;
	default:
		return key >= ' ' && key < 127 ? key : TOP_KEY_NONE;
	}
}
