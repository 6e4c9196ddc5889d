/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_CONF_ERROR_H
#define LEAT_CONF_ERROR_H

/* conf_error: what is wrong with a file, every point of it, in the order of the file.
 *
 * Shape      an array sorted by line and column; of too many the last are counted only.
 * Units      lines and columns from 1, columns in characters; line 0: not of the file.
 * Memory     within struct conf_errors. */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#define CONF_ERROR_MAX 64

struct conf_error {
	uint32_t line, col;
	char key[64];   /* "ports[0].address", empty: of the syntax */
	char text[320]; /* "problem; hint", printable */
};

struct conf_errors {
	uint32_t cnt; /* of all */
	uint32_t kept;
	struct conf_error error[CONF_ERROR_MAX];
};

/* leat_conf_error_add adds one; key may be empty. */
__attribute__((format(printf, 5, 6))) void leat_conf_error_add(struct conf_errors *e, uint32_t line,
	uint32_t col, const char *key, const char *format, ...);

/* leat_conf_error_addv is the same with its arguments in a list. */
__attribute__((format(printf, 5, 0))) void leat_conf_error_addv(struct conf_errors *e,
	uint32_t line, uint32_t col, const char *key, const char *format, va_list args);

#endif
