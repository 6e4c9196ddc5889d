/* SPDX-License-Identifier: BSD-3-Clause */
#include "opt_tcp.h"

const char *const leat_opt_tcp_switch[] = {"off", "on", NULL};
const char *const leat_opt_tcp_congestion[] = {"newreno", "cubic", NULL};
const char *const leat_opt_tcp_ecn[] = {"off", "passive", "active", NULL};
const char *const leat_opt_tcp_reuse[] = {"off", "sequence", "timestamps", NULL};
const char *const leat_opt_tcp_rst[] = {"ignore", "obey", NULL};
const char *const leat_opt_tcp_never[] = {"off", NULL};
const char *const leat_opt_tcp_cookies[] = {"off", "auto", "always", NULL};
