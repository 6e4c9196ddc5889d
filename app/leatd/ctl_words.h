/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_CTL_WORDS_H
#define LEAT_CTL_WORDS_H

/* ctl_words: what stands before the filter in a question: form=json detail summary bare yes.
 *
 * Affinity   none; pure. */

#include "watch_print.h"

struct ctl_words {
	enum watch_form form;
	bool detail, summary, bare, yes;
};

/* leat_ctl_words takes them off, and gives the rest. */
const char *leat_ctl_words(struct ctl_words *w, char *words);

#endif
