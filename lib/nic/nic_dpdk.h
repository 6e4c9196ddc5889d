/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_NIC_DPDK_H
#define LEAT_NIC_DPDK_H

/* nic_dpdk: the versions of DPDK that this builds with, and where they differ.
 *
 * 22.11 (Debian 12) to 24.11 (Debian 13).  What one of them calls otherwise, or has not, is made
 * the same here and nowhere else; no other file asks for a version.  So far nothing of what is used
 * differs: the events of a recovery and rte_dev_bus are as old as 22.11, which is why it is the
 * oldest.
 *
 * Affinity   none. */

#include "base_assert.h"

#include <rte_version.h>

STATIC_ASSERT(RTE_VERSION >= RTE_VERSION_NUM(22, 11, 0, 0), "DPDK 22.11 or later");

#endif
