/* SPDX-License-Identifier: BSD-3-Clause */
#include "try_print.h"

#include "base_bits.h"
#include "text.h"

#include <rte_version.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIMIT_BUSY_MIN 90 /* per cent, below which it is not the machine that limits */

static void group(uint64_t value, char *text)
{
	leat_report_group(value, text);
}

static uint64_t failed(const struct load_counters *c)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < LOAD_FAIL_CNT; i++)
		sum += c->failed[i];
	return sum;
}

static uint64_t time_wait(const struct try_view *v)
{
	return (uint64_t)v->client.tcp.present[TCP_ST_TIME_WAIT] +
	       v->server.tcp.present[TCP_ST_TIME_WAIT];
}

static bool has_server(const struct try_view *v)
{
	return v->wire->port[TRY_SERVER] != NULL;
}

/* print_steering says how flows find their shards, once when both ends do the same. */
static void print_steering(const struct try_view *v)
{
	const struct steer *client = &v->wire->steer[TRY_CLIENT];
	const struct steer *server = &v->wire->steer[TRY_SERVER];
	bool differ = v->o->shards > 1 && has_server(v) && !v->wire->rings;

	printf("  steering %s", differ ? "client " : "");
	leat_steer_print(client, stdout);
	if (differ) {
		printf("\n           server ");
		leat_steer_print(server, stdout);
	}
	printf("\n");
}

/* print_path draws what lies between the ends. */
static void print_path(const struct try_view *v)
{
	printf("  client 198.18.0.0/24  ");
	if (v->wire->rings)
		printf("═══ ring wire ═══");
	else
		printf("%s ═══ %s", v->wire->port[TRY_CLIENT]->name,
			has_server(v) ? v->wire->port[TRY_SERVER]->name : "");
	printf("  server 198.18.128.1:80%s\n", has_server(v) ? "" : ", elsewhere");
}

static void print_plan(const struct try_view *v)
{
	uint64_t all = v->o->shards * (has_server(v) ? 2 : 1);
	char msl[REPORT_TEXT_MAX];

	leat_text_ns(v->o->time_wait_ns, msl, sizeof(msl));
	if (v->o->shards > 1 || !has_server(v))
		printf("  %ju client%s shard%s on %u lcore%s%s", (uintmax_t)v->o->shards,
			has_server(v) ? " and as many server" : "", all == 1 ? "" : "s",
			v->lcore_cnt, v->lcore_cnt == 1 ? "" : "s",
			all > v->lcore_cnt ? ", taking turns" : "");
	else if (v->one_lcore)
		printf("  1 client and 1 server shard in turns on cpu %u", v->cpu[0]);
	else
		printf("  1 client shard on cpu %u, 1 server shard on cpu %u", v->cpu[0],
			v->cpu[1]);
	printf(", up to %zu MiB, 2MSL %s%s\n", v->octets >> 20, msl,
		leat_report_two_msl(v->o->time_wait_ns));
	if (v->o->loss_millionths || v->o->reorder_millionths)
		printf("  the wire loses %.3g %% and lets overtake %.3g %% of the frames; "
		       "RTO from %ju ms (demo; the default is 1 s)\n",
			v->o->loss_millionths / 1e4, v->o->reorder_millionths / 1e4,
			(uintmax_t)(TRY_RTO_MIN_NS / TIME_MS));
	if (v->boot != NULL) {
		printf("  restart  ");
		leat_boot_print(v->boot, true, stdout);
	}
	printf("  seed %" PRIu64 "%s\n", v->o->seed,
		v->shrunk ? "; little memory is free: smaller tables" : "");
}

void leat_try_print_drain(const struct try_view *v)
{
	char text[2][REPORT_TEXT_MAX];

	if (v->o->json)
		return;
	printf("  draining: %s connections are open at the client, %s at the server\n",
		leat_report_group(leat_report_open(&v->client), text[0]),
		leat_report_group(leat_report_open(&v->server), text[1]));
	fflush(stdout);
}

void leat_try_print_head(const struct try_view *v)
{
	if (v->o->json)
		return;
	printf("leat " LEAT_VERSION ", %s. No NIC, %s%shugepages used.\n\n", rte_version(),
		geteuid() != 0 ? "no root, " : "", v->huge ? "" : "no ");
	print_path(v);
	print_plan(v);
	print_steering(v);
	printf("\n   time      conn/s   established    time-wait   connect p50       p99     "
	       "failed\n");
	fflush(stdout);
}

/* hist_since puts into v->delta what was recorded since the second before. */
static void hist_since(struct try_view *v)
{
	struct hist *d = &v->delta;

	leat_hist_clear(d);
	for (uint32_t i = 0; i < HIST_SLOT_CNT; i++) {
		d->cnt[i] = v->connect.cnt[i] - v->before_connect.cnt[i];
		d->total_cnt += d->cnt[i];
	}
	d->max_ns = v->connect.max_ns;
}

