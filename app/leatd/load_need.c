/* SPDX-License-Identifier: BSD-3-Clause */
#include "load_need.h"

#include "base_bits.h"
#include "base_log.h"
#include "load_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define WAITING_MAX 1000000 /* records in TIME-WAIT of a load that names no rate */
#define BODY_MAX    (1 << 20)
#define CHUNKS_EACH 16 /* of a connection in flight */
#define TEXT_MAX    200

/* each is the share of one shard, rounded up. */
static uint64_t each(const struct load_options *o, uint64_t all)
{
	return (all + o->serve.shards - 1) / o->serve.shards;
}

uint32_t leat_load_need_flight(const struct load_options *o, uint32_t idx)
{
	return (uint32_t)((o->concurrency + o->serve.shards - 1 - idx) / o->serve.shards);
}

static uint32_t source_cnt(const struct load_options *o)
{
	return ip_is_any(o->source_from) ? 1 : (uint32_t)(o->source_to.lo - o->source_from.lo + 1);
}

/* begun_in is how many connections an open load begins within ns at a rate, at most. */
static uint64_t begun_in(
	const struct load_options *o, const struct load_need *n, uint64_t rate_milli, uint64_t ns)
{
	__extension__ typedef unsigned __int128 u128;
	uint64_t per = UINT64_C(1000) * TIME_S;
	uint64_t at_once = (uint64_t)(((u128)rate_milli * ns + per - 1) / per);

	return u64_min(leat_load_plan_cnt(&n->load.plan), at_once) / o->segment_cnt;
}

/* rest_ns is how long a pair that we closed first is of no use. */
static uint64_t rest_ns(const struct load_options *o)
{
	const struct tcp_options *t = &o->serve.tcp;

	if (t->connect_reuse_ns == 0 || t->timestamps == OPT_TCP_OFF)
		return o->serve.time_wait_ns;
	return u64_min(t->connect_reuse_ns, o->serve.time_wait_ns);
}

uint64_t leat_load_need_waiting(
	const struct load_options *o, const struct load_need *n, uint64_t rate_milli)
{
	uint64_t waiting = begun_in(o, n, rate_milli, o->serve.time_wait_ns);

	if (o->close != LOAD_CLOSE_CLIENT)
		return 0;
	if (o->rate_milli == 0)
		waiting = u64_min(n->tuples, o->total != 0 ? o->total : WAITING_MAX);
	return u64_min(waiting, n->tuples);
}

uint64_t leat_load_need_pairs(
	const struct load_options *o, const struct load_need *n, uint64_t rate_milli)
{
	if (o->close != LOAD_CLOSE_CLIENT || rate_milli == 0)
		return o->concurrency;
	return begun_in(o, n, rate_milli, rest_ns(o));
}

static void count_tuples(const struct load_options *o, struct load_need *n)
{
	__extension__ typedef unsigned __int128 u128;

	n->tuples = (uint64_t)source_cnt(o) * (o->port_to - o->port_from + 1) * o->target_cnt;
	n->needed = leat_load_need_pairs(o, n, o->rate_milli);
	if (o->close != LOAD_CLOSE_CLIENT)
		return;
	n->rate_milli_max = (uint64_t)((u128)n->tuples * 1000 * TIME_S / rest_ns(o));
}

static enum opt_exit read_body(const struct load_options *o, struct load_need *n)
{
	FILE *f = fopen(o->body_file, "re");

	if (f == NULL) {
		leat_log(LOG_LV_ERROR, "leatd", "--request: cannot read `%s`: %s", o->body_file,
			strerror(errno));
		return OPT_EXIT_CONFIG;
	}
	n->body = malloc(BODY_MAX + 1);
	n->body_octets = n->body != NULL ? fread(n->body, 1, BODY_MAX + 1, f) : 0;
	fclose(f);
	if (n->body != NULL && n->body_octets <= BODY_MAX)
		return OPT_EXIT_OK;
	leat_log(LOG_LV_ERROR, "leatd", "--request: `%s` is longer than 1 MiB", o->body_file);
	return OPT_EXIT_CONFIG;
}

