/* SPDX-License-Identifier: BSD-3-Clause */
#include "device.h"

#include "base_bits.h"
#include "base_log.h"
#include "vdev.h"

#include <rte_eal.h>

#include <dirent.h>
#include <linux/capability.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* has_right says whether this process has capability cap; true when the kernel does not tell. */
static bool has_right(uint32_t cap)
{
	unsigned long long effective = UINT64_MAX;
	char line[128];
	FILE *f = fopen("/proc/self/status", "re");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "CapEff: %llx", &effective) == 1)
			break;
	}
	if (f != NULL)
		fclose(f);
	return (effective >> cap & 1) != 0;
}

static enum opt_exit check_tap(const char *name)
{
	/* The driver would join it as one more queue, and take frames from who has it. */
	if (if_nametoindex(name) != 0) {
		leat_log(LOG_LV_ERROR, "leatd",
			"the interface %s exists already; end who made it, or serve --tap with "
			"another name",
			name);
		return OPT_EXIT_DEVICE;
	}
	if (access("/dev/net/tun", F_OK) != 0) {
		leat_log(LOG_LV_ERROR, "leatd",
			"a TAP interface needs /dev/net/tun, which is not there: modprobe tun");
		return OPT_EXIT_DEVICE;
	}
	if (!has_right(CAP_NET_ADMIN)) {
		leat_log(LOG_LV_ERROR, "leatd",
			"a TAP interface needs CAP_NET_ADMIN: sudo, or unshare -Urn for a network "
			"of your own");
		return OPT_EXIT_DEVICE;
	}
	return OPT_EXIT_OK;
}

static enum opt_exit check_af_packet(const char *vdev)
{
	char name[64];

	/* Without a name the device may be one that EAL was told to make. */
	if (leat_vdev_argument(vdev, "iface", name, sizeof(name)) && if_nametoindex(name) == 0) {
		leat_log(LOG_LV_ERROR, "leatd",
			"there is no interface %s; ip link lists those there are", name);
		return OPT_EXIT_DEVICE;
	}
	if (!has_right(CAP_NET_RAW)) {
		leat_log(LOG_LV_ERROR, "leatd", "af_packet needs CAP_NET_RAW: sudo");
		return OPT_EXIT_DEVICE;
	}
	return OPT_EXIT_OK;
}

enum opt_exit leat_device_check(const struct serve_options *o)
{
	if (o->tap != NULL)
		return check_tap(o->tap);
	if (leat_vdev_is(o->vdev, VDEV_AF_PACKET) && check_af_packet(o->vdev) != OPT_EXIT_OK)
		return OPT_EXIT_DEVICE;
	return leat_vdev_claim(o->vdev);
}

int leat_device_node(const struct serve_options *o)
{
	char path[128], name[64];
	int node = -1;

	if (o->device != NULL)
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/numa_node", o->device);
	else if (leat_vdev_is(o->vdev, VDEV_AF_PACKET) &&
		 leat_vdev_argument(o->vdev, "iface", name, sizeof(name)))
		snprintf(path, sizeof(path), "/sys/class/net/%s/device/numa_node", name);
	else
		return -1;
	FILE *f = fopen(path, "re");
	if (f == NULL)
		return -1;
	if (fscanf(f, "%d", &node) != 1)
		node = -1;
	fclose(f);
	return node;
}

enum opt_exit leat_device_by_vdev(const char *vdev, struct nic_port *port)
{
	if (leat_nic_port_by_vdev(vdev, port) == 0)
		return OPT_EXIT_OK;
	leat_log(LOG_LV_NOTE, "leatd", "%s-v shows what the driver says",
		leat_vdev_is(vdev, "net_tap") ? ""
		: leat_vdev_is(vdev, VDEV_AF_PACKET)
			? "af_packet needs an interface of the kernel's, iface=veth1; "
			: "no such driver, or it refused its arguments; ");
	return OPT_EXIT_DEVICE;
}

enum opt_exit leat_device_find(const struct serve_options *o, struct nic_port *port)
{
	char args[64];

	if (o->device != NULL)
		return leat_nic_port_by_pci(o->device, port) == 0 ? OPT_EXIT_OK : OPT_EXIT_DEVICE;
	snprintf(args, sizeof(args), "net_tap0,iface=%s", o->tap != NULL ? o->tap : "");
	return leat_device_by_vdev(o->tap != NULL ? args : o->vdev, port);
}

