/* SPDX-License-Identifier: BSD-3-Clause */

/* How much memory there is on machines that are made of files. */

#include "room.h"

#include <ftw.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define MIB  UINT64_C(1048576)
#define V1   "/sys/fs/cgroup/memory"
#define V2   "/sys/fs/cgroup"
#define NONE "9223372036854771712" /* of v1: PAGE_COUNTER_MAX */

static char root[64];
static struct room r;

static void make(const char *dir, const char *name, const char *text)
{
	char path[512];
	int at = snprintf(path, sizeof(path), "%s%s/", root, dir);

	for (char *p = strchr(path + strlen(root) + 1, '/'); p != NULL; p = strchr(p + 1, '/')) {
		*p = '\0';
		mkdir(path, 0755);
		*p = '/';
	}
	snprintf(path + at, sizeof(path) - (size_t)at, "%s", name);
	FILE *out = fopen(path, "w");
	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	fclose(out);
}

/* mib writes a file with so many MiB. */
static void mib(const char *dir, const char *name, uint64_t cnt)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64 "\n", cnt * MIB);
	make(dir, name, text);
}

/* stat_mib writes a memory.stat with so many MiB of files, in two parts, and more at names like
 * theirs. */
static void stat_mib(const char *dir, const char *prefix, uint64_t cnt)
{
	char text[320];

	snprintf(text, sizeof(text),
		"anon 7\n%sinactive_file_not 1125899906842624\nnot_%sactive_file 1125899906842624\n"
		"%sactive_file %" PRIu64 "\n%sinactive_file %" PRIu64 "\nz 1\n",
		prefix, prefix, prefix, cnt / 3 * MIB, prefix, (cnt - cnt / 3) * MIB);
	make(dir, "memory.stat", text);
}

static void v1(const char *dir, uint64_t limit, uint64_t used, uint64_t cached)
{
	mib(dir, "memory.limit_in_bytes", limit);
	mib(dir, "memory.usage_in_bytes", used);
	stat_mib(dir, "total_", cached);
}

static void v2(const char *dir, uint64_t limit, uint64_t used, uint64_t cached)
{
	mib(dir, "memory.max", limit);
	mib(dir, "memory.current", used);
	stat_mib(dir, "", cached);
}

/* mounted_v1, mounted_v2: which cgroup a mount begins at, and which we are in. */
static void mounted_v1(const char *from, const char *own)
{
	char text[1024];

	snprintf(text, sizeof(text),
		"23 1 254:0 / / rw,relatime - ext4 /dev/root rw\n"
		"30 23 0:30 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
		"35 31 0:32 %s " V1 " rw,relatime shared:9 - cgroup cgroup rw,memory\n"
		"41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n",
		from);
	make("/proc/self", "mountinfo", text);
	snprintf(text, sizeof(text), "9:name=systemd:/memory\n4:hugetlb,memory:%s\n0::/\n", own);
	make("/proc/self", "cgroup", text);
}

static void mounted_v2(const char *from, const char *own)
{
	char text[1024];

	snprintf(text, sizeof(text),
		"23 1 254:0 / / rw,relatime - ext4 /dev/root rw\n"
		"31 23 0:29 %s " V2 " rw,nosuid - cgroup2  rw,nsdelegate,memory_recursiveprot\n",
		from);
	make("/proc/self", "mountinfo", text);
	snprintf(text, sizeof(text), "0::%s\n", own);
	make("/proc/self", "cgroup", text);
}

/* The machine has 1000 MiB, of which 800 are free. */
static int begin(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "/tmp/leat-room-XXXXXX");
	if (mkdtemp(root) == NULL)
		return -1;
	make("/proc", "meminfo",
		"MemTotal:        1024000 kB\nMemFree:          1000 kB\n"
		"MemAvailable:     819200 kB\n");
	return 0;
}

