/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim_watch.h"

#include "sim_watch_flow.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS_MIN    64
#define BURST_MAX      64
#define MSS_FLOOR      48 /* a peer that offers less gets more, or it would be all headers */
#define QUIET_ACKS_MAX 100
#define QUIET_NS       (UINT64_C(10) * 1000000000)
#define TS_COMPARE_NS  (UINT64_C(20) * 86400 * 1000000000) /* half a turn of their circle */
#define ACK_WITHIN_NS  UINT64_C(500000000)
#define ISS_TICK_NS    4000
#define ISS_CLOCK_MAX  (UINT64_C(7200) * 1000000000) /* less than half a turn of the ISN clock */

/* What came in since burst_begin. */
struct burst {
	bool open;
	uint32_t host, cnt, tcp_cnt;
	struct {
		struct watch_flow *flow;
		bool reset;
		uint32_t bare_left; /* answers without text it may still have */
	} arrival[BURST_MAX];
	bool other; /* neighbours, ICMP or more than fits: nothing can be told */
};

struct watch {
	struct watch_config config;
	struct watch_counters cnt;
	struct watch_flow **bucket;
	uint32_t bucket_cnt;
	struct burst burst;
};

struct watch *leat_sim_watch_new(const struct watch_config *config)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (!w)
		abort();
	w->config = *config;
	w->bucket_cnt = BUCKETS_MIN;
	w->bucket = calloc(w->bucket_cnt, sizeof(struct watch_flow *));
	if (!w->bucket)
		abort();
	return w;
}

static void flow_free(struct watch_flow *f)
{
	free(f->text);
	free(f->range);
	free(f);
}

void leat_sim_watch_free(struct watch *w)
{
	if (!w)
		return;
	for (uint32_t i = 0; i < w->bucket_cnt; i++) {
		while (w->bucket[i]) {
			struct watch_flow *f = w->bucket[i];

			w->bucket[i] = f->next;
			flow_free(f);
		}
	}
	free(w->bucket);
	free(w);
}

const struct watch_counters *leat_sim_watch_counters(const struct watch *w)
{
	return &w->cnt;
}

void leat_sim_watch_restart(struct watch *w, uint32_t host)
{
	w->burst.open = false;
	for (uint32_t i = 0; i < w->bucket_cnt; i++) {
		struct watch_flow **link = &w->bucket[i];

		while (*link) {
			struct watch_flow *f = *link;

			if (f->key.host != host) {
				link = &f->next;
				continue;
			}
			*link = f->next;
			flow_free(f);
			w->cnt.flows--;
		}
	}
}

void leat_sim_watch_burst_begin(struct watch *w, uint32_t host)
{
	w->burst.open = true;
	w->burst.other = false;
	w->burst.host = host;
	w->burst.cnt = w->burst.tcp_cnt = 0;
}

void leat_sim_watch_burst_end(struct watch *w)
{
	w->burst.open = false;
}

static uint32_t bucket_of(const struct watch *w, const struct watch_key *k)
{
	uint64_t h = (k->local.lo ^ k->remote.lo * 31) + k->host;

	h = (h ^ ((uint64_t)k->lport << 16 | k->rport)) * UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(h >> 40) & (w->bucket_cnt - 1);
}

static bool key_eq(const struct watch_key *a, const struct watch_key *b)
{
	return a->host == b->host && a->lport == b->lport && a->rport == b->rport &&
	       a->local.lo == b->local.lo && a->local.hi == b->local.hi &&
	       a->remote.lo == b->remote.lo && a->remote.hi == b->remote.hi;
}

static void grow(struct watch *w)
{
	uint32_t old_cnt = w->bucket_cnt;
	struct watch_flow **old = w->bucket;

	w->bucket_cnt *= 4;
	w->bucket = calloc(w->bucket_cnt, sizeof(struct watch_flow *));
	if (!w->bucket)
		abort();
	for (uint32_t i = 0; i < old_cnt; i++) {
		while (old[i]) {
			struct watch_flow *f = old[i];
			uint32_t to = bucket_of(w, &f->key);

			old[i] = f->next;
			f->next = w->bucket[to];
			w->bucket[to] = f;
		}
	}
	free(old);
}

