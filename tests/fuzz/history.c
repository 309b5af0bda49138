#include "wire/history.h"

#include <stdlib.h>

#include "wire/delivery.h"

/* The input is a history file; what is read of it must survive being written again. */
int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size);

int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	static char const records[] = "Fs@x\0NSUCCESS\0Ta@x\0Tb@x\0";
	struct span rest = span((char const *)data, size);
	struct history_line line, back;
	struct envelope envelope;
	struct delivery_list list;
	stralloc sa = STRALLOC_ZERO;

	while (history_next(&line, &rest, NULL)) {
		struct span again;

		sa.len = 0;
		history_append(&sa, &line);
		again = span(sa.s, sa.len);
		if (!history_next(&back, &again, NULL) || back.event != line.event)
			abort();
	}
	stralloc_free(&sa);
	envelope_parse(&envelope, records, sizeof records - 1);
	if (delivery_replay(&list, &envelope, span((char const *)data, size), NULL) == 0)
		delivery_list_free(&list);
	return 0;
}
