#include "wire/report.h"

#include "wire/fields.h"

/*
 * number host address, then for each recipient a letter and its text in one
 * field, then from tern-remote a field "A" and the facts, a number each
 */

enum { CODE_MAX = 999 };

#define FACTS_TAG SPAN_LITERAL("A")

static char const letters[] = {[VERDICT_DELIVERED] = 'K',
	[VERDICT_DEFERRED] = 'Z',
	[VERDICT_FAILED] = 'D',
	[VERDICT_TROUBLE] = 'T'};

char
verdict_letter(enum verdict verdict)
{
	return letters[verdict];
}

int
verdict_parse(enum verdict *verdict, char letter)
{
	for (size_t i = 0; i < sizeof letters; i++)
		if (letters[i] == letter) {
			*verdict = (enum verdict)i;
			return 0;
		}
	return -1;
}

static char const handovers[] = {[HANDOVER_FINAL] = 'K',
	[HANDOVER_RELAYED] = 'R',
	[HANDOVER_PASSED] = 'P',
	[HANDOVER_EXPANDED] = 'E'};

/* A delivery has a letter for each handover. Returns 0, or -1 when it is none of any. */
static int
letter_parse(enum verdict *verdict, enum handover *handover, char letter)
{
	*handover = HANDOVER_FINAL;
	for (size_t i = 0; i < sizeof handovers; i++)
		if (handovers[i] == letter) {
			*verdict = VERDICT_DELIVERED;
			*handover = (enum handover)i;
			return 0;
		}
	return verdict_parse(verdict, letter);
}

struct span
report_text(struct span text)
{
	if (text.len > REPORT_TEXT_MAX)
		text.len = REPORT_TEXT_MAX;
	text.len = span_find(text, '\0');
	return text;
}

static int
facts_append(stralloc *sa, struct attempt_facts const *facts)
{
	return field_append(sa, FACTS_TAG) && field_append_number(sa, facts->port) &&
	       field_append_number(sa, facts->code) && field_append_number(sa, facts->dns) &&
	       field_append_number(sa, facts->connect) &&
	       field_append_number(sa, facts->transfer) && field_append_number(sa, facts->bytes);
}

int
report_format(stralloc *sa, struct report const *report)
{
	if (!field_append_number(sa, report->number) ||
		!field_append(sa, report_text(report->host)) ||
		!field_append(sa, report_text(report->address)))
		return 0;
	for (size_t i = 0; i < report->recipients; i++) {
		enum verdict verdict = report->recipient[i].verdict;
		char letter = verdict == VERDICT_DELIVERED
				      ? handovers[report->recipient[i].handover]
				      : verdict_letter(verdict);

		if (!stralloc_catb(sa, &letter, 1) ||
			!field_append(sa, report_text(report->recipient[i].text)))
			return 0;
	}
	return !report->has_facts || facts_append(sa, &report->facts);
}

static int
facts_take(struct span *rest, struct attempt_facts *facts)
{
	if (field_take_number(rest, UINT16_MAX, &facts->port) == -1 ||
		field_take_number(rest, CODE_MAX, &facts->code) == -1 ||
		field_take_number(rest, UINT32_MAX, &facts->dns) == -1 ||
		field_take_number(rest, UINT32_MAX, &facts->connect) == -1 ||
		field_take_number(rest, UINT32_MAX, &facts->transfer) == -1 ||
		field_take_number(rest, UINT64_MAX, &facts->bytes) == -1)
		return -1;
	return rest->len ? -1 : 0;
}

int
report_parse(struct report *report, char const *s, size_t len)
{
	struct span rest = span(s, len);

	if (field_take_number(&rest, UINT64_MAX, &report->number) == -1 ||
		field_take(&rest, &report->host) == -1 || report->host.len > REPORT_TEXT_MAX ||
		field_take(&rest, &report->address) == -1 || report->address.len > REPORT_TEXT_MAX)
		return -1;
	report->has_facts = 0;
	for (report->recipients = 0; rest.len; report->recipients++) {
		struct span text;

		if (field_take(&rest, &text) == -1)
			return -1;
		if (span_equal(text, FACTS_TAG)) {
			report->has_facts = 1;
			if (facts_take(&rest, &report->facts) == -1)
				return -1;
			break;
		}
		if (report->recipients == JOB_RECIPIENTS_MAX || text.len == 0 ||
			text.len > REPORT_TEXT_MAX + 1 ||
			letter_parse(&report->recipient[report->recipients].verdict,
				&report->recipient[report->recipients].handover, text.s[0]) == -1)
			return -1;
		report->recipient[report->recipients].text = span(text.s + 1, text.len - 1);
	}
	return report->recipients ? 0 : -1;
}
