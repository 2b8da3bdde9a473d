/*
 * From a seed to the plan of a world: hosts, wires, faults, applications, all drawn.
 */
#ifndef TESTS_SIM_PLAN_H
#define TESTS_SIM_PLAN_H

#include "tests/sim/world.h"

void plan_draw(struct world_plan *p, uint64_t seed);

#endif
