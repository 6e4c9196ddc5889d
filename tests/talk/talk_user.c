/* SPDX-License-Identifier: BSD-3-Clause */
#include "talk.h"

#include "base_be.h"
#include "base_bits.h"
#include "stack_core.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct leat_addr addr_of(struct ip ip, uint16_t port)
{
	struct leat_addr a = {.family = ip_is4(ip) ? 4 : 6, .port = port};

	if (ip_is4(ip)) {
		be32_put(a.octet, ip_to4(ip));
	} else {
		be64_put(a.octet, ip.hi);
		be64_put(a.octet + 8, ip.lo);
	}
	return a;
}

static const struct {
	int error;
	const char *name;
} errors[] = {
	{LEAT_OK, "ok"},
	{LEAT_ERR_STALE, "stale"},
	{LEAT_ERR_STATE, "state"},
	{LEAT_ERR_IN_USE, "in-use"},
	{LEAT_ERR_FULL, "full"},
	{LEAT_ERR_ADDRESS, "address"},
	{LEAT_ERR_NO_PORT, "no-port"},
	{LEAT_ERR_ARG, "arg"},
	{LEAT_ERR_AGAIN, "again"},
	{LEAT_ERR_QUIET, "quiet"},
	{LEAT_ERR_WAITING, "waiting"},
};

static const char *error_name(int64_t error)
{
	for (size_t i = 0; i < COUNT_OF(errors); i++) {
		if (errors[i].error == error)
			return errors[i].name;
	}
	return "an unknown error";
}

/* wanted is what the call must return: good, or what `refused name` says. */
static int64_t wanted(struct talk *t, struct talk_scan *s, int64_t good)
{
	char name[32];

	if (!leat_talk_take(s, "refused"))
		return good;
	if (!leat_talk_take_name(s, name, sizeof(name)))
		leat_talk_fail(t, "refused and the name of an error", "%s", t->text);
	for (size_t i = 0; i < COUNT_OF(errors); i++) {
		if (strcmp(errors[i].name, name) == 0)
			return errors[i].error;
	}
	leat_talk_fail(t, "the name of an error", "%s", name);
}

static void returned(struct talk *t, int64_t want, int64_t got)
{
	if (want == got || t->unscripted)
		return;
	if (got < 0)
		leat_talk_fail(t, NULL, "refused %s", error_name(got));
	leat_talk_fail(t, NULL, "%lld", (long long)got);
}

static uint32_t octets_of(struct talk *t, struct talk_scan *s)
{
	uint64_t n;

	if (!leat_talk_take_number(s, &n) || n > TALK_TEXT_MAX)
		leat_talk_fail(t, "a number of octets", "%s", t->text);
	return (uint32_t)n;
}

/* The connection that a call is about: until there is one, the listener. */
static struct leat_conn subject(const struct talk *t)
{
	return t->conn.id ? t->conn : t->listener;
}

static void forget(struct talk *t)
{
	struct leat_conn none = {0};

	if (t->conn.id)
		t->conn = none;
	else
		t->listener = none;
}

static void call_listen(struct talk *t, struct talk_scan *s)
{
	struct leat_addr local = addr_of(t->our_ip, TALK_OUR_PORT);
	uint64_t backlog = TALK_BACKLOG;

	if (leat_talk_take(s, "backlog") && !leat_talk_take_number(s, &backlog))
		leat_talk_fail(t, "a number", "%s", t->text);
	int64_t want = wanted(t, s, LEAT_OK);
	struct leat_conn listener;
	int got = leat_listen(t->stack, &local, (uint32_t)backlog, &listener);
	if (got == LEAT_OK)
		t->listener = listener;
	returned(t, want, got);
}

static void call_listen_from(struct talk *t, struct talk_scan *s)
{
	struct leat_addr local = addr_of(t->our_ip, TALK_OUR_PORT);
	struct leat_addr remote = addr_of(t->peer_ip, TALK_PEER_PORT);

	returned(t, wanted(t, s, LEAT_OK),
		leat_listen_from(t->stack, &local, &remote, &t->listener));
}

