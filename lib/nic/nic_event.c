/* SPDX-License-Identifier: BSD-3-Clause */
#include "nic_event.h"

#include "base_assert.h"
#include "base_bits.h"
#include "nic_dpdk.h"

#include <rte_ethdev.h>

/* What of ethdev's events is a mark. */
static const struct {
	enum rte_eth_event_type event;
	enum nic_mark mark;
} told[] = {
	{RTE_ETH_EVENT_INTR_LSC, NIC_MARK_LINK},
	{RTE_ETH_EVENT_INTR_RESET, NIC_MARK_RESET},
	{RTE_ETH_EVENT_INTR_RMV, NIC_MARK_REMOVED},
	{RTE_ETH_EVENT_ERR_RECOVERING, NIC_MARK_RECOVERING},
	{RTE_ETH_EVENT_RECOVERY_SUCCESS, NIC_MARK_RECOVERED},
	{RTE_ETH_EVENT_RECOVERY_FAILED, NIC_MARK_FAILED},
};

/* tell runs in a thread of EAL's. */
static int tell(uint16_t port, enum rte_eth_event_type event, void *marks, void *what)
{
	struct nic_marks *m = marks;

	(void)port;
	(void)what;
	for (uint32_t i = 0; i < COUNT_OF(told); i++) {
		if (told[i].event != event)
			continue;
		if (told[i].mark == NIC_MARK_LINK)
			atomic_fetch_add_explicit(&m->link_cnt, 1, memory_order_relaxed);
		nic_mark(m, told[i].mark);
	}
	return 0;
}

void leat_nic_marks_open(const struct nic_port *p, struct nic_marks *m)
{
	atomic_init(&m->bits, 0);
	atomic_init(&m->link_cnt, 0);
	for (uint32_t i = 0; i < COUNT_OF(told); i++)
		(void)rte_eth_dev_callback_register(p->id, told[i].event, tell, m);
}

void leat_nic_marks_close(const struct nic_port *p, struct nic_marks *m)
{
	for (uint32_t i = 0; i < COUNT_OF(told); i++)
		(void)rte_eth_dev_callback_unregister(p->id, told[i].event, tell, m);
}

void leat_nic_watch_init(struct nic_watch *w, bool link, uint64_t now)
{
	*w = (struct nic_watch){.state = link ? NIC_ST_UP : NIC_ST_DOWN, .since = now};
}

static void enter(struct nic_watch *w, enum nic_state state, uint64_t now)
{
	ASSERT(w->state != NIC_ST_GONE);
	w->before_ns = now - w->since;
	w->since = now;
	w->state = state;
	w->downs += state == NIC_ST_DOWN;
	w->resets += state == NIC_ST_RESET;
	w->recoveries += state == NIC_ST_RECOVERING;
}

/* next is where the marks and the link lead; the gravest mark counts. */
static enum nic_state next(enum nic_state state, uint32_t bits, bool link)
{
	enum nic_state by_link = link ? NIC_ST_UP : NIC_ST_DOWN;

	if (state == NIC_ST_GONE || (bits & (NIC_MARK_REMOVED | NIC_MARK_FAILED)) != 0)
		return NIC_ST_GONE;
	if (state == NIC_ST_RESET || (bits & NIC_MARK_RESET) != 0)
		return NIC_ST_RESET;
	/* Both at once: it recovered, or it began anew; the driver ends with the second. */
	if ((bits & NIC_MARK_RECOVERED) != 0)
		return by_link;
	if (state == NIC_ST_RECOVERING || (bits & NIC_MARK_RECOVERING) != 0)
		return NIC_ST_RECOVERING;
	return by_link;
}

bool leat_nic_watch_look(struct nic_watch *w, struct nic_marks *m, bool link, uint64_t now)
{
	uint32_t bits = atomic_exchange_explicit(&m->bits, 0, memory_order_acquire);
	uint32_t changes = atomic_exchange_explicit(&m->link_cnt, 0, memory_order_relaxed);
	enum nic_state state = next(w->state, bits, link);
	bool other = state != w->state;

	/* Of the changes told one was seen, if there was one to see. */
	w->flaps += changes / 2;
	if (other)
		enter(w, state, now);
	return other;
}

void leat_nic_watch_restarted(struct nic_watch *w, bool good, bool link, uint64_t now)
{
	ASSERT(w->state == NIC_ST_RESET);
	enter(w, !good ? NIC_ST_GONE : link ? NIC_ST_UP : NIC_ST_DOWN, now);
}

const char *leat_nic_state_name(enum nic_state state)
{
	static const char *const name[NIC_ST_CNT] = {[NIC_ST_UP] = "link up",
		[NIC_ST_DOWN] = "link down",
		[NIC_ST_RECOVERING] = "recovering",
		[NIC_ST_RESET] = "to be reset",
		[NIC_ST_GONE] = "gone"};

	ASSERT(state < NIC_ST_CNT);
	return name[state];
}
