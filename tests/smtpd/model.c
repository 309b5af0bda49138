/*
 * All sequences of commands against what RFC 5321 (4.1.4) and RFC 3030 say of
 * their order: the same replies, the same messages. One argument: how long the
 * sequences are.
 */
#include "tests/smtpd/inprocess.h"
#include "tests/tap.h"

enum { LENGTH_DEFAULT = 5, LENGTH_MAX = 8 };

enum command {
	EHLO,
	HELO,
	MAIL,
	BAD_MAIL,
	RCPT,
	BAD_RCPT,
	DATA,
	BIG_DATA, /* its text is refused */
	BDAT,
	BDAT_LAST,
	BAD_BDAT, /* how many bytes follow is not known */
	RSET,
	VRFY,
	STARTTLS,
	AUTH,
	JUNK,
	COMMANDS
};

static char const *const lines[COMMANDS] = {
	[EHLO] = "EHLO c\r\n",
	[HELO] = "HELO c\r\n",
	[MAIL] = "MAIL FROM:<a@b>\r\n",
	[BAD_MAIL] = "MAIL FROM:<a\r\n",
	[RCPT] = "RCPT TO:<x@local.test>\r\n",
	[BAD_RCPT] = "RCPT TO:<x@far.test>\r\n",
	[DATA] = "DATA\r\n",
	[BIG_DATA] = "DATA\r\n",
	[BDAT] = "BDAT 7\r\nRSET\r\n.",
	[BDAT_LAST] = "BDAT 6 LAST\r\nQUIT\r\n",
	[BAD_BDAT] = "BDAT -1\r\n",
	[RSET] = "RSET\r\n",
	[VRFY] = "VRFY x\r\n",
	[STARTTLS] = "STARTTLS\r\n",
	[AUTH] = "AUTH PLAIN AAAA\r\n",
	[JUNK] = "JUNK\r\n",
};

/*
 * The model: states of a session, and what each command makes of them.
 */
enum state { NEW, GREETED, SENDER, RECIPIENT, CHUNKS, ENDED };

static struct {
	enum state state;
	int code;            /* of the reply */
	unsigned recipients; /* of the transaction */
	unsigned chunks;     /* that are there */
	stralloc queue;      /* what was taken */
} model;

static void
model_take(char const *text, int is_chunked)
{
	int good = 1;

	for (unsigned i = 0; is_chunked && i < model.chunks; i++)
		good &= stralloc_cats(&model.queue, "RSET\n.");
	good &= stralloc_cats(&model.queue, text) && stralloc_catb(&model.queue, "Fa@b", 5);
	for (unsigned i = 0; i < model.recipients; i++)
		good &= stralloc_catb(&model.queue, "Tx@local.test", 14);
	lab_need(good && stralloc_append(&model.queue, '\n'));
	model.state = GREETED;
}

static void
model_is(int code, enum state state)
{
	model.code = code;
	model.state = state;
}

static void
model_command(enum command command)
{
	enum state s = model.state;

	switch (command) {
	case EHLO:
	case HELO: model_is(250, GREETED); break;
	case MAIL:
		model_is(s == GREETED ? 250 : 503, s == GREETED ? SENDER : s);
		model.recipients = s == GREETED ? 0 : model.recipients;
		break;
	case BAD_MAIL: model_is(s == GREETED ? 501 : 503, s); break;
	case RCPT:
	case BAD_RCPT:
		if (s != SENDER && s != RECIPIENT)
			model_is(503, s);
		else
			model_is(command == RCPT ? 250 : 553, command == RCPT ? RECIPIENT : s);
		model.recipients += model.code == 250;
		break;
	case DATA:
	case BIG_DATA: model_is(s == RECIPIENT ? 354 : 503, s); break;
	case BDAT:
	case BDAT_LAST:
		if (s != RECIPIENT && s != CHUNKS) {
			model_is(503, s);
			break;
		}
		model.chunks = s == CHUNKS ? model.chunks : 0;
		model.chunks += command == BDAT;
		model_is(250, CHUNKS);
		if (command == BDAT_LAST)
			model_take("QUIT\n", 1);
		break;
	case BAD_BDAT: model_is(501, ENDED); break;
	case RSET: model_is(250, s == NEW ? NEW : GREETED); break;
	case VRFY: model_is(252, s); break;
	case STARTTLS:
	case AUTH: model_is(502, s); break;
	case JUNK:
	case COMMANDS: model_is(500, s); break;
	}
}

