/* SPDX-License-Identifier: BSD-3-Clause */
#include "opt_lab.h"

#include "base_bits.h"
#include "base_time.h"
#include "opt_tcp.h"

#include <string.h>

#define VALUE_OCTETS 64

/* One value of a list. */
struct element {
	uint64_t number;
	uint32_t word;
};

static const struct opt_row element_time_wait = {.kind = OPT_KIND_DURATION,
	.at = offsetof(struct element, number),
	.from = TIME_MS,
	.to = 480 * TIME_S,
	.fallback = "60s"};
static const struct opt_row element_share = {.kind = OPT_KIND_PERCENT,
	.at = offsetof(struct element, word),
	.to = 500000,
	.fallback = "0%,5%"};
static const struct opt_row element_rate = {.kind = OPT_KIND_NUMBER,
	.at = offsetof(struct element, number),
	.from = 1,
	.to = 100000,
	.fallback = "300"};
static const struct opt_row element_reuse = {
	.kind = OPT_KIND_WORD, .at = offsetof(struct element, word), .words = leat_lab_reuse_name};
static const struct opt_row element_close = {
	.kind = OPT_KIND_WORD, .at = offsetof(struct element, word), .words = leat_lab_close_name};
static const struct opt_row element_switch = {
	.kind = OPT_KIND_WORD, .at = offsetof(struct element, word), .words = leat_opt_tcp_switch};

/* spell_out makes of `0` one with a unit, and of the beginning of one word the word. */
static const char *spell_out(const struct opt_row *row, const char *text)
{
	const char *found = NULL;

	if (strcmp(text, "0") == 0 && row->kind == OPT_KIND_PERCENT)
		return "0%";
	if (strcmp(text, "0") == 0 && row->kind == OPT_KIND_DURATION)
		return "0s";
	for (const char *const *w = row->words; w != NULL && *w != NULL && *text != '\0'; w++) {
		if (strncmp(*w, text, strlen(text)) != 0)
			continue;
		if (found != NULL)
			return text;
		found = *w;
	}
	return found != NULL ? found : text;
}

static bool read_list(
	const struct opt_row *row, const char *text, struct lab_list *list, char *why, size_t size)
{
	list->cnt = 0;
	for (;;) {
		size_t octets = strcspn(text, ",");
		struct element e = {0};
		char value[VALUE_OCTETS];

		snprintf(value, sizeof(value), "%.*s", (int)octets, text);
		if (list->cnt == LAB_LIST_MAX) {
			snprintf(why, size, "more than %u values; leave `%s` out", LAB_LIST_MAX,
				value);
			return false;
		}
		if (!leat_opt_read(row, spell_out(row, value), &e, why, size))
			return false;
		list->value[list->cnt++] = e.number + e.word;
		if (text[octets] == '\0')
			return true;
		text += octets + 1;
	}
}

#define READ_LIST(name, element)                                                                   \
	static bool read_##name(void *options, const char *text, char *why, size_t size)           \
	{                                                                                          \
		struct lab_options *o = options;                                                   \
                                                                                                   \
		return read_list(&element, text, &o->sweep.name, why, size);                       \
	}

READ_LIST(time_wait, element_time_wait)
READ_LIST(close, element_close)
READ_LIST(reuse, element_reuse)
READ_LIST(timestamps, element_switch)
READ_LIST(loss, element_share)
READ_LIST(reorder, element_share)
READ_LIST(rate, element_rate)

static bool read_svg(void *options, const char *text, char *why, size_t size)
{
	((struct lab_options *)options)->svg = text;
	snprintf(why, size, "needs the name of a file: lab.svg?");
	return *text != '\0';
}

#define AT(member) offsetof(struct lab_options, member)

