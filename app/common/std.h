/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_STD_H
#define LEAT_STD_H

/* std: stdin, stdout and stderr as a program was given them.
 *
 * Affinity   the main thread.
 * Errors     of writing: one sentence and exit code for every verb. */

/* leat_std_occupy opens /dev/null as those of descriptors 0 to 2 that are closed, the other way
 * round, so that using them still fails.  Else the first file a program opens would be its stdout,
 * and what it says would be written into that file.  Before anything is opened; exits with
 * OPT_EXIT_RESOURCE when it cannot. */
void leat_std_occupy(void);

/* leat_std_written flushes stdout and gives code; or, when not all that was printed there could be
 * written, says so of verb and gives OPT_EXIT_FAILED.  errno is still that of the write that failed
 * before, if one did. */
int leat_std_written(const char *verb, int code);

#endif
