#include "wire/notice.h"

#include "wire/dsnparameter.h"
#include "wire/verp.h"

static char const letters[NOTICE_KINDS] = {
	[NOTICE_FAILURE] = 'F', [NOTICE_SUCCESS] = 'S', [NOTICE_DELAY] = 'W'};

static struct span const verp_mark = {"-@[]", 4};

char
notice_letter(enum notice_kind kind)
{
	return letters[kind];
}

int
notice_kind_parse(enum notice_kind *kind, char letter)
{
	for (size_t i = 0; i < NOTICE_KINDS; i++)
		if (letters[i] == letter) {
			*kind = (enum notice_kind)i;
			return 0;
		}
	return -1;
}

/* A wish that SMTP could not carry is none: the envelope comes from anybody. */
static unsigned
wishes(struct span notify, unsigned without)
{
	unsigned sum;

	return dsn_notify_parse(&sum, notify) == 0 ? sum : without;
}

/* Programs that manage lists take whatever comes back for a failure: they must ask for more. */
static unsigned
wishes_of_silence(struct span sender)
{
	return verp_is_pattern(sender) ? DSN_FAILURE : DSN_FAILURE | DSN_DELAY;
}

static int
is_double_bounce(struct span sender)
{
	return span_equal(sender, SPAN_LITERAL("#@[]"));
}

int
notice_of_success_is_wanted(struct span notify, struct span sender)
{
	return notify.len && sender.len && !is_double_bounce(sender) &&
	       (wishes(notify, 0) & DSN_SUCCESS);
}

int
notice_fits(enum notice_kind kind, struct delivery const *d)
{
	switch (kind) {
	case NOTICE_FAILURE: return d->status == DELIVERY_FAILED;
	case NOTICE_SUCCESS: return d->unreported;
	case NOTICE_DELAY: break;
	}
	return d->status == DELIVERY_PENDING;
}

int
notice_concerns(enum notice_kind kind, struct delivery const *d, struct span sender)
{
	unsigned wanted = wishes(d->notify, wishes_of_silence(sender));

	if (!notice_fits(kind, d) || is_double_bounce(sender))
		return 0;
	switch (kind) {
	case NOTICE_FAILURE: return (wanted & DSN_FAILURE) != 0;
	case NOTICE_SUCCESS: return sender.len > 0;
	case NOTICE_DELAY: break;
	}
	return sender.len > 0 && (wanted & DSN_DELAY);
}

int
notice_address_append(stralloc *sa, struct span sender)
{
	if (sender.len > verp_mark.len &&
		span_equal(span(sender.s + sender.len - verp_mark.len, verp_mark.len), verp_mark))
		sender.len -= verp_mark.len;
	return stralloc_catb(sa, sender.s, sender.len);
}
