/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_CONF_H
#define LEAT_CONF_H

/* conf: a configuration file, read, judged as a whole, and kept.
 *
 *	text ─► conf_tree ─► leat_conf_read ─► settings ◄─ leat_conf_override
 *	        (libyaml)    (conf_key.def)        │
 *	                                           └─► leat_conf_finish ─► typed values, errors
 *
 * A setting is one value of one key with its place.  What `leat serve` takes stays text, for its
 * options read it (OPTION in conf_key.def); what is for a client is typed here, into the members
 * that INTO names.  Nothing else happens: no file is opened, no device looked at.
 *
 * All errors are found in one pass, each with line and column; after one of syntax only what
 * stands before it is judged.  Anchors, aliases, tags and a second document are refused.
 *
 * Units      ns; octets; thousandths a second; millionths.
 * Memory     struct conf is all there is (about 400 KiB), given by the caller; texts point into it
 *            or to constants.  libyaml takes some for a time, bounded by CONF_FILE_MAX.
 * Affinity   boot only.
 * Errors     in errors, CONF_ERROR_MAX of them; cnt says how many there were. */

#include "conf_error.h"
#include "conf_key.h"
#include "conf_tree.h"

#define CONF_SETTING_MAX 512
#define CONF_TARGET_MAX  16
#define CONF_SOURCE_MAX  16

/* Values of the words, in the order of conf_key.def. */
enum conf_role {
	CONF_ROLE_SERVER,
	CONF_ROLE_CLIENT,
	CONF_ROLE_BOTH,
};

enum conf_model {
	CONF_MODEL_CLOSED,
	CONF_MODEL_OPEN,
};

enum conf_program {
	CONF_PROGRAM_HTTP,
	CONF_PROGRAM_ECHO,
	CONF_PROGRAM_DISCARD,
	CONF_PROGRAM_CONNECT_ONLY,
	CONF_PROGRAM_SCRIPT,
};

enum conf_method {
	CONF_METHOD_GET,
	CONF_METHOD_POST,
};

enum conf_close {
	CONF_CLOSE_CLIENT,
	CONF_CLOSE_SERVER,
	CONF_CLOSE_RESET,
};

enum conf_format {
	CONF_FORMAT_TEXT,
	CONF_FORMAT_JSON,
	CONF_FORMAT_HTML,
	CONF_FORMAT_HLOG,
	CONF_FORMAT_CSV,
};

/* An address: of IPv4 (family 4) in octets 0 to 3, of IPv6 (family 6) in all. */
struct conf_ip {
	uint8_t family;
	uint8_t octet[16];
};

struct conf_endpoint {
	struct conf_ip ip;
	uint16_t port;
};

struct conf_network {
	struct conf_ip ip;
	uint8_t prefix_bits; /* 32 or 128: this address alone */
};

struct conf_targets {
	uint32_t cnt; /* at least 1 in a client's */
	struct conf_endpoint item[CONF_TARGET_MAX];
};

struct conf_sources {
	uint32_t cnt; /* 0: the addresses of the port */
	struct conf_network item[CONF_SOURCE_MAX];
};

struct conf_ports {
	uint16_t from, to; /* from 1 on, from <= to */
};

/* A quantity of octets: each from least to most has the same chance. */
struct conf_size {
	uint64_t least, most;
};

struct conf_load {
	struct conf_targets target;
	struct conf_sources source;
	struct conf_ports source_ports;
	uint64_t model;       /* enum conf_model */
	uint64_t connections; /* CLOSED: in flight */
	uint64_t rate_milli;  /* OPEN: thousandths of a connection a second, at least 1 */
	uint64_t ramp_ns;
	uint64_t duration_ns; /* after the ramp; 0: no end by time */
	uint64_t total;       /* connections; 0: no limit */
	uint64_t program;     /* enum conf_program */
	const char *script;   /* SCRIPT: its text; else NULL */
	uint64_t method;      /* enum conf_method, of HTTP */
	const char *path;     /* of HTTP, beginning with `/` */
	struct conf_size request;
	struct conf_size response; /* most is 0 where path says what to ask for */
	uint64_t requests;         /* of each connection, at least 1 */
	uint64_t think_ns;
	uint64_t close; /* enum conf_close */
	uint64_t half_close;
	uint64_t timeout_ns;
	uint64_t seed; /* 0: not given */
};

