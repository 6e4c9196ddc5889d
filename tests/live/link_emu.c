/* SPDX-License-Identifier: BSD-3-Clause */
/* link_emu: a link between two network namespaces, as bad as one likes, and the same each time.
 *
 *	netns A ─ TAP ─► queue ─► rate ─► loss? ─► delay (+ extra?) ─► TAP ─ netns B, and back
 *
 * A frame finds room in the queue or is dropped, leaves it at the rate, is lost or doubled by
 * chance, and arrives after the delay; a reordered one after an extra delay, and so behind those
 * that it was sent before.  Chance meets only TCP segments, that a lost ARP request does not decide
 * a measurement.  At a signal it takes what was sent before, delivers all when it is due, and
 * prints what it really did, by direction, as name=value: due_us is how long frames were to be
 * under way, span_us how long it let frames in.
 *
 * Units      frames, octets, us, bits a second, millionths.
 * Errors     a line on stderr and exit code 1. */

#include "base_bits.h"
#include "base_prng.h"
#include "base_time.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FRAME_MAX  2048
#define BURST_MAX  64
#define WAY_CNT    2
#define TAP_QUEUE  10000 /* frames: some seconds without a processor */
#define ETHER_LEN  14
#define RATE_BITS  UINT64_C(8)
#define NEXT_AT_4  23 /* the protocol in an IPv4 header, behind Ethernet's */
#define NEXT_AT_6  20
#define TCP_NUMBER 6

/* What a direction is told to do, one name each on the command line. */
enum setting {
	SET_RATE,
	SET_DELAY,
	SET_LOSS,
	SET_REORDER,
	SET_EXTRA,
	SET_DUPLICATE,
	SET_QUEUE,
	SET_SEED,
	SET_CNT
};

static const char *const setting_name[SET_CNT] = {
	"rate", "delay", "loss", "reorder", "extra", "duplicate", "queue", "seed"};

/* A frame on its way. */
struct frame {
	uint64_t at, serial;
	uint32_t octets, way;
	uint8_t data[];
};

struct way {
	uint64_t set[SET_CNT];
	struct prng prng;
	int in, out;
	uint64_t free_at;   /* when the last octet in the queue is out */
	uint64_t serial;    /* of the last frame that was let in */
	uint64_t last_gone; /* the highest serial that arrived */
	uint64_t frames, octets, lost, reordered, duplicated, dropped, arrived, overtaken, refused;
	uint64_t late_ns, late_ns_max;
	uint64_t first_at, last_at; /* of the frames that were let in */
	uint64_t due_ns_min, due_ns_max;
};

static struct {
	struct way way[WAY_CNT];
	struct frame **heap; /* the next to arrive first */
	size_t cnt, max;
} link_;

