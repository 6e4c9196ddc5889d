/* SPDX-License-Identifier: BSD-3-Clause */
#include "opt_serve.h"

#include "base_bits.h"
#include "base_time.h"
#include "opt_device.h"
#include "prog.h"

#include <stdlib.h>
#include <string.h>

#define WAIT_LENGTHS 4

static const char *const close_words[] = {"keep", "server", "client", NULL};
static const char *const yes_words[] = {"yes", "no", NULL};
static const char *const huge_words[] = {"auto", "need", "no", NULL};
static const char *const kind_words[] = {"http", "echo", "discard", "chargen", "program", NULL};

STATIC_ASSERT(COUNT_OF(kind_words) == SERVICE_KIND_CNT + 1, "in the order of enum service_kind");
STATIC_ASSERT(COUNT_OF(close_words) == SERVICE_CLOSE_CNT + 1, "in the order of service_close");

static bool is_all(const char *text, const char *of)
{
	return *text && text[strspn(text, of)] == '\0';
}

#define DIGITS "0123456789"
#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

bool leat_opt_is_name(const char *text, size_t max)
{
	return is_all(text, DIGITS LOWER UPPER "._-") && strlen(text) <= max && *text != '.';
}

/* A decimal number of at most max_digits; false when text is none. */
static bool read_small(const char *text, size_t max_digits, uint32_t *value)
{
	if (!is_all(text, DIGITS) || strlen(text) > max_digits)
		return false;
	*value = (uint32_t)strtoul(text, NULL, 10);
	return true;
}

static bool read_address(void *options, const char *text, char *why, size_t size)
{
	struct serve_options *o = options;
	struct serve_address *a = &o->address[o->address_cnt];
	const char *slash = strchr(text, '/');
	char ip[IP_TEXT_MAX];
	uint32_t bits = 0;

	snprintf(ip, sizeof(ip), "%.*s", slash ? (int)(slash - text) : (int)strlen(text), text);
	if (o->address_cnt == SERVE_ADDRESS_MAX)
		snprintf(
			why, size, "at most %d addresses; leave `%s` out", SERVE_ADDRESS_MAX, text);
	else if (!leat_wire_ip_parse(ip, &a->ip))
		snprintf(why, size, "`%s` is no IPv4 or IPv6 address: 198.18.0.2/24?", text);
	else if (!slash)
		snprintf(why, size, "`%s` needs the length of its prefix: %s/%d?", text, text,
			ip_is4(a->ip) ? 24 : 64);
	else if (!read_small(slash + 1, 3, &bits) || bits > (ip_is4(a->ip) ? 32 : 128))
		snprintf(why, size, "`%s`: the length of the prefix is from 0 to %d: %s/%d?", text,
			ip_is4(a->ip) ? 32 : 128, ip, ip_is4(a->ip) ? 24 : 64);
	else if (!leat_wire_ip_may_send(a->ip))
		snprintf(why, size, "`%s` is not the address of one host: 198.18.0.2/24?", text);
	else {
		a->prefix_bits = (uint8_t)bits;
		o->address_cnt++;
		return true;
	}
	return false;
}

static bool read_vip(void *options, const char *text, char *why, size_t size)
{
	struct serve_options *o = options;
	struct serve_address *a = &o->address[o->address_cnt];

	if (o->address_cnt == SERVE_ADDRESS_MAX)
		snprintf(
			why, size, "at most %d addresses; leave `%s` out", SERVE_ADDRESS_MAX, text);
	else if (!leat_wire_ip_parse(text, &a->ip) || !leat_wire_ip_may_send(a->ip))
		snprintf(why, size, "`%s` is not the address of one host: 203.0.113.80?", text);
	else {
		a->prefix_bits = ip_is4(a->ip) ? 32 : 128;
		a->vip = true;
		o->address_cnt++;
		return true;
	}
	return false;
}

