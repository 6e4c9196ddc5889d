/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_OPT_LOAD_H
#define LEAT_OPT_LOAD_H

/* opt_load: the options of `leat load`, read by leat and again by leatd.
 *
 * Those of the device, the machine and TCP are the rows of `leat serve`, by name: they fill the
 * struct of serve, which is the first member here.
 *
 * Units      ns, octets, thousandths of a connection a second.
 * Memory     texts point into argv; the files that @FILE names are read by who begins the load.
 * Errors     a sentence that names the option, its value and what would do (opt.h). */

#include "load.h"
#include "load_expect.h"
#include "opt_serve.h"

#define LOAD_TARGET_MAX    64 /* texts of --target */
#define LOAD_SOURCE_MAX    (1 << 16)
#define LOAD_PATH_TEXT_MAX sizeof(((struct load_config *)0)->path)

struct load_options {
	struct serve_options serve; /* connections 0: as many records as the plan needs */
	struct load_target target[LOAD_TARGET_MAX];
	uint32_t target_cnt;
	const char *target_file;          /* with more of them, one a line; NULL: none */
	struct ip source_from, source_to; /* any: our first address */
	uint64_t port_from, port_to;      /* local ports */
	uint64_t rate_milli;              /* 0: a closed load */
	uint64_t ramp_ns, duration_ns, total, concurrency;
	uint64_t requests;
	uint32_t close; /* enum load_close */
	struct dist think, request, response;
	bool has_request, has_response;
	uint32_t verify; /* 0: as the program has it, 1: length, 2: pattern */
	enum load_speak speak;
	const char *program;   /* the text of SPEAK_PROGRAM */
	const char *body_file; /* of POST */
	const char *path, *host;
	uint64_t timeout_ns, late_max_ns, seed;
	struct load_rule rule[LOAD_EXPECT_MAX];
	uint32_t rule_cnt;
	uint32_t segment, segment_cnt; /* from 1 */
	const char *report;            /* directory; NULL: none */
	const char *formats;           /* of report; NULL: all */
	const char *start_at;          /* when.h; NULL: at once */
	bool half_close, abort_at_end, anyway, json, paused;
	bool any_concurrency; /* nobody gave one: at most the pairs there are (load_need.h) */
};

extern const struct opt_verb leat_opt_load, leat_opt_plan_load; /* the same options */

/* leat_opt_load_reaches says whether all of t can be sent to, from our sources; false with a clause
 * in why. */
bool leat_opt_load_reaches(
	const struct load_options *o, const struct load_target *t, char *why, size_t size);

#endif
