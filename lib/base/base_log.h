/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_BASE_LOG_H
#define LEAT_BASE_LOG_H

/* base_log: one line to stderr, for boot and control; never per segment.
 *
 *	leat: error: nic: port 0: the device has 4 queues, 8 shards were asked for
 *
 * A line is one write(2), so that lines of several threads do not mix.  What is longer than
 * LOG_LINE_MAX is cut; control characters in it become `?`, so that a line stays a line.
 *
 * Affinity   leat_log from any thread; leat_log_level_set at boot, before threads.
 * Errors     none; a line that cannot be written is lost. */

#include <stdbool.h>

#define LOG_LINE_MAX 512 /* octets with the end of line */

enum log_level {
	LOG_LV_ERROR,
	LOG_LV_WARN,
	LOG_LV_NOTE,
	LOG_LV_DEBUG,
	LOG_LV_CNT
};

/* leat_log_level_set lets through the lines up to level; at start that is LOG_LV_NOTE. */
void leat_log_level_set(enum log_level level);

/* leat_log_level_parse reads "error", "warn", "note" or "debug"; false when it is none. */
bool leat_log_level_parse(const char *text, enum log_level *level);

/* leat_log writes one line about module; format needs no end of line. */
__attribute__((format(printf, 3, 4))) void leat_log(
	enum log_level level, const char *module, const char *format, ...);

#endif
