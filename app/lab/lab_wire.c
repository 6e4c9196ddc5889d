/* SPDX-License-Identifier: BSD-3-Clause */
#include "lab_wire.h"

#include "base_assert.h"
#include "base_time.h"

#include <stdlib.h>

struct lab_wire *leat_lab_wire_new(void)
{
	struct lab_wire *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->frame = malloc(LAB_BUF_MAX * sizeof(*w->frame));
	if (w->frame == NULL) {
		free(w);
		return NULL;
	}
	return w;
}

void leat_lab_wire_free(struct lab_wire *w)
{
	free(w->frame);
	free(w);
}

struct lab_frame *leat_lab_wire_take(struct lab_wire *w)
{
	struct lab_frame *f = w->free;

	if (f != NULL)
		w->free = f->next_free;
	else if (w->fresh < LAB_BUF_MAX)
		f = &w->frame[w->fresh++];
	return f;
}

void leat_lab_wire_give(struct lab_wire *w, struct lab_frame *f)
{
	f->next_free = w->free;
	w->free = f;
}

bool leat_lab_wire_is_full(const struct lab_wire *w)
{
	return w->free == NULL && w->fresh == LAB_BUF_MAX;
}

static bool is_before(const struct lab_frame *a, const struct lab_frame *b)
{
	return a->at != b->at ? a->at < b->at : a->nth < b->nth;
}

void leat_lab_wire_put(struct lab_wire *w, struct lab_frame *f)
{
	uint32_t i = w->heap_cnt++;

	DCHECK(i < LAB_BUF_MAX);
	f->nth = w->nth++;
	for (; i > 0 && is_before(f, w->heap[(i - 1) / 2]); i = (i - 1) / 2)
		w->heap[i] = w->heap[(i - 1) / 2];
	w->heap[i] = f;
}

uint64_t leat_lab_wire_at(const struct lab_wire *w)
{
	return w->heap_cnt > 0 ? w->heap[0]->at : TIME_NEVER;
}

struct lab_frame *leat_lab_wire_pop(struct lab_wire *w)
{
	struct lab_frame *top = w->heap[0], *last = w->heap[--w->heap_cnt];
	uint32_t i = 0, child;

	for (; (child = 2 * i + 1) < w->heap_cnt; i = child) {
		child += child + 1 < w->heap_cnt && is_before(w->heap[child + 1], w->heap[child]);
		if (!is_before(w->heap[child], last))
			break;
		w->heap[i] = w->heap[child];
	}
	w->heap[i] = last;
	return top;
}
