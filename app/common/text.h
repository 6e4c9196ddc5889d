/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_TEXT_H
#define LEAT_TEXT_H

/* text: numbers and addresses as people read them.
 *
 * Affinity   none; pure. */

#include "leat.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_GROUP_MAX 28 /* octets of the longest grouped number, with its end */
#define TEXT_ADDR_MAX  64

/* leat_text_group writes value with its digits in groups: "1,234,567". */
void leat_text_group(uint64_t value, char *text, size_t size);

/* leat_text_ns writes a duration as it is read at a glance: "11.4 us", "38 ms", "1.04 s", "2 s";
 * "-" for 0. */
void leat_text_ns(uint64_t ns, char *text, size_t size);

/* text_two_msl_conforms: MSL is a second at least?  RFC 9293 means two minutes, and lets it be what
 * is known of the network (3.4.2); what is shorter is not meant any more, and is said. */
static inline bool text_two_msl_conforms(uint64_t two_msl_ns)
{
	return two_msl_ns >= UINT64_C(2000000000);
}

/* leat_text_addr writes "198.18.0.1:80" or "[2001:db8::1]:80". */
void leat_text_addr(const struct leat_addr *a, char *text, size_t size);

/* leat_text_call is what people type to call leat here: LEAT_CALL of the environment, or "leat". */
const char *leat_text_call(void);

#endif
