#ifndef LIB_SPAN_H
#define LIB_SPAN_H

#include <stddef.h>
#include <string.h>

/* A look at bytes that someone else owns; they need not end in a NUL. */
struct span {
	char const *s;
	size_t len;
};

#define SPAN_LITERAL(text) ((struct span){text, sizeof(text) - 1})

static inline struct span
span(char const *s, size_t len)
{
	return (struct span){s, len};
}

static inline struct span
span_string(char const *s)
{
	return (struct span){s, strlen(s)};
}

static inline int
span_equal(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.s, b.s, a.len) == 0);
}

/* ASCII letters compare without case; all other bytes as they are. */
int span_case_equal(struct span a, struct span b);

/* Whether a begins with the whole of b, without case. */
int span_case_starts(struct span a, struct span b);

/* The part of s before the first c, which is cut off s; all of s if there is no c. */
struct span span_cut(struct span *s, char c);

/* The place of the first or last c in s; s.len when there is none. */
size_t span_find(struct span s, char c);
size_t span_find_last(struct span s, char c);

/*
 * The first word of s: what stands before a blank or tab, which is cut off s
 * with the blanks around what remains.
 */
struct span span_cut_word(struct span *s);

/* s without leading and trailing blanks and tabs. */
struct span span_trim(struct span s);

#endif
