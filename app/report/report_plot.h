/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LEAT_REPORT_PLOT_H
#define LEAT_REPORT_PLOT_H

/* report_plot: axes and lines as SVG, for pages that need neither script nor network.
 *
 *	y_max ┬───────────────┬ right_max
 *	      │  box          │
 *	y_min ┴──┬────┬────┬──┴ 0
 *	       x_min ─── x_max
 *
 * Colours are classes, c1 to c8 and `bad`, which the page's style sheet defines for light and dark.
 *
 * Units      of the data; a logarithmic axis is given values and takes their logarithm itself.
 * Affinity   none. */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define PLOT_WIDTH  900
#define PLOT_HEIGHT 260
#define PLOT_LEFT   74
#define PLOT_RIGHT  74
#define PLOT_TOP    12
#define PLOT_BOTTOM 34

struct plot {
	FILE *out;
	double x_min, x_max;
	double y_min, y_max; /* y_min of a logarithmic axis is above 0 */
	double right_max;    /* of the axis on the right; 0: there is none */
	bool log_y;
};

/* Point i of a line; NAN: there is none, and the line is cut. */
struct plot_point {
	double x, y;
};

/* leat_plot_begin draws the frame, _end closes the picture. */
void leat_plot_begin(const struct plot *p, const char *label);
void leat_plot_end(const struct plot *p);

/* leat_plot_nice is the least of 1, 2 and 5 times a power of ten that is not below value. */
double leat_plot_nice(double value);

/* leat_plot_time_axis draws ticks of x in seconds, the others those of y and of the right; text
 * writes a value. */
void leat_plot_time_axis(const struct plot *p);
void leat_plot_y_axis(const struct plot *p, void (*text)(double value, char *to, size_t size));
void leat_plot_right_axis(const struct plot *p, void (*text)(double value, char *to, size_t size));
void leat_plot_x_tick(const struct plot *p, double x, const char *text);

/* leat_plot_line joins cnt points; right: by the axis on the right.  leat_plot_steps draws what was
 * so from the x before to that of the point, leat_plot_area fills what lies between two such lines
 * of the same x; leat_plot_none says in the middle why there are none. */
void leat_plot_line(const struct plot *p, const char *style, const struct plot_point *point,
	uint32_t cnt, bool right);
void leat_plot_steps(
	const struct plot *p, const char *style, const struct plot_point *point, uint32_t cnt);
void leat_plot_area(const struct plot *p, const char *style, const struct plot_point *low,
	const struct plot_point *high, uint32_t cnt);

void leat_plot_none(const struct plot *p, const char *text);

/* leat_plot_tick marks x at the upper edge; title is shown to who points at it. */
void leat_plot_tick(const struct plot *p, const char *style, double x, const char *title);

#endif