_Noreturn static void die(const char *what)
{
	fprintf(stderr, "link_emu: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * TIME_S + (uint64_t)t.tv_nsec;
}

/* The clock of a frame: earlier, or as early and let in before. */
static bool before(const struct frame *a, const struct frame *b)
{
	return a->at < b->at || (a->at == b->at && a->serial < b->serial);
}

static void heap_put(struct frame *f)
{
	size_t at = link_.cnt++;

	if (link_.cnt > link_.max) {
		link_.max = link_.max != 0 ? 2 * link_.max : 4096;
		link_.heap = realloc(link_.heap, link_.max * sizeof(*link_.heap));
		if (link_.heap == NULL)
			die("memory");
	}
	for (; at > 0 && before(f, link_.heap[(at - 1) / 2]); at = (at - 1) / 2)
		link_.heap[at] = link_.heap[(at - 1) / 2];
	link_.heap[at] = f;
}

static struct frame *heap_take(void)
{
	struct frame *first = link_.heap[0], *last = link_.heap[--link_.cnt];
	size_t at = 0;

	for (size_t next = 1; next < link_.cnt; next = 2 * at + 1) {
		next += next + 1 < link_.cnt && before(link_.heap[next + 1], link_.heap[next]);
		if (!before(link_.heap[next], last))
			break;
		link_.heap[at] = link_.heap[next];
		at = next;
	}
	link_.heap[at] = last;
	return first;
}

static bool is_tcp(const uint8_t *data, uint32_t octets)
{
	if (octets <= NEXT_AT_4)
		return false;
	if (data[12] == 0x08 && data[13] == 0x00)
		return data[NEXT_AT_4] == TCP_NUMBER;
	return data[12] == 0x86 && data[13] == 0xdd && data[NEXT_AT_6] == TCP_NUMBER;
}

static void launch(struct way *w, const uint8_t *data, uint32_t octets, uint64_t at)
{
	struct frame *f = malloc(sizeof(*f) + octets);

	if (f == NULL)
		die("memory");
	f->at = at;
	f->serial = ++w->serial;
	f->octets = octets;
	f->way = (uint32_t)(w - link_.way);
	w->due_ns_min = u64_min(w->due_ns_min, at - w->last_at);
	w->due_ns_max = u64_max(w->due_ns_max, at - w->last_at);
	memcpy(f->data, data, octets);
	heap_put(f);
}

/* The bottleneck: when the frame has left it; 0: there was no room. */
static uint64_t through_queue(struct way *w, uint32_t octets, uint64_t now)
{
	uint64_t rate = w->set[SET_RATE];

	if (rate == 0)
		return now;
	w->free_at = u64_max(w->free_at, now);
	uint64_t backlog = (w->free_at - now) * rate / (RATE_BITS * TIME_S);
	if (w->set[SET_QUEUE] != 0 && backlog + octets > w->set[SET_QUEUE])
		return 0;
	w->free_at += octets * RATE_BITS * TIME_S / rate;
	return w->free_at;
}

static bool by_chance(struct way *w, enum setting what)
{
	return leat_prng_chance(&w->prng, (uint32_t)w->set[what]);
}

static void let_in(struct way *w, const uint8_t *data, uint32_t octets, uint64_t now)
{
	w->first_at = w->frames == 0 ? now : w->first_at;
	w->last_at = now;
	w->frames++;
	w->octets += octets;
	uint64_t at = through_queue(w, octets, now);
	if (at == 0) {
		w->dropped++;
		return;
	}
	at += w->set[SET_DELAY] * TIME_US;
	if (!is_tcp(data, octets)) {
		launch(w, data, octets, at);
		return;
	}
	/* Always three draws, so that one setting does not move another's luck. */
	bool lost = by_chance(w, SET_LOSS), late = by_chance(w, SET_REORDER);
	bool twice = by_chance(w, SET_DUPLICATE);

	if (lost) {
		w->lost++;
		return;
	}
	w->reordered += late;
	launch(w, data, octets, at + (late ? w->set[SET_EXTRA] * TIME_US : 0));
	if (twice) {
		w->duplicated++;
		launch(w, data, octets, at);
	}
}

/* read_burst takes some of what waits; false: that was all. */
static bool read_burst(struct way *w)
{
	uint8_t data[FRAME_MAX];

	for (uint32_t i = 0; i < BURST_MAX; i++) {
		ssize_t octets = read(w->in, data, sizeof(data));

		if (octets < 0 && errno != EAGAIN && errno != EIO)
			die("read");
		if (octets < ETHER_LEN)
			return false;
		let_in(w, data, (uint32_t)octets, now_ns());
	}
	return true;
}

static void deliver_due(void)
{
	while (link_.cnt > 0) {
		uint64_t now = now_ns();

		if (link_.heap[0]->at > now)
			return;
		struct frame *f = heap_take();
		struct way *w = &link_.way[f->way];

		w->late_ns += now - f->at;
		w->late_ns_max = u64_max(w->late_ns_max, now - f->at);
		w->overtaken += f->serial < w->last_gone;
		w->last_gone = u64_max(w->last_gone, f->serial);
		if (write(w->out, f->data, f->octets) == (ssize_t)f->octets)
			w->arrived++;
		else
			w->refused++; /* the interface is down, or its queue is full */
		free(f);
	}
}

static void report(void)
{
	static const char *const name[WAY_CNT] = {"a->b", "b->a"};

	for (uint32_t i = 0; i < WAY_CNT; i++) {
		const struct way *w = &link_.way[i];
		uint64_t arrived = u64_max(w->arrived, 1);

		printf("%s frames=%" PRIu64 " octets=%" PRIu64 " arrived=%" PRIu64 " lost=%" PRIu64
		       " reordered=%" PRIu64 " overtaken=%" PRIu64 " duplicated=%" PRIu64
		       " dropped=%" PRIu64 " refused=%" PRIu64 " late_us_mean=%" PRIu64
		       " late_us_max=%" PRIu64 " due_us_min=%" PRIu64 " due_us_max=%" PRIu64
		       " span_us=%" PRIu64 "\n",
			name[i], w->frames, w->octets, w->arrived, w->lost, w->reordered,
			w->overtaken, w->duplicated, w->dropped, w->refused,
			w->late_ns / arrived / TIME_US, w->late_ns_max / TIME_US,
			w->due_ns_min / TIME_US, w->due_ns_max / TIME_US,
			(w->last_at - w->first_at) / TIME_US);
	}
}

/* wait_due waits for one of the descriptors, and no longer than until the next frame is due. */
static void wait_due(struct pollfd *fds, nfds_t cnt)
{
	uint64_t now = now_ns(), at = link_.cnt > 0 ? link_.heap[0]->at : now + TIME_S;
	uint64_t left = at > now ? at - now : 0;
	struct timespec wait = {
		.tv_sec = (time_t)(left / TIME_S), .tv_nsec = (long)(left % TIME_S)};

	if (ppoll(fds, cnt, &wait, NULL) < 0)
		die("ppoll");
}

/* finish: what was sent before the signal arrives. */
static void finish(void)
{
	for (uint32_t i = 0; i < WAY_CNT; i++)
		while (read_burst(&link_.way[i]))
			;
	while (link_.cnt > 0) {
		wait_due(NULL, 0);
		deliver_due();
	}
}

static void run(int stop)
{
	struct pollfd fds[] = {
		{stop, POLLIN, 0}, {link_.way[0].in, POLLIN, 0}, {link_.way[1].in, POLLIN, 0}};

	for (;;) {
		wait_due(fds, COUNT_OF(fds));
		if (fds[0].revents != 0)
			break;
		deliver_due();
		for (uint32_t i = 0; i < WAY_CNT; i++)
			if (fds[1 + i].revents != 0)
				read_burst(&link_.way[i]);
	}
	finish();
}

/* A TAP interface in the namespace at path, with a queue that holds what comes while we are not on
 * the processor. */
static int open_tap(const char *path, const char *name)
{
	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int net = open(path, O_RDONLY | O_CLOEXEC);

	if (net < 0 || setns(net, CLONE_NEWNET) != 0)
		die(path);
	close(net);
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) != 0)
		die(name);
	int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ifr.ifr_qlen = TAP_QUEUE;
	if (any < 0 || ioctl(any, SIOCSIFTXQLEN, &ifr) != 0)
		die(name);
	close(any);
	return fd;
}