static void print_second_text(const struct try_view *v, uint64_t rate)
{
	char t[4][REPORT_TEXT_MAX], p50[REPORT_TEXT_MAX], p99[REPORT_TEXT_MAX];

	group(rate, t[0]);
	group(v->load.established, t[1]);
	group(time_wait(v), t[2]);
	group(failed(&v->load), t[3]);
	leat_text_ns(leat_hist_at(&v->delta, 500000), p50, sizeof(p50));
	leat_text_ns(leat_hist_at(&v->delta, 990000), p99, sizeof(p99));
	printf("%5" PRIu64 " s %11s %13s %12s %13s %9s %10s\n", v->seconds, t[0], t[1], t[2], p50,
		p99, t[3]);
}

static void print_second_json(const struct try_view *v, uint64_t rate, uint64_t at_ns)
{
	printf("{\"schema\":\"leat.try.second/1\",\"t\":%.3f,\"connections_per_second\":%" PRIu64
	       ",\"established\":%u,\"time_wait\":%" PRIu64 ",\"connect_p50\":%.9f,"
	       "\"connect_p99\":%.9f,\"failed\":%" PRIu64 "}\n",
		(double)at_ns / 1e9, rate, v->load.established, time_wait(v),
		(double)leat_hist_at(&v->delta, 500000) / 1e9,
		(double)leat_hist_at(&v->delta, 990000) / 1e9, failed(&v->load));
}

void leat_try_print_second(struct try_view *v, uint64_t at_ns)
{
	uint64_t lasted_ns = u64_max(at_ns - v->before_ns, 1);
	uint64_t rate =
		(v->load.completed - v->before_completed) * 1000 / u64_max(lasted_ns / TIME_MS, 1);

	hist_since(v);
	if (v->o->json)
		print_second_json(v, rate, at_ns);
	else
		print_second_text(v, rate);
	fflush(stdout);
	v->before_completed = v->load.completed;
	v->before_connect = v->connect;
	v->before_ns = at_ns;
}

uint32_t leat_try_busy(const struct try_view *v)
{
	return (uint32_t)u64_min(v->busiest_ns * 100 / u64_max(v->ran_ns, 1), 100);
}

/* The wire's own law: what one end sent, the other received or it lies on the ring. */
static bool print_wire(const struct try_view *v, FILE *out)
{
	char sent[REPORT_TEXT_MAX], got[REPORT_TEXT_MAX];
	bool equal = v->client.tx_frames == v->server.rx_frames + v->wire_to_server &&
		     v->server.tx_frames == v->client.rx_frames + v->wire_to_client;

	group(v->client.tx_frames, sent);
	group(v->server.rx_frames + v->wire_to_server, got);
	fprintf(out, "  Wire     client sent %s = received or lost before the server %s; ", sent,
		got);
	group(v->server.tx_frames, sent);
	group(v->client.rx_frames + v->wire_to_client, got);
	fprintf(out, "server sent %s = received or lost before the client %s   %s\n", sent, got,
		equal ? "balanced" : "NOT BALANCED");
	return equal;
}

static bool print_ledger(const struct try_view *v, FILE *out)
{
	bool good = true;

	fprintf(out, "  Ledger   server ");
	good &= leat_report_connections(&v->server, out);
	fprintf(out, "           client ");
	good &= leat_report_connections(&v->client, out);
	fprintf(out, "  Frames   server ");
	good &= leat_report_frames(&v->server, out);
	fprintf(out, "           client ");
	good &= leat_report_frames(&v->client, out);
	/* Between devices frames may be lost, and the kernel sends some of its own. */
	good = good && (!v->wire->rings || print_wire(v, out));
	return good;
}

/* print_time_wait tells what became of TIME-WAIT, and who is left. */
static void print_time_wait(const struct try_view *v)
{
	const uint32_t indent = 18;

	printf("  2MSL     server ");
	leat_report_time_wait(&v->server, indent, stdout);
	printf("           client ");
	leat_report_time_wait(&v->client, indent, stdout);
	printf("  States   server ");
	leat_report_ages(&v->server_gauge, stdout);
	printf("           client ");
	leat_report_ages(&v->client_gauge, stdout);
}

