/* SPDX-License-Identifier: BSD-3-Clause */

/* The first and only process of a guest in which leatd has a PCI device (test_guest.py): it makes
 * the machine ready, then does what lines on the console say.
 *
 *	run PROGRAM ARGUMENT...     one at a time
 *	int                         SIGINT to it
 *	off                         the guest ends
 *
 * Its own lines begin with "guest:"; all others are the program's. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define PCI      "/sys/bus/pci/devices"
#define HUGE     "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
#define ARGS_MAX 64

static void need(int result, const char *what)
{
	if (result >= 0)
		return;
	printf("guest: %s: %s\n", what, strerror(errno));
	sync();
	reboot(RB_POWER_OFF);
}

static void mount_at(const char *type, const char *where)
{
	mkdir(where, 0755);
	need(mount(type, where, type, 0, NULL), where);
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	need(fd, path);
	need((int)write(fd, text, strlen(text)), path);
	close(fd);
}

static void load(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	need(fd, path);
	need((int)syscall(SYS_finit_module, fd, "", 0), path);
	close(fd);
}

/* bind_all gives every network card to user space, whatever it is. */
static void bind_all(void)
{
	DIR *d = opendir(PCI);
	struct dirent *entry;
	char path[300];
	unsigned class;

	need(d != NULL ? 0 : -1, PCI);
	while ((entry = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), PCI "/%s/class", entry->d_name);
		FILE *f = fopen(path, "re");
		int known = f != NULL ? fscanf(f, "%x", &class) : 0;
		if (f != NULL)
			fclose(f);
		if (known != 1 || class >> 8 != 0x200)
			continue;
		snprintf(path, sizeof(path), PCI "/%s/driver_override", entry->d_name);
		put(path, "uio_pci_generic");
		put("/sys/bus/pci/drivers_probe", entry->d_name);
		printf("guest: card %s\n", entry->d_name);
	}
	closedir(d);
}

static void prepare(const char *pages)
{
	struct termios t;

	setvbuf(stdout, NULL, _IOLBF, 0);
	need(chmod("/", 0755), "/"); /* DPDK loads drivers from below none that all may write */
	mount_at("proc", "/proc");
	mount_at("sysfs", "/sys");
	mount_at("devtmpfs", "/dev");
	mount_at("hugetlbfs", "/dev/hugepages");
	put(HUGE, pages);
	load("/uio.ko");
	load("/uio_pci_generic.ko");
	bind_all();
	need(tcgetattr(STDIN_FILENO, &t), "console");
	t.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(STDIN_FILENO, TCSANOW, &t);
	setenv("PATH", "/", 1);
}

static pid_t start(char *words)
{
	char *argv[ARGS_MAX + 1] = {NULL};
	int argc = 0;

	for (char *w = strtok(words, " "); w != NULL && argc < ARGS_MAX; w = strtok(NULL, " "))
		argv[argc++] = w;
	pid_t pid = argc != 0 ? fork() : -1;
	if (pid != 0)
		return pid;
	/* What it is told comes by signals alone. */
	int null = open("/dev/null", O_RDONLY);
	dup2(null, STDIN_FILENO);
	execvp(argv[0], argv);
	_exit(127);
}

/* obey does what one line says; false: no more. */
static int obey(char *line, pid_t *pid)
{
	line[strcspn(line, "\r\n")] = '\0';
	if (strncmp(line, "run ", 4) == 0) {
		*pid = start(line + 4);
		need(*pid, "fork");
	} else if (strcmp(line, "int") == 0 && *pid > 0) {
		kill(*pid, SIGINT);
	}
	return strcmp(line, "off") != 0;
}

int main(void)
{
	struct pollfd console = {.fd = STDIN_FILENO, .events = POLLIN};
	const char *pages = getenv("pages"); /* of the kernel's command line */
	char line[4096];
	pid_t pid = 0, ended;
	int status, more = 1;

	prepare(pages != NULL ? pages : "256");
	printf("guest: ready\n");
	while (more) {
		/* A read of a console is a line. */
		if (poll(&console, 1, 50) > 0) {
			ssize_t octets = read(STDIN_FILENO, line, sizeof(line) - 1);

			line[octets > 0 ? octets : 0] = '\0';
			more = octets > 0 && obey(line, &pid);
		}
		while ((ended = waitpid(-1, &status, WNOHANG)) > 0) {
			if (ended != pid)
				continue;
			pid = 0;
			printf("guest: ended %d\n",
				WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
		}
	}
	sync();
	reboot(RB_POWER_OFF);
	return 1;
}
