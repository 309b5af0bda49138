#ifndef TERN_WORDS_H
#define TERN_WORDS_H

#include <stdint.h>

/* Numbers as people read them, NUL ended. */
enum { WORDS_MAX = 32 };

/* A length of time: "45 s", "12 min", "5 h", "3 days". */
void words_span(char text[WORDS_MAX], uint64_t seconds);

/* A time in the reader's own zone: "2026-11-21 20:57:37"; "-" for 0. */
void words_time(char text[WORDS_MAX], uint64_t seconds);

/* An amount: "512 B", "4.2 KB", "17 MB". */
void words_size(char text[WORDS_MAX], uint64_t bytes);

/* "message" or "messages". */
char const *words_messages(uint64_t count);

#endif