/* print_full says for want of what the server refused connections. */
static void print_full(const struct try_view *v)
{
	const struct {
		uint64_t cnt;
		const char *why;
	} row[] = {
		{v->server.stack.time_wait_refused,
			"TIME-WAIT was full; a shorter --time-wait empties it sooner"},
		{v->server.tcp.verdict[TCP_V_NO_TCB], "all connection records were in use"},
		{v->server.stack.accept_refused, "the backlog was full, or it was draining"},
	};
	char text[REPORT_TEXT_MAX];

	for (uint32_t i = 0; i < COUNT_OF(row); i++) {
		group(row[i].cnt, text);
		if (row[i].cnt != 0)
			printf("  Full     the server refused %s: %s\n", text, row[i].why);
	}
}

static void print_failures(const struct try_view *v)
{
	char text[REPORT_TEXT_MAX];
	uint32_t cnt = 0;

	for (uint32_t i = 0; i < LOAD_FAIL_CNT; i++) {
		if (v->load.failed[i] == 0)
			continue;
		group(v->load.failed[i], text);
		printf("%s %s %s", cnt++ == 0 ? "  Failed  " : ",", text,
			leat_load_fail_name((enum load_fail)i));
	}
	if (cnt != 0)
		printf("\n");
	if (v->client.tcp.ended[TCP_END_RESET] + v->server.tcp.ended[TCP_END_RESET] != 0)
		printf("  Reset    a reset counts as failed when the client got it before the "
		       "whole "
		       "response; after that nothing is missing\n");
	print_full(v);
}

static void print_resent(const struct try_view *v)
{
	char t[4][REPORT_TEXT_MAX];
	uint64_t lost = v->client.rx_lost + v->server.rx_lost;
	uint64_t again = v->client.tcp.emitted_again + v->server.tcp.emitted_again;

	if (lost + again == 0)
		return;
	group(v->client.tcp.emitted_again, t[0]);
	group(v->server.tcp.emitted_again, t[1]);
	group(lost, t[2]);
	group(v->client.rx_reordered + v->server.rx_reordered, t[3]);
	printf("  Resent   client %s, server %s segments; the wire lost %s frames and let %s be "
	       "overtaken\n",
		t[0], t[1], t[2], t[3]);
}

static void print_rate(const struct try_view *v)
{
	char rate[REPORT_TEXT_MAX], p50[REPORT_TEXT_MAX], p99[REPORT_TEXT_MAX];
	uint64_t ms = u64_max(v->ran_ns / TIME_MS, 1);
	double frames = (double)(v->client.rx_frames + v->server.rx_frames);

	group(v->rate_completed * 1000 / ms, rate);
	leat_text_ns(leat_hist_at(&v->connect, 500000), p50, sizeof(p50));
	leat_text_ns(leat_hist_at(&v->connect, 990000), p99, sizeof(p99));
	printf("  Rate     %s conn/s, %.1f frames a connection, connect p50 %s, p99 %s\n", rate,
		v->load.completed == 0 ? 0.0 : frames / (double)v->load.completed, p50, p99);
}

static void print_moved(const struct try_view *v)
{
	if (v->o->shards == 1)
		return;
	printf("  Steered  client ");
	leat_steer_end(&v->wire->steer[TRY_CLIENT], &v->client, stdout);
	if (!has_server(v))
		return;
	printf("           server ");
	leat_steer_end(&v->wire->steer[TRY_SERVER], &v->server, stdout);
}

/* A shard that is less busy waited for something else, and what that was is said above. */
static void print_limit(const struct try_view *v)
{
	if (v->busy < LIMIT_BUSY_MIN)
		printf("  Limit    not the machine, its busiest shard was %u %% busy%s\n", v->busy,
			v->server.stack.time_wait_refused + v->client.stack.time_wait_refused != 0
				? ": TIME-WAIT was full"
			: v->client.rx_lost + v->server.rx_lost != 0
				? ": the wire lost frames, which waited to be sent again"
				: "");
	else if (v->one_lcore)
		printf("  Limit    cpu %u %u %% busy with both ends in turns: this is one core "
		       "talking to itself, not a benchmark.\n",
			v->cpu[0], v->busy);
	else
		printf("  Limit    cpu %u (%s shard) %u %% busy: this is a machine talking to "
		       "itself, not a benchmark.\n",
			v->busy_cpu, v->busy_server ? "server" : "client", v->busy);
}

static void print_hint(const char *before, const char *command, const char *what)
{
	int at = printf("  %s%s %s", before, leat_text_call(), command);

	printf("%*s%s\n", at < 45 ? 46 - at : 2, "", what);
}

/* print_next proposes what was not just done. */
static void print_next(const struct try_view *v)
{
	printf("\nNext\n");
	if (v->o->loss_millionths + v->o->reorder_millionths == 0)
		print_hint("", "try --seed 7 --loss 1% --reorder 1%", "the same on a bad wire");
	print_hint(geteuid() == 0 ? "" : "sudo ", "try --tap", "reach the server with curl");
	print_hint("", "help serve", "serve on a device");
}

