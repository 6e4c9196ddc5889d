/* SPDX-License-Identifier: BSD-3-Clause */
#include "report_plot.h"

#include <math.h>

#define TICKS_X 10
#define TICKS_Y 5

static double px(const struct plot *p, double x)
{
	double share = (x - p->x_min) / (p->x_max - p->x_min);

	return PLOT_LEFT + fmin(fmax(share, 0), 1) * (PLOT_WIDTH - PLOT_LEFT - PLOT_RIGHT);
}

static double py_share(double share)
{
	double height = PLOT_HEIGHT - PLOT_TOP - PLOT_BOTTOM;

	return PLOT_TOP + (1 - fmin(fmax(share, 0), 1)) * height;
}

static double py(const struct plot *p, double y)
{
	if (!p->log_y)
		return py_share((y - p->y_min) / (p->y_max - p->y_min));
	return py_share(log(fmax(y, p->y_min) / p->y_min) / log(p->y_max / p->y_min));
}

double leat_plot_nice(double value)
{
	double power = pow(10, floor(log10(fmax(value, 1e-9))));
	double rest = value / power;

	return (rest <= 1 ? 1 : rest <= 2 ? 2 : rest <= 5 ? 5 : 10) * power;
}

void leat_plot_begin(const struct plot *p, const char *label)
{
	fprintf(p->out,
		"<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n"
		"<rect class=\"box\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>\n",
		PLOT_WIDTH, PLOT_HEIGHT, label, PLOT_LEFT, PLOT_TOP,
		PLOT_WIDTH - PLOT_LEFT - PLOT_RIGHT, PLOT_HEIGHT - PLOT_TOP - PLOT_BOTTOM);
}

void leat_plot_end(const struct plot *p)
{
	fputs("</svg>\n", p->out);
}

void leat_plot_x_tick(const struct plot *p, double x, const char *text)
{
	fprintf(p->out,
		"<line class=\"grid\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/>"
		"<text class=\"tick\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n",
		px(p, x), PLOT_TOP, px(p, x), PLOT_HEIGHT - PLOT_BOTTOM, px(p, x),
		PLOT_HEIGHT - PLOT_BOTTOM + 20, text);
}

/* Steps of time are those of clocks once they are minutes. */
static double time_step(double span)
{
	static const double of_clocks[] = {
		60, 120, 300, 600, 1800, 3600, 7200, 21600, 43200, 86400, 172800, 604800};
	double step = leat_plot_nice(span / TICKS_X);

	for (uint32_t i = 0; step > 30 && i < sizeof(of_clocks) / sizeof(of_clocks[0]); i++)
		if (of_clocks[i] >= span / TICKS_X)
			return of_clocks[i];
	return step;
}

static void time_text(double s, double step, char *text, size_t size)
{
	if (step >= 86400)
		snprintf(text, size, "%.0f d", s / 86400);
	else if (step >= 3600)
		snprintf(text, size, "%.0f h", s / 3600);
	else if (step >= 60)
		snprintf(text, size, "%.0f min", s / 60);
	else
		snprintf(text, size, "%g s", s);
}

void leat_plot_time_axis(const struct plot *p)
{
	double step = time_step(p->x_max - p->x_min);
	char text[32];

	for (uint32_t i = 0; i * step <= p->x_max * 1.0001 && i < 4 * TICKS_X; i++) {
		time_text(i * step, step, text, sizeof(text));
		leat_plot_x_tick(p, i * step, text);
	}
}

static void y_tick(const struct plot *p, double at, const char *text)
{
	fprintf(p->out,
		"<line class=\"grid\" x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\"/>"
		"<text class=\"tick\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
		PLOT_LEFT, at, PLOT_WIDTH - PLOT_RIGHT, at, PLOT_LEFT - 8, at + 4, text);
}

void leat_plot_y_axis(const struct plot *p, void (*text)(double value, char *to, size_t size))
{
	double step = leat_plot_nice(p->y_max / TICKS_Y);
	char t[32];

	for (uint32_t i = 0; !p->log_y && i * step <= p->y_max * 1.0001; i++) {
		text(i * step, t, sizeof(t));
		y_tick(p, py(p, i * step), t);
	}
	for (double y = p->y_min; p->log_y && y <= p->y_max * 1.0001; y *= 10) {
		text(y, t, sizeof(t));
		y_tick(p, py(p, y), t);
	}
}

void leat_plot_right_axis(const struct plot *p, void (*text)(double value, char *to, size_t size))
{
	double step = leat_plot_nice(p->right_max / TICKS_Y);
	char t[32];

	for (uint32_t i = 0; i * step <= p->right_max * 1.0001; i++) {
		text(i * step, t, sizeof(t));
		fprintf(p->out, "<text class=\"tick\" x=\"%d\" y=\"%.1f\">%s</text>\n",
			PLOT_WIDTH - PLOT_RIGHT + 8, py_share(i * step / p->right_max) + 4, t);
	}
}

void leat_plot_line(const struct plot *p, const char *style, const struct plot_point *point,
	uint32_t cnt, bool right)
{
	char command = 'M';

	fprintf(p->out, "<path class=\"line %s\" d=\"", style);
	for (uint32_t i = 0; i < cnt; i++) {
		double y = point[i].y;

		if (isnan(y)) {
			command = 'M';
			continue;
		}
		fprintf(p->out, "%c%.1f %.1f", command, px(p, point[i].x),
			right ? py_share(y / p->right_max) : py(p, y));
		command = 'L';
	}
	fputs("\"/>\n", p->out);
}

/* Where the step that ends at point i begins. */
static double before(const struct plot *p, const struct plot_point *point, uint32_t i)
{
	return px(p, i > 0 ? point[i - 1].x : p->x_min);
}

void leat_plot_steps(
	const struct plot *p, const char *style, const struct plot_point *point, uint32_t cnt)
{
	char command = 'M';

	fprintf(p->out, "<path class=\"line %s\" d=\"", style);
	for (uint32_t i = 0; i < cnt; i++) {
		if (isnan(point[i].y)) {
			command = 'M';
			continue;
		}
		fprintf(p->out, "%c%.1f %.1fH%.1f", command, before(p, point, i), py(p, point[i].y),
			px(p, point[i].x));
		command = 'L';
	}
	fputs("\"/>\n", p->out);
}

void leat_plot_none(const struct plot *p, const char *text)
{
	fprintf(p->out, "<text class=\"tick\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n",
		PLOT_WIDTH / 2, PLOT_HEIGHT / 2, text);
}

void leat_plot_area(const struct plot *p, const char *style, const struct plot_point *low,
	const struct plot_point *high, uint32_t cnt)
{
	fprintf(p->out, "<path class=\"area %s\" d=\"", style);
	for (uint32_t i = 0; i < cnt; i++)
		fprintf(p->out, "%c%.1f %.1fH%.1f", i == 0 ? 'M' : 'L', before(p, high, i),
			py(p, high[i].y), px(p, high[i].x));
	for (uint32_t i = cnt; i-- > 0;)
		fprintf(p->out, "L%.1f %.1fH%.1f", px(p, low[i].x), py(p, low[i].y),
			before(p, low, i));
	fputs("Z\"/>\n", p->out);
}

void leat_plot_tick(const struct plot *p, const char *style, double x, const char *title)
{
	fprintf(p->out,
		"<line class=\"%s\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"><title>%s</title>"
		"</line>\n",
		style, px(p, x), PLOT_TOP, px(p, x), PLOT_TOP + 14, title);
}
