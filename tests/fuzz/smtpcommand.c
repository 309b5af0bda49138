#include <stdint.h>
#include <stdlib.h>

#include "lib/utf8.h"
#include "wire/smtpcommand.h"

/* A line is answered without a fault, and no address comes out that the envelope refuses. */
int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	struct smtp_command command;
	struct smtp_parameter parameter;
	struct smtp_path path;
	struct span rest, domain;

	if (smtp_command_parse(&command, span((char const *)data, size)) == -1)
		return 0;
	if (smtp_path_parse(&path, &rest, command.argument, SPAN_LITERAL("FROM:")) != SMTP_GOOD &&
		smtp_path_parse(&path, &rest, command.argument, SPAN_LITERAL("TO:")) != SMTP_GOOD)
		return 0;
	domain = smtp_path_domain(&path);
	if (path.len >= ADDRESS_LIMIT || path.local > path.len || domain.len > SMTP_DOMAIN_MAX)
		abort();
	for (size_t i = 0; i < path.len; i++)
		if ((unsigned char)path.address[i] < ' ' || path.address[i] == 127)
			abort();
	if (!utf8_is_valid(span(path.address, path.len)) ||
		path.utf8 == utf8_is_ascii(span(path.address, path.len)))
		abort();
	while (smtp_parameter_next(&parameter, &rest) == 1)
		if (parameter.keyword.len == 0)
			abort();
	return 0;
}
