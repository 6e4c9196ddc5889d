/* SPDX-License-Identifier: BSD-3-Clause */
/* What can the device alone carry?
 *
 *	bench_device [--json] [--quick] [--device memif|virtio]...
 *
 * Two processes, a core each, as `leat serve` and `leat load` are, but without TCP: the client
 * keeps WINDOW frames on the way, the server sends one for each that it gets.  A frame has as many
 * octets as those of a short HTTP connection have in the mean.  Told of each side are
 *
 *	rx, tx    cycles in the driver for a frame received, and for one sent
 *	buffers   to free a buffer and to take one
 *	frames    a second, each way
 *
 * each of the best of many short parts.  A part in which somebody else ran as well is worse, and so
 * is one in which the other side did not. */
#include "bench_eal.h"
#include "bench.h"

#include "base_time.h"
#include "nic_pool.h"
#include "nic_port.h"

#include <rte_mbuf.h>

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#define BURST       32
#define WINDOW      512
#define SLOTS       1024
#define OCTETS      102
#define PART_FRAMES 20000
#define RUN_NS      (4 * TIME_S)
#define QUICK_NS    (TIME_S / 2)
#define WAIT_NS     (60 * TIME_S)
#define STILL_NS    TIME_S /* so long nothing came: what was on the way is lost */

struct device {
	const char *name, *server, *client; /* what %s is, is the socket */
};

static const struct device devices[] = {
	{"memif", "net_memif0,role=server,socket=%s", "net_memif0,socket=%s"},
	{"virtio", "eth_vhost0,iface=%s", "net_virtio_user0,path=%s"},
};

/* What a part came to. */
struct part {
	uint64_t rx, tx, buffers; /* cycles */
	uint64_t received, sent, bursts, began;
};

struct side {
	struct nic_port port;
	struct rte_mempool *pool;
	struct rte_mbuf *frame[BURST]; /* to be sent */
	uint32_t frame_cnt;
	uint32_t credit; /* frames that may be sent */
	bool server;
	struct part part;
	double rx, tx, buffers, per_burst, per_second; /* the best */
	uint64_t parts, switched;
};

static atomic_bool stop;

static void on_signal(int no)
{
	(void)no;
	atomic_store(&stop, true);
}

static uint64_t clock_ns(void)
{
	return bench_ns(CLOCK_MONOTONIC);
}

/* open_port tells by ready that the port is there, to which the other side may come. */
static bool open_port(struct side *s, const char *args, int ready)
{
	const struct nic_pool_plan plan = {.rx_slots = SLOTS,
		.tx_slots = SLOTS,
		.lcore_cnt = 1,
		.shard_cnt = 1,
		.own = 4 * BURST,
		.mtu = 1500};
	struct nic_port_config config = {
		.queue_cnt = 1, .rx_slots = SLOTS, .tx_slots = SLOTS, .mtu = 1500, .csum = true};

	config.pool = s->pool = leat_nic_pool_new("device", &plan, -1);
	if (s->pool == NULL || leat_nic_port_by_vdev(args, &s->port) != 0 ||
		leat_nic_port_start(&s->port, &config) != 0)
		return false;
	if (write(ready, "r", 1) != 1)
		return false;
	for (uint64_t until = clock_ns() + WAIT_NS; !leat_nic_port_link(&s->port).up;) {
		if (clock_ns() > until || atomic_load(&stop))
			return false;
		usleep(1000);
	}
	return true;
}

/* receive frees what has come; how many. */
static uint32_t receive(struct side *s)
{
	struct rte_mbuf *m[BURST];
	uint64_t at[3];

	at[0] = bench_cycles();
	uint32_t cnt = leat_nic_port_rx(&s->port, 0, m, BURST);

	at[1] = bench_cycles();
	if (cnt == 0)
		return 0;
	rte_pktmbuf_free_bulk(m, cnt);
	at[2] = bench_cycles();
	s->part.rx += at[1] - at[0];
	s->part.buffers += at[2] - at[1];
	s->part.received += cnt;
	s->part.bursts++;
	return cnt;
}

static void write_frame(struct side *s, struct rte_mbuf *m)
{
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);

	memset(p, 0xff, 6);
	memcpy(p + 6, s->port.mac, 6);
	memset(p + 12, 0x88, OCTETS - 12); /* a type that nobody has */
	m->data_len = OCTETS;
	m->pkt_len = OCTETS;
}

static void transmit(struct side *s)
{
	uint32_t want = u32_min(s->credit, BURST - s->frame_cnt);
	uint64_t at[4];

	at[0] = bench_cycles();
	if (want > 0 && rte_pktmbuf_alloc_bulk(s->pool, s->frame + s->frame_cnt, want) != 0)
		want = 0;
	at[1] = bench_cycles();
	for (uint32_t i = 0; i < want; i++)
		write_frame(s, s->frame[s->frame_cnt + i]);
	s->frame_cnt += want;
	s->credit -= want;
	if (s->frame_cnt == 0)
		return;
	at[2] = bench_cycles();
	uint32_t sent = leat_nic_port_tx(&s->port, 0, s->frame, (uint16_t)s->frame_cnt);

	at[3] = bench_cycles();
	s->frame_cnt -= sent;
	memmove(s->frame, s->frame + sent, s->frame_cnt * sizeof(s->frame[0]));
	if (sent == 0)
		return;
	s->part.buffers += at[1] - at[0];
	s->part.tx += at[3] - at[2];
	s->part.sent += sent;
}

