/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_FUZZ_TWIN_H
#define LEAT_FUZZ_TWIN_H

/* fuzz_twin: each input is run twice, and both must be equal (twin.h). */

#include "fuzz.h"
#include "twin.h"

/* What run shows its engines and frames to; its part decides knobs.fast_path. */
extern struct twin fuzz_twin;

/* fuzz_twice is with the fast path and without, fuzz_oracle with records of TIME-WAIT and without;
 * it says on stderr where the two runs part, and ends the process. */
void fuzz_twice(void (*run)(const uint8_t *data, size_t size), const uint8_t *data, size_t size);
void fuzz_oracle(void (*run)(const uint8_t *data, size_t size), const uint8_t *data, size_t size);

#endif