static int drop(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static int end(void **state)
{
	(void)state;
	return nftw(root, drop, 8, FTW_DEPTH | FTW_PHYS);
}

/* is: so many MiB are free, and group says so. */
static void is(uint64_t cnt, const char *group)
{
	char text[ROOM_LIMIT_MAX], wanted[ROOM_LIMIT_MAX] = "";

	leat_room_read(root, &r);
	assert_int_equal(r.octets, cnt * MIB);
	assert_string_equal(r.group, group);
	if (*group != '\0')
		snprintf(wanted, sizeof(wanted), " (limit of the cgroup %s)", group);
	assert_string_equal(leat_room_limit(&r, text), wanted);
}

static void without_cgroups_it_is_what_the_machine_has(void **state)
{
	(void)state;
	is(800, "");
	make("/proc/self", "cgroup", "0::/a\n");
	is(800, "");
	mounted_v1("/", "/a");
	is(800, "");
	make("/proc", "meminfo", "nothing of use\n");
	is(0, "");
}

static void a_cgroup_of_v1_allows_its_limit_less_what_is_used_but_for_the_cache(void **state)
{
	(void)state;
	mounted_v1("/", "/a/b");
	v1(V1 "/a/b", 100, 60, 20);
	is(60, V1 "/a/b");
	assert_string_equal(r.file, "memory.limit_in_bytes");
	/* A cgroup of another controller is not looked at. */
	v1("/sys/fs/cgroup/cpu/a/b", 1, 1, 0);
	v1(V1 "/memory", 1, 1, 0);
	is(60, V1 "/a/b");
	v1(V1 "/a/b", 100, 130, 10); /* more than the limit, as after it was lowered */
	is(0, V1 "/a/b");
	v1(V1 "/a/b", 100, 60, 90);
	is(100, V1 "/a/b");
}

static void a_cgroup_of_v2_allows_its_limit_less_what_is_used_but_for_the_cache(void **state)
{
	(void)state;
	mounted_v2("/", "/user.slice/a:b");
	v2(V2 "/user.slice/a:b", 100, 60, 20);
	is(60, V2 "/user.slice/a:b");
	assert_string_equal(r.file, "memory.max");
	v2(V2 "/user.slice/other", 1, 1, 0);
	is(60, V2 "/user.slice/a:b");
}

static void the_tightest_of_those_up_to_the_root_limits(void **state)
{
	(void)state;
	mounted_v2("/", "/a/b/c");
	v2(V2 "/a/b/c", 500, 0, 0);
	v2(V2 "/a/b", 400, 350, 0);
	v2(V2 "/a", 600, 100, 0);
	is(50, V2 "/a/b");
	v2(V2 "/a", 600, 590, 0);
	is(10, V2 "/a");
	v2(V2, 5, 0, 0);
	is(5, V2);
	mounted_v1("/", "/a/b");
	v1(V1 "/a/b", 300, 0, 0);
	v1(V1 "/a", 200, 0, 0);
	is(200, V1 "/a");
}

static void no_limit_is_one_that_is_max_absent_garbage_or_beyond_the_machine(void **state)
{
	static const char *const none[] = {
		"max\n", "", "\n", "-1\n", "12 MiB\n", "x\n", "99999999999999999999999\n", NONE};

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		mounted_v2("/", "/a");
		make(V2 "/a", "memory.max", none[i]);
		mib(V2 "/a", "memory.current", 10);
		is(800, "");
		mounted_v1("/", "/a");
		make(V1 "/a", "memory.limit_in_bytes", none[i]);
		mib(V1 "/a", "memory.usage_in_bytes", 10);
		is(800, "");
	}
	/* Where the limit is all the machine has, files in the cache are no less its own. */
	v1(V1 "/a", 1000, 900, 0);
	is(800, "");
	v1(V1 "/a", 999, 900, 0);
	is(99, V1 "/a");
	/* Much is allowed, but not there. */
	v1(V1 "/a", 999, 99, 0);
	is(800, "");
}

static void a_limit_holds_where_it_is_not_said_what_is_used(void **state)
{
	(void)state;
	mounted_v2("/", "/a");
	mib(V2 "/a", "memory.max", 64);
	is(64, V2 "/a");
	make(V2 "/a", "memory.current", "what\n");
	make(V2 "/a", "memory.stat", "inactive_file what\n\n");
	is(64, V2 "/a");
	mib(V2 "/a", "memory.current", 60);
	is(4, V2 "/a");
}