static bool read_gateway(void *options, const char *text, char *why, size_t size)
{
	struct serve_options *o = options;
	struct ip ip;

	if (!leat_wire_ip_parse(text, &ip) || !leat_wire_ip_may_send(ip)) {
		snprintf(why, size, "`%s` is not the address of one host: 198.18.0.1?", text);
		return false;
	}
	struct ip *gateway = ip_is4(ip) ? &o->gateway4 : &o->gateway6;
	if (!ip_is_any(*gateway)) {
		snprintf(why, size, "`%s` is a second gateway of %s; leave one out", text,
			ip_is4(ip) ? "IPv4" : "IPv6");
		return false;
	}
	*gateway = ip;
	return true;
}

/* A kind of service, or program:TEXT. */
static bool read_kind(const char *text, struct serve_listen *l, char *why, size_t size)
{
	const char *near = leat_opt_nearest(text, kind_words);
	struct prog prog;

	if (strncmp(text, "program:", 8) == 0) {
		l->kind = SERVICE_KIND_PROGRAM;
		l->program = text + 8;
		return leat_prog_parse(&prog, l->program, why, size);
	}
	for (uint32_t i = 0; i < SERVICE_KIND_PROGRAM; i++) {
		if (strcmp(kind_words[i], text) == 0) {
			l->kind = (enum service_kind)i;
			return true;
		}
	}
	snprintf(why, size,
		"`%s` is no service; there are http, echo, discard, chargen, program:TEXT%s%s%s",
		text, near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	return false;
}

static bool read_listen(void *options, const char *text, char *why, size_t size)
{
	struct serve_options *o = options;
	struct serve_listen *l = &o->listen[o->listen_cnt];
	const char *colon = strchr(text, ':');
	char port[8];
	uint32_t n = 0;

	snprintf(port, sizeof(port), "%.*s", colon ? (int)(colon - text) : 7, text);
	if (!read_small(port, 5, &n) || n < 1 || n > 65535) {
		snprintf(why, size,
			"`%s`: first the port, from 1 to 65,535, then the service: 80:http?", text);
		return false;
	}
	if (!colon) {
		snprintf(why, size, "`%s` needs a service: %s:http?", text, text);
		return false;
	}
	for (uint32_t i = 0; i < o->listen_cnt; i++) {
		if (o->listen[i].port == n) {
			snprintf(why, size, "`%s`: port %u is listened on already; choose another",
				text, n);
			return false;
		}
	}
	if (o->listen_cnt == SERVICE_LISTEN_MAX) {
		snprintf(why, size, "at most %d listeners; leave `%s` out", SERVICE_LISTEN_MAX,
			text);
		return false;
	}
	l->port = (uint16_t)n;
	if (!read_kind(colon + 1, l, why, size))
		return false;
	o->listen_cnt++;
	return true;
}

/* add_lcores adds the processors from first to last; false: one is there already, or too many. */
static bool add_lcores(struct serve_options *o, uint32_t first, uint32_t last)
{
	for (uint32_t cpu = first; cpu <= last; cpu++) {
		for (uint32_t i = 0; i < o->lcore_cnt; i++)
			if (o->lcore[i] == cpu)
				return false;
		if (o->lcore_cnt == SERVE_LCORE_MAX)
			return false;
		o->lcore[o->lcore_cnt++] = (uint16_t)cpu;
	}
	return true;
}

/* auto, or numbers and ranges of numbers between commas. */
static bool read_lcores(void *options, const char *text, char *why, size_t size)
{
	struct serve_options *o = options;
	unsigned first, last;
	const char *p = text;
	int n = 0;

	o->lcore_cnt = 0;
	if (strcmp(text, "auto") == 0)
		return true;
	do {
		int cnt = sscanf(p, "%4u%n-%4u%n", &first, &n, &last, &n);

		last = cnt == 2 ? last : first;
		if (cnt < 1 || !is_all(text, DIGITS "-,") || last < first ||
			last >= SERVE_CPU_MAX) {
			snprintf(why, size, "`%s` is no list of cores: auto, 2-5 or 2,4?", text);
			return false;
		}
		if (!add_lcores(o, first, last)) {
			snprintf(why, size,
				"`%s` names a core twice, or more than %d; leave it out", text,
				SERVE_LCORE_MAX);
			return false;
		}
		p += n;
	} while (*p == ',' && *++p != '\0');
	if (*p == '\0' && p[-1] != ',')
		return true;
	snprintf(why, size, "`%s` is no list of cores: auto, 2-5 or 2,4?", text);
	return false;
}

static bool read_wire_in(void *options, const char *text, char *why, size_t size)
{
	return leat_opt_wire(&((struct serve_options *)options)->wire_in, text, why, size);
}

static bool read_wire_out(void *options, const char *text, char *why, size_t size)
{
	return leat_opt_wire(&((struct serve_options *)options)->wire_out, text, why, size);
}

static bool read_name(void *options, const char *text, char *why, size_t size)
{
	struct serve_options *o = options;

	if (!leat_opt_is_name(text, 32)) {
		snprintf(why, size, "`%s` is no name (at most 32 of A-Z a-z 0-9 . _ -): lab-a?",
			text);
		return false;
	}
	o->name = text;
	return true;
}

static bool read_wait(void *options, const char *text, char *why, size_t size)
{
	struct serve_options *o = options;

	if (o->wait_cnt == SERVICE_LISTEN_MAX) {
		snprintf(why, size, "at most %d times; leave `%s` out", SERVICE_LISTEN_MAX, text);
		return false;
	}
	return leat_opt_wait_read(text, &o->wait[o->wait_cnt++], why, size);
}

static bool read_boot_record(void *options, const char *text, char *why, size_t size)
{
	return leat_opt_is_file(text, &((struct serve_options *)options)->boot_record, why, size);
}

static bool read_eal(void *options, const char *text, char *why, size_t size)
{
	struct serve_options *o = options;

	if (*text != '-' || strlen(text) > SERVE_EAL_TEXT_MAX) {
		snprintf(why, size, "`%.64s` is no argument of EAL: --iova-mode=va?", text);
		return false;
	}
	if (o->eal_cnt == SERVE_EAL_MAX) {
		snprintf(why, size, "at most %d arguments; leave `%s` out", SERVE_EAL_MAX, text);
		return false;
	}
	o->eal[o->eal_cnt++] = text;
	return true;
}

#define AT(member) offsetof(struct serve_options, member)

static bool read_ctl_group(void *options, const char *text, char *why, size_t size)
{
	return leat_opt_group_read(text, &((struct serve_options *)options)->ctl_group, why, size);
}

static bool read_metrics(void *options, const char *text, char *why, size_t size)
{
	return leat_opt_metrics_read(text, &((struct serve_options *)options)->metrics, why, size);
}

static const struct opt_row row[] = {
	{.name = "tap",
		.kind = OPT_KIND_OTHER,
		.read = leat_opt_device_tap,
		.metavar = "NAME",
		.sentence = "make the TAP interface NAME and be the host behind it; needs "
			    "CAP_NET_ADMIN"},
	{.name = "vdev",
		.kind = OPT_KIND_OTHER,
		.read = leat_opt_device_vdev,
		.metavar = "ARGS",
		.sentence = "use a virtual device of DPDK, such as net_af_packet0,iface=veth1"},
	{.name = "device",
		.kind = OPT_KIND_OTHER,
		.read = leat_opt_device_device,
		.metavar = "DEVICE",
		.sentence = "use the network card at a PCI address, such as 0000:3b:00.0, or "
			    "env:NAME for that in a variable; or tap:NAME, veth:NAME or ARGS of "
			    "--vdev, as in a file"},
	{.name = "address",
		.letter = 'a',
		.kind = OPT_KIND_OTHER,
		.read = read_address,
		.metavar = "A/LEN",
		.sentence = "an address of ours with its prefix; up to 8 times"},
	{.name = "gateway",
		.letter = 'g',
		.kind = OPT_KIND_OTHER,
		.read = read_gateway,
		.metavar = "A",
		.sentence = "where to send what is not on the link; one IPv4, one "
			    "IPv6"},
	{.name = "vip",
		.kind = OPT_KIND_OTHER,
		.read = read_vip,
		.metavar = "A",
		.sentence =
			"an address that a balancer gives us traffic for; with --address up to 8"},
	{.name = "answer-arp-for-vips",
		.kind = OPT_KIND_WORD,
		.at = AT(vip_arp),
		.metavar = "ON",
		.fallback = "yes",
		.words = yes_words,
		.sentence = "no: who asks for a VIP hears nothing of us, as behind LVS with direct "
			    "routing, where the balancer has it"},
	{.name = "vlan",
		.kind = OPT_KIND_NUMBER,
		.at = AT(vlan),
		.from = 1,
		.to = 4094,
		.metavar = "ID",
		.sentence = "every frame has the tag of this VLAN; without it none has one"},
	{.name = "listen",
		.letter = 'l',
		.kind = OPT_KIND_OTHER,
		.read = read_listen,
		.metavar = "PORT:SERVICE",
		.fallback = "80:http",
		.sentence = "what to serve where: http, echo, discard, chargen, program:TEXT; up "
			    "to 16 times"},
	OPT_RUN_BODY(AT(body_octets), SERVICE_BODY_MAX, "octets that http gives for /"),
	{.name = "close",
		.kind = OPT_KIND_WORD,
		.at = AT(close),
		.metavar = "WHO",
		.fallback = "keep",
		.words = close_words,
		.sentence = "who closes http first: keep (as the request asks), server (after each "
			    "response, then TIME-WAIT is here), client (never the server)"},
	OPT_RUN_TIME_WAIT(AT(time_wait_ns), "60s",
		"2MSL: how long a connection that we closed first stays in TIME-WAIT, its "
		"client's port unusable to it"),
	{.name = "time-wait-at",
		.kind = OPT_KIND_OTHER,
		.read = read_wait,
		.metavar = "PORT:KEY=VALUE,...",
		.sentence = "TIME-WAIT of one listener, where it differs: length=T, reuse=HOW as "
			    "--time-wait-reuse, rst=HOW as --time-wait-rst; up to three other "
			    "lengths"},
	{.name = "connections",
		.kind = OPT_KIND_NUMBER,
		.at = AT(connections),
		.from = 64,
		.to = SERVE_CONNECTIONS_MAX,
		.metavar = "N",
		.fallback = "65536",
		.sentence =
			"room for so many open at one time, all shards; with those in TIME-WAIT "
			"four times as many, or what --time-wait-max says"},
	{.name = "mtu",
		.kind = OPT_KIND_NUMBER,
		.at = AT(mtu),
		.from = 576,
		.to = 9000,
		.metavar = "N",
		.fallback = "1500",
		.sentence = "octets of the largest IP packet"},
	{.name = "shards",
		.kind = OPT_KIND_NUMBER,
		.at = AT(shards),
		.from = 1,
		.to = 64,
		.metavar = "N",
		.fallback = "1",
		.sentence = "polling cores, each with a queue"},
	{.name = "lcores",
		.kind = OPT_KIND_OTHER,
		.read = read_lcores,
		.metavar = "LIST",
		.fallback = "auto",
		.sentence = "the cores for them, as 2-5 or 2,4; auto: those of this process at the "
			    "device's memory node; with fewer than shards, shards take turns"},
	{.name = "hugepages",
		.kind = OPT_KIND_WORD,
		.at = AT(hugepages),
		.metavar = "HOW",
		.fallback = "auto",
		.words = huge_words,
		.sentence = "packet buffers in huge pages: auto (when enough are free), need (or "
			    "do not start), no"},
	{.name = "buffers",
		.kind = OPT_KIND_NUMBER,
		.at = AT(buffers),
		.from = 1,
		.to = 4000000,
		.metavar = "N",
		.sentence = "packet buffers; without it as many as can be anywhere at once"},
	OPT_TCP_ROWS(AT(tcp)),
	OPT_WIRE_ROWS(AT(loss_millionths), AT(reorder_millionths), AT(seed),
		"lose frames that arrive, to try a bad wire",
		"let later frames overtake as they arrive",
		"of what --loss, --reorder and --impair-... pick; without it it is new and "
		"printed"),
	{.name = "impair-in",
		.kind = OPT_KIND_OTHER,
		.read = read_wire_in,
		.metavar = "WIRE",
		.sentence = "a bad wire for what arrives, such as delay=5ms,loss=1%; of loss, "
			    "reorder, duplicate, corrupt, delay and jitter"},
	{.name = "impair-out",
		.kind = OPT_KIND_OTHER,
		.read = read_wire_out,
		.metavar = "WIRE",
		.sentence = "the same for what is sent"},
	{.name = "boot-record",
		.kind = OPT_KIND_OTHER,
		.read = read_boot_record,
		.metavar = "FILE",
		.sentence = "keep there what the next run must know, so that sequence numbers and "
			    "timestamps go on; made when it is not there"},
	OPT_METRICS_ROW(read_metrics),
	OPT_GROUP_ROW(read_ctl_group),
	{.name = "grace",
		.kind = OPT_KIND_DURATION,
		.at = AT(grace_ns),
		.to = 3600 * TIME_S,
		.metavar = "T",
		.fallback = "30s",
		.sentence = "after ^C, how long connections may take to finish"},
	{.name = "eal",
		.kind = OPT_KIND_OTHER,
		.read = read_eal,
		.metavar = "ARG",
		.sentence = "one argument more for EAL of DPDK, such as --iova-mode=va; up to 8 "
			    "times"},
	{.name = "name",
		.letter = 'n',
		.kind = OPT_KIND_OTHER,
		.read = read_name,
		.metavar = "NAME",
		.fallback = "leat",
		.sentence = "what this instance is called"},
	OPT_RUN_VERBOSE(AT(verbose)),
};

static void defaults(void *options)
{
	*(struct serve_options *)options = (struct serve_options){.name = "leat",
		.body_octets = 512,
		.time_wait_ns = 60 * TIME_S,
		.grace_ns = 30 * TIME_S,
		.mtu = 1500,
		.shards = 1,
		.connections = 65536,
		.close = SERVICE_CLOSE_KEEP,
		.metrics = leat_opt_metrics_default(),
		.tcp = OPT_TCP_DEFAULTS};
}

static bool on_link(const struct serve_options *o, struct ip ip)
{
	for (uint32_t i = 0; i < o->address_cnt; i++)
		if (ip_is4(o->address[i].ip) == ip_is4(ip) &&
			ip_in_prefix(ip, o->address[i].ip, o->address[i].prefix_bits))
			return true;
	return false;
}

bool leat_opt_serve_reaches(const struct serve_options *o, struct ip ip)
{
	return on_link(o, ip) || !ip_is_any(ip_is4(ip) ? o->gateway4 : o->gateway6);
}

/* In a prefix of IPv4 that has more than two addresses the first and the last are not a host's (RFC
 * 1122 3.2.1.3, RFC 3021). */
static const char *no_host(struct ip ip, const struct serve_address *of)
{
	uint32_t mask;

	if (!ip_is4(ip) || !ip_is4(of->ip) || of->prefix_bits > 30)
		return NULL;
	mask = UINT32_MAX >> of->prefix_bits;
	if (!ip_in_prefix(ip, of->ip, of->prefix_bits))
		return NULL;
	if ((ip_to4(ip) & mask) == 0)
		return "the number of its network";
	return (ip_to4(ip) & mask) == mask ? "the broadcast address of its network" : NULL;
}

const char *leat_opt_serve_no_peer(const struct serve_options *o, struct ip ip, bool own)
{
	const char *what = NULL;

	for (uint32_t i = 0; i < o->address_cnt && what == NULL; i++) {
		what = no_host(ip, &o->address[i]);
		if (!own && ip_eq(ip, o->address[i].ip))
			what = "our own --address";
	}
	return what;
}

static bool check_gateway(const struct serve_options *o, struct ip ip, char *why, size_t size)
{
	char text[IP_TEXT_MAX];

	if (ip_is_any(ip))
		return true;
	leat_wire_ip_text(ip, text);
	for (uint32_t i = 0; i < o->address_cnt; i++) {
		const char *what = no_host(ip, &o->address[i]);
		if (ip_eq(ip, o->address[i].ip))
			what = o->address[i].vip ? "our own --vip" : "our own --address";
		if (what) {
			snprintf(why, size, "--gateway: `%s` is %s; give the router's", text, what);
			return false;
		}
	}
	if (on_link(o, ip))
		return true;
	snprintf(why, size, "--gateway: `%s` is in the prefix of no --address; give one it shares",
		text);
	return false;
}

/* check_host says whether the address i is one host's, in its own prefix, or for a VIP, which has
 * none, in that of any address. */
static bool check_host(const struct serve_options *o, uint32_t i, char *why, size_t size)
{
	const struct serve_address *a = &o->address[i];
	char text[IP_TEXT_MAX], prefix[8] = "";
	const char *what = no_host(a->ip, a);

	for (uint32_t k = 0; k < o->address_cnt && a->vip && !what; k++)
		what = no_host(a->ip, &o->address[k]);
	if (!what)
		return true;
	leat_wire_ip_text(a->ip, text);
	if (!a->vip)
		snprintf(prefix, sizeof(prefix), "/%u", a->prefix_bits);
	snprintf(why, size, "--%s: `%s%s` is %s; give one of its hosts", a->vip ? "vip" : "address",
		text, prefix, what);
	return false;
}

static bool check_addresses(const struct serve_options *o, char *why, size_t size)
{
	char text[IP_TEXT_MAX];

	uint32_t own_cnt = 0;

	for (uint32_t i = 0; i < o->address_cnt; i++)
		own_cnt += !o->address[i].vip;
	if (o->vip_arp != 0 && own_cnt == o->address_cnt) {
		snprintf(why, size,
			"--answer-arp-for-vips without a VIP; give --vip, or leave it out");
		return false;
	}
	if (!own_cnt) {
		snprintf(why, size, "no address to serve on: --address 198.18.0.2/24?");
		return false;
	}
	for (uint32_t i = 0; i < o->address_cnt; i++) {
		if (!check_host(o, i, why, size))
			return false;
		leat_wire_ip_text(o->address[i].ip, text);
		for (uint32_t k = 0; k < i; k++) {
			if (ip_eq(o->address[i].ip, o->address[k].ip)) {
				snprintf(why, size, "--%s: `%s` is given twice; leave one out",
					o->address[i].vip ? "vip" : "address", text);
				return false;
			}
		}
		if (!ip_is4(o->address[i].ip) && o->mtu < 1280) {
			snprintf(why, size, "--mtu: IPv6 (`%s`) needs 1280 or more: --mtu 1280?",
				text);
			return false;
		}
	}
	return true;
}

/* check_waits: each is of a listener, and a stack has four lengths of 2MSL. */
static bool check_waits(const struct serve_options *o, char *why, size_t size)
{
	uint64_t length[WAIT_LENGTHS] = {o->time_wait_ns};
	uint32_t cnt = 1;

	for (uint32_t i = 0; i < o->wait_cnt; i++) {
		const struct opt_wait *w = &o->wait[i];
		uint32_t k = 0, n = 0;

		while (k < o->listen_cnt && o->listen[k].port != w->port)
			k++;
		if (k == o->listen_cnt) {
			snprintf(why, size,
				"--time-wait-at: port %u is not listened on; --listen %u:http?",
				w->port, w->port);
			return false;
		}
		while (n < cnt && w->length_ns != 0 && length[n] != w->length_ns)
			n++;
		if (n == WAIT_LENGTHS) {
			snprintf(why, size,
				"--time-wait-at: more than %d lengths of 2MSL with --time-wait; "
				"leave one out",
				WAIT_LENGTHS);
			return false;
		}
		if (n == cnt)
			length[cnt++] = w->length_ns;
	}
	return true;
}

static bool check(void *options, uint64_t given, char *why, size_t size)
{
	struct serve_options *o = options;

	(void)given;
	/* A row that is given again goes before itself, two rows contradict. */
	if (__builtin_popcount(o->device_rows) != 1) {
		snprintf(why, size,
			o->device_rows ? "more than one of --tap, --vdev, --device; leave all but "
					 "one out"
				       : "no device to serve on: --tap leat0, --vdev ARGS or "
					 "--device DEVICE?");
		return false;
	}
	if (o->seed != 0 && o->loss_millionths == 0 && o->reorder_millionths == 0 &&
		!opt_wire_is_on(&o->wire_in) && !opt_wire_is_on(&o->wire_out)) {
		snprintf(why, size,
			"--seed has nothing to pick; give --loss or --reorder, or leave it out");
		return false;
	}
	if (!o->listen_cnt)
		o->listen[o->listen_cnt++] = (struct serve_listen){80, SERVICE_KIND_HTTP, NULL};
	if (!check_waits(o, why, size) || !check_addresses(o, why, size))
		return false;
	return check_gateway(o, o->gateway4, why, size) && check_gateway(o, o->gateway6, why, size);
}

const struct opt_verb leat_opt_serve = {
	.name = "serve",
	.one_line = "Serve http, echo, discard and chargen on a device",
	.usage = "@ serve (--tap NAME | --vdev ARGS | --device DEVICE) --address A/LEN [OPTION]...",
	.prose =
		"http gives --body octets for / and N octets for /bytes/N; octet i of a body is\n"
		"the character \"!\" + i % 89.  echo gives back, discard takes, chargen gives.\n"
		"program:TEXT does what a text says: -l '7000:program:expect 100; send 1KiB'\n\n"
		"Over a veth pair, net_af_packet0,iface=ONE-END, the kernel at the other end\n"
		"leaves TCP checksums to a card that is not there, and its segments are dropped\n"
		"as drop_tcp_csum until: ethtool -K OTHER-END tx off\n\n"
		"With --close server our end waits 2MSL.  A client that comes again from the same\n"
		"port before that is let in when it can be told from an old duplicate, by what\n"
		"--time-wait-reuse says; else it gets a challenge and no connection: shorten\n"
		"--time-wait, or let the client close with --close client.\n\n"
		"^C finishes what is under way, a second one cuts.\n\n"
		"Exit 0 when it stopped in order, 1 for wrong options, 2 for options that no\n"
		"stack can be made of, 3 without the memory or cores, 4 without the device, 5\n"
		"when its counts do not add up.\n\n"
		"  sudo @ serve --tap leat0 --address 198.18.0.2/24\n"
		"  @ serve --device 3b:00.0 -a 198.51.100.10/24 -g 198.51.100.1 -l 7:echo\n",
	.row = row,
	.row_cnt = COUNT_OF(row),
	.defaults = defaults,
	.check = check,
};

const struct opt_verb leat_opt_plan = {
	.name = "plan",
	.one_line = "What serve with these options would take of the machine; touches nothing",
	.usage = "@ plan [serve] (--tap NAME | --vdev ARGS | --device DEVICE) --address A/LEN "
		 "[OPTION]...\n"
		 "       @ plan load [OPTION]...",
	.prose = "Each kind of record, of one shard and of all; the cores, and how far they are\n"
		 "from the device; the rate that 2MSL allows.  Serve takes all of it at its start\n"
		 "and nothing later.  With load, or a file of role client: what load would take,\n"
		 "and what its rate needs (leat plan load --help).\n\n"
		 "Exit 0 when it can be had, 1 for wrong options, 2 for options that no stack can\n"
		 "be made of, 3 without the memory or cores (then stderr has the numbers), 5\n"
		 "when this could not be written.\n\n"
		 "  @ plan --tap leat0 --address 198.18.0.2/24 --connections 1000000\n",
	.row = row,
	.row_cnt = COUNT_OF(row),
	.defaults = defaults,
	.check = check,
};
