/* SPDX-License-Identifier: BSD-3-Clause */
#include "shard_clock.h"

#include <string.h>

/* has_word says whether word stands in text between spaces, up to the end of the line. */
static bool has_word(const char *text, const char *word)
{
	size_t octets = strlen(word), end = strcspn(text, "\n");

	for (const char *p = text; (p = strstr(p, word)) != NULL && p < text + end; p += octets) {
		bool begins = p == text || p[-1] == ' ' || p[-1] == '\t';

		if (begins && strchr(" \n", p[octets]) != NULL)
			return true;
	}
	return false;
}

bool leat_shard_clock_trust(const char *cpuinfo, const char *clocks)
{
	const char *flags = strstr(cpuinfo, "\nflags");

	return flags != NULL && has_word(flags + 1, "constant_tsc") &&
	       has_word(flags + 1, "nonstop_tsc") && has_word(clocks, "tsc");
}

uint64_t leat_shard_clock_wall_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * TIME_S + (uint64_t)ts.tv_nsec;
}
