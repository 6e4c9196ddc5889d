/* SPDX-License-Identifier: BSD-3-Clause */

/* What leat check finds on machines that are made of files: each thing that may be missing is named
 * with the command that mends it, and what is there is not complained of. */

#include "base_bits.h"
#include "check.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define PCI     "0000:3b:00.0"
#define PCI_DIR "/sys/bus/pci/devices/" PCI
#define HUGE    "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages"

static char root[64];
static enum check_link there; /* what every interface is */

/* make_dirs makes the directories that the file at path is in. */
static void make_dirs(const char *path)
{
	char part[256];

	for (const char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		snprintf(part, sizeof(part), "%s%.*s", root, (int)(p - path), path);
		mkdir(part, 0755);
	}
}

static void make(const char *path, const char *text)
{
	char full[256];

	make_dirs(path);
	snprintf(full, sizeof(full), "%s%s", root, path);
	FILE *out = fopen(full, "w");
	assert_non_null(out);
	assert_true(fprintf(out, "%s\n", text) > 0);
	fclose(out);
}

static void make_link(const char *path, const char *to)
{
	char full[256];

	make_dirs(path);
	snprintf(full, sizeof(full), "%s%s", root, path);
	assert_int_equal(symlink(to, full), 0);
}

static int set_up(void **state)
{
	(void)state;
	there = CHECK_LINK_NONE;
	snprintf(root, sizeof(root), "/tmp/leat-check-XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int tear_down(void **state)
{
	char command[96];

	(void)state;
	snprintf(command, sizeof(command), "rm -r '%s'", root);
	return system(command);
}

static enum check_link link_of(const char *name)
{
	assert_true(strcmp(name, "leat0") == 0 || strcmp(name, "veth1") == 0);
	return there;
}

/* check gives what is found on the machine below root for o. */
static struct check_result check(const struct serve_options *o, uint64_t caps, char **text)
{
	struct check_machine m = {
		.root = root, .link = link_of, .caps = caps, .memlock_octets = 8 << 20};
	struct check_result r;
	size_t octets;
	FILE *out = open_memstream(text, &octets);

	assert_non_null(out);
	for (size_t i = 0; i < 4; i++)
		CPU_SET(i, &m.allowed);
	r = leat_check_machine(&m, o, out);
	fclose(out);
	return r;
}

/* finds checks and wants these words; counts are those of what must be mended. */
static void finds(
	const struct serve_options *o, uint64_t caps, uint32_t fail_cnt, const char *words)
{
	char *text;
	struct check_result r = check(o, caps, &text);

	if (r.fail_cnt != fail_cnt || !strstr(text, words))
		fail_msg("%u must be mended, not %u, or no `%s` in:\n%s", r.fail_cnt, fail_cnt,
			words, text);
	free(text);
}

static struct serve_options with(const char *pci, const char *tap, const char *vdev)
{
	return (struct serve_options){.device = pci, .tap = tap, .vdev = vdev, .shards = 1};
}

static void a_card_that_is_not_there_is_named(void **state)
{
	struct serve_options o = with(PCI, NULL, NULL);

	(void)state;
	finds(&o, 0, 1, "FAIL  " PCI " is not there");
	finds(&o, 0, 1, "lspci -D");
}

static void a_card_of_the_kernels_is_to_be_bound(void **state)
{
	struct serve_options o = with(PCI, NULL, NULL);

	(void)state;
	make(PCI_DIR "/numa_node", "0");
	finds(&o, 0, 1, "bound to no driver");
	make_link(PCI_DIR "/driver", "../../../../bus/pci/drivers/ice");
	finds(&o, 0, 1, "the kernel's driver ice");
	make(PCI_DIR "/net/ens1f0/operstate", "up");
	finds(&o, 0, 1, "interface ens1f0: you may be logged in");
	finds(&o, 0, 1, "sudo dpdk-devbind.py -b vfio-pci " PCI);
}

static void a_card_that_the_kernel_shares_stays(void **state)
{
	struct serve_options o = with(PCI, NULL, NULL);

	(void)state;
	make(PCI_DIR "/numa_node", "1");
	make_link(PCI_DIR "/driver", "../drivers/mlx5_core");
	finds(&o, 0, 0, "driver mlx5_core, which DPDK shares with the kernel");
	finds(&o, 0, 0, "at memory node 1");
}

static void a_card_by_vfio_needs_its_group_and_locked_memory(void **state)
{
	struct serve_options o = with(PCI, NULL, NULL);

	(void)state;
	make(PCI_DIR "/numa_node", "-1");
	make_link(PCI_DIR "/driver", "../drivers/vfio-pci");
	finds(&o, UINT64_C(1) << CAP_IPC_LOCK, 0, "no IOMMU");
	make_link(PCI_DIR "/iommu_group", "../../../kernel/iommu_groups/42");
	finds(&o, UINT64_C(1) << CAP_IPC_LOCK, 1, "may not open /dev/vfio/42");
	make("/dev/vfio/42", "");
	finds(&o, UINT64_C(1) << CAP_IPC_LOCK, 0, "may open /dev/vfio/42");
	finds(&o, 0, 1, "at most 8,192 KiB may be locked");
	finds(&o, 0, 1, "ulimit -l unlimited");
}

static void a_tap_needs_its_device_its_right_and_a_free_name(void **state)
{
	struct serve_options o = with(NULL, "leat0", NULL);

	(void)state;
	finds(&o, 0, 2, "sudo modprobe tun");
	make("/dev/net/tun", "");
	finds(&o, 0, 1, "CAP_NET_ADMIN, which TAP needs, is missing");
	finds(&o, UINT64_C(1) << CAP_NET_ADMIN, 0, "CAP_NET_ADMIN, which TAP needs, is held");
	there = CHECK_LINK_UP;
	finds(&o, UINT64_C(1) << CAP_NET_ADMIN, 1, "the interface leat0 exists already");
}

static void an_af_packet_needs_its_interface_up_and_its_right(void **state)
{
	struct serve_options o = with(NULL, NULL, "net_af_packet0,iface=veth1,qpairs=2");

	(void)state;
	finds(&o, 0, 2, "there is no interface veth1");
	there = CHECK_LINK_DOWN;
	finds(&o, 0, 2, "sudo ip link set veth1 up");
	there = CHECK_LINK_UP;
	finds(&o, 0, 1, "CAP_NET_RAW, which af_packet needs, is missing");
	finds(&o, UINT64_C(1) << CAP_NET_RAW, 0, "the interface veth1 is there");
}

static void huge_pages_are_wanted_needed_or_not(void **state)
{
	struct serve_options o = with(NULL, NULL, "net_ring0");

	(void)state;
	finds(&o, 0, 0, "warn  no huge pages are free");
	o.hugepages = 1;
	finds(&o, 0, 1, "FAIL  no huge pages are free; this configuration needs them");
	finds(&o, 0, 1, "sudo dpdk-hugepages.py -p 2M --setup 1G");
	make(HUGE, "1024");
	finds(&o, 0, 0, "ok    2,048 MiB of huge pages are free");
	o.hugepages = 2;
	finds(&o, 0, 0, "in small pages, as told");
}

static void a_cgroup_that_allows_less_is_named(void **state)
{
	struct serve_options o = with(NULL, NULL, "net_ring0");
	char *text;

	(void)state;
	make("/proc/meminfo", "MemTotal: 4096000 kB\nMemAvailable: 2048000 kB");
	make("/proc/self/cgroup", "0::/a");
	make("/proc/self/mountinfo", "31 23 0:29 / /sys/fs/cgroup rw - cgroup2 none rw");
	make("/sys/fs/cgroup/a/memory.max", "2147483648");
	check(&o, 0, &text);
	assert_null(strstr(text, "cgroup"));
	free(text);
	make("/sys/fs/cgroup/a/memory.max", "1572864000");
	finds(&o, 0, 0,
		"ok    1,500 MiB are free (limit of the cgroup /sys/fs/cgroup/a); leat plan");
	make("/sys/fs/cgroup/a/memory.max", "62914560");
	finds(&o, 0, 1, "FAIL  60 MiB are free (limit of the cgroup /sys/fs/cgroup/a): too few");
	finds(&o, 0, 1, "echo 1G | sudo tee /sys/fs/cgroup/a/memory.max ");
	make(HUGE, "1024");
	finds(&o, 0, 0, "ok    60 MiB are free (limit of the cgroup /sys/fs/cgroup/a); leat plan");
}

static void cores_are_ours_whole_and_enough(void **state)
{
	struct serve_options o = with(NULL, NULL, "net_ring0");

	(void)state;
	finds(&o, 0, 0, "4 processors for this process: 0-3");
	o.shards = 5;
	finds(&o, 0, 0, "5 shards take turns on 4 processors");
	o.shards = 1;
	o.lcore_cnt = 2;
	o.lcore[0] = 1;
	o.lcore[1] = 3;
	finds(&o, 0, 0, "ok    processors 1,3");
	make("/sys/devices/system/cpu/cpu3/topology/thread_siblings_list", "1,3");
	finds(&o, 0, 0, "processors 1 and 3 are one core");
	o.lcore[1] = 7;
	finds(&o, 0, 1, "processor 7 is none of this process's (0-3)");
}

static void cores_of_a_card_are_better_isolated(void **state)
{
	struct serve_options o = with(PCI, NULL, NULL);

	(void)state;
	make(PCI_DIR "/numa_node", "0");
	make_link(PCI_DIR "/driver", "../drivers/mlx5_core");
	o.lcore_cnt = 2;
	o.lcore[0] = 2;
	o.lcore[1] = 3;
	make("/sys/devices/system/cpu/isolated", "2");
	finds(&o, 0, 0, "isolcpus=2-3 nohz_full=2-3 rcu_nocbs=2-3");
	make("/sys/devices/system/cpu/isolated", "1-3");
	char *text;
	check(&o, 0, &text);
	assert_null(strstr(text, "isolated"));
	free(text);
}

static void a_machine_without_a_device_named_fails_in_nothing(void **state)
{
	(void)state;
	finds(NULL, 0, 0, "CAP_NET_RAW, which af_packet needs, is missing");
	finds(NULL, 0, 0, "/dev/net/tun is not there");
	finds(NULL, 0, 0, "no IOMMU");
	make("/sys/kernel/iommu_groups/0/x", "");
	finds(NULL, UINT64_MAX, 0, "an IOMMU is there");
}

static void this_machine_is_looked_at_without_harm(void **state)
{
	struct check_machine m;
	char *text;
	size_t octets;
	FILE *out = open_memstream(&text, &octets);

	(void)state;
	assert_non_null(out);
	leat_check_here(&m);
	assert_string_equal(m.root, "");
	assert_true(CPU_COUNT(&m.allowed) > 0);
	assert_int_equal(m.link("no-such-link-0"), CHECK_LINK_NONE);
	leat_check_machine(&m, NULL, out);
	fclose(out);
	assert_non_null(strstr(text, "device\n"));
	assert_non_null(strstr(text, "rights\n"));
	free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_card_that_is_not_there_is_named),
		TEST(a_card_of_the_kernels_is_to_be_bound),
		TEST(a_card_that_the_kernel_shares_stays),
		TEST(a_card_by_vfio_needs_its_group_and_locked_memory),
		TEST(a_tap_needs_its_device_its_right_and_a_free_name),
		TEST(an_af_packet_needs_its_interface_up_and_its_right),
		TEST(huge_pages_are_wanted_needed_or_not),
		TEST(cores_are_ours_whole_and_enough),
		TEST(a_cgroup_that_allows_less_is_named),
		TEST(cores_of_a_card_are_better_isolated),
		TEST(a_machine_without_a_device_named_fails_in_nothing),
		TEST(this_machine_is_looked_at_without_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
