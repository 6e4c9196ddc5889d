/* SPDX-License-Identifier: BSD-3-Clause */
#include "ask.h"
#include "cmd.h"
#include "top.h"
#include "top_term.h"

#include "base_assert.h"
#include "base_bits.h"
#include "base_time.h"
#include "instance.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVERY_MIN_NS (100 * TIME_MS) /* ten a second */
#define EVERY_MAX_NS (60 * TIME_S)
#define CONNS_MAX    "400"               /* rows of the page of connections */
#define ANSWER_MAX   (UINT32_C(8) << 20) /* octets of a snapshot; those that are know fewer */

struct top_options {
	const char *name, *from;
	bool once, json, raw;
	uint64_t every_ns;
	uint32_t page;
	uint32_t rows, cols; /* 0: as the terminal */
};

/* Snapshots, as they come. */
struct stream {
	int fd;
	char *text;
	size_t octets, room;
	uint64_t taken;  /* octets of the snapshots before */
	bool ended, bad; /* bad: what came is no snapshot */
};

static struct top top;
static struct top_screen screen;
static struct watch_snapshot snapshot;

static const char *const page_words[] = {
	"shards", "timers", "drops", "latency", "transitions", "connections", NULL};

STATIC_ASSERT(COUNT_OF(page_words) == TOP_PAGE_CNT + 1, "a word for each page");

#define AT(member) offsetof(struct top_options, member)

static bool read_from(void *options, const char *text, char *why, size_t size)
{
	((struct top_options *)options)->from = text;
	if (*text != '\0')
		return true;
	snprintf(why, size, "`` is no name of a file");
	return false;
}

static bool read_size(void *options, const char *text, char *why, size_t size)
{
	struct top_options *o = options;
	char *end;
	unsigned long cols = strtoul(text, &end, 10), rows = 0;

	if (*end == 'x')
		rows = strtoul(end + 1, &end, 10);
	if (*end == '\0' && cols >= TOP_COLS_MIN && rows >= TOP_ROWS_MIN && cols <= TOP_COLS_MAX &&
		rows <= TOP_ROWS_MAX) {
		o->cols = (uint32_t)cols;
		o->rows = (uint32_t)rows;
		return true;
	}
	snprintf(why, size, "`%s` is no size; columns and rows, from %dx%d to %dx%d", text,
		TOP_COLS_MIN, TOP_ROWS_MIN, TOP_COLS_MAX, TOP_ROWS_MAX);
	return false;
}

STATIC_ASSERT(offsetof(struct top_options, name) == 0, "as ASK_ROW_NAME has it");

static const struct opt_row row[] = {
	ASK_ROW_NAME,
	{.name = "once",
		.letter = '1',
		.kind = OPT_KIND_FLAG,
		.at = AT(once),
		.sentence =
			"one screen as text, after one interval; so, too, when not on a terminal"},
	{.name = "json",
		.letter = 'j',
		.kind = OPT_KIND_FLAG,
		.at = AT(json),
		.sentence = "an object on a line each interval; with -1 one"},
	{.name = "raw",
		.kind = OPT_KIND_FLAG,
		.at = AT(raw),
		.sentence = "the snapshots themselves, for --from"},
	{.name = "every",
		.letter = 'i',
		.kind = OPT_KIND_DURATION,
		.at = AT(every_ns),
		.from = EVERY_MIN_NS,
		.to = EVERY_MAX_NS,
		.metavar = "T",
		.fallback = "1s",
		.sentence = "interval, at least 100ms"},
	{.name = "page",
		.letter = 'p',
		.kind = OPT_KIND_WORD,
		.at = AT(page),
		.metavar = "PAGE",
		.fallback = "shards",
		.words = page_words,
		.sentence = "shards, timers, drops, latency, transitions or connections"},
	{.name = "size",
		.kind = OPT_KIND_OTHER,
		.read = read_size,
		.metavar = "CxR",
		.sentence =
			"of the screen that -1 prints, from 80x24 to 320x120; without it 80x24, or "
			"that of the terminal"},
	{.name = "from",
		.kind = OPT_KIND_OTHER,
		.read = read_from,
		.metavar = "FILE",
		.sentence = "snapshots that --raw wrote, instead of an instance; with -1 or -j"},
};

