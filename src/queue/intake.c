#include "queue/intake.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/text.h"
#include "lib/utf8.h"
#include "policy/room.h"
#include "spool/layout.h"

static void
fail(struct intake *in, int code, char const *reason)
{
	if (in->code != QUEUE_OK)
		return;
	in->code = code;
	in->reason = reason;
	if (in->is_open)
		entry_discard(&in->entry);
	in->is_open = 0;
}

static int
code_of_create(int error)
{
	struct stat st;

	switch (error) {
	case ENOMEM: return QUEUE_NO_MEMORY;
	case ENOSPC:
	case EDQUOT:
	case EIO:
	case EROFS: return QUEUE_WRITE;
	case ENOENT: return stat("queue/mess", &st) == -1 ? QUEUE_CHDIR : QUEUE_FILE;
	default: return QUEUE_FILE;
	}
}

static void
fail_write(struct intake *in)
{
	int error = errno;

	fail(in, error == ENOMEM ? QUEUE_NO_MEMORY : QUEUE_WRITE, strerror(error));
}

/* A bounce is always welcome: with it a message can go. */
static int
has_no_room(struct origin const *origin, char const **reason)
{
	return origin->kind != ORIGIN_BOUNCE && room_left(reason) == 0;
}

void
intake_begin(struct intake *in, struct origin const *origin, struct span me)
{
	struct lineends lineends = LINEENDS_ZERO;
	struct envelope_check check = ENVELOPE_CHECK_ZERO;
	char const *reason;

	in->lineends = lineends;
	in->check = check;
	in->has_8bit = in->head_done = 0;
	in->code = QUEUE_OK;
	in->reason = NULL;
	in->text.len = 0;
	if (in->pid == 0)
		in->pid = getpid();
	if (has_no_room(origin, &reason)) {
		fail(in, QUEUE_WRITE, reason);
		return;
	}
	if (entry_create(&in->entry) == -1) {
		int error = errno;
		fail(in, code_of_create(error), strerror(error));
		return;
	}
	in->is_open = 1;
	if (!received_append(&in->text, origin, me, (uint64_t)in->pid, in->entry.id,
		    (time_t)(in->entry.id / 1000000)))
		fail(in, QUEUE_NO_MEMORY, NULL);
	else if (entry_append_message(&in->entry, span(in->text.s, in->text.len)) == -1)
		fail_write(in);
	in->text.len = 0;
}

static void
append_run(struct intake *in, struct span run)
{
	if (in->entry.message + run.len > INTAKE_MESSAGE_MAX)
		fail(in, QUEUE_REFUSED, "the message is larger than the queue takes");
	else if (entry_append_message(&in->entry, run) == -1)
		fail_write(in);
}

void
intake_message(struct intake *in, struct span bytes)
{
	struct span run;

	if (!in->has_8bit)
		in->has_8bit = !utf8_is_ascii(bytes);
	while (in->code == QUEUE_OK && (run = lineends_next(&in->lineends, &bytes)).len)
		append_run(in, run);
}

/* Harmless more than once. */
static void
message_end(struct intake *in)
{
	struct span run;

	while (in->code == QUEUE_OK && (run = lineends_end(&in->lineends)).len)
		append_run(in, run);
}

/* What we say of the message, and nobody else. */
static int
append_own_records(stralloc *sa, struct origin const *origin, pid_t pid)
{
	int ok = stralloc_cats(sa, "u") && text_append_number(sa, origin->uid) &&
		 stralloc_catb(sa, "", 1) && stralloc_cats(sa, "p") &&
		 text_append_number(sa, (unsigned long long)pid) && stralloc_catb(sa, "", 1) &&
		 envelope_append(sa, 'v', origin_via(origin));

	if (origin->helo.len)
		ok = ok && envelope_append(sa, 'h', origin->helo);
	if (origin->address.len)
		ok = ok && envelope_append(sa, 'a', origin->address);
	if (origin->name.len)
		ok = ok && envelope_append(sa, 'n', origin->name);
	if (origin->protocol.len)
		ok = ok && envelope_append(sa, 'w', origin->protocol);
	return ok;
}

