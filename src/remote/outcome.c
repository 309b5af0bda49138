#include "remote/outcome.h"

void
outcome_start(struct outcome *outcome, size_t recipients)
{
	outcome->recipients = recipients;
	outcome->asked = 0;
	outcome->settings_refused = 0;
	outcome_forget_host(outcome);
	for (size_t i = 0; i < recipients; i++) {
		answer_set(&outcome->recipient[i], VERDICT_DELIVERED, span("", 0));
		outcome->recipient[i].is_settled = 0;
	}
	answer_set(&outcome->message, VERDICT_TROUBLE, span("", 0));
}

void
outcome_forget_host(struct outcome *outcome)
{
	outcome->host.len = outcome->address.len = 0;
	outcome->port = outcome->code = 0;
}

void
answer_set(struct answer *answer, enum verdict verdict, struct span text)
{
	answer->verdict = verdict;
	answer->len = text.len < REPORT_TEXT_MAX ? text.len : REPORT_TEXT_MAX - 1;
	if (answer->len == 0)
		return;
	memcpy(answer->text, text.s, answer->len);
	if (answer->text[answer->len - 1] != '\n')
		answer->text[answer->len++] = '\n';
}

struct answer const *
outcome_answer(struct outcome const *outcome, size_t recipient)
{
	struct answer const *answer = &outcome->recipient[recipient];
	int is_own = outcome->asked && answer->verdict != VERDICT_DELIVERED;

	return answer->is_settled || is_own ? answer : &outcome->message;
}

void
outcome_settle(struct outcome *outcome, size_t recipient)
{
	struct answer *answer = &outcome->recipient[recipient];

	*answer = *outcome_answer(outcome, recipient);
	answer->is_settled = 1;
}

int
outcome_has_settled(struct outcome const *outcome)
{
	for (size_t i = 0; i < outcome->recipients; i++)
		if (outcome->recipient[i].is_settled)
			return 1;
	return 0;
}
