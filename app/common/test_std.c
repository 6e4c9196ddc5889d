/* SPDX-License-Identifier: BSD-3-Clause */
#include "std.h"

#include "base_bits.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* fails says whether using descriptor fd as it is meant to be used is refused. */
static bool fails(int fd)
{
	char octet = 0;

	errno = 0;
	ssize_t done = fd == STDIN_FILENO ? read(fd, &octet, 1) : write(fd, "", 1);
	return done < 0 && errno == EBADF && fcntl(fd, F_GETFD) >= 0;
}

/* child has the descriptors of closed closed, and returns how many things are not as they must. */
static int child(unsigned closed)
{
	int wrong = 0, null = open("/dev/null", O_RDWR);

	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (closed >> fd & 1)
			close(fd);
	leat_std_occupy();
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		wrong += fails(fd) != (closed >> fd & 1);
	wrong += open("/dev/null", O_RDWR) <= STDERR_FILENO;
	return wrong;
}

static void closed_ones_are_occupied_and_still_fail_and_open_ones_are_as_they_were(void **state)
{
	(void)state;
	for (unsigned closed = 0; closed < 8; closed++) {
		int status = -1;
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0)
			_exit(child(closed));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			closed_ones_are_occupied_and_still_fail_and_open_ones_are_as_they_were),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
