#include "wire/lineends.h"

static char const blanks[] = "                                ";

static struct span
give(struct lineends *state, struct span run)
{
	if (run.len)
		state->last = run.s[run.len - 1];
	return run;
}

/* The CRs that were none of a line end, as many at once as we have blanks. */
static struct span
give_blanks(struct lineends *state)
{
	size_t n = state->returns < sizeof blanks - 1 ? state->returns : sizeof blanks - 1;

	state->returns -= n;
	return give(state, span(blanks, n));
}

struct span
lineends_next(struct lineends *state, struct span *piece)
{
	struct span run;

	while (piece->len && piece->s[0] == '\r') {
		state->returns++;
		*piece = span(piece->s + 1, piece->len - 1);
	}
	if (piece->len == 0)
		return span("", 0);
	if (piece->s[0] == '\n')
		state->returns = 0;
	if (state->returns)
		return give_blanks(state);
	run = span(piece->s, span_find(*piece, '\r'));
	*piece = span(piece->s + run.len, piece->len - run.len);
	return give(state, run);
}

struct span
lineends_end(struct lineends *state)
{
	if (state->returns)
		return give_blanks(state);
	return state->last == '\n' ? span("", 0) : give(state, SPAN_LITERAL("\n"));
}
