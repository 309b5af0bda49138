/*
 * tern-remote - delivers by SMTP
 *
 * As a worker: tern-remote -w DESTINATION
 * Started by  tern-rspawn, as the remote user, in the home.
 * fd 0        packet socket: jobs from tern-send, each with the descriptor of
 *             a queue entry (wire/job.h); a report for each, in order
 *             (wire/report.h).
 * fd 2        log lines: what goes wrong with ourselves; with
 *             control/logdetail the whole conversation.
 * Exits       0 when tern-send closes fd 0; 100 when it sends what is no job
 *             or is for another destination; 111 when the system fails us.
 *
 * As a command: tern-remote DESTINATION SENDER RECIPIENT...
 * Started by  anyone who may read control/; goes to $TERNHOME by itself.
 * fd 0        the message, LF line ends, to its end.
 * fd 1        the reports of qmail-remote, each ended by a NUL: r, h or s for
 *             each recipient, when the server was asked about them; then K, Z
 *             or D for the message.
 * Exits       0; 100 when used wrongly.
 *
 * As a trial: tern-remote -n DESTINATION SENDER RECIPIENT...
 * Started by  tern route, or anyone as above; fd 0 is not read. Goes as far as
 *             RCPT and leaves.
 * fd 1        the same reports. fd 2: the conversation.
 *
 * Touches     control/me helohost smtproutes smtproutes.cdb senderroutes
 *             relayhost timeoutconnect timeoutremote timeoutphases
 *             remotemessages remotesession remotechunking remote8bit logdetail
 *             locals smtpport allowloopback dnsservers, read only. The Unix
 *             sockets of routes, and no others: only where a route of the
 *             destination leads to one may it connect to any.
 *             run/remote/health, read and written: which relays failed.
 * Trusts      tern-send about the job; no word of a server or of DNS: limits,
 *             deadlines, and what is shown is cleaned. Only a whole reply in
 *             the right place counts, and only 250 after the text is success.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/exits.h"
#include "lib/platform.h"
#include "remote/command.h"
#include "remote/worker.h"

int
main(int argc, char **argv)
{
	static struct remote remote;

	platform_no_new_privileges();
	signal(SIGPIPE, SIG_IGN);
	if (argc == 3 && strcmp(argv[1], "-w") == 0) {
		remote_confine(&remote, span_string(argv[2]));
		return worker_run(&remote, span_string(argv[2]));
	}
	if (argc >= 5 && strcmp(argv[1], "-n") == 0)
		return command_try(&remote, argv + 2);
	if (argc >= 4)
		return command_run(&remote, argv + 1);
	fprintf(stderr,
		"tern-remote: fatal: usage: tern-remote [-n] destination sender recipient...\n");
	return EXIT_PERMANENT;
}
