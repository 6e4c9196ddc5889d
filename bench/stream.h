/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_STREAM_H
#define LEAT_STREAM_H

/* stream: what bench_stream asks the kernel for.
 *
 * Both ends are sockets of one thread, over the loopback of a network of its own: what the kernel
 * does for them is on this core and in these cycles, and nothing is woken. */

#include <stdbool.h>
#include <stdint.h>

#define STREAM_PIECE 65536 /* octets that a program sends and receives at once */

struct stream_want {
	uint32_t mtu, conns;
	bool cut;        /* segments leave TCP no longer than the MTU; else 64 KiB go in one */
	uint64_t octets; /* of a part */
	uint32_t parts;
};

/* leat_stream_kernel is the cycles of an octet, both ends, in the best part, which a switch of this
 * thread makes worse; 0 and a sentence on stderr when it cannot be measured. */
double leat_stream_kernel(const struct stream_want *want);

#endif
