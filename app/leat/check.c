/* SPDX-License-Identifier: BSD-3-Clause */
#include "check.h"

#include "base_bits.h"
#include "room.h"
#include "text.h"

#include <dirent.h>
#include <limits.h>
#include <linux/capability.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PCI_DIR     "/sys/bus/pci/devices/"
#define PAGE_2M     "/sys/kernel/mm/hugepages/hugepages-2048kB/"
#define CPU_DIR     "/sys/devices/system/cpu/"
#define LINE_OCTETS 256
#define ROOM_LEAST  ((uint64_t)64 << 20) /* DPDK and a few connections take as much */

enum level {
	LEVEL_OK,
	LEVEL_WARN,
	LEVEL_FAIL,
};

/* huge_auto, huge_need, huge_no: the values of --hugepages. */
enum huge {
	HUGE_AUTO,
	HUGE_NEED,
	HUGE_NO,
};

struct look {
	const struct check_machine *m;
	const struct serve_options *o;
	FILE *out;
	struct check_result result;
};

__attribute__((format(printf, 3, 4))) static void found(
	struct look *l, enum level level, const char *format, ...)
{
	static const char *const name[] = {"ok", "warn", "FAIL"};
	va_list args;

	l->result.fail_cnt += level == LEVEL_FAIL;
	l->result.warn_cnt += level == LEVEL_WARN;
	fprintf(l->out, "  %-6s", name[level]);
	va_start(args, format);
	vfprintf(l->out, format, args);
	va_end(args);
	fputc('\n', l->out);
}

/* mend writes a command that would, and what it does where that needs saying. */
__attribute__((format(printf, 2, 3))) static void mend(struct look *l, const char *format, ...)
{
	va_list args;

	fprintf(l->out, "           ");
	va_start(args, format);
	vfprintf(l->out, format, args);
	va_end(args);
	fputc('\n', l->out);
}

__attribute__((format(printf, 4, 5))) static const char *path_of(
	const struct look *l, char *path, size_t size, const char *format, ...)
{
	int at = snprintf(path, size, "%s", l->m->root);
	va_list args;

	va_start(args, format);
	if (at >= 0 && (size_t)at < size)
		vsnprintf(path + at, size - (size_t)at, format, args);
	va_end(args);
	return path;
}

/* read_line reads the first line of a file; false: there is none. */
static bool read_line(const char *path, char line[LINE_OCTETS])
{
	FILE *f = fopen(path, "re");
	bool read = f && fgets(line, LINE_OCTETS, f);

	if (f)
		fclose(f);
	if (read)
		line[strcspn(line, "\n")] = '\0';
	else
		line[0] = '\0';
	return read;
}

static uint64_t read_count(const char *path)
{
	char line[LINE_OCTETS];

	return read_line(path, line) ? strtoull(line, NULL, 10) : 0;
}

/* link_name is the last part of where a link leads; false: there is none. */
static bool link_name(const char *path, char name[LINE_OCTETS])
{
	char to[PATH_MAX];
	ssize_t octets = readlink(path, to, sizeof(to) - 1);
	const char *slash;

	if (octets <= 0)
		return false;
	to[octets] = '\0';
	slash = strrchr(to, '/');
	snprintf(name, LINE_OCTETS, "%.255s", slash ? slash + 1 : to);
	return true;
}

static bool has_cap(const struct look *l, uint32_t cap)
{
	return l->m->caps >> cap & 1;
}

static bool is_root(void)
{
	return geteuid() == 0;
}

/* first_entry is the first name in a directory; false: it is empty, or not there. */
static bool first_entry(const char *path, char name[LINE_OCTETS])
{
	DIR *dir = opendir(path);
	const struct dirent *e = NULL;

	while (dir && (e = readdir(dir)) != NULL)
		if (e->d_name[0] != '.')
			break;
	if (e)
		snprintf(name, LINE_OCTETS, "%.255s", e->d_name);
	if (dir)
		closedir(dir);
	return e != NULL;
}