static struct watch_flow *find(struct watch *w, const struct watch_key *key, bool make)
{
	uint32_t at = bucket_of(w, key);

	for (struct watch_flow *f = w->bucket[at]; f; f = f->next)
		if (key_eq(&f->key, key))
			return f;
	if (!make)
		return NULL;
	if (w->cnt.flows > w->bucket_cnt) {
		grow(w);
		at = bucket_of(w, key);
	}
	struct watch_flow *f = calloc(1, sizeof(*f));
	if (!f)
		abort();
	f->key = *key;
	f->may_lose = w->config.may_lose;
	f->forged = w->config.forged;
	f->next = w->bucket[at];
	w->bucket[at] = f;
	w->cnt.flows++;
	return f;
}

bool leat_sim_watch_did_reset(struct watch *w, uint32_t host, const struct watch_socket *local,
	const struct watch_socket *remote)
{
	struct watch_key key = {host, local->addr, remote->addr, local->port, remote->port};
	const struct watch_flow *f = find(w, &key, false);

	return f && f->did_reset;
}

/* ---- what came ---- */

static void arrived_burst(
	struct watch *w, uint32_t host, const struct watch_pkt *p, struct watch_flow *f)
{
	struct burst *b = &w->burst;

	if (!b->open || b->host != host)
		return;
	if (p->kind != WATCH_TCP || b->cnt == BURST_MAX)
		b->other = true;
	if (p->kind != WATCH_TCP || b->cnt == BURST_MAX)
		return;
	b->arrival[b->cnt].flow = f;
	b->arrival[b->cnt].reset = (p->flags & WATCH_RST) != 0;
	b->arrival[b->cnt].bare_left = 1;
	b->cnt++;
	b->tcp_cnt++;
}

static bool is_ours(const struct watch *w, uint32_t host, struct watch_addr a)
{
	const struct watch_host *h = &w->config.host[host];

	for (uint32_t i = 0; i < h->addr_cnt; i++)
		if (h->addr[i].hi == a.hi && h->addr[i].lo == a.lo)
			return true;
	return false;
}

/* RFC 9293 3.9.2.3, RFC 1122 3.2.1.3: who cannot have sent it, or to more than us. */
static bool is_incredible(
	const struct watch *w, uint32_t host, const uint8_t *frame, const struct watch_pkt *p)
{
	uint32_t a = (uint32_t)p->src.lo;

	if (!is_ours(w, host, p->dst) || is_ours(w, host, p->src))
		return true;
	if (!w->config.raw_ip && frame[0] & 1)
		return true;
	if (p->is4)
		return a >> 28 >= 14 || a >> 24 == 0 || a >> 24 == 127;
	return p->src.hi >> 56 == 0xff || (p->src.hi == 0 && p->src.lo <= 1);
}

static void arrived_text(struct watch_flow *f, const struct watch_pkt *p, uint64_t now)
{
	uint32_t from = p->seq + !!(p->flags & WATCH_SYN);
	uint32_t octets = p->text + !!(p->flags & WATCH_FIN);

	if (octets == 0)
		return;
	bool fresh = f->irs_known && watch_seq_diff(from + octets, f->frontier) > 0 &&
		     f->edge_known && watch_seq_diff(from, f->edge) < 0;
	if (fresh && p->text > 0 && !f->owed && !f->peer_fin) {
		f->owed = true;
		f->owed_since = now;
	}
	f->peer_fin |= (p->flags & WATCH_FIN) != 0;
	if (f->irs_known)
		leat_sim_flow_came(f, from, from + octets);
	else
		f->early[f->early_cnt++ % WATCH_EARLY_MAX] =
			(struct watch_range){from, from + octets};
}

