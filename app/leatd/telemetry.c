/* SPDX-License-Identifier: BSD-3-Clause */
#include "telemetry.h"

#include "base_bits.h"
#include "base_log.h"
#include "base_time.h"
#include "nic_dpdk.h"
#include "sight.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define FOR_NS      (60 * TIME_S) /* who polls comes again before */
#define ENTRIES_MAX 256           /* of a dictionary: DPDK takes no more */

/* A dictionary that is being filled, and the snapshot it is filled from. */
struct dict {
	struct rte_tel_data *data;
	struct watch_snapshot s;
	uint64_t sum[WATCH_CELL_CNT];
	uint32_t cnt;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sight *sight; /* NULL: there is nothing to be seen */

static void add(struct dict *d, const char *name, uint64_t value)
{
	if (d->cnt++ < ENTRIES_MAX)
		nic_dpdk_tel_dict_u64(d->data, name, value);
}

/* add_cell adds a number of a group under its name without dots. */
static void add_cell(struct dict *d, const uint64_t *cell, uint32_t which)
{
	char name[WATCH_NAME_MAX];

	leat_watch_cell_name(which, name);
	for (char *c = name; *c != '\0'; c++)
		*c = *c == '.' ? '_' : *c;
	add(d, name, cell[which]);
}

static int fill_info(struct dict *d, const char *params)
{
	static const struct {
		const char *name;
		enum watch_head head;
	} row[] = {{"up_ms", WATCH_H_UP_NS}, {"two_msl_ms", WATCH_H_TWO_MSL_NS},
		{"connections_max", WATCH_H_CONN_MAX}, {"time_wait_max", WATCH_H_WAIT_MAX},
		{"pool_size", WATCH_H_POOL_SIZE}, {"pool_free", WATCH_H_POOL_FREE},
		{"link_up", WATCH_H_LINK_UP}, {"draining", WATCH_H_DRAINING},
		{"device_rx_packets", WATCH_H_RX_PACKETS}, {"device_rx_octets", WATCH_H_RX_OCTETS},
		{"device_rx_missed", WATCH_H_RX_MISSED}, {"device_rx_no_buffer", WATCH_H_RX_NO_BUF},
		{"device_tx_packets", WATCH_H_TX_PACKETS}, {"device_tx_octets", WATCH_H_TX_OCTETS}};
	const char *why;

	(void)params;
	for (uint32_t i = 0; i < COUNT_OF(row); i++)
		add(d, row[i].name, d->s.head[row[i].head] / (i < 2 ? TIME_MS : 1));
	add(d, "shards", d->s.shard_cnt);
	add(d, "ready", leat_sight_ready(&d->s, &why));
	return 0;
}

static int fill_states(struct dict *d, const char *params)
{
	(void)params;
	for (uint8_t st = TCP_ST_LISTEN; st < TCP_ST_CNT; st++)
		add(d, leat_watch_state_key(st), d->sum[WATCH_PRESENT + st]);
	return 0;
}

/* shard_of reads the number of a shard. */
static const uint64_t *shard_of(const struct dict *d, const char *params)
{
	char *end;

	if (params == NULL || *params < '0' || *params > '9')
		return NULL;
	unsigned long i = strtoul(params, &end, 10);
	return *end == '\0' && i < d->s.shard_cnt ? d->s.cell[i] : NULL;
}

static int fill_shard(struct dict *d, const char *params)
{
	const uint64_t *cell = shard_of(d, params);

	if (cell == NULL)
		return -EINVAL;
	for (uint32_t i = 0; i < WATCH_CELL_SINGLE_CNT; i++)
		add_cell(d, cell, i);
	for (uint32_t i = TCP_ST_LISTEN; i < TCP_ST_CNT; i++)
		add_cell(d, cell, WATCH_PRESENT + i);
	for (uint32_t i = TCP_END_NONE + 1; i < TCP_END_CNT; i++)
		add_cell(d, cell, WATCH_ENDED + i);
	for (uint32_t i = 0; i < WATCH_STAGE_CNT; i++)
		add_cell(d, cell, WATCH_STAGE + i);
	add(d, "drops", leat_watch_drops(cell));
	return 0;
}

static int fill_timers(struct dict *d, const char *params)
{
	static const uint32_t fired[] = {WATCH_C_RTO_FIRED, WATCH_C_TLP_FIRED,
		WATCH_C_REORDER_FIRED, WATCH_C_PROBE_FIRED, WATCH_C_KEEP_FIRED,
		WATCH_C_TIMERS_PUT_OFF, WATCH_C_TW_LATE_NS, WATCH_C_TW_LATE_MAX_NS,
		WATCH_C_TIMER_LATE_NS, WATCH_C_TIMER_LATE_MAX_NS};
	const uint64_t *cell = shard_of(d, params);
	char name[WATCH_NAME_MAX];

	if (cell == NULL)
		return -EINVAL;
	add(d, "two_msl_entries", cell[WATCH_PRESENT + TCP_ST_TIME_WAIT]);
	add(d, "two_msl_fired", cell[WATCH_ENDED + TCP_END_TIME_WAIT]);
	for (uint32_t i = 0; i < COUNT_OF(fired); i++)
		add_cell(d, cell, fired[i]);
	add(d, "two_msl_late_p99_ns", leat_watch_octave_at(cell + WATCH_TW_LATE, 990000));
	add(d, "timer_late_p99_ns", leat_watch_octave_at(cell + WATCH_TIMER_LATE, 990000));
	for (uint32_t i = 0; i < WATCH_DUE_CNT; i++) {
		snprintf(name, sizeof(name), "due_%02" PRIu32, i);
		add(d, name, cell[WATCH_DUE + i]);
	}
	return 0;
}

static int fill_drops(struct dict *d, const char *params)
{
	struct watch_drop drop;

	(void)params;
	for (uint32_t i = 0; leat_watch_drop(d->sum, i, &drop); i++)
		add(d, drop.name, drop.cnt);
	return 0;
}

static int fill_latency(struct dict *d, const char *params)
{
	static const struct {
		const char *name;
		uint32_t millionths;
	} at[] = {{"p50", 500000}, {"p90", 900000}, {"p99", 990000}, {"p999", 999000},
		{"max", 1000000}};
	char name[WATCH_NAME_MAX];

	(void)params;
	for (uint32_t k = 0; k < 2; k++) {
		const uint64_t *octave = d->sum + (k == 0 ? WATCH_CONNECT : WATCH_RESPONSE);
		uint64_t cnt = 0;

		for (uint32_t i = 0; i < HIST_OCTAVE_CNT; i++)
			cnt += octave[i];
		snprintf(name, sizeof(name), "%s_count", k == 0 ? "connect" : "response");
		add(d, name, cnt);
		for (uint32_t i = 0; i < COUNT_OF(at); i++) {
			snprintf(name, sizeof(name), "%s_%s_us", k == 0 ? "connect" : "response",
				at[i].name);
			add(d, name, leat_watch_octave_at(octave, at[i].millionths) / TIME_US);
		}
	}
	return 0;
}

/* answer takes a snapshot and has fill make a dictionary of it. */
static int answer(const char *params, struct rte_tel_data *data,
	int (*fill)(struct dict *d, const char *params))
{
	struct dict *d = malloc(sizeof(*d));
	int error = -ENOENT;

	if (d == NULL)
		return -ENOMEM;
	d->data = data;
	d->cnt = 0;
	rte_tel_data_start_dict(data);
	pthread_mutex_lock(&lock);
	if (sight != NULL && leat_sight_take(sight, FOR_NS, &d->s)) {
		leat_watch_snapshot_sum(&d->s, WATCH_ROLE_CNT, d->sum);
		error = fill(d, params);
	}
	pthread_mutex_unlock(&lock);
	free(d);
	return error;
}

#define COMMAND(name)                                                                              \
	static int tell_##name(const char *cmd, const char *params, struct rte_tel_data *data)     \
	{                                                                                          \
		(void)cmd;                                                                         \
		return answer(params, data, fill_##name);                                          \
	}
COMMAND(info)
COMMAND(states)
COMMAND(shard)
COMMAND(timers)
COMMAND(drops)
COMMAND(latency)

void leat_telemetry_start(struct sight *s)
{
	static const struct {
		const char *name;
		telemetry_cb tell;
		const char *help;
	} command[] = {
		{"/leat/info", tell_info, "The instance: device, pool, limits. No parameters"},
		{"/leat/states", tell_states, "Connections by state, all shards. No parameters"},
		{"/leat/shard", tell_shard,
			"What a shard counted. Parameters: number of the shard"},
		{"/leat/timers", tell_timers, "Timers of a shard. Parameters: number of the shard"},
		{"/leat/drops", tell_drops, "What was not used, by reason. No parameters"},
		{"/leat/latency", tell_latency, "Of a client, in microseconds. No parameters"},
	};

	for (uint32_t i = 0; i < COUNT_OF(command); i++)
		if (rte_telemetry_register_cmd(command[i].name, command[i].tell, command[i].help) !=
			0)
			leat_log(LOG_LV_WARN, "leatd", "telemetry of DPDK does not take %s",
				command[i].name);
	pthread_mutex_lock(&lock);
	sight = s;
	pthread_mutex_unlock(&lock);
}

void leat_telemetry_stop(void)
{
	pthread_mutex_lock(&lock);
	sight = NULL;
	pthread_mutex_unlock(&lock);
}
