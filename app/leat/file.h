/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_FILE_H
#define LEAT_FILE_H

/* file: a configuration file, joined with the options of `leat serve`.
 *
 *	file ─► conf ◄─ options of the command line      precedence: options, file, defaults
 *	         └─► as options: read, looked at together, and for leatd as a line
 *
 * Errors     leat_file_read says what it could not; the rest is in conf.errors, with the line of
 *            the file for what an option's reader refuses too. */

#include "conf.h"
#include "opt_serve.h"

/* A line of options, and each setting once more. */
#define FILE_TEXT_OCTETS (OPT_LINE_OCTETS + 128 * 512)

struct file {
	struct conf conf;
	const char *path; /* NULL: none, options alone */
	struct serve_options serve;
	char text[FILE_TEXT_OCTETS]; /* what options say, and what is said to their readers */
	size_t text_octets;
};

/* leat_file_read reads path (NULL: none) into f; false with a line on err that says why not. */
bool leat_file_read(struct file *f, const char *path, FILE *err);

/* leat_file_override lets the options of a line go before what the file says. */
void leat_file_override(struct file *f, const struct opt_line *line);

/* leat_file_finish judges all of it; serve: for `leat serve`, so that a client's file is refused.
 * False: conf.errors has some, and they are on err. */
bool leat_file_finish(struct file *f, bool serve, FILE *err);

/* leat_file_device puts a device, as a file names it, into f->serve; false with a clause in why. */
bool leat_file_device(struct file *f, const char *device, char *why, size_t size);

/* leat_file_line makes the line for leatd; false: it is full. */
bool leat_file_line(const struct file *f, const struct opt_line *given, struct opt_line *line);

#endif
