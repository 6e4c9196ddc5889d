/* SPDX-License-Identifier: BSD-3-Clause */
#include "lab_print.h"

#include "base_bits.h"

#include <inttypes.h>
#include <math.h>

#define CELL_WIDTH  56
#define CELL_HEIGHT 18
#define LABEL_WIDTH 230
#define PANEL_GAP   22
#define HEAD_HEIGHT 118 /* down to the first line */
#define FOOT_HEIGHT 30
#define PANEL_CNT   4
#define TEXT_OCTETS 32
#define DARK_ABOVE  0.55 /* of 1: the text of a cell is white from there on */
#define PROTECTED   "#1a7f37"

/* One quantity, all situations and lengths of 2MSL. */
struct panel {
	const char *title;
	int red, green, blue; /* of the greatest value */
	uint64_t (*value)(const struct lab_result *r);
};

static uint64_t stale(const struct lab_result *r)
{
	return r->stale_octets_accepted;
}

static uint64_t resets(const struct lab_result *r)
{
	return r->resets_after_lost_ack;
}

static uint64_t refused(const struct lab_result *r)
{
	return r->connects_refused;
}

static uint64_t memory(const struct lab_result *r)
{
	return r->peak_octets;
}

static const struct panel panels[PANEL_CNT] = {
	{"stale octets accepted", 165, 15, 21, stale},
	{"resets after a lost last ACK", 190, 84, 4, resets},
	{"connects refused", 8, 69, 148, refused},
	{"octets of TIME-WAIT, at most", 140, 140, 140, memory},
};

struct chart {
	const struct lab_report *report;
	FILE *out;
	uint32_t columns; /* lengths of 2MSL, next to each other in the rows */
	uint32_t situations;
	int y;
};

static int panel_x(const struct chart *c, uint32_t nth)
{
	return LABEL_WIDTH + (int)nth * ((int)c->columns * CELL_WIDTH + PANEL_GAP);
}

static void put_text(const struct chart *c, int x, int y, const char *style, const char *text)
{
	fprintf(c->out, "<text x=\"%d\" y=\"%d\" %s>%s</text>\n", x, y, style, text);
}

/* "987", "12k", "3.4M": four letters at most. */
static void short_text(uint64_t value, char *text, size_t size)
{
	static const char unit[] = " kMGTPE";
	double v = (double)value;
	uint32_t nth = 0;

	for (; v >= 999.5; nth++)
		v /= 1000;
	if (nth == 0)
		snprintf(text, size, "%" PRIu64, value);
	else
		snprintf(text, size, v < 9.95 ? "%.1f%c" : "%.0f%c", v, unit[nth]);
}

static uint64_t greatest(const struct chart *c, const struct panel *p)
{
	uint64_t most = 0;

	for (uint32_t i = 0; i < c->report->row_cnt; i++)
		most = u64_max(most, p->value(&c->report->row[i].result));
	return most;
}

static int mixed(int full, double share)
{
	return 255 - (int)((255 - full) * share);
}

static void put_cell(const struct chart *c, const struct panel *p, int x, const struct lab_row *row)
{
	uint64_t value = p->value(&row->result), most = greatest(c, p);
	double share = value > 0 ? 0.12 + 0.88 * log1p((double)value) / log1p((double)most) : 0;
	const char *ink = value == 0 ? "#b0b0b0" : share > DARK_ABOVE ? "#fff" : "#222";
	char text[TEXT_OCTETS], style[96];

	fprintf(c->out,
		"<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"rgb(%d,%d,%d)\" "
		"stroke=\"%s\"/>\n",
		x + 1, c->y + 1, CELL_WIDTH - 3, CELL_HEIGHT - 3, mixed(p->red, share),
		mixed(p->green, share), mixed(p->blue, share),
		row->result.protected ? PROTECTED : "#dddddd");
	short_text(value, text, sizeof(text));
	snprintf(style, sizeof(style), "text-anchor=\"middle\" fill=\"%s\"", ink);
	put_text(c, x + CELL_WIDTH / 2, c->y + CELL_HEIGHT - 5, style, text);
}

static bool same_group(const struct lab_case *a, const struct lab_case *b)
{
	return a->close == b->close && a->reuse == b->reuse && a->timestamps == b->timestamps;
}

