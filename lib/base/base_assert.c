/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_assert.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void leat_base_panic(const char *file, int line, const char *what)
{
	fprintf(stderr, "leat: %s:%d: does not hold: %s\n", file, line, what);
	abort();
}
