/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_PLANE_DIR_H
#define LEAT_PLANE_DIR_H

/* plane_dir: where EAL keeps its sockets and files while it runs.
 *
 * EAL's default, or a private directory where that cannot be written, as with uid 0 in a user
 * namespace.  EAL leaves its files behind: those of this instance are removed at the end, those
 * of killed instances of the same name at the next start.  Whether one was killed is told by a lock
 * that each holds as long as it lives, and not by its process id: instances in other pid namespaces
 * may share the directory.
 *
 * Affinity   the main thread, around rte_eal_init and rte_eal_cleanup.
 * Errors     enum opt_exit, after one line on stderr. */

#include "opt.h"

#define PLANE_DIR_MAX    256
#define PLANE_PREFIX_MAX 48

struct plane_dir {
	char own[PLANE_DIR_MAX];       /* private, made here; empty: EAL's default is used */
	char used[PLANE_DIR_MAX];      /* of this instance alone; empty: of somebody's choice */
	char prefix[PLANE_PREFIX_MAX]; /* for EAL: NAME-number */
	int lock;                      /* a file in used, locked; -1: none */
	char *given;                   /* RUNTIME_DIRECTORY before it was own; NULL: none */
};

/* leat_dir_open makes the directory of an instance NAME-number, where the number is the process id
 * unless that is taken, locks it, and removes what killed instances of that name left.  Name NULL:
 * the prefix is somebody's choice, which others may have chosen as well, so nothing is made or
 * removed but a private directory. */
enum opt_exit leat_dir_open(struct plane_dir *d, const char *name);

/* leat_dir_begun is when EAL has read the environment, or would not begin: it is again as it was
 * given.  Others are asked where it says, or are told that it cannot be (ctl.h). */
void leat_dir_begun(struct plane_dir *d);

/* leat_dir_close removes the directories; after EAL is done. */
void leat_dir_close(struct plane_dir *d);

#endif