/* configure fills what the options say of the load itself. */
static void configure(
	const struct load_options *o, const struct load_need *n, struct load_config *c)
{
	bool pattern = o->speak != LOAD_SPEAK_HTTP || (o->path == NULL && o->has_response);

	leat_load_config_default(c);
	c->target_cnt = o->target_cnt;
	memcpy(c->target, o->target, sizeof(c->target));
	if (!ip_is_any(o->source_from)) {
		c->local = leat_opt_load_addr(o->source_from, 0);
		c->local_cnt = (uint32_t)(o->source_to.lo - o->source_from.lo + 1);
	}
	c->model = o->rate_milli != 0 ? LOAD_MODEL_OPEN : LOAD_MODEL_CLOSED;
	c->plan = (struct load_plan){.rate_milli = o->rate_milli,
		.ramp_ns = o->ramp_ns,
		.duration_ns = o->duration_ns,
		.total = o->total};
	c->late_max_ns = o->late_max_ns;
	c->wait_start = true;
	c->speak = o->speak;
	c->program = o->program;
	c->request_cnt = (uint32_t)o->requests;
	c->request = o->request;
	c->response = o->response;
	c->think = o->think;
	c->post = o->has_request && o->speak == LOAD_SPEAK_HTTP;
	c->body = n->body;
	c->body_octets = n->body_octets;
	c->any_length = !o->has_response;
	c->path_bytes = o->path == NULL && o->has_response;
	c->verify = o->verify == 0 ? pattern : o->verify == 2;
	c->half_close = o->half_close;
	c->close = (enum load_close)o->close;
	c->timeout_ns = o->timeout_ns;
	c->seed = o->seed;
	snprintf(c->path, sizeof(c->path), "%s", o->path != NULL ? o->path : "/");
	snprintf(c->host, sizeof(c->host), "%s", o->host);
}

static enum opt_exit plan_load(const struct load_options *o, struct load_need *n)
{
	char why[TEXT_MAX];

	configure(o, n, &n->load);
	n->load.conn_cnt = leat_load_need_flight(o, 0);
	n->load.open_max = STACK_BURST_MAX;
	n->load.stride = (uint32_t)o->serve.shards * o->segment_cnt;
	if (leat_load_footprint(&n->load) != 0)
		return OPT_EXIT_OK;
	leat_log(LOG_LV_ERROR, "leatd", "%s", leat_load_config_error(&n->load, why, sizeof(why)));
	return OPT_EXIT_CONFIG;
}

/* plan_stack puts into the stack what a client wants of it. */
static void plan_stack(const struct load_options *o, struct load_need *n)
{
	struct stack_config *c = &n->plan.stack;
	uint64_t flight = 2 * each(o, o->concurrency) + 64;

	/* Those that wait 2MSL keep a small record, and no more. */
	c->tcp.tcb_max = (uint32_t)flight;
	if (o->serve.tcp.time_wait_max == 0)
		c->tcp.time_wait_max =
			(uint32_t)(o->serve.connections != 0
					   ? u64_max(each(o, o->serve.connections), flight)
					   : flight + each(o, leat_load_need_waiting(
								      o, n, o->rate_milli)));
	c->link.range_from = o->source_from;
	c->link.range_to = o->source_to;
	c->port_from = (uint16_t)o->port_from;
	c->port_to = (uint16_t)o->port_to;
	c->target_max = o->target_cnt;
	c->listener_max = 1;
	c->send_chunk_cnt = u32_max((uint32_t)u64_min(CHUNKS_EACH * flight, c->send_chunk_cnt),
		(uint32_t)o->serve.tcp.send_buffer_octets / STACK_CHUNK_OCTETS + 2);
}

enum opt_exit leat_load_need(const struct load_options *o, struct load_need *n)
{
	struct serve_options s = o->serve;
	enum opt_exit result = OPT_EXIT_OK;

