/* SPDX-License-Identifier: BSD-3-Clause */
#include "std.h"

#include "opt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void leat_std_occupy(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		/* The lowest number that is free is this one. */
		if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd) {
			fprintf(stderr, "leat: /dev/null: %s\n", strerror(errno));
			exit(OPT_EXIT_RESOURCE);
		}
	}
}

int leat_std_written(const char *verb, int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	fprintf(stderr, "leat %s: stdout: %s\n", verb, strerror(errno));
	return OPT_EXIT_FAILED;
}
