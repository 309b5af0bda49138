#ifndef TERN_ROUTELINT_H
#define TERN_ROUTELINT_H

/* What is wrong or strange in a file of routes, line by line: into findings. */
enum routelint_kind { ROUTELINT_ROUTES, ROUTELINT_SENDERS };

/* name: of control/, or a path with a slash. Without the file there is nothing to find. */
void routelint(char const *name, enum routelint_kind kind);

#endif
