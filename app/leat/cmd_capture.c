/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd.h"

#include "ask.h"
#include "base_bits.h"
#include "conf_value.h"
#include "instance.h"
#include "text.h"
#include "watch_pcapng.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include <pcap/pcap.h>

#define WORDS_MAX       1024
#define FILTER_MAX      (3 * WORDS_MAX)
#define CONN_MAX        512
#define INSN_MAX        192 /* of leatd; more it refuses */
#define INSN_DIGITS     16
#define RING_MAX        (1 << 24) /* of leatd, as the next */
#define RING_OCTETS_MAX (UINT64_C(1) << 30)
#define SHOWN_OCTETS    128 /* of the filter that the file is to name */

struct capture_options {
	const char *name; /* NULL: the only one */
	const char *file, *trigger;
	uint64_t snap, count, seconds, ring, ring_octets;
	bool drops;
	char conn[CONN_MAX], words[WORDS_MAX];
	char filter[FILTER_MAX]; /* of both */
};

#define AT(m) offsetof(struct capture_options, m)

static bool read_file(void *options, const char *text, char *why, size_t size)
{
	((struct capture_options *)options)->file = text;
	if (*text != '\0')
		return true;
	snprintf(why, size, "a file wants a name; - is stdout");
	return false;
}

static bool read_trigger(void *options, const char *text, char *why, size_t size)
{
	((struct capture_options *)options)->trigger = text;
	if (*text != '\0' && strpbrk(text, " \n") == NULL)
		return true;
	snprintf(why, size, "events are words with commas between them: reset,time-wait");
	return false;
}

/* add_end adds `ADDRESS:PORT`, as src or dst or both, to filter; false: it is none. */
static bool add_end(char *filter, size_t size, const char *text, size_t octets, const char *which)
{
	char copy[TEXT_ADDR_MAX], *host = copy, *end;
	struct in6_addr ip;

	if (octets >= sizeof(copy))
		return false;
	memcpy(copy, text, octets);
	copy[octets] = '\0';
	char *colon = strrchr(copy, ':');
	if (colon == NULL)
		return false;
	*colon = '\0';
	bool ip6 = *host == '[' && colon[-1] == ']';
	if (ip6) {
		colon[-1] = '\0';
		host++;
	}
	unsigned long port = strtoul(colon + 1, &end, 10);
	if (inet_pton(ip6 ? AF_INET6 : AF_INET, host, &ip) != 1 || colon[1] == '\0' ||
		*end != '\0' || port == 0 || port > UINT16_MAX)
		return false;
	size_t at = strlen(filter);
	int n = snprintf(filter + at, size - at, "%s%s host %s and %s port %lu",
		at > 0 && filter[at - 1] != '(' ? " and " : "", which, host, which, port);
	return n > 0 && (size_t)n < size - at;
}

/* conn_filter writes what matches the segments of one connection, either way. */
static bool conn_filter(char *filter, size_t size, const char *conn)
{
	const char *comma = strchr(conn, ',');
	size_t first = comma != NULL ? (size_t)(comma - conn) : strlen(conn);
	size_t second = comma != NULL ? strlen(comma + 1) : 0;

	*filter = '\0';
	strcat(filter, "tcp and ((");
	bool good = add_end(filter, size - 16, conn, first, "src") &&
		    (comma == NULL || add_end(filter, size - 16, comma + 1, second, "dst"));
	strcat(filter, ") or (");
	good = good && add_end(filter, size - 8, conn, first, "dst") &&
	       (comma == NULL || add_end(filter, size - 8, comma + 1, second, "src"));
	strcat(filter, "))");
	return good;
}

static bool read_conn(void *options, const char *text, char *why, size_t size)
{
	struct capture_options *o = options;
	char filter[FILTER_MAX];

	if (snprintf(o->conn, CONN_MAX, "%s", text) < CONN_MAX &&
		conn_filter(filter, sizeof(filter), text))
		return true;
	snprintf(why, size,
		"`%s` is no connection; leat conns shows them: 198.18.0.1:80,198.18.0.2:4000",
		text);
	return false;
}

