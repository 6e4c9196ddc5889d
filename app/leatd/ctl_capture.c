/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl.h"

#include "base_bits.h"
#include "base_time.h"
#include "ctl_packet.h"
#include "text.h"
#include "watch_pcapng.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <pcap/bpf.h>

#define SNAP_MIN      14
#define RING_MAX      (UINT32_C(1) << 24)
#define SLOTS_OCTETS  (UINT32_C(4) << 20) /* of a shard, for what its reader has not read yet */
#define SLOTS_MIN     64
#define MEMORY_MAX    (UINT64_C(1) << 30)
#define OUT_OCTETS    (UINT32_C(256) << 10)
#define LOOK_NS       (2 * TIME_MS)
#define LAG_NS        (2 * TIME_S) /* so long packets of others wait for a shard that is late */
#define DATE_EVERY_NS (10 * TIME_S)
#define DATE_SHARP_NS 5000
#define LAST_NS       TIME_S /* to take the rest, when the instance ends */

#define INSN_DIGITS   16 /* code 4, jt 2, jf 2, k 8 */

/* What shards write to, theirs until they have answered that it ended. */
struct ctl_capture {
	struct ctl_capture *next;
	size_t octets; /* of the mapping that all of this is in */
	uint32_t shard_cnt;
	bool posted[SHARD_MAX]; /* the shard has a letter that it did not answer yet */
	bool last[SHARD_MAX];   /* and it is the one that ends it */
	bool over[SHARD_MAX];   /* it will look into none of this any more */
	bool has[SHARD_MAX];    /* it captures, or did; at the end what it counted is ours */
	/* What shards read; the first is written by any of them. */
	_Alignas(CACHE_LINE) atomic_bool fired;
	_Alignas(CACHE_LINE) struct bpf_insn insn[SHARD_CAPTURE_INSN_MAX];
	struct shard_capture of[SHARD_MAX];
};

struct session {
	struct ctl_client *q;
	struct ctl_capture *c;
	struct shard_clock clock; /* a copy: a clock is one reader's */
	uint64_t snap, count, seconds, ring, ring_octets;
	bool drops;
	const char *filter;
	struct shard_capture_event event;
	uint32_t insn_cnt;
	struct bpf_insn insn[SHARD_CAPTURE_INSN_MAX];
	uint64_t began, wall, dated; /* wall: what to add to an instant for its date */
	uint64_t written, last_at;
	bool gone; /* nobody reads */
	uint64_t give_up_at;
	uint32_t out_cnt;
	uint8_t out[OUT_OCTETS];
};

/* ---- to who reads ---- */

/* put_out writes all that is in out; a reader who is slow is waited for, but not by who stops. */
static void put_out(struct session *s)
{
	struct ctl *ctl = s->q->ctl;
	uint32_t at = 0;

	while (at < s->out_cnt && !s->gone) {
		struct pollfd p[2] = {{.fd = s->q->fd, .events = POLLOUT},
			{.fd = ctl->stop_fd[0], .events = POLLIN}};
		bool stop = atomic_load(&ctl->stop);
		uint64_t now = shard_clock_read(&s->clock);

		if (stop && s->give_up_at == 0)
			s->give_up_at = now + LAST_NS;
		if (stop && now >= s->give_up_at)
			break;
		if (poll(p, stop ? 1 : 2, stop ? (int)(LAST_NS / TIME_MS) : -1) < 0 &&
			errno != EINTR)
			break;
		if (p[0].revents == 0)
			continue;
		ssize_t n =
			send(s->q->fd, s->out + at, s->out_cnt - at, MSG_NOSIGNAL | MSG_DONTWAIT);
		s->gone = n < 0 && errno != EAGAIN && errno != EINTR;
		at += n > 0 ? (uint32_t)n : 0;
	}
	s->gone |= at < s->out_cnt;
	s->out_cnt = 0;
}