static void defaults(void *options)
{
	*(struct top_options *)options = (struct top_options){.every_ns = TIME_S};
}

static bool check(void *options, uint64_t given, char *why, size_t size)
{
	const struct top_options *o = options;

	(void)given;
	if (o->raw && (o->json || o->once)) {
		snprintf(why, size, "--raw with -1 or -j: leave one of them out");
		return false;
	}
	if (o->from != NULL && !o->once && !o->json) {
		snprintf(why, size, "--from without -1 or -j: a file is no instance to watch");
		return false;
	}
	return true;
}

const struct opt_verb leat_opt_top = {
	.name = "top",
	.one_line = "Watch a running instance: rates, states, shards, timers, drops",
	.usage = "@ top [OPTION]...",
	.prose =
		"Keys: s shards, t timers, d drops, l latency, x transitions, c connections,\n"
		"f freeze, j append the numbers to leat-top.json, up and down, q quit.\n\n"
		"Connections are those that are not in TIME-WAIT, the oldest first; leat conns\n"
		"has all.  `why not faster?` is the first of what limits it: leat ctl why.\n\n"
		"^C and SIGTERM end it as q does.\n\n"
		"Exit 0, 1 for a wrong option, 2 when the file of --from has no snapshots, or not\n"
		"all of one, 3 when no such instance runs, 5 when it ended or does not answer.\n\n"
		"  @ top -n lab-a\n"
		"  @ top -1 -p timers\n"
		"  @ top -j | jq .rates.opened_per_s\n",
	.row = row,
	.row_cnt = COUNT_OF(row),
	.defaults = defaults,
	.check = check,
};

/* ---- being stopped ---- */

static atomic_bool stopped;
static int stopping_fd;

/* A wait for the stream ends, whenever the signal comes. */
static void stop(int signal)
{
	(void)signal;
	stopped = true;
	shutdown(stopping_fd, SHUT_RD);
}

/* stop_in_order: signals end it as `q` does. */
static void stop_in_order(int fd)
{
	const struct sigaction act = {.sa_handler = stop};

	stopping_fd = fd;
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
}

/* ---- snapshots ---- */

/* take_one feeds top with the first whole snapshot there is; false: there is none yet. */
static bool take_one(struct stream *s, bool raw)
{
	if (s->bad)
		return false;
	char *end = s->octets > 0 ? memmem(s->text, s->octets, "\nend\n", 5) : NULL;

	if (end == NULL)
		return false;
	size_t octets = (size_t)(end + 5 - s->text);
	FILE *in = fmemopen(s->text, octets, "r");
	s->bad = in == NULL || !leat_watch_snapshot_read(&snapshot, in);
	if (in != NULL)
		fclose(in);
	if (s->bad)
		return false;
	if (raw)
		fwrite(s->text, 1, octets, stdout);
	if (!top.frozen)
		leat_top_feed(&top, &snapshot);
	s->taken += octets;
	s->octets -= octets;
	memmove(s->text, s->text + octets, s->octets);
	return true;
}

/* fill reads what has come, and waits for it. */
static void fill(struct stream *s)
{
	if (s->room - s->octets < 65536 && s->room < ANSWER_MAX) {
		size_t room = s->room == 0 ? 131072 : 2 * s->room;
		char *text = realloc(s->text, room);

		if (text != NULL) {
			s->text = text;
			s->room = room;
		}
	}
	ssize_t n = s->room > s->octets ? read(s->fd, s->text + s->octets, s->room - s->octets) : 0;
	if (n <= 0 && (!(n < 0 && errno == EINTR) || stopped))
		s->ended = true;
	s->octets += n > 0 ? (size_t)n : 0;
}