/* read_ring takes a number of packets, or, with a unit, of octets. */
static bool read_ring(void *options, const char *text, char *why, size_t size)
{
	struct capture_options *o = options;
	const struct conf_type octets = {
		.kind = CONF_KIND_OCTETS, .from = 1, .to = RING_OCTETS_MAX, .example = "64MiB"};
	const struct conf_type packets = {
		.kind = CONF_KIND_NUMBER, .from = 1, .to = RING_MAX, .example = "10000"};
	bool unit = strpbrk(text, "kKMGB") != NULL;

	o->ring = o->ring_octets = 0;
	return leat_conf_value_read(
		unit ? &octets : &packets, text, unit ? &o->ring_octets : &o->ring, why, size);
}

static bool read_word(void *options, const char *text, char *why, size_t size)
{
	char *words = ((struct capture_options *)options)->words;
	size_t at = strlen(words), room = WORDS_MAX - at;
	int octets = snprintf(words + at, room, "%s%s", at > 0 ? " " : "", text);

	if (octets >= 0 && (size_t)octets < room && strchr(text, '\n') == NULL)
		return true;
	snprintf(why, size, "the filter is too long, or has more than one line");
	return false;
}

STATIC_ASSERT(offsetof(struct capture_options, name) == 0, "as ASK_ROW_NAME has it");

static const struct opt_row row[] = {
	ASK_ROW_NAME,
	{.name = "write",
		.letter = 'w',
		.kind = OPT_KIND_OTHER,
		.read = read_file,
		.metavar = "FILE",
		.sentence = "pcapng goes there, - is stdout; may be left out in a pipe"},
	{.name = "drops",
		.kind = OPT_KIND_FLAG,
		.at = AT(drops),
		.sentence = "only frames that were not used; the comment says why"},
	{.name = "conn",
		.kind = OPT_KIND_OTHER,
		.read = read_conn,
		.metavar = "LOCAL[,PEER]",
		.sentence = "only this connection, as leat conns shows it"},
	{.name = "snap",
		.letter = 's',
		.kind = OPT_KIND_OCTETS,
		.at = AT(snap),
		.from = 14,
		.to = 16384,
		.metavar = "N",
		.fallback = "128",
		.sentence = "octets kept of each frame"},
	{.name = "count",
		.letter = 'c',
		.kind = OPT_KIND_NUMBER,
		.at = AT(count),
		.from = 1,
		.to = UINT32_MAX,
		.metavar = "N",
		.sentence = "end after so many packets"},
	{.name = "seconds",
		.kind = OPT_KIND_NUMBER,
		.at = AT(seconds),
		.from = 1,
		.to = UINT32_MAX,
		.metavar = "N",
		.sentence = "end after so long"},
	{.name = "ring",
		.kind = OPT_KIND_OTHER,
		.read = read_ring,
		.metavar = "N|SIZE",
		.sentence = "keep the last N packets in memory, or as many as fit into 64MiB, and "
			    "write them at the end"},
	{.name = "trigger",
		.kind = OPT_KIND_OTHER,
		.read = read_trigger,
		.metavar = "EVENT,...",
		.sentence = "the end of a ring: drop, reset, retransmission, a state that is "
			    "reached, a verdict"},
};

static void defaults(void *options)
{
	*(struct capture_options *)options = (struct capture_options){.snap = 128};
}

/* take_peer: `--conn LOCAL PEER` leaves the peer to the words. */
static void take_peer(struct capture_options *o)
{
	char filter[FILTER_MAX], both[CONN_MAX];
	size_t octets = strcspn(o->words, " ");

	if (*o->conn == '\0' || strchr(o->conn, ',') != NULL ||
		snprintf(both, sizeof(both), "%s,%.*s", o->conn, (int)octets, o->words) >=
			CONN_MAX ||
		!conn_filter(filter, sizeof(filter), both))
		return;
	memcpy(o->conn, both, sizeof(both));
	octets += strspn(o->words + octets, " ");
	memmove(o->words, o->words + octets, strlen(o->words + octets) + 1);
}

/* join makes one filter of --conn and the words.  A tag moves what a filter looks at. */
static void join(struct capture_options *o)
{
	char conn[FILTER_MAX];

	if (*o->conn == '\0') {
		memcpy(o->filter, o->words, sizeof(o->words));
		return;
	}
	conn_filter(conn, sizeof(conn), o->conn);
	if (*o->words != '\0')
		snprintf(o->filter, FILTER_MAX, "%.*s and (%s)", WORDS_MAX, conn, o->words);
	else
		snprintf(o->filter, FILTER_MAX, "(%.*s) or (vlan and (%.*s))", WORDS_MAX, conn,
			WORDS_MAX, conn);
}

