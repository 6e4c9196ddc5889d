/* SPDX-License-Identifier: BSD-3-Clause */
#include "caps.h"

#include "base_log.h"

#include <dirent.h>
#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define TASKS  "/proc/self/task"
#define NAP_NS 2000000
#define NAPS   1500 /* 3 s in all: a thread may wait for its processor */

static uint64_t kept;

/* drop_own drops for this thread.  All it calls may be called in a handler, and whether it worked
 * is seen from outside: without CAP_SETPCAP the bounding set stays, and gives nobody anything. */
static void drop_own(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};

	for (unsigned long cap = 0; cap < 64 && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++) {
		if ((kept >> cap & 1) == 0)
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	}
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capget, &head, data) == 0) {
		for (uint32_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
			data[i].permitted &= (uint32_t)(kept >> 32 * i);
			data[i].effective &= data[i].permitted;
			data[i].inheritable = 0;
		}
		syscall(SYS_capset, &head, data);
	}
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static void take_signal(int number)
{
	int error = errno;

	(void)number;
	drop_own();
	errno = error;
}

/* has_more says whether thread task has what is to be dropped; one that ended has not. */
static bool has_more(const char *task)
{
	char path[300], line[128], set[8];
	unsigned long long value;
	bool more = false;

	snprintf(path, sizeof(path), TASKS "/%s/status", task);
	FILE *f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "NoNewPrivs: %llu", &value) == 1)
			more |= value == 0;
		else if (sscanf(line, "Cap%3[A-Za-z]: %llx", set, &value) == 2)
			more |= (value & ~kept) != 0 && strcmp(set, "Bnd") != 0;
	}
	if (f != NULL)
		fclose(f);
	return more;
}

static void warn(const char *task)
{
	char path[300], name[32] = "";

	snprintf(path, sizeof(path), TASKS "/%s/comm", task);
	FILE *f = fopen(path, "re");
	if (f != NULL && fgets(name, sizeof(name), f) != NULL)
		name[strcspn(name, "\n")] = '\0';
	if (f != NULL)
		fclose(f);
	leat_log(LOG_LV_WARN, "leatd", "thread %s (%s) keeps capabilities that nobody needs", task,
		name);
}

/* sweep does something with each thread that has more, and returns how many there are; -1: the
 * kernel does not tell its threads. */
static int sweep(void (*with)(const char *task))
{
	DIR *d = opendir(TASKS);
	struct dirent *entry;
	int cnt = 0;

	if (d == NULL)
		return -1;
	while ((entry = readdir(d)) != NULL) {
		if (entry->d_name[0] == '.' || !has_more(entry->d_name))
			continue;
		with(entry->d_name);
		cnt++;
	}
	closedir(d);
	return cnt;
}

static void send_signal(const char *task)
{
	syscall(SYS_tgkill, getpid(), (pid_t)strtol(task, NULL, 10), SIGURG);
}

void leat_caps_drop(uint64_t keep)
{
	struct sigaction action = {.sa_handler = take_signal, .sa_flags = SA_RESTART}, before;

	kept = keep;
	drop_own();
	sigemptyset(&action.sa_mask);
	sigaction(SIGURG, &action, &before);
	int left = sweep(send_signal);
	for (uint32_t naps = 0; left > 0 && naps < NAPS; naps++) {
		nanosleep(&(struct timespec){.tv_nsec = NAP_NS}, NULL);
		left = sweep(send_signal);
	}
	sigaction(SIGURG, &before, NULL);
	if (left > 0)
		sweep(warn);
	else if (left < 0)
		leat_log(LOG_LV_WARN, "leatd",
			"without " TASKS " only the main thread drops its capabilities");
}