static void put_situation(struct chart *c, uint32_t nth)
{
	const struct lab_row *row = &c->report->row[nth * c->columns];
	char loss[TEXT_OCTETS], reorder[TEXT_OCTETS], text[160];

	if (nth == 0 || !same_group(&row->c, &(row - c->columns)->c)) {
		snprintf(text, sizeof(text), "%s waits, reuse %s%s",
			leat_lab_close_name[row->c.close], leat_lab_reuse_name[row->c.reuse],
			leat_lab_also(&row->c));
		put_text(c, 12, c->y + CELL_HEIGHT - 4, "font-weight=\"bold\"", text);
		c->y += CELL_HEIGHT;
	}
	leat_lab_share_text(row->c.loss_millionths, loss, sizeof(loss));
	leat_lab_share_text(row->c.reorder_millionths, reorder, sizeof(reorder));
	snprintf(text, sizeof(text), "loss %s, reorder %s, %u/s", loss, reorder, row->c.rate);
	put_text(c, 24, c->y + CELL_HEIGHT - 5, "", text);
	for (uint32_t p = 0; p < PANEL_CNT; p++)
		for (uint32_t i = 0; i < c->columns; i++)
			put_cell(c, &panels[p], panel_x(c, p) + (int)i * CELL_WIDTH, row + i);
	c->y += CELL_HEIGHT;
}

static uint32_t group_cnt(const struct chart *c)
{
	uint32_t cnt = 1;

	for (uint32_t i = 1; i < c->situations; i++)
		cnt += !same_group(
			&c->report->row[i * c->columns].c, &c->report->row[(i - 1) * c->columns].c);
	return cnt;
}

static void put_head(const struct chart *c)
{
	const struct lab_world *w = &c->report->sweep->world;
	char text[256], life[TEXT_OCTETS];

	leat_lab_time_text(w->packet_life_ns, life, sizeof(life));
	put_text(c, 12, 28, "font-size=\"18\" font-weight=\"bold\"",
		"What goes wrong without TIME-WAIT, and what it costs");
	snprintf(text, sizeof(text),
		"leat %s lab: in each cell %u connects from %u ports, %u octets each way; a packet "
		"lives %s at most; seed %" PRIu64,
		c->report->version, w->connect_cnt, w->port_cnt, w->octets, life, w->seed);
	put_text(c, 12, 48, "fill=\"#555\"", text);
	fprintf(c->out, "<rect x=\"13\" y=\"58\" width=\"26\" height=\"13\" fill=\"#fff\" "
			"stroke=\"" PROTECTED "\"/>\n");
	put_text(c, 46, 69, "fill=\"#555\"",
		"protected: 2MSL is at least as long as a packet lives in this line, and the reuse "
		"is safe");
	for (uint32_t p = 0; p < PANEL_CNT; p++) {
		put_text(c, panel_x(c, p), HEAD_HEIGHT - 22, "font-weight=\"bold\"",
			panels[p].title);
		for (uint32_t i = 0; i < c->columns; i++) {
			leat_lab_time_text(
				c->report->sweep->time_wait.value[i], text, sizeof(text));
			put_text(c, panel_x(c, p) + (int)i * CELL_WIDTH + CELL_WIDTH / 2,
				HEAD_HEIGHT - 6, "text-anchor=\"middle\"", text);
		}
	}
	put_text(c, LABEL_WIDTH - 8, HEAD_HEIGHT - 6, "text-anchor=\"end\" fill=\"#555\"", "2MSL:");
}

void leat_lab_svg(const struct lab_report *report, FILE *out)
{
	struct chart c = {.report = report,
		.out = out,
		.columns = report->sweep->time_wait.cnt,
		.y = HEAD_HEIGHT};

	c.situations = report->row_cnt / c.columns;
	int width = panel_x(&c, PANEL_CNT);
	int height = HEAD_HEIGHT + (int)(c.situations + group_cnt(&c)) * CELL_HEIGHT + FOOT_HEIGHT;
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
		"viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"12\" "
		"fill=\"#222\">\n<title>leat lab</title>\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
		width, height, width, height);
	put_head(&c);
	for (uint32_t i = 0; i < c.situations; i++)
		put_situation(&c, i);
	put_text(&c, 12, c.y + FOOT_HEIGHT - 10, "fill=\"#555\"",
		"The darker the more, each panel on a logarithmic scale of its own.");
	fputs("</svg>\n", out);
}