static void say_bind(struct look *l, const char *pci)
{
	mend(l, "sudo dpdk-devbind.py -b vfio-pci %s          # until reboot", pci);
	mend(l, "echo \"pci %s vfio-pci\" | sudo tee -a /etc/dpdk/interfaces   # at every boot",
		pci);
}

/* look_driver says what drives the card; true: DPDK reaches it by vfio. */
static bool look_driver(struct look *l, const char *pci)
{
	/* They serve DPDK beside the kernel, bound to their own driver. */
	static const char *const shared[] = {"mlx4_core", "mlx5_core", "mana"};
	char path[PATH_MAX], driver[LINE_OCTETS], iface[LINE_OCTETS];

	if (!link_name(path_of(l, path, sizeof(path), PCI_DIR "%s/driver", pci), driver)) {
		found(l, LEVEL_FAIL, "bound to no driver");
		say_bind(l, pci);
		return false;
	}
	for (size_t i = 0; i < COUNT_OF(shared); i++) {
		if (strcmp(driver, shared[i]) == 0) {
			found(l, LEVEL_OK, "driver %s, which DPDK shares with the kernel", driver);
			return false;
		}
	}
	if (strcmp(driver, "vfio-pci") == 0 || strncmp(driver, "uio", 3) == 0 ||
		strcmp(driver, "igb_uio") == 0) {
		found(l, LEVEL_OK, "bound to %s", driver);
		return *driver == 'v';
	}
	if (first_entry(path_of(l, path, sizeof(path), PCI_DIR "%s/net", pci), iface))
		found(l, LEVEL_FAIL,
			"bound to the kernel's driver %s (interface %s: you may be logged in "
			"through it)",
			driver, iface);
	else
		found(l, LEVEL_FAIL, "bound to the kernel's driver %s", driver);
	say_bind(l, pci);
	return false;
}

static void look_vfio(struct look *l, const char *pci)
{
	char path[PATH_MAX], group[LINE_OCTETS];

	if (!link_name(path_of(l, path, sizeof(path), PCI_DIR "%s/iommu_group", pci), group)) {
		found(l, LEVEL_WARN, "no IOMMU: vfio works only without its protection, as root");
		mend(l, "add to the kernel command line: intel_iommu=on iommu=pt   # AMD: "
			"amd_iommu=on");
		mend(l, "echo 1 | sudo tee /sys/module/vfio/parameters/enable_unsafe_noiommu_mode");
		return;
	}
	path_of(l, path, sizeof(path), "/dev/vfio/%s", group);
	if (access(path, R_OK | W_OK) == 0) {
		found(l, LEVEL_OK, "uid %u may open /dev/vfio/%s", geteuid(), group);
		return;
	}
	found(l, LEVEL_FAIL, "uid %u may not open /dev/vfio/%s", geteuid(), group);
	mend(l, "sudo chown %u /dev/vfio/%s", geteuid(), group);
}

static void look_memlock(struct look *l)
{
	char text[TEXT_GROUP_MAX];

	if (l->m->memlock_octets == UINT64_MAX || has_cap(l, CAP_IPC_LOCK)) {
		found(l, LEVEL_OK, "memory may be locked");
		return;
	}
	leat_text_group(l->m->memlock_octets >> 10, text, sizeof(text));
	found(l, LEVEL_FAIL, "at most %s KiB may be locked; a card reaches only what is", text);
	mend(l, "ulimit -l unlimited          # as root, in the shell that starts leat");
	mend(l, "LimitMEMLOCK=infinity        # in a unit of systemd");
}

static void look_pci(struct look *l, const char *pci)
{
	char path[PATH_MAX], node[LINE_OCTETS];

	path_of(l, path, sizeof(path), PCI_DIR "%s", pci);
	if (access(path, F_OK) != 0) {
		found(l, LEVEL_FAIL, "%s is not there", pci);
		mend(l, "lspci -D | grep -i ethernet          # lists those that are");
		return;
	}
	read_line(path_of(l, path, sizeof(path), PCI_DIR "%s/numa_node", pci), node);
	found(l, LEVEL_OK, "%s is there%s%s", pci, *node && *node != '-' ? ", at memory node " : "",
		*node != '-' ? node : "");
	if (look_driver(l, pci)) {
		look_vfio(l, pci);
		look_memlock(l);
	}
}

