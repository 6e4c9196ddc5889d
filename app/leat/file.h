/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_FILE_H
#define LEAT_FILE_H

/* file: a configuration file, joined with the options of `leat serve` or `leat load`.
 *
 *	file ─► conf ◄─ options of the command line, LEAT_* of the environment
 *	         └─► as options: read, looked at together, and for leatd as a line
 *
 * Options go before the environment, that before the file, the file before the defaults.
 *
 * Units      of the options: struct serve_options, struct load_options.
 * Errors     leat_file_read says what it could not; the rest is in conf.errors, with the line of
 *            the file for what an option's reader refuses too. */

#include "conf.h"
#include "opt_load.h"
#include "opt_serve.h"

/* A line of options, and each setting twice more. */
#define FILE_TEXT_OCTETS (OPT_LINE_OCTETS + 256 * 1024)

struct file {
	struct conf conf;
	const char *path;            /* NULL: none, options alone */
	bool runs;                   /* what is read is for an instance that runs already */
	struct serve_options serve;  /* of a server's */
	struct load_options load;    /* of a client's */
	char text[FILE_TEXT_OCTETS]; /* what options say, and what is said to their readers */
	size_t text_octets;
};

/* leat_file_read reads path (NULL: none) into f; false with a line on err that says why not. */
bool leat_file_read(struct file *f, const char *path, FILE *err);

/* leat_file_has_env says whether there is any variable LEAT_* that is not known to be for something
 * else than keys. */
bool leat_file_has_env(char *const *environment);

/* leat_file_environment lets the variables of the environment go before what the file says, those
 * of verb, or for NULL of the role; before leat_file_override.  One that is no key is an error. */
void leat_file_environment(struct file *f, const struct opt_verb *verb, char *const *environment);

/* leat_file_override lets the options of a line of verb go before what the file says. */
void leat_file_override(struct file *f, const struct opt_verb *verb, const struct opt_line *line);

/* leat_file_takes says whether verb has all options of a line, but for --config; else name is one
 * that it lacks. */
bool leat_file_takes(
	const struct opt_verb *verb, const struct opt_line *line, char name[OPT_WHY_MAX]);

/* leat_file_finish judges all of it, as verb would: &leat_opt_serve, &leat_opt_load, or NULL for
 * those that the role has.  False: conf.errors has some, and they are on err. */
bool leat_file_finish(struct file *f, const struct opt_verb *verb, FILE *err);

/* leat_file_device puts a device, as that option of serve names it, into f->serve; false with a
 * clause in why. */
bool leat_file_device(
	struct file *f, const char *option, const char *device, char *why, size_t size);

/* leat_file_line makes the line for leatd's verb; false: it is full. */
bool leat_file_line(const struct file *f, const struct opt_verb *verb, const struct opt_line *given,
	struct opt_line *line);

#endif