static void call_connect(struct talk *t, struct talk_scan *s)
{
	struct leat_addr local = addr_of(t->our_ip, TALK_OUR_PORT);
	struct leat_addr remote = addr_of(t->peer_ip, TALK_PEER_PORT);
	struct leat_conn conn;
	int got = leat_connect(t->stack, &local, &remote, &conn);

	if (got == LEAT_OK) {
		if (t->conn.id)
			leat_talk_fail(t, "release before the next", "%s", t->text);
		t->conn = conn;
	}
	returned(t, wanted(t, s, LEAT_OK), got);
}

/* The first octet of our stream stands behind the SYN, whose number is known even before it is
 * sent. */
static uint32_t next_octet_to_send(struct talk *t)
{
	const struct tcb *tcb = leat_talk_tcb(t);

	return tcb ? tcb->snd.end.v - t->snd_shift : t->setup.iss + 1;
}

/* SEND made a connection of the listener. */
static void became_active(struct talk *t)
{
	if (t->conn.id)
		return;
	t->conn = t->listener;
	t->listener.id = 0;
}

static void send_by(struct talk *t, struct talk_scan *s,
	int64_t (*call)(struct leat_stack *, struct leat_conn, const void *, size_t))
{
	static uint8_t text[TALK_TEXT_MAX];
	uint32_t octets = octets_of(t, s), first = next_octet_to_send(t);
	int64_t want = octets;

	for (uint32_t i = 0; i < octets; i++)
		text[i] = leat_talk_octet(first + i);
	if (leat_talk_take(s, "takes"))
		want = octets_of(t, s);
	want = wanted(t, s, want);
	int64_t got = call(t->stack, subject(t), text, octets);
	if (got > 0)
		became_active(t);
	returned(t, want, got);
}

static void call_send(struct talk *t, struct talk_scan *s)
{
	send_by(t, s, leat_send);
}

static void call_send_urgent(struct talk *t, struct talk_scan *s)
{
	send_by(t, s, leat_send_urgent);
}

static void call_urgent(struct talk *t, struct talk_scan *s)
{
	returned(t, octets_of(t, s), leat_urgent(t->stack, subject(t)));
}

/* The same octets, made when they are sent. */
static void fill_source(void *arg, uint64_t offset, uint8_t *dst, uint32_t octets)
{
	struct talk *t = arg;
	uint32_t first = tcp_iss(leat_talk_tcb(t)).v - t->snd_shift + 1 + (uint32_t)offset;

	for (uint32_t i = 0; i < octets; i++)
		dst[i] = leat_talk_octet(first + i);
}

static void call_source(struct talk *t, struct talk_scan *s)
{
	const struct leat_source source = {.fill = fill_source, .arg = t};
	uint32_t octets = octets_of(t, s);
	int64_t want = wanted(t, s, LEAT_OK);

	int got = leat_send_source(t->stack, subject(t), &source, octets);

	if (got == LEAT_OK)
		became_active(t);
	returned(t, want, got);
}

/* The script's number of the octet that the user reads next. */
static uint32_t next_read(struct talk *t)
{
	const struct tcb *tcb = leat_stack_by_handle(t->stack, subject(t));
	bool fin = tcb->flags & TCP_F_FIN_HELD && seq_gt(tcb->rcv.nxt, tcb->rcv_fin);

	return tcb->rcv.nxt.v - fin - tcb->rcv.unread - t->rcv_shift;
}

/* octets at text were read, or, unless taken, only looked at. */
static void check_read(struct talk *t, const uint8_t *text, int64_t octets, bool taken)
{
	uint32_t q = octets > 0 ? next_read(t) - (taken ? (uint32_t)octets : 0) : 0;

	for (int64_t i = 0; i < octets; i++, q++) {
		if (text[i] != leat_talk_octet(q))
			leat_talk_fail(t, NULL, "octet %u is 0x%02x not 0x%02x", q, text[i],
				leat_talk_octet(q));
	}
}

static void call_recv(struct talk *t, struct talk_scan *s)
{
	static uint8_t text[TALK_TEXT_MAX];
	uint32_t octets = octets_of(t, s);
	int64_t want = wanted(t, s, octets);
	int64_t got = leat_recv(t->stack, subject(t), text, octets);

	returned(t, want, got);
	check_read(t, text, got, true);
}

static void call_eof(struct talk *t, struct talk_scan *s)
{
	uint8_t octet;

	int64_t got = leat_recv(t->stack, subject(t), &octet, 1);

	returned(t, wanted(t, s, 0), got);
}