/* room makes sure of octets in out. */
static uint8_t *room(struct session *s, uint32_t octets)
{
	if (s->out_cnt + octets > OUT_OCTETS)
		put_out(s);
	return s->out + s->out_cnt;
}

/* date measures what the shards' clock is behind the date.  Between two packets it does not change
 * but when the clocks went apart, or somebody set the date. */
static void date(struct session *s)
{
	for (uint32_t tries = 0; tries < 100; tries++) {
		uint64_t before = shard_clock_read(&s->clock);
		uint64_t wall = leat_shard_clock_wall_ns();
		uint64_t after = shard_clock_read(&s->clock);

		s->wall = wall - (before + (after - before) / 2);
		s->dated = after;
		if (after - before < DATE_SHARP_NS)
			return;
	}
}

static const char *port_of(const struct session *s, uint32_t shard)
{
	return s->q->ctl->plane->shard[shard].port->name;
}

static void put_head(struct session *s)
{
	char name[WATCH_PCAPNG_TEXT];

	memcpy(s->out, "ok\n", 3);
	s->out_cnt = 3;
	s->out_cnt += (uint32_t)leat_watch_pcapng_section(
		room(s, WATCH_PCAPNG_HEAD), "leat " LEAT_VERSION);
	for (uint32_t i = 0; i < s->c->shard_cnt; i++) {
		snprintf(name, sizeof(name), "%s/shard%" PRIu32, port_of(s, i), i);
		s->out_cnt += (uint32_t)leat_watch_pcapng_interface(
			room(s, WATCH_PCAPNG_HEAD), name, s->filter, (uint32_t)s->snap);
	}
	put_out(s);
}

static void put_packet(struct session *s, uint32_t shard, const struct shard_captured *f)
{
	char comment[WATCH_PCAPNG_TEXT];
	bool out = f->kind == SHARD_CAPTURE_SENT || f->kind == SHARD_CAPTURE_SENT_AGAIN;

	leat_ctl_packet_text(f, shard, comment, sizeof(comment));
	struct watch_packet p = {.interface = shard,
		.way = out ? WATCH_PCAPNG_OUT : WATCH_PCAPNG_IN,
		.at = s->wall + f->at,
		.octets = f->octets,
		.kept = f->kept,
		.data = (const uint8_t *)(f + 1),
		.comment = comment};
	s->out_cnt += (uint32_t)leat_watch_pcapng_packet(room(s, WATCH_PCAPNG_HEAD + f->kept), &p);
	s->written++;
}

/* put_missing writes which shards did not begin, or may not have ended. */
static void put_missing(const struct session *s, char *to, size_t size)
{
	const char *before = "; incomplete, as it did not turn: shard ";

	*to = '\0';
	for (uint32_t i = 0; i < s->c->shard_cnt; i++) {
		size_t at = strlen(to);

		if (s->c->has[i])
			continue;
		snprintf(to + at, size - at, "%s%" PRIu32, before, i);
		before = ", ";
	}
}

/* put_stats tells of each shard, and adds it to sum; what one that may not have ended counts is not
 * ours to read.  Gives how many were told of. */
static uint32_t put_stats(struct session *s, struct watch_pcapng_stats *sum)
{
	uint64_t to = s->wall + shard_clock_read(&s->clock);
	uint32_t cnt = 0;

	for (uint32_t i = 0; i < s->c->shard_cnt; i++) {
		const struct shard_capture *c = &s->c->of[i];

		if (!s->c->has[i])
			continue;
		s->out_cnt += (uint32_t)leat_watch_pcapng_stats(
			room(s, WATCH_PCAPNG_HEAD), &(struct watch_pcapng_stats){.interface = i,
							    .from = s->wall + s->began,
							    .to = to,
							    .received = c->seen,
							    .accepted = c->accepted,
							    .lost = c->lost});
		sum->received += c->seen;
		sum->accepted += c->accepted;
		sum->lost += c->lost;
		cnt++;
	}
	return cnt;
}

