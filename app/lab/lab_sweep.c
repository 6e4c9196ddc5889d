/* SPDX-License-Identifier: BSD-3-Clause */
#include "lab_sweep.h"

enum dimension {
	DIM_CLOSE,
	DIM_REUSE,
	DIM_TIMESTAMPS,
	DIM_LOSS,
	DIM_REORDER,
	DIM_RATE,
	DIM_TIME_WAIT,
	DIM_CNT
};

static const struct lab_list *list_of(const struct lab_sweep *s, uint32_t dimension)
{
	const struct lab_list *list[DIM_CNT] = {
		[DIM_CLOSE] = &s->close,
		[DIM_REUSE] = &s->reuse,
		[DIM_TIMESTAMPS] = &s->timestamps,
		[DIM_LOSS] = &s->loss,
		[DIM_REORDER] = &s->reorder,
		[DIM_RATE] = &s->rate,
		[DIM_TIME_WAIT] = &s->time_wait,
	};

	return list[dimension];
}

/* The nth of all combinations, and which value of each list it has. */
static struct lab_case nth_case(const struct lab_sweep *s, uint64_t nth, uint32_t at[DIM_CNT])
{
	uint64_t value[DIM_CNT];

	for (uint32_t i = DIM_CNT; i-- > 0;) {
		const struct lab_list *list = list_of(s, i);

		at[i] = (uint32_t)(nth % list->cnt);
		value[i] = list->value[at[i]];
		nth /= list->cnt;
	}
	return (struct lab_case){
		.time_wait_ns = value[DIM_TIME_WAIT],
		.close = (uint32_t)value[DIM_CLOSE],
		.reuse = (uint32_t)value[DIM_REUSE],
		.timestamps = value[DIM_TIMESTAMPS] != 0,
		.loss_millionths = (uint32_t)value[DIM_LOSS],
		.reorder_millionths = (uint32_t)value[DIM_REORDER],
		.rate = (uint32_t)value[DIM_RATE],
	};
}

uint32_t leat_lab_sweep_cases(const struct lab_sweep *sweep, struct lab_row *row, uint32_t max)
{
	uint32_t cnt = 0, at[DIM_CNT];
	uint64_t all = 1;

	for (uint32_t i = 0; i < DIM_CNT; i++)
		all *= list_of(sweep, i)->cnt;
	if (all > LAB_CASE_MAX * DIM_CNT)
		return LAB_CASE_MAX + 1;
	for (uint64_t nth = 0; nth < all && cnt <= LAB_CASE_MAX; nth++) {
		struct lab_case c = nth_case(sweep, nth, at);

		if (c.reuse >= LAB_REUSE_TIMESTAMPS) {
			if (at[DIM_TIMESTAMPS] > 0)
				continue;
			c.timestamps = true;
		}
		if (!leat_lab_makes_sense(&c))
			continue;
		if (cnt < max)
			row[cnt] = (struct lab_row){.c = c};
		cnt++;
	}
	return cnt;
}
