#include "wire/bouncejob.h"

#include <stdlib.h>

#include "wire/answer.h"
#include "wire/verp.h"

/* What is read of a packet survives being written again. */
static void
packets_check(char const *s, size_t size)
{
	struct bounce_job job, job_back;
	struct answer answer, back;
	stralloc sa = STRALLOC_ZERO;

	if (bounce_job_parse(&job, s, size) == 0) {
		bounce_job_format(&sa, &job);
		if (bounce_job_parse(&job_back, sa.s, sa.len) == -1 ||
			job_back.message != job.message)
			abort();
	}
	if (answer_parse(&answer, s, size) == 0) {
		if (answer.text.len > REPORT_TEXT_MAX || answer.text.s < s ||
			answer.text.s + answer.text.len > s + size)
			abort();
		sa.len = 0;
		answer_format(&sa, &answer);
		if (answer_parse(&back, sa.s, sa.len) == -1 || back.verdict != answer.verdict ||
			!span_equal(back.text, answer.text))
			abort();
	}
	stralloc_free(&sa);
}

/* "list-@host-@[]" for user@domain is "list-user=domain@host": nothing is left out. */
static void
verp_check(struct span sender, struct span recipient)
{
	stralloc sa = STRALLOC_ZERO;
	size_t at = span_find_last(recipient, '@');
	size_t want = sender.len - 4 + recipient.len + (at == recipient.len);

	if (!verp_is_pattern(sender))
		return;
	if (!verp_expand(&sa, sender, recipient) || sa.len != want ||
		memchr(sa.s, '=', sa.len) == NULL)
		abort();
	stralloc_free(&sa);
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size);

int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	struct span rest = span((char const *)data, size);
	struct span sender = span_cut(&rest, '\0');

	packets_check((char const *)data, size);
	verp_check(sender, rest);
	return 0;
}