/* What follows 354. */
static void
model_text(int is_big)
{
	model_is(is_big ? 552 : 250, GREETED);
	if (!is_big)
		model_take("x\n", 0);
}

/*
 * The client: says the commands one after the other, each when the one before
 * is answered, and compares.
 */
static char big[100010];
static enum command sequence[LENGTH_MAX];
static unsigned length, said;
static int in_text, differs;
static size_t heard; /* bytes of the replies that were looked at */

/* The code of the last reply that was not looked at; 0 when there is none. */
static int
reply_code(void)
{
	int code = 0;

	while (heard < lab.replies.len) {
		struct span rest = span(lab.replies.s + heard, lab.replies.len - heard);
		struct span line = span_cut(&rest, '\n');

		if (line.len < 4 || line.s[0] < '2' || line.s[0] > '5')
			differs = 1;
		else
			code = (line.s[0] - '0') * 100 + (line.s[1] - '0') * 10 + line.s[2] - '0';
		heard += line.len + 1;
	}
	return code;
}

static size_t
put(char *s, size_t room, char const *text, size_t len)
{
	static size_t done;
	size_t n = len - done < room ? len - done : room;

	memcpy(s, text + done, n);
	done = done + n < len ? done + n : 0;
	return n;
}

static size_t
client_read(char *s, size_t room)
{
	static int is_putting_big;
	int code;

	if (is_putting_big) {
		size_t n = put(s, room, big, sizeof big);

		is_putting_big = n == room; /* the text does not fill a last read exactly */
		return n;
	}
	code = reply_code();
	if (said > 0 && code != model.code)
		differs = 1;
	if (said > 0 && model.code == 354 && !differs && !in_text) {
		in_text = 1;
		is_putting_big = sequence[said - 1] == BIG_DATA;
		model_text(is_putting_big);
		if (is_putting_big) {
			size_t n = put(s, room, big, sizeof big);

			is_putting_big = n == room;
			return n;
		}
		return put(s, room, "x\r\n.\r\n", 6);
	}
	in_text = 0;
	if (said == length || differs)
		return 0;
	model_command(sequence[said]);
	code = (int)said++;
	return put(s, room, lines[sequence[code]], strlen(lines[sequence[code]]));
}

/* Returns whether the session did as the model does. */
static int
sequence_try(void)
{
	model_is(220, NEW);
	model.queue.len = 0;
	said = 0;
	in_text = differs = 0;
	heard = 0;
	lab_run(client_read);
	if (model.state == ENDED && reply_code() != 501)
		return 0;
	return !differs && lab.queue.len == model.queue.len &&
	       (model.queue.len == 0 || memcmp(lab.queue.s, model.queue.s, model.queue.len) == 0);
}

static void
sequence_show(void)
{
	for (unsigned i = 0; i < length; i++)
		printf("# %.*s\n", (int)strcspn(lines[sequence[i]], "\r"), lines[sequence[i]]);
	for (size_t i = 0; i < lab.replies.len; i++) {
		if (i == 0 || lab.replies.s[i - 1] == '\n')
			printf("# ");
		putchar(lab.replies.s[i]);
	}
}

int
main(int argc, char **argv)
{
	unsigned long long count = 0, wrong = 0, all = 1;

	length = argc > 1 ? (unsigned)atoi(argv[1]) : LENGTH_DEFAULT;
	if (length < 1 || length > LENGTH_MAX)
		return 100;
	lab_start();
	lab_log_drop();
	memset(big, 'x', sizeof big);
	memcpy(big + sizeof big - 5, "\r\n.\r\n", 5);
	for (unsigned i = 0; i < length; i++)
		all *= COMMANDS;
	for (; count < all; count++) {
		unsigned long long rest = count;

		for (unsigned i = 0; i < length; i++, rest /= COMMANDS)
			sequence[i] = (enum command)(rest % COMMANDS);
		if (!sequence_try() && wrong++ == 0)
			sequence_show();
	}
	ok(wrong == 0, "%llu sequences of %u commands: as the model has it (%llu are not)", count,
		length, wrong);
	return tap_end();
}
