/* SPDX-License-Identifier: BSD-3-Clause */

/* A capture of two shards, one of which is late, or never comes. */

#include "base_bits.h"
#include "base_time.h"
#include "ctl.h"
#include "watch_pcapng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define SHARDS     2
#define OCTETS     60
#define PAUSES     6 /* that a capture has */
#define WAKE_AT    2
#define FEED_AT    4
#define ANSWER_MAX 65536
#define BLOCK_IDX  8 /* of an interface, in blocks that name one */

/* A shard: it reads letters at once, or stands still. */
static struct fake {
	struct shard_capture_set set;
	struct shard_mail box;
	bool stands;
} fake[SHARDS];

static uint64_t now;
static struct nic_port port;
static struct plane plane;
static struct ctl ctl;
static struct ctl_client client;
static uint32_t pauses;
static bool wakes; /* shard 1, at pause WAKE_AT */

/* What was read of the answer. */
static struct {
	uint32_t packet[SHARDS], stats[SHARDS];
	char said[WATCH_PCAPNG_TEXT + 1];
} got;

static void read_box(struct fake *f)
{
	struct shard_letter letter;

	while (!f->stands && leat_shard_mail_take(&f->box, &letter))
		leat_shard_capture_letter(&f->set, letter.what);
}

static void feed(struct fake *f)
{
	static const uint8_t frame[OCTETS];
	const struct shard_captured what = {.octets = OCTETS, .kind = SHARD_CAPTURE_LANE_FULL};

	leat_shard_capture_lost(&f->set, frame, OCTETS, &what);
}

bool leat_ctl_put(struct ctl *c, uint32_t shard, struct shard_letter letter)
{
	struct shard_capture *capture = letter.what;

	(void)c;
	if (fake[shard].stands) { /* as if it had begun to, and was in the middle of it */
		capture->refused = true;
		capture->seen = 4711;
	}
	bool put = leat_shard_mail_put(&fake[shard].box, letter);
	read_box(&fake[shard]);
	return put;
}

bool leat_ctl_await(struct ctl *c, uint32_t shard, const atomic_bool *answered)
{
	(void)c;
	(void)shard;
	return atomic_load(answered);
}

bool leat_ctl_turns(struct ctl *c, uint32_t shard)
{
	(void)c;
	return !fake[shard].stands;
}

bool leat_ctl_pause(struct ctl_client *q, uint64_t for_ns)
{
	(void)q;
	(void)for_ns;
	pauses++;
	if (pauses == WAKE_AT && wakes) {
		fake[1].stands = false;
		read_box(&fake[1]);
	}
	now = ctl_now(&ctl);
	for (uint32_t i = 0; i < SHARDS && pauses == FEED_AT; i++)
		feed(&fake[i]);
	return pauses < PAUSES;
}

static int begin(void **state)
{
	(void)state;
	snprintf(port.name, sizeof(port.name), "ring");
	plane = (struct plane){.shard_cnt = SHARDS, .clock = shard_clock_start_kernel()};
	ctl = (struct ctl){.plane = &plane, .clock = plane.clock};
	pthread_mutex_init(&ctl.putting, NULL);
	pauses = 0;
	wakes = true;
	for (uint32_t i = 0; i < SHARDS; i++) {
		fake[i] = (struct fake){.set.now = &now, .stands = i == 1};
		leat_shard_mail_init(&fake[i].box);
		plane.shard[i].port = &port;
	}
	return 0;
}

static void read_answer(const uint8_t *at, const uint8_t *end)
{
	memset(&got, 0, sizeof(got));
	assert_memory_equal(at, "ok\n", 3);
	for (at += 3; at + WATCH_PCAPNG_MIN <= end;) {
		uint32_t type, octets = leat_watch_pcapng_head(at, &type);

		assert_true(octets != 0 && octets <= end - at);
		if (type == WATCH_PCAPNG_PACKET)
			got.packet[at[BLOCK_IDX]]++;
		if (type == WATCH_PCAPNG_STATS)
			got.stats[at[BLOCK_IDX]]++;
		if (type == WATCH_PCAPNG_SAID)
			memcpy(got.said, at + BLOCK_IDX, octets - WATCH_PCAPNG_MIN);
		at += octets;
	}
}

static void capture(const char *question)
{
	static uint8_t answer[ANSWER_MAX];
	char words[64];
	int end[2];

	snprintf(words, sizeof(words), "%s", question);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, end), 0);
	assert_int_equal(pipe(ctl.stop_fd), 0);
	client = (struct ctl_client){.ctl = &ctl, .fd = end[1], .out = fdopen(end[1], "w")};
	assert_non_null(client.out);
	leat_ctl_capture(&client, words);
	fclose(client.out);
	ssize_t octets = recv(end[0], answer, sizeof(answer), MSG_WAITALL);
	assert_true(octets > 3);
	close(end[0]);
	close(ctl.stop_fd[0]);
	close(ctl.stop_fd[1]);
	read_answer(answer, answer + octets);
}

static void a_shard_that_begins_late_is_captured_too(void **state)
{
	const char *const question[] = {"snap=64", "snap=64 ring=64"};

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(question); i++) {
		begin(NULL);
		capture(question[i]);
		for (uint32_t k = 0; k < SHARDS; k++) {
			assert_int_equal(got.packet[k], 1);
			assert_int_equal(got.stats[k], 1);
			assert_int_equal(fake[k].set.cnt, 0);
		}
		assert_non_null(strstr(got.said, "captured 2 of 2 "));
		assert_non_null(strstr(got.said, " on 2 shards"));
		assert_null(strstr(got.said, "incomplete"));
		assert_null(ctl.kept);
	}
}

/* check_missing: the answer is that of shard 0 alone, and says so. */
static void check_missing(void)
{
	assert_int_equal(got.packet[0], 1);
	assert_int_equal(got.stats[0], 1);
	assert_int_equal(got.packet[1] + got.stats[1], 0);
	assert_string_equal(got.said, "captured 1 of 1 that match (0 lost), of 1 frames"
				      ", on 1 shard; incomplete, as it did not turn: shard 1");
}

static void of_a_shard_that_never_begins_nothing_is_read_and_it_is_named(void **state)
{
	(void)state;
	wakes = false;
	capture("snap=64");
	check_missing();
	assert_non_null(ctl.kept);
	leat_ctl_capture_sweep(&ctl);
	assert_non_null(ctl.kept);
	fake[1].stands = false;
	for (uint32_t i = 0; i < 3; i++) {
		read_box(&fake[1]);
		leat_ctl_capture_sweep(&ctl);
	}
	assert_null(ctl.kept);
	assert_int_equal(fake[1].set.cnt, 0);
}

static void a_shard_that_refuses_late_is_named(void **state)
{
	(void)state;
	fake[1].set.cnt = SHARD_CAPTURE_MAX;
	static struct shard_capture other;
	static atomic_bool fired = true;
	other = (struct shard_capture){.newest = true, .fired = &fired};
	for (uint32_t i = 0; i < SHARD_CAPTURE_MAX; i++)
		fake[1].set.at[i] = &other;
	capture("snap=64");
	check_missing();
	assert_null(ctl.kept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_shard_that_begins_late_is_captured_too),
		cmocka_unit_test_setup(
			of_a_shard_that_never_begins_nothing_is_read_and_it_is_named, begin),
		cmocka_unit_test_setup(a_shard_that_refuses_late_is_named, begin),
	};

	return cmocka_run_group_tests_name("ctl_capture", tests, NULL, NULL);
}
