#include "wire/deferral.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size);

int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	struct span text = span((char const *)data, size);

	if (deferral_hint(text) > DEFERRAL_HINT_MAX ||
		deferral_classify(VERDICT_DEFERRED, text) >= DEFERRAL_CLASSES)
		abort();
	return 0;
}
