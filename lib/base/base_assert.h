/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_BASE_ASSERT_H
#define LEAT_BASE_ASSERT_H

/* base_assert: statements about this program, never about a peer.
 *
 * STATIC_ASSERT   beside a type: sizes, offsets, bounds between constants.
 * ASSERT          on in every build: boot, control, once per turn.
 * DCHECK          off in release: the contract of a header, per segment and per timer.
 *                 It does not evaluate its argument in release.
 * UNREACHABLE     an arm that cannot be taken, and why.
 *
 * One condition each, without side effects.  What a peer can cause is a verdict instead. */

#include <stdbool.h>

#ifndef LEAT_CHECK
#define LEAT_CHECK 0
#endif

#define STATIC_ASSERT(cond, why) _Static_assert(cond, why)

/* leat_base_panic writes one line (where and what did not hold) to stderr and aborts. */
_Noreturn void leat_base_panic(const char *file, int line, const char *what);

#define ASSERT(cond)                                                                               \
	do {                                                                                       \
		if (__builtin_expect(!(cond), 0))                                                  \
			leat_base_panic(__FILE__, __LINE__, #cond);                                \
	} while (0)

#if LEAT_CHECK
#define DCHECK(cond) ASSERT(cond)
#else
#define DCHECK(cond) ((void)sizeof((cond) ? 1 : 0))
#endif

#define UNREACHABLE(why) leat_base_panic(__FILE__, __LINE__, "unreachable: " why)

#endif