static void call_peek(struct talk *t, struct talk_scan *s)
{
	uint32_t octets = octets_of(t, s);
	const uint8_t *text = NULL;
	int64_t got = leat_peek(t->stack, subject(t), &text);

	returned(t, wanted(t, s, octets), got);
	check_read(t, text, got, false);
}

static void call_take(struct talk *t, struct talk_scan *s)
{
	uint32_t octets = octets_of(t, s);
	int got = leat_take(t->stack, subject(t), octets);

	returned(t, wanted(t, s, LEAT_OK), got);
}

static void call_readable(struct talk *t, struct talk_scan *s)
{
	returned(t, octets_of(t, s), (int64_t)leat_readable(t->stack, subject(t)));
}

static void call_room(struct talk *t, struct talk_scan *s)
{
	returned(t, octets_of(t, s), (int64_t)leat_send_room(t->stack, subject(t)));
}

/* RFC CLOSE: our direction only. */
static void call_close(struct talk *t, struct talk_scan *s)
{
	if (t->conn.id) {
		returned(t, wanted(t, s, LEAT_OK), leat_shutdown(t->stack, t->conn));
		return;
	}
	returned(t, wanted(t, s, LEAT_OK), leat_close(t->stack, t->listener));
	t->listener.id = 0;
}

static void call_close_both(struct talk *t, struct talk_scan *s)
{
	returned(t, wanted(t, s, LEAT_OK), leat_close(t->stack, subject(t)));
	forget(t);
}

static void call_close_listener(struct talk *t, struct talk_scan *s)
{
	returned(t, wanted(t, s, LEAT_OK), leat_close(t->stack, t->listener));
	t->listener.id = 0;
}

static void call_abort(struct talk *t, struct talk_scan *s)
{
	returned(t, wanted(t, s, LEAT_OK), leat_abort(t->stack, subject(t)));
	forget(t);
}

static void call_release(struct talk *t, struct talk_scan *s)
{
	returned(t, wanted(t, s, LEAT_OK), leat_release(t->stack, subject(t)));
	forget(t);
}

static void call_nodelay(struct talk *t, struct talk_scan *s)
{
	returned(t, wanted(t, s, LEAT_OK), leat_nodelay(t->stack, subject(t), true));
}

static void call_keepalive(struct talk *t, struct talk_scan *s)
{
	bool on = leat_talk_take(s, "on");

	if (!on && !leat_talk_take(s, "off"))
		leat_talk_fail(t, "on or off", "%s", t->text);
	returned(t, wanted(t, s, LEAT_OK), leat_keepalive(t->stack, subject(t), on));
}

static void call_reuse(struct talk *t, struct talk_scan *s)
{
	enum leat_reuse how = LEAT_REUSE_OFF;

	if (leat_talk_take(s, "seq"))
		how = LEAT_REUSE_SEQ;
	else if (leat_talk_take(s, "ts"))
		how = LEAT_REUSE_TS;
	else if (!leat_talk_take(s, "off"))
		leat_talk_fail(t, "off, seq or ts", "%s", t->text);
	returned(t, wanted(t, s, LEAT_OK), leat_reuse(t->stack, t->listener, how));
}

static void call_time_wait(struct talk *t, struct talk_scan *s)
{
	uint64_t ns;

	if (!leat_talk_take_ns(s, &ns))
		leat_talk_fail(t, "seconds", "%s", t->text);
	returned(t, wanted(t, s, LEAT_OK), leat_time_wait(t->stack, subject(t), ns));
}

static void call_time_wait_rst(struct talk *t, struct talk_scan *s)
{
	bool obeyed = leat_talk_take(s, "obey");

	if (!obeyed && !leat_talk_take(s, "ignore"))
		leat_talk_fail(t, "obey or ignore", "%s", t->text);
	returned(t, wanted(t, s, LEAT_OK), leat_time_wait_rst(t->stack, subject(t), obeyed));
}

static void call_user_timeout(struct talk *t, struct talk_scan *s)
{
	uint64_t ns = UINT64_MAX;

	if (!leat_talk_take(s, "never") && !leat_talk_take_ns(s, &ns))
		leat_talk_fail(t, "seconds, or never", "%s", t->text);
	returned(t, wanted(t, s, LEAT_OK), leat_user_timeout(t->stack, subject(t), ns));
}

