#ifndef SEND_CONTROL_H
#define SEND_CONTROL_H

#include <poll.h>

/*
 * The socket for the tools of the queue (wire/queuecontrol.h): a bounded
 * number of clients, each served one request a turn, none ever waited for. One
 * that talks nonsense or does not take its answer is dropped; when all places
 * are taken, the one that was silent longest gives way.
 */
enum { CONTROL_CLIENTS_MAX = 8, CONTROL_FDS = CONTROL_CLIENTS_MAX + 1 };

/*
 * Makes the socket, when the lock is held; only its owner and the group of the
 * queue can connect. Without it the mail goes on: the log says so.
 */
void control_open(void);

/* For poll: fills CONTROL_FDS places, and later looks at what poll said of them. */
void control_poll_prepare(struct pollfd *fds);
void control_poll_done(struct pollfd const *fds);

#endif
