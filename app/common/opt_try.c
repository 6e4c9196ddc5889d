/* SPDX-License-Identifier: BSD-3-Clause */
#include "opt_try.h"

#include "base_bits.h"
#include "base_time.h"
#include "opt_serve.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const char *const close_words[] = {"server", "client", NULL};

static bool read_boot_record(void *options, const char *text, char *why, size_t size)
{
	return leat_opt_is_file(text, &((struct try_options *)options)->boot_record, why, size);
}

#define AT(member) offsetof(struct try_options, member)

static bool read_client_vdev(void *options, const char *text, char *why, size_t size)
{
	((struct try_options *)options)->client_vdev = text;
	return leat_opt_is_vdev(text, why, size);
}

static bool read_server_vdev(void *options, const char *text, char *why, size_t size)
{
	((struct try_options *)options)->server_vdev = text;
	return leat_opt_is_vdev(text, why, size);
}

static bool read_metrics(void *options, const char *text, char *why, size_t size)
{
	return leat_opt_metrics_read(text, &((struct try_options *)options)->metrics, why, size);
}

static bool read_ctl_group(void *options, const char *text, char *why, size_t size)
{
	return leat_opt_group_read(text, &((struct try_options *)options)->ctl_group, why, size);
}

static const struct opt_row row[] = {
	{.name = "seconds",
		.letter = 's',
		.kind = OPT_KIND_NUMBER,
		.at = AT(seconds),
		.from = 1,
		.to = 86400,
		.metavar = "N",
		.fallback = "10",
		.sentence = "end after N seconds of load, or with --tap of service"},
	{.name = "hold",
		.kind = OPT_KIND_FLAG,
		.at = AT(hold),
		.sentence = "go on until ^C, or for --seconds, and answer leat conns, top, ctl"},
	{.name = "connections",
		.letter = 'c',
		.kind = OPT_KIND_NUMBER,
		.at = AT(connections),
		.from = 1,
		.to = 60000,
		.metavar = "N",
		.fallback = "1024",
		.sentence = "hold N connections in flight"},
	{.name = "shards",
		.kind = OPT_KIND_NUMBER,
		.at = AT(shards),
		.from = 1,
		.to = TRY_SHARDS_MAX,
		.metavar = "N",
		.fallback = "1",
		.sentence = "N client and N server shards; more than processors take turns on "
			    "them"},
	{.name = "client-vdev",
		.kind = OPT_KIND_OTHER,
		.read = read_client_vdev,
		.metavar = "ARGS",
		.sentence = "a virtual device of DPDK for the client instead of rings, such as "
			    "net_af_packet0,iface=veth0"},
	{.name = "server-vdev",
		.kind = OPT_KIND_OTHER,
		.read = read_server_vdev,
		.metavar = "ARGS",
		.sentence = "one for the server; without it the client is alone, and leat serve "
			    "has 198.18.128.1/15 elsewhere"},
	OPT_RUN_BODY(AT(body_octets), UINT64_C(1) << 30, "octets in the body of a response"),
	{.name = "close",
		.kind = OPT_KIND_WORD,
		.at = AT(close),
		.metavar = "WHO",
		.fallback = "server",
		.words = close_words,
		.sentence = "who closes first, and so waits 2MSL: server or client; with --tap as "
			    "the request asks, unless it is given"},
	OPT_RUN_TIME_WAIT(AT(time_wait_ns), "1s",
		"2MSL: how long a connection stays in TIME-WAIT; RFC 9293 means 60s or more"),
	{.name = "boot-record",
		.kind = OPT_KIND_OTHER,
		.read = read_boot_record,
		.metavar = "FILE",
		.sentence = "with --client-vdev: keep there what the next run must know: other "
			    "ports than this one's, and its sequence numbers and timestamps go on"},
	{.name = "quiet-time",
		.kind = OPT_KIND_DURATION,
		.at = AT(quiet_ns),
		.from = TIME_MS,
		.to = 480 * TIME_S,
		.words = leat_opt_tcp_never,
		.metavar = "T",
		.fallback = "off",
		.sentence = "with --client-vdev: connect only after that time, when what an "
			    "earlier run left has died"},
	OPT_TCP_ROWS(AT(tcp)),
	OPT_TCP_CONNECT_ROW(AT(tcp)),
	OPT_WIRE_ROWS(AT(loss_millionths), AT(reorder_millionths), AT(seed),
		"lose frames, in both directions", "let later frames overtake, in both directions",
		"draw the same random numbers again; without it they are new and the seed is "
		"printed"),
	{.name = "one-lcore",
		.kind = OPT_KIND_FLAG,
		.at = AT(one_lcore),
		.sentence = "drive both ends in turns on one core, as on a machine with one CPU"},
	{.name = "tap",
		.kind = OPT_KIND_FLAG,
		.at = AT(tap),
		.sentence = "no client: put the server behind a TAP interface and let the kernel "
			    "in, until ^C; needs CAP_NET_ADMIN"},
	OPT_METRICS_ROW(read_metrics),
	OPT_GROUP_ROW(read_ctl_group),
	{.name = "json",
		.letter = 'j',
		.kind = OPT_KIND_FLAG,
		.at = AT(json),
		.sentence = "one JSON object a second and one at the end, nothing else on stdout"},
	OPT_RUN_VERBOSE(AT(verbose)),
};

