/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim_watch.h"

#include <stddef.h>
#include <string.h>

/* The observer's own reading of frames.  Slow and plain on purpose. */

#define ETH_OCTETS 14
#define IP4_OCTETS 20
#define IP6_OCTETS 40
#define TCP_OCTETS 20
#define MAPPED     UINT64_C(0xffff00000000)

enum proto {
	ICMP = 1,
	TCP = 6,
	ICMP6 = 58,
};

static uint32_t get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) << 16 | get16(p + 2);
}

static uint64_t get64(const uint8_t *p)
{
	return (uint64_t)get32(p) << 32 | get32(p + 4);
}

/* RFC 1071: the sum does not care for the order of octets, as long as it is one order. */
static uint64_t sum(const uint8_t *p, uint32_t octets)
{
	uint64_t total = 0;

	for (; octets >= 8; octets -= 8, p += 8) {
		uint32_t two[2];

		memcpy(two, p, sizeof(two));
		total += (uint64_t)two[0] + two[1];
	}
	if (octets > 0) {
		uint32_t two[2] = {0, 0};

		memcpy(two, p, octets);
		total += (uint64_t)two[0] + two[1];
	}
	return total;
}

static bool sums_up(uint64_t total)
{
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return total == 0xffff;
}

static uint64_t sum_word(uint32_t word)
{
	uint8_t octet[4] = {
		(uint8_t)(word >> 24), (uint8_t)(word >> 16), (uint8_t)(word >> 8), (uint8_t)word};

	return sum(octet, sizeof(octet));
}

struct ip_part {
	const uint8_t *addr; /* source, then destination */
	uint32_t addr_octets;
	uint8_t proto;
	const uint8_t *body;
	uint32_t octets;
};

static const char *parse_ip4(
	const uint8_t *p, uint32_t octets, struct watch_pkt *pkt, struct ip_part *part)
{
	if (octets < IP4_OCTETS || p[0] >> 4 != 4)
		return "W19 an IPv4 header that is cut off or of another version";
	uint32_t header = (p[0] & 15U) * 4, total = get16(p + 2);

	if (header < IP4_OCTETS || total < header || total > octets)
		return "W19 IPv4 lengths that contradict each other";
	if (!sums_up(sum(p, header)))
		return "W19 a wrong IPv4 checksum";
	if (get16(p + 6) & 0x3fff)
		return "W19 a fragment";
	pkt->is4 = true;
	pkt->ecn = p[1] & WATCH_ECN_CE;
	pkt->src = (struct watch_addr){0, MAPPED | get32(p + 12)};
	pkt->dst = (struct watch_addr){0, MAPPED | get32(p + 16)};
	*part = (struct ip_part){p + 12, 8, p[9], p + header, total - header};
	return NULL;
}

static const char *parse_ip6(
	const uint8_t *p, uint32_t octets, struct watch_pkt *pkt, struct ip_part *part)
{
	if (octets < IP6_OCTETS || p[0] >> 4 != 6)
		return "W19 an IPv6 header that is cut off or of another version";
	uint32_t total = get16(p + 4);

	if (total + IP6_OCTETS > octets || total == 0)
		return "W19 IPv6 lengths that contradict each other";
	pkt->is4 = false;
	pkt->ecn = p[1] >> 4 & WATCH_ECN_CE;
	pkt->src = (struct watch_addr){get64(p + 8), get64(p + 16)};
	pkt->dst = (struct watch_addr){get64(p + 24), get64(p + 32)};
	*part = (struct ip_part){p + 8, 32, p[6], p + IP6_OCTETS, total};
	return NULL;
}

static void one_option(const uint8_t *p, uint32_t octets, struct watch_pkt *pkt)
{
	uint32_t opt = WATCH_OPT_OTHER;

	if (p[0] == 2 && octets == 4) {
		opt = WATCH_OPT_MSS;
		pkt->mss = (uint16_t)get16(p + 2);
	} else if (p[0] == 3 && octets == 3) {
		opt = WATCH_OPT_WS;
		pkt->ws = p[2];
	} else if (p[0] == 4 && octets == 2) {
		opt = WATCH_OPT_SACK_OK;
	} else if (p[0] == 5 && octets >= 10 && octets <= 34 && (octets - 2) % 8 == 0) {
		opt = WATCH_OPT_SACK;
		pkt->sack_cnt = (uint8_t)((octets - 2) / 8);
		for (uint32_t i = 0; i < pkt->sack_cnt; i++) {
			pkt->sack[i][0] = get32(p + 2 + 8 * i);
			pkt->sack[i][1] = get32(p + 6 + 8 * i);
		}
	} else if (p[0] == 8 && octets == 10) {
		opt = WATCH_OPT_TS;
		pkt->ts_val = get32(p + 2);
		pkt->ts_ecr = get32(p + 6);
	}
	pkt->opts_twice |= (uint8_t)(pkt->opts & opt);
	pkt->opts |= (uint8_t)opt;
}

