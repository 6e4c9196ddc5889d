/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_BENCH_EAL_H
#define LEAT_BENCH_EAL_H

/* bench_eal: DPDK for one thread of one process, without huge pages or cards.
 *
 * Memory     octets_mib of it, shared with whom a device shares it with. */

#include "base_assert.h"
#include "base_bits.h"

#include <rte_eal.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

static inline bool bench_eal_start(uint32_t octets_mib, uint32_t cpu, const char *prefix)
{
	char mib[16], lcore[32], file[64];
	char *argv[] = {(char[]){"bench"}, (char[]){"--no-huge"}, (char[]){"-m"}, mib,
		(char[]){"--no-pci"}, (char[]){"--no-telemetry"}, (char[]){"--no-shconf"},
		(char[]){"--log-level=*:critical"}, (char[]){"--lcores"}, lcore,
		(char[]){"--file-prefix"}, file, NULL};

	snprintf(mib, sizeof(mib), "%u", octets_mib);
	snprintf(lcore, sizeof(lcore), "0@%u", cpu);
	snprintf(file, sizeof(file), "bench-%s", prefix);
	if (rte_eal_init((int)COUNT_OF(argv) - 1, argv) < 0)
		return false;
	(void)rmdir(rte_eal_get_runtime_dir()); /* nothing is put there without shared files */
	return true;
}

#endif