static void part_end(struct side *s, uint64_t switched)
{
	const struct part *p = &s->part;
	uint64_t now = clock_ns();
	double received = (double)p->received, sent = (double)p->sent;
	double per_second = received * 1e9 / (double)(now - p->began);

	if (s->parts++ == 0)
		s->rx = s->tx = s->buffers = 1e18;
	if ((double)p->rx / received < s->rx) {
		s->rx = (double)p->rx / received;
		s->per_burst = received / (double)p->bursts;
	}
	if (sent > 0 && (double)p->tx / sent < s->tx)
		s->tx = (double)p->tx / sent;
	if ((double)p->buffers / received < s->buffers)
		s->buffers = (double)p->buffers / received;
	if (per_second > s->per_second)
		s->per_second = per_second;
	s->switched += switched != 0;
	s->part = (struct part){.began = now};
}

/* Until the time is over, or the client's is. */
static void carry(struct side *s, uint64_t for_ns)
{
	uint64_t from = clock_ns(), now = from, heard = from, switched = bench_switched();

	s->part.began = from;
	s->credit = s->server ? 0 : WINDOW;
	while (!atomic_load(&stop) &&
		(s->server || now - from < (s->parts > 0 ? for_ns : WAIT_NS))) {
		uint32_t cnt = receive(s);

		s->credit += cnt;
		transmit(s);
		if (cnt > 0 && s->part.received < PART_FRAMES)
			continue;
		now = clock_ns();
		if (cnt > 0) {
			heard = now;
			part_end(s, bench_switched() - switched);
			switched = bench_switched();
		} else if (!s->server && now - heard > STILL_NS && s->credit == 0) {
			heard = now;
			s->credit = WINDOW;
		}
	}
}

static void tell(const struct bench *b, const struct side *s, const char *device)
{
	printf(b->json ? "{\"bench\":\"device\",\"device\":\"%s\",\"side\":\"%s\","
			 "\"frames_per_second\":%.0f,\"rx_cycles\":%.1f,\"tx_cycles\":%.1f,"
			 "\"buffer_cycles\":%.1f,\"frames_per_burst\":%.1f,\"parts\":%llu,"
			 "\"parts_switched\":%llu,\"ghz\":%.3f}\n"
		       : "%-6s %s: %8.0f frames/s each way, %5.1f cycles a frame received, %5.1f "
			 "sent, %4.1f for buffers; %.1f a burst; %llu parts, %llu switched, "
			 "%.3f GHz\n",
		device, s->server ? "server" : "client", s->per_second, s->rx, s->tx, s->buffers,
		s->per_burst, (unsigned long long)s->parts, (unsigned long long)s->switched,
		bench_ghz());
	fflush(stdout);
}

/* child is one side; its exit code. */
static int child(
	const struct bench *b, const struct device *d, const char *path, bool server, int ready)
{
	static struct side s;
	char args[256], prefix[32];
	cpu_set_t set;
	uint32_t cpu, last = 0, first = CPU_SETSIZE;

	sched_getaffinity(0, sizeof(set), &set);
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &set)) {
			first = u32_min(first, cpu);
			last = cpu;
		}
	}
	s.server = server;
	snprintf(args, sizeof(args), server ? d->server : d->client, path);
	snprintf(prefix, sizeof(prefix), "device-%d", getpid());
	if (!bench_eal_start(128, server ? first : last, prefix) || !open_port(&s, args, ready)) {
		fprintf(stderr, "bench_device: no %s\n", args);
		return 1;
	}
	carry(&s, b->quick ? QUICK_NS : RUN_NS);
	if (s.parts > 0)
		tell(b, &s, d->name);
	leat_nic_port_close(&s.port);
	rte_eal_cleanup();
	return s.parts > 0 ? 0 : 1;
}

/* start returns once the side's port is there, or the side has failed. */
static pid_t start(const struct bench *b, const struct device *d, const char *path, bool server)
{
	int ready[2];
	char octet;

	if (pipe(ready) != 0)
		return -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(child(b, d, path, server, ready[1]));
	close(ready[1]);
	if (read(ready[0], &octet, 1) != 1)
		fprintf(stderr, "bench_device: the %s does not start\n",
			server ? "server" : "client");
	close(ready[0]);
	return pid;
}

static bool measure(const struct bench *b, const struct device *d)
{
	char dir[] = "/tmp/bench-device-XXXXXX", path[64];
	int of_client = 1, of_server = 1;

	if (mkdtemp(dir) == NULL)
		return false;
	snprintf(path, sizeof(path), "%s/socket", dir);
	pid_t server = start(b, d, path, true), client = start(b, d, path, false);

	if (client > 0)
		waitpid(client, &of_client, 0);
	if (server > 0) {
		kill(server, SIGTERM);
		waitpid(server, &of_server, 0);
	}
	unlink(path);
	rmdir(dir);
	return of_client == 0 && of_server == 0;
}

int main(int argc, char **argv)
{
	struct bench b = bench_args(argc, argv);
	bool all = !bench_has(argc, argv, "--device"), ok = true;

	signal(SIGTERM, on_signal);
	for (uint32_t k = 0; k < COUNT_OF(devices); k++) {
		bool wanted = all;

		for (int i = 1; i + 1 < argc; i++)
			wanted |= strcmp(argv[i], "--device") == 0 &&
				  strcmp(argv[i + 1], devices[k].name) == 0;
		ok &= !wanted || measure(&b, &devices[k]);
	}
	return !ok;
}
