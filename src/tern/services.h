#ifndef TERN_SERVICES_H
#define TERN_SERVICES_H

/* Writes what is missing of the service tree for s6: service/NAME. */
void services_make(void);

#endif
