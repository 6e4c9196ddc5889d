/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_SHARD_MAIL_H
#define LEAT_SHARD_MAIL_H

/* shard_mail: letters from one thread to one shard.
 *
 *	writer ─put─► [ slot slot slot ... ] ─take─► shard
 *	               tail                head
 *
 * Whoever writes a letter hands over what it points to.  A box has one writer and one reader;
 * whoever needs two directions, or two writers, has two boxes.
 *
 * Shape      SHARD_MAIL_SLOTS letters; a full box refuses, nothing is overwritten.
 * Affinity   put: the writer's thread; take: the shard's lcore.  These two words are atomic, with
 *            release on the side that moves them and acquire on the other.
 * Cost       an empty take reads one line that only a put makes dirty.
 * Errors     put returns false when the box is full. */

#include "base_bits.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SHARD_MAIL_SLOTS 64

enum shard_mail_kind {
	SHARD_MAIL_DRAIN,   /* take no new connections, finish those there are */
	SHARD_MAIL_UNDRAIN, /* take new ones again */
	SHARD_MAIL_ABORT,   /* reset all connections */
	SHARD_MAIL_ASK,     /* fill a struct shard_ask and mark it answered */
	SHARD_MAIL_LOOK,    /* fill a struct shard_look and mark it answered */
	SHARD_MAIL_WALK,    /* do a step of a struct shard_walk each turn, then mark it answered */
	SHARD_MAIL_CAPTURE, /* begin or end a struct shard_capture, and mark it answered */
	SHARD_MAIL_PORT,    /* how it may use its port from now on: shard_letter_port */
	SHARD_MAIL_FRAME,   /* a frame that arrived at another shard; the reader owns it */
};

/* How a shard may use its queues. */
enum shard_port_use {
	SHARD_PORT_ON,
	SHARD_PORT_DOWN, /* the link is down: what the device does not take is lost at once */
	SHARD_PORT_OFF,  /* it touches no queue, nor does it send */
};

struct shard_letter {
	enum shard_mail_kind kind;
	void *what;
};

static inline struct shard_letter shard_letter_port(enum shard_port_use use)
{
	return (struct shard_letter){SHARD_MAIL_PORT, (void *)(uintptr_t)use};
}

struct shard_mail {
	_Alignas(CACHE_LINE) atomic_uint tail; /* letters ever put */
	_Alignas(CACHE_LINE) atomic_uint head; /* letters ever taken */
	_Alignas(CACHE_LINE) struct shard_letter slot[SHARD_MAIL_SLOTS];
};

/* leat_shard_mail_init empties a box that nobody uses yet. */
void leat_shard_mail_init(struct shard_mail *m);

/* leat_shard_mail_put adds a letter; false: the box is full and the letter still the caller's. */
__attribute__((warn_unused_result)) bool leat_shard_mail_put(
	struct shard_mail *m, struct shard_letter letter);

/* leat_shard_mail_take gives the oldest letter; false: none. */
bool leat_shard_mail_take(struct shard_mail *m, struct shard_letter *letter);

#endif