/* put_end tells of each shard, and then in a sentence. */
static void put_end(struct session *s)
{
	struct watch_pcapng_stats sum = {0};
	uint32_t cnt = put_stats(s, &sum);
	char text[WATCH_PCAPNG_TEXT], missing[WATCH_PCAPNG_TEXT], n[4][TEXT_GROUP_MAX];

	leat_text_group(s->written, n[0], sizeof(n[0]));
	leat_text_group(sum.accepted, n[1], sizeof(n[1]));
	leat_text_group(sum.lost, n[2], sizeof(n[2]));
	leat_text_group(sum.received, n[3], sizeof(n[3]));
	put_missing(s, missing, sizeof(missing));
	snprintf(text, sizeof(text),
		"captured %s of %s that match (%s lost%s), of %s frames, on %" PRIu32
		" shard%s%s%s",
		n[0], n[1], n[2], sum.lost > 0 ? ", as the reader was slower" : "", n[3], cnt,
		cnt != 1 ? "s" : "",
		s->ring != 0 && !atomic_load(&s->c->fired) ? "; the trigger was not seen" : "",
		missing);
	s->out_cnt += (uint32_t)leat_watch_pcapng_said(room(s, WATCH_PCAPNG_HEAD), text);
	put_out(s);
}

/* ---- from the shards ---- */

/* settled is the instant before which no shard has anything to add. */
static uint64_t settled(struct session *s)
{
	const struct plane *p = s->q->ctl->plane;
	uint64_t now = shard_clock_read(&s->clock), at = now;

	for (uint32_t i = 0; i < p->loop_cnt; i++)
		at = u64_min(at, atomic_load_explicit(&p->loop[i].beat.at, memory_order_acquire));
	return u64_max(at, now > LAG_NS ? now - LAG_NS : 0);
}

/* oldest is the shard that has the oldest frame, before until; shard_cnt: none. */
static uint32_t oldest(struct session *s, uint64_t until)
{
	uint32_t best = s->c->shard_cnt;

	for (uint32_t i = 0; i < s->c->shard_cnt; i++) {
		const struct shard_captured *f =
			s->c->has[i] ? leat_shard_capture_peek(&s->c->of[i]) : NULL;

		if (f == NULL || f->at >= until)
			continue;
		until = f->at;
		best = i;
	}
	return best;
}

/* drain writes what was captured before until, in order, and no more than count; the first skip are
 * left out. */
static void drain(struct session *s, uint64_t until, uint64_t skip)
{
	if (shard_clock_read(&s->clock) - s->dated >= DATE_EVERY_NS)
		date(s);
	while (!s->gone && (s->count == 0 || s->written < s->count)) {
		uint32_t i = oldest(s, until);

		if (i == s->c->shard_cnt)
			break;
		if (skip > 0)
			skip--;
		else
			put_packet(s, i, leat_shard_capture_peek(&s->c->of[i]));
		leat_shard_capture_next(&s->c->of[i]);
	}
	if (s->out_cnt != 0)
		put_out(s);
}

/* post has shard i begin or end, some time; false: there is no room in its box. */
static bool post(struct ctl *ctl, struct ctl_capture *c, uint32_t i, bool end)
{
	struct shard_capture *of = &c->of[i];

	atomic_store_explicit(&of->end, end, memory_order_release);
	atomic_store_explicit(&of->answered, false, memory_order_relaxed);
	c->posted[i] = leat_ctl_put(ctl, i, (struct shard_letter){SHARD_MAIL_CAPTURE, of});
	c->last[i] = c->posted[i] && end;
	return c->posted[i];
}

/* has_answered waits for what shard i has of ours; false: it does not turn. */
static bool has_answered(struct session *s, uint32_t i)
{
	s->c->posted[i] = s->c->posted[i] && !leat_ctl_await(s->q->ctl, i, &s->c->of[i].answered);
	return !s->c->posted[i];
}

