/* SPDX-License-Identifier: BSD-3-Clause */
#include "ask.h"

#include "instance.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_MAX_OCTETS 1024
#define ANSWER_MS       5000 /* an instance that lives begins to answer `info` sooner */

bool leat_ask_name(void *options, const char *text, char *why, size_t size)
{
	return leat_instance_is_name(text, options, why, size);
}

/* refused tells why: `no CODE AT why`, AT counted from the words, or - when it is none of them. */
static int refused(const char *verb, const char *line, const char *words)
{
	char *end, *after;
	int code = (int)strtol(line + 3, &end, 10);
	int at = (int)strtol(end, &after, 10);

	if (after == end)
		after += strspn(after, " -") - 1;
	else if (words != NULL && *words != '\0')
		fprintf(stderr, "  %s\n  %*s^\n", words, at, "");
	fprintf(stderr, "leat %s:%s\n", verb, after);
	return code > 0 ? code : OPT_EXIT_FAILED;
}

/* send_line: an instance that has no place for us may have hung up; its answer tells. */
static void send_line(int fd, const char *question)
{
	char line[INSTANCE_QUESTION_MAX];
	int octets = snprintf(line, sizeof(line), "%s\n", question);

	if (octets > 0)
		(void)!send(fd, line, (size_t)octets, MSG_NOSIGNAL);
}

/* is_heard waits for something to read, or the end; a signal ends the wait as well. */
static bool is_heard(int fd)
{
	return poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, ANSWER_MS) != 0;
}

/* answers asks the instance at the other end of fd who it is, on a connection of its own. */
static bool answers(const struct sockaddr_un *at, socklen_t octets)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool heard = fd >= 0 && connect(fd, (const struct sockaddr *)at, octets) == 0;

	if (heard) {
		send_line(fd, "info");
		heard = is_heard(fd);
	}
	if (fd >= 0)
		close(fd);
	return heard;
}

/* begins_to_answer: a question may take its time as long as others are answered meanwhile.  One
 * whose process is stopped answers none, and the kernel takes them all the same. */
static bool begins_to_answer(const char *verb, int fd)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	socklen_t octets = sizeof(at) - 1;

	while (!is_heard(fd)) {
		if (getpeername(fd, (struct sockaddr *)&at, &octets) == 0 && answers(&at, octets))
			continue;
		leat_instance_stands(verb, leat_instance_of(at.sun_path));
		return false;
	}
	return true;
}

/* read_line takes the first line and not an octet more; false: there was none. */
static bool read_line(int fd, char line[LINE_MAX_OCTETS])
{
	size_t octets = 0;

	while (octets < LINE_MAX_OCTETS - 1 && read(fd, line + octets, 1) == 1) {
		if (line[octets] == '\n') {
			line[octets] = '\0';
			return true;
		}
		octets++;
	}
	return false;
}

int leat_ask(const char *verb, const char *name, const char *question, const char *words, int *code)
{
	char line[LINE_MAX_OCTETS];
	int fd = leat_instance_connect(verb, name);

	*code = fd < 0 && errno == EAGAIN ? OPT_EXIT_FAILED : OPT_EXIT_RESOURCE;
	if (fd < 0)
		return -1;
	send_line(fd, question);
	*code = OPT_EXIT_OK;
	if (!begins_to_answer(verb, fd)) {
		*code = OPT_EXIT_FAILED;
	} else if (!read_line(fd, line)) {
		fprintf(stderr, "leat %s: the instance ended without an answer\n", verb);
		*code = OPT_EXIT_FAILED;
	} else if (strncmp(line, "no ", 3) == 0) {
		*code = refused(verb, line, words);
	}
	if (*code == OPT_EXIT_OK)
		return fd;
	close(fd);
	return -1;
}

int leat_ask_copy(const char *verb, const char *name, const char *question, const char *words)
{
	char part[16384];
	ssize_t octets;
	int code, fd = leat_ask(verb, name, question, words, &code);

	if (fd < 0)
		return code;
	while ((octets = read(fd, part, sizeof(part))) > 0)
		if (fwrite(part, 1, (size_t)octets, stdout) != (size_t)octets ||
			fflush(stdout) != 0)
			break;
	close(fd);
	return OPT_EXIT_OK;
}
