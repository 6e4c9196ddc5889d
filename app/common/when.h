/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_WHEN_H
#define LEAT_WHEN_H

/* when: an instant of the wall clock, as people and schedulers write it.
 *
 *	2026-11-21T09:30:00Z  2026-11-21T10:30:00.250+01:00   RFC 3339
 *	1795253400            1795253400.25                   seconds since 1970
 *	+10s                                                  from now
 *
 * Units      ns since 1970, up to the year 2199.
 * Affinity   none; pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WHEN_TEXT_MAX 32

/* leat_when_read reads text, at now; false with a clause in why. */
bool leat_when_read(const char *text, uint64_t now, uint64_t *at, char *why, size_t size);

/* leat_when_text writes at as RFC 3339 in UTC, to the millisecond. */
void leat_when_text(uint64_t at, char text[WHEN_TEXT_MAX]);

#endif