	*n = (struct load_need){0};
	if (o->body_file != NULL)
		result = read_body(o, n);
	if (result == OPT_EXIT_OK)
		result = plan_load(o, n);
	if (result != OPT_EXIT_OK)
		return result;
	count_tuples(o, n);
	s.connections = 2 * o->concurrency; /* those that hold text */
	result = leat_plan_begin(&s, &n->plan);
	if (result != OPT_EXIT_OK)
		return result;
	plan_stack(o, n);
	return leat_plan_end(
		&s, &n->plan, leat_load_footprint(&n->load), leat_load_need_flight(o, 0));
}

/* say_flight: nothing waits 2MSL here, but more are to be in flight than there are pairs. */
static void say_flight(const struct load_options *o, const struct load_need *n)
{
	char needed[TEXT_GROUP_MAX], have[TEXT_GROUP_MAX];

	leat_text_group(n->needed, needed, sizeof(needed));
	leat_text_group(n->tuples, have, sizeof(have));
	leat_log(o->anyway ? LOG_LV_WARN : LOG_LV_ERROR, "leatd",
		"%s pairs of address and port are needed for as many in flight, there are %s; a "
		"--concurrency of %s, more --sources, or more --target ports%s",
		needed, have, have, o->anyway ? "" : "; --anyway begins all the same");
}

/* say_short says how many pairs are missing, and three ways to have them. */
static void say_short(const struct load_options *o, const struct load_need *n)
{
	uint64_t per_source = n->tuples / source_cnt(o);
	uint64_t sources = (n->needed + per_source - 1) / per_source;
	uint64_t msl = (uint64_t)((double)rest_ns(o) * (double)n->tuples / (double)n->needed);
	bool again = rest_ns(o) != o->serve.time_wait_ns;
	char needed[TEXT_GROUP_MAX], have[TEXT_GROUP_MAX], rate[32], most[32], now[32], less[32];

	leat_text_group(n->needed, needed, sizeof(needed));
	leat_text_group(n->tuples, have, sizeof(have));
	leat_load_text_rate(o->rate_milli, rate, sizeof(rate));
	leat_load_text_rate(n->rate_milli_max, most, sizeof(most));
	leat_text_ns(rest_ns(o), now, sizeof(now));
	leat_text_ns(msl, less, sizeof(less));
	leat_log(o->anyway ? LOG_LV_WARN : LOG_LV_ERROR, "leatd",
		"%s pairs of address and port are needed (%s at %s %s), there are %s: at most "
		"%s can go on; add --sources of %" PRIu64 " addresses, as many times the --target "
		"ports, --%s of %s or less, or --closes server%s",
		needed, rate, again ? "--connect-reuse" : "2MSL", now, have, most, sources,
		again ? "connect-reuse" : "time-wait", less,
		o->anyway ? "" : "; --anyway begins all the same");
}

enum opt_exit leat_load_need_check(const struct load_options *o, const struct load_need *n)
{
	char t[TEXT_GROUP_MAX], rate[32], msl[32];

	if (n->needed > n->tuples) {
		if (n->rate_milli_max == 0)
			say_flight(o, n);
		else
			say_short(o, n);
		if (!o->anyway)
			return OPT_EXIT_RESOURCE;
	} else if (o->rate_milli == 0 && n->rate_milli_max != 0 && o->total == 0) {
		leat_text_group(n->tuples, t, sizeof(t));
		leat_load_text_rate(n->rate_milli_max, rate, sizeof(rate));
		leat_text_ns(rest_ns(o), msl, sizeof(msl));
		leat_log(LOG_LV_NOTE, "leatd",
			"%s pairs of address and port, each once in %s: no more than %s can go on; "
			"what is above waits for a port",
			t, msl, rate);
	}
	return leat_plan_check(&o->serve, &n->plan);
}

void leat_load_need_free(struct load_need *n)
{
	free(n->body);
	n->body = NULL;
}
