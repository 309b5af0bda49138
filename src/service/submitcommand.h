#ifndef SERVICE_SUBMITCOMMAND_H
#define SERVICE_SUBMITCOMMAND_H

#include "lib/span.h"
#include "service/submit.h"

/* The way to the queue by its command; for submit.c. */

/* Starts it, the records of the origin in its environment. Returns 0, or -1 with *result. */
int submit_command_start(
	struct submit *s, char const *program, struct span origin, struct submit_result *result);

/* Sends to one of its descriptors. Returns 0, or -1 with errno. */
int submit_send(int socket, struct span bytes);

/* Sends the rest of a good message; waits for the end and says in *result what it means. */
void submit_command_finish(struct submit *s, struct submit_result *result);

/* Lets it see the message break off, and waits for its end. */
void submit_command_abort(struct submit *s);

/* Sets the code and the text, which is that of the code when NULL. */
void submit_result_set(struct submit_result *result, int code, char const *text);

/* Bounds each wait on a socket by SUBMIT_TIMEOUT and keeps it from our children. Returns 0 or -1.
 */
int submit_socket_prepare(int socket);

#endif