/* look_cap is how level a right is when it is missing. */
static void look_cap(struct look *l, uint32_t cap, const char *name, enum level missing)
{
	if (has_cap(l, cap)) {
		found(l, LEVEL_OK, "%s is held", name);
		return;
	}
	found(l, missing, "%s is missing", name);
	mend(l, "sudo leat serve ...          # or, for a network of its own: unshare -Urn");
}

static void look_tap(struct look *l, const char *name, enum level missing)
{
	char path[PATH_MAX];

	if (access(path_of(l, path, sizeof(path), "/dev/net/tun"), F_OK) == 0) {
		found(l, LEVEL_OK, "/dev/net/tun is there");
	} else {
		found(l, missing, "/dev/net/tun is not there, which TAP needs");
		mend(l, "sudo modprobe tun");
	}
	if (name && l->m->link(name) != CHECK_LINK_NONE) {
		found(l, LEVEL_FAIL, "the interface %s exists already", name);
		mend(l, "ip -d link show %s          # whose it is; or take another name", name);
	}
	look_cap(l, CAP_NET_ADMIN, "CAP_NET_ADMIN, which TAP needs,", missing);
}

/* The value of an argument of a virtual device; false: it has none. */
static bool argument(const char *vdev, const char *name, char value[LINE_OCTETS])
{
	const char *at = vdev;
	size_t octets = strlen(name);

	while ((at = strchr(at, ',')) != NULL) {
		at++;
		if (strncmp(at, name, octets) == 0 && at[octets] == '=') {
			snprintf(value, LINE_OCTETS, "%.*s", (int)strcspn(at + octets + 1, ","),
				at + octets + 1);
			return true;
		}
	}
	return false;
}

static void look_vdev(struct look *l, const char *vdev)
{
	bool af_packet =
		strncmp(vdev, "net_af_packet", 13) == 0 || strncmp(vdev, "eth_af_packet", 13) == 0;
	char name[LINE_OCTETS];

	if (!af_packet || !argument(vdev, "iface", name)) {
		found(l, LEVEL_OK, "%s is made by DPDK", vdev);
		return;
	}
	switch (l->m->link(name)) {
	case CHECK_LINK_NONE:
		found(l, LEVEL_FAIL, "there is no interface %s", name);
		mend(l, "sudo ip link add %s type veth peer name %s-peer", name, name);
		break;
	case CHECK_LINK_DOWN:
		found(l, LEVEL_FAIL, "the interface %s is down", name);
		mend(l, "sudo ip link set %s up", name);
		break;
	case CHECK_LINK_UP:
		found(l, LEVEL_OK, "the interface %s is there", name);
		break;
	}
	look_cap(l, CAP_NET_RAW, "CAP_NET_RAW, which af_packet needs,", LEVEL_FAIL);
}

static void look_device(struct look *l)
{
	const struct serve_options *o = l->o;
	char path[PATH_MAX], name[LINE_OCTETS];

	fputs("device\n", l->out);
	if (o && o->device) {
		look_pci(l, o->device);
	} else if (o && o->tap) {
		look_tap(l, o->tap, LEVEL_FAIL);
	} else if (o && o->vdev) {
		look_vdev(l, o->vdev);
	} else {
		look_tap(l, NULL, LEVEL_WARN);
		if (first_entry(path_of(l, path, sizeof(path), "/sys/kernel/iommu_groups"), name))
			found(l, LEVEL_OK, "an IOMMU is there, for a card by vfio");
		else
			found(l, LEVEL_WARN, "no IOMMU: a card by vfio needs root");
	}
}

/* look_room tells of a cgroup that allows less than the machine has; huge: what DPDK takes need not
 * be of that. */
static void look_room(struct look *l, bool huge)
{
	char limit[ROOM_LIMIT_MAX], text[TEXT_GROUP_MAX];
	struct room room;

	leat_room_read(l->m->root, &room);
	if (room.group[0] == '\0')
		return;
	leat_text_group(room.octets >> 20, text, sizeof(text));
	leat_room_limit(&room, limit);
	if (huge || room.octets >= ROOM_LEAST) {
		found(l, LEVEL_OK, "%s MiB are free%s; leat plan: how much it takes", text, limit);
		return;
	}
	found(l, LEVEL_FAIL, "%s MiB are free%s: too few for any configuration", text, limit);
	mend(l, "echo 1G | sudo tee %s/%s    # of a container: start it with more", room.group,
		room.file);
}

