/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_WATCH_PRINT_H
#define LEAT_WATCH_PRINT_H

/* watch_print: one connection as one line of text.
 *
 *	TEXT   State      Recv-Q Send-Q Local           Peer               Shard Timer  Left  Rtx
 *	       TIME-WAIT       0      0 198.18.0.2:80   198.18.7.9:40211       2 2msl   4ms     0
 *	SS     what `ss -Htno` prints: names of states and timers are the kernel's
 *	IPVS   what `ipvsadm -Lcn` prints: pro expire state source destination
 *	JSON   an object of its own: {"state":"time-wait","local":"198.18.0.2:80",...}
 *
 * Units      a duration has its unit, in JSON it is in seconds (name ends in _s).
 * Affinity   none.
 * Errors     those of the stream.
 * See        watch_filter.h for which; leat.h, struct leat_info, for what each field is. */

#include "watch_filter.h"

#include <stdio.h>

enum watch_form {
	WATCH_FORM_TEXT,
	WATCH_FORM_SS,
	WATCH_FORM_IPVS,
	WATCH_FORM_JSON,
	WATCH_FORM_CNT
};

/* leat_watch_print_head writes the line above the rows, if that form has one. */
void leat_watch_print_head(enum watch_form form, FILE *out);

/* leat_watch_print writes c; when it has its info, with what `ss -i` has beneath it, in JSON as its
 * fields. */
void leat_watch_print(enum watch_form form, const struct watch_conn *c, FILE *out);

#define WATCH_END_MAX (IP_TEXT_MAX + 8)

/* leat_watch_end_text writes an address and its port, * for any, and gives text. */
const char *leat_watch_end_text(struct ip a, uint16_t port, char text[WATCH_END_MAX]);

/* leat_watch_state_name is a state as ss and the filter spell it: "time-wait", "syn-recv". */
const char *leat_watch_state_name(uint8_t state);

#endif
