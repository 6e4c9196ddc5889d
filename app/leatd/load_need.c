/* SPDX-License-Identifier: BSD-3-Clause */
#include "load_need.h"

#include "base_bits.h"
#include "base_log.h"
#include "device.h"
#include "load_text.h"
#include "report.h"
#include "run.h"

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

/* One more than there are pairs, so that who waits for a pair is told apart from who waits for the
 * peer.  Each shard may come to have them all. */
uint32_t leat_load_need_flight(
	const struct load_options *o, const struct load_need *n, uint32_t idx)
{
	uint64_t cnt = (o->concurrency + o->serve.shards - 1 - idx) / o->serve.shards;

	return (uint32_t)u64_min(cnt, n->tuples + 1);
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

	at_once = u64_min(leat_load_plan_cnt(&n->load.plan), at_once);
	return at_once / o->segment_cnt + (at_once % o->segment_cnt != 0);
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

	n->rest_ns = rest_ns(o);
	n->needed = leat_load_need_pairs(o, n, o->rate_milli);
	if (o->close != LOAD_CLOSE_CLIENT)
		return;
	u128 most = (u128)n->tuples * 1000 * TIME_S / n->rest_ns;
	n->rate_milli_max = most < UINT64_MAX ? (uint64_t)most : UINT64_MAX;
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

/* add_target puts one more behind the others; false: there is no memory. */
static bool add_target(struct load_need *n, const struct load_target *t)
{
	/* Twice as many whenever a power of two is full. */
	if ((n->target_cnt & (n->target_cnt - 1)) == 0) {
		size_t room = n->target_cnt == 0 ? 1 : 2 * (size_t)n->target_cnt;
		struct load_target *more = realloc(n->target, room * sizeof(*more));

		if (more == NULL)
			return false;
		n->target = more;
	}
	n->target[n->target_cnt++] = *t;
	n->pairs += leat_load_pairs(t, 1);
	return true;
}

/* read_line reads a line of the file of targets: NULL, or what is wrong with it. */
static const char *read_line(
	const struct load_options *o, struct load_need *n, char *line, char why[TEXT_MAX])
{
	struct load_target t;
	char *text = line + strspn(line, " \t");

	text[strcspn(text, "#\r\n")] = '\0';
	for (size_t end = strlen(text); end > 0 && strchr(" \t", text[end - 1]); end--)
		text[end - 1] = '\0';
	if (*text == '\0')
		return NULL;
	if (!leat_load_target_parse(text, &t, why, TEXT_MAX) ||
		!leat_opt_load_reaches(o, &t, why, TEXT_MAX))
		return why;
	if (n->pairs + leat_load_pairs(&t, 1) > LOAD_PAIR_MAX)
		return "more pairs of address and port than there can be, 16,777,216";
	return add_target(n, &t) ? NULL : "no memory for as many";
}

static enum opt_exit read_target_file(const struct load_options *o, struct load_need *n)
{
	FILE *f = fopen(o->target_file, "re");
	const char *wrong = NULL;
	char *line = NULL, why[TEXT_MAX];
	uint32_t nth = 0;
	size_t size = 0;

	if (f == NULL) {
		leat_log(LOG_LV_ERROR, "leatd", "--target: cannot read `%s`: %s", o->target_file,
			strerror(errno));
		return OPT_EXIT_CONFIG;
	}
	for (; wrong == NULL && getline(&line, &size, f) > 0; nth++)
		wrong = read_line(o, n, line, why);
	if (wrong == NULL && ferror(f))
		wrong = "cannot be read";
	if (wrong == NULL && n->target_cnt == 0)
		wrong = "names no target";
	fclose(f);
	free(line);
	if (wrong == NULL)
		return OPT_EXIT_OK;
	leat_log(LOG_LV_ERROR, "leatd", "--target: %s:%u: %s", o->target_file, nth, wrong);
	return OPT_EXIT_CONFIG;
}

/* read_targets makes one list of those of the options and those of their file. */
static enum opt_exit read_targets(const struct load_options *o, struct load_need *n)
{
	for (uint32_t i = 0; i < o->target_cnt; i++) {
		if (!add_target(n, &o->target[i])) {
			leat_log(LOG_LV_ERROR, "leatd", "no memory for targets");
			return OPT_EXIT_RESOURCE;
		}
	}
	return o->target_file != NULL ? read_target_file(o, n) : OPT_EXIT_OK;
}

/* fit_flight: whom nobody told how many asks for no more in flight than there are pairs, where each
 * in flight needs one.  Where pairs wait 2MSL they are needed for that. */
static void fit_flight(struct load_options *o, const struct load_need *n)
{
	if (o->any_concurrency && n->tuples >= o->serve.shards &&
		(o->close != LOAD_CLOSE_CLIENT || o->rate_milli == 0))
		o->concurrency = u64_min(o->concurrency, n->tuples);
}

/* configure fills what the options say of the load itself. */
static void configure(
	const struct load_options *o, const struct load_need *n, struct load_config *c)
{
	bool pattern = o->speak != LOAD_SPEAK_HTTP || (o->path == NULL && o->has_response);

	leat_load_config_default(c);
	c->target = n->target;
	c->target_cnt = n->target_cnt;
	if (!ip_is_any(o->source_from)) {
		c->local = leat_load_addr(o->source_from, 0);
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

static enum opt_exit plan_load(struct load_options *o, struct load_need *n)
{
	char why[TEXT_MAX];

	n->tuples = (uint64_t)source_cnt(o) * (o->port_to - o->port_from + 1) * n->pairs;
	fit_flight(o, n);
	configure(o, n, &n->load);
	n->load.conn_cnt = leat_load_need_flight(o, n, 0);
	n->load.open_max = STACK_BURST_MAX;
	n->load.stride = (uint32_t)o->serve.shards * o->segment_cnt;
	if (leat_load_footprint(&n->load) != 0)
		return OPT_EXIT_OK;
	leat_log(LOG_LV_ERROR, "leatd", "%s", leat_load_config_error(&n->load, why, sizeof(why)));
	return OPT_EXIT_CONFIG;
}

/* hops_of is how many addresses of targets are on the link, each a neighbour to know. */
static uint32_t hops_of(const struct stack_config *c, const struct load_need *n)
{
	uint32_t hops = 0;

	for (uint32_t i = 0; i < n->target_cnt; i++)
		for (uint32_t k = 0; k < n->target[i].addr_cnt; k++)
			hops += leat_inet_on_link(&c->link, load_addr_nth(&n->target[i].first, k));
	return hops;
}

/* plan_neigh gives each address of a target that is on the link its own place as a neighbour. */
static enum opt_exit plan_neigh(struct load_need *n)
{
	struct stack_config *c = &n->plan.stack;
	uint32_t hops = hops_of(c, n), max = STACK_NEIGH_MAX - c->neigh_max;
	char have[TEXT_GROUP_MAX], most[TEXT_GROUP_MAX];

	c->neigh_max += u32_min(hops, max);
	if (hops <= max)
		return OPT_EXIT_OK;
	leat_text_group(hops, have, sizeof(have));
	leat_text_group(max, most, sizeof(most));
	leat_log(LOG_LV_ERROR, "leatd",
		"--target: %s addresses are on the link, each with a card of its own to ask for, "
		"and no more than %s can be; name fewer, or an --address of a smaller network and "
		"a --gateway",
		have, most);
	return OPT_EXIT_CONFIG;
}

/* plan_stack puts into the stack what a client wants of it. */
static void plan_stack(const struct load_options *o, struct load_need *n)
{
	struct stack_config *c = &n->plan.stack;
	uint64_t flight = u64_min(2 * each(o, o->concurrency), n->tuples) + 64;

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
	c->target_max = (uint32_t)n->pairs;
	c->listener_max = 1;
	c->send_chunk_cnt = u32_max((uint32_t)u64_min(CHUNKS_EACH * flight, c->send_chunk_cnt),
		(uint32_t)o->serve.tcp.send_buffer_octets / STACK_CHUNK_OCTETS + 2);
}

enum opt_exit leat_load_need(struct load_options *o, struct load_need *n)
{
	struct serve_options s = o->serve;
	enum opt_exit result = OPT_EXIT_OK;

	*n = (struct load_need){0};
	if (o->body_file != NULL)
		result = read_body(o, n);
	if (result == OPT_EXIT_OK)
		result = read_targets(o, n);
	if (result == OPT_EXIT_OK)
		result = plan_load(o, n);
	if (result != OPT_EXIT_OK)
		return result;
	count_tuples(o, n);
	/* Those that hold text. */
	s.connections = u64_min(2 * o->concurrency, n->tuples * o->serve.shards);
	result = leat_plan_begin(&s, &n->plan);
	if (result != OPT_EXIT_OK)
		return result;
	n->plan.open_wish = n->load.conn_cnt;
	plan_stack(o, n);
	result = plan_neigh(n);
	if (result != OPT_EXIT_OK)
		return result;
	return leat_plan_end(&s, &n->plan, leat_load_footprint(&n->load), n->load.conn_cnt);
}

/* more_pairs says what would be pairs enough, as far as it can be had, each with a comma behind it;
 * it returns how long that is. */
static size_t more_pairs(
	const struct load_options *o, const struct load_need *n, char *text, size_t size)
{
	uint64_t times = (n->needed + n->tuples - 1) / n->tuples;
	char t[TEXT_GROUP_MAX];
	size_t at = 0;

	*text = '\0';
	if (source_cnt(o) * times <= LOAD_SOURCE_MAX) {
		leat_text_group(source_cnt(o) * times, t, sizeof(t));
		at += (size_t)snprintf(text, size, "--sources of %s addresses, ", t);
	}
	leat_text_group(times, t, sizeof(t));
	if (n->pairs * times <= LOAD_PAIR_MAX)
		at += (size_t)snprintf(text + at, size - at, "%s times the --target ports, ", t);
	return at;
}

/* say_flight: nobody asks for a rate here, or nothing waits 2MSL, but more are to be in flight than
 * there are pairs. */
static void say_flight(const struct load_options *o, const struct load_need *n)
{
	char needed[TEXT_GROUP_MAX], have[TEXT_GROUP_MAX], more[TEXT_MAX];
	size_t some = more_pairs(o, n, more, sizeof(more));

	leat_text_group(n->needed, needed, sizeof(needed));
	leat_text_group(n->tuples, have, sizeof(have));
	leat_log(o->anyway ? LOG_LV_WARN : LOG_LV_ERROR, "leatd",
		"%s pairs of address and port are needed for as many in flight, there are %s; "
		"%s%sa --concurrency of %s%s",
		needed, have, more, some != 0 ? "or " : "", have,
		o->anyway ? "" : "; --anyway begins all the same");
}

/* rest_name is what rest_ns is called. */
static const char *rest_name(const struct load_options *o, const struct load_need *n)
{
	return n->rest_ns != o->serve.time_wait_ns ? "--connect-reuse" : "2MSL";
}

/* more_of says what would be enough: of times as many as there are, what can be had. */
static void more_of(
	const struct load_options *o, const struct load_need *n, char *text, size_t size)
{
	uint64_t msl = (uint64_t)((double)n->rest_ns * (double)n->tuples / (double)n->needed);
	bool again = n->rest_ns != o->serve.time_wait_ns;
	size_t at = more_pairs(o, n, text, size);
	char t[TEXT_GROUP_MAX];

	leat_text_ns(msl, t, sizeof(t));
	if (msl >= TIME_MS)
		at += (size_t)snprintf(text + at, size - at, "--%s of %s or less, ",
			again ? "connect-reuse" : "time-wait", t);
	snprintf(text + at, size - at, "%s--closes server", at != 0 ? "or " : "");
}

/* say_short says how many pairs are missing, and the ways to have them. */
static void say_short(const struct load_options *o, const struct load_need *n)
{
	char needed[TEXT_GROUP_MAX], have[TEXT_GROUP_MAX], rate[32], most[32], now[32];
	char more[TEXT_MAX];

	leat_text_group(n->needed, needed, sizeof(needed));
	leat_text_group(n->tuples, have, sizeof(have));
	leat_load_text_rate(o->rate_milli, rate, sizeof(rate));
	leat_load_text_rate(n->rate_milli_max, most, sizeof(most));
	leat_text_ns(n->rest_ns, now, sizeof(now));
	more_of(o, n, more, sizeof(more));
	leat_log(o->anyway ? LOG_LV_WARN : LOG_LV_ERROR, "leatd",
		"%s pairs of address and port are needed (%s at %s %s), there are %s: at most "
		"%s can go on; add %s%s",
		needed, rate, rest_name(o, n), now, have, most, more,
		o->anyway ? "" : "; --anyway begins all the same");
}

enum opt_exit leat_load_need_check(const struct load_options *o, const struct load_need *n)
{
	char t[TEXT_GROUP_MAX], rate[32], msl[32];

	if (n->needed > n->tuples) {
		if (n->rate_milli_max == 0 || o->rate_milli == 0)
			say_flight(o, n);
		else
			say_short(o, n);
		if (!o->anyway)
			return OPT_EXIT_RESOURCE;
	} else if (o->rate_milli == 0 && n->rate_milli_max != 0 && o->total == 0) {
		leat_text_group(n->tuples, t, sizeof(t));
		leat_load_text_rate(n->rate_milli_max, rate, sizeof(rate));
		leat_text_ns(n->rest_ns, msl, sizeof(msl));
		leat_log(LOG_LV_NOTE, "leatd",
			"%s pairs of address and port, each once in %s: no more than %s can go on; "
			"what is above waits for a port",
			t, msl, rate);
	}
	return leat_plan_check(&o->serve, &n->plan);
}

/* print_pairs writes what there is to tell besides the table: the pairs. */
static void print_pairs(const struct load_options *o, const struct load_need *n, FILE *out)
{
	char t[4][TEXT_GROUP_MAX], rate[32], msl[32];

	leat_text_group(n->tuples, t[0], sizeof(t[0]));
	leat_text_group(source_cnt(o), t[1], sizeof(t[1]));
	leat_text_group(o->port_to - o->port_from + 1, t[2], sizeof(t[2]));
	leat_text_group(n->pairs, t[3], sizeof(t[3]));
	fprintf(out,
		"  tuples                   %s: sources %s, times source ports %s, "
		"times targets %s\n",
		t[0], t[1], t[2], t[3]);
	leat_text_group(n->needed, t[0], sizeof(t[0]));
	leat_text_ns(n->rest_ns, msl, sizeof(msl));
	fprintf(out, "  needed                   %s", t[0]);
	if (o->rate_milli != 0 && n->rate_milli_max != 0) {
		leat_load_text_rate(o->rate_milli, rate, sizeof(rate));
		fprintf(out, ", at most, for %s and %s %s", rate, rest_name(o, n), msl);
	} else {
		fputs(" in flight", out);
	}
	leat_text_group(n->tuples, t[0], sizeof(t[0]));
	if (n->needed <= n->tuples)
		fputs(": enough\n", out);
	else
		fprintf(out, ": NOT ENOUGH, the rows above are for the %s that there are\n", t[0]);
	if (n->rate_milli_max == 0) {
		fputs("  highest steady rate      no limit by tuples: it is not us who closes "
		      "first\n",
			out);
		return;
	}
	leat_load_text_rate(n->rate_milli_max, rate, sizeof(rate));
	fprintf(out, "  highest steady rate      %s: each pair once in %s, since we close first\n",
		rate, msl);
}

enum opt_exit leat_run_plan_load(struct load_options *o)
{
	struct load_need n;
	enum opt_exit result = leat_load_need(o, &n);

	if (result == OPT_EXIT_OK) {
		leat_device_tell_absent(&o->serve);
		leat_plan_table(&o->serve, &n.plan, "client", stdout);
		print_pairs(o, &n, stdout);
		leat_plan_warn(&o->serve, &n.plan);
		result = leat_load_need_check(o, &n);
	}
	leat_load_need_free(&n);
	return result;
}

void leat_load_need_free(struct load_need *n)
{
	free(n->body);
	free(n->target);
	n->body = NULL;
	n->target = NULL;
}