static bool print_end_text(const struct try_view *v)
{
	printf("\n");
	bool good = print_ledger(v, stdout);
	print_time_wait(v);
	print_moved(v);
	print_rate(v);
	print_resent(v);
	print_failures(v);
	print_limit(v);
	print_next(v);
	return good;
}

/* json_end writes how the connections of one end ended. */
static void json_end(const char *name, const struct shard_counts *c)
{
	printf(",\"%s\":{\"opened\":%" PRIu64 ",\"time_wait_expired\":%" PRIu64
	       ",\"time_wait_reused\":%" PRIu64 ",\"time_wait\":%u,\"closed_second\":%" PRIu64
	       ",\"reset\":%" PRIu64 ",\"evicted\":%" PRIu64 ",\"refused\":%" PRIu64
	       ",\"aborted\":%" PRIu64 ",\"timed_out\":%" PRIu64 ",\"fin_wait_2_limit\":%" PRIu64
	       ",\"time_wait_evicted\":%" PRIu64 ",\"closed_before_open\":%" PRIu64
	       ",\"open\":%" PRIu64,
		name, leat_report_opened(c), c->tcp.ended[TCP_END_TIME_WAIT],
		c->tcp.ended[TCP_END_REUSED], c->tcp.present[TCP_ST_TIME_WAIT],
		c->tcp.ended[TCP_END_LAST_ACK], c->tcp.ended[TCP_END_RESET],
		c->tcp.ended[TCP_END_EVICTED], c->tcp.ended[TCP_END_REFUSED],
		c->tcp.ended[TCP_END_ABORTED], c->tcp.ended[TCP_END_TIMEOUT],
		c->tcp.ended[TCP_END_FW2_LIMIT], c->tcp.ended[TCP_END_GAVE_WAY],
		c->tcp.ended[TCP_END_CLOSED], leat_report_open(c));
	printf(",\"time_wait_outcomes\":{");
	leat_report_time_wait_json(c, stdout);
	printf("}");
	printf(",\"moved\":%" PRIu64 ",\"move_dropped\":%" PRIu64 ",\"move_high\":%" PRIu64
	       ",\"wrong_shard\":%" PRIu64 ",\"frames_received\":%" PRIu64
	       ",\"frames_sent\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"reordered\":%" PRIu64
	       ",\"resent\":%" PRIu64 "}",
		c->moved_out, c->move_dropped, c->moved_high, c->wrong_shard, c->rx_frames,
		c->tx_frames, c->rx_lost, c->rx_reordered, c->tcp.emitted_again);
}

static bool print_end_json(const struct try_view *v)
{
	char *text = NULL;
	size_t octets = 0;
	FILE *none = open_memstream(&text, &octets);
	bool good = none != NULL && print_ledger(v, none);

	if (none != NULL)
		fclose(none);
	free(text);
	printf("{\"schema\":\"leat.try/1\",\"shards\":%" PRIu64 ",\"steering\":\"%s\"",
		v->o->shards, leat_steer_name(&v->wire->steer[TRY_CLIENT]));
	printf(",\"seed\":%" PRIu64 ",\"seconds\":%.3f,\"balanced\":%s,"
	       "\"completed\":%" PRIu64 ",\"connections_per_second\":%" PRIu64
	       ",\"failed\":%" PRIu64 ",\"connect_p50\":%.9f,\"connect_p99\":%.9f",
		v->o->seed, (double)v->ran_ns / 1e9, good ? "true" : "false", v->load.completed,
		v->rate_completed * 1000 / u64_max(v->ran_ns / TIME_MS, 1), failed(&v->load),
		(double)leat_hist_at(&v->connect, 500000) / 1e9,
		(double)leat_hist_at(&v->connect, 990000) / 1e9);
	printf(",\"two_msl\":%.9f,\"two_msl_rfc_conformant\":%s", (double)v->o->time_wait_ns / 1e9,
		text_two_msl_conforms(v->o->time_wait_ns) ? "true" : "false");
	if (v->boot != NULL)
		printf(",\"restart\":{\"run\":%" PRIu64 ",\"known\":%s,\"port_from\":%u,"
		       "\"port_to\":%u,\"quiet\":%.9f}",
			v->boot->run, v->boot->known ? "true" : "false", v->boot->port_from,
			v->boot->port_to, (double)v->boot->quiet_ns / 1e9);
	json_end("client", &v->client);
	json_end("server", &v->server);
	printf("}\n");
	return good;
}

bool leat_try_print_end(struct try_view *v)
{
	bool good = v->o->json ? print_end_json(v) : print_end_text(v);

	leat_report_flush();
	return good;
}