static void arrived_syn(struct watch_flow *f, const struct watch_pkt *p)
{
	struct watch_syn *s;

	for (uint32_t i = 0; i < WATCH_SYN_MAX; i++) {
		s = &f->syn[i];
		if (s->used && s->seq == p->seq && s->opts == p->opts && s->mss == p->mss) {
			if (watch_seq_diff(p->ts_val, s->ts_max) > 0)
				s->ts_max = p->ts_val;
			if (watch_seq_diff(p->ts_val, s->ts_val) < 0)
				s->ts_val = p->ts_val;
			return;
		}
	}
	s = &f->syn[f->syn_cnt++ % WATCH_SYN_MAX];
	*s = (struct watch_syn){.used = true, .seq = p->seq, .opts = p->opts};
	s->mss = p->mss;
	s->ws = p->ws > 14 ? 14 : p->ws;
	s->ts_val = s->ts_max = p->ts_val;
	s->ecn = (p->flags & (WATCH_ECE | WATCH_CWR)) != 0;
	if (f->irs_known && p->seq == f->irs) { /* a copy, from which options were taken */
		f->ambiguous = true;
		f->peer.opts &= p->opts;
		f->peer_maybe |= p->opts;
	}
}

static void arrived_ack(struct watch_flow *f, const struct watch_pkt *p)
{
	if (!f->syn_sent || !(p->flags & WATCH_ACK) || watch_seq_diff(p->ack, f->nxt) > 0 ||
		watch_seq_diff(p->ack, f->iss) <= 0)
		return;
	if (watch_seq_diff(p->ack, f->una) > 0)
		f->una = p->ack;
	uint32_t edge = p->ack + ((uint32_t)p->wnd << leat_sim_flow_peer_shift(f, p));
	if (!f->peer_edge_known || watch_seq_diff(edge, f->peer_edge) > 0)
		f->peer_edge = edge;
	f->peer_edge_known = true;
}

void leat_sim_watch_arrived(
	struct watch *w, uint32_t host, uint64_t now, const uint8_t *frame, uint32_t octets)
{
	struct watch_pkt p;
	const char *wrong = leat_sim_watch_parse(frame, octets, w->config.raw_ip, &p);

	w->cnt.arrived++;
	if (wrong || (p.kind == WATCH_TCP && is_incredible(w, host, frame, &p))) {
		w->cnt.arrived_bad++;
		return;
	}
	if (p.kind != WATCH_TCP) {
		arrived_burst(w, host, &p, NULL);
		return;
	}
	struct watch_key key = {host, p.dst, p.src, p.dport, p.sport};
	struct watch_flow *f = find(w, &key, true);

	f->arrived++;
	f->quiet_run = p.text > 0 || p.flags & (WATCH_SYN | WATCH_FIN) ? 0 : f->quiet_run;
	arrived_burst(w, host, &p, f);
	f->ce_came |= p.ecn == WATCH_ECN_CE;
	if (p.flags & WATCH_RST)
		return;
	bool other = p.flags & WATCH_SYN && f->irs_known && p.seq != f->irs;
	if (p.opts & WATCH_OPT_TS && !other) {
		if (!f->ts_came || watch_seq_diff(p.ts_val, f->ts_max) > 0 ||
			now - f->ts_came_at > TS_COMPARE_NS)
			f->ts_max = p.ts_val;
		f->ts_came = true;
		f->ts_came_at = now;
	}
	if (p.flags & WATCH_SYN)
		arrived_syn(f, &p);
	arrived_ack(f, &p);
	arrived_text(f, &p, now);
}

/* ---- what was sent ---- */

/* W20, W24: in a burst, everything sent is an answer to something in it. */
static const char *sent_burst(struct watch *w, const struct watch_pkt *p, struct watch_flow *f)
{
	struct burst *b = &w->burst;
	bool reset = (p->flags & WATCH_RST) != 0;
	bool bare = p->text == 0 && !(p->flags & (WATCH_SYN | WATCH_FIN));
	bool mine = false, only_resets = true;

	if (!b->open || b->other)
		return NULL;
	if (b->tcp_cnt == 0)
		return "W20 an answer to a frame that is not to be believed";
	for (uint32_t i = 0; i < b->cnt; i++) {
		if (b->arrival[i].flow != f)
			continue;
		mine = true;
		only_resets &= b->arrival[i].reset;
		if ((reset && b->arrival[i].reset) || (bare && b->arrival[i].bare_left == 0))
			continue;
		if (bare)
			b->arrival[i].bare_left--;
		return NULL;
	}
	if (!mine)
		return "W20 a segment of a flow that nothing arrived for";
	return reset && only_resets ? "W20 a reset in answer to a reset"
				    : "W24 more answers than questions";
}