/* NAME applies to both directions, a-NAME to what comes from A, b-NAME to what comes from B. */
static bool set(const char *name, const char *value)
{
	bool one = (name[0] == 'a' || name[0] == 'b') && name[1] == '-';
	char *end;
	uint64_t number = strtoull(value, &end, 10);

	for (uint32_t i = 0; i < SET_CNT && *value != '\0' && *end == '\0'; i++) {
		if (strcmp(setting_name[i], one ? name + 2 : name) != 0)
			continue;
		for (uint32_t w = 0; w < WAY_CNT; w++)
			if (!one || (uint32_t)(name[0] - 'a') == w)
				link_.way[w].set[i] = number;
		return true;
	}
	fprintf(stderr, "link_emu: %s %s: no such setting\n", name, value);
	return false;
}

int main(int argc, char **argv)
{
	sigset_t stop;

	if (argc < 5 || argc % 2 == 0) {
		fprintf(stderr, "usage: link_emu NETNS_A IF_A NETNS_B IF_B [[a-|b-]NAME N]...\n");
		return 1;
	}
	for (int i = 5; i < argc; i += 2)
		if (!set(argv[i], argv[i + 1]))
			return 1;
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	prctl(PR_SET_TIMERSLACK, 1UL); /* ns that a wait may be prolonged by */
	/* Before all that is measured, where that is allowed; report tells how late it was. */
	sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 1});
	int a = open_tap(argv[1], argv[2]), b = open_tap(argv[3], argv[4]);
	for (uint32_t i = 0; i < WAY_CNT; i++) {
		struct way *w = &link_.way[i];

		w->in = i == 0 ? a : b;
		w->out = i == 0 ? b : a;
		w->due_ns_min = UINT64_MAX;
		leat_prng_seed(&w->prng, 2 * w->set[SET_SEED] + i);
	}
	printf("ready\n");
	fflush(stdout);
	run(signalfd(-1, &stop, SFD_CLOEXEC));
	report();
	return 0;
}
