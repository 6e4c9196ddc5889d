/* SPDX-License-Identifier: BSD-3-Clause */
#include "gate.h"

#include "ctl.h"
#include "shard_clock.h"
#include "when.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>

enum gate_state {
	GATE_NONE, /* nobody waits */
	GATE_SHUT,
	GATE_OPEN,
};

static atomic_uint gate; /* enum gate_state */
static _Atomic uint64_t gate_at;
static pthread_mutex_t asking = PTHREAD_MUTEX_INITIALIZER; /* who may open it */

static sigset_t word_signal(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	return set;
}

void leat_gate_block(void)
{
	sigset_t set = word_signal();

	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

void leat_gate_shut(void)
{
	atomic_store(&gate, GATE_SHUT);
}

/* open_for opens it; false: it was not shut. */
static bool open_for(uint64_t at)
{
	pthread_mutex_lock(&asking);
	bool shut = atomic_load(&gate) == GATE_SHUT;
	if (shut) {
		atomic_store(&gate_at, at);
		atomic_store(&gate, GATE_OPEN); /* last: who sees it sees the instant */
	}
	pthread_mutex_unlock(&asking);
	return shut;
}

/* waits_for is the instant that it was opened for, while that is to come; 0: it is not. */
static uint64_t waits_for(uint64_t now)
{
	uint64_t at = atomic_load(&gate) == GATE_OPEN ? atomic_load(&gate_at) : 0;

	return at > now ? at : 0;
}

bool leat_gate_look(uint64_t *at)
{
	sigset_t set = word_signal();

	if (sigtimedwait(&set, NULL, &(struct timespec){0}) > 0)
		open_for(0);
	bool open = atomic_load(&gate) == GATE_OPEN; /* before the instant */
	*at = open ? atomic_load(&gate_at) : 0;
	return open;
}

/* refuse_word tells who came second. */
static void refuse_word(struct ctl_client *q, uint64_t now)
{
	uint64_t at = waits_for(now);
	char text[WHEN_TEXT_MAX];

	if (at == 0) {
		fprintf(q->out, "no 1 - nothing here waits to start: it runs already, or is no "
				"`leat load --paused`\n");
		return;
	}
	leat_when_text(at, text);
	fprintf(q->out, "no 1 - it waits for its instant already: it starts at %s\n", text);
}

void leat_ctl_begin(struct ctl_client *q, char *words)
{
	uint64_t now = leat_shard_clock_wall_ns(), at = 0;
	char why[160], text[WHEN_TEXT_MAX];

	if (*words != '\0' && !leat_when_read(words, now, &at, why, sizeof(why)))
		fprintf(q->out, "no 1 0 %s\n", why);
	else if (at != 0 && at < now)
		fprintf(q->out, "no 1 0 `%s` is past\n", words);
	else if (!open_for(at))
		refuse_word(q, now);
	else if (at == 0)
		fprintf(q->out, "ok\nstarts now\n");
	else
		leat_when_text(at, text), fprintf(q->out, "ok\nstarts at %s\n", text);
}
