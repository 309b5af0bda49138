#include "tern/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "lib/clock.h"
#include "tern/words.h"

enum { TERMINAL_MILLISECONDS = 500, LINE_MILLISECONDS = 10000 };

static int64_t
period(struct progress const *p)
{
	return p->is_terminal ? TERMINAL_MILLISECONDS : LINE_MILLISECONDS;
}

void
progress_begin(struct progress *p, char const *what, uint64_t total)
{
	*p = (struct progress){.what = what, .total = total, .is_terminal = isatty(2)};
	p->began = clock_monotonic();
	p->next = p->began + period(p);
}

static void
show(struct progress *p, int64_t now)
{
	char left[WORDS_MAX];
	uint64_t seconds = (uint64_t)(now - p->began) / 1000;

	words_span(left, p->done < p->total ? seconds * (p->total - p->done) / p->done : 0);
	fprintf(stderr, "%s%llu of %llu %s, about %s left%s", p->is_terminal ? "\r" : "",
		(unsigned long long)p->done, (unsigned long long)p->total, p->what, left,
		p->is_terminal ? "   " : "\n");
	fflush(stderr);
	p->is_shown = 1;
}

void
progress_step(struct progress *p)
{
	int64_t now;

	p->done++;
	if (p->done % 64 != 0)
		return; /* not to ask the clock for each */
	now = clock_monotonic();
	if (now < p->next)
		return;
	p->next = now + period(p);
	show(p, now);
}

void
progress_end(struct progress *p)
{
	if (p->is_shown && p->is_terminal)
		fputs("\r\033[K", stderr);
}
