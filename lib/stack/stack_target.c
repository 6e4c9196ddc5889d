/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_assert.h"
#include "base_bits.h"
#include "stack_core.h"

#include <string.h>

/* Of the targets, each in a chain by its hash, those to which no port is taken keep their place
 * until another one needs it: a bit each, the first of which is had without a walk. */

static bool is_it(const struct stack_target *t, struct ip ip, uint16_t port)
{
	return t->port == port && ip_eq(t->ip, ip);
}

static uint32_t *head_of(const struct leat_stack *s, struct ip ip, uint16_t port)
{
	const struct tuple tuple = {.remote = ip, .rport = port};
	uint64_t hash = leat_flow_hash(s->flow, &tuple);

	return &s->target_head[hash & (stack_target_heads(&s->config) - 1)];
}

static void unchain(struct leat_stack *s, uint32_t idx)
{
	uint32_t *at = head_of(s, s->target[idx].ip, s->target[idx].port);

	for (; *at != idx; at = &s->target[*at].next)
		DCHECK(*at != STACK_NONE);
	*at = s->target[idx].next;
}

/* first_idle is the first place to whose target no port is taken, if any ever was; STACK_NONE:
 * there is none. */
static uint32_t first_idle(struct leat_stack *s)
{
	for (; s->idle_word < stack_target_words(&s->config); s->idle_word++)
		if (s->target_idle[s->idle_word] != 0)
			return s->idle_word * 64 +
			       (uint32_t)__builtin_ctzll(s->target_idle[s->idle_word]);
	return STACK_NONE;
}

void leat_stack_target_init(struct leat_stack *s)
{
	const uint32_t cnt = s->config.target_max, words = stack_target_words(&s->config);

	memset(s->target, 0, cnt * sizeof(*s->target));
	memset(s->target_head, 0xff, stack_target_heads(&s->config) * sizeof(*s->target_head));
	memset(s->target_idle, 0xff, words * sizeof(*s->target_idle));
	if (cnt % 64 != 0)
		s->target_idle[words - 1] = (UINT64_C(1) << cnt % 64) - 1;
	s->idle_word = s->target_last = 0;
}

uint32_t leat_stack_target_find(struct leat_stack *s, struct ip ip, uint16_t port)
{
	DCHECK(port != 0); /* or what was never used would be found */
	if (LIKELY(is_it(&s->target[s->target_last], ip, port)))
		return s->target_last;
	uint32_t *head = head_of(s, ip, port), idx = *head;

	while (idx != STACK_NONE && !is_it(&s->target[idx], ip, port))
		idx = s->target[idx].next;
	if (idx == STACK_NONE) {
		idx = first_idle(s);
		if (idx == STACK_NONE)
			return STACK_NONE;
		if (s->target[idx].port != 0)
			unchain(s, idx);
		s->target[idx] = (struct stack_target){.ip = ip, .port = port, .next = *head};
		*head = idx;
	}
	s->target_last = idx;
	return idx;
}

void leat_stack_target_take(struct leat_stack *s, uint32_t idx)
{
	if (s->target[idx].taken_cnt++ == 0)
		s->target_idle[idx / 64] &= ~(UINT64_C(1) << idx % 64);
}

void leat_stack_target_give(struct leat_stack *s, uint32_t idx)
{
	DCHECK(s->target[idx].taken_cnt > 0);
	if (--s->target[idx].taken_cnt != 0)
		return;
	s->target_idle[idx / 64] |= UINT64_C(1) << idx % 64;
	s->idle_word = u32_min(s->idle_word, idx / 64);
}