static const struct opt_row row[] = {
	{.name = "time-wait",
		.kind = OPT_KIND_OTHER,
		.read = read_time_wait,
		.metavar = "T,...",
		.fallback = "1ms,100ms,1s,60s",
		.sentence = "2MSL, from 1ms to 8min"},
	{.name = "close",
		.kind = OPT_KIND_OTHER,
		.read = read_close,
		.metavar = "WHO,...",
		.fallback = "server,client",
		.sentence = "who closes first, and so waits: server or client"},
	{.name = "reuse",
		.kind = OPT_KIND_OTHER,
		.read = read_reuse,
		.metavar = "HOW,...",
		.fallback = "off,sequence,timestamps,connect",
		.sentence =
			"which SYN ends TIME-WAIT: off, sequence or timestamps, where the "
			"server waits, as --time-wait-reuse of serve; connect, where the client "
			"does: its own connect takes a tuple over"},
	{.name = "connect-reuse",
		.kind = OPT_KIND_DURATION,
		.at = AT(sweep.world.connect_reuse_ns),
		.from = TIME_MS,
		.to = 480 * TIME_S,
		.metavar = "T",
		.fallback = "1s",
		.sentence = "that has waited for so long, with --reuse connect"},
	{.name = "timestamps",
		.kind = OPT_KIND_OTHER,
		.read = read_timestamps,
		.metavar = "ON,...",
		.fallback = "off",
		.sentence = "in each segment, off or on; always on where reuse needs them"},
	{.name = "loss",
		.kind = OPT_KIND_OTHER,
		.read = read_loss,
		.metavar = "P%,...",
		.fallback = "0%,5%",
		.sentence = "segments that are lost, from 0% to 50%; of what opens or closes a "
			    "connection no more than 2"},
	{.name = "reorder",
		.kind = OPT_KIND_OTHER,
		.read = read_reorder,
		.metavar = "P%,...",
		.fallback = "0%,5%",
		.sentence = "segments that are kept back, for up to a quarter of --packet-life, "
			    "from 0% to 50%"},
	{.name = "rate",
		.kind = OPT_KIND_OTHER,
		.read = read_rate,
		.metavar = "N,...",
		.fallback = "20,300",
		.sentence = "connects a second, from 1 to 100,000"},
	{.name = "packet-life",
		.kind = OPT_KIND_DURATION,
		.at = AT(sweep.world.packet_life_ns),
		.from = 40 * TIME_MS,
		.to = 480 * TIME_S,
		.metavar = "T",
		.fallback = "500ms",
		.sentence = "how long a packet lives at most, with what its sender repeats"},
	{.name = "connections",
		.letter = 'c',
		.kind = OPT_KIND_NUMBER,
		.at = AT(connect_cnt),
		.from = 1,
		.to = 1000000,
		.metavar = "N",
		.fallback = "300",
		.sentence = "connects in each run"},
	{.name = "ports",
		.kind = OPT_KIND_NUMBER,
		.at = AT(port_cnt),
		.from = 1,
		.to = 20000,
		.metavar = "N",
		.fallback = "24",
		.sentence = "ports the client has for them"},
	{.name = "octets",
		.kind = OPT_KIND_OCTETS,
		.at = AT(octets),
		.from = 1,
		.to = UINT64_C(16) << 20,
		.metavar = "N",
		.fallback = "64KiB",
		.sentence = "that each end sends on each connection"},
	{.name = "seed",
		.kind = OPT_KIND_NUMBER,
		.at = AT(sweep.world.seed),
		.from = 1,
		.to = UINT64_C(999999999999999999),
		.metavar = "N",
		.fallback = "1",
		.sentence = "of all chance: the same seed gives the same numbers"},
	{.name = "csv",
		.kind = OPT_KIND_FLAG,
		.at = AT(csv),
		.sentence = "values with commas between instead of the table"},
	{.name = "json",
		.letter = 'j',
		.kind = OPT_KIND_FLAG,
		.at = AT(json),
		.sentence = "one JSON object, nothing else on stdout"},
	{.name = "svg",
		.kind = OPT_KIND_OTHER,
		.read = read_svg,
		.metavar = "FILE",
		.sentence = "draw it, too"},
};

static void defaults(void *options)
{
	*(struct lab_options *)options = (struct lab_options){
		.sweep = {.world = {.seed = 1,
				  .packet_life_ns = 500 * TIME_MS,
				  .connect_reuse_ns = TIME_S},
			.time_wait = {4, {TIME_MS, 100 * TIME_MS, TIME_S, 60 * TIME_S}},
			.close = {2, {LAB_CLOSE_SERVER, LAB_CLOSE_CLIENT}},
			.reuse = {4, {LAB_REUSE_OFF, LAB_REUSE_SEQUENCE, LAB_REUSE_TIMESTAMPS,
					     LAB_REUSE_CONNECT}},
			.timestamps = {1, {0}},
			.loss = {2, {0, 50000}},
			.reorder = {2, {0, 50000}},
			.rate = {2, {20, 300}}},
		.connect_cnt = 300,
		.port_cnt = 24,
		.octets = 65536,
	};
}

static bool check(void *options, uint64_t given, char *why, size_t size)
{
	struct lab_options *o = options;
	uint32_t cnt = leat_lab_sweep_cases(&o->sweep, NULL, 0);

	(void)given;
	o->sweep.world.connect_cnt = (uint32_t)o->connect_cnt;
	o->sweep.world.port_cnt = (uint32_t)o->port_cnt;
	o->sweep.world.octets = (uint32_t)o->octets;
	if (o->csv && o->json)
		snprintf(why, size, "--csv and --json are two forms of one table; leave one out");
	else if (cnt == 0)
		snprintf(why, size,
			"--reuse: none of these is for who waits by --close; off is for both");
	else if (cnt > LAB_CASE_MAX)
		snprintf(why, size, "more than %u rows; give fewer values", LAB_CASE_MAX);
	else
		return true;
	return false;
}

const struct opt_verb leat_opt_lab = {
	.name = "lab",
	.one_line = "The TIME-WAIT laboratory: what goes wrong without it, and what it costs",
	.usage = "@ lab [OPTION]...",
	.prose = "Connects again and again from few ports, in simulation, over a wire that\n"
		 "loses and keeps back, once for each combination of the values, and compares\n"
		 "every octet with what its connection sent.  A row is protected when 2MSL is\n"
		 "at least as long as a packet lives in it and its reuse is safe; then nothing\n"
		 "may go wrong:\n\n"
		 "  stale    octets of an earlier connection that a later one was given\n"
		 "  resets   `connection reset by peer` at who closed second: the last ACK was\n"
		 "           lost, and nobody waited to say it again\n"
		 "  refused  connects without a port, or to a tuple in TIME-WAIT\n\n"
		 "Exit 0 when nothing went wrong in a protected row, 1 for wrong options, 3\n"
		 "without the memory, 5 when something did or the report could not be written.\n\n"
		 "  @ lab\n"
		 "  @ lab --time-wait 1ms,1s --loss 10% --reorder 0% --reuse off\n"
		 "  @ lab --time-wait 60s --rate 1,5,20 --reuse off,timestamps --ports 100\n"
		 "  @ lab --svg lab.svg --json\n",
	.row = row,
	.row_cnt = COUNT_OF(row),
	.defaults = defaults,
	.check = check,
};