static bool tell(struct session *s, uint32_t i, bool end)
{
	return post(s->q->ctl, s->c, i, end) && has_answered(s, i);
}

/* has_ended has shard i end; false: it may still write, or read a letter about it. */
static bool has_ended(struct session *s, uint32_t i)
{
	/* It has not begun, perhaps. */
	atomic_store_explicit(&s->c->of[i].end, true, memory_order_release);
	if (!s->c->posted[i] && !s->c->has[i])
		return true;
	return has_answered(s, i) && tell(s, i, true);
}

/* end_all: a shard that does not turn keeps what it has; when all have ended turning, because the
 * instance ends, nobody needs to be told. */
static void end_all(struct session *s)
{
	for (uint32_t i = 0; i < s->c->shard_cnt; i++) {
		s->c->over[i] = has_ended(s, i) || atomic_load(&s->q->ctl->stop);
		s->c->has[i] &= s->c->over[i];
	}
}

static bool begin_all(struct session *s)
{
	bool refused = false;

	for (uint32_t i = 0; i < s->c->shard_cnt && !refused; i++) {
		bool told = tell(s, i, false);

		refused = told && s->c->of[i].refused;
		s->c->has[i] = told && !refused;
	}
	if (refused)
		fprintf(s->q->out, "no 3 - %d captures are under way already; end one of them\n",
			SHARD_CAPTURE_MAX);
	return !refused;
}

/* take_up: one that began later than it was waited for captures, too. */
static void take_up(struct session *s)
{
	for (uint32_t i = 0; i < s->c->shard_cnt; i++) {
		const struct shard_capture *of = &s->c->of[i];

		if (!s->c->posted[i] || !atomic_load_explicit(&of->answered, memory_order_acquire))
			continue;
		s->c->posted[i] = false;
		s->c->has[i] = !of->refused;
	}
}

/* ---- memory ---- */

static uint32_t slots(const struct session *s)
{
	if (s->ring != 0)
		return (uint32_t)pow2_ceil(s->ring);
	uint64_t cnt = SLOTS_OCTETS / shard_capture_slot_octets((uint32_t)s->snap);

	return (uint32_t)(pow2_ceil(u64_max(cnt, SLOTS_MIN) + 1) / 2);
}

