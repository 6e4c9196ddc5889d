/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_LAB_WIRE_H
#define LEAT_LAB_WIRE_H

/* lab_wire: frames on their way, those that arrive first on top of a heap.
 *
 * Memory     from the C library; leat_lab_wire_free gives it back.
 * Errors     NULL: no memory. */

#include <stdbool.h>
#include <stdint.h>

#define LAB_FRAME_MAX 1536
#define LAB_BUF_MAX   16384 /* received, held by a stack, or under way */

struct lab_frame {
	uint64_t at;  /* when it arrives */
	uint64_t nth; /* of two at one instant the first goes first */
	uint32_t to;  /* which end */
	uint32_t octets;
	struct lab_frame *next_free;
	uint8_t data[LAB_FRAME_MAX];
};

struct lab_wire {
	struct lab_frame *frame, *free;
	struct lab_frame *heap[LAB_BUF_MAX];
	uint32_t heap_cnt, fresh; /* fresh: frames from there on were never used */
	uint64_t nth;
};

struct lab_wire *leat_lab_wire_new(void);
void leat_lab_wire_free(struct lab_wire *w);

/* leat_lab_wire_take gives a buffer to write a frame into; NULL: there is none. */
struct lab_frame *leat_lab_wire_take(struct lab_wire *w);
void leat_lab_wire_give(struct lab_wire *w, struct lab_frame *f);

/* leat_lab_wire_is_full: there is no buffer until one is given back. */
bool leat_lab_wire_is_full(const struct lab_wire *w);

/* leat_lab_wire_put lets f arrive at f->at. */
void leat_lab_wire_put(struct lab_wire *w, struct lab_frame *f);

/* leat_lab_wire_at is when the next frame arrives; TIME_NEVER: there is none. */
uint64_t leat_lab_wire_at(const struct lab_wire *w);

/* leat_lab_wire_pop is the next frame. */
struct lab_frame *leat_lab_wire_pop(struct lab_wire *w);

#endif