static const char *begin_incarnation(
	struct watch *w, struct watch_flow *f, const struct watch_pkt *p, uint64_t now)
{
	uint64_t clock = (now - f->born_at) / ISS_TICK_NS;
	bool slow = f->nxt - f->iss < clock;

	bool cookie = w->config.cookies && p->flags & WATCH_ACK;

	if (f->syn_sent && !w->config.iss_forced && !cookie && now - f->born_at < ISS_CLOCK_MAX &&
		slow && watch_seq_diff(p->seq, f->nxt) < 0 && p->seq != f->iss)
		return "W13 a new incarnation begins before the end of the old one";
	leat_sim_flow_begin(f, p, now);
	w->cnt.incarnations++;
	return NULL;
}

static const char *sent_syn(
	struct watch *w, struct watch_flow *f, const struct watch_pkt *p, uint64_t now)
{
	const uint8_t negotiated = WATCH_OPT_WS | WATCH_OPT_SACK_OK | WATCH_OPT_TS;
	bool fresh = !f->syn_sent || p->seq != f->iss ||
		     (f->irs_known && p->flags & WATCH_ACK && p->ack != f->irs + 1);

	w->cnt.sent_syn++;
	if (fresh) {
		const char *wrong = begin_incarnation(w, f, p, now);

		if (wrong)
			return wrong;
	}
	if (!(p->flags & WATCH_ACK)) {
		f->plain_syn = true;
		return NULL;
	}
	if (w->config.cookies)
		f->cookie[f->cookie_cnt++ % WATCH_COOKIES] = *p;
	if (!leat_sim_flow_irs(f, p->ack))
		return "W22 a SYN-ACK for a SYN that never came";
	if (!f->plain_syn && p->opts & negotiated & ~f->peer_maybe)
		return "W25 a SYN-ACK with an option that the SYN did not offer";
	return NULL;
}

/* Copies of a SYN with other options have other cookies: what comes next shows which one held. */
static void choose_cookie(struct watch_flow *f, const struct watch_pkt *p, uint64_t now)
{
	if (f->nxt != f->iss + 1 || p->seq == f->nxt)
		return;
	for (uint32_t i = 0; i < WATCH_COOKIES && i < f->cookie_cnt; i++) {
		if (f->cookie[i].seq + 1 == p->seq) {
			leat_sim_flow_numbers(f, &f->cookie[i], now);
			return;
		}
	}
}

static const char *sent_ack(struct watch_flow *f, const struct watch_pkt *p)
{
	if (!f->irs_known && !leat_sim_flow_irs(f, p->ack))
		return "W22 acknowledges a handshake that never came";
	if (watch_seq_diff(p->ack, f->frontier) > 0)
		return "W22 acknowledges octets that never came";
	if (f->ack_sent && watch_seq_diff(p->ack, f->last_ack) < 0)
		return "W22 an acknowledgment number that goes back";
	if (!f->ack_sent || p->ack != f->last_ack)
		f->quiet_run = 0;
	f->ack_sent = true;
	f->last_ack = p->ack;

	uint32_t shift = p->flags & WATCH_SYN ? 0 : leat_sim_flow_own_shift(f);
	uint32_t edge = p->ack + ((uint32_t)p->wnd << shift);
	uint32_t slack = (1U << shift) - 1; /* RFC 7323 2.4: what the scale rounds off */
	if (f->edge_known && !f->ambiguous && !(p->flags & WATCH_SYN) &&
		watch_seq_diff(edge + slack, f->edge) < 0)
		return "W6 the right edge of the window moves left";
	if (!f->edge_known || watch_seq_diff(edge, f->edge) > 0) {
		f->edge = edge;
		f->quiet_run = 0;
		f->bare -= f->bare > 0; /* news of the window is no mere answer */
	}
	f->edge_known = true;
	return NULL;
}

