/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl_words.h"

#include "base_bits.h"

#include <string.h>

static const char *const form_word[WATCH_FORM_CNT] = {
	[WATCH_FORM_TEXT] = "form=text",
	[WATCH_FORM_SS] = "form=ss",
	[WATCH_FORM_IPVS] = "form=ipvs",
	[WATCH_FORM_JSON] = "form=json",
};

static bool is(const char *word, size_t octets, const char *name)
{
	return strlen(name) == octets && memcmp(word, name, octets) == 0;
}

/* read_word: false: it is none of ours. */
static bool read_word(struct ctl_words *w, const char *word, size_t octets)
{
	const struct {
		const char *name;
		bool *set;
	} flag[] = {{"detail", &w->detail}, {"summary", &w->summary}, {"bare", &w->bare},
		{"yes", &w->yes}};

	for (uint32_t i = 0; i < WATCH_FORM_CNT; i++) {
		if (is(word, octets, form_word[i])) {
			w->form = (enum watch_form)i;
			return true;
		}
	}
	for (uint32_t i = 0; i < COUNT_OF(flag); i++) {
		if (is(word, octets, flag[i].name)) {
			*flag[i].set = true;
			return true;
		}
	}
	return false;
}

const char *leat_ctl_words(struct ctl_words *w, char *words)
{
	*w = (struct ctl_words){.form = WATCH_FORM_TEXT};
	for (char *rest = words; *rest != '\0';) {
		char *end = strchr(rest, ' ');

		if (!read_word(w, rest, end != NULL ? (size_t)(end - rest) : strlen(rest)))
			return rest;
		rest = end != NULL ? end + 1 : rest + strlen(rest);
	}
	return "";
}
