/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_PLANE_H
#define LEAT_PLANE_H

/* plane: the shards of this process on their lcores, and the thread that watches them.
 *
 *	main lcore      shard, shard, ...  in turns     ◄── letters ──┐
 *	other lcores    shard, shard, ...  in turns     ◄── letters ──┤ control thread:
 *	control thread  sleeps between signals and seconds ───────────┘ prints, asks, stops
 *
 * Signals: SIGINT and SIGTERM are blocked in all threads and taken by the control thread, so that
 * nothing runs in a handler.
 *
 * Memory     stacks from the shard's node; packet buffers from EAL; all given back by close.
 * Affinity   setup and close: the main thread; the rest: as said at each function.
 * Errors     enum opt_exit, after one line on stderr. */

#include "audit.h"
#include "nic_pool.h"
#include "plane_eal.h"
#include "shard_loop.h"

#include <pthread.h>
#include <stdatomic.h>

#define PLANE_SIGNALS_CUT 2                    /* so many signals mean: at once */
#define PLANE_LOOK_NS     UINT64_C(100000000)  /* how often lcores and ports are looked at */
#define PLANE_AUDIT_NS    UINT64_C(1000000000) /* how often their counts are audited */
#define PLANE_ASK_NS      UINT64_C(1000000000) /* how long an answer of a shard is waited for */

struct plane_shard {
	struct shard *shard;
	/* Of it what others may know, since it never changes: reading it there would be reading a
	 * line that it writes. */
	const struct nic_port *port;
	struct tcp_limits limits;
	void *mem;
	size_t octets;
	int node;
	uint32_t lcore_idx;
	bool queue_shared; /* frames of other shards arrive at its queue, too */
	struct shard_mail from_control;
	struct shard_ask ask;       /* the shard's while asked, but for `answered` */
	struct shard_counts counts; /* what it answered last */
	bool asked, heard;          /* it owes an answer; it gave the last one */
	uint32_t late;              /* a bit for each kind of letter its full box keeps us from */
	enum shard_port_use use;    /* what SHARD_MAIL_PORT among them says */
	struct shard_ask audit;     /* likewise, for the round of the audit that is under way */
	bool audited;               /* it owes no answer to that */
	uint64_t silent_since;      /* 0: nobody waits for an answer longer than PLANE_ASK_NS */
};

#define PLANE_PORT_MAX 2

/* What one shard of a port writes and one other reads. */
struct plane_pair {
	struct shard_mail box;
	struct shard_asked asked;
	struct shard_lane move;
};

/* The shards first to first + cnt - 1 of one port; pair: cnt x cnt, the writer's index first. */
struct plane_port {
	uint32_t first, cnt;
	struct plane_pair *pair;
	struct shard_lane *carry; /* cnt: from each that has no queue to the one that carries */
};

struct plane {
	struct eal eal;
	struct shard_clock clock; /* the control thread's; all shards' have its start */
	struct rte_mempool *pool;
	bool touch;
	uint32_t shard_cnt, loop_cnt;
	uint32_t signal_cnt, signal_told; /* that came; of which leat_plane_wait has told */
	uint64_t started_at;
	size_t stack_octets, taken_octets;
	uint32_t port_cnt;
	struct plane_port port[PLANE_PORT_MAX];
	struct plane_shard shard[SHARD_MAX];
	struct shard_loop loop[PLANE_LCORE_MAX];
	void (*control)(void *arg);
	void *arg;
	/* Called by the control thread while it waits, every PLANE_LOOK_NS; true: it waits no
	 * longer.  May be NULL. */
	bool (*look)(void);
	uint64_t look_at;
	struct audit audit; /* of what shards count; each second */
	uint64_t audit_at;
	bool auditing, audit_partly; /* a round is under way; not all shards take part */
	struct sight *sight;         /* what others may see of it; NULL: nothing */
	struct shard_watch watch[PLANE_LCORE_MAX]; /* of the loops */
	uint32_t still[PLANE_LCORE_MAX];           /* looks in a row that found the loop late */
};

