/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_SIM_MODES_H
#define LEAT_SIM_MODES_H

/* sim_modes: many runs that differ in one thing.  Each returns the exit code, and prints TAP; the
 * captures of a failure begin with prefix.
 *
 * See        sim.h. */

#include "sim.h"

#include <stdbool.h>
#include <stdint.h>

/* leat_sim_mode_play runs plan with meddling; false: it failed, and why is printed. */
bool leat_sim_mode_play(
	const struct sim_plan *plan, struct sim_meddling *m, const char *what, const char *prefix);

/* Each packet of a few golden runs is lost, doubled at once or late, delayed, damaged, cut; with
 * pairs, each two of them. */
int leat_sim_mode_packets(const char *prefix, bool pairs);

/* All fates of the first depth packets: delivered, lost, doubled, delayed past the next. */
int leat_sim_mode_every(const char *prefix, uint32_t depth);

/* Each receive buffer missing once; each table as small as it can be. */
int leat_sim_mode_starve(const char *prefix);

/* 60 virtual days, with a packet a day. */
int leat_sim_mode_long(const char *prefix);

/* A stream through a bottleneck reaches its floor of goodput; eight of them share it. */
int leat_sim_mode_floor(void);

/* Long streams, single octets, 10,000 connections through small tables and from few ports. */
int leat_sim_mode_load(const char *prefix);

/* The table of goodput by loss, round trip and queue; with golden it is held against that file. */
int leat_sim_mode_goodput(const char *golden);

/* A stranger sees the same of a host, whether others talk to it or not. */
int leat_sim_mode_strangers(void);

/* A control block of the first run is changed: the second, without the fast path, finds it. */
int leat_sim_mode_spoil(void);
/* One thing broken for each check, which must see it. */
int leat_sim_mode_break(void);

/* Packets a second of one core, and of what. */
int leat_sim_mode_speed(void);

#endif
