/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_log.h"

#include "base_assert.h"
#include "base_bits.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const level_name[] = {"error", "warn", "note", "debug"};
static enum log_level level_max = LOG_LV_NOTE;

STATIC_ASSERT(COUNT_OF(level_name) == LOG_LV_CNT, "a name for each level");

void leat_log_level_set(enum log_level level)
{
	ASSERT(level < LOG_LV_CNT);
	level_max = level;
}

bool leat_log_level_parse(const char *text, enum log_level *level)
{
	for (unsigned i = 0; i < LOG_LV_CNT; i++) {
		if (strcmp(text, level_name[i]) == 0) {
			*level = (enum log_level)i;
			return true;
		}
	}
	return false;
}

/* fit is how many of the wanted octets an snprintf into room octets has written. */
static size_t fit(int wanted, size_t room)
{
	return wanted < 0 ? 0 : u64_min((uint64_t)wanted, room - 1);
}

void leat_log(enum log_level level, const char *module, const char *format, ...)
{
	char line[LOG_LINE_MAX];
	va_list args;

	ASSERT(level < LOG_LV_CNT);
	if (level > level_max)
		return;
	size_t at = fit(snprintf(line, sizeof(line), "leat: %s: %s: ", level_name[level], module),
		sizeof(line));
	va_start(args, format);
	at += fit(vsnprintf(line + at, sizeof(line) - at, format, args), sizeof(line) - at);
	va_end(args);
	for (size_t i = 0; i < at; i++) {
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	}
	line[at++] = '\n';
	/* There is nobody to tell that a line could not be written. */
	if (write(STDERR_FILENO, line, at) < 0)
		return;
}
