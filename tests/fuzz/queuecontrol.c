#include "wire/queuecontrol.h"

#include <stdlib.h>

/* The input is a packet; what is read of it as a request must survive being written again. */
int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size);

int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	static struct queue_request request, back;
	static struct queue_destinations destinations;
	static struct queue_replies replies;
	struct queue_counts counts;
	stralloc sa = STRALLOC_ZERO;
	char const *s = (char const *)data;

	if (queue_request_parse(&request, s, size) == 0) {
		queue_request_format(&sa, &request);
		if (queue_request_parse(&back, sa.s, sa.len) == -1 || back.ids != request.ids ||
			back.verb != request.verb)
			abort();
	}
	queue_counts_parse(&counts, s, size);
	if (queue_destinations_parse(&destinations, s, size) == 0) {
		sa.len = 0;
		queue_destinations_format(&sa, &destinations);
	}
	if (queue_replies_parse(&replies, s, size) == 0) {
		sa.len = 0;
		queue_replies_format(&sa, &replies);
	}
	stralloc_free(&sa);
	return 0;
}