/* look_hugepages says what there is; how many a configuration needs, leat plan does. */
static void look_hugepages(struct look *l)
{
	uint32_t huge = l->o ? l->o->hugepages : (uint32_t)HUGE_AUTO;
	char path[PATH_MAX], text[TEXT_GROUP_MAX];
	uint64_t cnt = read_count(path_of(l, path, sizeof(path), PAGE_2M "free_hugepages"));

	fputs("memory\n", l->out);
	leat_text_group(cnt * 2, text, sizeof(text));
	if (huge == HUGE_NO)
		found(l, LEVEL_OK, "packet buffers in small pages, as told");
	else if (cnt > 0)
		found(l, LEVEL_OK, "%s MiB of huge pages are free (leat plan: how much it takes)",
			text);
	else
		found(l, huge == HUGE_NEED ? LEVEL_FAIL : LEVEL_WARN, "no huge pages are free%s",
			huge == HUGE_NEED ? "; this configuration needs them (leat plan: how many)"
					  : ": packet buffers in small pages, which cost more");
	if (huge != HUGE_NO && cnt == 0)
		mend(l, "sudo dpdk-hugepages.py -p 2M --setup 1G");
	look_room(l, huge != HUGE_NO && cnt > 0);
}

/* has_cpu says whether a list of the kernel's, "2-5,7", has a processor. */
static bool has_cpu(const char *list, uint32_t cpu)
{
	while (*list) {
		char *end;
		unsigned long first = strtoul(list, &end, 10), last = first;

		if (end == list)
			return false;
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		if (cpu >= first && cpu <= last)
			return true;
		list = *end == ',' ? end + 1 : end;
	}
	return false;
}

static void allowed_text(const cpu_set_t *set, char *text, size_t size)
{
	size_t at = 0;

	text[0] = '\0';
	for (int first = 0; first < CPU_SETSIZE && at + 16 < size; first++) {
		int last = first;
		if (!CPU_ISSET((size_t)first, set))
			continue;
		while (last + 1 < CPU_SETSIZE && CPU_ISSET((size_t)last + 1, set))
			last++;
		at += (size_t)snprintf(text + at, size - at, first == last ? "%s%d" : "%s%d-%d",
			at ? "," : "", first, last);
		first = last;
	}
}

/* look_siblings warns of two cores of ours that are one. */
static void look_siblings(struct look *l)
{
	char path[PATH_MAX], list[LINE_OCTETS];
	const struct serve_options *o = l->o;

	for (uint32_t i = 0; i < o->lcore_cnt; i++) {
		read_line(path_of(l, path, sizeof(path),
				  CPU_DIR "cpu%u/topology/thread_siblings_list", o->lcore[i]),
			list);
		for (uint32_t k = 0; k < i; k++)
			if (has_cpu(list, o->lcore[k]))
				found(l, LEVEL_WARN,
					"processors %u and %u are one core; each has half of it",
					o->lcore[k], o->lcore[i]);
	}
}

static void look_isolated(struct look *l, const char *lcores)
{
	char path[PATH_MAX], list[LINE_OCTETS];
	const struct serve_options *o = l->o;

	read_line(path_of(l, path, sizeof(path), CPU_DIR "isolated"), list);
	for (uint32_t i = 0; i < o->lcore_cnt; i++) {
		if (has_cpu(list, o->lcore[i]))
			continue;
		found(l, LEVEL_WARN, "not isolated: the kernel runs other work there");
		mend(l, "add to the kernel command line: isolcpus=%s nohz_full=%s rcu_nocbs=%s",
			lcores, lcores, lcores);
		return;
	}
}