static void defaults(void *options)
{
	*(struct try_options *)options = (struct try_options){.seconds = 10,
		.connections = 1024,
		.shards = 1,
		.time_wait_ns = TIME_S,
		.body_octets = 512,
		.close = TRY_CLOSE_SERVER,
		.metrics = leat_opt_metrics_default(),
		.tcp = OPT_TCP_DEFAULTS};
}

/* What --tap leaves without an object, and why. */
static const struct {
	const char *name, *why;
} not_with_tap[] = {
	{"loss", "has no wire to act on"},
	{"reorder", "has no wire to act on"},
	{"seed", "has no wire to act on"},
	{"connections", "has no client to act on"},
	{"connect-reuse", "has no client to act on"},
	{"one-lcore", "has one end to drive anyhow"},
	{"hold", "is what it does anyhow"},
	{"json", "has no load to tell of"},
	{"client-vdev", "has no client to act on"},
	{"server-vdev", "is itself the device"},
	{"body", "has a greeting for a body, and /bytes/N for other lengths"},
};

static bool was_given(uint64_t given, const char *name)
{
	for (uint32_t i = 0; i < COUNT_OF(row); i++)
		if (strcmp(row[i].name, name) == 0)
			return opt_given(given, i);
	return false;
}

static bool check(void *options, uint64_t given, char *why, size_t size)
{
	struct try_options *o = options;

	for (uint32_t i = 0; o->tap && i < COUNT_OF(not_with_tap); i++) {
		if (was_given(given, not_with_tap[i].name)) {
			snprintf(why, size, "--%s with --tap %s; leave one of them out",
				not_with_tap[i].name, not_with_tap[i].why);
			return false;
		}
	}
	if (o->server_vdev != NULL && o->client_vdev == NULL) {
		snprintf(why, size,
			"--server-vdev without --client-vdev: a server alone is leat serve");
		return false;
	}
	if ((o->boot_record != NULL || o->quiet_ns != 0) && o->client_vdev == NULL) {
		snprintf(why, size,
			"--%s without --client-vdev: nothing that outlives this run is reached",
			o->boot_record != NULL ? "boot-record" : "quiet-time");
		return false;
	}
	if (o->connections < o->shards) {
		snprintf(why, size, "--connections: %ju for %ju shards; at least one for each",
			(uintmax_t)o->connections, (uintmax_t)o->shards);
		return false;
	}
	if ((o->hold || o->tap) && !was_given(given, "seconds"))
		o->seconds = 0;
	if (!o->hold && !o->tap && !was_given(given, "metrics"))
		o->metrics.off = true; /* nobody asks what ends by itself */
	if (o->tap && !was_given(given, "close"))
		o->close = TRY_CLOSE_REQUEST;
	return true;
}

const struct opt_verb leat_opt_try = {
	.name = "try",
	.one_line = "A client and a server in one process; needs no NIC, no root, no hugepages",
	.usage = "@ try [OPTION]...",
	.prose = "Ends with a ledger: opened = expired + still waiting + reset.  On a bad wire\n"
		 "connections may fail; they are counted, and the ledger balances all the same.\n\n"
		 "Exit 0 when it balances and a connection was completed, 1 for wrong options,\n"
		 "2 for options that no stack can be made of, 3 without the memory or cores, 4\n"
		 "without the device (--tap), 5 when counts do not add up, nothing was completed\n"
		 "or the report could not be written.\n\n"
		 "  @ try --seconds 3\n"
		 "  @ try --seed 7 --loss 1% --reorder 1%\n"
		 "  @ try --shards 4\n"
		 "  sudo @ try --tap\n",
	.row = row,
	.row_cnt = COUNT_OF(row),
	.defaults = defaults,
	.check = check,
};
