/* SPDX-License-Identifier: BSD-3-Clause */
#include "base_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static int pipe_fd[2], stderr_was;
static char got[4 * LOG_LINE_MAX];

/* Standard error is a pipe while a test runs; one read takes all that was written. */
static int redirect(void **state)
{
	(void)state;
	stderr_was = dup(STDERR_FILENO);
	return pipe(pipe_fd) < 0 || stderr_was < 0 || dup2(pipe_fd[1], STDERR_FILENO) < 0;
}

static int restore(void **state)
{
	(void)state;
	dup2(stderr_was, STDERR_FILENO);
	close(stderr_was);
	close(pipe_fd[0]);
	close(pipe_fd[1]);
	leat_log_level_set(LOG_LV_NOTE);
	return 0;
}

/* A mark ends what the test wrote, so that reading never waits. */
static const char *written(void)
{
	assert_int_equal(write(STDERR_FILENO, "!", 1), 1);
	ssize_t octets = read(pipe_fd[0], got, sizeof(got) - 1);
	assert_true(octets > 0 && got[octets - 1] == '!');
	got[octets - 1] = '\0';
	return got;
}

static void a_line_tells_level_and_module(void **state)
{
	(void)state;
	leat_log(LOG_LV_ERROR, "nic", "port %d: %s", 3, "no queues");
	leat_log(LOG_LV_NOTE, "app", "ready");
	assert_string_equal(
		written(), "leat: error: nic: port 3: no queues\nleat: note: app: ready\n");
}

static void lines_above_the_level_are_not_written(void **state)
{
	(void)state;
	leat_log(LOG_LV_DEBUG, "nic", "not yet");
	leat_log_level_set(LOG_LV_ERROR);
	leat_log(LOG_LV_WARN, "nic", "not now");
	leat_log_level_set(LOG_LV_DEBUG);
	leat_log(LOG_LV_DEBUG, "nic", "now");
	assert_string_equal(written(), "leat: debug: nic: now\n");
}

static void a_long_line_is_cut_and_still_ends(void **state)
{
	char text[2 * LOG_LINE_MAX];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	leat_log(LOG_LV_ERROR, "nic", "%s", text);
	assert_int_equal(strlen(written()), LOG_LINE_MAX);
	assert_int_equal(got[LOG_LINE_MAX - 1], '\n');
	assert_int_equal(got[LOG_LINE_MAX - 2], 'x');
	leat_log(LOG_LV_ERROR, text, "lost behind a long name");
	assert_int_equal(strlen(written()), LOG_LINE_MAX);
}

static void control_characters_do_not_make_a_second_line(void **state)
{
	(void)state;
	leat_log(LOG_LV_WARN, "conf", "name is \"%s\"", "a\nleat: error: b\x1b[2J\x7f");
	assert_string_equal(written(), "leat: warn: conf: name is \"a?leat: error: b?[2J?\"\n");
}

static void levels_are_read_by_name(void **state)
{
	enum log_level level = LOG_LV_CNT;

	(void)state;
	assert_true(leat_log_level_parse("error", &level) && level == LOG_LV_ERROR);
	assert_true(leat_log_level_parse("warn", &level) && level == LOG_LV_WARN);
	assert_true(leat_log_level_parse("note", &level) && level == LOG_LV_NOTE);
	assert_true(leat_log_level_parse("debug", &level) && level == LOG_LV_DEBUG);
	assert_false(leat_log_level_parse("loud", &level));
	assert_false(leat_log_level_parse("", &level));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_line_tells_level_and_module, redirect, restore),
		cmocka_unit_test_setup_teardown(
			lines_above_the_level_are_not_written, redirect, restore),
		cmocka_unit_test_setup_teardown(
			a_long_line_is_cut_and_still_ends, redirect, restore),
		cmocka_unit_test_setup_teardown(
			control_characters_do_not_make_a_second_line, redirect, restore),
		cmocka_unit_test(levels_are_read_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
