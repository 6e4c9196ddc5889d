/* SPDX-License-Identifier: BSD-3-Clause */
#include "again.h"

#include "base_assert.h"
#include "text.h"

#include <stdio.h>

static const struct {
	const char *key, *name;
} kinds[] = {
	[AGAIN_SYN] = {"syn", "SYN"},
	[AGAIN_SYN_ACK] = {"syn_ack", "SYN-ACK"},
	[AGAIN_DATA] = {"data", "data"},
	[AGAIN_FIN] = {"fin", "FIN"},
	[AGAIN_PROBE] = {"probe", "window probe"},
};

const char *leat_again_key(enum again_kind kind)
{
	ASSERT(kind < AGAIN_CNT);
	return kinds[kind].key;
}

void leat_again_text(const uint64_t cnt[AGAIN_CNT], char *text, size_t size)
{
	const char *before = ": ";
	char n[TEXT_GROUP_MAX];
	uint64_t all = 0;

	for (uint32_t i = 0; i < AGAIN_CNT; i++)
		all += cnt[i];
	leat_text_group(all, n, sizeof(n));
	size_t at = (size_t)snprintf(text, size, "%s", n);

	for (uint32_t i = 0; i < AGAIN_CNT && at < size; i++) {
		if (cnt[i] == 0)
			continue;
		leat_text_group(cnt[i], n, sizeof(n));
		at += (size_t)snprintf(text + at, size - at, "%s%s %s", before, kinds[i].name, n);
		before = ", ";
	}
}
