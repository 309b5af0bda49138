#ifndef TERN_STATUS_H
#define TERN_STATUS_H

#include "tern/supervise.h"

enum status_form { STATUS_TEXT, STATUS_JSON };

/*
 * Prints the state of the services and of the queue. Returns 0 when each
 * service is up and ready, 1 otherwise.
 */
int status_print(struct services const *services, enum status_form form);

#endif
