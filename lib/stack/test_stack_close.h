/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_TEST_STACK_CLOSE_H
#define LEAT_TEST_STACK_CLOSE_H

/* test_stack_close: how connections of test_stack_net.h end, so that stack 1 has the TIME-WAIT. */

#include "test_stack_net.h"

/* net_closes_too has stack 0 close client, when the FIN of the other end has come. */
static inline void net_closes_too(struct net *n, struct leat_conn client)
{
	net_run(n, 5 * TIME_MS);
	assert_int_equal(leat_close(n->stack[0], client), LEAT_OK);
	net_run(n, 5 * TIME_MS);
	net_no_events(n, 0);
	net_no_events(n, 1);
}

/* net_close closes both ends, stack 1 the first: it waits there. */
static inline void net_close(struct net *n, const struct leat_conn conn[2])
{
	assert_int_equal(leat_close(n->stack[1], conn[1]), LEAT_OK);
	net_closes_too(n, conn[0]);
}

/* net_closed_by_server is one connection that is opened and closed so: stack 1 has a record. */
static inline void net_closed_by_server(struct net *n, int family)
{
	struct leat_conn conn[2];

	net_open(n, family, 80, conn);
	net_close(n, conn);
}

/* net_leave_unread has both ends of conn close, stack 1 the first, whose user keeps it and does not
 * read what stack 0 sent; net_read_unread reads it, however that ended, and gives conn back. */
static inline void net_leave_unread(struct net *n, const struct leat_conn conn[2])
{
	assert_int_equal(leat_shutdown(n->stack[1], conn[1]), LEAT_OK);
	assert_int_equal(leat_send(n->stack[0], conn[0], "unread", 6), 6);
	net_closes_too(n, conn[0]);
	assert_string_equal(net_state(n, 1, conn[1]), "TIME-WAIT");
}

static inline void net_read_unread(struct net *n, struct leat_conn conn)
{
	char text[8];

	assert_int_equal(leat_recv(n->stack[1], conn, text, sizeof(text)), 6);
	assert_memory_equal(text, "unread", 6);
	assert_int_equal(leat_recv(n->stack[1], conn, text, sizeof(text)), 0); /* the end */
	assert_int_equal(leat_release(n->stack[1], conn), LEAT_OK);
}

#endif
