/*
 * A piece of the Mandelbrot set as a picture: what this server computes, in doubles.
 */
#ifndef MANDEL_PICTURE_H
#define MANDEL_PICTURE_H

#include <stdint.h>

enum {
    PICTURE_COLUMNS = 128,
    PICTURE_ROWS = 96,
};

/* The middle of the picture, and how much of the real axis it shows. */
struct view {
    double x;
    double y;
    double width;
};

/* A row's pixels: how many steps each point stays near 0, 0 for those that do for ever. */
void picture_row(const struct view *v, int row, uint8_t pixels[PICTURE_COLUMNS]);

#endif