static bool check(void *options, uint64_t given, char *why, size_t size)
{
	struct capture_options *o = options;

	(void)given;
	take_peer(o);
	join(o);
	if (o->trigger != NULL && o->ring == 0 && o->ring_octets == 0)
		snprintf(why, size, "--trigger ends a ring; add --ring 10000");
	else if ((o->ring != 0 || o->ring_octets != 0) && o->count != 0)
		snprintf(why, size, "--ring N writes N packets; leave --count out");
	else if (o->file == NULL && isatty(STDOUT_FILENO))
		snprintf(why, size,
			"packets are no text for a terminal; add -w FILE, or | tcpdump -r -");
	else
		return true;
	return false;
}

const struct opt_verb leat_opt_capture = {
	.name = "capture",
	.one_line = "Copy packets of a running instance, with what became of them, to a file",
	.usage = "@ capture [OPTION]... [FILTER]",
	.prose = "tcpdump sees none of these frames: the kernel has no part in them.  The file is\n"
		 "pcapng, for tcpdump, tshark and Wireshark; each packet has a comment with the\n"
		 "state of its connection before and after, and its verdict, which leat explain\n"
		 "VERDICT has a sentence for.  --drops -c 1 waits for one that is dropped.\n\n"
		 "FILTER is that of pcap-filter(7).  What is captured never delays traffic: what\n"
		 "does not fit is lost for the capture and counted.\n\n"
		 "Exit 0, 1 for a wrong option or filter, 3 when no such instance runs, 5 when it\n"
		 "ended meanwhile, does not answer, or the file could not be written.\n\n"
		 "  @ capture -w syn.pcapng -c 1000 'tcp[tcpflags] & tcp-syn != 0'\n"
		 "  @ capture --drops -c 1 | tshark -r - -T fields -e frame.comment\n"
		 "  @ capture --conn 198.18.0.2:80,198.18.0.1:40211 -w one.pcapng\n"
		 "  @ capture --ring 64MiB --trigger reset,retransmission -w before.pcapng\n",
	.row = row,
	.row_cnt = COUNT_OF(row),
	.stray = read_word,
	.defaults = defaults,
	.check = check,
};

/* ---- the question ---- */

/* compile makes of the filter a program in digits; false after a line on stderr. */
static bool compile(const char *filter, char *digits)
{
	struct bpf_program program;
	pcap_t *dead = pcap_open_dead(DLT_EN10MB, UINT16_MAX);
	bool good = false;

	*digits = '\0';
	if (dead == NULL) {
		fprintf(stderr, "leat capture: there is no memory for the filter\n");
		return false;
	}
	if (pcap_compile(dead, &program, filter, 1, PCAP_NETMASK_UNKNOWN) != 0) {
		fprintf(stderr, "  %s\nleat capture: %s; man pcap-filter\n", filter,
			pcap_geterr(dead));
	} else {
		good = program.bf_len <= INSN_MAX;
		for (u_int i = 0; good && i < program.bf_len; i++) {
			const struct bpf_insn *b = &program.bf_insns[i];

			snprintf(digits + (size_t)i * INSN_DIGITS, INSN_DIGITS + 1,
				"%04x%02x%02x%08x", b->code, b->jt, b->jf, b->k);
		}
		if (!good)
			fprintf(stderr,
				"leat capture: the filter takes %u steps, %d are the most; a "
				"shorter one\n",
				program.bf_len, INSN_MAX);
		pcap_freecode(&program);
	}
	pcap_close(dead);
	return good;
}

__attribute__((format(printf, 3, 4))) static void add(
	char *text, size_t size, const char *format, ...)
{
	size_t at = strlen(text);
	va_list ap;

	va_start(ap, format);
	vsnprintf(text + at, size - at, format, ap);
	va_end(ap);
}

static bool make_question(const struct capture_options *o, char *line, size_t size)
{
	char digits[INSN_MAX * INSN_DIGITS + 1] = "";

	if (*o->filter != '\0' && !compile(o->filter, digits))
		return false;
	snprintf(line, size, "capture snap=%" PRIu64, o->snap);
	if (o->count != 0)
		add(line, size, " count=%" PRIu64, o->count);
	if (o->seconds != 0)
		add(line, size, " seconds=%" PRIu64, o->seconds);
	if (o->ring != 0)
		add(line, size, " ring=%" PRIu64, o->ring);
	if (o->ring_octets != 0)
		add(line, size, " ring-octets=%" PRIu64, o->ring_octets);
	if (o->trigger != NULL)
		add(line, size, " trigger=%.200s", o->trigger);
	if (o->drops)
		add(line, size, " drops");
	if (*digits != '\0')
		add(line, size, " code=%s filter=%.*s", digits, SHOWN_OCTETS, o->filter);
	return true;
}