/* next waits for a snapshot; false: there are no more. */
static bool next(struct stream *s, bool raw)
{
	while (!take_one(s, raw)) {
		if (s->ended || s->bad)
			return false;
		fill(s);
	}
	return true;
}

/* is_whole says that all that a stream had were snapshots; else it tells what was wrong. */
static bool is_whole(const struct top_options *o, const struct stream *s)
{
	if (!s->bad && s->octets == 0 && top.fed > 0)
		return true;
	if (s->bad || s->octets == 0)
		fprintf(stderr,
			"leat top: %s: octet %" PRIu64 ": no snapshot begins here; "
			"leat top --raw writes them\n",
			o->from, s->taken);
	else
		fprintf(stderr,
			"leat top: %s: octet %" PRIu64 ": the snapshot that begins here has "
			"no end\n",
			o->from, s->taken);
	return false;
}

/* ask_conns has the page of connections filled: the oldest that are open. */
static void ask_conns(const struct top_options *o)
{
	size_t octets = 0;
	ssize_t n;
	int code, fd;

	if (o->from != NULL || top.frozen)
		return;
	fd = leat_ask("top", o->name,
		"conns form=text exclude time-wait sort age desc limit " CONNS_MAX, NULL, &code);
	while (fd >= 0 && octets < TOP_CONNS_OCTETS - 1 &&
		(n = read(fd, top.conns + octets, TOP_CONNS_OCTETS - 1 - octets)) > 0)
		octets += (size_t)n;
	if (fd < 0)
		return;
	top.conns[octets] = '\0';
	close(fd);
}

/* ---- without a terminal ---- */

static int print_once(const struct top_options *o, struct stream *s)
{
	uint32_t rows = o->rows, cols = o->cols;
	struct winsize w;

	while ((o->from != NULL || top.fed < 2) && next(s, false))
		;
	if (o->from != NULL && !is_whole(o, s))
		return OPT_EXIT_CONFIG;
	if (top.fed < 2 && o->from == NULL) {
		fprintf(stderr, "leat top: the instance ended\n");
		return OPT_EXIT_FAILED;
	}
	if (o->json) {
		leat_top_json(&top, stdout);
		return OPT_EXIT_OK;
	}
	if (rows == 0 && isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 &&
		w.ws_row >= TOP_ROWS_MIN && w.ws_col >= TOP_COLS_MIN) {
		rows = w.ws_row;
		cols = w.ws_col;
	}
	if (o->page == TOP_CONNECTIONS)
		ask_conns(o);
	leat_top_clear(&screen, rows != 0 ? rows : TOP_ROWS_MIN, cols != 0 ? cols : TOP_COLS_MIN);
	leat_top_page(&top, (enum top_page)o->page, &screen);
	leat_top_print(&screen, stdout);
	return OPT_EXIT_OK;
}

static int print_each(const struct top_options *o, struct stream *s)
{
	while (next(s, o->raw)) {
		if (o->json && top.fed > 1)
			leat_top_json(&top, stdout);
		if (fflush(stdout) != 0 || ferror(stdout))
			return OPT_EXIT_FAILED;
	}
	if (stopped)
		return OPT_EXIT_OK;
	if (o->from != NULL)
		return is_whole(o, s) ? OPT_EXIT_OK : OPT_EXIT_CONFIG;
	fprintf(stderr, "leat top: the instance ended\n");
	return OPT_EXIT_FAILED;
}

/* ---- on a terminal ---- */

static void append_json(void)
{
	FILE *out = fopen("leat-top.json", "ae");
	bool good = out != NULL;

	if (good) {
		leat_top_json(&top, out);
		good = fclose(out) == 0;
	}
	snprintf(top.note, sizeof(top.note), "%s",
		good ? "written to leat-top.json" : strerror(errno));
}

