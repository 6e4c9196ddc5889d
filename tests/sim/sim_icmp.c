/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim.h"

#include "base_be.h"
#include "base_bits.h"
#include "wire_cksum.h"

#include <string.h>

/* What routers on the way say: too big for a narrow path, nobody there; and the same from somebody
 * who only guesses what is on the way. */

#define ROUTER       199 /* last octet of its address */
#define ICMP_OCTETS  8
#define QUOTED_MAX   64 /* octets of the packet that the error is about */
#define UNREACH_PORT 3  /* code, IPv4 */
#define NOPORT6      4
#define TOO_BIG4     4 /* code of UNREACH, RFC 1191 4 */
#define MAC_AT       6

static struct ip source_of(const uint8_t *ip)
{
	if (ip[0] >> 4 == 4)
		return ip_from4(be32_get(ip + 12));
	return (struct ip){be64_get(ip + 8), be64_get(ip + 16)};
}

static void header(const uint8_t *ip, uint32_t mtu, uint8_t *icmp)
{
	bool is4 = ip[0] >> 4 == 4;

	memset(icmp, 0, ICMP_OCTETS);
	if (mtu > 0) {
		icmp[0] = is4 ? WIRE_ICMP4_UNREACH : WIRE_ICMP6_TOO_BIG;
		icmp[1] = is4 ? TOO_BIG4 : 0;
		be32_put(icmp + 4, mtu);
	} else {
		icmp[0] = is4 ? WIRE_ICMP4_UNREACH : WIRE_ICMP6_UNREACH;
		icmp[1] = is4 ? UNREACH_PORT : NOPORT6;
	}
}

void leat_sim_icmp(struct sim_world *w, const struct sim_buf *b, uint32_t mtu, uint64_t at)
{
	struct wire_link link = {.raw_ip = w->plan.raw_ip, .mtu = 1500};
	uint32_t l2 = w->plan.raw_ip ? 0 : WIRE_ETH_OCTETS;
	const uint8_t *ip = b->data + l2;
	uint32_t quoted = u32_min(b->octets - l2, QUOTED_MAX);
	struct tuple t = {.local = w->host[0].addr, .remote = source_of(ip)};
	struct sim_buf *out = leat_sim_buf_take(w, SIM_OWNER_NET);
	bool is4 = ip[0] >> 4 == 4;
	uint8_t proto = is4 ? WIRE_PROTO_ICMP : WIRE_PROTO_ICMP6;
	struct ip_hdr hdr = {.proto = proto, .ttl = 64, .octets = ICMP_OCTETS + quoted};
	struct mac dst = {{0}};

	t.local.lo = (t.local.lo & ~UINT64_C(0xff)) | ROUTER;
	link.mac = (struct mac){{2, 0, 0, 0, 0, ROUTER}};
	if (l2 > 0)
		memcpy(dst.octet, b->data + MAC_AT, sizeof(dst.octet));
	uint32_t from = leat_wire_pkt_hdr_put(out->data, &link, &dst, &t, &hdr);
	uint8_t *icmp = out->data + from;

	header(ip, mtu, icmp);
	memcpy(icmp + ICMP_OCTETS, ip, quoted);
	if (is4)
		be16_put(icmp + 2, (uint16_t)~leat_wire_sum_fold(
					   leat_wire_sum(0, icmp, ICMP_OCTETS + quoted)));
	else
		be16_put(icmp + 2, leat_wire_cksum(&t, proto, icmp, ICMP_OCTETS + quoted));
	out->octets = from + ICMP_OCTETS + quoted;
	out->dst = b->src;
	leat_sim_arrive_at(w, out, at);
}

struct sim_buf *leat_sim_narrow(struct sim_world *w, const struct sim_fault *f, struct sim_buf *b)
{
	uint32_t l2 = w->plan.raw_ip ? 0 : WIRE_ETH_OCTETS;

	if (b->octets - l2 <= f->n)
		return b;
	leat_sim_icmp(w, b, f->n, w->now + w->plan.link[b->src][b->dst].delay);
	w->stats.lost++;
	leat_sim_buf_free(w, b);
	return NULL;
}

/* RFC 5927: an error about octets that are not on the way must do nothing. */
void leat_sim_icmp_blind(struct sim_world *w, uint32_t i)
{
	struct prng *prng = &w->fault_prng[i];
	struct seg seg = {.flags = TCP_ACK};
	struct tuple t;
	const struct sim_end *e = leat_sim_guess(w, prng);

	if (e == NULL)
		return;
	t = leat_sim_tuple(&e->local, &e->remote);
	seg.seq = seq_of((uint32_t)leat_prng_next(prng));
	struct sim_buf *ours = leat_sim_segment(w, e->host, &t, &seg); /* as if we had sent it */
	ours->src = e->host;
	if (!w->plan.raw_ip)
		memcpy(ours->data + MAC_AT, w->host[e->host].mac.octet, MAC_AT);
	uint32_t mtu = leat_prng_below(prng, 2) ? 576 + leat_prng_below(prng, 900) : 0;
	leat_sim_icmp(w, ours, mtu, w->now + 1);
	w->stats.noise++;
	leat_sim_buf_free(w, ours);
}
