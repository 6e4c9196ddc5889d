/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_OPT_TRY_H
#define LEAT_OPT_TRY_H

/* opt_try: the options of `leat try`, read by leat and again by leatd.
 *
 *	struct try_options o;
 *	switch (leat_opt_parse(&leat_opt_try, argc, argv, &o, stderr)) ...
 *
 * Units      ns, octets, millionths.
 * Errors     a sentence that names the option, its value and what would do (opt.h). */

#include "opt_group.h"
#include "opt_metrics.h"
#include "opt_tcp.h"

#define TRY_SHARDS_MAX 16 /* a port of rings has no more queues */

/* Who closes first; the values of --close of try. */
enum try_close {
	TRY_CLOSE_SERVER,
	TRY_CLOSE_CLIENT,
	TRY_CLOSE_REQUEST, /* with tap, when none was given: as the request asks */
};

struct try_options {
	uint64_t seconds;     /* of load; 0: until ^C */
	uint64_t seed;        /* 0: not given, choose one and print it */
	uint64_t connections; /* held in flight, all shards */
	uint64_t shards;      /* of each end */
	/* Devices instead of rings; NULL: none.  The server's may be missing: a client alone. */
	const char *client_vdev, *server_vdev;
	const char *boot_record; /* NULL: none */
	uint64_t quiet_ns;
	uint64_t time_wait_ns; /* 2MSL */
	uint64_t body_octets;
	uint32_t loss_millionths, reorder_millionths;
	uint32_t close; /* enum try_close */
	uint32_t verbose;
	bool hold, one_lcore, tap, json;
	const char *ctl_group;      /* NULL: nobody else may ask */
	struct opt_metrics metrics; /* off unless it was given, or it holds */
	struct tcp_options tcp;
};

extern const struct opt_verb leat_opt_try;

#endif