static void in_a_container_the_limit_is_at_the_root_of_the_mount(void **state)
{
	static const struct {
		const char *from, *own, *at; /* NULL: none of ours is there */
	} of[] = {{"/", "/", ""}, {"/docker/1", "/docker/1", ""},
		{"/docker/1", "/docker/1/in", "/in"}, {"/docker/1", "/", ""}, {"/..", "/", ""},
		{"/../..", "/a", ""}, {"/..", "/../b", "/b"}, {"/docker/1", "/docker/12", NULL},
		{"/docker/1", "/docker", NULL}, {"/", "/../b", NULL}, {"/..", "/../../b", NULL}};
	char dir[64];

	(void)state;
	v1(V1 "2", 1, 1, 0); /* is beside the mount, not below */
	v2(V2 "2", 1, 1, 0);
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		snprintf(dir, sizeof(dir), V1 "%s", of[i].at != NULL ? of[i].at : "");
		v1(dir, 100, 40, 0);
		mounted_v1(of[i].from, of[i].own);
		is(of[i].at != NULL ? 60 : 800, of[i].at != NULL ? dir : "");
		v1(dir, 1000, 0, 0);
		snprintf(dir, sizeof(dir), V2 "%s", of[i].at != NULL ? of[i].at : "");
		v2(dir, 100, 40, 0);
		mounted_v2(of[i].from, of[i].own);
		is(of[i].at != NULL ? 60 : 800, of[i].at != NULL ? dir : "");
		v2(dir, 1000, 0, 0);
	}
}

static void names_with_blanks_are_as_the_kernel_writes_them(void **state)
{
	(void)state;
	make("/proc/self", "mountinfo",
		"31 23 0:29 /a\\040b /my\\040groups\\134 rw - cgroup2 none rw\n");
	make("/proc/self", "cgroup", "0::/a b/c d\n");
	v2("/my groups\\/c d", 100, 40, 0);
	is(60, "/my groups\\/c d");
}

static void what_is_no_line_of_the_kernels_is_passed_over(void **state)
{
	static char lng[40000];

	(void)state;
	memset(lng, 'x', sizeof(lng) - 1);
	/* What of a line is behind the longest that is read is no line of its own. */
	memcpy(lng + 8703, "31 23 0:29 / /other rw - cgroup2 none rw", 41);
	v2("/other/a", 1, 0, 0);
	make("/proc/self", "cgroup", "\n:\n::\n0:\n0::\n0::relative\n4:memory\n0::/a\n0::/b\n");
	make("/proc/self", "mountinfo", lng);
	is(800, "");
	v2(V2 "/a", 100, 40, 0);
	make("/proc/self", "mountinfo",
		"\n - \n - cgroup2\n - cgroup2 x\n1 2 3 - cgroup2 x rw\n1 2 3 / rw - cgroup2 x rw\n"
		"1 2 3 / " V2 " - cgroup2 x rw\n1 2 3 / other rw - cgroup2 x rw\n"
		"1 2 3 \\9 " V2 "\\04 rw - cgroup2 x rw\n");
	is(60, V2 "/a");
	make("/proc/self", "cgroup", "");
	is(800, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			without_cgroups_it_is_what_the_machine_has, begin, end),
		cmocka_unit_test_setup_teardown(
			a_cgroup_of_v1_allows_its_limit_less_what_is_used_but_for_the_cache, begin,
			end),
		cmocka_unit_test_setup_teardown(
			a_cgroup_of_v2_allows_its_limit_less_what_is_used_but_for_the_cache, begin,
			end),
		cmocka_unit_test_setup_teardown(
			the_tightest_of_those_up_to_the_root_limits, begin, end),
		cmocka_unit_test_setup_teardown(
			no_limit_is_one_that_is_max_absent_garbage_or_beyond_the_machine, begin,
			end),
		cmocka_unit_test_setup_teardown(
			a_limit_holds_where_it_is_not_said_what_is_used, begin, end),
		cmocka_unit_test_setup_teardown(
			in_a_container_the_limit_is_at_the_root_of_the_mount, begin, end),
		cmocka_unit_test_setup_teardown(
			names_with_blanks_are_as_the_kernel_writes_them, begin, end),
		cmocka_unit_test_setup_teardown(
			what_is_no_line_of_the_kernels_is_passed_over, begin, end),
	};

	return cmocka_run_group_tests_name("room", tests, NULL, NULL);
}
