#include "local/deliver.h"

#include "lib/text.h"
#include "local/forward.h"
#include "local/instructions.h"
#include "local/mailbox.h"
#include "local/maildir.h"
#include "local/place.h"
#include "local/program.h"
#include "wire/notice.h"

struct work {
	struct mail *mail;
	enum deliver_mode mode;
	stralloc *text;
	unsigned files, forwards, programs;
	int stop;
	stralloc addresses; /* to forward to, each ended by a NUL */
	stralloc path;
};

static enum verdict
check_loop(struct mail *mail, stralloc *text)
{
	/* without the newline */
	struct span line = span(mail->delivered_to.s, mail->delivered_to.len - 1);

	switch (message_header_has(&mail->message, line)) {
	case 0: return VERDICT_DELIVERED;
	case 1:
		return mail_verdict(text, VERDICT_FAILED,
			"This message is looping: it already has my Delivered-To line. (#5.4.6)",
			(char *)0);
	default: return mail_verdict_errno(text, "read", "the message");
	}
}

static enum verdict
to_file(struct work *work, struct dotqmail_line const *line)
{
	int is_maildir = line->kind == DOTQMAIL_MAILDIR;

	work->files++;
	work->path.len = 0;
	if (!stralloc_catb(&work->path, line->text.s, line->text.len) || !stralloc_0(&work->path))
		return mail_verdict_errno(work->text, "deliver", NULL);
	if (work->mode == DELIVER_DRY)
		return mail_verdict(work->text, VERDICT_DELIVERED,
			is_maildir ? "maildir " : "mbox ", work->path.s, "\n", (char *)0);
	return is_maildir ? maildir_deliver(work->mail, work->path.s, work->text)
			  : mailbox_deliver(work->mail, work->path.s, work->text);
}

static enum verdict
to_program(struct work *work, struct span command)
{
	work->programs++;
	if (work->mode == DELIVER_REALLY)
		return program_run(work->mail, command, &work->stop, work->text);
	mail_verdict(work->text, VERDICT_DELIVERED, "program ", (char *)0);
	stralloc_catb(work->text, command.s, command.len);
	return mail_verdict(work->text, VERDICT_DELIVERED, "\n", (char *)0);
}

static enum verdict
to_address(struct work *work, struct span address)
{
	work->forwards++;
	if (!stralloc_catb(&work->addresses, address.s, address.len) ||
		!stralloc_0(&work->addresses))
		return mail_verdict_errno(work->text, "forward", NULL);
	if (work->mode == DELIVER_DRY)
		mail_verdict(work->text, VERDICT_DELIVERED, "forward ",
			work->addresses.s + work->addresses.len - address.len - 1, "\n", (char *)0);
	return VERDICT_DELIVERED;
}

static enum verdict
follow(struct work *work, struct dotqmail_line const *line)
{
	switch (line->kind) {
	case DOTQMAIL_PROGRAM: return to_program(work, line->text);
	case DOTQMAIL_FORWARD: return to_address(work, line->text);
	case DOTQMAIL_MBOX:
	case DOTQMAIL_MAILDIR: return to_file(work, line);
	case DOTQMAIL_COMMENT:
	case DOTQMAIL_FORWARDS_ONLY:
	case DOTQMAIL_BLANK_FIRST: /* these two were refused when the file was read */
	case DOTQMAIL_WRONG: break;
	}
	return VERDICT_DELIVERED;
}

static void
say_counts(struct work *work)
{
	stralloc *text = work->text;

	if (text->len && text->s[text->len - 1] != '\n')
		stralloc_catb(text, "\n", 1);
	text_append(text, "did ", (char *)0);
	text_append_number(text, work->files);
	text_append(text, "+", (char *)0);
	text_append_number(text, work->forwards);
	text_append(text, "+", (char *)0);
	text_append_number(text, work->programs);
	text_append(text, "\n", (char *)0);
}

/* Whether the sender, who wants to hear of success, hears that the address stands for others. */
static int
is_expanded(struct work const *work)
{
	struct mail const *mail = work->mail;

	return work->files == 0 && work->programs == 0 && !forward_is_list(mail) &&
	       notice_of_success_is_wanted(mail->notify, span(mail->sender.s, mail->sender.len));
}

static enum verdict
follow_all(struct work *work, struct span text)
{
	struct dotqmail at = {text, 0};
	struct dotqmail_line line;
	enum verdict verdict;

	while (!work->stop && dotqmail_next(&at, &line)) {
		verdict = follow(work, &line);
		if (verdict != VERDICT_DELIVERED)
			return verdict;
	}
	say_counts(work);
	if (work->forwards == 0 || work->mode == DELIVER_DRY)
		return VERDICT_DELIVERED;
	if (is_expanded(work))
		work->mail->handover = HANDOVER_EXPANDED;
	return forward_send(work->mail, span(work->addresses.s, work->addresses.len), work->text);
}

enum verdict
deliver(struct mail *mail, enum deliver_mode mode, stralloc *text)
{
	static struct instructions instructions;
	static struct work work;
	enum verdict verdict = place_enter(mail->to, text);

	if (verdict == VERDICT_DELIVERED)
		verdict = check_loop(mail, text);
	if (verdict == VERDICT_DELIVERED)
		verdict = instructions_load(&instructions, mail, text);
	if (verdict == VERDICT_DELIVERED && instructions.forwards_or_programs)
		verdict = instructions_owner(mail, text);
	if (verdict != VERDICT_DELIVERED)
		return verdict;
	work.mail = mail;
	work.mode = mode;
	work.text = text;
	work.files = work.forwards = work.programs = 0;
	work.stop = 0;
	work.addresses.len = 0;
	return follow_all(&work, span(instructions.text.s, instructions.text.len));
}
