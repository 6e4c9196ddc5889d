/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl.h"
#include "json_text.h"
#include "report.h"
#include "sight.h"
#include "text.h"
#include "when.h"

#include "base_time.h"

#include <rte_eal.h>
#include <rte_version.h>

#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define WAIT_LOOK_NS (100 * TIME_MS)

/* The last word is the one that counts, so that it does not matter whether they have read the ones
 * before. */
void leat_ctl_state_sweep(struct ctl *c)
{
	const struct shard_letter letter = {
		atomic_load(&c->draining) ? SHARD_MAIL_DRAIN : SHARD_MAIL_UNDRAIN, NULL};

	for (uint32_t i = 0; i < c->plane->shard_cnt; i++)
		if ((c->late >> i & 1) != 0 && leat_ctl_put(c, i, letter))
			c->late &= ~(UINT64_C(1) << i);
}

/* tell_all has each shard drain, or not; gives those that will not do it soon. */
static uint64_t tell_all(struct ctl *c)
{
	c->late = UINT64_MAX >> (64 - c->plane->shard_cnt);
	leat_ctl_state_sweep(c);
	uint64_t dumb = c->late;
	for (uint32_t i = 0; i < c->plane->shard_cnt; i++)
		if (!leat_ctl_turns(c, i))
			dumb |= UINT64_C(1) << i;
	return dumb;
}

/* count_open says how many are open, TIME-WAIT aside; false: a shard does not tell. */
static bool count_open(struct ctl_client *q, uint64_t *open)
{
	struct watch_filter filter;
	struct watch_error err;
	struct ctl_scan scan = {.client = q, .filter = &filter, .kind = WATCH_SCAN_SUM};
	bool good =
		leat_watch_filter_parse(&filter, "exclude time-wait", &err) && leat_ctl_scan(&scan);

	*open = scan.matched;
	return good && scan.dumb == 0;
}

/* `drain`, `drain wait`: until none is open, or who asks has gone. */
void leat_ctl_drain(struct ctl_client *q, char *words)
{
	bool wait = strcmp(words, "wait") == 0;
	uint64_t open = 0;

	if (!q->ctl->role->drains) {
		fprintf(q->out,
			"no 1 - %s does not go on after it was drained; end it with: leat ctl "
			"stop\n",
			q->ctl->role->verb);
		return;
	}
	pthread_mutex_lock(&q->ctl->changing);
	atomic_store(&q->ctl->draining, true);
	if (q->ctl->plane->sight != NULL)
		leat_sight_drains(q->ctl->plane->sight, true);
	uint64_t dumb = tell_all(q->ctl);
	pthread_mutex_unlock(&q->ctl->changing);
	bool known = count_open(q, &open);
	fprintf(q->out, "ok\ndraining: new SYNs are dropped; %" PRIu64 " open\n", open);
	ctl_print_silent(dumb, WATCH_FORM_TEXT, CTL_DOES_IT_LATER, q->out);
	if (!wait)
		return;
	while ((!known || open > 0) && atomic_load(&q->ctl->draining) &&
		leat_ctl_pause(q, WAIT_LOOK_NS))
		known = count_open(q, &open);
	if (atomic_load(&q->ctl->draining))
		fprintf(q->out, "%" PRIu64 " open\n", open);
	else
		fputs("undrained meanwhile\n", q->out);
}

void leat_ctl_undrain(struct ctl_client *q, char *words)
{
	(void)words;
	pthread_mutex_lock(&q->ctl->changing);
	bool was = atomic_exchange(&q->ctl->draining, false);
	if (q->ctl->plane->sight != NULL)
		leat_sight_drains(q->ctl->plane->sight, false);
	uint64_t dumb = was ? tell_all(q->ctl) : 0;
	pthread_mutex_unlock(&q->ctl->changing);
	if (!was) {
		fputs("no 1 - it does not drain; leat ctl drain makes it\n", q->out);
		return;
	}
	fputs("ok\nnew connections are taken again\n", q->out);
	ctl_print_silent(dumb, WATCH_FORM_TEXT, CTL_DOES_IT_LATER, q->out);
}

/* `stop` is what SIGTERM is, `stop now` what a second signal is: taken by the control thread. */
void leat_ctl_end(struct ctl_client *q, char *words)
{
	bool now = strcmp(words, "now") == 0;

	fprintf(q->out, "ok\n%s\n", now ? "ends at once" : "drains, and ends");
	fflush(q->out);
	kill(getpid(), SIGTERM);
	if (now)
		kill(getpid(), SIGINT); /* two of one kind may be one */
}