/* press does what a key says; false: to quit. */
static bool press(int key, enum top_page *page)
{
	static const struct {
		int key;
		enum top_page page;
	} to[] = {{'s', TOP_SHARDS}, {'t', TOP_TIMERS}, {'d', TOP_DROPS}, {'l', TOP_LATENCY},
		{'x', TOP_TRANSITIONS}, {'c', TOP_CONNECTIONS}};

	top.note[0] = '\0';
	for (uint32_t i = 0; i < COUNT_OF(to); i++) {
		if (key != to[i].key)
			continue;
		*page = to[i].page;
		top.first_row = 0;
	}
	if (key == 'f')
		top.frozen = !top.frozen;
	if (key == 'j')
		append_json();
	if (key == TOP_KEY_DOWN)
		top.first_row++;
	if (key == TOP_KEY_UP && top.first_row > 0)
		top.first_row--;
	return key != 'q';
}

static void show(enum top_page page)
{
	uint32_t rows, cols;

	leat_top_term_size(&rows, &cols);
	leat_top_clear(&screen, rows, cols);
	leat_top_page(&top, page, &screen);
	leat_top_term_show(&screen);
}

static int watch(const struct top_options *o, struct stream *s)
{
	enum top_page page = (enum top_page)o->page, shown = TOP_PAGE_CNT;
	bool stays = true, fresh = true;

	while (stays && !stopped) {
		struct pollfd p[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
			{.fd = s->ended ? -1 : s->fd, .events = POLLIN}};
		int key;

		if (page == TOP_CONNECTIONS && !s->ended && (fresh || shown != page))
			ask_conns(o);
		fresh = false;
		shown = page;
		show(page);
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			break;
		if ((p[0].revents & (POLLHUP | POLLERR)) != 0)
			break;
		while (stays && (key = leat_top_term_key()) != TOP_KEY_NONE)
			stays = press(key, &page);
		if (p[1].revents != 0)
			fill(s);
		while (take_one(s, false))
			fresh = true;
		top.ended = s->ended;
	}
	leat_top_term_close();
	return s->ended && !stopped ? OPT_EXIT_FAILED : OPT_EXIT_OK;
}

static int open_stream(const struct top_options *o, struct stream *s)
{
	char question[64];
	int code = OPT_EXIT_OK;

	if (o->from != NULL) {
		FILE *in = fopen(o->from, "re");

		s->fd = in != NULL ? dup(fileno(in)) : -1;
		if (in != NULL)
			fclose(in);
		if (s->fd < 0)
			fprintf(stderr, "leat top: %s: %s\n", o->from, strerror(errno));
		return s->fd < 0 ? OPT_EXIT_FAILED : OPT_EXIT_OK;
	}
	snprintf(question, sizeof(question), "snapshot %u", (unsigned)(o->every_ns / TIME_MS));
	s->fd = leat_ask("top", o->name, question, NULL, &code);
	return code;
}

static int run(const struct top_options *o)
{
	struct stream s = {.fd = -1};
	int code = open_stream(o, &s);

	if (s.fd < 0)
		return code;
	if (o->raw || (o->json && !o->once)) {
		stop_in_order(s.fd);
		code = print_each(o, &s);
	} else if (o->once || !leat_top_term_open()) {
		code = print_once(o, &s);
	} else {
		stop_in_order(s.fd);
		code = watch(o, &s);
	}
	close(s.fd);
	free(s.text);
	return code;
}

int leat_cmd_top(int argc, char **argv)
{
	struct top_options options;

	switch (leat_opt_parse(&leat_opt_top, argc, argv, &options, NULL, stderr)) {
	case OPT_RESULT_OK:
		return run(&options);
	case OPT_RESULT_HELP:
		leat_opt_help(&leat_opt_top, stdout);
		return OPT_EXIT_OK;
	case OPT_RESULT_BAD:
		break;
	}
	return OPT_EXIT_USAGE;
}
