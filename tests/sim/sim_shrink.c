/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim.h"

#include "base_bits.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define RUNS_MAX 300

/* The same failure: the words of the invariant up to the first number. */
static bool same(const char *a, const char *b)
{
	size_t n = strcspn(a, "(");

	return strncmp(a, b, n) == 0;
}

static bool fails_alike(const struct sim_plan *plan, const char *why, struct sim_result *result)
{
	struct sim_world *w = leat_sim_world_new(plan);

	leat_sim_world_run(w, result);
	leat_sim_world_free(w);
	return result->failed && same(why, result->why);
}

/* One round over the bits of a mask; true when one of them could go. */
static bool drop_bits(
	struct sim_plan *plan, uint64_t *mask, uint32_t cnt, const char *why, uint32_t *runs)
{
	struct sim_result result;
	bool dropped = false;

	for (uint32_t i = 0; i < cnt && *runs < RUNS_MAX; i++) {
		uint64_t before = *mask;

		if (!(before >> i & 1))
			continue;
		*mask = before & ~(UINT64_C(1) << i);
		++*runs;
		if (fails_alike(plan, why, &result))
			dropped = true;
		else
			*mask = before;
	}
	return dropped;
}

void leat_sim_shrink(struct sim_plan *plan, struct sim_result *result)
{
	char why[SIM_TEXT_MAX];
	uint32_t runs = 0;
	bool more = true;

	memcpy(why, result->why, sizeof(why));
	plan->fault_mask &= UINT64_MAX >> (64 - u32_max(plan->fault_cnt, 1));
	plan->flow_mask &= UINT64_MAX >> (64 - u32_max(plan->flow_cnt, 1));
	while (more && runs < RUNS_MAX) {
		more = drop_bits(plan, &plan->fault_mask, plan->fault_cnt, why, &runs);
		more |= drop_bits(plan, &plan->flow_mask, plan->flow_cnt, why, &runs);
	}
	if (!fails_alike(plan, why, result))
		memcpy(result->why, why, sizeof(why));
}

void leat_sim_report(const struct sim_plan *plan, const char *prefix)
{
	struct sim_world *w = leat_sim_world_new(plan);
	struct sim_result result;
	char name[256];

	leat_sim_plan_print(plan, stdout);
	snprintf(name, sizeof(name), "%s-%" PRIu64, prefix, plan->seed);
	bool written = leat_sim_pcap_open(w, name);
	int why = errno;

	leat_sim_world_run(w, &result);
	leat_sim_world_free(w);
	printf("# at %.6f s: %s\n", (double)result.ended_at / 1e9, result.why);
	if (written)
		printf("# frames: %s-host*.pcap\n", name);
	else
		printf("# no captures: %s-host*.pcap: %s\n", name, strerror(why));
	printf("# replay: sim --seed %" PRIu64 " --faults 0x%" PRIx64 " --flows 0x%" PRIx64
	       " --trace\n",
		plan->seed, plan->fault_mask, plan->flow_mask);
	fflush(stdout);
}