/* starts is when a generator that waits will begin (sight.h); 0: it has begun, or is none. */
static uint64_t starts(const struct ctl *c)
{
	const struct sight *s = c->plane->sight;

	return s != NULL && !atomic_load(&c->draining) ? atomic_load(&s->starts_ns) : 0;
}

/* state is it in a word, as JSON has it. */
static const char *state(const struct ctl *c)
{
	return atomic_load(&c->draining)        ? "draining"
	       : starts(c) == SIGHT_STARTS_TOLD ? "paused"
	       : starts(c) != 0                 ? "waits"
						: "runs";
}

static void info_state(const struct ctl *c, FILE *out)
{
	uint64_t at = starts(c);
	char text[WHEN_TEXT_MAX];

	fprintf(out, "state      %s", state(c));
	if (at == SIGHT_STARTS_TOLD)
		fprintf(out, ": leat ctl start -n %s, or kill -USR1 %d, begins it",
			leat_instance_of(c->path), (int)getpid());
	else if (at != 0)
		leat_when_text(at, text), fprintf(out, ": it begins at %s", text);
	fputc('\n', out);
}

static void info_text(const struct ctl *c, uint64_t up_ns, FILE *out)
{
	const struct ctl_role *r = c->role;
	const char *config = leat_ctl_config_path();
	uint64_t two_msl = r->two_msl_ns;
	char msl[TEXT_GROUP_MAX];

	leat_text_ns(two_msl, msl, sizeof(msl));
	fprintf(out,
		"name       %s\nverb       %s\npid        %d\nversion    " LEAT_VERSION ", %s\n",
		leat_instance_of(c->path), r->verb, (int)getpid(), rte_version());
	fprintf(out, "up         %" PRIu64 ".%" PRIu64 "s\n", up_ns / TIME_S,
		up_ns / (TIME_S / 10) % 10);
	info_state(c, out);
	fprintf(out, "shards     %" PRIu32 " on %" PRIu32 " lcore%s\n", c->plane->shard_cnt,
		c->plane->loop_cnt, c->plane->loop_cnt == 1 ? "" : "s");
	for (uint32_t i = 0; i < r->port_cnt; i++)
		fprintf(out, "port       %s %s\n", r->port[i]->name, r->port[i]->driver);
	fprintf(out, "2MSL       %s%s\n", msl, leat_report_two_msl(two_msl));
	fprintf(out, "config     %s\nsocket     %s\ntelemetry  %s/dpdk_telemetry.v2\n",
		config != NULL ? config : "-", c->path, rte_eal_get_runtime_dir());
}

static void info_json(const struct ctl *c, uint64_t up_ns, FILE *out)
{
	const struct ctl_role *r = c->role;
	uint64_t two_msl = r->two_msl_ns;

	fputs("{\"schema\":\"leat.info/1\",\"name\":", out);
	leat_json_text(leat_instance_of(c->path), out);
	fprintf(out,
		",\"verb\":\"%s\",\"pid\":%d,\"version\":\"" LEAT_VERSION
		"\",\"dpdk\":\"%s\",\"up_s\":%" PRIu64 ".%09" PRIu64
		",\"state\":\"%s\",\"shards\":%" PRIu32 ",\"lcores\":%" PRIu32 ",\"ports\":[",
		r->verb, (int)getpid(), rte_version(), up_ns / TIME_S, up_ns % TIME_S, state(c),
		c->plane->shard_cnt, c->plane->loop_cnt);
	for (uint32_t i = 0; i < r->port_cnt; i++)
		fprintf(out, "%s{\"name\":\"%s\",\"driver\":\"%s\"}", i > 0 ? "," : "",
			r->port[i]->name, r->port[i]->driver);
	fprintf(out,
		"],\"two_msl_ns\":%" PRIu64 ",\"two_msl_rfc_conformant\":%s,\"config\":", two_msl,
		text_two_msl_conforms(two_msl) ? "true" : "false");
	if (leat_ctl_config_path() != NULL)
		leat_json_text(leat_ctl_config_path(), out);
	else
		fputs("null", out);
	fputs(",\"socket\":", out);
	leat_json_text(c->path, out);
	fprintf(out, ",\"telemetry\":\"%s/dpdk_telemetry.v2\"}\n", rte_eal_get_runtime_dir());
}

void leat_ctl_info(struct ctl_client *q, char *words)
{
	uint64_t up_ns = leat_shard_clock_wall_ns() - q->ctl->began_ns;

	fputs("ok\n", q->out);
	(strcmp(words, "form=json") == 0 ? info_json : info_text)(q->ctl, up_ns, q->out);
}
