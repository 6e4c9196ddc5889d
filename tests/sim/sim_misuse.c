/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim.h"

#include "base_bits.h"

/* Calls that a program should not make.  Each must be refused with the error that leat.h names,
 * and change nothing. */

static void must(struct sim_world *w, int64_t got, int64_t want, const char *call)
{
	w->stats.misuses++;
	if (got != want)
		leat_sim_fail(
			w, "misuse: %s said %lld, not %lld", call, (long long)got, (long long)want);
}

void leat_sim_misuse_stale(struct sim_world *w, struct sim_end *e)
{
	struct leat_stack *s = w->host[e->host].shard[e->shard].stack;
	struct leat_info info;
	const uint8_t *piece;
	uint8_t octet = 0;

	if (w->plan.misuse == 0)
		return;
	must(w, leat_close(s, e->conn), LEAT_ERR_STALE, "close of a stale handle");
	must(w, leat_abort(s, e->conn), LEAT_ERR_STALE, "abort of a stale handle");
	must(w, leat_release(s, e->conn), LEAT_ERR_STALE, "release of a stale handle");
	must(w, leat_shutdown(s, e->conn), LEAT_ERR_STALE, "shutdown of a stale handle");
	must(w, leat_send(s, e->conn, &octet, 1), LEAT_ERR_STALE, "send on a stale handle");
	must(w, leat_recv(s, e->conn, &octet, 1), LEAT_ERR_STALE, "recv on a stale handle");
	must(w, leat_peek(s, e->conn, &piece), LEAT_ERR_STALE, "peek on a stale handle");
	must(w, leat_take(s, e->conn, 1), LEAT_ERR_STALE, "take on a stale handle");
	must(w, leat_info(s, e->conn, &info), LEAT_ERR_STALE, "info of a stale handle");
	must(w, leat_nodelay(s, e->conn, true), LEAT_ERR_STALE, "nodelay of a stale handle");
	must(w, (int64_t)leat_readable(s, e->conn), 0, "readable of a stale handle");
	must(w, (int64_t)leat_send_room(s, e->conn), 0, "room of a stale handle");
}

static void misuse_stack(struct sim_world *w, const struct sim_end *e, struct leat_stack *s)
{
	struct leat_addr any = {0}, self = e->local, far = e->remote, group = e->remote;
	struct leat_conn c = {0};

	must(w, leat_listen(s, &any, 1, &c), LEAT_ERR_ARG, "listen on port 0");
	any.port = SIM_SERVER_PORT;
	must(w, leat_listen(s, &any, 0, &c), LEAT_ERR_ARG, "listen without backlog");
	far.port = 0;
	any.port = 0;
	must(w, leat_connect(s, &any, &far, &c), LEAT_ERR_ARG, "connect to port 0");
	must(w, leat_connect(s, &any, &self, &c), LEAT_ERR_ADDRESS, "connect to ourselves");
	group.octet[0] = group.family == 4 ? 239 : 0xff;
	must(w, leat_connect(s, &any, &group, &c), LEAT_ERR_ADDRESS, "connect to a group");
	must(w, leat_connect(s, &e->remote, &e->remote, &c), LEAT_ERR_ADDRESS,
		"connect from another's address");
	any.family = 5;
	must(w, leat_connect(s, &any, &e->remote, &c), LEAT_ERR_ARG, "an unknown family");
	/* A listener does not hold its tuple; TIME-WAIT perhaps not for long. */
	if (e->listening || w->plan.host[e->host].config.knobs.connect_reuse_ns != 0)
		return;
	int error = leat_connect(s, &e->local, &e->remote, &c);
	if (error != LEAT_ERR_FULL) /* no room for one more target */
		must(w, error, LEAT_ERR_IN_USE, "connect on a tuple in use");
}

void leat_sim_misuse(struct sim_world *w, struct sim_end *e)
{
	struct leat_stack *s = w->host[e->host].shard[e->shard].stack;
	struct leat_conn none = {0}, strange = {e->conn.id ^ UINT64_C(1) << 63};
	struct leat_info info;
	uint8_t octet = 0;

	must(w, leat_close(s, none), LEAT_ERR_STALE, "close of no handle");
	must(w, leat_info(s, strange, &info), LEAT_ERR_STALE, "info of another generation");
	must(w, leat_recv(s, e->conn, &octet, 0), LEAT_ERR_ARG, "recv of nothing");
	must(w, leat_take(s, e->conn, SIZE_MAX), LEAT_ERR_ARG, "take of more than there is");
	if (!e->closed_seen) {
		if (leat_info(s, e->conn, &info) == LEAT_OK && info.end[0] == '-') {
			must(w, leat_release(s, e->conn), LEAT_ERR_STATE, "release while it lives");
			misuse_stack(w, e, s);
		}
		if (e->shut) {
			must(w, leat_shutdown(s, e->conn), LEAT_ERR_STATE, "shutdown twice");
			if (!e->side->source)
				must(w, leat_send(s, e->conn, &octet, 1), LEAT_ERR_STATE,
					"send after shutdown");
		}
	}
}
