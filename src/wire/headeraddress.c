/*
 * Address lists of RFC 5322, 3.4, and 4.4 (source routes, blanks and comments
 * around every token, empty elements).
 */
#include "wire/header.h"

#include <string.h>

enum token {
	TOKEN_END,
	TOKEN_WORD,    /* an atom, a quoted string or a domain literal: its bytes are at the end of
			* plain
			*/
	TOKEN_SPECIAL, /* one of <>:;@,. */
	TOKEN_WRONG,
	TOKEN_NO_MEMORY
};

struct scanner {
	struct span text;
	size_t position;
	size_t begin, end; /* of the token */
	char special;
	stralloc *plain;
};

static int
is_special(char c)
{
	return c != '\0' && strchr("()<>[]:;@\\,.\"", c) != NULL;
}

/* No address of ours holds one: it would end a record or a line that we write. */
static int
is_control(char c)
{
	return (unsigned char)c < ' ' || c == 127;
}

static int
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Comments nest. Returns 0, or -1 when one does not end. */
static int
comment_skip(struct scanner *s)
{
	size_t depth = 0;

	while (s->position < s->text.len) {
		char c = s->text.s[s->position++];

		if (c == '\\' && s->position < s->text.len)
			s->position++;
		else if (c == '(')
			depth++;
		else if (c == ')' && --depth == 0)
			return 0;
	}
	return -1;
}

/* RFC 5322, 3.2.2: blanks, folds and comments stand between any two tokens. */
static int
space_skip(struct scanner *s)
{
	while (s->position < s->text.len) {
		char c = s->text.s[s->position];

		if (is_space(c))
			s->position++;
		else if (c != '(')
			return 0;
		else if (comment_skip(s) == -1)
			return -1;
	}
	return 0;
}

/* After the quote or bracket that opens; a literal keeps its brackets. */
static enum token
take_enclosed(struct scanner *s, char close)
{
	while (s->position < s->text.len) {
		char c = s->text.s[s->position++];

		if (c == close)
			return TOKEN_WORD;
		if (c == '\n' || c == '\r')
			continue; /* a fold */
		if (c == '\\' && s->position < s->text.len)
			c = s->text.s[s->position++];
		if (c == '\t')
			c = ' ';
		if (is_control(c))
			return TOKEN_WRONG;
		if (!stralloc_catb(s->plain, &c, 1))
			return TOKEN_NO_MEMORY;
	}
	return TOKEN_WRONG;
}

static enum token
take_literal(struct scanner *s)
{
	enum token token;

	if (!stralloc_catb(s->plain, "[", 1))
		return TOKEN_NO_MEMORY;
	token = take_enclosed(s, ']');
	if (token == TOKEN_WORD && !stralloc_catb(s->plain, "]", 1))
		return TOKEN_NO_MEMORY;
	return token;
}

/* A backslash outside of quotes makes the next character a plain one, as it once did. */
static enum token
take_atom(struct scanner *s)
{
	while (s->position < s->text.len) {
		char c = s->text.s[s->position];

		if (c == '\\' && s->position + 1 < s->text.len)
			c = s->text.s[++s->position];
		else if (is_space(c) || is_special(c))
			break;
		if (is_control(c))
			return TOKEN_WRONG;
		s->position++;
		if (!stralloc_catb(s->plain, &c, 1))
			return TOKEN_NO_MEMORY;
	}
	return s->position > s->begin ? TOKEN_WORD : TOKEN_WRONG;
}

static enum token
token_next(struct scanner *s)
{
	enum token token;
	char c;

	if (space_skip(s) == -1)
		return TOKEN_WRONG;
	s->begin = s->position;
	if (s->position == s->text.len)
		return TOKEN_END;
	c = s->text.s[s->position];
	if (c == '"') {
		s->position++;
		token = take_enclosed(s, '"');
	} else if (c == '[') {
		s->position++;
		token = take_literal(s);
	} else if (c != '\0' && strchr("<>:;@,.", c)) {
		s->position++;
		s->special = c;
		token = TOKEN_SPECIAL;
	} else {
		token = take_atom(s);
	}
	s->end = s->position;
	return token;
}

