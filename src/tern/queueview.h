#ifndef TERN_QUEUEVIEW_H
#define TERN_QUEUEVIEW_H

#include "tern/queueaccess.h"
#include "wire/queuecontrol.h"

/* What a running tern-send says of itself at one moment, and what it said before. */
struct queue_view {
	struct queue_access access;
	struct queue_counts now, before;
	int64_t when, before_when; /* monotonic; before_when 0: there is no earlier view */
	stralloc destinations_packet, replies_packet;
	struct queue_destinations destinations;
	struct queue_replies replies;
};

/* Asks. Returns whether tern-send answered; connects again when it was started anew. */
int queue_view_take(struct queue_view *view);

/* A second, since the view before; 0 when there was none. */
struct queue_rates {
	double in, out, delivered, deferred, failed;
};

struct queue_rates queue_view_rates(struct queue_view const *view);

/* How many messages came, and recipients had such a result, since tern-send was started. */
uint64_t queue_view_received(struct queue_counts const *counts);
uint64_t queue_view_results(struct queue_counts const *counts, enum verdict verdict);

/* How many seconds ago the oldest message arrived; 0: there is none. */
uint64_t queue_view_oldest(struct queue_counts const *counts);

/*
 * Within how many milliseconds of their arrival so many percent of what was
 * delivered since the view before were: a bound of the histogram, UINT64_MAX
 * beyond the last; 0: nothing was.
 */
uint64_t queue_view_latency(struct queue_view const *view, unsigned percent);

/* Draws the view on a terminal of that size. `answered`: what queue_view_take returned. */
struct queue_screen {
	size_t rows, columns;
	int has_colour;
};

void queue_screen_print(
	struct queue_view const *view, struct queue_screen const *screen, int answered);

#endif
