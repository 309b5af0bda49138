/* Any words: the status is one of class 5, the reply lies inside them. */
#include "wire/diagnosis.h"

#include <stdint.h>
#include <stdlib.h>

int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	struct span text = span((char const *)data, size);
	struct diagnosis d;

	diagnosis_read(&d, text);
	if (d.status[0] != '5' || strlen(d.status) >= STATUS_MAX ||
		strspn(d.status, "0123456789.") != strlen(d.status))
		abort();
	if (d.reply.len && (d.reply.s < text.s || d.reply.s + d.reply.len > text.s + text.len))
		abort();
	return 0;
}