/* ---- the answer ---- */

struct answer {
	const char *file; /* as it is called in messages */
	FILE *out;
	uint64_t packets;
	bool ended; /* the instance said its last word */
	size_t octets;
	uint8_t in[64 << 10];
};

static int asked_fd = -1;

/* stop asks for the end: what was captured until now still comes. */
static void stop(int signal)
{
	(void)signal;
	shutdown(asked_fd, SHUT_WR);
}

static bool open_file(struct answer *a, const char *file)
{
	a->file = file != NULL && strcmp(file, "-") != 0 ? file : "stdout";
	if (a->file != file) {
		a->out = stdout;
		return true;
	}
	/* For its owner alone: it has what connections carry. */
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	a->out = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (a->out != NULL)
		return true;
	fprintf(stderr, "leat capture: %s: %s\n", file, strerror(errno));
	if (fd >= 0)
		close(fd);
	return false;
}

/* take_blocks writes those that are whole; false: that cannot be. */
static bool take_blocks(struct answer *a)
{
	size_t at = 0;
	uint32_t type;

	while (a->octets - at >= WATCH_PCAPNG_MIN) {
		uint32_t octets = leat_watch_pcapng_head(a->in + at, &type);

		if (octets == 0 || octets > sizeof(a->in)) {
			fprintf(stderr, "leat capture: what came is no pcapng\n");
			return false;
		}
		if (octets > a->octets - at)
			break;
		if (type == WATCH_PCAPNG_SAID) {
			fprintf(stderr, "%.*s\n", (int)octets - WATCH_PCAPNG_MIN,
				(const char *)a->in + at + 8);
			a->ended = true;
		} else if (fwrite(a->in + at, 1, octets, a->out) != octets) {
			return false;
		}
		a->packets += type == WATCH_PCAPNG_PACKET;
		at += octets;
	}
	memmove(a->in, a->in + at, a->octets - at);
	a->octets -= at;
	return fflush(a->out) == 0;
}

static int close_file(struct answer *a)
{
	char n[TEXT_GROUP_MAX];
	bool bad = ferror(a->out) != 0;
	int why = errno;

	if (bad && a->out == stdout)
		return OPT_EXIT_FAILED;
	if (a->out != stdout && fclose(a->out) != 0 && !bad) {
		bad = true;
		why = errno;
	}
	leat_text_group(a->packets, n, sizeof(n));
	if (bad)
		fprintf(stderr, "leat capture: %s: %s; the capture has ended\n", a->file,
			strerror(why));
	else if (!a->ended)
		fprintf(stderr,
			"leat capture: the instance ended without a last word; the file is whole "
			"and has %s packets\n",
			n);
	return bad || !a->ended ? OPT_EXIT_FAILED : OPT_EXIT_OK;
}

static int copy(int fd, const char *file)
{
	static struct answer a;
	const struct sigaction act = {
		.sa_handler = stop, .sa_flags = SA_RESTART | (int)SA_RESETHAND};
	ssize_t octets;

	if (!open_file(&a, file))
		return OPT_EXIT_FAILED;
	asked_fd = fd;
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	while ((octets = read(fd, a.in + a.octets, sizeof(a.in) - a.octets)) > 0) {
		a.octets += (size_t)octets;
		if (!take_blocks(&a))
			break;
	}
	return close_file(&a);
}

static int capture(const struct capture_options *o)
{
	char line[INSTANCE_QUESTION_MAX];
	int code;

	if (!make_question(o, line, sizeof(line)))
		return OPT_EXIT_USAGE;
	int fd = leat_ask("capture", o->name, line, NULL, &code);
	if (fd < 0)
		return code;
	code = copy(fd, o->file);
	close(fd);
	return code;
}

int leat_cmd_capture(int argc, char **argv)
{
	struct capture_options options;

	switch (leat_opt_parse(&leat_opt_capture, argc, argv, &options, NULL, stderr)) {
	case OPT_RESULT_OK:
		return capture(&options);
	case OPT_RESULT_HELP:
		leat_opt_help(&leat_opt_capture, stdout);
		return OPT_EXIT_OK;
	case OPT_RESULT_BAD:
		break;
	}
	return OPT_EXIT_USAGE;
}
