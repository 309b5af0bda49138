#include "policy/warnafter.h"

#include "lib/control.h"
#include "lib/number.h"

int
warnafter_parse(struct warnafter *w, struct span value)
{
	struct warnafter read = {0};
	uint64_t seconds;
	int more;

	do {
		more = span_find(value, ',') < value.len;
		if (read.times == WARNAFTER_TIMES ||
			duration_parse(span_trim(span_cut(&value, ',')), WARNAFTER_MAX, &seconds) ==
				-1)
			return -1;
		if (seconds)
			read.seconds[read.times++] = seconds;
	} while (more);
	*w = read;
	return 0;
}

int
warnafter_load(struct warnafter *w, stralloc *why)
{
	stralloc value = STRALLOC_ZERO;
	int r = control_value_read(&value, "warnafter", "0", why);

	if (r != -1 && warnafter_parse(w, span(value.s, value.len)) == -1)
		r = control_complain(why, "warnafter", 1,
			"not durations with commas between them, as in 4h,2d, each at most 366d and at most 8",
			span(value.s, value.len));
	stralloc_free(&value);
	return r == -1 ? -1 : 0;
}

uint64_t
warnafter_next(struct warnafter const *w, uint64_t arrival, uint64_t warned)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < w->times; i++) {
		uint64_t due = arrival + w->seconds[i];

		if (due > warned && due < next)
			next = due;
	}
	return next;
}
