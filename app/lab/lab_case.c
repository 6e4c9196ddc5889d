/* SPDX-License-Identifier: BSD-3-Clause */
#include "lab.h"

const char *const leat_lab_reuse_name[] = {"off", "sequence", "timestamps", "connect", NULL};
const char *const leat_lab_close_name[] = {"server", "client", NULL};

uint64_t leat_lab_life(const struct lab_world *world, const struct lab_case *c)
{
	uint64_t transit = c->reorder_millionths > 0 ? lab_quarter_ns(world) : LAB_DELAY_NS;

	return 2 * transit + (c->loss_millionths > 0 ? LAB_LOSS_MAX * lab_quarter_ns(world) : 0);
}

bool leat_lab_is_protected(const struct lab_world *world, const struct lab_case *c)
{
	uint64_t life = leat_lab_life(world, c);

	return c->time_wait_ns >= life &&
	       (c->reuse != LAB_REUSE_CONNECT || life <= world->connect_reuse_ns);
}

bool leat_lab_makes_sense(const struct lab_case *c)
{
	if (c->reuse >= LAB_REUSE_TIMESTAMPS && !c->timestamps)
		return false;
	if (c->reuse == LAB_REUSE_OFF)
		return true;
	return (c->reuse == LAB_REUSE_CONNECT) == (c->close == LAB_CLOSE_CLIENT);
}
