/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_NIC_DPDK_H
#define LEAT_NIC_DPDK_H

/* nic_dpdk: the versions of DPDK that this builds with, and where they differ.
 *
 * 22.11 (Debian 12) to 24.11 (Debian 13).  What one of them calls otherwise, or has not, is made
 * the same here and nowhere else; no other file asks for a version.  The events of a recovery and
 * rte_dev_bus are as old as 22.11, which is why it is the oldest.
 *
 * Affinity   none. */

#include "base_assert.h"

#include <rte_telemetry.h>
#include <rte_version.h>

#include <stdint.h>

STATIC_ASSERT(RTE_VERSION >= RTE_VERSION_NUM(22, 11, 0, 0), "DPDK 22.11 or later");

/* nic_dpdk_tel_dict_u64 adds a number to a dictionary of telemetry; -ENOSPC: it has 256. */
static inline int nic_dpdk_tel_dict_u64(struct rte_tel_data *d, const char *name, uint64_t value)
{
#if RTE_VERSION >= RTE_VERSION_NUM(23, 3, 0, 0)
	return rte_tel_data_add_dict_uint(d, name, value);
#else
	return rte_tel_data_add_dict_u64(d, name, value);
#endif
}

#endif
