/* SPDX-License-Identifier: BSD-3-Clause */
#include "load_count.h"

#include "base_assert.h"
#include "base_bits.h"

#include <stddef.h>

struct name {
	const char *key, *text;
};

static const struct name fail_name[LOAD_FAIL_CNT] = {
	[LOAD_FAIL_REFUSED] = {"refused", "refused"},
	[LOAD_FAIL_SYN_TIMEOUT] = {"syn_timeout", "SYN timeout"},
	[LOAD_FAIL_RESET] = {"reset", "reset"},
	[LOAD_FAIL_RESPONSE_TIMEOUT] = {"response_timeout", "response timeout"},
	[LOAD_FAIL_CLOSE_TIMEOUT] = {"close_timeout", "close timeout"},
	[LOAD_FAIL_RESPONSE] = {"bad_response", "bad response"},
	[LOAD_FAIL_OCTETS] = {"wrong_octets", "wrong octets"},
	[LOAD_FAIL_SHORT] = {"short_response", "short response"},
	[LOAD_FAIL_LONG] = {"long_response", "too long a response"},
	[LOAD_FAIL_CUT] = {"cut", "cut"},
};

static const struct name skip_name[LOAD_SKIP_CNT] = {
	[LOAD_SKIP_NO_PORT] = {"no_port", "no port was free"},
	[LOAD_SKIP_NO_ROOM] = {"no_room", "no room in the stack"},
	[LOAD_SKIP_LIMIT] = {"limit", "as many in flight as may be"},
	[LOAD_SKIP_LATE] = {"late", "the generator was late"},
	[LOAD_SKIP_STOPPED] = {"stopped", "due when it was stopped"},
	[LOAD_SKIP_WAITING] = {"time_wait", "TIME-WAIT was full"},
};

static const struct name hist_name[LOAD_HIST_CNT] = {
	[LOAD_HIST_CONNECT] = {"connect", "connect   (SYN to ESTABLISHED)"},
	[LOAD_HIST_FIRST] = {"first_byte", "first byte"},
	[LOAD_HIST_WHOLE] = {"whole", "whole     (SYN to last byte)"},
	[LOAD_HIST_SERVICE] = {"service", "service time only (uncorrected)"},
	[LOAD_HIST_RESPONSE] = {"response", "each response (from its request)"},
	[LOAD_HIST_LATE] = {"late", "lateness of our own starts"},
};

const char *leat_load_fail_name(enum load_fail fail)
{
	return fail_name[fail].text;
}

const char *leat_load_fail_key(enum load_fail fail)
{
	return fail_name[fail].key;
}

const char *leat_load_skip_name(enum load_skip skip)
{
	return skip_name[skip].text;
}

const char *leat_load_skip_key(enum load_skip skip)
{
	return skip_name[skip].key;
}

const char *leat_load_hist_name(enum load_hist hist)
{
	return hist_name[hist].text;
}

const char *leat_load_hist_key(enum load_hist hist)
{
	return hist_name[hist].key;
}

bool leat_load_fail_is_peers(enum load_fail fail)
{
	return fail == LOAD_FAIL_REFUSED || fail == LOAD_FAIL_RESPONSE ||
	       fail == LOAD_FAIL_OCTETS || fail == LOAD_FAIL_SHORT || fail == LOAD_FAIL_LONG;
}

#define WORD_CNT (offsetof(struct load_counters, in_flight) / sizeof(uint64_t))

STATIC_ASSERT(offsetof(struct load_counters, in_flight) % sizeof(uint64_t) == 0, "all of 64 bits");

void leat_load_add(struct load_counters *sum, const struct load_counters *more)
{
	uint64_t *to = &sum->planned;
	const uint64_t *from = &more->planned;

	for (size_t i = 0; i < WORD_CNT; i++)
		to[i] += from[i];
	sum->in_flight += more->in_flight;
	sum->established += more->established;
	sum->held_min += more->held_min;
	sum->held_max += more->held_max;
	sum->held_looks = u64_max(sum->held_looks, more->held_looks);
	if (!sum->bad.seen)
		sum->bad = more->bad;
}

uint64_t leat_load_failed(const struct load_counters *c)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < LOAD_FAIL_CNT; i++)
		sum += c->failed[i];
	return sum;
}

uint64_t leat_load_not_started(const struct load_counters *c)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < LOAD_SKIP_CNT; i++)
		sum += c->not_started[i];
	return sum;
}
