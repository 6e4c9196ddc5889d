/* SPDX-License-Identifier: BSD-3-Clause */
#include "service.h"

static const char *const kind_name[SERVICE_KIND_CNT] = {
	[SERVICE_KIND_HTTP] = "http",
	[SERVICE_KIND_ECHO] = "echo",
	[SERVICE_KIND_DISCARD] = "discard",
	[SERVICE_KIND_CHARGEN] = "chargen",
	[SERVICE_KIND_PROGRAM] = "program",
};

const char *leat_service_kind_name(enum service_kind kind)
{
	return kind_name[kind];
}