void leat_device_tell_absent(const struct serve_options *o)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", o->device != NULL ? o->device : "");
	if (o->device != NULL && access(path, F_OK) != 0)
		leat_log(LOG_LV_WARN, "leatd",
			"there is no PCI device %s here: its memory node is not in this plan",
			o->device);
}

uint32_t leat_device_queues(const struct nic_port *port, uint32_t shard_cnt)
{
	/* Drivers whose queues fill, read or not: af_packet's sockets share out the frames from the
	 * start, and a guest uses as many queues of vhost as it is offered. */
	static const struct {
		const char *driver, *argument;
	} all_used[] = {{VDEV_AF_PACKET, "qpairs"}, {VDEV_VHOST, "queues"}};
	uint32_t queue_max = leat_nic_port_queue_max(port);

	for (uint32_t i = 0; i < COUNT_OF(all_used) && queue_max > shard_cnt; i++) {
		if (!leat_vdev_is(port->driver, all_used[i].driver))
			continue;
		leat_log(LOG_LV_ERROR, "leatd",
			"%s=%u with %u shard%s: the frames of %u queues would be lost; as many "
			"shards as %s, or more",
			all_used[i].argument, queue_max, shard_cnt, shard_cnt == 1 ? "" : "s",
			queue_max - shard_cnt, all_used[i].argument);
		return 0;
	}
	return leat_nic_port_queues(port, shard_cnt);
}

enum opt_exit leat_device_start(
	const struct serve_options *o, struct nic_port *port, const struct nic_port_config *config)
{
	if (leat_nic_port_start(port, config) == 0)
		return OPT_EXIT_OK;
	if (leat_vdev_is(o->vdev, VDEV_MEMIF))
		leat_log(LOG_LV_NOTE, "leatd",
			"a memif is a client unless it says role=server; a client's server must "
			"listen first, both at one socket=PATH");
	leat_nic_port_close(port);
	return OPT_EXIT_DEVICE;
}

bool leat_device_may_not_finish(const struct nic_port *port)
{
	return leat_vdev_is(port->driver, VDEV_AF_PACKET);
}

uint64_t leat_device_rights(const struct nic_port *port)
{
	static const char *const of_kernel[] = {
		"net_tap", VDEV_AF_PACKET, "net_af_xdp", "net_virtio_user"};
	const uint64_t net_admin = UINT64_C(1) << CAP_NET_ADMIN;
	uint64_t rights;

	/* Their interface's flags and mtu; rings and sockets are ours already. */
	for (uint32_t i = 0; i < COUNT_OF(of_kernel); i++) {
		if (leat_vdev_is(port->driver, of_kernel[i]))
			return net_admin;
	}
	if (port->is_virtual)
		return 0;
	/* A card that is started anew may map memory anew: beyond RLIMIT_MEMLOCK for vfio, and by
	 * its physical address for uio.  Those of mlx stay with the kernel: raw queues, its mtu. */
	rights = UINT64_C(1) << CAP_IPC_LOCK;
	if (strstr(port->driver, "mlx") != NULL)
		rights |= net_admin | UINT64_C(1) << CAP_NET_RAW;
	if (rte_eal_iova_mode() == RTE_IOVA_PA)
		rights |= UINT64_C(1) << CAP_SYS_ADMIN;
	return rights;
}

/* tap_is_ours says whether one of our descriptors is that of a TAP interface that exists, also when
 * it has another name now or was moved to another network. */
static bool tap_is_ours(void)
{
	char path[300], line[64], name[32];
	DIR *d = opendir("/proc/self/fdinfo");
	struct dirent *entry;
	bool found = d == NULL;

	while (!found && (entry = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "/proc/self/fdinfo/%s", entry->d_name);
		FILE *f = fopen(path, "re");

		while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL)
			found = sscanf(line, "iff: %31s", name) == 1;
		if (f != NULL)
			fclose(f);
	}
	if (d != NULL)
		closedir(d);
	return found;
}

bool leat_device_is_up(const struct serve_options *o, const struct nic_port *port)
{
	/* The driver asks by name; what was moved away works on, and nobody here knows its link. */
	bool away = o->tap != NULL && if_nametoindex(o->tap) == 0;
	bool up = away || leat_nic_port_link(port).up;
	struct ifreq ifr = {.ifr_flags = 0};

	if (!leat_vdev_is(o->vdev, VDEV_AF_PACKET) ||
		!leat_vdev_argument(o->vdev, "iface", ifr.ifr_name, sizeof(ifr.ifr_name)))
		return up;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return up;
	if (ioctl(fd, SIOCGIFFLAGS, &ifr) == 0)
		up = (ifr.ifr_flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING);
	close(fd);
	return up;
}