/* Returns false where the list is broken. */
static bool options(const uint8_t *p, uint32_t octets, struct watch_pkt *pkt)
{
	uint32_t at = 0;

	while (at < octets && p[at] != 0) {
		if (p[at] == 1) {
			at++;
			continue;
		}
		if (at + 2 > octets || p[at + 1] < 2 || at + p[at + 1] > octets)
			return false;
		one_option(p + at, p[at + 1], pkt);
		at += p[at + 1];
	}
	return true;
}

static const char *parse_tcp(const struct ip_part *part, struct watch_pkt *pkt)
{
	const uint8_t *p = part->body;

	if (part->octets < TCP_OCTETS)
		return "W19 a TCP header that is cut off";
	uint32_t header = (p[12] >> 4) * 4U;
	if (header < TCP_OCTETS || header > part->octets)
		return "W19 a data offset that is not in the segment";
	uint64_t total = sum(part->addr, part->addr_octets) + sum(p, part->octets);
	if (!sums_up(total + sum_word(TCP) + sum_word(part->octets)))
		return "W19 a wrong TCP checksum";
	pkt->sport = (uint16_t)get16(p);
	pkt->dport = (uint16_t)get16(p + 2);
	if (pkt->sport == 0 || pkt->dport == 0)
		return "W19 port 0";
	pkt->seq = get32(p + 4);
	pkt->ack = get32(p + 8);
	pkt->flags = p[13];
	pkt->wnd = (uint16_t)get16(p + 14);
	pkt->opt_octets = header - TCP_OCTETS;
	pkt->text = part->octets - header;
	pkt->data = p + header;
	pkt->l4 = p;
	options(p + TCP_OCTETS, header - TCP_OCTETS, pkt);
	pkt->kind = WATCH_TCP;
	return NULL;
}

static const char *parse_icmp(const struct ip_part *part, struct watch_pkt *pkt)
{
	uint64_t total = sum(part->body, part->octets);

	if (part->octets < 8)
		return "W19 ICMP that is cut off";
	if (part->proto == ICMP6)
		total += sum(part->addr, part->addr_octets) + sum_word(ICMP6) +
			 sum_word(part->octets);
	if (!sums_up(total))
		return "W19 a wrong ICMP checksum";
	bool neigh = part->proto == ICMP6 && (part->body[0] == 135 || part->body[0] == 136);
	pkt->kind = neigh ? WATCH_NEIGH : WATCH_ICMP;
	return NULL;
}

const char *leat_sim_watch_parse(
	const uint8_t *frame, uint32_t octets, bool raw_ip, struct watch_pkt *p)
{
	struct ip_part part = {0};
	const char *wrong;
	uint32_t type = 0x0800;

	memset(p, 0, sizeof(*p));
	if (raw_ip) {
		if (octets > 0 && frame[0] >> 4 == 6)
			type = 0x86dd;
	} else {
		if (octets < ETH_OCTETS)
			return "W19 shorter than an Ethernet header";
		type = get16(frame + 12);
		frame += ETH_OCTETS;
		octets -= ETH_OCTETS;
	}
	if (type == 0x0806) {
		if (octets < 28 || get32(frame) != 0x00010800 || get16(frame + 4) != 0x0604)
			return "W19 ARP that is not for Ethernet and IPv4";
		p->kind = WATCH_NEIGH;
		return NULL;
	}
	if (type == 0x0800)
		wrong = parse_ip4(frame, octets, p, &part);
	else if (type == 0x86dd)
		wrong = parse_ip6(frame, octets, p, &part);
	else
		return "W19 an ethertype that nobody here speaks";
	if (wrong)
		return wrong;
	if (part.proto == TCP)
		return parse_tcp(&part, p);
	if (part.proto == ICMP || part.proto == ICMP6)
		return parse_icmp(&part, p);
	return "W19 a protocol that nobody here speaks";
}