static void call_dscp(struct talk *t, struct talk_scan *s)
{
	uint8_t dscp = (uint8_t)octets_of(t, s);

	returned(t, wanted(t, s, LEAT_OK), leat_dscp(t->stack, subject(t), dscp));
}

static void call_iss(struct talk *t, struct talk_scan *s)
{
	uint64_t iss;

	if (!leat_talk_take_number(s, &iss))
		leat_talk_fail(t, "a number", "%s", t->text);
	t->setup.iss = (uint32_t)iss;
}

__attribute__((format(printf, 2, 3))) static void line(struct talk *t, const char *format, ...)
{
	char text[TALK_LINE_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	leat_talk_line(t, text);
}

/* The options of the peer's SYN: its MSS, and what the script adds between < and >. */
static void syn_opts(struct talk *t, struct talk_scan *s, char *text, size_t size)
{
	const char *comma = "";
	int octets = snprintf(text, size, "<");

	if (t->setup.peer_mss) {
		octets +=
			snprintf(text + octets, size - (size_t)octets, "mss %u", t->setup.peer_mss);
		comma = ", ";
	}
	if (leat_talk_take_char(s, '<')) {
		size_t more = strcspn(s->at, ">");
		octets += snprintf(
			text + octets, size - (size_t)octets, "%s%.*s", comma, (int)more, s->at);
		s->at += more;
		if (!leat_talk_take_char(s, '>'))
			leat_talk_fail(t, "<options>", "%s", t->text);
	}
	snprintf(text + octets, size - (size_t)octets, ">");
}

/* The handshake in the script's own words, begun by us or, if passive, by the peer. */
static void call_established(struct talk *t, struct talk_scan *s)
{
	uint32_t iss = t->setup.iss, irs = t->setup.irs;
	char opts[128];
	bool passive = leat_talk_take(s, "passive");

	syn_opts(t, s, opts, sizeof(opts));
	if (passive) {
		line(t, "listen");
		line(t, "< S %u:%u(0) %s", irs, irs, opts);
		line(t, "> S. %u:%u(0) ack %u", iss, iss, irs + 1);
		line(t, "< . %u:%u(0) ack %u", irs + 1, irs + 1, iss + 1);
	} else {
		line(t, "connect");
		line(t, "> S %u:%u(0)", iss, iss);
		line(t, "< S. %u:%u(0) ack %u %s", irs, irs, iss + 1, opts);
		line(t, "> . %u:%u(0) ack %u", iss + 1, iss + 1, irs + 1);
	}
	line(t, "= ESTABLISHED");
	t->news = 0;
}

static const struct {
	const char *word;
	void (*call)(struct talk *t, struct talk_scan *s);
} calls[] = {
	{"abort", call_abort},
	{"close", call_close},
	{"close-both", call_close_both},
	{"close-listener", call_close_listener},
	{"connect", call_connect},
	{"dscp", call_dscp},
	{"eof", call_eof},
	{"established", call_established},
	{"iss", call_iss},
	{"keepalive", call_keepalive},
	{"listen", call_listen},
	{"listen-from", call_listen_from},
	{"nodelay", call_nodelay},
	{"peek", call_peek},
	{"readable", call_readable},
	{"recv", call_recv},
	{"release", call_release},
	{"reuse", call_reuse},
	{"room", call_room},
	{"send", call_send},
	{"send-urgent", call_send_urgent},
	{"source", call_source},
	{"take", call_take},
	{"time-wait", call_time_wait},
	{"time-wait-rst", call_time_wait_rst},
	{"urgent", call_urgent},
	{"user-timeout", call_user_timeout},
};

bool leat_talk_call(struct talk *t, struct talk_scan *s)
{
	for (size_t i = 0; i < COUNT_OF(calls); i++) {
		if (!leat_talk_take(s, calls[i].word))
			continue;
		calls[i].call(t, s);
		return true;
	}
	return false;
}

void leat_talk_events(struct talk *t)
{
	struct leat_event event;

	while (leat_next_event(t->stack, &event)) {
		t->news |= event.bits;
		if (!(event.bits & LEAT_ACCEPTED))
			continue;
		if (t->unscripted && leat_release(t->stack, t->conn) == LEAT_OK)
			t->conn.id = 0; /* it ended in the same burst */
		if (t->conn.id)
			leat_talk_fail(t, "one connection at a time", "a second was accepted");
		t->conn = event.conn;
	}
}
