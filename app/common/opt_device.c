/* SPDX-License-Identifier: BSD-3-Clause */
#include "opt_device.h"

#include "opt_serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* take_interface takes what the kernel takes as the name of an interface. */
static bool take_interface(const char **name, const char *text, char *why, size_t size)
{
	if (!leat_opt_is_name(text, 15)) {
		snprintf(why, size,
			"`%s` is no name of an interface (at most 15 of A-Z a-z 0-9 . _ -): "
			"leat0?",
			text);
		return false;
	}
	*name = text;
	return true;
}

bool leat_opt_device_tap(void *options, const char *text, char *why, size_t size)
{
	struct serve_options *o = options;

	o->device_rows |= SERVE_DEVICE_TAP;
	return take_interface(&o->tap, text, why, size);
}

/* has_driver: DPDK's drivers of virtual devices begin so. */
static bool has_driver(const char *text)
{
	return strncmp(text, "net_", 4) == 0 || strncmp(text, "eth_", 4) == 0;
}

bool leat_opt_is_vdev(const char *text, char *why, size_t size)
{
	if (has_driver(text))
		return true;
	snprintf(why, size, "`%s` does not begin with a driver: net_af_packet0,iface=veth1?", text);
	return false;
}

bool leat_opt_device_vdev(void *options, const char *text, char *why, size_t size)
{
	struct serve_options *o = options;

	o->device_rows |= SERVE_DEVICE_VDEV;
	o->vdev = text;
	return leat_opt_is_vdev(text, why, size);
}

/* read_pci reads [domain:]bus:device.function in hexadecimal; false: it is none. */
static bool read_pci(struct serve_options *o, const char *text)
{
	unsigned domain = 0, bus, device, function;
	int end = 0;
	bool full = sscanf(text, "%4x:%2x:%2x.%1x%n", &domain, &bus, &device, &function, &end) == 4;

	if (!full) {
		domain = 0;
		full = sscanf(text, "%2x:%2x.%1x%n", &bus, &device, &function, &end) == 3;
	}
	if (!full || text[end] || text[strspn(text, "0123456789abcdefABCDEF:.")] || device > 31 ||
		function > 7)
		return false;
	snprintf(o->device_text, sizeof(o->device_text), "%04x:%02x:%02x.%x", domain & 0xffff,
		bus & 0xff, device, function);
	o->device = o->device_text;
	return true;
}

/* read_card reads a PCI address, or env:NAME of a variable that holds one: so a container learns
 * which device it was given (PCIDEVICE_...). */
static bool read_card(struct serve_options *o, const char *text, char *why, size_t size)
{
	bool is_env = strncmp(text, "env:", 4) == 0;
	const char *value = is_env ? getenv(text + 4) : text;

	if (is_env && text[4] == '\0')
		snprintf(why, size, "`%s` names no variable; env | grep PCIDEVICE", text);
	else if (is_env && value != NULL && *value == '\0')
		snprintf(why, size, "`%s` is set to nothing in the environment; give it a device",
			text + 4);
	else if (value == NULL)
		snprintf(why, size, "`%s` is not set in the environment; env | grep PCIDEVICE",
			text + 4);
	else if (is_env && strchr(value, ',') != NULL)
		snprintf(why, size, "`%s` holds more than one device, `%s`; one of them?", text,
			value);
	else if (!read_pci(o, value))
		snprintf(why, size, "`%s` is no PCI address: 0000:3b:00.0? (lspci -D lists them)",
			value);
	else
		return true;
	return false;
}

bool leat_opt_device_device(void *options, const char *text, char *why, size_t size)
{
	struct serve_options *o = options;
	const char *name;

	o->device_rows |= SERVE_DEVICE_DEVICE;
	if (strncmp(text, "tap:", 4) == 0)
		return take_interface(&o->tap, text + 4, why, size);
	if (has_driver(text)) {
		o->vdev = text;
		return true;
	}
	if (strncmp(text, "veth:", 5) != 0)
		return read_card(o, text, why, size);
	if (!take_interface(&name, text + 5, why, size))
		return false;
	snprintf(o->vdev_text, sizeof(o->vdev_text), "net_af_packet0,iface=%s", name);
	o->vdev = o->vdev_text;
	return true;
}
