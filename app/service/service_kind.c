/* SPDX-License-Identifier: BSD-3-Clause */
#include "service.h"

#include <string.h>

static const char *const kind_name[SERVICE_KIND_CNT] = {
	[SERVICE_KIND_HTTP] = "http",
	[SERVICE_KIND_ECHO] = "echo",
	[SERVICE_KIND_DISCARD] = "discard",
	[SERVICE_KIND_CHARGEN] = "chargen",
};

const char *leat_service_kind_name(enum service_kind kind)
{
	return kind_name[kind];
}

bool leat_service_kind_parse(const char *name, enum service_kind *kind)
{
	for (uint32_t i = 0; i < SERVICE_KIND_CNT; i++) {
		if (strcmp(kind_name[i], name) == 0) {
			*kind = (enum service_kind)i;
			return true;
		}
	}
	return false;
}
