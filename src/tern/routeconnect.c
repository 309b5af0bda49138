#include "tern/routeconnect.h"

#include <fcntl.h>
#include <unistd.h>

#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>

#include "lib/exits.h"
#include "lib/spawn.h"
#include "tern/command.h"
#include "tern/facts.h"

/* How a line of the conversation begins; nobody needs to read that. */
static struct span const prefix = {"tern-remote: msg 0: ", 20};

static void
pipe_make(int ends[2])
{
	if (pipe(ends) == -1 || fcntl(ends[0], F_SETFD, FD_CLOEXEC) == -1 ||
		fcntl(ends[1], F_SETFD, FD_CLOEXEC) == -1)
		strerr_diefusys(EXIT_TEMPORARY, "make a pipe");
}

static char const *
string(struct span text)
{
	stralloc copy = STRALLOC_ZERO; /* lives as long as we do */

	if (!stralloc_catb(&copy, text.s, text.len) || !stralloc_0(&copy))
		strerr_diefusys(EXIT_TEMPORARY, "get memory");
	return copy.s;
}

static pid_t
start(char const *const *argv, int report, int conversation)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t pid = null == -1 ? -1 : spawn_fork((int[]){null, report, conversation}, 3);

	if (pid == -1)
		strerr_diefusys(EXIT_TEMPORARY, "fork");
	if (pid == 0)
		command_exec(argv);
	close(null);
	return pid;
}

static void
conversation_tell(struct span text)
{
	facts_list("dialogue");
	while (text.len) {
		struct span one = span_cut(&text, '\n');

		if (span_case_starts(one, prefix))
			one = span(one.s + prefix.len, one.len - prefix.len);
		facts_item(one);
	}
	facts_list_end();
}

/* The first report is about the recipient when a server was asked about it. */
static int
report_tell(struct span reports)
{
	struct span first = span_cut(&reports, '\0');
	char letter = first.len ? first.s[0] : 'Z';

	if (letter == 'r') {
		facts_text("result",
			SPAN_LITERAL("the server takes this recipient; nothing was sent"));
		return EXIT_OK;
	}
	facts_text("server", first.len > 1 ? span(first.s + 1, first.len - 1)
					   : SPAN_LITERAL("bin/tern-remote gave no report"));
	if (letter == 'h' || letter == 'D') {
		facts_text("result", SPAN_LITERAL("would bounce"));
		return EXIT_PERMANENT;
	}
	facts_text("result", SPAN_LITERAL("would wait"));
	return EXIT_TEMPORARY;
}

int
routeconnect(struct span domain, struct span sender, struct span recipient)
{
	char const *const argv[] = {
		"bin/tern-remote", "-n", string(domain), string(sender), string(recipient), NULL};
	stralloc conversation = STRALLOC_ZERO, report = STRALLOC_ZERO;
	int to_report[2], to_conversation[2], code;
	pid_t pid;

	pipe_make(to_report);
	pipe_make(to_conversation);
	pid = start(argv, to_report[1], to_conversation[1]);
	close(to_report[1]);
	close(to_conversation[1]);
	command_read_all(to_conversation[0], &conversation);
	command_read_all(to_report[0], &report); /* less than a pipe holds */
	close(to_report[0]);
	close(to_conversation[0]);
	if (spawn_wait(pid) == -1)
		strerr_diefusys(EXIT_TEMPORARY, "wait for bin/tern-remote");
	conversation_tell(span(conversation.s, conversation.len));
	code = report_tell(span(report.s, report.len));
	stralloc_free(&conversation);
	stralloc_free(&report);
	return code;
}