bool leat_device_is_gone(const struct serve_options *o)
{
	char name[64];

	if (o->tap != NULL)
		return if_nametoindex(o->tap) == 0 && !tap_is_ours();
	return leat_vdev_is(o->vdev, VDEV_AF_PACKET) &&
	       leat_vdev_argument(o->vdev, "iface", name, sizeof(name)) &&
	       if_nametoindex(name) == 0;
}

/* kernel_address picks for the kernel the first host of our prefix that we are not: the network's
 * number plus 1 or 2, or in a prefix of two the other one; false when we are alone in it. */
static bool kernel_address(const struct serve_address *a, struct ip *ip)
{
	uint32_t free_bits = (ip_is4(a->ip) ? 32u : 128u) - a->prefix_bits;
	uint64_t host_mask = free_bits >= 64 ? UINT64_MAX : (UINT64_C(1) << free_bits) - 1;

	if (free_bits == 0)
		return false;
	*ip = (struct ip){a->ip.hi, a->ip.lo & ~host_mask};
	if (free_bits == 128)
		ip->hi = 0;
	else if (free_bits > 64)
		ip->hi &= UINT64_MAX << (free_bits - 64);
	ip->lo |= free_bits == 1 ? (a->ip.lo & 1) ^ 1 : 1;
	if (ip_eq(*ip, a->ip))
		ip->lo++;
	return true;
}

/* print_reach writes a command that talks to the first listener. */
static void print_reach(const struct serve_options *o, FILE *out)
{
	const struct serve_listen *l = &o->listen[0];
	char ours[IP_TEXT_MAX], port[8] = "";
	bool is4 = ip_is4(o->address[0].ip);

	for (uint32_t i = 1; i < o->listen_cnt && l->kind != SERVICE_KIND_HTTP; i++)
		l = o->listen[i].kind == SERVICE_KIND_HTTP ? &o->listen[i] : l;
	leat_wire_ip_text(o->address[0].ip, ours);
	if (l->port != 80)
		snprintf(port, sizeof(port), ":%u", l->port);
	if (l->kind == SERVICE_KIND_HTTP)
		fprintf(out, "          curl %shttp://%s%s%s%s/\n", is4 ? "" : "-g ",
			is4 ? "" : "[", ours, is4 ? "" : "]", port);
	else
		fprintf(out, "          nc %s %u\n", ours, l->port);
}

/* print_kernel writes the command that gives the kernel's end an address beside one of ours. */
static void print_kernel(const struct serve_address *a, const char *dev, FILE *out)
{
	const char *sudo = geteuid() == 0 ? "" : "sudo ";
	char text[IP_TEXT_MAX];
	struct ip ip;

	if (!kernel_address(a, &ip))
		return;
	leat_wire_ip_text(ip, text);
	fprintf(out, "next      %sip addr add %s/%u dev %s && %sip link set %s up\n", sudo, text,
		a->prefix_bits, dev, sudo, dev);
}

/* print_other does it for the first address of the other version than the first has. */
static void print_other(const struct serve_options *o, const char *dev, FILE *out)
{
	for (uint32_t i = 1; i < o->address_cnt; i++) {
		if (o->address[i].vip || ip_is4(o->address[i].ip) == ip_is4(o->address[0].ip))
			continue;
		print_kernel(&o->address[i], dev, out);
		return;
	}
}

void leat_device_next(const struct serve_options *o, const struct nic_port *port, FILE *out)
{
	const char *sudo = geteuid() == 0 ? "" : "sudo ";
	char dev[64];
	struct ip ip;

	if (leat_device_may_not_finish(port))
		fprintf(out,
			"next      if a peer is on this machine: %sethtool -K ITS-INTERFACE "
			"tx off, or its TCP checksums are wrong\n",
			sudo);
	if (o->tap == NULL || !kernel_address(&o->address[0], &ip))
		return;
	snprintf(dev, sizeof(dev), "%s", o->tap);
	if (o->vlan != 0) {
		snprintf(dev, sizeof(dev), "%s.%ju", o->tap, (uintmax_t)o->vlan);
		fprintf(out,
			"next      %sip link set %s up && %sip link add link %s name %s type vlan "
			"id %ju\n",
			sudo, o->tap, sudo, o->tap, dev, (uintmax_t)o->vlan);
	}
	print_kernel(&o->address[0], dev, out);
	print_other(o, dev, out);
	if (o->listen_cnt > 0)
		print_reach(o, out);
}
