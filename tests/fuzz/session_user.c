/* SPDX-License-Identifier: BSD-3-Clause */
#include "session.h"

#define PIECE_MAX 4096

/* What side sends on connection serial at offset. */
static uint8_t octet(uint32_t serial, uint32_t side, uint64_t offset)
{
	return (uint8_t)(offset * 31 + offset / 251 + serial * 59 + side * 113);
}

static struct leat_addr address(const struct session *s, uint32_t side, uint16_t port)
{
	static const uint8_t ip4[4] = {10, 0, 0, 0};
	struct leat_addr addr = {.family = s->family6 ? 6 : 4, .port = port};

	if (s->family6)
		addr.octet[0] = 0xfd;
	else
		memcpy(addr.octet, ip4, sizeof(ip4));
	addr.octet[s->family6 ? 15 : 3] = (uint8_t)(1 + side);
	return addr;
}

void leat_session_listen(struct session *s, uint32_t side)
{
	struct leat_addr local = address(s, side, SESSION_PORT);
	struct leat_conn listener;

	if (s->listener[side].id != 0) {
		ASSERT(leat_close(s->stack[side], s->listener[side]) == LEAT_OK);
		s->listener[side].id = 0;
	} else if (leat_listen(s->stack[side], &local, 2, &listener) == LEAT_OK) {
		s->listener[side] = listener;
	}
}

void leat_session_connect(struct session *s, uint32_t side)
{
	struct leat_addr local = {0}, remote = address(s, 1 - side, SESSION_PORT);
	struct leat_conn conn;
	struct leat_info info;

	if (s->serial_cnt == SESSION_SERIAL_MAX ||
		leat_connect(s->stack[side], &local, &remote, &conn) != LEAT_OK)
		return;
	uint32_t serial = s->serial_cnt++;
	s->end[serial][side] = (struct session_end){.conn = conn, .open = true};
	ASSERT(leat_set_user(s->stack[side], conn, serial + 1) == LEAT_OK);
	ASSERT(leat_info(s->stack[side], conn, &info) == LEAT_OK);
	ASSERT(info.local.port >= SESSION_PORT_FROM);
	ASSERT(info.local.port < SESSION_PORT_FROM + SESSION_PORT_CNT);
	uint32_t at = info.local.port - (uint32_t)SESSION_PORT_FROM;
	s->tainted = s->tainted || s->port_used[side][at];
	s->port_used[side][at] = true;
	s->serial_of_port[side][at] = serial;
}

static uint32_t serial_of(const struct session *s, const struct session_end *e)
{
	return (uint32_t)(e - s->end[0]) / 2;
}

static uint32_t side_of(const struct session *s, const struct session_end *e)
{
	return (uint32_t)(e - s->end[0]) % 2;
}

void leat_session_send(struct session *s, struct session_end *e, uint32_t octets)
{
	uint8_t data[PIECE_MAX];
	uint32_t serial = serial_of(s, e), side = side_of(s, e);

	octets = u32_min(octets, PIECE_MAX);
	if (!e->open || e->shut || octets == 0)
		return;
	for (uint32_t i = 0; i < octets; i++)
		data[i] = octet(serial, side, e->sent + i);
	int64_t took = leat_send(s->stack[side], e->conn, data, octets);
	ASSERT(took <= (int64_t)octets);
	ASSERT(took > 0 || took == LEAT_ERR_AGAIN || took == LEAT_ERR_STATE);
	if (took > 0)
		e->sent += (uint64_t)took;
}

void leat_session_recv(struct session *s, struct session_end *e, uint32_t octets)
{
	uint8_t data[PIECE_MAX];
	uint32_t serial = serial_of(s, e), side = side_of(s, e);
	const struct session_end *peer = &s->end[serial][1 - side];

	octets = u32_min(octets, PIECE_MAX);
	if (!e->open || octets == 0)
		return;
	int64_t got = leat_recv(s->stack[side], e->conn, data, octets);
	if (got > 0) {
		ASSERT(!e->eof);
		for (uint32_t i = 0; i < got && !s->tainted; i++)
			ASSERT(data[i] == octet(serial, 1 - side, e->received + i));
		e->received += (uint64_t)got;
		ASSERT(s->tainted || e->received <= peer->sent);
	} else if (got == 0) { /* the end is never told before all was read (MUST-12) */
		ASSERT(s->tainted || e->received == peer->sent);
		ASSERT(s->tainted || peer->shut || peer->closed);
		e->eof = true;
	} else {
		ASSERT(got == LEAT_ERR_AGAIN || got == LEAT_ERR_STATE);
	}
}

static void accepted(struct session *s, uint32_t side, struct leat_conn conn)
{
	struct leat_info info;

	ASSERT(leat_info(s->stack[side], conn, &info) == LEAT_OK);
	uint32_t at = info.remote.port - (uint32_t)SESSION_PORT_FROM;
	if (at >= SESSION_PORT_CNT || s->tainted) { /* a bent SYN */
		ASSERT(s->tainted);
		leat_abort(s->stack[side], conn);
		return;
	}
	uint32_t serial = s->serial_of_port[1 - side][at];
	struct session_end *e = &s->end[serial][side];
	if (e->conn.id != 0) { /* an old SYN, after this end was cut short at the same instant */
		s->tainted = true;
		leat_abort(s->stack[side], conn);
		return;
	}
	*e = (struct session_end){.conn = conn, .open = true};
	ASSERT(leat_set_user(s->stack[side], conn, serial + 1) == LEAT_OK);
}

static bool is_graceful(const char *end)
{
	return strcmp(end, "time-wait") == 0 || strcmp(end, "last-ack") == 0;
}

static void over(struct session *s, struct session_end *e)
{
	uint32_t side = side_of(s, e);
	struct leat_info info;

	ASSERT(leat_info(s->stack[side], e->conn, &info) == LEAT_OK);
	ASSERT(strcmp(info.state, "CLOSED") == 0);
	e->over = true;
	e->graceful = is_graceful(info.end);
}

void leat_session_events(struct session *s)
{
	struct leat_event ev;

	for (uint32_t side = 0; side < 2; side++) {
		while (leat_next_event(s->stack[side], &ev)) {
			if (ev.conn.id == s->listener[side].id)
				continue;
			if (ev.bits & LEAT_ACCEPTED)
				accepted(s, side, ev.conn);
			uint64_t user = leat_user(s->stack[side], ev.conn);
			if (user == 0)
				continue;
			struct session_end *e = &s->end[user - 1][side];
			ASSERT(e->open);
			ASSERT(e->conn.id == ev.conn.id);
			if (ev.bits & LEAT_CLOSED)
				over(s, e);
		}
	}
}

void leat_session_check_streams(const struct session *s)
{
	for (uint32_t i = 0; i < s->serial_cnt && !s->tainted; i++) {
		const struct session_end *a = &s->end[i][0], *b = &s->end[i][1];
		bool cut = a->closed || a->aborted || b->closed || b->aborted;

		if (cut || !a->graceful || !b->graceful)
			continue;
		ASSERT(a->eof && b->eof);
		ASSERT(a->received == b->sent);
		ASSERT(b->received == a->sent);
	}
}
