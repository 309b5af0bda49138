#ifndef LIB_PACKET_H
#define LIB_PACKET_H

#include <stddef.h>
#include <sys/types.h>

#include "lib/span.h"

/*
 * Packets over a Unix socket that keeps their bounds (SOCK_SEQPACKET), each
 * with up to PACKET_FDS descriptors.
 */
enum {
	PACKET_FDS = 4,
	PACKET_MAX = 160 * 1024 /* what Linux lets through with its default buffers, with room */
};

/* Makes a pair of connected sockets, both close-on-exec. Returns 0, or -1 with errno. */
int packet_pair(int sockets[2]);

/*
 * Sends one packet, whole, with copies of the descriptors. Returns 0, or -1
 * with errno: EAGAIN when a non-blocking socket is full, EPIPE or ECONNRESET
 * when the other side is gone (no signal is raised).
 */
int packet_send(int socket, struct span bytes, int const *fds, size_t fd_count);

/*
 * Receives one packet into s, at most max bytes, and its descriptors into
 * fds[PACKET_FDS], close-on-exec, which the caller owns. Returns its length; 0
 * when the other side has closed; -1 with errno: EAGAIN when there is none on
 * a non-blocking socket, EMSGSIZE when it was too long and is lost.
 */
ssize_t packet_receive(int socket, char *s, size_t max, int fds[PACKET_FDS], size_t *fd_count);

#endif
