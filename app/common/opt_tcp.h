/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_OPT_TCP_H
#define LEAT_OPT_TCP_H

/* opt_tcp: the options of TCP itself, the same rows in each verb that has connections.
 *
 *	static const struct opt_row row[] = {..., OPT_TCP_ROWS(AT(tcp)), ...};
 *	static void defaults(void *options) { ... .tcp = OPT_TCP_DEFAULTS ... }
 *
 * Units      ns, octets.
 * RFC        2018, 3168, 5681, 6928, 7323, 9438. */

#include "opt.h"

#include "base_time.h"

#define OPT_TCP_TIME_WAIT_MAX (UINT64_C(384) << 20)

/* Values of the words. */
enum opt_tcp_switch {
	OPT_TCP_OFF,
	OPT_TCP_ON,
};

enum opt_tcp_congestion {
	OPT_TCP_NEWRENO,
	OPT_TCP_CUBIC,
};

enum opt_tcp_ecn {
	OPT_TCP_ECN_OFF,
	OPT_TCP_ECN_PASSIVE,
	OPT_TCP_ECN_ACTIVE,
};

enum opt_tcp_reuse {
	OPT_TCP_REUSE_OFF,
	OPT_TCP_REUSE_SEQUENCE,
	OPT_TCP_REUSE_TIMESTAMPS,
};

enum opt_tcp_rst {
	OPT_TCP_RST_IGNORE,
	OPT_TCP_RST_OBEY,
};

enum opt_tcp_full {
	OPT_TCP_FULL_REFUSE,
	OPT_TCP_FULL_EVICT,
};

enum opt_tcp_cookies {
	OPT_TCP_COOKIES_OFF,
	OPT_TCP_COOKIES_AUTO,
	OPT_TCP_COOKIES_ALWAYS,
};

struct tcp_options {
	uint32_t congestion;                                /* enum opt_tcp_congestion */
	uint32_t ecn;                                       /* enum opt_tcp_ecn */
	uint32_t reuse;                                     /* enum opt_tcp_reuse */
	uint32_t rst;                                       /* enum opt_tcp_rst */
	uint32_t full;                                      /* enum opt_tcp_full */
	uint32_t cookies;                                   /* enum opt_tcp_cookies */
	uint32_t sack, timestamps, window_scale, nagle;     /* enum opt_tcp_switch */
	uint64_t send_buffer_octets, receive_buffer_octets; /* of one connection */
	uint64_t initial_window_segs, ack_every, ack_delay_ns;
	uint64_t connect_reuse_ns; /* 0: off */
	uint64_t time_wait_max;    /* places of each shard; 0: as many as the verb plans */
};

#define OPT_TCP_DEFAULTS                                                                           \
	{                                                                                          \
		.congestion = OPT_TCP_CUBIC, .ecn = OPT_TCP_ECN_PASSIVE,                           \
		.reuse = OPT_TCP_REUSE_TIMESTAMPS, .cookies = OPT_TCP_COOKIES_AUTO,                \
		.sack = OPT_TCP_ON, .timestamps = OPT_TCP_ON, .window_scale = OPT_TCP_ON,          \
		.nagle = OPT_TCP_OFF, .send_buffer_octets = 65536, .receive_buffer_octets = 65535, \
		.initial_window_segs = 10, .ack_every = 2, .ack_delay_ns = 40 * TIME_MS            \
	}

/* The words of those rows, in opt_tcp.c. */
extern const char *const leat_opt_tcp_switch[];
extern const char *const leat_opt_tcp_congestion[];
extern const char *const leat_opt_tcp_ecn[];
extern const char *const leat_opt_tcp_reuse[];
extern const char *const leat_opt_tcp_rst[];
extern const char *const leat_opt_tcp_full[];
extern const char *const leat_opt_tcp_cookies[];
extern const char *const leat_opt_tcp_never[];

#define OPT_TCP_WORD(at_, name_, words_, metavar_, fallback_, sentence_)                           \
	{                                                                                          \
		.name = name_, .kind = OPT_KIND_WORD, .at = at_, .words = words_,                  \
		.metavar = metavar_, .fallback = fallback_, .sentence = sentence_                  \
	}
#define OPT_TCP_RANGE(kind_, at_, name_, from_, to_, metavar_, fallback_, sentence_)               \
	{                                                                                          \
		.name = name_, .kind = kind_, .at = at_, .from = from_, .to = to_,                 \
		.metavar = metavar_, .fallback = fallback_, .sentence = sentence_                  \
	}
#define OPT_TCP_AT(base, member) ((uint32_t)((base) + offsetof(struct tcp_options, member)))