/* Keeps the client's records that are its business. */
static int
append_client_records(stralloc *sa, struct span records, int has_8bit)
{
	int has_body = 0;
	int ok = 1;

	while (ok && records.len) {
		struct span record = span_cut(&records, '\0');

		if (strchr("upvhanw", record.s[0]))
			continue;
		has_body |= record.s[0] == 'b';
		ok = envelope_append(sa, record.s[0], span(record.s + 1, record.len - 1));
	}
	if (has_8bit && !has_body)
		ok = ok && envelope_append(sa, 'b', SPAN_LITERAL("8"));
	return ok;
}

/* Where the sender's record begins in the checked bytes at s; their end if it does not. */
static size_t
find_sender(struct span s)
{
	struct span rest = s;

	while (rest.len && rest.s[0] != 'F' && span_find(rest, '\0') < rest.len)
		span_cut(&rest, '\0');
	return rest.len && rest.s[0] == 'F' ? s.len - rest.len : s.len;
}

/* Gathers what stands before the sender; once that has come, writes our records and the rest. */
static void
head_take(struct intake *in, struct origin const *origin, struct span bytes)
{
	stralloc records = STRALLOC_ZERO;
	size_t head;

	if (!stralloc_catb(&in->text, bytes.s, bytes.len)) {
		fail(in, QUEUE_NO_MEMORY, NULL);
		return;
	}
	head = find_sender(span(in->text.s, in->text.len));
	if (head > INTAKE_HEAD_MAX) {
		fail(in, QUEUE_FORMAT, "too much stands before the sender");
		return;
	}
	if (head == in->text.len)
		return;
	in->head_done = 1;
	if (!append_own_records(&records, origin, in->pid) ||
		!append_client_records(&records, span(in->text.s, head), in->has_8bit))
		fail(in, QUEUE_NO_MEMORY, NULL);
	else if (entry_append_envelope(&in->entry, span(records.s, records.len)) == -1 ||
		 entry_append_envelope(&in->entry, span(in->text.s + head, in->text.len - head)) ==
			 -1)
		fail_write(in);
	stralloc_free(&records);
}

static void
keep_envelope(struct intake *in, struct origin const *origin, struct span bytes)
{
	if (in->entry.envelope + bytes.len > INTAKE_ENVELOPE_MAX)
		fail(in, QUEUE_REFUSED, "the envelope is larger than the queue takes");
	else if (!in->head_done)
		head_take(in, origin, bytes);
	else if (entry_append_envelope(&in->entry, bytes) == -1)
		fail_write(in);
}

size_t
intake_envelope(struct intake *in, struct origin const *origin, struct span bytes)
{
	size_t kept;

	message_end(in);
	switch (envelope_check(&in->check, bytes.s, bytes.len, &kept)) {
	case ENVELOPE_TOO_LONG: fail(in, QUEUE_ADDRESS_TOO_LONG, NULL); break;
	case ENVELOPE_WRONG: fail(in, QUEUE_FORMAT, NULL); break;
	default:
		if (in->code == QUEUE_OK)
			keep_envelope(in, origin, span(bytes.s, kept));
	}
	return in->check.state == ENVELOPE_COMPLETE ? kept + 1 : kept;
}

int
intake_commit(struct intake *in)
{
	if (in->code != QUEUE_OK)
		return in->code;
	if (entry_commit(&in->entry) == -1) {
		in->is_open = 0;
		fail_write(in);
		return in->code;
	}
	in->is_open = 0;
	entry_announce(in->entry.id);
	return QUEUE_OK;
}

void
intake_abort(struct intake *in)
{
	if (in->is_open)
		entry_discard(&in->entry);
	in->is_open = 0;
}
