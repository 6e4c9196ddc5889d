/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire_verdict.h"

#include "base_assert.h"

static const struct {
	const char *name, *where, *help;
} row[WIRE_V_CNT] = {
#define V(name, text, where, sentence) [WIRE_V_##name] = {text, where, sentence},
#include "wire_verdict.def"
#undef V
};

const char *leat_wire_verdict_name(enum wire_verdict v)
{
	ASSERT(v < WIRE_V_CNT);
	return row[v].name;
}

const char *leat_wire_verdict_where(enum wire_verdict v)
{
	ASSERT(v < WIRE_V_CNT);
	return row[v].where;
}

const char *leat_wire_verdict_help(enum wire_verdict v)
{
	ASSERT(v < WIRE_V_CNT);
	return row[v].help;
}