static const char *sent_range(const struct watch_flow *f, const struct watch_pkt *p)
{
	uint32_t text_end = p->seq + p->text;
	uint32_t room = leat_sim_flow_peer_mss(f);

	if (watch_seq_diff(p->seq, f->iss) <= 0 && p->text > 0)
		return "W23 text before the initial sequence number";
	if (watch_seq_diff(p->seq, f->nxt) > 0 && !f->may_lose)
		return "W21 a sequence number beyond what was sent";
	if (f->ambiguous)
		return NULL;
	if (p->text > 0 && (!f->peer_edge_known || watch_seq_diff(text_end, f->peer_edge + 1) > 0))
		return "W21 text beyond the window of the peer";
	if (p->text > 0 && p->text + p->opt_octets > (room > MSS_FLOOR ? room : MSS_FLOOR))
		return "W21 a segment above the MSS of the peer";
	if (p->flags & WATCH_FIN && f->peer_edge_known &&
		watch_seq_diff(text_end, f->peer_edge + 1) > 0)
		return "W21 a FIN far beyond the window of the peer";
	return NULL;
}

static const char *sent_text(struct watch *w, struct watch_flow *f, const struct watch_pkt *p)
{
	const char *wrong = sent_range(f, p);
	uint32_t end = p->seq + p->text + !!(p->flags & WATCH_FIN);

	if (wrong)
		return wrong;
	if (watch_seq_diff(p->seq, f->nxt) > 0)
		f->nxt = f->text_from = p->seq; /* what came before was never seen */
	if (end == p->seq)
		return NULL;
	w->cnt.sent_text += p->text;
	f->quiet_run = 0;
	f->again = watch_seq_diff(p->seq, f->nxt) < 0;
	w->cnt.sent_again += f->again;
	if (f->fin_sent && watch_seq_diff(p->seq + p->text, f->fin) > 0)
		return "W23 text behind the FIN";
	if (p->flags & WATCH_FIN) {
		if (f->fin_sent && f->fin != p->seq + p->text)
			return "W23 a FIN that moved";
		if (!f->fin_sent && !f->may_lose && watch_seq_diff(p->seq + p->text, f->nxt) < 0)
			return "W23 a FIN before text that was sent";
		f->fin_sent = true;
		f->fin = p->seq + p->text;
		w->cnt.sent_fin++;
	}
	if (!leat_sim_flow_text(f, p))
		return "W23 other octets than before at the same sequence number";
	if (watch_seq_diff(end, f->nxt) > 0)
		f->nxt = end;
	return NULL;
}

/* RFC 3168 6.1: told only where both agreed; new text alone is ECN-capable. */
static const char *sent_ecn(const struct watch_flow *f, const struct watch_pkt *p)
{
	if (p->ecn == WATCH_ECN_CE)
		return "W25 a mark that only routers make";
	if (p->flags & WATCH_SYN)
		return p->ecn ? "W25 a SYN that is ECN-capable" : NULL;
	if ((p->flags & (WATCH_ECE | WATCH_CWR) || p->ecn) && !(f->own_ecn && f->peer.ecn))
		return "W25 ECN that was not agreed";
	if (p->flags & WATCH_ECE && !f->ce_came)
		return "W25 an echo of congestion that nobody met";
	if (p->ecn && (p->text == 0 || f->again))
		return "W25 ECN-capable, and no new text";
	return NULL;
}

/* A cookie remembers nothing: its SYN,ACK echoes the SYN that it answers, be it an old copy. */
static const char *sent_options(
	const struct watch *w, struct watch_flow *f, const struct watch_pkt *p, uint64_t now)
{
	bool cookie = w->config.cookies && p->flags & WATCH_SYN;
	uint8_t agreed = f->own_opts & f->peer.opts, maybe = f->own_opts & f->peer_maybe;

	if (p->flags & WATCH_SYN)
		agreed = maybe = f->own_opts; /* of its own SYN */
	if (!(p->flags & WATCH_SYN) && agreed & ~p->opts & WATCH_OPT_TS)
		return "W25 no timestamp, though agreed";
	if (p->opts & ~maybe & WATCH_OPT_TS)
		return "W25 a timestamp that was not agreed";
	if (p->opts & WATCH_OPT_TS) {
		if (f->ts_sent && watch_seq_diff(p->ts_val, f->ts_last) < 0 &&
			now - f->ts_sent_at < TS_COMPARE_NS)
			return "W25 a timestamp that goes back";
		f->ts_sent = true;
		f->ts_sent_at = now;
		f->ts_last = p->ts_val;
		if (p->flags & WATCH_ACK && f->ts_came && !f->forged && !f->ambiguous &&
			(watch_seq_diff(p->ts_ecr, f->ts_max) > 0 ||
				(!cookie && f->peer.opts & WATCH_OPT_TS &&
					now - f->born_at < TS_COMPARE_NS &&
					watch_seq_diff(p->ts_ecr, f->peer.ts_val) < 0)))
			return "W25 echoes a timestamp that never came";
	}
	const char *wrong = sent_ecn(f, p);
	if (wrong || !(p->opts & WATCH_OPT_SACK))
		return wrong;
	if (!(maybe & WATCH_OPT_SACK_OK))
		return "W25 SACK that was not agreed";
	return leat_sim_flow_sack(f, p);
}