enum conf_bound_op {
	CONF_BOUND_NONE, /* not given */
	CONF_BOUND_LT,
	CONF_BOUND_LE,
	CONF_BOUND_EQ,
	CONF_BOUND_GE,
	CONF_BOUND_GT,
};

struct conf_bound {
	uint64_t op;    /* enum conf_bound_op */
	uint64_t value; /* millionths, connections or ns */
};

struct conf_latency {
	struct conf_bound p50, p90, p99, p99_9, p99_99, max; /* ns */
};

/* What must hold at the end. */
struct conf_expect {
	struct conf_bound achieved; /* millionths of the plan */
	struct conf_bound errors, connections;
	struct conf_latency connect, first_byte, whole;
};

struct conf_report {
	const char *dir;
	uint64_t formats; /* bits by enum conf_format */
	uint64_t interval_ns;
};

struct conf_setting {
	const struct conf_key *key;
	const char *text;   /* NULL for a section */
	const char *option; /* of the command line; NULL: of the file */
	uint32_t line, col; /* from 1 */
	uint16_t section;   /* which one of the list of sections it is in; CONF_ITEM_NONE */
	uint16_t item;      /* which one of its list it is; CONF_ITEM_NONE: alone */
	bool bad;           /* refused; it is here so that it is not called missing */
};

struct conf {
	struct conf_tree tree;
	struct conf_errors errors;
	uint64_t version;
	uint64_t role; /* enum conf_role */
	struct conf_load load;
	struct conf_expect expect;
	struct conf_report report;
	uint32_t setting_cnt;
	struct conf_setting setting[CONF_SETTING_MAX];
	char name[CONF_PATH_MAX];
};

/* leat_conf_begin makes c that of an empty file, to which path gives its name; NULL: no file. */
void leat_conf_begin(struct conf *c, const char *path);

/* leat_conf_read puts what octets of text say into settings. */
void leat_conf_read(struct conf *c, const char *text, size_t octets);

/* leat_conf_override sets key, in a section, to text, which must live as long as c: what option of
 * the command line says, NULL: what holds where there is no file.  The first one for a key replaces
 * what the file has for it there. */
void leat_conf_override(struct conf *c, const struct conf_key *key, uint16_t section,
	const char *text, const char *option);

/* leat_conf_forget drops what the file has for a list of sections. */
void leat_conf_forget(struct conf *c, const struct conf_key *section);

/* leat_conf_finish fills defaults, reads every value and judges the whole.  c is good when it has
 * no errors then. */
void leat_conf_finish(struct conf *c);

/* leat_conf_find is the setting of key in a section (CONF_ITEM_NONE: of no list) after that
 * before, the first for NULL; NULL: there is none. */
const struct conf_setting *leat_conf_find(const struct conf *c, const struct conf_key *key,
	uint16_t section, const struct conf_setting *before);

/* leat_conf_text is the text of the one value of path in a section, its default, or NULL. */
const char *leat_conf_text(const struct conf *c, const char *path, uint16_t section);

/* leat_conf_applies says whether key has a meaning beside what else holds, in a section. */
bool leat_conf_applies(const struct conf *c, const struct conf_key *key, uint16_t section);

/* leat_conf_refuse adds an error at a setting, or at the beginning of the file for NULL. */
__attribute__((format(printf, 3, 4))) void leat_conf_refuse(
	struct conf *c, const struct conf_setting *s, const char *format, ...);

/* leat_conf_check judges what one value alone does not tell: a part of leat_conf_finish. */
void leat_conf_check(struct conf *c);

/* leat_conf_read_value puts the text of s into c: a part of leat_conf_finish. */
bool leat_conf_read_value(struct conf *c, const struct conf_setting *s, char *why, size_t size);

#endif