/* leat_plane_block_signals keeps SIGINT and SIGTERM for the control thread; before EAL. */
void leat_plane_block_signals(void);

/* leat_plane_open takes the started EAL and makes the pool, on node; -1: near the main lcore, and
 * where there is room.  touch: memory is taken at once and not when it is first used, so that what
 * is not there shows at the start. */
enum opt_exit leat_plane_open(struct plane *p, const struct eal *eal,
	const struct nic_pool_plan *plan, int node, bool touch);

/* leat_plane_take gives octets on node, for leat_nic_numa_free; NULL after one line on stderr, as
 * when a signal came meanwhile, which stays pending. */
void *leat_plane_take(struct plane *p, size_t octets, int node);

/* leat_plane_add makes the next shard, to be turned on the lcore of index lcore_idx (modulo how
 * many there are). */
enum opt_exit leat_plane_add(
	struct plane *p, const struct shard_config *config, uint32_t lcore_idx);

/* leat_plane_join gives cnt shards from first on boxes and lanes to each other: they share one
 * port.  A shard without a queue sends over one of those that have, in turn. */
enum opt_exit leat_plane_join(struct plane *p, uint32_t first, uint32_t cnt);

/* leat_plane_moving is how many frames lie on the lanes between the shards of a port, given by its
 * order of join, to be read there; _carrying, to be sent there.  While no shard turns. */
uint64_t leat_plane_moving(const struct plane *p, uint32_t port_idx);
uint64_t leat_plane_carrying(const struct plane *p, uint32_t port_idx);

/* leat_plane_join_octets is what _join takes for so many shards. */
size_t leat_plane_join_octets(uint32_t shard_cnt);

/* leat_plane_run turns all shards and runs control in its own thread, until control returns. */
enum opt_exit leat_plane_run(struct plane *p, void (*control)(void *arg), void *arg);

/* leat_plane_close frees shards and pool; ports must be closed between shards_close and this. */
void leat_plane_shards_close(struct plane *p);
void leat_plane_close(struct plane *p);

/* For the control thread. */

/* leat_plane_turns says whether no lcore stood still when the control thread last looked. */
bool leat_plane_turns(const struct plane *p);

/* leat_plane_shard_turns says whether the lcore of that shard goes on at now; for any thread. */
bool leat_plane_shard_turns(const struct plane *p, uint32_t shard, uint64_t now);

/* leat_plane_heard waits until the shard has set answered; false: it stands still, or stop is set.
 * For any thread but that of control, by its own copy of the clock. */
bool leat_plane_heard(const struct plane *p, uint32_t shard, const atomic_bool *answered,
	const atomic_bool *stop, struct shard_clock clock);

/* leat_plane_wait sleeps until at or a signal, and returns how many signals there were so far. */
uint32_t leat_plane_wait(struct plane *p, uint64_t at);

/* leat_plane_now is the present instant on the clock of the shards. */
uint64_t leat_plane_now(struct plane *p);

/* leat_plane_use tells all shards how they may use their queues, as _tell does.  With
 * SHARD_PORT_OFF it returns when nobody touches them any more, so that the port may be started
 * anew: it waits for all. */
void leat_plane_use(struct plane *p, enum shard_port_use use);

/* leat_plane_tell puts DRAIN or ABORT into the box of one shard.  It waits for nobody: what a full
 * box, of a shard that stands still, has no room for is told when that has read some, and a line
 * says so. */
void leat_plane_tell(struct plane *p, uint32_t shard_idx, enum shard_mail_kind kind);

/* leat_plane_ask has all shards fill their counts, and waits for it: PLANE_ASK_NS for one that does
 * not turn, which is told once, and no longer while it owes an answer.  Who has not `heard` has the
 * counts of before.  also, when not NULL, runs on the lcore of shard i with arg[i], which is its
 * until then. */
void leat_plane_ask(struct plane *p, void (*also)(void *arg), void *const *arg);

/* leat_plane_ask_each does so with arg[i] an element of an array, of size octets each, from first
 * on. */
void leat_plane_ask_each(struct plane *p, void (*also)(void *arg), void *first, size_t size);

#endif
