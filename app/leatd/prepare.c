/* SPDX-License-Identifier: BSD-3-Clause */
#include "prepare.h"

#include "base_log.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TELL_OCTETS ((size_t)1 << 30)

static pthread_t thread;

static void *take_signal(void *arg)
{
	struct eal *eal = arg;
	sigset_t set;
	int number;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (sigwait(&set, &number) != 0)
		return NULL;
	/* A signal that was taken is followed, also when the memory is ready at this moment. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	/* The main thread may be deep in the kernel: nothing but EAL's files is put in order. */
	leat_dir_close(&eal->dir);
	leat_log(LOG_LV_NOTE, "leatd", "stopped before it was ready");
	fflush(NULL);
	_exit(OPT_EXIT_OK);
}

enum opt_exit leat_prepare_begin(struct eal *eal, size_t octets)
{
	pthread_attr_t attr;

	if (octets >= TELL_OCTETS)
		leat_log(LOG_LV_NOTE, "leatd", "preparing %.1f GiB of memory",
			(double)octets / (double)TELL_OCTETS);
	pthread_attr_init(&attr);
	pthread_attr_setaffinity_np(&attr, sizeof(eal->allowed), &eal->allowed);
	int error = pthread_create(&thread, &attr, take_signal, eal);
	pthread_attr_destroy(&attr);
	if (error == 0)
		return OPT_EXIT_OK;
	leat_log(LOG_LV_ERROR, "leatd", "no thread for signals: %s", strerror(error));
	return OPT_EXIT_RESOURCE;
}

void leat_prepare_end(void)
{
	pthread_cancel(thread);
	pthread_join(thread, NULL);
}
