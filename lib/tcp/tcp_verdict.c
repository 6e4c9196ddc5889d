/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp_verdict.h"

static const struct {
	const char *name, *where, *help;
} row[TCP_V_CNT] = {
#define V(name, text, where, sentence) [TCP_V_##name] = {text, where, sentence},
#include "tcp_verdict.def"
#undef V
};

const char *leat_tcp_verdict_name(enum tcp_verdict v)
{
	return row[v].name;
}

const char *leat_tcp_verdict_where(enum tcp_verdict v)
{
	return row[v].where;
}

const char *leat_tcp_verdict_help(enum tcp_verdict v)
{
	return row[v].help;
}