/* make takes memory for all shards, used at once, so that none of them has to wait for a page. */
static bool make(struct session *s)
{
	uint32_t shard_cnt = s->q->ctl->plane->shard_cnt, slot_cnt = slots(s);
	uint64_t each = (uint64_t)slot_cnt * shard_capture_slot_octets((uint32_t)s->snap);
	uint64_t octets = sizeof(struct ctl_capture) + CACHE_LINE + shard_cnt * each;

	void *mem = octets > MEMORY_MAX
			    ? MAP_FAILED
			    : mmap(NULL, octets, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (mem == MAP_FAILED) {
		fprintf(s->q->out,
			"no 3 - it takes %" PRIu64 " MiB for %" PRIu32 " shards, and %s; a smaller "
			"--ring or --snap\n",
			octets >> 20, shard_cnt,
			octets > MEMORY_MAX ? "1024 MiB are the most" : strerror(errno));
		return false;
	}
	s->c = mem;
	s->c->octets = octets;
	s->c->shard_cnt = shard_cnt;
	memcpy(s->c->insn, s->insn, sizeof(s->insn));
	for (uint32_t i = 0; i < shard_cnt; i++) {
		struct shard_capture *c = &s->c->of[i];
		uintptr_t at =
			((uintptr_t)(s->c + 1) + CACHE_LINE - 1) & ~(uintptr_t)(CACHE_LINE - 1);

		*c = (struct shard_capture){.snap = (uint32_t)s->snap,
			.slot_cnt = slot_cnt,
			.drops = s->drops,
			.newest = s->ring != 0,
			.event = s->event,
			.insn_cnt = s->insn_cnt,
			.insn = s->c->insn,
			.fired = &s->c->fired};
		leat_shard_capture_init(c, (uint8_t *)at + i * each);
	}
	return true;
}

/* keep lets c be swept: a shard may still write to it. */
static void keep(struct ctl *ctl, struct ctl_capture *c)
{
	pthread_mutex_lock(&ctl->putting);
	c->next = ctl->kept;
	ctl->kept = c;
	pthread_mutex_unlock(&ctl->putting);
}

static bool all_over(const struct ctl_capture *c)
{
	bool over = true;

	for (uint32_t i = 0; i < c->shard_cnt; i++)
		over &= c->over[i];
	return over;
}

/* unmake gives it back, now or when the last shard has let go. */
static void unmake(struct session *s)
{
	if (all_over(s->c))
		munmap(s->c, s->c->octets);
	else
		keep(s->q->ctl, s->c);
}

/* let_go goes on with the end of what shard i has: the letter to begin may have to be read
 * first. */
static bool let_go(struct ctl *ctl, struct ctl_capture *c, uint32_t i)
{
	if (c->posted[i] && !atomic_load_explicit(&c->of[i].answered, memory_order_acquire))
		return false;
	if (c->posted[i] && c->last[i])
		return true;
	(void)post(ctl, c, i, true);
	return false;
}

void leat_ctl_capture_sweep(struct ctl *ctl)
{
	pthread_mutex_lock(&ctl->putting);
	struct ctl_capture *kept = ctl->kept;
	ctl->kept = NULL;
	pthread_mutex_unlock(&ctl->putting);
	while (kept != NULL) {
		struct ctl_capture *c = kept;

		kept = c->next;
		for (uint32_t i = 0; i < c->shard_cnt; i++)
			c->over[i] = c->over[i] || let_go(ctl, c, i);
		if (all_over(c))
			munmap(c, c->octets);
		else
			keep(ctl, c);
	}
}

void leat_ctl_capture_free(struct ctl *ctl)
{
	while (ctl->kept != NULL) {
		struct ctl_capture *c = ctl->kept;

		ctl->kept = c->next;
		munmap(c, c->octets);
	}
}

/* ---- the question ---- */

/* read_number reads `name=N` with N in from to to; false: it is another word, or no such number. */
static bool read_number(
	const char *word, const char *name, uint64_t from, uint64_t to, uint64_t *value)
{
	size_t octets = strlen(name);
	char *end;

	if (strncmp(word, name, octets) != 0 || word[octets] != '=')
		return false;
	errno = 0;
	*value = strtoull(word + octets + 1, &end, 10);
	return *end == '\0' && errno == 0 && *value >= from && *value <= to;
}

/* read_code reads a program for the filter, INSN_DIGITS an instruction. */
static bool read_code(struct session *s, const char *digits)
{
	size_t cnt = strlen(digits) / INSN_DIGITS;

	if (cnt == 0 || cnt > SHARD_CAPTURE_INSN_MAX || strlen(digits) % INSN_DIGITS != 0)
		return false;
	for (size_t i = 0; i < cnt; i++) {
		unsigned code, jt, jf, k;

		if (sscanf(digits + i * INSN_DIGITS, "%4x%2x%2x%8x", &code, &jt, &jf, &k) != 4)
			return false;
		s->insn[i] = (struct bpf_insn){
			.code = (u_short)code, .jt = (u_char)jt, .jf = (u_char)jf, .k = k};
	}
	s->insn_cnt = (uint32_t)cnt;
	/* What comes over a socket runs on the lcores: it jumps forward only, to an end. */
	return bpf_validate(s->insn, (int)cnt) != 0;
}

/* read_word takes one word of the question; false after what is wrong with it. */
static bool read_word(struct session *s, char *word)
{
	if (strcmp(word, "drops") == 0)
		return s->drops = true;
	if (read_number(word, "snap", SNAP_MIN, SHARD_CAPTURE_SNAP_MAX, &s->snap) ||
		read_number(word, "count", 1, UINT64_MAX, &s->count) ||
		read_number(word, "seconds", 1, UINT32_MAX, &s->seconds) ||
		read_number(word, "ring", 1, RING_MAX, &s->ring) ||
		read_number(word, "ring-octets", 1, MEMORY_MAX, &s->ring_octets))
		return true;
	if (strncmp(word, "code=", 5) == 0 && read_code(s, word + 5))
		return true;
	if (strncmp(word, "trigger=", 8) == 0) {
		char *unknown = leat_ctl_packet_event(&s->event, word + 8);

		if (unknown == NULL)
			return true;
		fprintf(s->q->out,
			"no 1 - no such event: `%s`; drop, reset, retransmission, a state or a "
			"verdict (leat explain lists them)\n",
			unknown);
		return false;
	}
	fprintf(s->q->out, "no 1 - `%.40s` is none of capture's words, or out of range\n", word);
	return false;
}

static bool read_words(struct session *s, char *words)
{
	for (char *rest = words; rest != NULL && *rest != '\0';) {
		if (strncmp(rest, "filter=", 7) == 0) {
			s->filter = rest + 7;
			return true;
		}
		if (!read_word(s, strsep(&rest, " ")))
			return false;
	}
	return true;
}

/* fit_ring makes of octets for a ring as many packets as fit, whichever shard the last of them come
 * from; false: not one does. */
static bool fit_ring(struct session *s)
{
	uint64_t each = (uint64_t)s->q->ctl->plane->shard_cnt *
			shard_capture_slot_octets((uint32_t)s->snap);

	if (s->ring_octets == 0)
		return true;
	s->ring = s->ring_octets / each;
	if (s->ring != 0)
		s->ring = pow2_ceil(s->ring + 1) / 2;
	else
		fprintf(s->q->out,
			"no 1 - --ring: one packet takes %" PRIu64
			" octets, of --snap and as many for each shard\n",
			each);
	return s->ring != 0;
}

/* ---- the life of a capture ---- */

static bool is_over(struct session *s)
{
	uint64_t now = shard_clock_read(&s->clock);

	return s->gone || (s->count != 0 && s->written >= s->count) ||
	       (s->seconds != 0 && now >= s->began + s->seconds * TIME_S) ||
	       atomic_load_explicit(&s->c->fired, memory_order_relaxed);
}

/* surplus is how many frames there are more than the newest that are wanted. */
static uint64_t surplus(struct session *s)
{
	uint64_t cnt = 0;

	for (uint32_t i = 0; i < s->c->shard_cnt; i++)
		if (s->c->has[i])
			cnt += u64_min(atomic_load(&s->c->of[i].tail), s->c->of[i].slot_cnt);
	return cnt > s->ring ? cnt - s->ring : 0;
}

static void capture(struct session *s)
{
	date(s);
	s->began = s->dated;
	put_head(s);
	do {
		take_up(s);
		if (s->ring == 0)
			drain(s, settled(s), 0);
	} while (!is_over(s) && leat_ctl_pause(s->q, LOOK_NS));
	end_all(s);
	drain(s, UINT64_MAX, s->ring != 0 ? surplus(s) : 0);
	put_end(s);
}

void leat_ctl_capture(struct ctl_client *q, char *words)
{
	struct session *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		fprintf(q->out, "no 3 - there is no memory to capture\n");
		return;
	}
	s->q = q;
	s->clock = q->ctl->clock;
	s->snap = 128;
	s->filter = "";
	if (read_words(s, words) && fit_ring(s) && make(s)) {
		if (begin_all(s))
			capture(s);
		else
			end_all(s);
		unmake(s);
	}
	free(s);
}
