/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_OPT_METRICS_H
#define LEAT_OPT_METRICS_H

/* opt_metrics: where Prometheus finds numbers, as --metrics has it: ADDR:PORT, or off.
 *
 * Errors     a clause that says what is wrong and what would do (opt.h). */

#include "opt.h"
#include "wire_addr.h"

#define OPT_METRICS_FALLBACK "127.0.0.1:9464"
#define OPT_METRICS_ROW(read_function)                                                             \
	{                                                                                          \
		.name = "metrics", .kind = OPT_KIND_OTHER, .read = (read_function),                \
		.metavar = "ADDR:PORT", .fallback = OPT_METRICS_FALLBACK,                          \
		.sentence = "where HTTP gives /metrics, /livez and /readyz; off: nowhere"          \
	}

struct opt_metrics {
	bool off;
	bool given; /* not the default */
	char address[IP_TEXT_MAX];
	uint16_t port;
};

/* leat_opt_metrics_read reads ADDR:PORT, with an IPv6 address in brackets, or off. */
bool leat_opt_metrics_read(const char *text, struct opt_metrics *m, char *why, size_t size);

/* leat_opt_metrics_default is OPT_METRICS_FALLBACK. */
struct opt_metrics leat_opt_metrics_default(void);

#endif
