/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_PLANE_DIR_H
#define LEAT_PLANE_DIR_H

/* plane_dir: where EAL keeps its sockets and files while it runs.
 *
 * EAL's default, or a private directory where that cannot be written, as with uid 0 in a user
 * namespace.  EAL leaves its files behind: those of this instance are removed at the end, those
 * of killed instances of the same name at the next start.
 *
 * Affinity   the main thread, around rte_eal_init and rte_eal_cleanup.
 * Errors     enum opt_exit, after one line on stderr. */

#include "opt.h"

#define PLANE_DIR_MAX 256

struct plane_dir {
	char own[PLANE_DIR_MAX];  /* private, made here; empty: EAL's default is used */
	char used[PLANE_DIR_MAX]; /* by EAL for this instance */
	bool shared;              /* another process may use it, too */
};

/* leat_dir_open makes sure that EAL can write its runtime directory, and removes from it what
 * killed instances NAME-pid left.  Name NULL: the prefix is somebody's choice, which others may
 * have chosen as well, so nothing is removed but a private directory. */
enum opt_exit leat_dir_open(struct plane_dir *d, const char *name);

/* leat_dir_used tells which directory this instance has, to be removed by close unless shared. */
void leat_dir_used(struct plane_dir *d, const char *path);

void leat_dir_close(struct plane_dir *d);

#endif
