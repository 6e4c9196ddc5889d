/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_BOOT_H
#define LEAT_BOOT_H

/* boot: what one run leaves to the next, so that a restart within 2MSL does no harm.
 *
 * The state of connections dies with the process: peers may still hold them, and old segments of
 * theirs may be under way.  RFC 9293 3.4.3 offers two remedies: keep quiet for as long as a
 * segment may live, or know where sequence numbers stood.  A record, a file of a few lines, gives
 * the second:
 *
 *	key     of sequence numbers and timestamps, so that they go on by the wall clock
 *	ports   a quarter of the local ports for each run, the one that has rested longest; one
 *	        that has not rested for 2MSL is waited for
 *
 * Listening needs neither: the peer chooses tuple and sequence number, and its rules protect it.
 *
 * Units      ns of the wall clock.
 * Affinity   the control thread.
 * Errors     a line on stderr and an exit code: no such file to be had, another run has it, or it
 *            is no such record.  One of ours that was cut short is begun anew, with a quiet time.
 * RFC        9293 3.4.3, MUST-42. */

#include "opt.h"
#include "stack.h"

#define BOOT_RANGES 4

struct boot_want {
	const char *path;    /* of the record; NULL: none */
	uint64_t quiet_ns;   /* asked for */
	uint64_t two_msl_ns; /* how long ports must rest */
	uint16_t port_from, port_to;
};

struct boot {
	const char *path;
	int fd;
	bool known;        /* the record told of an earlier run */
	uint32_t range;    /* whose ports these are */
	uint64_t run;      /* from 1 */
	uint64_t epoch_ns; /* the wall clock, which never goes back here */
	uint64_t quiet_ns;
	uint64_t used_ns[BOOT_RANGES]; /* when a port of the range was used last; UINT64_MAX: now */
	struct hash_key secret;        /* 0 0: no record */
	uint16_t port_from, port_to;
};

/* leat_boot_begin reads the record, if there is to be one, decides for this run and notes it. */
enum opt_exit leat_boot_begin(struct boot *b, const struct boot_want *want, uint64_t wall_ns);

/* leat_boot_set gives a stack what was decided. */
void leat_boot_set(const struct boot *b, struct stack_config *config);

/* leat_boot_end notes that the run ended in order. */
void leat_boot_end(struct boot *b, uint64_t wall_ns);

/* leat_boot_print writes in a line what was decided; connects: this program does. */
void leat_boot_print(const struct boot *b, bool connects, FILE *out);

#endif
