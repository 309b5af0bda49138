#ifndef SEND_QUEUE_H
#define SEND_QUEUE_H

#include "send/agenda.h"
#include "send/idset.h"

/* What send knows of the queue: every message's id once, and the agenda of those that wait. */
extern struct agenda queue_agenda;
extern struct idset queue_known;

/* Those that wait without a time, until they are released; on no agenda. */
extern struct idset queue_held;

/* Makes a message wait until `due` (seconds since 1970; 1: no time, but not new). */
void queue_wait(uint64_t id, uint64_t due);

/* Makes a message wait until it is released. */
void queue_hold(uint64_t id);

/* Forgets a message that is gone. */
void queue_forget(uint64_t id);

/* Opens the trigger and takes the lock. Returns 0, or -1 after saying why. */
int queue_open(void);

/* The trigger's descriptor, and reading from it. */
extern int queue_trigger;
void queue_trigger_read(void);

/* Looks through the queue for messages nobody told of, a piece at each call. */
void queue_scan_start(void);
void queue_scan_step(void);
int queue_scan_is_running(void);

/* What the scan that runs has yet to find is to be tried now, whatever its time. */
void queue_scan_force(void);

/* Whether a directory could not be read since the last call: then one looks again soon. */
int queue_scan_take_incomplete(void);

#endif
