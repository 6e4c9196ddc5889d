/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_DEVICE_H
#define LEAT_DEVICE_H

/* device: the device that the options of serve name, and what to do when it cannot be had.
 *
 * Drivers answer with numbers that mean little (TAP gives EINVAL without rights and joins an
 * interface that exists), so what can be asked of the kernel is asked of it.
 *
 * Affinity   boot, the main thread.
 * Errors     enum opt_exit, after one line on stderr, or two. */

#include "nic_port.h"
#include "opt_serve.h"

#include <stdio.h>

/* leat_device_check looks, before EAL starts, whether the device can be made or taken at all,
 * and takes its place from others. */
enum opt_exit leat_device_check(const struct serve_options *o);

/* leat_device_node is the memory node that the device is at, -1: at none in particular. */
int leat_device_node(const struct serve_options *o);

/* leat_device_tell_absent says of a card that is not there that it could not be asked. */
void leat_device_tell_absent(const struct serve_options *o);

/* leat_device_by_vdev makes the virtual device vdev. */
enum opt_exit leat_device_by_vdev(const char *vdev, struct nic_port *port);

/* leat_device_find takes the device; leat_device_start starts it, or closes it when it cannot. */
enum opt_exit leat_device_find(const struct serve_options *o, struct nic_port *port);
enum opt_exit leat_device_start(
	const struct serve_options *o, struct nic_port *port, const struct nic_port_config *config);

/* leat_device_queues is how many queues to use for shard_cnt shards: fewer when the device has no
 * more.  0, after one line on stderr: it spreads frames over more queues than would be read. */
uint32_t leat_device_queues(const struct nic_port *port, uint32_t shard_cnt);

/* leat_device_is_up says whether frames pass; af_packet calls itself up whatever its interface
 * is. */
bool leat_device_is_up(const struct serve_options *o, const struct nic_port *port);

/* leat_device_is_gone says whether the kernel's interface that we are at was deleted, which no
 * driver tells. */
bool leat_device_is_gone(const struct serve_options *o);

/* leat_device_next writes what to type on the kernel's side of the device to reach us. */
void leat_device_next(const struct serve_options *o, const struct nic_port *port, FILE *out);

/* leat_device_may_not_finish says whether frames come in over this device whose TCP checksum their
 * sender left to a card that they never pass. */
bool leat_device_may_not_finish(const struct nic_port *port);

/* leat_device_rights is what is needed of capabilities(7) while a started port runs, is started
 * anew and closed: a bit for each capability by its number. */
uint64_t leat_device_rights(const struct nic_port *port);

#endif
