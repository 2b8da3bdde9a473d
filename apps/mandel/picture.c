/*
 * The escape-time algorithm: z = z * z + c from 0 on, until |z| > 2.
 */
#include "apps/mandel/picture.h"

enum {
    STEPS_MAX = 255,
};

static uint8_t steps(double cx, double cy)
{
    double x = 0.0;
    double y = 0.0;
    for (int n = 1; n <= STEPS_MAX; n++) {
        double next = x * x - y * y + cx;
        y = 2.0 * x * y + cy;
        x = next;
        if (x * x + y * y > 4.0) {
            return (uint8_t)n;
        }
    }
    return 0;
}

void picture_row(const struct view *v, int row, uint8_t pixels[PICTURE_COLUMNS])
{
    double step = v->width / PICTURE_COLUMNS;
    double cy = v->y - (row + 0.5 - PICTURE_ROWS / 2.0) * step;
    for (int column = 0; column < PICTURE_COLUMNS; column++) {
        double cx = v->x + (column + 0.5 - PICTURE_COLUMNS / 2.0) * step;
        pixels[column] = steps(cx, cy);
    }
}
