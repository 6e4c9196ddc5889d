/* SPDX-License-Identifier: BSD-3-Clause */
#include "follow.h"

#include "base_log.h"
#include "sight.h"
#include "text.h"

void leat_follow_begin(struct follow *f, const struct serve_options *o, struct plane *plane,
	struct nic_port *port, const struct nic_port_config *config, struct steer *steer)
{
	*f = (struct follow){
		.o = o, .plane = plane, .port = port, .config = config, .steer = steer};
	leat_nic_marks_open(f->port, &f->marks);
	leat_nic_watch_init(&f->watch, leat_device_is_up(f->o, f->port), leat_plane_now(f->plane));
	if (f->watch.state == NIC_ST_DOWN)
		leat_plane_use(f->plane, SHARD_PORT_DOWN);
}

void leat_follow_end(struct follow *f)
{
	if (f->port != NULL)
		leat_nic_marks_close(f->port, &f->marks);
}

void leat_follow_shared(struct plane *plane, const struct steer *steer)
{
	for (uint32_t i = 0; i < plane->shard_cnt; i++)
		plane->shard[i].queue_shared = leat_steer_shared(steer, i);
}

/* settle_again: key and table were set and read back anew. */
static void settle_again(struct follow *f)
{
	enum steer_mode before = f->steer->mode;

	leat_steer_settle(f->steer, f->port);
	leat_follow_shared(f->plane, f->steer);
	if (f->steer->mode != before)
		leat_log(LOG_LV_WARN, "leatd", "%s: flows are now steered by: %s%s%s",
			f->port->name, leat_steer_name(f->steer),
			f->steer->why[0] != '\0' ? ", since " : "", f->steer->why);
}

/* restart: no shard touches its queues now. */
static void restart(struct follow *f)
{
	bool good = leat_nic_port_restart(f->port, f->config) == 0;
	uint64_t now = leat_plane_now(f->plane);

	if (good)
		settle_again(f);
	leat_nic_watch_restarted(&f->watch, good, good && leat_device_is_up(f->o, f->port), now);
}

/* tell says which state it is now; before: the one that it was. */
static void tell(struct follow *f, enum nic_state before)
{
	char text[TEXT_GROUP_MAX];

	f->down_ns += before != NIC_ST_UP ? f->watch.before_ns : 0;
	leat_text_ns(f->watch.before_ns, text, sizeof(text));
	leat_log(LOG_LV_NOTE, "leatd", "%s: %s, after %s", f->port->name,
		leat_nic_state_name(f->watch.state), text);
}

/* look_on: may those who look at this instance ask its port? */
static void look_on(struct follow *f, bool on)
{
	if (f->plane->sight != NULL)
		leat_sight_port(f->plane->sight, on);
}

bool leat_follow_look(struct follow *f)
{
	enum nic_state before = f->watch.state;
	bool link = before != NIC_ST_GONE && leat_device_is_up(f->o, f->port);

	if (before != NIC_ST_GONE && leat_device_is_gone(f->o))
		nic_mark(&f->marks, NIC_MARK_REMOVED);
	if (!leat_nic_watch_look(&f->watch, &f->marks, link, leat_plane_now(f->plane)))
		return follow_is_gone(f);
	tell(f, before);
	if (!nic_may_use(f->watch.state)) {
		look_on(f, false);
		leat_plane_use(f->plane, SHARD_PORT_OFF);
	}
	if (f->watch.state == NIC_ST_RESET) {
		restart(f);
		tell(f, NIC_ST_RESET);
	}
	look_on(f, nic_may_use(f->watch.state));
	if (nic_may_use(f->watch.state))
		leat_plane_use(
			f->plane, f->watch.state == NIC_ST_UP ? SHARD_PORT_ON : SHARD_PORT_DOWN);
	return follow_is_gone(f);
}

uint64_t leat_follow_down_ns(const struct follow *f, uint64_t now)
{
	return f->down_ns + (f->watch.state != NIC_ST_UP ? now - f->watch.since : 0);
}

void leat_follow_print(const struct follow *f, FILE *out)
{
	const struct nic_watch *w = &f->watch;

	if (w->downs + w->flaps + w->resets + w->recoveries != 0 || follow_is_gone(f))
		fprintf(out,
			"port      %s; down %ju times, %ju flaps besides, reset %ju, recovering "
			"%ju\n",
			leat_nic_state_name(w->state), (uintmax_t)w->downs, (uintmax_t)w->flaps,
			(uintmax_t)w->resets, (uintmax_t)w->recoveries);
}
