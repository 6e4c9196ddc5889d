/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_BASE_TIME_H
#define LEAT_BASE_TIME_H

/* base_time: instants and durations in nanoseconds, as uint64_t.
 *
 * An instant is named now or ..._at, a duration ..._ns or lasts_for.  Any epoch serves; an
 * instant never goes back.  TIME_NEVER is after every instant. */

#include <stdint.h>

#define TIME_US    UINT64_C(1000)
#define TIME_MS    UINT64_C(1000000)
#define TIME_S     UINT64_C(1000000000)
#define TIME_NEVER UINT64_MAX

#endif
