/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_INSTANCE_H
#define LEAT_INSTANCE_H

/* instance: where a running leatd can be asked, and how.
 *
 *	/run/leat/NAME.sock                  of root
 *	$XDG_RUNTIME_DIR/leat/NAME.sock      of a user who has a session
 *	/tmp/leat-UID/NAME.sock              of any other
 *	$RUNTIME_DIRECTORY/NAME.sock         under systemd, for all of them
 *
 * Who asks looks in the first, too, where an instance may let a group in (--ctl-group).
 *
 * A question is one line; what follows is read until the end of the stream.
 *
 *	conns form=json sort left limit 4\n  ─►
 *	                                     ◄─  ok\n rows ...
 *	                                     ◄─  no CODE AT why\n
 *
 * AT is the octet of the words that is wrong, or - when it is none of them.
 *
 * Affinity   none.
 * Errors     false after a line on stderr, unless a function says otherwise. */

#include <stdbool.h>
#include <stddef.h>

#define INSTANCE_PATH_MAX     108 /* of sun_path */
#define INSTANCE_NAME_MAX     48
#define INSTANCE_MAX          64
#define INSTANCE_QUESTION_MAX 16384

/* What leat tells leatd of where its options come from: the file, and those that stood beside it on
 * the command line, with a separator between two. */
#define INSTANCE_ENV_CONFIG "LEATD_CONFIG"
#define INSTANCE_ENV_GIVEN  "LEATD_GIVEN"
#define INSTANCE_SEPARATOR  '\x1f'

/* leat_instance_dir writes the directory of the sockets; create: makes it, for its user alone. */
bool leat_instance_dir(char *dir, size_t size, bool create);

/* leat_instance_path writes where the instance of that name is asked. */
bool leat_instance_path(const char *name, char *path, size_t size, bool create);

/* leat_instance_is_name says whether text can be the name of an instance, and puts it there; else a
 * clause in why. */
bool leat_instance_is_name(const char *text, const char **name, char *why, size_t size);

/* leat_instance_of is the name in the path of a socket, until the next call of this thread. */
const char *leat_instance_of(const char *path);

/* leat_instance_list writes the names of the instances that listen, in order, and returns how many;
 * not more than max.  Sockets nobody listens at are passed over. */
size_t leat_instance_list(char name[][INSTANCE_NAME_MAX], size_t max);

/* leat_instance_connect gives a socket to the instance of that name, or, when name is NULL, to the
 * only one there is; -1 after a line that says which there are, with errno EAGAIN when that one
 * takes no more. */
int leat_instance_connect(const char *verb, const char *name);

/* leat_instance_stands writes the line that the process of that one does not answer. */
void leat_instance_stands(const char *verb, const char *name);

/* leat_instance_lock keeps others who begin away from the directory of the sockets until what it
 * gives is closed: between making a socket and listening it looks as if it were left over.  -1: one
 * of them has it for a second already, or there is none. */
int leat_instance_lock(void);

/* leat_instance_sweep removes the sockets that killed instances of this user left in the directory,
 * which is locked. */
void leat_instance_sweep(void);

#endif
