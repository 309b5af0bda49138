#ifndef SEND_LIFETIME_H
#define SEND_LIFETIME_H

#include <stdint.h>

/*
 * When the time of a message is used up: control/queuelifetime after its
 * arrival. Time in which this process did not run (the clock was set forward,
 * or the machine slept) is not held against the messages that were here.
 */

/* The clock, which says `now`, was set forward, or back, by so many seconds. */
void lifetime_clock_forward(uint64_t now, uint64_t seconds);
void lifetime_clock_back(uint64_t seconds);

/* When the time of the message is used up: seconds since 1970. */
uint64_t lifetime_end(uint64_t id);

#endif
