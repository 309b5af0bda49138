#include "wire/envelope.h"

#include "lib/number.h"

static int
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* How long the value of a record may be. */
static size_t
value_max(char letter)
{
	return letter == 'F' || letter == 'T' ? ADDRESS_LIMIT - 1 : ENVELOPE_VALUE_MAX;
}

int
envelope_record_next(struct span *rest, char *letter, struct span *value)
{
	if (rest->len == 0)
		return 0;
	*letter = rest->s[0];
	*rest = span(rest->s + 1, rest->len - 1);
	if (!is_letter(*letter) || span_find(*rest, '\0') == rest->len)
		return -1;
	*value = span_cut(rest, '\0');
	return value->len > value_max(*letter) ? -1 : 1;
}

/* What can not be a priority counts as none: it is no reason to refuse mail. */
static int
priority_parse(struct span value)
{
	int is_negative = value.len && value.s[0] == '-';
	uint64_t n = 0;

	if (is_negative)
		value = span(value.s + 1, value.len - 1);
	number_parse(value, PRIORITY_MAX, &n);
	return is_negative ? -(int)n : (int)n;
}

/* A record that stands before the sender. Returns 0, or -1 when its value can not be. */
static int
head_record(struct envelope *e, char letter, struct span value)
{
	switch (letter) {
	case 'u': return number_parse(value, UINT64_MAX, &e->uid);
	case 'p': return number_parse(value, UINT64_MAX, &e->pid);
	case 'v': e->via = value; return 0;
	case 'h': e->helo = value; return 0;
	case 'a': e->address = value; return 0;
	case 'w': e->protocol = value; return 0;
	case 'b': e->body = span_equal(value, SPAN_LITERAL("8")) ? BODY_8BIT : BODY_7BIT; return 0;
	case 'U': e->smtputf8 = 1; return 0;
	case 'P': e->priority = priority_parse(value); return 0;
	case 'R': e->ret = value; return 0;
	case 'E': e->envelope_id = value; return 0;
	default: return 0;
	}
}

int
envelope_parse(struct envelope *envelope, char const *s, size_t len)
{
	struct envelope e = {.body = BODY_7BIT, .records = {s, len}};
	struct span rest = e.records;
	struct span value;
	int has_sender = 0;
	char letter;
	int r;

	while ((r = envelope_record_next(&rest, &letter, &value)) == 1) {
		if (letter == 'F') {
			if (has_sender)
				return -1;
			has_sender = 1;
			e.sender = value;
		} else if (letter == 'T') {
			if (!has_sender)
				return -1;
			e.recipients++;
		} else if (!has_sender && head_record(&e, letter, value) == -1) {
			return -1;
		}
	}
	if (r == -1 || !has_sender)
		return -1;
	*envelope = e;
	return 0;
}

int
envelope_recipient_next(struct envelope const *envelope, size_t *position, struct span *recipient)
{
	struct span rest = envelope->records;
	char letter;

	if (*position > rest.len)
		return 0;
	rest = span(rest.s + *position, rest.len - *position);
	while (envelope_record_next(&rest, &letter, recipient) == 1)
		if (letter == 'T') {
			*position = envelope->records.len - rest.len;
			return 1;
		}
	return 0;
}

int
envelope_append(stralloc *sa, char letter, struct span value)
{
	return stralloc_catb(sa, &letter, 1) && stralloc_catb(sa, value.s, value.len) &&
	       stralloc_catb(sa, "", 1);
}

/* The state that the first byte of a record leads to. */
static enum envelope_state
state_at_letter(enum envelope_state state, char letter)
{
	if (state == ENVELOPE_BEFORE_SENDER) {
		if (letter == 'F')
			return ENVELOPE_IN_SENDER;
		return is_letter(letter) && letter != 'T' ? ENVELOPE_IN_RECORD : ENVELOPE_WRONG;
	}
	if (letter == 'T')
		return ENVELOPE_IN_RECIPIENT;
	if (letter == '\0')
		return ENVELOPE_COMPLETE;
	return is_letter(letter) && letter != 'F' ? ENVELOPE_IN_EXTRA : ENVELOPE_WRONG;
}

/* Takes a piece of a value, which is its last one when ended. */
static void
check_value(struct envelope_check *check, size_t len, int ended)
{
	int is_address =
		check->state == ENVELOPE_IN_SENDER || check->state == ENVELOPE_IN_RECIPIENT;
	size_t max = value_max(is_address ? 'T' : 'x');

	check->value_len += len;
	if (check->value_len > max) {
		check->state = is_address ? ENVELOPE_TOO_LONG : ENVELOPE_WRONG;
	} else if (ended) {
		check->recipients += check->state == ENVELOPE_IN_RECIPIENT;
		check->state = check->state == ENVELOPE_IN_RECORD ? ENVELOPE_BEFORE_SENDER
								  : ENVELOPE_BEFORE_RECIPIENT;
		check->value_len = 0;
	}
}

enum envelope_state
envelope_check(struct envelope_check *check, char const *s, size_t len, size_t *kept)
{
	struct span rest = span(s, len);
	size_t n;

	while (rest.len && check->state < ENVELOPE_COMPLETE) {
		switch (check->state) {
		case ENVELOPE_BEFORE_SENDER:
		case ENVELOPE_BEFORE_RECIPIENT:
			check->state = state_at_letter(check->state, rest.s[0]);
			if (check->state < ENVELOPE_COMPLETE)
				rest = span(rest.s + 1, rest.len - 1);
			break;
		default:
			n = span_find(rest, '\0');
			check_value(check, n, n < rest.len);
			span_cut(&rest, '\0');
		}
	}
	*kept = len - rest.len;
	return check->state;
}