/* What was read of the element so far. */
enum state {
	STATE_START,  /* nothing, or what came was complete */
	STATE_WORDS,  /* words with dots between them: a local part, or the start of a phrase */
	STATE_PHRASE, /* words that can only be a name */
	STATE_ANGLE,  /* after < */
	STATE_ROUTE,  /* after < and @: up to the colon */
	STATE_LOCAL,  /* the local part inside < > */
	STATE_DOMAIN, /* after the @ of a bare address */
	STATE_ANGLE_DOMAIN, /* after the @ inside < > */
	STATE_AFTER         /* after > */
};

enum input { INPUT_WORD, INPUT_DOT, INPUT_AT, INPUT_LESS, INPUT_GREATER, INPUT_COLON, INPUT_COMMA };

enum action {
	ACTION_NONE,
	ACTION_APPEND,  /* to the address; words must have a dot between them */
	ACTION_AT,      /* the domain follows */
	ACTION_RESTART, /* what came before was no part of the address */
	ACTION_CLOSE,   /* > */
	ACTION_FINISH,
	ACTION_WRONG
};

struct step {
	enum state state;
	enum action action;
};

#define WRONG                                                                                      \
	{                                                                                          \
		STATE_START, ACTION_WRONG                                                          \
	}

/* A semicolon and the end of the text are commas here. */
static struct step const steps[][INPUT_COMMA + 1] = {
	/*                word dot @ < > : , */
	[STATE_START] = {{STATE_WORDS, ACTION_APPEND}, {STATE_WORDS, ACTION_APPEND}, WRONG,
		{STATE_ANGLE, ACTION_RESTART}, WRONG, WRONG, {STATE_START, ACTION_NONE}},
	[STATE_WORDS] = {{STATE_WORDS, ACTION_APPEND}, {STATE_WORDS, ACTION_APPEND},
		{STATE_DOMAIN, ACTION_AT}, {STATE_ANGLE, ACTION_RESTART}, WRONG,
		{STATE_START, ACTION_RESTART}, {STATE_START, ACTION_FINISH}},
	[STATE_PHRASE] = {{STATE_PHRASE, ACTION_NONE}, {STATE_PHRASE, ACTION_NONE}, WRONG,
		{STATE_ANGLE, ACTION_RESTART}, WRONG, {STATE_START, ACTION_RESTART}, WRONG},
	[STATE_ANGLE] = {{STATE_LOCAL, ACTION_APPEND}, {STATE_LOCAL, ACTION_APPEND},
		{STATE_ROUTE, ACTION_NONE}, WRONG, {STATE_AFTER, ACTION_CLOSE}, WRONG, WRONG},
	[STATE_ROUTE] = {{STATE_ROUTE, ACTION_NONE}, {STATE_ROUTE, ACTION_NONE},
		{STATE_ROUTE, ACTION_NONE}, WRONG, WRONG, {STATE_LOCAL, ACTION_RESTART},
		{STATE_ROUTE, ACTION_NONE}},
	[STATE_LOCAL] = {{STATE_LOCAL, ACTION_APPEND}, {STATE_LOCAL, ACTION_APPEND},
		{STATE_ANGLE_DOMAIN, ACTION_AT}, WRONG, {STATE_AFTER, ACTION_CLOSE}, WRONG, WRONG},
	[STATE_DOMAIN] = {{STATE_DOMAIN, ACTION_APPEND}, {STATE_DOMAIN, ACTION_APPEND}, WRONG,
		WRONG, WRONG, WRONG, {STATE_START, ACTION_FINISH}},
	[STATE_ANGLE_DOMAIN] = {{STATE_ANGLE_DOMAIN, ACTION_APPEND},
		{STATE_ANGLE_DOMAIN, ACTION_APPEND}, WRONG, WRONG, {STATE_AFTER, ACTION_CLOSE},
		WRONG, WRONG},
	[STATE_AFTER] = {WRONG, WRONG, WRONG, WRONG, WRONG, WRONG, {STATE_START, ACTION_FINISH}},
};

struct element {
	struct scanner scanner;
	enum state state;
	struct header_address *address;
	int started;   /* begin is known */
	int last_word; /* whether the last token appended was a word */
	size_t last_word_end;
};