/* W24, W26: bare ACKs are answers, and answers to answers die out. */
static const char *sent_bare(struct watch *w, struct watch_flow *f, uint64_t now)
{
	w->cnt.sent_bare++;
	f->bare++;
	if (f->bare > 2 * f->arrived + 4)
		return "W24 more than twice as many bare ACKs as segments that arrived";
	if (f->quiet_run++ == 0)
		f->quiet_since = now;
	if (f->quiet_run > QUIET_ACKS_MAX && now - f->quiet_since < QUIET_NS)
		return "W26 ACKs that answer ACKs, on and on";
	return NULL;
}

/* TIME-WAIT is back, as the SYN that seemed to open anew was an old duplicate (MAY-2). */
static bool came_back(const struct watch_flow *f, const struct watch_pkt *p)
{
	return f->old_known && p->text == 0 && (p->flags & ~WATCH_CWR & ~WATCH_ECE) == WATCH_ACK &&
	       p->seq == f->old_nxt && p->ack == f->old_ack;
}

static const char *sent_tcp(struct watch *w, uint32_t host, uint64_t now, const struct watch_pkt *p)
{
	struct watch_key key = {host, p->src, p->dst, p->sport, p->dport};
	struct watch_flow *f = find(w, &key, p->flags & WATCH_SYN);
	const char *wrong = sent_burst(w, p, f);

	if (wrong)
		return wrong;
	if (p->flags & WATCH_RST) {
		w->cnt.sent_rst++;
		if (f) {
			f->owed = false;
			f->did_reset = true;
		}
		return NULL;
	}
	if (f && f->owed && w->config.prompt && !(p->flags & WATCH_SYN) &&
		now - f->owed_since > ACK_WITHIN_NS)
		return "W40 text that waited for more than half a second for its ACK";
	if (f)
		f->owed = false;
	if (!f || (!f->syn_sent && !(p->flags & WATCH_SYN)))
		return w->config.may_lose ? NULL : "W20 a segment of a connection that never began";
	if (came_back(f, p))
		return NULL;
	if (p->flags & WATCH_SYN)
		wrong = sent_syn(w, f, p, now);
	else if (w->config.cookies)
		choose_cookie(f, p, now);
	if (!wrong && p->flags & WATCH_ACK)
		wrong = sent_ack(f, p);
	if (!wrong && !(p->flags & WATCH_SYN))
		wrong = sent_text(w, f, p);
	if (!wrong)
		wrong = sent_options(w, f, p, now);
	if (!wrong && p->text == 0 && !(p->flags & (WATCH_SYN | WATCH_FIN)))
		wrong = sent_bare(w, f, now);
	w->cnt.sent_sack += (p->opts & WATCH_OPT_SACK) != 0;
	return wrong;
}

const char *leat_sim_watch_sent(
	struct watch *w, uint32_t host, uint64_t now, const uint8_t *frame, uint32_t octets)
{
	struct watch_pkt p;
	const char *wrong = leat_sim_watch_parse(frame, octets, w->config.raw_ip, &p);

	w->cnt.sent++;
	if (!wrong)
		wrong = leat_sim_watch_form(&w->config, &w->config.host[host], frame, octets, &p);
	if (wrong || p.kind != WATCH_TCP)
		return wrong;
	return sent_tcp(w, host, now, &p);
}
