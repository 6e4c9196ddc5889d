/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_NIC_EVENT_H
#define LEAT_NIC_EVENT_H

/* nic_event: what happens to a port while it runs.
 *
 * A driver tells of some things from a thread of EAL's; of the link many tell nothing, so it is
 * asked for.  Both come together in one machine, which the control thread turns.
 *
 *	          link lost                recovering
 *	   ┌─ UP ──────────► DOWN    any ─────────────► RECOVERING ─ recovered ─► UP or DOWN
 *	   │   ▲ link there   │        │                     │ failed
 *	   │   └──────────────┘        │ reset               ▼
 *	   │                           └───────► RESET ──► GONE ◄─ removed ─ any
 *	   └── as DOWN ───────────────────────────┘ restarted: UP or DOWN
 *
 * In DOWN queues may be used, and what is sent is lost.  In RECOVERING, RESET and GONE nobody may
 * touch them; RESET waits for somebody to stop and start the port.  GONE is for ever.
 *
 * Affinity   the marks: any thread sets, the control thread takes; the machine: the control thread.
 * Errors     a driver that refuses to tell is asked: no error. */

#include "nic_port.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum nic_mark {
	NIC_MARK_LINK = 0x01, /* the link changed, once or several times */
	NIC_MARK_RESET = 0x02,
	NIC_MARK_REMOVED = 0x04,
	NIC_MARK_RECOVERING = 0x08,
	NIC_MARK_RECOVERED = 0x10,
	NIC_MARK_FAILED = 0x20, /* the recovery did */
};

/* What a driver told since it was taken last. */
struct nic_marks {
	atomic_uint bits; /* enum nic_mark */
	atomic_uint link_cnt;
};

enum nic_state {
	NIC_ST_UP,
	NIC_ST_DOWN,
	NIC_ST_RECOVERING,
	NIC_ST_RESET,
	NIC_ST_GONE,
	NIC_ST_CNT
};

struct nic_watch {
	enum nic_state state;
	uint64_t since;                            /* when the state began */
	uint64_t before_ns;                        /* how long the one before lasted */
	uint64_t downs, flaps, resets, recoveries; /* flaps: too short to be seen */
};

/* leat_nic_marks_open asks the driver of p to tell; _close ends it.  m must live between. */
void leat_nic_marks_open(const struct nic_port *p, struct nic_marks *m);
void leat_nic_marks_close(const struct nic_port *p, struct nic_marks *m);

/* nic_mark is for what is known from elsewhere than the driver. */
static inline void nic_mark(struct nic_marks *m, enum nic_mark mark)
{
	atomic_fetch_or_explicit(&m->bits, (unsigned)mark, memory_order_release);
}

/* leat_nic_watch_init begins with the link as it is. */
void leat_nic_watch_init(struct nic_watch *w, bool link, uint64_t now);

/* leat_nic_watch_look takes the marks and the link as it is now; true: the state is another. */
bool leat_nic_watch_look(struct nic_watch *w, struct nic_marks *m, bool link, uint64_t now);

/* leat_nic_watch_restarted: in RESET, the port was started again, or could not be. */
void leat_nic_watch_restarted(struct nic_watch *w, bool good, bool link, uint64_t now);

/* nic_may_use says whether queues may be touched. */
static inline bool nic_may_use(enum nic_state state)
{
	return state == NIC_ST_UP || state == NIC_ST_DOWN;
}

const char *leat_nic_state_name(enum nic_state state);

#endif