#define OPT_TCP_ROWS(base)                                                                         \
	OPT_TCP_WORD(OPT_TCP_AT(base, congestion), "congestion", leat_opt_tcp_congestion, "HOW",   \
		"cubic", "congestion control: newreno or cubic"),                                  \
		OPT_TCP_WORD(OPT_TCP_AT(base, sack), "sack", leat_opt_tcp_switch, "ON", "on",      \
			"selective acknowledgments: on or off"),                                   \
		OPT_TCP_WORD(OPT_TCP_AT(base, timestamps), "timestamps", leat_opt_tcp_switch,      \
			"ON", "on", "timestamps in each segment: on or off"),                      \
		OPT_TCP_WORD(OPT_TCP_AT(base, window_scale), "window-scale", leat_opt_tcp_switch,  \
			"ON", "on", "windows above 64KiB: on or off"),                             \
		OPT_TCP_WORD(OPT_TCP_AT(base, ecn), "ecn", leat_opt_tcp_ecn, "HOW", "passive",     \
			"congestion marks: off, passive (when the peer asks) or active (ask, "     \
			"too)"),                                                                   \
		OPT_TCP_WORD(OPT_TCP_AT(base, reuse), "time-wait-reuse", leat_opt_tcp_reuse,       \
			"HOW", "timestamps",                                                       \
			"a SYN may end TIME-WAIT early: off, sequence (when its number is "        \
			"higher) or timestamps (when its timestamp, or else its number, is)"),     \
		OPT_TCP_WORD(OPT_TCP_AT(base, rst), "time-wait-rst", leat_opt_tcp_rst, "HOW",      \
			"ignore",                                                                  \
			"what a reset is to TIME-WAIT: ignore (RFC 1337) or obey (it ends, as in " \
			"the text of RFC 9293)"),                                                  \
		OPT_TCP_RANGE(OPT_KIND_NUMBER, OPT_TCP_AT(base, time_wait_max), "time-wait-max",   \
			1, OPT_TCP_TIME_WAIT_MAX, "N", NULL,                                       \
			"places in TIME-WAIT of each shard; one is kept for each connection that " \
			"is open; without it as many as the plan has"),                            \
		OPT_TCP_WORD(OPT_TCP_AT(base, full), "time-wait-full", leat_opt_tcp_full, "HOW",   \
			"refuse",                                                                  \
			"when no place is left: refuse new connections, or evict the one that "    \
			"has waited longest"),                                                     \
		OPT_TCP_WORD(OPT_TCP_AT(base, cookies), "syn-cookies", leat_opt_tcp_cookies,       \
			"HOW", "auto", "off, auto (while a backlog is full) or always"),           \
		OPT_TCP_WORD(OPT_TCP_AT(base, nagle), "nagle", leat_opt_tcp_switch, "ON", "off",   \
			"hold a short segment back while another is under way: on or off"),        \
		OPT_TCP_RANGE(OPT_KIND_DURATION, OPT_TCP_AT(base, ack_delay_ns), "ack-delay", 0,   \
			499 * TIME_MS, "T", "40ms", "how long an ACK may wait for company"),       \
		OPT_TCP_RANGE(OPT_KIND_NUMBER, OPT_TCP_AT(base, ack_every), "ack-every", 1, 255,   \
			"N", "2", "every N-th segment is acknowledged at once"),                   \
		OPT_TCP_RANGE(OPT_KIND_NUMBER, OPT_TCP_AT(base, initial_window_segs),              \
			"initial-window", 1, 100, "N", "10",                                       \
			"segments that are sent before the first ACK"),                            \
		OPT_TCP_RANGE(OPT_KIND_OCTETS, OPT_TCP_AT(base, send_buffer_octets),               \
			"send-buffer", 2048, UINT64_C(256) << 20, "N", "64KiB",                    \
			"octets of one connection that are not acknowledged"),                     \
		OPT_TCP_RANGE(OPT_KIND_OCTETS, OPT_TCP_AT(base, receive_buffer_octets),            \
			"receive-buffer", 2048, UINT64_C(256) << 20, "N", "65535",                 \
			"octets of one connection that may wait to be read")

/* For verbs that connect. */
#define OPT_TCP_CONNECT_ROW(base)                                                                  \
	{                                                                                          \
		.name = "connect-reuse", .kind = OPT_KIND_DURATION,                                \
		.at = OPT_TCP_AT(base, connect_reuse_ns), .from = TIME_MS, .to = 480 * TIME_S,     \
		.metavar = "T", .fallback = "off", .words = leat_opt_tcp_never,                    \
		.sentence = "so long after our end closed first, a connect may end that "          \
			    "TIME-WAIT, with timestamps; off: when no port is left it fails"       \
	}

/* Rows that verbs with a server have in common, with what each says of its own. */
#define OPT_RUN_BODY(at_, to_, sentence_)                                                          \
	{                                                                                          \
		.name = "body", .kind = OPT_KIND_OCTETS, .at = at_, .to = to_, .metavar = "N",     \
		.fallback = "512", .sentence = sentence_                                           \
	}
#define OPT_RUN_TIME_WAIT(at_, fallback_, sentence_)                                               \
	OPT_TCP_RANGE(OPT_KIND_DURATION, at_, "time-wait", TIME_MS, 480 * TIME_S, "T", fallback_,  \
		sentence_)
#define OPT_RUN_VERBOSE(at_)                                                                       \
	{                                                                                          \
		.name = "verbose", .letter = 'v', .kind = OPT_KIND_COUNT, .at = at_,               \
		.sentence = "show what DPDK says as well"                                          \
	}

/* leat_opt_is_file takes text as the name of a file. */
bool leat_opt_is_file(const char *text, const char **file, char *why, size_t size);

/* The wire that loses and reorders what a verb receives: the same limits, words of its own. */
#define OPT_WIRE_SHARE(at_, name_, sentence_)                                                      \
	{                                                                                          \
		.name = name_, .kind = OPT_KIND_PERCENT, .at = at_, .to = 500000, .metavar = "P%", \
		.fallback = "0%", .sentence = sentence_                                            \
	}
#define OPT_WIRE_ROWS(loss_at, reorder_at, seed_at, loss_text, reorder_text, seed_text)            \
	OPT_WIRE_SHARE(loss_at, "loss", loss_text),                                                \
		OPT_WIRE_SHARE(reorder_at, "reorder", reorder_text),                               \
		OPT_TCP_RANGE(OPT_KIND_NUMBER, seed_at, "seed", 1, UINT64_C(999999999999999999),   \
			"N", NULL, seed_text)

#endif
