/* SPDX-License-Identifier: BSD-3-Clause */

/* The end of what follows a port, also when it never began. */

#include "follow.h"
#include "sight.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

bool leat_device_is_up(const struct serve_options *o, const struct nic_port *port)
{
	(void)o;
	(void)port;
	return true;
}

bool leat_device_is_gone(const struct serve_options *o)
{
	(void)o;
	return false;
}

uint64_t leat_plane_now(struct plane *p)
{
	(void)p;
	return 0;
}

void leat_plane_use(struct plane *p, enum shard_port_use use)
{
	(void)p;
	(void)use;
}

void leat_steer_settle(struct steer *s, const struct nic_port *port)
{
	(void)s;
	(void)port;
}

bool leat_steer_shared(const struct steer *s, uint32_t idx)
{
	(void)s;
	(void)idx;
	return false;
}

const char *leat_steer_name(const struct steer *s)
{
	(void)s;
	return "";
}

void leat_sight_port(struct sight *s, bool on)
{
	(void)s;
	(void)on;
}

/* A verb whose shards could not be made, or that had no thread of control. */
static void what_never_began_ends_without_a_port(void **state)
{
	struct follow f = {0};

	(void)state;
	leat_follow_end(&f);
	assert_null(f.port);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_never_began_ends_without_a_port),
	};

	return cmocka_run_group_tests_name("follow", tests, NULL, NULL);
}