static enum input
input_of(enum token token, char special)
{
	if (token == TOKEN_WORD)
		return INPUT_WORD;
	if (token == TOKEN_END)
		return INPUT_COMMA;
	switch (special) {
	case '.': return INPUT_DOT;
	case '@': return INPUT_AT;
	case '<': return INPUT_LESS;
	case '>': return INPUT_GREATER;
	case ':': return INPUT_COLON;
	default: return INPUT_COMMA;
	}
}

static void
element_restart(struct element *e)
{
	e->scanner.plain->len = 0;
	e->started = e->last_word = 0;
	e->address->has_domain = 0;
}

static void
element_extend(struct element *e)
{
	if (!e->started)
		e->address->begin = e->scanner.begin;
	e->started = 1;
	e->address->end = e->scanner.end;
}

/* Takes a word or a dot. Two words without a dot are a phrase, or an error. */
static enum header_result
element_append(struct element *e, enum input input)
{
	if (input == INPUT_DOT) {
		if (!stralloc_catb(e->scanner.plain, ".", 1))
			return HEADER_NO_MEMORY;
	} else if (e->last_word) {
		if (e->state != STATE_WORDS)
			return HEADER_WRONG;
		e->state = STATE_PHRASE;
	}
	e->last_word = input == INPUT_WORD;
	element_extend(e);
	return HEADER_ADDRESS;
}

static enum header_result
element_at(struct element *e)
{
	if (!stralloc_catb(e->scanner.plain, "@", 1))
		return HEADER_NO_MEMORY;
	e->address->has_domain = 1;
	e->address->domain = e->scanner.plain->len;
	e->last_word = 0;
	element_extend(e);
	return HEADER_ADDRESS;
}

/* Quotes and backslashes can bring anything into a word, but not into a domain. */
static int
is_domain(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (is_space(s.s[i]) || strchr("()<>;@\\,\"", s.s[i]))
			return 0;
	return s.len > 0;
}

/* An address needs a local part, and a domain after an @. "<>" alone is empty. */
static int
element_is_whole(struct element const *e)
{
	struct header_address const *a = e->address;
	size_t len = a->plain->len;

	if (!a->has_domain)
		return len > 0 || e->started == 0;
	return a->domain > 1 && is_domain(span(a->plain->s + a->domain, len - a->domain));
}

static enum header_result
element_close(struct element *e)
{
	if (!e->started) { /* "<>" */
		e->address->begin = e->scanner.begin;
		e->address->end = e->scanner.begin;
	}
	return element_is_whole(e) ? HEADER_ADDRESS : HEADER_WRONG;
}

static enum header_result
element_step(struct element *e, enum input input, int *finished)
{
	struct step step = steps[e->state][input];

	e->state = step.state;
	switch (step.action) {
	case ACTION_APPEND: return element_append(e, input);
	case ACTION_AT: return element_at(e);
	case ACTION_RESTART: element_restart(e); break;
	case ACTION_CLOSE: return element_close(e);
	case ACTION_FINISH:
		*finished = 1;
		return element_is_whole(e) ? HEADER_ADDRESS : HEADER_WRONG;
	case ACTION_WRONG: return HEADER_WRONG;
	case ACTION_NONE: break;
	}
	return HEADER_ADDRESS;
}

enum header_result
header_address_next(struct header_addresses *list, struct header_address *address)
{
	struct element e = {.scanner = {.text = list->body,
				    .position = list->position,
				    .plain = address->plain},
		.state = STATE_START,
		.address = address};
	enum header_result result = HEADER_ADDRESS;
	int finished = 0;

	element_restart(&e);
	while (!finished && result == HEADER_ADDRESS) {
		size_t kept = address->plain->len;
		enum token token = token_next(&e.scanner);

		if (token == TOKEN_NO_MEMORY)
			return HEADER_NO_MEMORY;
		if (token == TOKEN_END && e.state == STATE_START)
			result = HEADER_END;
		else if (token == TOKEN_WRONG)
			result = HEADER_WRONG;
		else if (token == TOKEN_END && e.state == STATE_ROUTE)
			result = HEADER_WRONG;
		else
			result = element_step(&e, input_of(token, e.scanner.special), &finished);
		/* The words of a route are no part of the address. */
		if (e.state == STATE_ROUTE || e.state == STATE_PHRASE)
			address->plain->len = kept;
	}
	list->position = e.scanner.position;
	if (!address->has_domain)
		address->domain = address->plain->len;
	return result;
}