static void look_lcores(struct look *l, const char *allowed)
{
	const struct serve_options *o = l->o;
	cpu_set_t ours;
	char text[LINE_OCTETS];
	bool all = true;

	CPU_ZERO(&ours);
	for (uint32_t i = 0; i < o->lcore_cnt; i++) {
		CPU_SET(o->lcore[i], &ours);
		if (CPU_ISSET(o->lcore[i], &l->m->allowed))
			continue;
		found(l, LEVEL_FAIL, "processor %u is none of this process's (%s)", o->lcore[i],
			allowed);
		mend(l, "taskset -pc %u $$          # let this shell use it, or take another",
			o->lcore[i]);
		all = false;
	}
	allowed_text(&ours, text, sizeof(text));
	if (all)
		found(l, LEVEL_OK, "processors %s", text);
	look_siblings(l);
	if (o->device && all)
		look_isolated(l, text);
}

static void look_cores(struct look *l)
{
	uint32_t cnt = (uint32_t)CPU_COUNT(&l->m->allowed);
	uint32_t shards = l->o ? (uint32_t)l->o->shards : 1;
	char text[LINE_OCTETS];

	fputs("cores\n", l->out);
	allowed_text(&l->m->allowed, text, sizeof(text));
	if (l->o && l->o->lcore_cnt > 0)
		look_lcores(l, text);
	else
		found(l, LEVEL_OK, "%u processor%s for this process: %s", cnt, cnt == 1 ? "" : "s",
			text);
	cnt = l->o && l->o->lcore_cnt > 0 ? l->o->lcore_cnt : cnt;
	if (shards > cnt)
		found(l, LEVEL_WARN, "%u shards take turns on %u processor%s", shards, cnt,
			cnt == 1 ? "" : "s");
}

static void look_rights(struct look *l)
{
	fputs("rights\n", l->out);
	if (is_root())
		found(l, LEVEL_OK, "root; leatd gives up what it does not need");
	else
		found(l, LEVEL_OK, "uid %u", geteuid());
	if (!l->o || (!l->o->device && !l->o->tap && !l->o->vdev)) {
		look_cap(l, CAP_NET_RAW, "CAP_NET_RAW, which af_packet needs,", LEVEL_WARN);
		if (l->m->memlock_octets != UINT64_MAX && !has_cap(l, CAP_IPC_LOCK)) {
			found(l, LEVEL_WARN, "memory may not be locked, which vfio needs");
			mend(l, "ulimit -l unlimited          # as root, in the shell that starts "
				"leat");
		}
	}
}

struct check_result leat_check_machine(
	const struct check_machine *m, const struct serve_options *o, FILE *out)
{
	struct look l = {.m = m, .o = o, .out = out};

	look_device(&l);
	look_hugepages(&l);
	look_cores(&l);
	look_rights(&l);
	return l.result;
}

static enum check_link link_here(const char *name)
{
	struct ifreq r = {.ifr_flags = 0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool there = false;

	if (fd >= 0 && strlen(name) < sizeof(r.ifr_name)) {
		snprintf(r.ifr_name, sizeof(r.ifr_name), "%.15s", name);
		there = ioctl(fd, SIOCGIFFLAGS, &r) == 0;
	}
	if (fd >= 0)
		close(fd);
	if (!there)
		return CHECK_LINK_NONE;
	return (r.ifr_flags & IFF_UP) != 0 ? CHECK_LINK_UP : CHECK_LINK_DOWN;
}

void leat_check_here(struct check_machine *m)
{
	unsigned long long caps = 0;
	struct rlimit lock;
	char line[LINE_OCTETS];
	FILE *f = fopen("/proc/self/status", "re");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "CapEff: %llx", &caps) == 1)
			break;
	if (f)
		fclose(f);
	*m = (struct check_machine){
		.root = "", .link = link_here, .caps = caps, .memlock_octets = UINT64_MAX};
	if (getrlimit(RLIMIT_MEMLOCK, &lock) == 0 && lock.rlim_cur != RLIM_INFINITY)
		m->memlock_octets = lock.rlim_cur;
	CPU_ZERO(&m->allowed);
	if (sched_getaffinity(0, sizeof(m->allowed), &m->allowed) != 0)
		CPU_SET(0, &m->allowed);
}
