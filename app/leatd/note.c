/* SPDX-License-Identifier: BSD-3-Clause */
#include "note.h"

#include "report.h"
#include "vdev.h"

#include <string.h>

/* RFC 9293 3.10.7.4: who is synchronized answers a SYN by a challenge ACK; to one in SYN-SENT that
 * acknowledges what was never sent (3.10.7.3). */
void leat_note_challenged(const struct shard_counts *c, FILE *out)
{
	uint64_t cnt = c->tcp.verdict[TCP_V_SYN_SENT_BAD_ACK];
	char text[REPORT_TEXT_MAX];

	if (cnt == 0)
		return;
	fprintf(out,
		"note      syn_sent_bad_ack: %s challenge ACKs to our SYNs: the peer still has the "
		"last connection of these ports, as a rule in TIME-WAIT; wait for its 2MSL, or "
		"more --sources, or other --source-ports; --closes client leaves TIME-WAIT here; "
		"of leat serve, --time-wait-reuse\n",
		leat_report_group(cnt, text));
}

void leat_note_queues(const struct shard_counts *c, const char *driver, FILE *out)
{
	uint64_t cnt = c->stack.wire[WIRE_V_DROP_FRAME_LONG] + c->rx_drop_frame_long +
		       c->stack.wire[WIRE_V_DROP_L2_OTHER];
	char text[2][REPORT_TEXT_MAX];

	if (strcmp(driver, VDEV_MEMIF) != 0 || cnt <= c->rx_frames / 2)
		return;
	fprintf(out,
		"note      drop_frame_long, drop_l2_other: %s of %s frames are such as nobody can "
		"have sent: does the other end of the memif have another number of queues "
		"(--shards)?\n",
		leat_report_group(cnt, text[0]), leat_report_group(c->rx_frames, text[1]));
}