/* What stands behind the end of the options must be 0, and each option be one that we know. */
static const char *form_options(const struct watch_pkt *p)
{
	const uint8_t *o = p->l4 + TCP_OCTETS;
	struct watch_pkt again = {0};
	uint32_t at = 0;

	if (!options(o, p->opt_octets, &again))
		return "W19 an option that is cut off";
	if (p->opts & WATCH_OPT_OTHER)
		return "W19 an option of a wrong length, or unknown";
	if (p->opts_twice)
		return "W19 an option twice";
	while (at < p->opt_octets && o[at] != 0)
		at += o[at] == 1 ? 1U : o[at + 1];
	for (; at < p->opt_octets; at++)
		if (o[at] != 0)
			return "W19 padding that is not zero";
	if (p->opts & WATCH_OPT_WS && p->ws > 14)
		return "W19 a window scale above 14";
	if (p->opts & WATCH_OPT_MSS && p->mss == 0)
		return "W19 an MSS of 0";
	return NULL;
}

static const char *form_tcp(const struct watch_pkt *p)
{
	uint8_t f = p->flags;

	if (p->l4[12] & 15)
		return "W19 reserved bits that are not zero";
	if (!(f & WATCH_URG) && get16(p->l4 + 18) != 0)
		return "W19 an urgent pointer without URG";
	if ((f & WATCH_SYN) && (f & (WATCH_FIN | WATCH_RST)))
		return "W19 SYN beside FIN or RST";
	if ((f & WATCH_RST) && (f & (WATCH_FIN | WATCH_PSH) || p->text > 0))
		return "W19 a reset with text or FIN";
	if (!(f & (WATCH_SYN | WATCH_RST | WATCH_ACK)))
		return "W19 neither SYN nor RST nor ACK";
	if ((f & WATCH_PSH) && p->text == 0)
		return "W19 PSH without text";
	if (!(f & WATCH_ACK) && p->ack != 0)
		return "W19 an acknowledgment number without ACK";
	if (!(f & WATCH_SYN) && p->opts & (WATCH_OPT_MSS | WATCH_OPT_WS | WATCH_OPT_SACK_OK))
		return "W25 an option that only a SYN may carry";
	if ((f & WATCH_SYN) && p->opts & WATCH_OPT_SACK)
		return "W25 SACK blocks on a SYN";
	return form_options(p);
}

static bool is_own(const struct watch_host *h, struct watch_addr a)
{
	for (uint32_t i = 0; i < h->addr_cnt; i++)
		if (h->addr[i].hi == a.hi && h->addr[i].lo == a.lo)
			return true;
	return false;
}

static bool is_group(const struct watch_pkt *p)
{
	if (p->is4)
		return (uint32_t)p->dst.lo >> 28 >= 14;
	return p->dst.hi >> 56 == 0xff;
}

static const char *form_ip(const struct watch_config *c, const struct watch_host *from,
	const uint8_t *ip, uint32_t octets, const struct watch_pkt *p)
{
	if (octets > c->mtu)
		return "W19 longer than the MTU";
	if (p->is4) {
		if (ip[0] != 0x45 || get16(ip + 2) != octets)
			return "W19 IPv4 options, or a length that is not the frame's";
		if (get16(ip + 6) != 0x4000)
			return "W19 not exactly DF";
		if (ip[8] == 0)
			return "W19 a TTL of 0";
	} else if (get16(ip + 4) + IP6_OCTETS != octets || ip[7] == 0) {
		return "W19 an IPv6 length that is not the frame's, or a hop limit of 0";
	}
	bool probe = p->kind == WATCH_NEIGH && p->src.hi == 0 && p->src.lo == 0;
	if (!probe && !is_own(from, p->src))
		return "W19 a source address that is not the host's";
	if (is_own(from, p->dst))
		return "W19 to itself";
	if (is_group(p) && p->kind != WATCH_NEIGH)
		return "W20 to a group";
	return p->kind == WATCH_TCP ? form_tcp(p) : NULL;
}

const char *leat_sim_watch_form(const struct watch_config *c, const struct watch_host *from,
	const uint8_t *frame, uint32_t octets, const struct watch_pkt *p)
{
	uint32_t header = c->raw_ip ? 0 : ETH_OCTETS;

	if (!c->raw_ip) {
		if (memcmp(frame + 6, from->mac, sizeof(from->mac)) != 0)
			return "W19 a source station that is not the host";
		if (p->kind == WATCH_TCP && frame[0] & 1)
			return "W20 a segment to a group of stations";
		if (get16(frame + 12) == 0x0806)
			return memcmp(frame + 22, from->mac, sizeof(from->mac)) == 0
				       ? NULL
				       : "W19 ARP in another's name";
	}
	return form_ip(c, from, frame + header, octets - header, p);
}
