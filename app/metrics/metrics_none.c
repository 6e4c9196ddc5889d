/* SPDX-License-Identifier: BSD-3-Clause */
#include "metrics.h"

/* A build without libmicrohttpd has no endpoint. */

struct metrics_server *leat_metrics_start(const char *address, uint16_t port, const cpu_set_t *cpus,
	const struct metrics_source *source, char why[METRICS_WHY_MAX])
{
	(void)address;
	(void)port;
	(void)cpus;
	(void)source;
	snprintf(why, METRICS_WHY_MAX, "this leatd was built without libmicrohttpd");
	return NULL;
}

void leat_metrics_stop(struct metrics_server *m)
{
	(void)m;
}
