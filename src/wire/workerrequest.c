#include "wire/workerrequest.h"

#include "wire/envelope.h"
#include "wire/fields.h"

int
worker_request_format(stralloc *sa, struct worker_request const *request)
{
	return field_append_number(sa, request->number) && field_append(sa, request->destination);
}

int
worker_request_parse(struct worker_request *request, char const *s, size_t len)
{
	struct span rest = span(s, len);

	if (field_take_number(&rest, UINT64_MAX, &request->number) == -1 ||
		field_take(&rest, &request->destination) == -1 || rest.len ||
		request->destination.len == 0 || request->destination.len >= ADDRESS_LIMIT)
		return -1;
	return 0;
}
