/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_bits.h"
#include "base_hash.h"
#include "report_dir.h"

#include <inttypes.h>
#include <string.h>

/* Options that generators of one plan differ in, or that do not change what is measured. */
static const char *const own[] = {"address", "anyway", "boot-record", "buffers", "connections",
	"device", "eal", "formats", "gateway", "hugepages", "json", "lcores", "name", "paused",
	"report", "seed", "segment", "shards", "source-ports", "sources", "start-at", "tap", "vdev",
	"verbose", "vlan"};

static bool is_own(const char *option)
{
	size_t octets = strcspn(option + 2, "=");

	for (uint32_t i = 0; i < COUNT_OF(own); i++)
		if (strlen(own[i]) == octets && strncmp(own[i], option + 2, octets) == 0)
			return true;
	return false;
}

/* hash_text takes eight octets at a time into a running hash. */
static uint64_t hash_text(uint64_t before, const char *text)
{
	static const struct hash_key key = {0x6c6561742e72756eu, 0x636f6e6669672031u};
	size_t left = strlen(text) + 1; /* with its end, so that texts stay apart */

	for (; left > 0; left -= left < 8 ? left : 8, text += 8) {
		uint64_t word[2] = {before, 0};

		memcpy(&word[1], text, left < 8 ? left : 8);
		before = leat_hash_sip24(&key, word, 2);
	}
	return before;
}

/* append adds text, in quotes where a shell would take it apart. */
static void append(char *to, size_t size, const char *text)
{
	size_t at = strlen(to);
	bool plain = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				  "-_=.,:/%+@[]") == strlen(text);

	if (at < size)
		snprintf(to + at, size - at, plain ? " %s" : " '%s'", text);
}

void leat_report_config(struct report_config *c, const char *verb, const struct opt_line *line)
{
	uint64_t hash = 0;

	snprintf(c->command, sizeof(c->command), "leat %s", verb);
	c->lines[0] = '\0';
	for (int i = 0; i < line->argc; i++) {
		size_t at = strlen(c->lines);

		append(c->command, sizeof(c->command), line->argv[i]);
		snprintf(c->lines + at, sizeof(c->lines) - at, "%s\n", line->argv[i] + 2);
		if (!is_own(line->argv[i]))
			hash = hash_text(hash, line->argv[i]);
	}
	snprintf(c->hash, sizeof(c->hash), "%016" PRIx64, hash);
}
