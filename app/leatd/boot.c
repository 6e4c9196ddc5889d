/* SPDX-License-Identifier: BSD-3-Clause */
#include "boot.h"

#include "base_bits.h"
#include "base_log.h"
#include "report.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#define HEAD       "leat-runs 1\n"
#define RECORD_MAX 512
#define IN_USE     UINT64_MAX

static enum opt_exit say(const struct boot *b, enum opt_exit result, const char *what)
{
	leat_log(LOG_LV_ERROR, "leatd", "--boot-record: `%s` %s", b->path, what);
	return result;
}

static bool write_record(const struct boot *b)
{
	char text[RECORD_MAX];
	int octets = snprintf(text, sizeof(text),
		HEAD "run %" PRIu64 "\nkey %016" PRIx64 " %016" PRIx64 "\nclock %" PRIu64
		     "\nused %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
		b->run, b->secret.k0, b->secret.k1, b->epoch_ns, b->used_ns[0], b->used_ns[1],
		b->used_ns[2], b->used_ns[3]);

	return pwrite(b->fd, text, (size_t)octets, 0) == octets && ftruncate(b->fd, octets) == 0 &&
	       fsync(b->fd) == 0;
}

static bool new_secret(struct boot *b)
{
	return getrandom(&b->secret, sizeof(b->secret), 0) == sizeof(b->secret);
}

/* read_record fills b; false: there is nothing, or not all that there should be. */
static bool read_record(struct boot *b, const char *text)
{
	int end = 0;

	(void)sscanf(text,
		HEAD "run %" SCNu64 " key %" SCNx64 " %" SCNx64 " clock %" SCNu64 " used %" SCNu64
		     " %" SCNu64 " %" SCNu64 " %" SCNu64 "%n",
		&b->run, &b->secret.k0, &b->secret.k1, &b->epoch_ns, &b->used_ns[0], &b->used_ns[1],
		&b->used_ns[2], &b->used_ns[3], &end);
	return end != 0 && strcmp(text + end, "\n") == 0 && (b->secret.k0 | b->secret.k1) != 0;
}

/* open_record opens and locks the file, which is made when it is not there, and reads it. */
static enum opt_exit open_record(struct boot *b)
{
	char text[RECORD_MAX] = "";

	b->fd = open(b->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (b->fd < 0)
		return say(b, OPT_EXIT_RESOURCE, strerror(errno));
	if (flock(b->fd, LOCK_EX | LOCK_NB) != 0)
		return say(b, OPT_EXIT_RESOURCE, "is in use by another run; a record for each?");
	ssize_t octets = pread(b->fd, text, sizeof(text) - 1, 0);
	if (octets < 0)
		return say(b, OPT_EXIT_RESOURCE, strerror(errno));
	if (octets > 0 && strncmp(text, HEAD, sizeof(HEAD) - 1) != 0)
		return say(b, OPT_EXIT_CONFIG, "is something else, and stays so; another file?");
	b->known = read_record(b, text);
	if (!b->known && octets > 0)
		leat_log(LOG_LV_WARN, "leatd",
			"--boot-record: `%s` was cut short; begun anew, with a quiet time",
			b->path);
	b->quiet_ns = !b->known && octets > 0 ? UINT64_MAX : 0;
	return OPT_EXIT_OK;
}

/* choose takes the ports that have rested longest.  A run that did not end in order may have used
 * its own until now; and when the clock went back, nobody knows how long ago that was. */
static void choose(struct boot *b, const struct boot_want *want, uint64_t wall_ns)
{
	bool back = wall_ns < b->epoch_ns;
	uint64_t now = back ? b->epoch_ns + TIME_S : wall_ns, rested;
	uint32_t ports = (want->port_to - want->port_from + 1U) / BOOT_RANGES;

	for (uint32_t i = 0; i < BOOT_RANGES; i++) {
		if (b->used_ns[i] == IN_USE || back)
			b->used_ns[i] = b->used_ns[i] == 0 ? 0 : now;
		if (b->used_ns[i] < b->used_ns[b->range])
			b->range = i;
	}
	rested = now - u64_min(b->used_ns[b->range], now);
	if (b->quiet_ns == UINT64_MAX || back)
		b->quiet_ns = want->two_msl_ns;
	else if (b->used_ns[b->range] != 0 && rested < want->two_msl_ns)
		b->quiet_ns = want->two_msl_ns - rested;
	b->epoch_ns = now;
	b->port_from = (uint16_t)(want->port_from + b->range * ports);
	b->port_to = (uint16_t)(b->port_from + ports - 1);
	b->used_ns[b->range] = IN_USE;
	b->run++;
}

enum opt_exit leat_boot_begin(struct boot *b, const struct boot_want *want, uint64_t wall_ns)
{
	enum opt_exit result;

	*b = (struct boot){.path = want->path,
		.fd = -1,
		.epoch_ns = wall_ns,
		.port_from = want->port_from,
		.port_to = want->port_to};
	if (b->path != NULL) {
		b->epoch_ns = 0;
		result = open_record(b);
		if (result == OPT_EXIT_OK && !b->known) {
			b->run = b->epoch_ns = 0;
			memset(b->used_ns, 0, sizeof(b->used_ns));
			if (!new_secret(b))
				result = say(b, OPT_EXIT_RESOURCE, "has no key: no random numbers");
		}
		if (result == OPT_EXIT_OK) {
			choose(b, want, wall_ns);
			if (!write_record(b))
				result = say(b, OPT_EXIT_RESOURCE, strerror(errno));
		}
		if (result != OPT_EXIT_OK && b->fd >= 0)
			close(b->fd);
		if (result != OPT_EXIT_OK)
			return result;
	}
	b->quiet_ns = u64_max(b->quiet_ns, want->quiet_ns); /* DEVIATION(quiet-time): or none */
	return OPT_EXIT_OK;
}

void leat_boot_set(const struct boot *b, struct stack_config *config)
{
	config->secret = b->secret;
	config->knobs.epoch_ns = b->epoch_ns;
	config->quiet_ns = b->quiet_ns;
	config->port_from = b->port_from;
	config->port_to = b->port_to;
}

void leat_boot_end(struct boot *b, uint64_t wall_ns)
{
	if (b->path == NULL)
		return;
	b->epoch_ns = u64_max(b->epoch_ns, wall_ns);
	b->used_ns[b->range] = b->epoch_ns;
	if (!write_record(b))
		(void)say(b, OPT_EXIT_RESOURCE, strerror(errno));
	close(b->fd);
}

void leat_boot_print(const struct boot *b, bool connects, FILE *out)
{
	char quiet[REPORT_TEXT_MAX];

	if (b->path != NULL)
		fprintf(out, "run %" PRIu64 " by %s, %s", b->run, b->path,
			b->known ? "sequence numbers and timestamps go on"
				 : "which begins with it");
	else
		fprintf(out, "what an earlier run left is not known (--boot-record FILE%s)",
			connects && b->quiet_ns == 0 ? ", --quiet-time T" : "");
	if (connects && b->path != NULL)
		fprintf(out, ", ports %u to %u", b->port_from, b->port_to);
	leat_text_ns(b->quiet_ns, quiet, sizeof(quiet));
	if (connects && b->quiet_ns != 0)
		fprintf(out, "; no connect for %s", quiet);
	fprintf(out, "%s\n", connects ? "" : "; listening at once");
}
