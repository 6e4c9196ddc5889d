/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_OPT_SERVE_H
#define LEAT_OPT_SERVE_H

/* opt_serve: the options of `leat serve`, read by leat and again by leatd.
 *
 * Units      ns, octets.
 * Memory     texts point into argv, or into the struct itself (device_text): it is not copied.
 * Errors     a sentence that names the option, its value and what would do (opt.h). */

#include "opt.h"
#include "opt_group.h"
#include "opt_metrics.h"
#include "opt_tcp.h"
#include "opt_wait.h"
#include "opt_wire.h"
#include "service.h"
#include "wire_addr.h"

#define SERVE_ADDRESS_MAX     8
#define SERVE_LCORE_MAX       64
#define SERVE_CPU_MAX         1024
#define SERVE_CONNECTIONS_MAX 4000000
#define SERVE_EAL_MAX         8
#define SERVE_EAL_TEXT_MAX    127

#define SERVE_DEVICE_TAP      1u
#define SERVE_DEVICE_VDEV     2u
#define SERVE_DEVICE_DEVICE   4u

struct serve_address {
	struct ip ip;
	uint8_t prefix_bits; /* IPv4: 0 to 32; IPv6: 0 to 128 */
	bool vip;            /* a balancer's; alone in its prefix */
};

struct serve_listen {
	uint16_t port;
	enum service_kind kind;
	const char *program; /* of SERVICE_KIND_PROGRAM */
};

struct serve_options {
	const char *tap;       /* exactly one of the three is not NULL */
	const char *vdev;      /* "net_af_packet0,iface=veth1" */
	const char *device;    /* PCI address, in its full form 0000:3b:00.0 */
	const char *ctl_group; /* NULL: nobody else may ask */
	const char *name;      /* of the instance; "leat" when not given */
	struct serve_address address[SERVE_ADDRESS_MAX];
	uint32_t address_cnt;         /* at least 1 */
	struct ip gateway4, gateway6; /* any: none */
	struct serve_listen listen[SERVICE_LISTEN_MAX];
	uint32_t listen_cnt;                      /* at least 1; no port twice */
	struct opt_wait wait[SERVICE_LISTEN_MAX]; /* each of a port that is listened on */
	uint32_t wait_cnt;
	const char *boot_record; /* NULL: none */
	uint64_t body_octets, time_wait_ns, grace_ns;
	uint64_t seconds; /* drain after so many, 0: only after ^C; set by try --tap */
	uint64_t mtu, shards;
	uint64_t vlan;      /* 0: frames without a tag */
	uint32_t vip_arp;   /* 0: who asks for a VIP is answered, 1: not */
	uint64_t buffers;   /* packet buffers; 0: as many as can be anywhere at once */
	uint32_t hugepages; /* enum eal_huge: auto, need, no */
	uint32_t lcore_cnt; /* 0: auto */
	uint16_t lcore[SERVE_LCORE_MAX];
	uint64_t connections; /* at one time, all shards */
	uint32_t close;       /* enum service_close */
	uint32_t loss_millionths, reorder_millionths;
	struct wire_options wire_in, wire_out;
	uint64_t seed; /* of the two; 0: not given */
	struct opt_metrics metrics;
	uint32_t verbose;
	struct tcp_options tcp;
	const char *eal[SERVE_EAL_MAX]; /* arguments for EAL behind ours */
	uint32_t eal_cnt;
	char device_text[16]; /* what device points to */
	char vdev_text[48];   /* what vdev points to, of veth:NAME */
	uint32_t device_rows; /* which of the options that name a device are given */
};

/* leat_opt_is_vdev says whether text begins like a virtual device of DPDK; else why not. */
bool leat_opt_is_vdev(const char *text, char *why, size_t size);

/* leat_opt_is_name: at most max of A-Z a-z 0-9 . _ - and no dot at the beginning. */
bool leat_opt_is_name(const char *text, size_t max);

extern const struct opt_verb leat_opt_serve, leat_opt_plan; /* the same options */

/* leat_opt_serve_no_peer says why ip is nobody to talk to, "our own --address"; NULL: it may be.
 * own: why it is no address to talk from. */
const char *leat_opt_serve_no_peer(const struct serve_options *o, struct ip ip, bool own);

/* leat_opt_serve_reaches says whether ip is on the link, or a gateway of its family is given. */
bool leat_opt_serve_reaches(const struct serve_options *o, struct ip ip);

#endif
